/* Addresses and prefixes: text forms taken and refused, masks, kinds. */
#include "addr.h"
#include "unit.h"

#include <string.h>

static void addresses_read_and_print(void **state)
{
    static const struct {
        const char *text, *printed; /* printed NULL: refused */
    } cases[] = {
        { "192.168.0.1", "192.168.0.1" },
        { "0.0.0.0", "0.0.0.0" },
        { "255.255.255.255", "255.255.255.255" },
        { "::", "::" },
        { "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
        { "::ffff:10.0.0.1", "::ffff:10.0.0.1" },
        { "", NULL },
        { "1.2.3", NULL },
        { "1.2.3.4.5", NULL },
        { "256.0.0.1", NULL },
        { "01.2.3.4", NULL },
        { " 1.2.3.4", NULL },
        { "1.2.3.4 ", NULL },
        { "1.2.3.-4", NULL },
        { "2001:db8::1::2", NULL },
        { "fe80::1%eth0", NULL },
        { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555", NULL },
    };
    char buf[IP_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ip_addr a = { .family = 99 };
        bool ok = ip_addr_from_text(cases[i].text, strlen(cases[i].text), &a);
        if (ok != (cases[i].printed != NULL))
            fail_msg("\"%s\" is %s", cases[i].text, ok ? "taken" : "refused");
        if (ok)
            assert_string_equal(ip_addr_to_text(&a, buf), cases[i].printed);
        else
            assert_int_equal(a.family, 99);
    }
}

static void text_ends_at_its_length_and_holds_no_nul(void **state)
{
    struct ip_addr a;
    char buf[IP_TEXT_MAX];

    (void)state;
    assert_true(ip_addr_from_text("10.0.0.12/24", 9, &a));
    assert_string_equal(ip_addr_to_text(&a, buf), "10.0.0.12");
    assert_false(ip_addr_from_text("10.0.0.1\0x", 10, &a));
}

static void prefixes_read_and_print(void **state)
{
    static const struct {
        const char *text, *printed;
    } cases[] = {
        { "10.0.0.0/8", "10.0.0.0/8" },
        { "10.1.2.3/8", "10.1.2.3/8" }, /* host bits are kept */
        { "10.1.2.3", "10.1.2.3/32" },
        { "0.0.0.0/0", "0.0.0.0/0" },
        { "10.1.2.3/32", "10.1.2.3/32" },
        { "2001:db8::/32", "2001:db8::/32" },
        { "2001:db8::1", "2001:db8::1/128" },
        { "::/128", "::/128" },
        { "10.0.0.0/33", NULL },
        { "::/129", NULL },
        { "10.0.0.0/", NULL },
        { "10.0.0.0/08", NULL },
        { "10.0.0.0/+8", NULL },
        { "10.0.0.0/8/8", NULL },
        { "10.0.0.0/4294967304", NULL },
        { "/8", NULL },
        { "10.0.0.0/255.0.0.0", NULL },
    };
    char buf[IP_PREFIX_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ip_prefix p;
        bool ok = ip_prefix_from_text(cases[i].text, strlen(cases[i].text), &p);
        if (ok != (cases[i].printed != NULL))
            fail_msg("\"%s\" is %s", cases[i].text, ok ? "taken" : "refused");
        if (ok)
            assert_string_equal(ip_prefix_to_text(&p, buf), cases[i].printed);
    }
}

static void a_prefix_contains_its_addresses_of_its_family(void **state)
{
    static const struct {
        const char *prefix, *addr;
        bool want;
    } cases[] = {
        { "10.0.0.0/8", "10.255.1.2", true },
        { "10.9.9.9/8", "10.1.2.3", true },
        { "10.0.0.0/8", "11.0.0.0", false },
        { "0.0.0.0/0", "203.0.113.9", true },
        { "192.168.1.128/25", "192.168.1.127", false },
        { "192.168.1.128/25", "192.168.1.128", true },
        { "10.1.1.1/32", "10.1.1.1", true },
        { "10.1.1.1/32", "10.1.1.0", false },
        { "0.0.0.0/0", "::", false },
        { "::/0", "0.0.0.0", false },
        { "2001:db8:8000::/33", "2001:db8:ffff::1", true },
        { "2001:db8:8000::/33", "2001:db8:7fff::1", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ip_prefix p;
        struct ip_addr a;
        assert_true(ip_prefix_from_text(cases[i].prefix, strlen(cases[i].prefix), &p));
        assert_true(ip_addr_from_text(cases[i].addr, strlen(cases[i].addr), &a));
        if (ip_prefix_contains(&p, &a) != cases[i].want)
            fail_msg("%s in %s", cases[i].addr, cases[i].prefix);
    }
}

static void masking_keeps_exactly_the_first_bits(void **state)
{
    (void)state;
    for (unsigned len = 0; len <= 128; len++) {
        uint8_t b[16];
        memset(b, 0xff, sizeof(b));
        ip_bits_mask(b, len);
        for (unsigned bit = 0; bit < 128; bit++)
            assert_int_equal(b[bit / 8] >> (7 - bit % 8) & 1, bit < len);
    }
}

static void kinds_of_addresses(void **state)
{
    static const struct {
        const char *text;
        bool unset, multicast;
    } cases[] = {
        { "0.0.0.0", true, false },    { "::", true, false },
        { "0.0.0.1", false, false },   { "::1", false, false },
        { "224.0.0.1", false, true },  { "239.255.255.255", false, true },
        { "240.0.0.1", false, false }, { "223.255.255.255", false, false },
        { "ff02::1", false, true },    { "fe80::1", false, false },
    };
    struct ip_addr none = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ip_addr a;
        assert_true(ip_addr_from_text(cases[i].text, strlen(cases[i].text), &a));
        assert_int_equal(ip_addr_is_unset(&a), cases[i].unset);
        assert_int_equal(ip_addr_is_multicast(&a), cases[i].multicast);
    }
    assert_true(ip_addr_is_unset(&none));
    assert_false(ip_addr_is_multicast(&none));
}

static void equal_means_family_and_bytes(void **state)
{
    static const uint8_t bytes[16] = { 192, 0, 2, 1, 9, 9 };
    struct ip_addr a = ip_addr_v4(192, 0, 2, 1), b = ip_addr_from_bytes(IP_V4, bytes);
    struct ip_addr c = ip_addr_from_bytes(IP_V6, bytes);

    (void)state;
    assert_memory_equal(&a, &b, sizeof(a)); /* bytes past the address are zero: structs hash */
    assert_true(ip_addr_equal(&a, &b));
    c.b[4] = c.b[5] = 0;
    assert_false(ip_addr_equal(&a, &c));
    assert_int_equal(ip_addr_len(IP_V4), 4);
    assert_int_equal(ip_addr_len(IP_V6), 16);
    assert_int_equal(ip_addr_len(IP_ANY_FAMILY), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_read_and_print),
        cmocka_unit_test(text_ends_at_its_length_and_holds_no_nul),
        cmocka_unit_test(prefixes_read_and_print),
        cmocka_unit_test(a_prefix_contains_its_addresses_of_its_family),
        cmocka_unit_test(masking_keeps_exactly_the_first_bits),
        cmocka_unit_test(kinds_of_addresses),
        cmocka_unit_test(equal_means_family_and_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
