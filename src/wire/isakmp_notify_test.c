/* Notify, DPD and delete payloads: sizes that lie. */
#include "isakmp_kit.h"
#include "isakmp_notify.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define COOKIES "59cedc5dcea558fe9e16984236445257"

static void notifies(void **state)
{
    static const struct {
        const char *label, *hex;
        enum isakmp_error e, dpd;
    } cases[] = {
        { "r-u-there (RFC 3706)", "00000001 01108d28" COOKIES "00000001", ISAKMP_OK, ISAKMP_OK },
        { "r-u-there-ack", "00000001 01108d29" COOKIES "ffffffff", ISAKMP_OK, ISAKMP_OK },
        { "r-u-there without number", "00000001 01108d28" COOKIES, ISAKMP_OK, ISAKMP_FIELD },
        { "r-u-there with 3 bytes", "00000001 01108d28" COOKIES "000001", ISAKMP_OK, ISAKMP_FIELD },
        { "r-u-there with 5 bytes", "00000001 01108d28" COOKIES "0000000100", ISAKMP_OK,
          ISAKMP_FIELD },
        { "r-u-there without cookies", "00000001 01008d28 00000001", ISAKMP_OK, ISAKMP_SPI },
        { "r-u-there with one cookie", "00000001 01088d28 0102030405060708 00000001", ISAKMP_OK,
          ISAKMP_SPI },
        { "r-u-there of ESP", "00000001 03048d28 01020304 00000001", ISAKMP_OK, ISAKMP_SPI },
        { "initial contact", "00000001 01106002" COOKIES, ISAKMP_OK, ISAKMP_VALUE },
        { "no proposal chosen", "00000001 0304000e 01020304", ISAKMP_OK, ISAKMP_VALUE },
        { "no SPI", "00000001 0300000e", ISAKMP_OK, ISAKMP_VALUE },
        { "generic DOI, protocol 0", "00000000 0000000e", ISAKMP_OK, ISAKMP_VALUE },
        { "unknown type", "00000001 0100ffff", ISAKMP_OK, ISAKMP_VALUE },
        { "type 0", "00000001 01000000", ISAKMP_VALUE, ISAKMP_VALUE },
        { "SPI beyond the payload", "00000001 0104000e 010203", ISAKMP_FIELD, ISAKMP_VALUE },
        { "SPI of 255", "00000001 01ff000e" COOKIES, ISAKMP_FIELD, ISAKMP_VALUE },
        { "SPI of 17", "00000001 0111000e" COOKIES "00", ISAKMP_SPI, ISAKMP_VALUE },
        { "ESP with SPI of 16", "00000001 0310000e" COOKIES, ISAKMP_SPI, ISAKMP_VALUE },
        { "AH with SPI of 3", "00000001 0203000e 010203", ISAKMP_SPI, ISAKMP_VALUE },
        { "cut", "00000001 010000", ISAKMP_FIELD, ISAKMP_VALUE },
        { "empty", "", ISAKMP_FIELD, ISAKMP_VALUE },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes b = bytes_of_hex(cases[i].hex);
        struct rd r = rd_of(slice_of(b));
        struct isakmp_notify n;
        struct isakmp_dpd d;
        enum isakmp_error e = isakmp_notify_parse(&r, &n);

        if (e != cases[i].e)
            fail_msg("%s: %s", cases[i].label, isakmp_error_name(e));
        if (e == ISAKMP_OK && isakmp_dpd_parse(&n, &d) != cases[i].dpd)
            fail_msg("%s as DPD", cases[i].label);
        free(b.p);
    }
}

static void dpd_fields(void **state)
{
    struct bytes b = bytes_of_hex("00000001 01108d29" COOKIES "0a0b0c0d");
    struct rd r = rd_of(slice_of(b));
    struct isakmp_notify n;
    struct isakmp_dpd d;

    (void)state;
    assert_int_equal(isakmp_notify_parse(&r, &n), ISAKMP_OK);
    assert_int_equal(isakmp_dpd_parse(&n, &d), ISAKMP_OK);
    assert_true(d.ack);
    assert_int_equal(d.sequence, 0x0a0b0c0d);
    assert_ptr_equal(d.cookies.p, b.p + 8);
    free(b.p);
}

/* W28: protocol, size and count against the bytes there are. */
static void deletes_are_exact(void **state)
{
    static const uint8_t protocols[] = { 0, 1, 2, 3, 4, 5, 255 };
    static const uint8_t sizes[] = { 0, 1, 2, 3, 4, 8, 16, 17, 128, 255 };
    static const uint16_t counts[] = { 0, 1, 2, 3, 4, 64, 256, 4096, 16384, 32768, 65535 };
    static const size_t lengths[] = { 0, 1, 2, 3, 4, 5, 8, 12, 16, 17, 32, 256, 1024 };
    static uint8_t body[8 + 1024];

    (void)state;
    for (size_t p = 0; p < sizeof protocols; p++)
        for (size_t s = 0; s < sizeof sizes; s++)
            for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
                for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
                    body[3] = 1;
                    body[4] = protocols[p];
                    body[5] = sizes[s];
                    be16_put(body + 6, counts[c]);
                    struct bytes b = bytes_of(body, 8 + lengths[l]);
                    struct rd r = rd_of(slice_of(b));
                    struct isakmp_delete d;
                    bool size_ok = (protocols[p] == 1 && sizes[s] == 16) ||
                                   (protocols[p] >= 2 && protocols[p] <= 4 && sizes[s] == 4) ||
                                   (protocols[p] == 4 && sizes[s] == 2);
                    bool ok = size_ok && counts[c] && (size_t)counts[c] * sizes[s] == lengths[l];
                    assert_int_equal(isakmp_delete_parse(&r, &d) == ISAKMP_OK, ok);
                    if (ok)
                        assert_ptr_equal(isakmp_delete_spi(&d, counts[c] - 1u).p,
                                         b.p + b.len - sizes[s]);
                    free(b.p);
                }
}

static void deletes_cut_in_their_head(void **state)
{
    struct bytes b = bytes_of_hex("00000001 03040001 b75ad16c");

    (void)state;
    for (size_t len = 0; len <= b.len; len++) {
        struct bytes part = bytes_of(b.p, len);
        struct rd r = rd_of(slice_of(part));
        struct isakmp_delete d;
        assert_int_equal(isakmp_delete_parse(&r, &d), len == b.len ? ISAKMP_OK : ISAKMP_FIELD);
        free(part.p);
    }
    free(b.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notifies),
        cmocka_unit_test(dpd_fields),
        cmocka_unit_test(deletes_are_exact),
        cmocka_unit_test(deletes_cut_in_their_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
