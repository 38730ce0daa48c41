#include "ike_net.h"

#include "dh.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAT_PORTS = 10000, TIMER_CALLS_MAX = 64 };

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* ---- what the engines draw and compute ---- */

static void env_random(void *ctx, void *out, size_t len)
{
    rng_bytes(((struct net_engine *)ctx)->net->rng, out, len);
}

static int64_t env_wall_s(void *ctx)
{
    return (int64_t)(((struct net_engine *)ctx)->net->now_ms / 1000);
}

static bool env_spi_free(void *ctx, uint8_t proto, const struct ip_addr *src,
                         const struct ip_addr *dst, uint32_t spi)
{
    (void)ctx;
    (void)proto;
    (void)src;
    (void)dst;
    return spi >= 256;
}

static void env_dh_init(void *ctx, struct dh *ret, enum dh_group group)
{
    dh_init(ret, group, ((struct net_engine *)ctx)->net->rng);
}

/* ---- actions ---- */

static void message_keep(struct net_message *at, const struct net_message *m)
{
    *at = *m;
    at->bytes = xmalloc(m->len);
    memcpy(at->bytes, m->bytes, m->len);
}

static void on_send(struct net_engine *e, const struct ike_action *a)
{
    struct net *n = e->net;
    unsigned from = (unsigned)(e - n->e);
    struct net_message m = {
        .path = { a->path.remote, a->path.local, a->path.remote_port, a->path.local_port },
        .bytes = (uint8_t *)a->bytes.p,
        .len = a->bytes.len,
    };

    check(a->bytes.len >= 28 && a->path.remote_port != 0);
    n->n_sent++;
    e->n_sent++;
    e->bytes_sent += a->bytes.len;
    m.to = NET_B;
    if (from == NET_C) {
        m.path.remote = n->e[NET_A].addr;
        m.path.remote_port = (uint16_t)(m.path.remote_port + NAT_PORTS);
    } else if (from == NET_B) {
        m.to = m.path.local_port >= NAT_PORTS ? NET_C : NET_A;
        if (m.to == NET_C) {
            m.path.local = n->e[NET_C].addr;
            m.path.local_port = (uint16_t)(m.path.local_port - NAT_PORTS);
        }
    }
    if (n->n_pending == NET_MESSAGES_MAX)
        net_pending_drop(n, 0);
    message_keep(&n->pending[n->n_pending++], &m);
    free(n->history[n->n_history % NET_MESSAGES_MAX].bytes);
    message_keep(&n->history[n->n_history++ % NET_MESSAGES_MAX], &m);
}

static struct net_child *child_find(struct net_engine *e, uint64_t id)
{
    for (unsigned i = 0; i < e->n_children; i++) {
        if (e->children[i].id == id)
            return &e->children[i];
    }
    return NULL;
}

static void on_install(struct net_engine *e, const struct ike_action *a)
{
    struct net_child *c = child_find(e, a->child.id);

    check(a->child.n_sas >= 1 && a->child.n_sas <= 2);
    for (unsigned i = 0; i < a->child.n_sas; i++) {
        const struct ike_child_sa *sa = &a->child.sas[i];

        check(sa->spi_in >= 256 && sa->spi_out >= 256);
        check(sa->enc_in.len + sa->auth_in.len > 0);
        check(sa->enc_in.len == sa->enc_out.len && sa->auth_in.len == sa->auth_out.len);
    }
    if (a->type == IKE_SA_INSTALL_OUT) {
        check(c && c->in && !c->out);
        c->out = true;
        return;
    }
    check(!c && e->n_children < NET_CHILDREN_MAX);
    e->children[e->n_children++] = (struct net_child){ .id = a->child.id, .in = true };
}

static void on_remove(struct net_engine *e, uint64_t id)
{
    struct net_child *c = child_find(e, id);

    check(c != NULL);
    *c = e->children[--e->n_children];
}

static void on_job(struct net_engine *e, struct ike_job *job)
{
    if (e->n_jobs < NET_JOBS_MAX) {
        e->jobs[e->n_jobs++] = job;
        return;
    }
    ike_job_run(job);
    ike_on_job_done(e->ike, e->net->now_ms, job);
}

void net_actions(struct net *n, unsigned engine)
{
    struct net_engine *e = &n->e[engine];
    struct ike_action a;

    while (ike_action_take(e->ike, &a)) {
        switch (a.type) {
        case IKE_SEND:
            on_send(e, &a);
            break;
        case IKE_SA_INSTALL_IN:
        case IKE_SA_INSTALL_OUT:
            on_install(e, &a);
            break;
        case IKE_SA_REMOVE:
            on_remove(e, a.child_id);
            break;
        case IKE_JOB:
            on_job(e, a.job);
            break;
        case IKE_REPORT:
            if (getenv("SIM_TRACE"))
                fprintf(stderr, "%8llu %c %s%s\n", (unsigned long long)n->now_ms, "ABC"[engine],
                        a.report.is_error ? "ERROR " : "", a.report.text);
            e->n_lines += a.report.level < IKE_REPORT_DEBUG;
            check(memchr(a.report.text, 0, sizeof a.report.text) != NULL);
            for (const char *p = a.report.text; *p; p++)
                check(*p >= 0x20 && *p < 0x7f);
            break;
        }
        ike_action_fini(&a);
    }
}

/* ---- events ---- */

void net_deliver(struct net *n, unsigned to, const struct ike_path *path, const uint8_t *bytes,
                 size_t len)
{
    uint8_t *exact = xmalloc(len); /* ends where the sanitizer watches */

    if (len)
        memcpy(exact, bytes, len);
    ike_on_datagram(n->e[to].ike, n->now_ms, path, exact, len);
    free(exact);
    net_actions(n, to);
}

void net_pending_drop(struct net *n, unsigned i)
{
    free(n->pending[i].bytes);
    memmove(&n->pending[i], &n->pending[i + 1], (n->n_pending - i - 1) * sizeof n->pending[0]);
    n->n_pending--;
}

void net_job_finish(struct net *n, unsigned engine, unsigned i)
{
    struct net_engine *e = &n->e[engine];
    struct ike_job *job = e->jobs[i];

    memmove(&e->jobs[i], &e->jobs[i + 1], (e->n_jobs - i - 1) * sizeof e->jobs[0]);
    e->n_jobs--;
    ike_job_run(job);
    ike_on_job_done(e->ike, n->now_ms, job);
    net_actions(n, engine);
}

uint64_t net_next_ms(const struct net *n)
{
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0; i < NET_ENGINES; i++) {
        uint64_t at = ike_next_timeout_ms(n->e[i].ike);

        next = at < next ? at : next;
    }
    return next;
}

void net_advance(struct net *n, uint64_t ms)
{
    n->now_ms += ms;
    for (unsigned i = 0; i < NET_ENGINES; i++) {
        unsigned calls = 0;

        while (ike_next_timeout_ms(n->e[i].ike) <= n->now_ms) {
            check(calls++ < TIMER_CALLS_MAX); /* a timer that arms itself for now */
            ike_on_timer(n->e[i].ike, n->now_ms);
            net_actions(n, i);
        }
    }
}

void net_run(struct net *n, unsigned steps)
{
    while (steps-- > 0) {
        unsigned i = 0;

        while (i < NET_ENGINES && n->e[i].n_jobs == 0)
            i++;
        if (i < NET_ENGINES) {
            net_job_finish(n, i, 0);
        } else if (n->n_pending > 0) {
            struct net_message m = n->pending[0];

            memmove(&n->pending[0], &n->pending[1], (n->n_pending - 1) * sizeof m);
            n->n_pending--;
            net_deliver(n, m.to, &m.path, m.bytes, m.len);
            free(m.bytes);
        } else {
            return;
        }
    }
}

/* ---- set-up ---- */

static struct ip_prefix net_of(uint8_t b, uint8_t c)
{
    return (struct ip_prefix){ ip_addr_v4(10, b, c, 0), 24 };
}

static void peer_add(struct net_engine *e, struct ip_prefix address)
{
    static const char psk[] = "a secret";
    struct ike_peer *p = &e->peers[e->n_peers++];

    *p = (struct ike_peer){ .id = (uint32_t)e->n_peers,
                            .address = address,
                            .port = 500,
                            .cipher = CIPHER_AES_128,
                            .hash = AUTH_SHA1,
                            .group = DH_MODP768,
                            .lifetime_s = 3600,
                            .check = IKE_CHECK_OBEY,
                            .send_initial_contact = true,
                            .nat_traversal = true,
                            .dpd_interval_s = 120,
                            .dpd_max_failures = 3 };
    memcpy(p->psk.b, psk, sizeof psk - 1);
    p->psk.len = sizeof psk - 1;
}

static void policy_add(struct net_engine *e, uint32_t id, struct ip_addr remote,
                       struct ip_prefix ours, struct ip_prefix theirs)
{
    e->policies[e->n_policies++] = (struct ike_policy){ .id = id,
                                                        .slot = id,
                                                        .reqid = id,
                                                        .local_sel = { .prefix = ours },
                                                        .remote_sel = { .prefix = theirs },
                                                        .local = e->addr,
                                                        .remote = remote,
                                                        .protocols = IKE_PROTO_ESP,
                                                        .tunnel = true,
                                                        .replay_window = 32,
                                                        .proposal = "p" };
}

static void engine_defaults(struct net *n, unsigned i)
{
    struct net_engine *e = &n->e[i];
    struct ip_addr a = ip_addr_v4(192, 0, 2, 1), b = ip_addr_v4(192, 0, 2, 2);

    e->net = n;
    e->addr = i == NET_A ? a : i == NET_B ? b : ip_addr_v4(10, 9, 9, 9);
    e->proposals[0] = (struct ike_proposal){ .name = "p",
                                             .auth_algs = 1u << AUTH_SHA1 | 1u << AUTH_MD5,
                                             .ciphers = 1u << CIPHER_AES_128 | 1u << CIPHER_3DES,
                                             .lifetime_s = 1800 };
    e->n_proposals = 1;
    peer_add(e, (struct ip_prefix){ i == NET_B ? a : b, 32 });
    if (i == NET_B)
        peer_add(e, (struct ip_prefix){ { .family = IP_V4 }, 0 });
    if (i == NET_C) {
        policy_add(e, 9, b, net_of(3, 0), net_of(2, 0));
        return;
    }
    policy_add(e, 7, i == NET_A ? b : a, net_of(i == NET_A ? 1 : 2, 0),
               net_of(i == NET_A ? 2 : 1, 0));
    policy_add(e, 8, i == NET_A ? b : a, net_of(i == NET_A ? 1 : 2, 1),
               net_of(i == NET_A ? 2 : 1, 1));
    if (i == NET_B)
        policy_add(e, 9, a, net_of(2, 0), net_of(3, 0));
}

static void engine_start(struct net *n, unsigned i)
{
    struct net_engine *e = &n->e[i];
    const struct ike_env env = { e, env_random, env_wall_s, env_spi_free, env_dh_init, 0 };

    e->ike = ike_new(&env);
    net_configure(n, i);
}

void net_configure(struct net *n, unsigned engine)
{
    struct net_engine *e = &n->e[engine];
    const struct ike_config c = { e->peers,    e->n_peers,    e->proposals, e->n_proposals,
                                  e->policies, e->n_policies, NULL };

    ike_configure(e->ike, n->now_ms, &c);
    net_actions(n, engine);
}

struct net *net_new(uint64_t seed)
{
    struct net *n = xcalloc(1, sizeof *n);

    n->now_ms = 1000000;
    n->rng = rng_new_fixed(seed);
    for (unsigned i = 0; i < NET_ENGINES; i++) {
        engine_defaults(n, i);
        n->e[i].all_peers = n->e[i].n_peers;
        n->e[i].all_policies = n->e[i].n_policies;
        engine_start(n, i);
    }
    return n;
}

static void engine_stop(struct net *n, unsigned i)
{
    struct net_engine *e = &n->e[i];

    while (e->n_jobs > 0)
        net_job_finish(n, i, 0);
    ike_free(e->ike);
    e->n_children = 0;
}

void net_restart(struct net *n, unsigned engine)
{
    engine_stop(n, engine);
    engine_start(n, engine);
}

static void count(void *ctx, const struct ike_remote_peer *p)
{
    (void)p;
    ++*(unsigned *)ctx;
}

/* Whatever happened before: nothing is left when everything is told to end. */
static void engine_clear(struct net *n, unsigned i)
{
    struct net_engine *e = &n->e[i];
    unsigned left = 0;

    ike_kill_connections(e->ike, n->now_ms);
    net_actions(n, i);
    ike_remote_peers(e->ike, count, &left);
    check(left == 0 && e->n_children == 0);
}

void net_free(struct net *n)
{
    for (unsigned i = 0; i < NET_ENGINES; i++) {
        engine_clear(n, i);
        engine_stop(n, i);
    }
    while (n->n_pending > 0)
        net_pending_drop(n, 0);
    for (unsigned i = 0; i < NET_MESSAGES_MAX; i++)
        free(n->history[i].bytes);
    rng_free(n->rng);
    free(n);
}
