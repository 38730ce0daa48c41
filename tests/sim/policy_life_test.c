/* What keeps the SAs of a policy alive, what ends them, and how patient it is, where no recording
 * and no bad network shows it. */
#include "child.h"
#include "ike_priv.h"
#include "isakmp_numbers.h"
#include "unit.h"
#include "world.h"

static struct world *up(uint64_t seed)
{
    struct world *w = world_new(seed);

    world_packet(w, SIM_A, 0);
    world_run(w, 500);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    return w;
}

/* ---- patience ---- */

static struct world *refused(uint64_t seed)
{
    struct world *w = world_new(seed);

    w->side[SIM_B].peer.cipher = CIPHER_AES_128;
    world_configure(w, SIM_B);
    return w;
}

/* Routes change all the time on some gateways, and each change gives the engine its configuration
 * once more: that is no reason to ask a peer that refuses twice a second. */
static void the_same_configuration_again_wears_no_patience_down(void **state)
{
    struct world *w = world_new(1);
    unsigned calm;

    (void)state;
    w->side[SIM_B].proposal.ciphers = 1u << CIPHER_AES_128; /* phase 2 is refused, at once */
    world_configure(w, SIM_B);
    for (unsigned s = 0; s < 120; s++) {
        world_packet(w, SIM_A, 0);
        world_run(w, 1000);
    }
    calm = w->side[SIM_A].n_sent;
    assert_in_range(calm, 6, 40);
    for (unsigned i = 0; i < 1200; i++) {
        world_configure(w, SIM_A);
        if (i % 10 == 0)
            world_packet(w, SIM_A, 0);
        world_run(w, 100);
    }
    assert_in_range(w->side[SIM_A].n_sent - calm, 6, 80);
    world_free(w);
}

/* But a route that comes back is used soon. */
static void the_same_configuration_is_tried_at_once_after_a_while(void **state)
{
    struct world *w = refused(2);
    struct policy *policy = policy_find(w->side[SIM_A].ike, 7);

    (void)state;
    do {
        world_packet(w, SIM_A, 0);
        world_run(w, 1000);
    } while (policy->not_before_ms < side_now_ms(&w->side[SIM_A]) + 20000);
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    assert_null(host_negotiating(policy->host));
    world_configure(w, SIM_A);
    assert_non_null(host_negotiating(policy->host));
    world_free(w);
}

static void another_configuration_is_tried_at_once(void **state)
{
    struct world *w = refused(3);

    (void)state;
    for (unsigned s = 0; s < 100; s++) {
        world_packet(w, SIM_A, 0);
        world_run(w, 1000);
    }
    for (unsigned i = 0; i < 3; i++) { /* just encouraged, and refused again */
        world_configure(w, SIM_A);
        world_run(w, 100);
    }
    world_packet(w, SIM_A, 0);
    w->side[SIM_A].peer.cipher = CIPHER_AES_128;
    world_configure(w, SIM_A);
    world_run(w, 500);
    assert_true(world_joined(w, SIM_A, 7));
    world_free(w);
}

/* ---- ends ---- */

/* Also while phase 1 is just not there. */
static void sas_end_with_the_peer_entry(void **state)
{
    (void)state;
    for (unsigned without_phase1 = 0; without_phase1 < 2; without_phase1++) {
        struct world *w = up(4);

        if (without_phase1) {
            w->bad.loss = 100;
            w->side[SIM_A].peer.lifetime_s = 3600; /* phase 1 starts anew, in vain */
            world_configure(w, SIM_A);
            world_run(w, 20000);
            assert_int_equal(world_phase1s(&w->side[SIM_A]), 0);
        }
        assert_int_equal(world_sas(&w->side[SIM_A]), 1);
        w->side[SIM_A].no_peer = true;
        world_configure(w, SIM_A);
        assert_int_equal(world_sas(&w->side[SIM_A]), 0);
        world_free(w);
    }
}

/* ---- SPIs ---- */

static uint32_t spi_again;

static bool tap_force_spi(struct world *w, struct sim_message *m)
{
    if (m->to == SIM_B && m->bytes[18] == EXCHANGE_QUICK && spi_again) {
        w->side[SIM_B].force_spi = spi_again;
        spi_again = 0;
    }
    return true;
}

/* B starts anew without a word, and its numbers begin where they began before. */
static void spi_that_the_peer_gives_again_is_the_new_one(void **state)
{
    struct world *w = up(5);

    (void)state;
    w->side[SIM_B].peer.send_initial_contact = false;
    const uint32_t spi = world_sa_out(&w->side[SIM_A], 7)->child.sas[0].spi_out;
    spi_again = spi;
    world_forget_side(w, SIM_B);
    w->tap = tap_force_spi;
    /* A asks for a new pair, knowing nothing; phase 1 of before is of no use to B */
    w->side[SIM_A].peer.lifetime_s = 3600;
    world_configure(w, SIM_A);
    world_run(w, 10000);
    ike_on_sa_event(w->side[SIM_A].ike, side_now_ms(&w->side[SIM_A]),
                    world_sa_out(&w->side[SIM_A], 7)->id, IKE_SA_SOFT);
    world_take_actions(w, SIM_A);
    world_run(w, 10000);
    assert_int_equal(spi_again, 0);
    assert_int_equal(world_sa_out(&w->side[SIM_A], 7)->child.sas[0].spi_out, spi);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    assert_int_equal(world_sas(&w->side[SIM_A]), 1);
    assert_true(world_sas_match(w));
    world_free(w);
}

/* ---- renewal of a pair that is used again ---- */

static void pair_in_use_again_is_renewed(void **state)
{
    struct world *w = up(6);
    uint64_t first = world_sa_out(&w->side[SIM_A], 7)->id, second;

    (void)state;
    world_run(w, 1200000);
    for (unsigned i = 0; i < 2; i++) { /* somebody wants a newer pair before the time */
        ike_on_acquire(w->side[i].ike, side_now_ms(&w->side[i]), 7);
        world_take_actions(w, i);
    }
    struct policy *policy = policy_find(w->side[SIM_A].ike, 7);
    policy->wanted = true;
    ike_configure(w->side[SIM_A].ike, side_now_ms(&w->side[SIM_A]),
                  &(struct ike_config){ .peers = &w->side[SIM_A].peer,
                                        .n_peers = 1,
                                        .proposals = &w->side[SIM_A].proposal,
                                        .n_proposals = 1,
                                        .policies = w->side[SIM_A].policies,
                                        .n_policies = 1 });
    world_take_actions(w, SIM_A);
    world_run(w, 5000);
    second = world_sa_out(&w->side[SIM_A], 7)->id;
    assert_true(second != first);
    world_run(w, 250000); /* the first one's soft limit, which concerns nobody then */
    assert_int_equal(world_sas(&w->side[SIM_A]), 2);
    assert_true(world_sa_out(&w->side[SIM_A], 7)->id == second);
    ike_on_sa_event(w->side[SIM_B].ike, side_now_ms(&w->side[SIM_B]),
                    world_sa_out(&w->side[SIM_B], 7)->id, IKE_SA_FLUSHED);
    world_take_actions(w, SIM_B);
    world_run(w, 1000);
    assert_true(world_sa_out(&w->side[SIM_A], 7)->id == first);
    world_run(w, 200000); /* its hard limit is after more than 300 */
    assert_true(world_sa_out(&w->side[SIM_A], 7)->id != first);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_configuration_again_wears_no_patience_down),
        cmocka_unit_test(the_same_configuration_is_tried_at_once_after_a_while),
        cmocka_unit_test(another_configuration_is_tried_at_once),
        cmocka_unit_test(sas_end_with_the_peer_entry),
        cmocka_unit_test(spi_that_the_peer_gives_again_is_the_new_one),
        cmocka_unit_test(pair_in_use_again_is_renewed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
