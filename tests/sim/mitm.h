/* Somebody between two engines of this process who knows every key: opens what either of them
 * sealed, changes payloads, and seals it again with the hash and IV that the receiver will compute.
 * So bad input reaches what is behind the cryptography. The plain text is seen where it is sealed
 * (linker wrapping of cbc_seal), the receiver's keys are read out of its engine.
 *
 * Link with -Wl,--wrap=cbc_seal. For tests and fuzz targets. */
#pragma once

#include "ike.h"
#include "keymat.h"

#include <stdbool.h>

enum { MITM_BYTES_MAX = 16384 };

struct mitm_msg { /* header and payloads in the clear, no padding */
    uint8_t b[MITM_BYTES_MAX];
    size_t len;
    bool sealed; /* was on the wire */
};

struct mitm_payload {
    uint8_t type;
    size_t type_at; /* offset of the byte that names its type */
    size_t at, len; /* with the generic header */
};

/* False when the message is none, or was not sealed by an engine of this process recently. */
bool mitm_open(const uint8_t *bytes, size_t len, struct mitm_msg *ret);
/* A message to the engine TO under its phase 1 SA of these cookies, without payloads. */
void mitm_begin(struct mitm_msg *m, const struct ike_cookies *cookies, uint8_t exchange,
                uint32_t id);

unsigned mitm_count(const struct mitm_msg *m);
/* The Ith payload, from 0; its length is cut to what is there. */
bool mitm_find(const struct mitm_msg *m, unsigned i, struct mitm_payload *ret);
bool mitm_find_type(const struct mitm_msg *m, uint8_t type, struct mitm_payload *ret);
void mitm_remove(struct mitm_msg *m, unsigned i);
/* Before payload I; at the end when there are no more. */
void mitm_insert(struct mitm_msg *m, unsigned i, uint8_t type, struct slice body);

/* Puts the HASH right that TO will look for: HASH(1) to HASH(3), HASH_I or HASH_R. Does nothing
 * where TO knows no SA or the message has no HASH payload of the right length. */
void mitm_rehash(struct ike *to, struct mitm_msg *m);
/* Pads and encrypts as TO expects, sets the length; as it is when it was not sealed. The length, or
 * 0 when TO has no SA of these cookies. */
size_t mitm_seal(struct ike *to, const struct mitm_msg *m, uint8_t *ret, size_t cap);
