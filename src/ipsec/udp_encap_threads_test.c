/* A receiving SA in UDP belongs to no worker: several open its packets at once, and every sequence
 * number is accepted once. Meant for the thread sanitizer, too. */
#include "engine_priv.h"
#include "ip.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-memb.h>

enum { WORKERS = 3, PACKETS = 2048, BATCH = 32, SPI = 0x5151 };

struct opener {
    struct ipsec_worker *w;
    struct rng *rng;
    const struct blob *packets;
    atomic_uint *accepted; /* by packet, told by the inner IP ID */
    pthread_barrier_t *begin;
    unsigned index;
};

static unsigned on_inject(void *ctx, struct pkt **pkts, unsigned n)
{
    struct opener *o = ctx;

    for (unsigned i = 0; i < n; i++) {
        atomic_fetch_add(&o->accepted[be16_get(pkts[i]->data + 4) % PACKETS], 1);
        pkt_put(ipsec_worker_pool(o->w), pkts[i]);
    }
    return n;
}

static unsigned on_wire(void *ctx, struct pkt **pkts, unsigned n)
{
    (void)ctx;
    (void)pkts;
    return n;
}

static void batch_open(struct opener *o, unsigned from)
{
    struct pkt *pkts[BATCH];

    for (unsigned i = 0; i < BATCH; i++) {
        const struct blob *b = &o->packets[from + i];
        pkts[i] = pkt_get(ipsec_worker_pool(o->w), b->len);
        memcpy(pkts[i]->data, b->p, b->len);
        pkts[i]->len = (uint32_t)b->len;
    }
    ipsec_in(o->w, pkts, BATCH, 1000);
}

/* All workers get all packets, in nearly the same order. */
static void *open_all(void *arg)
{
    struct opener *o = arg;

    urcu_memb_register_thread();
    for (unsigned from = 0; from < PACKETS; from += BATCH) {
        pthread_barrier_wait(o->begin);
        batch_open(o, from);
    }
    urcu_memb_unregister_thread();
    return NULL;
}

static struct sa_config config_make(bool inbound)
{
    return (struct sa_config){ .proto = SA_ESP,
                               .inbound = inbound,
                               .tunnel = true,
                               .udp_encap = true,
                               .local_port = 4500,
                               .remote_port = 4500,
                               .spi = SPI,
                               .src = addr_text("192.0.2.1"),
                               .dst = addr_text("192.0.2.2"),
                               .cipher = CIPHER_AES_128,
                               .auth = AUTH_SHA1,
                               .enc_key = { .len = 16 },
                               .auth_key = { .len = 20 },
                               .reqid = 1,
                               .replay_window = 1024,
                               .path_mtu = 1500 };
}

static struct policy policy_make(bool reversed)
{
    struct policy p = { .action = SPD_ENCRYPT,
                        .level = LEVEL_REQUIRE,
                        .protocols = PROTO_BIT_ESP,
                        .tunnel = true,
                        .local = addr_text(reversed ? "192.0.2.2" : "192.0.2.1"),
                        .remote = addr_text(reversed ? "192.0.2.1" : "192.0.2.2"),
                        .reqid = 1 };

    p.sel.src = p.sel.dst = prefix_text("0.0.0.0/0");
    return p;
}

/* PACKETS protected datagrams, numbered by their IP ID. */
static void packets_make(struct blob *ret)
{
    struct gate *g = gate_new(BULK_OPENSSL, 1);
    struct policy p = policy_make(false);
    struct sa_config c = config_make(false);
    struct sa *sa;

    gate_policies(g, &p, 1);
    assert_int_equal(ipsec_sa_add(g->e, &c, 1, 1, &sa), SA_ADDED);
    ipsec_slot_set(g->e, 0, sa, NULL);
    for (unsigned i = 0; i < PACKETS; i++) {
        struct datagram d = { .src = addr_text("10.1.0.1"),
                              .dst = addr_text("10.2.0.1"),
                              .proto = PROTO_UDP,
                              .payload_len = 20,
                              .ip_id = (uint16_t)i };
        struct blob b = datagram_make(&d);
        gate_out(g, &b, 1);
        blob_free(&b);
        ret[i] = blob_copy(g->wire[0].p, g->wire[0].len);
        gate_clear(g);
    }
    gate_free(g);
}

static void every_packet_is_accepted_once(void **state)
{
    static struct blob packets[PACKETS];
    static atomic_uint accepted[PACKETS];
    struct opener openers[WORKERS];
    pthread_t threads[WORKERS];
    pthread_barrier_t begin;
    struct policy p = policy_make(true);
    struct sa_config c = config_make(true);
    uint64_t drops[DROP_COUNT];
    struct spd *spd;
    struct sa *sa;

    (void)state;
    packets_make(packets);
    urcu_memb_register_thread();
    struct ipsec *e = ipsec_new(WORKERS, BULK_OPENSSL);
    assert_int_equal(spd_compile(&p, 1, &spd), SPD_OK);
    ipsec_spd_set(e, spd);
    assert_int_equal(ipsec_sa_add(e, &c, 1, 1, &sa), SA_ADDED);
    pthread_barrier_init(&begin, NULL, WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct opener *o = &openers[i];
        struct ipsec_sink sink = { .ctx = o, .wire = on_wire, .inject = on_inject };
        *o = (struct opener){ .packets = packets, .accepted = accepted, .begin = &begin };
        o->rng = rng_new_fixed(i);
        o->w = ipsec_worker_new(e, i, o->rng, &sink);
        assert_int_equal(pthread_create(&threads[i], NULL, open_all, o), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < PACKETS; i++) {
        assert_int_equal(accepted[i], 1);
        blob_free(&packets[i]);
    }
    ipsec_drops(e, drops);
    assert_int_equal(drops[DROP_IN_REPLAY], (WORKERS - 1) * PACKETS);
    assert_int_equal(sa_stats(sa).packets, PACKETS);
    for (unsigned i = 0; i < WORKERS; i++) {
        ipsec_worker_free(openers[i].w);
        rng_free(openers[i].rng);
    }
    pthread_barrier_destroy(&begin);
    ipsec_free(e);
    urcu_memb_unregister_thread();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_packet_is_accepted_once) };
    return cmocka_run_group_tests_name("udp encap threads", tests, NULL, NULL);
}
