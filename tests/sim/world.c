#include "world.h"

#include "cursor.h"
#include "rng.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

enum event_kind { EVENT_MESSAGE, EVENT_JOB, EVENT_PACKET };

struct event {
    uint64_t at_ms, order;
    enum event_kind kind;
    unsigned to;
    struct sim_message message;
    struct ike_job *job;
    struct ike_child packet; /* the sending half it went through */
};

/* ---- randomness ---- */

uint64_t world_random(struct world *w)
{
    uint64_t z = (w->seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool chance(struct world *w, unsigned percent)
{
    return percent > 0 && world_random(w) % 100 < percent;
}

static void env_random(void *ctx, void *out, size_t len)
{
    struct side *s = ctx;

    if (s->force_spi && len == 4) {
        be32_put(out, s->force_spi);
        s->force_spi = 0;
        return;
    }
    rng_bytes(s->rng, out, len);
}

static void env_dh_init(void *ctx, struct dh *ret, enum dh_group group)
{
    struct side *s = ctx;

    dh_init(ret, group, s->rng);
}

static int64_t env_wall_s(void *ctx)
{
    const struct side *s = ctx;

    return 1700000000 + (int64_t)(s->w->now_ms / 1000);
}

static bool env_spi_free(void *ctx, uint8_t proto, const struct ip_addr *src,
                         const struct ip_addr *dst, uint32_t spi)
{
    const struct side *s = ctx;

    (void)src;
    (void)dst;
    for (size_t i = 0; i < SIM_SAS_MAX; i++) {
        const struct sim_sa *sa = &s->sas[i];

        for (unsigned k = 0; sa->used && k < sa->child.n_sas; k++) {
            if (sa->child.sas[k].proto == proto && sa->child.sas[k].spi_in == spi)
                return false;
        }
    }
    return true;
}

/* ---- events, a heap by time and then by order ---- */

static bool before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void event_push(struct world *w, struct event e)
{
    size_t i = w->n_events++;

    if (w->n_events > w->cap_events) {
        w->cap_events = 2 * w->n_events + 16;
        w->events = xrealloc(w->events, w->cap_events * sizeof *w->events);
    }
    e.order = w->event_order++;
    while (i > 0 && before(&e, &w->events[(i - 1) / 2])) {
        w->events[i] = w->events[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->events[i] = e;
}

static struct event event_pop(struct world *w)
{
    struct event first = w->events[0], last = w->events[--w->n_events];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= w->n_events)
            break;
        if (child + 1 < w->n_events && before(&w->events[child + 1], &w->events[child]))
            child++;
        if (!before(&w->events[child], &last))
            break;
        w->events[i] = w->events[child];
        i = child;
    }
    w->events[i] = last;
    return first;
}

/* ---- the network ---- */

void world_send(struct world *w, const struct sim_message *m, unsigned delay_ms)
{
    struct event e = { .at_ms = w->now_ms + delay_ms, .kind = EVENT_MESSAGE, .to = m->to };

    e.message = *m;
    e.message.bytes = xmalloc(m->len);
    memcpy(e.message.bytes, m->bytes, m->len);
    event_push(w, e);
}

static unsigned delay(struct world *w)
{
    unsigned jitter = w->bad.jitter_ms ? (unsigned)(world_random(w) % w->bad.jitter_ms) : 0;

    return w->bad.delay_ms + jitter;
}

static void reflect(struct world *w, const struct sim_message *m)
{
    struct sim_message back = *m;

    back.to = 1 - m->to;
    back.path =
        (struct ike_path){ m->path.remote, m->path.local, m->path.remote_port, m->path.local_port };
    /* from the address it was sent to, which the sender believes to be its peer */
    world_send(w, &back, delay(w));
}

static void on_send(struct world *w, unsigned from, const struct ike_action *a)
{
    struct side *s = &w->side[from];
    struct sim_message m = {
        .path = { a->path.remote, a->path.local, a->path.remote_port, a->path.local_port },
        .to = 1 - from,
        .len = a->bytes.len,
        .bytes = xmalloc(a->bytes.len),
    };

    if (w->nat.family && from == SIM_A) {
        m.path.remote = w->nat;
        m.path.remote_port = (uint16_t)(a->path.local_port + 20000);
    } else if (w->nat.family) {
        m.path.local = w->side[SIM_A].addr;
        m.path.local_port = (uint16_t)(a->path.remote_port - 20000);
    }
    memcpy(m.bytes, a->bytes.p, a->bytes.len);
    s->n_sent++;
    s->bytes_sent += a->bytes.len;
    w->messages++;
    if (!w->tap || w->tap(w, &m)) {
        if (chance(w, w->bad.duplicate))
            world_send(w, &m, delay(w));
        if (chance(w, w->bad.reflect))
            reflect(w, &m);
        if (chance(w, w->bad.corrupt)) {
            m.bytes[world_random(w) % m.len] ^= (uint8_t)(1u << (world_random(w) % 8));
            world_send(w, &m, delay(w));
        } else if (!chance(w, w->bad.loss)) {
            world_send(w, &m, delay(w));
        }
    }
    free(m.bytes);
}

/* ---- the data path ---- */

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
        s->sas[i] = (struct sim_sa){ .used = true, .id = child->id, .installed_ms = s->w->now_ms };
        s->sas[i].child = *child;
        return &s->sas[i];
    }
    abort(); /* SAs without end: the engine leaks them */
}

const struct sim_sa *world_sa_out(const struct side *s, uint32_t policy_id)
{
    const struct sim_sa *best = NULL;

    for (size_t i = 0; i < SIM_SAS_MAX; i++) {
        const struct sim_sa *sa = &s->sas[i];

        if (sa->used && sa->out && sa->child.policy_id == policy_id &&
            (!best || sa->out_order > best->out_order))
            best = sa;
    }
    return best;
}

unsigned world_sas(const struct side *s)
{
    unsigned n = 0;

    for (size_t i = 0; i < SIM_SAS_MAX; i++)
        n += s->sas[i].used;
    return n;
}

static bool secret_same(const struct secret *a, const struct secret *b)
{
    return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

/* The receiving pair of what CHILD sends by. */
static struct sim_sa *sa_receiving(struct side *s, const struct ike_child *child)
{
    for (size_t i = 0; i < SIM_SAS_MAX; i++) {
        struct sim_sa *sa = &s->sas[i];
        unsigned matches = 0;

        if (!sa->used || !sa->in || sa->child.n_sas != child->n_sas)
            continue;
        for (unsigned k = 0; k < child->n_sas; k++) {
            for (unsigned j = 0; j < child->n_sas; j++) {
                const struct ike_child_sa *in = &sa->child.sas[j], *out = &child->sas[k];

                matches += in->proto == out->proto && in->spi_in == out->spi_out &&
                           in->cipher == out->cipher && in->auth == out->auth &&
                           secret_same(&in->enc_in, &out->enc_out) &&
                           secret_same(&in->auth_in, &out->auth_out);
            }
        }
        if (matches == child->n_sas)
            return sa;
    }
    return NULL;
}

bool world_joined(const struct world *w, unsigned side, uint32_t policy_id)
{
    const struct sim_sa *sa = world_sa_out(&w->side[side], policy_id);

    return sa && sa_receiving((struct side *)&w->side[1 - side], &sa->child);
}

void world_packet(struct world *w, unsigned side, size_t policy)
{
    struct side *s = &w->side[side];
    uint32_t id = s->policies[policy].id;
    const struct sim_sa *sa = world_sa_out(s, id);
    struct event e = { .kind = EVENT_PACKET, .to = 1 - side };

    s->packets++;
    if (!sa) {
        s->no_sa++;
        ike_on_acquire(s->ike, w->now_ms, id);
        world_take_actions(w, side);
        return;
    }
    sa_find(s, sa->id)->bytes += 1000;
    if (chance(w, w->bad.loss))
        return;
    e.at_ms = w->now_ms + delay(w);
    e.packet = sa->child;
    event_push(w, e);
}

static void unknown_spi(struct world *w, unsigned to, const struct ike_child *packet)
{
    struct ike_unknown_spi u = { .local = packet->path.remote,
                                 .remote = packet->path.local,
                                 .proto = packet->sas[0].proto,
                                 .spi = packet->sas[0].spi_out };

    ike_on_unknown_spi(w->side[to].ike, w->now_ms, &u);
    world_take_actions(w, to);
}

static void on_packet(struct world *w, unsigned to, const struct ike_child *packet)
{
    struct side *s = &w->side[to];
    struct sim_sa *sa = sa_receiving(s, packet);

    if (!sa) {
        w->side[1 - to].lost++;
        unknown_spi(w, to, packet);
        return;
    }
    w->side[1 - to].arrived++;
    sa->bytes += 1000;
    if (!sa->in_used) {
        sa->in_used = true;
        ike_on_sa_event(s->ike, w->now_ms, sa->id, IKE_SA_FIRST_PACKET);
        world_take_actions(w, to);
    }
}

static uint64_t sa_due_ms(const struct sim_sa *sa)
{
    uint64_t s = sa->soft_told ? sa->child.hard_s : sa->child.soft_s;

    return s ? sa->installed_ms + s * 1000 : UINT64_MAX;
}

/* What is over its soft or hard limit by now. */
static void sas_age(struct world *w, unsigned side)
{
    struct side *s = &w->side[side];

    for (size_t i = 0; i < SIM_SAS_MAX; i++) {
        struct sim_sa *sa = &s->sas[i];
        const struct ike_child *c = &sa->child;

        if (!sa->used)
            continue;
        if ((c->hard_s && w->now_ms >= sa->installed_ms + c->hard_s * 1000ull) ||
            (c->hard_bytes && sa->bytes >= c->hard_bytes)) {
            ike_on_sa_event(s->ike, w->now_ms, sa->id, IKE_SA_HARD);
        } else if (!sa->soft_told &&
                   ((c->soft_s && w->now_ms >= sa->installed_ms + c->soft_s * 1000ull) ||
                    (c->soft_bytes && sa->bytes >= c->soft_bytes))) {
            sa->soft_told = true;
            ike_on_sa_event(s->ike, w->now_ms, sa->id, IKE_SA_SOFT);
        }
        world_take_actions(w, side);
    }
}

/* ---- actions ---- */

static void on_report(struct side *s, const struct ike_report *r)
{
    if (getenv("SIM_TRACE"))
        fprintf(stderr, "%8llu %c %s%s\n", (unsigned long long)s->w->now_ms,
                s == &s->w->side[0] ? 'A' : 'B', r->is_error ? "ERROR " : "", r->text);
    s->n_successes += r->clears_error;
    if (!r->is_error)
        return;
    if (s->n_errors < SIM_REPORTS_MAX)
        s->errors[s->n_errors] = *r;
    s->n_errors++;
    memcpy(s->last_error, r->text, sizeof r->text);
}

static void on_install(struct side *s, const struct ike_action *a)
{
    struct sim_sa *sa = sa_find(s, a->child.id);

    if (a->type == IKE_SA_INSTALL_IN) {
        if (sa)
            abort();
        sa = sa_add(s, &a->child);
        sa->in = true;
        s->n_installed_in++;
        return;
    }
    if (!sa || sa->out)
        abort(); /* the receiving half comes first, and each once */
    sa->out = true;
    sa->out_order = ++s->out_orders;
    s->n_installed_out++;
}

static void on_remove(struct side *s, uint64_t id)
{
    struct sim_sa *sa = sa_find(s, id);

    if (!sa)
        abort();
    sa->used = false;
    s->n_removed++;
}

static void action(struct world *w, unsigned side, struct ike_action *a)
{
    struct side *s = &w->side[side];

    switch (a->type) {
    case IKE_SEND:
        on_send(w, side, a);
        break;
    case IKE_SA_INSTALL_IN:
    case IKE_SA_INSTALL_OUT:
        on_install(s, a);
        break;
    case IKE_SA_REMOVE:
        on_remove(s, a->child_id);
        break;
    case IKE_JOB:
        s->n_jobs++;
        event_push(
            w, (struct event){
                   .at_ms = w->now_ms + w->job_ms, .kind = EVENT_JOB, .to = side, .job = a->job });
        break;
    case IKE_REPORT:
        on_report(s, &a->report);
        break;
    }
}

void world_take_actions(struct world *w, unsigned side)
{
    struct ike_action a;

    while (ike_action_take(w->side[side].ike, &a)) {
        action(w, side, &a);
        ike_action_fini(&a);
    }
}

/* ---- time ---- */

static void event_run(struct world *w, struct event *e)
{
    struct side *s = &w->side[e->to];

    switch (e->kind) {
    case EVENT_MESSAGE:
        ike_on_datagram(s->ike, w->now_ms, &e->message.path, e->message.bytes, e->message.len);
        free(e->message.bytes);
        break;
    case EVENT_JOB:
        ike_job_run(e->job);
        ike_on_job_done(s->ike, w->now_ms, e->job);
        break;
    case EVENT_PACKET:
        on_packet(w, e->to, &e->packet);
        break;
    }
    world_take_actions(w, e->to);
}

static uint64_t next_ms(const struct world *w)
{
    uint64_t at = w->n_events ? w->events[0].at_ms : UINT64_MAX;

    for (unsigned i = 0; i < 2; i++) {
        uint64_t t = ike_next_timeout_ms(w->side[i].ike);

        at = t < at ? t : at;
        for (size_t k = 0; k < SIM_SAS_MAX; k++) {
            if (w->side[i].sas[k].used && sa_due_ms(&w->side[i].sas[k]) < at)
                at = sa_due_ms(&w->side[i].sas[k]);
        }
    }
    return at;
}

void world_run(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;

    for (uint64_t at = next_ms(w); at <= end; at = next_ms(w)) {
        w->now_ms = at > w->now_ms ? at : w->now_ms;
        while (w->n_events && w->events[0].at_ms <= w->now_ms) {
            struct event e = event_pop(w);

            event_run(w, &e);
        }
        for (unsigned i = 0; i < 2; i++) {
            ike_on_timer(w->side[i].ike, w->now_ms);
            world_take_actions(w, i);
            sas_age(w, i);
        }
    }
    w->now_ms = end;
}

bool world_until_traffic(struct world *w, uint64_t limit_ms)
{
    uint64_t end = w->now_ms + limit_ms;

    while (w->now_ms < end) {
        unsigned want = 0, got = 0;

        for (unsigned i = 0; i < 2; i++) {
            for (size_t p = 0; p < w->side[i].n_policies; p++) {
                want++;
                got += world_joined(w, i, w->side[i].policies[p].id);
                world_packet(w, i, p);
            }
        }
        if (got == want)
            return true;
        world_run(w, 1000);
    }
    return false;
}

/* ---- set-up ---- */

struct ip_prefix sim_prefix(const char *text)
{
    struct ip_prefix p;

    if (!ip_prefix_from_text(text, strlen(text), &p))
        abort();
    return p;
}

static void side_defaults(struct side *s, unsigned i)
{
    static const char psk[] = "a secret of some length";
    struct ip_addr other = ip_addr_v4(192, 0, 2, i == SIM_A ? 2 : 1);

    s->addr = ip_addr_v4(192, 0, 2, i == SIM_A ? 1 : 2);
    s->peer = (struct ike_peer){
        .id = 1,
        .address = { other, 32 },
        .port = 500,
        .mode = IKE_MAIN,
        .auth = IKE_PRE_SHARED_KEY,
        .cipher = CIPHER_3DES,
        .hash = AUTH_MD5,
        .group = DH_MODP1024,
        .lifetime_s = 86400,
        .check = IKE_CHECK_OBEY,
        .send_initial_contact = true,
        .dpd_interval_s = 120,
        .dpd_max_failures = 5,
    };
    memcpy(s->peer.psk.b, psk, sizeof psk - 1);
    s->peer.psk.len = sizeof psk - 1;
    s->proposal = (struct ike_proposal){
        .name = "default",
        .auth_algs = 1u << AUTH_SHA1,
        .ciphers = 1u << CIPHER_3DES,
        .lifetime_s = 1800,
        .pfs_group = DH_NONE,
    };
    s->policies[0] = (struct ike_policy){
        .id = 7,
        .slot = 1,
        .reqid = 1,
        .protocols = IKE_PROTO_ESP,
        .tunnel = true,
        .local = s->addr,
        .remote = other,
        .replay_window = 32,
        .proposal = "default",
        .local_sel = { .prefix = sim_prefix(i == SIM_A ? "10.1.0.0/24" : "10.2.0.0/24") },
        .remote_sel = { .prefix = sim_prefix(i == SIM_A ? "10.2.0.0/24" : "10.1.0.0/24") },
    };
    s->n_policies = 1;
}

static void side_start(struct world *w, unsigned i)
{
    struct side *s = &w->side[i];
    struct ike_env env = { s, env_random, env_wall_s, env_spi_free, env_dh_init, 0 };

    s->w = w;
    s->rng = rng_new_fixed(world_random(w));
    s->ike = ike_new(&env);
}

struct world *world_new(uint64_t seed)
{
    struct world *w = xcalloc(1, sizeof *w);

    w->seed = seed;
    w->now_ms = 1000000;
    w->bad.delay_ms = 10;
    w->job_ms = 1;
    for (unsigned i = 0; i < 2; i++) {
        side_start(w, i);
        side_defaults(&w->side[i], i);
        world_configure(w, i);
    }
    return w;
}

void world_configure(struct world *w, unsigned side)
{
    struct side *s = &w->side[side];
    struct ike_config c = {
        .peers = &s->peer,
        .n_peers = s->no_peer ? 0 : 1,
        .proposals = &s->proposal,
        .n_proposals = s->no_proposal ? 0 : 1,
        .policies = s->policies,
        .n_policies = s->n_policies,
    };

    ike_configure(s->ike, w->now_ms, &c);
    world_take_actions(w, side);
}

/* Jobs of a side must be back before its engine goes. */
static void jobs_finish(struct world *w, unsigned side)
{
    for (size_t i = 0; i < w->n_events;) {
        struct event *e = &w->events[i];

        if (e->kind != EVENT_JOB || e->to != side) {
            i++;
            continue;
        }
        e->kind = EVENT_PACKET; /* to nobody */
        ike_job_run(e->job);
        ike_on_job_done(w->side[side].ike, w->now_ms, e->job);
        world_take_actions(w, side);
        i = 0;
    }
}

static void side_stop(struct world *w, unsigned side)
{
    jobs_finish(w, side);
    ike_free(w->side[side].ike);
    rng_free(w->side[side].rng);
}

void world_forget_side(struct world *w, unsigned side)
{
    struct side *s = &w->side[side];

    side_stop(w, side);
    memset(s->sas, 0, sizeof s->sas);
    side_start(w, side);
    world_configure(w, side);
}

void world_free(struct world *w)
{
    for (unsigned i = 0; i < 2; i++)
        side_stop(w, i);
    for (size_t i = 0; i < w->n_events; i++)
        free(w->events[i].kind == EVENT_MESSAGE ? w->events[i].message.bytes : NULL);
    free(w->events);
    free(w);
}

static void count_up(void *ctx, const struct ike_remote_peer *p)
{
    *(unsigned *)ctx += p->established_ms != 0;
}

unsigned world_phase1s(const struct side *s)
{
    unsigned n = 0;

    ike_remote_peers(s->ike, count_up, &n);
    return n;
}
