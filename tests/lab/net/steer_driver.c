/* A gateway without IPsec for the tests of src/net: steering, devices and link monitor as the
 * daemon uses them, driven by lines on standard input. What is captured goes as it is to a peer
 * driver over a local socket, which injects it as if it had been decrypted.
 *
 * Arguments: PIN_DIR TABLE MARK [nft] [strict]. Commands, each answered by one line "ok ..." or
 * "error ...":
 *
 * - policy SLOT none|discard|encrypt use|require SRC DST PROTO SPORT DPORT: collects
 * - clear, apply, follow: forget the policies; load them; listen to the link monitor
 * - state SLOT BITS, slot SLOT, reset SLOT, counters, features
 * - peer OWN_PATH PEER_PATH IFINDEX: tunnel to the peer; where its packets "came by"
 * - seen: captured so far: packets, superpackets, bytes, lost
 * - send SRC DST MARKED: one datagram from port 4500 by a raw socket
 * - stop: removes all steering and ends */
#include "log.h"
#include "netmon.h"
#include "raw.h"
#include "spd.h"
#include "steer.h"
#include "tun.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_POLICIES = 4096, LINE_BYTES = 1024 };

struct driver {
    struct steer *steer;
    struct netmon *netmon;
    struct tun capture, inject;
    struct pkt_pool pool;
    struct policy policies[MAX_POLICIES];
    size_t n_policies;
    bool following; /* the link monitor is listened to */
    int peer;
    struct sockaddr_un peer_path;
    unsigned peer_ifindex;
    uint32_t mark;
    unsigned long seen, seen_super, seen_bytes, lost;
};

/* A packet between two drivers. */
struct crossing {
    uint16_t gso_size, csum_start, csum_offset;
    uint8_t gso, needs_csum;
};

static void on_link_new(void *ctx, const struct link_info *l)
{
    steer_link_new(((struct driver *)ctx)->steer, l);
}

static void on_link_gone(void *ctx, unsigned ifindex)
{
    steer_link_gone(((struct driver *)ctx)->steer, ifindex);
}

static void on_neighbour_failed(void *ctx, unsigned ifindex, const struct ip_addr *addr)
{
    steer_neighbour_failed(((struct driver *)ctx)->steer, ifindex, addr);
}

static void cross_send(struct driver *d, struct pkt *p)
{
    struct crossing c = { p->gso_size, p->csum_start, p->csum_offset, p->gso, p->needs_csum };
    struct iovec iov[2] = { { &c, sizeof(c) }, { p->data, p->len } };
    struct msghdr m = { .msg_name = &d->peer_path,
                        .msg_namelen = sizeof(d->peer_path),
                        .msg_iov = iov,
                        .msg_iovlen = 2 };
    if (sendmsg(d->peer, &m, MSG_DONTWAIT) < 0)
        d->lost++;
}

static void on_capture(struct driver *d)
{
    struct pkt *pkts[PKT_BATCH];
    unsigned lost, n = tun_read(d->capture.fds[0], &d->pool, pkts, PKT_BATCH, &lost);

    for (unsigned i = 0; i < n; i++) {
        d->seen++;
        d->seen_super += pkts[i]->gso != PKT_GSO_NONE;
        d->seen_bytes += pkts[i]->len;
        if (d->peer >= 0)
            cross_send(d, pkts[i]);
        pkt_put(&d->pool, pkts[i]);
    }
    d->lost += lost;
}

static void on_peer(struct driver *d)
{
    for (int i = 0; i < PKT_BATCH; i++) {
        struct crossing c;
        struct pkt *p = pkt_get(&d->pool, PKT_LARGE_BYTES);
        struct iovec iov[2] = { { &c, sizeof(c) }, { p->data, PKT_LARGE_BYTES } };
        struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
        ssize_t n = recvmsg(d->peer, &m, MSG_DONTWAIT);
        if (n > (ssize_t)sizeof(c)) {
            p->len = (uint32_t)n - (uint32_t)sizeof(c);
            p->gso = c.gso;
            p->gso_size = c.gso_size;
            p->needs_csum = c.needs_csum;
            p->csum_start = c.csum_start;
            p->csum_offset = c.csum_offset;
            p->csum_ok = false;
            p->ifindex = d->peer_ifindex;
            if (tun_inject(d->inject.fds[0], &p, 1) != 1)
                d->lost++;
        }
        pkt_put(&d->pool, p);
        if (n <= 0)
            return;
    }
}

static bool prefix_read(const char *text, struct ip_prefix *ret)
{
    if (!ip_prefix_from_text(text, strlen(text), ret))
        return false;
    ip_prefix_mask(ret);
    return true;
}

static void cmd_policy(struct driver *d, const char *args)
{
    char action[16], level[16], src[64], dst[64];
    unsigned slot, proto, sport, dport;
    struct policy *p = &d->policies[d->n_policies];

    if (d->n_policies == MAX_POLICIES ||
        sscanf(args, "%u %15s %15s %63s %63s %u %u %u", &slot, action, level, src, dst, &proto,
               &sport, &dport) != 8) {
        puts("error arguments");
        return;
    }
    *p = (struct policy){
        .slot = slot,
        .action = (uint8_t)(*action == 'e'   ? SPD_ENCRYPT
                            : *action == 'd' ? SPD_DISCARD
                                             : SPD_NONE),
        .level = *level == 'u' ? LEVEL_USE : LEVEL_REQUIRE,
        .sel = { .proto = (uint8_t)proto, .sport = (uint16_t)sport, .dport = (uint16_t)dport }
    };
    if (!prefix_read(src, &p->sel.src) || !prefix_read(dst, &p->sel.dst)) {
        puts("error prefix");
        return;
    }
    d->n_policies++;
    puts("ok");
}

static void cmd_apply(struct driver *d)
{
    struct spd *spd;
    char err[256] = "";

    if (spd_compile(d->policies, d->n_policies, &spd) != SPD_OK) {
        puts("error compile");
        return;
    }
    struct spd_image image = spd_image(spd);
    if (steer_apply(d->steer, &image, err, sizeof(err)))
        puts("ok");
    else
        printf("error %s\n", err);
    spd_free(spd);
}

static void cmd_peer(struct driver *d, const char *args)
{
    struct sockaddr_un own = { .sun_family = AF_UNIX };
    int size = 8 << 20;

    d->peer_path = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (sscanf(args, "%107s %107s %u", own.sun_path, d->peer_path.sun_path, &d->peer_ifindex) !=
        3) {
        puts("error arguments");
        return;
    }
    if (d->peer >= 0)
        close(d->peer);
    d->peer = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(d->peer, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
    puts(bind(d->peer, (struct sockaddr *)&own, sizeof(own)) ? "error bind" : "ok");
}

static void cmd_slot(struct driver *d, const char *args)
{
    struct spd_slot_counters c = steer_slot_counters(d->steer, (uint32_t)atoi(args));
    printf("ok %llu %llu %llu %llu\n", (unsigned long long)c.out_accepted,
           (unsigned long long)c.out_dropped, (unsigned long long)c.in_accepted,
           (unsigned long long)c.in_dropped);
}

static void cmd_counters(struct driver *d)
{
    uint64_t c[STEER_COUNTER_COUNT];
    steer_counters(d->steer, c);
    printf("ok");
    for (int i = 0; i < STEER_COUNTER_COUNT; i++)
        printf(" %s=%llu", steer_counter_names[i], (unsigned long long)c[i]);
    puts("");
}

/* One UDP datagram from port 4500, header written here, sent by a raw socket that carries the mark
 * or not: what the exemption is about. */
static void cmd_send(struct driver *d, const char *args)
{
    char src_text[64], dst_text[64];
    unsigned marked;
    struct ip_addr src, dst;
    struct pkt *p = pkt_get(&d->pool, 100);
    static const uint8_t head[32] = { 0x45, 0, 0, 32, 0, 7, 0,    0,    64,   17,   0, 0,  0, 0,
                                      0,    0, 0, 0,  0, 0, 0x11, 0x94, 0x11, 0x94, 0, 12, 0, 0 };

    memcpy(p->data, head, sizeof(head));
    p->len = sizeof(head);
    p->ifindex = 0;
    if (sscanf(args, "%63s %63s %u", src_text, dst_text, &marked) != 3 ||
        !ip_addr_from_text(src_text, strlen(src_text), &src) ||
        !ip_addr_from_text(dst_text, strlen(dst_text), &dst)) {
        puts("error arguments");
    } else {
        memcpy(p->data + 12, src.b, 4);
        memcpy(p->data + 16, dst.b, 4);
        int fd = raw_open_sender(IP_V4, marked ? d->mark : 0);
        printf("ok %u\n", raw_send(fd, -1, &p, 1));
        close(fd);
    }
    pkt_put(&d->pool, p);
}

static bool command(struct driver *d, char *line)
{
    char *args = line + strcspn(line, " \n");
    if (*args)
        *args++ = 0;
    unsigned a = 0, b = 0;
    sscanf(args, "%u %u", &a, &b);

    if (strcmp(line, "policy") == 0) {
        cmd_policy(d, args);
    } else if (strcmp(line, "apply") == 0) {
        cmd_apply(d);
    } else if (strcmp(line, "clear") == 0) {
        d->n_policies = 0;
        puts("ok");
    } else if (strcmp(line, "follow") == 0) {
        d->following = true;
        netmon_dispatch(d->netmon);
        puts("ok");
    } else if (strcmp(line, "state") == 0) {
        steer_slot_state(d->steer, a, b);
        puts("ok");
    } else if (strcmp(line, "slot") == 0) {
        cmd_slot(d, args);
    } else if (strcmp(line, "reset") == 0) {
        steer_slot_reset(d->steer, a);
        puts("ok");
    } else if (strcmp(line, "counters") == 0) {
        cmd_counters(d);
    } else if (strcmp(line, "features") == 0) {
        printf("ok %.*s\n", (int)strcspn(strrchr(steer_features(d->steer), ':') + 2, "\n"),
               strrchr(steer_features(d->steer), ':') + 2);
    } else if (strcmp(line, "peer") == 0) {
        cmd_peer(d, args);
    } else if (strcmp(line, "seen") == 0) {
        printf("ok %lu %lu %lu %lu\n", d->seen, d->seen_super, d->seen_bytes, d->lost);
    } else if (strcmp(line, "send") == 0) {
        cmd_send(d, args);
    } else if (strcmp(line, "stop") == 0) {
        steer_stop(d->steer);
        puts("ok");
        return false;
    } else {
        puts("error command");
    }
    return true;
}

static bool driver_open(struct driver *d, int argc, char **argv, char *err, size_t err_size)
{
    struct steer_options o = { .pin_dir = argv[1],
                               .table = argv[2],
                               .mark = (uint32_t)strtoul(argv[3], NULL, 0) };
    const struct netmon_events events = { .ctx = d,
                                          .link_new = on_link_new,
                                          .link_gone = on_link_gone,
                                          .neighbour_failed = on_neighbour_failed };
    const struct tun_options capture = { .n_queues = 1 }, inject = { .tap = true, .n_queues = 1 };

    for (int i = 4; i < argc; i++) {
        o.no_nf_link |= strcmp(argv[i], "nft") == 0;
        o.strict_in |= strcmp(argv[i], "strict") == 0;
    }
    d->peer = -1;
    d->mark = o.mark;
    pkt_pool_init(&d->pool, 1024, 256);
    if (!tun_open(&capture, &d->capture, err, err_size) ||
        !tun_open(&inject, &d->inject, err, err_size))
        return false;
    o.capture_ifindex = d->capture.ifindex;
    o.inject_ifindex = d->inject.ifindex;
    d->steer = steer_new(&o, err, err_size);
    d->netmon = d->steer ? netmon_new(&events, err, err_size) : NULL;
    return d->netmon != NULL;
}

static void driver_run(struct driver *d)
{
    char line[LINE_BYTES];
    bool go = true;

    while (go) {
        struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                              { .fd = d->following ? netmon_fd(d->netmon) : -1, .events = POLLIN },
                              { .fd = d->capture.fds[0], .events = POLLIN },
                              { .fd = d->peer, .events = POLLIN } };
        poll(p, 4, -1);
        if (p[1].revents)
            netmon_dispatch(d->netmon);
        if (p[2].revents)
            on_capture(d);
        if (p[3].revents)
            on_peer(d);
        if (p[0].revents)
            go = fgets(line, sizeof(line), stdin) && command(d, line);
    }
}

int main(int argc, char **argv)
{
    struct driver *d = calloc(1, sizeof(*d));
    char err[512] = "";

    if (getenv("STEER_DEBUG"))
        log_set_level(LOG_DEBUG);
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see what is left */
    if (argc < 4 || !driver_open(d, argc, argv, err, sizeof(err))) {
        printf("error %s\n", argc < 4 ? "usage" : err);
        return 1;
    }
    puts("ok ready");
    driver_run(d);
    steer_free(d->steer);
    netmon_free(d->netmon);
    tun_close(&d->capture);
    tun_close(&d->inject);
    pkt_pool_fini(&d->pool);
    free(d);
    return 0;
}
