/* Both sides begin at once, or within a round trip of each other: a start, a renewal. Both may come
 * to their end, but then both sides send by the same pair; packets that leave arrive, and what is
 * too much goes. */
#include "seeds.h"
#include "unit.h"
#include "world.h"

static unsigned pick(struct world *w, unsigned n)
{
    return (unsigned)(world_random(w) % n);
}

static struct world *configured(unsigned seed)
{
    static const enum dh_group groups[] = { DH_NONE, DH_MODP768, DH_EC2N155 };
    struct world *w = world_new(seed);

    w->bad.delay_ms = 5 + pick(w, 40);
    w->bad.jitter_ms = pick(w, 30);
    w->job_ms = pick(w, 30);
    for (unsigned i = 0; i < 2; i++) {
        w->side[i].peer.group = DH_MODP768;
        w->side[i].proposal.pfs_group = groups[seed % 3];
        w->side[i].policies[0].protocols = (uint8_t)(1 + seed % 3);
    }
    world_configure_both(w);
    return w;
}

static void traffic(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;

    while (w->now_ms < end) {
        world_packet(w, SIM_A, 0);
        world_packet(w, SIM_B, 0);
        world_run(w, 1 + pick(w, 20));
    }
}

static void check_one_used_pair(const struct world *w)
{
    for (unsigned i = 0; i < 2; i++)
        seed_check(world_joined(w, i, 7), "side %u has no pair: %s", i, w->side[i].last_error);
    seed_check(world_sa_out(&w->side[0], 7)->child.sas[0].spi_out ==
                   world_sa_out(&w->side[1], 7)->child.sas[0].spi_in,
               "the sides send by different pairs");
    seed_check(world_sas_match(w), "not every pair has its counterpart");
}

/* Long after, there is the used pair and perhaps the other one, which expires unused, and the sides
 * have nothing to say but dead peer detection. */
static void check_end(struct world *w)
{
    unsigned sent;

    seed_check(world_lost(w) == 0, "%llu packets were lost", (unsigned long long)world_lost(w));
    world_run(w, 400000);
    seed_check(world_sas(&w->side[0]) <= 2, "%u pairs are left", world_sas(&w->side[0]));
    sent = w->messages;
    world_run(w, 60000);
    seed_check(w->messages <= sent + 8, "%u messages in a quiet minute", w->messages - sent);
    check_one_used_pair(w);
}

static void start(unsigned seed)
{
    struct world *w = configured(seed);

    world_packet(w, SIM_A, 0);
    world_run(w, pick(w, 3) ? pick(w, 100) : 0);
    world_packet(w, SIM_B, 0);
    traffic(w, 12000); /* reordering costs a retransmission now and then */
    check_one_used_pair(w);
    seed_check(world_sas(&w->side[0]) <= 2, "%u pairs after the start", world_sas(&w->side[0]));
    check_end(w);
    world_free(w);
}

/* B was the responder: after a soft limit of bytes it gives A five seconds. */
static void renewal(unsigned seed)
{
    enum { RESPONDER_WAITS_MS = 5000 };
    struct world *w = configured(seed);
    uint64_t held_up;

    world_packet(w, SIM_A, 0);
    world_run(w, 30000);
    check_one_used_pair(w);
    held_up = world_held_up(w);
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &w->side[1 - i];

        ike_on_sa_event(s->ike, w->now_ms, world_sa_out(s, 7)->id, IKE_SA_SOFT);
        world_take_actions(w, 1 - i);
        traffic(w, i == 0 ? RESPONDER_WAITS_MS - 50 + pick(w, 100) : 3000);
    }
    check_one_used_pair(w);
    seed_check(world_sas(&w->side[0]) <= 3, "%u pairs after the renewal", world_sas(&w->side[0]));
    seed_check(world_held_up(w) == held_up, "a packet found no SA");
    check_end(w);
    world_free(w);
}

static void starts_end_in_one_used_pair(void **state)
{
    (void)state;
    seeds_run("simultaneous start", 10, start);
}

static void renewals_end_in_one_used_pair(void **state)
{
    (void)state;
    seeds_run("simultaneous renewal", 10, renewal);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_end_in_one_used_pair),
        cmocka_unit_test(renewals_end_in_one_used_pair),
    };

    seeds_init(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
