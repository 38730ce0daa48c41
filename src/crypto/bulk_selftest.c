/* The start-up test of the bulk crypto: published answers through the narrow and the wide path,
 * then batches of mixed lengths against OpenSSL one packet after the other. It is what stands
 * between a defect of a crypto library (multi-buffer DES has had one) and packets nobody can read.
 */
#include "bulk_priv.h"
#include "bulk_vectors.h"
#include "rng.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum {
    COPIES = 16,      /* of a vector, to fill the lanes of every manager */
    CROSS_JOBS = 24,  /* full lanes and a rest */
    CROSS_HEAD = 24,  /* SPI, sequence, IV */
    CROSS_BLOCK = 16, /* suits every cipher */
    CROSS_MAX = CROSS_HEAD + 24 * CROSS_BLOCK,
    CROSS_SEED = 20240601,
};

/* Seals N copies of the vector, compares, opens them again, compares. */
static bool vector_holds(struct bulk *b, const struct bulk_vector *v, unsigned n)
{
    static const uint8_t no_icv[12];
    struct bulk_vector_bytes bytes;
    struct bulk_key seal, open;
    uint8_t buf[COPIES][BULK_VECTOR_MAX], icv[COPIES][12] = { 0 };
    struct bulk_job jobs[COPIES];
    bool good = true;

    bulk_vector_load(v, &bytes);
    if (!bulk_key_init(b, &seal, true, v->cipher, bytes.key, bytes.key_len, v->auth, bytes.auth_key,
                       bytes.auth_key_len) ||
        !bulk_key_init(b, &open, false, v->cipher, bytes.key, bytes.key_len, v->auth,
                       bytes.auth_key, bytes.auth_key_len))
        return false;
    for (unsigned i = 0; i < n; i++) {
        memcpy(buf[i], bytes.clear, sizeof(buf[i]));
        jobs[i] = bulk_vector_job(v, &bytes, &seal, buf[i], icv[i]);
    }
    bulk_seal(b, jobs, n);
    for (unsigned i = 0; i < n; i++) {
        good = good && memcmp(buf[i], bytes.sealed, sizeof(buf[i])) == 0 &&
               memcmp(icv[i], v->auth == AUTH_NONE ? no_icv : bytes.icv, sizeof(icv[i])) == 0;
        jobs[i].key = &open;
    }
    bulk_open(b, jobs, n);
    for (unsigned i = 0; i < n; i++)
        good = good && jobs[i].ok && memcmp(buf[i], bytes.clear, sizeof(buf[i])) == 0;
    return good;
}

/* One packet of the comparison, with its own keys. */
struct cross_job {
    struct bulk_key seal, open, ref_seal;
    uint8_t clear[CROSS_MAX], mine[CROSS_MAX], theirs[CROSS_MAX];
    uint8_t icv_mine[12], icv_theirs[12];
    uint32_t len;
};

struct cross {
    struct bulk *b, *ref;
    struct rng *rng;
    struct cross_job x[BULK_BATCH];
    struct bulk_job mine[BULK_BATCH], theirs[BULK_BATCH];
};

static void cross_fill(struct cross *c, unsigned i, enum cipher_alg cipher, enum auth_alg auth)
{
    struct cross_job *x = &c->x[i];
    uint8_t key[32], auth_key[20];
    size_t key_len = cipher_info[cipher].key_len, auth_key_len = auth_info[auth].key_len;

    rng_bytes(c->rng, key, sizeof(key));
    rng_bytes(c->rng, auth_key, sizeof(auth_key));
    bulk_key_init(c->b, &x->seal, true, cipher, key, key_len, auth, auth_key, auth_key_len);
    bulk_key_init(c->b, &x->open, false, cipher, key, key_len, auth, auth_key, auth_key_len);
    bulk_key_init(c->ref, &x->ref_seal, true, cipher, key, key_len, auth, auth_key, auth_key_len);
    x->len = CROSS_HEAD + CROSS_BLOCK * (1 + rng_u32(c->rng) % 24);
    rng_bytes(c->rng, x->clear, x->len);
    memcpy(x->mine, x->clear, x->len);
    memcpy(x->theirs, x->clear, x->len);
    c->mine[i] = (struct bulk_job){ .key = &x->seal,
                                    .buf = x->mine,
                                    .cipher_off = CROSS_HEAD,
                                    .cipher_len = x->len - CROSS_HEAD,
                                    .auth_len = x->len,
                                    .iv = x->mine + 8,
                                    .icv = x->icv_mine };
    c->theirs[i] = c->mine[i];
    c->theirs[i].key = &x->ref_seal;
    c->theirs[i].buf = x->theirs;
    c->theirs[i].iv = x->theirs + 8;
    c->theirs[i].icv = x->icv_theirs;
}

/* N packets filled in by cross_fill: sealed alike, opened again, every third one forged. */
static bool cross_holds(struct cross *c, unsigned n)
{
    bool good = true;

    bulk_seal(c->b, c->mine, n);
    bulk_seal(c->ref, c->theirs, n);
    for (unsigned i = 0; i < n; i++) {
        struct cross_job *x = &c->x[i];
        bool has_icv = x->seal.auth != AUTH_NONE;
        good = good && memcmp(x->mine, x->theirs, x->len) == 0 &&
               (!has_icv || memcmp(x->icv_mine, x->icv_theirs, sizeof(x->icv_mine)) == 0);
        c->mine[i].key = &x->open;
        if (has_icv && i % 3 == 0)
            x->icv_mine[i % 12] ^= 1;
    }
    bulk_open(c->b, c->mine, n);
    for (unsigned i = 0; i < n; i++) {
        struct cross_job *x = &c->x[i];
        bool forged = x->seal.auth != AUTH_NONE && i % 3 == 0;
        good =
            good && c->mine[i].ok == !forged && (forged || memcmp(x->mine, x->clear, x->len) == 0);
    }
    return good;
}

static const char *cross_check_all(struct cross *c)
{
    for (unsigned s = 0; s < CIPHER_COUNT * AUTH_COUNT; s++) {
        for (unsigned i = 0; i < CROSS_JOBS; i++)
            cross_fill(c, i, s / AUTH_COUNT, s % AUTH_COUNT);
        if (!cross_holds(c, CROSS_JOBS))
            return cipher_info[s / AUTH_COUNT].name;
    }
    for (unsigned i = 0; i < BULK_BATCH; i++)
        cross_fill(c, i, i % CIPHER_COUNT, i / CIPHER_COUNT % AUTH_COUNT);
    return cross_holds(c, BULK_BATCH) ? NULL : "a batch of mixed algorithms";
}

static const char *cross_check(struct bulk *b)
{
    struct cross *c = xcalloc(1, sizeof(*c));

    c->b = b;
    c->ref = bulk_new(BULK_OPENSSL);
    c->rng = rng_new_fixed(CROSS_SEED);
    const char *failed = cross_check_all(c);
    rng_free(c->rng);
    bulk_free(c->ref);
    free(c);
    return failed;
}

bool bulk_self_test(struct bulk *b, const char **ret_failed)
{
    for (unsigned i = 0; i < bulk_vector_count; i++)
        if (!vector_holds(b, &bulk_vectors[i], 1) || !vector_holds(b, &bulk_vectors[i], COPIES)) {
            *ret_failed = bulk_vectors[i].name;
            return false;
        }
    const char *failed = cross_check(b);
    if (failed)
        *ret_failed = failed;
    return !failed;
}
