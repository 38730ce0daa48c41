#include "worker.h"

#include "clock.h"
#include "ike_sockets.h"
#include "raw.h"
#include "text.h"
#include "tun.h"
#include "udp_esp.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

enum { RX_ESP4, RX_AH4, RX_ESP6, RX_AH6, RX_COUNT };
enum { ROUNDS_PER_WAKE = 4, TICK_MS = 1000 };

static const struct {
    enum ip_family family;
    int proto;
} rx_kinds[RX_COUNT] = { [RX_ESP4] = { IP_V4, 50 },
                         [RX_AH4] = { IP_V4, 51 },
                         [RX_ESP6] = { IP_V6, 50 },
                         [RX_AH6] = { IP_V6, 51 } };

struct worker {
    struct worker_config c;
    pthread_t thread;
    bool running;
    int epoll_fd, stop_fd, nudge_fd;
    int rx[RX_COUNT];
    int tx4, tx6, icmp4, icmp6;
    struct udp_esp *udp4, *udp6; /* udp6: NULL without IPv6 */
    struct rng *rng;
    struct ipsec_worker *engine;
};

static void give_back(struct worker *w, struct pkt **pkts, unsigned n)
{
    struct pkt_pool *pool = ipsec_worker_pool(w->engine);

    for (unsigned i = 0; i < n; i++)
        pkt_put(pool, pkts[i]);
}

/* Runs of one kind keep their order. */
static unsigned sink_wire(void *ctx, struct pkt **pkts, unsigned n)
{
    struct worker *w = ctx;
    unsigned sent = 0;

    for (unsigned at = 0, run; at < n; at += run) {
        bool udp = udp_esp_is_udp(pkts[at]);
        for (run = 1; at + run < n && udp_esp_is_udp(pkts[at + run]) == udp;)
            run++;
        sent += udp ? udp_esp_send(w->udp4, w->udp6, pkts + at, run)
                    : raw_send(w->tx4, w->tx6, pkts + at, run);
    }
    give_back(w, pkts, n);
    return sent;
}

static unsigned sink_inject(void *ctx, struct pkt **pkts, unsigned n)
{
    struct worker *w = ctx;
    unsigned taken = tun_inject(w->c.inject_fd, pkts, n);

    give_back(w, pkts, n);
    return taken;
}

static void sink_icmp(void *ctx, const struct ip_addr *dst, const uint8_t *msg, size_t len)
{
    struct worker *w = ctx;

    /* An ICMP error is advice; when it cannot be sent the drop itself is already counted. */
    raw_send_icmp(dst->family == IP_V6 ? w->icmp6 : w->icmp4, dst, msg, len);
}

static void sink_wake(void *ctx)
{
    struct worker *w = ctx;

    w->c.wake(w->c.wake_ctx);
}

static void sink_nudge(void *ctx)
{
    eventfd_write(((struct worker *)ctx)->nudge_fd, 1);
}

static void serve_nudge(struct worker *w, uint64_t now_ms)
{
    eventfd_t count;

    eventfd_read(w->nudge_fd, &count);
    ipsec_release(w->engine, now_ms);
}

static void serve_capture(struct worker *w, uint64_t now_ms)
{
    struct pkt *batch[PKT_BATCH];

    for (int round = 0; round < ROUNDS_PER_WAKE; round++) {
        unsigned lost = 0;
        unsigned n =
            tun_read(w->c.capture_fd, ipsec_worker_pool(w->engine), batch, PKT_BATCH, &lost);
        if (lost)
            ipsec_worker_count(w->engine, DROP_OUT_BUFFERS, lost);
        if (n == 0)
            return;
        ipsec_out(w->engine, batch, n, now_ms);
        if (n < PKT_BATCH)
            return;
    }
}

static void serve_receiver(struct worker *w, int kind, uint64_t now_ms)
{
    struct pkt *batch[PKT_BATCH];

    for (int round = 0; round < ROUNDS_PER_WAKE; round++) {
        unsigned n = raw_receive(w->rx[kind], rx_kinds[kind].family, ipsec_worker_pool(w->engine),
                                 batch, PKT_BATCH);
        if (n == 0)
            return;
        ipsec_in(w->engine, batch, n, now_ms);
        if (n < PKT_BATCH)
            return;
    }
}

static void on_ike(void *ctx, const struct udp_path *path, const uint8_t *bytes, size_t len)
{
    struct worker *w = ctx;

    if (!ike_sockets_pass(w->c.ike_fd, path, bytes, len))
        ipsec_worker_count(w->engine, DROP_IN_IKE, 1);
}

static void serve_udp(struct worker *w, struct udp_esp *udp, uint64_t now_ms)
{
    struct pkt *batch[PKT_BATCH];

    for (int round = 0; round < ROUNDS_PER_WAKE || udp_esp_pending(udp); round++) {
        unsigned lost = 0;
        unsigned n =
            udp_esp_receive(udp, ipsec_worker_pool(w->engine), batch, PKT_BATCH, on_ike, w, &lost);
        if (lost)
            ipsec_worker_count(w->engine, DROP_IN_BUFFERS, lost);
        if (n == 0)
            return;
        ipsec_in(w->engine, batch, n, now_ms);
    }
}

/* What an epoll event's data names: a receiver, or one of these. */
enum { ON_CAPTURE = RX_COUNT, ON_UDP4, ON_UDP6, ON_NUDGE, ON_STOP };

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct epoll_event events[ON_STOP + 1];
    bool stop = false;
    uint64_t ticked_ms = clock_ms();

    urcu_memb_register_thread();
    while (!stop) {
        int n = epoll_wait(w->epoll_fd, events, ON_STOP + 1, TICK_MS);
        uint64_t now_ms = clock_ms();
        for (int i = 0; i < n; i++) {
            uint32_t on = events[i].data.u32;
            if (on == ON_STOP)
                stop = true;
            else if (on == ON_CAPTURE)
                serve_capture(w, now_ms);
            else if (on == ON_NUDGE)
                serve_nudge(w, now_ms);
            else if (on == ON_UDP4 || on == ON_UDP6)
                serve_udp(w, on == ON_UDP4 ? w->udp4 : w->udp6, now_ms);
            else
                serve_receiver(w, (int)on, now_ms);
        }
        if (now_ms - ticked_ms >= TICK_MS) {
            ipsec_worker_tick(w->engine, now_ms);
            ticked_ms = now_ms;
        }
    }
    urcu_memb_unregister_thread();
    return NULL;
}

static bool watch(struct worker *w, int fd, uint32_t on)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.u32 = on };

    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool open_udp(struct worker *w)
{
    w->udp4 = udp_esp_open(IP_V4, UDP_PORT_NATT, w->c.mark);
    if (!w->udp4 || !watch(w, udp_esp_fd(w->udp4), ON_UDP4))
        return false;
    w->udp6 = udp_esp_open(IP_V6, UDP_PORT_NATT, w->c.mark);
    return w->udp6 ? watch(w, udp_esp_fd(w->udp6), ON_UDP6) : errno == EAFNOSUPPORT;
}

static bool open_all(struct worker *w)
{
    for (int k = 0; k < RX_COUNT; k++) {
        w->rx[k] =
            raw_open_receiver(rx_kinds[k].family, rx_kinds[k].proto, w->c.index, w->c.n_workers);
        if (w->rx[k] < 0 || !watch(w, w->rx[k], (uint32_t)k))
            return false;
    }
    return (w->tx4 = raw_open_sender(IP_V4, w->c.mark)) >= 0 &&
           (w->tx6 = raw_open_sender(IP_V6, w->c.mark)) >= 0 &&
           (w->icmp4 = raw_open_icmp(IP_V4)) >= 0 && (w->icmp6 = raw_open_icmp(IP_V6)) >= 0 &&
           open_udp(w) && watch(w, w->c.capture_fd, ON_CAPTURE) &&
           watch(w, w->nudge_fd, ON_NUDGE) && watch(w, w->stop_fd, ON_STOP);
}

struct worker *worker_new(const struct worker_config *c, char *err, size_t err_size)
{
    struct worker *w = xcalloc(1, sizeof(*w));

    w->c = *c;
    w->tx4 = w->tx6 = w->icmp4 = w->icmp6 = -1;
    memset(w->rx, 0xff, sizeof(w->rx));
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->nudge_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->epoll_fd < 0 || w->stop_fd < 0 || w->nudge_fd < 0 || !open_all(w)) {
        snprintf(err, err_size, "cannot open a worker's sockets: %s%s", strerror(errno),
                 errno == EPERM ? " (CAP_NET_RAW is needed: start as root)" : "");
        worker_free(w);
        return NULL;
    }
    w->rng = rng_new();
    w->engine = ipsec_worker_new(c->engine, c->index, w->rng,
                                 &(struct ipsec_sink){ .ctx = w,
                                                       .wire = sink_wire,
                                                       .inject = sink_inject,
                                                       .icmp = sink_icmp,
                                                       .wake = sink_wake,
                                                       .nudge = sink_nudge });
    return w;
}

bool worker_start(struct worker *w)
{
    sigset_t all, old;

    /* Signals are the control thread's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    w->running = pthread_create(&w->thread, NULL, worker_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return w->running;
}

void worker_stop(struct worker *w)
{
    if (!w->running)
        return;
    eventfd_write(w->stop_fd, 1);
    pthread_join(w->thread, NULL);
    w->running = false;
}

static void fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    if (w->engine)
        ipsec_worker_free(w->engine);
    rng_free(w->rng);
    for (int k = 0; k < RX_COUNT; k++)
        fd_close(w->rx[k]);
    udp_esp_close(w->udp4);
    udp_esp_close(w->udp6);
    fd_close(w->tx4);
    fd_close(w->tx6);
    fd_close(w->icmp4);
    fd_close(w->icmp6);
    fd_close(w->stop_fd);
    fd_close(w->nudge_fd);
    fd_close(w->epoll_fd);
    free(w);
}
