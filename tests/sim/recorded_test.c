/* The exchanges recorded between two racoon daemons, again between two of our engines with racoon's
 * cookies, nonces, message IDs, SPIs and private exponents: every message in the clear is that of
 * the recording byte for byte, every encrypted one up to its padding (ours is zero, racoon's is
 * not, and so the chains of IVs differ), and so are the keys of the SAs. */
#include "cursor.h"
#include "keymat.h"
#include "recorded_racoon.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>

enum { MESSAGES_MAX = 16, HEADER_LEN = 28, FIRST_PAYLOAD_AT = 16 };

struct bytes {
    uint8_t b[1024];
    size_t len;
};

static struct bytes unhex(const char *hex)
{
    struct bytes r = { .len = strlen(hex) / 2 };

    for (size_t i = 0; i < r.len; i++) {
        unsigned v;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        r.b[i] = (uint8_t)v;
    }
    return r;
}

static void add(struct bytes *to, const char *hex)
{
    struct bytes more = unhex(hex);

    memcpy(to->b + to->len, more.b, more.len);
    to->len += more.len;
}

/* What is not among the figures: the responder's INITIAL-CONTACT. */
struct extra {
    const char *name, *info_id_r, *info_hash1_r;
};

static const struct extra extras[] = {
    { "main-psk-3des-md5-modp1024-pfs2", "e4407f11", "32d6fcb75ca6d2a882c6ca9a85d2eeed" },
    { "main-psk-aes128-sha1-modp1536-pfs5", "aa57962b",
      "d33d7cd9396febc40d45cf86652ad100b3a6ca02" },
};

struct wire {
    struct sim_message m[MESSAGES_MAX];
    unsigned n;
    uint8_t bytes[MESSAGES_MAX][1024];
};

static bool tap(struct world *w, struct sim_message *m)
{
    struct wire *wire = w->tap_ctx;

    assert_true(wire->n < MESSAGES_MAX);
    wire->m[wire->n] = *m;
    wire->m[wire->n].bytes = wire->bytes[wire->n];
    memcpy(wire->bytes[wire->n], m->bytes, m->len);
    wire->n++;
    return true;
}

/* The next message of a side and exchange type after *AT. */
static struct sim_message *next_of(struct wire *wire, unsigned from, unsigned exchange,
                                   unsigned *at)
{
    for (; *at < wire->n; (*at)++) {
        struct sim_message *m = &wire->m[*at];

        if (m->to == 1 - from && m->bytes[18] == exchange) {
            (*at)++;
            return m;
        }
    }
    fail_msg("no message of exchange %u from side %u", exchange, from);
    return NULL;
}

static void assert_clear(const struct sim_message *m, const char *label, const char *want_hex)
{
    struct bytes want = unhex(want_hex);

    if (m->len != want.len || memcmp(m->bytes, want.b, want.len) != 0)
        fail_msg("%s is not as recorded", label);
}

/* Opens M along the chain of IV and compares the payloads. */
static void assert_sealed(struct sim_message *m, const struct racoon_exchange *r, uint8_t *iv,
                          const char *label, const struct bytes *want)
{
    struct bytes key = unhex(r->key);
    struct slice k = { key.b, key.len };
    size_t len = m->len - HEADER_LEN;

    assert_int_equal(cbc_open(r->cipher, k, iv, m->bytes + HEADER_LEN, len, iv), CIPHER_ERR_OK);
    if (len < want->len || len >= want->len + cipher_info[r->cipher].block_len ||
        memcmp(m->bytes + HEADER_LEN, want->b, want->len) != 0)
        fail_msg("%s is not as recorded", label);
}

static struct bytes hash_and(const struct racoon_exchange *r, unsigned next, const char *hash,
                             const char *rest)
{
    struct bytes want = { .len = 0 };
    char head[16];

    snprintf(head, sizeof head, "%02x0000%02x", next, 4 + digest_info[r->digest].len);
    add(&want, head);
    add(&want, hash);
    add(&want, rest);
    return want;
}

static struct bytes id_and_hash(const struct racoon_exchange *r, const char *id, const char *hash)
{
    struct bytes want = unhex("0800000c"), tail = hash_and(r, 0, hash, "");

    add(&want, id);
    memcpy(want.b + want.len, tail.b, tail.len);
    want.len += tail.len;
    return want;
}

static void check_clear(struct wire *wire, const struct racoon_exchange *r)
{
    static const char vid[] = "00000014afcad71368a1f1c96b8696fc77570100";
    unsigned ke = dh_group_info[r->group].public_len, sa = (unsigned)strlen(r->sai_b) / 2;
    char want[2048];

    for (unsigned i = 0; i < 2; i++) {
        snprintf(want, sizeof want, "%s%s0110020000000000%08x0d0000%02x%s%s", r->cky_i,
                 i ? r->cky_r : "0000000000000000", 28 + 4 + sa + 20, 4 + sa, r->sai_b, vid);
        assert_clear(&wire->m[i], i ? "message 2" : "message 1", want);
        snprintf(want, sizeof want, "%s%s0410020000000000%08x0a0000%02x%s00000014%s", r->cky_i,
                 r->cky_r, 28 + 4 + ke + 20, 4 + ke, i ? r->g_xr : r->g_xi, i ? r->nr_b : r->ni_b);
        assert_clear(&wire->m[2 + i], i ? "message 4" : "message 3", want);
    }
}

static void phase2_iv(const struct racoon_exchange *r, const uint8_t *last, const char *id,
                      uint8_t *ret)
{
    struct bytes b = unhex(id);

    keymat_phase2_iv(r->digest, r->cipher, last, be32_get(b.b), ret);
}

static void check_sealed(struct wire *wire, const struct racoon_exchange *r,
                         const struct extra *extra)
{
    struct bytes iv = unhex(r->iv), want;
    uint8_t last[CIPHER_BLOCK_MAX], chain[CIPHER_BLOCK_MAX];
    unsigned at = 4;

    want = id_and_hash(r, r->idii_b, r->hash_i);
    assert_sealed(&wire->m[4], r, iv.b, "message 5", &want);
    want = id_and_hash(r, r->idir_b, r->hash_r);
    assert_sealed(&wire->m[5], r, iv.b, "message 6", &want);
    memcpy(last, iv.b, cipher_info[r->cipher].block_len);

    want = hash_and(r, 11, r->info_hash1, r->info_rest);
    phase2_iv(r, last, r->info_id, chain);
    assert_sealed(next_of(wire, SIM_A, 5, &at), r, chain, "initiator's INITIAL-CONTACT", &want);
    at = 4;
    want = hash_and(r, 11, extra->info_hash1_r, r->info_rest);
    phase2_iv(r, last, extra->info_id_r, chain);
    assert_sealed(next_of(wire, SIM_B, 5, &at), r, chain, "responder's INITIAL-CONTACT", &want);

    at = 4;
    phase2_iv(r, last, r->quick_id, chain);
    want = hash_and(r, 1, r->hash1, r->rest1);
    assert_sealed(next_of(wire, SIM_A, 32, &at), r, chain, "quick mode 1", &want);
    want = hash_and(r, 1, r->hash2, r->rest2);
    assert_sealed(next_of(wire, SIM_B, 32, &at), r, chain, "quick mode 2", &want);
    want = hash_and(r, 0, r->hash3, "");
    assert_sealed(next_of(wire, SIM_A, 32, &at), r, chain, "quick mode 3", &want);
}

static void check_keys(struct world *w, const struct racoon_exchange *r)
{
    for (unsigned side = 0; side < 2; side++) {
        const struct ike_child_sa *sa = &world_sa_out(&w->side[side], 7)->child.sas[0];

        for (unsigned i = 0; i < 2; i++) {
            struct bytes spi = unhex(r->sa[i].spi), keymat = unhex(r->sa[i].keymat);
            bool in = be32_get(spi.b) == sa->spi_in;
            const struct secret *enc = in ? &sa->enc_in : &sa->enc_out;
            const struct secret *auth = in ? &sa->auth_in : &sa->auth_out;

            assert_int_equal(be32_get(spi.b), in ? sa->spi_in : sa->spi_out);
            assert_memory_equal(enc->b, keymat.b, enc->len);
            assert_memory_equal(auth->b, keymat.b + enc->len, auth->len);
        }
    }
}

static void side_set(struct world *w, unsigned i, const struct racoon_exchange *r)
{
    struct side *s = &w->side[i];
    struct ip_addr me = ip_addr_v4(10, 55, 0, i == SIM_A ? 2 : 3);
    struct ip_addr other = ip_addr_v4(10, 55, 0, i == SIM_A ? 3 : 2);
    enum auth_alg auth = r->digest == DIGEST_MD5 ? AUTH_MD5 : AUTH_SHA1;
    struct bytes psk = unhex(r->psk);

    s->peer.address = (struct ip_prefix){ other, 32 };
    s->peer.cipher = r->cipher;
    s->peer.hash = auth;
    s->peer.group = r->group;
    s->peer.dpd_interval_s = 0;
    memcpy(s->peer.psk.b, psk.b, psk.len);
    s->peer.psk.len = (uint8_t)psk.len;
    s->proposal.ciphers = 1u << r->cipher;
    s->proposal.auth_algs = 1u << auth;
    s->proposal.pfs_group = r->group;
    s->policies[0].tunnel = false;
    s->policies[0].local = me;
    s->policies[0].remote = other;
    s->policies[0].local_sel = (struct ike_selector){ .prefix = { me, 32 } };
    s->policies[0].remote_sel = (struct ike_selector){ .prefix = { other, 32 } };
    world_configure(w, i);
}

/* What each engine draws, in its order; four bytes are the jitter of the renewal. */
static struct bytes script_of(unsigned side, const struct racoon_exchange *r,
                              const struct extra *extra)
{
    struct bytes s = unhex(side == SIM_A ? r->cky_i : r->cky_r);
    struct bytes rest = unhex(side == SIM_A ? r->rest1 : r->rest2);
    char spi[9];

    snprintf(spi, sizeof spi, "%08x", be32_get(rest.b + 20));
    add(&s, side == SIM_A ? r->ni_b : r->nr_b);
    add(&s, "00000000");
    add(&s, side == SIM_A ? r->info_id : extra->info_id_r);
    if (side == SIM_A)
        add(&s, r->quick_id);
    add(&s, spi);
    add(&s, side == SIM_A ? r->quick_ni_b : r->quick_nr_b);
    return s;
}

static void replay(const struct racoon_exchange *r, const struct extra *extra)
{
    struct world *w = world_new(1);
    struct bytes x[2][2] = { { unhex(r->xi), unhex(r->qm_xi) }, { unhex(r->xr), unhex(r->qm_xr) } };
    struct slice exponents[2][2];
    struct bytes scripts[2];
    static struct wire wire;

    wire.n = 0;
    w->tap = tap;
    w->tap_ctx = &wire;
    for (unsigned i = 0; i < 2; i++) {
        side_set(w, i, r);
        scripts[i] = script_of(i, r, extra);
        w->side[i].script = scripts[i].b;
        w->side[i].script_left = scripts[i].len;
        for (unsigned k = 0; k < 2; k++)
            exponents[i][k] = (struct slice){ x[i][k].b, x[i][k].len };
        w->side[i].exponents = exponents[i];
        w->side[i].n_exponents = 2;
    }
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    check_clear(&wire, r);
    check_sealed(&wire, r, extra);
    check_keys(w, r);
    world_free(w);
}

static void recorded_main_and_quick_modes_with_pfs(void **state)
{
    unsigned n = 0;

    (void)state;
    for (size_t i = 0; i < sizeof racoon_exchanges / sizeof racoon_exchanges[0]; i++) {
        for (size_t k = 0; k < sizeof extras / sizeof extras[0]; k++) {
            if (strcmp(racoon_exchanges[i].name, extras[k].name) != 0)
                continue;
            replay(&racoon_exchanges[i], &extras[k]);
            n++;
        }
    }
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_main_and_quick_modes_with_pfs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
