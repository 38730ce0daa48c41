/* Decisions on the way in: whose SA, whose policy, replays, nesting, ECN, fragments inside. */
#include "encap.h"
#include "engine_priv.h"
#include "ip.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A sender without policy decisions of its own: SAs by number, and a policy per SA that takes
 * whatever the test wants to send through it. The receiver decides. */
enum { SPI_ESP = 0x1000, SPI_AH = 0x1001, SPI_OTHER = 0x1002, REQID = 9, REQID_OTHER = 10 };

#define PEER "192.0.2.1"
#define HERE "198.51.100.1"

struct world {
    struct gate *peer, *here;
};

static struct gate_sa sa_of(enum sa_proto proto, bool tunnel, uint32_t spi, uint32_t reqid,
                            uint32_t slot)
{
    return (struct gate_sa){ .proto = proto,
                             .tunnel = tunnel,
                             .cipher = proto == SA_ESP ? CIPHER_AES_128 : CIPHER_NONE,
                             .auth = AUTH_SHA1,
                             .spi = spi,
                             .src = addr_text(PEER),
                             .dst = addr_text(HERE),
                             .reqid = reqid,
                             .slot = slot,
                             .replay_window = 64 };
}

static void sa_both(struct world *w, const struct gate_sa *sa, uint32_t out_slot)
{
    struct sa *out = gate_sa_add(w->peer, sa, false);

    gate_sa_add(w->here, sa, true);
    ipsec_slot_set(w->peer->e, out_slot,
                   sa->proto == SA_ESP ? out : slot_sa(w->peer->e, out_slot, SA_ESP),
                   sa->proto == SA_AH ? out : slot_sa(w->peer->e, out_slot, SA_AH));
}

/* Everything from the peer goes out through slot 1 with PROTOCOLS. */
static struct policy send_all(bool tunnel, uint8_t protocols)
{
    struct policy p = { .slot = 1,
                        .action = SPD_ENCRYPT,
                        .level = LEVEL_REQUIRE,
                        .protocols = protocols,
                        .tunnel = tunnel,
                        .local = addr_text(PEER),
                        .remote = addr_text(HERE),
                        .reqid = REQID };

    p.sel.src = p.sel.dst = prefix_text("0.0.0.0/0");
    return p;
}

/* What HERE would send back: selectors from its side. */
static struct policy here_policy(const char *src, const char *dst, uint32_t slot, uint32_t reqid)
{
    struct policy p = { .slot = slot,
                        .action = SPD_ENCRYPT,
                        .level = LEVEL_REQUIRE,
                        .protocols = PROTO_BIT_ESP,
                        .tunnel = true,
                        .local = addr_text(HERE),
                        .remote = addr_text(PEER),
                        .reqid = reqid };

    p.sel.src = prefix_text(src);
    p.sel.dst = prefix_text(dst);
    return p;
}

static struct world world_new(bool tunnel, uint8_t protocols)
{
    struct world w = { gate_new(BULK_AUTO, 1), gate_new(BULK_AUTO, 2) };
    struct policy all = send_all(tunnel, protocols);

    gate_policies(w.peer, &all, 1);
    for (int ah = 0; ah < 2; ah++)
        if (protocols & (ah ? PROTO_BIT_AH : PROTO_BIT_ESP)) {
            struct gate_sa sa = sa_of(ah ? SA_AH : SA_ESP, tunnel, ah ? SPI_AH : SPI_ESP, REQID, 1);
            sa_both(&w, &sa, 1);
        }
    return w;
}

static void world_free(struct world *w)
{
    gate_free(w->peer);
    gate_free(w->here);
}

static struct datagram talk(const char *src, const char *dst, uint16_t sport, uint16_t dport)
{
    return (struct datagram){ .src = addr_text(src),
                              .dst = addr_text(dst),
                              .proto = PROTO_UDP,
                              .sport = sport,
                              .dport = dport,
                              .payload_len = 50,
                              .ip_id = 5 };
}

/* From the peer to here; true when it came in. */
static bool passes(struct world *w, const struct datagram *d)
{
    struct blob b = datagram_make(d);
    unsigned before = w->here->n_inject;

    gate_out(w->peer, &b, 1);
    gate_carry(w->peer, w->here);
    blob_free(&b);
    return w->here->n_inject > before;
}

/* ---- E13, E14: the inner datagram and its policy ---- */

static void inner_datagrams_have_to_fit_their_policy(void **state)
{
    static const struct {
        const char *label;
        const char *src, *dst; /* inner */
        uint16_t sport;
        enum ipsec_drop want; /* DROP_COUNT: comes in */
    } cases[] = {
        { "as agreed", "10.2.0.7", "10.1.0.5", 1, DROP_COUNT },
        { "first address", "10.2.0.0", "10.1.0.0", 1, DROP_COUNT },
        { "source outside", "10.3.0.7", "10.1.0.5", 1, DROP_IN_NO_POLICY },
        { "destination outside", "10.2.0.7", "10.9.0.5", 1, DROP_IN_NO_POLICY },
        { "another tunnel's source", "10.22.0.7", "10.1.0.5", 1, DROP_IN_SELECTOR },
        { "another tunnel's destination", "10.22.0.7", "10.11.0.5", 1, DROP_IN_SELECTOR },
        { "a none policy's", "10.30.0.7", "10.1.0.5", 1, DROP_IN_SELECTOR },
        { "a discard policy's", "10.31.0.7", "10.1.0.5", 1, DROP_IN_SELECTOR },
        { "a port of another policy before ours", "10.2.0.7", "10.1.0.5", 99, DROP_IN_SELECTOR },
        { "one that shares our SA", "10.40.0.7", "10.1.0.5", 1, DROP_COUNT },
        { "transport policy, tunnelled", "10.50.0.7", "10.1.0.5", 1, DROP_IN_SELECTOR },
        { "wants AH too", "10.60.0.7", "10.1.0.5", 1, DROP_IN_SELECTOR },
        { "wants AH only", "10.61.0.7", "10.1.0.5", 1, DROP_IN_SELECTOR },
        { "may use AH too", "10.62.0.7", "10.1.0.5", 1, DROP_COUNT },
        { "may use AH only", "10.63.0.7", "10.1.0.5", 1, DROP_IN_SELECTOR },
    };
    enum { N = sizeof(cases) / sizeof(cases[0]), POLICIES = 11 };
    struct policy p[POLICIES];
    unsigned n = 0;

    (void)state;
    p[n] = here_policy("10.1.0.0/24", "10.2.0.0/24", 20, REQID_OTHER);
    p[n].sel.proto = PROTO_UDP;
    p[n++].sel.dport = 99; /* reversed: the inner source port */
    p[n++] = here_policy("10.1.0.0/24", "10.2.0.0/24", 10, REQID);
    p[n++] = here_policy("0.0.0.0/0", "10.22.0.0/24", 21, REQID_OTHER);
    p[n] = here_policy("10.1.0.0/24", "10.30.0.0/24", 30, 0);
    p[n++].action = SPD_NONE;
    p[n] = here_policy("10.1.0.0/24", "10.31.0.0/24", 31, 0);
    p[n++].action = SPD_DISCARD;
    p[n++] = here_policy("10.1.0.0/24", "10.40.0.0/24", 40, REQID);
    p[n] = here_policy("10.1.0.0/24", "10.50.0.0/24", 50, REQID);
    p[n++].tunnel = false;
    for (unsigned k = 0; k < 4; k++) {
        static const char *const nets[] = { "10.60.0.0/24", "10.61.0.0/24", "10.62.0.0/24",
                                            "10.63.0.0/24" };
        p[n] = here_policy("10.1.0.0/24", nets[k], 60 + k, REQID);
        p[n].level = k < 2 ? LEVEL_REQUIRE : LEVEL_USE;
        p[n++].protocols = k % 2 ? PROTO_BIT_AH : PROTO_BIT_ESP | PROTO_BIT_AH;
    }
    assert_int_equal(n, POLICIES);

    struct world w = world_new(true, PROTO_BIT_ESP);
    uint64_t want[DROP_COUNT + 1] = { 0 };
    gate_policies(w.here, p, n);
    for (unsigned i = 0; i < N; i++) {
        struct datagram d = talk(cases[i].src, cases[i].dst, cases[i].sport, 7);
        bool in = passes(&w, &d);

        if (in != (cases[i].want == DROP_COUNT))
            fprintf(stderr, "case: %s\n", cases[i].label);
        assert_int_equal(in, cases[i].want == DROP_COUNT);
        want[cases[i].want]++;
        for (unsigned r = 0; r < DROP_COUNT; r++)
            assert_int_equal(gate_drops(w.here, (enum ipsec_drop)r), want[r]);
    }
    assert_int_equal(ipsec_slot_stats(w.here->e, 10).in_transformed, 2);
    assert_int_equal(ipsec_slot_stats(w.here->e, 40).in_transformed, 1);
    assert_int_equal(ipsec_slot_stats(w.here->e, 62).in_transformed, 1);
    world_free(&w);
}

/* Two tunnels between the same gateways, each SA with its own requirement. */
static void crossed_tunnels_are_refused(void **state)
{
    struct world w = world_new(true, PROTO_BIT_ESP);
    struct policy p[] = { here_policy("10.1.0.0/24", "10.2.0.0/24", 10, REQID),
                          here_policy("10.11.0.0/24", "10.22.0.0/24", 11, REQID_OTHER) };
    struct policy out[] = { send_all(true, PROTO_BIT_ESP), send_all(true, PROTO_BIT_ESP) };
    struct gate_sa other = sa_of(SA_ESP, true, SPI_OTHER, REQID_OTHER, 11);
    struct datagram a = talk("10.2.0.7", "10.1.0.5", 1, 2);
    struct datagram b = talk("10.22.0.7", "10.11.0.5", 1, 2);

    (void)state;
    gate_policies(w.here, p, 2);
    sa_both(&w, &other, 2);
    for (unsigned crossed = 0; crossed < 2; crossed++) {
        out[0].sel.src = prefix_text("10.2.0.0/24");
        out[1].sel.src = prefix_text("10.22.0.0/24");
        out[0].slot = crossed ? 2 : 1;
        out[1].slot = crossed ? 1 : 2;
        gate_policies(w.peer, out, 2);
        assert_int_equal(passes(&w, &a), !crossed);
        assert_int_equal(passes(&w, &b), !crossed);
        assert_int_equal(gate_drops(w.here, DROP_IN_SELECTOR), 2 * crossed);
    }
    world_free(&w);
}

static void bundles_have_to_be_whole(void **state)
{
    static const struct {
        const char *label;
        uint8_t sent, wanted;
        enum spd_level level;
        bool want;
    } cases[] = {
        { "both as agreed", 3, 3, LEVEL_REQUIRE, true },
        { "esp alone, both wanted", 1, 3, LEVEL_REQUIRE, false },
        { "ah alone, both wanted", 2, 3, LEVEL_UNIQUE, false },
        { "both, esp wanted", 3, 1, LEVEL_REQUIRE, false },
        { "esp alone under use", 1, 3, LEVEL_USE, true },
        { "ah alone under use", 2, 3, LEVEL_USE, true },
        { "both, esp wanted, under use", 3, 1, LEVEL_USE, false },
        { "ah as agreed", 2, 2, LEVEL_REQUIRE, true },
    };

    (void)state;
    for (unsigned i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned k = i / 2;
        bool tunnel = i % 2;
        struct world w = world_new(tunnel, cases[k].sent);
        struct policy p = here_policy("0.0.0.0/0", "0.0.0.0/0", 10, REQID);
        struct datagram d = talk(tunnel ? "10.2.0.7" : PEER, tunnel ? "10.1.0.5" : HERE, 1, 2);

        p.tunnel = tunnel;
        p.protocols = cases[k].wanted;
        p.level = (uint8_t)cases[k].level;
        gate_policies(w.here, &p, 1);
        bool in = passes(&w, &d);
        if (in != cases[k].want)
            fprintf(stderr, "case: %s, tunnel %d\n", cases[k].label, tunnel);
        assert_int_equal(in, cases[k].want);
        assert_int_equal(gate_drops(w.here, DROP_IN_SELECTOR), !cases[k].want);
        world_free(&w);
    }
}

/* ESP of one policy inside AH of another. */
static void mixed_bundles_are_refused(void **state)
{
    struct world w = world_new(true, PROTO_BIT_ESP);
    struct gate_sa ah = sa_of(SA_AH, true, SPI_AH, REQID_OTHER, 1);
    struct policy out = send_all(true, 3), p = here_policy("0.0.0.0/0", "0.0.0.0/0", 10, REQID);
    struct datagram d = talk("10.2.0.7", "10.1.0.5", 1, 2);

    (void)state;
    sa_both(&w, &ah, 1);
    gate_policies(w.peer, &out, 1);
    p.protocols = 3;
    gate_policies(w.here, &p, 1);
    assert_false(passes(&w, &d));
    p.reqid = REQID_OTHER;
    gate_policies(w.here, &p, 1);
    assert_false(passes(&w, &d));
    assert_int_equal(gate_drops(w.here, DROP_IN_SELECTOR), 2);
    world_free(&w);
}

/* ---- SAs ---- */

static void unknown_sas_are_counted(void **state)
{
    struct world w = world_new(true, PROTO_BIT_ESP);
    struct policy p = here_policy("0.0.0.0/0", "0.0.0.0/0", 10, REQID);
    struct datagram d = talk("10.2.0.7", "10.1.0.5", 1, 2);
    struct blob b = datagram_make(&d);
    struct gate_sa back = sa_of(SA_ESP, true, 0x2000, REQID, 10);

    (void)state;
    gate_policies(w.here, &p, 1);
    gate_out(w.peer, &b, 1);
    struct blob good = blob_copy(w.peer->wire[0].p, w.peer->wire[0].len);
    static const struct {
        size_t at;
        uint8_t flip;
    } flips[] = { { 15, 1 }, { 19, 1 }, { 20, 1 }, { 23, 1 } }; /* source, destination, SPI */
    for (unsigned i = 0; i < 4; i++) {
        good.p[flips[i].at] ^= flips[i].flip;
        gate_in(w.here, &good, 1);
        good.p[flips[i].at] ^= flips[i].flip;
        assert_int_equal(gate_drops(w.here, DROP_IN_NO_STATES), i + 1);
    }
    good.p[9] = PROTO_AH; /* ESP's SPI read as AH's */
    gate_in(w.here, &good, 1);
    good.p[9] = PROTO_ESP;
    assert_int_equal(gate_drops(w.here, DROP_IN_NO_STATES), 5);
    /* an outbound SA is no SA for what comes in */
    back.src = addr_text(HERE);
    back.dst = addr_text(PEER);
    gate_sa_add(w.here, &back, false);
    memcpy(good.p + 12, (uint8_t[]){ 198, 51, 100, 1, 192, 0, 2, 1, 0, 0, 0x20, 0 }, 12);
    gate_in(w.here, &good, 1);
    assert_int_equal(gate_drops(w.here, DROP_IN_NO_STATES), 6);
    assert_int_equal(gate_all_drops(w.here), 6);
    blob_free(&good);
    blob_free(&b);
    world_free(&w);
}

/* Once a second and source: a peer that started anew has to be told, a flood not. */
static void unknown_sas_are_reported_seldom(void **state)
{
    struct world w = world_new(true, PROTO_BIT_ESP);
    struct datagram d = talk("10.2.0.7", "10.1.0.5", 1, 2);
    struct blob b = datagram_make(&d);
    struct ip_addr peer = addr_text(PEER), here = addr_text(HERE);
    struct ipsec_event ev;

    (void)state;
    gate_out(w.peer, &b, 1);
    struct blob stray = blob_copy(w.peer->wire[0].p, w.peer->wire[0].len);
    memcpy(stray.p + 20, (uint8_t[]){ 0xca, 0xfe, 0xba, 0xbe }, 4);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 50; i++)
            gate_in(w.here, &stray, 1);
        assert_true(ipsec_event_take(w.here->e, &ev));
        assert_int_equal(ev.type, EV_UNKNOWN_SPI);
        assert_int_equal(ev.proto, SA_ESP);
        assert_int_equal(ev.spi, 0xcafebabe);
        assert_true(ip_addr_equal(&ev.src, &peer) && ip_addr_equal(&ev.dst, &here));
        assert_false(ipsec_event_take(w.here->e, &ev));
        w.here->now_ms += 1000;
    }
    for (unsigned i = 0; i < 1000; i++) { /* of everywhere: the queue is for others, too */
        memcpy(stray.p + 12, (uint8_t[]){ 203, 0, (uint8_t)(i >> 8), (uint8_t)i }, 4);
        gate_in(w.here, &stray, 1);
    }
    unsigned n = 0;
    while (ipsec_event_take(w.here->e, &ev))
        n++;
    assert_true(n > 0 && n <= 64);
    blob_free(&stray);
    blob_free(&b);
    world_free(&w);
}

static void dead_sas_open_nothing(void **state)
{
    struct world w = world_new(true, PROTO_BIT_ESP);
    struct policy p = here_policy("0.0.0.0/0", "0.0.0.0/0", 10, REQID);
    struct datagram d = talk("10.2.0.7", "10.1.0.5", 1, 2);
    struct ip_addr src = addr_text(PEER), dst = addr_text(HERE);
    struct sa *sa = ipsec_sa_find(w.here->e, SA_ESP, &src, &dst, SPI_ESP);

    (void)state;
    gate_policies(w.here, &p, 1);
    atomic_store(&sa->state, SA_DYING);
    assert_true(passes(&w, &d));
    atomic_store(&sa->state, SA_DEAD);
    assert_false(passes(&w, &d));
    assert_int_equal(gate_drops(w.here, DROP_IN_EXPIRED), 1);
    atomic_store(&sa->state, SA_LARVAL);
    assert_false(passes(&w, &d));
    assert_int_equal(gate_drops(w.here, DROP_IN_NO_STATES), 1);
    world_free(&w);
}

/* E4, E6: forgeries move nothing, duplicates are refused within a batch as well. */
static void replays_are_refused(void **state)
{
    struct world w = world_new(true, PROTO_BIT_ESP);
    struct policy p = here_policy("0.0.0.0/0", "0.0.0.0/0", 10, REQID);
    struct datagram d = talk("10.2.0.7", "10.1.0.5", 1, 2);
    struct blob b = datagram_make(&d), twice[2];

    (void)state;
    gate_policies(w.here, &p, 1);
    for (unsigned i = 0; i < 200; i++)
        gate_out(w.peer, &b, 1);
    struct blob *wire = w.peer->wire; /* sequence numbers 1 to 200 */
    twice[0] = twice[1] = wire[99];
    gate_in(w.here, twice, 2);
    assert_int_equal(w.here->n_inject, 1);
    assert_int_equal(gate_drops(w.here, DROP_IN_REPLAY), 1);
    struct blob forged = blob_copy(wire[150].p, wire[150].len); /* high number, wrong ICV */
    forged.p[forged.len - 1] ^= 1;
    gate_in(w.here, &forged, 1);
    assert_int_equal(gate_drops(w.here, DROP_IN_ICV), 1);
    gate_in(w.here, &wire[36], 1); /* 37: the oldest the window of 64 below 100 takes */
    gate_in(w.here, &wire[35], 1);
    assert_int_equal(w.here->n_inject, 2);
    assert_int_equal(gate_drops(w.here, DROP_IN_REPLAY), 2);
    gate_in(w.here, &wire[150], 1);
    gate_in(w.here, &wire[36 + 50], 1); /* 87: left of the window now */
    assert_int_equal(w.here->n_inject, 3);
    assert_int_equal(gate_drops(w.here, DROP_IN_REPLAY), 3);
    gate_in(w.here, wire, 200);
    assert_int_equal(w.here->n_inject, 3 + (151 - 88 - 1) + 49); /* 100 was there before */
    blob_free(&forged);
    blob_free(&b);
    world_free(&w);
}

static void byte_limits_end_an_sa(void **state)
{
    struct world w = { gate_new(BULK_AUTO, 1), gate_new(BULK_AUTO, 2) };
    struct policy all = send_all(true, PROTO_BIT_ESP);
    struct policy p = here_policy("0.0.0.0/0", "0.0.0.0/0", 10, REQID);
    struct gate_sa sa = sa_of(SA_ESP, true, SPI_ESP, REQID, 10);
    struct datagram d = talk("10.2.0.7", "10.1.0.5", 1, 2); /* 78 bytes */

    (void)state;
    gate_policies(w.peer, &all, 1);
    gate_policies(w.here, &p, 1);
    ipsec_slot_set(w.peer->e, 1, gate_sa_add(w.peer, &sa, false), NULL);
    sa.life.hard_bytes = 780;
    gate_sa_add(w.here, &sa, true);
    for (unsigned i = 0; i < 15; i++)
        assert_int_equal(passes(&w, &d), i < 10);
    assert_int_equal(gate_drops(w.here, DROP_IN_EXPIRED), 5);
    world_free(&w);
}

/* ---- nesting ---- */

/* Wraps the peer's last outer datagram into its transport-mode AH SA once more, N times. */
static struct blob wrapped(struct world *w, const struct blob *b, unsigned n)
{
    struct blob cur = blob_copy(b->p, b->len);
    struct policy p = send_all(false, PROTO_BIT_AH);

    gate_policies(w->peer, &p, 1);
    for (unsigned i = 0; i < n; i++) {
        gate_clear(w->peer);
        gate_out(w->peer, &cur, 1);
        assert_int_equal(w->peer->n_wire, 1);
        blob_free(&cur);
        cur = blob_copy(w->peer->wire[0].p, w->peer->wire[0].len);
    }
    return cur;
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    for (unsigned depth = 1; depth <= 6; depth++) {
        struct world w = world_new(false, PROTO_BIT_AH);
        struct policy p = here_policy("0.0.0.0/0", "0.0.0.0/0", 10, REQID);
        struct datagram d = talk(PEER, HERE, 1, 2);
        struct blob b = datagram_make(&d), deep = wrapped(&w, &b, depth);

        p.tunnel = false;
        p.protocols = PROTO_BIT_AH;
        gate_policies(w.here, &p, 1);
        gate_in(w.here, &deep, 1);
        assert_int_equal(w.here->n_inject, depth <= 4);
        assert_int_equal(gate_drops(w.here, DROP_IN_NESTED), depth > 4);
        blob_free(&b);
        blob_free(&deep);
        world_free(&w);
    }
}

/* ---- headers ---- */

/* RFC 6040 figure 4. */
static void congestion_marks_are_merged(void **state)
{
    static const int want[4][4] = {
        /* outer: not-ECT ECT(1) ECT(0) CE */
        { 0, 0, 0, -1 }, /* inner not-ECT */
        { 1, 1, 1, 3 },  /* ECT(1) */
        { 2, 1, 2, 3 },  /* ECT(0) */
        { 3, 3, 3, 3 },  /* CE */
    };

    (void)state;
    for (unsigned inner = 0; inner < 4; inner++)
        for (unsigned outer = 0; outer < 4; outer++) {
            struct world w = world_new(true, PROTO_BIT_ESP);
            struct policy p = here_policy("0.0.0.0/0", "0.0.0.0/0", 10, REQID);
            struct datagram d = talk("10.2.0.7", "10.1.0.5", 1, 2);
            struct blob b;

            gate_policies(w.here, &p, 1);
            d.tos = (uint8_t)(0xb8 | inner);
            b = datagram_make(&d);
            gate_out(w.peer, &b, 1);
            w.peer->wire[0].p[1] = (uint8_t)(0x28 | outer); /* a router on the way */
            gate_in(w.here, w.peer->wire, 1);
            assert_int_equal(ecn_merge((uint8_t)inner, (uint8_t)outer), want[inner][outer]);
            if (want[inner][outer] < 0) {
                assert_int_equal(gate_drops(w.here, DROP_IN_INNER), 1);
            } else {
                assert_int_equal(w.here->inject[0].p[1], 0xb8 | want[inner][outer]);
                assert_true(datagram_csums_ok(w.here->inject[0].p, w.here->inject[0].len));
            }
            blob_free(&b);
            world_free(&w);
        }
}

static void interface_and_syn_are_kept_right(void **state)
{
    struct world w = world_new(true, PROTO_BIT_ESP);
    struct policy p = here_policy("0.0.0.0/0", "0.0.0.0/0", 10, REQID);
    struct datagram d = talk("10.2.0.7", "10.1.0.5", 1, 2);

    (void)state;
    d.proto = PROTO_TCP;
    d.tcp_flags = 2;
    d.payload_len = 0;
    d.n_tcp_opts = 4;
    memcpy(d.tcp_opts, (uint8_t[4]){ 2, 4, 0x05, 0xb4 }, 4);
    gate_policies(w.here, &p, 1);
    struct blob b = datagram_make(&d);
    struct policy all = send_all(true, PROTO_BIT_ESP);
    gate_policies(w.peer, &all, 1);
    gate_out(w.peer, &b, 1);
    w.peer->wire[0].ifindex = 42;
    gate_in(w.here, w.peer->wire, 1);
    assert_int_equal(w.here->n_inject, 1);
    assert_int_equal(w.here->inject[0].ifindex, 42);
    assert_int_equal(be16_get(w.here->inject[0].p + 42), 1438 - 40);
    assert_true(datagram_csums_ok(w.here->inject[0].p, w.here->inject[0].len));
    blob_free(&b);
    world_free(&w);
}

/* ---- fragments inside the tunnel ---- */

enum { FRAGS = 3 };

/* A UDP datagram from SPORT in three fragments. */
static void fragments_make(uint16_t sport, uint16_t id, struct blob ret[FRAGS])
{
    struct datagram d = talk("10.2.0.7", "10.1.0.5", sport, 2);

    d.payload_len = 1000;
    d.ip_id = id;
    struct blob b = datagram_make(&d);
    for (unsigned i = 0; i < FRAGS; i++) {
        size_t at = i * 400, n = b.len - 20 - at < 400 ? b.len - 20 - at : 400;
        ret[i] = blob_copy(b.p, 20 + n);
        memcpy(ret[i].p + 20, b.p + 20 + at, n);
        be16_put(ret[i].p + 6, (uint16_t)(at / 8 | (i + 1 < FRAGS ? 0x2000 : 0)));
        ip_len_set(ret[i].p, 20 + n);
    }
    blob_free(&b);
}

/* E20: later fragments follow the verdict of their first, never match ports themselves. */
static void inner_fragments_follow_their_first(void **state)
{
    static const struct {
        const char *label;
        uint16_t sport, policy_port;
        bool first_late;
        unsigned want;          /* fragments that come in */
        enum ipsec_drop reason; /* of the others */
    } cases[] = {
        { "no ports in the policy", 5, 0, false, 3, DROP_COUNT },
        { "no ports, first one late", 5, 0, true, 3, DROP_COUNT },
        { "the right port", 5, 5, false, 3, DROP_COUNT },
        { "the right port, first one late", 5, 5, true, 1, DROP_IN_SELECTOR },
        { "another port", 6, 5, false, 0, DROP_COUNT },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world w = world_new(true, PROTO_BIT_ESP);
        struct policy p = here_policy("10.1.0.0/24", "10.2.0.0/24", 10, REQID);
        struct blob frags[FRAGS];

        p.sel.proto = PROTO_UDP;
        p.sel.dport = cases[i].policy_port;
        gate_policies(w.here, &p, 1);
        fragments_make(cases[i].sport, 77, frags);
        for (unsigned f = 0; f < FRAGS; f++) {
            gate_clear(w.peer);
            gate_out(w.peer, &frags[cases[i].first_late ? FRAGS - 1 - f : f], 1);
            gate_carry(w.peer, w.here);
        }
        if (w.here->n_inject != cases[i].want)
            fprintf(stderr, "case: %s\n", cases[i].label);
        assert_int_equal(w.here->n_inject, cases[i].want);
        assert_int_equal(ipsec_slot_stats(w.here->e, 10).in_transformed, cases[i].want);
        if (cases[i].reason != DROP_COUNT)
            assert_int_equal(gate_drops(w.here, cases[i].reason), FRAGS - cases[i].want);
        assert_int_equal(gate_all_drops(w.here), FRAGS - cases[i].want);
        for (unsigned f = 0; f < FRAGS; f++)
            blob_free(&frags[f]);
        world_free(&w);
    }
}

static void verdicts_do_not_outlive_their_time(void **state)
{
    struct world w = world_new(true, PROTO_BIT_ESP);
    struct policy p = here_policy("10.1.0.0/24", "10.2.0.0/24", 10, REQID);
    struct blob frags[FRAGS], other[FRAGS];

    (void)state;
    p.sel.proto = PROTO_UDP;
    p.sel.dport = 5;
    gate_policies(w.here, &p, 1);
    fragments_make(5, 77, frags);
    fragments_make(5, 78, other);
    gate_out(w.peer, &frags[0], 1);
    gate_out(w.peer, &other[1], 1); /* another identification */
    gate_carry(w.peer, w.here);
    assert_int_equal(w.here->n_inject, 1);
    w.here->now_ms += 30000;
    gate_out(w.peer, &frags[1], 1);
    gate_carry(w.peer, w.here);
    assert_int_equal(w.here->n_inject, 1);
    assert_int_equal(gate_drops(w.here, DROP_IN_SELECTOR), 2);
    for (unsigned f = 0; f < FRAGS; f++) {
        blob_free(&frags[f]);
        blob_free(&other[f]);
    }
    world_free(&w);
}

static void what_the_kernel_refuses_is_counted(void **state)
{
    struct world w = world_new(true, PROTO_BIT_ESP);
    struct policy p = here_policy("0.0.0.0/0", "0.0.0.0/0", 10, REQID);
    struct datagram d = talk("10.2.0.7", "10.1.0.5", 1, 2);
    struct blob b[4];

    (void)state;
    gate_policies(w.here, &p, 1);
    for (unsigned i = 0; i < 4; i++)
        b[i] = datagram_make(&d);
    gate_out(w.peer, b, 4);
    w.here->refuse = 3;
    gate_in(w.here, w.peer->wire, 4);
    assert_int_equal(w.here->n_inject, 1);
    assert_int_equal(gate_drops(w.here, DROP_IN_INJECT), 3);
    for (unsigned i = 0; i < 4; i++)
        blob_free(&b[i]);
    world_free(&w);
}

/* Not ESP, not AH, fragments, cut headers: counted, nothing more. */
static void other_datagrams_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "45",
        "450000140000000040320000c0000201c6336401",                   /* no SPI */
        "4500001b0000000040320000c0000201c6336401000010000000001a",   /* 7 bytes of ESP */
        "450000200000000040330000c0000201c6336401320400000000100000", /* AH cut */
        "4500001c0000200040320000c0000201c63364010000100000000001",   /* a fragment */
        "4500001c0000000040110000c0000201c63364010000100000000001",   /* UDP */
        "4300001c0000000040320000c0000201c63364010000100000000001",   /* header length */
        "7500001c0000000040320000c0000201c63364010000100000000001",   /* version */
        "60000000000832402001",                                       /* IPv6 cut */
    };
    struct world w = world_new(true, PROTO_BIT_ESP);
    uint8_t bytes[64];

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        gate_in_bytes(w.here, bytes, hex_bytes(cases[i], bytes, sizeof(bytes)));
    assert_int_equal(gate_drops(w.here, DROP_IN_SHORT), sizeof(cases) / sizeof(cases[0]));
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inner_datagrams_have_to_fit_their_policy),
        cmocka_unit_test(crossed_tunnels_are_refused),
        cmocka_unit_test(bundles_have_to_be_whole),
        cmocka_unit_test(mixed_bundles_are_refused),
        cmocka_unit_test(unknown_sas_are_counted),
        cmocka_unit_test(unknown_sas_are_reported_seldom),
        cmocka_unit_test(dead_sas_open_nothing),
        cmocka_unit_test(replays_are_refused),
        cmocka_unit_test(byte_limits_end_an_sa),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(congestion_marks_are_merged),
        cmocka_unit_test(interface_and_syn_are_kept_right),
        cmocka_unit_test(inner_fragments_follow_their_first),
        cmocka_unit_test(verdicts_do_not_outlive_their_time),
        cmocka_unit_test(what_the_kernel_refuses_is_counted),
        cmocka_unit_test(other_datagrams_are_refused),
    };
    return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
