/* For *_test.c of src/pki: files of tests/vectors/certificates, made by openssl. */
#pragma once

#include "pki_import.h"
#include "pki_trust.h"
#include "unit.h"

enum { KIT_NOW_S = 1767225600 /* 2026-01-01 */ };

/* The caller frees. */
struct slice kit_file(const char *name);
struct pki_bundle kit_bundle(const char *name, const char *passphrase);
struct pki_cert *kit_cert(const char *name); /* NAME.pem, must be one */
struct pki_key *kit_key(const char *name);   /* NAME.key, must be one */
/* Trusts the names in AUTHORITIES, a list with commas; knows those in OTHERS (NULL: none). */
struct pki_trust *kit_trust(const char *authorities, const char *others, enum pki_crl_policy p);
