/* Offers of both phases: built from the configuration, chosen from as responder, checked as
 * initiator (RFC 2408 4.2, RFC 2409 appendix A, RFC 2407 4.4 and 4.5). Lifetimes in between.
 *
 * Pure functions: no state, no clock, nothing kept of what was passed in; a choice is flat, owns
 * its bytes and may be stored. Work is linear in the bytes of the offer. Structure (lengths,
 * chaining, forms of attributes) is isakmp_sa.h's; here is only what to make of it.
 *
 *     initiator                                responder
 *     pN_offer(&m, want)              ->       pN_choose(offer, want, &choice, &why)
 *     pN_check(answer, want, &choice) <-       pN_answer(&m, &choice)
 *
 * The initiator calls pN_check with the configuration it made the offer from; the answer must be
 * one of our transforms, unchanged but for order and form of attributes, its number, and its
 * lifetime, of which the shorter counts. All that emit write a whole SA payload; the caller looks
 * at msg_ok(). */
#pragma once

#include "ike.h"
#include "isakmp_sa.h"

enum {
    PROPOSAL_WHY_MAX = 384,  /* bytes of a refusal's text with its NUL; ike_report has 512 */
    PROPOSAL_ECHO_MAX = 128, /* bytes of a transform; the longest real ones take 56 */

    LIFE_DEFAULT_S = 28800, /* RFC 2407 4.5: no duration was given */
    /* A peer cannot push us below the first two, unless we are configured there ourselves: it would
     * make us renegotiate without end. Nor above the last two. */
    LIFE_FLOOR_S = 10,
    LIFE_FLOOR_KB = 64,
    LIFE_CEILING_S = 315360000, /* ten years */
    LIFE_CEILING_KB = UINT32_MAX
};

/* Why an offer or answer was refused, for a log line and last-error, without the peer's name:
 *     encryption: peer offers 3des, we want aes-128; hash: peer offers sha1, we want md5
 * and when several transforms were offered, for each (equal reasons once, the rest counted)
 *     prop#1:trns#1 encryption: peer offers des, we want 3des; prop#1:trns#2 ... */
struct proposal_why {
    char text[PROPOSAL_WHY_MAX];
    uint16_t notify; /* enum isakmp_notify_type: what to tell the peer */
};

/* What we offer, in words: a refusal on the wire says no more than NO-PROPOSAL-CHOSEN, and whoever
 * has to compare with the other end needs our half at least. Both return BUF. */
enum { PROPOSAL_OFFER_TEXT_MAX = 256 };

/* ---- lifetimes: 0 is "no limit" ---- */

struct life_limits {
    uint32_t soft_s, hard_s;
    uint64_t soft_bytes, hard_bytes;
};

/* Configured seconds and bytes as they go on the wire: kilobytes rounded up. */
struct isakmp_life life_from_config(int64_t seconds, uint64_t bytes);
/* What was on the wire, with the default for seconds that were not given. */
struct isakmp_life life_or_default(struct isakmp_life given);
/* Of two lifetimes the shorter, time and bytes apart. */
struct isakmp_life life_shorter(struct isakmp_life a, struct isakmp_life b);
/* A lifetime in force, within floor and ceiling; OURS is what we are configured with. */
struct isakmp_life life_clamp(struct isakmp_life agreed, struct isakmp_life ours);
/* RESPONDER-LIFETIME: shortens *agreed where TOLD is shorter; false when nothing changed. */
bool life_obey(struct isakmp_life *agreed, struct isakmp_life told, struct isakmp_life ours);
/* Soft limits are 80% of the hard ones. */
struct life_limits life_to_limits(struct isakmp_life agreed);

/* ---- phase 1 ---- */

struct p1_choice {
    enum cipher_alg cipher;
    enum auth_alg hash;
    enum ike_auth_method auth;
    uint16_t group;           /* number of dh.h and of the wire */
    struct isakmp_life life;  /* in force */
    struct isakmp_life given; /* what the peer said: pN_check warns when it differs */
    bool life_differs;        /* pN_check: the answer's lifetime is not the offered one */
    uint8_t proposal;         /* the peer's numbers, for pN_answer */
    uint16_t echo_len;
    uint8_t echo[PROPOSAL_ECHO_MAX]; /* body of the transform as received */
};

/* One proposal with one transform. */
void p1_offer(struct isakmp_msg *m, const struct ike_peer *peer);
/* "3des md5 modp1024, pre-shared-key, lifetime 1d" */
char *p1_offer_text(const struct ike_peer *peer, char *buf);
bool p1_choose(const struct isakmp_sa *offer, const struct ike_peer *peer, struct p1_choice *ret,
               struct proposal_why *ret_why);
void p1_answer(struct isakmp_msg *m, const struct p1_choice *choice);
bool p1_check(const struct isakmp_sa *answer, const struct ike_peer *peer, struct p1_choice *ret,
              struct proposal_why *ret_why);

/* ---- phase 2 ---- */

enum p2_encap { P2_ENCAP_PLAIN, P2_ENCAP_UDP /* RFC 3947 */, P2_ENCAP_UDP_DRAFT /* 00 to 03 */ };

struct p2_want {
    const struct ike_proposal *proposal; /* borrows */
    uint8_t protocols;                   /* IKE_PROTO_*; both: AH transport over ESP */
    bool tunnel;
    enum p2_encap encap;           /* what the path needs, see natt */
    enum ike_proposal_check check; /* of the peer; only pN_choose looks */
};

enum { P2_ESP, P2_AH }; /* places in arrays of both protocols */

struct p2_sa {
    uint8_t protocol;       /* ISAKMP_PROTO_ESP or ISAKMP_PROTO_AH */
    enum cipher_alg cipher; /* CIPHER_NONE: AH */
    enum auth_alg auth;
    uint32_t spi; /* the peer's: of what we send */
    uint16_t echo_len;
    uint8_t echo[PROPOSAL_ECHO_MAX];
};

struct p2_choice {
    struct p2_sa sas[2]; /* in the peer's order */
    unsigned n_sas;
    uint16_t group; /* 0: no PFS; the caller compares it with the KE payload that is there or not */
    struct isakmp_life life;
    struct isakmp_life given;
    bool life_differs;       /* p2_check */
    bool responder_lifetime; /* p2_choose: tell the peer `life`, isakmp_life_emit(m, false, ...) */
    uint8_t proposal;
};

/* Whether WANT can be offered and chosen at all: not ESP without cipher and authentication, not AH
 * without authentication, not AH through a NAT. Otherwise the reason in words. */
bool p2_possible(const struct p2_want *want, struct proposal_why *ret_why);
/* Every cipher with every authentication, strongest first. WANT is possible. OUR_SPIS at P2_ESP and
 * P2_AH, host order; only those of the protocols wanted are read. */
void p2_offer(struct isakmp_msg *m, const struct p2_want *want, const uint32_t our_spis[2]);
/* "esp tunnel, 3des, sha1, pfs-group modp1024, lifetime 30m" */
char *p2_offer_text(const struct p2_want *want, char *buf);
bool p2_choose(const struct isakmp_sa *offer, const struct p2_want *want, struct p2_choice *ret,
               struct proposal_why *ret_why);
void p2_answer(struct isakmp_msg *m, const struct p2_choice *choice, const uint32_t our_spis[2]);
bool p2_check(const struct isakmp_sa *answer, const struct p2_want *want, struct p2_choice *ret,
              struct proposal_why *ret_why);
