/* Pairs of addresses, and what is between them. */
#include "ike_priv.h"
#include "text.h"

#include <stdlib.h>

static uint64_t pair_hash(const struct ike *ike, const struct ip_addr *local,
                          const struct ip_addr *remote)
{
    struct ip_addr pair[2] = { *local, *remote };

    return hash_bytes(&ike->hash_key, pair, sizeof pair);
}

struct host *host_find(const struct ike *ike, const struct ip_addr *local,
                       const struct ip_addr *remote)
{
    struct map_link *l = map_first(&ike->hosts, pair_hash(ike, local, remote));

    for (; l; l = map_next(l)) {
        struct host *h = map_owner(l, struct host, link);

        if (ip_addr_equal(&h->local, local) && ip_addr_equal(&h->remote, remote))
            return h;
    }
    return NULL;
}

struct host *host_get(struct ike *ike, const struct ip_addr *local, const struct ip_addr *remote)
{
    struct host *h = host_find(ike, local, remote);

    if (h)
        return h;
    h = xcalloc(1, sizeof *h);
    h->ike = ike;
    h->local = *local;
    h->remote = *remote;
    TAILQ_INIT(&h->phase1s);
    TAILQ_INIT(&h->policies);
    TAILQ_INIT(&h->waiting);
    TAILQ_INIT(&h->children);
    map_put(&ike->hosts, &h->link, pair_hash(ike, local, remote));
    return h;
}

static bool is_empty(const struct host *h)
{
    return TAILQ_EMPTY(&h->phase1s) && TAILQ_EMPTY(&h->policies) && TAILQ_EMPTY(&h->children);
}

void host_release(struct ike *ike, struct host *h)
{
    if (h->idle || !is_empty(h))
        return;
    h->idle = true;
    TAILQ_INSERT_TAIL(&ike->idle_hosts, h, in_idle);
}

void hosts_bury(struct ike *ike)
{
    struct host *h;

    while ((h = TAILQ_FIRST(&ike->idle_hosts))) {
        TAILQ_REMOVE(&ike->idle_hosts, h, in_idle);
        h->idle = false;
        if (!is_empty(h))
            continue;
        timer_stop(&ike->timers, &h->care);
        map_remove(&ike->hosts, &h->link);
        free(h);
    }
}

static bool is_newer(const struct phase1 *p1, const struct phase1 *than)
{
    return p1->main->state == P1_UP && (!than || p1->established_ms > than->established_ms);
}

struct phase1 *host_up(const struct host *h)
{
    struct phase1 *p1, *best = NULL;

    TAILQ_FOREACH(p1, &h->phase1s, in_host)
    {
        if (is_newer(p1, best))
            best = p1;
    }
    return best;
}

struct phase1 *host_up_for(const struct host *h, const struct child *c)
{
    struct phase1 *p1, *best = NULL;

    TAILQ_FOREACH(p1, &h->phase1s, in_host)
    {
        if (p1->remote_id == c->remote_id && is_newer(p1, best))
            best = p1;
    }
    return best ? best : host_up(h);
}

struct phase1 *host_negotiating(const struct host *h)
{
    struct phase1 *p1;

    /* Only our own: anybody can start one with us, and let us wait. */
    TAILQ_FOREACH(p1, &h->phase1s, in_host)
    {
        if (p1->initiator && p1->main->state != P1_UP)
            return p1;
    }
    return NULL;
}
