#include "must.h"
#include "pki_priv.h"
#include "pki_sig.h"
#include "secret.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

/* A private exponent or factor larger than the modulus would cost minutes at every signature; more
 * than two factors nobody has. */
static bool parts_ok(const EVP_PKEY *pkey)
{
    static const char *const parts[] = {
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1
    };
    int bits = EVP_PKEY_get_bits(pkey);
    bool ok = true;

    for (size_t i = 0; ok && i < sizeof parts / sizeof parts[0]; i++) {
        BIGNUM *bn = NULL;
        ok = EVP_PKEY_get_bn_param(pkey, parts[i], &bn) == 1 && BN_num_bits(bn) <= bits &&
             !BN_is_zero(bn);
        BN_clear_free(bn);
    }
    BIGNUM *third = NULL;
    ok = ok && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) != 1;
    BN_clear_free(third);
    return ok;
}

/* Public and private half belong together. */
static bool works(const struct pki_key *k)
{
    static const uint8_t hash[20] = "a hash to be signed";
    uint8_t sig[PKI_SIGNATURE_MAX];
    size_t len = pki_sign(k, (struct slice){ hash, sizeof hash }, sig);

    return len > 0 &&
           sig_fits(k->pkey, (struct slice){ hash, sizeof hash }, (struct slice){ sig, len });
}

/* Takes PKEY. */
static struct pki_key *key_of(EVP_PKEY *pkey, struct pki_why *why)
{
    struct pki_key *k = xcalloc(1, sizeof *k);

    atomic_init(&k->refs, 1);
    k->pkey = pkey;
    bool ok = rsa_public_ok(pkey, why, "private key");
    if (ok && (!parts_ok(pkey) || !works(k)))
        ok = pki_refuse(why, PKI_MALFORMED, "private key %s", pki_result_text(PKI_MALFORMED));
    ERR_clear_error();
    if (ok)
        return k;
    pki_key_unref(k);
    return NULL;
}

/* PKCS#8 by its own parser: guessing the form costs OpenSSL much and buys nothing. */
static EVP_PKEY *parse_pkcs8(struct slice der)
{
    const uint8_t *at = der.p;
    PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    bool whole = p8 && (size_t)(at - der.p) == der.len;
    EVP_PKEY *pkey = whole ? EVP_PKCS82PKEY(p8) : NULL;

    PKCS8_PRIV_KEY_INFO_free(p8);
    return pkey;
}

static EVP_PKEY *parse_pkcs1(struct slice der)
{
    const uint8_t *at = der.p;
    EVP_PKEY *pkey = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, (long)der.len);

    if (pkey && (size_t)(at - der.p) == der.len)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

bool key_is_pkcs1(struct slice der)
{
    EVP_PKEY *pkey = parse_pkcs1(der);

    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return pkey != NULL;
}

struct pki_key *pki_key_new(struct slice der, struct pki_why *why)
{
    EVP_PKEY *pkey = NULL;

    if (der.len <= PKI_CERT_BYTES_MAX)
        pkey = parse_pkcs8(der);
    if (!pkey && der.len <= PKI_CERT_BYTES_MAX)
        pkey = parse_pkcs1(der);
    ERR_clear_error();
    if (pkey)
        return key_of(pkey, why);
    pki_refuse(why, PKI_MALFORMED, "private key %s", pki_result_text(PKI_MALFORMED));
    return NULL;
}

struct pki_key *pki_key_generate(unsigned bits, struct pki_why *why)
{
    if (bits < PKI_RSA_BITS_MIN || bits > PKI_RSA_BITS_MAX) {
        pki_refuse(why, PKI_LIMIT, "private key %s", pki_result_text(PKI_LIMIT));
        return NULL;
    }
    EVP_PKEY *pkey = EVP_RSA_gen(bits);
    must(pkey != NULL, "making an RSA key");
    return key_of(pkey, why);
}

struct pki_key *pki_key_ref(struct pki_key *k)
{
    if (k)
        atomic_fetch_add(&k->refs, 1);
    return k;
}

void pki_key_unref(struct pki_key *k)
{
    if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
        return;
    EVP_PKEY_free(k->pkey); /* wipes its numbers */
    free(k);
}

bool pki_key_matches(const struct pki_key *k, const struct pki_cert *c)
{
    return EVP_PKEY_eq(k->pkey, X509_get0_pubkey(c->x)) == 1;
}

bool pki_key_same(const struct pki_key *a, const struct pki_key *b)
{
    if (!a || !b)
        return a == b;
    return a == b || EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

unsigned pki_key_bits(const struct pki_key *k)
{
    return (unsigned)EVP_PKEY_get_bits(k->pkey);
}

struct slice pki_key_der(const struct pki_key *k)
{
    PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(k->pkey);
    uint8_t *der = NULL;
    int len = p8 ? i2d_PKCS8_PRIV_KEY_INFO(p8, &der) : -1;

    PKCS8_PRIV_KEY_INFO_free(p8);
    must(len > 0, "writing an RSA key");
    return ossl_copy(len, der);
}
