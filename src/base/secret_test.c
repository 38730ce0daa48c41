/* Comparing and wiping key material. */
#include "secret.h"
#include "unit.h"

static void equal_needs_every_bit(void **state)
{
    uint8_t a[40], b[40];

    (void)state;
    for (unsigned i = 0; i < sizeof(a); i++)
        a[i] = b[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= 32; len++)
        for (unsigned shift = 0; shift < 8; shift++) {
            assert_true(secret_equal(a + shift, b + shift, len));
            for (unsigned bit = 0; bit < 8 * len; bit++) {
                b[shift + bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_false(secret_equal(a + shift, b + shift, len));
                b[shift + bit / 8] ^= (uint8_t)(1 << bit % 8);
            }
        }
}

static void bytes_past_the_length_do_not_count(void **state)
{
    uint8_t a[16] = { 0 }, b[16] = { 0 };

    (void)state;
    for (size_t len = 0; len < sizeof(a); len++) {
        b[len] = 1;
        assert_true(secret_equal(a, b, len));
        assert_false(secret_equal(a, b, len + 1));
        b[len] = 0;
    }
}

static void wiping_zeroes_exactly_its_bytes(void **state)
{
    uint8_t b[10];

    (void)state;
    memset(b, 0xaa, sizeof(b));
    secret_wipe(b + 2, 6);
    for (unsigned i = 0; i < sizeof(b); i++)
        assert_int_equal(b[i], i < 2 || i >= 8 ? 0xaa : 0);
    secret_wipe(b, 0);
    assert_int_equal(b[0], 0xaa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_needs_every_bit),
        cmocka_unit_test(bytes_past_the_length_do_not_count),
        cmocka_unit_test(wiping_zeroes_exactly_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
