/* Speed of the IKE engine: two of them in one process, joined by two arrays instead of a network.
 * First whole handshakes, each main mode and quick mode between another pair of addresses, 100
 * under way at once; then many tunnels with one peer and with as many peers: what they cost to
 * establish, to keep, to renew. CPU time of the thread, charged to the side that works;
 * Diffie-Hellman, which the daemon leaves to its pool, is in it and also shown alone. The clock of
 * the engines is virtual. bench_ike [--quick] */
#include "ike.h"
#include "text.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INITIATOR, RESPONDER, AT_ONCE = 100, SA_LIFE_S = 1800, KEEP_S = 600 };

struct suite {
    const char *name;
    enum cipher_alg cipher;
    enum auth_alg hash;
    enum dh_group group;
};

static const struct suite suites[] = {
    { "3des-md5-modp1024", CIPHER_3DES, AUTH_MD5, DH_MODP1024 },
    { "aes-128-sha1-modp1536", CIPHER_AES_128, AUTH_SHA1, DH_MODP1536 },
};

struct message {
    struct ike_path path;
    uint8_t *bytes;
    size_t len;
};

struct side {
    struct ike *ike;
    struct rng *rng;
    struct message *inbox;
    size_t n, cap;
    double cpu_s, dh_s;
    uint64_t *children; /* by policy: the set of SAs in use */
    unsigned n_children;
};

struct pair {
    struct side side[2];
    unsigned n; /* policies */
    uint64_t now_ms;
};

static double cpu_now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_ike: %s\n", what);
    exit(1);
}

/* ---- what an engine asks of its host ---- */

static void env_random(void *ctx, void *out, size_t len)
{
    rng_bytes(((struct side *)ctx)->rng, out, len);
}

static int64_t env_wall_s(void *ctx)
{
    (void)ctx;
    return 1700000000;
}

static bool env_spi_free(void *ctx, uint8_t proto, const struct ip_addr *src,
                         const struct ip_addr *dst, uint32_t spi)
{
    (void)ctx;
    (void)proto;
    (void)src;
    (void)dst;
    (void)spi;
    return true;
}

static void env_dh_init(void *ctx, struct dh *ret, enum dh_group group)
{
    dh_init(ret, group, ((struct side *)ctx)->rng);
}

/* ---- configuration ---- */

/* Host I of a side; policies between single hosts, so that each is a tunnel of its own. */
static struct ip_addr host_number(unsigned side, unsigned net, uint32_t i)
{
    return ip_addr_v4((uint8_t)(net + side), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i);
}

static void side_configure(struct pair *pair, unsigned s, const struct suite *suite,
                           enum dh_group pfs, bool one_peer)
{
    struct ike_peer peer = { .id = 1,
                             .address = { { .family = IP_V4 }, 0 },
                             .port = 500,
                             .psk = { .b = "gvejimezyfopmekun", .len = 17 },
                             .cipher = suite->cipher,
                             .hash = suite->hash,
                             .group = suite->group,
                             .lifetime_s = 86400,
                             .check = IKE_CHECK_OBEY,
                             .send_initial_contact = true,
                             .dpd_interval_s = 120,
                             .dpd_max_failures = 5 };
    struct ike_proposal proposal = { .name = "default",
                                     .auth_algs = 1u << suite->hash,
                                     .ciphers = 1u << suite->cipher,
                                     .lifetime_s = SA_LIFE_S,
                                     .pfs_group = pfs };
    struct ike_policy *policies = xcalloc(pair->n, sizeof(*policies));

    for (uint32_t i = 0; i < pair->n; i++) {
        policies[i] = (struct ike_policy){
            .id = i + 1,
            .slot = i,
            .reqid = i + 1,
            .local_sel = { .prefix = { host_number(s, 20, i), 32 } },
            .remote_sel = { .prefix = { host_number(!s, 20, i), 32 } },
            .local = host_number(s, 10, one_peer ? 1 : i + 1),
            .remote = host_number(!s, 10, one_peer ? 1 : i + 1),
            .protocols = IKE_PROTO_ESP,
            .tunnel = true,
            .replay_window = 32,
        };
        memcpy(policies[i].proposal, "default", sizeof("default"));
    }
    const struct ike_config config = { .peers = &peer,
                                       .n_peers = 1,
                                       .proposals = &proposal,
                                       .n_proposals = 1,
                                       .policies = policies,
                                       .n_policies = pair->n };
    ike_configure(pair->side[s].ike, pair->now_ms, &config);
    free(policies);
}

static struct pair *pair_new(const struct suite *suite, enum dh_group pfs, unsigned n,
                             bool one_peer)
{
    struct pair *pair = xcalloc(1, sizeof(*pair));

    pair->n = n;
    pair->now_ms = 1000;
    for (unsigned s = 0; s < 2; s++) {
        struct side *side = &pair->side[s];
        const struct ike_env env = { .ctx = side,
                                     .random = env_random,
                                     .wall_s = env_wall_s,
                                     .spi_free = env_spi_free,
                                     .dh_init = env_dh_init };
        side->rng = rng_new();
        side->ike = ike_new(&env);
        side->children = xcalloc(n, sizeof(*side->children));
        side_configure(pair, s, suite, pfs, one_peer);
    }
    return pair;
}

static void pair_free(struct pair *pair)
{
    for (unsigned s = 0; s < 2; s++) {
        ike_free(pair->side[s].ike);
        rng_free(pair->side[s].rng);
        free(pair->side[s].inbox);
        free(pair->side[s].children);
    }
    free(pair);
    malloc_trim(0);
}

/* ---- the world between them ---- */

static void message_put(struct side *to, const struct ike_action *a)
{
    if (to->n == to->cap) {
        to->cap = to->cap ? 2 * to->cap : 64;
        to->inbox = xrealloc(to->inbox, to->cap * sizeof(*to->inbox));
    }
    struct message *m = &to->inbox[to->n++];
    *m = (struct message){ .path = { a->path.remote, a->path.local, a->path.remote_port,
                                     a->path.local_port },
                           .bytes = xmalloc(a->bytes.len),
                           .len = a->bytes.len };
    memcpy(m->bytes, a->bytes.p, a->bytes.len);
}

static void job_run(struct pair *pair, struct side *side, struct ike_job *job)
{
    double from = cpu_now_s();

    ike_job_run(job);
    side->dh_s += cpu_now_s() - from;
    ike_on_job_done(side->ike, pair->now_ms, job);
}

static void actions_take(struct pair *pair, unsigned s)
{
    struct side *side = &pair->side[s];
    struct ike_action a;

    while (ike_action_take(side->ike, &a)) {
        if (a.type == IKE_SEND)
            message_put(&pair->side[!s], &a);
        else if (a.type == IKE_JOB)
            job_run(pair, side, a.job);
        else if (a.type == IKE_SA_INSTALL_OUT) {
            side->children[a.child.slot] = a.child_id;
            side->n_children++;
        } else if (a.type == IKE_REPORT && a.report.is_error)
            check(false, a.report.text);
        ike_action_fini(&a);
    }
}

/* Everything in the inbox, answers go to the other's. */
static bool side_turn(struct pair *pair, unsigned s)
{
    struct side *side = &pair->side[s];
    size_t n = side->n;
    struct message *inbox = side->inbox;
    double from = cpu_now_s();

    side->inbox = NULL;
    side->n = side->cap = 0;
    for (size_t i = 0; i < n; i++) {
        ike_on_datagram(side->ike, pair->now_ms, &inbox[i].path, inbox[i].bytes, inbox[i].len);
        actions_take(pair, s);
        free(inbox[i].bytes);
    }
    free(inbox);
    side->cpu_s += cpu_now_s() - from;
    return n > 0;
}

static void pair_settle(struct pair *pair)
{
    while (side_turn(pair, RESPONDER) | side_turn(pair, INITIATOR))
        pair->now_ms++;
}

/* Traffic of policies FIRST to END wants SAs. */
static void tunnels_want(struct pair *pair, unsigned first, unsigned end)
{
    struct side *side = &pair->side[INITIATOR];
    double from = cpu_now_s();

    for (unsigned i = first; i < end; i++) {
        ike_on_acquire(side->ike, pair->now_ms, i + 1);
        actions_take(pair, INITIATOR);
    }
    side->cpu_s += cpu_now_s() - from;
}

/* The clock goes on by MS, timers run. */
static void time_pass(struct pair *pair, uint64_t ms)
{
    uint64_t end_ms = pair->now_ms + ms;

    while (pair->now_ms < end_ms) {
        uint64_t next_ms = end_ms;

        for (unsigned s = 0; s < 2; s++) {
            struct side *side = &pair->side[s];
            double from = cpu_now_s();
            ike_on_timer(side->ike, pair->now_ms);
            actions_take(pair, s);
            side->cpu_s += cpu_now_s() - from;
        }
        pair_settle(pair);
        for (unsigned s = 0; s < 2; s++)
            if (ike_next_timeout_ms(pair->side[s].ike) < next_ms)
                next_ms = ike_next_timeout_ms(pair->side[s].ike);
        pair->now_ms = next_ms > pair->now_ms ? next_ms : pair->now_ms + 1;
    }
}

static void cpu_clear(struct pair *pair)
{
    for (unsigned s = 0; s < 2; s++)
        pair->side[s].cpu_s = pair->side[s].dh_s = 0;
}

static void all_there(const struct pair *pair, unsigned n)
{
    check(pair->side[INITIATOR].n_children == n && pair->side[RESPONDER].n_children == n,
          "not every tunnel came up");
}

/* ---- handshakes ---- */

static void bench_suite(const struct suite *suite, bool pfs, unsigned n)
{
    struct pair *pair = pair_new(suite, pfs ? suite->group : DH_NONE, n, false);
    const struct side *i = &pair->side[INITIATOR], *r = &pair->side[RESPONDER];

    cpu_clear(pair);
    for (unsigned first = 0; first < n; first += AT_ONCE) {
        tunnels_want(pair, first, first + AT_ONCE);
        pair_settle(pair);
    }
    all_there(pair, n);
    printf("%-22s %-4s %9.0f  %9.1f %9.1f  %9.1f %9.1f\n", suite->name, pfs ? "yes" : "no",
           n / (i->cpu_s + r->cpu_s), i->cpu_s / n * 1e6, r->cpu_s / n * 1e6, i->dh_s / n * 1e6,
           r->dh_s / n * 1e6);
    pair_free(pair);
}

static void bench_handshakes(unsigned n)
{
    printf("main + quick mode, both ends in one thread, %u handshakes\n", n);
    printf("%-22s %-4s %9s  %9s %9s  %9s %9s\n", "", "", "", "CPU us of", "", "of that DH", "");
    printf("%-22s %-4s %9s  %9s %9s  %9s %9s\n", "suite", "pfs", "per s", "initiator", "responder",
           "initiator", "responder");
    for (size_t i = 0; i < sizeof(suites) / sizeof(*suites); i++)
        for (int pfs = 0; pfs < 2; pfs++)
            bench_suite(&suites[i], pfs, n);
}

/* ---- many tunnels ---- */

static size_t heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static void print_cpu(const struct pair *pair, const char *what)
{
    const struct side *i = &pair->side[INITIATOR], *r = &pair->side[RESPONDER];

    printf("  %-34s %8.3f s initiator, %.3f s responder; without DH %.1f and %.1f us a tunnel\n",
           what, i->cpu_s, r->cpu_s, (i->cpu_s - i->dh_s) / pair->n * 1e6,
           (r->cpu_s - r->dh_s) / pair->n * 1e6);
}

/* The soft limit of every SA, at both ends as the data paths would tell. */
static void renew_all(struct pair *pair)
{
    for (unsigned s = 0; s < 2; s++) {
        struct side *side = &pair->side[s];
        double from = cpu_now_s();
        for (unsigned i = 0; i < pair->n; i++) {
            ike_on_sa_event(side->ike, pair->now_ms, side->children[i], IKE_SA_SOFT);
            actions_take(pair, s);
        }
        side->cpu_s += cpu_now_s() - from;
    }
    time_pass(pair, SA_LIFE_S / 10 * 1000);
}

static void bench_tunnels(unsigned n, bool one_peer)
{
    struct pair *pair = pair_new(&suites[1], DH_NONE, n, one_peer);
    size_t before = heap_bytes();

    printf("\n%u tunnels with %s, aes-128-sha1-modp1536, no pfs\n", n,
           one_peer ? "one peer" : "as many peers");
    cpu_clear(pair);
    tunnels_want(pair, 0, n); /* all at once, and nobody gets lost */
    pair_settle(pair);
    all_there(pair, n);
    print_cpu(pair, "established in");
    printf("  %-34s %8.0f bytes\n", "engine's memory per tunnel and end",
           (double)(heap_bytes() - before) / n / 2);
    cpu_clear(pair);
    time_pass(pair, KEEP_S * 1000);
    printf("  %-34s %8.0f bytes\n", "the same ten minutes later",
           (double)(heap_bytes() - before) / n / 2);
    printf("  %-34s %8.3f ms initiator, %.3f ms responder\n", "CPU per second of doing nothing",
           pair->side[INITIATOR].cpu_s / KEEP_S * 1e3, pair->side[RESPONDER].cpu_s / KEEP_S * 1e3);
    cpu_clear(pair);
    time_pass(pair, (SA_LIFE_S * 8 / 10 - KEEP_S) * 1000);
    cpu_clear(pair);
    renew_all(pair);
    all_there(pair, 2 * n);
    print_cpu(pair, "renewed in");
    pair_free(pair);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    unsigned n = quick ? 2000 : 10000;

    bench_handshakes(quick ? 400 : 3000);
    bench_tunnels(n, true);
    bench_tunnels(n, false);
    return 0;
}
