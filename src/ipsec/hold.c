#include "hold.h"

static struct held *of_slot(struct hold *h, uint32_t slot)
{
    for (unsigned i = 0; i < h->n; i++)
        if (h->at[i].slot == slot)
            return &h->at[i];
    return NULL;
}

static struct held *oldest(struct hold *h)
{
    struct held *old = h->at;

    for (unsigned i = 1; i < h->n; i++)
        if (h->at[i].until_ms < old->until_ms)
            old = &h->at[i];
    return old;
}

bool hold_put(struct hold *h, const struct held *held, struct held *ret_gone)
{
    struct held *at = of_slot(h, held->slot);

    if (!at && h->n < HOLD_MAX) {
        h->at[h->n++] = *held;
        return false;
    }
    /* One that is put aside again keeps its time, and may meet a newer one of its policy. */
    if (at && at->until_ms > held->until_ms) {
        *ret_gone = *held;
        return true;
    }
    at = at ? at : oldest(h);
    *ret_gone = *at;
    *at = *held;
    return true;
}

struct held hold_take(struct hold *h, unsigned i)
{
    struct held held = h->at[i];

    h->at[i] = h->at[--h->n];
    return held;
}
