/* Shared by bulk.c and its two back ends; nobody else includes it. */
#pragma once

#include "bulk.h"

enum {
    BULK_BATCH = 64,       /* jobs handed to a back end together */
    BULK_ICV_LEN = 12,     /* HMAC truncated to 96 bits */
    HMAC_BLOCK_LEN = 64,   /* MD5 and SHA-1 alike */
    MB_MAX_BYTES = 0xfff0, /* ipsec-mb keeps lane lengths in 16 bits */
};

/* -- OpenSSL: one packet after the other. */
struct ossl;

struct ossl *ossl_new(void);
void ossl_free(struct ossl *o);
/* Fills ipad and opad of KEY, whose auth is set already. */
void ossl_hmac_key_init(struct bulk_key *key, const uint8_t *auth_key, size_t len);
void ossl_run(struct ossl *o, struct bulk_job *const *jobs, unsigned n, bool seal);

/* -- ipsec-mb: lanes of two managers. The wide one has the widest vectors of the processor, the
 * narrow one SHA-NI and few lanes, so that a handful of packets does not pay for empty lanes. */
struct mb;

enum mb_route { MB_WIDE, MB_NARROW, MB_OPENSSL };

/* NULL when the processor (or the build) has none. */
struct mb *mb_new(void);
void mb_free(struct mb *m);
void mb_describe(const struct mb *m, char *ret, size_t size);
/* Expands raw into sched for the key's direction. */
void mb_key_init(const struct mb *m, struct bulk_key *key);
/* Who is fastest with *N packets of one suite and this mean length; may lower *N to how many that
 * holds for. */
enum mb_route mb_route(const struct mb *m, enum cipher_alg cipher, enum auth_alg auth,
                       unsigned mean_bytes, unsigned *n);
/* Queues jobs; at most BULK_BATCH between two flushes. They are done after mb_flush(). */
void mb_submit(struct mb *m, enum mb_route route, struct bulk_job *const *jobs, unsigned n,
               bool seal);
void mb_flush(struct mb *m);

/* bulk.c: sorts N jobs by suite and runs them; the work behind bulk_seal and bulk_open. */
void bulk_run(struct bulk *b, struct bulk_job *jobs, unsigned n, bool seal);
