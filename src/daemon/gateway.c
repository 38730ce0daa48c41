#include "clock.h"
#include "gateway_priv.h"
#include "hash.h"
#include "privileges.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* Sized for superpackets: 64 KiB reads of the capture device and coalesced writes. */
enum { TICK_ROUNDS_MAX = 32, CONTROL_NICE = 5 };
enum { TUN_MTU_BYTES = 65521 }; /* the most a TAP takes */

static void on_link_new(void *ctx, const struct link_info *l)
{
    struct gateway *g = ctx;

    steer_link_new(g->steer, l);
    g->refresh = true;
}

static void on_link_gone(void *ctx, unsigned ifindex)
{
    struct gateway *g = ctx;

    steer_link_gone(g->steer, ifindex);
    g->refresh = true;
}

static void on_neighbour_failed(void *ctx, unsigned ifindex, const struct ip_addr *addr)
{
    steer_neighbour_failed(((struct gateway *)ctx)->steer, ifindex, addr);
}

static void on_address_or_route(void *ctx)
{
    ((struct gateway *)ctx)->refresh = true;
}

/* One name per daemon on this machine, from what makes it unique: its state folder. */
static void names_make(struct gateway *g)
{
    static const struct hash_key fixed = { 0x73616c6c79, 0x706f7274 };
    char path[4096];
    const char *state = realpath(g->options.state_dir, path) ? path : g->options.state_dir;
    unsigned long long id = hash_bytes(&fixed, state, strlen(state));

    snprintf(g->pin_dir, sizeof(g->pin_dir), "/sys/fs/bpf/sallyport/%016llx", id);
    snprintf(g->table, sizeof(g->table), "sallyport-%016llx", id);
    if (gethostname(g->identity, sizeof(g->identity) - 1) != 0 || !g->identity[0])
        snprintf(g->identity, sizeof(g->identity), "sallyport");
}

static bool devices_open(struct gateway *g, char *err, size_t err_size)
{
    struct tun_options o = { .n_queues = g->n_workers,
                             .no_uso = g->options.no_uso,
                             .mtu_bytes = TUN_MTU_BYTES };

    if (!tun_open(&o, &g->capture, err, err_size))
        return false;
    o.tap = true;
    return tun_open(&o, &g->inject, err, err_size);
}

static bool workers_open(struct gateway *g, void (*wake)(void *), void *wake_ctx, char *err,
                         size_t err_size)
{
    g->workers = xcalloc(g->n_workers, sizeof(*g->workers));
    for (unsigned i = 0; i < g->n_workers; i++) {
        struct worker_config c = { .engine = g->engine,
                                   .index = i,
                                   .n_workers = g->n_workers,
                                   .capture_fd = g->capture.fds[i],
                                   .inject_fd = g->inject.fds[i],
                                   .ike_fd = ike_sockets_worker_fd(g->ike_sockets),
                                   .mark = g->options.mark,
                                   .wake = wake,
                                   .wake_ctx = wake_ctx };
        g->workers[i] = worker_new(&c, err, err_size);
        if (!g->workers[i])
            return false;
    }
    return true;
}

static bool kernel_open(struct gateway *g, char *err, size_t err_size)
{
    const struct netmon_events events = { .ctx = g,
                                          .link_new = on_link_new,
                                          .link_gone = on_link_gone,
                                          .addr_change = on_address_or_route,
                                          .route_change = on_address_or_route,
                                          .neighbour_failed = on_neighbour_failed };
    struct steer_options o = { .pin_dir = g->pin_dir,
                               .table = g->table,
                               .mark = g->options.mark,
                               .no_nf_link = g->options.no_nf_link };

    if (!devices_open(g, err, err_size))
        return false;
    o.capture_ifindex = g->capture.ifindex;
    o.inject_ifindex = g->inject.ifindex;
    g->steer = steer_new(&o, err, err_size);
    if (!g->steer)
        return false;
    if (!tun_steer_queues(&g->capture, steer_capture_queue_fd(g->steer))) {
        snprintf(err, err_size, "cannot spread captured packets over queues: %s", strerror(errno));
        return false;
    }
    g->netmon = netmon_new(&events, err, err_size);
    return g->netmon != NULL;
}

static bool self_test(enum bulk_backend backend, char *err, size_t err_size)
{
    struct bulk *b = bulk_new(backend);
    const char *failed = NULL;
    bool ok = b && bulk_self_test(b, &failed);

    if (ok)
        log_info("crypto", "self-test passed: %s", bulk_name(b));
    else
        snprintf(err, err_size,
                 "crypto self-test failed: %s; the gateway does not start with "
                 "broken cryptography",
                 failed ? failed : "no back end");
    bulk_free(b);
    return ok;
}

static void log_features(const struct steer *steer)
{
    const char *line = steer_features(steer);

    while (*line) {
        size_t len = strcspn(line, "\n");
        log_info("steer", "%.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

static void on_policy_changed(void *ctx, const struct plan_policy *pp)
{
    follow_policy(ctx, pp);
}

uint32_t gateway_path_mtu(void *ctx, const struct ip_addr *dst)
{
    struct route_info route;

    return netmon_route(((struct gateway *)ctx)->netmon, dst, &route) ? route.mtu_bytes : 0;
}

struct gateway *gateway_new(const struct options *o, void (*wake)(void *ctx), void *wake_ctx,
                            char *err, size_t err_size)
{
    enum bulk_backend backend = o->no_ipsec_mb ? BULK_OPENSSL : BULK_AUTO;
    struct gateway *g;

    if (!self_test(backend, err, err_size))
        return NULL;
    g = xcalloc(1, sizeof(*g));
    g->options = *o;
    g->n_workers = o->workers ? o->workers : (unsigned)get_nprocs();
    if (g->n_workers > 64)
        g->n_workers = 64;
    names_make(g);
    g->nat = nat_new(g->table, o->mark);
    g->engine = ipsec_new(g->n_workers, backend);
    if (!kernel_open(g, err, err_size) ||
        !(g->ike_sockets = ike_sockets_new(o->mark, g->n_workers, err, err_size)) ||
        !workers_open(g, wake, wake_ctx, err, err_size)) {
        gateway_free(g, false);
        return NULL;
    }
    const struct keying_hooks hooks = { .ctx = g,
                                        .policy_changed = on_policy_changed,
                                        .path_mtu = gateway_path_mtu };
    g->keying = keying_new(g->ike_sockets, g->engine, &hooks);
    log_features(g->steer);
    log_info("steer", "pins in %s", g->pin_dir);
    return g;
}

bool gateway_hand_over(struct gateway *g, const struct identity *id, char *err, size_t err_size)
{
    char parent[sizeof(g->pin_dir)];

    /* The parent belongs to all daemons, of whatever user: like /tmp, so that a clean stop can
     * remove its own folder. */
    snprintf(parent, sizeof(parent), "%s", g->pin_dir);
    *strrchr(parent, '/') = '\0';
    if (chmod(parent, 01777) != 0) {
        snprintf(err, err_size, "cannot share folder %s: %s", parent, strerror(errno));
        return false;
    }
    return privileges_make_dir(g->pin_dir, 0700, id, err, err_size);
}

void gateway_stop(struct gateway *g)
{
    if (g->keying)
        keying_stop(g->keying);
}

bool gateway_start(struct gateway *g, uv_loop_t *loop, struct text *error)
{
    views_hooks(g, &g->hooks);
    g->config = config_open(g->options.state_dir, &g->hooks, error);
    if (!g->config)
        return false;
    keying_start(g->keying, loop);
    /* The first dispatch reports every link there is: steering attaches, the SPD being in place. */
    netmon_dispatch(g->netmon);
    follow_refresh(g);
    for (unsigned i = 0; i < g->n_workers; i++)
        if (!worker_start(g->workers[i])) {
            text_puts(error, "cannot start a worker thread");
            return false;
        }
    /* Packets before handshakes: this thread gives way to the workers, keying's pool to both. */
    setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + CONTROL_NICE);
    return true;
}

void gateway_free(struct gateway *g, bool clean)
{
    if (!g)
        return;
    /* Steering goes first on a clean stop: from here on packets pass as if we were never there. */
    if (g->steer && clean)
        steer_stop(g->steer);
    if (clean)
        nat_stop(g->nat);
    for (unsigned i = 0; g->workers && i < g->n_workers; i++)
        if (g->workers[i])
            worker_stop(g->workers[i]);
    for (unsigned i = 0; g->workers && i < g->n_workers; i++)
        worker_free(g->workers[i]);
    free(g->workers);
    if (g->config)
        config_close(g->config);
    keying_free(g->keying);
    ike_sockets_free(g->ike_sockets);
    manual_fini(g);
    nat_free(g->nat);
    plan_fini(&g->plan);
    keymap_fini(&g->reqids);
    free(g->free_slots);
    if (g->netmon)
        netmon_free(g->netmon);
    if (g->steer)
        steer_free(g->steer);
    if (g->capture.n_queues)
        tun_close(&g->capture);
    if (g->inject.n_queues)
        tun_close(&g->inject);
    ipsec_free(g->engine);
    free(g);
}

struct config *gateway_config(const struct gateway *g)
{
    return g->config;
}

int gateway_netmon_fd(const struct gateway *g)
{
    return netmon_fd(g->netmon);
}

void gateway_on_netmon(struct gateway *g)
{
    netmon_dispatch(g->netmon);
    if (g->refresh) {
        g->refresh = false;
        follow_refresh(g);
    }
}

static void on_acquire(struct gateway *g, const struct ipsec_event *ev)
{
    const struct plan_policy *pp = plan_of_slot(&g->plan, ev->slot);

    if (pp && plan_uses_ike(pp))
        keying_acquire(g->keying, pp);
}

void gateway_on_wake(struct gateway *g)
{
    struct ipsec_event ev;

    while (ipsec_event_take(g->engine, &ev)) {
        if (ev.type == EV_ACQUIRE)
            on_acquire(g, &ev);
        else if (ev.type == EV_UNKNOWN_SPI)
            keying_unknown_spi(g->keying, &ev);
        else if (!keying_sa_event(g->keying, &ev) && ev.type == EV_HARD)
            manual_expire(g, &ev); /* at the soft limit: manual SAs are never renewed */
    }
    if (g->manual_changed)
        follow_slots(g);
    g->manual_changed = false;
}

void gateway_on_tick(struct gateway *g)
{
    uint64_t now_ms = clock_ms();

    /* More is due while it says so; the rest of a flood of expiries waits for the next tick. */
    for (int round = 0; round < TICK_ROUNDS_MAX && ipsec_tick(g->engine, now_ms); round++)
        gateway_on_wake(g);
    gateway_on_wake(g);
}
