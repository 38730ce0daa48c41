/* What two sides agree on when they are not configured alike: several algorithms, NAT in between;
 * and what they keep apart: two entries for one peer by prefix. */
#include "unit.h"
#include "world.h"

#include <stdio.h>

static struct world *run(struct world *w)
{
    world_configure(w, SIM_A);
    world_configure(w, SIM_B);
    world_packet(w, SIM_A, 0);
    world_run(w, 2000);
    return w;
}

static void one_of_several_algorithms_is_found(void **state)
{
    struct world *w = world_new(20);

    (void)state;
    w->side[SIM_A].proposal.ciphers = 1u << CIPHER_DES | 1u << CIPHER_3DES | 1u << CIPHER_AES_256;
    w->side[SIM_A].proposal.auth_algs = 1u << AUTH_MD5 | 1u << AUTH_SHA1;
    w->side[SIM_B].proposal.ciphers = 1u << CIPHER_DES | 1u << CIPHER_NULL;
    w->side[SIM_B].proposal.auth_algs = 1u << AUTH_MD5;
    run(w);
    assert_true(world_joined(w, SIM_A, 7));
    assert_int_equal(world_sa_out(&w->side[SIM_A], 7)->child.sas[0].cipher, CIPHER_DES);
    assert_int_equal(world_sa_out(&w->side[SIM_A], 7)->child.sas[0].auth, AUTH_MD5);
    world_free(w);
}

static void behind_nat(struct world *w)
{
    w->nat = ip_addr_v4(198, 51, 100, 1);
    for (unsigned i = 0; i < 2; i++)
        w->side[i].peer.nat_traversal = true;
    w->side[SIM_B].peer.address = (struct ip_prefix){ w->nat, 32 };
    w->side[SIM_B].policies[0].remote = w->nat;
}

static void nat_is_found_and_esp_goes_into_udp(void **state)
{
    struct world *w = world_new(22);

    (void)state;
    behind_nat(w);
    run(w);
    for (unsigned i = 0; i < 2; i++) {
        const struct sim_sa *sa = world_sa_out(&w->side[i], 7);

        if (!sa)
            fail_msg("no SA: %s | %s", w->side[0].last_error, w->side[1].last_error);
        assert_true(sa->child.udp_encap);
        assert_int_equal(sa->child.path.remote_port, i == SIM_A ? 4500 : 24500);
        assert_int_equal(sa->child.path.local_port, 4500);
    }
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    assert_true(world_until_traffic(w, 2000));
    world_run(w, 4000000);
    assert_true(world_until_traffic(w, 2000));
    world_free(w);
}

static void nat_traversal_without_nat_stays_plain(void **state)
{
    struct world *w = world_new(23);

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        w->side[i].peer.nat_traversal = true;
    run(w);
    assert_false(world_sa_out(&w->side[SIM_A], 7)->child.udp_encap);
    assert_int_equal(world_sa_out(&w->side[SIM_A], 7)->child.path.remote_port, 500);
    world_free(w);
}

static void ah_through_nat_is_refused_by_name(void **state)
{
    struct world *w = world_new(24);

    (void)state;
    behind_nat(w);
    w->side[SIM_A].policies[0].protocols = w->side[SIM_B].policies[0].protocols = IKE_PROTO_AH;
    run(w);
    assert_null(world_sa_out(&w->side[SIM_A], 7));
    assert_non_null(strstr(w->side[SIM_A].last_error, "which ah cannot pass"));
    world_free(w);
}

static void passive_side_never_begins(void **state)
{
    struct world *w = world_new(25);

    (void)state;
    w->side[SIM_A].peer.passive = true;
    run(w);
    assert_int_equal(w->side[SIM_A].n_sent, 0);
    world_packet(w, SIM_B, 0);
    world_run(w, 2000);
    assert_true(world_joined(w, SIM_A, 7));
    world_free(w);
}

static void peer_port_is_used_when_initiating(void **state)
{
    struct world *w = world_new(26);

    (void)state;
    w->side[SIM_A].peer.port = 1500;
    run(w);
    assert_true(world_joined(w, SIM_A, 7));
    assert_int_equal(world_sa_out(&w->side[SIM_A], 7)->child.path.remote_port, 1500);
    assert_int_equal(world_sa_out(&w->side[SIM_A], 7)->child.path.local_port, 500);
    world_free(w);
}

/* There IKE has a marker, which goes with our own port 4500. */
static void peer_at_port_4500_is_asked_from_port_4500(void **state)
{
    struct world *w = world_new(27);

    (void)state;
    w->side[SIM_A].peer.port = 4500;
    run(w);
    assert_true(world_joined(w, SIM_A, 7));
    assert_int_equal(world_sa_out(&w->side[SIM_A], 7)->child.path.remote_port, 4500);
    assert_int_equal(world_sa_out(&w->side[SIM_A], 7)->child.path.local_port, 4500);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_several_algorithms_is_found),
        cmocka_unit_test(nat_is_found_and_esp_goes_into_udp),
        cmocka_unit_test(nat_traversal_without_nat_stays_plain),
        cmocka_unit_test(ah_through_nat_is_refused_by_name),
        cmocka_unit_test(passive_side_never_begins),
        cmocka_unit_test(peer_port_is_used_when_initiating),
        cmocka_unit_test(peer_at_port_4500_is_asked_from_port_4500),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
