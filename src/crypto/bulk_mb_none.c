/* Stands in for bulk_ipsec_mb.c in a build without that library: there is never a manager. */
#include "bulk_priv.h"

struct mb *mb_new(void)
{
    return NULL;
}

void mb_free(struct mb *m)
{
    (void)m;
}

void mb_describe(const struct mb *m, char *ret, size_t size)
{
    (void)m;
    if (size)
        ret[0] = '\0';
}

void mb_key_init(const struct mb *m, struct bulk_key *key)
{
    (void)m;
    key->has_sched = false;
}

enum mb_route mb_route(const struct mb *m, enum cipher_alg cipher, enum auth_alg auth,
                       unsigned mean_bytes, unsigned *n)
{
    (void)m, (void)cipher, (void)auth, (void)mean_bytes, (void)n;
    return MB_OPENSSL;
}

void mb_submit(struct mb *m, enum mb_route route, struct bulk_job *const *jobs, unsigned n,
               bool seal)
{
    (void)m, (void)route, (void)jobs, (void)n, (void)seal;
}

void mb_flush(struct mb *m)
{
    (void)m;
}
