/* Recorded exchanges, again with one of our engines in the place of either side: it draws the
 * recorded cookies, nonces, message IDs, SPIs and private exponents, gets the other side's messages
 * as they were on the wire, and must send its own byte for byte. That makes every hash, key and IV
 * equal; SKEYID and its family, the phase 1 key and the keys of the SAs are compared besides.
 *
 * - Racoon, main, aggressive and base mode with pre-shared keys, quick mode with and without PFS:
 *   both roles, nothing but the padding and the name racoon gives itself in base mode stands in.
 * - A Java client and its responder (vectors of RUB-NDS): both roles; standin.h says what stands
 * in. The responder's exponent was not published. Its answer in quick mode names other networks
 * than it was asked for, which we refuse: that, too, is looked at.
 * - Racoon, all three modes with RSA signatures: both roles, each with the other's certificate as
 *   remote-certificate, so that none is requested. Signatures are equal, too. */
#include "ike_priv.h"
#include "isakmp.h"
#include "phase1.h"
#include "pki_key.h"
#include "pki_trust.h"
#include "recorded_messages.h"
#include "recorded_racoon.h"
#include "recorded_rsa.h"
#include "rng.h"
#include "standin.h"
#include "unhex.h"

enum { SENT_MAX = 16, HEADER_LEN = ISAKMP_HEADER_LEN, NOW_MS = 1000000 };

/* One recording, of whatever origin. */
struct recording {
    const char *name;
    const struct recorded_message *messages;
    unsigned n; /* of them */
    bool foreign;
    bool initial_contact;
    enum ike_exchange_mode mode;
    enum cipher_alg cipher;
    enum auth_alg hash;
    enum dh_group group, pfs_group;
    struct ip_addr addr[2];
    const char *psk, *g_xy;
    const char *x[2][2]; /* private exponents: initiator, responder; phase 1, PFS. NULL: unknown */
    const char *skeyid, *skeyid_d, *skeyid_a, *skeyid_e, *key;
    int64_t lifetime_s, quick_lifetime_s;
    int64_t wall_s; /* 0: any */
    bool tunnel, signatures;
    struct {
        const char *spi, *keymat;
    } sa[2]; /* receiving half of the initiator, of the responder */
};

#define RACOON(r, wire_messages, how, pfs)                                                         \
    {                                                                                              \
        .name = (r)->name, .messages = wire_messages,                                              \
        .n = sizeof(wire_messages) / sizeof(wire_messages[0]) - 1, .initial_contact = true,        \
        .cipher = (r)->cipher, .hash = (r)->digest == DIGEST_MD5 ? AUTH_MD5 : AUTH_SHA1,           \
        .group = (r)->group, .pfs_group = pfs, .mode = how,                                        \
        .addr = { ip_addr_v4(10, 55, 0, 2), ip_addr_v4(10, 55, 0, 3) }, .psk = (r)->psk,           \
        .x = { { (r)->xi, (r)->qm_xi }, { (r)->xr, (r)->qm_xr } }, .skeyid = (r)->skeyid,          \
        .skeyid_d = (r)->skeyid_d, .skeyid_a = (r)->skeyid_a, .skeyid_e = (r)->skeyid_e,           \
        .key = (r)->key, .lifetime_s = 86400, .quick_lifetime_s = 1800,                            \
        .sa = { { (r)->sa[0].spi, (r)->sa[0].keymat }, { (r)->sa[1].spi, (r)->sa[1].keymat } },    \
    }

static struct recording of_rub(const struct recorded_exchange *e)
{
    struct recording r = {
        .name = e->name,
        .messages = e->messages,
        .foreign = true,
        .cipher = CIPHER_AES_128,
        .hash = AUTH_SHA1,
        .group = DH_MODP1024,
        .addr = { ip_addr_v4(10, 0, 3, 1), ip_addr_v4(10, 0, 3, 10) },
        .psk = "41414141",
        .g_xy = e->g_xy,
        .x = { { e->xi } },
        .skeyid = e->skeyid,
        .skeyid_d = e->skeyid_d,
        .skeyid_a = e->skeyid_a,
        .skeyid_e = e->skeyid_e,
        .key = e->enc_key,
        .lifetime_s = 28800,
        .quick_lifetime_s = 3600,
        .tunnel = true,
        .sa = { { e->spi_i, e->keymat_to_i }, { e->spi_r, e->keymat_to_r } },
    };

    while (e->messages[r.n].wire)
        r.n++;
    return r;
}

static const struct racoon_exchange *racoon_find(const char *name)
{
    for (size_t i = 0; i < sizeof racoon_exchanges / sizeof racoon_exchanges[0]; i++) {
        if (strcmp(racoon_exchanges[i].name, name) == 0)
            return &racoon_exchanges[i];
    }
    fail_msg("no recording %s", name);
    return NULL;
}

/* ---- what the engine draws ---- */

struct script {
    uint8_t b[256];
    size_t len, at;
};

struct sent {
    uint8_t b[UNHEX_MAX];
    size_t len;
};

struct run {
    const struct recording *rec;
    bool initiator;
    struct ike *ike;
    struct rng *rng;
    struct script script;
    unsigned n_exponents; /* used */
    struct sent sent[SENT_MAX];
    unsigned n_sent;
    struct ike_child in, out;
    bool has_in, has_out;
    char error[512];
};

static void script_add(struct script *s, const uint8_t *b, size_t len)
{
    assert_true(s->len + len <= sizeof s->b);
    memcpy(s->b + s->len, b, len);
    s->len += len;
}

/* Everything random in our messages, in the order in which the engine draws it. */
static void script_of_message(struct script *s, const struct recorded_message *m, bool first)
{
    struct bytes wire = unhex(m->wire), body = m->clear ? unhex(m->clear) : (struct bytes){ 0 };
    struct slice b = m->clear ? bytes_slice(&body)
                              : (struct slice){ wire.b + HEADER_LEN, wire.len - HEADER_LEN };
    struct rd r = rd_of(b);
    const struct isakmp_payload *sa, *nonce;
    struct isakmp_payloads ps;
    bool quick = wire.b[18] == EXCHANGE_QUICK;

    assert_int_equal(isakmp_payloads_parse(&r, wire.b[16],
                                           m->clear ? ISAKMP_TAIL_PADDING : ISAKMP_TAIL_NONE, &ps),
                     ISAKMP_OK);
    sa = isakmp_payload_find(&ps, PL_SA);
    nonce = isakmp_payload_find(&ps, PL_NONCE);
    if (first)
        script_add(s, m->from_initiator ? wire.b : wire.b + COOKIE_LEN, COOKIE_LEN);
    if (wire.b[18] == EXCHANGE_INFORMATIONAL || (quick && m->from_initiator && sa))
        script_add(s, wire.b + 20, 4);
    if (quick && sa)
        script_add(s, sa->body.p + 16, 4); /* SPI */
    if (nonce)
        script_add(s, nonce->body.p, nonce->body.len);
}

static bool is_phase2(const struct recorded_message *m)
{
    struct bytes wire = unhex(m->wire);

    return wire.b[18] == EXCHANGE_QUICK || wire.b[18] == EXCHANGE_INFORMATIONAL;
}

static struct script script_of(const struct recording *rec, bool initiator)
{
    static const uint8_t jitter[4];
    struct script s = { .len = 0 };
    bool first = true, up = false;

    for (unsigned i = 0; i < rec->n; i++) {
        if (rec->messages[i].from_initiator != initiator)
            continue;
        if (!up && is_phase2(&rec->messages[i])) {
            script_add(&s, jitter, sizeof jitter); /* of the renewal */
            up = true;
        }
        script_of_message(&s, &rec->messages[i], first);
        first = false;
    }
    return s;
}

static void env_random(void *ctx, void *out, size_t len)
{
    struct run *run = ctx;

    if (!run->ike || run->script.at + len > run->script.len) { /* not for its hash tables */
        rng_bytes(run->rng, out, len);
        return;
    }
    memcpy(out, run->script.b + run->script.at, len);
    run->script.at += len;
}

static void env_dh_init(void *ctx, struct dh *ret, enum dh_group group)
{
    struct run *run = ctx;
    const char *hex = run->rec->x[run->initiator ? 0 : 1][run->n_exponents++ ? 1 : 0];
    struct bytes x = unhex(hex);

    if (!hex || dh_init_with(ret, group, bytes_slice(&x)) != DH_ERR_OK)
        dh_init(ret, group, run->rng);
}

static int64_t env_wall_s(void *ctx)
{
    const struct run *run = ctx;

    return run->rec->wall_s ? run->rec->wall_s : 1700000000;
}

static bool env_spi_free(void *ctx, uint8_t proto, const struct ip_addr *src,
                         const struct ip_addr *dst, uint32_t spi)
{
    (void)ctx;
    (void)proto;
    (void)src;
    (void)dst;
    (void)spi;
    return true;
}

/* ---- the engine ---- */

/* Of ours in the recording; 8 to 32 bytes. */
static uint8_t nonce_len(const struct run *run)
{
    for (unsigned i = 0; i < run->rec->n; i++) {
        const struct recorded_message *m = &run->rec->messages[i];
        struct bytes wire = unhex(m->wire);
        struct rd r = rd_from(wire.b + HEADER_LEN, wire.len - HEADER_LEN);
        const struct isakmp_payload *nonce;
        struct isakmp_payloads ps;

        if (m->from_initiator != run->initiator || m->clear)
            continue;
        assert_int_equal(isakmp_payloads_parse(&r, wire.b[16], ISAKMP_TAIL_NONE, &ps), ISAKMP_OK);
        if ((nonce = isakmp_payload_find(&ps, PL_NONCE)))
            return (uint8_t)nonce->body.len;
    }
    return 0;
}

static struct pki_cert *party_cert(unsigned i)
{
    struct bytes der = unhex(racoon_rsa_parties[i].certificate);
    struct pki_cert *c = pki_cert_new(bytes_slice(&der), NULL);

    assert_non_null(c);
    return c;
}

/* What an engine with signatures has; freed by peer_fini. */
static void peer_sign(const struct run *run, struct ike_peer *peer, struct ike_config *c)
{
    unsigned me = run->initiator ? 0 : 1;
    struct bytes der = unhex(racoon_rsa_parties[me].key);

    peer->auth = IKE_RSA_SIGNATURE;
    peer->certificate = party_cert(me);
    peer->key = pki_key_new(bytes_slice(&der), NULL);
    assert_non_null(peer->key);
    c->trust = pki_trust_new(PKI_CRL_IF_PRESENT);
    peer->remote_certificate = party_cert(1 - me);
}

static void peer_fini(struct ike_peer *peer, struct ike_config *c)
{
    pki_cert_unref(peer->certificate);
    pki_cert_unref(peer->remote_certificate);
    pki_key_unref(peer->key);
    pki_trust_unref(c->trust);
}

static void engine_configure(struct run *run)
{
    const struct recording *rec = run->rec;
    struct ip_addr me = rec->addr[run->initiator ? 0 : 1];
    struct ip_addr other = rec->addr[run->initiator ? 1 : 0];
    struct bytes psk = unhex(rec->psk);
    struct ip_prefix everything = { { .family = IP_V4 }, 0 };
    struct ike_peer peer = { .id = 1,
                             .address = { other, 32 },
                             .port = 500,
                             .mode = rec->mode,
                             .cipher = rec->cipher,
                             .hash = rec->hash,
                             .group = rec->group,
                             .lifetime_s = rec->lifetime_s,
                             .check = IKE_CHECK_EXACT,
                             .send_initial_contact = rec->initial_contact };
    struct ike_proposal proposal = { .name = "p",
                                     .auth_algs = 1u << rec->hash,
                                     .ciphers = 1u << rec->cipher,
                                     .lifetime_s = rec->quick_lifetime_s,
                                     .pfs_group = rec->pfs_group };
    struct ike_policy policy = {
        .id = 7,
        .local_sel = { .prefix = rec->tunnel ? everything : (struct ip_prefix){ me, 32 } },
        .remote_sel = { .prefix = rec->tunnel ? everything : (struct ip_prefix){ other, 32 } },
        .local = me,
        .remote = other,
        .protocols = IKE_PROTO_ESP,
        .tunnel = rec->tunnel,
        .proposal = "p"
    };
    struct ike_config c = { &peer, 1, &proposal, 1, &policy, 1, NULL };

    memcpy(peer.psk.b, psk.b, psk.len);
    peer.psk.len = (uint8_t)psk.len;
    if (rec->signatures)
        peer_sign(run, &peer, &c);
    ike_configure(run->ike, NOW_MS, &c);
    peer_fini(&peer, &c);
}

static void on_report(struct run *run, const struct ike_report *r)
{
    if (r->is_error)
        memcpy(run->error, r->text, sizeof run->error);
}

static void actions_take(struct run *run)
{
    struct ike_action a;

    while (ike_action_take(run->ike, &a)) {
        switch (a.type) {
        case IKE_SEND:
            assert_true(run->n_sent < SENT_MAX && a.bytes.len <= sizeof run->sent[0].b);
            memcpy(run->sent[run->n_sent].b, a.bytes.p, a.bytes.len);
            run->sent[run->n_sent++].len = a.bytes.len;
            break;
        case IKE_SA_INSTALL_IN:
            run->in = a.child;
            run->has_in = true;
            break;
        case IKE_SA_INSTALL_OUT:
            run->out = a.child;
            run->has_out = true;
            break;
        case IKE_SA_REMOVE:
            fail_msg("%s: SA removed", run->rec->name);
            break;
        case IKE_JOB:
            ike_job_run(a.job);
            ike_on_job_done(run->ike, NOW_MS, a.job);
            break;
        case IKE_REPORT:
            on_report(run, &a.report);
            break;
        }
        ike_action_fini(&a);
    }
}

/* ---- comparing ---- */

static void assert_sent(const struct run *run, unsigned own, unsigned message)
{
    struct bytes want = unhex(run->rec->messages[message].wire);

    if (own >= run->n_sent)
        fail_msg("%s: message %u was not sent; %s", run->rec->name, message + 1, run->error);
    if (run->sent[own].len != want.len || memcmp(run->sent[own].b, want.b, want.len) != 0)
        fail_msg("%s: message %u is not as recorded", run->rec->name, message + 1);
}

static void check_phase1(const struct run *run)
{
    struct map_link *l = map_any(&run->ike->phase1s);
    const struct phase1 *p1 = map_owner(l, const struct phase1, by_cookie);
    size_t len = digest_info[p1->digest].len;

    assert_int_equal(p1->main->state, P1_UP);
    assert_hex(p1->keys.skeyid, len, run->rec->skeyid);
    if (run->rec->skeyid_d)
        assert_hex(p1->keys.d, len, run->rec->skeyid_d);
    assert_hex(p1->keys.a, len, run->rec->skeyid_a);
    assert_hex(p1->keys.e, len, run->rec->skeyid_e);
    if (run->rec->key)
        assert_hex(p1->enc_key, cipher_info[p1->cipher].key_len, run->rec->key);
}

static void check_half(const struct ike_child_sa *sa, bool in, const char *spi_hex,
                       const char *keymat_hex)
{
    const struct secret *enc = in ? &sa->enc_in : &sa->enc_out;
    const struct secret *auth = in ? &sa->auth_in : &sa->auth_out;
    struct bytes spi = unhex(spi_hex), keymat = unhex(keymat_hex);

    assert_int_equal(be32_get(spi.b), in ? sa->spi_in : sa->spi_out);
    assert_true(enc->len + auth->len <= keymat.len);
    assert_memory_equal(enc->b, keymat.b, enc->len);
    assert_memory_equal(auth->b, keymat.b + enc->len, auth->len);
}

static void check_keys(const struct run *run)
{
    unsigned mine = run->initiator ? 0 : 1;
    const struct recording *rec = run->rec;

    assert_true(run->has_in && run->has_out);
    check_half(&run->in.sas[0], true, rec->sa[mine].spi, rec->sa[mine].keymat);
    check_half(&run->out.sas[0], false, rec->sa[1 - mine].spi, rec->sa[1 - mine].keymat);
}

static void run_start(struct run *run, const struct recording *rec, bool initiator)
{
    *run = (struct run){ .rec = rec, .initiator = initiator, .rng = rng_new_fixed(1) };
    standin = (struct standin){ .next = rec->messages,
                                .initiator = initiator,
                                .foreign = rec->foreign,
                                .names_product = rec->mode == IKE_BASE,
                                .widen = rec->foreign,
                                .g_xy = rec->x[initiator ? 0 : 1][0] ? NULL : rec->g_xy };
    run->script = script_of(rec, initiator);
    struct ike_env env = { run, env_random, env_wall_s, env_spi_free, env_dh_init, nonce_len(run) };
    run->ike = ike_new(&env);
    engine_configure(run);
}

static void run_end(struct run *run)
{
    ike_free(run->ike);
    rng_free(run->rng);
}

/* Plays N messages of the recording; ours are compared, the others' given. */
static void run_messages(struct run *run, unsigned n)
{
    const struct recording *rec = run->rec;
    struct ike_path path = { rec->addr[run->initiator ? 0 : 1], rec->addr[run->initiator ? 1 : 0],
                             500, 500 };
    unsigned own = 0;

    if (run->initiator)
        ike_on_acquire(run->ike, NOW_MS, 7);
    actions_take(run);
    for (unsigned i = 0; i < n; i++) {
        struct bytes wire = unhex(rec->messages[i].wire);

        if (rec->messages[i].from_initiator == run->initiator) {
            assert_sent(run, own++, i);
            continue;
        }
        ike_on_datagram(run->ike, NOW_MS, &path, wire.b, wire.len);
        actions_take(run);
    }
}

static void assert_nothing_dropped(const struct run *run)
{
    uint64_t drops[IKE_DROP_COUNT];

    ike_drops(run->ike, drops);
    for (unsigned i = 0; i < IKE_DROP_COUNT; i++)
        assert_int_equal(drops[i], 0);
    assert_string_equal(run->error, "");
}

static void replay_both_roles(const struct recording *rec)
{
    for (unsigned role = 0; role < 2; role++) {
        struct run run;

        print_message("%s as %s\n", rec->name, role ? "responder" : "initiator");
        run_start(&run, rec, role == 0);
        run_messages(&run, rec->n);
        assert_nothing_dropped(&run);
        check_phase1(&run);
        check_keys(&run);
        assert_int_equal(standin.n_sa_checked, rec->foreign ? 2 : 0);
        run_end(&run);
    }
}

/* ---- tests ---- */

static void racoons_main_and_quick_modes_with_pfs(void **state)
{
    const struct racoon_exchange *des3 = racoon_find("main-psk-3des-md5-modp1024-pfs2");
    const struct racoon_exchange *aes = racoon_find("main-psk-aes128-sha1-modp1536-pfs5");
    struct recording recordings[] = { RACOON(des3, racoon_3des, IKE_MAIN, DH_MODP1024),
                                      RACOON(aes, racoon_aes128, IKE_MAIN, DH_MODP1536) };

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        replay_both_roles(&recordings[i]);
}

static void racoons_aggressive_and_base_mode(void **state)
{
    const struct racoon_exchange *aggressive = racoon_find("aggr-psk-des-md5-modp768");
    const struct racoon_exchange *base = racoon_find("base-psk-3des-sha1-modp1024");
    const struct racoon_exchange *base_des = racoon_find("base-psk-des-md5-modp768");
    struct recording recordings[] = {
        RACOON(aggressive, racoon_aggressive_des, IKE_AGGRESSIVE, DH_NONE),
        RACOON(base, racoon_base_3des, IKE_BASE, DH_NONE),
        RACOON(base_des, racoon_base_des, IKE_BASE, DH_NONE),
    };

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        replay_both_roles(&recordings[i]);
}

static void racoons_modes_with_signatures(void **state)
{
    const struct racoon_exchange *in_main = racoon_find("main-rsa-aes256-sha1-modp1536");
    const struct racoon_exchange *aggressive = racoon_find("aggr-rsa-3des-sha1-modp1024");
    const struct racoon_exchange *base = racoon_find("base-rsa-3des-sha1-modp1024");
    struct recording recordings[] = {
        RACOON(in_main, racoon_main_rsa, IKE_MAIN, DH_NONE),
        RACOON(aggressive, racoon_aggressive_rsa, IKE_AGGRESSIVE, DH_NONE),
        RACOON(base, racoon_base_rsa, IKE_BASE, DH_NONE),
    };

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        recordings[i].signatures = true;
        recordings[i].wall_s = 1795456100; /* the certificates are a minute old */
        replay_both_roles(&recordings[i]);
    }
}

static void foreign_main_and_quick_mode(void **state)
{
    struct recording rec = of_rub(&recorded_exchanges[1]);

    (void)state;
    replay_both_roles(&rec);
}

static void networks_the_responder_narrowed_are_refused(void **state)
{
    struct recording rec = of_rub(&recorded_exchanges[1]);
    struct run run;

    (void)state;
    run_start(&run, &rec, true);
    standin.widen = false;
    run_messages(&run, 8);
    assert_non_null(strstr(run.error, "we asked for 0.0.0.0/0"));
    assert_false(run.has_in || run.has_out);
    run_end(&run);
}

static void foreign_main_mode_and_responder_lifetime(void **state)
{
    struct recording rec = of_rub(&recorded_exchanges[2]);

    (void)state;
    for (unsigned role = 0; role < 2; role++) {
        struct run run;
        const struct phase1 *p1;

        run_start(&run, &rec, role == 0);
        run_messages(&run, role == 0 ? 7 : 6); /* we do not send the informational message */
        assert_nothing_dropped(&run);
        check_phase1(&run);
        p1 = map_owner(map_any(&run.ike->phase1s), const struct phase1, by_cookie);
        assert_int_equal(p1->lifetime_s, role == 0 ? 300 : 28800);
        run_end(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(racoons_main_and_quick_modes_with_pfs),
        cmocka_unit_test(racoons_aggressive_and_base_mode),
        cmocka_unit_test(racoons_modes_with_signatures),
        cmocka_unit_test(foreign_main_and_quick_mode),
        cmocka_unit_test(networks_the_responder_narrowed_are_refused),
        cmocka_unit_test(foreign_main_mode_and_responder_lifetime),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
