#include "pki_crl.h"

#include "pki_priv.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static X509_CRL *parse_whole(struct slice der)
{
    const uint8_t *at = der.p;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);

    if (crl && (size_t)(at - der.p) == der.len)
        return crl;
    X509_CRL_free(crl);
    return NULL;
}

static bool facts_take(struct pki_crl *c)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(c->crl);

    name_to_text(X509_CRL_get_issuer(c->crl), c->issuer, sizeof c->issuer);
    return time_to_wall(X509_CRL_get0_lastUpdate(c->crl), &c->last_update_s) &&
           (!next || time_to_wall(next, &c->next_update_s));
}

struct pki_crl *pki_crl_new(struct slice der, struct pki_why *why)
{
    X509_CRL *crl = der.len <= PKI_CRL_BYTES_MAX ? parse_whole(der) : NULL;
    enum pki_result r = der.len > PKI_CRL_BYTES_MAX ? PKI_LIMIT : PKI_MALFORMED;

    ERR_clear_error();
    if (crl) {
        struct pki_crl *c = xcalloc(1, sizeof *c);
        atomic_init(&c->refs, 1);
        c->crl = crl;
        c->der = xmalloc(der.len);
        memcpy(c->der, der.p, der.len);
        c->der_len = der.len;
        fingerprint_text(der, c->fingerprint);
        if (facts_take(c))
            return c;
        pki_crl_unref(c);
    }
    pki_refuse(why, r, "revocation list %s", pki_result_text(r));
    return NULL;
}

struct pki_crl *pki_crl_ref(struct pki_crl *c)
{
    if (c)
        atomic_fetch_add(&c->refs, 1);
    return c;
}

void pki_crl_unref(struct pki_crl *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    X509_CRL_free(c->crl);
    free(c->der);
    free(c);
}

struct slice pki_crl_der(const struct pki_crl *c)
{
    return (struct slice){ c->der, c->der_len };
}

const char *pki_crl_fingerprint(const struct pki_crl *c)
{
    return c->fingerprint;
}

const char *pki_crl_issuer_text(const struct pki_crl *c)
{
    return c->issuer;
}

bool pki_crl_same_issuer(const struct pki_crl *a, const struct pki_crl *b)
{
    return X509_NAME_cmp(X509_CRL_get_issuer(a->crl), X509_CRL_get_issuer(b->crl)) == 0;
}

int64_t pki_crl_last_update_s(const struct pki_crl *c)
{
    return c->last_update_s;
}

int64_t pki_crl_next_update_s(const struct pki_crl *c)
{
    return c->next_update_s;
}

size_t pki_crl_count(const struct pki_crl *c)
{
    int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(c->crl));

    return n > 0 ? (size_t)n : 0;
}

bool pki_crl_is_of(const struct pki_crl *crl, const struct pki_cert *c)
{
    bool named = X509_NAME_cmp(X509_CRL_get_issuer(crl->crl), X509_get_subject_name(c->x)) == 0;
    bool may = !(X509_get_extension_flags(c->x) & EXFLAG_KUSAGE) ||
               (X509_get_key_usage(c->x) & KU_CRL_SIGN);
    bool is = named && may && X509_CRL_verify(crl->crl, X509_get0_pubkey(c->x)) == 1;

    ERR_clear_error();
    return is;
}
