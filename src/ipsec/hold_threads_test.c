/* An SA that comes at the very moment a packet is put aside: no packet is forgotten, whoever of the
 * two threads was first. Meant for the thread sanitizer as well; bounded by rounds. */
#include "output_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <urcu/urcu-memb.h>

enum { ROUNDS = 5000 };

struct lane {
    struct gate *g;
    atomic_uint asked, sent; /* rounds begun by the control thread, packets on the wire */
    atomic_bool nudged;
};

static unsigned on_wire(void *ctx, struct pkt **pkts, unsigned n)
{
    struct lane *l = ctx;

    for (unsigned i = 0; i < n; i++)
        pkt_put(ipsec_worker_pool(l->g->w), pkts[i]);
    atomic_fetch_add(&l->sent, n);
    return n;
}

static void on_nudge(void *ctx)
{
    atomic_store(&((struct lane *)ctx)->nudged, true);
}

/* Sends one packet a round and then does nothing unless it is nudged. */
static void *worker_main(void *arg)
{
    struct lane *l = arg;
    struct datagram d = talk(true, PROTO_UDP, 10);
    struct blob b = datagram_make(&d);

    urcu_memb_register_thread();
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned spun = 0; atomic_load(&l->asked) == round; spun++)
            if (spun > 1000)
                sched_yield();
        gate_out(l->g, &b, 1);
        while (atomic_load(&l->sent) == round) {
            if (atomic_exchange(&l->nudged, false))
                ipsec_release(l->g->w, l->g->now_ms);
            sched_yield();
        }
    }
    urcu_memb_unregister_thread();
    blob_free(&b);
    return NULL;
}

static void sa_and_packet_at_the_same_time(void **state)
{
    struct policy p = policy_make(true, PROTO_BIT_ESP, LEVEL_REQUIRE);
    struct lane l = { .g = gate_new(BULK_OPENSSL, 3) };
    struct ipsec_sink sink = { .ctx = &l, .wire = on_wire, .nudge = on_nudge };
    pthread_t thread;

    (void)state;
    ipsec_worker_free(l.g->w);
    l.g->w = ipsec_worker_new(l.g->e, 0, l.g->rng, &sink);
    gate_policies(l.g, &p, 1);
    struct sa *sa = sa_make(l.g, SA_ESP, true, 0);
    assert_int_equal(pthread_create(&thread, NULL, worker_main, &l), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        ipsec_slot_set(l.g->e, SLOT, NULL, NULL);
        atomic_store(&l.asked, round + 1);
        for (volatile unsigned spin = 0; spin < round % 128 * 16; spin++)
            ; /* meets the worker at every point of its way */
        ipsec_slot_set(l.g->e, SLOT, sa, NULL);
        while (atomic_load(&l.sent) <= round)
            sched_yield();
    }
    pthread_join(thread, NULL);
    assert_int_equal(gate_all_drops(l.g), 0);
    assert_int_equal(ipsec_slot_stats(l.g->e, SLOT).out_transformed, ROUNDS);
    gate_free(l.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sa_and_packet_at_the_same_time) };

    return cmocka_run_group_tests_name("hold_threads", tests, NULL, NULL);
}
