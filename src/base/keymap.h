/* A map from byte strings to numbers, for the control side: deduplication, numbering. Owns copies
 * of its keys; entries are never removed. Keys come from configuration, at most as many as it has.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keymap_entry;

struct keymap {
    struct keymap_entry *table; /* open addressing, power of two */
    size_t cap, n;
};

void keymap_fini(struct keymap *m); /* a zeroed keymap is an empty one */
/* The number stored under KEY; stores VALUE first when there is none. *ret_new tells which. */
uint32_t keymap_put(struct keymap *m, const void *key, size_t len, uint32_t value, bool *ret_new);
/* False: nothing is stored under KEY. */
bool keymap_find(const struct keymap *m, const void *key, size_t len, uint32_t *ret);
