/* Signatures of IKEv1 (RFC 2409 5.1): RSA over the bare HASH_I or HASH_R with PKCS#1 type 1 padding
 * (00 01 ff..ff 00 | hash) and no DigestInfo. The block is built whole and compared whole, so that
 * there is nothing to parse that a forger could fill (RFC 8017 8.2.2 note). */
#pragma once

#include "pki_key.h"

/* Into RET, PKI_SIGNATURE_MAX bytes; its length is that of the modulus, 0 when the hash does not
 * fit. Checked before it leaves: a faulty one would give the key away. */
size_t pki_sign(const struct pki_key *k, struct slice hash, uint8_t *ret);
bool pki_signature_fits(const struct pki_cert *c, struct slice hash, struct slice sig);
