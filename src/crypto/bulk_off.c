/* The bench build's stand-in for bulk_apply.c (meson -Dbench_no_crypto=true): packets keep their
 * shape and travel the whole path, nothing is encrypted or checked. It shows what everything but
 * cryptography costs. Such a daemon says so whenever it starts. */
#include "bulk.h"
#include "log.h"

void bulk_seal(struct bulk *b, struct bulk_job *jobs, unsigned n)
{
    (void)b;
    for (unsigned i = 0; i < n; i++)
        jobs[i].ok = true;
}

void bulk_open(struct bulk *b, struct bulk_job *jobs, unsigned n)
{
    bulk_seal(b, jobs, n);
}

bool bulk_self_test(struct bulk *b, const char **ret_failed)
{
    (void)b;
    *ret_failed = NULL;
    log_warning("crypto", "BENCH BUILD: nothing is encrypted or authenticated");
    return true;
}
