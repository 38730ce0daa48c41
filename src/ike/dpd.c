#include "dpd.h"

#include "child.h"
#include "informational.h"
#include "policy.h"
#include "report.h"

static void on_dpd(struct timer *t);

static uint64_t interval_ms(const struct phase1 *p1)
{
    return (uint64_t)p1->peer->cfg.dpd_interval_s * 1000;
}

static void arm(struct phase1 *p1, uint64_t at_ms)
{
    timer_arm(&p1->ike->timers, &p1->dpd, at_ms, on_dpd);
}

void dpd_start(struct phase1 *p1)
{
    uint8_t b[2];

    if (!p1->peer_dpd || p1->peer->cfg.dpd_interval_s <= 0)
        return;
    p1->ike->env.random(p1->ike->env.ctx, b, sizeof b);
    p1->dpd_sequence = be16_get(b) & 0xfff; /* small: it must not wrap */
    arm(p1, p1->ike->now_ms + interval_ms(p1));
}

/* A peer that restarted does not know this SA, but talks to us under another. */
static bool lives_elsewhere(const struct phase1 *p1)
{
    const struct phase1 *other;

    TAILQ_FOREACH(other, &p1->host->phase1s, in_host)
    {
        if (other != p1 && other->main->state == P1_UP && other->remote_id == p1->remote_id &&
            other->heard_ms > p1->heard_ms)
            return true;
    }
    return false;
}

/* Everything shared with the dead peer goes; traffic starts anew. A peer that comes back gets
 * INITIAL-CONTACT again. Another behind the same address lives. */
static void peer_is_dead(struct phase1 *p1)
{
    struct host *h = p1->host;
    struct phase1 *other, *next;
    struct child *c, *next_child;

    if (lives_elsewhere(p1)) {
        report_phase1(p1, IKE_REPORT_INFO, REPORT_PLAIN,
                      "peer does not answer under this ISAKMP-SA, but under a newer one");
        phase1_end(p1);
        return;
    }
    report_phase1(p1, IKE_REPORT_ERROR, REPORT_ERROR,
                  "peer is dead: %u questions (R-U-THERE) unanswered, purging its SAs",
                  p1->dpd_unanswered);
    TAILQ_FOREACH_SAFE(c, &h->children, in_host, next_child)
    {
        if (c->remote_id == p1->remote_id)
            child_remove(c);
    }
    h->contacted = false;
    TAILQ_FOREACH_SAFE(other, &h->phase1s, in_host, next)
    {
        if (other != p1 && other->main->state == P1_UP && other->remote_id == p1->remote_id)
            phase1_end(other);
    }
    phase1_end(p1);
}

static void on_dpd(struct timer *t)
{
    struct phase1 *p1 = timer_owner(t, struct phase1, dpd);
    const struct ike_peer *cfg = &p1->peer->cfg;
    uint64_t now = p1->ike->now_ms;
    uint64_t retry_ms = interval_ms(p1) < IKE_DPD_RETRY_MS ? interval_ms(p1) : IKE_DPD_RETRY_MS;

    if (p1->dpd_unanswered == 0 && now < p1->heard_ms + interval_ms(p1)) {
        arm(p1, p1->heard_ms + interval_ms(p1));
        return;
    }
    if (p1->dpd_unanswered >= (cfg->dpd_max_failures ? cfg->dpd_max_failures : 1)) {
        peer_is_dead(p1);
        return;
    }
    p1->dpd_unanswered++;
    p1->dpd_sequence++;
    informational_dpd(p1, false, p1->dpd_sequence);
    arm(p1, now + retry_ms);
}

static void answered(struct phase1 *p1, uint32_t sequence)
{
    /* The one outstanding, or one before it that was slow. */
    if (p1->dpd_unanswered == 0 || sequence > p1->dpd_sequence ||
        sequence + p1->dpd_unanswered <= p1->dpd_sequence)
        return;
    p1->dpd_unanswered = 0;
    arm(p1, p1->ike->now_ms + interval_ms(p1));
}

/* Each answer takes a message ID for good. */
static bool may_answer(struct phase1 *p1)
{
    uint64_t second = p1->ike->now_ms / 1000;

    if (p1->dpd_second != second) {
        p1->dpd_second = second;
        p1->dpd_answers = 0;
    }
    return p1->dpd_answers++ < IKE_DPD_ANSWERS_PER_S;
}

static void asked(struct phase1 *p1, uint32_t sequence)
{
    /* A question that is not newer is a replay under another message ID: nobody but the peer can
     * make one, and an answer costs little, but it is not owed. */
    if (p1->dpd_heard_any && (int32_t)(sequence - p1->dpd_heard_sequence) < 0)
        return;
    p1->dpd_heard_any = true;
    p1->dpd_heard_sequence = sequence;
    if (may_answer(p1))
        informational_dpd(p1, true, sequence);
    else
        ike_drop(p1->ike, IKE_DROP_LIMIT);
}

void dpd_notify(struct phase1 *p1, const struct isakmp_notify *n)
{
    struct isakmp_dpd d;

    if (isakmp_dpd_parse(n, &d) != ISAKMP_OK ||
        memcmp(d.cookies.p, p1->cookies.i, COOKIE_LEN) != 0 ||
        memcmp(d.cookies.p + COOKIE_LEN, p1->cookies.r, COOKIE_LEN) != 0) {
        ike_drop(p1->ike, IKE_DROP_PAYLOAD);
        return;
    }
    if (d.ack)
        answered(p1, d.sequence);
    else
        asked(p1, d.sequence);
}
