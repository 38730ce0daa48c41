/* Decisions on the way out: SAs and levels, DF and sizes, fragments, counters, reports. */
#include "engine_priv.h"
#include "ip.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOT = 7, REQID = 70, SPI = 0x1000 };

#define LOCAL  "192.0.2.1"
#define REMOTE "198.51.100.1"

static struct policy policy_make(bool tunnel, uint8_t protocols, enum spd_level level)
{
    struct policy p = { .slot = SLOT,
                        .action = SPD_ENCRYPT,
                        .level = (uint8_t)level,
                        .protocols = protocols,
                        .tunnel = tunnel,
                        .local = addr_text(LOCAL),
                        .remote = addr_text(REMOTE),
                        .reqid = REQID };

    p.sel.src = prefix_text(tunnel ? "10.1.0.0/24" : LOCAL "/32");
    p.sel.dst = prefix_text(tunnel ? "10.2.0.0/24" : REMOTE "/32");
    return p;
}

static struct sa *sa_make(struct gate *g, enum sa_proto proto, bool tunnel, uint32_t mtu)
{
    struct gate_sa sa = { .proto = proto,
                          .tunnel = tunnel,
                          .cipher = proto == SA_ESP ? CIPHER_AES_128 : CIPHER_NONE,
                          .auth = AUTH_SHA1,
                          .spi = SPI,
                          .src = addr_text(LOCAL),
                          .dst = addr_text(REMOTE),
                          .reqid = REQID,
                          .slot = SLOT,
                          .path_mtu = mtu };

    return gate_sa_add(g, &sa, false);
}

static struct gate *gate_with(const struct policy *p, bool esp, bool ah, uint32_t mtu)
{
    struct gate *g = gate_new(BULK_AUTO, 3);

    gate_policies(g, p, 1);
    struct sa *e = esp ? sa_make(g, SA_ESP, p->tunnel, mtu) : NULL;
    struct sa *a = ah ? sa_make(g, SA_AH, p->tunnel, mtu) : NULL;
    ipsec_slot_set(g->e, SLOT, e, a);
    return g;
}

static struct datagram talk(bool tunnel, uint8_t proto, size_t len)
{
    return (struct datagram){ .src = addr_text(tunnel ? "10.1.0.5" : LOCAL),
                              .dst = addr_text(tunnel ? "10.2.0.7" : REMOTE),
                              .proto = proto,
                              .sport = 1111,
                              .dport = 2222,
                              .payload_len = len,
                              .ip_id = 99 };
}

static void send(struct gate *g, const struct datagram *d)
{
    struct blob b = datagram_make(d);

    gate_out(g, &b, 1);
    blob_free(&b);
}

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
    assert_int_equal(gate_drops(g, DROP_OUT_NO_STATES), 500);
    assert_int_equal(ipsec_slot_stats(g->e, SLOT).out_dropped, 500);
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
        cmocka_unit_test(levels_decide_without_an_sa),
        cmocka_unit_test(acquires_are_rate_limited),
        cmocka_unit_test(nothing_leaves_without_an_encrypting_policy),
        cmocka_unit_test(transport_mode_wants_its_own_addresses),
        cmocka_unit_test(tunnel_headers_are_as_they_should),
        cmocka_unit_test(ivs_are_fresh),
        cmocka_unit_test(df_and_size_decide_together),
        cmocka_unit_test(transport_df_follows_the_policy),
        cmocka_unit_test(the_sender_is_told_when_that_is_allowed),
        cmocka_unit_test(ipv6_senders_are_told_1280_at_least),
        cmocka_unit_test(icmp_is_rate_limited),
        cmocka_unit_test(fragments_meet_the_right_policy),
        cmocka_unit_test(incomplete_datagrams_are_counted),
        cmocka_unit_test(tcp_superpackets_never_need_fragments),
        cmocka_unit_test(udp_superpackets_are_never_cut_smaller),
        cmocka_unit_test(dropped_superpackets_count_their_segments),
        cmocka_unit_test(checksums_left_to_a_device_are_completed),
        cmocka_unit_test(impossible_offload_facts_are_refused),
        cmocka_unit_test(sequence_numbers_never_wrap),
        cmocka_unit_test(dead_sas_send_nothing),
        cmocka_unit_test(byte_limits_end_an_sa),
        cmocka_unit_test(what_the_kernel_refuses_is_counted),
        cmocka_unit_test(packets_without_room_are_moved),
        cmocka_unit_test(an_empty_pool_is_counted),
        cmocka_unit_test(malformed_datagrams_are_counted),
        cmocka_unit_test(syns_are_clamped),
    };
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
