#include "pki_trust.h"

#include "pki_priv.h"
#include "pki_sig.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct list {
    struct pki_cert **v;
    size_t n;
};

struct pki_trust {
    atomic_uint refs;
    enum pki_crl_policy policy;
    X509_STORE *store;            /* authorities and revocation lists, for OpenSSL */
    struct list authorities, all; /* shared */
    struct pki_crl **crls;        /* shared */
    size_t n_crls;
};

/* ---- life ---- */

struct pki_trust *pki_trust_new(enum pki_crl_policy policy)
{
    struct pki_trust *t = xcalloc(1, sizeof *t);

    atomic_init(&t->refs, 1);
    t->policy = policy;
    t->store = X509_STORE_new();
    if (!t->store)
        abort(); /* out of memory, as in xmalloc */
    return t;
}

static void list_add(struct list *l, struct pki_cert *c)
{
    l->v = xrealloc(l->v, (l->n + 1) * sizeof(struct pki_cert *));
    l->v[l->n++] = pki_cert_ref(c);
}

static void list_fini(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        pki_cert_unref(l->v[i]);
    free(l->v);
}

void pki_trust_add(struct pki_trust *t, struct pki_cert *c, bool authority)
{
    list_add(&t->all, c);
    if (!authority)
        return;
    list_add(&t->authorities, c);
    X509_STORE_add_cert(t->store, c->x);
    ERR_clear_error();
}

void pki_trust_add_crl(struct pki_trust *t, struct pki_crl *crl)
{
    t->crls = xrealloc(t->crls, (t->n_crls + 1) * sizeof(struct pki_crl *));
    t->crls[t->n_crls++] = pki_crl_ref(crl);
    X509_STORE_add_crl(t->store, crl->crl); /* counts its own reference */
    ERR_clear_error();
}

struct pki_trust *pki_trust_ref(struct pki_trust *t)
{
    if (t)
        atomic_fetch_add(&t->refs, 1);
    return t;
}

void pki_trust_unref(struct pki_trust *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    list_fini(&t->authorities);
    list_fini(&t->all);
    for (size_t i = 0; i < t->n_crls; i++)
        pki_crl_unref(t->crls[i]);
    free(t->crls);
    X509_STORE_free(t->store);
    free(t);
}

const struct pki_cert *pki_trust_authority(const struct pki_trust *t, size_t i)
{
    return i < t->authorities.n ? t->authorities.v[i] : NULL;
}

/* ---- one chain ---- */

static enum pki_result result_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return PKI_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return PKI_NOT_YET_VALID;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return PKI_UNKNOWN_ISSUER;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
    case X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH:
        return PKI_CERT_SIGNATURE;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        return PKI_NOT_CA;
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        return PKI_PATH_LENGTH;
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
    case X509_V_ERR_SUBTREE_MINMAX:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
        return PKI_NAME_CONSTRAINT;
    case X509_V_ERR_INVALID_PURPOSE:
        return PKI_KEY_USAGE;
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
        return PKI_EXTENSION;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        return PKI_CHAIN_LONG;
    case X509_V_ERR_CERT_REVOKED:
        return PKI_REVOKED;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
        return PKI_CRL_MISSING;
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
        return PKI_CRL_BAD;
    default:
        return PKI_OTHER;
    }
}

static const X509 *issuer_at(X509_STORE_CTX *ctx, int depth)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

    return depth + 1 < sk_X509_num(chain) ? sk_X509_value(chain, depth + 1) : NULL;
}

/* Errors that the policy for revocation lists does not mind. The end of the chain is trusted as it
 * is: nobody above it could revoke it. */
static int on_error(int ok, X509_STORE_CTX *ctx)
{
    const struct pki_trust *t = X509_STORE_CTX_get_app_data(ctx);
    bool at_end = !issuer_at(ctx, X509_STORE_CTX_get_error_depth(ctx));

    if (ok)
        return 1;
    switch (X509_STORE_CTX_get_error(ctx)) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
        if (t->policy == PKI_CRL_REQUIRED && !at_end)
            return 0;
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    default:
        return 0;
    }
}

static void date_detail(const X509 *x, enum pki_result r, char *buf, size_t cap)
{
    char date[PKI_DATE_TEXT_MAX];
    int64_t at_s = 0;

    buf[0] = '\0';
    if (r == PKI_EXPIRED && time_to_wall(X509_get0_notAfter(x), &at_s))
        snprintf(buf, cap, "valid until %s", pki_date_text(at_s, date));
    else if (r == PKI_NOT_YET_VALID && time_to_wall(X509_get0_notBefore(x), &at_s))
        snprintf(buf, cap, "valid from %s", pki_date_text(at_s, date));
}

/* What to say beside the verdict. */
static void detail_of(const X509 *x, enum pki_result r, int error, char *buf, size_t cap)
{
    char issuer[PKI_NAME_TEXT_MAX];

    date_detail(x, r, buf, cap);
    if (r == PKI_UNKNOWN_ISSUER || r == PKI_CRL_MISSING || r == PKI_CRL_BAD) {
        name_to_text(X509_get_issuer_name(x), issuer, sizeof issuer);
        snprintf(buf, cap, "%s", issuer);
    } else if (r == PKI_OTHER) {
        snprintf(buf, cap, "%s", X509_verify_cert_error_string(error));
    }
}

static bool refuse_chain(X509_STORE_CTX *ctx, const struct pki_cert *cert, struct pki_why *why)
{
    int error = X509_STORE_CTX_get_error(ctx);
    const X509 *x = X509_STORE_CTX_get_current_cert(ctx);
    enum pki_result r = result_of(error);
    char detail[PKI_NAME_TEXT_MAX];

    if (!x)
        x = cert->x;
    detail_of(x, r, error, detail, sizeof detail);
    return x509_refuse(why, x, r, detail[0] ? detail : NULL);
}

static bool digest_is_broken(const X509 *x)
{
    int digest = NID_undef;

    if (X509_get_signature_info((X509 *)x, &digest, NULL, NULL, NULL) != 1)
        return false;
    return digest == NID_md5 || digest == NID_md4 || digest == NID_md2 || digest == NID_mdc2;
}

/* What OpenSSL lets pass for the sake of old certificates. */
static bool chain_is_sound(STACK_OF(X509) * chain, struct pki_why *why)
{
    int n = sk_X509_num(chain);

    for (int i = 0; i < n; i++) {
        X509 *x = sk_X509_value(chain, i);
        bool trusted_end = i == n - 1;
        if (!trusted_end && digest_is_broken(x))
            return x509_refuse(why, x, PKI_WEAK_DIGEST, NULL);
        if (i == 0)
            continue;
        int kind = X509_check_ca(x);
        if (kind != 1 && !(trusted_end && kind == 3))
            return x509_refuse(why, x, PKI_NOT_CA, NULL);
    }
    return true;
}

static STACK_OF(X509) *
    helpers(const struct pki_trust *t, struct pki_cert *const *extra, size_t n_extra)
{
    STACK_OF(X509) *all = sk_X509_new_null();

    for (size_t i = 0; all && i < n_extra; i++)
        sk_X509_push(all, extra[i]->x);
    for (size_t i = 0; all && i < t->all.n; i++)
        sk_X509_push(all, t->all.v[i]->x);
    return all;
}

static void verify_set(X509_STORE_CTX *ctx, const struct pki_trust *t, int64_t wall_s)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN; /* an authority need not be a root */

    if (t->policy != PKI_CRL_NONE)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    X509_VERIFY_PARAM_set_flags(param, flags);
    X509_VERIFY_PARAM_set_time(param, (time_t)wall_s);
    X509_VERIFY_PARAM_set_depth(param, PKI_CHAIN_MAX - 2); /* counts those between the ends */
    X509_STORE_CTX_set_app_data(ctx, (void *)t);
    X509_STORE_CTX_set_verify_cb(ctx, on_error);
}

bool pki_trust_verify(const struct pki_trust *t, const struct pki_cert *cert,
                      struct pki_cert *const *extra, size_t n_extra, int64_t wall_s,
                      struct pki_why *why)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *known = helpers(t, extra, n_extra);
    bool ok = ctx && known && X509_STORE_CTX_init(ctx, t->store, cert->x, known) == 1;

    if (!ok) {
        cert_refuse(why, cert, PKI_OTHER, "no memory");
    } else {
        verify_set(ctx, t, wall_s);
        ok = X509_verify_cert(ctx) == 1 ? chain_is_sound(X509_STORE_CTX_get0_chain(ctx), why)
                                        : refuse_chain(ctx, cert, why);
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_free(known);
    ERR_clear_error();
    return ok;
}

static const struct pki_cert *issuer_of(const struct pki_trust *t, const struct pki_cert *c)
{
    for (size_t i = 0; i < t->all.n; i++)
        if (X509_check_issued(t->all.v[i]->x, c->x) == X509_V_OK)
            return t->all.v[i];
    return NULL;
}

size_t pki_trust_issuers(const struct pki_trust *t, const struct pki_cert *cert,
                         const struct pki_cert **ret, size_t max)
{
    size_t n = 0;

    while (n < max && !pki_cert_is_self_signed(cert)) {
        cert = issuer_of(t, cert);
        if (!cert || pki_cert_is_self_signed(cert))
            break;
        ret[n++] = cert;
    }
    return n;
}

/* ---- a peer ---- */

static bool validity_ok(const struct pki_cert *c, int64_t wall_s, struct pki_why *why)
{
    enum pki_result r = wall_s < c->validity.not_before_s  ? PKI_NOT_YET_VALID
                        : wall_s > c->validity.not_after_s ? PKI_EXPIRED
                                                           : PKI_OK;
    char detail[PKI_NAME_TEXT_MAX];

    if (r == PKI_OK)
        return true;
    date_detail(c->x, r, detail, sizeof detail);
    return cert_refuse(why, c, r, detail);
}

/* A certificate that stands by itself has no chain, but may be on a list all the same. */
static bool listed_as_revoked(const struct pki_trust *t, const struct pki_cert *c)
{
    for (size_t i = 0; t->policy != PKI_CRL_NONE && i < t->n_crls; i++) {
        X509_REVOKED *entry = NULL;
        if (X509_NAME_cmp(X509_CRL_get_issuer(t->crls[i]->crl), X509_get_issuer_name(c->x)) == 0 &&
            X509_CRL_get0_by_cert(t->crls[i]->crl, &entry, c->x) == 1)
            return true;
    }
    return false;
}

static bool pinned_ok(const struct pki_trust *t, const struct pki_cert *own, int64_t wall_s,
                      struct pki_why *why)
{
    if (listed_as_revoked(t, own))
        return cert_refuse(why, own, PKI_REVOKED, NULL);
    return validity_ok(own, wall_s, why);
}

/* The peer's own certificate: the first that gives the identity, else the first. */
static size_t own_of(struct pki_cert *const *certs, size_t n, const struct isakmp_id *id)
{
    for (size_t i = 0; i < n; i++)
        if (pki_cert_covers(certs[i], id, NULL))
            return i;
    return 0;
}

static bool judge(const struct pki_trust *t, struct pki_cert *pinned, struct pki_cert *own,
                  struct pki_cert *const *certs, size_t n, const struct pki_claim *claim,
                  int64_t wall_s, struct pki_why *why)
{
    if (pinned && !pki_cert_same(own, pinned))
        return cert_refuse(why, own, PKI_NOT_PINNED, pinned->subject);
    if (pinned ? !pinned_ok(t, own, wall_s, why) : !pki_trust_verify(t, own, certs, n, wall_s, why))
        return false;
    if (!pki_cert_fits_ike(own, why) || !pki_cert_covers(own, claim->id, why))
        return false;
    return pki_signature_fits(own, claim->hash, claim->sig) ||
           cert_refuse(why, own, PKI_SIGNATURE, NULL);
}

static size_t parse_all(const struct pki_claim *claim, struct pki_cert **ret, struct pki_why *why)
{
    size_t n = 0;

    for (size_t i = 0; i < claim->n_certs && n < PKI_CHAIN_MAX; i++) {
        ret[n] = pki_cert_new(claim->certs[i], why);
        n += ret[n] != NULL;
    }
    return n;
}

bool pki_authenticate(const struct pki_trust *t, struct pki_cert *pinned,
                      const struct pki_claim *claim, int64_t wall_s, struct pki_cert **ret,
                      struct pki_why *why)
{
    struct pki_cert *certs[PKI_CHAIN_MAX], *own = NULL;
    size_t n;
    bool ok;

    pki_refuse(why, PKI_NO_CERTIFICATE, "certificate of the peer %s",
               pki_result_text(PKI_NO_CERTIFICATE));
    n = parse_all(claim, certs, why);
    if (n > 0)
        own = certs[own_of(certs, n, claim->id)];
    else if (claim->n_certs == 0)
        own = pinned; /* we have it already */
    ok = own && judge(t, pinned, own, certs, n, claim, wall_s, why);
    if (ok && why)
        *why = (struct pki_why){ .result = PKI_OK };
    if (ok && ret)
        *ret = pki_cert_ref(own);
    for (size_t i = 0; i < n; i++)
        pki_cert_unref(certs[i]);
    return ok;
}
