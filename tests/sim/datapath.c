#include "datapath.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

enum { TICK_MS = 500 }; /* as the daemon's */

static unsigned n_started; /* the thread is known to RCU while there are any */

/* ---- what leaves the worker ---- */

static unsigned on_wire(void *ctx, struct pkt **pkts, unsigned n)
{
    struct side *s = ctx;

    for (unsigned i = 0; i < n; i++) {
        network_packet(s->w, side_number(s), pkts[i]->data, pkts[i]->len);
        pkt_put(ipsec_worker_pool(s->worker), pkts[i]);
    }
    return n;
}

static unsigned on_inject(void *ctx, struct pkt **pkts, unsigned n)
{
    struct side *s = ctx;

    for (unsigned i = 0; i < n; i++) {
        inner_arrived(&s->w->side[1 - side_number(s)], pkts[i]->data, pkts[i]->len);
        pkt_put(ipsec_worker_pool(s->worker), pkts[i]);
    }
    return n;
}

static void on_nudge(void *ctx)
{
    ((struct side *)ctx)->nudged = true;
}

void datapath_start(struct side *s, enum bulk_backend backend, uint64_t seed)
{
    const struct ipsec_sink sink = {
        .ctx = s, .wire = on_wire, .inject = on_inject, .nudge = on_nudge
    };

    if (n_started++ == 0)
        urcu_memb_register_thread();
    s->rng_data = rng_new_fixed(seed);
    s->ipsec = ipsec_new(1, backend);
    if (!s->ipsec)
        abort();
    s->worker = ipsec_worker_new(s->ipsec, 0, s->rng_data, &sink);
    s->tick_ms = s->w->now_ms + TICK_MS;
}

void datapath_stop(struct side *s)
{
    memset(s->sas, 0, sizeof s->sas);
    ipsec_worker_free(s->worker);
    ipsec_free(s->ipsec);
    rng_free(s->rng_data);
    if (--n_started == 0)
        urcu_memb_unregister_thread();
}

/* ---- policies ---- */

static struct policy policy_of(const struct ike_policy *p)
{
    return (struct policy){
        .sel = { .src = p->local_sel.prefix,
                 .dst = p->remote_sel.prefix,
                 .sport = p->local_sel.port,
                 .dport = p->remote_sel.port,
                 .proto = p->local_sel.proto },
        .slot = p->slot,
        .action = SPD_ENCRYPT,
        .level = LEVEL_REQUIRE,
        .protocols = (uint8_t)((p->protocols & IKE_PROTO_ESP ? PROTO_BIT_ESP : 0) |
                               (p->protocols & IKE_PROTO_AH ? PROTO_BIT_AH : 0)),
        .tunnel = p->tunnel,
        .local = p->local,
        .remote = p->remote,
        .reqid = p->reqid,
        .negotiated = true,
    };
}

/* The control thread does not wait for the worker, which here is the same thread. */
static void release(struct side *s)
{
    while (s->nudged) {
        s->nudged = false;
        ipsec_release(s->worker, side_now_ms(s));
    }
}

void datapath_policies(struct side *s)
{
    struct policy policies[SIM_POLICIES_MAX];
    struct spd *spd;

    for (size_t i = 0; i < s->n_policies; i++)
        policies[i] = policy_of(&s->policies[i]);
    if (spd_compile(policies, s->n_policies, &spd) != SPD_OK)
        abort();
    ipsec_spd_set(s->ipsec, spd);
    release(s);
}

/* ---- SAs ---- */

static struct sim_sa *sa_find(struct side *s, uint64_t id)
{
    for (size_t i = 0; i < SIM_SAS_MAX; i++) {
        if (s->sas[i].used && s->sas[i].id == id)
            return &s->sas[i];
    }
    return NULL;
}

static struct sim_sa *sa_add(struct side *s, const struct ike_child *child)
{
    for (size_t i = 0; i < SIM_SAS_MAX; i++) {
        if (s->sas[i].used)
            continue;
        s->sas[i] = (struct sim_sa){ .used = true, .id = child->id, .child = *child };
        return &s->sas[i];
    }
    abort(); /* SAs without end: the engine leaks them */
}

/* Every policy sends by its newest pair, or not at all. */
static void slots_follow(struct side *s)
{
    for (size_t i = 0; i < s->n_policies; i++) {
        const struct sim_sa *sa = world_sa_out(s, s->policies[i].id);
        struct sa *out[2] = { 0 };

        for (unsigned k = 0; sa && k < sa->child.n_sas; k++)
            out[sa->child.sas[k].proto == SA_AH] = sa->out[k];
        ipsec_slot_set(s->ipsec, s->policies[i].slot, out[0], out[1]);
    }
    release(s);
}

static struct sa *half_install(struct side *s, const struct ike_child *about, unsigned k, bool in)
{
    const struct ike_child_sa *a = &about->sas[k];
    const struct sa_config c = {
        .proto = a->proto,
        .inbound = in,
        .tunnel = about->tunnel,
        .udp_encap = about->udp_encap,
        .local_port = about->path.local_port,
        .remote_port = about->path.remote_port,
        .spi = in ? a->spi_in : a->spi_out,
        .src = in ? about->path.remote : about->path.local,
        .dst = in ? about->path.local : about->path.remote,
        .cipher = a->cipher,
        .auth = a->auth,
        .enc_key = in ? a->enc_in : a->enc_out,
        .auth_key = in ? a->auth_in : a->auth_out,
        .reqid = about->reqid,
        .slot = about->slot,
        .replay_window = about->replay_window,
        .pfs = about->pfs,
        .life = { about->soft_s, about->hard_s, about->soft_bytes, about->hard_bytes },
    };
    struct sa *sa = NULL;
    enum ipsec_sa_result r = ipsec_sa_add(s->ipsec, &c, side_wall_s(s), side_now_ms(s), &sa);

    if (r != SA_ADDED) {
        fprintf(stderr, "the data path refuses an SA of IKE: %d\n", (int)r);
        abort();
    }
    return sa;
}

void datapath_install(struct side *s, const struct ike_child *about, bool in)
{
    struct sim_sa *sa = sa_find(s, about->id);

    if (in ? sa != NULL : !sa || sa->out[0])
        abort(); /* the receiving half comes first, and each once */
    if (in)
        sa = sa_add(s, about);
    for (unsigned k = 0; k < about->n_sas; k++)
        *(in ? &sa->in[k] : &sa->out[k]) = half_install(s, about, k, in);
    s->n_installed_in += in;
    s->n_installed_out += !in;
    if (in)
        return;
    sa->out_order = ++s->out_orders;
    slots_follow(s);
}

void datapath_remove(struct side *s, uint64_t id)
{
    struct sim_sa *sa = sa_find(s, id);

    if (!sa)
        abort();
    for (unsigned k = 0; k < 2; k++) {
        if (sa->in[k])
            ipsec_sa_remove(s->ipsec, sa->in[k]);
        if (sa->out[k])
            ipsec_sa_remove(s->ipsec, sa->out[k]);
    }
    *sa = (struct sim_sa){ 0 };
    s->n_removed++;
    slots_follow(s);
}

/* ---- events ---- */

static void on_acquire(struct side *s, uint32_t slot)
{
    for (size_t i = 0; i < s->n_policies; i++) {
        if (s->policies[i].slot == slot)
            ike_on_acquire(s->ike, side_now_ms(s), s->policies[i].id);
    }
}

static void on_sa_event(struct side *s, const struct ipsec_event *ev)
{
    const struct sa *sa = ipsec_sa_find(s->ipsec, ev->proto, &ev->src, &ev->dst, ev->spi);

    if (ev->type == EV_SOFT && s->deaf_to_soft)
        return;
    for (size_t i = 0; sa && i < SIM_SAS_MAX; i++) {
        const struct sim_sa *pair = &s->sas[i];

        if (pair->in[0] == sa || pair->in[1] == sa || pair->out[0] == sa || pair->out[1] == sa) {
            ike_on_sa_event(s->ike, side_now_ms(s), pair->id,
                            ev->type == EV_SOFT   ? IKE_SA_SOFT
                            : ev->type == EV_HARD ? IKE_SA_HARD
                                                  : IKE_SA_FIRST_PACKET);
            return;
        }
    }
}

static void on_unknown_spi(struct side *s, const struct ipsec_event *ev)
{
    const struct ike_unknown_spi u = {
        .local = ev->dst, .remote = ev->src, .proto = (uint8_t)ev->proto, .spi = ev->spi
    };

    ike_on_unknown_spi(s->ike, side_now_ms(s), &u);
}

static void events_take(struct side *s)
{
    struct ipsec_event ev;

    while (ipsec_event_take(s->ipsec, &ev)) {
        if (ev.type == EV_ACQUIRE)
            on_acquire(s, ev.slot);
        else if (ev.type == EV_UNKNOWN_SPI)
            on_unknown_spi(s, &ev);
        else
            on_sa_event(s, &ev);
        world_take_actions(s->w, side_number(s));
    }
}

/* ---- packets and time ---- */

typedef void (*worker_run)(struct ipsec_worker *w, struct pkt **pkts, unsigned n, uint64_t now_ms);

static void run(struct side *s, worker_run fn, const uint8_t *bytes, size_t len)
{
    struct pkt *p = pkt_get(ipsec_worker_pool(s->worker), len);

    if (!p)
        abort();
    memcpy(p->data, bytes, len);
    p->len = (uint32_t)len;
    fn(s->worker, &p, 1, side_now_ms(s));
    events_take(s);
}

void datapath_out(struct side *s, const uint8_t *p, size_t len)
{
    run(s, ipsec_out, p, len);
}

void datapath_in(struct side *s, const uint8_t *p, size_t len)
{
    run(s, ipsec_in, p, len);
}

void datapath_tick(struct side *s)
{
    while (ipsec_tick(s->ipsec, side_now_ms(s)))
        events_take(s);
    events_take(s);
    ipsec_worker_tick(s->worker, side_now_ms(s));
    s->tick_ms = s->w->now_ms + TICK_MS;
}

uint64_t datapath_drops(const struct side *s, enum ipsec_drop reason)
{
    uint64_t drops[DROP_COUNT];

    ipsec_drops(s->ipsec, drops);
    return drops[reason];
}

uint64_t datapath_all_drops(const struct side *s)
{
    uint64_t drops[DROP_COUNT], sum = 0;

    ipsec_drops(s->ipsec, drops);
    for (unsigned i = 0; i < DROP_COUNT; i++)
        sum += drops[i];
    return sum;
}
