#include "child.h"

#include "exchange.h"
#include "informational.h"
#include "phase1.h"
#include "policy.h"
#include "rekey.h"
#include "text.h"

#include <stdlib.h>

static uint64_t id_hash(const struct ike *ike, uint64_t id)
{
    return hash_bytes(&ike->hash_key, &id, sizeof id);
}

static uint64_t spi_hash(const struct host *host, uint8_t proto, uint32_t spi)
{
    const struct {
        const struct host *host;
        uint32_t proto, spi;
    } key = { host, proto, spi };

    return hash_bytes(&host->ike->hash_key, &key, sizeof key);
}

static void spi_enter(struct child *c, struct child_spi *s, const struct ike_child_sa *sa)
{
    *s = (struct child_spi){ .child = c, .proto = sa->proto, .in = sa->spi_in, .out = sa->spi_out };
    map_put(&c->ike->spis_in, &s->by_in, spi_hash(c->host, s->proto, s->in));
    map_put(&c->ike->spis_out, &s->by_out, spi_hash(c->host, s->proto, s->out));
}

bool child_spi_may(const struct phase1 *p1, uint8_t proto, uint32_t spi)
{
    const struct child *c = child_of_peer_spi(p1->host, proto, spi);

    return !c || (c->remote_id == p1->remote_id && !c->quick);
}

static void spi_vacate(const struct phase1 *p1, const struct ike_child_sa *sa)
{
    struct child *c = child_of_peer_spi(p1->host, sa->proto, sa->spi_out);

    if (c)
        child_delete(c);
}

struct child *child_new(struct policy *policy, struct phase1 *p1, struct ike_child *sa,
                        uint64_t started_ms, uint64_t rank)
{
    struct ike *ike = p1->ike;
    struct child *c = xcalloc(1, sizeof *c);

    c->ike = ike;
    c->id = sa->id = ++ike->next_child_id;
    c->policy = policy;
    c->host = p1->host;
    c->sa = sa;
    c->initiator = sa->initiator;
    c->remote_id = p1->remote_id;
    c->created_ms = ike->now_ms;
    c->started_ms = started_ms;
    c->rank = rank;
    c->hard_s = sa->hard_s;
    c->n_sas = (uint8_t)sa->n_sas;
    for (unsigned i = 0; i < sa->n_sas; i++) {
        spi_vacate(p1, &sa->sas[i]);
        spi_enter(c, &c->spis[i], &sa->sas[i]);
    }
    map_put(&ike->children, &c->by_id, id_hash(ike, c->id));
    TAILQ_INSERT_HEAD(&policy->children, c, in_policy);
    TAILQ_INSERT_HEAD(&c->host->children, c, in_host);
    return c;
}

struct child *child_find(const struct ike *ike, uint64_t id)
{
    struct map_link *l = map_first(&ike->children, id_hash(ike, id));

    for (; l; l = map_next(l)) {
        struct child *c = map_owner(l, struct child, by_id);

        if (c->id == id)
            return c;
    }
    return NULL;
}

struct child *child_of_peer_spi(const struct host *host, uint8_t proto, uint32_t spi)
{
    struct map_link *l = map_first(&host->ike->spis_out, spi_hash(host, proto, spi));

    for (; l; l = map_next(l)) {
        struct child_spi *s = map_owner(l, struct child_spi, by_out);

        if (s->proto == proto && s->out == spi && s->child->host == host)
            return s->child;
    }
    return NULL;
}

struct child *child_of_own_spi(const struct host *host, uint8_t proto, uint32_t spi)
{
    struct map_link *l = map_first(&host->ike->spis_in, spi_hash(host, proto, spi));

    for (; l; l = map_next(l)) {
        struct child_spi *s = map_owner(l, struct child_spi, by_in);

        if (s->proto == proto && s->in == spi && s->child->host == host)
            return s->child;
    }
    return NULL;
}

static void keys_free(struct child *c)
{
    if (!c->sa)
        return;
    secret_wipe(c->sa, sizeof *c->sa);
    free(c->sa);
    c->sa = NULL;
}

static void install(struct child *c, enum ike_action_type type)
{
    struct action *a = action_add(c->ike, type, 0);

    a->a.child = *c->sa;
    a->a.child_id = c->id;
}

void child_install_in(struct child *c)
{
    c->in_installed = true;
    install(c, IKE_SA_INSTALL_IN);
}

/* Both sides began a quick mode for the same policy before they knew of the other's. Both pairs
 * come to be; which one is used both can tell from the initiators' nonces. The other one is left to
 * its end, for what the peer sends before it knows, and is not renewed. */
static bool outranked(const struct child *c)
{
    const struct child *other;

    TAILQ_FOREACH(other, &c->policy->children, in_policy)
    {
        if (other != c && other->out_installed && other->initiator != c->initiator &&
            other->created_ms + IKE_SAME_TIME_MS >= c->started_ms && other->rank > c->rank)
            return true;
    }
    return false;
}

static void on_superseded(struct timer *t)
{
    struct child *c = timer_owner(t, struct child, renew);

    if (!child_is_current(c))
        child_delete(c);
}

/* What both sides know of, used for sending or outranked. */
static bool is_complete(const struct child *c)
{
    return c->in_installed && !c->quick;
}

/* The one superseded longest when there are too many; children are in the order of their use. */
static struct child *superseded_too_many(const struct policy *policy)
{
    struct child *c, *last = NULL;
    unsigned n = 0;

    TAILQ_FOREACH(c, &policy->children, in_policy)
    {
        if (c->superseded) {
            n++;
            last = c;
        }
    }
    return n > IKE_SUPERSEDED_MAX ? last : NULL;
}

/* Older pairs are left to receive for a while, and do not pile up where bytes end lives quickly. */
static void supersede(struct child *c)
{
    struct ike *ike = c->ike;
    struct child *other;

    TAILQ_FOREACH(other, &c->policy->children, in_policy)
    {
        if (other != c && is_complete(other) && !other->superseded &&
            other->created_ms + IKE_SAME_TIME_MS < c->started_ms) {
            other->superseded = true;
            timer_arm(&ike->timers, &other->renew, ike->now_ms + IKE_SUPERSEDED_MS, on_superseded);
        }
    }
    while ((other = superseded_too_many(c->policy)))
        child_delete(other);
}

/* C is in use, maybe again: it is not left to its end any more, and its soft limit may have come
 * while another pair was in use. */
static void revive(struct child *c)
{
    if (c->superseded)
        timer_stop(&c->ike->timers, &c->renew);
    c->superseded = false;
    if (c->soft_told)
        rekey_child_soft(c);
}

static void make_current(struct child *c)
{
    c->out_installed = true;
    TAILQ_REMOVE(&c->policy->children, c, in_policy);
    TAILQ_INSERT_HEAD(&c->policy->children, c, in_policy);
    install(c, IKE_SA_INSTALL_OUT);
    keys_free(c);
    supersede(c);
    revive(c);
}

void child_install_out(struct child *c)
{
    if (c->out_installed || c->dead)
        return;
    c->created_ms = c->ike->now_ms;
    if (!outranked(c))
        make_current(c);
}

static struct child *current_of(const struct policy *policy)
{
    struct child *c;

    TAILQ_FOREACH(c, &policy->children, in_policy)
    {
        if (c->out_installed)
            return c;
    }
    return NULL;
}

static void on_settled(struct timer *t)
{
    child_install_out(timer_owner(t, struct child, renew));
}

void child_settle(struct child *c, uint64_t took_ms)
{
    const struct child *current = current_of(c->policy);
    struct ike *ike = c->ike;
    uint64_t ms = 2 * took_ms;

    if (!current || current->bytes_run_out) {
        child_install_out(c);
        return;
    }
    ms = ms < IKE_SETTLE_MIN_MS   ? IKE_SETTLE_MIN_MS
         : ms > IKE_SETTLE_MAX_MS ? IKE_SETTLE_MAX_MS
                                  : ms;
    timer_arm(&ike->timers, &c->renew, ike->now_ms + ms, on_settled);
}

bool child_is_current(const struct child *c)
{
    return current_of(c->policy) == c;
}

/* The pair in use went: one that was outranked, or is about to be used, takes its place. */
static void promote(struct policy *policy)
{
    struct child *c = current_of(policy);

    if (c) {
        revive(c);
        return;
    }
    TAILQ_FOREACH(c, &policy->children, in_policy)
    {
        if (c->sa && !c->quick) {
            timer_stop(&c->ike->timers, &c->renew);
            make_current(c);
            return;
        }
    }
}

void child_remove(struct child *c)
{
    struct ike *ike = c->ike;

    if (c->dead)
        return;
    c->dead = true;
    if (c->in_installed)
        action_add(ike, IKE_SA_REMOVE, 0)->a.child_id = c->id;
    timer_stop(&ike->timers, &c->renew);
    map_remove(&ike->children, &c->by_id);
    for (unsigned i = 0; i < c->n_sas; i++) {
        map_remove(&ike->spis_in, &c->spis[i].by_in);
        map_remove(&ike->spis_out, &c->spis[i].by_out);
    }
    TAILQ_REMOVE(&c->policy->children, c, in_policy);
    TAILQ_REMOVE(&c->host->children, c, in_host);
    TAILQ_INSERT_TAIL(&ike->dead_children, c, in_grave);
    keys_free(c);
    if (c->quick)
        exchange_end(c->quick);
    promote(c->policy);
    if (TAILQ_EMPTY(&c->host->children))
        timer_stop(&ike->timers, &c->host->care);
    host_release(ike, c->host);
}

void child_delete(struct child *c)
{
    struct phase1 *p1 = c->dead ? NULL : host_up_for(c->host, c);

    if (p1) {
        informational_delete_child(p1, c);
        c->host->tell_ms = c->ike->now_ms + IKE_TELL_MS; /* packets on their way are no news */
    }
    child_remove(c);
}
