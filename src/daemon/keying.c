#include "keying.h"

#include "children.h"
#include "clock.h"
#include "ike.h"
#include "keying_config.h"
#include "last_error.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { POOL_NICE = 10 }; /* more than the control thread's: packets before handshakes */

struct keying {
    struct ipsec *engine;
    struct keying_hooks hooks;
    struct rng *rng;
    struct ike *ike;
    struct ike_sockets *sockets; /* borrowed */
    uv_timer_t timer;
    uv_loop_t *loop;
    struct children *children;
    struct last_errors policy_errors, peer_errors;
    bool by_hand; /* SAs go because somebody said so */
    int pool_nice;
};

struct job {
    uv_work_t work;
    struct keying *keying;
    struct ike_job *job;
};

static void carry_out(struct keying *k);

/* ---- what the engine and the children ask of their host ---- */

static void env_random(void *ctx, void *out, size_t len)
{
    rng_bytes(((struct keying *)ctx)->rng, out, len);
}

static uint32_t env_path_mtu(void *ctx, const struct ip_addr *dst)
{
    struct keying *k = ctx;

    return k->hooks.path_mtu(k->hooks.ctx, dst);
}

static uint64_t env_now_ms(void *ctx)
{
    (void)ctx;
    return clock_ms();
}

static int64_t env_wall_s(void *ctx)
{
    (void)ctx;
    return clock_wall_s();
}

static bool env_spi_free(void *ctx, uint8_t proto, const struct ip_addr *src,
                         const struct ip_addr *dst, uint32_t spi)
{
    return !ipsec_sa_find(((struct keying *)ctx)->engine, proto, src, dst, spi);
}

static void env_dh_init(void *ctx, struct dh *ret, enum dh_group group)
{
    dh_init(ret, group, ((struct keying *)ctx)->rng);
}

/* ---- reports ---- */

static void on_report(struct keying *k, const struct ike_report *r)
{
    static const enum log_level levels[] = { [IKE_REPORT_ERROR] = LOG_ERROR,
                                             [IKE_REPORT_WARNING] = LOG_WARNING,
                                             [IKE_REPORT_INFO] = LOG_INFO,
                                             [IKE_REPORT_DEBUG] = LOG_DEBUG };

    log_write(levels[r->level], "ipsec", "%s", r->text);
    if (!r->is_error && !r->clears_error)
        return;
    const char *text = r->is_error ? r->text : NULL;
    last_error_set(&k->policy_errors, r->policy_id, text, false);
    last_error_set(&k->peer_errors, r->peer_id, text, r->policy_id == 0);
}

/* ---- actions ---- */

static void on_send(struct keying *k, const struct ike_action *a)
{
    const struct udp_path path = { .local = a->path.local,
                                   .remote = a->path.remote,
                                   .local_port = a->path.local_port,
                                   .remote_port = a->path.remote_port };

    /* What is lost here is retransmitted like any lost datagram. */
    if (!ike_sockets_send(k->sockets, &path, a->bytes.p, a->bytes.len))
        log_debug("ipsec", "cannot send an IKE message: %s", strerror(errno));
}

static void job_run(uv_work_t *work)
{
    struct job *j = work->data;

    setpriority(PRIO_PROCESS, 0, j->keying->pool_nice); /* of this thread; nothing when it is so */
    ike_job_run(j->job);
}

static void job_done(uv_work_t *work, int status)
{
    struct job *j = work->data;
    struct keying *k = j->keying;

    (void)status;
    ike_on_job_done(k->ike, clock_ms(), j->job);
    free(j);
    carry_out(k);
}

static void on_job(struct keying *k, struct ike_job *job)
{
    struct job *j = xcalloc(1, sizeof(*j));

    *j = (struct job){ .keying = k, .job = job };
    j->work.data = j;
    uv_queue_work(k->loop, &j->work, job_run, job_done);
}

static void on_action(struct keying *k, struct ike_action *a)
{
    switch (a->type) {
    case IKE_SEND:
        on_send(k, a);
        break;
    case IKE_SA_INSTALL_IN:
        children_install(k->children, &a->child, true);
        break;
    case IKE_SA_INSTALL_OUT:
        children_install(k->children, &a->child, false);
        break;
    case IKE_SA_REMOVE:
        children_remove(k->children, a->child_id, k->by_hand);
        break;
    case IKE_JOB:
        on_job(k, a->job);
        break;
    case IKE_REPORT:
        on_report(k, &a->report);
        break;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct keying *k = timer->data;

    ike_on_timer(k->ike, clock_ms());
    carry_out(k);
}

static void timer_arm(struct keying *k)
{
    uint64_t next_ms = ike_next_timeout_ms(k->ike), now_ms = clock_ms();

    if (!k->loop || uv_is_closing((uv_handle_t *)&k->timer))
        return;
    if (next_ms == UINT64_MAX)
        uv_timer_stop(&k->timer);
    else
        uv_timer_start(&k->timer, on_timer, next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

/* Everything the engine wants done; afterwards the policies follow changed SAs. */
static void carry_out(struct keying *k)
{
    const struct plan_policy *pp;
    struct ike_action action;

    while (ike_action_take(k->ike, &action)) {
        on_action(k, &action);
        ike_action_fini(&action);
    }
    k->by_hand = false;
    while ((pp = children_changed_take(k->children)))
        k->hooks.policy_changed(k->hooks.ctx, pp);
    timer_arm(k);
}

/* ---- the loop ---- */

static void on_datagram(void *ctx, const struct udp_path *from, const uint8_t *bytes, size_t len)
{
    struct keying *k = ctx;
    const struct ike_path path = { .local = from->local,
                                   .remote = from->remote,
                                   .local_port = from->local_port,
                                   .remote_port = from->remote_port };

    ike_on_datagram(k->ike, clock_ms(), &path, bytes, len);
    carry_out(k);
}

/* Before the first job: more threads than processors would only take turns. */
static void pool_size_set(void)
{
    char n[16];

    snprintf(n, sizeof(n), "%u", uv_available_parallelism());
    setenv("UV_THREADPOOL_SIZE", n, 1);
}

struct keying *keying_new(struct ike_sockets *sockets, struct ipsec *engine,
                          const struct keying_hooks *hooks)
{
    struct keying *k = xcalloc(1, sizeof(*k));
    const struct ike_env env = { .ctx = k,
                                 .random = env_random,
                                 .wall_s = env_wall_s,
                                 .spi_free = env_spi_free,
                                 .dh_init = env_dh_init };

    pool_size_set();
    k->pool_nice = getpriority(PRIO_PROCESS, 0) + POOL_NICE;
    k->engine = engine;
    k->hooks = *hooks;
    k->children = children_new(engine, &(struct children_hooks){ .ctx = k,
                                                                 .path_mtu = env_path_mtu,
                                                                 .now_ms = env_now_ms,
                                                                 .wall_s = env_wall_s });
    k->rng = rng_new();
    k->ike = ike_new(&env);
    k->sockets = sockets;
    return k;
}

void keying_start(struct keying *k, uv_loop_t *loop)
{
    k->loop = loop;
    uv_timer_init(loop, &k->timer);
    k->timer.data = k;
    ike_sockets_start(k->sockets, loop, on_datagram, k);
    carry_out(k);
}

void keying_stop(struct keying *k)
{
    ike_stop(k->ike, clock_ms());
    carry_out(k);
    uv_close((uv_handle_t *)&k->timer, NULL);
    ike_sockets_stop(k->sockets);
}

void keying_free(struct keying *k)
{
    if (!k)
        return;
    children_free(k->children);
    last_errors_fini(&k->policy_errors);
    last_errors_fini(&k->peer_errors);
    ike_free(k->ike);
    rng_free(k->rng);
    free(k);
}

/* ---- events and questions ---- */

void keying_configure(struct keying *k, struct config *c, const struct plan *plan)
{
    struct keying_config kc;

    children_follow_plan(k->children, plan);
    keying_config_build(c, plan, &kc);
    k->by_hand = true;
    ike_configure(k->ike, clock_ms(), &kc.ike);
    keying_config_fini(&kc);
    carry_out(k);
}

void keying_acquire(struct keying *k, const struct plan_policy *pp)
{
    ike_on_acquire(k->ike, clock_ms(), pp->item->id);
    carry_out(k);
}

static enum ike_sa_event sa_event_of(enum ipsec_event_type type)
{
    return type == EV_SOFT ? IKE_SA_SOFT : type == EV_HARD ? IKE_SA_HARD : IKE_SA_FIRST_PACKET;
}

bool keying_sa_event(struct keying *k, const struct ipsec_event *ev)
{
    if (ev->owner == 0)
        return false;
    ike_on_sa_event(k->ike, clock_ms(), ev->owner, sa_event_of(ev->type));
    carry_out(k);
    return true;
}

void keying_unknown_spi(struct keying *k, const struct ipsec_event *ev)
{
    const struct ike_unknown_spi u = {
        .local = ev->dst, .remote = ev->src, .proto = (uint8_t)ev->proto, .spi = ev->spi
    };

    ike_on_unknown_spi(k->ike, clock_ms(), &u);
    carry_out(k);
}

static void child_flush(void *ctx, uint64_t id)
{
    ike_on_sa_event(((struct keying *)ctx)->ike, clock_ms(), id, IKE_SA_FLUSHED);
}

void keying_flush(struct keying *k, bool esp, bool ah)
{
    k->by_hand = true;
    children_each(k->children, esp, ah, child_flush, k);
    carry_out(k);
}

void keying_kill_connections(struct keying *k)
{
    k->by_hand = true;
    ike_kill_connections(k->ike, clock_ms());
    carry_out(k);
}

void keying_follow_routes(struct keying *k)
{
    children_follow_routes(k->children);
}

void keying_sas(const struct keying *k, uint32_t slot, struct sa *ret[PLAN_SA_COUNT])
{
    children_sas(k->children, slot, ret);
}

enum ph2_state keying_ph2_state(const struct keying *k, uint32_t slot)
{
    return children_ph2_state(k->children, slot);
}

const char *keying_policy_error(const struct keying *k, uint32_t policy_id)
{
    const struct last_error *e = last_error_find(&k->policy_errors, policy_id);

    if (e)
        return e->text;
    e = last_error_find(&k->peer_errors, ike_policy_peer(k->ike, policy_id));
    return e && e->of_phase1 ? e->text : NULL;
}

const char *keying_peer_error(const struct keying *k, uint32_t peer_id)
{
    const struct last_error *e = last_error_find(&k->peer_errors, peer_id);

    return e ? e->text : NULL;
}

void keying_remote_peers(const struct keying *k,
                         void (*visit)(void *ctx, const struct ike_remote_peer *p), void *ctx)
{
    ike_remote_peers(k->ike, visit, ctx);
}

void keying_drops(const struct keying *k, uint64_t ret[IKE_DROP_COUNT])
{
    ike_drops(k->ike, ret);
}

void keying_larval_sas(const struct keying *k,
                       void (*visit)(void *ctx, const struct ike_larval_sa *sa), void *ctx)
{
    ike_larval_sas(k->ike, visit, ctx);
}
