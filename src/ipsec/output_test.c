/* Decisions on the way out: SAs and levels, headers, DF and sizes, reports, the end of SAs. */
#include "output_fixture.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- levels ---- */

static void levels_decide_without_an_sa(void **state)
{
    enum { NONE, ESP, AH, BOTH };
    static const struct {
        const char *label;
        enum spd_level level;
        uint8_t protocols;
        int have;
        int want; /* what the packet leaves with; NONE: dropped */
        enum ipsec_drop reason;
        bool acquire;
    } cases[] = {
        { "use, nothing there", LEVEL_USE, 1, NONE, NONE, DROP_OUT_SPD_CHANGED, false },
        { "require, nothing there", LEVEL_REQUIRE, 1, NONE, NONE, DROP_OUT_NO_STATES, true },
        { "unique, nothing there", LEVEL_UNIQUE, 1, NONE, NONE, DROP_OUT_NO_STATES, true },
        { "require esp", LEVEL_REQUIRE, 1, ESP, ESP, 0, false },
        { "require ah", LEVEL_REQUIRE, 2, AH, AH, 0, false },
        { "require both", LEVEL_REQUIRE, 3, BOTH, BOTH, 0, false },
        { "require both, ah missing", LEVEL_REQUIRE, 3, ESP, NONE, DROP_OUT_NO_STATES, true },
        { "require both, esp missing", LEVEL_REQUIRE, 3, AH, NONE, DROP_OUT_NO_STATES, true },
        { "unique both, ah missing", LEVEL_UNIQUE, 3, ESP, NONE, DROP_OUT_NO_STATES, true },
        { "use both, ah missing", LEVEL_USE, 3, ESP, ESP, 0, false },
        { "use both, esp missing", LEVEL_USE, 3, AH, AH, 0, false },
        { "use both, nothing there", LEVEL_USE, 3, NONE, NONE, DROP_OUT_SPD_CHANGED, false },
        { "require esp, only ah there", LEVEL_REQUIRE, 1, AH, NONE, DROP_OUT_NO_STATES, true },
    };

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        bool tunnel = i % 2, acquired = false;
        unsigned k = i / 2;
        struct policy p = policy_make(tunnel, cases[k].protocols, cases[k].level);
        struct gate *g = gate_with(&p, cases[k].have & ESP, cases[k].have & AH, 0);
        struct datagram d = talk(tunnel, PROTO_UDP, 100);
        struct ipsec_event ev;

        send(g, &d);
        give_up(g);
        if (g->n_wire != (cases[k].want != NONE))
            fprintf(stderr, "case: %s\n", cases[k].label);
        assert_int_equal(g->n_wire, cases[k].want != NONE);
        if (cases[k].want) {
            const uint8_t *o = g->wire[0].p;
            assert_int_equal(o[9], cases[k].want & AH ? PROTO_AH : PROTO_ESP);
            if (cases[k].want & AH)
                assert_int_equal(o[20], cases[k].want & ESP ? PROTO_ESP
                                        : tunnel            ? PROTO_IPV4
                                                            : PROTO_UDP);
        } else {
            assert_int_equal(gate_drops(g, cases[k].reason), 1);
        }
        assert_int_equal(gate_all_drops(g), cases[k].want == NONE);
        while (ipsec_event_take(g->e, &ev)) {
            assert_int_equal(ev.type, EV_ACQUIRE);
            assert_int_equal(ev.slot, SLOT);
            assert_int_equal(be16_get((const uint8_t *)&ev.key.dport), 2222);
            acquired = true;
        }
        assert_int_equal(acquired, cases[k].acquire);
        assert_int_equal(g->n_wakes > 0, cases[k].acquire);
        struct ipsec_slot_stats s = ipsec_slot_stats(g->e, SLOT);
        assert_int_equal(s.out_dropped, cases[k].acquire);
        assert_int_equal(s.out_transformed, cases[k].want != NONE);
        gate_free(g);
    }
}

static void acquires_are_rate_limited(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, false, false, 0);
    struct datagram d = talk(true, PROTO_UDP, 10);
    struct ipsec_event ev;
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < 500; i++) { /* 5 seconds */
        d.dport = (uint16_t)(i + 1);
        send(g, &d);
        g->now_ms += 10;
    }
    while (ipsec_event_take(g->e, &ev))
        n++;
    assert_int_equal(n, 5);
    give_up(g);
    assert_int_equal(gate_drops(g, DROP_OUT_NO_STATES), 500);
    assert_int_equal(ipsec_slot_stats(g->e, SLOT).out_dropped, 500);
    gate_free(g);
}

/* D10: whoever scans what many policies protect makes one request of each, not one per packet. */
static void acquires_of_many_policies_do_not_displace_each_other(void **state)
{
    enum { POLICIES = 3000, ROUNDS = 3 };
    struct policy *p = xcalloc(POLICIES, sizeof(*p));
    struct datagram d = talk(true, PROTO_UDP, 10);
    struct ipsec_event ev;
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < POLICIES; i++) {
        p[i] = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
        p[i].slot = i;
        p[i].sel.dst = (struct ip_prefix){ ip_addr_v4(10, 2, (uint8_t)(i / 256), (uint8_t)i), 32 };
    }
    struct gate *g = gate_new(BULK_AUTO, 3);
    gate_policies(g, p, POLICIES);
    for (unsigned i = 0; i < ROUNDS * POLICIES; i++) {
        d.dst = p[i % POLICIES].sel.dst.addr;
        send(g, &d);
    }
    while (ipsec_event_take(g->e, &ev))
        n++;
    assert_int_equal(n, POLICIES);
    gate_free(g);
    free(p);
}

/* An SA that was acquired, came and went again; a slot that changed hands: nobody is made to wait
 * for what was asked before. */
static void acquire_of_a_new_need_is_not_held_back(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, false, false, 0);
    struct datagram d = talk(true, PROTO_UDP, 10);
    struct ipsec_event ev;

    (void)state;
    send(g, &d);
    assert_true(ipsec_event_take(g->e, &ev) && ev.type == EV_ACQUIRE);
    struct sa *sa = sa_make(g, SA_ESP, true, 0);
    ipsec_slot_set(g->e, SLOT, sa, NULL);
    ipsec_sa_remove(g->e, sa);
    g->now_ms += 10;
    send(g, &d);
    assert_true(ipsec_event_take(g->e, &ev) && ev.type == EV_ACQUIRE);
    g->now_ms += 10;
    send(g, &d);
    assert_false(ipsec_event_take(g->e, &ev));
    ipsec_slot_reset(g->e, SLOT); /* another policy's now */
    send(g, &d);
    assert_true(ipsec_event_take(g->e, &ev) && ev.type == EV_ACQUIRE);
    give_up(g);
    gate_free(g);
}

/* No clear text whatever the SPD became meanwhile. */
static void nothing_leaves_without_an_encrypting_policy(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);
    struct datagram d = talk(true, PROTO_UDP, 10);

    (void)state;
    send(g, &d);
    assert_int_equal(g->n_wire, 1);
    for (unsigned action = 0; action < 2; action++) { /* none, discard */
        p.action = (uint8_t)action;
        gate_policies(g, &p, 1);
        send(g, &d);
        assert_int_equal(gate_drops(g, DROP_OUT_SPD_CHANGED), 1 + action);
    }
    gate_policies(g, NULL, 0);
    send(g, &d);
    assert_int_equal(gate_drops(g, DROP_OUT_SPD_CHANGED), 3);
    assert_int_equal(g->n_wire, 1);
    gate_free(g);
}

static void transport_mode_wants_its_own_addresses(void **state)
{
    struct policy p = policy_make(false, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct datagram d = talk(false, PROTO_UDP, 10);

    (void)state;
    p.sel.src = p.sel.dst = prefix_text("0.0.0.0/0");
    struct gate *g = gate_with(&p, true, false, 0);
    send(g, &d);
    d.src = addr_text("192.0.2.2");
    send(g, &d);
    d.src = addr_text(LOCAL);
    d.dst = addr_text("198.51.100.2");
    send(g, &d);
    assert_int_equal(g->n_wire, 1);
    assert_int_equal(gate_drops(g, DROP_OUT_MODE), 2);
    assert_int_equal(ipsec_slot_stats(g->e, SLOT).not_encrypted, 2);
    gate_free(g);
}

/* ---- headers ---- */

static void tunnel_headers_are_as_they_should(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);
    struct datagram d = talk(true, PROTO_UDP, 100);
    unsigned same_id = 0;

    (void)state;
    d.ttl = 3;
    for (unsigned tos = 0; tos < 256; tos++) {
        d.tos = (uint8_t)tos;
        send(g, &d);
        const uint8_t *o = g->wire[tos].p;
        assert_int_equal(o[0], 0x45);
        assert_int_equal(o[1], tos); /* DSCP and ECN copied, RFC 6040 normal mode */
        assert_int_equal(o[8], 64);
        assert_int_equal(be32_get(o + 12), 0xc0000201);
        assert_int_equal(be32_get(o + 16), 0xc6336401);
        assert_int_not_equal(be16_get(o + 4), 0);
        assert_int_equal(be32_get(o + 20), SPI);
        assert_int_equal(be32_get(o + 24), tos + 1); /* sequence */
        if (tos)
            same_id += be16_get(o + 4) == be16_get(g->wire[tos - 1].p + 4);
    }
    assert_in_range(same_id, 0, 3);
    gate_free(g);
}

/* E12: initialisation vectors do not repeat. */
static void ivs_are_fresh(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);
    struct datagram d = talk(true, PROTO_UDP, 10);

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        send(g, &d);
    for (unsigned i = 0; i < 300; i++)
        for (unsigned k = 0; k < i; k++)
            assert_memory_not_equal(g->wire[i].p + 28, g->wire[k].p + 28, 16);
    gate_free(g);
}

/* ---- DF and size ---- */

/* The largest inner datagram for AES-CBC and HMAC-SHA1-96 in an IPv4 tunnel over 1500 bytes:
 * 1500 - 20 - 8 - 16 - 12 = 1444, whole blocks 1440, less trailer 1438 (RFC 4303 2.4). */
enum { INNER_MAX = 1438 };

static void df_and_size_decide_together(void **state)
{
    static const struct {
        enum spd_df policy_df;
        bool df;
        bool want_df;   /* of the outer datagram */
        bool want_frag; /* when too big: fragments, else ICMP */
    } cases[] = {
        { DF_CLEAR, false, false, true },   { DF_CLEAR, true, false, true },
        { DF_INHERIT, false, false, true }, { DF_INHERIT, true, true, false },
        { DF_SET, false, true, false },     { DF_SET, true, true, false },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
        p.df = (uint8_t)cases[i].policy_df;
        struct gate *g = gate_with(&p, true, false, 0);
        unsigned too_big = 0;

        for (size_t len = 1300; len <= 1600; len++) {
            struct datagram d = talk(true, PROTO_UDP, len - 28);
            d.df = cases[i].df;
            send(g, &d);
            if (len <= INNER_MAX) {
                assert_int_equal(g->n_wire, 1);
                assert_int_equal(be16_get(g->wire[0].p + 6), cases[i].want_df ? 0x4000 : 0);
            } else if (cases[i].want_frag) {
                assert_int_equal(g->n_wire, 2);
                assert_int_equal(be16_get(g->wire[0].p + 6), 0x2000); /* DF clear, more */
                assert_int_equal(be16_get(g->wire[1].p + 6) & 0xe000, 0);
            } else {
                too_big++;
                assert_int_equal(g->n_wire, 0);
                assert_int_equal(g->n_icmp, 1);
                assert_int_equal(be16_get(g->icmp[0].msg + 6), INNER_MAX);
            }
            assert_int_equal(gate_drops(g, DROP_OUT_TOO_BIG), too_big);
            gate_clear(g);
        }
        assert_int_equal(gate_all_drops(g), too_big);
        gate_free(g);
    }
}

/* Transport mode: the datagram's own DF. */
static void transport_df_follows_the_policy(void **state)
{
    (void)state;
    for (unsigned pol = DF_CLEAR; pol <= DF_SET; pol++)
        for (unsigned df = 0; df < 2; df++) {
            struct policy p = policy_make(false, PROTO_BIT_ESP, LEVEL_REQUIRE);
            p.df = (uint8_t)pol;
            struct gate *g = gate_with(&p, true, false, 0);
            struct datagram d = talk(false, PROTO_UDP, 100);
            d.df = df;
            d.ip_id = 0; /* a raw socket would replace it */
            send(g, &d);
            bool want = pol == DF_SET || (pol == DF_INHERIT && df);
            assert_int_equal(be16_get(g->wire[0].p + 6), want ? 0x4000 : 0);
            assert_int_not_equal(be16_get(g->wire[0].p + 4), 0);
            gate_free(g);
        }
}

static void the_sender_is_told_when_that_is_allowed(void **state)
{
    enum { UNICAST, MULTICAST_DST, BROADCAST_SRC, ICMP_ERROR, ECHO, FIRST, LATER };
    static const struct {
        const char *label;
        int kind;
        bool want;
    } cases[] = {
        { "unicast", UNICAST, true },          { "to multicast", MULTICAST_DST, false },
        { "no sender", BROADCAST_SRC, false }, { "ICMP error", ICMP_ERROR, false },
        { "ICMP echo", ECHO, true },           { "first fragment", FIRST, true },
        { "later fragment", LATER, false },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
        bool icmp = cases[i].kind == ICMP_ERROR || cases[i].kind == ECHO;
        struct datagram d = talk(true, icmp ? PROTO_ICMP : PROTO_UDP, 1460);

        p.df = DF_SET;
        p.sel.src = p.sel.dst = prefix_text("0.0.0.0/0");
        struct gate *g = gate_with(&p, true, false, 0);
        if (cases[i].kind == MULTICAST_DST)
            d.dst = addr_text("239.1.2.3");
        if (cases[i].kind == BROADCAST_SRC)
            d.src = addr_text("0.0.0.0");
        struct blob b = datagram_make(&d);
        if (cases[i].kind == ICMP_ERROR)
            b.p[20] = 3;
        if (cases[i].kind == FIRST)
            be16_put(b.p + 6, 0x2000);
        if (cases[i].kind == LATER)
            be16_put(b.p + 6, 0x2000 | 185);
        ip4_csum_set(b.p);
        gate_out(g, &b, 1);
        assert_int_equal(g->n_wire, 0);
        assert_int_equal(gate_drops(g, DROP_OUT_TOO_BIG), 1);
        if (g->n_icmp != cases[i].want)
            fprintf(stderr, "case: %s\n", cases[i].label);
        assert_int_equal(g->n_icmp, cases[i].want);
        if (cases[i].want) {
            const struct gate_icmp *m = &g->icmp[0];
            assert_true(ip_addr_equal(&m->to, &d.src));
            assert_int_equal(m->msg[0], 3);
            assert_int_equal(m->msg[1], 4);
            assert_int_equal(naive_csum(0, m->msg, m->len), 0);
            assert_int_equal(m->len, 8 + 548); /* RFC 1812: 576 with its IP header */
            assert_memory_equal(m->msg + 8, b.p, 28);
        }
        blob_free(&b);
        gate_free(g);
    }
}

static void ipv6_senders_are_told_1280_at_least(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);

    (void)state;
    p.df = DF_INHERIT;
    p.sel.src = prefix_text("fd01::/64");
    p.sel.dst = prefix_text("fd02::/64");
    for (uint32_t mtu = 1300; mtu <= 1500; mtu += 50) {
        struct gate *g = gate_with(&p, true, false, mtu);
        struct datagram d = talk(true, PROTO_UDP, 0);
        uint32_t inner_max = (mtu - 20 - 8 - 16 - 12) / 16 * 16 - 2;
        uint32_t told = inner_max < 1280 ? 1280 : inner_max;

        d.src = addr_text("fd01::5");
        d.dst = addr_text("fd02::7");
        for (size_t len = 1200; len < 1500; len++) {
            d.payload_len = len - 48;
            send(g, &d);
            if (len > told) {
                assert_int_equal(g->n_wire, 0);
                assert_int_equal(g->n_icmp, 1);
                assert_int_equal(g->icmp[0].msg[0], 2);
                assert_int_equal(be32_get(g->icmp[0].msg + 4), told);
                assert_int_equal(be16_get(g->icmp[0].msg + 2), 0); /* the kernel's to fill in */
                assert_true(g->icmp[0].len <= 1240);
            } else { /* up to 1280 bytes have to pass: in fragments if need be (RFC 2473 7.1) */
                assert_int_equal(g->n_wire, len > inner_max ? 2 : 1);
                assert_int_equal(g->n_icmp, 0);
            }
            gate_clear(g);
        }
        gate_free(g);
    }
}

static void icmp_is_rate_limited(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct datagram d = talk(true, PROTO_UDP, 1460);
    unsigned told = 0;

    (void)state;
    p.df = DF_SET;
    struct gate *g = gate_with(&p, true, false, 0);
    for (unsigned i = 0; i < 3000; i++) {
        send(g, &d);
        told += g->n_icmp;
        gate_clear(g);
    }
    assert_int_equal(told, 1000);
    g->now_ms += 1000;
    send(g, &d);
    assert_int_equal(g->n_icmp, 1);
    gate_free(g);
}

/* ---- ends ---- */

/* E8: numbers run out once and never start again. */
static void sequence_numbers_never_wrap(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);
    struct sa *sa = slot_sa(g->e, SLOT, SA_ESP);
    struct datagram d = talk(true, PROTO_TCP, 14600);
    struct blob b = superpacket_make(&d, 1000); /* 15 segments */
    struct ipsec_event ev;

    (void)state;
    atomic_store(&sa->seq, UINT32_MAX - 20);
    for (unsigned i = 0; i < 3; i++)
        gate_out(g, &b, 1);
    assert_int_equal(g->n_wire, 20);
    assert_int_equal(be32_get(g->wire[19].p + 24), UINT32_MAX);
    assert_int_equal(gate_drops(g, DROP_OUT_SEQUENCE), 25);
    assert_int_equal(ipsec_slot_stats(g->e, SLOT).not_encrypted, 25);
    assert_true(ipsec_event_take(g->e, &ev));
    assert_int_equal(ev.type, EV_SOFT);
    assert_int_equal(ev.spi, SPI);
    assert_false(ipsec_event_take(g->e, &ev)); /* said once */
    blob_free(&b);
    gate_free(g);
}

static void dead_sas_send_nothing(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);
    struct sa *sa = slot_sa(g->e, SLOT, SA_ESP);
    struct datagram d = talk(true, PROTO_UDP, 10);

    (void)state;
    atomic_store(&sa->state, SA_DEAD);
    send(g, &d);
    give_up(g);
    assert_int_equal(gate_drops(g, DROP_OUT_EXPIRED), 1);
    assert_int_equal(ipsec_slot_stats(g->e, SLOT).out_dropped, 1);
    atomic_store(&sa->state, SA_DYING);
    send(g, &d);
    assert_int_equal(g->n_wire, 1);
    gate_free(g);
}

/* E27: bytes run out under traffic. */
static void byte_limits_end_an_sa(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_new(BULK_AUTO, 3);
    struct gate_sa c = { .proto = SA_ESP,
                         .tunnel = true,
                         .cipher = CIPHER_AES_128,
                         .auth = AUTH_SHA1,
                         .spi = SPI,
                         .src = addr_text(LOCAL),
                         .dst = addr_text(REMOTE),
                         .slot = SLOT,
                         .reqid = REQID,
                         .life = { .soft_bytes = 800, .hard_bytes = 1000 } };
    struct datagram d = talk(true, PROTO_UDP, 72); /* 100 bytes each */
    struct ipsec_event ev;
    bool soft = false, hard = false;

    (void)state;
    gate_policies(g, &p, 1);
    ipsec_slot_set(g->e, SLOT, gate_sa_add(g, &c, false), NULL);
    for (unsigned i = 0; i < 20; i++)
        send(g, &d);
    assert_int_equal(g->n_wire, 10); /* the one that reaches the limit still passes */
    give_up(g);
    assert_int_equal(gate_drops(g, DROP_OUT_EXPIRED), 10);
    while (ipsec_event_take(g->e, &ev)) {
        soft = soft || ev.type == EV_SOFT;
        hard = hard || ev.type == EV_HARD;
    }
    assert_true(soft && hard);
    assert_true(g->n_wakes > 0);
    gate_free(g);
}

static void what_the_kernel_refuses_is_counted(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);
    struct datagram d = talk(true, PROTO_UDP, 10);
    struct blob b[5];

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        b[i] = datagram_make(&d);
    g->refuse = 2;
    gate_out(g, b, 5);
    assert_int_equal(g->n_wire, 3);
    assert_int_equal(gate_drops(g, DROP_OUT_SEND), 2);
    for (unsigned i = 0; i < 5; i++)
        blob_free(&b[i]);
    gate_free(g);
}

static void malformed_datagrams_are_counted(void **state)
{
    static const char *const cases[] = {
        "",
        "45",
        "4500001400000000401100000a0100050a0200",                 /* short */
        "4400001400000000401100000a0100050a020007",               /* header length 4 */
        "4600001400000000401100000a0100050a020007",               /* options not there */
        "4500001500000000401100000a0100050a020007",               /* longer than it is */
        "5500001400000000401100000a0100050a020007",               /* version */
        "600000000011401100000000000000000000000000000000000000", /* IPv6, short */
    };
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);
    uint8_t bytes[64];

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        gate_out_bytes(g, bytes, hex_bytes(cases[i], bytes, sizeof(bytes)));
    assert_int_equal(gate_drops(g, DROP_OUT_MALFORMED), sizeof(cases) / sizeof(cases[0]));
    assert_int_equal(g->n_wire, 0);
    gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_decide_without_an_sa),
        cmocka_unit_test(acquires_are_rate_limited),
        cmocka_unit_test(acquires_of_many_policies_do_not_displace_each_other),
        cmocka_unit_test(acquire_of_a_new_need_is_not_held_back),
        cmocka_unit_test(nothing_leaves_without_an_encrypting_policy),
        cmocka_unit_test(transport_mode_wants_its_own_addresses),
        cmocka_unit_test(tunnel_headers_are_as_they_should),
        cmocka_unit_test(ivs_are_fresh),
        cmocka_unit_test(df_and_size_decide_together),
        cmocka_unit_test(transport_df_follows_the_policy),
        cmocka_unit_test(the_sender_is_told_when_that_is_allowed),
        cmocka_unit_test(ipv6_senders_are_told_1280_at_least),
        cmocka_unit_test(icmp_is_rate_limited),
        cmocka_unit_test(sequence_numbers_never_wrap),
        cmocka_unit_test(dead_sas_send_nothing),
        cmocka_unit_test(byte_limits_end_an_sa),
        cmocka_unit_test(what_the_kernel_refuses_is_counted),
        cmocka_unit_test(malformed_datagrams_are_counted),
    };
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
