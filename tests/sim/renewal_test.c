/* Renewal of both phases, by time and by bytes, while packets pass: on a network that loses none,
 * every packet that sets out comes out at the other side. */
#include "unit.h"
#include "world.h"

#include <stdio.h>

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS };

/* Up, with algorithms that make long traffic cheap. */
static struct world *up(uint64_t seed, void (*set)(struct side *s))
{
    struct world *w = world_new(seed);

    for (unsigned i = 0; i < 2; i++) {
        w->side[i].peer.group = DH_MODP768;
        w->side[i].proposal.ciphers = 1u << CIPHER_AES_128;
        if (set)
            set(&w->side[i]);
    }
    world_configure_both(w);
    world_packet(w, SIM_A, 0);
    world_run(w, 500);
    if (!world_joined(w, SIM_A, 7) || !world_joined(w, SIM_B, 7))
        fail_msg("seed %llu: not up: %s", (unsigned long long)seed, w->side[0].last_error);
    return w;
}

/* A packet each way every STEP_MS; none may be lost, or wait for an SA. */
static void traffic(struct world *w, uint64_t ms, unsigned step_ms, const char *label)
{
    uint64_t end = w->now_ms + ms, held_up = world_held_up(w);
    unsigned most = 0;

    while (w->now_ms < end) {
        world_packet(w, SIM_A, 0);
        world_packet(w, SIM_B, 0);
        world_run(w, step_ms);
        most = world_sas(&w->side[0]) > most ? world_sas(&w->side[0]) : most;
        if (world_lost(w) > 0 || world_held_up(w) != held_up)
            fail_msg("%s: at %llu ms a packet %s", label, (unsigned long long)w->now_ms,
                     world_lost(w) > 0 ? "was lost" : "found no SA");
    }
    if (most > 10) /* the used one, eight older ones, one being made */
        fail_msg("%s: up to %u pairs at once", label, most);
}

static void renewal_over_days_leaves_no_gap(void **state)
{
    struct world *w = up(1, NULL);

    (void)state;
    traffic(w, 72ull * HOUR_MS, 2000, "three days");
    assert_in_range(w->side[0].n_installed_in, 140, 220); /* every 24 minutes */
    assert_int_equal(w->side[0].n_errors + w->side[1].n_errors, 0);
    assert_true(world_phase1s(&w->side[0]) >= 1);
    world_free(w);
}

static void short_lives(struct side *s)
{
    s->peer.lifetime_s = 120;
    s->proposal.lifetime_s = 60;
}

/* Packets are on their way at every moment of a renewal, and overtake each other. */
static void dense_traffic_loses_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        struct world *w = up(i, short_lives);
        unsigned protocols = 1 + i % 3;
        char label[64];

        snprintf(label, sizeof label, "protocols %u, %s, %s", protocols,
                 i & 4 ? "tunnel" : "transport", i & 1 ? "PFS" : "no PFS");
        for (unsigned k = 0; k < 2; k++) {
            w->side[k].policies[0].protocols = (uint8_t)protocols;
            w->side[k].proposal.pfs_group = i & 1 ? DH_MODP768 : DH_NONE;
        }
        if (!(i & 4))
            world_transport(w);
        w->bad.jitter_ms = 40;
        w->bad.delay_ms = 10 + 20 * i;
        w->job_ms = 5 * i;
        world_configure_both(w);
        assert_true(world_until_traffic(w, 20000));
        world_run(w, 1000);
        traffic(w, 5 * MINUTE_MS, 10, label);
        assert_true(w->side[0].n_installed_in >= 5);
        world_free(w);
    }
}

static void a_megabyte(struct side *s)
{
    s->proposal.lifebytes = 1024 * 1024;
    s->w->inner_bytes = 1000;
}

static void a_few_kilobytes_of_ike(struct side *s)
{
    s->peer.lifebytes = 8 * 1024;
    s->proposal.lifetime_s = 60;
}

static void bytes_of_both_phases(struct side *s)
{
    a_megabyte(s);
    s->peer.lifebytes = 8 * 1024;
    s->proposal.pfs_group = DH_MODP768;
}

static void byte_lifetimes_are_renewed_in_time(void **state)
{
    struct world *w = up(4, a_megabyte);

    (void)state;
    traffic(w, 20 * MINUTE_MS, 20, "a megabyte each");
    assert_in_range(w->side[0].n_installed_in, 60, 90); /* 60 MB, renewed at 80% */
    world_free(w);
}

static void phase1_bytes_are_enforced(void **state)
{
    struct world *w = up(5, a_few_kilobytes_of_ike);

    (void)state;
    traffic(w, 3 * HOUR_MS, 1000, "phase 1 of 8 KB");
    assert_true(w->side[0].n_jobs > 8); /* more than one phase 1 SA */
    world_free(w);
}

static void byte_lifetimes_of_both_phases_at_once(void **state)
{
    struct world *w = up(6, bytes_of_both_phases);

    (void)state;
    w->bad.jitter_ms = 20;
    traffic(w, 20 * MINUTE_MS, 20, "a megabyte each, phase 1 of 8 KB");
    assert_true(w->side[0].n_installed_in > 60);
    assert_true(w->side[0].n_jobs > w->side[0].n_installed_in + 4);
    world_free(w);
}

/* Traffic in one direction alone: the other side's limit is not reached at the same time. */
static void bytes_one_way_are_renewed_in_time(void **state)
{
    (void)state;
    for (unsigned from = 0; from < 2; from++) {
        struct world *w = up(7 + from, a_megabyte);

        for (unsigned i = 0; i < 30000; i++) {
            world_packet(w, from, 0);
            world_run(w, 20);
            if (world_lost(w) > 0 || world_held_up(w) > 0)
                fail_msg("from side %u: packet %u", from, i);
        }
        assert_in_range(w->side[0].n_installed_in, 30, 45);
        world_free(w);
    }
}

/* strongSwan has its receiving half only some time after message 3: until then the old pair sends.
 */
static void renewed_pair_is_used_when_the_responder_had_time(void **state)
{
    struct world *w = up(1, NULL);
    struct side *a = &w->side[SIM_A];
    unsigned in = a->n_installed_in, out = a->n_installed_out;
    uint64_t in_ms;

    (void)state;
    w->bad.delay_ms = 40;
    while (a->n_installed_in == in && w->now_ms < 3000000)
        world_run(w, 1);
    in_ms = w->now_ms;
    assert_int_equal(a->n_installed_in, in + 1);
    assert_true(world_sa_out(a, 7)->child.initiator);
    while (a->n_installed_out == out && w->now_ms < in_ms + 5000)
        world_run(w, 1);
    if (w->now_ms < in_ms + 80 || w->now_ms > in_ms + 1000)
        fail_msg("used after %llu ms", (unsigned long long)(w->now_ms - in_ms));
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    world_free(w);
}

/* The rest of the bytes may be gone in a moment: nothing is put off. */
static void soft_byte_limit_is_acted_on_at_once(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 20; seed++) {
        struct world *w = up(seed, NULL);
        uint64_t id = world_sa_out(&w->side[SIM_A], 7)->id;

        ike_on_sa_event(w->side[SIM_A].ike, w->now_ms, id, IKE_SA_SOFT);
        world_take_actions(w, SIM_A);
        world_run(w, 50); /* two ways of 10 ms, and the Diffie-Hellman work */
        assert_true(world_sa_out(&w->side[SIM_A], 7)->id != id);
        world_free(w);
    }
}

static void responder_renews_when_the_initiator_does_not(void **state)
{
    struct world *w = up(3, NULL);
    uint64_t id = world_sa_out(&w->side[SIM_B], 7)->id;

    (void)state;
    w->side[SIM_A].deaf_to_soft = true;
    traffic(w, 1650000, 1000, "responder's turn");
    assert_true(world_sa_out(&w->side[SIM_B], 7)->id != id);
    assert_true(world_sa_out(&w->side[SIM_B], 7)->child.initiator);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    world_free(w);
}

/* ---- the last message of quick mode ---- */

static bool drop_confirmations(struct world *w, struct sim_message *m)
{
    unsigned *quick = w->tap_ctx;

    if (m->to != SIM_B || m->bytes[18] != 32)
        return true;
    return ++*quick == 1;
}

/* As it comes up between 192.0.2.1 and .2, without message 3. */
static struct world *unconfirmed(uint64_t seed, unsigned *quick)
{
    struct world *w = world_new(seed);

    *quick = 0;
    w->tap = drop_confirmations;
    w->tap_ctx = quick;
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    return w;
}

/* The packet that waited for the SA overtakes message 3, so to speak. */
static void first_packet_confirms_a_quick_mode(void **state)
{
    unsigned quick;
    struct world *w = unconfirmed(10, &quick);

    (void)state;
    assert_int_equal(w->side[SIM_A].inner.arrived, 1);
    world_packet(w, SIM_B, 0);
    world_run(w, 100);
    assert_int_equal(w->side[SIM_B].inner.arrived, 1);
    assert_int_equal(quick, 2); /* message 2 was not sent again */
    world_free(w);
}

/* Whoever gives up SAs the other side may use tells it: else packets go nowhere until they expire.
 */
static void unconfirmed_sas_are_given_up_with_a_word(void **state)
{
    unsigned quick;
    struct world *w = world_new(11);

    (void)state;
    quick = 0;
    w->tap = drop_confirmations;
    w->tap_ctx = &quick;
    ike_on_acquire(w->side[SIM_A].ike, w->now_ms, 7); /* without a packet */
    world_take_actions(w, SIM_A);
    world_run(w, 5000);
    assert_int_equal(world_sas(&w->side[SIM_A]), 1);
    world_run(w, 200000);
    assert_int_equal(world_sas(&w->side[SIM_A]) + world_sas(&w->side[SIM_B]), 0);
    w->tap = NULL;
    assert_true(world_until_traffic(w, 20000));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renewal_over_days_leaves_no_gap),
        cmocka_unit_test(dense_traffic_loses_nothing),
        cmocka_unit_test(byte_lifetimes_are_renewed_in_time),
        cmocka_unit_test(phase1_bytes_are_enforced),
        cmocka_unit_test(byte_lifetimes_of_both_phases_at_once),
        cmocka_unit_test(bytes_one_way_are_renewed_in_time),
        cmocka_unit_test(renewed_pair_is_used_when_the_responder_had_time),
        cmocka_unit_test(soft_byte_limit_is_acted_on_at_once),
        cmocka_unit_test(responder_renews_when_the_initiator_does_not),
        cmocka_unit_test(first_packet_confirms_a_quick_mode),
        cmocka_unit_test(unconfirmed_sas_are_given_up_with_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
