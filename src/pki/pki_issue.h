/* A small certificate authority: certificates and requests from a template. */
#pragma once

#include "pki_key.h"

/* Bits of key usage, in the order of names in commands. */
enum pki_usage {
    PKI_USAGE_DIGITAL_SIGNATURE = 1 << 0,
    PKI_USAGE_CONTENT_COMMITMENT = 1 << 1,
    PKI_USAGE_KEY_ENCIPHERMENT = 1 << 2,
    PKI_USAGE_DATA_ENCIPHERMENT = 1 << 3,
    PKI_USAGE_KEY_AGREEMENT = 1 << 4,
    PKI_USAGE_KEY_CERT_SIGN = 1 << 5,
    PKI_USAGE_CRL_SIGN = 1 << 6,
    PKI_USAGE_TLS_SERVER = 1 << 7,
    PKI_USAGE_TLS_CLIENT = 1 << 8,
    PKI_USAGE_IPSEC_IKE = 1 << 9
};

struct pki_template { /* borrows; texts are UTF-8, NULL or empty: left out */
    const char *country, *state, *locality, *organization, *unit, *common_name;
    const char *alt_names; /* "IP:192.0.2.1,DNS:gw.example,email:a@b.example" */
    uint32_t usage;        /* PKI_USAGE_*; with KEY_CERT_SIGN it is an authority */
    int64_t days;
};

/* A template that cannot become a certificate is found before a key is made. */
bool pki_template_ok(const struct pki_template *t, struct pki_why *why);

/* For the public half of KEY, signed by ISSUER_KEY; without ISSUER self-signed (by KEY itself).
 * NULL with the reason: the issuer may not issue, the key is not its own. */
struct pki_cert *pki_issue(const struct pki_template *t, const struct pki_key *key,
                           const struct pki_cert *issuer, const struct pki_key *issuer_key,
                           int64_t wall_s, struct pki_why *why);

/* DER of a PKCS#10 request; the caller frees. */
struct slice pki_request(const struct pki_template *t, const struct pki_key *key);
/* For a request: its subject, its subjectAltName and its key, whose possession it proves by its
 * signature. Everything else is T's. */
struct pki_cert *pki_issue_request(const struct pki_template *t, struct slice request,
                                   const struct pki_cert *issuer, const struct pki_key *issuer_key,
                                   int64_t wall_s, struct pki_why *why);
