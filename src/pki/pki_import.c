#include "pki_import.h"

#include "pki_pkcs12.h"
#include "pki_priv.h"
#include "secret.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdlib.h>
#include <string.h>

/* ---- objects into the bundle ---- */

void import_refused(struct importer *im)
{
    im->bundle->refused++;
}

void import_cert(struct importer *im, struct slice der)
{
    struct pki_bundle *b = im->bundle;
    struct pki_cert *c;

    if (b->n_certs == PKI_IMPORT_OBJECTS_MAX) {
        pki_refuse(&b->why, PKI_LIMIT, "the file holds more than %d certificates",
                   PKI_IMPORT_OBJECTS_MAX);
        import_refused(im);
        return;
    }
    c = pki_cert_new(der, &b->why);
    if (c)
        b->certs[b->n_certs++] = c;
    else
        import_refused(im);
}

void import_key(struct importer *im, struct slice der)
{
    struct pki_bundle *b = im->bundle;
    struct pki_key *k = NULL;

    if (b->n_keys == PKI_BUNDLE_KEYS_MAX)
        pki_refuse(&b->why, PKI_LIMIT, "the file holds more than %d keys", PKI_BUNDLE_KEYS_MAX);
    else
        k = pki_key_new(der, &b->why);
    if (k)
        b->keys[b->n_keys++] = k;
    else
        import_refused(im);
}

static void import_crl(struct importer *im, struct slice der)
{
    struct pki_bundle *b = im->bundle;
    struct pki_crl *c = NULL;

    if (b->n_crls < PKI_IMPORT_OBJECTS_MAX)
        c = pki_crl_new(der, &b->why);
    if (c)
        b->crls[b->n_crls++] = c;
    else
        import_refused(im);
}

static void import_request(struct importer *im, struct slice der)
{
    struct pki_bundle *b = im->bundle;
    uint8_t *copy = xmalloc(der.len);

    memcpy(copy, der.p, der.len);
    free((void *)b->request.p);
    b->request = (struct slice){ copy, der.len };
}

void import_locked(struct importer *im)
{
    im->bundle->decryption_failures++;
    pki_refuse(&im->bundle->why, PKI_PASSPHRASE, "private key %s", pki_result_text(PKI_PASSPHRASE));
}

/* PKCS#8 under a passphrase. */
void import_locked_key(struct importer *im, const X509_SIG *p8)
{
    PKCS8_PRIV_KEY_INFO *info = NULL;
    const X509_ALGOR *alg;
    uint8_t *der = NULL;

    X509_SIG_get0(p8, &alg, NULL);
    if (!kdf_rounds_ok(im, alg)) {
        import_refused(im);
        return;
    }
    info = PKCS8_decrypt_ex(p8, im->passphrase, im->passphrase_len, importer_lib(im), NULL);
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (len <= 0) {
        import_locked(im);
        return;
    }
    import_key(im, (struct slice){ der, (size_t)len });
    OPENSSL_clear_free(der, (size_t)len);
}

static bool import_locked_der(struct importer *im, struct slice der)
{
    const uint8_t *at = der.p;
    X509_SIG *p8 = d2i_X509_SIG(NULL, &at, (long)der.len);
    bool whole = p8 && (size_t)(at - der.p) == der.len;

    if (whole)
        import_locked_key(im, p8);
    X509_SIG_free(p8);
    return whole;
}

/* ---- PEM ---- */

/* The old way of locking a key (RFC 1421 headers): the passphrase hashed once with MD5. */
static bool pem_unlock(struct importer *im, char *header, uint8_t *data, long *len)
{
    EVP_CIPHER_INFO info;
    uint8_t key[EVP_MAX_KEY_LENGTH];
    EVP_CIPHER *cipher = NULL;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, tail = 0;
    bool ok = ctx && PEM_get_EVP_CIPHER_INFO(header, &info) == 1 && info.cipher;

    if (ok)
        cipher = EVP_CIPHER_fetch(importer_lib(im), EVP_CIPHER_get0_name(info.cipher), NULL);
    ok = ok && cipher &&
         EVP_BytesToKey(info.cipher, EVP_md5(), info.iv, (const uint8_t *)im->passphrase,
                        im->passphrase_len, 1, key, NULL) > 0 &&
         EVP_DecryptInit_ex2(ctx, cipher, key, info.iv, NULL) == 1 &&
         EVP_DecryptUpdate(ctx, data, &n, data, (int)*len) == 1 &&
         EVP_DecryptFinal_ex(ctx, data + n, &tail) == 1;
    *len = ok ? n + tail : 0;
    secret_wipe(key, sizeof key);
    EVP_CIPHER_free(cipher);
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

/* One PEM block; those that are none of ours are passed over. */
static void pem_block(struct importer *im, const char *name, char *header, uint8_t *data, long len)
{
    struct slice der = { data, (size_t)len };
    bool is_key = ends_with(name, "PRIVATE KEY");

    if (is_key && header[0]) {
        if (!pem_unlock(im, header, data, &len)) {
            import_locked(im);
            return;
        }
        der.len = (size_t)len;
    }
    if (strcmp(name, PEM_STRING_PKCS8) == 0) {
        if (!import_locked_der(im, der))
            import_locked(im);
    } else if (is_key && strcmp(name, PEM_STRING_PKCS8INF) != 0 &&
               strcmp(name, PEM_STRING_RSA) != 0) {
        pki_refuse(&im->bundle->why, PKI_KEY_TYPE, "private key is not RSA");
        import_refused(im);
    } else if (is_key) {
        import_key(im, der);
    } else if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0) {
        import_cert(im, der);
    } else if (strcmp(name, PEM_STRING_X509_CRL) == 0) {
        import_crl(im, der);
    } else if (ends_with(name, "CERTIFICATE REQUEST")) {
        import_request(im, der);
    } else {
        im->n_objects--;
    }
}

static void import_pem(struct importer *im, struct slice file)
{
    BIO *bio = BIO_new_mem_buf(file.p, (int)file.len);
    char *name, *header;
    uint8_t *data;
    long len;

    while (bio && im->n_objects < PKI_IMPORT_OBJECTS_MAX &&
           PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
        im->n_objects++;
        pem_block(im, name, header, data, len);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)len);
    }
    BIO_free(bio);
}

/* ---- DER ---- */

/* Whether DER is one whole object of the given kind, and nothing behind it. */
#define IS_WHOLE(type, der)                                                                        \
    ({                                                                                             \
        const uint8_t *at_ = (der).p;                                                              \
        type *object_ = d2i_##type(NULL, &at_, (long)(der).len);                                   \
        bool whole_ = object_ && (size_t)(at_ - (der).p) == (der).len;                             \
        type##_free(object_);                                                                      \
        whole_;                                                                                    \
    })

static void import_der(struct importer *im, struct slice der)
{
    if (IS_WHOLE(X509, der))
        import_cert(im, der);
    else if (IS_WHOLE(X509_CRL, der))
        import_crl(im, der);
    else if (IS_WHOLE(X509_REQ, der))
        import_request(im, der);
    else if (IS_WHOLE(PKCS8_PRIV_KEY_INFO, der) || key_is_pkcs1(der))
        import_key(im, der);
    else if (!import_pkcs12(im, der) && !import_locked_der(im, der))
        return;
    im->n_objects++;
}

static bool holds_pem(struct slice file)
{
    static const char mark[] = "-----BEGIN ";

    return memmem(file.p, file.len, mark, sizeof mark - 1) != NULL;
}

/* ---- the whole ---- */

bool pki_import(struct slice file, const char *passphrase, struct pki_bundle *ret)
{
    struct importer im = { .bundle = ret,
                           .passphrase = passphrase,
                           .passphrase_len = (int)strlen(passphrase) };

    *ret = (struct pki_bundle){ 0 };
    if (file.len > PKI_IMPORT_BYTES_MAX)
        return pki_refuse(&ret->why, PKI_LIMIT, "the file %s", pki_result_text(PKI_LIMIT));
    if (file.len > 0 && holds_pem(file))
        import_pem(&im, file);
    else if (file.len > 0)
        import_der(&im, file);
    importer_close(&im);
    ERR_clear_error();
    if (im.n_objects > 0)
        return true;
    return pki_refuse(&ret->why, PKI_MALFORMED,
                      "the file holds no certificate, key or revocation list");
}

void pki_bundle_fini(struct pki_bundle *b)
{
    for (size_t i = 0; i < b->n_certs; i++)
        pki_cert_unref(b->certs[i]);
    for (size_t i = 0; i < b->n_keys; i++)
        pki_key_unref(b->keys[i]);
    for (size_t i = 0; i < b->n_crls; i++)
        pki_crl_unref(b->crls[i]);
    free((void *)b->request.p);
    *b = (struct pki_bundle){ 0 };
}

char *pki_cert_pem(const struct pki_cert *c)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct text out = TEXT_INIT;
    char *bytes = NULL;

    if (bio && PEM_write_bio_X509(bio, c->x) == 1)
        text_add(&out, bytes, (size_t)BIO_get_mem_data(bio, &bytes));
    BIO_free(bio);
    return text_take(&out);
}
