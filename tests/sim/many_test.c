/* Many policies of one peer share its phase 1 SA: they take turns. */
#include "unit.h"
#include "world.h"

static struct ike_selector beside(const struct ike_selector *net, unsigned k)
{
    struct ike_selector s = *net;

    s.prefix.addr.b[2] = (uint8_t)k;
    return s;
}

/* As many policies as there can be, of ids 7 and up, each of its own pair of networks. */
static struct world *many(uint64_t seed)
{
    struct world *w = world_new(seed);

    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &w->side[i];

        for (unsigned k = 1; k < SIM_POLICIES_MAX; k++) {
            s->policies[k] = s->policies[0];
            s->policies[k].id = 7 + k;
            s->policies[k].slot = s->policies[k].reqid = 1 + k;
            s->policies[k].local_sel = beside(&s->policies[0].local_sel, k);
            s->policies[k].remote_sel = beside(&s->policies[0].remote_sel, k);
        }
        s->n_policies = SIM_POLICIES_MAX;
        world_configure(w, i);
    }
    return w;
}

static void want_all_backwards(struct world *w)
{
    for (unsigned k = SIM_POLICIES_MAX; k-- > 0;)
        world_packet(w, SIM_A, k);
}

static uint64_t order_of(const struct side *s, unsigned k)
{
    const struct sim_sa *sa = world_sa_out(s, 7 + k);

    assert_non_null(sa);
    return sa->out_order;
}

static void first_wanted_is_first_served(void **state)
{
    struct world *w = many(1);
    uint64_t drops[IKE_DROP_COUNT];

    (void)state;
    want_all_backwards(w);
    world_run(w, 500); /* nobody had to repeat anything */
    for (unsigned k = 0; k < SIM_POLICIES_MAX; k++)
        assert_int_equal(order_of(&w->side[SIM_A], k), SIM_POLICIES_MAX - k);
    ike_drops(w->side[SIM_B].ike, drops);
    assert_int_equal(drops[IKE_DROP_LIMIT], 0);
    assert_int_equal(world_phase1s(&w->side[SIM_A]), 1);
    world_free(w);
}

static void refused_one_lets_the_others_pass(void **state)
{
    struct world *w = many(2);
    struct side *b = &w->side[SIM_B];

    (void)state;
    b->policies[SIM_POLICIES_MAX - 1] = b->policies[0]; /* a duplicate: B has no such policy */
    b->policies[SIM_POLICIES_MAX - 1].id = 99;
    world_configure(w, SIM_B);
    want_all_backwards(w);
    world_run(w, 500);
    for (unsigned k = 0; k + 1 < SIM_POLICIES_MAX; k++)
        assert_true(world_joined(w, SIM_A, 7 + k));
    assert_null(world_sa_out(&w->side[SIM_A], 7 + SIM_POLICIES_MAX - 1));
    world_free(w);
}

/* Of two policies with the same selectors the one configured first is meant, whatever its id. */
static void first_configured_answers(void **state)
{
    struct world *w = many(3);
    struct side *b = &w->side[SIM_B];

    (void)state;
    b->policies[0].id = 1000;
    for (unsigned k = 1; k < 3; k++) {
        b->policies[k].local_sel = b->policies[0].local_sel;
        b->policies[k].remote_sel = b->policies[0].remote_sel;
    }
    world_configure(w, SIM_B);
    world_packet(w, SIM_A, 0);
    world_run(w, 500);
    assert_non_null(world_sa_out(b, 1000));
    world_free(w);
}

static void all_come_up_over_a_bad_line(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 20; seed++) {
        struct world *w = many(seed);

        w->bad.loss = 30;
        w->bad.jitter_ms = 30;
        want_all_backwards(w);
        if (!world_until_traffic(w, 600000))
            fail_msg("seed %u: %s", seed, w->side[0].last_error);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_wanted_is_first_served),
        cmocka_unit_test(refused_one_lets_the_others_pass),
        cmocka_unit_test(first_configured_answers),
        cmocka_unit_test(all_come_up_over_a_bad_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
