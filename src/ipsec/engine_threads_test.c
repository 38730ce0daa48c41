/* Readers on the packet path's side of the engine while the control thread swaps snapshots and adds
 * and removes SAs. Meant for the sanitizers: AddressSanitizer sees what is freed too early,
 * ThreadSanitizer what is not published properly.
 * ENGINE_THREADS_ROUNDS: how long. */
#include "engine_priv.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* needs those above */
#include <cmocka.h>

enum { N_READERS = 3, N_SLOTS = 300, N_SAS = 64, DEFAULT_ROUNDS = 100 };

struct reader {
    struct ipsec *e;
    unsigned index;
    _Atomic bool *stop;
    pthread_t thread;
    uint64_t hits, sent, refused, bytes; /* by the end */
};

static struct ip_addr peer_addr(unsigned i)
{
    return ip_addr_v4(1, 0, (uint8_t)(i >> 8), (uint8_t)i);
}

static struct spd *spd_make(unsigned round)
{
    struct policy policies[N_SLOTS];
    struct spd *spd;

    for (uint32_t i = 0; i < N_SLOTS; i++) {
        policies[i] = (struct policy){ .slot = (i + round) % N_SLOTS,
                                       .action = SPD_ENCRYPT,
                                       .priority = (int32_t)(round & 1 ? i : N_SLOTS - i) };
        policies[i].sel.src.addr.family = IP_V4;
        policies[i].sel.dst = (struct ip_prefix){ .addr = ip_addr_v4(10, (uint8_t)i, 0, 0),
                                                  .len = (uint8_t)(8 + i % 9) };
        ip_prefix_mask(&policies[i].sel.dst);
    }
    assert_int_equal(spd_compile(policies, N_SLOTS, &spd), SPD_OK);
    return spd;
}

static void reader_use_sa(struct reader *r, struct sa *sa)
{
    if (sa_account(r->e, sa, r->index, 100, 1, 12345)) {
        r->sent++;
        r->bytes += 100;
    } else {
        r->refused++;
    }
}

static void reader_step(struct reader *r, uint32_t i)
{
    struct spd *spd = rcu_dereference(r->e->spd);
    struct spd_key key = { .family = IP_V4, .proto = 17, .dst = { 10, (uint8_t)i, 0, 1 } };
    rcu_tsan_found(spd);
    const struct policy *p = spd_lookup(spd, &key, false, NULL);
    struct ip_addr src = peer_addr(i % N_SAS), dst = ip_addr_v4(2, 0, 0, 1);
    struct sa *sa = sad_lookup(r->e, SA_ESP, &src, &dst, htonl(0x100));

    if (sa && sa->spi_be == htonl(0x100))
        reader_use_sa(r, sa);
    if (!p)
        return;
    r->hits++;
    counter_add(&slot_counters(r->e, r->index, p->slot)->out_transformed, 1);
    sa = slot_sa(r->e, p->slot, SA_ESP);
    if (sa)
        reader_use_sa(r, sa);
}

static void *reader_run(void *arg)
{
    struct reader *r = arg;

    urcu_memb_register_thread();
    for (uint32_t i = r->index; !atomic_load(r->stop); i += 7) {
        urcu_memb_read_lock();
        reader_step(r, i);
        rcu_tsan_leave(r->e);
        urcu_memb_read_unlock();
    }
    urcu_memb_unregister_thread();
    return NULL;
}

struct tally {
    uint64_t bytes, soft, hard, hard_removed;
};

static struct sa *sa_replaced(struct ipsec *e, struct sa *old, unsigned i, struct tally *t,
                              uint64_t now_ms)
{
    struct sa_config c = { .proto = SA_ESP,
                           .inbound = true,
                           .spi = 0x100,
                           .src = peer_addr(i),
                           .dst = ip_addr_v4(2, 0, 0, 1),
                           .cipher = CIPHER_NULL,
                           .auth = AUTH_MD5,
                           .auth_key = { .len = 16 },
                           .slot = i,
                           .replay_window = 32,
                           .life = { .hard_bytes = i % 2 ? 50000 : 0, .hard_s = i % 5 } };
    struct sa *sa;

    if (old) {
        ipsec_sa_remove(e, old);
        urcu_memb_synchronize_rcu(); /* its counters have come to rest; freed by a later tick */
        rcu_tsan_waited(e);
        t->bytes += sa_stats(old).bytes;
        t->hard_removed += old->hard_sent;
    }
    assert_int_equal(ipsec_sa_add(e, &c, 1, now_ms, &sa), SA_ADDED);
    ipsec_slot_set(e, i, sa, NULL);
    ipsec_slot_set(e, i + 150, sa, NULL);
    return sa;
}

static void events_drain(struct ipsec *e, struct tally *t)
{
    struct ipsec_event ev;

    while (ipsec_event_take(e, &ev)) {
        assert_int_not_equal(ev.type, EV_SOFT);
        t->hard += ev.type == EV_HARD;
    }
}

static void control_run(struct ipsec *e, unsigned rounds, struct tally *t)
{
    struct sa *sas[N_SAS] = { NULL };

    for (unsigned round = 0; round < rounds; round++) {
        uint64_t now_ms = round * 100;
        ipsec_spd_set(e, spd_make(round));
        for (unsigned i = round % 3; i < N_SAS; i += 3)
            sas[i] = sa_replaced(e, sas[i], i, t, now_ms);
        ipsec_tick(e, now_ms);
        ipsec_slot_reset(e, round % N_SLOTS);
        events_drain(e, t);
    }
    for (unsigned i = 0; i < N_SAS; i++)
        sas[i] = sa_replaced(e, sas[i], i, t, 0);
    events_drain(e, t);
}

static void readers_survive_every_change(void **state)
{
    const char *env = getenv("ENGINE_THREADS_ROUNDS");
    unsigned rounds = env ? (unsigned)atoi(env) : DEFAULT_ROUNDS;
    struct reader readers[N_READERS];
    struct tally t = { 0 };
    _Atomic bool stop = false;
    uint64_t bytes = 0, hits = 0;

    (void)state;
    urcu_memb_register_thread();
    struct ipsec *e = ipsec_new(N_READERS, BULK_OPENSSL);
    assert_non_null(e);
    for (unsigned i = 0; i < N_READERS; i++) {
        readers[i] = (struct reader){ .e = e, .index = i, .stop = &stop };
        assert_int_equal(pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]), 0);
    }
    control_run(e, rounds, &t);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < N_READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        bytes += readers[i].bytes;
        hits += readers[i].hits;
        assert_true(readers[i].hits > 0);
    }
    events_drain(e, &t);
    for (struct sa *sa = e->sa_first; sa; sa = sa->next) {
        t.bytes += sa_stats(sa).bytes;
        t.hard_removed += sa->hard_sent;
    }
    print_message("%llu lookups, %llu bytes, %llu SAs expired\n", (unsigned long long)hits,
                  (unsigned long long)bytes, (unsigned long long)t.hard);
    assert_int_equal(t.bytes, bytes); /* no count is lost */
    assert_int_equal(t.hard, t.hard_removed);
    ipsec_free(e);
    urcu_memb_unregister_thread();
}

/* ---- the event queue ---- */

static void *producer_run(void *arg)
{
    struct reader *r = arg;

    for (uint32_t i = 0; i < 20000; i++) {
        struct ipsec_event ev = { .type = EV_ACQUIRE, .slot = i, .spi = r->index };
        while (!event_put(r->e, &ev))
            sched_yield();
    }
    return NULL;
}

static void the_queue_loses_and_reorders_nothing(void **state)
{
    struct reader producers[N_READERS];
    uint32_t next[N_READERS] = { 0 };
    _Atomic bool stop = false;
    struct ipsec_event ev;

    (void)state;
    urcu_memb_register_thread();
    struct ipsec *e = ipsec_new(1, BULK_OPENSSL);
    for (unsigned i = 0; i < N_READERS; i++) {
        producers[i] = (struct reader){ .e = e, .index = i, .stop = &stop };
        assert_int_equal(pthread_create(&producers[i].thread, NULL, producer_run, &producers[i]),
                         0);
    }
    for (unsigned n = 0; n < N_READERS * 20000;) {
        if (!ipsec_event_take(e, &ev)) {
            sched_yield();
            continue;
        }
        assert_true(ev.spi < N_READERS);
        assert_int_equal(ev.slot, next[ev.spi]++);
        n++;
    }
    assert_false(ipsec_event_take(e, &ev));
    for (unsigned i = 0; i < N_READERS; i++)
        pthread_join(producers[i].thread, NULL);
    ipsec_free(e);
    urcu_memb_unregister_thread();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_survive_every_change),
        cmocka_unit_test(the_queue_loses_and_reorders_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
