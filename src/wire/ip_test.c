/* Headers and checksums of ip.h against the RFCs and a sum written as RFC 1071 defines it. */
#include "ip.h"
#include "unit.h"

#include <string.h>

/* RFC 1071 as it is defined: 16-bit words, end-around carry after each, the odd byte padded. */
static uint16_t naive_sum(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i += 2) {
        sum += (uint32_t)p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

static void fill(uint8_t *p, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = (uint8_t)(seed >> 24);
    }
}

static void the_sum_of_rfc_1071_comes_out(void **state)
{
    /* RFC 1071 section 3: the sum of these is ddf2 */
    static const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

    (void)state;
    assert_int_equal(csum_fold(csum_add(0, bytes, sizeof(bytes))), (uint16_t)~0xddf2);
}

static void sums_equal_the_naive_sum_at_any_length_and_alignment(void **state)
{
    uint8_t buf[320];

    (void)state;
    for (uint32_t seed = 0; seed < 8; seed++) {
        fill(buf, sizeof(buf), seed);
        for (size_t at = 0; at < 8; at++)
            for (size_t len = 0; len <= 300; len++)
                assert_int_equal(csum_fold(csum_add(0, buf + at, len)),
                                 (uint16_t)~naive_sum(0, buf + at, len));
    }
}

static void sums_of_ones_carry_all_the_way(void **state)
{
    static uint8_t buf[65535];

    (void)state;
    memset(buf, 0xff, sizeof(buf));
    for (size_t len = 65500; len <= sizeof(buf); len++)
        assert_int_equal(csum_fold(csum_add(0xffffffff, buf, len)),
                         (uint16_t)~naive_sum(0xffff, buf, len));
}

static void a_sum_may_be_taken_in_even_parts(void **state)
{
    uint8_t buf[200];

    (void)state;
    fill(buf, sizeof(buf), 77);
    for (size_t cut = 0; cut <= sizeof(buf); cut += 2)
        assert_int_equal(csum_fold(csum_add(csum_add(0, buf, cut), buf + cut, sizeof(buf) - cut)),
                         csum_fold(csum_add(0, buf, sizeof(buf))));
}

/* The outer header of RFC 3602 case 5, and the AH example's. */
static const uint8_t header[20] = { 0x45, 0x00, 0x00, 0x7c, 0x08, 0xf2, 0x00, 0x00, 0x40, 0x32,
                                    0xf9, 0xa5, 0xc0, 0xa8, 0x7b, 0x03, 0xc0, 0xa8, 0x7b, 0x64 };

static void a_published_ipv4_header_is_right_and_made_again(void **state)
{
    uint8_t h[20];

    (void)state;
    assert_true(ip4_csum_ok(header));
    memcpy(h, header, sizeof(h));
    h[IP4_SUM] = 0x12;
    h[IP4_SUM + 1] = 0x34;
    assert_false(ip4_csum_ok(h));
    ip4_csum_set(h);
    assert_memory_equal(h, header, sizeof(h));
}

static void any_flipped_bit_of_a_header_shows(void **state)
{
    uint8_t h[20];

    (void)state;
    /* bits of the header length change what is summed, and are not tried */
    for (unsigned bit = 8; bit < 160; bit++) {
        memcpy(h, header, sizeof(h));
        h[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(ip4_csum_ok(h));
    }
}

static void header_options_are_summed(void **state)
{
    uint8_t h[60];

    (void)state;
    fill(h, sizeof(h), 5);
    for (unsigned words = 5; words <= 15; words++) {
        h[0] = (uint8_t)(0x40 | words);
        ip4_csum_set(h);
        assert_int_equal(naive_sum(0, h, words * 4), 0xffff);
        assert_true(ip4_csum_ok(h));
        h[words * 4 - 1] ^= 1;
        assert_false(ip4_csum_ok(h));
    }
}

static void the_pseudo_header_is_that_of_the_family(void **state)
{
    uint8_t v4[20], v6[40], pseudo4[12] = { 0 }, pseudo6[40] = { 0 };

    (void)state;
    fill(v4, sizeof(v4), 1);
    fill(v6, sizeof(v6), 2);
    v4[0] = 0x45;
    v6[0] = 0x60;
    /* RFC 9293 3.1: source, destination, zero, protocol, length */
    memcpy(pseudo4, v4 + IP4_SRC, 8);
    pseudo4[9] = PROTO_TCP;
    be16_put(pseudo4 + 10, 0x1234);
    assert_int_equal(csum_fold(csum_pseudo(v4, PROTO_TCP, 0x1234)),
                     (uint16_t)~naive_sum(0, pseudo4, sizeof(pseudo4)));
    /* RFC 8200 8.1: source, destination, 32-bit length, three zeros, next header */
    memcpy(pseudo6, v6 + IP6_SRC, 32);
    be32_put(pseudo6 + 32, 0x00012345);
    pseudo6[39] = PROTO_UDP;
    assert_int_equal(csum_fold(csum_pseudo(v6, PROTO_UDP, 0x00012345)),
                     (uint16_t)~naive_sum(0, pseudo6, sizeof(pseudo6)));
}

static void header_fields_are_where_they_belong(void **state)
{
    (void)state;
    assert_int_equal(ip_version(header), 4);
    assert_int_equal(ip4_hdr_len(header), 20);
    assert_int_equal(be16_get(header + IP4_LEN), 124);
    assert_int_equal(header[IP4_TTL], 64);
    assert_int_equal(header[IP4_PROTO], PROTO_ESP);
    assert_int_equal(be32_get(header + IP4_DST), 0xc0a87b64);
    assert_int_equal(ip4_hdr_len((const uint8_t[]){ 0x4f }), 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_of_rfc_1071_comes_out),
        cmocka_unit_test(sums_equal_the_naive_sum_at_any_length_and_alignment),
        cmocka_unit_test(sums_of_ones_carry_all_the_way),
        cmocka_unit_test(a_sum_may_be_taken_in_even_parts),
        cmocka_unit_test(a_published_ipv4_header_is_right_and_made_again),
        cmocka_unit_test(any_flipped_bit_of_a_header_shows),
        cmocka_unit_test(header_options_are_summed),
        cmocka_unit_test(the_pseudo_header_is_that_of_the_family),
        cmocka_unit_test(header_fields_are_where_they_belong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
