/* Two gateways joined in memory: what goes in at one comes out at the other, for every transform,
 * mode, family and size. */
#include "ip.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One way to protect traffic between the hosts 10.1.0.5 / fd01::5 and 10.2.0.7 / fd02::7 (tunnel),
 * or between the gateways themselves (transport). */
struct link {
    const char *label;
    uint8_t protocols;
    bool tunnel;
    enum cipher_alg cipher;
    enum auth_alg esp_auth, ah_auth;
    enum ip_family outer, inner;
};

struct pair {
    struct gate *a, *b;
    struct ip_addr ga, gb; /* gateways */
    struct ip_addr ha, hb; /* who talks */
    struct policy pa, pb;
    struct sa *esp_out, *ah_out;
};

static struct ip_addr pick(enum ip_family family, const char *v4, const char *v6)
{
    return addr_text(family == IP_V4 ? v4 : v6);
}

static struct policy mirrored(const struct policy *p)
{
    struct policy m = *p;

    m.sel.src = p->sel.dst;
    m.sel.dst = p->sel.src;
    m.sel.sport = p->sel.dport;
    m.sel.dport = p->sel.sport;
    m.local = p->remote;
    m.remote = p->local;
    return m;
}

static struct policy policy_of(const struct link *l, const struct pair *p)
{
    struct policy pol = { .slot = 3,
                          .action = SPD_ENCRYPT,
                          .level = LEVEL_REQUIRE,
                          .protocols = l->protocols,
                          .tunnel = l->tunnel,
                          .local = p->ga,
                          .remote = p->gb,
                          .reqid = 9 };
    uint8_t bits = l->inner == IP_V4 ? (l->tunnel ? 24 : 32) : (l->tunnel ? 64 : 128);

    pol.sel.src = (struct ip_prefix){ p->ha, bits };
    pol.sel.dst = (struct ip_prefix){ p->hb, bits };
    ip_prefix_mask(&pol.sel.src);
    ip_prefix_mask(&pol.sel.dst);
    return pol;
}

static struct gate_sa sa_of(const struct link *l, enum sa_proto proto, const struct ip_addr *src,
                            const struct ip_addr *dst, uint32_t spi)
{
    return (struct gate_sa){ .proto = proto,
                             .tunnel = l->tunnel,
                             .cipher = proto == SA_ESP ? l->cipher : CIPHER_NONE,
                             .auth = proto == SA_ESP ? l->esp_auth : l->ah_auth,
                             .spi = spi,
                             .src = *src,
                             .dst = *dst,
                             .reqid = 9,
                             .slot = 3,
                             .replay_window = 64 };
}

/* SAs from FROM to TO. */
static void sas_add(const struct link *l, struct gate *from, struct gate *to,
                    const struct ip_addr *src, const struct ip_addr *dst, uint32_t spi)
{
    struct sa *out[2] = { 0 };

    for (int ah = 0; ah < 2; ah++) {
        if (!(l->protocols & (ah ? PROTO_BIT_AH : PROTO_BIT_ESP)))
            continue;
        struct gate_sa sa = sa_of(l, ah ? SA_AH : SA_ESP, src, dst, spi + (uint32_t)ah);
        out[ah] = gate_sa_add(from, &sa, false);
        gate_sa_add(to, &sa, true);
    }
    ipsec_slot_set(from->e, 3, out[0], out[1]);
}

static struct pair pair_up(const struct link *l, enum bulk_backend backend)
{
    struct pair p = { .a = gate_new(backend, 1),
                      .b = gate_new(backend, 2),
                      .ga = pick(l->outer, "192.0.2.1", "2001:db8::1"),
                      .gb = pick(l->outer, "198.51.100.1", "2001:db8:1::1") };

    p.ha = l->tunnel ? pick(l->inner, "10.1.0.5", "fd01::5") : p.ga;
    p.hb = l->tunnel ? pick(l->inner, "10.2.0.7", "fd02::7") : p.gb;
    p.pa = policy_of(l, &p);
    p.pb = mirrored(&p.pa);
    gate_policies(p.a, &p.pa, 1);
    gate_policies(p.b, &p.pb, 1);
    sas_add(l, p.a, p.b, &p.ga, &p.gb, 0x1000);
    sas_add(l, p.b, p.a, &p.gb, &p.ga, 0x2000);
    return p;
}

static void pair_down(struct pair *p)
{
    gate_free(p->a);
    gate_free(p->b);
}

static struct datagram talk(const struct pair *p, uint8_t proto, size_t payload_len)
{
    return (struct datagram){ .src = p->ha,
                              .dst = p->hb,
                              .proto = proto,
                              .sport = 1111,
                              .dport = 2222,
                              .payload_len = payload_len,
                              .fill = (uint8_t)payload_len,
                              .ip_id = (uint16_t)(payload_len + 1),
                              .tos = 0x28 };
}

/* Everything that must hold of an outer datagram whatever is inside. */
static void check_outer(const struct link *l, const struct gate *from)
{
    for (unsigned i = 0; i < from->n_wire; i++) {
        const struct blob *b = &from->wire[i];

        assert_in_range(b->len, 20, 1500);
        assert_int_equal(b->p[0] >> 4, l->outer);
        if (l->outer == IP_V4) {
            assert_int_equal(naive_csum(0, b->p, (b->p[0] & 15u) * 4), 0);
            assert_int_equal(be16_get(b->p + 2), b->len);
            assert_int_not_equal(be16_get(b->p + 4), 0); /* a raw socket would fill it in */
            assert_int_equal(b->p[9], l->protocols & PROTO_BIT_AH ? 51 : 50);
        } else {
            assert_int_equal(be16_get(b->p + 4), b->len - 40);
        }
    }
}

static void check_same(const struct blob *got, const struct blob *want)
{
    assert_int_equal(got->len, want->len);
    assert_memory_equal(got->p, want->p, want->len);
}

static void send_one(const struct link *l, struct pair *p, size_t payload_len)
{
    struct datagram d = talk(p, PROTO_UDP, payload_len);
    struct blob sent = datagram_make(&d);

    gate_out(p->a, &sent, 1);
    check_outer(l, p->a);
    gate_carry(p->a, p->b);
    if (p->b->n_inject != 1)
        fprintf(stderr, "%s: %zu bytes were lost\n", l->label, payload_len);
    assert_int_equal(p->b->n_inject, 1);
    check_same(&p->b->inject[0], &sent);
    blob_free(&sent);
    gate_clear(p->a);
    gate_clear(p->b);
}

static const struct link links[] = {
    { "esp tunnel 4 in 4", PROTO_BIT_ESP, true, CIPHER_AES_128, AUTH_SHA1, 0, IP_V4, IP_V4 },
    { "esp tunnel 6 in 4", PROTO_BIT_ESP, true, CIPHER_AES_256, AUTH_MD5, 0, IP_V4, IP_V6 },
    { "esp tunnel 4 in 6", PROTO_BIT_ESP, true, CIPHER_3DES, AUTH_MD5, 0, IP_V6, IP_V4 },
    { "esp tunnel 6 in 6", PROTO_BIT_ESP, true, CIPHER_DES, AUTH_SHA1, 0, IP_V6, IP_V6 },
    { "esp transport 4", PROTO_BIT_ESP, false, CIPHER_AES_192, AUTH_SHA1, 0, IP_V4, IP_V4 },
    { "esp transport 6", PROTO_BIT_ESP, false, CIPHER_NULL, AUTH_SHA1, 0, IP_V6, IP_V6 },
    { "ah tunnel 4 in 4", PROTO_BIT_AH, true, 0, 0, AUTH_MD5, IP_V4, IP_V4 },
    { "ah tunnel 6 in 4", PROTO_BIT_AH, true, 0, 0, AUTH_SHA1, IP_V4, IP_V6 },
    { "ah tunnel 4 in 6", PROTO_BIT_AH, true, 0, 0, AUTH_SHA1, IP_V6, IP_V4 },
    { "ah tunnel 6 in 6", PROTO_BIT_AH, true, 0, 0, AUTH_MD5, IP_V6, IP_V6 },
    { "ah transport 4", PROTO_BIT_AH, false, 0, 0, AUTH_SHA1, IP_V4, IP_V4 },
    { "ah transport 6", PROTO_BIT_AH, false, 0, 0, AUTH_MD5, IP_V6, IP_V6 },
    { "both tunnel 4 in 4", 3, true, CIPHER_3DES, AUTH_MD5, AUTH_SHA1, IP_V4, IP_V4 },
    { "both tunnel 6 in 6", 3, true, CIPHER_AES_128, AUTH_NONE, AUTH_SHA1, IP_V6, IP_V6 },
    { "both transport 4", 3, false, CIPHER_AES_256, AUTH_SHA1, AUTH_MD5, IP_V4, IP_V4 },
    { "both transport 6", 3, false, CIPHER_DES, AUTH_NONE, AUTH_MD5, IP_V6, IP_V6 },
};

enum { N_LINKS = sizeof(links) / sizeof(links[0]) };

static void every_size_arrives_unchanged(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_LINKS; i++) {
        struct pair p = pair_up(&links[i], BULK_AUTO);

        for (size_t len = 0; len <= 2000; len += len < 100 || len > 1380 ? 1 : 13)
            send_one(&links[i], &p, len);
        for (size_t len = 65280; len <= 65380; len += 7) /* 65535 with the widest headers */
            send_one(&links[i], &p, len);
        assert_int_equal(gate_all_drops(p.a) + gate_all_drops(p.b), 0);
        pair_down(&p);
    }
}

/* What no outer datagram can hold is refused and its sender told. */
static void near_65535_is_refused_beyond_the_limit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_LINKS; i++) {
        struct pair p = pair_up(&links[i], BULK_AUTO);
        unsigned refused = 0;

        for (size_t len = 65380; len <= 65535 - 48; len++) {
            struct datagram d = talk(&p, PROTO_UDP, len);
            struct blob sent = datagram_make(&d);

            gate_out(p.a, &sent, 1);
            gate_carry(p.a, p.b);
            refused += p.b->n_inject == 0;
            assert_int_equal(gate_drops(p.a, DROP_OUT_TOO_BIG), refused);
            blob_free(&sent);
            gate_clear(p.b);
        }
        assert_int_not_equal(refused, 0);
        assert_int_equal(gate_all_drops(p.a), refused);
        assert_int_equal(gate_all_drops(p.b), 0);
        pair_down(&p);
    }
}

static void every_suite_arrives_on_every_backend(void **state)
{
    static const enum bulk_backend backends[] = { BULK_AUTO, BULK_OPENSSL };

    (void)state;
    for (unsigned k = 0; k < 2; k++)
        for (unsigned cipher = CIPHER_NULL; cipher < CIPHER_COUNT; cipher++)
            for (unsigned auth = AUTH_NONE; auth < AUTH_COUNT; auth++)
                for (unsigned how = 0; how < 4; how++) {
                    struct link l = { "suite",
                                      how & 1 ? 3 : PROTO_BIT_ESP,
                                      how & 2,
                                      (enum cipher_alg)cipher,
                                      (enum auth_alg)auth,
                                      AUTH_SHA1,
                                      IP_V4,
                                      IP_V4 };
                    if (auth == AUTH_NONE && !(how & 1))
                        continue;
                    if (cipher == CIPHER_NULL && auth == AUTH_NONE)
                        continue; /* no SA */
                    struct pair p = pair_up(&l, backends[k]);
                    for (size_t len = 0; len < 40; len++)
                        send_one(&l, &p, len);
                    send_one(&l, &p, 1472);
                    assert_int_equal(gate_all_drops(p.a) + gate_all_drops(p.b), 0);
                    pair_down(&p);
                }
}

/* Batches of any size, of mixed content, keep their order. */
static void batches_keep_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_LINKS; i++) {
        struct pair p = pair_up(&links[i], BULK_AUTO);
        struct blob sent[PKT_BATCH];

        for (unsigned n = 1; n <= PKT_BATCH; n++) {
            for (unsigned k = 0; k < n; k++) {
                struct datagram d = talk(&p, PROTO_UDP, (size_t)k * 29 % 1400);
                d.fill = (uint8_t)k;
                sent[k] = datagram_make(&d);
            }
            gate_out(p.a, sent, n);
            gate_carry(p.a, p.b);
            assert_int_equal(p.b->n_inject, n);
            for (unsigned k = 0; k < n; k++) {
                check_same(&p.b->inject[k], &sent[k]);
                blob_free(&sent[k]);
            }
            gate_clear(p.b);
        }
        pair_down(&p);
    }
}

/* A superpacket is cut, protected, opened and coalesced: the stream that comes out is the one that
 * went in, and counters count segments. */
static void superpackets_arrive_as_the_same_stream(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_LINKS; i++) {
        struct pair p = pair_up(&links[i], BULK_AUTO);
        struct datagram d = talk(&p, PROTO_TCP, 30000);
        d.seq = 0xfffff000; /* wraps on the way */
        d.df = true;
        d.tcp_flags = 0x18;
        struct blob sent = superpacket_make(&d, 1448);

        gate_out(p.a, &sent, 1);
        check_outer(&links[i], p.a);
        unsigned segments = p.a->n_wire;
        struct ipsec_slot_stats s = ipsec_slot_stats(p.a->e, 3);
        assert_int_equal(s.out_transformed, segments); /* no segment was fragmented */
        gate_carry(p.a, p.b);
        s = ipsec_slot_stats(p.b->e, 3);
        assert_int_equal(s.in_transformed, segments);
        assert_int_equal(p.b->n_inject, 1);
        struct blob *got = &p.b->inject[0];
        size_t hdr = sent.len - 30000;
        assert_int_equal(got->len, sent.len);
        assert_memory_equal(got->p + hdr, sent.p + hdr, 30000);
        assert_int_equal(got->gso, sent.gso);
        assert_true(got->needs_csum);
        assert_int_equal(be16_get(got->p + got->csum_start + 16),
                         be16_get(sent.p + sent.csum_start + 16)); /* pseudo-header sums */
        assert_int_equal(got->p[got->csum_start + 13], 0x18);
        blob_free(&sent);
        pair_down(&p);
    }
}

static void udp_superpackets_arrive_as_the_same_datagrams(void **state)
{
    static const uint16_t sizes[] = { 1, 100, 1200, 1472 };

    (void)state;
    for (unsigned i = 0; i < N_LINKS; i++)
        for (unsigned k = 0; k < 4; k++) {
            struct pair p = pair_up(&links[i], BULK_AUTO);
            struct datagram d = talk(&p, PROTO_UDP, sizes[k] * 10u + 1 + (k > 1));
            struct blob sent = superpacket_make(&d, sizes[k]);
            size_t hdr = sent.len - d.payload_len, at = 0;

            gate_out(p.a, &sent, 1);
            gate_carry(p.a, p.b);
            for (unsigned j = 0; j < p.b->n_inject; j++) {
                const struct blob *got = &p.b->inject[j];
                size_t n = got->len - hdr;

                assert_true(n == sizes[k] || j == p.b->n_inject - 1);
                assert_true(datagram_csums_ok(got->p, got->len));
                assert_memory_equal(got->p + hdr, sent.p + hdr + at, n);
                at += n;
            }
            assert_int_equal(at, d.payload_len);
            blob_free(&sent);
            pair_down(&p);
        }
}

/* Bytes and packets of both ends agree. */
static void both_ends_count_alike(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_LINKS; i++) {
        struct pair p = pair_up(&links[i], BULK_AUTO);
        uint64_t bytes = 0;

        for (size_t len = 10; len < 3000; len += 500) {
            send_one(&links[i], &p, len);
            bytes += len + 8 + (p.ha.family == IP_V4 ? 20 : 40);
        }
        for (unsigned k = 0; k < 2; k++) {
            enum sa_proto proto = k ? SA_AH : SA_ESP;
            if (!(links[i].protocols & (k ? PROTO_BIT_AH : PROTO_BIT_ESP)))
                continue;
            struct sa *out = ipsec_sa_find(p.a->e, proto, &p.ga, &p.gb, 0x1000 + k);
            struct sa *in = ipsec_sa_find(p.b->e, proto, &p.ga, &p.gb, 0x1000 + k);
            struct sa_stats so = sa_stats(out), si = sa_stats(in);
            assert_int_equal(so.packets, 6);
            assert_int_equal(si.packets, 6);
            assert_int_equal(so.bytes, si.bytes);
            if (links[i].protocols != 3 || k == 0)
                assert_int_equal(so.bytes, bytes); /* the datagrams as they were */
        }
        pair_down(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_arrives_unchanged),
        cmocka_unit_test(near_65535_is_refused_beyond_the_limit),
        cmocka_unit_test(every_suite_arrives_on_every_backend),
        cmocka_unit_test(batches_keep_order),
        cmocka_unit_test(superpackets_arrive_as_the_same_stream),
        cmocka_unit_test(udp_superpackets_arrive_as_the_same_datagrams),
        cmocka_unit_test(both_ends_count_alike),
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
