/* Cutting and joining on the way out: fragments, superpackets, offloads, buffers. */
#include "output_fixture.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fragments ---- */

/* Cuts a datagram as a sender's stack would, into pieces of LEN payload bytes. */
static unsigned fragments_of(const struct datagram *d, unsigned len, struct blob *ret)
{
    struct blob b = datagram_make(d);
    unsigned n = 0;

    for (size_t at = 0; at < b.len - 20; at += len, n++) {
        size_t k = b.len - 20 - at < len ? b.len - 20 - at : len;
        ret[n] = blob_copy(b.p, 20 + k);
        memcpy(ret[n].p + 20, b.p + 20 + at, k);
        be16_put(ret[n].p + 2, (uint16_t)(20 + k));
        be16_put(ret[n].p + 6, (uint16_t)(at / 8 | (at + k < b.len - 20 ? 0x2000 : 0)));
        ip4_csum_set(ret[n].p);
    }
    blob_free(&b);
    return n;
}

static void fragments_meet_the_right_policy(void **state)
{
    enum { WHOLE, APIECE, NOTHING };
    static const struct {
        const char *label;
        bool tunnel;
        uint16_t dport; /* of the policy */
        uint16_t sent;
        int want;
    } cases[] = {
        { "tunnel without ports: each as it is", true, 0, 2222, APIECE },
        { "tunnel with the port: whole", true, 2222, 2222, WHOLE },
        { "tunnel with another port: nothing", true, 2223, 2222, NOTHING },
        { "transport: whole", false, 0, 2222, WHOLE },
        { "transport with the port: whole", false, 2222, 2222, WHOLE },
    };

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned k = i / 2;
        bool backwards = i % 2;
        struct policy p = policy_make(cases[k].tunnel, PROTO_BIT_ESP, LEVEL_REQUIRE);
        struct datagram d = talk(cases[k].tunnel, PROTO_UDP, 3000);
        struct blob frags[8];

        p.sel.proto = PROTO_UDP;
        p.sel.dport = cases[k].dport;
        d.dport = cases[k].sent;
        struct gate *g = gate_with(&p, true, false, 0);
        unsigned n = fragments_of(&d, 1240, frags);
        assert_int_equal(n, 3);
        for (unsigned f = 0; f < n; f++)
            gate_out(g, &frags[backwards ? n - 1 - f : f], 1);
        struct ipsec_slot_stats s = ipsec_slot_stats(g->e, SLOT);
        uint64_t want = cases[k].want == WHOLE ? 1 : cases[k].want == APIECE ? 3 : 0;
        if (s.out_transformed != want)
            fprintf(stderr, "case: %s\n", cases[k].label);
        assert_int_equal(s.out_transformed, want);
        if (cases[k].want == WHOLE) { /* protected whole, then cut again outside */
            assert_int_equal(g->n_wire, 3);
            assert_int_equal(be16_get(g->wire[0].p + 6), 0x2000);
        } else if (cases[k].want == APIECE) {
            assert_int_equal(g->n_wire, 3);
            assert_int_equal(be16_get(g->wire[0].p + 6), 0);
        } else {
            assert_int_equal(g->n_wire, 0);
            assert_int_equal(gate_drops(g, DROP_OUT_SPD_CHANGED), 1);
        }
        for (unsigned f = 0; f < n; f++)
            blob_free(&frags[f]);
        gate_free(g);
    }
}

static void incomplete_datagrams_are_counted(void **state)
{
    struct policy p = policy_make(false, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);
    struct datagram d = talk(false, PROTO_UDP, 3000);
    struct blob frags[8];
    unsigned n = fragments_of(&d, 1240, frags);

    (void)state;
    gate_out(g, frags, 2);
    ipsec_worker_tick(g->w, g->now_ms + 29999);
    assert_int_equal(gate_drops(g, DROP_OUT_REASSEMBLY), 0);
    ipsec_worker_tick(g->w, g->now_ms + 30000);
    assert_int_equal(gate_drops(g, DROP_OUT_REASSEMBLY), 2);
    gate_out(g, frags, 1);
    gate_out(g, frags, 1); /* overlap */
    assert_int_equal(gate_drops(g, DROP_OUT_REASSEMBLY), 4);
    assert_int_equal(g->n_wire, 0);
    for (unsigned f = 0; f < n; f++)
        blob_free(&frags[f]);
    gate_free(g);
}

/* ---- superpackets ---- */

static void tcp_superpackets_never_need_fragments(void **state)
{
    (void)state;
    for (unsigned df = DF_CLEAR; df <= DF_SET; df++)
        for (uint32_t mtu = 300; mtu <= 9000; mtu = mtu * 5 / 4) {
            struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
            struct datagram d = talk(true, PROTO_TCP, 20000);
            p.df = (uint8_t)df;
            struct gate *g = gate_with(&p, true, false, mtu);
            struct blob b = superpacket_make(&d, 1460);

            gate_out(g, &b, 1);
            struct ipsec_slot_stats s = ipsec_slot_stats(g->e, SLOT);
            assert_int_equal(s.out_transformed, g->n_wire);
            for (unsigned i = 0; i < g->n_wire; i++) {
                assert_true(g->wire[i].len <= mtu);
                assert_int_equal(be16_get(g->wire[i].p + 6), df == DF_SET ? 0x4000 : 0);
            }
            uint32_t inner_max = (mtu - 56) / 16 * 16 - 2 - 40;
            uint32_t mss = inner_max < 1460 ? inner_max : 1460;
            assert_int_equal(g->n_wire, (20000 + mss - 1) / mss);
            assert_int_equal(gate_all_drops(g), 0);
            blob_free(&b);
            gate_free(g);
        }
}

static void udp_superpackets_are_never_cut_smaller(void **state)
{
    (void)state;
    for (unsigned df = 0; df < 2; df++) {
        struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
        struct datagram d = talk(true, PROTO_UDP, 1472 * 4);
        p.df = df ? DF_SET : DF_CLEAR;
        struct gate *g = gate_with(&p, true, false, 0);
        struct blob b = superpacket_make(&d, 1472);

        gate_out(g, &b, 1);
        if (df) {
            assert_int_equal(g->n_wire, 0);
            assert_int_equal(g->n_icmp, 1);
            assert_int_equal(gate_drops(g, DROP_OUT_TOO_BIG), 4);
        } else {
            assert_int_equal(g->n_wire, 8); /* each datagram in two fragments */
            assert_int_equal(ipsec_slot_stats(g->e, SLOT).out_transformed, 4);
        }
        blob_free(&b);
        gate_free(g);
    }
}

static void dropped_superpackets_count_their_segments(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, false, false, 0);
    struct datagram d = talk(true, PROTO_TCP, 14601);
    struct blob b = superpacket_make(&d, 1460);

    (void)state;
    gate_out(g, &b, 1);
    give_up(g);
    assert_int_equal(gate_drops(g, DROP_OUT_NO_STATES), 11);
    assert_int_equal(ipsec_slot_stats(g->e, SLOT).out_dropped, 11);
    blob_free(&b);
    gate_free(g);
}

static void checksums_left_to_a_device_are_completed(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_AH, LEVEL_REQUIRE); /* AH shows the inside */
    static const uint8_t protos[] = { PROTO_TCP, PROTO_UDP };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct gate *g = gate_with(&p, false, true, 0);
        struct datagram d = talk(true, protos[i], 333);
        struct blob b = superpacket_make(&d, 0);

        b.gso = PKT_GSO_NONE;
        gate_out(g, &b, 1);
        assert_int_equal(g->n_wire, 1);
        assert_true(datagram_csums_ok(g->wire[0].p + 44, g->wire[0].len - 44));
        blob_free(&b);
        gate_free(g);
    }
}

static void impossible_offload_facts_are_refused(void **state)
{
    static const struct {
        const char *label;
        uint16_t start, offset, gso_size;
        uint8_t gso;
        bool fragment;
    } cases[] = {
        { "sum behind the end", 20, 2000, 0, PKT_GSO_NONE, false },
        { "in the IP header", 0, 6, 0, PKT_GSO_NONE, false },
        { "start behind the end", 2000, 6, 0, PKT_GSO_NONE, false },
        { "on the last byte", 20, 107, 0, PKT_GSO_NONE, false },
        { "fragment with a sum to do", 20, 6, 0, PKT_GSO_NONE, true },
        { "fragment as superpacket", 20, 6, 10, PKT_GSO_UDP, true },
        { "no segment size", 20, 6, 0, PKT_GSO_UDP, false },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
        struct gate *g = gate_with(&p, true, false, 0);
        struct datagram d = talk(true, PROTO_UDP, 100);
        struct blob b = superpacket_make(&d, cases[i].gso_size);

        b.gso = cases[i].gso;
        b.csum_start = cases[i].start;
        b.csum_offset = cases[i].offset;
        if (cases[i].fragment) {
            be16_put(b.p + 6, 0x2000);
            ip4_csum_set(b.p);
        }
        gate_out(g, &b, 1);
        if (gate_drops(g, DROP_OUT_MALFORMED) != 1)
            fprintf(stderr, "case: %s\n", cases[i].label);
        assert_int_equal(gate_drops(g, DROP_OUT_MALFORMED), 1);
        assert_int_equal(g->n_wire, 0);
        blob_free(&b);
        gate_free(g);
    }
}

/* Buffers that came without room are copied; packets never come out damaged. */
static void packets_without_room_are_moved(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_AH, LEVEL_REQUIRE); /* AH shows the inside */
    struct datagram d = talk(true, PROTO_UDP, 100);
    struct blob b = datagram_make(&d);

    (void)state;
    for (unsigned how = 0; how < 2; how++) {
        struct gate *g = gate_with(&p, false, true, 0);
        struct pkt *pkt = pkt_get(ipsec_worker_pool(g->w), b.len);
        uint32_t room = pkt->room_bytes;

        if (how == 0) /* no headroom */
            pkt->data = pkt->buf;
        else /* no tailroom */
            pkt->room_bytes = (uint32_t)(PKT_HEADROOM + b.len);
        memcpy(pkt->data, b.p, b.len);
        pkt->len = (uint32_t)b.len;
        ipsec_out(g->w, &pkt, 1, g->now_ms);
        assert_int_equal(g->n_wire, 1);
        assert_memory_equal(g->wire[0].p + 44, b.p, b.len);
        pkt->room_bytes = room; /* it is back in the pool */
        gate_free(g);
    }
    blob_free(&b);
}

static void an_empty_pool_is_counted(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);
    struct pkt_pool *pool = ipsec_worker_pool(g->w);
    struct datagram tcp = talk(true, PROTO_TCP, 14600), udp = talk(true, PROTO_UDP, 1450);
    struct blob super = superpacket_make(&tcp, 1460), big = datagram_make(&udp);
    struct pkt *held = NULL, *pkt;
    unsigned n = 0;

    (void)state;
    while ((pkt = pkt_get(pool, 100))) { /* all small ones but three */
        pkt->next = held;
        held = pkt;
        n++;
    }
    for (unsigned i = 0; i < 3; i++, n--) {
        pkt = held;
        held = held->next;
        pkt_put(pool, pkt);
    }
    gate_out(g, &super, 1); /* three at a time will do */
    assert_int_equal(g->n_wire, 11);
    assert_int_equal(gate_all_drops(g), 0);
    for (unsigned i = 0; i < 2; i++, n++) {
        pkt = pkt_get(pool, 100);
        pkt->next = held;
        held = pkt;
    }
    gate_out(g, &big, 1); /* the last small buffer has the datagram: none for its fragments */
    assert_int_equal(gate_drops(g, DROP_OUT_BUFFERS), 1);
    pkt = pkt_get(pool, 100);
    pkt->next = held;
    held = pkt;
    gate_out(g, &super, 1); /* a large one comes in, no small one is left */
    assert_int_equal(gate_drops(g, DROP_OUT_BUFFERS), 1 + 11);
    while (held) {
        pkt = held;
        held = held->next;
        pkt_put(pool, pkt);
    }
    blob_free(&super);
    blob_free(&big);
    gate_free(g);
}

/* Every SYN that enters the tunnel, either family, carries an MSS that fits. */
static void syns_are_clamped(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_AH, LEVEL_REQUIRE); /* AH shows the inside */
    struct gate *g = gate_with(&p, false, true, 1400);
    struct datagram d = talk(true, PROTO_TCP, 0);

    (void)state;
    d.tcp_flags = 2;
    d.n_tcp_opts = 4;
    memcpy(d.tcp_opts, (uint8_t[4]){ 2, 4, 0x05, 0xb4 }, 4);
    send(g, &d);
    const uint8_t *inner = g->wire[0].p + 44;
    assert_int_equal(be16_get(inner + 42), 1400 - 20 - 24 - 40);
    assert_true(datagram_csums_ok(inner, g->wire[0].len - 44));
    gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_meet_the_right_policy),
        cmocka_unit_test(incomplete_datagrams_are_counted),
        cmocka_unit_test(tcp_superpackets_never_need_fragments),
        cmocka_unit_test(udp_superpackets_are_never_cut_smaller),
        cmocka_unit_test(dropped_superpackets_count_their_segments),
        cmocka_unit_test(checksums_left_to_a_device_are_completed),
        cmocka_unit_test(impossible_offload_facts_are_refused),
        cmocka_unit_test(packets_without_room_are_moved),
        cmocka_unit_test(an_empty_pool_is_counted),
        cmocka_unit_test(syns_are_clamped),
    };
    return cmocka_run_group_tests_name("output_cut", tests, NULL, NULL);
}
