/* Living SAs: simultaneous starts, renewal without a gap, dead peers, deletes, lossy networks. */
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

static void assert_quiet(struct world *w, const char *label, unsigned seed)
{
    unsigned sent;

    /* time for lingering exchanges, and for nobody to retransmit for ever */
    world_run(w, 200000);
    sent = w->messages;
    world_run(w, 60000);
    if (w->messages > sent + 8) /* dead peer detection, of up to two phase 1 SAs */
        fail_msg("%s, seed %u: %u messages in a quiet minute", label, seed, w->messages - sent);
}

static void simultaneous_starts_end_in_one_used_pair(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 100; seed++) {
        struct world *w = world_new(seed);

        w->bad.jitter_ms = 20;
        for (unsigned i = 0; i < 2; i++) {
            w->side[i].proposal.pfs_group = seed % 2 ? DH_MODP768 : DH_NONE;
            world_configure(w, i);
            if (seed % 3 == 1)
                world_run(w, seed % 17);
            world_packet(w, i, 0);
        }
        world_run(w, 5000);
        for (unsigned i = 0; i < 2; i++) {
            if (!world_joined(w, i, 7))
                fail_msg("seed %u: side %u has no pair: %s", seed, i, w->side[i].last_error);
            /* both send by the same pair */
            assert_int_equal(world_sa_out(&w->side[i], 7)->child.sas[0].spi_out,
                             world_sa_out(&w->side[1 - i], 7)->child.sas[0].spi_in);
            assert_true(world_sas(&w->side[i]) <= 2);
        }
        assert_int_equal(w->side[0].lost + w->side[1].lost, 0);
        assert_quiet(w, "simultaneous start", seed);
        world_free(w);
    }
}

/* A packet each way every STEP_MS for HOURS; none may be lost or find no SA. */
static void traffic_for(struct world *w, unsigned hours, unsigned step_ms, const char *label)
{
    uint64_t end = w->now_ms + hours * 3600000ull;
    unsigned lost = w->side[0].lost + w->side[1].lost;
    unsigned no_sa = w->side[0].no_sa + w->side[1].no_sa;
    unsigned most = 0;

    while (w->now_ms < end) {
        world_packet(w, SIM_A, 0);
        world_packet(w, SIM_B, 0);
        world_run(w, step_ms);
        most = world_sas(&w->side[0]) > most ? world_sas(&w->side[0]) : most;
        if (w->side[0].lost + w->side[1].lost > lost)
            fail_msg("%s: packet lost at %llu ms", label, (unsigned long long)w->now_ms);
        if (w->side[0].no_sa + w->side[1].no_sa > no_sa)
            fail_msg("%s: packet without SA at %llu ms", label, (unsigned long long)w->now_ms);
    }
    if (most > 9)
        fail_msg("%s: up to %u pairs at once", label, most);
}

static void renewal_over_days_leaves_no_gap(void **state)
{
    struct world *w = up(1);

    (void)state;
    traffic_for(w, 72, 500, "three days");
    assert_true(w->side[0].n_installed_in > 140); /* every 24 minutes */
    assert_true(w->side[0].n_installed_in < 220);
    assert_int_equal(w->side[0].n_errors + w->side[1].n_errors, 0);
    assert_true(world_phase1s(&w->side[0]) >= 1);
    world_free(w);
}

static void renewal_of_short_lives_under_jitter(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 20; seed++) {
        struct world *w = world_new(seed);

        w->bad.jitter_ms = 0;
        for (unsigned i = 0; i < 2; i++) {
            w->side[i].peer.lifetime_s = 300;
            w->side[i].proposal.lifetime_s = 120;
            w->side[i].proposal.pfs_group = DH_MODP768;
            world_configure(w, i);
        }
        world_packet(w, seed % 2, 0);
        world_run(w, 500);
        traffic_for(w, 4, 300, "two minute SAs");
        world_free(w);
    }
}

static void renewal_started_by_both_at_once(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 100; seed++) {
        struct world *w = up(seed);

        world_run(w, 1000 + seed * 7);
        for (unsigned i = 0; i < 2; i++) {
            /* the other side's view of who began is turned by a second, own pair */
            ike_on_sa_event(w->side[i].ike, w->now_ms, world_sa_out(&w->side[i], 7)->id,
                            IKE_SA_SOFT);
            world_take_actions(w, i);
        }
        traffic_for(w, 2, 1000, "both renew");
        assert_int_equal(world_sa_out(&w->side[0], 7)->child.sas[0].spi_out,
                         world_sa_out(&w->side[1], 7)->child.sas[0].spi_in);
        world_free(w);
    }
}

static void responder_renews_when_the_initiator_does_not(void **state)
{
    struct world *w = up(3);
    const struct sim_sa *sa = world_sa_out(&w->side[SIM_B], 7);
    uint64_t id = sa->id;

    (void)state;
    /* A never hears of its soft limit */
    w->side[SIM_A].sas[0].soft_told = true;
    world_run(w, 1640000);
    assert_true(world_sa_out(&w->side[SIM_B], 7)->id != id);
    assert_true(world_sa_out(&w->side[SIM_B], 7)->child.initiator);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    world_free(w);
}

static void byte_lifetimes_are_renewed_in_time(void **state)
{
    struct world *w = world_new(4);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        w->side[i].proposal.lifebytes = 1024 * 1024;
        world_configure(w, i);
    }
    world_packet(w, SIM_A, 0);
    world_run(w, 500);
    traffic_for(w, 2, 100, "a megabyte each");
    assert_true(w->side[0].n_installed_in > 50);
    world_free(w);
}

/* strongSwan has its receiving half only some time after message 3: until then the old pair sends
 */
static void renewed_pair_is_used_when_the_responder_had_time(void **state)
{
    struct world *w = up(1);
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
        struct world *w = up(seed);
        uint64_t id = world_sa_out(&w->side[SIM_A], 7)->id;

        w->bad.jitter_ms = 0;
        ike_on_sa_event(w->side[SIM_A].ike, w->now_ms, id, IKE_SA_SOFT);
        world_take_actions(w, SIM_A);
        world_run(w, 50); /* two ways of 10 ms, and the Diffie-Hellman work */
        assert_true(world_sa_out(&w->side[SIM_A], 7)->id != id);
        world_free(w);
    }
}

static void phase1_bytes_are_enforced(void **state)
{
    struct world *w = world_new(5);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        w->side[i].peer.lifebytes = 8 * 1024;
        w->side[i].proposal.lifetime_s = 60;
        world_configure(w, i);
    }
    world_packet(w, SIM_A, 0);
    world_run(w, 500);
    traffic_for(w, 3, 1000, "phase 1 of 8 KB");
    assert_true(w->side[0].n_jobs > 8); /* more than one phase 1 SA */
    world_free(w);
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

        w->side[SIM_B].peer.send_initial_contact = contact[i];
        world_forget_side(w, SIM_B);
        for (unsigned n = 0; n < 100 && !w->side[SIM_A].arrived; n++) {
            world_packet(w, SIM_A, 0);
            world_run(w, 50);
        }
        assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
        assert_true(w->side[SIM_A].arrived > 0);
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

/* SIM_SEEDS=10000 for the long run. */
static unsigned seeds(unsigned usual)
{
    const char *text = getenv("SIM_SEEDS");

    return text ? (unsigned)strtoul(text, NULL, 10) : usual;
}

static void bad_networks_end_in_traffic(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < seeds(2000); seed++) {
        struct world *w = world_new(seed);

        w->bad = (struct impairments){ .loss = seed % 41,
                                       .duplicate = seed % 23,
                                       .corrupt = seed % 7,
                                       .reflect = seed % 5,
                                       .delay_ms = seed % 200,
                                       .jitter_ms = seed % 300 };
        for (unsigned i = 0; i < 2; i++) {
            w->side[i].peer.group = w->side[i].proposal.pfs_group =
                seed % 4 ? DH_MODP768 : DH_EC2N155;
            w->side[i].policies[0].protocols = (uint8_t)(1 + seed % 3);
            world_configure(w, i);
        }
        if (!world_until_traffic(w, 1800000))
            fail_msg("seed %u: no traffic after half an hour: %s | %s", seed, w->side[0].last_error,
                     w->side[1].last_error);
        w->bad = (struct impairments){ .delay_ms = 10 };
        assert_quiet(w, "bad network", seed);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simultaneous_starts_end_in_one_used_pair),
        cmocka_unit_test(renewal_over_days_leaves_no_gap),
        cmocka_unit_test(renewal_of_short_lives_under_jitter),
        cmocka_unit_test(renewal_started_by_both_at_once),
        cmocka_unit_test(responder_renews_when_the_initiator_does_not),
        cmocka_unit_test(byte_lifetimes_are_renewed_in_time),
        cmocka_unit_test(renewed_pair_is_used_when_the_responder_had_time),
        cmocka_unit_test(soft_byte_limit_is_acted_on_at_once),
        cmocka_unit_test(phase1_bytes_are_enforced),
        cmocka_unit_test(dead_peer_is_noticed_and_comes_back),
        cmocka_unit_test(dead_peer_questions_are_answered),
        cmocka_unit_test(restarted_peer_recovers_by_initial_contact),
        cmocka_unit_test(initial_contact_inside_message_5_is_taken),
        cmocka_unit_test(restarted_peer_without_traffic_is_found_dead),
        cmocka_unit_test(restarted_peer_recovers_by_traffic_of_the_other),
        cmocka_unit_test(lost_delete_is_told_again),
        cmocka_unit_test(forged_unknown_spis_cost_little),
        cmocka_unit_test(flush_is_told_to_the_peer),
        cmocka_unit_test(stop_is_told_to_the_peer),
        cmocka_unit_test(reconfiguration_restarts_what_depends_on_it),
        cmocka_unit_test(reconfiguration_while_negotiating),
        cmocka_unit_test(bad_networks_end_in_traffic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
