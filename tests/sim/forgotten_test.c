/* What one side has and the other has not (any more): whoever learns of it says so, or packets go
 * nowhere for as long as an SA lives. */
#include "exchange.h"
#include "ike_net.h"
#include "ike_priv.h"
#include "isakmp_numbers.h"
#include "unit.h"

static void acquire(struct net *n, unsigned engine)
{
    ike_on_acquire(n->e[engine].ike, n->now_ms, 7);
    net_actions(n, engine);
}

static void pending_lose(struct net *n, unsigned to, unsigned exchange)
{
    for (unsigned i = 0; i < n->n_pending;) {
        if (n->pending[i].to == to && n->pending[i].bytes[18] == exchange)
            net_pending_drop(n, i);
        else
            i++;
    }
}

static unsigned usable(const struct net *n, unsigned engine)
{
    unsigned count = 0;

    for (unsigned i = 0; i < n->e[engine].n_children; i++)
        count += n->e[engine].children[i].out;
    return count;
}

/* Message 3 never comes: the responder gives up, and the initiator, which sends by the SA already,
 * hears of it. */
static void answer_that_is_never_confirmed_is_taken_back(void **state)
{
    struct net *n = net_new(1);

    (void)state;
    acquire(n, NET_A);
    while (n->e[NET_B].n_children == 0)
        net_run(n, 1);
    for (unsigned i = 0; i < 240 && n->e[NET_B].n_children > 0; i++) {
        net_run(n, 1);
        pending_lose(n, NET_B, EXCHANGE_QUICK);
        if (n->n_pending == 0)
            net_advance(n, 1000);
        if (i == 20)
            assert_int_equal(usable(n, NET_A), 1);
    }
    assert_int_equal(n->e[NET_B].n_children, 0);
    net_run(n, 10);
    assert_int_equal(n->e[NET_A].n_children, 0);
    acquire(n, NET_A);
    for (unsigned i = 0; i < 20; i++) {
        net_run(n, 100);
        net_advance(n, 1000);
    }
    acquire(n, NET_A);
    net_run(n, 100);
    assert_int_equal(usable(n, NET_A), 1);
    assert_int_equal(usable(n, NET_B), 1);
    net_free(n);
}

/* A starts anew, and the message by which it would say so is lost: B's old phase 1 SA ends
 * unanswered, what was made since stays. */
static void old_phase1_of_a_restarted_peer_dies_alone(void **state)
{
    struct net *n = net_new(1);

    (void)state;
    n->e[NET_A].peers[0].send_initial_contact = false;
    net_configure(n, NET_A);
    acquire(n, NET_A);
    net_run(n, 100);
    net_advance(n, 60000);
    net_restart(n, NET_A);
    acquire(n, NET_A);
    net_run(n, 100);
    assert_int_equal(usable(n, NET_A), 1);
    for (unsigned i = 0; i < 600; i++) {
        net_advance(n, 1000);
        net_run(n, 100);
        assert_int_equal(usable(n, NET_A), 1);
        assert_true(usable(n, NET_B) >= 1);
    }
    net_free(n);
}

static struct phase1 *phase1_up(const struct net *n, unsigned engine)
{
    return host_up(TAILQ_FIRST(&policy_find(n->e[engine].ike, 7)->children)->host);
}

/* Every exchange takes a message ID that none may use again: before an SA has no more of them there
 * is another SA. */
static void message_ids_never_run_out(void **state)
{
    struct net *n = net_new(1);
    const struct phase1 *first;

    (void)state;
    acquire(n, NET_A);
    net_run(n, 100);
    first = phase1_up(n, NET_B);
    for (unsigned e = NET_A; e <= NET_B; e++) {
        struct phase1 *p1 = phase1_up(n, e);

        for (uint32_t id = 1; p1->used_ids.n < IKE_MESSAGE_IDS_MAX - 30; id += 7919)
            exchange_end(exchange_new(p1, EXCHANGE_INFORMATIONAL, true, id));
    }
    for (unsigned i = 0; i < 60; i++) {
        net_advance(n, 60000);
        net_run(n, 100);
        assert_true(usable(n, NET_A) >= 1 && usable(n, NET_B) >= 1);
    }
    assert_true(phase1_up(n, NET_B) != first);
    assert_true(phase1_up(n, NET_B)->used_ids.n < 1000);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_that_is_never_confirmed_is_taken_back),
        cmocka_unit_test(old_phase1_of_a_restarted_peer_dies_alone),
        cmocka_unit_test(message_ids_never_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
