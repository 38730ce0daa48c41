/* ESP tunnels inside UDP (RFC 3948): bytes, lookups, what does not belong, fragments. */
#include "encap.h"
#include "engine_priv.h"
#include "ip.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { SLOT = 3, REQID = 30, SPI_OUT = 0x1001, SPI_IN = 0x1002, NAT_PORT = 61234 };

/* HERE has a public address, PEER is behind a NAT that shows another. */
struct world {
    struct gate *here, *peer;
};

static const struct ends {
    const char *here, *peer; /* as HERE sees them */
} ends[] = { { "192.0.2.1", "203.0.113.9" }, { "2001:db8::1", "2001:db8:9::9" } };

static struct policy policy_of(const struct ends *e, bool at_here)
{
    struct policy p = { .slot = SLOT,
                        .action = SPD_ENCRYPT,
                        .level = LEVEL_REQUIRE,
                        .protocols = PROTO_BIT_ESP,
                        .tunnel = true,
                        .df = DF_INHERIT,
                        .local = addr_text(at_here ? e->here : e->peer),
                        .remote = addr_text(at_here ? e->peer : e->here),
                        .reqid = REQID };

    p.sel.src = prefix_text(at_here ? "10.1.0.0/24" : "10.2.0.0/24");
    p.sel.dst = prefix_text(at_here ? "10.2.0.0/24" : "10.1.0.0/24");
    return p;
}

/* The SA of one direction at either end. */
static struct gate_sa sa_of(const struct ends *e, bool from_here, bool at_here)
{
    return (struct gate_sa){ .proto = SA_ESP,
                             .tunnel = true,
                             .cipher = CIPHER_AES_128,
                             .auth = AUTH_SHA1,
                             .spi = from_here ? SPI_OUT : SPI_IN,
                             .src = addr_text(from_here ? e->here : e->peer),
                             .dst = addr_text(from_here ? e->peer : e->here),
                             .reqid = REQID,
                             .slot = SLOT,
                             .replay_window = 64,
                             .path_mtu = 1500,
                             .udp_encap = true,
                             .local_port = at_here ? 4500 : NAT_PORT,
                             .remote_port = at_here ? NAT_PORT : 4500 };
}

static struct gate *gate_of(const struct ends *e, bool at_here)
{
    struct gate *g = gate_new(BULK_AUTO, at_here);
    struct policy p = policy_of(e, at_here);
    struct gate_sa out = sa_of(e, at_here, at_here), in = sa_of(e, !at_here, at_here);

    gate_policies(g, &p, 1);
    ipsec_slot_set(g->e, SLOT, gate_sa_add(g, &out, false), NULL);
    gate_sa_add(g, &in, true);
    return g;
}

static struct world world_new(const struct ends *e)
{
    return (struct world){ gate_of(e, true), gate_of(e, false) };
}

static void world_free(struct world *w)
{
    gate_free(w->here);
    gate_free(w->peer);
}

static struct datagram talk(bool from_here, size_t len)
{
    return (struct datagram){ .src = addr_text(from_here ? "10.1.0.5" : "10.2.0.7"),
                              .dst = addr_text(from_here ? "10.2.0.7" : "10.1.0.5"),
                              .proto = PROTO_UDP,
                              .sport = 1111,
                              .dport = 2222,
                              .payload_len = len,
                              .tos = 0xb8,
                              .ip_id = 99 };
}

static void send(struct gate *g, const struct datagram *d)
{
    struct blob b = datagram_make(d);

    gate_out(g, &b, 1);
    blob_free(&b);
}

/* One protected datagram from the peer, as it left. */
static struct blob one_from_peer(struct world *w)
{
    struct datagram d = talk(false, 40);

    gate_clear(w->peer);
    send(w->peer, &d);
    assert_int_equal(w->peer->n_wire, 1);
    return blob_copy(w->peer->wire[0].p, w->peer->wire[0].len);
}

static size_t udp_at(const struct blob *b)
{
    return b->p[0] >> 4 == 4 ? 20 : 40;
}

/* ---- sending ---- */

static void the_layout_is_ip_udp_esp(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world w = world_new(&ends[i]);
        struct datagram d = talk(true, 100);

        d.df = true;
        send(w.here, &d);
        assert_int_equal(w.here->n_wire, 1);
        const struct blob *b = &w.here->wire[0];
        size_t at = udp_at(b), total = at + 8 + 8 + 16 + 144 + 12;

        assert_int_equal(b->len, total);
        assert_int_equal(b->p[i ? 6 : 9], PROTO_UDP);
        assert_int_equal(be16_get(b->p + at), 4500);
        assert_int_equal(be16_get(b->p + at + 2), NAT_PORT);
        assert_int_equal(be16_get(b->p + at + 4), total - at);
        assert_int_equal(be16_get(b->p + at + 6), 0);
        assert_int_equal(be32_get(b->p + at + 8), SPI_OUT);
        assert_int_equal(be32_get(b->p + at + 12), 1);
        assert_int_equal(ip_tos_get(b->p), 0xb8);
        if (i == 0) {
            assert_int_equal(be16_get(b->p + 2), total);
            assert_true(b->p[6] & 0x40);
            assert_int_equal(naive_csum(0, b->p, 20), 0);
        }
        world_free(&w);
    }
}

/* Each datagram fits with UDP's eight bytes in, and one byte more would not. */
static void superpackets_are_cut_for_the_longer_header(void **state)
{
    struct world w = world_new(&ends[0]);
    struct datagram d = talk(true, 20000);

    (void)state;
    d.proto = PROTO_TCP;
    struct blob b = superpacket_make(&d, 1448);
    gate_out(w.here, &b, 1);
    /* 1500 - IP 20 - UDP 8 - ESP 8 + IV 16 + ICV 12 = 1436, whole blocks 1424, pad length and next
     * header 2: 1422 inside */
    for (unsigned i = 0; i < w.here->n_wire; i++)
        assert_true(w.here->wire[i].len <= 1500);
    assert_int_equal(w.here->wire[0].len, 20 + 8 + 8 + 16 + 1424 + 12);
    blob_free(&b);
    world_free(&w);
}

/* Outer fragments: zero checksum over IPv4, a right one over IPv6, where zero is not allowed. */
static void what_exceeds_the_path_leaves_in_fragments(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world w = world_new(&ends[i]);
        struct datagram d = talk(true, 1450);

        send(w.here, &d);
        assert_int_equal(w.here->n_wire, 2);
        for (unsigned k = 0; k < 2; k++)
            assert_true(w.here->wire[k].len <= 1500);
        const struct blob *first = &w.here->wire[0];
        size_t udp = i ? 48 : 20, udp_len = be16_get(first->p + udp + 4);
        assert_int_equal(first->p[i ? 40 : 9], PROTO_UDP);
        if (i == 0) {
            assert_int_equal(be16_get(first->p + udp + 6), 0);
        } else {
            uint8_t whole[4096]; /* as the receiver has it, put together by hand */
            size_t n = first->len - 48;
            memcpy(whole, first->p, 40);
            whole[6] = PROTO_UDP;
            be16_put(whole + 4, (uint16_t)udp_len);
            memcpy(whole + 40, first->p + 48, n);
            memcpy(whole + 40 + n, w.here->wire[1].p + 48, w.here->wire[1].len - 48);
            assert_int_equal(n + w.here->wire[1].len - 48, udp_len);
            assert_true(datagram_csums_ok(whole, 40 + udp_len));
        }
        gate_carry(w.here, w.peer);
        assert_int_equal(w.peer->n_inject, 1);
        world_free(&w);
    }
}

/* ---- receiving ---- */

static void both_ways(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world w = world_new(&ends[i]);
        struct datagram there = talk(true, 333), back = talk(false, 1);
        struct blob a = datagram_make(&there), b = datagram_make(&back);

        gate_out(w.here, &a, 1);
        gate_carry(w.here, w.peer);
        gate_out(w.peer, &b, 1);
        gate_carry(w.peer, w.here);
        assert_int_equal(w.peer->n_inject, 1);
        assert_int_equal(w.here->n_inject, 1);
        assert_int_equal(w.peer->inject[0].len, a.len);
        assert_memory_equal(w.peer->inject[0].p, a.p, a.len);
        assert_memory_equal(w.here->inject[0].p, b.p, b.len);
        assert_int_equal(gate_all_drops(w.here) + gate_all_drops(w.peer), 0);
        blob_free(&a);
        blob_free(&b);
        world_free(&w);
    }
}

/* Made by others: scapy 2.5 (whose UDP length, always 8, is put right here), and tcpdump's sample
 * of ESP in UDP. */
static const struct foreign {
    const char *label;
    enum cipher_alg cipher;
    enum auth_alg auth;
    const char *enc_key, *auth_key;
    uint32_t spi;
    const char *src, *dst; /* of the SA */
    const char *from, *to; /* selectors */
    const char *packet, *inner;
} foreign[] = {
    { "scapy", CIPHER_AES_128, AUTH_SHA1, "000102030405060708090a0b0c0d0e0f",
      "202122232425262728292a2b2c2d2e2f30313233", 0xc0ffee01, "203.0.113.9", "192.0.2.1",
      "10.2.0.0/24", "10.1.0.0/24",
      "450000800007000040117c5bcb007109c0000201ef321194006c0000c0ffee010000000564656667"
      "68696a6b6c6d6e6f70717273f17ac128d99c61d994dad890aa55ee32be43aca52ef231e4996e9dc5"
      "b02c39822847cd84bf1b2058a0ae8ec06de043800bea7b5a2a3a98ba308814cd3c0ee230c50eec59"
      "18d92ccf0cec82af",
      "45000033006300003f1167490a0200070a01000508ae0457001f336d696e205544502c20627920616e"
      "6f746865722068616e64" },
    { "tcpdump's sample", CIPHER_3DES, AUTH_MD5, "4043434545464649494a4a4c4c4f4f515152525454575758",
      "87658765876587658765876587658765", 0x12345678, "192.1.2.23", "192.1.2.45", "192.0.2.0/24",
      "192.0.1.0/24",
      "450000a000004000401100000c0102170c01022d1194119400000000"
      "1234567800000001a71a51de1cb929238c4cab9ef2550db76402c501a26729fc8e8f7a7e63aa4b54"
      "aa59f642177a2924cc238d43b4c28d5191232bd1608e4f49c04726b61255c79a5efdc271510fc047"
      "bdd45b642c3b0f12b56e4d5149c662bc468f221a52cca322ad5a3fe76ae333dac783be7e",
      "45000054000040003f01b8a6c0000201c0000101" },
};

static void packets_made_by_others_are_opened(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        const struct foreign *f = &foreign[i];
        uint8_t packet[512], inner[512];
        size_t len = hex_bytes(f->packet, packet, sizeof(packet));
        size_t inner_len = hex_bytes(f->inner, inner, sizeof(inner));
        struct ends e = { f->dst, f->src };
        struct gate *g = gate_new(BULK_AUTO, 1);
        struct policy p = policy_of(&e, true);
        struct gate_sa sa = sa_of(&e, false, true);

        p.sel.src = prefix_text(f->to);
        p.sel.dst = prefix_text(f->from);
        gate_policies(g, &p, 1);
        sa.spi = f->spi;
        sa.cipher = f->cipher;
        sa.auth = f->auth;
        sa.enc_key = f->enc_key;
        sa.auth_key = f->auth_key;
        gate_sa_add(g, &sa, true);
        /* the sample has its ESP alone: lengths and addresses of the rest are this test's */
        be16_put(packet + 2, (uint16_t)len);
        be16_put(packet + 24, (uint16_t)(len - 20));
        memcpy(packet + 12, addr_text(f->src).b, 4);
        memcpy(packet + 16, addr_text(f->dst).b, 4);
        gate_in_bytes(g, packet, len);
        assert_int_equal(g->n_inject, 1);
        assert_memory_equal(g->inject[0].p, inner, inner_len);
        gate_free(g);
    }
}

/* The NAT may give the peer another address or port at any time: the ICV says who it is. */
static void the_source_may_change_while_the_icv_is_right(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world w = world_new(&ends[i]);
        struct blob b = one_from_peer(&w);

        b.p[i ? 23 : 15] ^= 0x55; /* the last byte of the source */
        b.p[udp_at(&b) + 1] ^= 0x55;
        gate_in(w.here, &b, 1);
        assert_int_equal(w.here->n_inject, 1);
        blob_free(&b);

        b = one_from_peer(&w);
        b.p[i ? 23 : 15] ^= 0x55;
        b.p[b.len - 1] ^= 1;
        gate_in(w.here, &b, 1);
        assert_int_equal(gate_drops(w.here, DROP_IN_ICV), 1);
        b.p[b.len - 1] ^= 1;
        b.p[i ? 39 : 19] ^= 1; /* the destination has to be right all the same */
        gate_in(w.here, &b, 1);
        assert_int_equal(gate_drops(w.here, DROP_IN_NO_STATES), 1);
        assert_int_equal(w.here->n_inject, 1);
        blob_free(&b);
        world_free(&w);
    }
}

/* Takes the UDP header out, or puts one in, as an attacker could who reflects packets. */
static void without_udp(struct blob *b)
{
    memmove(b->p + 20, b->p + 28, b->len - 28);
    b->len -= 8;
    b->p[9] = PROTO_ESP;
    be16_put(b->p + 2, (uint16_t)b->len);
}

static void raw_and_udp_do_not_mix(void **state)
{
    struct world w = world_new(&ends[0]);
    struct blob in_udp = one_from_peer(&w);
    struct blob raw = blob_copy(in_udp.p, in_udp.len);

    (void)state;
    without_udp(&raw);
    gate_in(w.here, &raw, 1);
    assert_int_equal(gate_drops(w.here, DROP_IN_NO_STATES), 1);

    struct gate *plain = gate_new(BULK_AUTO, 1);
    struct gate_sa sa = sa_of(&ends[0], false, true);
    struct policy p = policy_of(&ends[0], true);
    gate_policies(plain, &p, 1);
    sa.udp_encap = false;
    gate_sa_add(plain, &sa, true);
    gate_in(plain, &in_udp, 1);
    assert_int_equal(gate_drops(plain, DROP_IN_NO_STATES), 1);
    assert_int_equal(plain->n_inject, 0);
    gate_in(plain, &raw, 1);
    assert_int_equal(plain->n_inject, 1); /* and the packet was a good one */
    /* Nor in one batch, where the SA found last is looked at first. */
    struct blob again = one_from_peer(&w);
    struct blob mixed[2] = { one_from_peer(&w), again };
    without_udp(&mixed[0]);
    gate_in(plain, mixed, 2);
    assert_int_equal(plain->n_inject, 2);
    assert_int_equal(gate_drops(plain, DROP_IN_NO_STATES), 2);

    gate_free(plain);
    blob_free(&mixed[0]);
    blob_free(&mixed[1]);
    blob_free(&raw);
    blob_free(&in_udp);
    world_free(&w);
}

static void what_is_no_esp_is_counted_and_gone(void **state)
{
    static const struct {
        const char *label;
        uint8_t payload[12];
        size_t len;
        int claims; /* UDP length field beside the true one */
        enum ipsec_drop reason;
    } cases[] = {
        { "keepalive", { 0xff }, 1, 0, DROP_IN_KEEPALIVE },
        { "another single byte", { 0xfe }, 1, 0, DROP_IN_SHORT },
        { "nothing", { 0 }, 0, 0, DROP_IN_SHORT },
        { "two keepalive bytes", { 0xff, 0xff }, 2, 0, DROP_IN_SHORT },
        { "an SPI alone", { 0, 0, 0x10, 2 }, 4, 0, DROP_IN_SHORT },
        { "SPI and sequence number", { 0, 0, 0x10, 2, 0, 0, 0, 9 }, 8, 0, DROP_IN_SHORT },
        { "an unknown SPI", { 0, 0, 0x77, 2, 0, 0, 0, 9 }, 8, 0, DROP_IN_NO_STATES },
        { "UDP length beyond the datagram", { 0, 0, 0x10, 2, 0, 0, 0, 9 }, 8, 1, DROP_IN_SHORT },
        { "UDP length short of it", { 0, 0, 0x10, 2, 0, 0, 0, 9 }, 8, -1, DROP_IN_SHORT },
        { "UDP length zero", { 0, 0, 0x10, 2, 0, 0, 0, 9 }, 8, -16, DROP_IN_SHORT },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world w = world_new(&ends[0]);
        uint8_t p[64] = { 0x45, 0, 0, (uint8_t)(28 + cases[i].len), 0, 0, 0, 0, 64, PROTO_UDP };

        memcpy(p + 12, addr_text(ends[0].peer).b, 4);
        memcpy(p + 16, addr_text(ends[0].here).b, 4);
        be16_put(p + 20, NAT_PORT);
        be16_put(p + 22, 4500);
        be16_put(p + 24, (uint16_t)(8 + (int)cases[i].len + cases[i].claims));
        memcpy(p + 28, cases[i].payload, cases[i].len);
        gate_in_bytes(w.here, p, 28 + cases[i].len);
        if (gate_drops(w.here, cases[i].reason) != 1)
            fail_msg("%s", cases[i].label);
        assert_int_equal(gate_all_drops(w.here), 1);
        assert_int_equal(w.here->n_inject, 0);
        world_free(&w);
    }
}

/* Only the outer layer is ever UDP: what a tunnel carries on port 4500 is somebody's traffic. */
static void udp_inside_a_tunnel_is_traffic(void **state)
{
    struct world w = world_new(&ends[0]);
    struct datagram d = talk(false, 30);

    (void)state;
    d.sport = d.dport = 4500;
    send(w.peer, &d);
    gate_carry(w.peer, w.here);
    assert_int_equal(w.here->n_inject, 1);
    world_free(&w);
}

static void a_replay_is_refused(void **state)
{
    struct world w = world_new(&ends[0]);
    struct blob b = one_from_peer(&w);
    struct blob twice[2] = { b, b };

    (void)state;
    gate_in(w.here, twice, 2);
    gate_in(w.here, &b, 1);
    assert_int_equal(w.here->n_inject, 1);
    assert_int_equal(gate_drops(w.here, DROP_IN_REPLAY), 2);
    blob_free(&b);
    world_free(&w);
}

/* ---- adding and finding ---- */

static void an_sa_is_found_without_its_source(void **state)
{
    struct world w = world_new(&ends[0]);
    struct ip_addr here = addr_text(ends[0].here), peer = addr_text(ends[0].peer);
    struct ip_addr other = addr_text("198.51.100.77");
    struct ipsec *e = w.here->e;
    struct sa_config c;

    (void)state;
    struct sa *in = ipsec_sa_find(e, SA_ESP, &peer, &here, SPI_IN);
    assert_non_null(in);
    assert_ptr_equal(ipsec_sa_find(e, SA_ESP, &other, &here, SPI_IN), in);
    assert_null(ipsec_sa_find(e, SA_ESP, &peer, &other, SPI_IN));
    assert_null(ipsec_sa_find(e, SA_AH, &peer, &here, SPI_IN));
    assert_non_null(ipsec_sa_find(e, SA_ESP, &here, &peer, SPI_OUT));
    assert_null(ipsec_sa_find(e, SA_ESP, &here, &other, SPI_OUT)); /* sending ones have one */

    sa_config_get(in, &c);
    assert_true(c.udp_encap && ip_addr_equal(&c.src, &peer));
    assert_int_equal(c.local_port, 4500);
    assert_int_equal(c.remote_port, NAT_PORT);
    struct sa *ret;
    c.src = other; /* two SAs that no packet could tell apart */
    assert_int_equal(ipsec_sa_add(e, &c, 1, 1, &ret), SA_EXISTS);
    c.udp_encap = false;
    assert_int_equal(ipsec_sa_add(e, &c, 1, 1, &ret), SA_ADDED);
    ipsec_sa_remove(e, in);
    assert_null(ipsec_sa_find(e, SA_ESP, &peer, &here, SPI_IN));
    assert_ptr_equal(ipsec_sa_find(e, SA_ESP, &other, &here, SPI_IN), ret);
    secret_wipe(&c, sizeof(c));
    world_free(&w);
}

static void only_esp_tunnels_go_into_udp(void **state)
{
    struct gate *g = gate_new(BULK_AUTO, 1);
    struct sa_config c = { .proto = SA_ESP,
                           .udp_encap = true,
                           .spi = 0x1000,
                           .src = addr_text(ends[0].here),
                           .dst = addr_text(ends[0].peer),
                           .cipher = CIPHER_NULL,
                           .auth = AUTH_SHA1,
                           .auth_key = { .len = 20 } };
    struct sa *sa;

    (void)state;
    assert_int_equal(ipsec_sa_add(g->e, &c, 1, 1, &sa), SA_BAD_ENCAP);
    c.tunnel = true;
    assert_int_equal(ipsec_sa_add(g->e, &c, 1, 1, &sa), SA_ADDED);
    c.proto = SA_AH;
    c.cipher = CIPHER_NONE;
    assert_int_equal(ipsec_sa_add(g->e, &c, 1, 1, &sa), SA_BAD_ENCAP);
    gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_ip_udp_esp),
        cmocka_unit_test(superpackets_are_cut_for_the_longer_header),
        cmocka_unit_test(what_exceeds_the_path_leaves_in_fragments),
        cmocka_unit_test(both_ways),
        cmocka_unit_test(packets_made_by_others_are_opened),
        cmocka_unit_test(the_source_may_change_while_the_icv_is_right),
        cmocka_unit_test(raw_and_udp_do_not_mix),
        cmocka_unit_test(what_is_no_esp_is_counted_and_gone),
        cmocka_unit_test(udp_inside_a_tunnel_is_traffic),
        cmocka_unit_test(a_replay_is_refused),
        cmocka_unit_test(an_sa_is_found_without_its_source),
        cmocka_unit_test(only_esp_tunnels_go_into_udp),
    };
    return cmocka_run_group_tests_name("udp encap", tests, NULL, NULL);
}
