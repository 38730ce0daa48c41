#include "pki_sig.h"

#include "pki_priv.h"
#include "secret.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

enum { PADDING_MIN = 8 };

/* 00 01 ff..ff 00 | hash, as long as the modulus. False when fewer than 8 ff would be left. */
static bool block_make(struct slice hash, uint8_t *ret, size_t len)
{
    if (hash.len == 0 || len < hash.len + PADDING_MIN + 3)
        return false;
    memset(ret, 0xff, len);
    ret[0] = 0;
    ret[1] = 1;
    ret[len - hash.len - 1] = 0;
    memcpy(ret + len - hash.len, hash.p, hash.len);
    return true;
}

/* RSA without padding: the private operation of a block, or the public one of a signature. */
static bool raw(EVP_PKEY *pkey, bool sign, struct slice in, uint8_t *ret, size_t *ret_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    bool ok = ctx && (sign ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_recover_init(ctx)) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1;

    if (ok && sign)
        ok = EVP_PKEY_sign(ctx, ret, ret_len, in.p, in.len) == 1;
    else if (ok)
        ok = EVP_PKEY_verify_recover(ctx, ret, ret_len, in.p, in.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

bool sig_fits(EVP_PKEY *pkey, struct slice hash, struct slice sig)
{
    uint8_t want[PKI_SIGNATURE_MAX], have[PKI_SIGNATURE_MAX];
    size_t len = (size_t)EVP_PKEY_get_size(pkey), have_len = sizeof have;

    return len <= sizeof want && sig.len == len && block_make(hash, want, len) &&
           raw(pkey, false, sig, have, &have_len) && have_len == len &&
           secret_equal(want, have, len);
}

size_t pki_sign(const struct pki_key *k, struct slice hash, uint8_t *ret)
{
    uint8_t block[PKI_SIGNATURE_MAX];
    size_t len = (size_t)EVP_PKEY_get_size(k->pkey), ret_len = PKI_SIGNATURE_MAX;

    if (len > sizeof block || !block_make(hash, block, len) ||
        !raw(k->pkey, true, (struct slice){ block, len }, ret, &ret_len) || ret_len != len ||
        !sig_fits(k->pkey, hash, (struct slice){ ret, len }))
        return 0;
    return len;
}

bool pki_signature_fits(const struct pki_cert *c, struct slice hash, struct slice sig)
{
    EVP_PKEY *pkey = X509_get0_pubkey(c->x);

    return rsa_public_ok(pkey, NULL, "") && sig_fits(pkey, hash, sig);
}
