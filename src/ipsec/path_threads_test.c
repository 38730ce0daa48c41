/* Workers protecting and opening while the control side swaps the SPD, replaces SAs under them and
 * reads their counters: E28. Meant for the thread sanitizer; bounded by rounds, not by time. */
#include "ip.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-memb.h>

enum { WORKERS = 2, ROUNDS = 400, BATCH = 16 };

/* One thread: its worker at either end. Traffic I has policy slot I and SAs of its own. */
struct lane {
    struct ipsec_worker *out, *in;
    struct rng *rng[2];
    struct pkt *carried[4 * PKT_BATCH];
    unsigned n_carried, index;
    atomic_bool *stop;
    atomic_ulong *passed;
    struct blob sent;
    bool wrong; /* clear text on the wire, or something else than was sent came in */
};

static unsigned on_wire(void *ctx, struct pkt **pkts, unsigned n)
{
    struct lane *l = ctx;

    for (unsigned i = 0; i < n; i++) {
        l->wrong = l->wrong || pkts[i]->data[9] != PROTO_ESP;
        struct pkt *p = pkt_get(ipsec_worker_pool(l->in), pkts[i]->len);
        memcpy(p->data, pkts[i]->data, pkts[i]->len);
        p->len = pkts[i]->len;
        l->carried[l->n_carried++] = p;
        pkt_put(ipsec_worker_pool(l->out), pkts[i]);
    }
    return n;
}

static unsigned on_inject(void *ctx, struct pkt **pkts, unsigned n)
{
    struct lane *l = ctx;

    for (unsigned i = 0; i < n; i++) {
        l->wrong = l->wrong || pkts[i]->len != l->sent.len ||
                   memcmp(pkts[i]->data, l->sent.p, l->sent.len) != 0;
        pkt_put(ipsec_worker_pool(l->in), pkts[i]);
    }
    atomic_fetch_add(l->passed, n);
    return n;
}

static void *lane_main(void *arg)
{
    struct lane *l = arg;
    struct pkt *pkts[BATCH];
    uint64_t now_ms = 1000000;

    urcu_memb_register_thread();
    while (!atomic_load(l->stop)) {
        for (unsigned i = 0; i < BATCH; i++) {
            pkts[i] = pkt_get(ipsec_worker_pool(l->out), l->sent.len);
            memcpy(pkts[i]->data, l->sent.p, l->sent.len);
            pkts[i]->len = (uint32_t)l->sent.len;
        }
        ipsec_out(l->out, pkts, BATCH, ++now_ms);
        ipsec_in(l->in, l->carried, l->n_carried, now_ms);
        l->n_carried = 0;
        ipsec_worker_tick(l->out, now_ms);
    }
    urcu_memb_unregister_thread();
    return NULL;
}

static struct policy policy_make(unsigned i, bool reversed)
{
    struct policy p = { .slot = i,
                        .action = SPD_ENCRYPT,
                        .level = LEVEL_REQUIRE,
                        .protocols = PROTO_BIT_ESP,
                        .tunnel = true,
                        .local = addr_text(reversed ? "192.0.2.2" : "192.0.2.1"),
                        .remote = addr_text(reversed ? "192.0.2.1" : "192.0.2.2"),
                        .reqid = i + 1 };
    struct ip_prefix here = { ip_addr_v4(10, (uint8_t)i, 0, 0), 24 };
    struct ip_prefix there = { ip_addr_v4(10, 100, 0, 0), 24 };

    p.sel.src = reversed ? there : here;
    p.sel.dst = reversed ? here : there;
    return p;
}

static void spd_swap(struct ipsec *e, bool reversed, unsigned n)
{
    struct policy p[WORKERS];
    struct spd *spd;

    for (unsigned i = 0; i < WORKERS; i++)
        p[i] = policy_make(i, reversed);
    assert_int_equal(spd_compile(p, n, &spd), SPD_OK);
    ipsec_spd_set(e, spd);
}

static struct sa *sa_put(struct ipsec *e, unsigned i, uint32_t spi, bool inbound)
{
    struct sa_config c = { .proto = SA_ESP,
                           .inbound = inbound,
                           .tunnel = true,
                           .spi = spi,
                           .src = addr_text("192.0.2.1"),
                           .dst = addr_text("192.0.2.2"),
                           .cipher = CIPHER_AES_128,
                           .auth = AUTH_SHA1,
                           .enc_key = { .len = 16 },
                           .auth_key = { .len = 20 },
                           .reqid = i + 1,
                           .slot = i,
                           .replay_window = 64 };
    struct sa *sa = NULL;

    memset(c.enc_key.b, (int)spi, 16);
    assert_int_equal(ipsec_sa_add(e, &c, 1, 1, &sa), SA_ADDED);
    return sa;
}

/* A round: new SAs for one traffic, the old ones away, every fourth time no policy for it. */
static void control_round(struct ipsec *out, struct ipsec *in, unsigned round,
                          struct sa *sas[WORKERS][2])
{
    unsigned i = round % WORKERS;
    uint32_t spi = 0x1000 + round;
    struct ipsec_event ev;
    uint64_t drops[DROP_COUNT];

    struct sa *new_in = sa_put(in, i, spi, true);
    struct sa *new_out = sa_put(out, i, spi, false);
    ipsec_slot_set(out, i, new_out, NULL);
    if (sas[i][0]) {
        ipsec_sa_remove(out, sas[i][0]);
        ipsec_sa_remove(in, sas[i][1]);
    }
    sas[i][0] = new_out;
    sas[i][1] = new_in;
    spd_swap(out, false, round % 4 ? WORKERS : 1);
    spd_swap(in, true, round % 5 ? WORKERS : 1);
    ipsec_tick(out, round);
    ipsec_drops(out, drops);
    ipsec_slot_stats(in, i);
    while (ipsec_event_take(out, &ev)) {
    }
}

static void lane_up(struct lane *l, struct ipsec *out, struct ipsec *in)
{
    struct ipsec_sink sink = { .ctx = l, .wire = on_wire, .inject = on_inject };
    struct datagram d = { .src = ip_addr_v4(10, (uint8_t)l->index, 0, 5),
                          .dst = ip_addr_v4(10, 100, 0, 7),
                          .proto = PROTO_UDP,
                          .payload_len = 200 };

    l->sent = datagram_make(&d);
    l->rng[0] = rng_new_fixed(l->index);
    l->rng[1] = rng_new_fixed(l->index + 10);
    l->out = ipsec_worker_new(out, l->index, l->rng[0], &sink);
    l->in = ipsec_worker_new(in, l->index, l->rng[1], &sink);
}

static void lane_down(struct lane *l)
{
    ipsec_worker_free(l->out);
    ipsec_worker_free(l->in);
    rng_free(l->rng[0]);
    rng_free(l->rng[1]);
    blob_free(&l->sent);
}

static void traffic_survives_the_control_side(void **state)
{
    urcu_memb_register_thread();
    struct ipsec *out = ipsec_new(WORKERS, BULK_OPENSSL), *in = ipsec_new(WORKERS, BULK_OPENSSL);
    struct sa *sas[WORKERS][2] = { 0 };
    struct lane lanes[WORKERS];
    pthread_t threads[WORKERS];
    atomic_bool stop = false;
    atomic_ulong passed = 0;

    (void)state;
    for (unsigned i = 0; i < WORKERS; i++) {
        lanes[i] = (struct lane){ .index = i, .stop = &stop, .passed = &passed };
        lane_up(&lanes[i], out, in);
        assert_int_equal(pthread_create(&threads[i], NULL, lane_main, &lanes[i]), 0);
    }
    for (unsigned round = 0; round < ROUNDS; round++)
        control_round(out, in, round, sas);
    while (atomic_load(&passed) < 1000) /* both policies are there, so traffic goes on */
        sched_yield();
    atomic_store(&stop, true);
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(lanes[i].wrong);
        lane_down(&lanes[i]);
    }
    ipsec_free(out);
    ipsec_free(in);
    urcu_memb_unregister_thread();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(traffic_survives_the_control_side) };

    return cmocka_run_group_tests_name("path_threads", tests, NULL, NULL);
}
