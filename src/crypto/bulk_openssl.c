/* ESP/AH crypto by OpenSSL, packet by packet: the back end of processors without ipsec-mb, and the
 * faster one for a few DES packets. AES goes through EVP (that is where AES-NI is) with contexts
 * kept over packets; DES, MD5 and SHA-1 through the low-level calls, which need no provider, no
 * fetch and no context, and can start from a digest state. RFC 2104, 2403, 2404, 2405, 2451, 3602.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "bulk_priv.h"
#include "must.h"
#include "secret.h"
#include "text.h"

#include <openssl/des.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdlib.h>

enum { SLOT_COUNT = 16 };

/* A cipher key made ready for OpenSSL, kept until another key needs the place. */
struct slot {
    EVP_CIPHER_CTX *evp;
    DES_key_schedule des[3];
    bool used, seal;
    uint8_t cipher;
    uint8_t raw[32];
};

struct ossl {
    EVP_CIPHER *aes[CIPHER_COUNT];
    struct slot slots[SLOT_COUNT];
};

static const char refused[] = "OpenSSL refuses a cipher";

struct ossl *ossl_new(void)
{
    struct ossl *o = xcalloc(1, sizeof(*o));

    o->aes[CIPHER_AES_128] = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
    o->aes[CIPHER_AES_192] = EVP_CIPHER_fetch(NULL, "AES-192-CBC", NULL);
    o->aes[CIPHER_AES_256] = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    for (unsigned i = CIPHER_AES_128; i <= CIPHER_AES_256; i++)
        must(o->aes[i] != NULL, refused);
    for (unsigned i = 0; i < SLOT_COUNT; i++) {
        o->slots[i].evp = EVP_CIPHER_CTX_new();
        must(o->slots[i].evp != NULL, refused);
    }
    return o;
}

void ossl_free(struct ossl *o)
{
    if (!o)
        return;
    for (unsigned i = 0; i < SLOT_COUNT; i++)
        EVP_CIPHER_CTX_free(o->slots[i].evp); /* wipes its key */
    for (unsigned i = 0; i < CIPHER_COUNT; i++)
        EVP_CIPHER_free(o->aes[i]);
    secret_wipe(o, sizeof(*o));
    free(o);
}

static void sha1_start(SHA_CTX *c, const uint8_t *state)
{
    uint32_t h[5];

    memcpy(h, state, sizeof(h));
    *c = (SHA_CTX){ .h0 = h[0], .h1 = h[1], .h2 = h[2], .h3 = h[3], .h4 = h[4] };
    c->Nl = 8 * HMAC_BLOCK_LEN;
}

static void md5_start(MD5_CTX *c, const uint8_t *state)
{
    uint32_t h[4];

    memcpy(h, state, sizeof(h));
    *c = (MD5_CTX){ .A = h[0], .B = h[1], .C = h[2], .D = h[3] };
    c->Nl = 8 * HMAC_BLOCK_LEN;
}

/* The digest's state after one block, in the word order sha1_start, md5_start and ipsec-mb take. */
static void state_after_block(enum auth_alg auth, const uint8_t *block, uint8_t *ret)
{
    if (auth == AUTH_SHA1) {
        SHA_CTX c;
        SHA1_Init(&c);
        SHA1_Transform(&c, block);
        uint32_t h[5] = { c.h0, c.h1, c.h2, c.h3, c.h4 };
        memcpy(ret, h, sizeof(h));
        secret_wipe(&c, sizeof(c));
        secret_wipe(h, sizeof(h));
    } else {
        MD5_CTX c;
        MD5_Init(&c);
        MD5_Transform(&c, block);
        uint32_t h[4] = { c.A, c.B, c.C, c.D };
        memcpy(ret, h, sizeof(h));
        secret_wipe(&c, sizeof(c));
        secret_wipe(h, sizeof(h));
    }
}

void ossl_hmac_key_init(struct bulk_key *key, const uint8_t *auth_key, size_t len)
{
    uint8_t pad[HMAC_BLOCK_LEN] = { 0 };

    if (len <= sizeof(pad))
        memcpy(pad, auth_key, len);
    else if (key->auth == AUTH_SHA1)
        SHA1(auth_key, len, pad);
    else
        MD5(auth_key, len, pad);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36;
    state_after_block(key->auth, pad, key->ipad);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] ^= 0x36 ^ 0x5c;
    state_after_block(key->auth, pad, key->opad);
    secret_wipe(pad, sizeof(pad));
}

static void hmac_sha1(const struct bulk_key *k, const uint8_t *p, size_t len, uint8_t *ret_digest)
{
    SHA_CTX c;

    sha1_start(&c, k->ipad);
    SHA1_Update(&c, p, len);
    SHA1_Final(ret_digest, &c);
    sha1_start(&c, k->opad);
    SHA1_Update(&c, ret_digest, SHA_DIGEST_LENGTH);
    SHA1_Final(ret_digest, &c);
}

static void hmac_md5(const struct bulk_key *k, const uint8_t *p, size_t len, uint8_t *ret_digest)
{
    MD5_CTX c;

    md5_start(&c, k->ipad);
    MD5_Update(&c, p, len);
    MD5_Final(ret_digest, &c);
    md5_start(&c, k->opad);
    MD5_Update(&c, ret_digest, MD5_DIGEST_LENGTH);
    MD5_Final(ret_digest, &c);
}

static void icv_make(const struct bulk_job *job, uint8_t *ret_icv)
{
    uint8_t digest[SHA_DIGEST_LENGTH];

    if (job->key->auth == AUTH_SHA1)
        hmac_sha1(job->key, job->buf + job->auth_off, job->auth_len, digest);
    else
        hmac_md5(job->key, job->buf + job->auth_off, job->auth_len, digest);
    memcpy(ret_icv, digest, BULK_ICV_LEN);
}

static void slot_set(struct ossl *o, struct slot *s, const struct bulk_key *k)
{
    s->used = true;
    s->seal = k->seal;
    s->cipher = k->cipher;
    memcpy(s->raw, k->raw, sizeof(s->raw));
    if (k->cipher == CIPHER_DES || k->cipher == CIPHER_3DES) {
        for (unsigned i = 0; i < cipher_info[k->cipher].key_len / 8u; i++)
            DES_set_key_unchecked((const_DES_cblock *)(k->raw + 8 * i), &s->des[i]);
        return;
    }
    must(EVP_CipherInit_ex2(s->evp, o->aes[k->cipher], k->raw, NULL, k->seal, NULL) == 1, refused);
    must(EVP_CIPHER_CTX_set_padding(s->evp, 0) == 1, refused);
}

static struct slot *slot_for(struct ossl *o, const struct bulk_key *k)
{
    unsigned at = (k->raw[0] ^ k->raw[1] >> 3 ^ k->cipher ^ (unsigned)k->seal) % SLOT_COUNT;
    struct slot *s = &o->slots[at];

    if (!s->used || s->cipher != k->cipher || s->seal != k->seal ||
        !secret_equal(s->raw, k->raw, cipher_info[k->cipher].key_len))
        slot_set(o, s, k);
    return s;
}

static void cipher_run(struct ossl *o, const struct bulk_job *job, bool seal)
{
    uint8_t *at = job->buf + job->cipher_off;
    struct slot *s = slot_for(o, job->key);
    int len = (int)job->cipher_len;
    DES_cblock iv; /* the DES calls leave the next IV there */
    int out_len;

    switch ((enum cipher_alg)job->key->cipher) {
    case CIPHER_NONE:
    case CIPHER_NULL:
    case CIPHER_COUNT:
        return;
    case CIPHER_DES:
        memcpy(iv, job->iv, sizeof(iv));
        DES_ncbc_encrypt(at, at, len, &s->des[0], &iv, seal);
        return;
    case CIPHER_3DES:
        memcpy(iv, job->iv, sizeof(iv));
        DES_ede3_cbc_encrypt(at, at, len, &s->des[0], &s->des[1], &s->des[2], &iv, seal);
        return;
    case CIPHER_AES_128:
    case CIPHER_AES_192:
    case CIPHER_AES_256:
        must(EVP_CipherInit_ex2(s->evp, NULL, NULL, job->iv, -1, NULL) == 1, refused);
        must(EVP_CipherUpdate(s->evp, at, &out_len, at, len) == 1, refused);
        return;
    }
}

static bool has_cipher(const struct bulk_job *job)
{
    return job->cipher_len && cipher_info[job->key->cipher].key_len;
}

static void job_seal(struct ossl *o, struct bulk_job *job)
{
    if (has_cipher(job))
        cipher_run(o, job, true);
    if (job->key->auth != AUTH_NONE)
        icv_make(job, job->icv);
    job->ok = true;
}

static void job_open(struct ossl *o, struct bulk_job *job)
{
    uint8_t icv[BULK_ICV_LEN];

    job->ok = true;
    if (job->key->auth != AUTH_NONE) {
        icv_make(job, icv);
        job->ok = secret_equal(icv, job->icv, sizeof(icv));
    }
    if (job->ok && has_cipher(job))
        cipher_run(o, job, false);
}

void ossl_run(struct ossl *o, struct bulk_job *const *jobs, unsigned n, bool seal)
{
    for (unsigned i = 0; i < n; i++)
        if (seal)
            job_seal(o, jobs[i]);
        else
            job_open(o, jobs[i]);
}
