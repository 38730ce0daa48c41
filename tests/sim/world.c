#include "world.h"

#include "cursor.h"
#include "datapath.h"
#include "rng.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

enum { START_MS = 1000000, EVERY_MS = 1000 };

uint64_t world_random(struct world *w)
{
    uint64_t z = (w->seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t side_now_ms(const struct side *s)
{
    return s->w->now_ms + (uint64_t)s->clock_ahead_ms;
}

int64_t side_wall_s(const struct side *s)
{
    return 1700000000 + s->wall_ahead_s + (int64_t)(s->w->now_ms / 1000);
}

unsigned side_number(const struct side *s)
{
    return (unsigned)(s - s->w->side);
}

/* ---- what the IKE engine asks of its host ---- */

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
    return side_wall_s(ctx);
}

static bool env_spi_free(void *ctx, uint8_t proto, const struct ip_addr *src,
                         const struct ip_addr *dst, uint32_t spi)
{
    return datapath_spi_is_free(ctx, proto, src, dst, spi);
}

/* ---- actions ---- */

static void on_report(struct side *s, const struct ike_report *r)
{
    if (getenv("SALLYPORT_SIM_TRACE"))
        fprintf(stderr, "%8llu %c %s%s\n", (unsigned long long)s->w->now_ms,
                s == &s->w->side[SIM_A] ? 'A' : 'B', r->is_error ? "ERROR " : "", r->text);
    s->n_successes += r->clears_error;
    if (!r->is_error)
        return;
    if (s->n_errors < SIM_REPORTS_MAX)
        s->errors[s->n_errors] = *r;
    s->n_errors++;
    memcpy(s->last_error, r->text, sizeof r->text);
}

static void action(struct world *w, unsigned side, struct ike_action *a)
{
    struct side *s = &w->side[side];

    switch (a->type) {
    case IKE_SEND:
        network_ike(w, side, a);
        break;
    case IKE_SA_INSTALL_IN:
    case IKE_SA_INSTALL_OUT:
        datapath_install(s, &a->child, a->type == IKE_SA_INSTALL_IN);
        break;
    case IKE_SA_REMOVE:
        datapath_remove(s, a->child_id);
        break;
    case IKE_JOB:
        s->n_jobs++;
        network_job(w, side, a->job);
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
    datapath_follow(&w->side[side]);
}

/* ---- time ---- */

/* When the engine's timer fires, in world time. */
static uint64_t timer_ms(const struct side *s)
{
    uint64_t at = ike_next_timeout_ms(s->ike);

    if (s->suspended || at == UINT64_MAX)
        return UINT64_MAX;
    return at <= side_now_ms(s) ? s->w->now_ms : at - (uint64_t)s->clock_ahead_ms;
}

static uint64_t next_ms(const struct world *w)
{
    uint64_t at = network_next_ms(w);

    for (unsigned i = 0; i < 2; i++) {
        const struct side *s = &w->side[i];

        at = timer_ms(s) < at ? timer_ms(s) : at;
        at = !s->suspended && datapath_tick_ms(s) < at ? datapath_tick_ms(s) : at;
    }
    return at;
}

static void side_run(struct side *s)
{
    if (s->suspended)
        return;
    if (timer_ms(s) <= s->w->now_ms) {
        ike_on_timer(s->ike, side_now_ms(s));
        world_take_actions(s->w, side_number(s));
    }
    if (datapath_tick_ms(s) <= s->w->now_ms)
        datapath_tick(s);
}

void world_run(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;

    for (uint64_t at = next_ms(w); at <= end; at = next_ms(w)) {
        w->now_ms = at > w->now_ms ? at : w->now_ms;
        network_deliver_due(w);
        for (unsigned i = 0; i < 2; i++)
            side_run(&w->side[i]);
    }
    w->now_ms = end;
}

void world_suspend(struct world *w, unsigned side, uint64_t ms, bool clock_goes_on)
{
    struct side *s = &w->side[side];

    s->suspended = true;
    world_run(w, ms);
    s->suspended = false;
    if (!clock_goes_on)
        s->clock_ahead_ms -= (int64_t)ms;
}

/* ---- traffic ---- */

void world_packet(struct world *w, unsigned side, size_t policy)
{
    struct side *s = &w->side[side];
    uint8_t p[INNER_BYTES_MAX];

    if (s->suspended)
        return;
    inner_make(s, policy, s->inner.sent++, p, w->inner_bytes);
    datapath_out(s, p, w->inner_bytes);
}

static bool all_arrived(const struct world *w, const struct inner_log before[2])
{
    for (unsigned i = 0; i < 2; i++) {
        const struct side *s = &w->side[i];

        for (size_t p = 0; p < s->n_policies; p++) {
            if (s->inner.arrived_of[p] == before[i].arrived_of[p])
                return false;
        }
    }
    return true;
}

bool world_until_traffic(struct world *w, uint64_t limit_ms)
{
    const struct inner_log before[2] = { w->side[0].inner, w->side[1].inner };
    uint64_t end = w->now_ms + limit_ms;

    while (!all_arrived(w, before)) {
        if (w->now_ms >= end)
            return false;
        for (unsigned i = 0; i < 2; i++) {
            for (size_t p = 0; p < w->side[i].n_policies; p++)
                world_packet(w, i, p);
        }
        world_run(w, EVERY_MS);
    }
    return true;
}

uint64_t world_held_up(const struct world *w)
{
    return w->side[0].inner.sent - w->side[0].n_packets + w->side[1].inner.sent -
           w->side[1].n_packets;
}

uint64_t world_lost(const struct world *w)
{
    return w->side[0].n_packets - w->side[0].inner.arrived + w->side[1].n_packets -
           w->side[1].inner.arrived - w->net.n_packets;
}

/* ---- SAs ---- */

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

static bool sa_receives(const struct ike_child_sa *in, const struct ike_child_sa *out)
{
    return in->proto == out->proto && in->spi_in == out->spi_out && in->cipher == out->cipher &&
           in->auth == out->auth && secret_same(&in->enc_in, &out->enc_out) &&
           secret_same(&in->auth_in, &out->auth_out);
}

/* The pair of S that receives what CHILD, of the other side, sends. */
static const struct sim_sa *counterpart(const struct side *s, const struct ike_child *child)
{
    for (size_t i = 0; i < SIM_SAS_MAX; i++) {
        const struct sim_sa *sa = &s->sas[i];
        unsigned matches = 0;

        if (!sa->used || sa->child.n_sas != child->n_sas)
            continue;
        for (unsigned k = 0; k < child->n_sas; k++) {
            for (unsigned j = 0; j < child->n_sas; j++)
                matches += sa_receives(&sa->child.sas[j], &child->sas[k]);
        }
        if (matches == child->n_sas)
            return sa;
    }
    return NULL;
}

bool world_joined(const struct world *w, unsigned side, uint32_t policy_id)
{
    const struct sim_sa *sa = world_sa_out(&w->side[side], policy_id);

    return sa && counterpart(&w->side[1 - side], &sa->child);
}

bool world_sas_match(const struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct side *s = &w->side[i];
        unsigned halves = 0;

        for (size_t k = 0; k < SIM_SAS_MAX; k++) {
            const struct sim_sa *sa = &s->sas[k];

            if (!sa->used)
                continue;
            if (!counterpart(&w->side[1 - i], &sa->child))
                return false;
            halves += sa->child.n_sas * (sa->out ? 2 : 1);
        }
        if (halves != datapath_sas(s))
            return false;
    }
    return true;
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

/* ---- set-up ---- */

struct ip_addr sim_addr(const char *text)
{
    struct ip_addr a;

    if (!ip_addr_from_text(text, strlen(text), &a))
        abort();
    return a;
}

struct ip_prefix sim_prefix(const char *text)
{
    struct ip_prefix p;

    if (!ip_prefix_from_text(text, strlen(text), &p))
        abort();
    return p;
}

static void side_defaults(struct side *s)
{
    static const char psk[] = "a secret of some length";

    s->peer = (struct ike_peer){
        .id = 1,
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
        .replay_window = 32,
        .proposal = "default",
    };
    s->n_policies = 1;
}

void world_networks(struct world *w, const char *a, const char *b)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ike_policy *p = &w->side[i].policies[0];

        p->local_sel.prefix = sim_prefix(i == SIM_A ? a : b);
        p->remote_sel.prefix = sim_prefix(i == SIM_A ? b : a);
    }
}

void world_addresses(struct world *w, const char *a, const char *b)
{
    w->side[SIM_A].addr = sim_addr(a);
    w->side[SIM_B].addr = sim_addr(b);
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &w->side[i];
        struct ip_addr other = w->side[1 - i].addr;

        s->peer.address = (struct ip_prefix){ other, (uint8_t)(8 * ip_addr_len(other.family)) };
        s->policies[0].local = s->addr;
        s->policies[0].remote = other;
    }
}

void world_transport(struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ike_policy *p = &w->side[i].policies[0];
        uint8_t bits = (uint8_t)(8 * ip_addr_len(p->local.family));

        p->tunnel = false;
        p->local_sel.prefix = (struct ip_prefix){ p->local, bits };
        p->remote_sel.prefix = (struct ip_prefix){ p->remote, bits };
    }
}

static void side_start(struct side *s)
{
    struct ike_env env = { s, env_random, env_wall_s, env_spi_free, env_dh_init, 0 };
    uint64_t seed = world_random(s->w);

    s->rng = rng_new_fixed(seed);
    s->ike = ike_new(&env);
    datapath_start(s, s->w->backend, ~seed);
}

struct world *world_new(uint64_t seed)
{
    struct world *w = xcalloc(1, sizeof *w);

    w->seed = seed;
    w->backend = seed % 8 == 0 ? BULK_AUTO : BULK_OPENSSL;
    w->now_ms = START_MS;
    w->bad.delay_ms = 10;
    w->job_ms = 1;
    w->inner_bytes = 100;
    for (unsigned i = 0; i < 2; i++) {
        w->side[i].w = w;
        side_defaults(&w->side[i]);
        side_start(&w->side[i]);
    }
    world_addresses(w, "192.0.2.1", "192.0.2.2");
    world_networks(w, "10.1.0.0/24", "10.2.0.0/24");
    world_configure_both(w);
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
        .trust = s->trust,
    };

    datapath_policies(s);
    ike_configure(s->ike, side_now_ms(s), &c);
    world_take_actions(w, side);
}

void world_configure_both(struct world *w)
{
    world_configure(w, SIM_A);
    world_configure(w, SIM_B);
}

static void side_stop(struct side *s)
{
    network_finish_jobs(s->w, side_number(s));
    ike_free(s->ike);
    rng_free(s->rng);
    datapath_stop(s);
}

void world_forget_side(struct world *w, unsigned side)
{
    side_stop(&w->side[side]);
    side_start(&w->side[side]);
    world_configure(w, side);
}

void world_free(struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        side_stop(&w->side[i]);
        inner_fini(&w->side[i].inner);
        repeats_fini(&w->side[i].repeats);
    }
    network_fini(w);
    free(w);
}
