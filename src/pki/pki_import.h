/* Files of certificates and keys: PEM (with PKCS#1, PKCS#8 and encrypted keys), DER of one object,
 * PKCS#12. What one file may cost is bounded: bytes, objects, rounds of passphrase hashing. */
#pragma once

#include "pki_crl.h"
#include "pki_key.h"

enum { PKI_BUNDLE_KEYS_MAX = 16 };

struct pki_bundle { /* owns */
    struct pki_cert *certs[PKI_IMPORT_OBJECTS_MAX];
    struct pki_key *keys[PKI_BUNDLE_KEYS_MAX];
    struct pki_crl *crls[PKI_IMPORT_OBJECTS_MAX];
    size_t n_certs, n_keys, n_crls;
    struct slice request;         /* DER of a certificate request; the last one */
    unsigned decryption_failures; /* keys, or whole containers */
    unsigned refused;             /* objects of the right kind that are not taken */
    struct pki_why why;           /* of the last refusal or failure */
};

/* PASSPHRASE may be empty. False when nothing in FILE is ours; the reason is RET->why. */
bool pki_import(struct slice file, const char *passphrase, struct pki_bundle *ret);
void pki_bundle_fini(struct pki_bundle *b);

/* A certificate, its key and the issuers it needs as PKCS#12 under PASSPHRASE (not empty). The
 * caller frees. */
struct slice pki_pkcs12(const struct pki_cert *c, const struct pki_key *k,
                        struct pki_cert *const *issuers, size_t n_issuers, const char *name,
                        const char *passphrase);
/* As PEM; the caller frees. */
char *pki_cert_pem(const struct pki_cert *c);
