/* Thousands of lives of a tunnel, each from its seed: a configuration, a bad network, traffic and
 * renewals on it, then a network that heals. However bad it was, in the end packets pass both ways,
 * no SA is left over and nothing is repeated for ever. */
#include "datapath.h"
#include "seeds.h"
#include "unit.h"
#include "world.h"

#include <stdlib.h>

enum {
    MINUTE_MS = 60000,
    SENDS_MAX = 1 + IKE_RETRANSMITS + 10, /* of one message: again by the timer, and as an answer */
    REPEAT_MS_MAX = 5 * MINUTE_MS,
};

static unsigned pick(struct world *w, unsigned n)
{
    return (unsigned)(world_random(w) % n);
}

/* Mostly the cheapest, each of the others often enough. */
static enum dh_group pick_group(struct world *w)
{
    static const enum dh_group others[] = { DH_MODP1024, DH_EC2N155, DH_EC2N185, DH_MODP1536 };
    unsigned i = pick(w, 12);

    return i < 4 ? others[i] : DH_MODP768;
}

static void configure(struct world *w)
{
    static const uint32_t windows[] = { 32, 64, 128, 1024 };
    enum dh_group group = pick_group(w), pfs = pick(w, 3) ? pick_group(w) : DH_NONE;
    enum cipher_alg cipher = (enum cipher_alg)(CIPHER_DES + pick(w, CIPHER_COUNT - CIPHER_DES));
    enum cipher_alg esp = (enum cipher_alg)(CIPHER_DES + pick(w, CIPHER_COUNT - CIPHER_DES));
    unsigned protocols = 1 + pick(w, 3), life_s = 60 + pick(w, 240), shape = pick(w, 8);
    unsigned bytes = pick(w, 4) == 0 ? 64 * 1024 + pick(w, 1 << 18) : 0;

    if (shape & 1)
        world_addresses(w, "2001:db8::1", "2001:db8:1::2");
    if (shape & 2)
        world_networks(w, "fd01::/64", "fd02::/64");
    if (shape & 4)
        world_transport(w);
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &w->side[i];

        s->peer.group = group;
        s->peer.cipher = cipher;
        s->peer.hash = pick(w, 2) ? AUTH_MD5 : AUTH_SHA1;
        s->peer.lifetime_s = 120 + pick(w, 600);
        s->peer.dpd_interval_s = pick(w, 4) ? 20 + pick(w, 100) : 0;
        s->proposal.pfs_group = pfs;
        s->proposal.ciphers = 1u << esp;
        s->proposal.auth_algs = 1u << AUTH_SHA1 | 1u << AUTH_MD5;
        s->proposal.lifetime_s = life_s;
        s->proposal.lifebytes = bytes;
        s->policies[0].protocols = (uint8_t)protocols;
        s->policies[0].replay_window = windows[pick(w, 4)];
    }
    w->side[SIM_B].peer.hash = w->side[SIM_A].peer.hash;
    w->side[SIM_B].peer.lifetime_s = w->side[SIM_A].peer.lifetime_s;
    world_configure_both(w);
}

static void make_bad(struct world *w)
{
    w->bad = (struct impairments){ .loss = pick(w, 41),
                                   .duplicate = pick(w, 26),
                                   .corrupt = pick(w, 8),
                                   .reflect = pick(w, 5),
                                   .delay_ms = pick(w, 200),
                                   .jitter_ms = pick(w, 400) };
}

static void traffic(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;

    while (w->now_ms < end) {
        world_packet(w, pick(w, 2), 0);
        world_run(w, 100 + pick(w, 1000));
    }
}

static void check_packets(const struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct inner_log *log = &w->side[i].inner;

        seed_check(log->altered == 0 && log->repeated == 0,
                   "of side %u's packets %llu came out altered, %llu twice", i,
                   (unsigned long long)log->altered, (unsigned long long)log->repeated);
    }
}

/* A renewal may be under way at any one moment: within two minutes there is one when none is. */
static void check_sas(struct world *w)
{
    unsigned n[2];

    for (unsigned i = 0; i < 120; i++) {
        world_run(w, 1000);
        n[0] = world_sas(&w->side[0]);
        n[1] = world_sas(&w->side[1]);
        if (world_sas_match(w) && n[0] >= 1 && n[0] <= 4)
            return;
    }
    seed_check(false, "pairs of SAs do not match: %u and %u", n[0], n[1]);
}

static void check_repeats(const struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct repeats *r = &w->side[i].repeats;

        seed_check(r->most <= SENDS_MAX && r->most_ms <= REPEAT_MS_MAX,
                   "side %u sent one message %u times, one for %llu ms", i, r->most,
                   (unsigned long long)r->most_ms);
    }
}

/* Both gateways stop; nothing of the tunnel may be left anywhere. */
static void check_stop(struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        ike_stop(w->side[i].ike, side_now_ms(&w->side[i]));
        world_take_actions(w, i);
        world_run(w, 2000);
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct side *s = &w->side[i];

        seed_check(world_sas(s) == 0 && datapath_sas(s) == 0 && world_phase1s(s) == 0,
                   "side %u stopped with %u pairs, %u SAs, %u phase 1 SAs", i, world_sas(s),
                   datapath_sas(s), world_phase1s(s));
        seed_check(ike_next_timeout_ms(s->ike) == UINT64_MAX, "side %u: a timer is left", i);
    }
}

static void one_life(unsigned seed)
{
    struct world *w = world_new(seed);

    configure(w);
    make_bad(w);
    seed_check(world_until_traffic(w, 30 * MINUTE_MS), "no traffic in half an hour: %s | %s",
               w->side[0].last_error, w->side[1].last_error);
    traffic(w, 10 * MINUTE_MS);
    w->bad = (struct impairments){ .delay_ms = 10 };
    seed_check(world_until_traffic(w, 10 * MINUTE_MS),
               "no traffic after the network healed: %s | %s", w->side[0].last_error,
               w->side[1].last_error);
    traffic(w, 7 * MINUTE_MS); /* longer than any pair lives */
    seed_check(world_until_traffic(w, 2000), "no traffic in the end");
    check_packets(w);
    check_sas(w);
    check_repeats(w);
    check_stop(w);
    world_free(w);
}

static void every_life_ends_in_traffic(void **state)
{
    (void)state;
    seeds_run("soak", 1, one_life);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_life_ends_in_traffic) };

    seeds_init(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
