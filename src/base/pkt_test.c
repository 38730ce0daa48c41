/* Packet buffers: rooms, limits, reuse, segments. */
#include "pkt.h"
#include "unit.h"

#include <string.h>

static void a_packet_has_its_rooms_whatever_its_size(void **state)
{
    static const struct {
        size_t bytes;
        bool fits, large;
    } cases[] = {
        { 0, true, false },
        { 1500, true, false },
        { PKT_SMALL_BYTES, true, false },
        { PKT_SMALL_BYTES + 1, true, true },
        { PKT_LARGE_BYTES, true, true },
        { PKT_LARGE_BYTES + 1, false, false },
        { SIZE_MAX, false, false },
    };
    struct pkt_pool pool;

    (void)state;
    pkt_pool_init(&pool, 4, 4);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pkt *p = pkt_get(&pool, cases[i].bytes);
        assert_int_equal(p != NULL, cases[i].fits);
        if (!p)
            continue;
        assert_int_equal(p->large, cases[i].large);
        assert_int_equal(pkt_headroom(p), PKT_HEADROOM);
        assert_int_equal(p->len, 0);
        assert_true(pkt_tailroom(p) >= cases[i].bytes + PKT_TAILROOM);
        memset(p->buf, 0xff, p->room_bytes); /* the sanitizer watches the end */
        p->len = (uint32_t)cases[i].bytes;
        assert_true(pkt_tailroom(p) >= PKT_TAILROOM);
        pkt_put(&pool, p);
    }
    pkt_pool_fini(&pool);
}

static void a_pool_ends_at_its_limit_for_each_size(void **state)
{
    struct pkt_pool pool;
    struct pkt *small[3], *large[2];

    (void)state;
    pkt_pool_init(&pool, 3, 2);
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(small[i] = pkt_get(&pool, 100));
    assert_null(pkt_get(&pool, 100));
    for (unsigned i = 0; i < 2; i++)
        assert_non_null(large[i] = pkt_get(&pool, 10000));
    assert_null(pkt_get(&pool, 10000));
    pkt_put(&pool, small[1]);
    assert_null(pkt_get(&pool, 10000));
    assert_ptr_equal(pkt_get(&pool, 100), small[1]);
    for (unsigned i = 0; i < 3; i++)
        pkt_put(&pool, small[i]);
    for (unsigned i = 0; i < 2; i++)
        pkt_put(&pool, large[i]);
    pkt_put(&pool, NULL);
    pkt_pool_fini(&pool);
}

static void a_packet_used_before_starts_afresh(void **state)
{
    struct pkt_pool pool;

    (void)state;
    pkt_pool_init(&pool, 1, 0);
    struct pkt *p = pkt_get(&pool, 100);
    p->data += 20;
    p->len = 60;
    p->gso = PKT_GSO_TCP4;
    p->gso_size = 1400;
    p->needs_csum = p->csum_ok = true;
    p->ifindex = 7;
    pkt_put(&pool, p);
    struct pkt *again = pkt_get(&pool, 100);
    assert_ptr_equal(again, p);
    assert_ptr_equal(p->data, p->buf + PKT_HEADROOM);
    assert_int_equal(p->len | p->gso | p->gso_size | p->needs_csum | p->csum_ok | p->ifindex, 0);
    assert_null(p->next);
    assert_int_equal(p->room_bytes, PKT_HEADROOM + PKT_SMALL_BYTES + PKT_TAILROOM);
    pkt_put(&pool, p);
    pkt_pool_fini(&pool);
}

static void a_superpacket_counts_its_segments(void **state)
{
    static const struct {
        const char *label;
        uint8_t gso;
        uint32_t len;
        uint16_t gso_size;
        unsigned offset, want;
    } cases[] = {
        { "no superpacket", PKT_GSO_NONE, 9000, 1000, 40, 1 },
        { "exact multiple", PKT_GSO_TCP4, 40 + 3000, 1000, 40, 3 },
        { "one byte more", PKT_GSO_TCP4, 40 + 3001, 1000, 40, 4 },
        { "a single segment", PKT_GSO_TCP6, 60 + 10, 1000, 60, 1 },
        { "no payload", PKT_GSO_TCP4, 40, 1000, 40, 1 },
        { "offset past the end", PKT_GSO_UDP, 28, 1000, 40, 1 },
        { "no size", PKT_GSO_UDP, 5000, 0, 28, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pkt p = { .len = cases[i].len, .gso = cases[i].gso, .gso_size = cases[i].gso_size };
        unsigned got = pkt_segments(&p, cases[i].offset);
        if (got != cases[i].want)
            fail_msg("%s: %u", cases[i].label, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_has_its_rooms_whatever_its_size),
        cmocka_unit_test(a_pool_ends_at_its_limit_for_each_size),
        cmocka_unit_test(a_packet_used_before_starts_afresh),
        cmocka_unit_test(a_superpacket_counts_its_segments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
