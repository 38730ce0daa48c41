/* Certificate payloads: every encoding, empty and not (W24). */
#include "isakmp_cert.h"
#include "isakmp_kit.h"
#include "unit.h"

#include <stdlib.h>

static void encodings_and_lengths(void **state)
{
    (void)state;
    for (unsigned encoding = 0; encoding < 256; encoding++)
        for (size_t len = 0; len <= 3; len++) {
            uint8_t body[3] = { (uint8_t)encoding, 0x30, 0x00 };
            struct bytes b = bytes_of(body, len);
            struct rd r = rd_of(slice_of(b));
            struct isakmp_cert c;
            bool known = encoding >= 1 && encoding <= 10;

            assert_int_equal(isakmp_certreq_parse(&r, &c) == ISAKMP_OK, known && len >= 1);
            assert_true(rd_ok(&r) == (known && len >= 1));
            r = rd_of(slice_of(b));
            assert_int_equal(isakmp_cert_parse(&r, &c) == ISAKMP_OK, known && len >= 2);
            if (known && len >= 2) {
                assert_int_equal(c.encoding, encoding);
                assert_ptr_equal(c.data.p, b.p + 1);
                assert_int_equal(c.data.len, len - 1);
            }
            free(b.p);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(encodings_and_lengths) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
