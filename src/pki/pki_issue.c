#include "pki_issue.h"

#include "must.h"
#include "pki_priv.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { SERIAL_BITS = 127, DAYS_MAX = 36500, PART_BYTES_MAX = 64, DAY_S = 86400 };

/* ---- names ---- */

struct part {
    const char *field, *value;
};

enum { PARTS = 6 };

static void parts_of(const struct pki_template *t, struct part ret[PARTS])
{
    const struct part parts[PARTS] = { { "C", t->country },  { "ST", t->state },
                                       { "L", t->locality }, { "O", t->organization },
                                       { "OU", t->unit },    { "CN", t->common_name } };

    memcpy(ret, parts, sizeof parts);
}

static bool subject_make(const struct pki_template *t, X509_NAME *name)
{
    struct part parts[PARTS];
    bool ok = true;

    parts_of(t, parts);
    for (size_t i = 0; ok && i < PARTS; i++)
        if (parts[i].value && *parts[i].value)
            ok = X509_NAME_add_entry_by_txt(name, parts[i].field, MBSTRING_UTF8,
                                            (const uint8_t *)parts[i].value, -1, -1, 0) == 1;
    return ok && X509_NAME_entry_count(name) > 0;
}

/* ---- extensions ---- */

/* One of "IP:192.0.2.1", "DNS:gw.example", "email:a@b.example". By its parts: the text language of
 * OpenSSL's own parser can name files and sections. */
static GENERAL_NAME *alt_name(const char *s, size_t len)
{
    static const struct {
        const char *prefix;
        int type;
    } kinds[] = { { "IP:", GEN_IPADD }, { "DNS:", GEN_DNS }, { "email:", GEN_EMAIL } };
    char value[256];

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t n = strlen(kinds[i].prefix);
        if (len <= n || len - n >= sizeof value || strncmp(s, kinds[i].prefix, n) != 0)
            continue;
        memcpy(value, s + n, len - n);
        value[len - n] = '\0';
        for (const char *p = value; *p; p++)
            if (*p <= 0x20 || *p >= 0x7f)
                return NULL;
        return a2i_GENERAL_NAME(NULL, NULL, NULL, kinds[i].type, value, 0);
    }
    return NULL;
}

/* NULL when a name is none; an empty list for none at all. */
static GENERAL_NAMES *alt_names(const char *s)
{
    GENERAL_NAMES *all = GENERAL_NAMES_new();

    while (all && s && *s) {
        size_t len = strcspn(s, ",");
        GENERAL_NAME *n = alt_name(s, len);
        if (!n || sk_GENERAL_NAME_push(all, n) <= 0) {
            GENERAL_NAME_free(n);
            GENERAL_NAMES_free(all);
            return NULL;
        }
        s += len + (s[len] == ',');
    }
    return all;
}

static bool add_ext(X509 *x, int nid, void *value, bool critical)
{
    return X509_add1_ext_i2d(x, nid, value, critical, X509V3_ADD_REPLACE) == 1;
}

static bool add_basic(X509 *x, bool ca)
{
    BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
    bool ok = bc != NULL;

    if (ok) {
        bc->ca = ca;
        ok = add_ext(x, NID_basic_constraints, bc, true);
    }
    BASIC_CONSTRAINTS_free(bc);
    return ok;
}

/* The first seven are the bits of keyUsage (RFC 5280 4.2.1.3) in their order. */
static bool add_usage(X509 *x, uint32_t usage)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool ok = bits != NULL, any = false;

    for (int i = 0; ok && i < 7; i++)
        if (usage >> i & 1) {
            ok = ASN1_BIT_STRING_set_bit(bits, i, 1) == 1;
            any = true;
        }
    ok = ok && (!any || add_ext(x, NID_key_usage, bits, true));
    ASN1_BIT_STRING_free(bits);
    return ok;
}

static bool add_purposes(X509 *x, uint32_t usage)
{
    static const struct {
        uint32_t bit;
        int nid;
    } purposes[] = { { PKI_USAGE_TLS_SERVER, NID_server_auth },
                     { PKI_USAGE_TLS_CLIENT, NID_client_auth },
                     { PKI_USAGE_IPSEC_IKE, NID_ipsec_IKE } };
    EXTENDED_KEY_USAGE *eku = EXTENDED_KEY_USAGE_new();
    bool ok = eku != NULL;

    for (size_t i = 0; ok && i < sizeof purposes / sizeof purposes[0]; i++)
        if (usage & purposes[i].bit)
            ok = sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(purposes[i].nid)) > 0;
    ok = ok && (sk_ASN1_OBJECT_num(eku) == 0 || add_ext(x, NID_ext_key_usage, eku, false));
    EXTENDED_KEY_USAGE_free(eku);
    return ok;
}

/* Subject and authority key identifiers: the SHA-1 of the keys (RFC 5280 4.2.1.2, method 1). */
static bool add_key_ids(X509 *x, const X509 *issuer)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();
    const ASN1_OCTET_STRING *above;
    uint8_t sha1[20];
    unsigned len = sizeof sha1;
    bool ok = id && akid && X509_pubkey_digest(x, EVP_sha1(), sha1, &len) == 1 &&
              ASN1_OCTET_STRING_set(id, sha1, (int)len) == 1 &&
              add_ext(x, NID_subject_key_identifier, id, false);

    above = issuer ? X509_get0_subject_key_id((X509 *)issuer) : id;
    if (ok && above) {
        akid->keyid = ASN1_OCTET_STRING_dup(above);
        ok = akid->keyid && add_ext(x, NID_authority_key_identifier, akid, false);
    }
    AUTHORITY_KEYID_free(akid);
    ASN1_OCTET_STRING_free(id);
    return ok;
}

static bool add_extensions(X509 *x, const struct pki_template *t, GENERAL_NAMES *names,
                           const X509 *issuer)
{
    return add_basic(x, t->usage & PKI_USAGE_KEY_CERT_SIGN) && add_usage(x, t->usage) &&
           add_purposes(x, t->usage) && add_key_ids(x, issuer) &&
           (sk_GENERAL_NAME_num(names) == 0 ||
            add_ext(x, NID_subject_alt_name, names,
                    X509_NAME_entry_count(X509_get_subject_name(x)) == 0));
}

/* ---- certificates ---- */

static bool serial_draw(X509 *x)
{
    BIGNUM *bn = BN_new();
    bool ok = bn && BN_rand(bn, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));

    BN_free(bn);
    return ok;
}

static bool dates_set(X509 *x, int64_t wall_s, int64_t days)
{
    time_t from = (time_t)wall_s, to = (time_t)(wall_s + days * DAY_S);

    return ASN1_TIME_set(X509_getm_notBefore(x), from) && ASN1_TIME_set(X509_getm_notAfter(x), to);
}

/* What the template says of the certificate, apart from the names. */
struct order {
    const struct pki_template *t;
    X509_NAME *subject;
    GENERAL_NAMES *names;
    EVP_PKEY *key;      /* public half */
    const X509 *issuer; /* NULL: itself */
    EVP_PKEY *signing;
    int64_t wall_s;
};

static X509 *make(const struct order *o)
{
    X509 *x = X509_new();
    const X509_NAME *issuer = o->issuer ? X509_get_subject_name(o->issuer) : o->subject;
    bool ok = x && X509_set_version(x, X509_VERSION_3) == 1 && serial_draw(x) &&
              X509_set_subject_name(x, o->subject) == 1 && X509_set_issuer_name(x, issuer) == 1 &&
              dates_set(x, o->wall_s, o->t->days) && X509_set_pubkey(x, o->key) == 1 &&
              add_extensions(x, o->t, o->names, o->issuer) &&
              X509_sign(x, o->signing, EVP_sha256()) > 0;

    if (ok)
        return x;
    X509_free(x);
    return NULL;
}

static struct pki_cert *cert_of(X509 *x, struct pki_why *why)
{
    uint8_t *der = NULL;
    int len = x ? i2d_X509(x, &der) : -1;
    struct pki_cert *c = NULL;

    if (len > 0)
        c = pki_cert_new((struct slice){ der, (size_t)len }, why);
    else
        pki_refuse(why, PKI_OTHER, "certificate cannot be made from this template");
    OPENSSL_free(der);
    X509_free(x);
    ERR_clear_error();
    return c;
}

static bool issuer_ok(const struct pki_cert *issuer, const struct pki_key *key, int64_t wall_s,
                      struct pki_why *why)
{
    if (!issuer)
        return true;
    if (X509_check_ca(issuer->x) != 1)
        return cert_refuse(why, issuer, PKI_NOT_CA, NULL);
    if (wall_s > issuer->validity.not_after_s)
        return cert_refuse(why, issuer, PKI_EXPIRED, NULL);
    return (key && pki_key_matches(key, issuer)) ||
           pki_refuse(why, PKI_OTHER, "certificate %s has no private key here", issuer->subject);
}

bool pki_template_ok(const struct pki_template *t, struct pki_why *why)
{
    X509_NAME *name = X509_NAME_new();
    GENERAL_NAMES *names = alt_names(t->alt_names);
    bool subject = name && subject_make(t, name);
    bool ok = subject && names && t->days >= 1 && t->days <= DAYS_MAX;

    if (!subject)
        pki_refuse(why, PKI_MALFORMED,
                   "the name needs a common-name of at most %d characters and "
                   "a country of two letters",
                   PART_BYTES_MAX);
    else if (!names)
        pki_refuse(why, PKI_MALFORMED,
                   "subject-alt-name is a list of IP:address, DNS:name and email:address");
    else if (!ok)
        pki_refuse(why, PKI_LIMIT, "days-valid is not in 1..%d", DAYS_MAX);
    X509_NAME_free(name);
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return ok;
}

struct pki_cert *pki_issue(const struct pki_template *t, const struct pki_key *key,
                           const struct pki_cert *issuer, const struct pki_key *issuer_key,
                           int64_t wall_s, struct pki_why *why)
{
    struct pki_cert *c = NULL;

    if (!pki_template_ok(t, why) || !issuer_ok(issuer, issuer_key, wall_s, why))
        return NULL;
    struct order o = { .t = t,
                       .subject = X509_NAME_new(),
                       .names = alt_names(t->alt_names),
                       .key = key->pkey,
                       .issuer = issuer ? issuer->x : NULL,
                       .signing = issuer ? issuer_key->pkey : key->pkey,
                       .wall_s = wall_s };
    if (o.subject && o.names && subject_make(t, o.subject))
        c = cert_of(make(&o), why);
    X509_NAME_free(o.subject);
    GENERAL_NAMES_free(o.names);
    return c;
}

/* ---- requests ---- */

static bool request_names(X509_REQ *req, GENERAL_NAMES *names)
{
    STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
    X509_EXTENSION *alt = NULL;
    bool ok = exts != NULL;

    if (ok && sk_GENERAL_NAME_num(names) > 0) {
        alt = X509V3_EXT_i2d(NID_subject_alt_name, 0, names);
        ok =
            alt && sk_X509_EXTENSION_push(exts, alt) > 0 && X509_REQ_add_extensions(req, exts) == 1;
    }
    sk_X509_EXTENSION_free(exts);
    X509_EXTENSION_free(alt);
    return ok;
}

struct slice pki_request(const struct pki_template *t, const struct pki_key *key)
{
    X509_REQ *req = X509_REQ_new();
    GENERAL_NAMES *names = alt_names(t->alt_names);
    uint8_t *der = NULL;
    int len = -1;

    if (req && names && subject_make(t, X509_REQ_get_subject_name(req)) &&
        X509_REQ_set_pubkey(req, key->pkey) == 1 && request_names(req, names) &&
        X509_REQ_sign(req, key->pkey, EVP_sha256()) > 0)
        len = i2d_X509_REQ(req, &der);
    GENERAL_NAMES_free(names);
    X509_REQ_free(req);
    ERR_clear_error();
    return ossl_copy(len, der);
}

static GENERAL_NAMES *requested_names(X509_REQ *req)
{
    STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
    GENERAL_NAMES *names = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);

    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return names ? names : GENERAL_NAMES_new();
}

/* Held to the limits first: the check of its signature is by its own key. */
static X509_REQ *request_open(struct slice der, struct pki_why *why)
{
    const uint8_t *at = der.p;
    X509_REQ *req = der.len <= PKI_CERT_BYTES_MAX ? d2i_X509_REQ(NULL, &at, (long)der.len) : NULL;
    EVP_PKEY *key = req && (size_t)(at - der.p) == der.len ? X509_REQ_get0_pubkey(req) : NULL;
    bool ok = key && rsa_public_ok(key, why, "certificate request");

    if (!key)
        pki_refuse(why, PKI_MALFORMED, "certificate request %s", pki_result_text(PKI_MALFORMED));
    if (ok && X509_REQ_verify(req, key) != 1)
        ok = pki_refuse(why, PKI_CERT_SIGNATURE, "certificate request %s",
                        pki_result_text(PKI_CERT_SIGNATURE));
    if (ok && X509_NAME_entry_count(X509_REQ_get_subject_name(req)) == 0)
        ok = pki_refuse(why, PKI_MALFORMED, "certificate request has no subject");
    if (ok)
        return req;
    X509_REQ_free(req);
    ERR_clear_error();
    return NULL;
}

struct pki_cert *pki_issue_request(const struct pki_template *t, struct slice request,
                                   const struct pki_cert *issuer, const struct pki_key *issuer_key,
                                   int64_t wall_s, struct pki_why *why)
{
    struct pki_cert *c = NULL;
    X509_REQ *req = request_open(request, why);

    if (!req)
        return NULL;
    if (!issuer)
        pki_refuse(why, PKI_NO_CERTIFICATE, "certificate of the issuer %s",
                   pki_result_text(PKI_NO_CERTIFICATE));
    if (!issuer || !issuer_ok(issuer, issuer_key, wall_s, why)) {
        X509_REQ_free(req);
        return NULL;
    }
    struct order o = { .t = t,
                       .subject = X509_REQ_get_subject_name(req),
                       .names = requested_names(req),
                       .key = X509_REQ_get0_pubkey(req),
                       .issuer = issuer->x,
                       .signing = issuer_key->pkey,
                       .wall_s = wall_s };
    if (o.names)
        c = cert_of(make(&o), why);
    GENERAL_NAMES_free(o.names);
    X509_REQ_free(req);
    return c;
}
