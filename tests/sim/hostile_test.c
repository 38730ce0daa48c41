/* Strangers and bad input: whatever they send, SAs that are up stay, negotiations of others come
 * to their end, and what can grow has a limit. Rows of the threat table by their number. */
#include "cursor.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum { CAPTURE_MAX = 64, MESSAGE_MAX = 2048 };

struct capture {
    struct sim_message m[CAPTURE_MAX];
    uint8_t bytes[CAPTURE_MAX][MESSAGE_MAX];
    unsigned n;
    bool busy; /* injecting, not capturing */
};

static struct capture capture;

static void keep(const struct sim_message *m)
{
    if (capture.n == CAPTURE_MAX || m->len > MESSAGE_MAX)
        return;
    capture.m[capture.n] = *m;
    capture.m[capture.n].bytes = capture.bytes[capture.n];
    memcpy(capture.bytes[capture.n], m->bytes, m->len);
    capture.n++;
}

static void inject(struct world *w, unsigned to, const struct ike_path *path, const uint8_t *bytes,
                   size_t len)
{
    ike_on_datagram(w->side[to].ike, w->now_ms, path, bytes, len);
}

static uint64_t drops(const struct world *w, unsigned side)
{
    uint64_t d[IKE_DROP_COUNT], sum = 0;

    ike_drops(w->side[side].ike, d);
    for (unsigned i = 0; i < IKE_DROP_COUNT; i++)
        sum += d[i];
    return sum;
}

static void assert_one_tunnel(struct world *w, const char *label)
{
    for (unsigned i = 0; i < 2; i++) {
        if (!world_joined(w, i, 7) || world_sas(&w->side[i]) != 1 ||
            world_phase1s(&w->side[i]) != 1)
            fail_msg("%s: side %u: joined %d, %u SAs, %u phase 1; %s", label, i,
                     world_joined(w, i, 7), world_sas(&w->side[i]), world_phase1s(&w->side[i]),
                     w->side[i].last_error);
    }
}

static struct world *captured(uint64_t seed, bool (*tap)(struct world *w, struct sim_message *m))
{
    struct world *w = world_new(seed);

    memset(&capture, 0, sizeof capture);
    w->tap = tap;
    for (unsigned i = 0; i < 2; i++) {
        w->side[i].proposal.pfs_group = DH_MODP768;
        world_configure(w, i);
    }
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    return w;
}

static bool tap_keep(struct world *w, struct sim_message *m)
{
    (void)w;
    keep(m);
    return true;
}

/* S1, S2, S3: every message so far, again, at every state, ten times, to both sides */
static bool tap_replay(struct world *w, struct sim_message *m)
{
    keep(m);
    for (unsigned i = 0; i + 1 < capture.n; i++) {
        const struct sim_message *old = &capture.m[i];
        struct ike_path elsewhere = old->path;

        elsewhere.remote = ip_addr_v4(198, 51, 100, 7);
        for (unsigned k = 0; k < 10; k++) {
            inject(w, old->to, &old->path, old->bytes, old->len);
            inject(w, 1 - old->to, &old->path, old->bytes, old->len);
            inject(w, old->to, &elsewhere, old->bytes, old->len);
        }
    }
    return true;
}

static void replays_at_every_state_change_nothing(void **state)
{
    struct world *w = captured(1, tap_replay);

    (void)state;
    w->tap = NULL;
    world_run(w, 100000);
    assert_one_tunnel(w, "replays");
    assert_int_equal(w->side[0].n_installed_in, 1);
    assert_int_equal(w->side[1].n_installed_in, 1);
    world_free(w);
}

/* S4: what a side sends comes back to it */
static bool tap_reflect(struct world *w, struct sim_message *m)
{
    inject(w, 1 - m->to,
           &(struct ike_path){ m->path.remote, m->path.local, m->path.remote_port,
                               m->path.local_port },
           m->bytes, m->len);
    return true;
}

static void reflections_change_nothing(void **state)
{
    struct world *w = captured(2, tap_reflect);

    (void)state;
    w->tap = NULL;
    world_run(w, 100000);
    assert_one_tunnel(w, "reflections");
    world_free(w);
}

/* W34: every bit of every encrypted message flipped, before the right one arrives */
static bool tap_flip(struct world *w, struct sim_message *m)
{
    if (!(m->bytes[19] & 1))
        return true;
    for (size_t bit = 0; bit < 8 * m->len; bit++) {
        m->bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        /* version's low nibble, and flags nobody reads, are no damage */
        if (bit / 8 != 17 && bit / 8 != 19)
            inject(w, m->to, &m->path, m->bytes, m->len);
        m->bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    return true;
}

static void damaged_encrypted_messages_change_nothing(void **state)
{
    struct world *w = captured(3, tap_flip);

    (void)state;
    w->tap = NULL;
    world_run(w, 1000);
    assert_one_tunnel(w, "flipped bits");
    assert_true(drops(w, 0) + drops(w, 1) > 4000);
    world_free(w);
}

/* W1, W2: every length of every message */
static bool tap_cut(struct world *w, struct sim_message *m)
{
    for (size_t len = 0; len < m->len; len++)
        inject(w, m->to, &m->path, m->bytes, len);
    return true;
}

static void cut_messages_change_nothing(void **state)
{
    struct world *w = captured(4, tap_cut);

    (void)state;
    w->tap = NULL;
    world_run(w, 1000);
    assert_one_tunnel(w, "cut");
    world_free(w);
}

/* S18, S19: notifies and deletes nothing protects */
static void unprotected_informationals_change_nothing(void **state)
{
    static const uint8_t bodies[][40] = {
        /* DELETE of the ISAKMP SA goes without cookies: they are put in */
        { 0, 0, 0, 28, 0, 0, 0, 1, 1, 16, 0, 1 },
        /* INITIAL-CONTACT, NO-PROPOSAL-CHOSEN, R-U-THERE */
        { 0, 0, 0, 12, 0, 0, 0, 1, 1, 0, 0x60, 0x02 },
        { 0, 0, 0, 12, 0, 0, 0, 1, 1, 0, 0, 14 },
        { 0, 0, 0, 12, 0, 0, 0, 1, 1, 0, 0x8d, 0x28 },
    };
    struct world *w = captured(5, tap_keep);
    uint64_t before = drops(w, SIM_B);

    (void)state;
    w->tap = NULL;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
            size_t body = bodies[i][3], len = 28 + (body + 7) / 8 * 8;
            uint8_t m[128] = { 0 };

            memcpy(m, capture.bytes[5], 16);
            m[16] = i == 0 ? 12 : 11;
            m[17] = 0x10;
            m[18] = 5;
            m[19] = (uint8_t)encrypted;
            be32_put(m + 20, 0x1234 + (uint32_t)(2 * i) + encrypted);
            if (!encrypted)
                len = 28 + body;
            be32_put(m + 24, (uint32_t)len);
            memcpy(m + 28, bodies[i], body < 40 ? body : 40);
            if (i == 0)
                memcpy(m + 28 + 12, m, 16);
            inject(w, SIM_B, &capture.m[0].path, m, len);
            world_take_actions(w, SIM_B);
        }
    }
    assert_int_equal(drops(w, SIM_B) - before, 8);
    assert_one_tunnel(w, "unprotected informational");
    world_free(w);
}

/* S3: a whole capture later, and to an engine that never saw it */
static void replayed_captures_leave_at_most_larval_sas(void **state)
{
    struct world *w = captured(6, tap_keep);

    (void)state;
    w->tap = NULL;
    world_run(w, 3600000);
    for (unsigned i = 0; i < capture.n; i++)
        inject(w, capture.m[i].to, &capture.m[i].path, capture.bytes[i], capture.m[i].len);
    world_run(w, 1000);
    assert_int_equal(world_phase1s(&w->side[0]), 1);
    for (unsigned i = 0; i < 2; i++) {
        world_forget_side(w, i);
        for (unsigned k = 0; k < capture.n; k++)
            inject(w, capture.m[k].to, &capture.m[k].path, capture.bytes[k], capture.m[k].len);
    }
    world_run(w, 40000);
    assert_true(world_until_traffic(w, 200000));
    world_free(w);
}

static void first_message(struct world *w, uint8_t *m, size_t len, uint32_t n, unsigned host)
{
    struct ike_path path = { w->side[SIM_B].addr,
                             ip_addr_v4(203, 0, (uint8_t)(host >> 8), (uint8_t)host), 500, 500 };

    be32_put(m, n + 1);
    inject(w, SIM_B, &path, m, len);
}

static void count_all(void *ctx, const struct ike_remote_peer *p)
{
    (void)p;
    ++*(unsigned *)ctx;
}

static unsigned all_phase1s(const struct side *s)
{
    unsigned n = 0;

    ike_remote_peers(s->ike, count_all, &n);
    return n;
}

/* D1, D2, D3 */
static void floods_of_first_messages_are_bounded(void **state)
{
    struct world *w = captured(7, tap_keep);
    size_t len = capture.m[0].len, bytes_in = 0;
    unsigned sent, i;
    uint8_t m[256];

    (void)state;
    w->tap = NULL;
    w->side[SIM_B].peer.address = sim_prefix("0.0.0.0/0");
    world_configure(w, SIM_B);
    world_run(w, 10000);
    memcpy(m, capture.bytes[0], len);
    w->side[SIM_B].bytes_sent = 0;
    for (i = 0; i < 20000; i++, bytes_in += len)
        first_message(w, m, len, i, i);
    for (i = 0; i < 1000; i++, bytes_in += len) /* one source, many cookies */
        first_message(w, m, len, 0x10000 + i, 0xffff);
    world_take_actions(w, SIM_B);
    assert_true(all_phase1s(&w->side[SIM_B]) <= IKE_HALF_OPEN_MAX + 2);
    assert_true(2 * w->side[SIM_B].bytes_sent <= 3 * bytes_in);
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    sent = w->side[SIM_B].n_sent;
    world_run(w, 29000);
    assert_true(w->side[SIM_B].n_sent <= sent + 8); /* nothing repeated by a timer */
    world_run(w, 2000);
    assert_true(all_phase1s(&w->side[SIM_B]) <= 2);
    assert_one_tunnel(w, "after the flood");
    world_free(w);
}

static void one_source_gets_few_half_open_sas(void **state)
{
    struct world *w = captured(8, tap_keep);
    size_t len = capture.m[0].len;
    unsigned before;
    uint8_t m[256];

    (void)state;
    w->tap = NULL;
    w->side[SIM_B].peer.address = sim_prefix("0.0.0.0/0");
    world_configure(w, SIM_B);
    world_run(w, 10000);
    before = all_phase1s(&w->side[SIM_B]);
    memcpy(m, capture.bytes[0], len);
    for (unsigned i = 0; i < 100; i++)
        first_message(w, m, len, i, 9);
    assert_int_equal(all_phase1s(&w->side[SIM_B]) - before, IKE_HALF_OPEN_PER_SOURCE);
    world_free(w);
}

/* D2: the answer to a stranger's first message, repeated, is repeated three times */
static void first_reply_is_repeated_three_times_at_most(void **state)
{
    struct world *w = captured(9, tap_keep);
    size_t len = capture.m[0].len;
    unsigned sent;
    uint8_t m[256];

    (void)state;
    w->tap = NULL;
    memcpy(m, capture.bytes[0], len);
    w->side[SIM_B].peer.address = sim_prefix("0.0.0.0/0");
    world_configure(w, SIM_B);
    world_run(w, 10000);
    sent = w->side[SIM_B].n_sent;
    for (unsigned i = 0; i < 100; i++)
        first_message(w, m, len, 1, 9);
    world_take_actions(w, SIM_B);
    assert_int_equal(w->side[SIM_B].n_sent - sent, 1 + 3);
    world_free(w);
}

/* S12 and a peer with many networks: each gets its SAs, a few at a time */
static void many_policies_of_one_peer_all_come_up(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &w->side[i];

        for (unsigned k = 1; k < SIM_POLICIES_MAX; k++) {
            s->policies[k] = s->policies[0];
            s->policies[k].id = 7 + k;
            s->policies[k].slot = s->policies[k].reqid = 1 + k;
            s->policies[k].local_sel.prefix.addr.b[2] = (uint8_t)k;
            s->policies[k].remote_sel.prefix.addr.b[2] = (uint8_t)k;
        }
        s->n_policies = SIM_POLICIES_MAX;
        world_configure(w, i);
    }
    for (unsigned k = 0; k < SIM_POLICIES_MAX; k++)
        world_packet(w, SIM_A, k);
    world_run(w, 3000);
    for (unsigned k = 0; k < SIM_POLICIES_MAX; k++)
        assert_true(world_joined(w, SIM_A, 7 + k) && world_joined(w, SIM_B, 7 + k));
    assert_int_equal(world_sas(&w->side[0]), SIM_POLICIES_MAX);
    assert_int_equal(world_phase1s(&w->side[0]), 1);
    world_free(w);
}

/* S32 */
static void spis_in_use_and_reserved_ones_are_drawn_again(void **state)
{
    static const uint32_t bad[] = { 1, 255 };
    struct world *w = captured(11, tap_keep);
    uint32_t live = world_sa_out(&w->side[0], 7)->child.sas[0].spi_in;

    (void)state;
    w->tap = NULL;
    for (unsigned i = 0; i < 3; i++) {
        ike_on_sa_event(w->side[0].ike, w->now_ms, world_sa_out(&w->side[0], 7)->id, IKE_SA_SOFT);
        world_take_actions(w, 0);
        w->side[0].force_spi = i < 2 ? bad[i] : live;
        world_run(w, 10000);
        assert_true(world_joined(w, SIM_A, 7));
        assert_true(world_sa_out(&w->side[0], 7)->child.sas[0].spi_in > 255);
    }
    world_free(w);
}

/* D10, S27: traffic that never stops asking, against a peer that never agrees */
static void refusals_are_met_with_patience(void **state)
{
    struct world *w = world_new(12);
    unsigned sent;

    (void)state;
    w->side[SIM_B].n_policies = 0;
    world_configure(w, SIM_B);
    for (unsigned i = 0; i < 3600; i++) {
        world_packet(w, SIM_A, 0);
        world_run(w, 1000);
    }
    sent = w->side[SIM_A].n_sent;
    if (sent < 60 || sent > 300)
        fail_msg("%u messages in an hour", sent);
    world_free(w);
}

/* S27: as strongSwan does when it cannot install what it agreed to */
static void pairs_deleted_at_once_are_met_with_patience(void **state)
{
    struct world *w = world_new(14);
    struct side *a = &w->side[SIM_A], *b = &w->side[SIM_B];

    (void)state;
    for (unsigned i = 0; i < 6000; i++) { /* ten minutes */
        world_packet(w, SIM_A, 0);
        world_run(w, 100);
        if (world_sa_out(b, 7))
            ike_on_sa_event(b->ike, w->now_ms, world_sa_out(b, 7)->id, IKE_SA_FLUSHED);
        world_take_actions(w, SIM_B);
    }
    if (a->n_installed_out < 5 || a->n_installed_out > 20)
        fail_msg("%u pairs in ten minutes", a->n_installed_out);
    assert_non_null(strstr(a->last_error, "peer deleted the IPsec-SA right after agreeing to it"));
    /* a pair that lives ends the patience */
    assert_true(world_until_traffic(w, 70000));
    world_run(w, 60000);
    ike_on_sa_event(b->ike, w->now_ms, world_sa_out(b, 7)->id, IKE_SA_FLUSHED);
    world_take_actions(w, SIM_B);
    assert_true(world_until_traffic(w, 15000));
    world_free(w);
}

/* whatever mutation of whatever message, at whatever time */
static void random_damage_never_harms_what_is_up(void **state)
{
    struct world *w = captured(13, tap_keep);

    (void)state;
    w->tap = NULL;
    for (unsigned i = 0; i < 20000; i++) {
        const struct sim_message *old = &capture.m[world_random(w) % capture.n];
        uint8_t m[MESSAGE_MAX + 64];
        size_t len = old->len;

        memcpy(m, old->bytes, len);
        for (uint64_t n = 1 + world_random(w) % 4; n > 0; n--)
            m[world_random(w) % len] = (uint8_t)world_random(w);
        if (world_random(w) % 4 == 0)
            len = world_random(w) % len;
        if (len >= 28 && world_random(w) % 2)
            be32_put(m + 24, (uint32_t)len);
        inject(w, old->to, &old->path, m, len);
        world_take_actions(w, old->to);
        if (i % 1000 == 0)
            world_run(w, 1000);
    }
    assert_true(world_joined(w, SIM_A, 7) && world_joined(w, SIM_B, 7));
    world_run(w, 60000);
    assert_one_tunnel(w, "damage");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replays_at_every_state_change_nothing),
        cmocka_unit_test(reflections_change_nothing),
        cmocka_unit_test(damaged_encrypted_messages_change_nothing),
        cmocka_unit_test(cut_messages_change_nothing),
        cmocka_unit_test(unprotected_informationals_change_nothing),
        cmocka_unit_test(replayed_captures_leave_at_most_larval_sas),
        cmocka_unit_test(floods_of_first_messages_are_bounded),
        cmocka_unit_test(one_source_gets_few_half_open_sas),
        cmocka_unit_test(first_reply_is_repeated_three_times_at_most),
        cmocka_unit_test(many_policies_of_one_peer_all_come_up),
        cmocka_unit_test(spis_in_use_and_reserved_ones_are_drawn_again),
        cmocka_unit_test(refusals_are_met_with_patience),
        cmocka_unit_test(pairs_deleted_at_once_are_met_with_patience),
        cmocka_unit_test(random_damage_never_harms_what_is_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
