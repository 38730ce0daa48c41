#include "phase1.h"

#include "dpd.h"
#include "exchange.h"
#include "informational.h"
#include "natt.h"
#include "phase1_mode.h"
#include "policy.h"
#include "quick_mode.h"
#include "rekey.h"
#include "report.h"
#include "signature.h"
#include "text.h"

#include <stdlib.h>

static uint64_t cookie_hash(const struct ike *ike, const uint8_t *cky_i)
{
    return hash_bytes(&ike->hash_key, cky_i, COOKIE_LEN);
}

static void cookie_draw(struct ike *ike, uint8_t *ret)
{
    static const uint8_t zero[COOKIE_LEN];

    do
        ike->env.random(ike->env.ctx, ret, COOKIE_LEN);
    while (memcmp(ret, zero, COOKIE_LEN) == 0);
}

void nonce_draw(struct ike *ike, struct nonce *ret)
{
    ret->len = ike->env.nonce_len ? ike->env.nonce_len : IKE_OWN_NONCE_LEN;
    ike->env.random(ike->env.ctx, ret->b, ret->len);
}

void body_keep(struct body *b, struct slice bytes)
{
    free(b->p);
    b->p = xmalloc(bytes.len);
    b->len = bytes.len;
    memcpy(b->p, bytes.p, bytes.len);
}

void p1_setup_free(struct p1_setup *s)
{
    if (!s)
        return;
    free(s->sai_b.p);
    free(s->idii_b.p);
    free(s->idir_b.p);
    kept_message_free(s->kept);
    secret_wipe(s, sizeof *s);
    free(s);
}

struct phase1 *phase1_new(struct ike *ike, struct peer *peer, const struct ike_path *path,
                          bool initiator)
{
    struct phase1 *p1 = xcalloc(1, sizeof *p1);

    p1->ike = ike;
    p1->peer = peer_ref(peer);
    p1->path = *path;
    p1->initiator = initiator;
    p1->started_ms = ike->now_ms;
    p1->setup = xcalloc(1, sizeof *p1->setup);
    TAILQ_INIT(&p1->exchanges);
    p1->mode = p1_mode_of(peer->cfg.mode);
    p1->main = exchange_new(p1, p1->mode->exchange, initiator, 0);
    p1->host = host_get(ike, &path->local, &path->remote);
    TAILQ_INSERT_HEAD(&p1->host->phase1s, p1, in_host);
    return p1;
}

/* Cookies are known from here on. */
static void enter(struct phase1 *p1)
{
    p1->entered = true;
    map_put(&p1->ike->phase1s, &p1->by_cookie, cookie_hash(p1->ike, p1->cookies.i));
}

void phase1_initiate(struct ike *ike, struct peer *peer, const struct ip_addr *local,
                     const struct ip_addr *remote)
{
    uint16_t port = peer->cfg.port ? peer->cfg.port : IKE_PORT;
    /* What comes to 4500 is taken for ESP without the marker, which leaves from 4500 alone. */
    uint16_t local_port = port == NATT_PORT ? NATT_PORT : IKE_PORT;
    struct ike_path path = { *local, *remote, local_port, port };
    struct phase1 *p1 = phase1_new(ike, peer, &path, true);

    cookie_draw(ike, p1->cookies.i);
    enter(p1);
    report_phase1(p1, IKE_REPORT_INFO, REPORT_PLAIN, "initiate new phase 1 (%s):", p1->mode->title);
    p1->mode->start(p1);
}

/* ---- half-open ones, as responder ---- */

static void half_open_leave(struct phase1 *p1)
{
    if (!p1->half_open)
        return;
    p1->half_open = false;
    if (p1->expected)
        return;
    TAILQ_REMOVE(&p1->ike->half_open, p1, in_half_open);
    p1->ike->n_half_open--;
}

/* The oldest that has not shown it can receive our answer, else the oldest. */
static struct phase1 *half_open_victim(const struct ike *ike)
{
    struct phase1 *p1;

    TAILQ_FOREACH(p1, &ike->half_open, in_half_open)
    {
        if (p1->main->state == P1_MSG1_SENT)
            return p1;
    }
    return TAILQ_FIRST(&ike->half_open);
}

bool phase1_may_compute(struct ike *ike)
{
    if (ike->compute_second != ike->now_ms / 1000) {
        ike->compute_second = ike->now_ms / 1000;
        ike->computed = 0;
    }
    return ike->computed++ < IKE_COMPUTE_PER_S;
}

/* It made no step for a while: nobody need be at its address, or its peer has another secret. */
static bool is_stale(const struct phase1 *p1)
{
    return p1->ike->now_ms + IKE_HALF_OPEN_MS >= p1->life.at_ms + IKE_HALF_OPEN_STALE_MS;
}

/* Those of one source. */
struct places {
    struct phase1 *oldest;
    unsigned n;
};

static void place_count(struct places *of_source, struct phase1 *p1)
{
    if (!of_source->oldest || p1->life.at_ms < of_source->oldest->life.at_ms)
        of_source->oldest = p1;
    of_source->n++;
}

static struct places places_of(const struct phase1 *newcomer)
{
    struct places of_source = { 0 };
    struct phase1 *p1;

    if (newcomer->expected) {
        TAILQ_FOREACH(p1, &newcomer->host->phase1s, in_host)
        if (p1->half_open)
            place_count(&of_source, p1);
        return of_source;
    }
    TAILQ_FOREACH(p1, &newcomer->ike->half_open, in_half_open)
    if (ip_addr_equal(&p1->path.remote, &newcomer->path.remote))
        place_count(&of_source, p1);
    return of_source;
}

/* Anybody can fill the places of an address by forging it, and those behind a NAT share one: the
 * oldest gives way unless it is under way. */
static bool source_room(const struct phase1 *newcomer)
{
    struct places of_source = places_of(newcomer);

    if (of_source.n < IKE_HALF_OPEN_PER_SOURCE)
        return true;
    if (!is_stale(of_source.oldest))
        return false;
    phase1_end(of_source.oldest);
    return true;
}

/* Who policies wait for finds room whatever strangers do, and when thousands of them come at once:
 * their number is configured. */
bool phase1_room(struct phase1 *p1)
{
    struct ike *ike = p1->ike;

    p1->expected = !TAILQ_EMPTY(&p1->host->policies);
    if (!source_room(p1))
        return false;
    if (!p1->expected && ike->n_half_open >= IKE_HALF_OPEN_MAX) {
        ike_drop(ike, IKE_DROP_LIMIT);
        phase1_end(half_open_victim(ike));
    }
    return true;
}

static void on_half_open_over(struct timer *t)
{
    phase1_timed_out(timer_owner(t, struct phase1, life));
}

void phase1_half_open_again(struct phase1 *p1)
{
    struct ike *ike = p1->ike;

    timer_arm(&ike->timers, &p1->life, ike->now_ms + IKE_HALF_OPEN_MS, on_half_open_over);
}

void phase1_cookie_r(struct phase1 *p1, const uint8_t *cookie)
{
    if (cookie) { /* we are the initiator */
        memcpy(p1->cookies.r, cookie, COOKIE_LEN);
        return;
    }
    cookie_draw(p1->ike, p1->cookies.r);
    enter(p1);
    p1->half_open = true;
    if (!p1->expected) {
        TAILQ_INSERT_TAIL(&p1->ike->half_open, p1, in_half_open);
        p1->ike->n_half_open++;
    }
    phase1_half_open_again(p1);
}

/* ---- finding ---- */

bool phase1_is_first(const struct isakmp_header *h)
{
    return p1_mode_of_exchange(h->exchange) && isakmp_cookie_is_zero(h->cky_r) &&
           h->message_id == 0 && !(h->flags & ISAKMP_FLAG_ENCRYPTED);
}

static bool is_of(const struct phase1 *p1, const struct isakmp_header *h,
                  const struct ike_path *path)
{
    if (memcmp(p1->cookies.i, h->cky_i, COOKIE_LEN) != 0)
        return false;
    if (memcmp(p1->cookies.r, h->cky_r, COOKIE_LEN) == 0)
        return true;
    if (isakmp_cookie_is_zero(h->cky_r)) /* a first message, repeated, or our own coming back */
        return phase1_is_first(h) && ip_addr_equal(&p1->path.remote, &path->remote);
    return p1->initiator && p1->main->state == P1_MSG1_SENT;
}

struct phase1 *phase1_find(const struct ike *ike, const struct isakmp_header *h,
                           const struct ike_path *path)
{
    struct map_link *l = map_first(&ike->phase1s, cookie_hash(ike, h->cky_i));

    for (; l; l = map_next(l)) {
        struct phase1 *p1 = map_owner(l, struct phase1, by_cookie);

        if (is_of(p1, h, path))
            return p1;
    }
    return NULL;
}

/* ---- ends ---- */

void phase1_end(struct phase1 *p1)
{
    struct ike *ike = p1->ike;
    struct exchange *ex;

    if (p1->dead)
        return;
    p1->dead = true;
    while ((ex = TAILQ_FIRST(&p1->exchanges)))
        exchange_forget(ex);
    exchange_forget(p1->main);
    half_open_leave(p1);
    timer_stop(&ike->timers, &p1->life);
    timer_stop(&ike->timers, &p1->hard);
    timer_stop(&ike->timers, &p1->dpd);
    if (p1->entered)
        map_remove(&ike->phase1s, &p1->by_cookie);
    TAILQ_REMOVE(&p1->host->phase1s, p1, in_host);
    TAILQ_INSERT_TAIL(&ike->dead_phase1s, p1, in_grave);
    p1_setup_free(p1->setup);
    p1->setup = NULL;
    free(p1->early.p);
    p1->early.p = NULL;
    secret_wipe(p1->enc_key, sizeof p1->enc_key);
    skeyid_wipe(&p1->keys);
    exchange_ids_fini(p1);
    peer_unref(p1->peer);
    rekey_host_care(p1);
    host_release(ike, p1->host);
}

bool phase1_possible(const struct ike *ike, const struct peer *peer, const char **ret_why)
{
    *ret_why = NULL;
    if (peer->cfg.auth == IKE_RSA_SIGNATURE)
        return signature_possible(ike, peer, ret_why);
    if (peer->cfg.psk.len == 0)
        *ret_why = "the peer entry has no secret";
    return *ret_why == NULL;
}

static void quicks_abandon(struct phase1 *p1)
{
    struct exchange *ex, *next;

    TAILQ_FOREACH_SAFE(ex, &p1->exchanges, in_p1, next)
    {
        if (ex->quick && !ex->initiator)
            quick_abandon(ex);
    }
}

void phase1_delete(struct phase1 *p1)
{
    if (p1->dead)
        return;
    if (p1->main->state == P1_UP) {
        quicks_abandon(p1);
        informational_delete_phase1(p1);
        report_phase1(p1, IKE_REPORT_INFO, REPORT_PLAIN, "purging ISAKMP-SA");
    }
    phase1_end(p1);
}

void phase1_failed(struct phase1 *p1)
{
    struct host *host = p1->host;
    bool waited = p1->initiator && !TAILQ_EMPTY(&host->policies);

    phase1_end(p1);
    if (!waited) /* then the host may be gone, too */
        return;
    while (!host_up(host) && !TAILQ_EMPTY(&host->waiting))
        policy_failed(TAILQ_FIRST(&host->waiting));
}

static const char *why_no_answer_to_identity(const struct phase1 *p1)
{
    if (p1->peer->cfg.auth == IKE_RSA_SIGNATURE)
        return "no answer to our identity: the peer probably refuses our certificate";
    return p1->unreadable ? "the peer answers our identity with a message that we cannot read: it "
                            "has another secret"
                          : "no answer to our identity: the peer probably has another secret for "
                            "us";
}

static const char *why_no_answer(const struct phase1 *p1)
{
    bool identified = p1->mode->mode == IKE_BASE; /* message 3 proves who we are */

    switch ((enum p1_state)p1->main->state) {
    case P1_MSG1_SENT:
        return p1->initiator ? "no answer to our proposal: peer unreachable, or it has no entry "
                               "for us or refuses the proposal"
                             : "initiator did not go on";
    case P1_MSG2_SENT:
        return identified ? "no answer to our proof: the peer probably has another secret for us"
               : p1->initiator ? "no answer to our key exchange"
                               : "nothing acceptable after the key exchange: secrets may differ";
    case P1_MSG3_SENT:
        return why_no_answer_to_identity(p1);
    case P1_NEW:
    case P1_UP:
        break;
    }
    return "no answer";
}

/* People need not wait for the end: a wrong secret shows itself at once where the peer answers with
 * what we cannot read, else by silence. */
void phase1_unanswered(struct phase1 *p1, unsigned sends)
{
    if (p1->complained || sends != (p1->unreadable ? 1 : 2))
        return;
    report_phase1(p1, IKE_REPORT_WARNING, REPORT_ERROR, "phase1 negotiation stalls (%s)",
                  why_no_answer(p1));
}

void phase1_timed_out(struct phase1 *p1)
{
    /* A half-open SA nobody authenticated for is anybody's doing: no last-error. */
    bool ours = p1->initiator && !p1->complained;

    report_phase1(p1, ours ? IKE_REPORT_ERROR : IKE_REPORT_INFO, ours ? REPORT_ERROR : REPORT_PLAIN,
                  "phase1 negotiation failed due to time up (%s)", why_no_answer(p1));
    phase1_failed(p1);
}

void phase1_established(struct phase1 *p1)
{
    struct ike *ike = p1->ike;
    const struct p1_choice *c = &p1->setup->choice;

    half_open_leave(p1);
    p1->host->care_failures = 0;
    p1->established_ms = p1->heard_ms = ike->now_ms;
    memcpy(p1->last_block, p1->main->iv, sizeof p1->last_block);
    p1->lifetime_s = (uint32_t)c->life.seconds;
    p1->lifebytes = c->life.kilobytes * 1024;
    p1_setup_free(p1->setup);
    p1->setup = NULL;
    timer_stop(&ike->timers, &p1->life);
    report_phase1(p1, IKE_REPORT_INFO, REPORT_SUCCESS,
                  "ISAKMP-SA established (spi:%08x%08x:%08x%08x)", be32_get(p1->cookies.i),
                  be32_get(p1->cookies.i + 4), be32_get(p1->cookies.r),
                  be32_get(p1->cookies.r + 4));
    rekey_phase1_start(p1);
    dpd_start(p1);
    if (p1->peer->cfg.send_initial_contact && !p1->host->contacted)
        informational_initial_contact(p1);
    if (p1->early.p)
        ike->early = p1;
    host_kick(p1->host);
}

const char *phase1_state_text(const struct phase1 *p1)
{
    static const char *const initiator[] = { "spawning", "message-1-sent", "message-2-sent",
                                             "message-3-sent", "established" };
    static const char *const responder[] = { "message-1-received", "message-1-sent",
                                             "message-2-sent", "message-3-received",
                                             "established" };

    return p1->initiator ? initiator[p1->main->state] : responder[p1->main->state];
}
