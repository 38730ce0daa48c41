/* What this gateway trusts, as one immutable snapshot: the certificates marked as authorities,
 * those known besides (they complete chains), revocation lists. Judges certificates of peers: RFC
 * 5280 6, RFC 4945 5.1, with the wall time passed in. */
#pragma once

#include "pki_bind.h"
#include "pki_crl.h"

enum pki_crl_policy {
    PKI_CRL_NONE,       /* revocation lists are not looked at */
    PKI_CRL_IF_PRESENT, /* where there is one it decides, however old */
    PKI_CRL_REQUIRED    /* every issuer needs a current one */
};

struct pki_trust;

/* Built by one thread, then shared. Everything added is shared, too. */
struct pki_trust *pki_trust_new(enum pki_crl_policy policy);
void pki_trust_add(struct pki_trust *t, struct pki_cert *c, bool authority);
void pki_trust_add_crl(struct pki_trust *t, struct pki_crl *crl);
struct pki_trust *pki_trust_ref(struct pki_trust *t); /* accepts NULL */
void pki_trust_unref(struct pki_trust *t);            /* accepts NULL */

/* The subjects of authorities, DER: what a certificate request names. NULL behind the last. */
const struct pki_cert *pki_trust_authority(const struct pki_trust *t, size_t i);

/* Whether CERT leads to an authority; EXTRA came with it from wherever it came. */
bool pki_trust_verify(const struct pki_trust *t, const struct pki_cert *cert,
                      struct pki_cert *const *extra, size_t n_extra, int64_t wall_s,
                      struct pki_why *why);

/* The chain to send with our own certificate: up to MAX issuers known here, without a self-signed
 * end. Borrowed. Returns how many. */
size_t pki_trust_issuers(const struct pki_trust *t, const struct pki_cert *cert,
                         const struct pki_cert **ret, size_t max);

/* What a peer showed to prove who it is. */
struct pki_claim {
    const struct slice *certs; /* DER, in the order of the message; its own is among them */
    size_t n_certs;
    const struct isakmp_id *id;
    struct slice hash, sig;
};

/* The whole judgement, in this order: parse, chain (or, with PINNED, that very certificate, which
 * needs no chain), validity, use, identity, signature. Of several certificates the first that gives
 * the identity is the peer's. The peer's certificate, shared, in RET (may be NULL). */
bool pki_authenticate(const struct pki_trust *t, struct pki_cert *pinned,
                      const struct pki_claim *claim, int64_t wall_s, struct pki_cert **ret,
                      struct pki_why *why);
