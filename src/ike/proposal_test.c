/* Lifetimes and phase 1 offers. Recorded SA payloads are those of src/crypto/recorded_*.h. */
#include "dh.h"
#include "proposal.h"
#include "proposal_kit.h"
#include "unit.h"

#include <stdio.h>
#include <time.h>

/* ---- lifetimes ---- */

static void configured_bytes_round_up_to_kilobytes(void **state)
{
    (void)state;
    static const struct {
        int64_t s;
        uint64_t bytes, want_s, want_kb;
    } rows[] = {
        { 1800, 0, 1800, 0 },
        { 0, 1, 0, 1 },
        { 0, 1024, 0, 1 },
        { 0, 1025, 0, 2 },
        { -5, 4718592000, 0, 4608000 },
        { 1, UINT64_MAX, 1, UINT64_MAX / 1024 + 1 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct isakmp_life l = life_from_config(rows[i].s, rows[i].bytes);

        assert_int_equal(l.seconds, rows[i].want_s);
        assert_int_equal(l.kilobytes, rows[i].want_kb);
    }
}

static void seconds_default_to_eight_hours_and_bytes_to_none(void **state)
{
    (void)state;
    struct isakmp_life l = life_or_default((struct isakmp_life){ 0 });

    assert_int_equal(l.seconds, 28800);
    assert_int_equal(l.kilobytes, 0);
    l = life_or_default((struct isakmp_life){ .seconds = 5, .kilobytes = 7 });
    assert_int_equal(l.seconds, 5);
    assert_int_equal(l.kilobytes, 7);
}

static void absurd_lifetimes_are_clamped(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        struct isakmp_life agreed, ours, want;
    } rows[] = {
        { "one second", { 1, 0 }, { 1800, 0 }, { 10, 0 } },
        { "one kilobyte", { 1800, 1 }, { 1800, 0 }, { 1800, 64 } },
        { "we want one second ourselves", { 1, 1 }, { 1, 1 }, { 1, 1 } },
        { "we want three, the peer one", { 1, 0 }, { 3, 0 }, { 3, 0 } },
        { "136 years", { UINT32_MAX, UINT32_MAX }, { 0, 0 }, { 315360000, UINT32_MAX } },
        { "no limits stay none", { 0, 0 }, { 0, 0 }, { 0, 0 } },
        { "what is usual stays", { 3600, 4608000 }, { 1800, 0 }, { 3600, 4608000 } },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct isakmp_life l = life_clamp(rows[i].agreed, rows[i].ours);

        print_message("%s\n", rows[i].label);
        assert_int_equal(l.seconds, rows[i].want.seconds);
        assert_int_equal(l.kilobytes, rows[i].want.kilobytes);
    }
}

static void soft_limits_are_80_percent(void **state)
{
    (void)state;
    const struct life_limits l = life_to_limits((struct isakmp_life){ 1800, 4608000 });

    assert_int_equal(l.hard_s, 1800);
    assert_int_equal(l.soft_s, 1440); /* 24m/30m of the reference */
    assert_int_equal(l.hard_bytes, 4718592000);
    assert_int_equal(l.soft_bytes, 3774873600);

    const struct life_limits most = life_to_limits((struct isakmp_life){ UINT64_MAX, UINT64_MAX });
    assert_int_equal(most.hard_s, UINT32_MAX);
    assert_int_equal(most.soft_s, 3435973836);
    assert_true(most.hard_bytes == UINT64_MAX && most.soft_bytes < most.hard_bytes);

    const struct life_limits none = life_to_limits((struct isakmp_life){ 0 });
    assert_int_equal(none.hard_s | none.soft_s | none.hard_bytes | none.soft_bytes, 0);
}

static void responder_lifetime_is_obeyed_when_shorter(void **state)
{
    (void)state;
    const struct isakmp_life ours = { 1800, 0 };
    struct isakmp_life agreed = ours;

    assert_false(life_obey(&agreed, (struct isakmp_life){ 3600, 0 }, ours));
    assert_int_equal(agreed.seconds, 1800);
    assert_true(life_obey(&agreed, (struct isakmp_life){ 300, 5000 }, ours));
    assert_int_equal(agreed.seconds, 300);
    assert_int_equal(agreed.kilobytes, 5000);
    assert_false(life_obey(&agreed, (struct isakmp_life){ 0, 0 }, ours));
    assert_true(life_obey(&agreed, (struct isakmp_life){ 1, 0 }, ours));
    assert_int_equal(agreed.seconds, LIFE_FLOOR_S);
}

/* ---- phase 1 ---- */

static const struct ike_peer peer_default = { .auth = IKE_PRE_SHARED_KEY,
                                              .cipher = CIPHER_3DES,
                                              .hash = AUTH_MD5,
                                              .group = DH_MODP1024,
                                              .lifetime_s = 86400,
                                              .check = IKE_CHECK_OBEY };

static const struct isakmp_p1 transform_default = { .number = 1,
                                                    .encryption = IKE_ENC_3DES,
                                                    .hash = IKE_HASH_MD5,
                                                    .auth = IKE_AUTH_PSK,
                                                    .group = IKE_GROUP_MODP1024,
                                                    .life = { .seconds = 86400 } };

static const struct {
    const char *name;
    enum cipher_alg cipher;
    enum auth_alg hash;
    enum ike_auth_method auth;
    unsigned group;
    const char *sa_b; /* of messages 1 and 2 alike */
} racoon[] = {
    { "3des md5 modp1024", CIPHER_3DES, AUTH_MD5, IKE_PRE_SHARED_KEY, DH_MODP1024,
      "00000001000000010000002c010100010000002401010000800b0001000c00040001518080010005800300018002"
      "000180040002" },
    { "aes-128 sha1 modp1536", CIPHER_AES_128, AUTH_SHA1, IKE_PRE_SHARED_KEY, DH_MODP1536,
      "000000010000000100000030010100010000002801010000800b0001000c00040001518080010007800e00808003"
      "00018002000280040005" },
    { "aes-256 sha1 modp1536 rsa", CIPHER_AES_256, AUTH_SHA1, IKE_RSA_SIGNATURE, DH_MODP1536,
      "000000010000000100000030010100010000002801010000800b0001000c00040001518080010007800e01008003"
      "00038002000280040005" },
    { "des md5 modp768", CIPHER_DES, AUTH_MD5, IKE_PRE_SHARED_KEY, DH_MODP768,
      "00000001000000010000002c010100010000002401010000800b0001000c00040001518080010001800300018002"
      "000180040001" },
};

static struct ike_peer racoon_peer(size_t i)
{
    struct ike_peer peer = peer_default;

    peer.cipher = racoon[i].cipher;
    peer.hash = racoon[i].hash;
    peer.auth = racoon[i].auth;
    peer.group = racoon[i].group;
    return peer;
}

static void offers_choices_and_answers_are_those_of_racoon(void **state)
{
    (void)state;
    static struct sa_kit k, answer;

    for (size_t i = 0; i < sizeof racoon / sizeof *racoon; i++) {
        struct ike_peer peer = racoon_peer(i);
        struct p1_choice c;
        struct proposal_why why;

        print_message("%s\n", racoon[i].name);
        kit_begin(&k);
        p1_offer(&k.m, &peer);
        kit_end(&k);
        kit_assert_hex(&k, racoon[i].sa_b);
        for (int check = IKE_CHECK_CLAIM; check <= IKE_CHECK_STRICT; check++) {
            peer.check = (enum ike_proposal_check)check;
            assert_true(p1_choose(&k.sa, &peer, &c, &why));
            assert_int_equal(c.cipher, racoon[i].cipher);
            assert_int_equal(c.hash, racoon[i].hash);
            assert_int_equal(c.auth, racoon[i].auth);
            assert_int_equal(c.group, racoon[i].group);
            assert_int_equal(c.life.seconds, 86400);
            kit_begin(&answer);
            p1_answer(&answer.m, &c);
            kit_end(&answer);
            kit_assert_hex(&answer, racoon[i].sa_b);
        }
        assert_true(p1_check(&k.sa, &peer, &c, &why));
        assert_int_equal(c.group, racoon[i].group);
        assert_false(c.life_differs);
    }
}

/* Proposal and transform numbers 0, another order, short form of the duration. */
static void offer_of_the_rub_client_is_chosen(void **state)
{
    (void)state;
    static struct sa_kit k, answer;
    static const char sa_b[] = "00000001000000010000002c00010001000000240001000080010007800e008080"
                               "0200028004000280030001800b0001800c7080";
    struct ike_peer peer = peer_default;
    struct p1_choice c;
    struct proposal_why why;

    peer.cipher = CIPHER_AES_128;
    peer.hash = AUTH_SHA1;
    kit_from_hex(&k, sa_b);
    assert_true(p1_choose(&k.sa, &peer, &c, &why));
    assert_int_equal(c.life.seconds, 28800);
    kit_begin(&answer);
    p1_answer(&answer.m, &c);
    kit_end(&answer);
    kit_assert_hex(&answer, sa_b);
}

static void durations_take_the_shortest_form(void **state)
{
    (void)state;
    static struct sa_kit k;
    struct ike_peer peer = peer_default;

    peer.lifetime_s = 65535;
    peer.lifebytes = 65536 * 1024 - 1;
    kit_begin(&k);
    p1_offer(&k.m, &peer);
    kit_end(&k);
    kit_assert_hex(&k, "0000000100000001000000340101000100"
                       "00002c01010000800b0001800cffff800b0002000c000400010000"
                       "80010005800300018002000180040002");
    peer.lifetime_s = 0;
    peer.lifebytes = 0;
    kit_begin(&k);
    p1_offer(&k.m, &peer);
    kit_end(&k);
    kit_assert_hex(&k, "0000000100000001000000200101000100"
                       "00001801010000"
                       "80010005800300018002000180040002");
}

static void one_transform(struct sa_kit *k, const struct isakmp_p1 *t)
{
    kit_begin(k);
    isakmp_sa_open(&k->m);
    isakmp_proposal_open(&k->m, 1, ISAKMP_PROTO_ISAKMP, (struct slice){ 0 });
    isakmp_p1_emit(&k->m, t);
    msg_close(&k->m);
    msg_close(&k->m);
    kit_end(k);
}

/* The phase 1 column of proposal-check; ours is 3600 s and 1000 kB. */
static const struct {
    enum ike_proposal_check check;
    struct isakmp_life offered;
    bool chosen;
    struct isakmp_life in_force;
} p1_checks[] = {
    /* clang-format off */
    { IKE_CHECK_OBEY,   { 1800, 1000 }, true,  { 1800, 1000 } },
    { IKE_CHECK_OBEY,   { 3600, 1000 }, true,  { 3600, 1000 } },
    { IKE_CHECK_OBEY,   { 7200, 1000 }, true,  { 7200, 1000 } },
    { IKE_CHECK_OBEY,   { 3600,  500 }, true,  { 3600,  500 } },
    { IKE_CHECK_OBEY,   { 3600, 2000 }, true,  { 3600, 2000 } },
    { IKE_CHECK_OBEY,   { 0,       0 }, true,  { 28800,   0 } },
    { IKE_CHECK_STRICT, { 1800, 1000 }, true,  { 1800, 1000 } },
    { IKE_CHECK_STRICT, { 3600, 1000 }, true,  { 3600, 1000 } },
    { IKE_CHECK_STRICT, { 3601, 1000 }, false, { 0 } },
    { IKE_CHECK_STRICT, { 0,    1000 }, false, { 0 } }, /* 28800 */
    { IKE_CHECK_STRICT, { 3600,  500 }, true,  { 3600,  500 } },
    { IKE_CHECK_STRICT, { 3600, 2000 }, true,  { 3600, 1000 } },
    { IKE_CHECK_STRICT, { 3600,    0 }, true,  { 3600, 1000 } },
    { IKE_CHECK_CLAIM,  { 1800, 1000 }, true,  { 1800, 1000 } },
    { IKE_CHECK_CLAIM,  { 3600, 1000 }, true,  { 3600, 1000 } },
    { IKE_CHECK_CLAIM,  { 3601, 1000 }, false, { 0 } },
    { IKE_CHECK_CLAIM,  { 3600, 2000 }, true,  { 3600, 1000 } },
    { IKE_CHECK_EXACT,  { 3600, 1000 }, true,  { 3600, 1000 } },
    { IKE_CHECK_EXACT,  { 3599, 1000 }, false, { 0 } },
    { IKE_CHECK_EXACT,  { 3601, 1000 }, false, { 0 } },
    { IKE_CHECK_EXACT,  { 3600,  999 }, false, { 0 } },
    { IKE_CHECK_EXACT,  { 3600,    0 }, false, { 0 } },
    /* clang-format on */
};

static void proposal_check_rules_the_lifetime(void **state)
{
    (void)state;
    static struct sa_kit k;
    struct ike_peer peer = peer_default;

    peer.lifetime_s = 3600;
    peer.lifebytes = 1000 * 1024;
    for (size_t i = 0; i < sizeof p1_checks / sizeof *p1_checks; i++) {
        struct isakmp_p1 t = transform_default;
        struct p1_choice c;
        struct proposal_why why;

        print_message("row %zu\n", i);
        t.life = p1_checks[i].offered;
        peer.check = p1_checks[i].check;
        one_transform(&k, &t);
        assert_int_equal(p1_choose(&k.sa, &peer, &c, &why), p1_checks[i].chosen);
        if (p1_checks[i].chosen) {
            assert_int_equal(c.life.seconds, p1_checks[i].in_force.seconds);
            assert_int_equal(c.life.kilobytes, p1_checks[i].in_force.kilobytes);
        } else {
            assert_text_has(why.text, "(proposal-check=");
            assert_int_equal(why.notify, NOTIFY_NO_PROPOSAL_CHOSEN);
        }
    }
}

static void refusals_name_what_differs(void **state)
{
    (void)state;
    static struct sa_kit k;
    static const struct {
        struct isakmp_p1 t;
        const char *text;
    } rows[] = {
        { { 1, IKE_ENC_DES, 0, IKE_HASH_MD5, IKE_AUTH_PSK, 2, { 0 } },
          "encryption: peer offers des, we want 3des" },
        { { 1, IKE_ENC_AES, 256, IKE_HASH_MD5, IKE_AUTH_PSK, 2, { 0 } },
          "encryption: peer offers aes-256, we want 3des" },
        { { 1, IKE_ENC_3DES, 0, IKE_HASH_SHA1, IKE_AUTH_PSK, 2, { 0 } },
          "hash: peer offers sha1, we want md5" },
        { { 1, IKE_ENC_3DES, 0, IKE_HASH_SHA256, IKE_AUTH_PSK, 2, { 0 } },
          "hash: peer offers sha256, we want md5" },
        { { 1, IKE_ENC_3DES, 0, IKE_HASH_MD5, IKE_AUTH_XAUTH_PSK, 2, { 0 } },
          "auth-method: peer offers xauth-pre-shared-key, we want pre-shared-key" },
        { { 1, IKE_ENC_3DES, 0, IKE_HASH_MD5, IKE_AUTH_PSK, 14, { 0 } },
          "dh-group: peer offers modp2048, we want modp1024" },
        { { 1, IKE_ENC_BLOWFISH, 128, IKE_HASH_SHA1, IKE_AUTH_PSK, 2, { 0 } },
          "encryption: peer offers blowfish-128, we want 3des; "
          "hash: peer offers sha1, we want md5" },
        { { 1, IKE_ENC_3DES, 192, IKE_HASH_MD5, IKE_AUTH_PSK, 2, { 0 } },
          "key length missing, wrong, or given for a cipher without one" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct p1_choice c;
        struct proposal_why why;

        one_transform(&k, &rows[i].t);
        assert_false(p1_choose(&k.sa, &peer_default, &c, &why));
        assert_string_equal(why.text, rows[i].text);
        assert_int_equal(why.notify, NOTIFY_NO_PROPOSAL_CHOSEN);
    }
}

static void key_lengths_must_be_equal(void **state)
{
    (void)state;
    static struct sa_kit k;
    static const enum cipher_alg ciphers[] = { CIPHER_AES_128, CIPHER_AES_192, CIPHER_AES_256 };

    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            struct ike_peer peer = peer_default;
            struct isakmp_p1 t = transform_default;
            struct p1_choice c;
            struct proposal_why why;

            peer.cipher = ciphers[i];
            t.encryption = IKE_ENC_AES;
            t.key_bits = (uint16_t)(128 + 64 * j);
            one_transform(&k, &t);
            assert_int_equal(p1_choose(&k.sa, &peer, &c, &why), i == j);
            assert_int_equal(p1_check(&k.sa, &peer, &c, &why), i == j);
        }
    }
}

/* As a strongSwan with "aes128-sha1-modp1536,3des-md5-modp1024,3des-md5-modp1024" has it. */
static void the_first_acceptable_transform_of_the_peer_wins(void **state)
{
    (void)state;
    static struct sa_kit k;
    struct isakmp_p1 t = transform_default;
    struct ike_peer peer = peer_default;
    struct p1_choice c;
    struct proposal_why why;

    kit_begin(&k);
    isakmp_sa_open(&k.m);
    isakmp_proposal_open(&k.m, 1, ISAKMP_PROTO_ISAKMP, (struct slice){ 0 });
    isakmp_p1_emit(&k.m,
                   &(struct isakmp_p1){
                       1, IKE_ENC_AES, 128, IKE_HASH_SHA1, IKE_AUTH_PSK, 5, { .seconds = 100 } });
    for (uint8_t n = 2; n <= 3; n++) {
        t.number = n;
        t.life.seconds = n * 1000;
        isakmp_p1_emit(&k.m, &t);
    }
    msg_close(&k.m);
    msg_close(&k.m);
    kit_end(&k);
    assert_true(p1_choose(&k.sa, &peer, &c, &why));
    assert_int_equal(c.life.seconds, 2000);
    assert_int_equal(c.echo[0], 2);

    peer.hash = AUTH_SHA1;
    assert_false(p1_choose(&k.sa, &peer, &c, &why));
    assert_string_equal(why.text,
                        "prop#1:trns#1 encryption: peer offers aes-128, we want 3des; dh-group: "
                        "peer offers modp1536, we want modp1024; prop#1:trns#2 hash: peer offers "
                        "md5, we want sha1; and 1 more");
}

static void a_foreign_protocol_is_passed_over(void **state)
{
    (void)state;
    static struct sa_kit k;
    struct p1_choice c;
    struct proposal_why why;

    kit_begin(&k);
    isakmp_sa_open(&k.m);
    isakmp_proposal_open(&k.m, 1, ISAKMP_PROTO_ESP, (struct slice){ 0 });
    isakmp_p1_emit(&k.m, &transform_default);
    msg_close(&k.m);
    isakmp_proposal_open(&k.m, 2, ISAKMP_PROTO_ISAKMP, slice_of_text("a cookie"));
    isakmp_p1_emit(&k.m, &transform_default);
    msg_close(&k.m);
    msg_close(&k.m);
    kit_end(&k);
    assert_true(p1_choose(&k.sa, &peer_default, &c, &why));
    assert_int_equal(c.proposal, 2);
}

/* ---- the initiator's check ---- */

static void answers_may_differ_only_in_order_form_number_and_lifetime(void **state)
{
    (void)state;
    static struct sa_kit k;
    static const struct {
        const char *label, *sa_b;
        bool good, differs;
        uint32_t life_s;
    } rows[] = {
        /* clang-format off */
        { "unchanged", "0000000100000001" "0000002c01010001" "0000002401010000"
          "800b0001000c000400015180" "80010005800300018002000180040002", true, false, 86400 },
        { "another order", "0000000100000001" "0000002c01010001" "0000002401010000"
          "80040002800200018001000580030001" "800b0001000c000400015180", true, false, 86400 },
        { "duration of three bytes", "0000000100000001" "0000002b01010001" "0000002301010000"
          "800b0001000c0003015180" "80010005800300018002000180040002", true, false, 86400 },
        { "transform numbered anew", "0000000100000001" "0000002c01010001" "0000002407010000"
          "800b0001000c000400015180" "80010005800300018002000180040002", true, false, 86400 },
        { "lower lifetime", "0000000100000001" "0000002801010001" "0000002001010000"
          "800b0001800c0e10" "80010005800300018002000180040002", true, true, 3600 },
        { "higher lifetime: ours stays", "0000000100000001" "0000002c01010001" "0000002401010000"
          "800b0001000c000400100000" "80010005800300018002000180040002", true, true, 86400 },
        { "no lifetime: ours stays", "0000000100000001" "0000002001010001" "0000001801010000"
          "80010005800300018002000180040002", true, true, 86400 },
        { "weaker cipher", "0000000100000001" "0000002001010001" "0000001801010000"
          "80010001800300018002000180040002", false, false, 0 },
        { "another hash", "0000000100000001" "0000002001010001" "0000001801010000"
          "80010005800300018002000280040002", false, false, 0 },
        { "another method", "0000000100000001" "0000002001010001" "0000001801010000"
          "80010005800300038002000180040002", false, false, 0 },
        { "weaker group", "0000000100000001" "0000002001010001" "0000001801010000"
          "80010005800300018002000180040001", false, false, 0 },
        { "hash missing", "0000000100000001" "0000001c01010001" "0000001401010000"
          "800100058003000180040002", false, false, 0 },
        { "hash twice", "0000000100000001" "0000002401010001" "0000001c01010000"
          "8001000580030001800200018002000180040002", false, false, 0 },
        { "key length for 3des", "0000000100000001" "0000002401010001" "0000001c01010000"
          "8001000580030001800200018004000280" "0e00c0", false, false, 0 },
        { "another proposal number", "0000000100000001" "0000002002010001" "0000001801010000"
          "80010005800300018002000180040002", false, false, 0 },
        { "another protocol", "0000000100000001" "0000002001030001" "0000001801010000"
          "80010005800300018002000180040002", false, false, 0 },
        { "two transforms", "0000000100000001" "0000003801010002"
          "030000180101000080010005800300018002000180040002"
          "000000180201000080010005800300018002000180040002", false, false, 0 },
        { "two proposals", "0000000100000001"
          "020000200101000100000018010100008001000580030001800200018004" "0002"
          "000000200101000100000018010100008001000580030001800200018004" "0002", false, false, 0 },
        /* clang-format on */
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct p1_choice c;
        struct proposal_why why;

        print_message("%s\n", rows[i].label);
        kit_from_hex(&k, rows[i].sa_b);
        assert_int_equal(p1_check(&k.sa, &peer_default, &c, &why), rows[i].good);
        if (rows[i].good) {
            assert_int_equal(c.life_differs, rows[i].differs);
            assert_int_equal(c.life.seconds, rows[i].life_s);
        } else {
            assert_text_has(why.text, "answer");
        }
    }
}

/* Whatever bit is turned over on the way, no other algorithm comes out. */
static void turned_bits_never_change_the_algorithms(void **state)
{
    (void)state;
    unsigned accepted = 0;

    for (size_t i = 0; i < sizeof racoon / sizeof *racoon; i++) {
        const struct ike_peer peer = racoon_peer(i);
        struct bytes b = unhex(racoon[i].sa_b);

        for (size_t bit = 0; bit < 8 * b.len; bit++) {
            struct isakmp_sa sa;
            struct p1_choice c;
            struct proposal_why why;

            b.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (kit_parse(bytes_slice(&b), &sa) && p1_check(&sa, &peer, &c, &why)) {
                accepted++;
                assert_int_equal(c.cipher, peer.cipher);
                assert_int_equal(c.hash, peer.hash);
                assert_int_equal(c.auth, peer.auth);
                assert_int_equal(c.group, peer.group);
                assert_true(c.life.seconds <= 86400);
            }
            b.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_in_range(accepted, 1, 4 * 100); /* durations, numbers and reserved bytes */
}

/* 4 proposals of 250 transforms, all different from ours, each with a reason of its own. */
static void a_thousand_transforms_cost_little(void **state)
{
    (void)state;
    static struct sa_kit k;
    struct p1_choice c;
    struct proposal_why why;
    double best_ms = 1e9;

    kit_begin(&k);
    isakmp_sa_open(&k.m);
    for (uint8_t p = 1; p <= 4; p++) {
        isakmp_proposal_open(&k.m, p, ISAKMP_PROTO_ISAKMP, (struct slice){ 0 });
        for (uint8_t n = 1; n <= 250; n++)
            isakmp_p1_emit(&k.m, &(struct isakmp_p1){ n,
                                                      IKE_ENC_BLOWFISH,
                                                      (uint16_t)(p * 256 + n),
                                                      IKE_HASH_SHA512,
                                                      IKE_AUTH_DSS,
                                                      21,
                                                      { 100000u + n, 100000u + p } });
        msg_close(&k.m);
    }
    msg_close(&k.m);
    kit_end(&k);
    for (int run = 0; run < 5; run++) {
        const clock_t start = clock();

        assert_false(p1_choose(&k.sa, &peer_default, &c, &why));
        const double ms = 1000.0 * (double)(clock() - start) / CLOCKS_PER_SEC;
        best_ms = ms < best_ms ? ms : best_ms;
    }
    print_message("%.3f ms: %s\n", best_ms, why.text);
    assert_true(best_ms < 5);
    assert_true(strlen(why.text) < PROPOSAL_WHY_MAX);
    assert_text_has(why.text, "prop#1:trns#1 encryption: peer offers blowfish-257, we want 3des");
    assert_text_has(why.text, " more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configured_bytes_round_up_to_kilobytes),
        cmocka_unit_test(seconds_default_to_eight_hours_and_bytes_to_none),
        cmocka_unit_test(absurd_lifetimes_are_clamped),
        cmocka_unit_test(soft_limits_are_80_percent),
        cmocka_unit_test(responder_lifetime_is_obeyed_when_shorter),
        cmocka_unit_test(offers_choices_and_answers_are_those_of_racoon),
        cmocka_unit_test(offer_of_the_rub_client_is_chosen),
        cmocka_unit_test(durations_take_the_shortest_form),
        cmocka_unit_test(proposal_check_rules_the_lifetime),
        cmocka_unit_test(refusals_name_what_differs),
        cmocka_unit_test(key_lengths_must_be_equal),
        cmocka_unit_test(the_first_acceptable_transform_of_the_peer_wins),
        cmocka_unit_test(a_foreign_protocol_is_passed_over),
        cmocka_unit_test(answers_may_differ_only_in_order_form_number_and_lifetime),
        cmocka_unit_test(turned_bits_never_change_the_algorithms),
        cmocka_unit_test(a_thousand_transforms_cost_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
