/* A phase 1 SA: cookies, states, keys, lifetime. RFC 2408 2.5, RFC 2409 5. */
#pragma once

#include "ike_priv.h"
#include "isakmp.h"

/* What phase 1 needs until the SA is up; wiped then. */
struct p1_setup {
    struct body sai_b, idii_b, idir_b;
    struct nonce ni, nr;
    uint8_t ke_i[DH_PUBLIC_MAX], ke_r[DH_PUBLIC_MAX];
    struct dh dh;
    struct p1_choice choice;
    struct kept_message *kept; /* signatures: the peer's message until it is judged; owns */
};

struct phase1 *phase1_new(struct ike *ike, struct peer *peer, const struct ike_path *path,
                          bool initiator);
/* Takes it out of everything, without a word to the peer. */
void phase1_end(struct phase1 *p1);
/* As phase1_end, with DELETE when it is up. */
void phase1_delete(struct phase1 *p1);
/* Starts one as initiator towards REMOTE. */
void phase1_initiate(struct ike *ike, struct peer *peer, const struct ip_addr *local,
                     const struct ip_addr *remote);
/* Whether PEER is an entry we can negotiate with; otherwise why not. */
bool phase1_possible(const struct ike *ike, const struct peer *peer, const char **ret_why);
/* Whether a message begins phase 1. */
bool phase1_is_first(const struct isakmp_header *h);
/* The SA of a message: by both cookies, or by the initiator's alone where the responder's is not
 * known yet (its first answer) or not given (the initiator's first message, again). */
struct phase1 *phase1_find(const struct ike *ike, const struct isakmp_header *h,
                           const struct ike_path *path);
/* Whether a stranger's message may cost an exponentiation now: so many a second. */
bool phase1_may_compute(struct ike *ike);
/* Whether another may begin from where P1 did; before it gets a cookie. */
bool phase1_room(struct phase1 *p1);
/* The responder answered: the SA gets its second cookie. */
void phase1_cookie_r(struct phase1 *p1, const uint8_t *cookie);
/* Another 30 seconds for a responder's SA that made a step. */
void phase1_half_open_again(struct phase1 *p1);
void phase1_established(struct phase1 *p1);
/* Our message went unanswered SENDS times, and is sent again. */
void phase1_unanswered(struct phase1 *p1, unsigned sends);
void phase1_timed_out(struct phase1 *p1);
/* The negotiation came to nothing; policies that waited are tried again later. */
void phase1_failed(struct phase1 *p1);
const char *phase1_state_text(const struct phase1 *p1);
void p1_setup_free(struct p1_setup *s);
void nonce_draw(struct ike *ike, struct nonce *ret);

void body_keep(struct body *b, struct slice bytes);

static inline struct slice body_slice(const struct body *b)
{
    return (struct slice){ b->p, b->len };
}

static inline struct slice nonce_slice(const struct nonce *n)
{
    return (struct slice){ n->b, n->len };
}
