/* Bulk crypto against published answers and against plain EVP and HMAC calls, packet by packet. */
#include "bulk.h"
#include "bulk_vectors.h"
#include "rng.h"
#include "text.h"
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 24, BODY_MAX = 1536, GUARD = 32, JOBS_MAX = 150 };

/* A packet, what an independent implementation makes of it, and what ours makes of it. */
struct packet {
    enum cipher_alg cipher;
    enum auth_alg auth;
    uint8_t key[32], auth_key[BULK_AUTH_KEY_MAX];
    size_t auth_key_len;
    uint32_t len;
    uint8_t clear[HEAD + BODY_MAX], want[HEAD + BODY_MAX], want_icv[12];
    uint8_t before[GUARD], got[HEAD + BODY_MAX + GUARD];
    uint8_t icv[12 + GUARD];
    struct bulk_key seal_key, open_key;
};

struct env {
    struct bulk *bulk[3];
    OSSL_LIB_CTX *lib; /* DES-CBC is in the legacy provider */
    OSSL_PROVIDER *providers[2];
    EVP_CIPHER *evp[CIPHER_COUNT];
    struct rng *rng;
    struct packet packets[JOBS_MAX];
    struct bulk_job jobs[JOBS_MAX];
};

static const char *const backend_names[] = { "auto", "ipsec-mb", "openssl" };

static int env_up(void **state)
{
    static const char *const names[CIPHER_COUNT] = {
        [CIPHER_DES] = "DES-CBC",         [CIPHER_3DES] = "DES-EDE3-CBC",
        [CIPHER_AES_128] = "AES-128-CBC", [CIPHER_AES_192] = "AES-192-CBC",
        [CIPHER_AES_256] = "AES-256-CBC",
    };
    struct env *e = xcalloc(1, sizeof(*e));

    for (unsigned k = 0; k < 3; k++)
        e->bulk[k] = bulk_new((enum bulk_backend)k);
    e->lib = OSSL_LIB_CTX_new();
    e->providers[0] = OSSL_PROVIDER_load(e->lib, "default");
    e->providers[1] = OSSL_PROVIDER_load(e->lib, "legacy");
    for (unsigned c = 0; c < CIPHER_COUNT; c++)
        if (names[c]) {
            e->evp[c] = EVP_CIPHER_fetch(e->lib, names[c], NULL);
            assert_non_null(e->evp[c]);
        }
    e->rng = rng_new_fixed(3602);
    *state = e;
    return 0;
}

static int env_down(void **state)
{
    struct env *e = *state;

    for (unsigned k = 0; k < 3; k++)
        bulk_free(e->bulk[k]);
    for (unsigned c = 0; c < CIPHER_COUNT; c++)
        EVP_CIPHER_free(e->evp[c]);
    for (unsigned i = 0; i < 2; i++)
        OSSL_PROVIDER_unload(e->providers[i]);
    OSSL_LIB_CTX_free(e->lib);
    rng_free(e->rng);
    free(e);
    return 0;
}

static void reference_seal(struct env *e, struct packet *p)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len;
    int n;

    memcpy(p->want, p->clear, p->len);
    if (e->evp[p->cipher]) {
        EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
        assert_int_equal(EVP_EncryptInit_ex2(c, e->evp[p->cipher], p->key, p->clear + 8, NULL), 1);
        EVP_CIPHER_CTX_set_padding(c, 0);
        assert_int_equal(
            EVP_EncryptUpdate(c, p->want + HEAD, &n, p->clear + HEAD, (int)p->len - HEAD), 1);
        assert_int_equal(n, p->len - HEAD);
        EVP_CIPHER_CTX_free(c);
    }
    if (p->auth == AUTH_NONE)
        return;
    assert_non_null(HMAC(p->auth == AUTH_SHA1 ? EVP_sha1() : EVP_md5(), p->auth_key,
                         (int)p->auth_key_len, p->want, p->len, digest, &digest_len));
    memcpy(p->want_icv, digest, 12);
}

/* A random packet of the suite; BODY bytes behind head and IV. */
static void packet_make(struct env *e, struct packet *p, enum cipher_alg cipher, enum auth_alg auth,
                        uint32_t body)
{
    memset(p, 0xee, sizeof(*p));
    p->cipher = cipher;
    p->auth = auth;
    p->auth_key_len = auth_info[auth].key_len;
    p->len = HEAD + body;
    rng_bytes(e->rng, p->key, sizeof(p->key));
    rng_bytes(e->rng, p->auth_key, sizeof(p->auth_key));
    rng_bytes(e->rng, p->clear, p->len);
    reference_seal(e, p);
}

static struct bulk_job packet_job(struct packet *p, const struct bulk_key *key)
{
    return (struct bulk_job){ .key = key,
                              .buf = p->got,
                              .cipher_off = HEAD,
                              .cipher_len = p->len - HEAD,
                              .auth_len = p->len,
                              .iv = p->got + 8,
                              .icv = p->icv };
}

static void packet_keys(struct bulk *b, struct packet *p)
{
    size_t key_len = cipher_info[p->cipher].key_len;

    assert_true(bulk_key_init(b, &p->seal_key, true, p->cipher, p->key, key_len, p->auth,
                              p->auth_key, p->auth_key_len));
    assert_true(bulk_key_init(b, &p->open_key, false, p->cipher, p->key, key_len, p->auth,
                              p->auth_key, p->auth_key_len));
}

static void assert_guard(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(p[i], 0xee);
}

/* Seals N packets of env and compares with the reference; opens them and compares with the clear
 * bytes. Nothing outside packet and ICV may change. */
static void round_trip(struct env *e, struct bulk *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = &e->packets[i];
        packet_keys(b, p);
        memset(p->got, 0xee, sizeof(p->got));
        memset(p->icv, 0xee, sizeof(p->icv));
        memcpy(p->got, p->clear, p->len);
        e->jobs[i] = packet_job(p, &p->seal_key);
    }
    bulk_seal(b, e->jobs, n);
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = &e->packets[i];
        size_t icv_len = p->auth == AUTH_NONE ? 0 : 12;
        assert_true(e->jobs[i].ok);
        assert_memory_equal(p->got, p->want, p->len);
        assert_memory_equal(p->icv, p->want_icv, icv_len);
        assert_guard(p->icv + icv_len, sizeof(p->icv) - icv_len);
        e->jobs[i].key = &p->open_key;
    }
    bulk_open(b, e->jobs, n);
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = &e->packets[i];
        assert_true(e->jobs[i].ok);
        assert_memory_equal(p->got, p->clear, p->len);
        assert_guard(p->before, sizeof(p->before));
        assert_guard(p->got + p->len, sizeof(p->got) - p->len);
    }
}

static uint32_t random_body(struct env *e)
{
    return 16 * (1 + rng_u32(e->rng) % (BODY_MAX / 16));
}

/* -- tests */

static void check_vector(struct bulk *b, const struct bulk_vector *v, unsigned copies)
{
    struct bulk_vector_bytes bytes;
    struct bulk_key seal, open;
    uint8_t buf[20][BULK_VECTOR_MAX], icv[20][12] = { 0 };
    struct bulk_job jobs[20];

    bulk_vector_load(v, &bytes);
    assert_true(bulk_key_init(b, &seal, true, v->cipher, bytes.key, bytes.key_len, v->auth,
                              bytes.auth_key, bytes.auth_key_len));
    assert_true(bulk_key_init(b, &open, false, v->cipher, bytes.key, bytes.key_len, v->auth,
                              bytes.auth_key, bytes.auth_key_len));
    for (unsigned i = 0; i < copies; i++) {
        memcpy(buf[i], bytes.clear, sizeof(buf[i]));
        jobs[i] = bulk_vector_job(v, &bytes, &seal, buf[i], icv[i]);
    }
    bulk_seal(b, jobs, copies);
    for (unsigned i = 0; i < copies; i++) {
        assert_memory_equal(buf[i], bytes.sealed, bytes.len);
        assert_memory_equal(icv[i], bytes.icv, v->auth == AUTH_NONE ? 0 : 12);
        jobs[i].key = &open;
    }
    bulk_open(b, jobs, copies);
    for (unsigned i = 0; i < copies; i++) {
        assert_true(jobs[i].ok);
        assert_memory_equal(buf[i], bytes.clear, bytes.len);
    }
}

static void published_answers_hold_alone_and_in_batches(void **state)
{
    static const unsigned copies[] = { 1, 2, 7, 20 };
    struct env *e = *state;

    for (unsigned k = 0; k < 3; k++)
        for (unsigned i = 0; e->bulk[k] && i < bulk_vector_count; i++)
            for (unsigned c = 0; c < 4; c++) {
                print_message("%s: %s x %u\n", backend_names[k], bulk_vectors[i].name, copies[c]);
                check_vector(e->bulk[k], &bulk_vectors[i], copies[c]);
            }
}

static void every_suite_equals_evp_in_batches_of_mixed_lengths(void **state)
{
    struct env *e = *state;

    for (unsigned k = 0; k < 3; k++)
        for (unsigned s = 0; e->bulk[k] && s < CIPHER_COUNT * AUTH_COUNT; s++) {
            for (unsigned i = 0; i < 33; i++)
                packet_make(e, &e->packets[i], s / AUTH_COUNT, s % AUTH_COUNT, random_body(e));
            round_trip(e, e->bulk[k], 33);
        }
}

static void every_batch_size_of_mixed_suites_equals_evp(void **state)
{
    struct env *e = *state;

    for (unsigned n = 1; n <= 64; n++) {
        for (unsigned i = 0; i < n; i++)
            packet_make(e, &e->packets[i], rng_u32(e->rng) % CIPHER_COUNT,
                        rng_u32(e->rng) % AUTH_COUNT, random_body(e) % 512);
        round_trip(e, e->bulk[BULK_AUTO], n);
        round_trip(e, e->bulk[BULK_OPENSSL], n);
    }
}

static void more_jobs_than_a_batch_are_done_in_one_call(void **state)
{
    struct env *e = *state;

    for (unsigned i = 0; i < JOBS_MAX; i++)
        packet_make(e, &e->packets[i], i % 2 ? CIPHER_AES_256 : CIPHER_DES, AUTH_SHA1, 64);
    round_trip(e, e->bulk[BULK_AUTO], JOBS_MAX);
    round_trip(e, e->bulk[BULK_OPENSSL], JOBS_MAX);
}

static void hmac_keys_of_1_to_128_bytes_equal_hmac(void **state)
{
    struct env *e = *state;

    for (unsigned k = 0; k < 3; k += 2)
        for (unsigned auth = AUTH_MD5; auth <= AUTH_SHA1; auth++)
            for (size_t len = 1; len <= BULK_AUTH_KEY_MAX; len++) {
                struct packet *p = &e->packets[0];
                packet_make(e, p, CIPHER_NONE, auth, 40);
                p->auth_key_len = len;
                reference_seal(e, p);
                round_trip(e, e->bulk[k], 1);
            }
}

static void flipped_bit_is_refused(struct env *e, struct bulk *b, unsigned bit, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = &e->packets[i];
        memcpy(p->got, p->want, p->len);
        memcpy(p->icv, p->want_icv, 12);
        e->jobs[i] = packet_job(p, &p->open_key);
    }
    struct packet *bad = &e->packets[n / 2];
    uint8_t *at = bit < 96 ? bad->icv + bit / 8 : bad->got + (bit - 96) / 8;
    *at ^= (uint8_t)(1 << bit % 8);
    bulk_open(b, e->jobs, n);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(e->jobs[i].ok, i != n / 2);
        if (i != n / 2)
            assert_memory_equal(e->packets[i].got, e->packets[i].clear, e->packets[i].len);
    }
}

static void one_flipped_bit_refuses_that_packet_alone(void **state)
{
    static const unsigned batches[] = { 1, 3, 20 };
    struct env *e = *state;

    for (unsigned k = 0; k < 3; k += 2)
        for (unsigned s = 0; s < CIPHER_COUNT * AUTH_COUNT; s++)
            for (unsigned c = 0; s % AUTH_COUNT != AUTH_NONE && c < 3; c++) {
                for (unsigned i = 0; i < batches[c]; i++) {
                    packet_make(e, &e->packets[i], s / AUTH_COUNT, s % AUTH_COUNT, 32);
                    packet_keys(e->bulk[k], &e->packets[i]);
                }
                for (unsigned bit = 0; bit < 96 + 8 * (HEAD + 32); bit++)
                    flipped_bit_is_refused(e, e->bulk[k], bit, batches[c]);
            }
}

static void opening_a_fraction_of_a_block_is_refused(void **state)
{
    struct env *e = *state;

    for (unsigned k = 0; k < 3; k += 2)
        for (unsigned c = CIPHER_DES; c <= CIPHER_AES_256; c++) {
            struct packet *p = &e->packets[0];
            packet_make(e, p, c, AUTH_SHA1, 64);
            packet_keys(e->bulk[k], p);
            memcpy(p->got, p->want, p->len);
            memcpy(p->icv, p->want_icv, 12);
            e->jobs[0] = packet_job(p, &p->open_key);
            e->jobs[0].cipher_len = 63;
            bulk_open(e->bulk[k], e->jobs, 1);
            assert_false(e->jobs[0].ok);
            assert_memory_equal(p->got, p->want, p->len);
        }
}

static void key_lengths_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        const char *label;
        enum cipher_alg cipher;
        size_t key_len;
        enum auth_alg auth;
        size_t auth_key_len;
        bool want;
    } cases[] = {
        /* clang-format off */
        { "aes-128 with 16",        CIPHER_AES_128, 16, AUTH_SHA1, 20, true },
        { "aes-128 with 24",        CIPHER_AES_128, 24, AUTH_SHA1, 20, false },
        { "aes-256 with 16",        CIPHER_AES_256, 16, AUTH_SHA1, 20, false },
        { "aes-256 with 0",         CIPHER_AES_256,  0, AUTH_SHA1, 20, false },
        { "3des with 8",            CIPHER_3DES,     8, AUTH_MD5,  16, false },
        { "des with 24",            CIPHER_DES,     24, AUTH_MD5,  16, false },
        { "null with a key",        CIPHER_NULL,     8, AUTH_MD5,  16, false },
        { "null without a key",     CIPHER_NULL,     0, AUTH_MD5,  16, true },
        { "the 3-byte ah-key",      CIPHER_NONE,     0, AUTH_MD5,   3, true },
        { "a longest HMAC key",     CIPHER_NONE,     0, AUTH_MD5, 128, true },
        { "HMAC key too long",      CIPHER_NONE,     0, AUTH_MD5, 129, false },
        { "HMAC without a key",     CIPHER_NONE,     0, AUTH_SHA1,  0, false },
        { "no HMAC but its key",    CIPHER_DES,      8, AUTH_NONE, 16, false },
        { "no HMAC, no key",        CIPHER_DES,      8, AUTH_NONE,  0, true },
        /* clang-format on */
    };
    static const uint8_t bytes[256] = { 7 };
    struct env *e = *state;
    struct bulk_key key;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s\n", cases[i].label);
        assert_int_equal(bulk_key_init(e->bulk[BULK_AUTO], &key, true, cases[i].cipher, bytes,
                                       cases[i].key_len, cases[i].auth, bytes,
                                       cases[i].auth_key_len),
                         cases[i].want);
    }
}

static void a_key_of_the_openssl_back_end_works_in_the_other(void **state)
{
    struct env *e = *state;

    for (unsigned i = 0; i < 12; i++) {
        struct packet *p = &e->packets[i];
        packet_make(e, p, CIPHER_AES_128, AUTH_SHA1, 160);
        packet_keys(e->bulk[i % 2 ? BULK_OPENSSL : BULK_AUTO], p);
        memcpy(p->got, p->clear, p->len);
        e->jobs[i] = packet_job(p, &p->seal_key);
    }
    bulk_seal(e->bulk[BULK_AUTO], e->jobs, 12);
    for (unsigned i = 0; i < 12; i++) {
        assert_memory_equal(e->packets[i].got, e->packets[i].want, e->packets[i].len);
        assert_memory_equal(e->packets[i].icv, e->packets[i].want_icv, 12);
    }
}

/* Beyond what a lane's 16-bit length holds, and no bytes at all. */
static void extreme_lengths_equal_hmac(void **state)
{
    static const uint32_t lens[] = { 0, 1, 55, 56, 63, 64, 65, 65519, 65520, 65521, 65535, 70000 };
    struct env *e = *state;
    uint8_t *buf = xcalloc(1, 70000), icv[12], key_bytes[20] = { 1, 2, 3 };

    for (unsigned k = 0; k < 3; k += 2)
        for (unsigned auth = AUTH_MD5; auth <= AUTH_SHA1; auth++)
            for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
                uint8_t digest[EVP_MAX_MD_SIZE];
                unsigned digest_len;
                struct bulk_key key;
                size_t len = auth_info[auth].key_len;
                assert_true(bulk_key_init(e->bulk[k], &key, true, CIPHER_NONE, NULL, 0, auth,
                                          key_bytes, len));
                struct bulk_job job = { .key = &key, .buf = buf, .auth_len = lens[i], .icv = icv };
                bulk_seal(e->bulk[k], &job, 1);
                HMAC(auth == AUTH_SHA1 ? EVP_sha1() : EVP_md5(), key_bytes, (int)len, buf, lens[i],
                     digest, &digest_len);
                assert_memory_equal(icv, digest, 12);
            }
    free(buf);
}

/* Prepared keys are kept over packets and must not be taken for one another. */
static void keys_that_differ_in_their_last_byte_are_told_apart(void **state)
{
    struct env *e = *state;

    for (unsigned k = 0; k < 3; k += 2)
        for (unsigned c = CIPHER_DES; c <= CIPHER_AES_256; c++) {
            for (unsigned i = 0; i < 6; i++) {
                struct packet *p = &e->packets[i];
                packet_make(e, p, c, AUTH_MD5, 64);
                memset(p->key, 0x42, sizeof(p->key));
                p->key[cipher_info[c].key_len - 1] = (uint8_t)(0x10 << i % 2);
                reference_seal(e, p);
            }
            round_trip(e, e->bulk[k], 6);
        }
}

/* A lane's 16-bit length ends short of the longest of these. */
static void long_ciphers_equal_evp(void **state)
{
    static const uint32_t lens[] = { 65504, 65520, 65536, 69984 };
    struct env *e = *state;
    uint8_t *buf = xcalloc(1, 70000), *want = xcalloc(1, 70000), key_bytes[16] = { 9 },
            iv[16] = { 1 };
    struct bulk_key key;
    int n;

    assert_true(bulk_key_init(e->bulk[BULK_AUTO], &key, true, CIPHER_AES_128, key_bytes, 16,
                              AUTH_NONE, NULL, 0));
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct bulk_job job = { .key = &key, .buf = buf, .cipher_len = lens[i], .iv = iv };
        EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
        memset(buf, 5, 70000);
        assert_int_equal(EVP_EncryptInit_ex2(c, e->evp[CIPHER_AES_128], key_bytes, iv, NULL), 1);
        assert_int_equal(EVP_EncryptUpdate(c, want, &n, buf, (int)lens[i]), 1);
        EVP_CIPHER_CTX_free(c);
        bulk_seal(e->bulk[BULK_AUTO], &job, 1);
        assert_memory_equal(buf, want, lens[i]);
        assert_int_equal(buf[lens[i]], 5);
    }
    free(buf);
    free(want);
}

static void the_self_test_passes_on_every_back_end(void **state)
{
    struct env *e = *state;
    const char *failed = NULL;

    for (unsigned k = 0; k < 3; k++)
        if (e->bulk[k] && !bulk_self_test(e->bulk[k], &failed))
            fail_msg("%s: %s", bulk_name(e->bulk[k]), failed);
    assert_null(failed);
}

static void a_wiped_key_holds_nothing(void **state)
{
    static const struct bulk_key nothing;
    struct env *e = *state;
    struct packet *p = &e->packets[0];

    packet_make(e, p, CIPHER_3DES, AUTH_SHA1, 16);
    packet_keys(e->bulk[BULK_AUTO], p);
    bulk_key_wipe(&p->seal_key);
    assert_memory_equal(&p->seal_key, &nothing, sizeof(nothing));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_answers_hold_alone_and_in_batches),
        cmocka_unit_test(every_suite_equals_evp_in_batches_of_mixed_lengths),
        cmocka_unit_test(every_batch_size_of_mixed_suites_equals_evp),
        cmocka_unit_test(more_jobs_than_a_batch_are_done_in_one_call),
        cmocka_unit_test(hmac_keys_of_1_to_128_bytes_equal_hmac),
        cmocka_unit_test(one_flipped_bit_refuses_that_packet_alone),
        cmocka_unit_test(opening_a_fraction_of_a_block_is_refused),
        cmocka_unit_test(key_lengths_that_do_not_fit_are_refused),
        cmocka_unit_test(a_key_of_the_openssl_back_end_works_in_the_other),
        cmocka_unit_test(extreme_lengths_equal_hmac),
        cmocka_unit_test(keys_that_differ_in_their_last_byte_are_told_apart),
        cmocka_unit_test(long_ciphers_equal_evp),
        cmocka_unit_test(the_self_test_passes_on_every_back_end),
        cmocka_unit_test(a_wiped_key_holds_nothing),
    };

    return cmocka_run_group_tests(tests, env_up, env_down);
}
