/* The pseudo-random function of IKE: the whole HMAC (RFC 2104) of the negotiated hash, with keys of
 * any length, a pre-shared key longer than a block included. RFC 2409 section 4. */
#pragma once

#include "digest.h"

struct prf {
    struct digest inner, outer;
};

void prf_start(struct prf *p, enum digest_alg alg, struct slice key);
void prf_add(struct prf *p, struct slice bytes);
/* Writes digest_info[alg].len bytes and wipes P. RET may be where an added slice was. */
void prf_end(struct prf *p, uint8_t *ret);

/* prf(KEY, PARTS[0] | PARTS[1] | ...). RET may be KEY's or a part's bytes. */
void prf_of(enum digest_alg alg, struct slice key, const struct slice *parts, size_t n,
            uint8_t *ret);
