/* The last packet of a policy waits for its SA: sent then, or dropped, and counted once. */
#include "output_fixture.h"
#include "text.h"

#include <stdio.h>

static struct gate *gate_waiting(const struct policy *p, size_t n)
{
    struct gate *g = gate_new(BULK_AUTO, 3);

    gate_policies(g, p, n);
    return g;
}

/* A UDP datagram whose length tells which it was: the IV and padding of AES-CBC grow by 16. */
static void send_nth(struct gate *g, unsigned i)
{
    struct datagram d = talk(true, PROTO_UDP, 16 * (size_t)i);

    send(g, &d);
}

static size_t wire_len_of_nth(unsigned i)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);

    send_nth(g, i);
    size_t len = g->wire[0].len;
    gate_free(g);
    return len;
}

static unsigned acquires(struct gate *g)
{
    struct ipsec_event ev;
    unsigned n = 0;

    while (ipsec_event_take(g->e, &ev))
        n += ev.type == EV_ACQUIRE;
    return n;
}

static void assert_counts(const struct gate *g, uint64_t dropped, uint64_t sent)
{
    struct ipsec_slot_stats s = ipsec_slot_stats(g->e, SLOT);

    assert_int_equal(s.out_dropped, dropped);
    assert_int_equal(s.out_transformed, sent);
    assert_int_equal(gate_all_drops(g), dropped);
}

static void last_packet_leaves_when_the_sa_comes(void **state)
{
    (void)state;
    for (unsigned level = LEVEL_REQUIRE; level <= LEVEL_UNIQUE; level++) {
        struct policy p = policy_make(true, PROTO_BIT_ESP, level);
        struct gate *g = gate_waiting(&p, 1);

        for (unsigned i = 1; i <= 3; i++)
            send_nth(g, i);
        assert_counts(g, 2, 0);
        assert_int_equal(acquires(g), 1);
        assert_int_equal(g->n_nudges, 0);
        g->now_ms += HOLD_MS - 1;
        ipsec_worker_tick(g->w, g->now_ms);
        ipsec_slot_set(g->e, SLOT, sa_make(g, SA_ESP, true, 0), NULL);
        assert_int_equal(g->n_nudges, 1);
        ipsec_release(g->w, g->now_ms);
        assert_int_equal(g->n_wire, 1);
        assert_int_equal(g->wire[0].len, wire_len_of_nth(3));
        assert_counts(g, 2, 1);
        /* nothing is left to wake anybody for */
        ipsec_slot_set(g->e, SLOT, slot_sa(g->e, SLOT, SA_ESP), NULL);
        ipsec_release(g->w, g->now_ms);
        assert_int_equal(g->n_nudges, 1);
        assert_int_equal(g->n_wire, 1);
        gate_free(g);
    }
}

static void packet_that_waited_too_long_is_dropped_once(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_waiting(&p, 1);

    (void)state;
    send_nth(g, 1);
    assert_counts(g, 0, 0);
    give_up(g);
    assert_counts(g, 1, 0);
    assert_int_equal(gate_drops(g, DROP_OUT_NO_STATES), 1);
    ipsec_slot_set(g->e, SLOT, sa_make(g, SA_ESP, true, 0), NULL);
    ipsec_release(g->w, g->now_ms);
    give_up(g);
    assert_int_equal(g->n_wire + g->n_nudges, 0);
    assert_counts(g, 1, 0);
    gate_free(g);
}

static void superpacket_waits_whole_and_counts_its_segments(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct datagram d = talk(true, PROTO_TCP, 14600);
    struct blob b = superpacket_make(&d, 1400); /* 11 segments */
    struct gate *g = gate_waiting(&p, 1);

    (void)state;
    gate_out(g, &b, 1);
    gate_out(g, &b, 1);
    assert_counts(g, 11, 0);
    ipsec_slot_set(g->e, SLOT, sa_make(g, SA_ESP, true, 0), NULL);
    ipsec_release(g->w, g->now_ms);
    assert_int_equal(g->n_wire, 11);
    assert_counts(g, 11, 11);
    blob_free(&b);
    gate_free(g);
}

/* While a packet waits it asks again: one packet is enough to have a lost request repeated. */
static void waiting_packet_repeats_its_acquire(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_waiting(&p, 1);

    (void)state;
    send_nth(g, 1);
    assert_int_equal(acquires(g), 1);
    for (unsigned s = 1; s < 20; s++) {
        unsigned wakes = g->n_wakes;

        g->now_ms += 1000;
        ipsec_worker_tick(g->w, g->now_ms);
        assert_int_equal(g->n_wakes - wakes, s < 10);
        assert_int_equal(acquires(g), s < 10);
    }
    gate_free(g);
}

static void without_negotiation_nothing_waits(void **state)
{
    static const struct {
        const char *label;
        enum spd_level level;
        bool negotiated;
        enum ipsec_drop reason;
    } cases[] = {
        { "use", LEVEL_USE, true, DROP_OUT_SPD_CHANGED },
        { "require, keyed by hand", LEVEL_REQUIRE, false, DROP_OUT_NO_STATES },
        { "unique, keyed by hand", LEVEL_UNIQUE, false, DROP_OUT_NO_STATES },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy p = policy_make(true, PROTO_BIT_ESP, cases[i].level);
        struct gate *g;

        p.negotiated = cases[i].negotiated;
        g = gate_waiting(&p, 1);
        send_nth(g, 1);
        if (gate_drops(g, cases[i].reason) != 1)
            fail_msg("%s: not dropped at once", cases[i].label);
        assert_int_equal(gate_all_drops(g), 1);
        assert_int_equal(acquires(g), 0);
        ipsec_slot_set(g->e, SLOT, sa_make(g, SA_ESP, true, 0), NULL);
        ipsec_release(g->w, g->now_ms);
        assert_int_equal(g->n_wire + g->n_nudges, 0);
        gate_free(g);
    }
}

/* ---- many policies ---- */

enum { POLICIES = HOLD_MAX + 10 };

static struct policy nth_policy(unsigned i)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);

    p.slot = i;
    p.sel.dst = (struct ip_prefix){ ip_addr_v4(10, 2, (uint8_t)i, 0), 24 };
    return p;
}

static void places_are_bounded_and_the_oldest_gives_way(void **state)
{
    struct policy p[POLICIES];
    struct datagram d = talk(true, PROTO_UDP, 10);

    (void)state;
    for (unsigned i = 0; i < POLICIES; i++)
        p[i] = nth_policy(i);
    struct gate *g = gate_waiting(p, POLICIES);
    for (unsigned i = 0; i < POLICIES; i++) {
        d.dst.b[2] = (uint8_t)i;
        send(g, &d);
        g->now_ms++;
    }
    assert_int_equal(gate_drops(g, DROP_OUT_NO_STATES), POLICIES - HOLD_MAX);
    for (unsigned i = 0; i < POLICIES; i++)
        assert_int_equal(ipsec_slot_stats(g->e, i).out_dropped, i < POLICIES - HOLD_MAX);
    struct sa *sa = sa_make(g, SA_ESP, true, 0);
    for (unsigned i = 0; i < POLICIES; i++)
        ipsec_slot_set(g->e, i, sa, NULL);
    ipsec_release(g->w, g->now_ms);
    assert_int_equal(g->n_wire, HOLD_MAX);
    assert_int_equal(gate_all_drops(g), POLICIES - HOLD_MAX);
    gate_free(g);
}

static void only_those_with_an_sa_leave(void **state)
{
    struct policy p[3];
    struct datagram d = talk(true, PROTO_UDP, 10);

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        p[i] = nth_policy(i);
    struct gate *g = gate_waiting(p, 3);
    for (unsigned i = 0; i < 3; i++) {
        d.dst.b[2] = (uint8_t)i;
        send(g, &d);
    }
    ipsec_slot_set(g->e, 1, sa_make(g, SA_ESP, true, 0), NULL);
    ipsec_release(g->w, g->now_ms);
    assert_int_equal(g->n_wire, 1);
    assert_int_equal(ipsec_slot_stats(g->e, 1).out_transformed, 1);
    give_up(g);
    assert_int_equal(ipsec_slot_stats(g->e, 0).out_dropped, 1);
    assert_int_equal(ipsec_slot_stats(g->e, 1).out_dropped, 0);
    assert_int_equal(ipsec_slot_stats(g->e, 2).out_dropped, 1);
    gate_free(g);
}

/* ---- changes meanwhile ---- */

static void packet_is_looked_up_again(void **state)
{
    enum { GONE, NOTHING, DISCARD, OTHER, OTHER_WAITS, USE };
    static const struct {
        const char *label;
        int becomes;
        unsigned wire;
        enum ipsec_drop reason; /* DROP_COUNT: none */
    } cases[] = {
        { "policy removed", GONE, 0, DROP_OUT_SPD_CHANGED },
        { "action none: never in clear from here", NOTHING, 0, DROP_OUT_SPD_CHANGED },
        { "discarded", DISCARD, 0, DROP_OUT_SPD_CHANGED },
        { "another policy, which has an SA", OTHER, 1, DROP_COUNT },
        { "another policy, which has none", OTHER_WAITS, 0, DROP_COUNT },
        { "level use", USE, 0, DROP_OUT_SPD_CHANGED },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
        struct gate *g = gate_waiting(&p, 1);

        send_nth(g, 2);
        p.action = cases[i].becomes == NOTHING   ? SPD_NONE
                   : cases[i].becomes == DISCARD ? SPD_DISCARD
                                                 : SPD_ENCRYPT;
        if (cases[i].becomes == USE)
            p.level = LEVEL_USE;
        if (cases[i].becomes == OTHER || cases[i].becomes == OTHER_WAITS)
            p.slot = SLOT + 1;
        if (cases[i].becomes == OTHER)
            ipsec_slot_set(g->e, SLOT + 1, sa_make(g, SA_ESP, true, 0), NULL);
        g->n_nudges = 0;
        g->now_ms += 6000;
        gate_policies(g, &p, cases[i].becomes != GONE);
        assert_int_equal(g->n_nudges, 1);
        ipsec_release(g->w, g->now_ms);
        if (g->n_wire != cases[i].wire)
            fail_msg("%s: %u packets sent", cases[i].label, g->n_wire);
        assert_int_equal(gate_all_drops(g), cases[i].reason != DROP_COUNT);
        if (cases[i].reason != DROP_COUNT)
            assert_int_equal(gate_drops(g, cases[i].reason), 1);
        if (cases[i].becomes == OTHER_WAITS) { /* on its first time */
            g->now_ms += HOLD_MS - 6000;
            ipsec_worker_tick(g->w, g->now_ms);
            assert_int_equal(ipsec_slot_stats(g->e, SLOT + 1).out_dropped, 1);
            assert_int_equal(ipsec_slot_stats(g->e, SLOT).out_dropped, 0);
        }
        gate_free(g);
    }
}

/* Two policies become one while both have a packet: the younger packet stays. */
static void of_two_packets_of_one_policy_the_younger_stays(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        struct policy p[2] = { nth_policy(0), nth_policy(1) };
        struct datagram d = talk(true, PROTO_UDP, 10);
        struct gate *g = gate_waiting(p, 2);

        for (unsigned i = 0; i < 2; i++) {
            d.dst.b[2] = (uint8_t)(i ^ order);
            d.payload_len = 10 + 100 * (size_t)i;
            send(g, &d);
            g->now_ms += 10;
        }
        p[0].sel.dst = prefix_text("10.2.0.0/16");
        gate_policies(g, p, 1);
        ipsec_release(g->w, g->now_ms);
        assert_int_equal(gate_drops(g, DROP_OUT_NO_STATES), 1);
        ipsec_slot_set(g->e, 0, sa_make(g, SA_ESP, true, 0), NULL);
        ipsec_release(g->w, g->now_ms);
        assert_int_equal(g->n_wire, 1);
        assert_true(g->wire[0].len > 150);
        assert_int_equal(gate_all_drops(g), 1);
        gate_free(g);
    }
}

static void expired_sa_is_waited_out(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct gate *g = gate_with(&p, true, false, 0);
    struct gate_sa next = { .proto = SA_ESP,
                            .tunnel = true,
                            .cipher = CIPHER_AES_128,
                            .auth = AUTH_SHA1,
                            .spi = SPI + 1,
                            .src = addr_text(LOCAL),
                            .dst = addr_text(REMOTE),
                            .reqid = REQID,
                            .slot = SLOT };

    (void)state;
    atomic_store(&slot_sa(g->e, SLOT, SA_ESP)->state, SA_DEAD);
    send_nth(g, 1);
    ipsec_release(g->w, g->now_ms); /* the dead one does not count as there */
    assert_int_equal(g->n_wire, 0);
    assert_counts(g, 0, 0);
    ipsec_slot_set(g->e, SLOT, gate_sa_add(g, &next, false), NULL);
    ipsec_release(g->w, g->now_ms);
    assert_int_equal(g->n_wire, 1);
    assert_int_equal(be32_get(g->wire[0].p + 20), SPI + 1);
    assert_counts(g, 0, 1);
    gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_packet_leaves_when_the_sa_comes),
        cmocka_unit_test(packet_that_waited_too_long_is_dropped_once),
        cmocka_unit_test(superpacket_waits_whole_and_counts_its_segments),
        cmocka_unit_test(waiting_packet_repeats_its_acquire),
        cmocka_unit_test(without_negotiation_nothing_waits),
        cmocka_unit_test(places_are_bounded_and_the_oldest_gives_way),
        cmocka_unit_test(only_those_with_an_sa_leave),
        cmocka_unit_test(packet_is_looked_up_again),
        cmocka_unit_test(of_two_packets_of_one_policy_the_younger_stays),
        cmocka_unit_test(expired_sa_is_waited_out),
    };

    return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
