/* Cutting superpackets: every field of every segment, judged with a naive checksum. */
#include "segment.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIN = 0x01, PSH = 0x08, ACK = 0x10, ECE = 0x40, CWR = 0x80 };

struct fixture {
    struct pkt_pool pool;
    struct pkt *super;
    struct ip_parts parts;
};

static struct fixture fixture_up(const struct datagram *d, uint16_t gso_size)
{
    struct blob b = superpacket_make(d, gso_size);
    struct fixture f;

    pkt_pool_init(&f.pool, 100, 2);
    f.super = pkt_get(&f.pool, b.len);
    memcpy(f.super->data, b.p, b.len);
    f.super->len = (uint32_t)b.len;
    f.super->gso = b.gso;
    f.super->gso_size = gso_size;
    f.super->needs_csum = true;
    assert_true(ip_parts_parse(f.super->data, b.len, &f.parts));
    blob_free(&b);
    return f;
}

static void fixture_down(struct fixture *f)
{
    pkt_put(&f->pool, f->super);
    pkt_pool_fini(&f->pool);
}

static struct datagram tcp(const char *src, const char *dst, size_t len, uint8_t flags)
{
    struct datagram d = { .src = addr_text(src),
                          .dst = addr_text(dst),
                          .proto = PROTO_TCP,
                          .sport = 80,
                          .dport = 40000,
                          .payload_len = len,
                          .ip_id = 0xfffe,
                          .seq = 0xffffff00,
                          .ack = 77,
                          .tcp_flags = flags,
                          .n_tcp_opts = 12,
                          .tcp_opts = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 } };
    return d;
}

static void tcp_is_cut_field_by_field(void **state)
{
    static const struct {
        const char *label;
        const char *src, *dst;
        size_t len;
        uint16_t gso_size;
        size_t limit; /* longest segment, 0: none */
        uint8_t flags;
        unsigned want_n;
        size_t want_first; /* payload */
    } cases[] = {
        { "exact multiple", "10.0.0.1", "10.0.0.2", 3000, 1000, 0, ACK, 3, 1000 },
        { "a byte over", "10.0.0.1", "10.0.0.2", 3001, 1000, 0, ACK, 4, 1000 },
        { "a byte under", "10.0.0.1", "10.0.0.2", 2999, 1000, 0, ACK, 3, 1000 },
        { "one segment", "10.0.0.1", "10.0.0.2", 500, 1000, 0, ACK | PSH, 1, 500 },
        { "fin and push on the last", "10.0.0.1", "10.0.0.2", 2500, 1000, 0, ACK | PSH | FIN, 3,
          1000 },
        { "cwr on the first", "10.0.0.1", "10.0.0.2", 2500, 1000, 0, ACK | CWR | ECE, 3, 1000 },
        { "cut smaller than asked", "10.0.0.1", "10.0.0.2", 3000, 1448, 1400, ACK | PSH, 3, 1348 },
        { "limit above the size", "10.0.0.1", "10.0.0.2", 3000, 1000, 1400, ACK, 3, 1000 },
        { "IPv6", "fd00::1", "fd00::2", 5000, 1428, 1400, ACK | PSH, 4, 1328 },
        { "IPv6 whole 64k", "fd00::1", "fd00::2", 65000, 1428, 0, ACK, 46, 1428 },
        { "one byte each", "10.0.0.1", "10.0.0.2", 9, 1, 0, ACK | FIN, 9, 1 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct datagram d = tcp(cases[i].src, cases[i].dst, cases[i].len, cases[i].flags);
        struct fixture f = fixture_up(&d, cases[i].gso_size);
        struct segmenter s;
        size_t at = 0, len;
        unsigned n = 0;

        assert_true(segment_init(&s, f.super, &f.parts));
        if (cases[i].limit)
            assert_true(segment_limit(&s, cases[i].limit));
        assert_int_equal(segment_count(&s), cases[i].want_n);
        size_t max = segment_len_max(&s);
        while ((len = segment_len(&s)) > 0) {
            struct pkt *p = pkt_get(&f.pool, len);
            segment_next(&s, p);
            bool last = at + (len - f.parts.l4 - 32) == cases[i].len;
            uint8_t *t = p->data + f.parts.l4;
            uint8_t want = cases[i].flags;

            if (!last)
                want &= (uint8_t) ~(FIN | PSH);
            if (n > 0)
                want &= (uint8_t)~CWR;
            assert_int_equal(p->len, len);
            assert_true(len <= max);
            assert_true(last || len - f.parts.l4 - 32 == cases[i].want_first);
            assert_true(datagram_csums_ok(p->data, p->len));
            assert_int_equal(be32_get(t + 4), (uint32_t)(d.seq + at));
            assert_int_equal(be32_get(t + 8), 77);
            assert_int_equal(t[13], want);
            assert_memory_equal(t + 20, d.tcp_opts, 12);
            assert_memory_equal(t + 32, f.super->data + f.parts.l4 + 32 + at,
                                len - f.parts.l4 - 32);
            if (f.parts.version == 4) {
                assert_int_equal(be16_get(p->data + 2), len);
                assert_int_equal(be16_get(p->data + 4), (uint16_t)(0xfffe + n));
            } else {
                assert_int_equal(be16_get(p->data + 4), len - 40);
            }
            at += len - f.parts.l4 - 32;
            n++;
            pkt_put(&f.pool, p);
        }
        if (n != cases[i].want_n)
            fprintf(stderr, "case: %s\n", cases[i].label);
        assert_int_equal(n, cases[i].want_n);
        assert_int_equal(at, cases[i].len);
        fixture_down(&f);
    }
}

static void udp_is_cut_at_its_size_alone(void **state)
{
    struct datagram d = { .src = addr_text("10.0.0.1"),
                          .dst = addr_text("10.0.0.2"),
                          .proto = PROTO_UDP,
                          .sport = 1,
                          .dport = 2,
                          .payload_len = 2500,
                          .ip_id = 7 };
    struct fixture f = fixture_up(&d, 1200);
    struct segmenter s;
    static const size_t want[] = { 1228, 1228, 128 };

    (void)state;
    assert_true(segment_init(&s, f.super, &f.parts));
    assert_true(segment_limit(&s, 1228));
    assert_false(segment_limit(&s, 1227));
    for (unsigned i = 0; i < 3; i++) {
        struct pkt *p = pkt_get(&f.pool, 1500);

        assert_int_equal(segment_len(&s), want[i]);
        segment_next(&s, p);
        assert_int_equal(p->len, want[i]);
        assert_int_equal(be16_get(p->data + 24), want[i] - 20);
        assert_int_equal(be16_get(p->data + 4), 7 + i);
        assert_int_not_equal(be16_get(p->data + 26), 0);
        assert_true(datagram_csums_ok(p->data, p->len));
        pkt_put(&f.pool, p);
    }
    assert_int_equal(segment_len(&s), 0);
    fixture_down(&f);
}

static void contradictions_are_refused(void **state)
{
    static const struct {
        const char *label;
        uint8_t gso;
        uint16_t gso_size;
        uint32_t len;
        uint8_t off_byte; /* TCP data offset */
    } cases[] = {
        { "no segment size", PKT_GSO_TCP4, 0, 1052, 0x80 },
        { "IPv6 facts on IPv4", PKT_GSO_TCP6, 100, 1052, 0x80 },
        { "UDP facts on TCP", PKT_GSO_UDP, 100, 1052, 0x80 },
        { "TCP header cut", PKT_GSO_TCP4, 100, 39, 0x80 },
        { "TCP options cut", PKT_GSO_TCP4, 100, 51, 0x80 },
        { "no payload", PKT_GSO_TCP4, 100, 52, 0x80 },
        { "TCP header too short", PKT_GSO_TCP4, 100, 1052, 0x40 },
        { "TCP header longer than all", PKT_GSO_TCP4, 100, 60, 0xf0 },
        { "unknown kind", 99, 100, 1052, 0x80 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct datagram d = tcp("10.0.0.1", "10.0.0.2", 1000, ACK);
        struct fixture f = fixture_up(&d, 100);
        struct segmenter s;

        f.super->gso = cases[i].gso;
        f.super->gso_size = cases[i].gso_size;
        f.super->data[32] = cases[i].off_byte;
        f.super->len = cases[i].len;
        if (segment_init(&s, f.super, &f.parts))
            fprintf(stderr, "case: %s\n", cases[i].label);
        assert_false(segment_init(&s, f.super, &f.parts));
        fixture_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_is_cut_field_by_field),
        cmocka_unit_test(udp_is_cut_at_its_size_alone),
        cmocka_unit_test(contradictions_are_refused),
    };
    return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
