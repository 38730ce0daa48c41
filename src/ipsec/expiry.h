/* A binary heap of SAs by the time their next limit is reached: the control thread's only timer,
 * so that a tick costs nothing for SAs that are not due. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sa;

struct expiry_entry {
    uint64_t due_ms;
    struct sa *sa; /* borrowed; sa->heap_pos finds the entry */
};

struct expiry {
    struct expiry_entry *entries;
    uint32_t n, cap;
};

void expiry_fini(struct expiry *x);
/* Puts SA in, or moves it when it is in already. */
void expiry_set(struct expiry *x, struct sa *sa, uint64_t due_ms);
void expiry_remove(struct expiry *x, struct sa *sa); /* accepts an SA that is not in */
/* The SA due first, when it is due by NOW_MS; stays in. NULL: none. */
struct sa *expiry_due(const struct expiry *x, uint64_t now_ms);
