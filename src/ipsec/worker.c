/* One worker: its state, clock, counters and reports. The packet path is in output.c and input.c.
 */
#include "text.h"
#include "worker_priv.h"

#include <stdlib.h>
#include <string.h>

static uint64_t rng_u64(struct rng *rng)
{
    uint64_t v;

    rng_bytes(rng, &v, sizeof(v));
    return v;
}

struct ipsec_worker *ipsec_worker_new(struct ipsec *e, unsigned index, struct rng *rng,
                                      const struct ipsec_sink *sink)
{
    struct bulk *bulk = bulk_new(e->backend);
    struct ipsec_worker *w;

    if (!bulk)
        return NULL;
    if (posix_memalign((void **)&w, 64, sizeof(*w)) != 0)
        abort();
    memset(w, 0, sizeof(*w));
    w->e = e;
    w->index = index;
    w->rng = rng;
    w->sink = *sink;
    w->bulk = bulk;
    pkt_pool_init(&w->pool, POOL_SMALL_MAX, POOL_LARGE_MAX);
    w->flows = flow_cache_new(rng_u64(rng));
    w->verdicts = verdicts_new(rng_u64(rng));
    w->reassembly = reassembly_new(&w->pool);
    e->workers[index] = w;
    return w;
}

void ipsec_worker_free(struct ipsec_worker *w)
{
    if (!w)
        return;
    w->e->workers[w->index] = NULL;
    while (w->hold.n)
        pkt_put(&w->pool, hold_take(&w->hold, 0).pkt);
    reassembly_free(w->reassembly);
    verdicts_free(w->verdicts);
    flow_cache_free(w->flows);
    bulk_free(w->bulk);
    pkt_pool_fini(&w->pool);
    free(w);
}

struct pkt_pool *ipsec_worker_pool(struct ipsec_worker *w)
{
    return &w->pool;
}

const uint64_t *worker_drops(const struct ipsec_worker *w)
{
    return w->drops;
}

void ipsec_worker_count(struct ipsec_worker *w, enum ipsec_drop reason, unsigned n)
{
    counter_add(&w->drops[reason], n);
}

void worker_drop(struct ipsec_worker *w, struct pkt *p, enum ipsec_drop reason, unsigned n)
{
    ipsec_worker_count(w, reason, n);
    pkt_put(&w->pool, p);
}

void worker_begin(struct ipsec_worker *w, uint64_t now_ms)
{
    w->now_ms = now_ms;
    urcu_memb_read_lock();
    struct spd *spd = rcu_dereference(w->e->spd);
    rcu_tsan_found(spd);
    w->spd = spd;
}

void worker_end(struct ipsec_worker *w)
{
    w->spd = NULL;
    w->last_in = NULL;
    rcu_tsan_leave(w->e);
    urcu_memb_read_unlock();
    if (w->sink.wake && event_waiting(w->e))
        w->sink.wake(w->sink.ctx);
}

void worker_acquire(struct ipsec_worker *w, uint32_t slot, const struct spd_key *key)
{
    struct slot_counters *c = slot_counters(w->e, w->index, slot);
    unsigned fills = slot_fills(w->e, slot);

    if (c->acquired_ms != 0 && c->acquired_fills == fills &&
        w->now_ms - c->acquired_ms < ACQUIRE_INTERVAL_MS)
        return;
    struct ipsec_event ev = { .type = EV_ACQUIRE, .slot = slot, .key = *key };
    if (!event_put(w->e, &ev))
        return;
    c->acquired_ms = w->now_ms;
    c->acquired_fills = fills;
}

void worker_stray(struct ipsec_worker *w, const struct ipsec_event *ev)
{
    uint64_t hash = hash_bytes(&w->e->hash_key, &ev->src, sizeof(ev->src));
    uint64_t *until_ms = &w->strays[hash % STRAY_SETS];

    if (w->now_ms >= *until_ms && event_put(w->e, ev))
        *until_ms = w->now_ms + STRAY_INTERVAL_MS;
}

/* ---- packets that wait ---- */

static void held_drop(struct ipsec_worker *w, const struct held *held)
{
    counter_add(&slot_counters(w->e, w->index, held->slot)->out_dropped, held->n);
    worker_drop(w, held->pkt, held->reason, held->n);
}

void worker_hold(struct ipsec_worker *w, const struct held *held)
{
    struct held gone;

    if (hold_put(&w->hold, held, &gone))
        held_drop(w, &gone);
}

/* Drops what waited too long; the others ask again, should the first time not have been heard. */
static void held_tick(struct ipsec_worker *w, uint64_t now_ms)
{
    worker_begin(w, now_ms);
    for (unsigned i = 0; i < w->hold.n;) {
        const struct held *held = &w->hold.at[i];

        if (now_ms >= held->until_ms) {
            struct held gone = hold_take(&w->hold, i);
            held_drop(w, &gone);
            continue;
        }
        worker_acquire(w, held->slot, &held->key);
        i++;
    }
    if (w->hold.n == 0)
        w->holding = false;
    worker_end(w);
}

void workers_nudge(struct ipsec *e)
{
    cmm_smp_mb(); /* what changed is seen before, or by who holds after: see out_hold_end() */
    for (unsigned i = 0; i < e->n_workers; i++) {
        struct ipsec_worker *w = e->workers[i];

        if (w && w->holding && w->sink.nudge)
            w->sink.nudge(w->sink.ctx);
    }
}

/* ---- small services ---- */

bool worker_account(struct ipsec_worker *w, struct sa *sa, uint64_t bytes, unsigned n)
{
    uint64_t age_ms = w->now_ms > sa->add_ms ? w->now_ms - sa->add_ms : 0;
    int64_t wall_s = sa->add_time_s + (int64_t)(age_ms / 1000);

    return sa_account(w->e, sa, w->index, bytes, n, wall_s);
}

bool worker_icmp_allowed(struct ipsec_worker *w)
{
    if (w->now_ms / 1000 != w->icmp_second) {
        w->icmp_second = w->now_ms / 1000;
        w->icmp_sent = 0;
    }
    return w->icmp_sent++ < ICMP_PER_S;
}

uint16_t worker_ip_id(struct ipsec_worker *w)
{
    return (uint16_t)(rng_u32(w->rng) % 0xffff + 1);
}

struct pkt *worker_with_room(struct ipsec_worker *w, struct pkt *p, size_t head, size_t tail)
{
    if (pkt_headroom(p) >= head && pkt_tailroom(p) >= tail)
        return p;
    struct pkt *copy = pkt_get(&w->pool, p->len);
    if (!copy)
        return NULL;
    memcpy(copy->data, p->data, p->len);
    copy->len = p->len;
    copy->ifindex = p->ifindex;
    pkt_put(&w->pool, p);
    return copy;
}

void ipsec_worker_tick(struct ipsec_worker *w, uint64_t now_ms)
{
    ipsec_worker_count(w, DROP_OUT_REASSEMBLY, reassembly_tick(w->reassembly, now_ms));
    if (w->hold.n)
        held_tick(w, now_ms);
}
