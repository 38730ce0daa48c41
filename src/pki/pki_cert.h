/* One certificate, parsed, held to the limits, immutable. */
#pragma once

#include "pki.h"
#include "text.h"

struct pki_cert;

/* DER, all of it; the key may be of any kind. NULL with the reason. */
struct pki_cert *pki_cert_new(struct slice der, struct pki_why *why);
struct pki_cert *pki_cert_ref(struct pki_cert *c); /* accepts NULL */
void pki_cert_unref(struct pki_cert *c);           /* accepts NULL; any thread */
bool pki_cert_same(const struct pki_cert *a, const struct pki_cert *b); /* both NULL: same */

/* Borrowed from the certificate. */
struct slice pki_cert_der(const struct pki_cert *c);
struct slice pki_cert_subject(const struct pki_cert *c); /* DER of the name: what an ID carries */
struct slice pki_cert_issuer(const struct pki_cert *c);
const char *pki_cert_fingerprint(const struct pki_cert *c);  /* SHA-256, lower-case hex */
const char *pki_cert_subject_text(const struct pki_cert *c); /* "C=LV,O=Lab,CN=gw" */
const char *pki_cert_issuer_text(const struct pki_cert *c);
const char *pki_cert_serial_text(const struct pki_cert *c); /* hex, upper case, whole bytes */

struct pki_validity {
    int64_t not_before_s, not_after_s; /* wall time */
};
struct pki_validity pki_cert_validity(const struct pki_cert *c);
bool pki_cert_is_self_signed(const struct pki_cert *c); /* by its names; the signature may lie */
bool pki_cert_may_issue(const struct pki_cert *c); /* CA, or of the time before the extension */
enum pki_key_kind { PKI_KEY_RSA, PKI_KEY_DSA, PKI_KEY_OTHER };
enum pki_key_kind pki_cert_key_kind(const struct pki_cert *c);
unsigned pki_cert_key_bits(const struct pki_cert *c);
/* The subjectAltName as commands take it: "DNS:gw.example,IP:192.0.2.1". */
void pki_cert_alt_names(const struct pki_cert *c, struct text *out);

/* RFC 4945 5.1.3: an RSA key within the limits, and usage that allows signing in IKE. */
bool pki_cert_fits_ike(const struct pki_cert *c, struct pki_why *why);

/* "nov/23/2026 20:55:12", UTC, as the console writes dates. */
#define PKI_DATE_TEXT_MAX 40
char *pki_date_text(int64_t wall_s, char buf[PKI_DATE_TEXT_MAX]);
