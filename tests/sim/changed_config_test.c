/* Configuration that changes while exchanges run: they end cleanly, and nothing of them points at
 * what is gone. Threat S34. */
#include "ike_net.h"
#include "ike_priv.h"
#include "isakmp_numbers.h"
#include "unit.h"

static unsigned quick_modes(const struct net *n, unsigned engine)
{
    const struct ike *ike = n->e[engine].ike;
    unsigned count = 0;

    for (size_t i = 0; i < ike->phase1s.n_buckets; i++) {
        for (const struct map_link *l = ike->phase1s.buckets[i]; l; l = l->next) {
            const struct phase1 *p1 = map_owner(l, const struct phase1, by_cookie);
            const struct exchange *ex;

            TAILQ_FOREACH(ex, &p1->exchanges, in_p1)
            count += ex->quick != NULL;
        }
    }
    return count;
}

/* The oldest message or job, with the addresses of its path as MOVE leaves them. */
static bool next(struct net *n, void (*move)(struct net *n, struct net_message *m))
{
    for (unsigned i = 0; i < NET_ENGINES; i++) {
        if (n->e[i].n_jobs > 0) {
            net_job_finish(n, i, 0);
            return true;
        }
    }
    if (n->n_pending == 0)
        return false;
    if (move)
        move(n, &n->pending[0]);
    net_run(n, 1);
    return true;
}

/* B sees A's main mode come from another address than the rest. */
static void main_mode_elsewhere(struct net *n, struct net_message *m)
{
    if (m->to == NET_A)
        m->path.local = n->e[NET_A].addr;
    else if (m->bytes[18] == EXCHANGE_MAIN)
        m->path.remote = ip_addr_v4(192, 0, 2, 9);
}

static void policy_of_a_peer_that_moved_is_removed(void **state)
{
    struct net *n = net_new(1);

    (void)state;
    ike_on_acquire(n->e[NET_A].ike, n->now_ms, 7);
    net_actions(n, NET_A);
    while (quick_modes(n, NET_B) == 0)
        assert_true(next(n, main_mode_elsewhere));
    n->e[NET_B].n_policies = 0;
    net_configure(n, NET_B);
    assert_int_equal(quick_modes(n, NET_B), 0);
    while (next(n, main_mode_elsewhere))
        ;
    net_advance(n, 60000);
    assert_int_equal(n->e[NET_B].n_children, 0);
    net_free(n);
}

enum what { POLICIES, PEERS, PROPOSALS, SECRET, PFS, RESTART, KILL, WHATS };

static void change(struct net *n, unsigned engine, enum what what)
{
    struct net_engine *e = &n->e[engine];

    switch (what) {
    case POLICIES:
        e->n_policies = e->n_policies ? 0 : e->all_policies;
        break;
    case PEERS:
        e->n_peers = e->n_peers ? 0 : e->all_peers;
        break;
    case PROPOSALS:
        e->n_proposals = !e->n_proposals;
        break;
    case SECRET:
        e->peers[0].psk.b[0] ^= 1;
        break;
    case PFS:
        e->proposals[0].pfs_group = e->proposals[0].pfs_group ? DH_NONE : DH_MODP768;
        break;
    case RESTART:
        net_restart(n, engine);
        return;
    case KILL:
        ike_kill_connections(n->e[engine].ike, n->now_ms);
        net_actions(n, engine);
        return;
    case WHATS:
        break;
    }
    net_configure(n, engine);
}

/* Each change on either side after every step of a negotiation, and back again some steps later. */
static void every_change_at_every_step(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 20; at++) {
        for (unsigned back = 0; back < 8; back += 7) {
            for (unsigned what = 0; what < 2 * WHATS; what++) {
                struct net *n = net_new(1);

                n->e[NET_A].proposals[0].pfs_group = n->e[NET_B].proposals[0].pfs_group =
                    DH_MODP768;
                net_configure(n, NET_A);
                net_configure(n, NET_B);
                ike_on_acquire(n->e[NET_A].ike, n->now_ms, 7);
                net_actions(n, NET_A);
                for (unsigned i = 0; i < at; i++)
                    next(n, NULL);
                change(n, what & 1, what / 2);
                for (unsigned i = 0; i < back; i++)
                    next(n, NULL);
                change(n, what & 1, what / 2);
                for (unsigned i = 0; i < 30; i++) {
                    net_run(n, 100);
                    net_advance(n, 10000);
                    ike_on_acquire(n->e[NET_A].ike, n->now_ms, 7);
                    net_actions(n, NET_A);
                }
                if (n->e[NET_A].n_children == 0 || n->e[NET_B].n_children == 0)
                    fail_msg("change %u at step %u, back after %u", what, at, back);
                net_free(n);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_of_a_peer_that_moved_is_removed),
        cmocka_unit_test(every_change_at_every_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
