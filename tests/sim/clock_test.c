/* Clocks that jump: a side stands still for a while (a suspended machine, a stopped process) with
 * its monotonic clock going on or not, or its wall clock is set. Whoever wakes up comes back to a
 * working tunnel in bounded time, without a storm of messages. */
#include "unit.h"
#include "world.h"

#include <stdio.h>

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    DEAD_AFTER_MS = 120 * SECOND_MS + 6 * 10 * SECOND_MS /* dead peer detection, by default */
};

static struct world *up(uint64_t seed, unsigned initiator)
{
    struct world *w = world_new(seed);

    for (unsigned i = 0; i < 2; i++) {
        w->side[i].peer.group = DH_MODP768;
        w->side[i].proposal.ciphers = 1u << CIPHER_AES_128;
    }
    world_configure_both(w);
    world_packet(w, initiator, 0);
    world_run(w, 500);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    return w;
}

/* A packet each way and second; when both ways have passed again, or LIMIT_MS. */
static uint64_t recovery_ms(struct world *w, uint64_t limit_ms)
{
    uint64_t start = w->now_ms;

    return world_until_traffic(w, limit_ms) ? w->now_ms - start : UINT64_MAX;
}

/* An hour takes no more messages than an hour does, and no packet is lost any more. */
static void assert_settled(struct world *w, const char *label)
{
    unsigned messages;
    uint64_t lost;

    world_run(w, 10 * MINUTE_MS);
    assert_true(world_until_traffic(w, 5 * SECOND_MS));
    messages = w->messages;
    lost = world_lost(w);
    world_run(w, HOUR_MS);
    /* questions and answers of two sides every two minutes, two renewals and two deletes */
    if (w->messages - messages > 150)
        fail_msg("%s: %u messages in an hour", label, w->messages - messages);
    assert_true(world_until_traffic(w, 5 * SECOND_MS));
    assert_int_equal(world_lost(w), lost);
}

static void one_side_stands_still(void **state)
{
    static const uint64_t times_ms[] = { 100,           2 * SECOND_MS,   30 * SECOND_MS,
                                         5 * MINUTE_MS, 25 * MINUTE_MS,  31 * MINUTE_MS,
                                         3 * HOUR_MS,   25ull * HOUR_MS, 100ull * HOUR_MS };
    char label[96];

    (void)state;
    for (unsigned k = 0; k < 4 * sizeof times_ms / sizeof times_ms[0]; k++) {
        uint64_t ms = times_ms[k / 4], took_ms;
        bool initiator = k & 1, goes_on = k & 2;
        struct world *w = up(k, initiator ? SIM_A : SIM_B);
        unsigned messages;

        snprintf(label, sizeof label, "%s stood still for %llu s, clock %s",
                 initiator ? "initiator" : "responder", (unsigned long long)ms / 1000,
                 goes_on ? "going on" : "too");
        world_suspend(w, SIM_A, ms, goes_on);
        messages = w->messages;
        took_ms = recovery_ms(w, HOUR_MS);
        if (took_ms > DEAD_AFTER_MS)
            fail_msg("%s: %llu s without traffic", label, (unsigned long long)took_ms / 1000);
        world_run(w, MINUTE_MS);
        if (w->messages - messages > 60 + 2 * took_ms / SECOND_MS)
            fail_msg("%s: %u messages", label, w->messages - messages);
        assert_settled(w, label);
        world_free(w);
    }
}

/* As when the host of both is suspended. */
static void both_sides_jump_at_once(void **state)
{
    static const int64_t jumps_ms[] = { MINUTE_MS, 29 * MINUTE_MS, 31 * MINUTE_MS, 30ll * HOUR_MS };

    (void)state;
    for (unsigned k = 0; k < sizeof jumps_ms / sizeof jumps_ms[0]; k++) {
        struct world *w = up(k, SIM_A);
        unsigned messages = w->messages;

        for (unsigned i = 0; i < 2; i++)
            w->side[i].clock_ahead_ms += jumps_ms[k];
        assert_true(recovery_ms(w, HOUR_MS) < 10 * SECOND_MS);
        if (w->messages - messages > 60)
            fail_msg("jump of %lld s: %u messages", (long long)jumps_ms[k] / 1000,
                     w->messages - messages);
        assert_settled(w, "both");
        world_free(w);
    }
}

static void jumps_in_the_middle_of_a_negotiation(void **state)
{
    (void)state;
    for (unsigned ms = 0; ms < 120; ms++) {
        struct world *w = world_new(ms);

        for (unsigned i = 0; i < 2; i++)
            w->side[i].peer.group = w->side[i].proposal.pfs_group = DH_MODP768;
        world_configure_both(w);
        world_packet(w, SIM_A, 0);
        world_run(w, ms);
        if (ms % 3 == 0)
            world_suspend(w, ms % 2, 10 * MINUTE_MS, ms % 4 < 2);
        else
            w->side[ms % 2].clock_ahead_ms += HOUR_MS;
        if (recovery_ms(w, HOUR_MS) > DEAD_AFTER_MS)
            fail_msg("after %u ms: %s | %s", ms, w->side[0].last_error, w->side[1].last_error);
        world_free(w);
    }
}

/* Every few minutes of a day, a jump of some minutes, in turn at either side. */
static void many_small_jumps(void **state)
{
    struct world *w = up(1, SIM_A);
    unsigned messages = w->messages;

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        w->side[i % 2].clock_ahead_ms += (int64_t)(world_random(w) % (10 * MINUTE_MS));
        if (recovery_ms(w, HOUR_MS) > DEAD_AFTER_MS)
            fail_msg("jump %u: no traffic", i);
        world_run(w, 7 * MINUTE_MS);
    }
    if (w->messages - messages > 200 * 60)
        fail_msg("%u messages", w->messages - messages);
    assert_settled(w, "many jumps");
    world_free(w);
}

/* Nothing but what people read depends on the wall clock. */
static void wall_clock_may_be_set_to_anything(void **state)
{
    static const int64_t jumps_s[] = { 3600, -7200, 10ll * 365 * 86400, -60ll * 365 * 86400 };
    struct world *w = up(2, SIM_A);
    uint64_t held_up = world_held_up(w);

    (void)state;
    for (unsigned i = 0; i < 4 * 60 * 60; i++) {
        if (i % 300 == 0)
            w->side[i / 300 % 2].wall_ahead_s += jumps_s[i / 600 % 4];
        world_packet(w, SIM_A, 0);
        world_packet(w, SIM_B, 0);
        world_run(w, SECOND_MS);
    }
    assert_int_equal(world_lost(w), 0);
    assert_int_equal(world_held_up(w), held_up);
    assert_int_equal(w->side[0].n_errors + w->side[1].n_errors, 0);
    assert_in_range(w->side[0].n_installed_in, 9, 13); /* every 24 minutes */
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_side_stands_still),
        cmocka_unit_test(both_sides_jump_at_once),
        cmocka_unit_test(jumps_in_the_middle_of_a_negotiation),
        cmocka_unit_test(many_small_jumps),
        cmocka_unit_test(wall_clock_may_be_set_to_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
