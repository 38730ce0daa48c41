/* Private to src/pki: one import under way, and the containers it opens. */
#pragma once

#include "pki_import.h"

#include <openssl/provider.h>
#include <openssl/x509.h>

struct importer {
    struct pki_bundle *bundle; /* borrows */
    const char *passphrase;    /* NULL: the other spelling of an empty one */
    int passphrase_len;
    unsigned n_objects;   /* found, taken or not */
    unsigned long rounds; /* of passphrase hashing, so far */
    OSSL_LIB_CTX *lib;    /* owns; importer_lib() */
    OSSL_PROVIDER *providers[2];
};

/* With the ciphers of old containers; made when first needed. */
OSSL_LIB_CTX *importer_lib(struct importer *im);
void importer_close(struct importer *im);

/* pki_import.c: one object each. */
void import_cert(struct importer *im, struct slice der);
void import_key(struct importer *im, struct slice der);
void import_locked_key(struct importer *im, const X509_SIG *p8);
void import_locked(struct importer *im); /* the passphrase is another */
void import_refused(struct importer *im);

/* pki_pkcs12.c */
/* False: DER is no PKCS#12. */
bool import_pkcs12(struct importer *im, struct slice der);
/* Adds what ALG costs; false, with the reason, when it is none we know or costs too much. */
bool kdf_rounds_ok(struct importer *im, const X509_ALGOR *alg);
