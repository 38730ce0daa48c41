/* Bulk ESP/AH crypto: many packets side by side, intel-ipsec-mb or OpenSSL behind one call.
 * A bulk_key is compiled once per SA and direction and holds no pointers; a struct bulk belongs to
 * one worker thread (its managers and scratch contexts). Which back end does what is decided by
 * rules measured in docs/ARCHITECTURE.md, not by the caller.
 * Follows RFC 2404/2403 (ICVs truncated to 96 bits), RFC 2405, 2451, 3602 (CBC). */
#pragma once

#include "alg.h"

#include <stdbool.h>
#include <stdint.h>

enum { BULK_AUTH_KEY_MAX = 128 };

enum bulk_backend { BULK_AUTO, BULK_IPSEC_MB, BULK_OPENSSL };

/* Expanded keys of one direction. Works in every struct bulk of the back end it was made with (and,
 * slower, in any other): keys are made by one thread and used by many. */
struct bulk_key {
    uint8_t cipher;                      /* enum cipher_alg */
    uint8_t auth;                        /* enum auth_alg */
    bool seal;                           /* encrypting direction */
    bool has_sched;                      /* sched is filled */
    _Alignas(16) uint8_t raw[32];        /* cipher key as given */
    _Alignas(16) uint8_t sched[3 * 128]; /* ipsec-mb key schedule of this direction */
    _Alignas(16) uint8_t ipad[32];       /* digest state after key ^ ipad, then key ^ opad: */
    _Alignas(16) uint8_t opad[32];       /* 32-bit words of the host's byte order */
};

/* One packet. Offsets count from buf. Sealing: cipher in place, then ICV over the auth range into
 * icv. Opening: ICV over the auth range compared with icv (ok tells), then cipher in place; the
 * content of the cipher range is undefined when !ok. */
struct bulk_job {
    const struct bulk_key *key;
    uint8_t *buf;
    uint32_t cipher_off,
        cipher_len;              /* a multiple of the block; len 0 or CIPHER_NULL/NONE: nothing */
    uint32_t auth_off, auth_len; /* AUTH_NONE: ignored */
    const uint8_t *iv;           /* iv_len bytes; may lie inside buf */
    uint8_t *icv;                /* 12 bytes: written when sealing, read when opening */
    bool ok; /* out; always true after sealing. Opening: the ICV is right (or there is none to
              * check) and cipher_len is a multiple of the block */
};

struct bulk;

/* NULL when BULK_IPSEC_MB was asked for and the processor or the build has none. */
struct bulk *bulk_new(enum bulk_backend backend);
void bulk_free(struct bulk *b);
const char *bulk_name(const struct bulk *b); /* for the log: "ipsec-mb 1.3 avx512" */

/* Fails when a key length does not fit the algorithm; HMAC keys of 1 to BULK_AUTH_KEY_MAX bytes are
 * allowed (the caller warns, see the reference's 3-byte ah-key); without a cipher or HMAC the
 * length is 0. No reference to the inputs is kept. Only reads B: any thread may call it. */
bool bulk_key_init(struct bulk *b, struct bulk_key *ret, bool seal, enum cipher_alg cipher,
                   const uint8_t *cipher_key, size_t cipher_key_len, enum auth_alg auth,
                   const uint8_t *auth_key, size_t auth_key_len);
void bulk_key_wipe(struct bulk_key *key);

/* N jobs of any mix of keys and algorithms, all of one direction; synchronous, no allocation. A job
 * that cannot be sealed (a cipher_len that is no multiple of the block, a key of the other
 * direction) ends the process: better than clear text on the wire. */
void bulk_seal(struct bulk *b, struct bulk_job *jobs, unsigned n);
void bulk_open(struct bulk *b, struct bulk_job *jobs, unsigned n);

/* Known-answer test of every cipher and HMAC in mixed batches against fixed vectors and OpenSSL,
 * run at start-up; false and the failing case's name (static text) when one differs. */
bool bulk_self_test(struct bulk *b, const char **ret_failed);
