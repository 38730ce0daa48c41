#include "bulk_priv.h"

void bulk_seal(struct bulk *b, struct bulk_job *jobs, unsigned n)
{
    bulk_run(b, jobs, n, true);
}

void bulk_open(struct bulk *b, struct bulk_job *jobs, unsigned n)
{
    bulk_run(b, jobs, n, false);
}
