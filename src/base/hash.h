/* SipHash-2-4: a keyed hash, so that whoever picks the keys of a table (addresses, SPIs, cookies)
 * cannot pile them into one bucket. Aumasson and Bernstein, 2012. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

uint64_t hash_bytes(const struct hash_key *key, const void *p, size_t len);
