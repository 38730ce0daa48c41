/* The engine as the control thread sees it: made, given an SPD, SAs added, ticked, removed. */
#include "engine_priv.h"
#include "text.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum {
    RETIRED_MAX = 1024,  /* SAs that may wait for a common grace period */
    TICK_EXPIRIES = 8192 /* limits handled in one tick: some milliseconds */
};

struct ipsec *ipsec_new(unsigned n_workers, enum bulk_backend backend)
{
    struct bulk *bulk = bulk_new(backend);

    assert(n_workers > 0 && n_workers <= UINT16_MAX);
    if (!bulk)
        return NULL;
    struct ipsec *e = xcalloc(1, sizeof(*e));
    struct rng *rng = rng_new();
    rng_bytes(rng, &e->hash_key, sizeof(e->hash_key));
    rng_free(rng);
    e->bulk = bulk;
    e->backend = backend;
    e->n_workers = n_workers;
    e->workers = xcalloc(n_workers, sizeof(struct ipsec_worker *));
    e->bin = xcalloc(n_workers, sizeof(*e->bin));
    e->events = event_queue_new();
    spd_compile(NULL, 0, &e->spd);
    if (!sad_init(e))
        abort(); /* out of memory, as xmalloc */
    return e;
}

void ipsec_free(struct ipsec *e)
{
    if (!e)
        return;
    while (e->sa_first)
        ipsec_sa_remove(e, e->sa_first);
    ipsec_tick(e, 0);
    sad_fini(e);
    slots_fini(e);
    expiry_fini(&e->expiry);
    for (unsigned i = 0; i < e->n_cells; i++)
        free(e->cells[i].counters);
    free(e->cells);
    event_queue_free(e->events);
    spd_free(e->spd);
    bulk_free(e->bulk);
    free(e->bin);
    free(e->workers);
    free(e);
}

/* Returns when no worker uses what was unlinked before. */
static void grace_period(struct ipsec *e)
{
    urcu_memb_synchronize_rcu();
    rcu_tsan_waited(e);
}

/* ---- SPD ---- */

void ipsec_spd_set(struct ipsec *e, struct spd *spd)
{
    struct spd_image image = spd_image(spd);
    struct spd *old = e->spd;

    for (size_t i = 0; i < image.n_rows; i++)
        slot_page_make(e, image.rows[i].entry.slot);
    rcu_tsan_publish(spd);
    rcu_assign_pointer(e->spd, spd);
    grace_period(e);
    workers_nudge(e);
    spd_free(old);
}

const struct spd *ipsec_spd(const struct ipsec *e)
{
    return e->spd;
}

/* ---- SAs ---- */

static void sa_schedule(struct ipsec *e, struct sa *sa)
{
    uint64_t due_ms = sa_due_ms(sa);

    if (due_ms)
        expiry_set(&e->expiry, sa, due_ms);
    else
        expiry_remove(&e->expiry, sa);
}

enum ipsec_sa_result ipsec_sa_add(struct ipsec *e, const struct sa_config *c, int64_t add_time_s,
                                  uint64_t now_ms, struct sa **ret)
{
    struct sa *sa;
    enum ipsec_sa_result result = sa_new(e, c, &sa);

    if (result != SA_ADDED)
        return result;
    sa->add_time_s = add_time_s;
    sa->add_ms = now_ms;
    slot_page_make(e, c->slot);
    if (!sad_insert(e, sa)) {
        sa_free(e, sa);
        return SA_EXISTS;
    }
    sa->prev = e->sa_last;
    *(e->sa_last ? &e->sa_last->next : &e->sa_first) = sa;
    e->sa_last = sa;
    e->n_sas++;
    sa_schedule(e, sa);
    *ret = sa;
    return SA_ADDED;
}

static void retired_free(struct ipsec *e)
{
    struct sa *sa = e->retired;

    if (!sa)
        return;
    grace_period(e);
    e->retired = NULL;
    e->n_retired = 0;
    while (sa) {
        struct sa *next = sa->next;
        sa_free(e, sa);
        sa = next;
    }
}

void ipsec_sa_remove(struct ipsec *e, struct sa *sa)
{
    slots_forget(e, sa);
    sad_remove(e, sa);
    expiry_remove(&e->expiry, sa);
    *(sa->prev ? &sa->prev->next : &e->sa_first) = sa->next;
    *(sa->next ? &sa->next->prev : &e->sa_last) = sa->prev;
    e->n_sas--;
    sa->prev = NULL;
    sa->next = e->retired;
    e->retired = sa;
    if (++e->n_retired >= RETIRED_MAX)
        retired_free(e);
}

struct sa *ipsec_sa_find(struct ipsec *e, enum sa_proto proto, const struct ip_addr *src,
                         const struct ip_addr *dst, uint32_t spi)
{
    urcu_memb_read_lock();
    struct sa *sa = sad_lookup(e, (uint8_t)proto, src, dst, htonl(spi));
    if (!sa)
        sa = sad_lookup(e, (uint8_t)proto, &(struct ip_addr){ 0 }, dst, htonl(spi));
    urcu_memb_read_unlock();
    return sa; /* only this thread frees */
}

void ipsec_sa_each(struct ipsec *e, void (*visit)(void *ctx, struct sa *sa), void *ctx)
{
    for (struct sa *sa = e->sa_first; sa; sa = sa->next)
        visit(ctx, sa);
}

/* ---- time ---- */

/* Reports what found the queue full. */
static void lost_events_report(struct ipsec *e)
{
    if (!atomic_exchange(&e->event_lost, false))
        return;
    for (struct sa *sa = e->sa_first; sa && !e->event_lost; sa = sa->next) {
        if (sa->state == SA_DEAD && !sa->hard_sent)
            sa_expire(e, sa, true);
        else if (sa->state == SA_DYING && !sa->soft_sent)
            sa_expire(e, sa, false);
    }
}

bool ipsec_tick(struct ipsec *e, uint64_t now_ms)
{
    struct sa *sa;

    retired_free(e);
    lost_events_report(e);
    for (unsigned i = 0; i < TICK_EXPIRIES && (sa = expiry_due(&e->expiry, now_ms)); i++) {
        bool hard = sa->life.hard_s != 0 && now_ms >= sa->add_ms + sa->life.hard_s * 1000ull;

        if (hard || sa->state == SA_MATURE)
            sa_expire(e, sa, hard);
        sa_schedule(e, sa);
    }
    return e->event_lost || expiry_due(&e->expiry, now_ms) != NULL;
}

/* ---- sums ---- */

void ipsec_drops(const struct ipsec *e, uint64_t ret[DROP_COUNT])
{
    memset(ret, 0, DROP_COUNT * sizeof(*ret));
    for (unsigned w = 0; w < e->n_workers; w++) {
        if (!e->workers[w])
            continue;
        const uint64_t *drops = worker_drops(e->workers[w]);
        for (unsigned i = 0; i < DROP_COUNT; i++)
            ret[i] += counter_get(&drops[i]);
    }
}
