/* SA payload: proposals, transforms, attributes (RFC 2408 3.3 to 3.6, RFC 2407 4.2 to 4.5, RFC 2409
 * appendix A).
 *
 * isakmp_sa_parse() checks the whole tree once (lengths, chaining, counts, order of numbers); the
 * iterators then only walk it. Attributes are different: a bad one spoils its transform, not the
 * offer, so decoding a transform answers a reason to skip it. Work is linear in the bytes. */
#pragma once

#include "isakmp_writer.h"

struct isakmp_sa {
    struct slice body; /* SAi_b: hashed as received */
    struct slice proposals;
    uint32_t doi, situation;
};

/* BODY is that of the SA payload. */
ISAKMP_CHECKED enum isakmp_error isakmp_sa_parse(struct rd *r, struct isakmp_sa *ret);

struct isakmp_proposal {
    uint8_t number;
    uint8_t protocol; /* enum isakmp_protocol or a number without a name */
    uint8_t n_transforms;
    struct slice spi;
    struct slice transforms;
};

struct isakmp_transform {
    uint8_t number;
    uint8_t id;        /* RFC 2407 4.4, by protocol */
    struct slice body; /* number, id, reserved and attributes: an answer repeats them */
    struct slice attrs;
};

/* Iterators: *it starts as rd_of() the proposals of an SA or the transforms of a proposal. */
bool isakmp_proposal_next(struct rd *it, struct isakmp_proposal *ret);
bool isakmp_transform_next(struct rd *it, struct isakmp_transform *ret);

struct isakmp_attr {
    uint16_t type; /* without the format bit */
    bool variable; /* TLV; otherwise TV with a two-byte value */
    struct slice value;
};

/* False at the end, and with it->bad set when an attribute runs past the transform. */
bool isakmp_attr_next(struct rd *it, struct isakmp_attr *ret);

/* Why a proposal or transform cannot be used: enum, text for people. */
#define ISAKMP_SKIPS(X)                                                                            \
    X(NONE, "usable")                                                                              \
    X(PROTOCOL, "protocol not supported here")                                                     \
    X(BUNDLE, "combination of protocols not supported")                                            \
    X(SPI, "SPI of wrong size or reserved value")                                                  \
    X(TRANSFORM, "transform not known")                                                            \
    X(ATTR_CUT, "attribute longer than its transform")                                             \
    X(ATTR_UNKNOWN, "attribute not known or not supported")                                        \
    X(ATTR_FORM, "attribute in the wrong form or size")                                            \
    X(ATTR_TWICE, "attribute given twice")                                                         \
    X(VALUE, "attribute value not known")                                                          \
    X(MISSING, "required attribute missing")                                                       \
    X(LIFE, "life type and duration do not pair, or are zero")                                     \
    X(KEY_LENGTH, "key length missing, wrong, or given for a cipher without one")                  \
    X(CONTRADICTION, "transform and attributes contradict each other")

enum isakmp_skip {
#define E(id, text) SKIP_##id,
    ISAKMP_SKIPS(E)
#undef E
        SKIP_COUNT
};

const char *isakmp_skip_text(enum isakmp_skip s);

struct isakmp_life { /* 0: not given */
    uint64_t seconds;
    uint64_t kilobytes;
};

/* Phase 1 transform; numbers are those of the wire, also when skipped, as far as it was read. */
struct isakmp_p1 {
    uint8_t number;
    uint16_t encryption; /* enum ike_encryption */
    uint16_t key_bits;   /* 0: not given, as for ciphers of one key length */
    uint16_t hash;       /* enum ike_hash */
    uint16_t auth;       /* enum ike_auth */
    uint16_t group;      /* enum ike_group */
    struct isakmp_life life;
};

/* Phase 2 transform. */
struct isakmp_p2 {
    uint8_t number;
    uint8_t protocol;
    uint8_t id;        /* enum ipsec_ah_transform, ipsec_esp_transform or ipsec_ipcomp_transform */
    uint16_t key_bits; /* 0: not given */
    uint16_t auth;     /* enum ipsec_auth; 0: none */
    uint16_t encap;    /* enum ipsec_encap; 0: not given */
    uint16_t group;    /* enum ike_group; 0: no PFS */
    struct isakmp_life life;
};

/* Proposal: protocol ISAKMP, any SPI (some peers send their cookie). */
ISAKMP_CHECKED enum isakmp_skip isakmp_p1_proposal_check(const struct isakmp_proposal *p);
/* Proposal: AH or ESP, SPI of four bytes and not reserved (0 to 255). */
ISAKMP_CHECKED enum isakmp_skip isakmp_p2_proposal_check(const struct isakmp_proposal *p);
ISAKMP_CHECKED enum isakmp_skip isakmp_p1_decode(const struct isakmp_transform *t,
                                                 struct isakmp_p1 *ret);
ISAKMP_CHECKED enum isakmp_skip isakmp_p2_decode(const struct isakmp_transform *t, uint8_t protocol,
                                                 struct isakmp_p2 *ret);
/* Life attributes alone: data of a RESPONDER-LIFETIME. Phase 1 numbers with PHASE1, else phase 2.
 */
ISAKMP_CHECKED enum isakmp_skip isakmp_life_decode(struct slice attrs, bool phase1,
                                                   struct isakmp_life *ret);

/* Proposals of one number are one offer together (RFC 2408 4.2): AH, ESP, or AH and ESP. */
enum { ISAKMP_BUNDLE_MAX = 2 };

struct isakmp_bundle {
    uint8_t number;
    uint8_t n;
    struct isakmp_proposal part[ISAKMP_BUNDLE_MAX];
};

/* The next offer of a phase 2 SA. *ret_skip tells whether it can be used; part[] then holds N. */
bool isakmp_bundle_next(struct rd *it, struct isakmp_bundle *ret, enum isakmp_skip *ret_skip);

/* Emitting; each *_open is closed with msg_close(). */
void isakmp_sa_open(struct isakmp_msg *m);
void isakmp_proposal_open(struct isakmp_msg *m, uint8_t number, uint8_t protocol, struct slice spi);
void isakmp_transform_open(struct isakmp_msg *m, uint8_t number, uint8_t id);
/* T as received: the answer to an offer repeats the chosen transform unchanged. */
void isakmp_transform_copy(struct isakmp_msg *m, const struct isakmp_transform *t);
void isakmp_attr_emit(struct isakmp_msg *m, uint16_t type, uint16_t value);
void isakmp_attr_emit_variable(struct isakmp_msg *m, uint16_t type, struct slice value);
/* Type and duration of those given; two bytes when they do, else four, at most 2^32-1. */
void isakmp_life_emit(struct isakmp_msg *m, bool phase1, const struct isakmp_life *life);
/* Whole transforms, attributes in the order racoon has them. */
void isakmp_p1_emit(struct isakmp_msg *m, const struct isakmp_p1 *t);
void isakmp_p2_emit(struct isakmp_msg *m, const struct isakmp_p2 *t);
