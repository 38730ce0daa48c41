/* proposal-check between two gateways: every level against every relation of what the initiator
 * offers to what the responder has configured, alone and in every combination. Expected is what the
 * table of the levels says:
 *
 *             phase 2 time, bytes  PFS group              ESP key      phase 1 time
 *     obey    initiator's          initiator's            not checked  initiator's
 *     strict  refused when longer  equal, if we want PFS  not shorter  refused when longer
 *     claim   shorter of the two   as strict              as strict    as strict
 *     exact   equal                equal, also none       equal        equal
 *
 * Under claim the initiator is told when the shorter one is ours. */
#include "ike_priv.h" /* phase 1's lifetime shows nowhere else */
#include "unit.h"
#include "world.h"

#include <stdio.h>

enum relation { SHORTER, EQUAL, LONGER };
/* OURS: and the initiator is told by RESPONDER-LIFETIME, or it would hold what it offered. */
enum outcome { TAKEN, REFUSED, OURS };

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct {
    const char *label;
    enum relation relation;
    int64_t theirs, ours;
} times[] = {
    { "shorter", SHORTER, 900, 1800 },
    { "equal", EQUAL, 1800, 1800 },
    { "longer", LONGER, 3600, 1800 },
};

enum { MB = 1024 * 1024 };

static const struct {
    const char *label;
    enum relation relation;
    uint64_t theirs, ours; /* 0: no limit */
} bytes[] = {
    { "fewer", SHORTER, 4 * MB, 8 * MB },
    { "as many", EQUAL, 8 * MB, 8 * MB },
    { "more", LONGER, 16 * MB, 8 * MB },
    { "without limit", LONGER, 0, 8 * MB },
    { "where we have no limit", SHORTER, 8 * MB, 0 },
};

enum group_relation { SAME_GROUP, OTHER_GROUP, NO_GROUP, GROUP_UNASKED };

static const struct {
    const char *label;
    enum dh_group theirs, ours;
} groups[] = {
    [SAME_GROUP] = { "the same group", DH_MODP768, DH_MODP768 },
    [OTHER_GROUP] = { "another group", DH_MODP768, DH_MODP1024 },
    [NO_GROUP] = { "no PFS", DH_NONE, DH_MODP768 },
    [GROUP_UNASKED] = { "PFS where we have none", DH_MODP768, DH_NONE },
};

static const struct {
    const char *label;
    enum cipher_alg theirs, ours;
} keys[] = {
    [SHORTER] = { "a shorter key", CIPHER_AES_128, CIPHER_AES_192 },
    [EQUAL] = { "an equal key", CIPHER_AES_192, CIPHER_AES_192 },
    [LONGER] = { "a longer key", CIPHER_AES_256, CIPHER_AES_192 },
};

static const struct level {
    const char *label;
    enum ike_proposal_check check;
    enum outcome life[3], group[4], key[3], phase1_life[3];
} levels[] = {
    { "obey", IKE_CHECK_OBEY, .life = { [SHORTER] = TAKEN, [EQUAL] = TAKEN, [LONGER] = TAKEN },
      .group = { [SAME_GROUP] = TAKEN,
                 [OTHER_GROUP] = TAKEN,
                 [NO_GROUP] = TAKEN,
                 [GROUP_UNASKED] = TAKEN },
      .key = { [SHORTER] = TAKEN, [EQUAL] = TAKEN, [LONGER] = TAKEN },
      .phase1_life = { [SHORTER] = TAKEN, [EQUAL] = TAKEN, [LONGER] = TAKEN } },
    { "strict", IKE_CHECK_STRICT,
      .life = { [SHORTER] = TAKEN, [EQUAL] = TAKEN, [LONGER] = REFUSED },
      .group = { [SAME_GROUP] = TAKEN,
                 [OTHER_GROUP] = REFUSED,
                 [NO_GROUP] = REFUSED,
                 [GROUP_UNASKED] = TAKEN },
      .key = { [SHORTER] = REFUSED, [EQUAL] = TAKEN, [LONGER] = TAKEN },
      .phase1_life = { [SHORTER] = TAKEN, [EQUAL] = TAKEN, [LONGER] = REFUSED } },
    { "claim", IKE_CHECK_CLAIM, .life = { [SHORTER] = TAKEN, [EQUAL] = TAKEN, [LONGER] = OURS },
      .group = { [SAME_GROUP] = TAKEN,
                 [OTHER_GROUP] = REFUSED,
                 [NO_GROUP] = REFUSED,
                 [GROUP_UNASKED] = TAKEN },
      .key = { [SHORTER] = REFUSED, [EQUAL] = TAKEN, [LONGER] = TAKEN },
      .phase1_life = { [SHORTER] = TAKEN, [EQUAL] = TAKEN, [LONGER] = REFUSED } },
    { "exact", IKE_CHECK_EXACT,
      .life = { [SHORTER] = REFUSED, [EQUAL] = TAKEN, [LONGER] = REFUSED },
      .group = { [SAME_GROUP] = TAKEN,
                 [OTHER_GROUP] = REFUSED,
                 [NO_GROUP] = REFUSED,
                 [GROUP_UNASKED] = REFUSED },
      .key = { [SHORTER] = REFUSED, [EQUAL] = TAKEN, [LONGER] = REFUSED },
      .phase1_life = { [SHORTER] = REFUSED, [EQUAL] = TAKEN, [LONGER] = REFUSED } },
};

/* ---- phase 2 ---- */

struct offer { /* indexes into the tables */
    size_t time, bytes, group, key;
};

struct expected {
    bool refused;
    int64_t seconds;
    uint64_t bytes;
    const char *why[4]; /* words of the responder's last-error, when refused */
};

static struct expected expect(const struct level *l, const struct offer *o)
{
    enum outcome time = l->life[times[o->time].relation];
    enum outcome byte = l->life[bytes[o->bytes].relation];
    struct expected e = {
        .seconds = time == OURS ? times[o->time].ours : times[o->time].theirs,
        .bytes = byte == OURS ? bytes[o->bytes].ours : bytes[o->bytes].theirs,
        .why = { time == REFUSED ? "lifetime: peer offers" : NULL,
                 byte == REFUSED ? "lifebytes: peer offers" : NULL,
                 l->group[o->group] == REFUSED ? "pfs-group: peer offers" : NULL,
                 l->key[o->key] == REFUSED ? "encryption: peer offers" : NULL },
    };

    for (unsigned i = 0; i < COUNT(e.why); i++)
        e.refused = e.refused || e.why[i];
    return e;
}

/* A asks, B has the level; A's own level would refuse whatever differs, and must not count. */
static struct world *negotiated(const struct level *l, const struct offer *o)
{
    struct world *w = world_new(1);
    struct side *a = &w->side[SIM_A], *b = &w->side[SIM_B];

    a->peer.check = IKE_CHECK_EXACT;
    b->peer.check = l->check;
    a->peer.group = b->peer.group = DH_MODP768;
    a->proposal.lifetime_s = times[o->time].theirs;
    b->proposal.lifetime_s = times[o->time].ours;
    a->proposal.lifebytes = bytes[o->bytes].theirs;
    b->proposal.lifebytes = bytes[o->bytes].ours;
    a->proposal.pfs_group = groups[o->group].theirs;
    b->proposal.pfs_group = groups[o->group].ours;
    a->proposal.ciphers = 1u << keys[o->key].theirs;
    b->proposal.ciphers = 1u << keys[o->key].ours;
    world_configure_both(w);
    world_packet(w, SIM_A, 0);
    world_run(w, 1000);
    return w;
}

static void check_refused(const struct world *w, const struct expected *e, const char *label)
{
    for (unsigned i = 0; i < COUNT(e->why); i++) {
        if (e->why[i] && !strstr(w->side[SIM_B].last_error, e->why[i]))
            fail_msg("%s: \"%s\" does not say \"%s\"", label, w->side[SIM_B].last_error, e->why[i]);
    }
    if (world_sas(&w->side[0]) + world_sas(&w->side[1]) > 0)
        fail_msg("%s: not refused", label);
}

static void check_taken(const struct world *w, const struct expected *e, const struct offer *o,
                        const char *label)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct sim_sa *sa = world_sa_out(&w->side[i], 7);

        if (!sa)
            fail_msg("%s: refused: %s", label, w->side[SIM_B].last_error);
        if (sa->child.hard_s != e->seconds || sa->child.hard_bytes != e->bytes)
            fail_msg("%s: side %u holds %u s and %llu bytes, not %lld and %llu", label, i,
                     sa->child.hard_s, (unsigned long long)sa->child.hard_bytes,
                     (long long)e->seconds, (unsigned long long)e->bytes);
        if (sa->child.soft_s != e->seconds * 4 / 5 || sa->child.soft_bytes != e->bytes * 4 / 5)
            fail_msg("%s: side %u: soft limits are not 80%%", label, i);
        if (sa->child.pfs != (groups[o->group].theirs != DH_NONE) ||
            sa->child.sas[0].cipher != keys[o->key].theirs)
            fail_msg("%s: side %u: not the offered PFS or key length", label, i);
    }
    assert_int_equal(w->side[SIM_A].inner.arrived, 1);
}

static void check_offer(const struct level *l, const struct offer *o)
{
    struct expected e = expect(l, o);
    struct world *w = negotiated(l, o);
    char label[160];

    snprintf(label, sizeof label, "%s: %s, bytes %s, %s, %s", l->label, times[o->time].label,
             bytes[o->bytes].label, groups[o->group].label, keys[o->key].label);
    if (e.refused)
        check_refused(w, &e, label);
    else
        check_taken(w, &e, o, label);
    world_free(w);
}

static void every_offer_is_met_as_the_level_says(void **state)
{
    struct offer o;

    (void)state;
    for (size_t l = 0; l < COUNT(levels); l++)
        for (o.time = 0; o.time < COUNT(times); o.time++)
            for (o.bytes = 0; o.bytes < COUNT(bytes); o.bytes++)
                for (o.group = 0; o.group < COUNT(groups); o.group++)
                    for (o.key = 0; o.key < COUNT(keys); o.key++)
                        check_offer(&levels[l], &o);
}

/* ---- phase 1 ---- */

static uint32_t phase1_lifetime_s(const struct side *s)
{
    struct map_link *l = map_any(&s->ike->phase1s);
    const struct phase1 *p1 = l ? map_owner(l, struct phase1, by_cookie) : NULL;

    return p1 && p1->main->state == P1_UP ? p1->lifetime_s : 0;
}

static void phase1_time_follows_the_level(void **state)
{
    (void)state;
    for (size_t l = 0; l < COUNT(levels); l++) {
        for (size_t t = 0; t < COUNT(times); t++) {
            bool refused = levels[l].phase1_life[times[t].relation] == REFUSED;
            uint32_t want = refused ? 0 : (uint32_t)times[t].theirs;
            struct world *w = world_new(2);

            w->side[SIM_A].peer.lifetime_s = times[t].theirs;
            w->side[SIM_B].peer.lifetime_s = times[t].ours;
            w->side[SIM_B].peer.check = levels[l].check;
            world_configure_both(w);
            world_packet(w, SIM_A, 0);
            world_run(w, 1000);
            for (unsigned i = 0; i < 2; i++) {
                if (phase1_lifetime_s(&w->side[i]) != want)
                    fail_msg("%s, %s: side %u holds %u s, not %u", levels[l].label, times[t].label,
                             i, phase1_lifetime_s(&w->side[i]), want);
            }
            if (refused)
                assert_non_null(strstr(w->side[SIM_B].last_error, "lifetime: peer offers"));
            world_free(w);
        }
    }
}

/* ---- what real peers offer ---- */

/* Cisco: 3600 s and 4608000 KB, which a level of obey or claim lets pass. */
static void offer_of_a_cisco_router_passes(void **state)
{
    static const struct {
        enum ike_proposal_check check;
        uint32_t seconds;
    } rows[] = { { IKE_CHECK_OBEY, 3600 }, { IKE_CHECK_CLAIM, 1800 } };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world *w = world_new(3);

        w->side[SIM_A].proposal.lifetime_s = 3600;
        w->side[SIM_A].proposal.lifebytes = 4608000ull * 1024;
        w->side[SIM_B].peer.check = rows[i].check;
        world_configure_both(w);
        world_packet(w, SIM_A, 0);
        world_run(w, 1000);
        for (unsigned k = 0; k < 2; k++) {
            const struct sim_sa *sa = world_sa_out(&w->side[k], 7);

            assert_non_null(sa);
            assert_int_equal(sa->child.hard_s, rows[i].seconds);
            assert_int_equal(sa->child.hard_bytes, 4608000ull * 1024);
        }
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_offer_is_met_as_the_level_says),
        cmocka_unit_test(phase1_time_follows_the_level),
        cmocka_unit_test(offer_of_a_cisco_router_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
