#include "addr.h"
#include "pki_priv.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- small services ---- */

struct slice ossl_copy(int len, uint8_t *openssl_bytes)
{
    struct slice s = { NULL, 0 };

    if (len > 0) {
        uint8_t *copy = xmalloc((size_t)len);
        memcpy(copy, openssl_bytes, (size_t)len);
        s = (struct slice){ copy, (size_t)len };
    }
    OPENSSL_clear_free(openssl_bytes, len > 0 ? (size_t)len : 0);
    return s;
}

void name_to_text(const X509_NAME *name, char *buf, size_t cap)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len = 0;

    if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_SEP_COMMA_PLUS | ASN1_STRFLGS_RFC2253) >= 0)
        len = BIO_get_mem_data(b, &text);
    snprintf(buf, cap, "%.*s", (int)len, text ? text : "");
    BIO_free(b);
}

void fingerprint_text(struct slice der, char ret[PKI_FINGERPRINT_TEXT])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (EVP_Digest(der.p, der.len, digest, &len, EVP_sha256(), NULL) != 1 || len != 32)
        abort(); /* SHA-256 without memory: nothing to go on with */
    for (unsigned i = 0; i < len; i++)
        snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

bool time_to_wall(const ASN1_TIME *t, int64_t *ret_s)
{
    struct tm tm;

    if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *ret_s = timegm(&tm);
    return true;
}

char *pki_date_text(int64_t wall_s, char buf[PKI_DATE_TEXT_MAX])
{
    static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec" };
    time_t t = (time_t)wall_s;
    struct tm tm;

    if (!gmtime_r(&t, &tm))
        return strcpy(buf, "never");
    snprintf(buf, PKI_DATE_TEXT_MAX, "%s/%02d/%d %02d:%02d:%02d", months[tm.tm_mon], tm.tm_mday,
             tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return buf;
}

bool x509_refuse(struct pki_why *why, const X509 *x, enum pki_result r, const char *detail)
{
    char name[PKI_NAME_TEXT_MAX] = "";

    if (x)
        name_to_text(X509_get_subject_name(x), name, sizeof name);
    return pki_refuse(why, r, "certificate %s %s%s%s", name, pki_result_text(r), detail ? ": " : "",
                      detail ? detail : "");
}

bool cert_refuse(struct pki_why *why, const struct pki_cert *c, enum pki_result r,
                 const char *detail)
{
    return x509_refuse(why, c->x, r, detail);
}

/* ---- life ---- */

static void serial_to_text(const X509 *x, char *buf, size_t cap)
{
    BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = bn ? BN_bn2hex(bn) : NULL;

    snprintf(buf, cap, "%s", hex ? hex : "");
    OPENSSL_free(hex);
    BN_free(bn);
}

static X509 *parse_whole(struct slice der)
{
    const uint8_t *at = der.p;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);

    if (x && (size_t)(at - der.p) == der.len)
        return x;
    X509_free(x);
    return NULL;
}

/* Reads the extensions once, here, and not when threads share the certificate. */
static bool extensions_ok(X509 *x)
{
    X509_check_purpose(x, -1, 0);
    return !(X509_get_extension_flags(x) & EXFLAG_INVALID);
}

static bool facts_take(struct pki_cert *c, struct pki_why *why)
{
    name_to_text(X509_get_subject_name(c->x), c->subject, sizeof c->subject);
    name_to_text(X509_get_issuer_name(c->x), c->issuer, sizeof c->issuer);
    serial_to_text(c->x, c->serial, sizeof c->serial);
    if (!time_to_wall(X509_get0_notBefore(c->x), &c->validity.not_before_s) ||
        !time_to_wall(X509_get0_notAfter(c->x), &c->validity.not_after_s))
        return cert_refuse(why, c, PKI_MALFORMED, "its validity is no time");
    if (!X509_get0_pubkey(c->x))
        return cert_refuse(why, c, PKI_KEY_TYPE, NULL);
    if (!extensions_ok(c->x))
        return cert_refuse(why, c, PKI_MALFORMED, "an extension contradicts itself");
    return true;
}

struct pki_cert *pki_cert_new(struct slice der, struct pki_why *why)
{
    X509 *x = der.len <= PKI_CERT_BYTES_MAX ? parse_whole(der) : NULL;

    ERR_clear_error();
    if (!x) {
        enum pki_result r = der.len > PKI_CERT_BYTES_MAX ? PKI_LIMIT : PKI_MALFORMED;
        pki_refuse(why, r, "certificate %s", pki_result_text(r));
        return NULL;
    }
    struct pki_cert *c = xcalloc(1, sizeof *c);
    atomic_init(&c->refs, 1);
    c->x = x;
    c->der = xmalloc(der.len);
    memcpy(c->der, der.p, der.len);
    c->der_len = der.len;
    fingerprint_text(der, c->fingerprint);
    if (facts_take(c, why))
        return c;
    pki_cert_unref(c);
    return NULL;
}

struct pki_cert *pki_cert_ref(struct pki_cert *c)
{
    if (c)
        atomic_fetch_add(&c->refs, 1);
    return c;
}

void pki_cert_unref(struct pki_cert *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    X509_free(c->x);
    free(c->der);
    free(c);
}

bool pki_cert_same(const struct pki_cert *a, const struct pki_cert *b)
{
    if (!a || !b)
        return a == b;
    return slice_equal(pki_cert_der(a), pki_cert_der(b));
}

/* ---- facts ---- */

struct slice pki_cert_der(const struct pki_cert *c)
{
    return (struct slice){ c->der, c->der_len };
}

static struct slice name_der(const X509_NAME *name)
{
    const unsigned char *p = NULL;
    size_t len = 0;

    X509_NAME_get0_der(name, &p, &len);
    return (struct slice){ p, len };
}

struct slice pki_cert_subject(const struct pki_cert *c)
{
    return name_der(X509_get_subject_name(c->x));
}

struct slice pki_cert_issuer(const struct pki_cert *c)
{
    return name_der(X509_get_issuer_name(c->x));
}

const char *pki_cert_fingerprint(const struct pki_cert *c)
{
    return c->fingerprint;
}

const char *pki_cert_subject_text(const struct pki_cert *c)
{
    return c->subject;
}

const char *pki_cert_issuer_text(const struct pki_cert *c)
{
    return c->issuer;
}

const char *pki_cert_serial_text(const struct pki_cert *c)
{
    return c->serial;
}

struct pki_validity pki_cert_validity(const struct pki_cert *c)
{
    return c->validity;
}

bool pki_cert_is_self_signed(const struct pki_cert *c)
{
    return X509_get_extension_flags(c->x) & EXFLAG_SI;
}

bool pki_cert_may_issue(const struct pki_cert *c)
{
    int kind = X509_check_ca(c->x);

    return kind == 1 || (kind == 3 && pki_cert_is_self_signed(c)); /* 3: version 1, self-signed */
}

enum pki_key_kind pki_cert_key_kind(const struct pki_cert *c)
{
    switch (EVP_PKEY_get_base_id(X509_get0_pubkey(c->x))) {
    case EVP_PKEY_RSA:
        return PKI_KEY_RSA;
    case EVP_PKEY_DSA:
        return PKI_KEY_DSA;
    default:
        return PKI_KEY_OTHER;
    }
}

unsigned pki_cert_key_bits(const struct pki_cert *c)
{
    return (unsigned)EVP_PKEY_get_bits(X509_get0_pubkey(c->x));
}

static void alt_ip(const ASN1_OCTET_STRING *ip, struct text *out)
{
    int len = ASN1_STRING_length(ip);
    enum ip_family family = len == 4 ? IP_V4 : len == 16 ? IP_V6 : IP_ANY_FAMILY;
    struct ip_addr addr = ip_addr_from_bytes(family, ASN1_STRING_get0_data(ip));
    char buf[IP_TEXT_MAX];

    text_printf(out, "IP:%s", ip_addr_to_text(&addr, buf));
}

static void alt_name(const GENERAL_NAME *n, struct text *out)
{
    const char *kind = n->type == GEN_DNS ? "DNS:" : n->type == GEN_EMAIL ? "email:" : NULL;

    if (!kind && n->type != GEN_IPADD)
        return;
    if (out->len)
        text_putc(out, ',');
    if (!kind) {
        alt_ip(n->d.iPAddress, out);
        return;
    }
    text_puts(out, kind);
    text_put_escaped(out, (const char *)ASN1_STRING_get0_data(n->d.ia5),
                     (size_t)ASN1_STRING_length(n->d.ia5));
}

void pki_cert_alt_names(const struct pki_cert *c, struct text *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(c->x, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        alt_name(sk_GENERAL_NAME_value(names, i), out);
    GENERAL_NAMES_free(names);
}

/* ---- fitness ---- */

bool rsa_public_ok(EVP_PKEY *pkey, struct pki_why *why, const char *whose)
{
    BIGNUM *e = NULL;
    int bits = EVP_PKEY_get_bits(pkey);
    bool ok = false;

    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
        return pki_refuse(why, PKI_KEY_TYPE, "%s %s", whose, pki_result_text(PKI_KEY_TYPE));
    if (bits < PKI_RSA_BITS_MIN || bits > PKI_RSA_BITS_MAX)
        return pki_refuse(why, PKI_KEY_WEAK, "%s %s: RSA of %d bits, %d to %d are allowed", whose,
                          pki_result_text(PKI_KEY_WEAK), bits, PKI_RSA_BITS_MIN, PKI_RSA_BITS_MAX);
    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1)
        ok = BN_is_odd(e) && BN_num_bits(e) <= PKI_RSA_EXPONENT_BITS_MAX &&
             (BN_num_bits(e) > 31 || BN_get_word(e) >= PKI_RSA_EXPONENT_MIN);
    BN_free(e);
    return ok || pki_refuse(why, PKI_KEY_WEAK, "%s %s: public exponent", whose,
                            pki_result_text(PKI_KEY_WEAK));
}

/* What extendedKeyUsage may say; RFC 4945 5.1.3.12, and what others' certificates carry. */
static bool purpose_fits(const ASN1_OBJECT *purpose)
{
    static const char *const oids[] = {
        "2.5.29.37.0",        /* any */
        "1.3.6.1.5.5.7.3.17", /* ipsecIKE */
        "1.3.6.1.5.5.8.2.2",  /* iKEIntermediate */
        "1.3.6.1.5.5.7.3.5",  /* ipsecEndSystem, ipsecTunnel, ipsecUser */
        "1.3.6.1.5.5.7.3.6",  "1.3.6.1.5.5.7.3.7", "1.3.6.1.5.5.7.3.1", /* serverAuth, clientAuth */
        "1.3.6.1.5.5.7.3.2",
    };
    char text[80];

    if (OBJ_obj2txt(text, sizeof text, purpose, 1) <= 0)
        return false;
    for (size_t i = 0; i < sizeof oids / sizeof oids[0]; i++)
        if (strcmp(text, oids[i]) == 0)
            return true;
    return false;
}

static bool extended_usage_fits(const X509 *x)
{
    int critical = -1;
    EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(x, NID_ext_key_usage, &critical, NULL);
    bool fits = !eku && critical == -1; /* absent; -2 is more than one */

    for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++)
        fits = fits || purpose_fits(sk_ASN1_OBJECT_value(eku, i));
    EXTENDED_KEY_USAGE_free(eku);
    return fits;
}

bool pki_cert_fits_ike(const struct pki_cert *c, struct pki_why *why)
{
    const uint32_t signing = KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION;
    char whose[PKI_NAME_TEXT_MAX + 16];

    snprintf(whose, sizeof whose, "certificate %s", c->subject);
    if (!rsa_public_ok(X509_get0_pubkey(c->x), why, whose))
        return false;
    if ((X509_get_extension_flags(c->x) & EXFLAG_KUSAGE) && !(X509_get_key_usage(c->x) & signing))
        return cert_refuse(why, c, PKI_KEY_USAGE, "keyUsage has no digitalSignature");
    if (!extended_usage_fits(c->x))
        return cert_refuse(why, c, PKI_KEY_USAGE, "extendedKeyUsage names other purposes");
    return true;
}
