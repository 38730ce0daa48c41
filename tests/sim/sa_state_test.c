/* What `installed-sa` and `ph2-state` show over the life of a tunnel: larval, mature, dying, dead;
 * no-phase2, established, expired. By time and by bytes, for both halves on both sides. */
#include "datapath.h"
#include "unit.h"
#include "world.h"

enum { MINUTE_MS = 60000 };

static struct seen { /* numbers of SAs by their state, and since the start */
    unsigned now[SA_DEAD + 1];
    bool ever[2][SA_DEAD + 1];
} seen;

static void see(void *ctx, struct sa *sa)
{
    unsigned side = *(unsigned *)ctx;
    enum sa_state state = sa_stats(sa).state;

    seen.now[state]++;
    seen.ever[side][state] = true;
}

static void see_larval(void *ctx, const struct ike_larval_sa *sa)
{
    (void)sa;
    seen.now[SA_LARVAL]++;
    seen.ever[*(unsigned *)ctx][SA_LARVAL] = true;
}

static void look(struct world *w, unsigned side)
{
    memset(seen.now, 0, sizeof seen.now);
    datapath_each(&w->side[side], see, &side);
    ike_larval_sas(w->side[side].ike, see_larval, &side);
}

/* Of both sides: N SAs in STATE and no others. */
static void assert_all(struct world *w, enum sa_state state, unsigned n)
{
    for (unsigned i = 0; i < 2; i++) {
        look(w, i);
        for (unsigned k = SA_LARVAL; k <= SA_DEAD; k++)
            assert_int_equal(seen.now[k], k == state ? n : 0);
    }
}

static void assert_ph2(const struct world *w, enum ph2_state state)
{
    assert_int_equal(datapath_ph2_state(&w->side[SIM_A], 0), state);
    assert_int_equal(datapath_ph2_state(&w->side[SIM_B], 0), state);
}

/* AH and ESP: four SAs a side. */
static struct world *bundle(uint64_t seed)
{
    struct world *w = world_new(seed);

    memset(&seen, 0, sizeof seen);
    w->watch = look;
    for (unsigned i = 0; i < 2; i++) {
        w->side[i].policies[0].protocols = IKE_PROTO_ESP | IKE_PROTO_AH;
        w->side[i].peer.dpd_interval_s = 0; /* or the peer is dead before the SAs are */
        w->side[i].proposal.pfs_group = DH_MODP768;
    }
    w->job_ms = 100;
    world_configure_both(w);
    return w;
}

static void states_by_time(void **state)
{
    struct world *w = bundle(1);
    uint64_t start_ms;

    (void)state;
    assert_all(w, SA_LARVAL, 0);
    assert_ph2(w, PH2_NONE);
    world_packet(w, SIM_A, 0);
    while (!seen.ever[SIM_A][SA_LARVAL] || !seen.ever[SIM_B][SA_LARVAL]) {
        assert_true(w->now_ms < 1010000);
        world_run(w, 1);
        look(w, SIM_A);
        look(w, SIM_B);
        assert_ph2(w, PH2_NONE);
    }
    world_run(w, 1000);
    assert_all(w, SA_MATURE, 4);
    assert_ph2(w, PH2_ESTABLISHED);

    w->bad.loss = 100; /* nobody can renew */
    start_ms = w->now_ms;
    world_run(w, 23 * MINUTE_MS);
    assert_all(w, SA_MATURE, 4);
    world_run(w, 1 * MINUTE_MS);
    assert_all(w, SA_DYING, 4);
    assert_ph2(w, PH2_ESTABLISHED);
    assert_false(seen.ever[SIM_A][SA_DEAD] || seen.ever[SIM_B][SA_DEAD]);
    world_run(w, start_ms + 30 * MINUTE_MS - w->now_ms);
    assert_true(seen.ever[SIM_A][SA_DEAD] && seen.ever[SIM_B][SA_DEAD]);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(datapath_sas(&w->side[i]), 0);
    assert_ph2(w, PH2_EXPIRED);

    w->bad.loss = 0;
    assert_true(world_until_traffic(w, 5 * MINUTE_MS));
    assert_ph2(w, PH2_ESTABLISHED);
    world_free(w);
}

static void flushed_is_not_expired(void **state)
{
    struct world *w = bundle(2);
    struct side *a = &w->side[SIM_A];

    (void)state;
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    assert_ph2(w, PH2_ESTABLISHED);
    a->by_hand = true;
    ike_on_sa_event(a->ike, w->now_ms, world_sa_out(a, 7)->id, IKE_SA_FLUSHED);
    world_take_actions(w, SIM_A);
    world_run(w, 1000);
    assert_int_equal(datapath_ph2_state(a, 0), PH2_NONE);
    assert_int_equal(datapath_ph2_state(&w->side[SIM_B], 0), PH2_EXPIRED); /* told by A */
    world_free(w);
}

static void states_by_bytes(void **state)
{
    struct world *w = bundle(3);
    struct side *a = &w->side[SIM_A];
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        w->side[i].proposal.lifebytes = 100 * 1024;
    w->inner_bytes = 1024;
    world_configure_both(w);
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    assert_all(w, SA_MATURE, 4);
    w->bad.loss = 100;
    for (; !seen.ever[SIM_A][SA_DYING]; n++, look(w, SIM_A))
        world_packet(w, SIM_A, 0);
    assert_in_range(n, 75, 80); /* 80 KB, with what the protocols add inside */
    assert_int_equal(seen.now[SA_DYING] + seen.now[SA_MATURE], 4);
    assert_int_equal(datapath_ph2_state(a, 0), PH2_ESTABLISHED);
    for (; !seen.ever[SIM_A][SA_DEAD]; n++)
        world_packet(w, SIM_A, 0);
    assert_in_range(n, 90, 100);
    assert_int_equal(datapath_sas(a), 0);
    assert_int_equal(datapath_ph2_state(a, 0), PH2_EXPIRED);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_by_time),
        cmocka_unit_test(flushed_is_not_expired),
        cmocka_unit_test(states_by_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
