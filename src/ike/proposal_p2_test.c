/* Phase 2 offers and choosing from them. Recorded SA payloads: src/crypto/recorded_*.h. */
#include "dh.h"
#include "proposal.h"
#include "proposal_p2_kit.h"
#include "unit.h"

#include <time.h>

/* ---- recorded ---- */

static const struct {
    const char *name;
    uint32_t cipher, auth;
    unsigned group;
    uint32_t spi_i, spi_r;
    const char *sa1, *sa2;
} racoon[] = {
    { "aes-128 sha1 modp1536", C(AES_128), A(SHA1), DH_MODP1536, 0x0172e4cc, 0x01d5dd75,
      "00000001000000010000002c010304010172e4cc00000020010c0000800100018002070880040002800600808005"
      "000280030005",
      "00000001000000010000002c0103040101d5dd7500000020010c0000800100018002070880040002800600808005"
      "000280030005" },
    { "3des md5 modp1024", C(3DES), A(MD5), DH_MODP1024, 0x09cc9694, 0x02fb29fc,
      "0000000100000001000000280103040109cc96940000001c01030000800100018002070880040002800500018003"
      "0002",
      "00000001000000010000002801030401"
      "02fb29fc0000001c010300008001000180020708800400028005000180030002" },
    { "aes-256 sha1, no PFS", C(AES_256), A(SHA1), DH_NONE, 0x0fd548af, 0x03e3b669,
      "000000010000000100000028010304010fd548af0000001c010c0000800100018002070880040002800601008005"
      "0002",
      "0000000100000001000000280103040103e3b6690000001c010c0000800100018002070880040002800601008005"
      "0002" },
    { "des md5, no PFS", C(DES), A(MD5), DH_NONE, 0x0fb0869b, 0x0bf87786,
      "000000010000000100000024010304010fb0869b000000180102000080010001800207088004000280050001",
      "000000010000000100000024010304010bf87786000000180102000080010001800207088004000280050001" },
};

static void offers_choices_and_answers_are_those_of_racoon(void **state)
{
    (void)state;
    static struct sa_kit k;

    for (size_t i = 0; i < sizeof racoon / sizeof *racoon; i++) {
        const struct ike_proposal p = { .auth_algs = racoon[i].auth,
                                        .ciphers = racoon[i].cipher,
                                        .lifetime_s = 1800,
                                        .pfs_group = racoon[i].group };
        struct p2_want want = want_of(&p);
        struct p2_choice c;
        struct proposal_why why;

        print_message("%s\n", racoon[i].name);
        want.tunnel = false;
        kit_begin(&k);
        p2_offer(&k.m, &want, (const uint32_t[2]){ racoon[i].spi_i });
        kit_end(&k);
        kit_assert_hex(&k, racoon[i].sa1);
        for (int check = IKE_CHECK_CLAIM; check <= IKE_CHECK_STRICT; check++) {
            want.check = (enum ike_proposal_check)check;
            kit_from_hex(&k, racoon[i].sa1);
            assert_true(p2_choose(&k.sa, &want, &c, &why));
            assert_int_equal(1u << c.sas[0].cipher, racoon[i].cipher);
            assert_int_equal(1u << c.sas[0].auth, racoon[i].auth);
            assert_int_equal(c.sas[0].spi, racoon[i].spi_i);
            assert_int_equal(c.group, racoon[i].group);
            assert_int_equal(c.life.seconds, 1800);
            assert_false(c.responder_lifetime);
            kit_begin(&k);
            p2_answer(&k.m, &c, (const uint32_t[2]){ racoon[i].spi_r });
            kit_end(&k);
            kit_assert_hex(&k, racoon[i].sa2);
        }
        assert_true(p2_check(&k.sa, &want, &c, &why));
        assert_int_equal(c.sas[0].spi, racoon[i].spi_r);
        assert_int_equal(1u << c.sas[0].cipher, racoon[i].cipher);
        assert_false(c.life_differs);
    }
}

/* Reference, application example with a Cisco router: des, sha1, group 2, 3600 s, 4608000 kB, the
 * latter as four bytes. */
static void the_offer_of_a_cisco_router_passes(void **state)
{
    (void)state;
    static struct sa_kit k;
    static const char sa_b[] = "0000000100000001"
                               "0000003801030401abcd1234"
                               "0000002c01020000"
                               "80010001"
                               "0002000400000e10"
                               "80010002"
                               "0002000400465000"
                               "80040001"
                               "80050002"
                               "80030002";
    const struct ike_proposal p = {
        .auth_algs = A(SHA1), .ciphers = C(DES), .lifetime_s = 1800, .pfs_group = DH_MODP1024
    };
    static const struct {
        enum ike_proposal_check check;
        bool chosen, tell;
        uint64_t seconds;
    } rows[] = { { IKE_CHECK_OBEY, true, false, 3600 },
                 { IKE_CHECK_CLAIM, true, true, 1800 },
                 { IKE_CHECK_STRICT, false, false, 0 },
                 { IKE_CHECK_EXACT, false, false, 0 } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct p2_want want = want_of(&p);
        struct p2_choice c;
        struct proposal_why why;

        want.check = rows[i].check;
        kit_from_hex(&k, sa_b);
        assert_int_equal(p2_choose(&k.sa, &want, &c, &why), rows[i].chosen);
        if (!rows[i].chosen) {
            assert_text_has(why.text, "lifetime: peer offers 1h, we want");
            continue;
        }
        assert_int_equal(c.life.seconds, rows[i].seconds);
        assert_int_equal(c.life.kilobytes, 4608000);
        assert_int_equal(c.responder_lifetime, rows[i].tell);
        kit_begin(&k);
        p2_answer(&k.m, &c, (const uint32_t[2]){ 0xabcd1234 });
        kit_end(&k);
        kit_assert_hex(&k, sa_b); /* attributes back as they came, form included */
    }
}

/* ---- what is offered ---- */

static void every_cipher_is_offered_with_every_authentication(void **state)
{
    (void)state;
    static struct sa_kit k;
    const struct ike_proposal all = { .auth_algs = A(NONE) | A(MD5) | A(SHA1),
                                      .ciphers = C(NULL) | C(DES) | C(3DES) | C(AES_128) |
                                                 C(AES_192) | C(AES_256),
                                      .lifetime_s = 1800 };
    static const struct {
        uint8_t id;
        uint16_t key_bits, auth;
    } rows[] = {
        { 12, 256, 2 }, { 12, 256, 1 }, { 12, 256, 0 }, { 12, 192, 2 }, { 12, 192, 1 },
        { 12, 192, 0 }, { 12, 128, 2 }, { 12, 128, 1 }, { 12, 128, 0 }, { 3, 0, 2 },
        { 3, 0, 1 },    { 3, 0, 0 },    { 2, 0, 2 },    { 2, 0, 1 },    { 2, 0, 0 },
        { 11, 0, 2 },   { 11, 0, 1 },
    };
    const struct p2_want want = want_of(&all);
    struct isakmp_proposal p;
    struct isakmp_transform t;

    offer(&k, &want);
    struct rd it = rd_of(k.sa.proposals);
    assert_true(isakmp_proposal_next(&it, &p));
    assert_int_equal(p.n_transforms, sizeof rows / sizeof *rows);
    it = rd_of(p.transforms);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct isakmp_p2 p2;

        assert_true(isakmp_transform_next(&it, &t));
        assert_int_equal(isakmp_p2_decode(&t, ISAKMP_PROTO_ESP, &p2), SKIP_NONE);
        assert_int_equal(p2.number, i + 1);
        assert_int_equal(p2.id, rows[i].id);
        assert_int_equal(p2.key_bits, rows[i].key_bits);
        assert_int_equal(p2.auth, rows[i].auth);
        assert_int_equal(p2.life.seconds, 1800);
        assert_int_equal(p2.encap, IPSEC_ENCAP_TUNNEL);
    }
}

/* RFC 2408 4.2: one number, one proposal per protocol. */
static void both_protocols_go_under_one_number(void **state)
{
    (void)state;
    static struct sa_kit k;
    const struct ike_proposal p = { .auth_algs = A(NONE) | A(MD5),
                                    .ciphers = C(3DES),
                                    .lifetime_s = 1800 };
    struct p2_want want = want_of(&p);

    want.protocols = IKE_PROTO_ESP | IKE_PROTO_AH;
    offer(&k, &want);
    kit_assert_hex(&k, "0000000100000001"
                       "02000038010304020172e4cc"
                       "030000180103000080010001800207088004000180050001"
                       "000000140203000080010001"
                       "8002070880040001"
                       "00000024010204010abcdef0"
                       "000000180102000080010001800207088004000280050001");
    want.tunnel = false;
    want.protocols = IKE_PROTO_AH;
    offer(&k, &want);
    kit_assert_hex(&k, "0000000100000001"
                       "00000024010204010abcdef0"
                       "000000180102000080010001800207088004000280050001");
}

static void encapsulation_values_follow_mode_and_nat(void **state)
{
    (void)state;
    static struct sa_kit k;
    static const struct {
        bool tunnel;
        enum p2_encap encap;
        uint16_t value;
    } rows[] = {
        { true, P2_ENCAP_PLAIN, 1 },         { false, P2_ENCAP_PLAIN, 2 },
        { true, P2_ENCAP_UDP, 3 },           { false, P2_ENCAP_UDP, 4 },
        { true, P2_ENCAP_UDP_DRAFT, 61443 }, { false, P2_ENCAP_UDP_DRAFT, 61444 },
    };
    enum { N = sizeof rows / sizeof *rows };

    for (size_t i = 0; i < N; i++) {
        struct p2_want want = want_of(&proposal_default);
        struct isakmp_p2 t = transform_default();

        want.tunnel = rows[i].tunnel;
        want.encap = rows[i].encap;
        for (size_t j = 0; j < N; j++) { /* only its own value is accepted */
            struct p2_choice c;
            struct proposal_why why;

            t.encap = rows[j].value;
            one_transform(&k, &t);
            assert_int_equal(p2_choose(&k.sa, &want, &c, &why), i == j);
            if (i != j)
                assert_text_has(why.text, "encapsulation: peer offers ");
        }
        offer(&k, &want);
        assert_int_equal(be16_get(k.sa.body.p + 8 + 12 + 8 + 8 + 2), rows[i].value);
    }
}

static void what_cannot_be_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t protocols;
        uint32_t ciphers, auths;
        enum p2_encap encap;
    } rows[] = {
        { "leaves esp without encryption and authentication", IKE_PROTO_ESP, C(NULL), A(NONE), 0 },
        { "leaves esp without encryption and authentication", IKE_PROTO_ESP, 0, A(SHA1), 0 },
        { "has no auth-algorithms for ah", IKE_PROTO_AH, C(3DES), A(NONE), 0 },
        { "has no auth-algorithms for ah", IKE_PROTO_AH | IKE_PROTO_ESP, C(3DES), A(NONE), 0 },
        { "NAT on the way", IKE_PROTO_AH, C(3DES), A(SHA1), P2_ENCAP_UDP },
        { "NAT on the way", IKE_PROTO_AH | IKE_PROTO_ESP, C(3DES), A(SHA1), P2_ENCAP_UDP_DRAFT },
        { "neither esp nor ah", 0, C(3DES), A(SHA1), 0 },
        { NULL, IKE_PROTO_ESP, C(NULL) | C(DES), A(NONE), 0 },
        { NULL, IKE_PROTO_ESP, C(NULL), A(NONE) | A(MD5), 0 },
        { NULL, IKE_PROTO_AH, 0, A(NONE) | A(MD5), 0 },
        { NULL, IKE_PROTO_ESP, C(3DES), A(SHA1), P2_ENCAP_UDP },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ike_proposal p = { .name = "weak",
                                        .ciphers = rows[i].ciphers,
                                        .auth_algs = rows[i].auths };
        struct p2_want want = want_of(&p);
        struct proposal_why why;

        want.protocols = rows[i].protocols;
        want.encap = rows[i].encap;
        assert_int_equal(p2_possible(&want, &why), rows[i].text == NULL);
        if (rows[i].text)
            assert_text_has(why.text, rows[i].text);
    }
}

/* ---- choosing ---- */

/* The phase 2 column of proposal-check; ours is 1800 s and 1000 kB, or no limit in bytes. */
static const struct {
    enum ike_proposal_check check;
    uint64_t our_kb;
    struct isakmp_life offered;
    bool chosen;
    struct isakmp_life in_force;
    bool tell;
} life_rows[] = {
    /* clang-format off */
    { IKE_CHECK_OBEY,   1000, {  900, 1000 }, true,  {  900, 1000 }, false },
    { IKE_CHECK_OBEY,   1000, { 1800, 1000 }, true,  { 1800, 1000 }, false },
    { IKE_CHECK_OBEY,   1000, { 3600, 1000 }, true,  { 3600, 1000 }, false },
    { IKE_CHECK_OBEY,   1000, { 1800,  500 }, true,  { 1800,  500 }, false },
    { IKE_CHECK_OBEY,   1000, { 1800, 2000 }, true,  { 1800, 2000 }, false },
    { IKE_CHECK_OBEY,   1000, { 1800,    0 }, true,  { 1800,    0 }, false },
    { IKE_CHECK_OBEY,   1000, {    0,    0 }, true,  { 28800,   0 }, false },
    { IKE_CHECK_STRICT, 1000, {  900, 1000 }, true,  {  900, 1000 }, false },
    { IKE_CHECK_STRICT, 1000, { 1800, 1000 }, true,  { 1800, 1000 }, false },
    { IKE_CHECK_STRICT, 1000, { 1801, 1000 }, false, { 0 },          false },
    { IKE_CHECK_STRICT, 1000, {    0, 1000 }, false, { 0 },          false }, /* 28800 */
    { IKE_CHECK_STRICT, 1000, { 1800,  500 }, true,  { 1800,  500 }, false },
    { IKE_CHECK_STRICT, 1000, { 1800, 1001 }, false, { 0 },          false },
    { IKE_CHECK_STRICT, 1000, { 1800,    0 }, false, { 0 },          false },
    { IKE_CHECK_STRICT,    0, { 1800, 4608000 }, true, { 1800, 4608000 }, false },
    { IKE_CHECK_CLAIM,  1000, {  900, 1000 }, true,  {  900, 1000 }, false },
    { IKE_CHECK_CLAIM,  1000, { 1800, 1000 }, true,  { 1800, 1000 }, false },
    { IKE_CHECK_CLAIM,  1000, { 3600, 1000 }, true,  { 1800, 1000 }, true },
    { IKE_CHECK_CLAIM,  1000, { 1800,  500 }, true,  { 1800,  500 }, false },
    { IKE_CHECK_CLAIM,  1000, { 1800, 2000 }, true,  { 1800, 1000 }, true },
    { IKE_CHECK_CLAIM,  1000, {  900,    0 }, true,  {  900, 1000 }, true },
    { IKE_CHECK_CLAIM,     0, { 1800, 4608000 }, true, { 1800, 4608000 }, false },
    { IKE_CHECK_EXACT,  1000, {  900, 1000 }, false, { 0 },          false },
    { IKE_CHECK_EXACT,  1000, { 1800, 1000 }, true,  { 1800, 1000 }, false },
    { IKE_CHECK_EXACT,  1000, { 3600, 1000 }, false, { 0 },          false },
    { IKE_CHECK_EXACT,  1000, { 1800,  500 }, false, { 0 },          false },
    { IKE_CHECK_EXACT,  1000, { 1800, 2000 }, false, { 0 },          false },
    { IKE_CHECK_EXACT,  1000, { 1800,    0 }, false, { 0 },          false },
    { IKE_CHECK_EXACT,     0, { 1800,    0 }, true,  { 1800,    0 }, false },
    { IKE_CHECK_EXACT,     0, { 1800, 4608000 }, false, { 0 },       false },
    /* clang-format on */
};

static void proposal_check_rules_lifetimes(void **state)
{
    (void)state;
    static struct sa_kit k;

    for (size_t i = 0; i < sizeof life_rows / sizeof *life_rows; i++) {
        struct ike_proposal p = proposal_default;
        struct isakmp_p2 t = transform_default();
        struct p2_want want = want_of(&p);
        struct p2_choice c;
        struct proposal_why why;

        print_message("row %zu\n", i);
        p.lifebytes = life_rows[i].our_kb * 1024;
        want.check = life_rows[i].check;
        t.life = life_rows[i].offered;
        one_transform(&k, &t);
        assert_int_equal(p2_choose(&k.sa, &want, &c, &why), life_rows[i].chosen);
        if (life_rows[i].chosen) {
            assert_int_equal(c.life.seconds, life_rows[i].in_force.seconds);
            assert_int_equal(c.life.kilobytes, life_rows[i].in_force.kilobytes);
            assert_int_equal(c.responder_lifetime, life_rows[i].tell);
        } else {
            assert_text_has(why.text, "(proposal-check=");
        }
    }
}

/* Offered groups none, 2, 5 against ours none, 2: '+' is chosen. */
static void proposal_check_rules_pfs(void **state)
{
    (void)state;
    static struct sa_kit k;
    static const struct {
        enum ike_proposal_check check;
        unsigned ours;
        const char *none_2_5_14;
    } rows[] = {
        { IKE_CHECK_OBEY, DH_NONE, "+++-" },   { IKE_CHECK_OBEY, DH_MODP1024, "+++-" },
        { IKE_CHECK_STRICT, DH_NONE, "+++-" }, { IKE_CHECK_STRICT, DH_MODP1024, "-+--" },
        { IKE_CHECK_CLAIM, DH_NONE, "+++-" },  { IKE_CHECK_CLAIM, DH_MODP1024, "-+--" },
        { IKE_CHECK_EXACT, DH_NONE, "+---" },  { IKE_CHECK_EXACT, DH_MODP1024, "-+--" },
    };
    static const uint16_t offered[] = { 0, 2, 5, 14 };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t j = 0; j < 4; j++) {
            struct ike_proposal p = proposal_default;
            struct isakmp_p2 t = transform_default();
            struct p2_want want = want_of(&p);
            struct p2_choice c;
            struct proposal_why why;
            const bool chosen = rows[i].none_2_5_14[j] == '+';

            p.pfs_group = rows[i].ours;
            want.check = rows[i].check;
            t.group = offered[j];
            one_transform(&k, &t);
            assert_int_equal(p2_choose(&k.sa, &want, &c, &why), chosen);
            if (chosen)
                assert_int_equal(c.group, offered[j]);
            else
                assert_text_has(why.text, "pfs-group: peer offers ");
        }
    }
}

/* Offered aes-128, aes-192, aes-256 against the ciphers we want. */
static void proposal_check_rules_the_key_length(void **state)
{
    (void)state;
    static struct sa_kit k;
    static const struct {
        enum ike_proposal_check check;
        uint32_t ours;
        const char *aes_128_192_256;
    } rows[] = {
        { IKE_CHECK_OBEY, C(AES_192), "+++" },
        { IKE_CHECK_STRICT, C(AES_192), "-++" },
        { IKE_CHECK_CLAIM, C(AES_192), "-++" },
        { IKE_CHECK_EXACT, C(AES_192), "-+-" },
        { IKE_CHECK_EXACT, C(AES_128) | C(AES_256), "+-+" },
        { IKE_CHECK_STRICT, C(AES_128) | C(AES_256), "+++" },
        { IKE_CHECK_OBEY, C(3DES), "---" },
    };
    static const enum cipher_alg offered[] = { CIPHER_AES_128, CIPHER_AES_192, CIPHER_AES_256 };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t j = 0; j < 3; j++) {
            struct ike_proposal p = proposal_default;
            struct isakmp_p2 t = transform_default();
            struct p2_want want = want_of(&p);
            struct p2_choice c;
            struct proposal_why why;
            const bool chosen = rows[i].aes_128_192_256[j] == '+';

            p.ciphers = rows[i].ours;
            want.check = rows[i].check;
            t.id = IPSEC_ESP_AES;
            t.key_bits = (uint16_t)(128 + 64 * j);
            one_transform(&k, &t);
            assert_int_equal(p2_choose(&k.sa, &want, &c, &why), chosen);
            if (chosen)
                assert_int_equal(c.sas[0].cipher, offered[j]);
            else
                assert_text_has(why.text, "encryption: peer offers aes-");
        }
    }
}

/* S17: all that can be offered for ESP against all that can be wanted. */
static void esp_without_any_protection_is_never_chosen(void **state)
{
    (void)state;
    static struct sa_kit k;
    const struct ike_proposal all = { .auth_algs = A(NONE) | A(MD5) | A(SHA1),
                                      .ciphers = C(NULL) | C(DES) | C(3DES) | C(AES_128) };
    struct p2_want want = want_of(&all);
    unsigned chosen = 0;

    for (unsigned id = 0; id < 256; id++) {
        for (uint16_t auth = 0; auth <= 10; auth++) {
            struct isakmp_p2 t = transform_default();
            struct p2_choice c;
            struct proposal_why why;

            t.id = (uint8_t)id;
            t.auth = auth;
            t.key_bits = id == IPSEC_ESP_AES ? 128 : 0;
            one_transform(&k, &t);
            if (!p2_choose(&k.sa, &want, &c, &why))
                continue;
            chosen++;
            assert_true(auth_info[c.sas[0].auth].attribute == auth);
            assert_true(cipher_info[c.sas[0].cipher].esp_transform == id);
            assert_false(c.sas[0].cipher == CIPHER_NULL && c.sas[0].auth == AUTH_NONE);
            assert_false(c.sas[0].cipher == CIPHER_NONE);
        }
    }
    assert_int_equal(chosen, 4 * 3 - 1);
}

static void refusals_name_what_differs(void **state)
{
    (void)state;
    static struct sa_kit k;
    static const struct {
        struct isakmp_p2 t;
        const char *text;
    } rows[] = {
        { { 1, ISAKMP_PROTO_ESP, IPSEC_ESP_3DES, 0, 2, 1, 0, { 0 } },
          "encryption: peer offers 3des, we want aes-256 or aes-128" },
        { { 1, ISAKMP_PROTO_ESP, IPSEC_ESP_AES, 128, 5, 1, 0, { 0 } },
          "authentication: peer offers sha256, we want sha1 or md5" },
        { { 1, ISAKMP_PROTO_ESP, IPSEC_ESP_AES_GCM_16, 128, 0, 1, 0, { 0 } },
          "encryption: peer offers aes-gcm-16-128, we want aes-256 or aes-128; "
          "authentication: peer offers null, we want sha1 or md5" },
        { { 1, ISAKMP_PROTO_ESP, IPSEC_ESP_AES, 128, 2, 2, 0, { 0 } },
          "encapsulation: peer offers transport, we want tunnel" },
        { { 1, ISAKMP_PROTO_ESP, IPSEC_ESP_AES, 128, 2, 0, 0, { 0 } },
          "encapsulation: peer offers nothing, we want tunnel" },
        { { 1, ISAKMP_PROTO_ESP, IPSEC_ESP_AES, 128, 2, 1, 14, { 0 } },
          "pfs-group: peer offers modp2048, which we cannot; we want none" },
        { { 1, ISAKMP_PROTO_AH, IPSEC_AH_SHA, 0, 2, 1, 0, { 0 } },
          "protocols: peer offers ah, we want esp" },
        { { 1, ISAKMP_PROTO_ESP, IPSEC_ESP_AES, 0, 2, 1, 0, { 0 } },
          "key length missing, wrong, or given for a cipher without one" },
    };
    const struct ike_proposal p = { .auth_algs = A(SHA1) | A(MD5),
                                    .ciphers = C(AES_128) | C(AES_256) };
    const struct p2_want want = want_of(&p);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct p2_choice c;
        struct proposal_why why;

        one_transform(&k, &rows[i].t);
        assert_false(p2_choose(&k.sa, &want, &c, &why));
        assert_string_equal(why.text, rows[i].text);
        assert_int_equal(why.notify, NOTIFY_NO_PROPOSAL_CHOSEN);
    }
}

/* Proposals of one number are one offer: which combinations suit which policy. */
static void combinations_of_protocols_match_the_policy_whole(void **state)
{
    (void)state;
    static struct sa_kit k;
    struct isakmp_p2 esp = transform_default(), ah = esp;
    enum { E = ISAKMP_PROTO_ESP, H = ISAKMP_PROTO_AH };
    static const struct {
        const char *label;
        uint8_t wanted;
        struct {
            uint8_t number, protocol;
        } offered[3];
        uint8_t chosen; /* proposal; 0: none */
    } rows[] = {
        { "esp for esp", IKE_PROTO_ESP, { { 1, E } }, 1 },
        { "ah for esp", IKE_PROTO_ESP, { { 1, H } }, 0 },
        { "both for esp", IKE_PROTO_ESP, { { 1, E }, { 1, H } }, 0 },
        { "both, or esp", IKE_PROTO_ESP, { { 1, H }, { 1, E }, { 2, E } }, 2 },
        { "esp for both", IKE_PROTO_ESP | IKE_PROTO_AH, { { 1, E } }, 0 },
        { "both for both", IKE_PROTO_ESP | IKE_PROTO_AH, { { 3, E }, { 3, H } }, 3 },
        { "both for both, ah first", IKE_PROTO_ESP | IKE_PROTO_AH, { { 3, H }, { 3, E } }, 3 },
        { "either for both", IKE_PROTO_ESP | IKE_PROTO_AH, { { 1, E }, { 2, H } }, 0 },
        { "esp twice", IKE_PROTO_ESP, { { 1, E }, { 1, E } }, 0 },
        { "three", IKE_PROTO_ESP | IKE_PROTO_AH, { { 1, E }, { 1, H }, { 1, 4 } }, 0 },
        { "esp with compression", IKE_PROTO_ESP, { { 1, E }, { 1, 4 } }, 0 },
        { "esp with compression, or esp", IKE_PROTO_ESP, { { 1, E }, { 1, 4 }, { 2, E } }, 2 },
    };

    ah.protocol = H;
    ah.id = IPSEC_AH_SHA;
    ah.encap = IPSEC_ENCAP_TRANSPORT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct p2_want want = want_of(&proposal_default);
        struct p2_choice c;
        struct proposal_why why;

        print_message("%s\n", rows[i].label);
        want.protocols = rows[i].wanted;
        sa_begin(&k);
        for (size_t j = 0; j < 3 && rows[i].offered[j].number; j++) {
            const uint8_t protocol = rows[i].offered[j].protocol;

            proposal_emit(&k, rows[i].offered[j].number, protocol, protocol == H ? SPI_I_AH : SPI_I,
                          protocol == H ? &ah : &esp, 1);
        }
        sa_end(&k);
        assert_int_equal(p2_choose(&k.sa, &want, &c, &why), rows[i].chosen != 0);
        if (rows[i].chosen) {
            assert_int_equal(c.proposal, rows[i].chosen);
            assert_int_equal(c.n_sas, want.protocols == IKE_PROTO_ESP ? 1 : 2);
            for (unsigned s = 0; s < c.n_sas; s++)
                assert_int_equal(c.sas[s].spi, c.sas[s].protocol == H ? SPI_I_AH : SPI_I);
        }
    }
}

/* One quick mode has one KE payload and one lifetime, whichever protocols it makes SAs for. */
static void protocols_of_an_offer_share_group_and_lifetime(void **state)
{
    (void)state;
    static struct sa_kit k;
    struct isakmp_p2 esp = transform_default(), ah = esp;
    struct p2_want want = want_of(&proposal_default);
    struct p2_choice c;
    struct proposal_why why;

    want.protocols = IKE_PROTO_ESP | IKE_PROTO_AH;
    ah.protocol = ISAKMP_PROTO_AH;
    ah.id = IPSEC_AH_SHA;
    ah.encap = IPSEC_ENCAP_TRANSPORT;
    ah.life.seconds = 600;
    esp.life.kilobytes = 5000;
    sa_begin(&k);
    proposal_emit(&k, 1, ISAKMP_PROTO_ESP, SPI_I, &esp, 1);
    proposal_emit(&k, 1, ISAKMP_PROTO_AH, SPI_I_AH, &ah, 1);
    sa_end(&k);
    assert_true(p2_choose(&k.sa, &want, &c, &why));
    assert_int_equal(c.life.seconds, 600);
    assert_int_equal(c.life.kilobytes, 5000);

    ah.group = 2;
    sa_begin(&k);
    proposal_emit(&k, 1, ISAKMP_PROTO_ESP, SPI_I, &esp, 1);
    proposal_emit(&k, 1, ISAKMP_PROTO_AH, SPI_I_AH, &ah, 1);
    sa_end(&k);
    assert_false(p2_choose(&k.sa, &want, &c, &why));
    assert_text_has(why.text, "pfs-group: differs between the protocols");
}

static void reserved_and_short_spis_are_refused(void **state)
{
    (void)state;
    static struct sa_kit k;
    const struct isakmp_p2 t = transform_default();
    const struct p2_want want = want_of(&proposal_default);
    struct p2_choice c;
    struct proposal_why why;

    for (uint32_t spi = 0; spi < 256; spi += 255) {
        sa_begin(&k);
        proposal_emit(&k, 1, ISAKMP_PROTO_ESP, spi, &t, 1);
        sa_end(&k);
        assert_false(p2_choose(&k.sa, &want, &c, &why));
        assert_text_has(why.text, "SPI");
    }
    sa_begin(&k);
    isakmp_proposal_open(&k.m, 1, ISAKMP_PROTO_ESP, slice_of_text("abcde"));
    isakmp_p2_emit(&k.m, &t);
    msg_close(&k.m);
    sa_end(&k);
    assert_false(p2_choose(&k.sa, &want, &c, &why));
}

/* 4 proposals of 250 transforms, none of them ours. */
static void a_thousand_transforms_cost_little(void **state)
{
    (void)state;
    static struct sa_kit k;
    static struct isakmp_p2 ts[250];
    const struct p2_want want = want_of(&two_by_two);
    struct p2_choice c;
    struct proposal_why why;
    double best_ms = 1e9;

    for (unsigned i = 0; i < 250; i++)
        ts[i] = (struct isakmp_p2){ (uint8_t)(i + 1),       ISAKMP_PROTO_ESP,
                                    IPSEC_ESP_BLOWFISH,     (uint16_t)(64 + i),
                                    IPSEC_AUTH_HMAC_SHA512, IPSEC_ENCAP_UDP_TUNNEL_DRAFT,
                                    IKE_GROUP_ECP521,       { 70000 + i, 70000 } };
    sa_begin(&k);
    for (uint8_t p = 1; p <= 4; p++)
        proposal_emit(&k, p, ISAKMP_PROTO_ESP, SPI_I, ts, 250);
    sa_end(&k);
    for (int run = 0; run < 5; run++) {
        const clock_t start = clock();

        assert_false(p2_choose(&k.sa, &want, &c, &why));
        const double ms = 1000.0 * (double)(clock() - start) / CLOCKS_PER_SEC;
        best_ms = ms < best_ms ? ms : best_ms;
    }
    print_message("%.3f ms: %s\n", best_ms, why.text);
    assert_true(best_ms < 5);
    assert_true(strlen(why.text) < PROPOSAL_WHY_MAX);
    assert_text_has(why.text, " more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_choices_and_answers_are_those_of_racoon),
        cmocka_unit_test(the_offer_of_a_cisco_router_passes),
        cmocka_unit_test(every_cipher_is_offered_with_every_authentication),
        cmocka_unit_test(both_protocols_go_under_one_number),
        cmocka_unit_test(encapsulation_values_follow_mode_and_nat),
        cmocka_unit_test(what_cannot_be_is_refused_in_words),
        cmocka_unit_test(proposal_check_rules_lifetimes),
        cmocka_unit_test(proposal_check_rules_pfs),
        cmocka_unit_test(proposal_check_rules_the_key_length),
        cmocka_unit_test(esp_without_any_protection_is_never_chosen),
        cmocka_unit_test(refusals_name_what_differs),
        cmocka_unit_test(combinations_of_protocols_match_the_policy_whole),
        cmocka_unit_test(protocols_of_an_offer_share_group_and_lifetime),
        cmocka_unit_test(reserved_and_short_spis_are_refused),
        cmocka_unit_test(a_thousand_transforms_cost_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
