/* What people are told when two ends do not agree: whoever starts, a refusal or a silence leaves a
 * last-error on the right item that names the peer, what we wanted and what was offered. */
#include "unit.h"
#include "world.h"

#include <stdio.h>

enum { PEER_ID = 1, POLICY_ID = 7 };

static void secret(struct world *w)
{
    w->side[SIM_B].peer.psk.b[0] ^= 1;
}

static void phase1_cipher(struct world *w)
{
    w->side[SIM_B].peer.cipher = CIPHER_AES_128;
}

static void phase2_cipher(struct world *w)
{
    w->side[SIM_B].proposal.ciphers = 1u << CIPHER_AES_256;
}

static void pfs(struct world *w)
{
    w->side[SIM_A].peer.check = w->side[SIM_B].peer.check = IKE_CHECK_STRICT;
    w->side[SIM_A].proposal.pfs_group = DH_MODP1024;
    w->side[SIM_B].proposal.pfs_group = DH_MODP1536;
}

static void networks(struct world *w)
{
    w->side[SIM_A].policies[0].local_sel.prefix = sim_prefix("1.2.3.0/27");
    w->side[SIM_B].policies[0].remote_sel.prefix = sim_prefix("1.2.3.0/28");
}

static void phase2_lifetime(struct world *w)
{
    w->side[SIM_A].peer.check = w->side[SIM_B].peer.check = IKE_CHECK_EXACT;
    w->side[SIM_B].proposal.lifetime_s = 600;
}

static void phase1_lifetime(struct world *w)
{
    w->side[SIM_A].peer.check = w->side[SIM_B].peer.check = IKE_CHECK_EXACT;
    w->side[SIM_B].peer.lifetime_s = 3600;
}

static void no_peer(struct world *w)
{
    w->side[SIM_B].no_peer = true;
}

/* B is the one that differs. Words of A's last-error when A starts and when B starts; NULL: B
 * cannot start. */
static const struct row {
    const char *label;
    void (*differ)(struct world *w);
    const char *starting[4], *asked[4];
    bool of_policy;
} rows[] = {
    { "secret",
      secret,
      { "no answer to our identity", "another secret", "192.0.2.2[500]" },
      { "cannot be decrypted", "another secret", "192.0.2.2[500]" },
      false },
    { "phase 1 cipher",
      phase1_cipher,
      { "NO-PROPOSAL-CHOSEN", "3des md5 modp1024, pre-shared-key, lifetime 1d", "192.0.2.2" },
      { "encryption: peer offers aes-128, we want 3des", "192.0.2.2" },
      false },
    { "phase 1 lifetime",
      phase1_lifetime,
      { "NO-PROPOSAL-CHOSEN", "lifetime 1d", "192.0.2.2" },
      { "lifetime: peer offers 1h, we want 1d (proposal-check=exact)", "192.0.2.2" },
      false },
    { "no peer entry",
      no_peer,
      { "no answer to our proposal", "peer unreachable, or it has no entry for us", "192.0.2.2" },
      { NULL },
      false },
    { "phase 2 cipher",
      phase2_cipher,
      { "peer refuses phase 2: NO-PROPOSAL-CHOSEN",
        "esp tunnel, 3des, sha1, pfs-group none, lifetime 30m", "192.0.2.2" },
      { "encryption: peer offers aes-256, we want 3des", "192.0.2.2" },
      true },
    { "phase 2 lifetime",
      phase2_lifetime,
      { "peer refuses phase 2: NO-PROPOSAL-CHOSEN", "lifetime 30m", "192.0.2.2" },
      { "lifetime: peer offers 10m, we want 30m (proposal-check=exact)", "192.0.2.2" },
      true },
    { "pfs group",
      pfs,
      { "peer refuses phase 2: NO-PROPOSAL-CHOSEN", "pfs-group modp1024", "192.0.2.2" },
      { "pfs-group: peer offers modp1536, we want modp1024", "192.0.2.2" },
      true },
    { "networks",
      networks,
      { "peer refuses phase 2: INVALID-ID-INFORMATION",
        "it has no policy for 10.2.0.0/24 <-> 1.2.3.0/27", "192.0.2.2" },
      { "no policy found: peer wants 1.2.3.0/28 <-> 10.2.0.0/24", "nearest: 1.2.3.0/27",
        "192.0.2.2" },
      true },
};

static void assert_told(const struct row *r, const char *role, const struct side *s,
                        const char *const words[4])
{
    const struct ike_report *last = NULL;

    if (s->n_errors > 0 && s->n_errors <= SIM_REPORTS_MAX)
        last = &s->errors[s->n_errors - 1];
    if (!last)
        fail_msg("%s, A %s: told nothing", r->label, role);
    for (unsigned i = 0; i < 4 && words[i]; i++) {
        if (!strstr(last->text, words[i]))
            fail_msg("%s, A %s: \"%s\" does not say \"%s\"", r->label, role, last->text, words[i]);
    }
    if (last->peer_id != PEER_ID || last->policy_id != (r->of_policy ? POLICY_ID : 0))
        fail_msg("%s, A %s: told about peer %u, policy %u", r->label, role, last->peer_id,
                 last->policy_id);
}

static void every_disagreement_is_named_whoever_starts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned starter = 0; starter < 2; starter++) {
            const struct row *r = &rows[i];
            struct world *w;

            if (starter == SIM_B && !r->asked[0])
                continue;
            w = world_new(i);
            assert_int_equal(w->side[SIM_A].peer.id, PEER_ID);
            r->differ(w);
            world_configure(w, SIM_A);
            world_configure(w, SIM_B);
            world_packet(w, starter, 0);
            /* nobody has to wait until the last retransmission is given up */
            world_run(w, 12000);
            assert_told(r, starter == SIM_A ? "starts" : "is asked", &w->side[SIM_A],
                        starter == SIM_A ? r->starting : r->asked);
            assert_int_equal(world_sas(&w->side[SIM_A]), 0);
            world_free(w);
        }
    }
}

/* The log is spared a peer that goes on and on, last-error is not. */
static void last_error_is_the_last_however_often_it_changes(void **state)
{
    struct world *w = world_new(19);
    const struct side *a = &w->side[SIM_A];

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        w->side[SIM_B].peer.cipher = i < 7 ? CIPHER_AES_128 : CIPHER_AES_192;
        world_configure(w, SIM_B);
        ike_kill_connections(w->side[SIM_B].ike, w->now_ms);
        world_packet(w, SIM_B, 0);
        world_run(w, 1100); /* the data path asks once a second */
    }
    assert_true(a->n_errors >= 8 && a->n_errors < SIM_REPORTS_MAX);
    assert_int_equal(a->errors[0].level, IKE_REPORT_WARNING);
    assert_int_equal(a->errors[a->n_errors - 1].level, IKE_REPORT_DEBUG);
    assert_non_null(strstr(a->errors[0].text, "peer offers aes-128"));
    assert_non_null(strstr(a->last_error, "peer offers aes-192"));
    world_free(w);
}

/* Without a peer entry there is only the policy to tell. */
static void stranger_with_our_policy_for_it_is_named_there(void **state)
{
    struct world *w = world_new(20);
    const struct ike_report *last = &w->side[SIM_B].errors[0];

    (void)state;
    no_peer(w);
    world_configure(w, SIM_B);
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    assert_int_equal(w->side[SIM_B].n_errors, 1);
    assert_int_equal(last->policy_id, POLICY_ID);
    assert_int_equal(last->peer_id, 0);
    assert_non_null(strstr(last->text, "no peer entry matches its address"));
    assert_non_null(strstr(last->text, "192.0.2.1"));
    world_free(w);
}

/* strongSwan answers an identity it cannot decrypt with a protected notify that we cannot read. */
static bool tap_unreadable(struct world *w, struct sim_message *m)
{
    struct ike_path path = { m->path.remote, m->path.local, m->path.remote_port,
                             m->path.local_port };
    uint8_t bytes[28 + 32];

    if (m->to != SIM_B || !(m->bytes[19] & 1))
        return true;
    memcpy(bytes, m->bytes, 16); /* cookies */
    memset(bytes + 16, 0x5a, sizeof bytes - 16);
    bytes[16] = 8;    /* HASH */
    bytes[17] = 0x10; /* version */
    bytes[18] = 5;    /* informational */
    bytes[19] = 1;    /* encrypted */
    memcpy(bytes + 24, (uint8_t[4]){ 0, 0, 0, sizeof bytes }, 4);
    ike_on_datagram(w->side[SIM_A].ike, w->now_ms, &path, bytes, sizeof bytes);
    return true;
}

static void unreadable_answer_to_our_identity_is_a_wrong_secret(void **state)
{
    struct world *w = world_new(21);

    (void)state;
    secret(w);
    world_configure(w, SIM_B);
    w->tap = tap_unreadable;
    world_packet(w, SIM_A, 0);
    world_run(w, 5000);
    assert_non_null(strstr(w->side[SIM_A].last_error, "cannot read: it has another secret"));
    world_free(w);
}

/* Reordering looks the same for a moment, and means nothing. */
static void unreadable_message_before_the_answer_is_forgotten(void **state)
{
    struct world *w = world_new(22);

    (void)state;
    w->tap = tap_unreadable;
    assert_true(world_until_traffic(w, 20000));
    assert_int_equal(w->side[SIM_A].n_errors, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_disagreement_is_named_whoever_starts),
        cmocka_unit_test(last_error_is_the_last_however_often_it_changes),
        cmocka_unit_test(stranger_with_our_policy_for_it_is_named_there),
        cmocka_unit_test(unreadable_answer_to_our_identity_is_a_wrong_secret),
        cmocka_unit_test(unreadable_message_before_the_answer_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
