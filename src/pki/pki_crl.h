/* A certificate revocation list, immutable. */
#pragma once

#include "pki_cert.h"

struct pki_crl;

struct pki_crl *pki_crl_new(struct slice der, struct pki_why *why);
struct pki_crl *pki_crl_ref(struct pki_crl *c); /* accepts NULL */
void pki_crl_unref(struct pki_crl *c);          /* accepts NULL */
struct slice pki_crl_der(const struct pki_crl *c);
const char *pki_crl_fingerprint(const struct pki_crl *c);
const char *pki_crl_issuer_text(const struct pki_crl *c);
bool pki_crl_same_issuer(const struct pki_crl *a, const struct pki_crl *b);
int64_t pki_crl_last_update_s(const struct pki_crl *c);
int64_t pki_crl_next_update_s(const struct pki_crl *c); /* 0: not said */
size_t pki_crl_count(const struct pki_crl *c);          /* of revoked certificates */
/* Made by the bearer of C. */
bool pki_crl_is_of(const struct pki_crl *crl, const struct pki_cert *c);
