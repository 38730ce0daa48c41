#include "selector.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* needs those above */
#include <cmocka.h>

enum { MAX_BYTES = 256 };

static size_t hex_bytes(const char *hex, uint8_t *ret)
{
    size_t n = 0;

    for (; *hex; hex++) {
        unsigned v;
        if (*hex == ' ')
            continue;
        assert_int_equal(sscanf(hex, "%2x", &v), 1);
        ret[n++] = (uint8_t)v;
        hex++;
    }
    assert_true(n <= MAX_BYTES);
    return n;
}

/* ---- flow_parse ---- */

/* Address parts of the headers below */
#define A4 "0a010002 0a020003"
#define A6 "20010db8000000000000000000000001 20010db8000000000000000000000002"

struct want {
    uint8_t family, proto;
    uint16_t sport, dport, l4_off, frag_off;
    bool has_ports, fragment, later, more;
    uint32_t frag_id;
};

static const struct {
    const char *label, *packet;
    struct want want; /* family 0: malformed */
} flows[] = {
    { "IPv4 TCP has ports",
      "45000028 12340000 40060000 " A4 "0050 1f90 00000000 00000000 50000000 00000000",
      { 4, 6, 80, 8080, 20, 0, .has_ports = true } },
    { "IPv4 UDP behind options",
      "4600001c 00010000 40110000 " A4 "94040000 0035 0400 0008 0000",
      { 4, 17, 53, 1024, 24, 0, .has_ports = true } },
    { "ICMP has no ports",
      "4500001c 00010000 40010000 " A4 "0800 0000 0001 0002",
      { 4, 1, 0, 0, 20, 0, .has_ports = false } },
    { "IPv4 protocol 0 is a protocol", "45000014 00010000 40000000 " A4, { 4, 0, .l4_off = 20 } },
    { "IPv4 first fragment has ports",
      "4500001c abcd2000 40110000 " A4 "0035 0400 0058 0000",
      { 4, 17, 53, 1024, 20, 0, true, .fragment = true, .more = true, .frag_id = 0xabcd } },
    { "IPv4 later fragment has none",
      "4500001c abcd2001 40110000 " A4 "0035 0400 0058 0000",
      { 4, 17, 0, 0, 20, 8, false, true, true, true, 0xabcd } },
    { "IPv4 last fragment",
      "4500001c abcd0002 40060000 " A4 "0035 0400 0058 0000",
      { 4, 6, 0, 0, 20, 16, false, true, true, false, 0xabcd } },
    { "DF is no fragment",
      "4500001c abcd4000 40110000 " A4 "0035 0400 0008 0000",
      { 4, 17, 53, 1024, 20, 0, true, .frag_id = 0xabcd } },
    { "UDP too short for its ports",
      "45000017 00010000 40110000 " A4 "003504",
      { 4, 17, .l4_off = 20 } },
    { "bytes behind the total length are ignored",
      "45000016 00010000 40110000 " A4 "0035 0400 0008 0000",
      { 4, 17, .l4_off = 20 } },
    { "ESP is a protocol", "45000018 00010000 40320000 " A4 "00000100", { 4, 50, .l4_off = 20 } },
    { "IPv4 header of 16 bytes", "44000014 00010000 40110000 " A4, { 0 } },
    { "IPv4 total below its header", "46000014 00010000 40110000 " A4 "00000000", { 0 } },
    { "IPv4 total beyond the bytes", "45000016 00010000 40110000 " A4 "00", { 0 } },
    { "IPv4 header cut short", "45000014 00010000 40110000 0a010002 0a0200", { 0 } },
    { "IPv4 options cut short", "46000018 00010000 40110000 " A4, { 0 } },
    { "IPv4 fragment beyond 64 KiB",
      "4500001c abcd1fff 40110000 " A4 "0035 0400 0058 0000",
      { 0 } },
    { "IPv4 fragment up to 64 KiB",
      "4500001b abcd1fff 40110000 " A4 "0035 0400 0058 00",
      { 4, 17, 0, 0, 20, 65528, false, true, true, false, 0xabcd } },
    { "version 5", "55000014 00010000 40110000 " A4, { 0 } },
    { "IPv6 TCP",
      "60000000 0014 06 40" A6 "0050 1f90 00000000 00000000 50000000 00000000",
      { 6, 6, 80, 8080, 40, 0, .has_ports = true } },
    { "IPv6 with three extension headers",
      "60000000 0020 00 40" A6 "2b00 0000 0000 0000 3c00 0400 0000 0000 1100 0104 0000 0000"
      "0035 0400 0008 0000",
      { 6, 17, 53, 1024, 64, 0, .has_ports = true } },
    { "IPv6 extension header of 16 bytes",
      "60000000 0018 3c 40" A6 "1101 0000 0000 0000 0000 0000 0000 0000 0035 0400 0008 0000",
      { 6, 17, 53, 1024, 56, 0, .has_ports = true } },
    { "IPv6 first fragment",
      "60000000 0010 2c 40" A6 "1100 0001 0badcafe 0035 0400 0058 0000",
      { 6, 17, 53, 1024, 48, 0, true, true, false, true, 0x0badcafe } },
    { "IPv6 atomic fragment is whole",
      "60000000 0010 2c 40" A6 "1100 0000 0badcafe 0035 0400 0008 0000",
      { 6, 17, 53, 1024, 48, 0, true, .frag_id = 0x0badcafe } },
    { "IPv6 later fragment",
      "60000000 0010 2c 40" A6 "1100 0029 0badcafe 0035 0400 0058 0000",
      { 6, 17, 0, 0, 48, 40, false, true, true, true, 0x0badcafe } },
    { "IPv6 later fragment that hides its protocol behind options",
      "60000000 0010 2c 40" A6 "3c00 0029 0badcafe 1100 0104 0000 0000",
      { 0 } },
    { "IPv6 no next header", "60000000 0000 3b 40" A6, { 6, 59, .l4_off = 40 } },
    { "AH ends the chain", "60000000 0004 33 40" A6 "06040000", { 6, 51, .l4_off = 40 } },
    { "hop-by-hop options not first",
      "60000000 0010 3c 40" A6 "0000 0104 0000 0000 1100 0104 0000 0000",
      { 0 } },
    { "IPv6 extension header cut short", "60000000 0008 3c 40" A6 "1101 0104 0000 0000", { 0 } },
    { "IPv6 extension header missing", "60000000 0001 3c 40" A6 "11", { 0 } },
    { "IPv6 payload beyond the bytes", "60000000 0005 11 40" A6 "0035 0400", { 0 } },
    { "IPv6 header cut short", "60000000 0000 3b 40 20010db8", { 0 } },
    { "eight extension headers",
      "60000000 0044 3c 40" A6 "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000"
      "3c00010400000000 3c00010400000000 3c00010400000000 0600010400000000 00500051",
      { 6, 6, 80, 81, 104, 0, .has_ports = true } },
    { "nine extension headers",
      "60000000 0048 3c 40" A6 "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000"
      "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 3b00010400000000",
      { 0 } },
    { "no bytes", "", { 0 } },
};

static void flow_case(const char *label, const char *packet, const struct want *want)
{
    uint8_t stage[MAX_BYTES];
    size_t len = hex_bytes(packet, stage);
    uint8_t *p = malloc(len ? len : 1); /* exactly as long, for the sanitizer */
    struct flow f;

    memcpy(p, stage, len);
    bool ok = flow_parse(p, len, &f);
    if (ok != (want->family != 0))
        fail_msg("%s: parsed %d", label, ok);
    if (ok &&
        (f.key.family != want->family || f.key.proto != want->proto ||
         ntohs(f.key.sport) != want->sport || ntohs(f.key.dport) != want->dport ||
         f.l4_off != want->l4_off || f.ip_hdr_len != want->l4_off || f.frag_off != want->frag_off ||
         f.has_ports != want->has_ports || f.fragment != want->fragment ||
         f.later_fragment != want->later || f.more_fragments != want->more ||
         (want->frag_id && f.frag_id != want->frag_id) || f.key.tuple != 0))
        fail_msg("%s: wrong flow", label);
    if (ok) {
        size_t at = f.key.family == 4 ? 12 : 8, addr_len = f.key.family == 4 ? 4 : 16;
        assert_memory_equal(f.key.src, p + at, addr_len);
        assert_memory_equal(f.key.dst, p + at + addr_len, addr_len);
    }
    free(p);
}

static void headers_are_parsed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(flows) / sizeof(*flows); i++)
        flow_case(flows[i].label, flows[i].packet, &flows[i].want);
}

static void every_truncation_is_refused(void **state)
{
    uint8_t stage[MAX_BYTES];

    (void)state;
    for (unsigned i = 0; i < sizeof(flows) / sizeof(*flows); i++) {
        size_t len = hex_bytes(flows[i].packet, stage), total;
        if (flows[i].want.family == 0)
            continue;
        total = flows[i].want.family == 4 ? (size_t)stage[2] << 8 | stage[3]
                                          : 40u + ((size_t)stage[4] << 8 | stage[5]);
        assert_true(total <= len);
        for (size_t cut = 0; cut < total; cut++) {
            uint8_t *p = malloc(cut ? cut : 1);
            struct flow f;
            memcpy(p, stage, cut);
            if (flow_parse(p, cut, &f))
                fail_msg("%s: parsed with %zu of %zu bytes", flows[i].label, cut, total);
            free(p);
        }
    }
}

static void unknown_ports_are_told(void **state)
{
    uint8_t p[MAX_BYTES];
    struct flow f;

    (void)state;
    assert_true(flow_parse(p, hex_bytes(flows[0].packet, p), &f));
    assert_false(flow_ports_unknown(&f));
    f.has_ports = false; /* a first fragment too short */
    assert_true(flow_ports_unknown(&f));
    f.key.proto = 1;
    assert_false(flow_ports_unknown(&f));
    f.later_fragment = true;
    assert_true(flow_ports_unknown(&f));
}

/* ---- selector_matches ---- */

struct sel_text {
    const char *src, *dst;
    uint8_t proto;
    uint16_t sport, dport;
};

struct key_text {
    const char *src, *dst;
    uint8_t proto;
    uint16_t sport, dport;
    bool no_ports;
};

static const struct {
    const char *label;
    struct sel_text sel;
    struct key_text key;
    bool matches;
} matches[] = {
    { "inside both prefixes",
      { "10.1.0.0/16", "10.2.0.0/16", 0, 0, 0 },
      { "10.1.255.255", "10.2.0.0", 6, 1, 2, false },
      true },
    { "source outside",
      { "10.1.0.0/16", "10.2.0.0/16", 0, 0, 0 },
      { "10.0.255.255", "10.2.0.0", 6, 1, 2, false },
      false },
    { "destination outside",
      { "10.1.0.0/16", "10.2.0.0/16", 0, 0, 0 },
      { "10.1.0.0", "10.3.0.0", 6, 1, 2, false },
      false },
    { "prefix that ends inside a byte",
      { "10.1.0.0/23", "0.0.0.0/0", 0, 0, 0 },
      { "10.1.1.255", "1.2.3.4", 1, 0, 0, true },
      true },
    { "just behind a prefix that ends inside a byte",
      { "10.1.0.0/23", "0.0.0.0/0", 0, 0, 0 },
      { "10.1.2.0", "1.2.3.4", 1, 0, 0, true },
      false },
    { "0.0.0.0/0 is every IPv4 address",
      { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 0 },
      { "255.255.255.255", "0.0.0.1", 0, 0, 0, true },
      true },
    { "but no IPv6 address",
      { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 0 },
      { "::", "::", 6, 1, 2, false },
      false },
    { "IPv6 /127",
      { "2001:db8::2/127", "::/0", 0, 0, 0 },
      { "2001:db8::3", "::1", 58, 0, 0, true },
      true },
    { "IPv6 beside /127",
      { "2001:db8::2/127", "::/0", 0, 0, 0 },
      { "2001:db8::4", "::1", 58, 0, 0, true },
      false },
    { "the protocol",
      { "0.0.0.0/0", "0.0.0.0/0", 17, 0, 0 },
      { "1.1.1.1", "2.2.2.2", 17, 5, 6, false },
      true },
    { "another protocol",
      { "0.0.0.0/0", "0.0.0.0/0", 17, 0, 0 },
      { "1.1.1.1", "2.2.2.2", 6, 5, 6, false },
      false },
    { "a destination port",
      { "0.0.0.0/0", "0.0.0.0/0", 6, 0, 80 },
      { "1.1.1.1", "2.2.2.2", 6, 5, 80, false },
      true },
    { "the port on the other side",
      { "0.0.0.0/0", "0.0.0.0/0", 6, 0, 80 },
      { "1.1.1.1", "2.2.2.2", 6, 80, 5, false },
      false },
    { "both ports",
      { "0.0.0.0/0", "0.0.0.0/0", 6, 5, 80 },
      { "1.1.1.1", "2.2.2.2", 6, 5, 80, false },
      true },
    { "a port with protocol all is one of TCP",
      { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 80 },
      { "1.1.1.1", "2.2.2.2", 6, 5, 80, false },
      true },
    { "or UDP",
      { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 80 },
      { "1.1.1.1", "2.2.2.2", 17, 5, 80, false },
      true },
    { "but of nothing else",
      { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 80 },
      { "1.1.1.1", "2.2.2.2", 132, 5, 80, false },
      false },
    { "a later fragment matches no port",
      { "0.0.0.0/0", "0.0.0.0/0", 6, 0, 80 },
      { "1.1.1.1", "2.2.2.2", 6, 0, 80, true },
      false },
    { "a later fragment matches without ports",
      { "0.0.0.0/0", "0.0.0.0/0", 6, 0, 0 },
      { "1.1.1.1", "2.2.2.2", 6, 0, 0, true },
      true },
};

static struct ip_prefix prefix_of(const char *text)
{
    struct ip_prefix p;

    assert_true(ip_prefix_from_text(text, strlen(text), &p));
    return p;
}

static struct spd_key key_of(const struct key_text *t)
{
    struct ip_prefix src = prefix_of(t->src), dst = prefix_of(t->dst);
    struct spd_key k = { .sport = htons(t->sport),
                         .dport = htons(t->dport),
                         .proto = t->proto,
                         .family = src.addr.family };

    memcpy(k.src, src.addr.b, 16);
    memcpy(k.dst, dst.addr.b, 16);
    return k;
}

static void selectors_match_the_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(matches) / sizeof(*matches); i++) {
        const struct sel_text *t = &matches[i].sel;
        struct selector s = { .src = prefix_of(t->src),
                              .dst = prefix_of(t->dst),
                              .proto = t->proto,
                              .sport = t->sport,
                              .dport = t->dport };
        struct spd_key key = key_of(&matches[i].key);
        if (selector_matches(&s, &key, !matches[i].key.no_ports) != matches[i].matches)
            fail_msg("%s", matches[i].label);
    }
}

static void the_reverse_exchanges_both_sides(void **state)
{
    struct key_text there = { "10.1.0.1", "10.2.0.2", 6, 1025, 80, false };
    struct key_text back = { "10.2.0.2", "10.1.0.1", 6, 80, 1025, false };
    struct spd_key k = key_of(&there), want = key_of(&back), got = spd_key_reverse(&k);

    (void)state;
    assert_memory_equal(&got, &want, sizeof(got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_parsed),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(unknown_ports_are_told),
        cmocka_unit_test(selectors_match_the_table),
        cmocka_unit_test(the_reverse_exchanges_both_sides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
