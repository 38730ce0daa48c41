#include "pkt.h"

#include "text.h"

#include <stdlib.h>

void pkt_pool_init(struct pkt_pool *pool, unsigned max_small, unsigned max_large)
{
    *pool = (struct pkt_pool){ .max_small = max_small, .max_large = max_large };
}

static void list_free(struct pkt *p)
{
    while (p) {
        struct pkt *next = p->next;
        free(p);
        p = next;
    }
}

void pkt_pool_fini(struct pkt_pool *pool)
{
    list_free(pool->small);
    list_free(pool->large);
    *pool = (struct pkt_pool){ 0 };
}

static struct pkt *pkt_new(size_t bytes, bool large)
{
    uint32_t room = (uint32_t)(PKT_HEADROOM + bytes + PKT_TAILROOM);
    struct pkt *p = xmalloc(sizeof(*p) + room);

    p->room_bytes = room;
    p->large = large;
    return p;
}

static struct pkt *take(struct pkt **list, unsigned *n, unsigned max, size_t bytes, bool large)
{
    struct pkt *p = *list;

    if (p) {
        *list = p->next;
        return p;
    }
    if (*n == max)
        return NULL;
    ++*n;
    return pkt_new(bytes, large);
}

struct pkt *pkt_get(struct pkt_pool *pool, size_t bytes)
{
    struct pkt *p;

    if (bytes <= PKT_SMALL_BYTES)
        p = take(&pool->small, &pool->n_small, pool->max_small, PKT_SMALL_BYTES, false);
    else if (bytes <= PKT_LARGE_BYTES)
        p = take(&pool->large, &pool->n_large, pool->max_large, PKT_LARGE_BYTES, true);
    else
        return NULL;
    if (!p)
        return NULL;
    uint32_t room = p->room_bytes;
    bool large = p->large;
    *p = (struct pkt){ .data = p->buf + PKT_HEADROOM, .room_bytes = room, .large = large };
    return p;
}

void pkt_put(struct pkt_pool *pool, struct pkt *p)
{
    if (!p)
        return;
    struct pkt **list = p->large ? &pool->large : &pool->small;
    p->next = *list;
    *list = p;
}
