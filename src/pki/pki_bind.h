/* Whether an ISAKMP identity is one its bearer's certificate gives: RFC 4945 3.1, 5.1.3. */
#pragma once

#include "isakmp_id.h"
#include "pki_cert.h"

/* A DN must be the subject (compared by the rules of X.509 names), any other identity one
 * subjectAltName of its type, whole: no wildcards, no parts, no NUL inside. Case counts in the
 * local part of an address of mail, not in names of hosts. Key IDs and subnets no certificate
 * covers. */
bool pki_cert_covers(const struct pki_cert *c, const struct isakmp_id *id, struct pki_why *why);
