/* AH against recorded packets and against scapy (tests/vectors/ah_headers.txt, first argument). */
#include "ah.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATAGRAM_MAX = 512, LINE_MAX_LEN = 2048 };

static const char *vectors_path;

struct vector {
    char label[64];
    enum auth_alg auth;
    char key[64];
    uint32_t spi, seq;
    uint8_t plain[DATAGRAM_MAX], sealed[DATAGRAM_MAX];
    size_t plain_len, sealed_len;
};

/* SPIs up to 255 are reserved and no SA may have one; two vectors do. */
static bool reserved_spi(const struct vector *v)
{
    return v->spi < 256;
}

typedef void (*vector_check)(const struct vector *v);

static void vector_fill(struct vector *v, const char *plain, const char *sealed)
{
    struct ip_parts parts;

    v->plain_len = hex_bytes(plain, v->plain, sizeof(v->plain));
    v->sealed_len = hex_bytes(sealed, v->sealed, sizeof(v->sealed));
    assert_true(ip_parts_parse(v->sealed, v->sealed_len, &parts));
    v->spi = be32_get(v->sealed + parts.l4 + 4);
    v->seq = be32_get(v->sealed + parts.l4 + 8);
}

/* Calls CHECK for every case of the file and for the packets of vectors.md 2.6. */
static void vectors_each(vector_check check)
{
    static const char plain[] = "4500002c000000004001ac7bc0a86f02c0a8de0208000d7412340000babe0123"
                                "4567cafe0001020304050607";
    struct vector sha1 = { .label = "sha1", .auth = AUTH_SHA1 };
    struct vector md5 = { .label = "md5", .auth = AUTH_MD5 };
    char line[LINE_MAX_LEN];
    FILE *f = fopen(vectors_path, "r");
    unsigned n = 0;

    strcpy(sha1.key, "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
    strcpy(md5.key, "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
    vector_fill(&sha1, plain,
                "45000044000000004033ac31c0a86f02c0a8de02010400000000007b0000000179323ba09053f6bd"
                "2a2b7c1608000d7412340000babe01234567cafe0001020304050607");
    vector_fill(&md5, plain,
                "45000044000000004033ac31c0a86f02c0a8de02010400000000007b00000001cdc8d728a552ca7f"
                "499c37e108000d7412340000babe01234567cafe0001020304050607");
    check(&sha1);
    check(&md5);
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        char *save, *label = strtok_r(line, "|", &save), *auth = strtok_r(NULL, "|", &save);
        char *key = strtok_r(NULL, "|", &save);
        strtok_r(NULL, "|", &save);
        char *before = strtok_r(NULL, "|", &save), *after = strtok_r(NULL, "|", &save);
        struct vector v = { .auth = strstr(auth, "SHA1") ? AUTH_SHA1 : AUTH_MD5 };

        assert_non_null(after);
        snprintf(v.label, sizeof(v.label), "%s", label);
        snprintf(v.key, sizeof(v.key), "%s", key);
        vector_fill(&v, before, after);
        check(&v);
        n++;
    }
    assert_int_equal(n, 52);
    fclose(f);
}

static struct sa *sa_by_hand(struct bulk *bulk, const struct vector *v, bool seal)
{
    struct sa *sa = aligned_alloc(64, (sizeof(*sa) + 63) / 64 * 64);
    uint8_t key[64];
    size_t key_len = hex_bytes(v->key, key, sizeof(key));

    memset(sa, 0, sizeof(*sa));
    be32_put((uint8_t *)&sa->spi_be, v->spi);
    sa->icv_len = 12;
    assert_true(bulk_key_init(bulk, &sa->key, seal, CIPHER_NONE, NULL, 0, v->auth, key, key_len));
    return sa;
}

/* Puts AH where the vector has it and compares all bytes. */
static void check_seal(const struct vector *v)
{
    struct bulk *bulk = bulk_new(BULK_AUTO);
    struct sa *sa = sa_by_hand(bulk, v, true);
    struct ip_parts parts;
    struct bulk_job job;
    struct ah_saved saved;
    uint8_t work[DATAGRAM_MAX], icv[AH_ICV_MAX];

    assert_true(ip_parts_parse(v->sealed, v->sealed_len, &parts));
    memcpy(work, v->sealed, v->sealed_len);
    memset(work + parts.l4, 0xee, 24); /* all of AH has to be written */
    assert_true(ah_seal_begin(sa, work, v->sealed_len, parts.l4, v->sealed[parts.l4], v->seq, icv,
                              &saved, &job));
    bulk_seal(bulk, &job, 1);
    ah_seal_end(work, parts.l4, icv, &saved);
    if (memcmp(work, v->sealed, v->sealed_len))
        fprintf(stderr, "case: %s\n", v->label);
    assert_memory_equal(work, v->sealed, v->sealed_len);
    free(sa);
    bulk_free(bulk);
}

static void seals_as_others_do(void **state)
{
    (void)state;
    vectors_each(check_seal);
}

static bool opens(const struct vector *v, const uint8_t *datagram)
{
    struct bulk *bulk = bulk_new(BULK_AUTO);
    struct sa *sa = sa_by_hand(bulk, v, false);
    struct ip_parts parts;
    struct bulk_job job;
    struct ah_saved saved;
    uint8_t work[DATAGRAM_MAX], icv[AH_ICV_MAX];
    bool ok = false;

    memcpy(work, datagram, v->sealed_len);
    if (ip_parts_parse(work, v->sealed_len, &parts) && parts.proto == PROTO_AH &&
        ah_open_begin(sa, work, v->sealed_len, parts.l4, icv, &saved, &job) == DROP_COUNT) {
        bulk_open(bulk, &job, 1);
        ah_open_end(work, &saved);
        assert_memory_equal(work, datagram, parts.l4); /* the header is as it came */
        ok = job.ok;
    }
    free(sa);
    bulk_free(bulk);
    return ok;
}

static void check_open(const struct vector *v)
{
    if (!opens(v, v->sealed))
        fprintf(stderr, "case: %s\n", v->label);
    assert_true(opens(v, v->sealed));
}

static void opens_what_others_sealed(void **state)
{
    (void)state;
    vectors_each(check_open);
}

/* Bits that may change on the way: all others are protected. RFC 4302 3.3.3.1, A1, A2. */
static bool mutable_bit(const struct vector *v, size_t byte, unsigned bit)
{
    const uint8_t *p = v->sealed;

    (void)bit;
    if (p[0] >> 4 == 6)
        return (byte == 0 && bit < 4) || (byte > 0 && byte < 4) || byte == 7;
    return byte == 1 || byte == 6 || byte == 7 || byte == 8 || byte == 10 || byte == 11;
}

static void check_flips(const struct vector *v)
{
    uint8_t work[DATAGRAM_MAX];
    bool plain_hdr =
        strstr(v->label, "no ") || strcmp(v->label, "sha1") == 0 || strcmp(v->label, "md5") == 0;

    if (!plain_hdr)
        return; /* options: see mutable_options_do_not_count */
    for (size_t byte = 0; byte < v->sealed_len; byte++)
        for (unsigned bit = 0; bit < 8; bit++) {
            if ((byte == 0 && bit >= 4) || (byte == 6 && (v->sealed[0] >> 4) == 4))
                continue; /* version; fragments are another matter */
            if (byte == 7 && (v->sealed[0] >> 4) == 4)
                continue;
            if (byte == 12 + 24)
                continue;
            memcpy(work, v->sealed, v->sealed_len);
            work[byte] ^= (uint8_t)(1u << bit);
            assert_int_equal(opens(v, work), mutable_bit(v, byte, bit));
        }
}

static void every_protected_bit_counts(void **state)
{
    (void)state;
    vectors_each(check_flips);
}

/* Routers write into record route and timestamp options; nobody writes into a security option. */
static void check_options(const struct vector *v)
{
    bool changes = strstr(v->label, "record") || strstr(v->label, "timestamp") ||
                   strstr(v->label, "traceroute") || strstr(v->label, "unknown");
    bool stays = strstr(v->label, "security") || strstr(v->label, "router alert");
    uint8_t work[DATAGRAM_MAX];

    if (!changes && !stays)
        return;
    memcpy(work, v->sealed, v->sealed_len);
    work[20 + 3] ^= 0xff; /* the first data byte of the first option */
    assert_int_equal(opens(v, work), changes);
}

static void mutable_options_do_not_count(void **state)
{
    (void)state;
    vectors_each(check_options);
}

/* ---- through the engine ---- */

static struct gate *gate_for(const struct vector *v, bool inbound)
{
    struct gate *g = gate_new(BULK_AUTO, 7);
    bool v4 = v->plain[0] >> 4 == 4;
    enum ip_family family = v4 ? IP_V4 : IP_V6;
    struct ip_addr src = ip_addr_from_bytes(family, v->plain + (v4 ? 12 : 8));
    struct ip_addr dst = ip_addr_from_bytes(family, v->plain + (v4 ? 16 : 24));
    struct policy pol = { .slot = 1,
                          .action = SPD_ENCRYPT,
                          .level = LEVEL_REQUIRE,
                          .protocols = PROTO_BIT_AH,
                          .df = DF_INHERIT,
                          .local = inbound ? dst : src,
                          .remote = inbound ? src : dst,
                          .reqid = 5 };
    struct gate_sa sa = { .proto = SA_AH,
                          .auth = v->auth,
                          .spi = v->spi,
                          .src = src,
                          .dst = dst,
                          .reqid = 5,
                          .slot = 1,
                          .replay_window = 128,
                          .auth_key = v->key };

    pol.sel.src = pol.sel.dst = prefix_text(v4 ? "0.0.0.0/0" : "::/0");
    gate_policies(g, &pol, 1);
    struct sa *made = gate_sa_add(g, &sa, inbound);
    if (!inbound)
        ipsec_slot_set(g->e, 1, NULL, made);
    return g;
}

static void check_engine_in(const struct vector *v)
{
    if (reserved_spi(v))
        return;
    struct gate *g = gate_for(v, true);

    gate_in_bytes(g, v->sealed, v->sealed_len);
    if (g->n_inject != 1)
        fprintf(stderr, "case: %s\n", v->label);
    assert_int_equal(g->n_inject, 1);
    assert_int_equal(g->inject[0].len, v->plain_len);
    assert_memory_equal(g->inject[0].p, v->plain, v->plain_len);
    gate_free(g);
}

static void engine_takes_them_in(void **state)
{
    (void)state;
    vectors_each(check_engine_in);
}

/* The engine chooses the sequence number: the first is 1. Judged by opening as proven above. */
static void check_engine_out(const struct vector *v)
{
    if (reserved_spi(v))
        return;
    struct gate *g = gate_for(v, false);
    struct vector out = *v;

    gate_out_bytes(g, v->plain, v->plain_len);
    assert_int_equal(g->n_wire, 1);
    out.sealed_len = g->wire[0].len;
    memcpy(out.sealed, g->wire[0].p, g->wire[0].len);
    if (!opens(&out, out.sealed))
        fprintf(stderr, "case: %s\n", v->label);
    assert_true(opens(&out, out.sealed));
    assert_int_equal(out.sealed_len, v->sealed_len);
    gate_free(g);
}

static void engine_sends_what_opens(void **state)
{
    (void)state;
    vectors_each(check_engine_out);
}

/* E24: an AH whose length field does not fit its ICV; and every cut. */
static void check_lengths(const struct vector *v)
{
    if (reserved_spi(v))
        return;
    struct gate *g = gate_for(v, true);
    struct ip_parts parts;
    uint8_t work[DATAGRAM_MAX];
    unsigned n = 0;

    assert_true(ip_parts_parse(v->sealed, v->sealed_len, &parts));
    for (unsigned field = 0; field < 256; field++) {
        memcpy(work, v->sealed, v->sealed_len);
        if (work[parts.l4 + 1] == field)
            continue;
        work[parts.l4 + 1] = (uint8_t)field;
        gate_in_bytes(g, work, v->sealed_len);
        n++;
    }
    assert_int_equal(gate_drops(g, DROP_IN_PADDING), n);
    for (size_t len = parts.l4; len < v->sealed_len; len++) {
        memcpy(work, v->sealed, v->sealed_len);
        ip_len_set(work, len);
        gate_in_bytes(g, work, len);
        n++;
    }
    assert_int_equal(gate_all_drops(g), n);
    assert_int_equal(g->n_inject, 0);
    gate_free(g);
}

static void wrong_lengths_are_refused(void **state)
{
    (void)state;
    vectors_each(check_lengths);
}

/* Source routes under way count as they will end: RFC 4302 A1. */
static void source_routes_count_as_they_end(void **state)
{
    /* dst 1.1.1.1, then 2.2.2.2, then 3.3.3.3 */
    static const char sent[] = "48000020000100004001000009090909"
                               "01010101"
                               "830b04"
                               "02020202"
                               "03030303"
                               "00";
    static const char arrived[] = "48000020000100004001000009090909"
                                  "03030303"
                                  "830b0c"
                                  "01010101"
                                  "02020202"
                                  "00";
    uint8_t a[32], b[32];

    (void)state;
    hex_bytes(sent, a, sizeof(a));
    hex_bytes(arrived, b, sizeof(b));
    assert_true(ah_mutable(a, 32));
    assert_true(ah_mutable(b, 32));
    assert_memory_equal(a, b, 32);
}

static void broken_options_are_refused(void **state)
{
    static const char *const headers[] = {
        "460000180001000040010000090909090101010107000000", /* length 0 */
        "460000180001000040010000090909090101010107010000", /* length 1 */
        "460000180001000040010000090909090101010107050000", /* past the header */
        "460000180001000040010000090909090101010101010107", /* type alone */
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        uint8_t hdr[24];
        hex_bytes(headers[i], hdr, sizeof(hdr));
        assert_false(ah_mutable(hdr, sizeof(hdr)));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seals_as_others_do),
        cmocka_unit_test(opens_what_others_sealed),
        cmocka_unit_test(every_protected_bit_counts),
        cmocka_unit_test(mutable_options_do_not_count),
        cmocka_unit_test(engine_takes_them_in),
        cmocka_unit_test(engine_sends_what_opens),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(source_routes_count_as_they_end),
        cmocka_unit_test(broken_options_are_refused),
    };

    if (argc < 2)
        return 2;
    vectors_path = argv[1];
    return cmocka_run_group_tests_name("ah", tests, NULL, NULL);
}
