/* Sizes that must agree with what is built, and where ESP steps into IPv6 datagrams. */
#include "encap.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static struct sa sa_sized(enum sa_proto proto, enum cipher_alg cipher, enum ip_family family)
{
    return (struct sa){ .proto = (uint8_t)proto,
                        .iv_len = cipher_info[cipher].iv_len,
                        .block_len = cipher_info[cipher].block_len,
                        .icv_len = 12,
                        .path_mtu = 1500,
                        .src = addr_text(family == IP_V4 ? "192.0.2.1" : "2001:db8::1"),
                        .dst = addr_text(family == IP_V4 ? "192.0.2.2" : "2001:db8::2") };
}

/* encap_inner_max() is the largest length whose encap_len() fits. */
static void sizes_are_inverse(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3 * 2 * 4 * CIPHER_COUNT; i++) {
        enum cipher_alg cipher = (enum cipher_alg)(i % CIPHER_COUNT);
        unsigned how = i / CIPHER_COUNT % 4;
        enum ip_family family = i / CIPHER_COUNT / 4 % 2 ? IP_V4 : IP_V6;
        bool tunnel = i / CIPHER_COUNT / 8 > 0, udp = i / CIPHER_COUNT / 8 > 1;
        struct sa esp = sa_sized(SA_ESP, cipher, family), ah = sa_sized(SA_AH, 0, family);
        struct encap_plan plan = { .esp = how & 1 ? &esp : NULL,
                                   .ah = how & 2 ? &ah : NULL,
                                   .tunnel = tunnel };
        if (how == 0 || cipher == CIPHER_NONE)
            continue;
        esp.udp_encap = udp;
        for (size_t hdr = 20; hdr <= 60; hdr += 20)
            for (plan.path_mtu = 68; plan.path_mtu < 1600; plan.path_mtu++) {
                size_t max = encap_inner_max(&plan, hdr);
                if (max) {
                    assert_true(tunnel || max > hdr);
                    assert_true(encap_len(&plan, max, hdr) <= plan.path_mtu);
                    assert_true(encap_len(&plan, max + 1, hdr) > plan.path_mtu);
                } else {
                    assert_true(encap_len(&plan, tunnel ? 1 : hdr + 1, hdr) > plan.path_mtu);
                }
            }
    }
}

/* RFC 4303 3.1.1, RFC 8200 4.1: hop-by-hop and routing headers, and what precedes a routing header,
 * stay outside; destination options for the end stay inside. */
static void esp_steps_into_ipv6_where_it_belongs(void **state)
{
    static const struct {
        const char *label;
        uint8_t kinds[4]; /* extension headers in order */
        unsigned n, outside;
    } cases[] = {
        { "none", { 0 }, 0, 0 },
        { "hop-by-hop", { PROTO_HOPOPTS }, 1, 1 },
        { "routing", { PROTO_ROUTING }, 1, 1 },
        { "destination options", { PROTO_DSTOPTS }, 1, 0 },
        { "hop-by-hop, destination", { PROTO_HOPOPTS, PROTO_DSTOPTS }, 2, 1 },
        { "destination, routing", { PROTO_DSTOPTS, PROTO_ROUTING }, 2, 2 },
        { "all", { PROTO_HOPOPTS, PROTO_DSTOPTS, PROTO_ROUTING, PROTO_DSTOPTS }, 4, 3 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct datagram d = { .src = addr_text("fd00::1"),
                              .dst = addr_text("fd00::2"),
                              .proto = PROTO_UDP,
                              .payload_len = 9,
                              .n_ip_opts = (uint8_t)(8 * cases[i].n),
                              .ext_proto = cases[i].kinds[0] };
        struct ip_parts parts;

        for (unsigned k = 0; k < cases[i].n; k++) {
            d.ip_opts[8 * k] = k + 1 < cases[i].n ? cases[i].kinds[k + 1] : PROTO_UDP;
            d.ip_opts[8 * k + 2] = 1; /* PadN; or an unknown routing type with no segments left */
            d.ip_opts[8 * k + 3] = cases[i].kinds[k] == PROTO_ROUTING ? 0 : 4;
        }
        struct blob b = datagram_make(&d);
        struct pkt_pool pool;
        pkt_pool_init(&pool, 1, 0);
        struct pkt *p = pkt_get(&pool, b.len);
        memcpy(p->data, b.p, b.len);
        p->len = (uint32_t)b.len;

        assert_true(ip_parts_parse(p->data, p->len, &parts));
        assert_int_equal(parts.proto, PROTO_UDP);
        assert_int_equal(parts.l4, 40 + 8 * cases[i].n);
        assert_int_equal(parts.insert, 40 + 8 * cases[i].outside);

        struct sa esp = sa_sized(SA_ESP, CIPHER_NULL, IP_V6);
        struct encap_plan plan = { .esp = &esp, .path_mtu = 1500 };
        struct encap_layout at;
        encap_build(&plan, p, &parts, false, 1, &at);
        assert_int_equal(p->data[6], cases[i].outside ? cases[i].kinds[0] : PROTO_ESP);
        assert_int_equal(at.esp, parts.insert);
        assert_int_equal(at.next, cases[i].outside < cases[i].n ? PROTO_DSTOPTS : PROTO_UDP);
        assert_memory_equal(p->data + at.esp + 8, b.p + parts.insert, b.len - parts.insert);
        assert_true(ip_parts_parse(p->data, p->len, &parts));
        assert_int_equal(parts.proto, PROTO_ESP);
        assert_int_equal(parts.l4, at.esp);
        pkt_put(&pool, p);
        pkt_pool_fini(&pool);
        blob_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_inverse),
        cmocka_unit_test(esp_steps_into_ipv6_where_it_belongs),
    };
    return cmocka_run_group_tests_name("encap", tests, NULL, NULL);
}
