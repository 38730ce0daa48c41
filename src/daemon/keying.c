#include "keying.h"

#include "clock.h"
#include "ike.h"
#include "keying_config.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One quick mode's SAs in the data path. */
struct child {
    struct ike_child about; /* keys wiped */
    struct sa *in[2], *out[2];
    struct child *next; /* newest first */
};

/* The last refusal of a policy or a peer. */
struct failure {
    uint32_t id;
    bool of_phase1; /* of a peer: every policy that needs it suffers */
    char *text;
    struct failure *next;
};

struct keying {
    struct ipsec *engine;
    struct keying_hooks hooks;
    struct rng *rng;
    struct ike *ike;
    struct ike_sockets *sockets; /* borrowed */
    uv_timer_t timer;
    uv_loop_t *loop;
    struct child *children;
    struct failure *policy_errors, *peer_errors;
    bool in_actions, sas_dirty;
};

struct job {
    uv_work_t work;
    struct keying *keying;
    struct ike_job *job;
};

static void carry_out(struct keying *k);

/* ---- what the engine asks of its host ---- */

static void env_random(void *ctx, void *out, size_t len)
{
    rng_bytes(((struct keying *)ctx)->rng, out, len);
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

/* ---- failures ---- */

static const struct failure *failure_find(const struct failure *list, uint32_t id)
{
    while (list && list->id != id)
        list = list->next;
    return list;
}

static void failure_set(struct failure **list, uint32_t id, const char *text, bool of_phase1)
{
    struct failure **at = list;

    if (id == 0)
        return;
    while (*at && (*at)->id != id)
        at = &(*at)->next;
    if (*at) { /* forget the old one */
        struct failure *gone = *at;
        *at = gone->next;
        free(gone->text);
        free(gone);
    }
    if (!text)
        return;
    struct failure *f = xcalloc(1, sizeof(*f));
    *f = (struct failure){ .id = id, .of_phase1 = of_phase1, .text = xstrdup(text), .next = *list };
    *list = f;
}

static void failures_free(struct failure **list)
{
    while (*list)
        failure_set(list, (*list)->id, NULL, false);
}

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
    failure_set(&k->policy_errors, r->policy_id, text, false);
    failure_set(&k->peer_errors, r->peer_id, text, r->policy_id == 0);
}

/* ---- SAs ---- */

static struct child *child_find(struct keying *k, uint64_t id)
{
    for (struct child *c = k->children; c; c = c->next)
        if (c->about.id == id)
            return c;
    return NULL;
}

static struct child *child_get(struct keying *k, const struct ike_child *about)
{
    struct child *c = child_find(k, about->id);

    if (c)
        return c;
    c = xcalloc(1, sizeof(*c));
    c->about = *about;
    for (unsigned i = 0; i < 2; i++) {
        struct ike_child_sa *sa = &c->about.sas[i];
        secret_wipe(&sa->enc_in, sizeof(sa->enc_in));
        secret_wipe(&sa->enc_out, sizeof(sa->enc_out));
        secret_wipe(&sa->auth_in, sizeof(sa->auth_in));
        secret_wipe(&sa->auth_out, sizeof(sa->auth_out));
    }
    c->next = k->children;
    k->children = c;
    return c;
}

static struct sa *sa_install(struct keying *k, const struct ike_child *about, unsigned i, bool in)
{
    const struct ike_child_sa *a = &about->sas[i];
    struct sa_config c = { .proto = a->proto,
                           .inbound = in,
                           .tunnel = about->tunnel,
                           .udp_encap = about->udp_encap,
                           .local_port = about->path.local_port,
                           .remote_port = about->path.remote_port,
                           .spi = in ? a->spi_in : a->spi_out,
                           .src = in ? about->path.remote : about->path.local,
                           .dst = in ? about->path.local : about->path.remote,
                           .cipher = a->cipher,
                           .auth = a->auth,
                           .enc_key = in ? a->enc_in : a->enc_out,
                           .auth_key = in ? a->auth_in : a->auth_out,
                           .reqid = about->reqid,
                           .slot = about->slot,
                           .replay_window = about->replay_window,
                           .pfs = about->pfs,
                           .life = { .soft_s = about->soft_s,
                                     .hard_s = about->hard_s,
                                     .soft_bytes = about->soft_bytes,
                                     .hard_bytes = about->hard_bytes } };
    struct sa *sa = NULL;

    if (!in)
        c.path_mtu = k->hooks.path_mtu(k->hooks.ctx, &c.dst);
    enum ipsec_sa_result r = ipsec_sa_add(k->engine, &c, clock_wall_s(), clock_ms(), &sa);

    if (r != SA_ADDED)
        log_error("ipsec", "cannot install the SA with SPI 0x%X (reason %d)", c.spi, (int)r);
    secret_wipe(&c, sizeof(c));
    return r == SA_ADDED ? sa : NULL;
}

static void child_install(struct keying *k, const struct ike_child *about, bool in)
{
    struct child *c = child_get(k, about);

    for (unsigned i = 0; i < about->n_sas && i < 2; i++) {
        struct sa **at = in ? &c->in[i] : &c->out[i];
        if (!*at)
            *at = sa_install(k, about, i, in);
    }
    k->sas_dirty = true;
}

static void child_remove(struct keying *k, uint64_t id)
{
    struct child **at = &k->children;

    while (*at && (*at)->about.id != id)
        at = &(*at)->next;
    if (!*at)
        return;
    struct child *gone = *at;
    *at = gone->next;
    for (unsigned i = 0; i < 2; i++) {
        if (gone->in[i])
            ipsec_sa_remove(k->engine, gone->in[i]);
        if (gone->out[i])
            ipsec_sa_remove(k->engine, gone->out[i]);
    }
    free(gone);
    k->sas_dirty = true;
}

void keying_follow_routes(struct keying *k)
{
    for (struct child *c = k->children; c; c = c->next)
        for (unsigned i = 0; i < 2; i++)
            if (c->out[i])
                sa_set_path_mtu(c->out[i], k->hooks.path_mtu(k->hooks.ctx, &c->about.path.remote));
}

void keying_sas(const struct keying *k, uint32_t policy_id, struct sa *ret[PLAN_SA_COUNT])
{
    for (int which = 0; which < PLAN_SA_COUNT; which++)
        ret[which] = NULL;
    for (const struct child *c = k->children; c; c = c->next) {
        if (c->about.policy_id != policy_id)
            continue;
        for (unsigned i = 0; i < c->about.n_sas && i < 2; i++) {
            bool ah = c->about.sas[i].proto == SA_AH;
            struct sa **in = &ret[ah ? PLAN_AH_IN : PLAN_ESP_IN];
            struct sa **out = &ret[ah ? PLAN_AH_OUT : PLAN_ESP_OUT];
            if (!*in)
                *in = c->in[i];
            if (!*out)
                *out = c->out[i];
        }
    }
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
    ike_job_run(((struct job *)work->data)->job);
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
        child_install(k, &a->child, true);
        break;
    case IKE_SA_INSTALL_OUT:
        child_install(k, &a->child, false);
        break;
    case IKE_SA_REMOVE:
        child_remove(k, a->child_id);
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
    struct ike_action action;

    while (ike_action_take(k->ike, &action)) {
        on_action(k, &action);
        ike_action_fini(&action);
    }
    if (k->sas_dirty) {
        k->sas_dirty = false;
        k->hooks.sas_changed(k->hooks.ctx);
    }
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

struct keying *keying_new(struct ike_sockets *sockets, struct ipsec *engine,
                          const struct keying_hooks *hooks)
{
    struct keying *k = xcalloc(1, sizeof(*k));
    const struct ike_env env = { .ctx = k,
                                 .random = env_random,
                                 .wall_s = env_wall_s,
                                 .spi_free = env_spi_free,
                                 .dh_init = env_dh_init };

    k->engine = engine;
    k->hooks = *hooks;
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
    while (k->children)
        child_remove(k, k->children->about.id);
    failures_free(&k->policy_errors);
    failures_free(&k->peer_errors);
    ike_free(k->ike);
    rng_free(k->rng);
    free(k);
}

/* ---- events and questions ---- */

void keying_configure(struct keying *k, struct config *c, const struct plan *plan)
{
    struct keying_config kc;

    keying_config_build(c, plan, &kc);
    ike_configure(k->ike, clock_ms(), &kc.ike);
    keying_config_fini(&kc);
    carry_out(k);
}

void keying_acquire(struct keying *k, const struct plan_policy *pp)
{
    ike_on_acquire(k->ike, clock_ms(), pp->item->id);
    carry_out(k);
}

static bool child_has(const struct child *c, const struct sa *sa)
{
    return sa && (c->in[0] == sa || c->in[1] == sa || c->out[0] == sa || c->out[1] == sa);
}

bool keying_sa_event(struct keying *k, const struct ipsec_event *ev)
{
    struct sa *sa = ipsec_sa_find(k->engine, ev->proto, &ev->src, &ev->dst, ev->spi);

    for (struct child *c = k->children; c; c = c->next) {
        if (!child_has(c, sa))
            continue;
        ike_on_sa_event(k->ike, clock_ms(), c->about.id,
                        ev->type == EV_SOFT ? IKE_SA_SOFT : IKE_SA_HARD);
        carry_out(k);
        return true;
    }
    return false;
}

static bool child_of_type(const struct child *c, bool esp, bool ah)
{
    for (unsigned i = 0; i < c->about.n_sas && i < 2; i++)
        if (c->about.sas[i].proto == SA_AH ? ah : esp)
            return true;
    return false;
}

void keying_flush(struct keying *k, bool esp, bool ah)
{
    for (struct child *c = k->children; c; c = c->next)
        if (child_of_type(c, esp, ah))
            ike_on_sa_event(k->ike, clock_ms(), c->about.id, IKE_SA_FLUSHED);
    carry_out(k);
}

void keying_kill_connections(struct keying *k)
{
    ike_kill_connections(k->ike, clock_ms());
    carry_out(k);
}

const char *keying_policy_error(const struct keying *k, uint32_t policy_id)
{
    const struct failure *f = failure_find(k->policy_errors, policy_id);

    if (f)
        return f->text;
    f = failure_find(k->peer_errors, ike_policy_peer(k->ike, policy_id));
    return f && f->of_phase1 ? f->text : NULL;
}

const char *keying_peer_error(const struct keying *k, uint32_t peer_id)
{
    const struct failure *f = failure_find(k->peer_errors, peer_id);

    return f ? f->text : NULL;
}

void keying_remote_peers(const struct keying *k,
                         void (*visit)(void *ctx, const struct ike_remote_peer *p), void *ctx)
{
    ike_remote_peers(k->ike, visit, ctx);
}
