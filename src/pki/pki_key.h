/* An RSA private key, held to the limits and proven to work once; immutable. */
#pragma once

#include "pki_cert.h"

struct pki_key;

/* PKCS#8 or PKCS#1, unencrypted DER, all of it. NULL with the reason. */
struct pki_key *pki_key_new(struct slice der, struct pki_why *why);
/* A fresh one; BITS within the limits. Takes seconds from 4096 bits on: for a thread of the pool.
 */
struct pki_key *pki_key_generate(unsigned bits, struct pki_why *why);
struct pki_key *pki_key_ref(struct pki_key *k); /* accepts NULL */
void pki_key_unref(struct pki_key *k);          /* accepts NULL; wipes with the last */
bool pki_key_matches(const struct pki_key *k, const struct pki_cert *c);
bool pki_key_same(const struct pki_key *a, const struct pki_key *b); /* both NULL: same */
unsigned pki_key_bits(const struct pki_key *k);
/* Unencrypted PKCS#8: for the store alone. The caller wipes and frees. */
struct slice pki_key_der(const struct pki_key *k);
