/* MD5 and SHA-1, the negotiated hash of IKE (RFC 2409 appendix A): incremental or in one go. A
 * running digest is a flat struct without pointers, allocates nothing and never fails. */
#pragma once

#include "slice.h"

/* Numbers of RFC 2409 appendix A, so that a zeroed field names no hash. */
enum digest_alg { DIGEST_NONE, DIGEST_MD5, DIGEST_SHA1, DIGEST_COUNT };

enum {
    DIGEST_MAX = 20,      /* bytes of the longest digest */
    DIGEST_BLOCK_LEN = 64 /* bytes per compression, of both */
};

struct digest_info {
    const char *name;   /* as configured: "md5" */
    uint8_t len;        /* bytes */
    uint8_t ike_number; /* RFC 2409 appendix A */
};

extern const struct digest_info digest_info[DIGEST_COUNT];

struct digest {
    enum digest_alg alg;
    _Alignas(8) uint8_t state[96];
};

void digest_start(struct digest *d, enum digest_alg alg);
void digest_add(struct digest *d, struct slice bytes);
/* Writes digest_info[alg].len bytes and wipes D. */
void digest_end(struct digest *d, uint8_t *ret);

/* The digest of N slices, one behind the other. */
void digest_of(enum digest_alg alg, const struct slice *parts, size_t n, uint8_t *ret);
