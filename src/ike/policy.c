#include "policy.h"

#include "exchange.h"
#include "phase1.h"
#include "quick_mode.h"
#include "report.h"

#include <stdlib.h>

bool policy_is_served(const struct policy *policy)
{
    const struct child *c;

    TAILQ_FOREACH(c, &policy->children, in_policy)
    {
        if (c->out_installed)
            return true;
    }
    return false;
}

uint32_t ike_policy_peer(const struct ike *ike, uint32_t policy_id)
{
    const struct policy *policy = policy_find(ike, policy_id);
    const struct peer *peer = policy ? peer_find(ike, &policy->cfg.remote) : NULL;

    return peer ? peer->cfg.id : 0;
}

/* ---- those who wait: first come, first served ---- */

void policy_wait(struct policy *policy)
{
    if (policy->waiting || !policy->wanted)
        return;
    policy->waiting = true;
    TAILQ_INSERT_TAIL(&policy->host->waiting, policy, in_waiting);
}

static void wait_no_more(struct policy *policy)
{
    if (!policy->waiting)
        return;
    policy->waiting = false;
    TAILQ_REMOVE(&policy->host->waiting, policy, in_waiting);
}

static bool has_room(const struct phase1 *p1)
{
    return p1->n_quick_own < IKE_QUICK_MODES_OWN;
}

void host_kick(struct host *h)
{
    struct policy *policy, *next;

    TAILQ_FOREACH_SAFE(policy, &h->waiting, in_waiting, next)
    {
        const struct phase1 *p1 = host_up(h);

        if (p1 ? !has_room(p1) : host_negotiating(h) != NULL)
            return; /* for those behind it, too */
        policy_try(policy);
    }
}

/* ---- trying ---- */

static void on_retry(struct timer *t)
{
    policy_try(timer_owner(t, struct policy, retry));
}

/* Nobody else tries it before. */
static void retry_at(struct policy *policy, uint64_t at_ms)
{
    wait_no_more(policy);
    timer_arm(&policy->ike->timers, &policy->retry, at_ms, on_retry);
}

static void cannot(struct policy *policy, const char *why)
{
    if (policy->failures == 0)
        report_policy(policy, IKE_REPORT_ERROR, REPORT_ERROR, "cannot negotiate: %s", why);
    policy_failed(policy);
}

/* With phase 1 up: a quick mode, or its turn when one is done. */
static void quick_or_wait(struct policy *policy, struct phase1 *p1)
{
    if (!has_room(p1))
        return;
    wait_no_more(policy);
    quick_start(p1, policy);
}

static struct phase1 *phase1_for(const struct policy *policy)
{
    const struct child *c = TAILQ_FIRST(&policy->children);

    return c ? host_up_for(policy->host, c) : host_up(policy->host);
}

void policy_try(struct policy *policy)
{
    struct ike *ike = policy->ike;
    const char *why;
    struct peer *peer;
    struct phase1 *p1;

    if (!policy->wanted || policy->quick)
        return;
    if (ike->now_ms < policy->not_before_ms) {
        retry_at(policy, policy->not_before_ms);
        return;
    }
    if (policy->n_theirs > 0 && ike->now_ms < policy->theirs_ms + IKE_PEERS_TURN_MS) {
        retry_at(policy, policy->theirs_ms + IKE_PEERS_TURN_MS);
        return;
    }
    policy_wait(policy);
    if (!policy->proposal) {
        cannot(policy, "the proposal does not exist or is disabled");
        return;
    }
    peer = peer_find(ike, &policy->cfg.remote);
    if (!peer) {
        cannot(policy, "no peer entry matches the policy's remote address");
        return;
    }
    p1 = phase1_for(policy);
    if (p1) {
        quick_or_wait(policy, p1);
        return;
    }
    if (peer->cfg.passive || host_negotiating(policy->host))
        return; /* its turn comes when phase 1 is up */
    if (!phase1_possible(policy->ike, peer, &why)) {
        cannot(policy, why);
        return;
    }
    phase1_initiate(ike, peer, &policy->cfg.local, &policy->cfg.remote);
}

void policy_want(struct policy *policy)
{
    policy->wanted = true;
    policy_try(policy);
}

static bool renewal_is_due(const struct policy *policy)
{
    const struct child *c = TAILQ_FIRST(&policy->children);

    return c && c->renew_due;
}

void policy_failed(struct policy *policy)
{
    struct ike *ike = policy->ike;
    uint64_t ms = IKE_BACKOFF_MS;

    for (unsigned i = 0; i < policy->failures && ms < IKE_BACKOFF_MAX_MS; i++)
        ms *= 2;
    if (ms > IKE_BACKOFF_MAX_MS)
        ms = IKE_BACKOFF_MAX_MS;
    policy->failures++;
    policy->not_before_ms = ike->now_ms + ms + ike_random_below(ike, ms / 4);
    policy->wanted = renewal_is_due(policy);
    wait_no_more(policy);
    if (policy->wanted)
        retry_at(policy, policy->not_before_ms);
}

void policy_served(struct policy *policy)
{
    policy->wanted = false;
    policy->failures = 0;
    policy->not_before_ms = 0;
    wait_no_more(policy);
    timer_stop(&policy->ike->timers, &policy->retry);
}

void policy_free(struct policy *policy)
{
    timer_stop(&policy->ike->timers, &policy->retry);
    wait_no_more(policy);
    map_remove(&policy->ike->policies_by_selectors, &policy->by_selectors);
    TAILQ_REMOVE(&policy->host->policies, policy, in_host);
    proposal_unref(policy->proposal);
    host_release(policy->ike, policy->host);
    free(policy);
}
