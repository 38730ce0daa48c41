#include "map.h"

#include "text.h"

#include <stdlib.h>

void map_fini(struct map *m)
{
    free(m->buckets);
    *m = (struct map){ 0 };
}

static void link_in(struct map *m, struct map_link *link)
{
    size_t i = link->hash & (m->n_buckets - 1);

    link->next = m->buckets[i];
    m->buckets[i] = link;
    if (i < m->none_below)
        m->none_below = i;
}

static void grow(struct map *m)
{
    struct map_link **old = m->buckets;
    size_t n_old = m->n_buckets;

    m->n_buckets = n_old ? 2 * n_old : 64;
    m->buckets = xcalloc(m->n_buckets, sizeof *m->buckets);
    m->none_below = 0;
    for (size_t i = 0; i < n_old; i++) {
        for (struct map_link *l = old[i], *next; l; l = next) {
            next = l->next;
            link_in(m, l);
        }
    }
    free(old);
}

void map_put(struct map *m, struct map_link *link, uint64_t hash)
{
    if (m->n >= m->n_buckets)
        grow(m);
    link->hash = hash;
    link_in(m, link);
    m->n++;
}

void map_remove(struct map *m, struct map_link *link)
{
    struct map_link **at = &m->buckets[link->hash & (m->n_buckets - 1)];

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    link->next = NULL;
    m->n--;
}

static struct map_link *of_hash(struct map_link *l, uint64_t hash)
{
    while (l && l->hash != hash)
        l = l->next;
    return l;
}

struct map_link *map_first(const struct map *m, uint64_t hash)
{
    return m->n ? of_hash(m->buckets[hash & (m->n_buckets - 1)], hash) : NULL;
}

struct map_link *map_next(const struct map_link *link)
{
    return of_hash(link->next, link->hash);
}

struct map_link *map_any(struct map *m)
{
    if (m->n == 0)
        return NULL;
    while (!m->buckets[m->none_below])
        m->none_below++;
    return m->buckets[m->none_below];
}
