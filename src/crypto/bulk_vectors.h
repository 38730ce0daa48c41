/* Known answers of ESP and AH crypto as jobs for bulk_seal and bulk_open. Used by the start-up
 * self-test and by bulk_test.c. */
#pragma once

#include "bulk.h"

/* Bytes in hex; NULL: none. */
struct bulk_vector {
    const char *name; /* where it was published */
    enum cipher_alg cipher;
    enum auth_alg auth;
    const char *key, *auth_key;
    const char *head; /* authenticated, not encrypted; ends with the IV */
    const char *clear, *sealed;
    const char *icv;
};

extern const struct bulk_vector bulk_vectors[];
extern const unsigned bulk_vector_count;

enum { BULK_VECTOR_MAX = 256 };

struct bulk_vector_bytes {
    uint8_t key[32], auth_key[BULK_AUTH_KEY_MAX];
    uint32_t key_len, auth_key_len;
    uint8_t clear[BULK_VECTOR_MAX], sealed[BULK_VECTOR_MAX]; /* each behind the head */
    uint32_t head_len, len;                                  /* len with the head */
    uint8_t icv[12];
};

void bulk_vector_load(const struct bulk_vector *v, struct bulk_vector_bytes *ret);
/* The job of a vector over BUF, which holds its clear or its sealed bytes. */
struct bulk_job bulk_vector_job(const struct bulk_vector *v, const struct bulk_vector_bytes *bytes,
                                const struct bulk_key *key, uint8_t *buf, uint8_t *icv);
