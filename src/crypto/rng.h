/* Random bytes for IVs, SPIs, IP identifications: a per-thread buffered generator over
 * getrandom(2) (an AES-CTR or ChaCha20 stream reseeded often), no system call per packet. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rng;

struct rng *rng_new(void); /* ends the process when the kernel gives no randomness */
/* A fixed stream for tests: never for keys, never in the daemon. */
struct rng *rng_new_fixed(uint64_t seed);
void rng_free(struct rng *r);
void rng_bytes(struct rng *r, void *out, size_t len);
uint32_t rng_u32(struct rng *r);
