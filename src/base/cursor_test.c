/* Cursors: byte order, sticky errors, bounds. */
#include "cursor.h"
#include "unit.h"

static const uint8_t counting[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };

static void fields_are_read_big_endian_in_order(void **state)
{
    struct rd r = rd_from(counting, sizeof(counting));

    (void)state;
    assert_int_equal(rd_u8(&r, "a"), 0x00);
    assert_int_equal(rd_u16(&r, "b"), 0x1122);
    assert_int_equal(rd_u32(&r, "c"), 0x33445566);
    assert_true(rd_u64(&r, "d") == 0x778899aabbccddee);
    assert_int_equal(rd_left(&r), 1);
    struct slice s = rd_bytes(&r, 1, "e");
    assert_ptr_equal(s.p, counting + 15);
    assert_int_equal(s.len, 1);
    assert_int_equal(rd_left(&r), 0);
    assert_true(rd_ok(&r));
}

static void the_first_failure_sticks_and_is_named(void **state)
{
    struct rd r = rd_from(counting, 3);

    (void)state;
    assert_int_equal(rd_u16(&r, "first"), 0x0011);
    assert_int_equal(rd_u32(&r, "second"), 0);
    assert_int_equal(rd_u8(&r, "third"), 0); /* though a byte is left */
    assert_false(rd_ok(&r));
    assert_string_equal(r.bad, "second");
    struct slice s = rd_bytes(&r, 0, "fourth");
    assert_null(s.p);
    assert_int_equal(s.len, 0);
    assert_string_equal(r.bad, "second");
}

static void every_truncation_fails_and_reads_zero(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 8; len++) {
        struct rd r = rd_from(counting, len);
        assert_int_equal(rd_u64(&r, "x") != 0, len == 8);
        assert_int_equal(rd_ok(&r), len == 8);
    }
}

static void a_length_beyond_the_end_does_not_wrap(void **state)
{
    struct rd r = rd_from(counting, 4);

    (void)state;
    rd_bytes(&r, SIZE_MAX, "huge");
    assert_false(rd_ok(&r));
    assert_ptr_equal(r.at, counting);
}

static void a_sub_cursor_ends_at_its_block(void **state)
{
    struct rd r = rd_from(counting, sizeof(counting));
    struct rd sub = rd_sub(&r, 2, "block");

    (void)state;
    assert_int_equal(rd_u16(&sub, "in"), 0x0011);
    rd_u8(&sub, "past");
    assert_false(rd_ok(&sub));
    assert_true(rd_ok(&r)); /* the failure stays inside */
    assert_int_equal(rd_u8(&r, "next"), 0x22);
}

static void a_sub_cursor_of_a_failed_one_has_failed(void **state)
{
    struct rd r = rd_from(counting, 1);
    struct rd sub = rd_sub(&r, 2, "block");

    (void)state;
    assert_false(rd_ok(&r));
    assert_false(rd_ok(&sub));
    assert_int_equal(rd_u8(&sub, "x"), 0);
    assert_string_equal(sub.bad, "block");
}

static void an_empty_input_reads_nothing(void **state)
{
    struct rd r = rd_from(NULL, 0);

    (void)state;
    assert_int_equal(rd_left(&r), 0);
    rd_bytes(&r, 0, "none");
    assert_true(rd_ok(&r));
    rd_u8(&r, "some");
    assert_false(rd_ok(&r));
}

static void what_is_written_is_big_endian(void **state)
{
    uint8_t buf[32];
    struct wr w = wr_to(buf, sizeof(buf));

    (void)state;
    wr_u8(&w, 0x00);
    wr_u16(&w, 0x1122);
    wr_u32(&w, 0x33445566);
    wr_u64(&w, 0x778899aabbccddee);
    wr_bytes(&w, counting + 15, 1);
    assert_true(wr_ok(&w));
    assert_int_equal(wr_len(&w), 16);
    assert_memory_equal(buf, counting, 16);
    wr_zero(&w, 3);
    assert_int_equal(wr_len(&w), 19);
    assert_int_equal(buf[16] | buf[17] | buf[18], 0);
}

static void a_write_that_does_not_fit_writes_nothing_from_then_on(void **state)
{
    uint8_t buf[4] = { 0xee, 0xee, 0xee, 0xee };
    struct wr w = wr_to(buf, 3);

    (void)state;
    wr_u16(&w, 0x0102);
    wr_u16(&w, 0x0304);
    wr_u8(&w, 5); /* would fit, but comes after the failure */
    assert_false(wr_ok(&w));
    assert_int_equal(wr_len(&w), 2);
    assert_int_equal(buf[2], 0xee);
    assert_int_equal(buf[3], 0xee);
}

static void a_write_of_nothing_fits_a_full_buffer(void **state)
{
    uint8_t buf[1];
    struct wr w = wr_to(buf, 1);

    (void)state;
    wr_u8(&w, 1);
    wr_bytes(&w, NULL, 0);
    wr_zero(&w, 0);
    assert_true(wr_ok(&w));
}

static void unaligned_access_is_big_endian(void **state)
{
    uint8_t b[8] = { 0 };

    (void)state;
    be16_put(b + 1, 0x0102);
    be32_put(b + 3, 0x03040506);
    assert_int_equal(b[1] << 8 | b[2], 0x0102);
    assert_int_equal(be16_get(b + 1), 0x0102);
    assert_int_equal(be32_get(b + 3), 0x03040506);
    assert_int_equal(be32_get(b), 0x00010203);
    be32_put(b, 0xfffefdfc);
    assert_true(be32_get(b) == 0xfffefdfcu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read_big_endian_in_order),
        cmocka_unit_test(the_first_failure_sticks_and_is_named),
        cmocka_unit_test(every_truncation_fails_and_reads_zero),
        cmocka_unit_test(a_length_beyond_the_end_does_not_wrap),
        cmocka_unit_test(a_sub_cursor_ends_at_its_block),
        cmocka_unit_test(a_sub_cursor_of_a_failed_one_has_failed),
        cmocka_unit_test(an_empty_input_reads_nothing),
        cmocka_unit_test(what_is_written_is_big_endian),
        cmocka_unit_test(a_write_that_does_not_fit_writes_nothing_from_then_on),
        cmocka_unit_test(a_write_of_nothing_fits_a_full_buffer),
        cmocka_unit_test(unaligned_access_is_big_endian),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
