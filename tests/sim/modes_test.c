/* Aggressive and base mode between two engines, and what differs from main mode: lost last
 * messages, quick modes that come early, secrets, modes that do not fit, floods. */
#include "cursor.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>

static const struct {
    const char *name;
    enum ike_exchange_mode mode;
    unsigned n_messages; /* of phase 1 */
} modes[] = { { "main", IKE_MAIN, 6 },
              { "aggressive", IKE_AGGRESSIVE, 3 },
              { "base", IKE_BASE, 4 } };

enum { MODES = 3, MESSAGE_ID_AT = 20 };

static struct world *world_of(unsigned mode, uint64_t seed)
{
    struct world *w = world_new(seed);

    for (unsigned i = 0; i < 2; i++) {
        w->side[i].peer.mode = modes[mode].mode;
        world_configure(w, i);
    }
    return w;
}

static bool is_phase1(const struct sim_message *m)
{
    static const uint8_t zero[4];

    return memcmp(m->bytes + MESSAGE_ID_AT, zero, sizeof zero) == 0;
}

static unsigned n_phase1;

static bool tap_count(struct world *w, struct sim_message *m)
{
    (void)w;
    n_phase1 += is_phase1(m);
    return true;
}

static void each_mode_takes_its_messages(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < MODES; mode++) {
        for (enum dh_group g = DH_MODP768; g < DH_GROUP_COUNT; g++) {
            struct world *w = world_of(mode, 10 * mode + g);

            for (unsigned i = 0; i < 2; i++) {
                w->side[i].peer.group = g;
                world_configure(w, i);
            }
            n_phase1 = 0;
            w->tap = tap_count;
            world_packet(w, SIM_A, 0);
            world_run(w, 2000);
            if (!world_joined(w, SIM_A, 7) || n_phase1 != modes[mode].n_messages)
                fail_msg("%s, group %d: %u messages; %s", modes[mode].name, g, n_phase1,
                         w->side[0].last_error);
            world_free(w);
        }
    }
}

static void bad_networks(void **state)
{
    (void)state;
    for (unsigned mode = 1; mode < MODES; mode++) {
        for (unsigned seed = 0; seed < 100; seed++) {
            struct world *w = world_of(mode, seed);

            w->bad = (struct impairments){ .loss = seed % 31,
                                           .duplicate = seed % 20,
                                           .corrupt = seed % 5,
                                           .delay_ms = 20,
                                           .jitter_ms = seed % 100 };
            if (!world_until_traffic(w, 600000))
                fail_msg("%s, seed %u: no traffic: %s", modes[mode].name, seed,
                         w->side[0].last_error);
            world_free(w);
        }
    }
}

static unsigned n_taken;

/* Takes the last message of phase 1 off the wire, once. */
static bool tap_lose_last(struct world *w, struct sim_message *m)
{
    (void)w;
    n_phase1 += is_phase1(m);
    if (is_phase1(m) && n_phase1 == 3 && n_taken == 0) {
        n_taken++;
        return false;
    }
    return true;
}

static void lost_proof_of_an_aggressive_initiator_is_repeated(void **state)
{
    struct world *w = world_of(1, 1);

    (void)state;
    n_phase1 = n_taken = 0;
    w->tap = tap_lose_last;
    world_packet(w, SIM_A, 0);
    world_run(w, 5000); /* one retransmission of the quick mode */
    assert_int_equal(n_taken, 1);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    world_free(w);
}

/* Lets the quick mode overtake the message before it. */
static bool tap_delay_last(struct world *w, struct sim_message *m)
{
    n_phase1 += is_phase1(m);
    if (!is_phase1(m) || n_phase1 != 3 || n_taken > 0)
        return true;
    n_taken++;
    world_send(w, m, 50);
    return false;
}

static void quick_mode_ahead_of_the_last_message_is_served(void **state)
{
    struct world *w = world_of(1, 2);

    (void)state;
    n_phase1 = n_taken = 0;
    w->tap = tap_delay_last;
    world_packet(w, SIM_A, 0);
    world_run(w, 1000); /* no retransmission by then */
    assert_int_equal(n_taken, 1);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    world_free(w);
}

static void wrong_secrets_are_named_at_once(void **state)
{
    (void)state;
    for (unsigned mode = 1; mode < MODES; mode++) {
        struct world *w = world_of(mode, 3);

        w->side[SIM_B].peer.psk.b[0] ^= 1;
        world_configure(w, SIM_B);
        world_packet(w, SIM_A, 0);
        world_run(w, 20000);
        assert_false(world_joined(w, SIM_A, 7));
        if (!strstr(w->side[mode == 1 ? SIM_A : SIM_B].last_error, "another secret"))
            fail_msg("%s: A: %s B: %s", modes[mode].name, w->side[0].last_error,
                     w->side[1].last_error);
        world_free(w);
    }
}

static void other_modes_than_configured_are_refused(void **state)
{
    (void)state;
    for (unsigned a = 0; a < MODES; a++) {
        for (unsigned b = 0; b < MODES; b++) {
            struct world *w = world_of(a, 4);

            w->side[SIM_B].peer.mode = modes[b].mode;
            world_configure(w, SIM_B);
            world_packet(w, SIM_A, 0);
            world_run(w, 1000);
            assert_int_equal(world_joined(w, SIM_A, 7), a == b);
            if (a != b)
                assert_non_null(strstr(w->side[SIM_B].last_error, "exchange mode mismatched"));
            world_free(w);
        }
    }
}

static struct {
    uint8_t b[1024];
    size_t len;
} first;

static bool tap_keep_first(struct world *w, struct sim_message *m)
{
    (void)w;
    if (first.len == 0 && m->len <= sizeof first.b) {
        memcpy(first.b, m->bytes, m->len);
        first.len = m->len;
    }
    return true;
}

/* Each first message of aggressive mode costs an exponentiation: so many a second. */
static void aggressive_flood_is_bounded(void **state)
{
    struct world *w = world_of(1, 5);
    struct side *b = &w->side[SIM_B];
    unsigned jobs;

    (void)state;
    b->peer.address.len = 0;
    world_configure(w, SIM_B);
    first.len = 0;
    w->tap = tap_keep_first;
    world_packet(w, SIM_A, 0);
    world_run(w, 2000);
    jobs = b->n_jobs;
    for (uint16_t i = 1; i <= 1000; i++) {
        struct ike_path path = { b->addr, ip_addr_v4(198, 51, (uint8_t)(i >> 8), (uint8_t)i), 500,
                                 500 };

        be16_put(first.b, i); /* of the cookie */
        ike_on_datagram(b->ike, w->now_ms, &path, first.b, first.len);
        world_take_actions(w, SIM_B);
    }
    assert_int_equal(b->n_jobs - jobs, 200);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mode_takes_its_messages),
        cmocka_unit_test(bad_networks),
        cmocka_unit_test(lost_proof_of_an_aggressive_initiator_is_repeated),
        cmocka_unit_test(quick_mode_ahead_of_the_last_message_is_served),
        cmocka_unit_test(wrong_secrets_are_named_at_once),
        cmocka_unit_test(other_modes_than_configured_are_refused),
        cmocka_unit_test(aggressive_flood_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
