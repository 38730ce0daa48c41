#include "datapath.h"

#include "model.h"
#include "text.h"

#include <stdlib.h>
#include <urcu/urcu-memb.h>

enum { TICK_MS = 500, PATH_MTU = 1500 }; /* TICK_MS: the daemon's */

struct datapath {
    struct ipsec *ipsec;
    struct ipsec_worker *worker;
    struct rng *rng;
    struct children *children;
    uint64_t tick_ms;
    bool nudged; /* packets that waited may leave */
    /* what the daemon would have made of its configuration */
    struct plan plan;
    struct plan_policy policies[SIM_POLICIES_MAX];
    struct item items[SIM_POLICIES_MAX];
    struct cfg_policy cfgs[SIM_POLICIES_MAX];
    char proposals[SIM_POLICIES_MAX][IKE_NAME_MAX], none[8];
};

static unsigned n_started; /* the thread is known to RCU while there are any */

/* ---- what leaves the worker ---- */

static unsigned on_wire(void *ctx, struct pkt **pkts, unsigned n)
{
    struct side *s = ctx;

    for (unsigned i = 0; i < n; i++) {
        network_packet(s->w, side_number(s), pkts[i]->data, pkts[i]->len);
        pkt_put(ipsec_worker_pool(s->data->worker), pkts[i]);
    }
    return n;
}

static unsigned on_inject(void *ctx, struct pkt **pkts, unsigned n)
{
    struct side *s = ctx;

    for (unsigned i = 0; i < n; i++) {
        inner_arrived(&s->w->side[1 - side_number(s)], pkts[i]->data, pkts[i]->len);
        pkt_put(ipsec_worker_pool(s->data->worker), pkts[i]);
    }
    return n;
}

static void on_nudge(void *ctx)
{
    ((struct side *)ctx)->data->nudged = true;
}

/* The control thread does not wait for the worker, which here is the same thread. */
static void release(struct side *s)
{
    struct datapath *d = s->data;

    while (d->nudged) {
        d->nudged = false;
        ipsec_release(d->worker, side_now_ms(s));
    }
}

/* ---- start and stop ---- */

static uint32_t path_mtu(void *ctx, const struct ip_addr *dst)
{
    (void)ctx;
    (void)dst;
    return PATH_MTU;
}

static uint64_t now_ms(void *ctx)
{
    return side_now_ms(ctx);
}

static int64_t wall_s(void *ctx)
{
    return side_wall_s(ctx);
}

void datapath_start(struct side *s, enum bulk_backend backend, uint64_t seed)
{
    const struct ipsec_sink sink = {
        .ctx = s, .wire = on_wire, .inject = on_inject, .nudge = on_nudge
    };
    const struct children_hooks hooks = {
        .ctx = s, .path_mtu = path_mtu, .now_ms = now_ms, .wall_s = wall_s
    };
    struct datapath *d = s->data = xcalloc(1, sizeof *d);

    if (n_started++ == 0)
        urcu_memb_register_thread();
    d->rng = rng_new_fixed(seed);
    d->ipsec = ipsec_new(1, backend);
    if (!d->ipsec)
        abort();
    d->worker = ipsec_worker_new(d->ipsec, 0, d->rng, &sink);
    d->children = children_new(d->ipsec, &hooks);
    d->tick_ms = s->w->now_ms + TICK_MS;
    memcpy(d->none, "none", sizeof "none");
}

void datapath_stop(struct side *s)
{
    struct datapath *d = s->data;

    memset(s->sas, 0, sizeof s->sas);
    children_free(d->children);
    ipsec_worker_free(d->worker);
    ipsec_free(d->ipsec);
    rng_free(d->rng);
    free(d);
    s->data = NULL;
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

static void plan_make(const struct side *s)
{
    struct datapath *d = s->data;

    for (size_t i = 0; i < s->n_policies; i++) {
        const struct ike_policy *p = &s->policies[i];

        d->cfgs[i] = (struct cfg_policy){ .proposal = d->proposals[i], .manual_sa = d->none };
        memcpy(d->proposals[i], p->proposal, sizeof p->proposal);
        d->items[i] = (struct item){ .id = p->id, .data = &d->cfgs[i], .slot = p->slot };
        d->policies[i] = (struct plan_policy){
            .item = &d->items[i], .active = true, .enforced = true, .policy = policy_of(p)
        };
    }
    d->plan = (struct plan){ .policies = d->policies, .n_policies = s->n_policies };
}

static void slot_follow(struct side *s, const struct plan_policy *pp)
{
    struct sa *sas[PLAN_SA_COUNT];

    children_sas(s->data->children, pp->policy.slot, sas);
    ipsec_slot_set(s->data->ipsec, pp->policy.slot, sas[PLAN_ESP_OUT], sas[PLAN_AH_OUT]);
}

void datapath_follow(struct side *s)
{
    const struct plan_policy *pp;

    while ((pp = children_changed_take(s->data->children)))
        slot_follow(s, pp);
    release(s);
}

void datapath_policies(struct side *s)
{
    struct policy policies[SIM_POLICIES_MAX];
    struct spd *spd;

    plan_make(s);
    children_follow_plan(s->data->children, &s->data->plan);
    for (size_t i = 0; i < s->n_policies; i++) {
        slot_follow(s, &s->data->policies[i]);
        policies[i] = s->data->policies[i].policy;
    }
    if (spd_compile(policies, s->n_policies, &spd) != SPD_OK)
        abort();
    ipsec_spd_set(s->data->ipsec, spd);
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

void datapath_install(struct side *s, const struct ike_child *about, bool in)
{
    struct sim_sa *sa = sa_find(s, about->id);
    unsigned before = datapath_sas(s);

    if (in ? sa != NULL : !sa || sa->out)
        abort(); /* the receiving half comes first, and each once */
    if (in)
        sa = sa_add(s, about);
    children_install(s->data->children, about, in);
    if (datapath_sas(s) != before + about->n_sas)
        abort(); /* the data path refused one */
    s->n_installed_in += in;
    s->n_installed_out += !in;
    if (in)
        return;
    sa->out = true;
    sa->out_order = ++s->out_orders;
}

void datapath_remove(struct side *s, uint64_t id)
{
    struct sim_sa *sa = sa_find(s, id);

    if (!sa)
        abort();
    children_remove(s->data->children, id, s->by_hand);
    *sa = (struct sim_sa){ 0 };
    s->n_removed++;
}

bool datapath_spi_is_free(const struct side *s, uint8_t proto, const struct ip_addr *src,
                          const struct ip_addr *dst, uint32_t spi)
{
    return !ipsec_sa_find(s->data->ipsec, proto, src, dst, spi);
}

/* ---- events ---- */

static void on_acquire(struct side *s, uint32_t slot)
{
    for (size_t i = 0; i < s->n_policies; i++) {
        if (s->policies[i].slot == slot)
            ike_on_acquire(s->ike, side_now_ms(s), s->policies[i].id);
    }
}

static void on_unknown_spi(struct side *s, const struct ipsec_event *ev)
{
    const struct ike_unknown_spi u = {
        .local = ev->dst, .remote = ev->src, .proto = (uint8_t)ev->proto, .spi = ev->spi
    };

    ike_on_unknown_spi(s->ike, side_now_ms(s), &u);
}

static void on_event(struct side *s, const struct ipsec_event *ev)
{
    switch (ev->type) {
    case EV_ACQUIRE:
        on_acquire(s, ev->slot);
        break;
    case EV_SOFT:
        if (!s->deaf_to_soft)
            ike_on_sa_event(s->ike, side_now_ms(s), ev->owner, IKE_SA_SOFT);
        break;
    case EV_HARD:
        ike_on_sa_event(s->ike, side_now_ms(s), ev->owner, IKE_SA_HARD);
        break;
    case EV_FIRST:
        ike_on_sa_event(s->ike, side_now_ms(s), ev->owner, IKE_SA_FIRST_PACKET);
        break;
    case EV_UNKNOWN_SPI:
        on_unknown_spi(s, ev);
        break;
    }
}

static void events_take(struct side *s)
{
    struct ipsec_event ev;

    while (ipsec_event_take(s->data->ipsec, &ev)) {
        if (s->w->watch)
            s->w->watch(s->w, side_number(s));
        on_event(s, &ev);
        world_take_actions(s->w, side_number(s));
    }
}

/* ---- packets and time ---- */

typedef void (*worker_run)(struct ipsec_worker *w, struct pkt **pkts, unsigned n, uint64_t now_ms);

static void run(struct side *s, worker_run fn, const uint8_t *bytes, size_t len)
{
    struct pkt *p = pkt_get(ipsec_worker_pool(s->data->worker), len);

    if (!p)
        abort();
    memcpy(p->data, bytes, len);
    p->len = (uint32_t)len;
    fn(s->data->worker, &p, 1, side_now_ms(s));
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

uint64_t datapath_tick_ms(const struct side *s)
{
    return s->data->tick_ms;
}

void datapath_tick(struct side *s)
{
    while (ipsec_tick(s->data->ipsec, side_now_ms(s)))
        events_take(s);
    events_take(s);
    ipsec_worker_tick(s->data->worker, side_now_ms(s));
    s->data->tick_ms = s->w->now_ms + TICK_MS;
}

/* ---- questions ---- */

static void count_sa(void *ctx, struct sa *sa)
{
    (void)sa;
    ++*(unsigned *)ctx;
}

unsigned datapath_sas(const struct side *s)
{
    unsigned n = 0;

    ipsec_sa_each(s->data->ipsec, count_sa, &n);
    return n;
}

void datapath_each(const struct side *s, void (*visit)(void *ctx, struct sa *sa), void *ctx)
{
    ipsec_sa_each(s->data->ipsec, visit, ctx);
}

enum ph2_state datapath_ph2_state(const struct side *s, size_t policy)
{
    return children_ph2_state(s->data->children, s->policies[policy].slot);
}

uint64_t datapath_drops(const struct side *s, enum ipsec_drop reason)
{
    uint64_t drops[DROP_COUNT];

    ipsec_drops(s->data->ipsec, drops);
    return drops[reason];
}
