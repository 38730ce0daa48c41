#include "expiry.h"

#include "engine_priv.h"
#include "text.h"

#include <stdlib.h>

void expiry_fini(struct expiry *x)
{
    free(x->entries);
    *x = (struct expiry){ 0 };
}

static void entry_put(struct expiry *x, uint32_t at, struct expiry_entry entry)
{
    x->entries[at] = entry;
    entry.sa->heap_pos = at + 1;
}

static uint32_t entry_rise(struct expiry *x, uint32_t at)
{
    struct expiry_entry entry = x->entries[at];

    while (at > 0 && x->entries[(at - 1) / 2].due_ms > entry.due_ms) {
        entry_put(x, at, x->entries[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    entry_put(x, at, entry);
    return at;
}

static void entry_sink(struct expiry *x, uint32_t at)
{
    struct expiry_entry entry = x->entries[at];

    for (uint32_t child; (child = 2 * at + 1) < x->n; at = child) {
        if (child + 1 < x->n && x->entries[child + 1].due_ms < x->entries[child].due_ms)
            child++;
        if (entry.due_ms <= x->entries[child].due_ms)
            break;
        entry_put(x, at, x->entries[child]);
    }
    entry_put(x, at, entry);
}

void expiry_set(struct expiry *x, struct sa *sa, uint64_t due_ms)
{
    if (sa->heap_pos == 0) {
        if (x->n == x->cap) {
            x->cap = x->cap ? 2 * x->cap : 64;
            x->entries = xrealloc(x->entries, x->cap * sizeof(*x->entries));
        }
        sa->heap_pos = ++x->n;
    }
    uint32_t at = sa->heap_pos - 1;
    x->entries[at] = (struct expiry_entry){ .due_ms = due_ms, .sa = sa };
    entry_sink(x, entry_rise(x, at));
}

void expiry_remove(struct expiry *x, struct sa *sa)
{
    uint32_t pos = sa->heap_pos;

    if (pos == 0)
        return;
    sa->heap_pos = 0;
    x->n--;
    if (pos - 1 == x->n)
        return;
    entry_put(x, pos - 1, x->entries[x->n]);
    entry_sink(x, entry_rise(x, pos - 1));
}

struct sa *expiry_due(const struct expiry *x, uint64_t now_ms)
{
    return x->n > 0 && x->entries[0].due_ms <= now_ms ? x->entries[0].sa : NULL;
}
