/* What one side has and the other has not (any more): whoever learns of it says so, or packets go
 * nowhere for as long as an SA lives. */
#include "exchange.h"
#include "ike_net.h"
#include "ike_priv.h"
#include "informational.h"
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

/* ---- INVALID-SPI ---- */

static struct phase1 *phase1_of(const struct net *n, unsigned engine)
{
    return map_owner(map_any(&n->e[engine].ike->phase1s), struct phase1, by_cookie);
}

static struct child *child_of(const struct net *n, unsigned engine)
{
    return map_owner(map_any(&n->e[engine].ike->children), struct child, by_id);
}

static struct net *net_up(void)
{
    struct net *n = net_new(3);

    acquire(n, NET_A);
    net_run(n, 100);
    net_advance(n, 20000); /* old enough to be worth another at once */
    assert_int_equal(usable(n, NET_A), 1);
    return n;
}

static void invalid_spi_say(struct net *n, uint8_t proto, uint32_t spi)
{
    informational_refuse_quick(phase1_of(n, NET_B), proto, spi, NOTIFY_INVALID_SPI);
    net_actions(n, NET_B);
    net_run(n, 100);
}

static void peer_without_our_sa_gets_another(void **state)
{
    struct net *n = net_up();

    (void)state;
    uint64_t id = child_of(n, NET_A)->id;
    invalid_spi_say(n, ISAKMP_PROTO_ESP, child_of(n, NET_A)->spis[0].out);
    assert_int_equal(n->e[NET_A].n_children, 0);
    assert_int_equal(n->e[NET_B].n_children, 0); /* its other half is of no use either */
    acquire(n, NET_A);
    net_run(n, 100);
    assert_int_equal(usable(n, NET_A), 1);
    assert_true(child_of(n, NET_A)->id != id);
    net_free(n);
}

static void invalid_spi_of_something_else_changes_nothing(void **state)
{
    struct net *n = net_up();
    const struct child *c = child_of(n, NET_A);
    uint64_t id = c->id;

    (void)state;
    invalid_spi_say(n, ISAKMP_PROTO_ESP, c->spis[0].out + 1);
    invalid_spi_say(n, ISAKMP_PROTO_AH, c->spis[0].out);
    invalid_spi_say(n, ISAKMP_PROTO_ISAKMP, c->spis[0].out);
    invalid_spi_say(n, ISAKMP_PROTO_ESP, c->spis[0].in); /* what we receive by is ours to know */
    invalid_spi_say(n, ISAKMP_PROTO_ESP, 0);             /* without an SPI */
    assert_int_equal(usable(n, NET_A), 1);
    assert_true(child_of(n, NET_A)->id == id);
    net_free(n);
}

/* The same notification from somebody without keys: in the clear, or with a hash that is not. */
static void invalid_spi_of_a_stranger_changes_nothing(void **state)
{
    struct net *n = net_up();
    uint32_t spi = child_of(n, NET_A)->spis[0].out;
    const struct phase1 *p1 = phase1_of(n, NET_A);
    uint8_t m[28 + 16] = { 0 };

    (void)state;
    memcpy(m, &p1->cookies, 16);
    m[16] = PL_NOTIFY;
    m[17] = 0x10;
    m[18] = EXCHANGE_INFORMATIONAL;
    be32_put(m + 20, 0xabcdef);
    be32_put(m + 24, sizeof m);
    be32_put(m + 28, 16); /* next none, length */
    be32_put(m + 32, ISAKMP_DOI_IPSEC);
    m[36] = ISAKMP_PROTO_ESP;
    m[37] = 4;
    be16_put(m + 38, NOTIFY_INVALID_SPI);
    be32_put(m + 40, spi);
    const struct ike_path path = p1->path;
    net_deliver(n, NET_A, &path, m, sizeof m);
    m[19] = ISAKMP_FLAG_ENCRYPTED;
    net_deliver(n, NET_A, &path, m, sizeof m);
    net_run(n, 100);
    assert_int_equal(usable(n, NET_A), 1);
    assert_int_equal(usable(n, NET_B), 1);
    assert_int_equal(child_of(n, NET_A)->spis[0].out, spi);
    net_free(n);
}

/* A peer that loses every SA as soon as it is made is asked ever less often. */
static void invalid_spi_of_every_sa_is_no_storm(void **state)
{
    struct net *n = net_up();
    unsigned made = 0;

    (void)state;
    for (unsigned s = 0; s < 600; s++) {
        acquire(n, NET_A);
        net_run(n, 100);
        if (usable(n, NET_A)) {
            made++;
            invalid_spi_say(n, ISAKMP_PROTO_ESP, child_of(n, NET_A)->spis[0].out);
        }
        net_advance(n, 1000);
    }
    assert_in_range(made, 5, 30);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_that_is_never_confirmed_is_taken_back),
        cmocka_unit_test(old_phase1_of_a_restarted_peer_dies_alone),
        cmocka_unit_test(message_ids_never_run_out),
        cmocka_unit_test(peer_without_our_sa_gets_another),
        cmocka_unit_test(invalid_spi_of_something_else_changes_nothing),
        cmocka_unit_test(invalid_spi_of_a_stranger_changes_nothing),
        cmocka_unit_test(invalid_spi_of_every_sa_is_no_storm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
