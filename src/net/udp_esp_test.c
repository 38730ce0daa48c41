/* UDP sockets that carry ESP, in a network namespace of the test's own: who gets what, superpackets
 * in both directions, and what the kernel refuses. */
#include "cursor.h"
#include "sock.h"
#include "udp_esp.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
/* needs those above */
#include <cmocka.h>

enum { WORKERS = 3, PORT = 4500, MARK = 0x100, POOL_PACKETS = 1024, WAIT_MS = 2000 };

struct ike_seen {
    struct udp_path path;
    uint8_t bytes[2048];
    size_t len;
    unsigned n;
};

struct ends {
    bool v6;
    struct pkt_pool pool;
    int ike_fd;
    struct udp_esp *workers[WORKERS];
    struct ike_seen ike;
};

static bool lo_set(short flags, int mtu_bytes)
{
    struct ifreq r = { .ifr_name = "lo" };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    r.ifr_mtu = mtu_bytes;
    bool ok = ioctl(fd, SIOCSIFMTU, &r) == 0;
    r.ifr_flags = flags;
    ok = ok && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
    close(fd);
    return ok;
}

static int group_set_up(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNET) != 0 || !lo_set(IFF_UP, 65536))
        return -1;
    return system("for n in $(seq 40); do"
                  " printf 'address add fd00::%x/128 dev lo nodad\\n' $n; done | ip -6 -batch -");
}

static void ends_open(struct ends *e, bool v6)
{
    enum ip_family family = v6 ? IP_V6 : IP_V4;

    *e = (struct ends){ .v6 = v6 };
    pkt_pool_init(&e->pool, POOL_PACKETS, 8);
    e->ike_fd = udp_open(family, PORT, MARK, WORKERS);
    assert_true(e->ike_fd >= 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        e->workers[i] = udp_esp_open(family, PORT, MARK);
        assert_non_null(e->workers[i]);
    }
}

static void ends_close(struct ends *e)
{
    for (unsigned i = 0; i < WORKERS; i++)
        udp_esp_close(e->workers[i]);
    close(e->ike_fd);
    pkt_pool_fini(&e->pool);
}

static void on_ike(void *ctx, const struct udp_path *path, const uint8_t *bytes, size_t len)
{
    struct ike_seen *seen = ctx;

    seen->n++;
    seen->path = *path;
    seen->len = len;
    assert_true(len <= sizeof(seen->bytes));
    memcpy(seen->bytes, bytes, len);
}

static bool readable(int fd, int wait_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, wait_ms) == 1;
}

/* The worker that something came to. */
static unsigned who_has_some(const struct ends *e)
{
    struct pollfd p[WORKERS];
    unsigned i = 0;

    for (unsigned k = 0; k < WORKERS; k++)
        p[k] = (struct pollfd){ .fd = udp_esp_fd(e->workers[k]), .events = POLLIN };
    assert_int_equal(poll(p, WORKERS, WAIT_MS), 1);
    while (!(p[i].revents & POLLIN))
        i++;
    return i;
}

/* Everything that came to one worker, up to MAX; the first is waited for. */
static unsigned take(struct ends *e, struct pkt **ret, unsigned max)
{
    struct udp_esp *u = e->workers[who_has_some(e)];
    unsigned n = 0, lost = 0;

    while (n < max && (udp_esp_pending(u) || readable(udp_esp_fd(u), 0)))
        n += udp_esp_receive(u, &e->pool, ret + n, max - n, on_ike, &e->ike, &lost);
    assert_int_equal(lost, 0);
    return n;
}

static void put_all(struct ends *e, struct pkt **pkts, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        pkt_put(&e->pool, pkts[i]);
}

/* To ourselves as the engine lays it out: LEN bytes behind UDP, SPI in front. */
static struct pkt *datagram(struct ends *e, uint32_t spi, uint32_t len, uint8_t tos, bool df)
{
    uint32_t head = e->v6 ? 40 : 20, total = head + 8 + len;
    struct pkt *p = pkt_get(&e->pool, total);

    assert_non_null(p);
    p->len = total;
    memset(p->data, 0, head);
    if (e->v6) {
        be32_put(p->data, 6u << 28 | (uint32_t)tos << 20);
        be16_put(p->data + 4, (uint16_t)(8 + len));
        p->data[6] = IPPROTO_UDP;
        p->data[8 + 15] = p->data[24 + 15] = 1; /* ::1 */
    } else {
        be32_put(p->data, 0x45000000u | (uint32_t)tos << 16 | total);
        be16_put(p->data + 6, df ? 0x4000 : 0);
        p->data[9] = IPPROTO_UDP;
        p->data[12] = p->data[16] = 127;
        p->data[15] = 7; /* from 127.0.0.7: an address the kernel would not choose */
        p->data[19] = 1;
    }
    be16_put(p->data + head, PORT);
    be16_put(p->data + head + 2, PORT);
    be32_put(p->data + head + 4, (8 + len) << 16);
    for (uint32_t i = 0; i < len; i++)
        p->data[head + 8 + i] = (uint8_t)(spi * 31 + i);
    if (len >= 4)
        be32_put(p->data + head + 8, spi);
    return p;
}

static unsigned send_one(struct ends *e, struct pkt *p)
{
    return udp_esp_send(e->v6 ? NULL : e->workers[0], e->v6 ? e->workers[0] : NULL, &p, 1);
}

/* As sockets of another program send: LEN bytes, SEGMENT of them in each datagram. */
static void plain_send(const struct ends *e, const uint8_t *bytes, size_t len, size_t segment)
{
    struct ip_addr to = e->v6 ? (struct ip_addr){ .family = IP_V6 } : ip_addr_v4(127, 0, 0, 1);
    int fd = socket(e->v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage sa;

    to.b[15] |= e->v6;
    assert_true(sock_set(fd, IPPROTO_UDP, UDP_SEGMENT, (int)segment));
    socklen_t sa_len = sock_addr_fill(&sa, &to, PORT);
    assert_int_equal(sendto(fd, bytes, len, 0, (struct sockaddr *)&sa, sa_len), len);
    close(fd);
}

/* ---- who gets what ---- */

enum { SOURCES = 40 };

static void source_set(struct ends *e, struct pkt *p, unsigned i)
{
    if (e->v6)
        p->data[8 + 15] = (uint8_t)(i + 1);
    else
        be16_put(p->data + 14, (uint16_t)(i + 1));
}

/* All SAs of one source, so that what the kernel coalesces is one worker's; sources spread. */
static void a_source_has_one_worker(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct ends e;
        unsigned seen[WORKERS] = { 0 };

        ends_open(&e, v6);
        for (unsigned source = 0; source < SOURCES; source++) {
            unsigned first = 0;
            for (uint32_t spi = 0x100; spi < 0x100 + 5 * 97; spi += 97) {
                struct pkt *p = datagram(&e, spi, 60, 0, true), *got[2];

                source_set(&e, p, source);
                if (v6) /* fd00::1 and so on */
                    memcpy(p->data + 8, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
                assert_int_equal(send_one(&e, p), 1);
                unsigned who = who_has_some(&e);
                if (spi == 0x100)
                    first = who;
                assert_int_equal(who, first);
                assert_int_equal(take(&e, got, 2), 1);
                assert_int_equal(be32_get(got[0]->data + (v6 ? 48 : 28)), spi);
                put_all(&e, got, 1);
                pkt_put(&e.pool, p);
            }
            seen[first]++;
        }
        for (unsigned i = 0; i < WORKERS; i++)
            assert_true(seen[i] > SOURCES / WORKERS / 3);
        assert_false(readable(e.ike_fd, 0));
        ends_close(&e);
    }
}

/* Clients behind one address differ by port. */
static void ports_of_one_source_spread(void **state)
{
    uint8_t bytes[64] = { 1 };
    unsigned seen[WORKERS] = { 0 };
    struct pkt *got[2];
    struct ends e;

    (void)state;
    ends_open(&e, false);
    for (unsigned i = 0; i < 4 * SOURCES; i++) {
        plain_send(&e, bytes, sizeof(bytes), 0);
        seen[who_has_some(&e)]++;
        assert_int_equal(take(&e, got, 2), 1);
        put_all(&e, got, 1);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        assert_true(seen[i] > 0);
    ends_close(&e);
}

static void the_marker_goes_to_ike_and_short_things_to_the_first_worker(void **state)
{
    static const struct {
        const char *label;
        uint8_t bytes[8];
        size_t len;
        bool ike;
    } cases[] = { { "non-ESP marker", { 0, 0, 0, 0, 1, 2, 3, 4 }, 8, true },
                  { "the marker alone", { 0 }, 4, true },
                  { "keepalive", { 0xff }, 1, false },
                  { "three bytes", { 0, 0, 0 }, 3, false } };

    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct ends e;

        ends_open(&e, v6);
        for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct udp_path path;
            struct pkt *got[2];
            uint8_t buf[64];
            size_t segment;

            plain_send(&e, cases[i].bytes, cases[i].len, 0);
            if (cases[i].ike) {
                assert_true(readable(e.ike_fd, WAIT_MS));
                assert_int_equal(udp_receive(e.ike_fd, PORT, buf, sizeof(buf), &path, &segment),
                                 cases[i].len);
                assert_memory_equal(buf, cases[i].bytes, cases[i].len);
                assert_int_equal(segment, cases[i].len);
                assert_int_equal(path.local_port, PORT);
            } else {
                assert_int_equal(who_has_some(&e), 0);
                assert_int_equal(take(&e, got, 2), 1);
                assert_int_equal(got[0]->len, (v6 ? 48 : 28) + cases[i].len);
                put_all(&e, got, 1);
            }
        }
        ends_close(&e);
    }
}

static void ike_is_sent_with_the_marker_from_port_4500_alone(void **state)
{
    struct ends e;
    int ike500;
    uint8_t buf[64], message[] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
    struct udp_path got,
        path = { ip_addr_v4(127, 0, 0, 3), ip_addr_v4(127, 0, 0, 1), UDP_PORT_NATT, PORT };
    size_t segment;

    (void)state;
    ends_open(&e, false);
    ike500 = udp_open(IP_V4, UDP_PORT_IKE, MARK, 0);
    assert_true(ike500 >= 0);
    assert_true(udp_send(e.ike_fd, &path, message, sizeof(message)));
    assert_true(readable(e.ike_fd, WAIT_MS));
    assert_int_equal(udp_receive(e.ike_fd, PORT, buf, sizeof(buf), &got, &segment), 13);
    assert_int_equal(be32_get(buf), 0);
    assert_memory_equal(buf + 4, message, sizeof(message));
    assert_true(ip_addr_equal(&got.remote, &path.local));
    assert_int_equal(got.remote_port, PORT);

    path.local_port = path.remote_port = UDP_PORT_IKE;
    assert_true(udp_send(ike500, &path, message, sizeof(message)));
    assert_true(readable(ike500, WAIT_MS));
    assert_int_equal(udp_receive(ike500, UDP_PORT_IKE, buf, sizeof(buf), &got, &segment), 9);
    assert_memory_equal(buf, message, sizeof(message));
    close(ike500);
    ends_close(&e);
}

/* ---- superpackets ---- */

static void check_same(const struct ends *e, const struct pkt *got, const struct pkt *sent)
{
    uint32_t head = e->v6 ? 40 : 20;

    assert_int_equal(got->len, sent->len);
    assert_int_equal(got->ifindex, 1);
    if (e->v6) {
        assert_memory_equal(got->data, sent->data, 7);
        assert_memory_equal(got->data + 8, sent->data + 8, 32);
    } else {
        assert_memory_equal(got->data, sent->data, 4);
        assert_memory_equal(got->data + 12, sent->data + 12, 8);
    }
    assert_memory_equal(got->data + head, sent->data + head, 6);
    assert_memory_equal(got->data + head + 8, sent->data + head + 8, sent->len - head - 8);
}

/* What is sent in one call: equal datagrams, but one that may be odd. */
static const struct burst {
    const char *label;
    unsigned n;
    uint32_t size; /* of all but: */
    unsigned odd;  /* this one, and */
    uint32_t odd_size, odd_spi;
    uint8_t odd_tos;
    bool odd_df;
} bursts[] = {
    { "one", 1, 1400, 0, 1400, 0, 0, false },
    { "equal ones", 40, 1400, 0, 1400, 0, 0, false },
    { "more than a superpacket's bytes", 64, 1460, 0, 1460, 0, 0, false },
    { "more than a superpacket's number", 64, 100, 0, 100, 0, 0, false },
    { "a shorter one at the end", 20, 1400, 19, 300, 0, 0, false },
    { "a shorter one in the middle", 20, 1400, 9, 300, 0, 0, false },
    { "a longer one in the middle", 20, 1000, 9, 1400, 0, 0, false },
    { "longest ones", 2, 9000, 0, 9000, 0, 0, false },
    { "another type of service", 20, 1400, 10, 1400, 0, 0x20, false },
    { "without DF in the middle", 20, 1400, 10, 1400, 0, 0, true },
};

static void bursts_arrive_in_order_and_unchanged(void **state)
{
    (void)state;
    for (unsigned b = 0; b < 2 * sizeof(bursts) / sizeof(bursts[0]); b++) {
        const struct burst *burst = &bursts[b / 2];
        struct pkt *sent[PKT_BATCH], *got[PKT_BATCH + 1];
        const uint32_t spi = 0x4711;
        struct ends e;

        ends_open(&e, b % 2);
        for (unsigned i = 0; i < burst->n; i++) {
            bool odd = i == burst->odd;
            sent[i] = datagram(&e, spi, odd ? burst->odd_size : burst->size,
                               odd ? burst->odd_tos : 0, !(odd && burst->odd_df));
            be32_put(sent[i]->data + (e.v6 ? 52 : 32), i);
        }
        unsigned taken =
            udp_esp_send(e.v6 ? NULL : e.workers[1], e.v6 ? e.workers[1] : NULL, sent, burst->n);
        unsigned n = take(&e, got, PKT_BATCH + 1);
        if (taken != burst->n || n != burst->n)
            fail_msg("%s: %u taken, %u came", burst->label, taken, n);
        for (unsigned i = 0; i < n; i++)
            check_same(&e, got[i], sent[i]);
        put_all(&e, got, n);
        put_all(&e, sent, burst->n);
        ends_close(&e);
    }
}

/* What the wire sees: equal datagrams leave as one, and DF and TOS are as laid out. */
static void equal_datagrams_are_one_superpacket(void **state)
{
    struct ends e;
    struct pkt *sent[30];
    uint8_t seen[65536];
    int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);

    (void)state;
    assert_true(raw >= 0);
    ends_open(&e, false);
    for (int df = 0; df < 2; df++) {
        for (unsigned i = 0; i < 30; i++)
            sent[i] = datagram(&e, 0x100, 1000, 0xb8, df);
        assert_int_equal(udp_esp_send(e.workers[0], NULL, sent, 30), 30);
        assert_true(readable(raw, WAIT_MS));
        ssize_t n = recv(raw, seen, sizeof(seen), 0);
        assert_int_equal(n, 28 + 30 * 1000);
        assert_int_equal(seen[1], 0xb8);
        assert_int_equal(seen[6] & 0x40, df ? 0x40 : 0);
        assert_int_equal(seen[8], 64);
        assert_false(readable(raw, 0));
        put_all(&e, sent, 30);
    }
    close(raw);
    ends_close(&e);
}

/* The kernel coalesces by addresses and ports. */
static void ike_at_the_tail_of_a_superpacket_is_found(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        uint8_t bytes[3 * 100 + 60] = { 0 };
        struct pkt *got[8];
        struct ends e;

        ends_open(&e, v6);
        be32_put(bytes, 0x4711);
        be32_put(bytes + 100, 0x4712); /* another SA of the same peer */
        be32_put(bytes + 200, 0x4711);
        memset(bytes + 304, 0xab, 56);
        plain_send(&e, bytes, sizeof(bytes), 100);
        assert_int_equal(take(&e, got, 8), 3);
        assert_int_equal(be32_get(got[1]->data + (v6 ? 48 : 28)), 0x4712);
        assert_int_equal(e.ike.n, 1);
        assert_int_equal(e.ike.len, 56);
        assert_memory_equal(e.ike.bytes, bytes + 304, 56);
        assert_int_equal(e.ike.path.local_port, PORT);
        assert_int_not_equal(e.ike.path.remote_port, 0);
        put_all(&e, got, 3);

        /* and when IKE leads, the IKE socket is told how to cut */
        struct udp_path path;
        uint8_t buf[512];
        size_t segment;
        memset(bytes, 0, 4);
        plain_send(&e, bytes, sizeof(bytes), 100);
        assert_true(readable(e.ike_fd, WAIT_MS));
        assert_int_equal(udp_receive(e.ike_fd, PORT, buf, sizeof(buf), &path, &segment),
                         sizeof(bytes));
        assert_int_equal(segment, 100);
        ends_close(&e);
    }
}

/* ---- limits and refusals ---- */

static void datagrams_without_a_buffer_are_counted(void **state)
{
    struct ends e;
    uint8_t bytes[10 * 100] = { 0 };
    struct pkt *got[16];
    unsigned lost = 0;

    (void)state;
    ends_open(&e, false);
    for (unsigned i = 0; i < 10; i++)
        be32_put(bytes + i * 100, 0x4711);
    plain_send(&e, bytes, sizeof(bytes), 100);
    struct udp_esp *u = e.workers[who_has_some(&e)];
    assert_true(readable(udp_esp_fd(u), WAIT_MS));
    struct pkt_pool small;
    pkt_pool_init(&small, 4, 0);
    unsigned n = udp_esp_receive(u, &small, got, 16, on_ike, &e.ike, &lost);
    assert_int_equal(n, 4);
    assert_int_equal(lost, 6);
    assert_false(udp_esp_pending(u));
    for (unsigned i = 0; i < n; i++)
        pkt_put(&small, got[i]);
    pkt_pool_fini(&small);
    ends_close(&e);
}

static void a_small_batch_leaves_the_rest_at_hand(void **state)
{
    struct ends e;
    uint8_t bytes[10 * 100] = { 0 };
    struct pkt *got[16];
    unsigned lost = 0, n = 0;

    (void)state;
    ends_open(&e, false);
    for (unsigned i = 0; i < 10; i++) {
        be32_put(bytes + i * 100, 0x4711);
        be32_put(bytes + i * 100 + 4, i);
    }
    plain_send(&e, bytes, sizeof(bytes), 100);
    struct udp_esp *u = e.workers[who_has_some(&e)];
    assert_true(readable(udp_esp_fd(u), WAIT_MS));
    do
        n += udp_esp_receive(u, &e.pool, got + n, 3, on_ike, &e.ike, &lost);
    while (udp_esp_pending(u));
    assert_int_equal(n, 10);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(be32_get(got[i]->data + 32), i);
    put_all(&e, got, n);
    ends_close(&e);
}

/* What a device or route cannot take: superpackets as one fall apart into datagrams, a datagram
 * that is too long is passed over, and what is behind it leaves all the same. */
static void refusals_do_not_hold_up_others(void **state)
{
    struct ends e;
    struct pkt *sent[12], *got[16];

    (void)state;
    assert_true(lo_set(IFF_UP, 1500));
    ends_open(&e, false);
    for (unsigned i = 0; i < 12; i++)
        sent[i] = datagram(&e, 0x4711, i < 4 ? 1600 : 1400, 0, true);
    sent[11]->data[16] = 240; /* no route */
    assert_int_equal(udp_esp_send(e.workers[0], NULL, sent, 12), 7);
    assert_int_equal(take(&e, got, 16), 7);
    put_all(&e, got, 7);
    be16_put(sent[4]->data + 20, 4501); /* a port that is not ours */
    assert_int_equal(udp_esp_send(e.workers[0], NULL, sent + 4, 2), 1);
    assert_int_equal(udp_esp_send(NULL, NULL, sent + 5, 1), 0);
    put_all(&e, sent, 12);
    ends_close(&e);
    assert_true(lo_set(IFF_UP, 65536));
}

static void fragments_are_not_whole_udp(void **state)
{
    struct ends e;

    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        ends_open(&e, v6);
        struct pkt *p = datagram(&e, 0x4711, 100, 0, true);
        assert_true(udp_esp_is_udp(p));
        p->data[v6 ? 6 : 9] = 50;
        assert_false(udp_esp_is_udp(p));
        p->data[v6 ? 6 : 9] = v6 ? 44 : 17;
        if (!v6) {
            be16_put(p->data + 6, 0x2000);
            assert_false(udp_esp_is_udp(p));
            be16_put(p->data + 6, 5);
        }
        assert_false(udp_esp_is_udp(p));
        pkt_put(&e.pool, p);
        ends_close(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_has_one_worker),
        cmocka_unit_test(ports_of_one_source_spread),
        cmocka_unit_test(the_marker_goes_to_ike_and_short_things_to_the_first_worker),
        cmocka_unit_test(ike_is_sent_with_the_marker_from_port_4500_alone),
        cmocka_unit_test(bursts_arrive_in_order_and_unchanged),
        cmocka_unit_test(equal_datagrams_are_one_superpacket),
        cmocka_unit_test(ike_at_the_tail_of_a_superpacket_is_found),
        cmocka_unit_test(datagrams_without_a_buffer_are_counted),
        cmocka_unit_test(a_small_batch_leaves_the_rest_at_hand),
        cmocka_unit_test(refusals_do_not_hold_up_others),
        cmocka_unit_test(fragments_are_not_whole_udp),
    };
    if (geteuid() != 0) {
        puts("skipped: network namespaces need root");
        return 77;
    }
    return cmocka_run_group_tests_name("udp esp", tests, group_set_up, NULL);
}
