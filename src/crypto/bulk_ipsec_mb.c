/* ESP/AH crypto by intel-ipsec-mb 1.3 through its job API, unchecked submits: bulk.c has validated
 * the jobs. Only this API is used on the managers; mixing it with the burst calls loses jobs. */
#include "bulk_priv.h"
#include "must.h"
#include "secret.h"
#include "text.h"

#include <assert.h>
#include <intel-ipsec-mb.h>
#include <stdio.h>

struct mb {
    IMB_MGR *wide, *narrow;
    const struct rules *rules;
    unsigned queued;                      /* jobs since the last flush; each has its slot below */
    bool wide_used, narrow_used;          /* since the last flush */
    const void *des3_keys[BULK_BATCH][3]; /* 3DES takes an array of schedule pointers */
    uint8_t icv[BULK_BATCH][16];          /* what an opening job computes */
};

static_assert(IMB_DES_KEY_SCHED_SIZE == 128, "bulk_key.sched");

static IMB_MGR *manager_new(void (*init)(IMB_MGR *))
{
    IMB_MGR *m = alloc_mb_mgr(0);

    if (!m)
        return NULL;
    init(m);
    bool tested = (m->features & IMB_FEATURE_SELF_TEST) == 0 ||
                  (m->features & IMB_FEATURE_SELF_TEST_PASS) != 0;
    if (imb_get_errno(m) != 0 || !tested || !(m->features & IMB_FEATURE_AESNI)) {
        free_mb_mgr(m);
        return NULL;
    }
    return m;
}

static void init_best(IMB_MGR *m)
{
    init_mb_mgr_auto(m, NULL);
}

/* Up to how many packets of one suite OpenSSL, then the narrow manager is the fastest; from there
 * on the wide one is, in multiples of its lanes (24 packets in 16 lanes take as long as 32), if the
 * packets are long enough for what it takes to gather and scatter them. */
struct limits {
    uint8_t openssl_max, narrow_max;
    uint16_t wide_min_bytes;
};

struct rules {
    uint8_t lanes;
    struct limits sha1, md5, des;
};

enum { ALWAYS = BULK_BATCH };

/* Measured with bench_crypto on Zen 4 (AVX-512) and Zen 3. Without AVX-512 the library's DES is
 * plain C, slower than OpenSSL's. */
static const struct rules rules_avx512 = {
    .lanes = 16, .sha1 = { 0, 10, 0 }, .md5 = { 1, 1, 0 }, .des = { 5, 5, 0 }
};
static const struct rules rules_sha_ni = {
    .lanes = 8, .sha1 = { 0, 7, 1024 }, .md5 = { 1, 8, 0 }, .des = { ALWAYS, ALWAYS, 0 }
};
static const struct rules rules_avx2 = {
    .lanes = 8, .sha1 = { 1, 4, 0 }, .md5 = { 1, 8, 0 }, .des = { ALWAYS, ALWAYS, 0 }
};

static const struct rules *rules_for(const IMB_MGR *wide, const IMB_MGR *narrow)
{
    if (wide->used_arch == IMB_ARCH_AVX512)
        return &rules_avx512;
    return narrow->features & IMB_FEATURE_SHANI ? &rules_sha_ni : &rules_avx2;
}

struct mb *mb_new(void)
{
    struct mb *m = xcalloc(1, sizeof(*m));

    m->wide = manager_new(init_best);
    m->narrow = manager_new(init_mb_mgr_sse);
    if (!m->wide || !m->narrow) {
        mb_free(m);
        return NULL;
    }
    m->rules = rules_for(m->wide, m->narrow);
    return m;
}

/* The managers hold copies of digest states and IVs of the last packets. */
static void manager_free(IMB_MGR *m)
{
    if (!m)
        return;
    secret_wipe(m, imb_get_mb_mgr_size());
    free_mb_mgr(m);
}

void mb_free(struct mb *m)
{
    if (!m)
        return;
    manager_free(m->wide);
    manager_free(m->narrow);
    free(m);
}

static const char *arch_name(const IMB_MGR *m)
{
    switch ((IMB_ARCH)m->used_arch) {
    case IMB_ARCH_SSE:
        return "sse";
    case IMB_ARCH_AVX:
        return "avx";
    case IMB_ARCH_AVX2:
        return "avx2";
    case IMB_ARCH_AVX512:
        return "avx512";
    case IMB_ARCH_NONE:
    case IMB_ARCH_NOAESNI:
    case IMB_ARCH_NUM:
        break;
    }
    return "unknown";
}

void mb_describe(const struct mb *m, char *ret, size_t size)
{
    snprintf(ret, size, "ipsec-mb %s %s", imb_get_version_str(), arch_name(m->wide));
}

void mb_key_init(const struct mb *m, struct bulk_key *key)
{
    _Alignas(16) uint8_t enc[15 * 16], dec[15 * 16];

    switch ((enum cipher_alg)key->cipher) {
    case CIPHER_NONE:
    case CIPHER_NULL:
    case CIPHER_COUNT:
        break;
    case CIPHER_DES:
    case CIPHER_3DES:
        for (unsigned i = 0; i < cipher_info[key->cipher].key_len / 8u; i++)
            IMB_DES_KEYSCHED(m->wide, (uint64_t *)(void *)(key->sched + 128 * i), key->raw + 8 * i);
        break;
    case CIPHER_AES_128:
        IMB_AES_KEYEXP_128(m->wide, key->raw, enc, dec);
        memcpy(key->sched, key->seal ? enc : dec, 11 * 16);
        break;
    case CIPHER_AES_192:
        IMB_AES_KEYEXP_192(m->wide, key->raw, enc, dec);
        memcpy(key->sched, key->seal ? enc : dec, 13 * 16);
        break;
    case CIPHER_AES_256:
        IMB_AES_KEYEXP_256(m->wide, key->raw, enc, dec);
        memcpy(key->sched, key->seal ? enc : dec, 15 * 16);
        break;
    }
    key->has_sched = true;
    secret_wipe(enc, sizeof(enc));
    secret_wipe(dec, sizeof(dec));
}

enum mb_route mb_route(const struct mb *m, enum cipher_alg cipher, enum auth_alg auth,
                       unsigned mean_bytes, unsigned *n)
{
    bool des = cipher == CIPHER_DES || cipher == CIPHER_3DES;
    const struct rules *r = m->rules;
    const struct limits *l = des ? &r->des : auth == AUTH_MD5 ? &r->md5 : &r->sha1;

    if (*n <= l->openssl_max)
        return MB_OPENSSL;
    if (*n <= l->narrow_max || mean_bytes < l->wide_min_bytes)
        return MB_NARROW;
    if (*n > r->lanes)
        *n -= *n % r->lanes;
    return MB_WIDE;
}

static void fill_cipher(struct mb *m, IMB_JOB *j, const struct bulk_job *job, unsigned slot)
{
    const struct bulk_key *k = job->key;

    j->src = job->buf;
    j->dst = job->buf + job->cipher_off; /* where output starts; src takes the offset */
    j->cipher_start_src_offset_in_bytes = job->cipher_off;
    j->msg_len_to_cipher_in_bytes = job->cipher_len;
    j->iv = job->iv;
    j->iv_len_in_bytes = cipher_info[k->cipher].iv_len;
    j->key_len_in_bytes = cipher_info[k->cipher].key_len;
    j->enc_keys = j->dec_keys = k->sched;
    if (job->cipher_len == 0 || j->key_len_in_bytes == 0) {
        j->cipher_mode = IMB_CIPHER_NULL;
        j->msg_len_to_cipher_in_bytes = 0;
    } else if (k->cipher == CIPHER_DES) {
        j->cipher_mode = IMB_CIPHER_DES;
    } else if (k->cipher == CIPHER_3DES) {
        for (unsigned i = 0; i < 3; i++)
            m->des3_keys[slot][i] = k->sched + 128 * i;
        j->enc_keys = j->dec_keys = m->des3_keys[slot];
        j->cipher_mode = IMB_CIPHER_DES3;
    } else {
        j->cipher_mode = IMB_CIPHER_CBC;
    }
}

static void fill_auth(IMB_JOB *j, const struct bulk_job *job, uint8_t *icv)
{
    static const IMB_HASH_ALG hash[AUTH_COUNT] = {
        [AUTH_NONE] = IMB_AUTH_NULL, [AUTH_MD5] = IMB_AUTH_MD5, [AUTH_SHA1] = IMB_AUTH_HMAC_SHA_1
    };

    j->hash_alg = hash[job->key->auth];
    j->hash_start_src_offset_in_bytes = job->auth_off;
    j->msg_len_to_hash_in_bytes = job->auth_len;
    j->auth_tag_output = icv;
    j->auth_tag_output_len_in_bytes = BULK_ICV_LEN;
    j->u.HMAC._hashed_auth_key_xor_ipad = job->key->ipad;
    j->u.HMAC._hashed_auth_key_xor_opad = job->key->opad;
}

static void job_done(IMB_JOB *j)
{
    struct bulk_job *job = j->user_data;

    must(j->status == IMB_STATUS_COMPLETED, "ipsec-mb leaves a job undone");
    job->ok = job->key->seal || job->key->auth == AUTH_NONE ||
              secret_equal(j->auth_tag_output, job->icv, BULK_ICV_LEN);
}

void mb_submit(struct mb *m, enum mb_route route, struct bulk_job *const *jobs, unsigned n,
               bool seal)
{
    IMB_MGR *mgr = route == MB_WIDE ? m->wide : m->narrow;

    m->wide_used |= route == MB_WIDE;
    m->narrow_used |= route != MB_WIDE;
    must(m->queued + n <= BULK_BATCH, "too many jobs between flushes");
    for (unsigned i = 0; i < n; i++) {
        struct bulk_job *job = jobs[i];
        unsigned slot = m->queued++;
        IMB_JOB *j = IMB_GET_NEXT_JOB(mgr);
        fill_cipher(m, j, job, slot);
        fill_auth(j, job, seal ? job->icv : m->icv[slot]);
        j->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
        j->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
        j->user_data = job;
        for (j = IMB_SUBMIT_JOB_NOCHECK(mgr); j; j = IMB_GET_COMPLETED_JOB(mgr))
            job_done(j);
    }
}

void mb_flush(struct mb *m)
{
    IMB_JOB *j;

    while (m->wide_used && (j = IMB_FLUSH_JOB(m->wide)))
        job_done(j);
    while (m->narrow_used && (j = IMB_FLUSH_JOB(m->narrow)))
        job_done(j);
    m->wide_used = m->narrow_used = false;
    m->queued = 0;
}
