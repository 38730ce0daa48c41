#include "report.h"

#include <stdarg.h>
#include <stdio.h>

char *report_end(const struct ip_addr *a, uint16_t port, char *buf)
{
    char text[IP_TEXT_MAX];

    snprintf(buf, REPORT_END_MAX, "%s[%u]", ip_addr_to_text(a, text), port);
    return buf;
}

static void put(struct ike *ike, enum ike_report_level level, enum report_kind kind,
                uint32_t peer_id, uint32_t policy_id, const struct ike_path *path, const char *fmt,
                va_list args)
{
    struct ike_report *r = &action_add(ike, IKE_REPORT, 0)->a.report;
    char l[REPORT_END_MAX], f[REPORT_END_MAX];
    int n;

    r->level = level;
    r->peer_id = peer_id;
    r->policy_id = policy_id;
    r->is_error = kind == REPORT_ERROR;
    r->clears_error = kind == REPORT_SUCCESS;
    n = vsnprintf(r->text, sizeof r->text, fmt, args);
    if (n < 0 || (size_t)n >= sizeof r->text)
        return;
    snprintf(r->text + n, sizeof r->text - (size_t)n, " %s<=>%s",
             report_end(&path->local, path->local_port, l),
             report_end(&path->remote, path->remote_port, f));
}

static bool budget_take(struct ike *ike, struct report_budget *b, unsigned limit)
{
    uint64_t minute = ike->now_ms / 60000 + 1;

    if (b->minute != minute)
        *b = (struct report_budget){ minute, 0 };
    return b->n++ < limit;
}

/* Strangers can make us write, so not often: per source, or what shares its place. */
static struct report_budget *budget_of(struct ike *ike, struct report_budget *budgets,
                                       const struct ip_addr *source)
{
    return &budgets[hash_bytes(&ike->hash_key, source, sizeof *source) % REPORT_SOURCES];
}

static bool complaint_may(struct ike *ike, const struct ip_addr *source)
{
    return budget_take(ike, budget_of(ike, ike->complaints, source), COMPLAINTS_PER_MINUTE);
}

/* Source addresses are easily forged: all of them together have a limit, too. */
static bool visit_may(struct ike *ike, const struct ip_addr *source)
{
    return budget_take(ike, budget_of(ike, ike->visits, source), VISITS_PER_MINUTE) &&
           budget_take(ike, &ike->all_visits, ALL_VISITS_PER_MINUTE);
}

/* A peer with keys can make us write, too. What becomes of last-error does not depend on it. */
static enum ike_report_level peer_level(struct phase1 *p1, enum ike_report_level level)
{
    return budget_take(p1->ike, &p1->host->reports, PEER_REPORTS_PER_MINUTE) ? level
                                                                             : IKE_REPORT_DEBUG;
}

void report_phase1(struct phase1 *p1, enum ike_report_level level, enum report_kind kind,
                   const char *fmt, ...)
{
    bool of_stranger = !p1->initiator && p1->main->state != P1_UP;
    va_list args;

    if (!of_stranger)
        level = peer_level(p1, level);
    else if (!visit_may(p1->ike, &p1->path.remote)) {
        if (kind != REPORT_ERROR)
            return;
        level = IKE_REPORT_DEBUG; /* last-error is kept true */
    }

    va_start(args, fmt);
    put(p1->ike, level, kind, p1->peer->cfg.id, 0, &p1->path, fmt, args);
    va_end(args);
}

void report_quick(struct phase1 *p1, const struct policy *policy, enum ike_report_level level,
                  enum report_kind kind, const char *fmt, ...)
{
    va_list args;

    level = peer_level(p1, level);
    va_start(args, fmt);
    put(p1->ike, level, kind, p1->peer->cfg.id, policy ? policy->cfg.id : 0, &p1->path, fmt, args);
    va_end(args);
}

void report_policy(const struct policy *policy, enum ike_report_level level, enum report_kind kind,
                   const char *fmt, ...)
{
    struct ike_path path = { policy->cfg.local, policy->cfg.remote, 500, 500 };
    va_list args;

    va_start(args, fmt);
    put(policy->ike, level, kind, 0, policy->cfg.id, &path, fmt, args);
    va_end(args);
}

void report_stranger(struct ike *ike, const struct peer *peer, const struct ike_path *path,
                     const char *fmt, ...)
{
    bool may = complaint_may(ike, &path->remote);
    va_list args;

    if (!may && !peer)
        return;
    va_start(args, fmt);
    put(ike, may ? IKE_REPORT_WARNING : IKE_REPORT_DEBUG, peer ? REPORT_ERROR : REPORT_PLAIN,
        peer ? peer->cfg.id : 0, 0, path, fmt, args);
    va_end(args);
}

static void warn(struct ike *ike, uint32_t policy_id, const struct ike_path *path, const char *fmt,
                 ...) __attribute__((format(printf, 4, 5)));
static void warn(struct ike *ike, uint32_t policy_id, const struct ike_path *path, const char *fmt,
                 ...)
{
    va_list args;

    va_start(args, fmt);
    put(ike, IKE_REPORT_WARNING, policy_id ? REPORT_ERROR : REPORT_PLAIN, 0, policy_id, path, fmt,
        args);
    va_end(args);
}

void report_no_peer(struct ike *ike, const struct ike_path *path)
{
    uint32_t policy_id = 0;

    if (!complaint_may(ike, &path->remote))
        return;
    for (size_t i = 0; i < ike->n_policies && !policy_id; i++)
        if (ip_addr_equal(&ike->policy_cfgs[i].remote, &path->remote))
            policy_id = ike->policy_cfgs[i].id;
    warn(ike, policy_id, path, "peer wants to negotiate, but no peer entry matches its address");
}
