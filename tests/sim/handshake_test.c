/* Main and quick mode between two engines: every combination of algorithms. */
#include "unit.h"
#include "world.h"

#include <stdio.h>

static void assert_up(struct world *w, const char *label)
{
    bool up;

    /* B begins when A is done, or there are two pairs */
    world_packet(w, SIM_A, 0);
    world_run(w, 500);
    up = world_until_traffic(w, 3000);
    if (!up || w->side[0].n_errors || w->side[1].n_errors)
        fail_msg("%s: %s; A: %s B: %s", label, up ? "errors" : "no traffic", w->side[0].last_error,
                 w->side[1].last_error);
    world_run(w, 1000);
    assert_int_equal(world_sas(&w->side[0]), 1);
    assert_int_equal(world_sas(&w->side[1]), 1);
}

static void handshake_of_every_cipher_hash_and_group(void **state)
{
    (void)state;
    for (enum cipher_alg c = CIPHER_DES; c < CIPHER_COUNT; c++) {
        for (enum auth_alg h = AUTH_MD5; h < AUTH_COUNT; h++) {
            for (enum dh_group g = DH_MODP768; g < DH_GROUP_COUNT; g++) {
                struct world *w = world_new(c * 100 + h * 10 + g);
                char label[64];

                for (unsigned i = 0; i < 2; i++) {
                    w->side[i].peer.cipher = c;
                    w->side[i].peer.hash = h;
                    w->side[i].peer.group = g;
                    w->side[i].proposal.ciphers = 1u << c;
                    w->side[i].proposal.auth_algs = 1u << h;
                    w->side[i].proposal.pfs_group = g;
                    world_configure(w, i);
                }
                snprintf(label, sizeof label, "%s %s group %d", cipher_info[c].name,
                         auth_info[h].name, g);
                assert_up(w, label);
                assert_int_equal(world_sa_out(&w->side[0], 7)->child.sas[0].cipher, c);
                assert_true(world_sa_out(&w->side[0], 7)->child.pfs);
                assert_true(world_sa_out(&w->side[0], 7)->child.initiator);
                assert_false(world_sa_out(&w->side[1], 7)->child.initiator);
                world_free(w);
            }
        }
    }
}

static void handshake_of_protocols_and_modes(void **state)
{
    (void)state;
    for (unsigned protocols = 1; protocols <= 3; protocols++) {
        for (unsigned tunnel = 0; tunnel < 2; tunnel++) {
            struct world *w = world_new(protocols * 2 + tunnel);

            for (unsigned i = 0; i < 2; i++)
                w->side[i].policies[0].protocols = (uint8_t)protocols;
            if (!tunnel)
                world_transport(w);
            world_configure_both(w);
            assert_up(w, "protocols and modes");
            const struct ike_child *c = &world_sa_out(&w->side[0], 7)->child;

            assert_int_equal(c->n_sas, protocols == 3 ? 2 : 1);
            assert_int_equal(c->tunnel, tunnel);
            assert_int_equal(c->soft_s, 1440);
            assert_int_equal(c->hard_s, 1800);
            world_free(w);
        }
    }
}

static void wrong_secret_is_met_with_silence(void **state)
{
    struct world *w = world_new(1);

    (void)state;
    w->side[SIM_B].peer.psk.b[0] ^= 1;
    world_configure(w, SIM_B);
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    unsigned sent = w->side[SIM_B].n_sent;

    world_run(w, 300000);
    assert_int_equal(w->side[SIM_B].n_sent, sent);
    assert_int_equal(sent, 2);
    assert_int_equal(world_phase1s(&w->side[0]) + world_phase1s(&w->side[1]), 0);
    assert_non_null(strstr(w->side[SIM_B].last_error, "another secret"));
    assert_non_null(strstr(w->side[SIM_A].last_error, "another secret"));
    assert_non_null(strstr(w->side[SIM_A].last_error, "192.0.2.2"));
    world_free(w);
}

static void wrong_phase1_proposal_is_named_on_both_sides(void **state)
{
    struct world *w = world_new(2);

    (void)state;
    w->side[SIM_B].peer.cipher = CIPHER_AES_128;
    world_configure(w, SIM_B);
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    assert_non_null(strstr(w->side[SIM_B].last_error, "3des"));
    assert_non_null(strstr(w->side[SIM_B].last_error, "aes-128"));
    assert_non_null(strstr(w->side[SIM_A].last_error, "NO-PROPOSAL-CHOSEN"));
    world_free(w);
}

static void wrong_phase2_proposal_is_named_on_both_sides(void **state)
{
    struct world *w = world_new(3);

    (void)state;
    w->side[SIM_B].proposal.ciphers = 1u << CIPHER_AES_256;
    world_configure(w, SIM_B);
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    assert_non_null(strstr(w->side[SIM_B].last_error, "aes-256"));
    assert_non_null(strstr(w->side[SIM_A].last_error, "NO-PROPOSAL-CHOSEN"));
    assert_int_equal(world_sas(&w->side[0]) + world_sas(&w->side[1]), 0);
    assert_int_equal(world_phase1s(&w->side[0]), 1);
    world_free(w);
}

static void other_networks_are_refused_by_name(void **state)
{
    struct world *w = world_new(4);

    (void)state;
    w->side[SIM_B].policies[0].remote_sel.prefix = sim_prefix("10.1.0.0/28");
    world_configure(w, SIM_B);
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    assert_non_null(strstr(w->side[SIM_B].last_error, "10.1.0.0/24"));
    assert_non_null(strstr(w->side[SIM_B].last_error, "10.1.0.0/28"));
    assert_non_null(strstr(w->side[SIM_A].last_error, "INVALID-ID-INFORMATION"));
    world_free(w);
}

static void correction_of_the_cause_needs_no_hands(void **state)
{
    struct world *w = world_new(5);

    (void)state;
    w->side[SIM_B].peer.group = DH_MODP768;
    world_configure(w, SIM_B);
    assert_false(world_until_traffic(w, 20000));
    w->side[SIM_B].peer.group = DH_MODP1024;
    world_configure(w, SIM_B);
    assert_true(world_until_traffic(w, 200000));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_of_protocols_and_modes),
        cmocka_unit_test(wrong_secret_is_met_with_silence),
        cmocka_unit_test(wrong_phase1_proposal_is_named_on_both_sides),
        cmocka_unit_test(wrong_phase2_proposal_is_named_on_both_sides),
        cmocka_unit_test(other_networks_are_refused_by_name),
        cmocka_unit_test(correction_of_the_cause_needs_no_hands),
        cmocka_unit_test(handshake_of_every_cipher_hash_and_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
