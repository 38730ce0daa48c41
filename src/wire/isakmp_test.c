/* Header and payload chain: everything a stranger can write into them. */
#include "isakmp.h"
#include "isakmp_kit.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define COOKIES "0102030405060708a1a2a3a4a5a6a7a8"

/* HASH of four bytes, then a nonce of four. */
static const char good_hex[] = COOKIES "08100200"
                                       "00000000"
                                       "0000002c"
                                       "0a000008 aabbccdd"
                                       "00000008 11223344";

enum { GOOD_LEN = 44, VERSION_AT = 17, EXCHANGE_AT = 18, FLAGS_AT = 19, LENGTH_AT = 24 };

static enum isakmp_error parse(struct bytes b, struct isakmp_payloads *ps)
{
    struct isakmp_header h;
    const char *bad;

    return message_parse(slice_of(b), ISAKMP_TAIL_NONE, &h, ps, &bad);
}

static void a_good_message_gives_its_fields(void **state)
{
    struct bytes b = bytes_of_hex(good_hex);
    struct isakmp_header h;
    struct isakmp_payloads ps;
    struct rd r = rd_of(slice_of(b));

    (void)state;
    assert_int_equal(isakmp_header_parse(&r, &h), ISAKMP_OK);
    assert_memory_equal(h.cky_i, b.p, 16); /* both: cky_r follows */
    assert_int_equal(h.next_payload, PL_HASH);
    assert_int_equal(h.version, 0x10);
    assert_int_equal(h.exchange, EXCHANGE_MAIN);
    assert_int_equal(h.length, GOOD_LEN);
    assert_int_equal(isakmp_payloads_parse(&r, h.next_payload, ISAKMP_TAIL_NONE, &ps), ISAKMP_OK);
    assert_int_equal(ps.n, 2);
    assert_int_equal(ps.at[1].type, PL_NONCE);
    assert_ptr_equal(ps.at[1].raw.p, b.p + 36);
    assert_ptr_equal(ps.at[1].body.p, b.p + 40);
    assert_int_equal(ps.at[1].body.len, 4);
    assert_ptr_equal(isakmp_payload_find(&ps, PL_NONCE), &ps.at[1]);
    assert_null(isakmp_payload_find(&ps, PL_SA));
    struct slice after = isakmp_payloads_after(&ps, 0);
    assert_ptr_equal(after.p, b.p + 36);
    assert_int_equal(after.len, 8);
    assert_int_equal(isakmp_payloads_after(&ps, 1).len, 0);
    free(b.p);
}

/* W1: the header does not fit; W2: it says another length than there is. */
static void every_length_but_the_true_one_is_refused(void **state)
{
    struct bytes b = bytes_of_hex(good_hex);
    struct isakmp_payloads ps;

    (void)state;
    for (size_t len = 0; len <= 64; len++) {
        uint8_t room[64] = { 0 };
        memcpy(room, b.p, len < b.len ? len : b.len);
        struct bytes part = bytes_of(room, len);
        enum isakmp_error e = parse(part, &ps);
        if (len == GOOD_LEN)
            assert_int_equal(e, ISAKMP_OK);
        else
            assert_int_equal(e, len < ISAKMP_HEADER_LEN ? ISAKMP_SHORT : ISAKMP_LENGTH);
        free(part.p);
    }
    static const uint32_t lengths[] = { 0,  1,          27,         28,        GOOD_LEN - 1,
                                        45, UINT16_MAX, 0x80000000, UINT32_MAX };
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        be32_put(b.p + LENGTH_AT, lengths[i]);
        assert_int_equal(parse(b, &ps), ISAKMP_LENGTH);
    }
    free(b.p);
}

/* W3: the minor version does not matter. W4, W5. */
static void versions_exchanges_and_flags(void **state)
{
    struct bytes b = bytes_of_hex(good_hex);
    struct isakmp_payloads ps;

    (void)state;
    for (unsigned v = 0; v < 256; v++) {
        b.p[VERSION_AT] = (uint8_t)v;
        assert_int_equal(parse(b, &ps), v >> 4 == 1 ? ISAKMP_OK : ISAKMP_VERSION);
    }
    b.p[VERSION_AT] = 0x10;
    for (unsigned x = 0; x < 256; x++) {
        bool known = x == 1 || x == 2 || x == 4 || x == 5 || x == 32 || x == 33;
        b.p[EXCHANGE_AT] = (uint8_t)x;
        assert_int_equal(parse(b, &ps), known ? ISAKMP_OK : ISAKMP_EXCHANGE);
    }
    b.p[EXCHANGE_AT] = EXCHANGE_QUICK;
    for (unsigned f = 0; f < 256; f++) {
        b.p[FLAGS_AT] = (uint8_t)f;
        assert_int_equal(parse(b, &ps), ISAKMP_OK);
    }
    free(b.p);
}

/* What an answer needs is there although the message is refused. */
static void refused_versions_leave_the_cookies(void **state)
{
    struct bytes b = bytes_of_hex(good_hex);
    struct isakmp_header h = { 0 };
    struct rd r = rd_of(slice_of(b));

    (void)state;
    b.p[VERSION_AT] = 0x20;
    assert_int_equal(isakmp_header_parse(&r, &h), ISAKMP_VERSION);
    assert_string_equal(r.bad, "major version");
    assert_memory_equal(h.cky_i, b.p, 16);
    free(b.p);
}

static void cookies(void **state)
{
    static const struct {
        const char *label, *hex;
        enum isakmp_error e;
    } cases[] = {
        { "both", "0102030405060708a1a2a3a4a5a6a7a8", ISAKMP_OK },
        { "first message", "01020304050607080000000000000000", ISAKMP_OK },
        { "no initiator", "0000000000000000a1a2a3a4a5a6a7a8", ISAKMP_COOKIE },
        { "none", "00000000000000000000000000000000", ISAKMP_COOKIE },
        { "equal", "01020304050607080102030405060708", ISAKMP_COOKIE },
    };
    struct bytes b = bytes_of_hex(good_hex);
    struct isakmp_payloads ps;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes c = bytes_of_hex(cases[i].hex);
        memcpy(b.p, c.p, c.len);
        if (parse(b, &ps) != cases[i].e)
            fail_msg("%s", cases[i].label);
        free(c.p);
    }
    free(b.p);
}

static enum isakmp_error chain(const char *hex, uint8_t first, enum isakmp_tail tail,
                               struct isakmp_payloads *ret)
{
    struct bytes b = bytes_of_hex(hex);
    struct rd r = rd_of(slice_of(b));
    enum isakmp_error e = isakmp_payloads_parse(&r, first, tail, ret);

    assert_true((e == ISAKMP_OK) == rd_ok(&r));
    free(b.p);
    return e;
}

static void chains(void **state)
{
    static const struct {
        const char *label, *hex;
        uint8_t first;
        enum isakmp_tail tail;
        enum isakmp_error e;
        unsigned n;
    } cases[] = {
        { "empty body of a payload", "00000004", PL_HASH, ISAKMP_TAIL_NONE, ISAKMP_OK, 1 },
        { "no payload", "", PL_NONE, ISAKMP_TAIL_NONE, ISAKMP_CHAIN, 0 },
        { "none, but bytes", "00000004", PL_NONE, ISAKMP_TAIL_NONE, ISAKMP_CHAIN, 0 },
        { "none, all padding", "00000000", PL_NONE, ISAKMP_TAIL_PADDING, ISAKMP_CHAIN, 0 },
        { "one promised, none there", "", PL_HASH, ISAKMP_TAIL_NONE, ISAKMP_CHAIN, 0 },
        { "another promised", "0a000004", PL_HASH, ISAKMP_TAIL_NONE, ISAKMP_CHAIN, 1 },
        { "payload behind none", "00000004 00000004", PL_HASH, ISAKMP_TAIL_NONE, ISAKMP_CHAIN, 1 },
        { "byte behind none", "00000004 00", PL_HASH, ISAKMP_TAIL_NONE, ISAKMP_CHAIN, 1 },
        { "padding", "00000004 11223344", PL_HASH, ISAKMP_TAIL_PADDING, ISAKMP_OK, 1 },
        { "length 0", "00000000", PL_HASH, ISAKMP_TAIL_NONE, ISAKMP_PAYLOAD_SHORT, 0 },
        { "length 3", "00000003", PL_HASH, ISAKMP_TAIL_PADDING, ISAKMP_PAYLOAD_SHORT, 0 },
        { "length 0 later", "0a000004 00000000", PL_HASH, ISAKMP_TAIL_NONE, ISAKMP_PAYLOAD_SHORT,
          1 },
        { "one byte over", "00000005", PL_HASH, ISAKMP_TAIL_NONE, ISAKMP_PAYLOAD_OVERRUN, 0 },
        { "65535", "0000ffff 00", PL_HASH, ISAKMP_TAIL_PADDING, ISAKMP_PAYLOAD_OVERRUN, 0 },
        { "header cut", "000000", PL_HASH, ISAKMP_TAIL_PADDING, ISAKMP_PAYLOAD_OVERRUN, 0 },
        { "reserved byte", "0aff0004 00ff0004", PL_HASH, ISAKMP_TAIL_NONE, ISAKMP_OK, 2 },
    };
    struct isakmp_payloads ps;

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum isakmp_error e = chain(cases[i].hex, cases[i].first, cases[i].tail, &ps);
        if (e != cases[i].e || ps.n != cases[i].n)
            fail_msg("%s: %s, %u payloads", cases[i].label, isakmp_error_name(e), ps.n);
    }
    assert_int_equal(ps.reserved_nonzero, 2);
}

/* W7 and W10: the chain does not depend on types. */
static void every_type_has_the_same_bounds(void **state)
{
    struct isakmp_payloads ps;
    char hex[32];

    (void)state;
    for (unsigned type = 1; type < 256; type++)
        for (unsigned len = 0; len <= 9; len++) {
            snprintf(hex, sizeof hex, "000000%02x01020304", len);
            enum isakmp_error want = len < 4   ? ISAKMP_PAYLOAD_SHORT
                                     : len > 8 ? ISAKMP_PAYLOAD_OVERRUN
                                               : ISAKMP_OK;
            assert_int_equal(chain(hex, (uint8_t)type, ISAKMP_TAIL_PADDING, &ps), want);
            if (want == ISAKMP_OK)
                assert_int_equal(ps.at[0].type, type);
        }
}

/* W11 */
static void payloads_are_limited(void **state)
{
    static const unsigned counts[] = { ISAKMP_PAYLOADS_MAX - 1, ISAKMP_PAYLOADS_MAX,
                                       ISAKMP_PAYLOADS_MAX + 1, 5000 };
    struct isakmp_payloads ps;

    (void)state;
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct bytes b = { calloc(counts[i], 4), counts[i] * 4u };
        for (unsigned k = 0; k < counts[i]; k++) {
            b.p[4 * k] = k + 1 < counts[i] ? PL_VID : PL_NONE;
            b.p[4 * k + 3] = 4;
        }
        struct rd r = rd_of(slice_of(b));
        enum isakmp_error e = isakmp_payloads_parse(&r, PL_VID, ISAKMP_TAIL_NONE, &ps);
        assert_int_equal(e, counts[i] <= ISAKMP_PAYLOADS_MAX ? ISAKMP_OK : ISAKMP_TOO_MANY);
        if (e == ISAKMP_OK)
            assert_int_equal(isakmp_payload_count(&ps, PL_VID), counts[i]);
        free(b.p);
    }
}

static void numbers_have_names(void **state)
{
    char buf[ISAKMP_NAME_TEXT_MAX];

    (void)state;
    assert_string_equal(isakmp_name(NAMES_NOTIFY, 14), "NO-PROPOSAL-CHOSEN");
    assert_string_equal(isakmp_name(NAMES_NOTIFY, 36137), "R-U-THERE-ACK");
    assert_string_equal(isakmp_name(NAMES_PAYLOAD, 130), "NAT-D (draft)");
    assert_string_equal(isakmp_name(NAMES_IPSEC_ESP, 11), "null");
    assert_null(isakmp_name(NAMES_NOTIFY, 31));
    assert_null(isakmp_name(NAMES_COUNT, 1));
    assert_string_equal(isakmp_name_text(NAMES_EXCHANGE, 32, buf), "quick");
    assert_string_equal(isakmp_name_text(NAMES_EXCHANGE, 200, buf), "200");
    for (int e = 0; e < ISAKMP_ERROR_COUNT; e++) {
        assert_non_null(isakmp_error_name((enum isakmp_error)e));
        uint16_t notify = isakmp_error_notify((enum isakmp_error)e);
        assert_true(notify == 0 || isakmp_name(NAMES_NOTIFY, notify));
    }
    assert_int_equal(isakmp_error_notify(ISAKMP_SITUATION), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_message_gives_its_fields),
        cmocka_unit_test(every_length_but_the_true_one_is_refused),
        cmocka_unit_test(versions_exchanges_and_flags),
        cmocka_unit_test(refused_versions_leave_the_cookies),
        cmocka_unit_test(cookies),
        cmocka_unit_test(chains),
        cmocka_unit_test(every_type_has_the_same_bounds),
        cmocka_unit_test(payloads_are_limited),
        cmocka_unit_test(numbers_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
