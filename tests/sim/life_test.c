/* Living tunnels: dead and restarted peers, deletes, reconfiguration. */
#include "cursor.h"
#include "ike_priv.h" /* for what no wire shows: keys to rewrite a message */
#include "phase1.h"
#include "text.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

static struct world *up(uint64_t seed)
{
    struct world *w = world_new(seed);

    world_packet(w, SIM_A, 0);
    world_run(w, 500);
    if (!world_joined(w, SIM_A, 7) || !world_joined(w, SIM_B, 7))
        fail_msg("seed %llu: not up: %s", (unsigned long long)seed, w->side[0].last_error);
    return w;
}

static void dead_peer_is_noticed_and_comes_back(void **state)
{
    struct world *w = up(6);

    (void)state;
    w->bad.loss = 100;
    world_run(w, 100000);
    assert_int_equal(world_phase1s(&w->side[SIM_A]), 1);
    world_run(w, 120000);
    assert_int_equal(world_phase1s(&w->side[SIM_A]), 0);
    assert_int_equal(world_sas(&w->side[SIM_A]), 0);
    assert_non_null(strstr(w->side[SIM_A].last_error, "dead"));
    w->bad.loss = 0;
    assert_true(world_until_traffic(w, 120000));
    world_free(w);
}

static void dead_peer_questions_are_answered(void **state)
{
    struct world *w = up(7);

    (void)state;
    w->side[SIM_B].peer.dpd_interval_s = 0; /* B never asks, always answers */
    world_configure(w, SIM_B);
    assert_true(world_until_traffic(w, 20000));
    world_run(w, 1000000);
    assert_int_equal(w->side[SIM_A].n_errors, 0);
    assert_true(world_joined(w, SIM_A, 7));
    world_free(w);
}

static void restarted_peer_recovers_by_initial_contact(void **state)
{
    struct world *w = up(8);

    (void)state;
    world_forget_side(w, SIM_B);
    world_packet(w, SIM_B, 0);
    world_run(w, 2000);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    assert_int_equal(world_sas(&w->side[SIM_A]), 1); /* the old pair is gone */
    assert_int_equal(world_phase1s(&w->side[SIM_A]), 1);
    world_free(w);
}

/* The side that crashed sends nothing of its own: what it gets makes it speak. */
static void restarted_peer_recovers_by_traffic_of_the_other(void **state)
{
    static const bool contact[] = { true, false };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world *w = up(30 + i);
        uint64_t arrived = w->side[SIM_A].inner.arrived;

        w->side[SIM_B].peer.send_initial_contact = contact[i];
        world_forget_side(w, SIM_B);
        for (unsigned n = 0; n < 100 && w->side[SIM_A].inner.arrived == arrived; n++) {
            world_packet(w, SIM_A, 0);
            world_run(w, 50);
        }
        assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
        assert_true(w->side[SIM_A].inner.arrived > arrived);
        world_free(w);
    }
}

static bool tap_nothing_to_b(struct world *w, struct sim_message *m)
{
    (void)w;
    return m->to != SIM_B;
}

static void lost_delete_is_told_again(void **state)
{
    struct world *w = up(32);
    unsigned sent;

    (void)state;
    w->tap = tap_nothing_to_b;
    ike_on_sa_event(w->side[0].ike, w->now_ms, world_sa_out(&w->side[0], 7)->id, IKE_SA_FLUSHED);
    world_take_actions(w, 0);
    world_run(w, 2000);
    w->tap = NULL;
    assert_int_equal(world_sas(&w->side[SIM_B]), 1); /* B knows nothing */
    sent = w->messages;
    for (unsigned i = 0; i < 50; i++) /* many packets, one answer */
        world_packet(w, SIM_B, 0);
    world_run(w, 100);
    assert_int_equal(world_sas(&w->side[SIM_B]), 0);
    assert_int_equal(w->messages, sent + 1);
    assert_true(world_until_traffic(w, 3000));
    world_free(w);
}

/* Whoever writes the peer's address gets a datagram a second out of us, and no more than one phase
 * 1 in half a minute. */
static void forged_unknown_spis_cost_little(void **state)
{
    struct ike_unknown_spi u = { .proto = 50, .spi = 0x1234 };
    struct world *w = world_new(33);
    struct side *a = &w->side[SIM_A];
    unsigned sent;

    (void)state;
    u.local = a->addr;
    u.remote = w->side[SIM_B].addr;
    for (unsigned i = 0; i < 2; i++) {
        w->side[i].peer.dpd_interval_s = 0; /* nothing else is to be counted */
        world_configure(w, i);
    }
    w->tap = tap_nothing_to_b;
    for (unsigned i = 0; i < 600; i++, world_run(w, 100)) { /* a minute, B being away */
        ike_on_unknown_spi(a->ike, w->now_ms, &u);
        world_take_actions(w, SIM_A);
    }
    assert_true(a->n_jobs <= 2);
    w->tap = NULL;
    world_run(w, 300000);
    assert_true(world_until_traffic(w, 10000));
    sent = w->messages;
    for (unsigned i = 0; i < 100; i++, world_run(w, 100)) {
        ike_on_unknown_spi(a->ike, w->now_ms, &u);
        world_take_actions(w, SIM_A);
    }
    assert_true(w->messages <= sent + 11);
    u.remote = sim_prefix("203.0.113.9/32").addr; /* nobody's */
    sent = w->messages;
    ike_on_unknown_spi(a->ike, w->now_ms, &u);
    world_take_actions(w, SIM_A);
    world_run(w, 1000);
    assert_int_equal(w->messages, sent);
    world_free(w);
}

/* Adds INITIAL-CONTACT to A's message 5, as strongSwan sends it; HASH_I does not cover it. */
static bool tap_contact_in_message_5(struct world *w, struct sim_message *m)
{
    struct phase1 *p1 = map_owner(map_any(&w->side[SIM_A].ike->phase1s), struct phase1, by_cookie);
    struct slice key = { p1->enc_key, cipher_info[p1->cipher].key_len };
    size_t ke_len = dh_group_info[w->side[SIM_A].peer.group].public_len;
    uint8_t *body = m->bytes + 28, iv[CIPHER_BLOCK_MAX];
    size_t at = 12 + 4 + digest_info[p1->digest].len, len = (at + 28 + 7) / 8 * 8;
    static uint8_t longer[256];

    if (m->to != SIM_B || m->bytes[18] != 2 || !(m->bytes[19] & 1))
        return true;
    keymat_phase1_iv(p1->digest, p1->cipher, (struct slice){ p1->setup->ke_i, ke_len },
                     (struct slice){ p1->setup->ke_r, ke_len }, iv);
    assert_int_equal(cbc_open(p1->cipher, key, iv, body, m->len - 28, NULL), CIPHER_ERR_OK);
    memset(longer, 0, sizeof longer);
    memcpy(longer, m->bytes, 28 + at);
    longer[28 + 12] = 11; /* behind HASH */
    memcpy(longer + 28 + at, "\0\0\0\x1c\0\0\0\1\1\x10\x60\2", 12);
    memcpy(longer + 28 + at + 12, &p1->cookies, 16);
    be32_put(longer + 24, (uint32_t)(28 + len));
    assert_int_equal(cbc_seal(p1->cipher, key, iv, longer + 28, len, p1->main->iv), CIPHER_ERR_OK);
    m->bytes = xrealloc(m->bytes, 28 + len);
    memcpy(m->bytes, longer, 28 + len);
    m->len = 28 + len;
    return true;
}

static void initial_contact_inside_message_5_is_taken(void **state)
{
    (void)state;
    for (unsigned with = 0; with < 2; with++) {
        struct world *w = up(13);

        w->side[SIM_A].peer.send_initial_contact = false;
        world_forget_side(w, SIM_A);
        if (with)
            w->tap = tap_contact_in_message_5;
        world_packet(w, SIM_A, 0);
        world_run(w, 2000);
        assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
        assert_int_equal(world_sas(&w->side[SIM_B]), with ? 1 : 2);
        world_free(w);
    }
}

static void restarted_peer_without_traffic_is_found_dead(void **state)
{
    struct world *w = up(9);

    (void)state;
    world_forget_side(w, SIM_B);
    world_run(w, 200000);
    assert_int_equal(world_sas(&w->side[SIM_A]), 0);
    assert_true(world_until_traffic(w, 10000));
    world_free(w);
}

/* Pairs without phase 1 are cared for, by a timer that must not outlive the last of them. */
static void care_ends_with_the_last_pair(void **state)
{
    struct world *w = up(14);
    struct ike *ike = w->side[SIM_B].ike;
    struct phase1 *p1 = map_owner(map_any(&ike->phase1s), struct phase1, by_cookie);
    struct host *host = p1->host; /* kept by its policy */

    (void)state;
    phase1_delete(p1);
    assert_true(timer_armed(&host->care));
    ike_on_sa_event(ike, w->now_ms, world_sa_out(&w->side[SIM_B], 7)->id, IKE_SA_FLUSHED);
    world_take_actions(w, SIM_B);
    assert_false(timer_armed(&host->care));
    world_free(w);
}

static void flush_is_told_to_the_peer(void **state)
{
    struct world *w = up(10);

    (void)state;
    ike_on_sa_event(w->side[0].ike, w->now_ms, world_sa_out(&w->side[0], 7)->id, IKE_SA_FLUSHED);
    world_take_actions(w, 0);
    world_run(w, 100);
    assert_int_equal(world_sas(&w->side[0]) + world_sas(&w->side[1]), 0);
    assert_int_equal(world_phase1s(&w->side[1]), 1);
    assert_true(world_until_traffic(w, 10000));
    world_free(w);
}

static void stop_is_told_to_the_peer(void **state)
{
    struct world *w = up(11);

    (void)state;
    ike_stop(w->side[0].ike, w->now_ms);
    world_take_actions(w, 0);
    world_run(w, 100);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world_sas(&w->side[i]), 0);
        assert_int_equal(world_phase1s(&w->side[i]), 0);
    }
    world_free(w);
}

static void reconfiguration_restarts_what_depends_on_it(void **state)
{
    struct world *w = up(12);
    uint64_t id = world_sa_out(&w->side[0], 7)->id;

    (void)state;
    w->side[0].policies[0].slot = 9; /* says nothing about the SA */
    world_configure(w, 0);
    world_run(w, 100);
    assert_true(world_sa_out(&w->side[0], 7)->id == id);
    w->side[0].peer.lifetime_s = 3600;
    world_configure(w, 0);
    world_run(w, 100);
    assert_true(world_sa_out(&w->side[0], 7)->id == id);
    assert_int_equal(world_phase1s(&w->side[0]) + world_phase1s(&w->side[1]), 0);
    /* phase 1 comes back for the SAs that stayed: DELETE needs it */
    world_run(w, 5000);
    assert_int_equal(world_phase1s(&w->side[0]), 1);
    assert_true(world_sa_out(&w->side[0], 7)->id == id);
    w->side[0].proposal.lifetime_s = 900;
    world_configure(w, 0);
    world_run(w, 100);
    assert_int_equal(world_sas(&w->side[0]) + world_sas(&w->side[1]), 0);
    assert_true(world_until_traffic(w, 10000));
    w->side[0].no_peer = true;
    world_configure(w, 0);
    world_run(w, 100);
    assert_int_equal(world_sas(&w->side[0]) + world_sas(&w->side[1]), 0);
    assert_int_equal(world_phase1s(&w->side[0]) + world_phase1s(&w->side[1]), 0);
    world_free(w);
}

static void reconfiguration_while_negotiating(void **state)
{
    (void)state;
    for (unsigned ms = 0; ms < 100; ms++) {
        struct world *w = world_new(ms);

        world_packet(w, SIM_A, 0);
        world_packet(w, SIM_B, 0);
        world_run(w, ms);
        w->side[ms % 2].n_policies = 0;
        w->side[1 - ms % 2].no_peer = true;
        world_configure(w, 0);
        world_configure(w, 1);
        world_run(w, 100);
        w->side[ms % 2].n_policies = 1;
        w->side[1 - ms % 2].no_peer = false;
        world_configure(w, 0);
        world_configure(w, 1);
        if (!world_until_traffic(w, 400000))
            fail_msg("interrupted at %u ms: %s | %s", ms, w->side[0].last_error,
                     w->side[1].last_error);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_peer_is_noticed_and_comes_back),
        cmocka_unit_test(dead_peer_questions_are_answered),
        cmocka_unit_test(restarted_peer_recovers_by_initial_contact),
        cmocka_unit_test(initial_contact_inside_message_5_is_taken),
        cmocka_unit_test(restarted_peer_without_traffic_is_found_dead),
        cmocka_unit_test(restarted_peer_recovers_by_traffic_of_the_other),
        cmocka_unit_test(lost_delete_is_told_again),
        cmocka_unit_test(forged_unknown_spis_cost_little),
        cmocka_unit_test(care_ends_with_the_last_pair),
        cmocka_unit_test(flush_is_told_to_the_peer),
        cmocka_unit_test(stop_is_told_to_the_peer),
        cmocka_unit_test(reconfiguration_restarts_what_depends_on_it),
        cmocka_unit_test(reconfiguration_while_negotiating),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
