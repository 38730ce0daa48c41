#include "child.h"
#include "driver.h"
#include "exchange.h"
#include "ike_priv.h"
#include "phase1.h"
#include "policy.h"
#include "quick_keys.h"
#include "quick_mode.h"
#include "rekey.h"
#include "report.h"
#include "text.h"

#include <stdlib.h>

const char *const ike_drop_names[IKE_DROP_COUNT] = {
#define X(id, name, text) [IKE_DROP_##id] = name,
    IKE_DROPS(X)
#undef X
};

/* ---- actions ---- */

struct action *action_add(struct ike *ike, enum ike_action_type type, size_t n_bytes)
{
    struct action *a = xcalloc(1, sizeof *a + n_bytes);

    a->a.type = type;
    TAILQ_INSERT_TAIL(&ike->actions, a, in_queue);
    return a;
}

void send_bytes(struct ike *ike, const struct ike_path *path, struct slice bytes)
{
    struct action *a = action_add(ike, IKE_SEND, bytes.len);

    a->a.path = *path;
    memcpy(a->bytes, bytes.p, bytes.len);
    a->a.bytes = (struct slice){ a->bytes, bytes.len };
}

static void taken_free(struct ike *ike)
{
    if (ike->taken)
        ike_action_fini(&ike->taken->a);
    free(ike->taken);
    ike->taken = NULL;
}

bool ike_action_take(struct ike *ike, struct ike_action *ret)
{
    taken_free(ike);
    ike->taken = TAILQ_FIRST(&ike->actions);
    if (!ike->taken)
        return false;
    TAILQ_REMOVE(&ike->actions, ike->taken, in_queue);
    *ret = ike->taken->a;
    return true;
}

void ike_action_fini(struct ike_action *a)
{
    if (a->type == IKE_SA_INSTALL_IN || a->type == IKE_SA_INSTALL_OUT)
        secret_wipe(&a->child, sizeof a->child);
}

/* ---- small services ---- */

void ike_drop(struct ike *ike, enum ike_drop reason)
{
    ike->drops[reason]++;
}

void ike_drops(const struct ike *ike, uint64_t ret[IKE_DROP_COUNT])
{
    memcpy(ret, ike->drops, sizeof ike->drops);
}

uint64_t ike_random_below(struct ike *ike, uint64_t bound)
{
    uint32_t r;

    ike->env.random(ike->env.ctx, &r, sizeof r);
    return bound ? r % bound : 0;
}

static void phase1_free(struct phase1 *p1)
{
    secret_wipe(p1->main->iv, sizeof p1->main->iv);
    free(p1->main->last_out);
    free(p1->main);
    secret_wipe(p1, sizeof *p1);
    free(p1);
}

void ike_bury(struct ike *ike)
{
    struct exchange *ex;
    struct phase1 *p1;
    struct child *c;

    while ((ex = TAILQ_FIRST(&ike->dead_exchanges))) {
        TAILQ_REMOVE(&ike->dead_exchanges, ex, in_grave);
        if (ex->message_id == 0)
            continue; /* its SA frees it */
        free(ex->last_out);
        free(ex);
    }
    while ((c = TAILQ_FIRST(&ike->dead_children))) {
        TAILQ_REMOVE(&ike->dead_children, c, in_grave);
        free(c);
    }
    while ((p1 = TAILQ_FIRST(&ike->dead_phase1s))) {
        TAILQ_REMOVE(&ike->dead_phase1s, p1, in_grave);
        phase1_free(p1);
    }
    hosts_bury(ike);
}

/* ---- life ---- */

struct ike *ike_new(const struct ike_env *env)
{
    struct ike *ike = xcalloc(1, sizeof *ike);

    ike->env = *env;
    env->random(env->ctx, &ike->hash_key, sizeof ike->hash_key);
    TAILQ_INIT(&ike->actions);
    TAILQ_INIT(&ike->half_open);
    TAILQ_INIT(&ike->dead_phase1s);
    TAILQ_INIT(&ike->dead_exchanges);
    TAILQ_INIT(&ike->dead_children);
    TAILQ_INIT(&ike->idle_hosts);
    return ike;
}

static void everything_end(struct ike *ike, bool say_so)
{
    struct map_link *l;

    while ((l = map_any(&ike->children))) {
        struct child *c = map_owner(l, struct child, by_id);

        if (say_so)
            child_delete(c);
        else
            child_remove(c);
    }
    while ((l = map_any(&ike->phase1s))) {
        struct phase1 *p1 = map_owner(l, struct phase1, by_cookie);

        if (say_so)
            phase1_delete(p1);
        else
            phase1_end(p1);
    }
}

void ike_free(struct ike *ike)
{
    struct action *a;

    if (!ike)
        return;
    everything_end(ike, false);
    config_fini(ike);
    ike_bury(ike);
    taken_free(ike);
    while ((a = TAILQ_FIRST(&ike->actions))) {
        TAILQ_REMOVE(&ike->actions, a, in_queue);
        if (a->a.type == IKE_JOB)
            exchange_job_free(a->a.job);
        ike_action_fini(&a->a);
        free(a);
    }
    map_fini(&ike->hosts);
    map_fini(&ike->phase1s);
    map_fini(&ike->exchanges);
    map_fini(&ike->children);
    map_fini(&ike->policies_by_selectors);
    map_fini(&ike->spis_in);
    map_fini(&ike->spis_out);
    timers_fini(&ike->timers);
    secret_wipe(ike, sizeof *ike);
    free(ike);
}

/* ---- events ---- */

void ike_on_timer(struct ike *ike, uint64_t now_ms)
{
    ike->now_ms = now_ms;
    timers_run(&ike->timers, now_ms, IKE_TIMERS_AT_ONCE);
    ike_bury(ike);
}

uint64_t ike_next_timeout_ms(const struct ike *ike)
{
    return timers_next_ms(&ike->timers);
}

void ike_on_acquire(struct ike *ike, uint64_t now_ms, uint32_t policy_id)
{
    struct policy *policy = policy_find(ike, policy_id);

    ike->now_ms = now_ms;
    if (policy && !policy_is_served(policy))
        policy_want(policy);
    ike_bury(ike);
}

void ike_on_sa_event(struct ike *ike, uint64_t now_ms, uint64_t child_id, enum ike_sa_event event)
{
    struct child *c = child_find(ike, child_id);

    ike->now_ms = now_ms;
    if (!c)
        return;
    switch (event) {
    case IKE_SA_SOFT:
        rekey_child_soft(c);
        break;
    case IKE_SA_HARD:
        if (child_is_current(c))
            report_policy(c->policy, IKE_REPORT_WARNING, REPORT_PLAIN,
                          "IPsec-SA expired without a successor: spi in=0x%08x out=0x%08x",
                          c->spis[0].in, c->spis[0].out);
        child_delete(c);
        break;
    case IKE_SA_FLUSHED:
        child_delete(c);
        break;
    case IKE_SA_FIRST_PACKET:
        quick_confirmed(c);
        break;
    }
    ike_bury(ike);
}

void ike_on_job_done(struct ike *ike, uint64_t now_ms, struct ike_job *job)
{
    struct exchange *ex = job->exchange;

    ike->now_ms = now_ms;
    ike->n_stranger_jobs -= job->of_stranger;
    if (ex) {
        ex->job = NULL;
        ex->job_done(ex, job);
    }
    exchange_job_free(job);
    driver_serve_early(ike);
    ike_bury(ike);
}

/* ---- commands and views ---- */

void ike_remote_peers(const struct ike *ike,
                      void (*visit)(void *ctx, const struct ike_remote_peer *p), void *ctx)
{
    for (size_t i = 0; i < ike->phase1s.n_buckets; i++) {
        for (const struct map_link *l = ike->phase1s.buckets[i]; l; l = l->next) {
            const struct phase1 *p1 = map_owner(l, const struct phase1, by_cookie);
            struct ike_remote_peer p = {
                .local = p1->path.local,
                .remote = p1->path.remote,
                .initiator = p1->initiator,
                .state = phase1_state_text(p1),
                .established_ms = p1->established_ms,
            };

            visit(ctx, &p);
        }
    }
}

static void larval_visit(const struct exchange *ex,
                         void (*visit)(void *ctx, const struct ike_larval_sa *sa), void *ctx)
{
    const struct quick *q = ex->quick;

    for (unsigned i = 0; q && !q->child && i < 2; i++) {
        struct ike_larval_sa sa = {
            .proto = i == P2_AH ? 51 : 50,
            .spi = q->spis[i],
            .src = ex->p1->path.remote,
            .dst = ex->p1->path.local,
            .since_ms = q->started_ms,
        };

        if (sa.spi != 0)
            visit(ctx, &sa);
    }
}

void ike_larval_sas(const struct ike *ike, void (*visit)(void *ctx, const struct ike_larval_sa *sa),
                    void *ctx)
{
    for (size_t i = 0; i < ike->exchanges.n_buckets; i++) {
        for (const struct map_link *l = ike->exchanges.buckets[i]; l; l = l->next)
            larval_visit(map_owner(l, const struct exchange, by_message_id), visit, ctx);
    }
}

void ike_kill_connections(struct ike *ike, uint64_t now_ms)
{
    ike->now_ms = now_ms;
    everything_end(ike, true);
    for (size_t i = 0; i < ike->n_policies; i++)
        policy_served(ike->policies[i]); /* forget what was wanted, and the patience */
    ike_bury(ike);
}

void ike_stop(struct ike *ike, uint64_t now_ms)
{
    ike_kill_connections(ike, now_ms);
}
