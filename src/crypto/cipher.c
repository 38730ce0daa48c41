/* AES goes through EVP (that is where AES-NI is), DES through the low-level calls: OpenSSL 3 has
 * DES-CBC only in its legacy provider. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "cipher.h"

#include "must.h"
#include "secret.h"

#include <limits.h>
#include <openssl/des.h>
#include <openssl/evp.h>
#include <pthread.h>

static const char refused[] = "OpenSSL refuses a cipher";

const char *cipher_error_text(enum cipher_error error)
{
    static const char *const texts[CIPHER_ERR_COUNT] = {
#define X(id, text) [CIPHER_ERR_##id] = text,
        CIPHER_ERRORS(X)
#undef X
    };

    return texts[error];
}

static enum cipher_error arguments_check(enum cipher_alg alg, size_t key_len, size_t len)
{
    if (alg >= CIPHER_COUNT || cipher_info[alg].ike_cipher == 0)
        return CIPHER_ERR_UNSUPPORTED;
    if (key_len != cipher_info[alg].key_len)
        return CIPHER_ERR_BAD_KEY_LENGTH;
    if (len == 0 || len > INT_MAX || len % cipher_info[alg].block_len)
        return CIPHER_ERR_BAD_LENGTH;
    return CIPHER_ERR_OK;
}

static void des_run(struct slice key, const uint8_t *iv, uint8_t *buf, size_t len, bool seal)
{
    DES_key_schedule schedule[3];
    DES_cblock chain; /* overwritten with the next IV */

    memcpy(chain, iv, sizeof(chain));
    for (size_t i = 0; i < key.len / 8; i++)
        DES_set_key_unchecked((const_DES_cblock *)(key.p + 8 * i), &schedule[i]);
    if (key.len == 8)
        DES_ncbc_encrypt(buf, buf, (long)len, &schedule[0], &chain, seal);
    else
        DES_ede3_cbc_encrypt(buf, buf, (long)len, &schedule[0], &schedule[1], &schedule[2], &chain,
                             seal);
    secret_wipe(schedule, sizeof(schedule));
}

/* Looking an algorithm up in the providers costs more than a message, so that is done once. */
static EVP_CIPHER *aes[3]; /* 128, 192, 256 */
static pthread_once_t aes_once = PTHREAD_ONCE_INIT;

static void aes_fetch(void)
{
    static const char *const names[] = { "AES-128-CBC", "AES-192-CBC", "AES-256-CBC" };

    for (size_t i = 0; i < 3; i++)
        aes[i] = EVP_CIPHER_fetch(NULL, names[i], NULL);
}

static void aes_run(struct slice key, const uint8_t *iv, uint8_t *buf, size_t len, bool seal)
{
    pthread_once(&aes_once, aes_fetch);

    const EVP_CIPHER *cipher = aes[key.len / 8 - 2];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int out_len = 0;

    must(c && EVP_CipherInit_ex2(c, cipher, key.p, iv, seal, NULL) == 1, refused);
    must(EVP_CIPHER_CTX_set_padding(c, 0) == 1, refused);
    must(EVP_CipherUpdate(c, buf, &out_len, buf, (int)len) == 1 && out_len == (int)len, refused);
    EVP_CIPHER_CTX_free(c); /* wipes its key */
}

static void cipher_run(enum cipher_alg alg, struct slice key, const uint8_t *iv, uint8_t *buf,
                       size_t len, bool seal)
{
    if (alg == CIPHER_DES || alg == CIPHER_3DES)
        des_run(key, iv, buf, len, seal);
    else
        aes_run(key, iv, buf, len, seal);
}

enum cipher_error cbc_seal(enum cipher_alg alg, struct slice key, const uint8_t *iv, uint8_t *buf,
                           size_t len, uint8_t *ret_next_iv)
{
    enum cipher_error error = arguments_check(alg, key.len, len);

    if (error)
        return error;
    cipher_run(alg, key, iv, buf, len, true);
    if (ret_next_iv)
        memcpy(ret_next_iv, buf + len - cipher_info[alg].block_len, cipher_info[alg].block_len);
    return CIPHER_ERR_OK;
}

enum cipher_error cbc_open(enum cipher_alg alg, struct slice key, const uint8_t *iv, uint8_t *buf,
                           size_t len, uint8_t *ret_next_iv)
{
    uint8_t last[CIPHER_BLOCK_MAX];
    enum cipher_error error = arguments_check(alg, key.len, len);

    if (error)
        return error;
    memcpy(last, buf + len - cipher_info[alg].block_len, cipher_info[alg].block_len);
    cipher_run(alg, key, iv, buf, len, false);
    if (ret_next_iv)
        memcpy(ret_next_iv, last, cipher_info[alg].block_len);
    return CIPHER_ERR_OK;
}

static bool des_key_is_weak(const uint8_t *key)
{
    DES_cblock with_parity;

    memcpy(with_parity, key, sizeof(with_parity));
    DES_set_odd_parity(&with_parity);
    bool weak = DES_is_weak_key(&with_parity) == 1;
    secret_wipe(with_parity, sizeof(with_parity));
    return weak;
}

/* Parity bits do not take part in DES: keys that differ in them alone are the same key. */
static bool des_keys_equal(const uint8_t *a, const uint8_t *b)
{
    uint8_t difference = 0;

    for (unsigned i = 0; i < 8; i++)
        difference |= (uint8_t)((a[i] ^ b[i]) & 0xfe);
    return difference == 0;
}

bool cipher_key_is_weak(enum cipher_alg alg, const uint8_t *key)
{
    if (alg == CIPHER_DES)
        return des_key_is_weak(key);
    if (alg == CIPHER_3DES)
        return des_keys_equal(key, key + 8) || des_keys_equal(key + 8, key + 16);
    return false;
}
