/* Headers of datagrams, whole, odd and cut. */
#include "ip_parts.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t from_hex(const char *hex, uint8_t *ret)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };
        ret[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

#define ADDRS6                                                                                     \
    "fd000000000000000000000000000001"                                                             \
    "fd000000000000000000000000000002"

static void headers_are_found(void **state)
{
    static const struct {
        const char *label, *hex;
        bool ok;
        uint8_t proto;
        unsigned l4, insert, frag, frag_off;
        bool fragment, more;
    } cases[] = {
        { "IPv4",
          "450000180000000040110000"
          "0a0000010a000002"
          "00010002",
          true, 17, 20, 20, 0, 0, false, false },
        { "IPv4 with options",
          "4600001c0000000040110000"
          "0a0000010a000002"
          "01010100"
          "00010002",
          true, 17, 24, 24, 0, 0, false, false },
        { "IPv4 trailing bytes",
          "450000140000000040110000"
          "0a0000010a000002"
          "ffff",
          true, 17, 20, 20, 0, 0, false, false },
        { "IPv4 first fragment",
          "450000180000200040110000"
          "0a0000010a000002"
          "00010002",
          true, 17, 20, 20, 0, 0, true, true },
        { "IPv4 last fragment",
          "450000180000000340110000"
          "0a0000010a000002"
          "00010002",
          true, 17, 20, 20, 0, 24, true, false },
        { "IPv4 header length 16",
          "440000180000000040110000"
          "0a0000010a000002"
          "00010002",
          false, 0, 0, 0, 0, 0, false, false },
        { "IPv4 total below header",
          "450000130000000040110000"
          "0a0000010a000002"
          "00010002",
          false, 0, 0, 0, 0, 0, false, false },
        { "IPv4 total above bytes",
          "450000190000000040110000"
          "0a0000010a000002"
          "00010002",
          false, 0, 0, 0, 0, 0, false, false },
        { "IPv6", "60000000000411ff" ADDRS6 "00010002", true, 17, 40, 40, 0, 0, false, false },
        { "IPv6 hop-by-hop",
          "60000000000c00ff" ADDRS6 "1100010400000000"
          "00010002",
          true, 17, 48, 48, 0, 0, false, false },
        { "IPv6 hop-by-hop second",
          "6000000000143cff" ADDRS6 "0000010400000000"
          "1100010400000000"
          "00010002",
          false, 0, 0, 0, 0, 0, false, false },
        { "IPv6 extension longer than all",
          "60000000000c00ff" ADDRS6 "1101010400000000"
          "00010002",
          false, 0, 0, 0, 0, 0, false, false },
        { "IPv6 extension cut", "60000000000400ff" ADDRS6 "11000104", false, 0, 0, 0, 0, 0, false,
          false },
        { "IPv6 first fragment",
          "60000000000c2cff" ADDRS6 "1100000100000007"
          "00010002",
          true, 17, 48, 48, 40, 0, true, true },
        { "IPv6 later fragment",
          "60000000000c2cff" ADDRS6 "110000f000000007"
          "00010002",
          true, 17, 48, 48, 40, 240, true, false },
        { "IPv6 later fragment of options",
          "60000000000c2cff" ADDRS6 "3c0000f000000007"
          "ffffffff",
          true, 60, 48, 48, 40, 240, true, false },
        { "IPv6 two fragment headers",
          "6000000000142cff" ADDRS6 "2c00000000000007"
          "1100000000000007"
          "00010002",
          false, 0, 0, 0, 0, 0, false, false },
        { "IPv6 payload above bytes", "60000000000511ff" ADDRS6 "00010002", false, 0, 0, 0, 0, 0,
          false, false },
        { "IPv6 AH is no extension", "60000000000433ff" ADDRS6 "00010002", true, 51, 40, 40, 0, 0,
          false, false },
        { "version 5",
          "550000180000000040110000"
          "0a0000010a000002"
          "00010002",
          false, 0, 0, 0, 0, 0, false, false },
        { "nothing", "", false, 0, 0, 0, 0, 0, false, false },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[128];
        size_t n = from_hex(cases[i].hex, bytes);
        uint8_t *exact = malloc(n ? n : 1); /* the sanitizer sees every read past it */
        struct ip_parts p = { 0 };

        if (n)
            memcpy(exact, bytes, n);
        bool ok = ip_parts_parse(exact, n, &p);
        if (ok != cases[i].ok)
            fprintf(stderr, "case: %s\n", cases[i].label);
        assert_int_equal(ok, cases[i].ok);
        if (ok) {
            assert_int_equal(p.proto, cases[i].proto);
            assert_int_equal(p.l4, cases[i].l4);
            assert_int_equal(p.insert, cases[i].insert);
            assert_int_equal(p.frag, cases[i].frag);
            assert_int_equal(p.frag_off, cases[i].frag_off);
            assert_int_equal(p.fragment, cases[i].fragment);
            assert_int_equal(p.more_fragments, cases[i].more);
            assert_int_equal(exact[p.l4_next], p.proto);
        }
        for (size_t cut = 0; cut < n; cut++) { /* every cut copy */
            uint8_t *shorter = malloc(cut ? cut : 1);
            memcpy(shorter, exact, cut);
            if (ip_parts_parse(shorter, cut, &p))
                assert_true(p.total <= cut && p.l4 <= cut);
            free(shorter);
        }
        free(exact);
    }
}

/* Nine extension headers are one too many. */
static void chains_are_limited(void **state)
{
    uint8_t p[40 + 8 * (IP6_EXT_MAX + 1)] = { 0x60 };
    struct ip_parts parts;

    (void)state;
    for (unsigned n = 1; n <= IP6_EXT_MAX + 1; n++) {
        p[6] = PROTO_DSTOPTS;
        be16_put(p + 4, (uint16_t)(8 * n));
        for (unsigned k = 0; k < n; k++)
            p[40 + 8 * k] = k + 1 < n ? PROTO_DSTOPTS : PROTO_UDP;
        assert_int_equal(ip_parts_parse(p, 40 + 8 * n, &parts), n <= IP6_EXT_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_found),
        cmocka_unit_test(chains_are_limited),
    };
    return cmocka_run_group_tests_name("ip_parts", tests, NULL, NULL);
}
