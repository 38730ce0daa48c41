/* SPIs given out for SAs that do not exist yet: listed while they are negotiated, by both roles. */
#include "isakmp_numbers.h"
#include "unit.h"
#include "world.h"

struct seen {
    unsigned n, esp, ah;
    struct ike_larval_sa last;
};

static void see(void *ctx, const struct ike_larval_sa *sa)
{
    struct seen *seen = ctx;

    assert_true(sa->spi >= 0x100);
    seen->n++;
    seen->esp += sa->proto == 50;
    seen->ah += sa->proto == 51;
    seen->last = *sa;
}

static struct seen larval(const struct world *w, unsigned side)
{
    struct seen seen = { 0 };

    ike_larval_sas(w->side[side].ike, see, &seen);
    return seen;
}

/* Quick mode's messages from here on are lost. */
static bool tap_no_quick_mode(struct world *w, struct sim_message *m)
{
    (void)w;
    return m->bytes[18] != EXCHANGE_QUICK;
}

static void initiator_lists_what_it_asked_for(void **state)
{
    (void)state;
    for (unsigned protocols = 1; protocols <= 3; protocols++) {
        struct world *w = world_new(protocols);
        uint64_t asked_ms;
        struct seen seen;

        for (unsigned i = 0; i < 2; i++) {
            w->side[i].policies[0].protocols = (uint8_t)protocols;
            world_configure(w, i);
        }
        w->tap = tap_no_quick_mode;
        assert_int_equal(larval(w, SIM_A).n, 0);
        world_packet(w, SIM_A, 0);
        asked_ms = w->now_ms;
        world_run(w, 2000);
        seen = larval(w, SIM_A);
        assert_int_equal(seen.esp, protocols & 1);
        assert_int_equal(seen.ah, protocols >> 1);
        assert_true(ip_addr_equal(&seen.last.src, &w->side[SIM_B].addr));
        assert_true(ip_addr_equal(&seen.last.dst, &w->side[SIM_A].addr));
        assert_true(seen.last.since_ms >= asked_ms && seen.last.since_ms <= w->now_ms);
        assert_int_equal(larval(w, SIM_B).n, 0);
        w->tap = NULL;
        assert_true(world_until_traffic(w, 120000));
        world_run(w, 60000); /* what B began meanwhile */
        assert_int_equal(larval(w, SIM_A).n + larval(w, SIM_B).n, 0);
        world_free(w);
    }
}

static void responder_lists_its_own_until_it_receives_by_them(void **state)
{
    struct world *w = world_new(9);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        w->side[i].proposal.pfs_group = DH_MODP768;
        world_configure(w, i);
    }
    w->job_ms = 1000;
    world_packet(w, SIM_A, 0);
    while (larval(w, SIM_B).n == 0) {
        assert_true(w->now_ms < 1100000);
        world_run(w, 100);
    }
    assert_int_equal(larval(w, SIM_B).n, 1);
    assert_int_equal(world_sas(&w->side[SIM_B]), 0);
    while (world_sas(&w->side[SIM_B]) == 0)
        world_run(w, 100);
    assert_int_equal(larval(w, SIM_B).n, 0);
    world_free(w);
}

/* One that is never answered goes with its exchange. */
static void unanswered_ones_end(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    w->tap = tap_no_quick_mode;
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    assert_int_equal(larval(w, SIM_A).n, 1);
    w->bad.loss = 100;
    world_run(w, 600000);
    assert_int_equal(larval(w, SIM_A).n, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initiator_lists_what_it_asked_for),
        cmocka_unit_test(responder_lists_its_own_until_it_receives_by_them),
        cmocka_unit_test(unanswered_ones_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
