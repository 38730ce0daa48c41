#include "rekey.h"

#include "child.h"
#include "phase1.h"
#include "policy.h"
#include "report.h"

/* ---- phase 2 ---- */

static void on_renew(struct timer *t)
{
    struct child *c = timer_owner(t, struct child, renew);

    /* Another pair is in use already: made by the peer, or at the same time. */
    if (!child_is_current(c))
        return;
    c->renew_due = true;
    policy_want(c->policy);
}

/* By time the initiator soon, so that not all pairs of one moment begin at once, and the responder
 * when 90% are over. By bytes the initiator at once, for nobody knows how fast the rest goes, and
 * the responder when that has had its chance. */
void rekey_child_soft(struct child *c)
{
    struct ike *ike = c->ike;
    uint64_t hard_ms = (uint64_t)c->hard_s * 1000;
    uint64_t late_ms = c->created_ms + hard_ms * IKE_LATE_PERCENT / 100;
    uint64_t soft_ms = c->created_ms + hard_ms * (IKE_PHASE1_SOFT_PERCENT - 1) / 100;
    bool by_time = hard_ms > 0 && ike->now_ms >= soft_ms;
    uint64_t jitter_ms = by_time ? hard_ms * IKE_JITTER_PERCENT / 100 : 0;
    uint64_t at_ms;

    c->soft_told = true;
    if (timer_armed(&c->renew) || c->renew_due || !child_is_current(c))
        return;
    c->bytes_run_out = !by_time;
    if (c->initiator)
        at_ms = ike->now_ms + ike_random_below(ike, jitter_ms);
    else
        at_ms = by_time ? late_ms : ike->now_ms + IKE_BYTES_LATE_MS;
    timer_arm(&ike->timers, &c->renew, at_ms, on_renew);
}

/* ---- phase 1 ---- */

static void on_hard(struct timer *t)
{
    phase1_delete(timer_owner(t, struct phase1, hard));
}

static void renew(struct phase1 *p1)
{
    struct host *h = p1->host;
    bool passive = p1->peer->cfg.passive && !p1->initiator;

    /* Nothing to renew it for: traffic brings another when it wants one. */
    if (p1->renewing || TAILQ_EMPTY(&h->children) || host_up(h) != p1 || host_negotiating(h) ||
        passive)
        return;
    p1->renewing = true;
    phase1_initiate(p1->ike, p1->peer, &p1->path.local, &p1->path.remote);
}

static void on_soft(struct timer *t)
{
    struct phase1 *p1 = timer_owner(t, struct phase1, life);
    struct ike *ike = p1->ike;
    uint64_t again_ms = ike->now_ms + (uint64_t)p1->lifetime_s * 1000 / 50;

    p1->renewing = false;
    renew(p1);
    /* Once more if that fails, or if SAs come to be meanwhile. */
    timer_arm(&ike->timers, &p1->life, again_ms + 1000, on_soft);
}

void rekey_phase1_start(struct phase1 *p1)
{
    struct ike *ike = p1->ike;
    uint64_t hard_ms = (uint64_t)p1->lifetime_s * 1000;
    unsigned percent = p1->initiator ? IKE_PHASE1_SOFT_PERCENT : IKE_LATE_PERCENT;
    uint64_t jitter_ms = ike_random_below(ike, hard_ms * IKE_JITTER_PERCENT / 100);

    if (hard_ms == 0)
        return;
    timer_arm(&ike->timers, &p1->hard, ike->now_ms + hard_ms, on_hard);
    timer_arm(&ike->timers, &p1->life, ike->now_ms + hard_ms * percent / 100 + jitter_ms, on_soft);
}

static bool is_spent(const struct phase1 *p1, unsigned percent)
{
    return (p1->lifebytes > 0 && p1->bytes >= p1->lifebytes * percent / 100) ||
           p1->used_ids.n >= IKE_MESSAGE_IDS_MAX * percent / 100;
}

void rekey_phase1_look(struct phase1 *p1)
{
    if (p1->main->state != P1_UP)
        return;
    if (is_spent(p1, 100))
        phase1_delete(p1);
    else if (is_spent(p1, p1->initiator ? IKE_PHASE1_SOFT_PERCENT : IKE_LATE_PERCENT))
        renew(p1);
}

/* ---- phase 2 without phase 1 ---- */

static void on_care(struct timer *t)
{
    struct host *h = timer_owner(t, struct host, care);
    struct ike *ike = h->ike;
    struct peer *peer = peer_find(ike, &h->remote);
    const char *why;

    if (TAILQ_EMPTY(&h->children) || host_up(h) || host_negotiating(h) || !peer ||
        peer->cfg.passive || !phase1_possible(ike, peer, &why))
        return;
    phase1_initiate(ike, peer, &h->local, &h->remote);
}

/* Without phase 1 no DELETE and no dead peer would be noticed: packets could go nowhere for as long
 * as the pairs live. */
void rekey_host_care(const struct phase1 *p1)
{
    struct host *h = p1->host;
    struct ike *ike = p1->ike;
    uint64_t ms = p1->initiator ? IKE_CARE_MS : 5 * IKE_CARE_MS;
    bool was_up = p1->main->state == P1_UP;

    if (TAILQ_EMPTY(&h->children) || host_up(h) || (!was_up && !p1->initiator))
        return;
    for (unsigned i = 0; i < h->care_failures && ms < IKE_BACKOFF_MAX_MS; i++)
        ms *= 2;
    h->care_failures += !was_up;
    timer_arm(&ike->timers, &h->care, ike->now_ms + ms + ike_random_below(ike, ms), on_care);
}
