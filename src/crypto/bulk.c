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

/* Groups the batch by class: RET_END[c] is where class c ends in RET_SORTED and c + 1 starts. Jobs
 * refused (!ok) are in class 0, with those that have nothing to do. */
static void jobs_sort(struct bulk_job *jobs, unsigned n, bool seal, struct bulk_job **ret_sorted,
                      unsigned *ret_end)
{
    uint8_t class_of[BULK_BATCH];
    unsigned start[CLASS_COUNT + 1] = { 0 };

    for (unsigned i = 0; i < n; i++) {
        must(jobs[i].key->seal == seal, "a key of the other direction");
        must(fits_block(&jobs[i]) || !seal, "sealing a fraction of a block");
        class_of[i] = (uint8_t)(fits_block(&jobs[i]) ? job_class(&jobs[i]) : 0);
        jobs[i].ok = fits_block(&jobs[i]);
        start[class_of[i] + 1]++;
    }
    for (unsigned c = 0; c < CLASS_COUNT; c++)
        start[c + 1] += start[c];
    for (unsigned i = 0; i < n; i++)
        ret_sorted[start[class_of[i]]++] = &jobs[i];
    memcpy(ret_end, start, CLASS_COUNT * sizeof(*start));
}

/* All jobs of one class: full lanes to the wide manager, the rest where it is done soonest. */
static void class_run(struct bulk *b, unsigned class, struct bulk_job *const *jobs, unsigned n,
                      bool seal)
{
    enum cipher_alg cipher = class / AUTH_COUNT;
    enum auth_alg auth = class % AUTH_COUNT;

    if (b->backend == BULK_IPSEC_MB) {
        mb_submit(b->mb, MB_WIDE, jobs, n, seal);
        return;
    }
    unsigned rest = n % mb_lanes(b->mb);
    enum mb_route full_route = mb_route(b->mb, cipher, auth, seal, mb_lanes(b->mb));
    enum mb_route rest_route = rest ? mb_route(b->mb, cipher, auth, seal, rest) : full_route;
    if (full_route == MB_OPENSSL)
        ossl_run(b->ossl, jobs, n - rest, seal);
    else
        mb_submit(b->mb, full_route, jobs, n - rest, seal);
    if (rest_route == MB_OPENSSL)
        ossl_run(b->ossl, jobs + n - rest, rest, seal);
    else
        mb_submit(b->mb, rest_route, jobs + n - rest, rest, seal);
}

static void batch_run(struct bulk *b, struct bulk_job *jobs, unsigned n, bool seal)
{
    struct bulk_job *sorted[BULK_BATCH];
    unsigned end[CLASS_COUNT];

    jobs_sort(jobs, n, seal, sorted, end);
    if (!b->mb) {
        ossl_run(b->ossl, sorted + end[0], n - end[0], seal);
        return;
    }
    for (unsigned c = 1; c < CLASS_ODD; c++)
        if (end[c] > end[c - 1])
            class_run(b, c, sorted + end[c - 1], end[c] - end[c - 1], seal);
    ossl_run(b->ossl, sorted + end[CLASS_ODD - 1], n - end[CLASS_ODD - 1], seal);
    mb_flush(b->mb);
}

static void bulk_run(struct bulk *b, struct bulk_job *jobs, unsigned n, bool seal)
{
    for (unsigned at = 0; at < n; at += BULK_BATCH)
        batch_run(b, jobs + at, n - at < BULK_BATCH ? n - at : BULK_BATCH, seal);
}

void bulk_seal(struct bulk *b, struct bulk_job *jobs, unsigned n)
{
    bulk_run(b, jobs, n, true);
}

void bulk_open(struct bulk *b, struct bulk_job *jobs, unsigned n)
{
    bulk_run(b, jobs, n, false);
}
