/* The MSS clamp: value, checksum, and what it leaves alone. */
#include "mss.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYN = 2, ACK = 16 };

static void clamps_syns_alone(void **state)
{
    static const struct {
        const char *label;
        bool v6;
        uint8_t flags;
        uint8_t opts[12];
        uint8_t n_opts, at; /* at: of the value within the options */
        size_t inner_max;
        uint16_t want; /* 0: unchanged */
    } cases[] = {
        { "syn", false, SYN, { 2, 4, 0x05, 0xb4 }, 4, 2, 1400, 1360 },
        { "syn ack", false, SYN | ACK, { 2, 4, 0x05, 0xb4 }, 4, 2, 1400, 1360 },
        { "IPv6", true, SYN, { 2, 4, 0x05, 0xa0 }, 4, 2, 1400, 1340 },
        { "already smaller", false, SYN, { 2, 4, 0x05, 0x00 }, 4, 2, 1400, 0 },
        { "exactly", false, SYN, { 2, 4, 0x05, 0x50 }, 4, 2, 1400, 0 },
        { "one too many", false, SYN, { 2, 4, 0x05, 0x51 }, 4, 2, 1400, 1360 },
        { "no syn", false, ACK, { 2, 4, 0x05, 0xb4 }, 4, 2, 1400, 0 },
        { "no option", false, SYN, { 1, 1, 1, 0 }, 4, 2, 1400, 0 },
        { "at an odd place", false, SYN, { 1, 2, 4, 0x05, 0xb4, 0, 0, 0 }, 8, 3, 1400, 1360 },
        { "behind others",
          false,
          SYN,
          { 3, 3, 7, 4, 2, 1, 2, 4, 0x05, 0xb4, 0, 0 },
          12,
          8,
          1300,
          1260 },
        { "behind the end", false, SYN, { 0, 2, 4, 0x05, 0xb4, 0, 0, 0 }, 8, 3, 1400, 0 },
        { "wrong option length", false, SYN, { 2, 3, 0x05, 1 }, 4, 2, 1400, 0 },
        { "option of length 0", false, SYN, { 8, 0, 2, 4, 0x05, 0xb4, 0, 0 }, 8, 4, 1400, 0 },
        { "option past the header", false, SYN, { 1, 1, 2, 4 }, 4, 2, 1400, 0 },
        { "no room at all", false, SYN, { 2, 4, 0x05, 0xb4 }, 4, 2, 60, 0 },
        { "largest value", false, SYN, { 2, 4, 0xff, 0xff }, 4, 2, 1401, 1361 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct datagram d = { .src = addr_text(cases[i].v6 ? "fd00::1" : "10.0.0.1"),
                              .dst = addr_text(cases[i].v6 ? "fd00::2" : "10.0.0.2"),
                              .proto = PROTO_TCP,
                              .sport = 1,
                              .dport = 2,
                              .tcp_flags = cases[i].flags,
                              .n_tcp_opts = cases[i].n_opts };
        struct pkt_pool pool;
        struct ip_parts parts;

        memcpy(d.tcp_opts, cases[i].opts, sizeof(cases[i].opts));
        struct blob b = datagram_make(&d);
        pkt_pool_init(&pool, 1, 0);
        struct pkt *p = pkt_get(&pool, b.len);
        memcpy(p->data, b.p, b.len);
        p->len = (uint32_t)b.len;
        assert_true(ip_parts_parse(p->data, p->len, &parts));
        bool changed = mss_clamp(p, &parts, cases[i].inner_max);
        if (changed != (cases[i].want != 0))
            fprintf(stderr, "case: %s\n", cases[i].label);
        assert_int_equal(changed, cases[i].want != 0);
        assert_true(datagram_csums_ok(p->data, p->len));
        if (changed) {
            assert_int_equal(be16_get(p->data + parts.l4 + 20 + cases[i].at), cases[i].want);
        } else {
            assert_memory_equal(p->data, b.p, b.len);
        }
        pkt_put(&pool, p);
        pkt_pool_fini(&pool);
        blob_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(clamps_syns_alone) };

    return cmocka_run_group_tests_name("mss", tests, NULL, NULL);
}
