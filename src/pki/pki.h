/* Certificates (X.509, RFC 5280) and RSA keys as IKEv1 uses them: RFC 2409 5.1, RFC 4945.
 *
 * Bytes in, bytes out: no files, no clock (the wall time is passed in), no logging. OpenSSL does
 * the X.509 work. Certificates, keys, revocation lists and what is trusted are immutable and shared
 * by count, so that the threads of the helper pool use them without locks. What was refused, and
 * why, comes back as an enum and a sentence that names the certificate. */
#pragma once

#include "slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PKI_CERT_BYTES_MAX = 16384, /* DER */
    PKI_CRL_BYTES_MAX = 65536,
    PKI_IMPORT_BYTES_MAX = 131072, /* of one file */
    PKI_IMPORT_OBJECTS_MAX = 64,   /* in one file */
    PKI_CHAIN_MAX = 8,             /* certificates from the peer's to the trusted one */
    PKI_KDF_ROUNDS_MAX = 2000000,  /* of a passphrase, in one file */
    PKI_RSA_BITS_MIN = 1024,
    PKI_RSA_BITS_WEAK = 2048, /* below: told of */
    PKI_RSA_BITS_MAX = 8192,
    PKI_RSA_EXPONENT_MIN = 5, /* 3 let forgeries through careless verifiers */
    PKI_RSA_EXPONENT_BITS_MAX = 64,
    PKI_SIGNATURE_MAX = PKI_RSA_BITS_MAX / 8,
    PKI_FINGERPRINT_TEXT = 65, /* SHA-256 in hex, with the NUL */
    PKI_NAME_TEXT_MAX = 256,
    PKI_WHY_MAX = 384
};

/* Why something was refused; the text stands behind what it is about. */
#define PKI_RESULTS(X)                                                                             \
    X(OK, "is good")                                                                               \
    X(MALFORMED, "is malformed")                                                                   \
    X(LIMIT, "is larger than this gateway takes")                                                  \
    X(PASSPHRASE, "cannot be decrypted: wrong passphrase")                                         \
    X(KEY_TYPE, "is not RSA")                                                                      \
    X(KEY_WEAK, "has a key that must not be used")                                                 \
    X(EXPIRED, "has expired")                                                                      \
    X(NOT_YET_VALID, "is not yet valid")                                                           \
    X(UNKNOWN_ISSUER, "has an issuer that is not known or not trusted")                            \
    X(CERT_SIGNATURE, "has a signature that is bad")                                               \
    X(WEAK_DIGEST, "is signed with a broken digest")                                               \
    X(NOT_CA, "may not issue certificates")                                                        \
    X(PATH_LENGTH, "stands under a longer path than its issuer allows")                            \
    X(NAME_CONSTRAINT, "has a name that its issuer may not give")                                  \
    X(KEY_USAGE, "is not for authentication in IKE")                                               \
    X(EXTENSION, "has a critical extension that is not known")                                     \
    X(CHAIN_LONG, "has a chain of issuers that is too long")                                       \
    X(REVOKED, "is revoked")                                                                       \
    X(CRL_MISSING, "has an issuer without revocation list")                                        \
    X(CRL_BAD, "has an issuer whose revocation list cannot be used")                               \
    X(ID_MISMATCH, "does not cover the identity")                                                  \
    X(NOT_PINNED, "is not the remote-certificate of the peer entry")                               \
    X(NO_CERTIFICATE, "is missing")                                                                \
    X(SIGNATURE, "does not fit the signature of the exchange")                                     \
    X(OTHER, "is refused")

enum pki_result {
#define X(id, text) PKI_##id,
    PKI_RESULTS(X)
#undef X
        PKI_RESULT_COUNT
};

const char *pki_result_text(enum pki_result r);

struct pki_why {
    enum pki_result result;
    char text[PKI_WHY_MAX]; /* a sentence; empty with PKI_OK */
};

/* Fills WHY (which may be NULL): "certificate C=LV,CN=gw has expired: ...". Returns false. */
bool pki_refuse(struct pki_why *why, enum pki_result r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
