/* Raw sockets, TUN and TAP devices and the link monitor, in a network namespace of the test's own.
 */
#include "cursor.h"
#include "netmon.h"
#include "raw.h"
#include "tun.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
/* needs those above */
#include <cmocka.h>

enum { ESP = 50, AH = 51, WORKERS = 3, POOL_PACKETS = 256 };

static bool link_set_up(const char *name, bool up)
{
    struct ifreq r = { 0 };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    bool ok = ioctl(fd, SIOCGIFFLAGS, &r) == 0;
    r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
    ok = ok && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
    close(fd);
    return ok;
}

static int set_up(void **state)
{
    (void)state;
    return unshare(CLONE_NEWNET) == 0 && link_set_up("lo", true) ? 0 : -1;
}

static bool readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 2000) == 1;
}

/* ---- raw sockets ---- */

struct sending {
    struct pkt_pool pool;
    int send4, send6;
};

static void sending_open(struct sending *s)
{
    pkt_pool_init(&s->pool, POOL_PACKETS, POOL_PACKETS);
    s->send4 = raw_open_sender(IP_V4, 0x100);
    s->send6 = raw_open_sender(IP_V6, 0x100);
    assert_true(s->send4 >= 0 && s->send6 >= 0);
}

static void sending_close(struct sending *s)
{
    close(s->send4);
    close(s->send6);
    pkt_pool_fini(&s->pool);
}

/* A datagram to ourselves: header, SPI where PROTO has it, then bytes that depend on the SPI. */
static struct pkt *datagram(struct pkt_pool *pool, bool v6, uint8_t proto, uint32_t spi,
                            uint32_t payload)
{
    uint32_t head = v6 ? 40 : 20;
    struct pkt *p = pkt_get(pool, head + payload);

    assert_non_null(p);
    p->len = head + payload;
    p->ifindex = 0;
    memset(p->data, 0, head);
    if (v6) {
        be32_put(p->data, 0x6ab00000);
        be16_put(p->data + 4, (uint16_t)payload);
        p->data[6] = proto;
        p->data[7] = 33;
        p->data[8 + 15] = p->data[24 + 15] = 1; /* ::1 */
    } else {
        p->data[0] = 0x45;
        p->data[1] = 0x10;
        be16_put(p->data + 2, (uint16_t)p->len);
        be16_put(p->data + 4, 0x1234);
        p->data[8] = 33;
        p->data[9] = proto;
        p->data[12] = p->data[16] = 127;
        p->data[15] = p->data[19] = 1;
    }
    for (uint32_t i = 0; i < payload; i++)
        p->data[head + i] = (uint8_t)(spi * 31 + i);
    be32_put(p->data + head + (proto == AH ? 4 : 0), spi);
    return p;
}

static const struct raw_case {
    const char *label;
    bool v6;
    uint8_t proto;
    uint32_t payload;
} raw_cases[] = {
    { "esp over IPv4", false, ESP, 100 },
    { "ah over IPv4", false, AH, 100 },
    { "esp over IPv6, header rebuilt", true, ESP, 100 },
    { "ah over IPv6, header rebuilt", true, AH, 100 },
    { "a datagram larger than a small buffer", false, ESP, 9000 },
    { "the same over IPv6", true, ESP, 9000 },
    { "as large as a small buffer", false, ESP, PKT_SMALL_BYTES - 20 },
    { "one byte more", false, ESP, PKT_SMALL_BYTES - 19 },
};

static void datagrams_arrive_whole_at_one_worker(const struct raw_case *c)
{
    enum { SPIS = 60 };
    struct sending s;
    int fds[WORKERS];
    unsigned seen[WORKERS] = { 0 }, worker_of[SPIS];
    struct pkt *got[PKT_BATCH];

    print_message("  %s\n", c->label);
    sending_open(&s);
    for (unsigned w = 0; w < WORKERS; w++) {
        fds[w] = raw_open_receiver(c->v6 ? IP_V6 : IP_V4, c->proto, w, WORKERS);
        assert_true(fds[w] >= 0);
    }
    for (unsigned round = 0; round < 2; round++)
        for (uint32_t spi = 0; spi < SPIS; spi++) {
            struct pkt *p = datagram(&s.pool, c->v6, c->proto, 0x1000 + spi, c->payload);
            assert_int_equal(raw_send(s.send4, s.send6, &p, 1), 1);
            unsigned takers = 0;
            for (unsigned w = 0; w < WORKERS; w++) {
                unsigned n = raw_receive(fds[w], c->v6 ? IP_V6 : IP_V4, &s.pool, got, PKT_BATCH);
                if (n == 0)
                    continue;
                assert_int_equal(n, 1);
                takers++;
                seen[w]++;
                assert_true(round == 0 || worker_of[spi] == w);
                worker_of[spi] = w;
                assert_int_equal(got[0]->len, p->len);
                if (!c->v6)
                    memcpy(p->data + 10, got[0]->data + 10, 2); /* checksum: the kernel's */
                else
                    p->data[0] = 0x6a, p->data[1] = (uint8_t)(p->data[1] & 0xf0);
                assert_memory_equal(got[0]->data, p->data, p->len);
                assert_int_equal(got[0]->ifindex, 1);
                pkt_put(&s.pool, got[0]);
            }
            assert_int_equal(takers, 1);
            pkt_put(&s.pool, p);
        }
    for (unsigned w = 0; w < WORKERS; w++) {
        assert_true(seen[w] > 0); /* SPIs numbered in steps spread nevertheless */
        close(fds[w]);
    }
    sending_close(&s);
}

static void raw_sockets_split_by_spi(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(raw_cases) / sizeof(raw_cases[0]); i++)
        datagrams_arrive_whole_at_one_worker(&raw_cases[i]);
}

static void one_refused_packet_does_not_hold_up_the_rest(void **state)
{
    struct sending s;
    struct pkt *pkts[4], *got[PKT_BATCH];

    (void)state;
    sending_open(&s);
    int fd4 = raw_open_receiver(IP_V4, ESP, 0, 1), fd6 = raw_open_receiver(IP_V6, ESP, 0, 1);
    for (unsigned i = 0; i < 4; i++)
        pkts[i] = datagram(&s.pool, i == 3, ESP, i + 1, 64);
    pkts[1]->data[16] = 198; /* no route */
    assert_int_equal(raw_send(s.send4, s.send6, pkts, 4), 3);
    assert_int_equal(raw_receive(fd4, IP_V4, &s.pool, got, PKT_BATCH), 2);
    pkt_put(&s.pool, got[0]);
    pkt_put(&s.pool, got[1]);
    assert_int_equal(raw_receive(fd6, IP_V6, &s.pool, got, PKT_BATCH), 1);
    pkt_put(&s.pool, got[0]);
    for (unsigned i = 0; i < 4; i++)
        pkt_put(&s.pool, pkts[i]);
    close(fd4);
    close(fd6);
    sending_close(&s);
}

static void an_empty_pool_receives_nothing_and_loses_nothing(void **state)
{
    struct sending s;
    struct pkt_pool empty;
    struct pkt *got[PKT_BATCH];

    (void)state;
    sending_open(&s);
    pkt_pool_init(&empty, 0, 0);
    int fd = raw_open_receiver(IP_V4, ESP, 0, 1);
    struct pkt *p = datagram(&s.pool, false, ESP, 7, 64);
    assert_int_equal(raw_send(s.send4, s.send6, &p, 1), 1);
    assert_int_equal(raw_receive(fd, IP_V4, &empty, got, PKT_BATCH), 0);
    assert_int_equal(raw_receive(fd, IP_V4, &s.pool, got, PKT_BATCH), 1);
    pkt_put(&s.pool, got[0]);
    pkt_put(&s.pool, p);
    close(fd);
    pkt_pool_fini(&empty);
    sending_close(&s);
}

static void icmp_errors_carry_a_checksum(void **state)
{
    struct ip_addr self = ip_addr_v4(127, 0, 0, 1);
    uint8_t msg[37] = { 3, 4, 0xff, 0xff, 0, 0, 5, 220, 0x45 }, got[128];
    uint32_t sum = 0;

    (void)state;
    int listen_fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    int fd = raw_open_icmp(IP_V4);
    assert_true(raw_send_icmp(fd, &self, msg, sizeof(msg)));
    assert_true(readable(listen_fd));
    ssize_t n = recv(listen_fd, got, sizeof(got), 0);
    assert_int_equal(n, 20 + sizeof(msg));
    got[n] = 0;
    for (ssize_t i = 20; i < n; i += 2)
        sum += be16_get(got + i);
    sum = (sum & 0xffff) + (sum >> 16);
    assert_int_equal(sum, 0xffff);
    assert_false(raw_send_icmp(fd, &self, msg, 4));
    close(fd);
    close(listen_fd);
}

/* ---- devices ---- */

static void devices_are_quiet_and_configured(void **state)
{
    struct tun_options o = { .n_queues = 3, .mtu_bytes = 1400 };
    struct pkt_pool pool;
    struct pkt *got[PKT_BATCH];
    char err[256], path[64], text[16] = "";
    unsigned lost;
    struct tun t;

    (void)state;
    if (!tun_open(&o, &t, err, sizeof(err)))
        fail_msg("%s", err);
    assert_int_equal(t.n_queues, 3);
    assert_int_equal(t.ifindex, if_nametoindex(t.name));
    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/addr_gen_mode", t.name);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    fclose(f);
    assert_int_equal(atoi(text), 1);
    pkt_pool_init(&pool, 8, 8);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(tun_read(t.fds[i], &pool, got, PKT_BATCH, &lost), 0);
    pkt_pool_fini(&pool);
    tun_close(&t);
    assert_int_equal(if_nametoindex(t.name), 0);
}

static void superpackets_can_be_switched_off(void **state)
{
    struct tun_options o = { .n_queues = 1, .no_uso = true };
    char err[256];
    struct tun t;

    (void)state;
    assert_true(tun_open(&o, &t, err, sizeof(err)));
    assert_false(t.uso);
    tun_close(&t);
}

static void too_many_queues_are_refused(void **state)
{
    struct tun_options o = { .n_queues = 65 };
    char err[256] = "";
    struct tun t;

    (void)state;
    assert_false(tun_open(&o, &t, err, sizeof(err)));
    assert_non_null(strstr(err, "65"));
}

/* Puts LEN bytes of an IPv4 datagram out by the device. */
static void device_send(const struct tun *t, uint32_t len)
{
    struct sockaddr_ll to = { .sll_family = AF_PACKET,
                              .sll_protocol = htons(0x0800),
                              .sll_ifindex = (int)t->ifindex };
    uint8_t *bytes = calloc(1, len);
    int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    bytes[0] = 0x45;
    be16_put(bytes + 2, (uint16_t)len);
    for (uint32_t i = 20; i < len; i++)
        bytes[i] = (uint8_t)(i * 7);
    assert_int_equal(sendto(fd, bytes, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
    close(fd);
    free(bytes);
}

static void captured_packets_of_any_size_are_read_whole(void **state)
{
    static const uint32_t sizes[] = { 20,   21,   1500, PKT_SMALL_BYTES - 1, PKT_SMALL_BYTES,
                                      1793, 9000, 65000 };
    struct tun_options o = { .n_queues = 1 };
    struct pkt_pool pool;
    struct pkt *got[PKT_BATCH];
    unsigned lost;
    char err[256];
    struct tun t;

    (void)state;
    assert_true(tun_open(&o, &t, err, sizeof(err)));
    pkt_pool_init(&pool, 16, 4);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        device_send(&t, sizes[i]);
        assert_true(readable(t.fds[0]));
        assert_int_equal(tun_read(t.fds[0], &pool, got, PKT_BATCH, &lost), 1);
        assert_int_equal(lost, 0);
        assert_int_equal(got[0]->len, sizes[i]);
        assert_int_equal(got[0]->large, sizes[i] > PKT_SMALL_BYTES);
        assert_int_equal(got[0]->gso, PKT_GSO_NONE);
        for (uint32_t b = 20; b < sizes[i]; b++)
            if (got[0]->data[b] != (uint8_t)(b * 7))
                fail_msg("size %u differs at %u", sizes[i], b);
        pkt_put(&pool, got[0]);
    }
    pkt_pool_fini(&pool);
    tun_close(&t);
}

static void packets_without_a_buffer_are_consumed_and_counted(void **state)
{
    struct tun_options o = { .n_queues = 1 };
    struct pkt_pool none, small;
    struct pkt *got[PKT_BATCH];
    unsigned lost;
    char err[256];
    struct tun t;

    (void)state;
    assert_true(tun_open(&o, &t, err, sizeof(err)));
    pkt_pool_init(&none, 0, 0);
    device_send(&t, 100);
    device_send(&t, 9000);
    assert_int_equal(tun_read(t.fds[0], &none, got, PKT_BATCH, &lost), 0);
    assert_int_equal(lost, 2);
    pkt_pool_init(&small, 4, 0);
    device_send(&t, 9000);
    device_send(&t, 100);
    assert_int_equal(tun_read(t.fds[0], &small, got, PKT_BATCH, &lost), 1);
    assert_int_equal(lost, 1);
    assert_int_equal(got[0]->len, 100);
    pkt_put(&small, got[0]);
    pkt_pool_fini(&none);
    pkt_pool_fini(&small);
    tun_close(&t);
}

static void injected_frames_name_their_interface(void **state)
{
    struct tun_options o = { .tap = true, .n_queues = 1 };
    struct pkt_pool pool;
    uint8_t frame[128];
    char err[256];
    struct tun t;

    (void)state;
    assert_true(tun_open(&o, &t, err, sizeof(err)));
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(3));
    struct sockaddr_ll at = { .sll_family = AF_PACKET,
                              .sll_protocol = htons(3), /* ETH_P_ALL */
                              .sll_ifindex = (int)t.ifindex };
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    pkt_pool_init(&pool, 4, 0);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct pkt *p = datagram(&pool, v6, ESP, 9, 24);
        const uint8_t *data = p->data;
        uint32_t len = p->len;
        p->ifindex = 0x01020304;
        p->gso = PKT_GSO_NONE;
        p->needs_csum = p->csum_ok = false;
        assert_int_equal(tun_inject(t.fds[0], &p, 1), 1);
        assert_ptr_equal(p->data, data);
        assert_int_equal(p->len, len);
        assert_true(readable(fd));
        assert_int_equal(recv(fd, frame, sizeof(frame), 0), 14 + len);
        assert_memory_equal(frame + 6, "\x02\0\x01\x02\x03\x04", 6);
        assert_int_equal(be16_get(frame + 12), v6 ? 0x86dd : 0x0800);
        assert_memory_equal(frame + 14, data, len);
        pkt_put(&pool, p);
    }
    close(fd);
    pkt_pool_fini(&pool);
    tun_close(&t);
}

/* ---- links, addresses, routes ---- */

struct seen {
    unsigned links, gone, addresses;
    struct link_info last, lo;
};

static void on_link_new(void *ctx, const struct link_info *l)
{
    struct seen *s = ctx;
    s->links++;
    if (l->kind == LINK_LOOPBACK)
        s->lo = *l;
    else
        s->last = *l;
}

static void on_link_gone(void *ctx, unsigned ifindex)
{
    struct seen *s = ctx;
    s->gone = ifindex;
}

static void on_addr_change(void *ctx)
{
    ((struct seen *)ctx)->addresses++;
}

static void run_ip(const char *args)
{
    char line[256];
    snprintf(line, sizeof(line), "ip %s", args);
    if (system(line) != 0)
        fail_msg("%s", line);
}

static void links_are_told_by_kind(void **state)
{
    struct seen s = { 0 };
    const struct netmon_events events = {
        .ctx = &s, .link_new = on_link_new, .link_gone = on_link_gone, .addr_change = on_addr_change
    };
    struct tun_options o = { .n_queues = 1 };
    struct tun t;
    char err[256];

    (void)state;
    struct netmon *m = netmon_new(&events, err, sizeof(err));
    assert_non_null(m);
    netmon_dispatch(m);
    assert_int_equal(s.lo.ifindex, 1);
    assert_true(s.lo.up);

    run_ip("link add bridge0 type bridge");
    run_ip("link add port type veth peer name other address 02:11:22:33:44:55");
    netmon_dispatch(m);
    const struct link_info *l = netmon_link(m, if_nametoindex("other"));
    assert_non_null(l);
    assert_int_equal(l->kind, LINK_LAYER3);
    assert_true(l->ethernet);
    assert_memory_equal(l->mac, "\x02\x11\x22\x33\x44\x55", 6);
    assert_int_equal(l->mtu_bytes, 1500);

    run_ip("link set port master bridge0");
    netmon_dispatch(m);
    assert_int_equal(netmon_link(m, if_nametoindex("port"))->kind, LINK_PORT);
    assert_int_equal(netmon_link(m, if_nametoindex("bridge0"))->kind, LINK_LAYER3);
    run_ip("link set port nomaster");
    netmon_dispatch(m);
    unsigned index = if_nametoindex("port");
    assert_non_null(netmon_link(m, index));
    assert_int_equal(netmon_link(m, index)->kind, LINK_LAYER3);

    assert_true(tun_open(&o, &t, err, sizeof(err)));
    netmon_dispatch(m);
    l = netmon_link(m, t.ifindex);
    assert_int_equal(l->kind, LINK_OURS);
    assert_false(l->ethernet);
    tun_close(&t);

    netmon_dispatch(m);
    unsigned before = s.links;
    run_ip("link set other txqueuelen 77");
    netmon_dispatch(m);
    assert_int_equal(s.links, before); /* nothing we care about has changed */
    run_ip("link del port");
    netmon_dispatch(m);
    assert_null(netmon_link(m, index));
    assert_true(s.gone != 0);
    run_ip("link del bridge0");
    netmon_free(m);
}

static void routes_tell_source_and_mtu(void **state)
{
    struct seen s = { 0 };
    const struct netmon_events events = { .ctx = &s, .addr_change = on_addr_change };
    struct route_info r;
    char err[256], text[IP_TEXT_MAX];

    (void)state;
    struct netmon *m = netmon_new(&events, err, sizeof(err));
    run_ip("link add a0 mtu 1400 type veth peer name b0");
    run_ip("link set a0 up");
    run_ip("link set b0 up");
    run_ip("address add 10.9.0.1/24 dev a0");
    run_ip("-6 address add fd09::1/64 dev a0 nodad");
    run_ip("route add 10.10.0.0/16 via 10.9.0.2 mtu 1300");
    netmon_dispatch(m);
    assert_true(s.addresses > 0);

    struct ip_addr own = ip_addr_v4(10, 9, 0, 1), far = ip_addr_v4(10, 10, 1, 1),
                   near = ip_addr_v4(10, 9, 0, 7), nowhere = ip_addr_v4(192, 0, 2, 1), v6;
    assert_true(netmon_is_local(m, &own));
    assert_false(netmon_is_local(m, &near));
    assert_false(netmon_is_local(m, &nowhere));
    assert_true(netmon_route(m, &far, &r));
    assert_int_equal(r.mtu_bytes, 1300);
    assert_int_equal(r.ifindex, if_nametoindex("a0"));
    assert_string_equal(ip_addr_to_text(&r.source, text), "10.9.0.1");
    assert_true(netmon_route(m, &near, &r));
    assert_int_equal(r.mtu_bytes, 1400);
    assert_false(netmon_route(m, &nowhere, &r));
    assert_true(ip_addr_from_text("fd09::2", 7, &v6));
    assert_true(netmon_route(m, &v6, &r));
    assert_string_equal(ip_addr_to_text(&r.source, text), "fd09::1");
    assert_int_equal(r.mtu_bytes, 1400);
    run_ip("link del a0");
    netmon_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_sockets_split_by_spi),
        cmocka_unit_test(one_refused_packet_does_not_hold_up_the_rest),
        cmocka_unit_test(an_empty_pool_receives_nothing_and_loses_nothing),
        cmocka_unit_test(icmp_errors_carry_a_checksum),
        cmocka_unit_test(devices_are_quiet_and_configured),
        cmocka_unit_test(superpackets_can_be_switched_off),
        cmocka_unit_test(too_many_queues_are_refused),
        cmocka_unit_test(captured_packets_of_any_size_are_read_whole),
        cmocka_unit_test(packets_without_a_buffer_are_consumed_and_counted),
        cmocka_unit_test(injected_frames_name_their_interface),
        cmocka_unit_test(links_are_told_by_kind),
        cmocka_unit_test(routes_tell_source_and_mtu),
    };

    if (geteuid() != 0) {
        puts("skipped: network namespaces and devices need root");
        return 77; /* Meson: skipped */
    }
    return cmocka_run_group_tests(tests, set_up, NULL);
}
