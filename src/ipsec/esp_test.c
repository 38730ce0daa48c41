/* ESP against RFC 3602 and packets of real peers, through the codec and through the engine. */
#include "encap.h"
#include "esp.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vector {
    const char *label;
    enum cipher_alg cipher;
    enum auth_alg auth;
    const char *enc_key, *auth_key;
    bool tunnel;
    const char *src, *dst; /* outer */
    uint8_t next, pad_len;
    const char *esp;
    const char *payload; /* or how it begins */
};

#define AES_KEY_A        "90d382b410eeba7ad938c46cec1a82bf"
#define AES_KEY_B        "0123456789abcdef0123456789abcdef"
#define TCPDUMP_3DES_KEY "4043434545464649494a4a4c4c4f4f515152525454575758"

static const struct vector vectors[] = {
    { "RFC 3602 case 5", CIPHER_AES_128, AUTH_NONE, AES_KEY_A, "", false, "192.168.123.3",
      "192.168.123.100", 1, 14,
      "0000432100000001e96e8c08ab465763fd098d45dd3ff893f663c25d325c18c6a9453e194e120849a4870b66cc6b"
      "9965330013b4898dc856a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874aa269add0"
      "47ad2d5913ac19b7cfbad4a6",
      "08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425"
      "262728292a2b2c2d2e2f3031323334353637" },
    { "RFC 3602 case 6", CIPHER_AES_128, AUTH_NONE, AES_KEY_A, "", false, "192.168.123.3",
      "192.168.123.100", 1, 2,
      "000043210000000869d08df7d203329db093fc4924e5bd80f51995881ec4e0c4488987ce742e8109689bb379d2d7"
      "50c0d915dca346a89f75",
      "0800b5e8a80a0500a69c083d0b660e00777777777777777777777777" },
    { "RFC 3602 case 7", CIPHER_AES_128, AUTH_NONE, AES_KEY_B, "", true, "192.168.123.3",
      "192.168.123.200", 4, 10,
      "0000876500000002f4e765244f6407adf13dc1380f673f37773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a"
      "93013c1b0ea1a0cf70f8e4ecaec78ac53aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5c177f132"
      "ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d",
      "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d0e0f1011"
      "12131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637" },
    { "RFC 3602 case 8", CIPHER_AES_128, AUTH_NONE, AES_KEY_B, "", true, "192.168.123.3",
      "192.168.123.200", 4, 10,
      "000087650000000585d47224b5f3dd5d2101d4ea8dffab2215b92683819596a8047232cc00f7048fe45318e11f8a"
      "0f62ede3c3fc61203bb50f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3d2726d9b"
      "5ef6affc6d17a0decbb13892",
      "45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300ffffffffffffffffffff"
      "ffffffffffffffffffffffffffffffffffffffffffff" },
    { "RUB tunnel", CIPHER_AES_128, AUTH_SHA1, "bd30891c6cb5f9a353be9184897260c9",
      "d42291170f2c984835553a1b83373735723fe256", true, "10.0.3.11", "10.0.3.10", 4, 6,
      "c6494f6100000001173250acefbfe2e43b769697701347ba745dc8a99379ac042280924deb4a6e63da6651399609"
      "8e0cd046d7c8c839cfd779eafcb6ac8cf25c3bf84a4dcbf7dcf9bb53725c2b2785c76c4c3fab",
      "45000028966700004006cd670a0001010a000201cbc00016c978662800000000500272102b590000" },
    { "ODP transport", CIPHER_AES_128, AUTH_SHA1, "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5",
      "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a", false, "192.168.111.2", "192.168.222.2", 1, 2,
      "0000007b0000000117c3faaf1deb94064ef862b41fa01762baf3fb1086ee806f44ff947feed85062403f7c76b465"
      "ca32910ebaf2c19d3bcb0fc9c9ae33421636d3c86c23acbf98f2da1095bce838bf4b19d05867d9abd0f559c9dcbb"
      "46cc3426e6d6ee5cc8e246c914e998e4b9ecf0a71294544e56fde807d883f9785fa61acebbdabc7cd8b67b4f784e"
      "febd427f429665e7602f",
      "0800fb3712340000babe01234567cafe000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"
      "1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b"
      "4c4d4e4f505152535455565758595a5b" },
    { "tcpdump 3des tunnel", CIPHER_3DES, AUTH_MD5, TCPDUMP_3DES_KEY,
      "87658765876587658765876587658765", true, "192.1.2.23", "192.1.2.45", 4, 2,
      "12345678000000014c20452f3cb09211d3a748cde5c811e39c4ee83cfe96a1e42acfd2b87aab05d1642ba3af9c1b"
      "c342102c40ad15df4de0200a63638734711187d412093b83bfaa43191cbd84a45b0276338399b1f5ca17cc925445"
      "7e5906551a7041e3dc9176e86fd3ffdd00b0bc11f8103097",
      "45000054000040003f01b8a6c0000201c0000101" },
    { "tcpdump 3des from UDP 4500", CIPHER_3DES, AUTH_MD5, TCPDUMP_3DES_KEY,
      "87658765876587658765876587658765", true, "192.1.2.23", "192.1.2.45", 4, 2,
      "1234567800000001a71a51de1cb929238c4cab9ef2550db76402c501a26729fc8e8f7a7e63aa4b54aa59f642177a"
      "2924cc238d43b4c28d5191232bd1608e4f49c04726b61255c79a5efdc271510fc047bdd45b642c3b0f12b56e4d51"
      "49c662bc468f221a52cca322ad5a3fe76ae333dac783be7e",
      "45000054000040003f01b8a6c0000201c0000101" },
    { "tcpdump aes-256 tunnel", CIPHER_AES_256, AUTH_SHA1,
      "aaaabbbbccccdddd4043434545464649494a4a4c4c4f4f515152525454575758",
      "8765876587658765876587658765876587658765", true, "192.1.2.23", "192.1.2.45", 4, 10,
      "d123456700000001e6bb1ce8d0a88170da61de234d5618a09984c00c3ebcfc69e9287affec215449ffbe790ac728"
      "0eca8f6c88b125deca11c870e4f851342d20200ff1189cc18c910a5f37e74f1528f26749bf998bc20cc645117e2b"
      "dcc9ba0b0ad3a80168619ac66eb4b070d771e65f6077ea5366bf3bd88b5b5cbcd1e4d990b76e85b1",
      "45000054000040003f01b8a6c0000201c0000101" },
};

enum { N_VECTORS = sizeof(vectors) / sizeof(vectors[0]), ESP_MAX = 400 };

struct bytes {
    uint8_t b[ESP_MAX];
    size_t len;
};

static struct bytes from_hex(const char *hex)
{
    struct bytes r;

    r.len = hex_bytes(hex, r.b, sizeof(r.b));
    return r;
}

static struct sa *sa_by_hand(struct bulk *bulk, const struct vector *v, bool seal)
{
    struct bytes enc_key = from_hex(v->enc_key), auth_key = from_hex(v->auth_key);
    struct bytes esp = from_hex(v->esp);
    struct sa *sa = aligned_alloc(64, (sizeof(*sa) + 63) / 64 * 64);

    memset(sa, 0, sizeof(*sa));
    memcpy(&sa->spi_be, esp.b, 4);
    sa->iv_len = cipher_info[v->cipher].iv_len;
    sa->block_len = cipher_info[v->cipher].block_len;
    sa->icv_len = auth_info[v->auth].icv_len;
    assert_true(bulk_key_init(bulk, &sa->key, seal, v->cipher, enc_key.b, enc_key.len, v->auth,
                              auth_key.b, auth_key.len));
    return sa;
}

/* Opens every vector, then seals what was in it again with its IV: the same bytes. */
static void codec_opens_and_seals_the_vectors(void **state)
{
    static const enum bulk_backend backends[] = { BULK_AUTO, BULK_OPENSSL };

    (void)state;
    for (unsigned i = 0; i < 2 * N_VECTORS; i++) {
        const struct vector *v = &vectors[i / 2];
        struct bulk *bulk = bulk_new(backends[i % 2]);
        struct sa *in = sa_by_hand(bulk, v, false), *out = sa_by_hand(bulk, v, true);
        struct bytes esp = from_hex(v->esp), want = from_hex(v->payload), work = esp;
        struct bulk_job job;
        size_t len;
        uint8_t next;

        assert_int_equal(esp_check(in, work.b, work.len, &job), DROP_COUNT);
        bulk_open(bulk, &job, 1);
        assert_true(job.ok);
        assert_int_equal(esp_trailer(in, work.b, work.len, &len, &next), DROP_COUNT);
        assert_int_equal(next, v->next);
        assert_int_equal(work.len - in->icv_len - 2 - len - esp_hdr_len(in), v->pad_len);
        assert_true(len >= want.len);
        assert_memory_equal(work.b + esp_hdr_len(in), want.b, want.len);

        struct bytes again = { .len = esp.len };
        memcpy(again.b + esp_hdr_len(out), work.b + esp_hdr_len(out), len);
        assert_int_equal(esp_len(out, len), esp.len);
        esp_build(out, again.b, len, next, be32_get(esp.b + 4), esp.b + 8, &job);
        bulk_seal(bulk, &job, 1);
        assert_memory_equal(again.b, esp.b, esp.len);
        free(in);
        free(out);
        bulk_free(bulk);
    }
}

/* ---- through the engine ---- */

/* SPIs up to 255 are reserved and no SA may have one; some vectors do. */
static bool reserved_spi(const struct vector *v)
{
    return strncmp(v->esp, "000000", 6) == 0;
}

static struct gate *gate_for(const struct vector *v)
{
    struct gate *g = gate_new(BULK_AUTO, 7);
    struct bytes esp = from_hex(v->esp);
    struct policy pol = { .slot = 1,
                          .action = SPD_ENCRYPT,
                          .level = LEVEL_REQUIRE,
                          .protocols = PROTO_BIT_ESP,
                          .tunnel = v->tunnel,
                          .local = addr_text(v->dst),
                          .remote = addr_text(v->src),
                          .reqid = 5 };
    struct gate_sa sa = { .proto = SA_ESP,
                          .tunnel = v->tunnel,
                          .cipher = v->cipher,
                          .auth = v->auth,
                          .spi = be32_get(esp.b),
                          .src = addr_text(v->src),
                          .dst = addr_text(v->dst),
                          .reqid = 5,
                          .slot = 1,
                          .replay_window = 32,
                          .enc_key = v->enc_key,
                          .auth_key = v->auth_key };

    pol.sel.src = pol.sel.dst = prefix_text("0.0.0.0/0");
    gate_policies(g, &pol, 1);
    gate_sa_add(g, &sa, true);
    return g;
}

static struct blob outer_of(const struct vector *v)
{
    struct bytes esp = from_hex(v->esp);
    struct datagram d = { .src = addr_text(v->src),
                          .dst = addr_text(v->dst),
                          .proto = PROTO_ESP,
                          .payload_len = esp.len,
                          .ip_id = 77 };
    struct blob b = datagram_make(&d);

    memcpy(b.p + 20, esp.b, esp.len);
    return b;
}

static void engine_takes_the_vectors_in(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_VECTORS; i++) {
        const struct vector *v = &vectors[i];
        if (reserved_spi(v))
            continue;
        struct gate *g = gate_for(v);
        struct blob b = outer_of(v);
        struct bytes want = from_hex(v->payload);

        gate_in(g, &b, 1);
        assert_int_equal(g->n_inject, 1);
        const struct blob *got = &g->inject[0];
        assert_memory_equal(got->p + (v->tunnel ? 0 : 20), want.b, want.len);
        assert_true(datagram_csums_ok(got->p, got->len));
        assert_int_equal(ipsec_slot_stats(g->e, 1).in_transformed, 1);
        gate_in(g, &b, 1); /* once more: a replay */
        assert_int_equal(g->n_inject, 1);
        assert_int_equal(gate_drops(g, DROP_IN_REPLAY), 1);
        blob_free(&b);
        gate_free(g);
    }
}

/* E3: every bit of the ESP packet counts; afterwards the true packet still passes. */
static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    for (unsigned i = 4; i < N_VECTORS; i++) {
        const struct vector *v = &vectors[i];
        if (reserved_spi(v))
            continue;
        struct gate *g = gate_for(v);
        struct blob b = outer_of(v);
        unsigned bits = (unsigned)(b.len - 20) * 8;

        for (unsigned bit = 0; bit < bits; bit++) {
            b.p[20 + bit / 8] ^= (uint8_t)(1 << bit % 8);
            gate_in(g, &b, 1);
            b.p[20 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(g->n_inject, 0);
        assert_int_equal(gate_drops(g, DROP_IN_NO_STATES), 32);
        uint64_t zero_seq = gate_drops(g, DROP_IN_REPLAY); /* sequence 1 with its bit flipped */
        assert_int_equal(zero_seq, 1);
        assert_int_equal(gate_drops(g, DROP_IN_ICV), bits - 32 - 1);
        assert_int_equal(ipsec_slot_stats(g->e, 1).not_decrypted, bits - 32);
        gate_in(g, &b, 1);
        assert_int_equal(g->n_inject, 1);
        blob_free(&b);
        gate_free(g);
    }
}

/* E1, E2: every shorter length, as a shorter datagram and as a cut one. */
static void every_length_is_survived(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_VECTORS; i++) {
        const struct vector *v = &vectors[i];
        if (reserved_spi(v))
            continue;
        struct gate *g = gate_for(v);
        struct blob b = outer_of(v);
        unsigned n = 0;
        bool has_icv = v->auth != AUTH_NONE;

        for (size_t len = 0; len < b.len; len++) {
            struct blob cut = blob_copy(b.p, len), shorter = blob_copy(b.p, len);

            gate_in(g, &cut, 1); /* the header says more than there is */
            n++;
            if (len >= 20 && has_icv) {
                ip_len_set(shorter.p, len);
                gate_in(g, &shorter, 1);
                n++;
            }
            blob_free(&cut);
            blob_free(&shorter);
        }
        assert_int_equal(g->n_inject, 0);
        assert_int_equal(gate_all_drops(g), n);
        gate_in(g, &b, 1);
        assert_int_equal(g->n_inject, 1);
        blob_free(&b);
        gate_free(g);
    }
}

/* ---- trailers with a good ICV and wrong content ---- */

/* A null-encrypted ESP packet over raw bytes up to the ICV, sealed by hand. */
static struct blob sealed_raw(const struct vector *v, const uint8_t *inside, size_t len,
                              uint32_t seq)
{
    struct bulk *bulk = bulk_new(BULK_OPENSSL);
    struct sa *sa = sa_by_hand(bulk, v, true);
    struct datagram d = { .src = addr_text(v->src),
                          .dst = addr_text(v->dst),
                          .proto = PROTO_ESP,
                          .payload_len = 8 + len + 12 };
    struct blob b = datagram_make(&d);
    uint8_t *esp = b.p + 20;
    struct bulk_job job = { .key = &sa->key,
                            .buf = esp,
                            .auth_len = (uint32_t)(8 + len),
                            .iv = esp,
                            .icv = esp + 8 + len };

    memcpy(esp, &sa->spi_be, 4);
    be32_put(esp + 4, seq);
    memcpy(esp + 8, inside, len);
    bulk_seal(bulk, &job, 1);
    free(sa);
    bulk_free(bulk);
    return b;
}

static const struct vector null_tunnel = { "null tunnel",
                                           CIPHER_NULL,
                                           AUTH_MD5,
                                           "",
                                           "000102030405060708090a0b0c0d0e0f",
                                           true,
                                           "192.0.2.1",
                                           "192.0.2.2",
                                           4,
                                           0,
                                           "000abc0000000000",
                                           "" };
static const struct vector null_transport = { "null transport",
                                              CIPHER_NULL,
                                              AUTH_MD5,
                                              "",
                                              "000102030405060708090a0b0c0d0e0f",
                                              false,
                                              "192.0.2.1",
                                              "192.0.2.2",
                                              17,
                                              0,
                                              "000abc0000000000",
                                              "" };

/* A datagram of 20 bytes and what follows it. */
#define INNER "4500001400010000401166ca0a0100050a020007"

static void trailers_are_checked(void **state)
{
    static const struct {
        const char *label;
        const struct vector *sa;
        const char *inside;
        enum ipsec_drop want; /* DROP_COUNT: goes in */
    } cases[] = {
        { "right padding", &null_tunnel, INNER "01020204", DROP_COUNT },
        { "more padding than needed", &null_tunnel, INNER "0102030405060604", DROP_COUNT },
        { "padding of zeros", &null_tunnel, INNER "00000204", DROP_IN_PADDING },
        { "last padding byte off", &null_tunnel, INNER "01030204", DROP_IN_PADDING },
        { "padding longer than all", &null_tunnel, INNER "0102ff04", DROP_IN_PADDING },
        { "padding as long as all", &null_tunnel,
          "0102030405060708090a0b0c0d0e0f1011121314151616"
          "04",
          DROP_IN_INNER },
        { "not a multiple of four", &null_tunnel, INNER "0102030304", DROP_IN_PADDING },
        { "dummy", &null_tunnel, "deadbeef0102023b", DROP_IN_DUMMY },
        { "dummy with nothing", &null_tunnel, "0102023b", DROP_IN_DUMMY },
        { "empty payload in a tunnel", &null_tunnel, "01020204", DROP_IN_INNER },
        { "TCP in a tunnel", &null_tunnel, INNER "01020206", DROP_IN_MODE },
        { "next header 0 in a tunnel", &null_tunnel, INNER "01020200", DROP_IN_MODE },
        { "IPv6 announced, IPv4 inside", &null_tunnel, INNER "01020229", DROP_IN_INNER },
        { "version 5 inside", &null_tunnel, "5500001400010000401156ca0a0100050a02000701020204",
          DROP_IN_INNER },
        { "inner header length 4", &null_tunnel, "4400001400010000401167ca0a0100050a02000701020204",
          DROP_IN_INNER },
        { "inner checksum off", &null_tunnel, "4500001400010000401166cb0a0100050a02000701020204",
          DROP_IN_INNER },
        { "inner longer than the payload", &null_tunnel,
          "4500001500010000401166c90a0100050a02000701020204", DROP_IN_INNER },
        { "inner shorter than the payload", &null_tunnel,
          INNER "aabbccdd"
                "01020204",
          DROP_COUNT },
        { "inner total length below its header", &null_tunnel,
          "4500001300010000401166cb0a0100050a02000701020204", DROP_IN_INNER },
        { "transport", &null_transport,
          "0007000900080000"
          "01020211",
          DROP_COUNT },
        { "transport, empty", &null_transport, "01020211", DROP_COUNT },
        { "transport, hop-by-hop behind ESP", &null_transport,
          "0007000900080000"
          "01020200",
          DROP_IN_MODE },
        { "IPv4 in transport mode", &null_transport, INNER "01020204", DROP_COUNT },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes inside = from_hex(cases[i].inside);
        struct gate *g = gate_for(cases[i].sa);
        struct blob b = sealed_raw(cases[i].sa, inside.b, inside.len, 1);
        bool good = cases[i].want == DROP_COUNT;

        gate_in(g, &b, 1);
        if (g->n_inject != good || (!good && gate_drops(g, cases[i].want) != 1))
            fprintf(stderr, "case: %s\n", cases[i].label);
        assert_int_equal(g->n_inject, good);
        assert_int_equal(gate_all_drops(g), !good);
        if (!good)
            assert_int_equal(gate_drops(g, cases[i].want), 1);
        blob_free(&b);
        gate_free(g);
    }
}

/* Sizes as computed agree with each other for every cipher and length. */
static void sizes_agree(void **state)
{
    (void)state;
    for (unsigned cipher = CIPHER_NULL; cipher < CIPHER_COUNT; cipher++) {
        struct sa sa = { .iv_len = cipher_info[cipher].iv_len,
                         .block_len = cipher_info[cipher].block_len,
                         .icv_len = 12 };
        for (size_t room = 0; room < 300; room++) {
            size_t max = esp_payload_max(&sa, room);
            if (max)
                assert_true(esp_len(&sa, max) <= room);
            assert_true(esp_len(&sa, max + 1) > room);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codec_opens_and_seals_the_vectors),
        cmocka_unit_test(engine_takes_the_vectors_in),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_length_is_survived),
        cmocka_unit_test(trailers_are_checked),
        cmocka_unit_test(sizes_agree),
    };
    return cmocka_run_group_tests_name("esp", tests, NULL, NULL);
}
