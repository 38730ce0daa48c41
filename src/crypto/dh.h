/* Diffie-Hellman of IKE in the Oakley groups 1 to 5: MODP (RFC 2409 6.1 and 6.2, RFC 3526 2) and
 * EC2N (RFC 2409 6.3 and 6.4, where only the x coordinate travels and is the secret).
 * One struct dh is one exchange: a fresh private exponent, never used for a second one. It is flat,
 * so it may be drawn by one thread, computed by another and copied on the way. dh_public and
 * dh_shared take the time of an exponentiation, share nothing that changes and may run in any
 * thread. */
#pragma once

#include "rng.h"
#include "slice.h"

/* Numbers of RFC 2409 and 3526. */
enum dh_group {
    DH_NONE,
    DH_MODP768,
    DH_MODP1024,
    DH_EC2N155,
    DH_EC2N185,
    DH_MODP1536,
    DH_GROUP_COUNT
};

enum { DH_PUBLIC_MAX = 192 }; /* bytes of the longest public value, secret and exponent */

struct dh_group_info {
    const char *name;       /* as configured: "modp1024" */
    uint8_t public_len;     /* bytes of a public value and of the shared secret */
    uint8_t strength_bits;  /* work to break one exchange, before any precomputation */
    bool weak;              /* known to be within reach, or of a kind of curve given up */
    bool ec2n;              /* else MODP */
    uint8_t cofactor;       /* a private exponent is cofactor * random, see dh_init */
    uint16_t exponent_bits; /* of the random factor */
};

extern const struct dh_group_info dh_group_info[DH_GROUP_COUNT];

/* Why a peer's public value was refused (or, the last two, why we could not compute). */
#define DH_ERRORS(X)                                                                               \
    X(OK, "no error")                                                                              \
    X(BAD_LENGTH, "public value is not as long as the group's")                                    \
    X(OUT_OF_RANGE, "public value is outside the group's range")                                   \
    X(NOT_ON_CURVE, "public value is not on the group's curve")                                    \
    X(SMALL_ORDER, "public value generates a tiny subgroup")                                       \
    X(BAD_EXPONENT, "private exponent is zero or too long")                                        \
    X(FAILED, "computation failed for lack of memory or randomness")

enum dh_error {
#define X(id, text) DH_ERR_##id,
    DH_ERRORS(X)
#undef X
        DH_ERR_COUNT
};

const char *dh_error_text(enum dh_error error);

/* The group of a console name or of a number on the wire; DH_NONE when there is none. */
enum dh_group dh_group_from_name(const char *name);
enum dh_group dh_group_from_number(unsigned number);

struct dh {
    enum dh_group group;
    uint8_t exponent[DH_PUBLIC_MAX]; /* secret, big-endian, the group's public_len bytes */
};

/* Draws a private exponent: cheap, no exponentiation. It is a multiple of the group's cofactor, so
 * that a public value with a part of small order learns nothing about it. */
void dh_init(struct dh *ret, enum dh_group group, struct rng *rng);
/* With a given exponent: recorded exchanges, never the daemon. */
enum dh_error dh_init_with(struct dh *ret, enum dh_group group, struct slice exponent)
    __attribute__((warn_unused_result));
void dh_fini(struct dh *dh); /* wipes it; accepts NULL */

/* Our public value, public_len bytes, padded with zeros on the left: the body of a KE payload. */
enum dh_error dh_public(const struct dh *dh, uint8_t *ret) __attribute__((warn_unused_result));
/* g^xy from the peer's KE body, public_len bytes, padded with zeros on the left. The caller wipes
 * it. RET is untouched on failure; see dh_modp.c and dh_ec2n.c for what is refused. */
enum dh_error dh_shared(const struct dh *dh, struct slice peer, uint8_t *ret)
    __attribute__((warn_unused_result));
