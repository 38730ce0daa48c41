/* Speed of bulk ESP/AH crypto on one core: src/crypto/bulk in its automatic choice, on OpenSSL
 * alone, and the bare ipsec-mb job API in a tight loop (wide and narrow manager) as the yardstick.
 * A sample is 64 packets in calls of BATCH packets, timed without the copy that restores the sealed
 * bytes before opening. Contenders take turns and the fastest sample counts, so that other load on
 * the machine falls out. Gbit/s is of payload; cycles are those of the time-stamp counter. */
#include "bulk.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef HAVE_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

enum {
    PACKETS = 64,
    STRIDE = 2240, /* as packets lie in a pool: no power of two */
    HEAD = 8,      /* SPI and sequence */
};

struct suite {
    const char *name;
    enum cipher_alg cipher;
    enum auth_alg auth;
    bool quick;
};

static const struct suite suites[] = {
    { "aes-128 sha1", CIPHER_AES_128, AUTH_SHA1, true },
    { "aes-128 md5", CIPHER_AES_128, AUTH_MD5, false },
    { "aes-192 sha1", CIPHER_AES_192, AUTH_SHA1, false },
    { "aes-192 md5", CIPHER_AES_192, AUTH_MD5, false },
    { "aes-256 sha1", CIPHER_AES_256, AUTH_SHA1, true },
    { "aes-256 md5", CIPHER_AES_256, AUTH_MD5, false },
    { "3des sha1", CIPHER_3DES, AUTH_SHA1, false },
    { "3des md5", CIPHER_3DES, AUTH_MD5, true },
    { "des sha1", CIPHER_DES, AUTH_SHA1, false },
    { "des md5", CIPHER_DES, AUTH_MD5, false },
    { "null sha1", CIPHER_NULL, AUTH_SHA1, false },
    { "null md5", CIPHER_NULL, AUTH_MD5, false },
    { "ah sha1", CIPHER_NONE, AUTH_SHA1, false },
    { "ah md5", CIPHER_NONE, AUTH_MD5, true },
};

enum contender { BARE_WIDE, BARE_NARROW, OPENSSL, AUTO, CONTENDERS };

/* Everything one cell of the table needs. */
struct cell {
    const struct suite *suite;
    bool seal;
    unsigned payload, batch;
    uint8_t *buf, *sealed; /* PACKETS * STRIDE */
    uint8_t icv[PACKETS][16], scratch_icv[PACKETS][16];
    struct bulk_key key, openssl_key;
    struct bulk_job jobs[PACKETS];
};

struct bench {
    struct bulk *bulk[CONTENDERS]; /* AUTO and OPENSSL */
    unsigned rounds, samples;
#ifdef HAVE_IPSEC_MB
    IMB_MGR *mgr[2]; /* BARE_WIDE, BARE_NARROW */
#endif
};

static double ticks_per_ns;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now_ticks(void)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    return now_ns();
#endif
}

static void ticks_calibrate(void)
{
    uint64_t ns = now_ns(), ticks = now_ticks();

    while (now_ns() - ns < 20000000u) {
    }
    ticks_per_ns = (double)(now_ticks() - ticks) / (double)(now_ns() - ns);
}

#ifdef HAVE_IPSEC_MB
static void bare_fill(IMB_JOB *j, const struct bulk_job *job, const void *const *des3, uint8_t *icv)
{
    const struct bulk_key *k = job->key;

    j->src = job->buf;
    j->dst = job->buf + job->cipher_off;
    j->cipher_start_src_offset_in_bytes = job->cipher_off;
    j->msg_len_to_cipher_in_bytes = job->cipher_len;
    j->iv = job->iv;
    j->iv_len_in_bytes = cipher_info[k->cipher].iv_len;
    j->key_len_in_bytes = cipher_info[k->cipher].key_len;
    j->enc_keys = j->dec_keys = k->cipher == CIPHER_3DES ? (const void *)des3 : k->sched;
    j->cipher_mode = k->cipher == CIPHER_3DES  ? IMB_CIPHER_DES3
                     : k->cipher == CIPHER_DES ? IMB_CIPHER_DES
                     : job->cipher_len         ? IMB_CIPHER_CBC
                                               : IMB_CIPHER_NULL;
    j->cipher_direction = k->seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
    j->chain_order = k->seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    j->hash_alg = k->auth == AUTH_SHA1 ? IMB_AUTH_HMAC_SHA_1 : IMB_AUTH_MD5;
    j->hash_start_src_offset_in_bytes = job->auth_off;
    j->msg_len_to_hash_in_bytes = job->auth_len;
    j->auth_tag_output = icv;
    j->auth_tag_output_len_in_bytes = 12;
    j->u.HMAC._hashed_auth_key_xor_ipad = k->ipad;
    j->u.HMAC._hashed_auth_key_xor_opad = k->opad;
}

static void bare_run(IMB_MGR *mgr, struct cell *c)
{
    const void *des3[3] = { c->key.sched, c->key.sched + 128, c->key.sched + 256 };

    for (unsigned at = 0; at < PACKETS; at += c->batch) {
        for (unsigned i = at; i < at + c->batch; i++) {
            bare_fill(IMB_GET_NEXT_JOB(mgr), &c->jobs[i], des3, c->scratch_icv[i]);
            for (IMB_JOB *j = IMB_SUBMIT_JOB_NOCHECK(mgr); j; j = IMB_GET_COMPLETED_JOB(mgr)) {
            }
        }
        while (IMB_FLUSH_JOB(mgr)) {
        }
    }
}

static bool bare_runs(const struct bench *b, const struct suite *s)
{
    bool des = s->cipher == CIPHER_DES || s->cipher == CIPHER_3DES;

    return b->mgr[0] && (!des || b->mgr[0]->used_arch == IMB_ARCH_AVX512);
}

static void bare_init(struct bench *b)
{
    static const char *const arch[] = { "none", "noaesni", "sse", "avx", "avx2", "avx512" };

    b->mgr[BARE_WIDE] = alloc_mb_mgr(0);
    init_mb_mgr_auto(b->mgr[BARE_WIDE], NULL);
    b->mgr[BARE_NARROW] = alloc_mb_mgr(0);
    init_mb_mgr_sse(b->mgr[BARE_NARROW]);
    printf("bare ipsec-mb: wide is %s, narrow is sse%s\n", arch[b->mgr[BARE_WIDE]->used_arch % 6],
           b->mgr[BARE_NARROW]->features & IMB_FEATURE_SHANI ? " with sha-ni" : "");
}

static void bare_fini(struct bench *b)
{
    free_mb_mgr(b->mgr[BARE_WIDE]);
    free_mb_mgr(b->mgr[BARE_NARROW]);
}
#endif

static bool contender_runs(const struct bench *b, enum contender who, const struct suite *s)
{
    if (who == OPENSSL || who == AUTO)
        return true;
#ifdef HAVE_IPSEC_MB
    return bare_runs(b, s) &&
           (who == BARE_WIDE || s->cipher < CIPHER_DES || s->cipher > CIPHER_3DES);
#else
    (void)b, (void)s;
    return false;
#endif
}

static void contender_run(struct bench *b, enum contender who, struct cell *c)
{
#ifdef HAVE_IPSEC_MB
    if (who == BARE_WIDE || who == BARE_NARROW) {
        bare_run(b->mgr[who], c);
        return;
    }
#endif
    for (unsigned at = 0; at < PACKETS; at += c->batch)
        if (c->seal)
            bulk_seal(b->bulk[who], c->jobs + at, c->batch);
        else
            bulk_open(b->bulk[who], c->jobs + at, c->batch);
}

/* Valid packets to open: sealed by OpenSSL with the same keys. */
static void cell_fill(struct bench *b, struct cell *c)
{
    uint8_t bytes[64];
    const struct cipher_info *ci = &cipher_info[c->suite->cipher];
    const struct auth_info *ai = &auth_info[c->suite->auth];
    struct bulk_key sealing;
    unsigned block = ci->block_len < 4 ? 4 : ci->block_len;
    unsigned body = (c->payload + 2 + block - 1) / block * block;
    bool ciphers = ci->key_len != 0;

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    bulk_key_init(b->bulk[AUTO], &c->key, c->seal, c->suite->cipher, bytes, ci->key_len,
                  c->suite->auth, bytes + 32, ai->key_len);
    bulk_key_init(b->bulk[OPENSSL], &c->openssl_key, c->seal, c->suite->cipher, bytes, ci->key_len,
                  c->suite->auth, bytes + 32, ai->key_len);
    bulk_key_init(b->bulk[OPENSSL], &sealing, true, c->suite->cipher, bytes, ci->key_len,
                  c->suite->auth, bytes + 32, ai->key_len);
    for (unsigned i = 0; i < PACKETS * STRIDE; i++)
        c->buf[i] = (uint8_t)(i * 131 + (i >> 8));
    for (unsigned i = 0; i < PACKETS; i++)
        c->jobs[i] = (struct bulk_job){ .key = &sealing,
                                        .buf = c->buf + i * STRIDE,
                                        .cipher_off = HEAD + ci->iv_len,
                                        .cipher_len = ciphers ? body : 0,
                                        .auth_len = HEAD + ci->iv_len + body,
                                        .iv = c->buf + i * STRIDE + HEAD,
                                        .icv = c->icv[i] };
    bulk_seal(b->bulk[OPENSSL], c->jobs, PACKETS);
    memcpy(c->sealed, c->buf, PACKETS * STRIDE);
}

static uint64_t sample_ticks(struct bench *b, enum contender who, struct cell *c)
{
    if (!c->seal)
        memcpy(c->buf, c->sealed, PACKETS * STRIDE);
    for (unsigned i = 0; i < PACKETS; i++)
        c->jobs[i].key = who == OPENSSL ? &c->openssl_key : &c->key;
    uint64_t start = now_ticks();
    contender_run(b, who, c);
    uint64_t took = now_ticks() - start;
    for (unsigned i = 0; i < PACKETS && who >= OPENSSL; i++)
        if (!c->jobs[i].ok) {
            fprintf(stderr, "%s: packet %u refused\n", c->suite->name, i);
            exit(1);
        }
    return took;
}

static void cell_measure(struct bench *b, struct cell *c, uint64_t ret_best[CONTENDERS])
{
    cell_fill(b, c);
    for (unsigned who = 0; who < CONTENDERS; who++)
        ret_best[who] = UINT64_MAX;
    for (unsigned round = 0; round < b->rounds; round++)
        for (unsigned who = 0; who < CONTENDERS; who++)
            for (unsigned i = 0; contender_runs(b, who, c->suite) && i < b->samples; i++) {
                uint64_t t = sample_ticks(b, who, c);
                ret_best[who] = t < ret_best[who] ? t : ret_best[who];
                if ((double)t > 2e6 * ticks_per_ns)
                    break; /* DES on OpenSSL: one sample a round will do */
            }
}

static void rate_print(const struct cell *c, uint64_t ticks)
{
    double bytes = (double)c->payload * PACKETS;

    if (ticks == UINT64_MAX)
        printf("       -     - ");
    else
        printf("  %6.2f %5.2f ", bytes * 8 * ticks_per_ns / (double)ticks, (double)ticks / bytes);
}

static void cell_print(const struct cell *c, const uint64_t best[CONTENDERS])
{
    uint64_t bare = best[BARE_WIDE] < best[BARE_NARROW] ? best[BARE_WIDE] : best[BARE_NARROW];

    printf("%-13s %-4s %5u %3u", c->suite->name, c->seal ? "seal" : "open", c->payload, c->batch);
    for (unsigned who = 0; who < CONTENDERS; who++)
        rate_print(c, best[who]);
    printf("  %5.2f", (double)best[OPENSSL] / (double)best[AUTO]);
    if (bare == UINT64_MAX)
        printf("      -\n");
    else
        printf("  %5.2f\n", (double)bare / (double)best[AUTO]);
}

static void suite_run(struct bench *b, struct cell *c, bool quick)
{
    static const unsigned payloads[] = { 64, 512, 1420 }, batches[] = { 1, 4, 8, 16, 32, 64 };
    uint64_t best[CONTENDERS];

    for (unsigned dir = 0; dir < 2; dir++)
        for (unsigned p = 0; p < 3; p++)
            for (unsigned n = 0; n < 6; n++) {
                if (quick && (p == 1 || n == 1 || n == 3 || n == 4))
                    continue;
                c->seal = dir == 0;
                c->payload = payloads[p];
                c->batch = batches[n];
                cell_measure(b, c, best);
                cell_print(c, best);
            }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    const char *only = argc > 1 && !quick ? argv[1] : "";
    struct bench b = { .rounds = quick ? 3 : 4, .samples = quick ? 12 : 20 };
    struct cell *c = xcalloc(1, sizeof(*c));
    size_t bytes = (size_t)PACKETS * STRIDE;

    c->buf = xmalloc(bytes);
    c->sealed = xmalloc(bytes);
    ticks_calibrate();
    b.bulk[AUTO] = bulk_new(BULK_AUTO);
    b.bulk[OPENSSL] = bulk_new(BULK_OPENSSL);
    printf("auto: %s; %.2f GHz time-stamp counter\n", bulk_name(b.bulk[AUTO]), ticks_per_ns);
#ifdef HAVE_IPSEC_MB
    bare_init(&b);
#endif
    printf("%-13s %-4s %5s %3s  %13s  %13s  %13s  %13s %13s\n", "Gbit/s, cyc/B", "", "bytes", "n",
           "bare wide", "bare narrow", "openssl", "auto", "/openssl /bare");
    for (unsigned i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        if ((!quick || suites[i].quick) && strncmp(suites[i].name, only, strlen(only)) == 0) {
            c->suite = &suites[i];
            suite_run(&b, c, quick);
        }
#ifdef HAVE_IPSEC_MB
    bare_fini(&b);
#endif
    bulk_free(b.bulk[AUTO]);
    bulk_free(b.bulk[OPENSSL]);
    free(c->buf);
    free(c->sealed);
    free(c);
    return 0;
}
