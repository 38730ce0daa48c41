/* Port 4500, NAT-D and NAT-OA. */
#include "isakmp_kit.h"
#include "isakmp_natt.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* W1, W36: what a datagram is, at every length, by its first bytes. */
static void datagrams_are_told_apart(void **state)
{
    static const struct {
        const char *label;
        bool floated;
        uint8_t first[4];
        size_t from; /* this kind from this length on, bad before */
        enum natt_kind kind;
        size_t marker;
    } cases[] = {
        { "IKE on 500", false, { 1, 2, 3, 4 }, 28, NATT_IKE, 0 },
        { "marker on 500 is no marker", false, { 0, 0, 0, 0 }, 28, NATT_IKE, 0 },
        { "IKE on 4500", true, { 0, 0, 0, 0 }, 32, NATT_IKE, 4 },
        { "ESP on 4500", true, { 0, 0, 1, 0 }, 4, NATT_ESP, 0 },
        { "IKE without marker looks like ESP", true, { 1, 2, 3, 4 }, 4, NATT_ESP, 0 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t len = 0; len <= 64; len++) {
            uint8_t room[64] = { 0 };
            struct slice got;
            memcpy(room, cases[i].first, 4);
            struct bytes b = bytes_of(room, len);
            enum natt_kind kind = natt_classify(slice_of(b), cases[i].floated, &got);
            if (kind != (len >= cases[i].from ? cases[i].kind : NATT_BAD))
                fail_msg("%s: %zu bytes are %d", cases[i].label, len, kind);
            if (kind == NATT_IKE || kind == NATT_ESP) {
                assert_ptr_equal(got.p, b.p + cases[i].marker);
                assert_int_equal(got.len, len - cases[i].marker);
            }
            free(b.p);
        }
}

static void keepalives_are_one_byte(void **state)
{
    static const uint8_t ff[4] = { 0xff, 0xff, 0xff, 0xff };
    static const uint8_t zero[4];
    struct slice got;

    (void)state;
    assert_int_equal(natt_classify((struct slice){ ff, 1 }, true, &got), NATT_KEEPALIVE);
    assert_int_equal(natt_classify((struct slice){ ff, 1 }, false, &got), NATT_BAD);
    assert_int_equal(natt_classify((struct slice){ ff, 2 }, true, &got), NATT_BAD);
    assert_int_equal(natt_classify((struct slice){ ff, 3 }, true, &got), NATT_BAD);
    assert_int_equal(natt_classify((struct slice){ zero, 1 }, true, &got), NATT_BAD);
    assert_int_equal(natt_classify((struct slice){ zero, 4 }, true, &got), NATT_BAD);
}

static void versions_have_their_numbers(void **state)
{
    static const struct {
        enum isakmp_vendor v;
        bool floats;
        unsigned natd, natoa, tunnel, transport;
    } cases[] = {
        { VENDOR_NATT_00, false, 130, 131, 61443, 61444 },
        { VENDOR_NATT_01, false, 130, 131, 61443, 61444 },
        { VENDOR_NATT_02, true, 130, 131, 61443, 61444 },
        { VENDOR_NATT_02N, true, 130, 131, 61443, 61444 },
        { VENDOR_NATT_03, true, 130, 131, 61443, 61444 },
        { VENDOR_NATT_04, true, 15, 16, 3, 4 },
        { VENDOR_NATT_08, true, 15, 16, 3, 4 },
        { VENDOR_NATT_RFC, true, 20, 21, 3, 4 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct natt_dialect *d = natt_dialect(cases[i].v);
        assert_non_null(d);
        assert_int_equal(d->floats, cases[i].floats);
        assert_int_equal(d->natd, cases[i].natd);
        assert_int_equal(d->natoa, cases[i].natoa);
        assert_int_equal(d->udp_tunnel, cases[i].tunnel);
        assert_int_equal(d->udp_transport, cases[i].transport);
    }
    assert_null(natt_dialect(VENDOR_UNKNOWN));
    assert_null(natt_dialect(VENDOR_DPD));
    assert_null(natt_dialect(VENDOR_NATT_ANY));
}

/* W29: shorter, longer and empty never match. */
static void nat_d_is_compared_whole(void **state)
{
    struct bytes hash = bytes_of_hex("6efe12f04af90dfbcfb15d71b841bb9e");

    (void)state;
    for (size_t len = 0; len <= hash.len; len++) {
        struct bytes part = bytes_of(hash.p, len);
        assert_int_equal(isakmp_natd_matches(slice_of(part), slice_of(hash)), len == hash.len);
        assert_int_equal(isakmp_natd_matches(slice_of(hash), slice_of(part)), len == hash.len);
        free(part.p);
    }
    assert_false(isakmp_natd_matches((struct slice){ hash.p, 0 }, (struct slice){ hash.p, 0 }));
    free(hash.p);
}

/* W30: every type with every length. */
static void nat_oa_is_an_address(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++)
        for (size_t len = 0; len <= 24; len++) {
            uint8_t body[24] = { (uint8_t)type, 0xff, 0xff, 0xff, 0x20, 0x01 };
            struct bytes b = bytes_of(body, len);
            struct rd r = rd_of(slice_of(b));
            struct ip_addr a;
            bool ok = (type == 1 && len == 8) || (type == 5 && len == 20);
            assert_int_equal(isakmp_natoa_parse(&r, &a) == ISAKMP_OK, ok);
            if (ok) {
                assert_int_equal(a.family, type == 1 ? IP_V4 : IP_V6);
                assert_memory_equal(a.b, body + 4, len - 4);
            }
            free(b.p);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_are_told_apart),    cmocka_unit_test(keepalives_are_one_byte),
        cmocka_unit_test(versions_have_their_numbers), cmocka_unit_test(nat_d_is_compared_whole),
        cmocka_unit_test(nat_oa_is_an_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
