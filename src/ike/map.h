/* A hash table of things that carry their own link. The caller hashes with a secret key (hash.h),
 * so whoever picks cookies or addresses cannot pile them up, and compares keys itself. Borrows
 * everything in it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct map_link {
    struct map_link *next;
    uint64_t hash;
};

struct map { /* zeroed: empty */
    struct map_link **buckets;
    size_t n_buckets, n;
    size_t none_below; /* buckets before this one are empty */
};

void map_fini(struct map *m);
void map_put(struct map *m, struct map_link *link, uint64_t hash);
void map_remove(struct map *m, struct map_link *link);
/* Those of equal hash one after the other; NULL: no more. */
struct map_link *map_first(const struct map *m, uint64_t hash);
struct map_link *map_next(const struct map_link *link);
struct map_link *map_any(struct map *m); /* NULL: empty */

#define map_owner(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
