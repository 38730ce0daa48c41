/* Coalescing: what may merge does, what may not stays, and cutting the result gives the segments
 * back byte for byte. */
#include "gro.h"
#include "segment.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16, ECE = 0x40, MAX = 5 };

/* One segment of a case: changes from the ordinary one. */
struct seg {
    size_t len;
    int seq;                 /* from the start of the case */
    uint8_t flags, tos, ttl; /* flags 0: ACK */
    uint32_t ack;
    uint16_t sport;
    uint16_t id; /* 0: counts up */
    bool no_df, bad_csum, ip_opts, tcp_opts, udp;
};

#define SEG(n, at, ...)                                                                            \
    {                                                                                              \
        .len = (n), .seq = (at), ##__VA_ARGS__                                                     \
    }

static const struct gro_case {
    const char *label;
    unsigned n;
    struct seg in[MAX];
    unsigned want_n;
    unsigned want[MAX]; /* segments in each packet that remains */
} cases[] = {
    { "two full ones", 2, { SEG(1000, 0), SEG(1000, 1000) }, 1, { 2 } },
    { "four", 4, { SEG(1000, 0), SEG(1000, 1000), SEG(1000, 2000), SEG(1000, 3000) }, 1, { 4 } },
    { "a short last one", 3, { SEG(1000, 0), SEG(1000, 1000), SEG(7, 2000) }, 1, { 3 } },
    { "nothing behind a short one",
      3,
      { SEG(1000, 0), SEG(7, 1000), SEG(1000, 1007) },
      2,
      { 2, 1 } },
    { "a longer one starts anew", 2, { SEG(500, 0), SEG(1000, 500) }, 2, { 1, 1 } },
    { "push ends it",
      3,
      { SEG(1000, 0), SEG(1000, 1000, .flags = ACK | PSH), SEG(1000, 2000) },
      2,
      { 2, 1 } },
    { "push on the first", 2, { SEG(1000, 0, .flags = ACK | PSH), SEG(1000, 1000) }, 2, { 1, 1 } },
    { "gap", 2, { SEG(1000, 0), SEG(1000, 1001) }, 2, { 1, 1 } },
    { "repeated", 2, { SEG(1000, 0), SEG(1000, 0) }, 2, { 1, 1 } },
    { "backwards", 2, { SEG(1000, 1000), SEG(1000, 0) }, 2, { 1, 1 } },
    { "other acknowledgment", 2, { SEG(1000, 0), SEG(1000, 1000, .ack = 1) }, 2, { 1, 1 } },
    { "other tos", 2, { SEG(1000, 0), SEG(1000, 1000, .tos = 4) }, 2, { 1, 1 } },
    { "congestion mark", 2, { SEG(1000, 0, .tos = 2), SEG(1000, 1000, .tos = 3) }, 2, { 1, 1 } },
    { "other ttl", 2, { SEG(1000, 0), SEG(1000, 1000, .ttl = 63) }, 2, { 1, 1 } },
    { "other flow", 2, { SEG(1000, 0), SEG(1000, 1000, .sport = 1) }, 2, { 1, 1 } },
    { "two flows interleaved",
      4,
      { SEG(1000, 0), SEG(1000, 0, .sport = 1), SEG(1000, 1000), SEG(1000, 1000, .sport = 1) },
      2,
      { 2, 2 } },
    { "fin", 2, { SEG(1000, 0), SEG(1000, 1000, .flags = ACK | FIN) }, 2, { 1, 1 } },
    { "syn", 2, { SEG(10, 0, .flags = SYN | ACK), SEG(10, 10) }, 2, { 1, 1 } },
    { "ece", 2, { SEG(1000, 0), SEG(1000, 1000, .flags = ACK | ECE) }, 2, { 1, 1 } },
    { "no ack flag",
      2,
      { SEG(1000, 0, .flags = PSH), SEG(1000, 1000, .flags = PSH) },
      2,
      { 1, 1 } },
    { "pure ack between", 3, { SEG(1000, 0), SEG(0, 1000), SEG(1000, 1000) }, 3, { 1, 1, 1 } },
    { "wrong checksum", 2, { SEG(1000, 0), SEG(1000, 1000, .bad_csum = true) }, 2, { 1, 1 } },
    { "IP options",
      2,
      { SEG(1000, 0, .ip_opts = true), SEG(1000, 1000, .ip_opts = true) },
      2,
      { 1, 1 } },
    { "other TCP options", 2, { SEG(1000, 0), SEG(1000, 1000, .tcp_opts = true) }, 2, { 1, 1 } },
    { "same TCP options",
      2,
      { SEG(1000, 0, .tcp_opts = true), SEG(1000, 1000, .tcp_opts = true) },
      1,
      { 2 } },
    { "without df, counting up",
      2,
      { SEG(1000, 0, .no_df = true), SEG(1000, 1000, .no_df = true) },
      1,
      { 2 } },
    { "without df, same id",
      2,
      { SEG(1000, 0, .no_df = true, .id = 5), SEG(1000, 1000, .no_df = true, .id = 5) },
      2,
      { 1, 1 } },
    { "df differs", 2, { SEG(1000, 0), SEG(1000, 1000, .no_df = true) }, 2, { 1, 1 } },
    { "UDP stays", 2, { SEG(1000, 0, .udp = true), SEG(1000, 1000, .udp = true) }, 2, { 1, 1 } },
};

static struct datagram datagram_of(const struct seg *s, unsigned index, bool v6)
{
    struct datagram d = { .src = addr_text(v6 ? "fd00::1" : "10.0.0.1"),
                          .dst = addr_text(v6 ? "fd00::2" : "10.0.0.2"),
                          .proto = s->udp ? PROTO_UDP : PROTO_TCP,
                          .sport = (uint16_t)(2000 + s->sport),
                          .dport = 80,
                          .payload_len = s->len,
                          .fill = (uint8_t)(index * 13),
                          .tos = s->tos,
                          .ttl = s->ttl,
                          .ip_id = s->id ? s->id : (uint16_t)(0xffff + index),
                          .df = !s->no_df,
                          .seq = 0xfffffe00u + (uint32_t)s->seq,
                          .ack = 9 + s->ack,
                          .tcp_flags = s->flags };

    if (s->ip_opts) {
        d.n_ip_opts = v6 ? 8 : 4;
        d.ext_proto = PROTO_DSTOPTS;
        memset(d.ip_opts, 1, 4);
        if (v6)
            memcpy(d.ip_opts, (uint8_t[8]){ PROTO_TCP, 0, 1, 4 }, 8);
    }
    if (s->tcp_opts) {
        d.n_tcp_opts = 4;
        memset(d.tcp_opts, 1, 4);
    }
    return d;
}

static struct pkt *pkt_of(struct pkt_pool *pool, const struct blob *b)
{
    struct pkt *p = pkt_get(pool, b->len);

    memcpy(p->data, b->p, b->len);
    p->len = (uint32_t)b->len;
    return p;
}

/* Cuts P up again: the segments IN[0..N) have to come back. */
static void check_round_trip(struct pkt_pool *pool, struct pkt *p, const struct blob *const *in,
                             unsigned n)
{
    struct ip_parts parts;
    struct segmenter s;

    assert_true(ip_parts_parse(p->data, p->len, &parts));
    if (n == 1) {
        assert_int_equal(p->gso, PKT_GSO_NONE);
        assert_false(p->needs_csum);
        assert_int_equal(p->len, in[0]->len);
        assert_memory_equal(p->data, in[0]->p, p->len);
        return;
    }
    assert_true(p->needs_csum && p->csum_offset == 16 && p->csum_start == parts.l4);
    assert_true(segment_init(&s, p, &parts));
    assert_int_equal(segment_count(&s), n);
    for (unsigned i = 0; i < n; i++) {
        struct pkt *one = pkt_get(pool, segment_len(&s));
        segment_next(&s, one);
        assert_int_equal(one->len, in[i]->len);
        if (parts.version == 4) { /* with DF the identification is free */
            memcpy(one->data + 4, in[i]->p + 4, 2);
            ip4_csum_set(one->data);
        }
        assert_memory_equal(one->data, in[i]->p, one->len);
        pkt_put(pool, one);
    }
}

static void check_case(const struct gro_case *c, bool v6)
{
    struct pkt_pool pool;
    struct pkt *pkts[MAX];
    struct blob blobs[MAX];
    const struct blob *left[MAX];
    unsigned n_left = 0;

    pkt_pool_init(&pool, 32, 4);
    for (unsigned i = 0; i < c->n; i++) {
        struct datagram d = datagram_of(&c->in[i], i, v6);
        blobs[i] = datagram_make(&d);
        if (c->in[i].bad_csum)
            blobs[i].p[blobs[i].len - 1] ^= 1;
        pkts[i] = pkt_of(&pool, &blobs[i]);
    }
    unsigned n = gro_coalesce(&pool, pkts, c->n);
    if (n != c->want_n)
        fprintf(stderr, "case: %s%s\n", c->label, v6 ? " (IPv6)" : "");
    assert_int_equal(n, c->want_n);
    /* which inputs went into which packet: by port, in order */
    for (unsigned i = 0; i < c->n; i++)
        left[n_left++] = &blobs[i];
    for (unsigned k = 0; k < n; k++) {
        const struct blob *mine[MAX];
        unsigned n_mine = 0;
        struct ip_parts parts;

        assert_true(ip_parts_parse(pkts[k]->data, pkts[k]->len, &parts));
        for (unsigned i = 0; i < n_left && n_mine < c->want[k]; i++)
            if (left[i] && memcmp(left[i]->p + parts.l4, pkts[k]->data + parts.l4, 2) == 0) {
                mine[n_mine++] = left[i];
                left[i] = NULL;
            }
        assert_int_equal(n_mine, c->want[k]);
        check_round_trip(&pool, pkts[k], mine, n_mine);
        pkt_put(&pool, pkts[k]);
    }
    for (unsigned i = 0; i < c->n; i++)
        blob_free(&blobs[i]);
    pkt_pool_fini(&pool);
}

static void segments_merge_only_when_alike(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int v6 = 0; v6 < 2; v6++)
            if (!v6 || !(cases[i].in[1].no_df || cases[i].in[0].no_df))
                check_case(&cases[i], v6);
}

/* A superpacket never outgrows an IP datagram, and all buffers come back. */
static void superpackets_stay_below_64k(void **state)
{
    struct pkt_pool pool;
    struct pkt *pkts[PKT_BATCH];
    size_t total = 0;

    (void)state;
    pkt_pool_init(&pool, PKT_BATCH, 4);
    for (unsigned i = 0; i < PKT_BATCH; i++) {
        struct seg s = { .len = 1448, .seq = (int)(1448 * i) };
        struct datagram d = datagram_of(&s, i, false);
        struct blob b = datagram_make(&d);
        pkts[i] = pkt_of(&pool, &b);
        blob_free(&b);
    }
    unsigned n = gro_coalesce(&pool, pkts, PKT_BATCH);
    assert_int_equal(n, 2);
    for (unsigned i = 0; i < n; i++) {
        assert_true(pkts[i]->len <= 65535);
        total += pkts[i]->len - 40;
        pkt_put(&pool, pkts[i]);
    }
    assert_int_equal(total, 1448 * PKT_BATCH);
    pkt_pool_fini(&pool);
}

/* Without a large buffer the segments simply stay as they are. */
static void an_empty_pool_merges_nothing(void **state)
{
    struct pkt_pool pool;
    struct pkt *pkts[2];

    (void)state;
    pkt_pool_init(&pool, 2, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct seg s = { .len = 1448, .seq = (int)(1448 * i) };
        struct datagram d = datagram_of(&s, i, false);
        struct blob b = datagram_make(&d);
        pkts[i] = pkt_of(&pool, &b);
        blob_free(&b);
    }
    assert_int_equal(gro_coalesce(&pool, pkts, 2), 2);
    assert_true(pkts[0]->csum_ok && pkts[1]->csum_ok);
    pkt_put(&pool, pkts[0]);
    pkt_put(&pool, pkts[1]);
    pkt_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_merge_only_when_alike),
        cmocka_unit_test(superpackets_stay_below_64k),
        cmocka_unit_test(an_empty_pool_merges_nothing),
    };
    return cmocka_run_group_tests_name("gro", tests, NULL, NULL);
}
