/* PKCS#12 (RFC 7292), walked by hand so that nothing hashes a passphrase more often than allowed.
 */
#include "pki_pkcs12.h"

#include "must.h"
#include "pki_priv.h"
#include "secret.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <string.h>

enum { NESTED_MAX = 3, SCRYPT_COST_MAX = 1 << 22, EXPORT_ROUNDS = 20000 };

/* ---- what a passphrase may cost ---- */

static bool rounds_add(struct importer *im, const ASN1_INTEGER *rounds)
{
    int64_t n = 0;

    if (ASN1_INTEGER_get_int64(&n, rounds) != 1 || n < 1 || n > PKI_KDF_ROUNDS_MAX)
        return false;
    im->rounds += (unsigned long)n;
    return im->rounds <= PKI_KDF_ROUNDS_MAX;
}

static bool pbkdf2_ok(struct importer *im, const X509_ALGOR *kdf)
{
    PBKDF2PARAM *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), kdf->parameter);
    bool ok = p && rounds_add(im, p->iter);

    PBKDF2PARAM_free(p);
    return ok;
}

static bool scrypt_ok(struct importer *im, const X509_ALGOR *kdf)
{
    SCRYPT_PARAMS *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), kdf->parameter);
    int64_t n = 0, r = 0, parallel = 0;
    bool ok = p && ASN1_INTEGER_get_int64(&n, p->costParameter) == 1 &&
              ASN1_INTEGER_get_int64(&r, p->blockSize) == 1 &&
              ASN1_INTEGER_get_int64(&parallel, p->parallelizationParameter) == 1 && n > 0 &&
              n <= SCRYPT_COST_MAX && r > 0 && r <= 64 && parallel > 0 && parallel <= 64 &&
              n * r * parallel <= SCRYPT_COST_MAX;

    SCRYPT_PARAMS_free(p);
    im->rounds += PKI_KDF_ROUNDS_MAX / 8; /* at most so many of them */
    return ok && im->rounds <= PKI_KDF_ROUNDS_MAX;
}

static bool pbes2_ok(struct importer *im, const X509_ALGOR *alg)
{
    PBE2PARAM *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), alg->parameter);
    int kdf = p ? OBJ_obj2nid(p->keyfunc->algorithm) : NID_undef;
    bool ok = (kdf == NID_id_pbkdf2 && pbkdf2_ok(im, p->keyfunc)) ||
              (kdf == NID_id_scrypt && scrypt_ok(im, p->keyfunc));

    PBE2PARAM_free(p);
    return ok;
}

static bool pbe_ok(struct importer *im, const X509_ALGOR *alg)
{
    PBEPARAM *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), alg->parameter);
    bool ok = p && rounds_add(im, p->iter);

    PBEPARAM_free(p);
    return ok;
}

bool kdf_rounds_ok(struct importer *im, const X509_ALGOR *alg)
{
    bool ok = OBJ_obj2nid(alg->algorithm) == NID_pbes2 ? pbes2_ok(im, alg) : pbe_ok(im, alg);

    return ok || pki_refuse(&im->bundle->why, PKI_LIMIT,
                            "private key %s: its passphrase is hashed too often, or in an unknown "
                            "way",
                            pki_result_text(PKI_LIMIT));
}

/* ---- walking ---- */

static void bags_walk(struct importer *im, const STACK_OF(PKCS12_SAFEBAG) * bags, unsigned depth);

static void cert_bag(struct importer *im, const PKCS12_SAFEBAG *bag)
{
    X509 *x = PKCS12_SAFEBAG_get1_cert(bag);
    uint8_t *der = NULL;
    int len = x ? i2d_X509(x, &der) : -1;

    if (len > 0)
        import_cert(im, (struct slice){ der, (size_t)len });
    else
        import_refused(im);
    OPENSSL_free(der);
    X509_free(x);
}

static void key_bag(struct importer *im, const PKCS12_SAFEBAG *bag)
{
    uint8_t *der = NULL;
    int len = i2d_PKCS8_PRIV_KEY_INFO(PKCS12_SAFEBAG_get0_p8inf(bag), &der);

    if (len > 0)
        import_key(im, (struct slice){ der, (size_t)len });
    OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
}

static void bag_take(struct importer *im, const PKCS12_SAFEBAG *bag, unsigned depth)
{
    if (++im->n_objects > PKI_IMPORT_OBJECTS_MAX)
        return;
    switch (PKCS12_SAFEBAG_get_nid(bag)) {
    case NID_certBag:
        if (PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate)
            cert_bag(im, bag);
        break;
    case NID_keyBag:
        key_bag(im, bag);
        break;
    case NID_pkcs8ShroudedKeyBag:
        import_locked_key(im, PKCS12_SAFEBAG_get0_pkcs8(bag));
        break;
    case NID_safeContentsBag:
        if (depth < NESTED_MAX)
            bags_walk(im, PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
        break;
    default:
        break;
    }
}

static void bags_walk(struct importer *im, const STACK_OF(PKCS12_SAFEBAG) * bags, unsigned depth)
{
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++)
        bag_take(im, sk_PKCS12_SAFEBAG_value(bags, i), depth);
}

static bool content_is_there(const PKCS7 *p7)
{
    return p7->d.encrypted && p7->d.encrypted->enc_data && p7->d.encrypted->enc_data->algorithm &&
           p7->d.encrypted->enc_data->enc_data;
}

static void safe_open(struct importer *im, PKCS7 *p7)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;

    if (PKCS7_type_is_data(p7)) {
        bags = PKCS12_unpack_p7data(p7);
    } else if (PKCS7_type_is_encrypted(p7) && content_is_there(p7)) {
        if (kdf_rounds_ok(im, p7->d.encrypted->enc_data->algorithm))
            bags = PKCS12_unpack_p7encdata(p7, im->passphrase, im->passphrase_len);
        else
            import_refused(im);
        if (!bags && im->bundle->why.result != PKI_LIMIT)
            import_locked(im);
    }
    bags_walk(im, bags, 0);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}

static bool mac_cost_ok(struct importer *im, const PKCS12 *p12)
{
    const ASN1_INTEGER *rounds = NULL;

    PKCS12_get0_mac(NULL, NULL, NULL, &rounds, p12);
    if (!rounds || rounds_add(im, rounds)) /* absent: once */
        return true;
    return pki_refuse(&im->bundle->why, PKI_LIMIT,
                      "the file %s: its passphrase is hashed too often",
                      pki_result_text(PKI_LIMIT));
}

/* Without its check sum a container could hold anything: it has to have one, and it has to fit. An
 * empty passphrase has two spellings. */
static bool mac_ok(struct importer *im, PKCS12 *p12)
{
    if (!PKCS12_mac_present(p12))
        return pki_refuse(&im->bundle->why, PKI_MALFORMED, "the file has no check of its contents");
    if (!mac_cost_ok(im, p12))
        return false;
    if (PKCS12_verify_mac(p12, im->passphrase, im->passphrase_len) == 1)
        return true;
    if (im->passphrase_len == 0 && PKCS12_verify_mac(p12, NULL, 0) == 1) {
        im->passphrase = NULL;
        return true;
    }
    import_locked(im);
    return pki_refuse(&im->bundle->why, PKI_PASSPHRASE, "the file %s",
                      pki_result_text(PKI_PASSPHRASE));
}

static void safes_open(struct importer *im, const PKCS12 *p12)
{
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);

    for (int i = 0; i < sk_PKCS7_num(safes) && i < PKI_IMPORT_OBJECTS_MAX; i++)
        safe_open(im, sk_PKCS7_value(safes, i));
    sk_PKCS7_pop_free(safes, PKCS7_free);
}

/* RET is one to read into, which knows where its algorithms are; NULL. */
static PKCS12 *container_parse(struct slice der, PKCS12 *ret)
{
    const uint8_t *at = der.p;
    PKCS12 *p12 = d2i_PKCS12(ret ? &ret : NULL, &at, (long)der.len);

    if (p12 && (size_t)(at - der.p) == der.len)
        return p12;
    PKCS12_free(p12);
    return NULL;
}

bool import_pkcs12(struct importer *im, struct slice der)
{
    PKCS12 *p12 = container_parse(der, NULL);
    bool is = p12 != NULL;

    PKCS12_free(p12);
    if (!is)
        return false;
    p12 = PKCS12_init_ex(NID_pkcs7_data, importer_lib(im), NULL);
    must(p12 != NULL, "a PKCS#12 container");
    p12 = container_parse(der, p12);
    if (p12 && mac_ok(im, p12))
        safes_open(im, p12);
    PKCS12_free(p12);
    ERR_clear_error();
    return true;
}

/* Single DES and RC2 are with the old algorithms, in a context of their own: what they are loaded
 * for here must not become usable elsewhere. Where they are not installed, old files stay shut. */
OSSL_LIB_CTX *importer_lib(struct importer *im)
{
    if (im->lib)
        return im->lib;
    im->lib = OSSL_LIB_CTX_new();
    must(im->lib != NULL, "an OpenSSL context");
    im->providers[0] = OSSL_PROVIDER_load(im->lib, "default");
    im->providers[1] = OSSL_PROVIDER_load(im->lib, "legacy");
    return im->lib;
}

void importer_close(struct importer *im)
{
    for (int i = 0; i < 2; i++)
        if (im->providers[i])
            OSSL_PROVIDER_unload(im->providers[i]);
    OSSL_LIB_CTX_free(im->lib);
}

/* ---- writing ---- */

struct slice pki_pkcs12(const struct pki_cert *c, const struct pki_key *k,
                        struct pki_cert *const *issuers, size_t n_issuers, const char *name,
                        const char *passphrase)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    uint8_t *der = NULL;
    PKCS12 *p12;
    int len = -1;

    for (size_t i = 0; others && i < n_issuers; i++)
        sk_X509_push(others, issuers[i]->x);
    p12 = PKCS12_create(passphrase, name, k->pkey, c->x, others, NID_aes_256_cbc, NID_aes_256_cbc,
                        EXPORT_ROUNDS, EXPORT_ROUNDS, 0);
    if (p12)
        len = i2d_PKCS12(p12, &der);
    PKCS12_free(p12);
    sk_X509_free(others);
    ERR_clear_error();
    must(len > 0, "writing PKCS#12");
    return ossl_copy(len, der);
}
