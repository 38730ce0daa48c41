/* Every secret, hash, IV, message and key of exchanges recorded between other implementations,
 * recomputed from their private exponents, nonces and pre-shared keys alone. */
#include "cursor.h"
#include "dh.h"
#include "keymat.h"
#include "recorded_racoon.h"
#include "recorded_rub.h"
#include "unhex.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { PL_SA = 1, PL_KE = 4, PL_ID = 5, PL_HASH = 8, PL_NONCE = 10 };
enum { ISAKMP_HEADER_LEN = 28, AT_FIRST_PAYLOAD = 16, AT_MESSAGE_ID = 20 };

static uint32_t u32_of(const char *hex)
{
    struct bytes b = unhex(hex);
    struct rd r = rd_from(b.b, b.len);

    return rd_u32(&r, "number");
}

static struct ike_cookies cookies_from(const char *i, const char *r)
{
    struct bytes cky_i = unhex(i), cky_r = unhex(r);
    struct ike_cookies ret;

    memcpy(ret.i, cky_i.b, COOKIE_LEN);
    memcpy(ret.r, cky_r.b, COOKIE_LEN);
    return ret;
}

/* The body of the first payload of TYPE in a chain that starts with type FIRST; ret_rest (NULL: not
 * wanted): what follows it up to the end of the chain. Borrows from BYTES. */
static struct slice payload_find(struct slice bytes, unsigned first, unsigned type,
                                 struct slice *ret_rest)
{
    struct rd r = rd_from(bytes.p, bytes.len);
    struct slice found = { NULL, 0 };

    for (unsigned now = first; now;) {
        unsigned next = rd_u8(&r, "next payload");
        rd_u8(&r, "reserved");
        uint16_t len = rd_u16(&r, "payload length");
        assert_true(len >= 4);
        struct slice body = rd_bytes(&r, len - 4u, "payload");
        assert_true(rd_ok(&r));
        if (now == type && !found.p)
            found = body;
        now = next;
    }
    assert_non_null(found.p);
    if (ret_rest)
        *ret_rest = (struct slice){ found.p + found.len, (size_t)(r.at - (found.p + found.len)) };
    return found;
}

static struct slice wire_find(const struct bytes *wire, unsigned type)
{
    struct slice payloads = { wire->b + ISAKMP_HEADER_LEN, wire->len - ISAKMP_HEADER_LEN };

    return payload_find(payloads, wire->b[AT_FIRST_PAYLOAD], type, NULL);
}

static void assert_slice_hex(struct slice got, const char *want)
{
    assert_hex(got.p, got.len, want);
}

/* -- the recordings with a Java client: whole messages */

/* One recorded exchange while it is gone through. */
struct run {
    const struct recorded_exchange *r;
    struct skeyid k;
    uint8_t key[16], iv1[16]; /* of phase 1, and where its chain stands */
    uint8_t iv2[16];          /* chain of the phase 2 exchange */
    bool phase2;
    unsigned quick_at; /* which message of quick mode comes next, from 1 */
};

/* Private exponent, both public values, nonces: everything up to the first encrypted message. */
static void phase1_check(struct run *run, const struct bytes *from_i, const struct bytes *from_r)
{
    const struct recorded_exchange *r = run->r;
    struct bytes xi = unhex(r->xi), first = unhex(r->messages[0].wire);
    struct bytes idii = unhex(r->idii_b), idir = unhex(r->idir_b);
    struct slice nonce_i = wire_find(from_i, PL_NONCE), nonce_r = wire_find(from_r, PL_NONCE);
    uint8_t public_value[DH_PUBLIC_MAX], secret[DH_PUBLIC_MAX], got[DIGEST_MAX];
    struct slice g_xy = { secret, 128 };
    struct phase1_facts f = { .g_xi = wire_find(from_i, PL_KE),
                              .g_xr = wire_find(from_r, PL_KE),
                              .cookies = cookies_from(r->cky_i, r->cky_r) };
    struct dh dh;

    assert_int_equal(dh_init_with(&dh, DH_MODP1024, bytes_slice(&xi)), DH_ERR_OK);
    assert_int_equal(dh_public(&dh, public_value), DH_ERR_OK);
    assert_true(slice_equal(f.g_xi, (struct slice){ public_value, 128 }));
    assert_int_equal(dh_shared(&dh, f.g_xr, secret), DH_ERR_OK);
    assert_slice_hex(g_xy, r->g_xy);
    assert_slice_hex(nonce_i, r->ni);
    assert_slice_hex(nonce_r, r->nr);
    skeyid_from_psk(&run->k, DIGEST_SHA1, slice_of_text("AAAA"), nonce_i, nonce_r);
    skeyid_derive(&run->k, g_xy, &f.cookies);
    assert_hex(run->k.skeyid, 20, r->skeyid);
    assert_hex(run->k.a, 20, r->skeyid_a);
    assert_hex(run->k.e, 20, r->skeyid_e);
    if (r->skeyid_d)
        assert_hex(run->k.d, 20, r->skeyid_d);
    assert_true(keymat_cipher_key(&run->k, CIPHER_AES_128, run->key));
    keymat_phase1_iv(DIGEST_SHA1, CIPHER_AES_128, f.g_xi, f.g_xr, run->iv1);
    f.sai_b = wire_find(&first, PL_SA);
    if (!r->enc_key)
        return;
    assert_slice_hex(f.sai_b, r->sai_b);
    assert_hex(run->key, 16, r->enc_key);
    assert_hex(run->iv1, 16, r->iv0);
    keymat_hash_i(&run->k, &f, bytes_slice(&idii), got);
    assert_hex(got, 20, r->hash_i);
    keymat_hash_r(&run->k, &f, bytes_slice(&idir), got);
    assert_hex(got, 20, r->hash_r);
}

/* HASH_I or HASH_R inside an encrypted message of main mode, over the identity beside it. */
static void main_mode_hash_check(struct run *run, bool from_initiator, struct slice clear,
                                 unsigned first_payload)
{
    const struct recorded_exchange *r = run->r;
    struct bytes sa = unhex(r->messages[0].wire), ke_i = unhex(r->messages[2].wire);
    struct bytes ke_r = unhex(r->messages[3].wire);
    struct phase1_facts f = { .g_xi = wire_find(&ke_i, PL_KE),
                              .g_xr = wire_find(&ke_r, PL_KE),
                              .cookies = cookies_from(r->cky_i, r->cky_r),
                              .sai_b = wire_find(&sa, PL_SA) };
    struct slice id = payload_find(clear, first_payload, PL_ID, NULL);
    uint8_t got[DIGEST_MAX];

    if (from_initiator)
        keymat_hash_i(&run->k, &f, id, got);
    else
        keymat_hash_r(&run->k, &f, id, got);
    assert_true(
        keymat_hash_matches(DIGEST_SHA1, got, payload_find(clear, first_payload, PL_HASH, NULL)));
}

static void phase2_hash_check(struct run *run, uint32_t message_id, struct slice clear)
{
    struct bytes ni = unhex(run->r->ni2), nr = unhex(run->r->nr2);
    struct slice rest, hash = payload_find(clear, PL_HASH, PL_HASH, &rest);
    uint8_t got[DIGEST_MAX];

    switch (run->quick_at++) {
    case 1:
        keymat_hash1(&run->k, message_id, rest, got);
        if (run->r->hash1)
            assert_hex(got, 20, run->r->hash1);
        break;
    case 2:
        keymat_hash2(&run->k, message_id, bytes_slice(&ni), rest, got);
        assert_hex(got, 20, run->r->hash2);
        break;
    default:
        keymat_hash3(&run->k, message_id, bytes_slice(&ni), bytes_slice(&nr), got);
        assert_hex(got, 20, run->r->hash3);
        break;
    }
    assert_true(keymat_hash_matches(DIGEST_SHA1, got, hash));
}

/* Decrypts, compares, encrypts again, compares; then the hash inside. */
static void encrypted_check(struct run *run, const struct recorded_message *m)
{
    struct bytes wire = unhex(m->wire);
    struct rd r = rd_from(wire.b + AT_MESSAGE_ID, 4);
    uint32_t message_id = rd_u32(&r, "message ID");
    uint8_t *body = wire.b + ISAKMP_HEADER_LEN;
    size_t len = wire.len - ISAKMP_HEADER_LEN;
    struct slice key = { run->key, sizeof(run->key) };
    uint8_t *iv = message_id ? run->iv2 : run->iv1;
    uint8_t iv_before[16], next[16];

    if (message_id && !run->phase2) {
        run->phase2 = true;
        keymat_phase2_iv(DIGEST_SHA1, CIPHER_AES_128, run->iv1, message_id, run->iv2);
        assert_hex(run->iv1, 16, run->r->last_p1_block);
        assert_hex(run->iv2, 16, run->r->quick_iv ? run->r->quick_iv : run->r->info_iv);
        assert_int_equal(message_id, u32_of(run->r->m_id));
    }
    memcpy(iv_before, iv, sizeof(iv_before));
    assert_int_equal(cbc_open(CIPHER_AES_128, key, iv, body, len, iv), CIPHER_ERR_OK);
    assert_hex(body, len, m->clear);
    if (message_id == 0)
        main_mode_hash_check(run, m->from_initiator, (struct slice){ body, len },
                             wire.b[AT_FIRST_PAYLOAD]);
    else
        phase2_hash_check(run, message_id, (struct slice){ body, len });
    assert_int_equal(cbc_seal(CIPHER_AES_128, key, iv_before, body, len, next), CIPHER_ERR_OK);
    assert_hex(wire.b, wire.len, m->wire);
    assert_memory_equal(next, iv, sizeof(next));
}

static void phase2_keys_check(struct run *run, const char *spi_hex, const char *want)
{
    struct bytes spi = unhex(spi_hex), ni = unhex(run->r->ni2), nr = unhex(run->r->nr2);
    struct quick_facts f = {
        .protocol = 3, .spi = bytes_slice(&spi), .ni_b = bytes_slice(&ni), .nr_b = bytes_slice(&nr)
    };
    uint8_t got[KEYMAT_MAX];

    if (!want)
        return;
    keymat_quick(&run->k, &f, got, 36);
    assert_hex(got, 36, want);
}

static void exchange_check(const struct recorded_exchange *r)
{
    struct run run = { .r = r, .quick_at = 1 };
    unsigned ke_at = 0; /* main mode: third and fourth message, aggressive mode: first and second */
    struct bytes first = unhex(r->messages[0].wire);
    struct bytes from_i, from_r;

    print_message("%s\n", r->name);
    if (first.b[18] == 2) /* exchange type: identity protection */
        ke_at = 2;
    from_i = unhex(r->messages[ke_at].wire);
    from_r = unhex(r->messages[ke_at + 1].wire);
    phase1_check(&run, &from_i, &from_r);
    for (size_t i = 0; i < COUNT(r->messages) && r->messages[i].wire; i++)
        if (r->messages[i].clear)
            encrypted_check(&run, &r->messages[i]);
    assert_true(run.phase2);
    phase2_keys_check(&run, r->spi_i, r->keymat_to_i);
    phase2_keys_check(&run, r->spi_r, r->keymat_to_r);
}

static void recorded_messages_are_opened_verified_and_made_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(recorded_exchanges); i++)
        exchange_check(&recorded_exchanges[i]);
}

/* -- the recordings with racoon: its own figures */

static void racoon_auth_check(const struct racoon_exchange *r, const struct skeyid *k,
                              struct phase1_facts f)
{
    struct bytes idii = unhex(r->idii_b), idir = unhex(r->idir_b);
    struct bytes ni = unhex(r->ni_b), nr = unhex(r->nr_b);
    size_t len = digest_info[r->digest].len;
    uint8_t got[DIGEST_MAX];

    if (r->base_mode && !r->psk) {
        keymat_base_hash_i(r->digest, &f, bytes_slice(&ni), bytes_slice(&nr), bytes_slice(&idii),
                           got);
        assert_hex(got, len, r->hash_i);
        keymat_base_hash_r(r->digest, &f, bytes_slice(&ni), bytes_slice(&nr), bytes_slice(&idii),
                           got);
        assert_hex(got, len, r->hash_r);
        return;
    }
    keymat_hash_r(k, &f, bytes_slice(&idir), got);
    assert_hex(got, len, r->hash_r);
    if (r->base_mode)
        f.g_xr.len = 0;
    keymat_hash_i(k, &f, bytes_slice(&idii), got);
    assert_hex(got, len, r->hash_i);
}

static void racoon_phase1_check(const struct racoon_exchange *r, struct skeyid *ret)
{
    struct bytes psk = unhex(r->psk), ni = unhex(r->ni_b), nr = unhex(r->nr_b);
    struct bytes g_xy = unhex(r->g_xy), g_xi = unhex(r->g_xi), g_xr = unhex(r->g_xr);
    struct bytes sai = unhex(r->sai_b);
    size_t len = digest_info[r->digest].len;
    struct phase1_facts f = { .g_xi = bytes_slice(&g_xi),
                              .g_xr = bytes_slice(&g_xr),
                              .cookies = cookies_from(r->cky_i, r->cky_r),
                              .sai_b = bytes_slice(&sai) };
    uint8_t got[CIPHER_KEY_MAX];

    if (r->psk)
        skeyid_from_psk(ret, r->digest, bytes_slice(&psk), bytes_slice(&ni), bytes_slice(&nr));
    else
        skeyid_from_signature(ret, r->digest, bytes_slice(&ni), bytes_slice(&nr),
                              bytes_slice(&g_xy));
    skeyid_derive(ret, bytes_slice(&g_xy), &f.cookies);
    assert_hex(ret->skeyid, len, r->skeyid);
    assert_hex(ret->d, len, r->skeyid_d);
    assert_hex(ret->a, len, r->skeyid_a);
    assert_hex(ret->e, len, r->skeyid_e);
    assert_true(keymat_cipher_key(ret, r->cipher, got));
    assert_hex(got, cipher_info[r->cipher].key_len, r->key);
    keymat_phase1_iv(r->digest, r->cipher, f.g_xi, f.g_xr, got);
    assert_hex(got, cipher_info[r->cipher].block_len, r->iv);
    racoon_auth_check(r, ret, f);
}

static void racoon_phase2_check(const struct racoon_exchange *r, const struct skeyid *k)
{
    struct bytes last = unhex(r->last_block), ni = unhex(r->quick_ni_b), nr = unhex(r->quick_nr_b);
    struct bytes info = unhex(r->info_rest), rest1 = unhex(r->rest1), rest2 = unhex(r->rest2);
    struct bytes g_xy = unhex(r->g_qm_xy);
    uint32_t id = u32_of(r->quick_id);
    size_t len = digest_info[r->digest].len;
    uint8_t got[KEYMAT_MAX];

    keymat_phase2_iv(r->digest, r->cipher, last.b, id, got);
    assert_hex(got, cipher_info[r->cipher].block_len, r->quick_iv);
    keymat_hash1(k, u32_of(r->info_id), bytes_slice(&info), got);
    assert_hex(got, len, r->info_hash1);
    keymat_hash1(k, id, bytes_slice(&rest1), got);
    assert_hex(got, len, r->hash1);
    keymat_hash2(k, id, bytes_slice(&ni), bytes_slice(&rest2), got);
    assert_hex(got, len, r->hash2);
    keymat_hash3(k, id, bytes_slice(&ni), bytes_slice(&nr), got);
    assert_hex(got, len, r->hash3);
    for (unsigned i = 0; i < COUNT(r->sa); i++) {
        struct bytes spi = unhex(r->sa[i].spi);
        struct quick_facts f = { .g_qm_xy = bytes_slice(&g_xy),
                                 .protocol = 3,
                                 .spi = bytes_slice(&spi),
                                 .ni_b = bytes_slice(&ni),
                                 .nr_b = bytes_slice(&nr) };
        keymat_quick(k, &f, got, strlen(r->sa[i].keymat) / 2);
        assert_hex(got, strlen(r->sa[i].keymat) / 2, r->sa[i].keymat);
    }
}

static void racoon_message_check(const struct racoon_exchange *r)
{
    struct bytes key = unhex(r->key), iv = unhex(r->iv_before), buf = unhex(r->sealed);

    assert_int_equal(cbc_open(r->cipher, bytes_slice(&key), iv.b, buf.b, buf.len, NULL), 0);
    assert_hex(buf.b, buf.len, r->opened);
}

static void recorded_figures_of_racoon_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(racoon_exchanges); i++) {
        const struct racoon_exchange *r = &racoon_exchanges[i];
        struct skeyid k;
        print_message("%s\n", r->name);
        racoon_phase1_check(r, &k);
        racoon_phase2_check(r, &k);
        racoon_message_check(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_messages_are_opened_verified_and_made_again),
        cmocka_unit_test(recorded_figures_of_racoon_come_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
