/* Two peers behind one address (a NAT), each with its own phase 1 SA, identity and policy: what one
 * of them does, or that it died, does nothing to the other. Threats S22 and S23. */
#include "child.h"
#include "ike_net.h"
#include "ike_priv.h"
#include "mitm.h"
#include "unit.h"

static void up(struct net *n, unsigned engine, uint32_t policy)
{
    ike_on_acquire(n->e[engine].ike, n->now_ms, policy);
    net_actions(n, engine);
    net_run(n, 100);
}

/* Pairs for sending at B: of C's policy or of A's. */
static unsigned children(const struct net *n, bool of_c)
{
    const struct ike *ike = n->e[NET_B].ike;
    unsigned count = 0;

    for (size_t i = 0; i < ike->n_policies; i++) {
        const struct policy *p = ike->policies[i];
        const struct child *c;

        if ((p->cfg.id == 9) != of_c)
            continue;
        TAILQ_FOREACH(c, &p->children, in_policy)
        count += c->in_installed && c->out_installed;
    }
    return count;
}

static struct net *both_up(void)
{
    struct net *n = net_new(1);

    up(n, NET_A, 7);
    up(n, NET_C, 9);
    assert_int_equal(children(n, false), 1);
    assert_int_equal(children(n, true), 1);
    return n;
}

static void initial_contact_of_one_leaves_the_other(void **state)
{
    struct net *n = both_up();

    (void)state;
    net_advance(n, 5000);
    net_restart(n, NET_C);
    up(n, NET_C, 9); /* says INITIAL-CONTACT */
    assert_int_equal(children(n, false), 1);
    assert_int_equal(children(n, true), 1);
    net_free(n);
}

/* C is gone without a word; A answers. */
static void death_of_one_leaves_the_other(void **state)
{
    struct net *n = both_up();

    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        net_advance(n, 10000);
        for (unsigned k = 0; k < n->n_pending;) {
            if (n->pending[k].to == NET_C)
                net_pending_drop(n, k);
            else
                k++;
        }
        net_run(n, 100);
    }
    assert_int_equal(children(n, false), 1);
    assert_int_equal(children(n, true), 0);
    net_free(n);
}

/* A's phase 1 SA is the newer one; what was made with C is deleted and renewed with C. */
static void each_is_told_about_its_own(void **state)
{
    struct net *n = both_up();
    const struct child *c;

    (void)state;
    net_advance(n, 5000);
    net_restart(n, NET_A);
    up(n, NET_A, 7);
    c = TAILQ_FIRST(&policy_find(n->e[NET_B].ike, 9)->children);
    ike_on_sa_event(n->e[NET_B].ike, n->now_ms, c->id, IKE_SA_SOFT);
    net_actions(n, NET_B);
    net_advance(n, 10000);
    net_run(n, 100);
    assert_int_equal(children(n, true), 2);
    assert_int_equal(n->e[NET_C].n_children, 2);
    for (unsigned i = 0; i < 2; i++) {
        c = TAILQ_FIRST(&policy_find(n->e[NET_B].ike, 9)->children);
        ike_on_sa_event(n->e[NET_B].ike, n->now_ms, c->id, IKE_SA_FLUSHED);
        net_actions(n, NET_B);
        net_run(n, 100);
    }
    assert_int_equal(n->e[NET_C].n_children, 0);
    net_free(n);
}

static struct child *child_of_policy(const struct net *n, uint32_t id)
{
    return TAILQ_FIRST(&policy_find(n->e[NET_B].ike, id)->children);
}

/* S33: our packets to both would go by one SPI between the same addresses. */
static void spi_of_the_other_is_refused(void **state)
{
    struct net *n = both_up();
    const struct child *of_a = child_of_policy(n, 7), *of_c = child_of_policy(n, 9);
    const struct phase1 *a = host_up_for(of_a->host, of_a), *c = host_up_for(of_c->host, of_c);

    (void)state;
    assert_ptr_equal(of_a->host, of_c->host);
    assert_true(a != c);
    assert_true(child_spi_may(a, 50, of_a->spis[0].out)); /* given again: it means the new one */
    assert_false(child_spi_may(c, 50, of_a->spis[0].out));
    assert_false(child_spi_may(a, 50, of_c->spis[0].out));
    assert_true(child_spi_may(c, 51, of_a->spis[0].out));
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_contact_of_one_leaves_the_other),
        cmocka_unit_test(death_of_one_leaves_the_other),
        cmocka_unit_test(each_is_told_about_its_own),
        cmocka_unit_test(spi_of_the_other_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
