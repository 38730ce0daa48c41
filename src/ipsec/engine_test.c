/* The control side of the engine with no worker running: SAD, lifetimes, slots, events. */
#include "engine_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* needs those above */
#include <cmocka.h>

enum { N_WORKERS = 3, ADD_TIME_S = 1000000 };

struct fixture {
    struct ipsec *e;
};

static int engine_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    urcu_memb_register_thread();
    f->e = ipsec_new(N_WORKERS, BULK_OPENSSL);
    *state = f;
    return f->e == NULL;
}

static int engine_teardown(void **state)
{
    struct fixture *f = *state;

    ipsec_free(f->e);
    urcu_memb_unregister_thread();
    free(f);
    return 0;
}

static struct sa_config sa_example(uint32_t spi)
{
    struct sa_config c = { .proto = SA_ESP,
                           .inbound = true,
                           .tunnel = true,
                           .spi = spi,
                           .src = ip_addr_v4(1, 0, 0, 1),
                           .dst = ip_addr_v4(1, 0, 0, 2),
                           .cipher = CIPHER_AES_128,
                           .auth = AUTH_SHA1,
                           .enc_key = { .len = 16 },
                           .auth_key = { .len = 20 },
                           .slot = 5 };

    for (uint8_t i = 0; i < 20; i++) {
        c.enc_key.b[i] = i < 16 ? (uint8_t)(0x40 + i) : 0;
        c.auth_key.b[i] = (uint8_t)(0x80 + i);
    }
    return c;
}

static struct sa *sa_added(struct ipsec *e, const struct sa_config *c, uint64_t now_ms)
{
    struct sa *sa = NULL;

    assert_int_equal(ipsec_sa_add(e, c, ADD_TIME_S, now_ms, &sa), SA_ADDED);
    return sa;
}

static void assert_event(struct ipsec *e, enum ipsec_event_type type, uint32_t spi)
{
    struct ipsec_event ev;

    assert_true(event_waiting(e));
    assert_true(ipsec_event_take(e, &ev));
    assert_int_equal(ev.type, type);
    assert_int_equal(ev.spi, spi);
    assert_int_equal(ev.proto, SA_ESP);
}

static void assert_no_event(struct ipsec *e)
{
    struct ipsec_event ev;

    assert_false(event_waiting(e));
    assert_false(ipsec_event_take(e, &ev));
}

/* ---- adding ---- */

static void sa_esp_null_null(struct sa_config *c)
{
    c->cipher = CIPHER_NULL;
    c->auth = AUTH_NONE;
    c->enc_key.len = c->auth_key.len = 0;
}

static void sa_esp_null_md5(struct sa_config *c)
{
    c->cipher = CIPHER_NULL;
    c->auth = AUTH_MD5;
    c->enc_key.len = 0;
    c->auth_key.len = 16;
}

static void sa_esp_no_auth(struct sa_config *c)
{
    c->auth = AUTH_NONE;
    c->auth_key.len = 0;
}

static void sa_esp_no_cipher(struct sa_config *c)
{
    c->cipher = CIPHER_NONE;
    c->enc_key.len = 0;
}

static void sa_ah(struct sa_config *c)
{
    c->proto = SA_AH;
    c->cipher = CIPHER_NONE;
    c->enc_key.len = 0;
}

static void sa_ah_short_key(struct sa_config *c)
{
    sa_ah(c);
    c->auth_key.len = 3;
}

static void sa_ah_no_auth(struct sa_config *c)
{
    sa_ah(c);
    sa_esp_no_auth(c);
}

static void sa_ah_cipher(struct sa_config *c)
{
    c->proto = SA_AH;
}

static void sa_long_enc_key(struct sa_config *c)
{
    c->enc_key.len = 17;
}

static void sa_huge_enc_key(struct sa_config *c)
{
    c->enc_key.len = 128;
}

static void sa_spi_zero(struct sa_config *c)
{
    c->spi = 0;
}

static void sa_spi_255(struct sa_config *c)
{
    c->spi = 255;
}

static void sa_spi_256(struct sa_config *c)
{
    c->spi = 256;
}

static void sa_spi_last(struct sa_config *c)
{
    c->spi = 0xffffffff;
}

static void sa_mixed_families(struct sa_config *c)
{
    c->dst.family = IP_V6;
}

static void sa_no_address(struct sa_config *c)
{
    c->src = ip_addr_v4(0, 0, 0, 0);
}

static const struct {
    const char *label;
    void (*change)(struct sa_config *c);
    enum ipsec_sa_result want;
} additions[] = {
    { "ESP without cipher and authentication is refused", sa_esp_null_null, SA_BAD_ALGORITHM },
    { "ESP null with md5", sa_esp_null_md5, SA_ADDED },
    { "ESP without authentication", sa_esp_no_auth, SA_ADDED },
    { "ESP without even the null cipher is refused", sa_esp_no_cipher, SA_BAD_ALGORITHM },
    { "AH", sa_ah, SA_ADDED },
    { "AH with the 3-byte key of the reference", sa_ah_short_key, SA_ADDED },
    { "AH without authentication is refused", sa_ah_no_auth, SA_BAD_ALGORITHM },
    { "AH with a cipher is refused", sa_ah_cipher, SA_BAD_ALGORITHM },
    { "an encryption key of a wrong length", sa_long_enc_key, SA_BAD_KEY },
    { "an encryption key longer than any", sa_huge_enc_key, SA_BAD_KEY },
    { "SPI 0", sa_spi_zero, SA_BAD_SPI },
    { "SPI 255 is reserved", sa_spi_255, SA_BAD_SPI },
    { "SPI 0x100 is the first manual one", sa_spi_256, SA_ADDED },
    { "the last SPI", sa_spi_last, SA_ADDED },
    { "end points of two families", sa_mixed_families, SA_BAD_ADDRESS },
    { "no source address", sa_no_address, SA_BAD_ADDRESS },
};

static void additions_follow_the_table(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;

    for (unsigned i = 0; i < sizeof(additions) / sizeof(*additions); i++) {
        struct sa_config c = sa_example(0x1000 + i);
        struct sa *sa = NULL;
        additions[i].change(&c);
        enum ipsec_sa_result got = ipsec_sa_add(e, &c, 0, 0, &sa);
        if (got != additions[i].want || (got == SA_ADDED) != (sa != NULL))
            fail_msg("%s: %d", additions[i].label, got);
    }
}

static void an_sa_tells_what_it_was_given(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct sa_config c = sa_example(0x100), got;

    c.life = (struct sa_lifetime){ 1440, 1800, 5000, 6000 };
    c.reqid = 77;
    c.pfs = true;
    c.replay_window = 128;
    c.path_mtu = 1400;
    c.auth_key.len = 100;
    memset(c.auth_key.b, 0xa5, 100);
    struct sa *sa = sa_added(e, &c, 0);
    memset(&got, 0, sizeof(got));
    sa_config_get(sa, &got);
    assert_int_equal(got.proto, SA_ESP);
    assert_true(got.inbound && got.tunnel && got.pfs);
    assert_int_equal(got.spi, 0x100);
    assert_true(ip_addr_equal(&got.src, &c.src) && ip_addr_equal(&got.dst, &c.dst));
    assert_int_equal(got.cipher, CIPHER_AES_128);
    assert_int_equal(got.auth, AUTH_SHA1);
    assert_int_equal(got.enc_key.len, 16);
    assert_memory_equal(got.enc_key.b, c.enc_key.b, 16);
    assert_int_equal(got.auth_key.len, 100);
    assert_memory_equal(got.auth_key.b, c.auth_key.b, 100);
    assert_int_equal(got.reqid, 77);
    assert_int_equal(got.slot, 5);
    assert_int_equal(got.replay_window, 128);
    assert_memory_equal(&got.life, &c.life, sizeof(c.life));
    assert_int_equal(got.path_mtu, 1400);
    sa_set_path_mtu(sa, 1300);
    sa_config_get(sa, &got);
    assert_int_equal(got.path_mtu, 1300);
}

static void keys_print_for_every_cipher(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;

    for (enum cipher_alg cipher = CIPHER_NULL; cipher < CIPHER_COUNT; cipher++) {
        struct sa_config c = sa_example(0x2000 + cipher), got;
        c.cipher = cipher;
        c.enc_key.len = cipher_info[cipher].key_len;
        for (uint8_t i = 0; i < c.enc_key.len; i++)
            c.enc_key.b[i] = (uint8_t)(7 * i + 1);
        sa_config_get(sa_added(e, &c, 0), &got);
        assert_int_equal(got.enc_key.len, c.enc_key.len);
        assert_memory_equal(got.enc_key.b, c.enc_key.b, c.enc_key.len);
        assert_int_equal(got.auth_key.len, 20);
        assert_memory_equal(got.auth_key.b, c.auth_key.b, 20);
    }
}

/* ---- the table ---- */

static void the_key_is_both_addresses_protocol_and_spi(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct sa_config c = sa_example(0x100), other = c;
    struct sa *sa = sa_added(e, &c, 0), *again = NULL;

    assert_int_equal(ipsec_sa_add(e, &c, 0, 0, &again), SA_EXISTS);
    assert_null(again);
    /* two manual peers both on SPI 0x100 */
    other.src = ip_addr_v4(1, 0, 0, 9);
    struct sa *second = sa_added(e, &other, 0);
    other = c;
    sa_ah(&other);
    struct sa *ah = sa_added(e, &other, 0);
    other = c;
    other.src = c.dst;
    other.dst = c.src;
    other.inbound = false;
    struct sa *out = sa_added(e, &other, 0);

    assert_ptr_equal(ipsec_sa_find(e, SA_ESP, &c.src, &c.dst, 0x100), sa);
    assert_ptr_equal(ipsec_sa_find(e, SA_AH, &c.src, &c.dst, 0x100), ah);
    assert_ptr_equal(ipsec_sa_find(e, SA_ESP, &c.dst, &c.src, 0x100), out);
    struct ip_addr third = ip_addr_v4(1, 0, 0, 9);
    assert_ptr_equal(ipsec_sa_find(e, SA_ESP, &third, &c.dst, 0x100), second);
    assert_null(ipsec_sa_find(e, SA_ESP, &c.src, &c.dst, 0x101));
    ipsec_sa_remove(e, sa);
    assert_null(ipsec_sa_find(e, SA_ESP, &c.src, &c.dst, 0x100));
    assert_ptr_equal(ipsec_sa_find(e, SA_AH, &c.src, &c.dst, 0x100), ah);
    sa_added(e, &c, 0); /* its key is free again at once */
}

struct visit {
    uint32_t spis[16];
    unsigned n;
};

static void visit_spi(void *ctx, struct sa *sa)
{
    struct visit *v = ctx;
    struct sa_config c;

    sa_config_get(sa, &c);
    v->spis[v->n++] = c.spi;
}

static void sas_are_listed_in_the_order_added(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;
    static const uint32_t spis[] = { 0x900, 0x100, 0x500, 0x300 };
    static const uint32_t left[] = { 0x100, 0x500 };
    struct sa *sas[4];
    struct visit v = { .n = 0 };

    for (unsigned i = 0; i < 4; i++) {
        struct sa_config c = sa_example(spis[i]);
        sas[i] = sa_added(e, &c, 0);
    }
    ipsec_sa_each(e, visit_spi, &v);
    assert_int_equal(v.n, 4);
    assert_memory_equal(v.spis, spis, sizeof(spis));
    ipsec_sa_remove(e, sas[0]);
    ipsec_sa_remove(e, sas[3]);
    v.n = 0;
    ipsec_sa_each(e, visit_spi, &v);
    assert_int_equal(v.n, 2);
    assert_memory_equal(v.spis, left, sizeof(left));
}

static void many_sas_come_and_go(void **state)
{
    enum { N = 20000 };
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct sa_config c = sa_example(0);
    struct sa **sas = calloc(N, sizeof(struct sa *));

    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < N; i++) {
            c.spi = 0x100 + i;
            c.replay_window = i % 3 * 64;
            c.life.soft_s = i % 100;
            sas[i] = sa_added(e, &c, 0);
        }
        for (uint32_t i = 0; i < N; i++)
            assert_ptr_equal(ipsec_sa_find(e, SA_ESP, &c.src, &c.dst, 0x100 + i), sas[i]);
        for (uint32_t i = 0; i < N; i++)
            ipsec_sa_remove(e, sas[(i * 7919) % N]);
        assert_null(ipsec_sa_find(e, SA_ESP, &c.src, &c.dst, 0x100));
    }
    ipsec_tick(e, 1);
    assert_no_event(e);
    free(sas);
}

/* ---- lifetimes ---- */

static void time_limits_are_reported_once(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct sa_config c = sa_example(0x100);

    c.inbound = false;
    c.life = (struct sa_lifetime){ .soft_s = 10, .hard_s = 12 };
    struct sa *sa = sa_added(e, &c, 5000);
    ipsec_tick(e, 14999);
    assert_int_equal(sa_stats(sa).state, SA_MATURE);
    assert_no_event(e);
    ipsec_tick(e, 15000);
    assert_int_equal(sa_stats(sa).state, SA_DYING);
    assert_event(e, EV_SOFT, 0x100);
    ipsec_tick(e, 16999);
    assert_no_event(e);
    assert_true(sa_account(e, sa, 0, 100, 1, ADD_TIME_S + 3));
    assert_false(ipsec_tick(e, 17000));
    assert_int_equal(sa_stats(sa).state, SA_DEAD);
    assert_event(e, EV_HARD, 0x100);
    assert_false(sa_account(e, sa, 0, 100, 1, ADD_TIME_S + 3));
    ipsec_tick(e, 99000);
    assert_no_event(e);
    assert_int_equal(sa_stats(sa).packets, 1);
}

static void the_first_packet_by_a_receiving_sa_is_reported_once(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct sa_config in = sa_example(0x100), out = sa_example(0x101);

    in.inbound = true;
    out.inbound = false;
    struct sa *receiving = sa_added(e, &in, 0), *sending = sa_added(e, &out, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(sa_account(e, sending, 0, 100, 1, ADD_TIME_S));
        assert_no_event(e);
    }
    assert_true(sa_account(e, receiving, 0, 100, 1, ADD_TIME_S));
    assert_event(e, EV_FIRST, 0x100);
    assert_true(sa_account(e, receiving, 0, 100, 1, ADD_TIME_S + 1));
    assert_no_event(e);
}

static void a_late_tick_goes_straight_to_the_end(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct sa_config c = sa_example(0x100), only_soft = sa_example(0x101);
    struct sa_config only_hard = sa_example(0x102), forever = sa_example(0x103);

    c.life = (struct sa_lifetime){ .soft_s = 10, .hard_s = 12 };
    only_soft.life.soft_s = 20;
    only_hard.life.hard_s = 30;
    struct sa *sa = sa_added(e, &c, 0), *soft = sa_added(e, &only_soft, 0);
    struct sa *hard = sa_added(e, &only_hard, 0), *none = sa_added(e, &forever, 0);
    ipsec_tick(e, UINT64_MAX);
    assert_int_equal(sa_stats(sa).state, SA_DEAD);
    assert_int_equal(sa_stats(soft).state, SA_DYING);
    assert_int_equal(sa_stats(hard).state, SA_DEAD);
    assert_int_equal(sa_stats(none).state, SA_MATURE);
    assert_event(e, EV_HARD, 0x100);
    assert_event(e, EV_SOFT, 0x101);
    assert_event(e, EV_HARD, 0x102);
    assert_no_event(e);
}

static void thousands_expire_in_one_second(void **state)
{
    enum { N = 20000 };
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct sa_config c = sa_example(0);
    uint8_t *seen = calloc(N, 1);
    struct ipsec_event ev;
    unsigned n = 0, ticks = 0;
    bool more;

    c.life.hard_s = 60;
    for (uint32_t i = 0; i < N; i++) {
        c.spi = 0x100 + i;
        sa_added(e, &c, 1000 + i % 1000);
    }
    do {
        /* the queue is drained late, so that reports find it full */
        more = ipsec_tick(e, 62000);
        for (ticks++; ipsec_event_take(e, &ev); n++) {
            assert_int_equal(ev.type, EV_HARD);
            assert_int_equal(seen[ev.spi - 0x100]++, 0);
        }
    } while (more && ticks < 100);
    assert_int_equal(n, N);
    assert_false(more);
    free(seen);
}

static void byte_limits_are_reported_once(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct sa_config c = sa_example(0x100);

    c.inbound = false;
    c.life = (struct sa_lifetime){ .soft_bytes = 3000, .hard_bytes = 5000 };
    struct sa *sa = sa_added(e, &c, 0);
    for (unsigned i = 0; i < 29; i++)
        assert_true(sa_account(e, sa, i % N_WORKERS, 100, 1, ADD_TIME_S + 7 + i));
    assert_no_event(e);
    assert_int_equal(sa_stats(sa).state, SA_MATURE);
    assert_true(sa_account(e, sa, 0, 100, 1, ADD_TIME_S + 99));
    assert_event(e, EV_SOFT, 0x100);
    assert_int_equal(sa_stats(sa).state, SA_DYING);
    for (unsigned i = 30; i < 49; i++)
        assert_true(sa_account(e, sa, i % N_WORKERS, 100, 1, ADD_TIME_S));
    assert_no_event(e);
    /* the batch that reaches it still passes */
    assert_true(sa_account(e, sa, 1, 6400, 64, ADD_TIME_S));
    assert_event(e, EV_HARD, 0x100);
    for (unsigned i = 0; i < N_WORKERS; i++)
        assert_false(sa_account(e, sa, i, 100, 1, ADD_TIME_S));
    assert_no_event(e);
    struct sa_stats s = sa_stats(sa);
    assert_int_equal(s.bytes, 4900 + 6400);
    assert_int_equal(s.packets, 49 + 64);
    assert_int_equal(s.state, SA_DEAD);
    assert_int_equal(s.add_time_s, ADD_TIME_S);
    assert_int_equal(s.use_time_s, ADD_TIME_S + 7);
}

static void byte_counts_go_beyond_32_bits(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct sa_config c = sa_example(0x100);

    c.life.hard_bytes = 20000000000u;
    struct sa *sa = sa_added(e, &c, 0);
    for (unsigned i = 0; i < 9; i++)
        assert_true(sa_account(e, sa, i % N_WORKERS, 2000000000, 1000, ADD_TIME_S));
    assert_int_equal(sa_stats(sa).bytes, 18000000000u);
    assert_true(sa_account(e, sa, 0, 2000000000, 1000, ADD_TIME_S));
    assert_false(sa_account(e, sa, 0, 1, 1, ADD_TIME_S));
}

/* One worker stays idle with a large share until the others have nearly used the rest up. */
static void no_order_of_workers_overshoots(void **state)
{
    enum { BATCH = 64 * 1420, LIMIT = 200000000 };
    struct ipsec *e = ((struct fixture *)*state)->e;
    uint64_t dice = 88172645463325252u;

    for (unsigned round = 0; round < 20; round++) {
        struct sa_config c = sa_example(0x100 + round);
        c.inbound = false;
        c.life = (struct sa_lifetime){ .soft_bytes = LIMIT / 5 * 4, .hard_bytes = LIMIT };
        struct sa *sa = sa_added(e, &c, 0);
        unsigned w = 0;
        bool alive = true;
        while (alive) {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            if (dice % (round * round + 1) == 0)
                w = (unsigned)(dice >> 32) % N_WORKERS;
            alive = sa_account(e, sa, w, BATCH, 64, ADD_TIME_S);
        }
        uint64_t bytes = sa_stats(sa).bytes;
        assert_true(bytes >= LIMIT);
        assert_true(bytes <= LIMIT + 2 * BATCH);
        assert_event(e, EV_SOFT, c.spi);
        assert_event(e, EV_HARD, c.spi);
        assert_no_event(e);
    }
}

static void a_full_queue_delays_reports_only(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct ipsec_event acquire = { .type = EV_ACQUIRE, .slot = 9 }, ev;
    struct sa_config c = sa_example(0x100);
    unsigned n = 0;

    c.life = (struct sa_lifetime){ .soft_bytes = 1000, .hard_bytes = 2000 };
    struct sa *sa = sa_added(e, &c, 0);
    while (event_put(e, &acquire))
        n++;
    assert_int_equal(n, EVENT_QUEUE);
    assert_true(sa_account(e, sa, 0, 1000, 1, ADD_TIME_S)); /* soft, not reported */
    assert_int_equal(sa_stats(sa).state, SA_DYING);
    assert_true(ipsec_tick(e, 1));
    assert_true(ipsec_event_take(e, &ev));
    assert_int_equal(ev.type, EV_ACQUIRE);
    assert_false(ipsec_tick(e, 2));
    while (--n)
        assert_true(ipsec_event_take(e, &ev) && ev.type == EV_ACQUIRE && ev.slot == 9);
    assert_event(e, EV_SOFT, 0x100);

    while (event_put(e, &acquire))
        n++;
    assert_true(sa_account(e, sa, 1, 1000, 1, ADD_TIME_S)); /* hard, not reported */
    assert_false(sa_account(e, sa, 1, 1, 1, ADD_TIME_S));
    while (n--)
        assert_true(ipsec_event_take(e, &ev));
    ipsec_tick(e, 3);
    assert_event(e, EV_HARD, 0x100);
    ipsec_tick(e, 4);
    assert_no_event(e);
}

/* ---- slots ---- */

static void removing_an_sa_clears_every_slot(void **state)
{
    static const uint32_t slots[] = { 0, 255, 256, 131071 };
    struct ipsec *e = ((struct fixture *)*state)->e;
    struct sa_config esp = sa_example(0x100), ah = sa_example(0x200), esp2 = sa_example(0x300);

    sa_ah(&ah);
    struct sa *a = sa_added(e, &esp, 0), *b = sa_added(e, &ah, 0), *c = sa_added(e, &esp2, 0);
    assert_null(slot_sa(e, 7, SA_ESP));
    for (unsigned i = 0; i < 4; i++)
        ipsec_slot_set(e, slots[i], a, b);
    ipsec_slot_set(e, 255, c, b);
    ipsec_slot_set(e, 256, a, NULL);
    assert_ptr_equal(slot_sa(e, 255, SA_ESP), c);
    assert_ptr_equal(slot_sa(e, 255, SA_AH), b);
    assert_ptr_equal(slot_sa(e, 256, SA_ESP), a);
    assert_null(slot_sa(e, 256, SA_AH));
    ipsec_sa_remove(e, a);
    for (unsigned i = 0; i < 4; i++)
        assert_ptr_equal(slot_sa(e, slots[i], SA_ESP), slots[i] == 255 ? c : NULL);
    assert_ptr_equal(slot_sa(e, 131071, SA_AH), b);
    ipsec_sa_remove(e, b);
    for (unsigned i = 0; i < 4; i++)
        assert_null(slot_sa(e, slots[i], SA_AH));
    ipsec_slot_set(e, 255, NULL, NULL);
    assert_null(slot_sa(e, 255, SA_ESP));
    ipsec_sa_remove(e, c);
}

static struct spd *spd_of_slot(uint32_t slot)
{
    struct ip_prefix any = { .addr = { .family = IP_V4 } };
    struct policy p = { .sel = { .src = any, .dst = any }, .slot = slot, .action = SPD_ENCRYPT };
    struct spd *spd;

    assert_int_equal(spd_compile(&p, 1, &spd), SPD_OK);
    return spd;
}

static void slot_counters_sum_over_workers(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;

    counter_add(&slot_counters(e, 2, 300)->out_dropped, 5); /* no such policy yet: the bin */
    ipsec_spd_set(e, spd_of_slot(300));
    assert_int_equal(ipsec_slot_stats(e, 300).out_dropped, 0);
    for (unsigned w = 0; w < N_WORKERS; w++) {
        struct slot_counters *c = slot_counters(e, w, 300);
        counter_add(&c->out_dropped, 1);
        counter_add(&c->out_transformed, 10 + w);
        counter_add(&c->in_transformed, 20 + w);
        counter_add(&c->not_encrypted, 30 + w);
        counter_add(&c->not_decrypted, 40 + w);
    }
    struct ipsec_slot_stats s = ipsec_slot_stats(e, 300);
    assert_int_equal(s.out_dropped, 3);
    assert_int_equal(s.out_transformed, 33);
    assert_int_equal(s.in_transformed, 63);
    assert_int_equal(s.not_encrypted, 93);
    assert_int_equal(s.not_decrypted, 123);
    assert_int_equal(ipsec_slot_stats(e, 301).out_transformed, 0);
    ipsec_slot_reset(e, 300);
    assert_int_equal(ipsec_slot_stats(e, 300).out_transformed, 0);
    counter_add(&slot_counters(e, 1, 300)->out_transformed, 2);
    assert_int_equal(ipsec_slot_stats(e, 300).out_transformed, 2);
    assert_int_equal(ipsec_slot_stats(e, 0xffffffff).out_transformed, 0);
    assert_non_null(slot_counters(e, 1, 0xffffffff));
}

static void an_spd_is_there_from_the_start(void **state)
{
    struct ipsec *e = ((struct fixture *)*state)->e;
    uint64_t drops[DROP_COUNT];

    assert_int_equal(spd_count(ipsec_spd(e)), 0);
    struct spd *spd = spd_of_slot(1);
    ipsec_spd_set(e, spd);
    assert_ptr_equal(ipsec_spd(e), spd);
    ipsec_drops(e, drops);
    for (unsigned i = 0; i < DROP_COUNT; i++)
        assert_int_equal(drops[i], 0);
}

#define ENGINE_TEST(f) cmocka_unit_test_setup_teardown(f, engine_setup, engine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(additions_follow_the_table),
        ENGINE_TEST(an_sa_tells_what_it_was_given),
        ENGINE_TEST(keys_print_for_every_cipher),
        ENGINE_TEST(the_key_is_both_addresses_protocol_and_spi),
        ENGINE_TEST(sas_are_listed_in_the_order_added),
        ENGINE_TEST(many_sas_come_and_go),
        ENGINE_TEST(time_limits_are_reported_once),
        ENGINE_TEST(the_first_packet_by_a_receiving_sa_is_reported_once),
        ENGINE_TEST(a_late_tick_goes_straight_to_the_end),
        ENGINE_TEST(thousands_expire_in_one_second),
        ENGINE_TEST(byte_limits_are_reported_once),
        ENGINE_TEST(byte_counts_go_beyond_32_bits),
        ENGINE_TEST(no_order_of_workers_overshoots),
        ENGINE_TEST(a_full_queue_delays_reports_only),
        ENGINE_TEST(removing_an_sa_clears_every_slot),
        ENGINE_TEST(slot_counters_sum_over_workers),
        ENGINE_TEST(an_spd_is_there_from_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
