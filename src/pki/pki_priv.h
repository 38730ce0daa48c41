/* Private to src/pki: what its files know of each other's objects. */
#pragma once

#include "pki_cert.h"
#include "pki_key.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdatomic.h>

struct pki_cert {
    atomic_uint refs;
    X509 *x;
    uint8_t *der;
    size_t der_len;
    struct pki_validity validity;
    char fingerprint[PKI_FINGERPRINT_TEXT];
    char subject[PKI_NAME_TEXT_MAX], issuer[PKI_NAME_TEXT_MAX], serial[2 * 32 + 1];
};

struct pki_key {
    atomic_uint refs;
    EVP_PKEY *pkey;
};

struct pki_crl {
    atomic_uint refs;
    X509_CRL *crl;
    uint8_t *der;
    size_t der_len;
    int64_t last_update_s, next_update_s;
    char fingerprint[PKI_FINGERPRINT_TEXT], issuer[PKI_NAME_TEXT_MAX];
};

/* A DN as text, cut if need be; foreign bytes escaped. */
void name_to_text(const X509_NAME *name, char *buf, size_t cap);
void fingerprint_text(struct slice der, char ret[PKI_FINGERPRINT_TEXT]);
/* False when it is no time. */
bool time_to_wall(const ASN1_TIME *t, int64_t *ret_s);
/* Limits of a public key: size and exponent. */
bool rsa_public_ok(EVP_PKEY *pkey, struct pki_why *why, const char *whose);
/* "certificate C=LV,CN=gw RESULT" with DETAIL behind a colon, unless it is NULL. */
bool cert_refuse(struct pki_why *why, const struct pki_cert *c, enum pki_result r,
                 const char *detail);
bool x509_refuse(struct pki_why *why, const X509 *x, enum pki_result r, const char *detail);
bool key_is_pkcs1(struct slice der);                     /* one whole RSAPrivateKey */
struct slice ossl_copy(int len, uint8_t *openssl_bytes); /* into our memory; frees theirs */
/* pki_sig.c: the check, by a public key already held to the limits. */
bool sig_fits(EVP_PKEY *pkey, struct slice hash, struct slice sig);
