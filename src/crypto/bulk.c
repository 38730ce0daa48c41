/* Batches of ESP/AH packets: validates jobs, sorts them by suite and hands every group to whoever
 * is fastest with that many. The rules themselves are mb_route()'s. */
#include "bulk.h"

#include "bulk_priv.h"
#include "must.h"
#include "secret.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct bulk {
    enum bulk_backend backend;
    struct mb *mb; /* NULL: OpenSSL alone */
    struct ossl *ossl;
    char name[48];
};

static_assert(sizeof(struct bulk_key) <= 512, "one per SA and direction, in the hot SA");

struct bulk *bulk_new(enum bulk_backend backend)
{
    struct mb *mb = backend == BULK_OPENSSL ? NULL : mb_new();

    if (backend == BULK_IPSEC_MB && !mb)
        return NULL;
    struct bulk *b = xcalloc(1, sizeof(*b));
    b->backend = backend;
    b->mb = mb;
    b->ossl = ossl_new();
    if (mb)
        mb_describe(mb, b->name, sizeof(b->name));
    else
        snprintf(b->name, sizeof(b->name), "openssl");
    return b;
}

void bulk_free(struct bulk *b)
{
    if (!b)
        return;
    mb_free(b->mb);
    ossl_free(b->ossl);
    free(b);
}

const char *bulk_name(const struct bulk *b)
{
    return b->name;
}

bool bulk_key_init(struct bulk *b, struct bulk_key *ret, bool seal, enum cipher_alg cipher,
                   const uint8_t *cipher_key, size_t cipher_key_len, enum auth_alg auth,
                   const uint8_t *auth_key, size_t auth_key_len)
{
    if (cipher >= CIPHER_COUNT || auth >= AUTH_COUNT ||
        cipher_key_len != cipher_info[cipher].key_len || auth_key_len > BULK_AUTH_KEY_MAX ||
        (auth == AUTH_NONE) != (auth_key_len == 0))
        return false;
    *ret = (struct bulk_key){ .cipher = (uint8_t)cipher, .auth = (uint8_t)auth, .seal = seal };
    if (cipher_key_len)
        memcpy(ret->raw, cipher_key, cipher_key_len);
    if (auth != AUTH_NONE)
        ossl_hmac_key_init(ret, auth_key, auth_key_len);
    if (b->mb)
        mb_key_init(b->mb, ret);
    return true;
}

void bulk_key_wipe(struct bulk_key *key)
{
    secret_wipe(key, sizeof(*key));
}

/* Jobs of one class share lanes: a cipher and an HMAC. The last class is for whatever ipsec-mb does
 * not take; class 0 (no cipher, no HMAC) has nothing to do. */
enum { CLASS_ODD = CIPHER_COUNT * AUTH_COUNT, CLASS_COUNT };

static unsigned job_class(const struct bulk_job *job)
{
    const struct bulk_key *k = job->key;
    bool ciphers = job->cipher_len && cipher_info[k->cipher].key_len;
    unsigned class = (ciphers ? k->cipher : CIPHER_NONE) * AUTH_COUNT + k->auth;
    uint32_t auth_len = k->auth == AUTH_NONE ? 1 : job->auth_len;

    if (class == 0)
        return class;
    if (!k->has_sched || auth_len == 0 || auth_len > MB_MAX_BYTES || job->cipher_len > MB_MAX_BYTES)
        return CLASS_ODD;
    return class;
}

static bool fits_block(const struct bulk_job *job)
{
    return job->cipher_len % cipher_info[job->key->cipher].block_len == 0;
}

/* Class of a job to be done, with ok telling whether it may be. */
static unsigned job_admit(struct bulk_job *job, bool seal)
{
    job->ok = fits_block(job);
    must(job->key->seal == seal, "a key of the other direction");
    must(job->ok || !seal, "sealing a fraction of a block");
    return job->ok ? job_class(job) : 0;
}

static unsigned mean_bytes(struct bulk_job *const *jobs, unsigned n)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += jobs[i]->auth_len;
    return sum / n;
}

/* All jobs of one class: full lanes to one manager, the rest where it is done soonest. */
static void class_run(struct bulk *b, unsigned class, struct bulk_job *const *jobs, unsigned n,
                      bool seal)
{
    enum cipher_alg cipher = class / AUTH_COUNT;
    enum auth_alg auth = class % AUTH_COUNT;

    if (class == 0 || n == 0)
        return;
    if (!b->mb || class == CLASS_ODD) {
        ossl_run(b->ossl, jobs, n, seal);
        return;
    }
    unsigned mean = mean_bytes(jobs, n);
    while (n) {
        unsigned some = n;
        enum mb_route route = MB_WIDE;
        if (b->backend == BULK_AUTO)
            route = mb_route(b->mb, cipher, auth, mean, &some);
        if (route == MB_OPENSSL)
            ossl_run(b->ossl, jobs, some, seal);
        else
            mb_submit(b->mb, route, jobs, some, seal);
        jobs += some;
        n -= some;
    }
}

/* Counting sort by class; then class by class. */
static void classes_run(struct bulk *b, struct bulk_job *jobs, const uint8_t *class_of, unsigned n,
                        bool seal)
{
    struct bulk_job *sorted[BULK_BATCH];
    unsigned at[CLASS_COUNT + 1] = { 0 };

    for (unsigned i = 0; i < n; i++)
        at[class_of[i] + 1]++;
    for (unsigned c = 0; c < CLASS_COUNT; c++)
        at[c + 1] += at[c];
    for (unsigned i = 0; i < n; i++)
        sorted[at[class_of[i]]++] = &jobs[i];
    /* at[c] is now the end of class c */
    for (unsigned c = 1; c < CLASS_COUNT; c++)
        class_run(b, c, sorted + at[c - 1], at[c] - at[c - 1], seal);
}

static void batch_run(struct bulk *b, struct bulk_job *jobs, unsigned n, bool seal)
{
    struct bulk_job *in_order[BULK_BATCH];
    uint8_t class_of[BULK_BATCH];
    bool uniform = true;

    for (unsigned i = 0; i < n; i++) {
        class_of[i] = (uint8_t)job_admit(&jobs[i], seal);
        uniform = uniform && class_of[i] == class_of[0];
        in_order[i] = &jobs[i];
    }
    if (uniform)
        class_run(b, class_of[0], in_order, n, seal);
    else
        classes_run(b, jobs, class_of, n, seal);
    if (b->mb)
        mb_flush(b->mb);
}

void bulk_run(struct bulk *b, struct bulk_job *jobs, unsigned n, bool seal)
{
    for (unsigned at = 0; at < n; at += BULK_BATCH)
        batch_run(b, jobs + at, n - at < BULK_BATCH ? n - at : BULK_BATCH, seal);
}
