/* RSA signatures between two engines, in the three modes: chains, requests, every kind of refusal
 * in both roles, bad networks, and edits of what nothing protects. */
#include "ike_priv.h"
#include "isakmp_cert.h"
#include "phase1.h"
#include "pki_kit.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* What one side has; names of tests/vectors/certificates. */
struct party {
    const char *cert, *key;
    const char *authorities, *others;
    const char *pinned; /* NULL: none */
};

static const struct party root_a = { "leaf", "leaf", "root", NULL, NULL };
static const struct party root_b = { "deep", "leaf2", "root", "inter", NULL };

static const struct {
    const char *name;
    enum ike_exchange_mode mode;
} modes[] = { { "main", IKE_MAIN }, { "aggressive", IKE_AGGRESSIVE }, { "base", IKE_BASE } };

enum { MODES = sizeof modes / sizeof modes[0] };

static void party_set(struct world *w, unsigned i, const struct party *p)
{
    struct side *s = &w->side[i];

    s->peer.auth = IKE_RSA_SIGNATURE;
    s->peer.certificate = kit_cert(p->cert);
    s->peer.key = kit_key(p->key);
    s->peer.remote_certificate = p->pinned ? kit_cert(p->pinned) : NULL;
    s->trust = kit_trust(p->authorities, p->others, PKI_CRL_IF_PRESENT);
    s->peer.psk.len = 0;
    world_configure(w, i);
}

static void party_fini(struct side *s)
{
    pki_cert_unref(s->peer.certificate);
    pki_cert_unref(s->peer.remote_certificate);
    pki_key_unref(s->peer.key);
    pki_trust_unref(s->trust);
}

static struct world *world_of(uint64_t seed, const struct party *a, const struct party *b)
{
    struct world *w = world_new(seed);

    party_set(w, SIM_A, a);
    party_set(w, SIM_B, b);
    return w;
}

static void mode_set(struct world *w, enum ike_exchange_mode mode)
{
    for (unsigned i = 0; i < 2; i++) {
        w->side[i].peer.mode = mode;
        world_configure(w, i);
    }
}

static void world_fini(struct world *w)
{
    struct side sides[2] = { w->side[0], w->side[1] };

    world_free(w); /* the engines share what the sides own */
    party_fini(&sides[0]);
    party_fini(&sides[1]);
}

static void assert_up(struct world *w, const char *label)
{
    world_packet(w, SIM_A, 0);
    world_run(w, 500);
    if (!world_until_traffic(w, 3000) || w->side[0].n_errors || w->side[1].n_errors)
        fail_msg("%s: A: %s B: %s", label, w->side[0].last_error, w->side[1].last_error);
    assert_int_equal(world_phase1s(&w->side[0]), 1);
    assert_int_equal(world_phase1s(&w->side[1]), 1);
    assert_int_equal(world_sas(&w->side[0]), 1);
}

static const struct up_case {
    const char *label;
    struct party a, b;
} ups[] = {
    { "one authority, an intermediate sent along",
      { "leaf", "leaf", "root", NULL, NULL },
      { "deep", "leaf2", "root", "inter", NULL } },
    { "the intermediate known at the other side alone",
      { "leaf", "leaf", "root", "inter", NULL },
      { "deep", "leaf2", "root", NULL, NULL } },
    { "an authority each",
      { "leaf", "leaf", "other", NULL, NULL },
      { "stranger", "leaf2", "root", NULL, NULL } },
    { "certificates named on both sides",
      { "leaf", "leaf", "", NULL, "stranger" },
      { "stranger", "leaf2", "", NULL, "leaf" } },
    { "named on one side, an authority on the other",
      { "leaf", "leaf", "", NULL, "deep" },
      { "deep", "leaf2", "root", NULL, NULL } },
    { "self-signed and trusted",
      { "self", "leaf", "root", "inter", NULL },
      { "deep", "leaf2", "self", "inter", NULL } },
};

static void peers_that_trust_each_other_come_up(void **state)
{
    (void)state;
    for (size_t k = 0; k < MODES * sizeof ups / sizeof ups[0]; k++) {
        const struct up_case *up = &ups[k / MODES];
        struct world *w = world_of(k + 1, &up->a, &up->b);
        char label[128];

        mode_set(w, modes[k % MODES].mode);
        snprintf(label, sizeof label, "%s, %s mode", up->label, modes[k % MODES].name);
        assert_up(w, label);
        world_fini(w);
    }
}

static void every_hash_and_cipher_carries_signatures(void **state)
{
    (void)state;
    for (enum cipher_alg c = CIPHER_DES; c < CIPHER_COUNT; c++) {
        for (enum auth_alg h = AUTH_MD5; h < AUTH_COUNT; h++) {
            struct world *w = world_of(c * 10 + h, &root_a, &root_b);

            for (unsigned i = 0; i < 2; i++) {
                w->side[i].peer.cipher = c;
                w->side[i].peer.hash = h;
                world_configure(w, i);
            }
            assert_up(w, cipher_info[c].name);
            world_fini(w);
        }
    }
}

/* ---- refusals ---- */

static const struct refusal {
    const char *label;
    struct party bad; /* as the other side sees it; the other side is root_a, with PINNED */
    const char *pinned;
    const char *says;
} refusals[] = {
    { "expired",
      { "expired", "leaf", "root", NULL, NULL },
      NULL,
      "certificate C=LV,O=Lab,CN=expired has expired: valid until jan/02/2020" },
    { "not yet valid",
      { "future", "leaf", "root", NULL, NULL },
      NULL,
      "CN=future is not yet valid" },
    { "of another authority",
      { "stranger", "leaf2", "root", "other", NULL },
      NULL,
      "has an issuer that is not known or not trusted: C=LV,O=Elsewhere,CN=Root" },
    { "without its intermediate",
      { "deep", "leaf2", "root", NULL, NULL },
      NULL,
      "not known or not trusted: C=LV,O=Lab,CN=Intermediate" },
    { "not for signing",
      { "usage", "leaf", "root", NULL, NULL },
      NULL,
      "CN=usage is not for authentication in IKE: keyUsage" },
    { "for other purposes",
      { "purpose", "leaf", "root", NULL, NULL },
      NULL,
      "extendedKeyUsage names other purposes" },
    { "damaged", { "broken", "leaf", "root", NULL, NULL }, NULL, "has a signature that is bad" },
    { "signed with MD5", { "md5", "leaf", "root", NULL, NULL }, NULL, "broken digest" },
    { "signed by another key",
      { "leaf", "leaf2", "root", NULL, NULL },
      NULL,
      "does not fit the signature of the exchange" },
    { "valid, but another is wanted",
      { "leaf", "leaf", "root", NULL, NULL },
      "deep",
      "CN=gw-a is not the remote-certificate of the peer entry: C=LV,O=Lab,CN=gw-b" },
    { "with an issuer that may not",
      { "byleaf", "leaf2", "root", "leaf", NULL },
      NULL,
      "CN=byleaf has an issuer that is not known or not trusted: C=LV,O=Lab,CN=gw-a" },
    { "with a critical extension",
      { "critical", "leaf", "root", NULL, NULL },
      NULL,
      "critical extension" },
};

static void refused(const struct refusal *r, unsigned bad_side, unsigned mode)
{
    const struct party good = { "leaf", "leaf", "root", NULL, r->pinned };
    struct world *w = bad_side == SIM_A ? world_of(3, &r->bad, &good) : world_of(4, &good, &r->bad);
    const struct side *judge = &w->side[1 - bad_side], *judged = &w->side[bad_side];
    uint64_t drops[IKE_DROP_COUNT];
    char where[64];

    snprintf(where, sizeof where, "%s mode, as %s", modes[mode].name,
             bad_side ? "responder" : "initiator");
    mode_set(w, modes[mode].mode);
    world_packet(w, SIM_A, 0);
    world_run(w, 1500);
    ike_drops(judge->ike, drops);
    if (!strstr(judge->last_error, r->says) || drops[IKE_DROP_SIGNATURE] == 0)
        fail_msg("%s, %s: %s", r->label, where, judge->last_error);
    /* Nobody believes that anything is up, soon. */
    world_run(w, 120000);
    if (world_phase1s(judge) || world_sas(judge) || world_sas(judged) || world_phase1s(judged))
        fail_msg("%s, %s: an SA came up", r->label, where);
    world_fini(w);
}

static void every_refusal_says_which_and_why_in_each_role_and_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        for (unsigned mode = 0; mode < MODES; mode++) {
            refused(&refusals[i], SIM_A, mode);
            refused(&refusals[i], SIM_B, mode);
        }
    }
}

static void the_refused_side_is_told_what_to_look_at(void **state)
{
    const struct party expired = { "expired", "leaf", "root", NULL, NULL };
    struct world *w = world_of(9, &expired, &root_b);

    (void)state;
    world_packet(w, SIM_A, 0);
    world_run(w, 60000);
    assert_non_null(strstr(w->side[SIM_A].last_error, "the peer probably refuses our certificate"));
    world_fini(w);
}

static void a_revoked_certificate_is_refused(void **state)
{
    const struct party revoked = { "revoked", "leaf", "root", NULL, NULL };
    struct world *w = world_of(10, &revoked, &root_b);
    struct pki_bundle b = kit_bundle("crl.pem", "");

    (void)state;
    pki_trust_add_crl(w->side[SIM_B].trust, b.crls[0]);
    pki_bundle_fini(&b);
    world_configure(w, SIM_B);
    world_packet(w, SIM_A, 0);
    world_run(w, 1500);
    assert_non_null(strstr(w->side[SIM_B].last_error, "CN=revoked is revoked"));
    world_fini(w);
}

static void what_is_missing_is_said_before_anything_is_sent(void **state)
{
    struct world *w = world_of(11, &root_a, &root_b);
    struct side *s = &w->side[SIM_A];
    struct pki_key *key = s->peer.key;
    struct pki_trust *trust = s->trust;

    (void)state;
    s->peer.key = NULL;
    world_configure(w, SIM_A);
    world_packet(w, SIM_A, 0);
    world_run(w, 1500);
    assert_non_null(strstr(s->last_error, "no certificate with a private key"));
    s->peer.key = key;
    s->trust = NULL;
    world_configure(w, SIM_A);
    world_packet(w, SIM_A, 0);
    world_run(w, 1500);
    assert_non_null(strstr(s->last_error, "no certificate is marked ca=yes"));
    assert_int_equal(s->n_sent, 0);
    s->trust = trust;
    world_fini(w);
}

static void secrets_do_not_serve_where_signatures_are_wanted(void **state)
{
    struct world *w = world_new(12);

    (void)state;
    party_set(w, SIM_B, &root_b);
    world_packet(w, SIM_A, 0);
    world_run(w, 1500);
    assert_non_null(strstr(w->side[SIM_B].last_error, "auth-method"));
    assert_int_equal(world_phase1s(&w->side[SIM_B]), 0);
    world_fini(w);
}

/* ---- requests ---- */

struct seen {
    unsigned n[PL_NATD + 1]; /* payloads of message 4 by type */
    struct isakmp_cert request;
    uint8_t name[256];
};

static bool tap_message_4(struct world *w, struct sim_message *m)
{
    struct seen *seen = w->tap_ctx;
    struct rd r = rd_from(m->bytes + ISAKMP_HEADER_LEN, m->len - ISAKMP_HEADER_LEN);
    struct isakmp_payloads ps;

    if (m->to != SIM_A || m->bytes[18] != EXCHANGE_MAIN || m->bytes[16] != PL_KE)
        return true;
    assert_int_equal(isakmp_payloads_parse(&r, PL_KE, ISAKMP_TAIL_NONE, &ps), ISAKMP_OK);
    for (unsigned i = 0; i < ps.n; i++) {
        struct rd body = rd_of(ps.at[i].body);

        if (ps.at[i].type <= PL_NATD)
            seen->n[ps.at[i].type]++;
        if (ps.at[i].type != PL_CERTREQ)
            continue;
        assert_int_equal(isakmp_certreq_parse(&body, &seen->request), ISAKMP_OK);
        memcpy(seen->name, seen->request.data.p, seen->request.data.len);
        seen->request.data.p = seen->name;
    }
    return true;
}

static void requests_name_the_authorities(void **state)
{
    static const struct {
        const char *label, *authorities, *pinned;
        unsigned requests;
        const char *name; /* certificate whose subject the last one names; NULL: none */
    } cases[] = {
        { "one authority", "root", NULL, 1, "root" },
        { "three authorities", "other,ecroot,root", NULL, 3, "root" },
        { "more than are named", "other,ecroot,inter,sub,named,self,plain,expired,root", NULL, 1,
          NULL },
        { "a certificate of its own", "root", "leaf", 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct party b = { "deep", "leaf2", cases[i].authorities, "inter", cases[i].pinned };
        struct world *w = world_of(20 + i, &root_a, &b);
        struct seen seen = { .request = { .data = { NULL, 0 } } };

        w->tap = tap_message_4;
        w->tap_ctx = &seen;
        assert_up(w, cases[i].label);
        if (seen.n[PL_CERTREQ] != cases[i].requests)
            fail_msg("%s: %u requests", cases[i].label, seen.n[PL_CERTREQ]);
        if (cases[i].requests) {
            struct pki_cert *c = cases[i].name ? kit_cert(cases[i].name) : NULL;
            struct slice want = c ? pki_cert_subject(c) : (struct slice){ NULL, 0 };

            assert_int_equal(seen.request.encoding, CERT_X509_SIGNATURE);
            assert_true(slice_equal(seen.request.data, want));
            pki_cert_unref(c);
        }
        world_fini(w);
    }
}

/* ---- the network ---- */

static void a_bad_network_delays_but_does_not_harm(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 18; seed++) {
        struct world *w = world_of(100 + seed, &root_a, &root_b);

        mode_set(w, modes[seed / 6].mode);

        w->bad = (struct impairments){ .loss = 5 + 3 * (seed % 8),
                                       .duplicate = 10,
                                       .reflect = seed % 3 ? 0 : 10,
                                       .delay_ms = 20,
                                       .jitter_ms = 200 };
        w->job_ms = seed % 2 ? 1 : 700; /* the network is faster than the pool */
        if (!world_until_traffic(w, 600000))
            fail_msg("seed %u: A: %s B: %s", seed, w->side[0].last_error, w->side[1].last_error);
        assert_true(world_joined(w, SIM_A, 7));
        world_fini(w);
    }
}

/* Everything ends while a signature is made or judged: the job comes back to nobody. */
static void ends_during_a_job_are_survived(void **state)
{
    (void)state;
    for (unsigned ms = 0; ms < 3000; ms += 100) {
        struct world *w = world_of(200 + ms, &root_a, &root_b);

        mode_set(w, modes[ms / 100 % MODES].mode);
        w->job_ms = 500;
        world_packet(w, SIM_A, 0);
        world_run(w, ms);
        if (ms % 300 == 0)
            world_forget_side(w, ms % 200 ? SIM_A : SIM_B);
        else
            ike_kill_connections(w->side[ms % 200 ? SIM_A : SIM_B].ike, w->now_ms);
        world_take_actions(w, SIM_A);
        world_take_actions(w, SIM_B);
        if (!world_until_traffic(w, 600000))
            fail_msg("after %u ms: A: %s B: %s", ms, w->side[0].last_error, w->side[1].last_error);
        world_fini(w);
    }
}

/* ---- somebody between them ---- */

enum { MESSAGES = 4 };

struct editor {
    unsigned message; /* 0..3: of those in the clear */
    size_t at, len;   /* byte to edit; length of the message as it was */
    unsigned seen;
};

static bool tap_edit(struct world *w, struct sim_message *m)
{
    struct editor *e = w->tap_ctx;

    if (m->bytes[18] != EXCHANGE_MAIN || (m->bytes[19] & ISAKMP_FLAG_ENCRYPTED))
        return true;
    if (e->seen++ == e->message) {
        e->len = m->len;
        if (e->at < m->len)
            m->bytes[e->at] ^= 0x20;
    }
    return true;
}

/* S7, A18: whatever is changed on the way, no SA comes up that both do not agree on; what was
 * covered by the hashes keeps it from coming up at all. */
static void edits_of_what_nothing_protects(void **state)
{
    unsigned came_up = 0, edits = 0;

    (void)state;
    for (unsigned message = 0; message < MESSAGES; message++) {
        size_t len = ISAKMP_HEADER_LEN + 1;

        for (size_t at = 0; at < len; at += 11) {
            struct editor e = { .message = message, .at = at };
            struct world *w = world_of(1000 * message + at, &root_a, &root_b);

            w->tap = tap_edit;
            w->tap_ctx = &e;
            world_packet(w, SIM_A, 0);
            world_run(w, 3900); /* before anything is sent again */
            len = e.len ? e.len : len;
            bool a = world_phase1s(&w->side[0]), b = world_phase1s(&w->side[1]);
            came_up += a && b;
            edits++;
            if (a && !b)
                fail_msg("message %u byte %zu: A believes", message + 1, at);
            world_fini(w);
        }
    }
    /* Vendor IDs and requests for certificates alone are not covered. */
    assert_true(came_up * 4 < edits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_that_trust_each_other_come_up),
        cmocka_unit_test(every_hash_and_cipher_carries_signatures),
        cmocka_unit_test(every_refusal_says_which_and_why_in_each_role_and_mode),
        cmocka_unit_test(the_refused_side_is_told_what_to_look_at),
        cmocka_unit_test(a_revoked_certificate_is_refused),
        cmocka_unit_test(what_is_missing_is_said_before_anything_is_sent),
        cmocka_unit_test(secrets_do_not_serve_where_signatures_are_wanted),
        cmocka_unit_test(requests_name_the_authorities),
        cmocka_unit_test(a_bad_network_delays_but_does_not_harm),
        cmocka_unit_test(ends_during_a_job_are_survived),
        cmocka_unit_test(edits_of_what_nothing_protects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
