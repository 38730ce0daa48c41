/* Fragments out of one datagram, and datagrams out of fragments, in any order. */
#include "fragment.h"
#include "reassembly.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_MAX = 80 };

struct fixture {
    struct pkt_pool pool;
    struct reassembly *r;
    struct pkt *pieces[PIECES_MAX];
    struct ip_parts parts[PIECES_MAX];
    unsigned n;
    uint64_t now_ms;
    unsigned dropped;
};

static void up(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    pkt_pool_init(&f->pool, 400, 80);
    f->r = reassembly_new(&f->pool);
    f->now_ms = 5000;
}

static void down(struct fixture *f)
{
    for (unsigned i = 0; i < f->n; i++)
        pkt_put(&f->pool, f->pieces[i]);
    reassembly_free(f->r);
    pkt_pool_fini(&f->pool); /* the sanitizer finds what was not put back */
}

static struct datagram udp(bool v6, size_t len, uint16_t id)
{
    return (struct datagram){ .src = addr_text(v6 ? "fd00::1" : "10.0.0.1"),
                              .dst = addr_text(v6 ? "fd00::2" : "10.0.0.2"),
                              .proto = PROTO_UDP,
                              .sport = 1,
                              .dport = 2,
                              .payload_len = len,
                              .ip_id = id };
}

/* Cuts B for MTU into f->pieces, behind those there. */
static void cut(struct fixture *f, const struct blob *b, uint32_t mtu, uint32_t id)
{
    struct pkt *whole = pkt_get(&f->pool, b->len);
    struct ip_parts parts;
    struct fragmenter fr;
    size_t len;

    memcpy(whole->data, b->p, b->len);
    whole->len = (uint32_t)b->len;
    assert_true(ip_parts_parse(whole->data, whole->len, &parts));
    assert_true(fragment_init(&fr, whole, parts.insert, parts.insert_next, mtu, id));
    while ((len = fragment_len(&fr)) > 0) {
        struct pkt *p = pkt_get(&f->pool, len);
        fragment_next(&fr, p);
        assert_int_equal(p->len, len);
        assert_true(len <= mtu);
        assert_true(ip_parts_parse(p->data, p->len, &f->parts[f->n]));
        f->pieces[f->n++] = p;
    }
    pkt_put(&f->pool, whole);
}

/* Hands piece I over; the whole datagram when it completes one. */
static struct pkt *feed(struct fixture *f, unsigned i)
{
    unsigned dropped;
    struct pkt *copy = pkt_get(&f->pool, f->pieces[i]->len);

    memcpy(copy->data, f->pieces[i]->data, f->pieces[i]->len);
    copy->len = f->pieces[i]->len;
    struct pkt *whole = reassembly_take(f->r, copy, &f->parts[i], f->now_ms, &dropped);
    f->dropped += dropped;
    return whole;
}

static void check_whole(struct fixture *f, struct pkt *whole, const struct blob *want)
{
    assert_non_null(whole);
    assert_int_equal(whole->len, want->len);
    assert_memory_equal(whole->data, want->p, want->len);
    pkt_put(&f->pool, whole);
}

static void fragments_fit_and_carry_their_place(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++)
        for (uint32_t mtu = 100; mtu < 1500; mtu += 37) {
            struct fixture f;
            struct datagram d = udp(v6, 3000, 0x4321);
            struct blob b = datagram_make(&d);
            unsigned at = 0;

            up(&f);
            cut(&f, &b, mtu, 0xabcdef01);
            for (unsigned i = 0; i < f.n; i++) {
                const struct ip_parts *p = &f.parts[i];
                unsigned payload = p->total - (v6 ? 48 : 20);

                assert_true(p->fragment);
                assert_int_equal(p->frag_off, at);
                assert_int_equal(p->more_fragments, i + 1 < f.n);
                assert_int_equal(p->frag_id, v6 ? 0xabcdef01 : 0x4321);
                assert_true(!p->more_fragments || payload % 8 == 0);
                assert_true(!p->more_fragments || p->total + 8 > mtu); /* no smaller than needed */
                at += payload;
            }
            assert_int_equal(at, 3008);
            blob_free(&b);
            down(&f);
        }
}

/* RFC 791: options with the copied flag are in every fragment, others in the first alone. */
static void options_are_copied_as_flagged(void **state)
{
    struct fixture f;
    struct datagram d = udp(false, 3000, 1);
    static const uint8_t later[] = { 0x94, 4, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0 };

    (void)state;
    d.n_ip_opts = 12; /* router alert (copied), record route (not), end */
    memcpy(d.ip_opts, (uint8_t[12]){ 0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0 }, 12);
    struct blob b = datagram_make(&d);
    up(&f);
    cut(&f, &b, 1500, 0);
    assert_int_equal(f.n, 3);
    assert_memory_equal(f.pieces[0]->data + 20, d.ip_opts, 12);
    assert_memory_equal(f.pieces[1]->data + 20, later, 12);
    assert_memory_equal(f.pieces[2]->data + 20, later, 12);
    blob_free(&b);
    down(&f);
}

static void any_order_makes_it_whole(void **state)
{
    (void)state;
    srand(1);
    for (int v6 = 0; v6 < 2; v6++)
        for (unsigned round = 0; round < 300; round++) {
            struct fixture f;
            struct datagram d = udp(v6, (size_t)(200 + rand() % 20000), (uint16_t)round);
            struct blob b = datagram_make(&d);
            struct pkt *whole = NULL;

            up(&f);
            cut(&f, &b, 600 + (uint32_t)(rand() % 900), round);
            for (unsigned left = f.n; left > 0; left--) {
                unsigned pick = (unsigned)rand() % left;
                struct pkt *p = f.pieces[pick];
                struct ip_parts parts = f.parts[pick];

                assert_null(whole);
                whole = feed(&f, pick);
                f.pieces[pick] = f.pieces[left - 1];
                f.parts[pick] = f.parts[left - 1];
                f.pieces[left - 1] = p;
                f.parts[left - 1] = parts;
            }
            check_whole(&f, whole, &b);
            assert_int_equal(f.dropped, 0);
            blob_free(&b);
            down(&f);
        }
}

static void interleaved_datagrams_keep_apart(void **state)
{
    struct fixture f;
    struct blob b[3];
    struct pkt *whole[3] = { 0 };
    unsigned first[4] = { 0 };

    (void)state;
    up(&f);
    for (uint16_t k = 0; k < 3; k++) {
        struct datagram d = udp(false, 4000, (uint16_t)(100 + k % 2)); /* 0 and 2: same id */
        d.fill = (uint8_t)k;
        if (k == 2)
            d.dst = addr_text("10.0.0.3");
        b[k] = datagram_make(&d);
        cut(&f, &b[k], 1500, 0);
        first[k + 1] = f.n;
    }
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 3; k++)
            whole[k] = feed(&f, first[k] + i);
    for (unsigned k = 0; k < 3; k++) {
        check_whole(&f, whole[k], &b[k]);
        blob_free(&b[k]);
    }
    down(&f);
}

/* RFC 5722: an overlap gives up the whole set, and what still comes of it. */
static void overlaps_discard_the_set(void **state)
{
    static const struct {
        const char *label;
        int shift;    /* where the odd one out lies, 8-byte units from the second piece */
        uint32_t len; /* of its payload; 0: as it was */
    } cases[] = {
        { "exact duplicate", 0, 0 },
        { "one unit early", -1, 0 },
        { "one unit late", 1, 0 },
        { "a sliver inside", 3, 8 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        struct datagram d = udp(false, 4000, 9);
        struct blob b = datagram_make(&d);

        up(&f);
        cut(&f, &b, 1500, 0);
        assert_null(feed(&f, 0));
        assert_null(feed(&f, 1));
        struct ip_parts right = f.parts[1];
        f.parts[1].frag_off = (uint16_t)(f.parts[1].frag_off + 8 * cases[i].shift);
        if (cases[i].len)
            f.parts[1].total = 20 + cases[i].len;
        assert_null(feed(&f, 1));
        assert_int_equal(f.dropped, 3);
        f.parts[1] = right;
        assert_null(feed(&f, 2)); /* completes nothing any more */
        assert_int_equal(f.dropped, 4);
        f.now_ms += REASSEMBLY_MS; /* the identification may be used again */
        assert_null(feed(&f, 0));
        assert_null(feed(&f, 1));
        check_whole(&f, feed(&f, 2), &b);
        blob_free(&b);
        down(&f);
    }
}

static void odd_fragments_discard_the_set(void **state)
{
    static const struct {
        const char *label;
        unsigned piece;
        uint16_t frag_off;
        uint32_t payload;
        bool more;
    } cases[] = {
        { "not a multiple of eight", 1, 1480, 1479, true },
        { "empty", 1, 1480, 0, true },
        { "a second end", 1, 1480, 1480, false },
        { "behind the end", 1, 8000, 1480, true },
        { "past 65535", 1, 65528, 1480, true },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        struct datagram d = udp(false, 4000, 9);
        struct blob b = datagram_make(&d);

        up(&f);
        cut(&f, &b, 1500, 0);
        assert_null(feed(&f, 2)); /* the end is known */
        f.parts[1].frag_off = cases[i].frag_off;
        f.parts[1].total = 20 + cases[i].payload;
        f.parts[1].more_fragments = cases[i].more;
        assert_null(feed(&f, 1));
        assert_null(feed(&f, 0));
        if (f.dropped != 3)
            fprintf(stderr, "case: %s\n", cases[i].label);
        assert_int_equal(f.dropped, 3);
        blob_free(&b);
        down(&f);
    }
}

/* The end arrives last and lies before pieces that are there already. */
static void an_end_before_known_pieces_discards(void **state)
{
    struct fixture f;
    struct datagram d = udp(false, 4000, 9);
    struct blob b = datagram_make(&d);

    (void)state;
    up(&f);
    cut(&f, &b, 1500, 0);
    assert_null(feed(&f, 1));
    f.parts[0].more_fragments = false;
    assert_null(feed(&f, 0));
    assert_int_equal(f.dropped, 2);
    blob_free(&b);
    down(&f);
}

static void incomplete_sets_time_out(void **state)
{
    struct fixture f;
    struct datagram d = udp(true, 4000, 0);
    struct blob b = datagram_make(&d);

    (void)state;
    up(&f);
    cut(&f, &b, 1500, 7);
    assert_null(feed(&f, 0));
    assert_null(feed(&f, 1));
    f.now_ms += REASSEMBLY_MS - 1;
    assert_int_equal(reassembly_tick(f.r, f.now_ms), 0);
    f.now_ms += 1;
    assert_int_equal(reassembly_tick(f.r, f.now_ms), 2);
    assert_null(feed(&f, 2)); /* a set of its own now */
    assert_int_equal(f.dropped, 0);
    blob_free(&b);
    down(&f);
}

/* First fragments alone, of ever new datagrams: memory stays bounded, the oldest go. */
static void a_flood_evicts_the_oldest(void **state)
{
    struct fixture f;
    struct datagram d = udp(false, 4000, 9);
    struct blob b = datagram_make(&d);

    (void)state;
    up(&f);
    cut(&f, &b, 1500, 0);
    for (unsigned id = 0; id < 10 * REASSEMBLY_MAX; id++) {
        f.parts[0].frag_id = id;
        f.now_ms++;
        assert_null(feed(&f, 0));
    }
    assert_int_equal(f.dropped, 9 * REASSEMBLY_MAX);
    assert_true(f.pool.n_large <= REASSEMBLY_MAX + 1);
    f.parts[1].frag_id = f.parts[2].frag_id = 10 * REASSEMBLY_MAX - 1; /* the latest is there */
    assert_null(feed(&f, 1));
    check_whole(&f, feed(&f, 2), &b);
    blob_free(&b);
    down(&f);
}

static void tiny_fragments_are_limited(void **state)
{
    struct fixture f;
    struct datagram d = udp(false, 8 * (REASSEMBLY_FRAGMENTS + 1), 9);
    struct blob b = datagram_make(&d);

    (void)state;
    up(&f);
    cut(&f, &b, 28, 0);
    for (unsigned i = 0; i < f.n; i++)
        assert_null(feed(&f, i));
    assert_int_equal(f.dropped, f.n);
    blob_free(&b);
    down(&f);
}

/* An IPv6 datagram with a fragment header though it is whole (RFC 6946). */
static void an_atomic_fragment_loses_its_header(void **state)
{
    struct fixture f;
    struct datagram d = udp(true, 100, 0);
    struct blob b = datagram_make(&d);

    (void)state;
    up(&f);
    cut(&f, &b, 1500, 7);
    assert_int_equal(f.n, 1);
    assert_true(f.parts[0].fragment && !f.parts[0].more_fragments);
    check_whole(&f, feed(&f, 0), &b);
    blob_free(&b);
    down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_fit_and_carry_their_place),
        cmocka_unit_test(options_are_copied_as_flagged),
        cmocka_unit_test(any_order_makes_it_whole),
        cmocka_unit_test(interleaved_datagrams_keep_apart),
        cmocka_unit_test(overlaps_discard_the_set),
        cmocka_unit_test(odd_fragments_discard_the_set),
        cmocka_unit_test(an_end_before_known_pieces_discards),
        cmocka_unit_test(incomplete_sets_time_out),
        cmocka_unit_test(a_flood_evicts_the_oldest),
        cmocka_unit_test(tiny_fragments_are_limited),
        cmocka_unit_test(an_atomic_fragment_loses_its_header),
    };
    return cmocka_run_group_tests_name("fragment", tests, NULL, NULL);
}
