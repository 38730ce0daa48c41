/* Many messages from strangers and from peers who mean no good: the log, the state and the work
 * they cause are bounded, and who has business with us gets through. Threats D1 to D4, D13, A1,
 * A23, S12, S24. */
#include "cursor.h"
#include "ike_net.h"
#include "ike_priv.h"
#include "isakmp_numbers.h"
#include "mitm.h"
#include "unit.h"

static void acquire(struct net *n, unsigned engine)
{
    ike_on_acquire(n->e[engine].ike, n->now_ms, 7);
    net_actions(n, engine);
}

static void pending_forget(struct net *n)
{
    while (n->n_pending > 0)
        net_pending_drop(n, 0);
}

/* A's first message, taken off the wire. */
struct first {
    struct ike_path path;
    uint8_t b[512];
    size_t len;
};

static struct first first_of_a(void)
{
    struct net *n = net_new(7);
    struct first f;

    acquire(n, NET_A);
    f.path = n->pending[0].path;
    f.len = n->pending[0].len;
    assert_true(f.len <= sizeof f.b);
    memcpy(f.b, n->pending[0].bytes, f.len);
    net_free(n);
    return f;
}

/* The same with other cookies, from anywhere. */
static void first_from(struct net *n, struct first *f, uint32_t cookie, const struct ip_addr *from)
{
    struct ike_path path = f->path;

    path.remote = *from;
    be32_put(f->b, cookie);
    net_deliver(n, NET_B, &path, f->b, f->len);
}

static struct ip_addr stranger(unsigned i)
{
    return ip_addr_v4(203, 0, (uint8_t)(i >> 8), (uint8_t)i);
}

static void strangers_fill_no_log(void **state)
{
    struct first f = first_of_a();
    struct net *n = net_new(1);

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct ip_addr from = stranger(i);

        first_from(n, &f, i + 1, &from);
        pending_forget(n);
    }
    net_advance(n, 40000); /* and all of them are given up */
    assert_true(n->e[NET_B].n_lines < 1000);
    net_free(n);
}

/* Forged first messages with the address of the peer keep it from nothing. */
static void forged_first_messages_do_not_keep_the_peer_out(void **state)
{
    struct first f = first_of_a();
    struct net *n = net_new(1);
    struct ip_addr a = n->e[NET_A].addr;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        first_from(n, &f, i + 1, &a);
        pending_forget(n);
    }
    acquire(n, NET_A);
    for (unsigned i = 0; i < 10 && n->e[NET_A].n_children == 0; i++) {
        net_run(n, 100);
        first_from(n, &f, 100 + i, &a); /* and go on */
        pending_forget(n);
        net_advance(n, 1000);
    }
    assert_int_equal(n->e[NET_A].n_children, 1);
    net_free(n);
}

static void half_open_sas_of_one_source_are_few(void **state)
{
    struct first f = first_of_a();
    struct net *n = net_new(1);
    struct ip_addr from = stranger(1);

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        first_from(n, &f, i + 1, &from);
        pending_forget(n);
        assert_true(n->e[NET_B].ike->n_half_open <= IKE_HALF_OPEN_PER_SOURCE);
        if (i % 10 == 0)
            net_advance(n, 1000);
    }
    net_free(n);
}

/* Message 3 of an exchange that a stranger began, with whatever for a public value. */
static void ke_from(struct net *n, struct first *f, const struct ip_addr *from, uint8_t fill)
{
    uint8_t m[28 + 4 + 96 + 4 + 16] = { 0 };
    struct ike_path path = f->path;

    path.remote = *from;
    memcpy(m, n->pending[n->n_pending - 1].bytes, 16); /* the cookies of the answer */
    m[16] = PL_KE;
    m[17] = 0x10;
    m[18] = EXCHANGE_MAIN;
    be32_put(m + 24, sizeof m);
    m[28] = PL_NONCE;
    be16_put(m + 30, 4 + 96);
    memset(m + 32, fill, 96);
    be16_put(m + 28 + 100 + 2, 4 + 16);
    net_deliver(n, NET_B, &path, m, sizeof m);
}

/* D4: who forges a source address does not see our cookie. */
static void nothing_is_computed_before_our_cookie_comes_back(void **state)
{
    struct first f = first_of_a();
    struct net *n = net_new(1);
    struct ip_addr from = stranger(1);

    (void)state;
    first_from(n, &f, 1, &from);
    assert_int_equal(n->n_pending, 1);
    memset(n->pending[0].bytes + 8, 0, 8);
    ke_from(n, &f, &from, 0x17);
    assert_int_equal(n->e[NET_B].n_jobs, 0);
    memset(n->pending[0].bytes + 8, 0x77, 8);
    ke_from(n, &f, &from, 0x17);
    assert_int_equal(n->e[NET_B].n_jobs, 0);
    net_free(n);
}

static void bad_public_values_fill_no_log(void **state)
{
    struct first f = first_of_a();
    struct net *n = net_new(1);

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        struct ip_addr from = stranger(i % 7);

        first_from(n, &f, i + 1, &from);
        assert_true(n->n_pending > 0);
        ke_from(n, &f, &from, 0xff);
        while (n->e[NET_B].n_jobs > 0)
            net_job_finish(n, NET_B, 0);
        pending_forget(n);
    }
    assert_int_equal(n->e[NET_B].ike->n_half_open, 0);
    assert_true(n->e[NET_B].n_lines < 400);
    net_free(n);
}

/* However many addresses an attacker has: what waits for a processor is bounded. */
static void work_for_strangers_is_bounded(void **state)
{
    static struct ike_job *jobs[8 * IKE_HALF_OPEN_MAX];
    struct first f = first_of_a();
    struct net *n = net_new(1);
    struct net_engine *b = &n->e[NET_B];
    unsigned n_jobs = 0;

    (void)state;
    for (unsigned i = 0; i < 8 * IKE_HALF_OPEN_MAX; i++) {
        struct ip_addr from = stranger(i);

        first_from(n, &f, i + 1, &from);
        assert_true(n->n_pending > 0);
        ke_from(n, &f, &from, (uint8_t)(i | 1));
        if (b->n_jobs > 0) /* which nobody gets round to */
            jobs[n_jobs++] = b->jobs[--b->n_jobs];
        pending_forget(n);
    }
    assert_true(n_jobs <= 2 * IKE_HALF_OPEN_MAX);
    for (unsigned i = 0; i < n_jobs; i++)
        ike_on_job_done(b->ike, n->now_ms, jobs[i]);
    net_actions(n, NET_B);
    net_free(n);
}

/* ---- peers with keys ---- */

static struct phase1 *phase1_up(const struct net *n, unsigned engine)
{
    return host_up(TAILQ_FIRST(&policy_find(n->e[engine].ike, 7)->children)->host);
}

static void protected_send(struct net *n, uint32_t id, uint8_t type, const uint8_t *body,
                           size_t len)
{
    static uint8_t b[MITM_BYTES_MAX], zero[20];
    static struct mitm_msg m;
    struct phase1 *p1 = phase1_up(n, NET_B);

    mitm_begin(&m, &p1->cookies, EXCHANGE_INFORMATIONAL, id);
    mitm_insert(&m, 0, PL_HASH, (struct slice){ zero, digest_info[p1->digest].len });
    mitm_insert(&m, 1, type, (struct slice){ body, len });
    mitm_rehash(n->e[NET_B].ike, &m);
    len = mitm_seal(n->e[NET_B].ike, &m, b, sizeof b);
    net_deliver(n, NET_B, &p1->path, b, len);
}

static void errors_of_a_peer_fill_no_log(void **state)
{
    static const uint8_t refused[] = { 0, 0, 0, 1, 3, 0, 0, 14 };
    struct net *n = net_new(1);

    (void)state;
    acquire(n, NET_A);
    net_run(n, 100);
    for (uint32_t i = 1; i < 20000; i++)
        protected_send(n, 0x1000 + i, PL_NOTIFY, refused, sizeof refused);
    assert_true(n->e[NET_B].n_lines < 1000);
    assert_int_equal(n->e[NET_B].n_children, 1);
    net_free(n);
}

static void questions_of_a_peer_are_answered_in_moderation(void **state)
{
    struct net *n = net_new(1);
    uint8_t ask[] = { 0, 0, 0, 1, 1, 16, 0x8d, 0x28, [28 - 1] = 0 };
    unsigned before;

    (void)state;
    acquire(n, NET_A);
    net_run(n, 100);
    memcpy(ask + 8, &phase1_up(n, NET_B)->cookies, 16);
    before = n->e[NET_B].n_sent;
    for (uint32_t i = 1; i < 5000; i++) {
        be32_put(ask + 24, 100 + i);
        protected_send(n, 0x1000 + i, PL_NOTIFY, ask, sizeof ask);
        if (i % 500 == 0)
            net_advance(n, 1000);
        pending_forget(n);
    }
    assert_in_range(n->e[NET_B].n_sent - before, 10, 150);
    net_free(n);
}

/* A wrong secret a thousand times, then the right one. */
static void failures_lock_nobody_out(void **state)
{
    struct net *n = net_new(1);
    unsigned lines;

    (void)state;
    n->e[NET_A].peers[0].psk.b[0] ^= 1;
    for (unsigned i = 0; i < 1000; i++) {
        net_configure(n, NET_A);
        acquire(n, NET_A);
        net_run(n, 100);
        net_restart(n, NET_A);
        net_advance(n, 10);
    }
    lines = n->e[NET_B].n_lines;
    assert_true(lines < 500);
    n->e[NET_A].peers[0].psk.b[0] ^= 1;
    net_configure(n, NET_A);
    for (unsigned i = 0; i < 10 && n->e[NET_A].n_children == 0; i++) {
        acquire(n, NET_A);
        net_run(n, 100);
        net_advance(n, 1000);
    }
    assert_int_equal(n->e[NET_A].n_children, 1);
    net_free(n);
}

/* A1: after message 5 with another secret the responder is silent. */
static void another_secret_is_met_with_silence(void **state)
{
    struct net *n = net_new(1);

    (void)state;
    n->e[NET_A].peers[0].psk.b[0] ^= 1;
    net_configure(n, NET_A);
    acquire(n, NET_A);
    net_run(n, 100);
    assert_int_equal(n->e[NET_B].n_sent, 2);
    for (unsigned i = 0; i < 60; i++) {
        net_advance(n, 1000);
        net_run(n, 100);
    }
    assert_int_equal(n->e[NET_B].n_sent, 2);
    assert_int_equal(n->e[NET_B].n_children + n->e[NET_A].n_children, 0);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_fill_no_log),
        cmocka_unit_test(forged_first_messages_do_not_keep_the_peer_out),
        cmocka_unit_test(half_open_sas_of_one_source_are_few),
        cmocka_unit_test(nothing_is_computed_before_our_cookie_comes_back),
        cmocka_unit_test(bad_public_values_fill_no_log),
        cmocka_unit_test(work_for_strangers_is_bounded),
        cmocka_unit_test(errors_of_a_peer_fill_no_log),
        cmocka_unit_test(questions_of_a_peer_are_answered_in_moderation),
        cmocka_unit_test(failures_lock_nobody_out),
        cmocka_unit_test(another_secret_is_met_with_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
