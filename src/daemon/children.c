#include "children.h"

#include "log.h"
#include "map.h"
#include "sharing.h"
#include "text.h"

#include <stdlib.h>
#include <sys/queue.h>

TAILQ_HEAD(child_list, child);
TAILQ_HEAD(entry_list, entry);

struct child { /* what one quick mode made */
    struct map_link by_id;
    TAILQ_ENTRY(child) in_entry, in_all;
    struct entry *entry;
    struct ike_child about; /* keys wiped */
    struct sa *in[2], *out[2];
    bool sends; /* every sending half is there */
};

struct loan { /* one policy's SAs cover another; lists by 1 + index, 0: end */
    struct entry *lender, *borrower;
    uint32_t next_of_lender, next_of_borrower;
};

struct entry {                    /* a policy */
    const struct plan_policy *pp; /* NULL: none of the plan's any more */
    struct child_list list;       /* the one to send by first */
    uint32_t lends, borrows;      /* first of its loans in either role */
    struct entry *lender;         /* whose SAs it uses for want of its own */
    bool changed, expired;
    TAILQ_ENTRY(entry) in_changed;
};

struct children {
    struct ipsec *engine;
    struct children_hooks hooks;
    struct map by_id;
    struct child_list all;
    struct entry **by_slot;
    size_t n_slots;
    struct entry_list changed;
    struct loan *loans; /* that may be */
};

/* ---- small services ---- */

struct children *children_new(struct ipsec *engine, const struct children_hooks *hooks)
{
    struct children *c = xcalloc(1, sizeof(*c));

    c->engine = engine;
    c->hooks = *hooks;
    TAILQ_INIT(&c->all);
    TAILQ_INIT(&c->changed);
    return c;
}

static struct entry *entry_find(const struct children *c, uint32_t slot)
{
    return slot < c->n_slots ? c->by_slot[slot] : NULL;
}

static struct entry *entry_get(struct children *c, uint32_t slot)
{
    if (slot >= c->n_slots) {
        size_t n = 2 * (size_t)slot + 64;
        c->by_slot = xrealloc(c->by_slot, n * sizeof(*c->by_slot));
        memset(c->by_slot + c->n_slots, 0, (n - c->n_slots) * sizeof(*c->by_slot));
        c->n_slots = n;
    }
    if (!c->by_slot[slot]) {
        c->by_slot[slot] = xcalloc(1, sizeof(struct entry));
        TAILQ_INIT(&c->by_slot[slot]->list);
    }
    return c->by_slot[slot];
}

static void entry_changed(struct children *c, struct entry *e)
{
    if (e->changed || !e->pp)
        return;
    e->changed = true;
    TAILQ_INSERT_TAIL(&c->changed, e, in_changed);
}

const struct plan_policy *children_changed_take(struct children *c)
{
    struct entry *e = TAILQ_FIRST(&c->changed);

    if (!e)
        return NULL;
    TAILQ_REMOVE(&c->changed, e, in_changed);
    e->changed = false;
    return e->pp;
}

/* Ids are consecutive numbers of the engine's: as good as hashed. */
static struct child *child_find(const struct children *c, uint64_t id)
{
    struct map_link *link = map_first(&c->by_id, id);

    return link ? map_owner(link, struct child, by_id) : NULL;
}

/* What a policy's own packets leave by. */
static struct child *own_child(const struct entry *e)
{
    struct child *child;

    TAILQ_FOREACH(child, &e->list, in_entry)
    {
        if (child->sends)
            return child;
    }
    return NULL;
}

/* ---- sharing ---- */

static bool selector_covers(const struct ike_selector *wide, const struct ip_prefix *prefix,
                            uint16_t port, uint8_t proto)
{
    return wide->prefix.len <= prefix->len && ip_prefix_contains(&wide->prefix, &prefix->addr) &&
           (wide->port == 0 || wide->port == port) && (wide->proto == 0 || wide->proto == proto);
}

static bool covers(const struct child *child, const struct plan_policy *pp)
{
    const struct selector *sel = &pp->policy.sel;

    return selector_covers(&child->about.local_sel, &sel->src, sel->sport, sel->proto) &&
           selector_covers(&child->about.remote_sel, &sel->dst, sel->dport, sel->proto);
}

static bool can_lend(const struct loan *loan)
{
    const struct child *child = own_child(loan->lender);

    return child && covers(child, loan->borrower->pp);
}

static struct entry *lender_find(const struct children *c, const struct entry *e)
{
    for (uint32_t i = e->borrows; i; i = c->loans[i - 1].next_of_borrower)
        if (can_lend(&c->loans[i - 1]))
            return c->loans[i - 1].lender;
    return NULL;
}

static void lender_set(struct children *c, struct entry *e, struct entry *lender)
{
    if (e->lender != lender)
        entry_changed(c, e);
    e->lender = lender;
}

/* What E sends by changed: so does it for those that borrow, or could. */
static void borrowers_follow(struct children *c, struct entry *e)
{
    for (uint32_t i = e->lends; i; i = c->loans[i - 1].next_of_lender) {
        const struct loan *loan = &c->loans[i - 1];
        struct entry *other = loan->borrower;

        if (own_child(other))
            continue;
        if (other->lender == e && can_lend(loan))
            entry_changed(c, other);
        else if (other->lender == e)
            lender_set(c, other, lender_find(c, other));
        else if (!other->lender && can_lend(loan))
            lender_set(c, other, e);
    }
}

/* E has other pairs than before. */
static void entry_follow(struct children *c, struct entry *e)
{
    lender_set(c, e, own_child(e) ? NULL : lender_find(c, e));
    entry_changed(c, e);
    borrowers_follow(c, e);
}

/* ---- SAs ---- */

static struct sa *sa_install(struct children *c, const struct ike_child *about, unsigned i, bool in)
{
    const struct ike_child_sa *a = &about->sas[i];
    struct sa_config config = { .proto = a->proto,
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
                                .owner = about->id,
                                .replay_window = about->replay_window,
                                .pfs = about->pfs,
                                .life = { .soft_s = about->soft_s,
                                          .hard_s = about->hard_s,
                                          .soft_bytes = about->soft_bytes,
                                          .hard_bytes = about->hard_bytes } };
    struct sa *sa = NULL;

    if (!in)
        config.path_mtu = c->hooks.path_mtu(c->hooks.ctx, &config.dst);
    enum ipsec_sa_result r = ipsec_sa_add(c->engine, &config, c->hooks.wall_s(c->hooks.ctx),
                                          c->hooks.now_ms(c->hooks.ctx), &sa);

    if (r != SA_ADDED)
        log_error("ipsec", "cannot install the SA with SPI 0x%X (reason %d)", config.spi, (int)r);
    secret_wipe(&config, sizeof(config));
    return r == SA_ADDED ? sa : NULL;
}

static struct child *child_new(struct children *c, const struct ike_child *about)
{
    struct child *child = xcalloc(1, sizeof(*child));

    child->about = *about;
    for (unsigned i = 0; i < 2; i++) {
        struct ike_child_sa *sa = &child->about.sas[i];
        secret_wipe(&sa->enc_in, sizeof(sa->enc_in));
        secret_wipe(&sa->enc_out, sizeof(sa->enc_out));
        secret_wipe(&sa->auth_in, sizeof(sa->auth_in));
        secret_wipe(&sa->auth_out, sizeof(sa->auth_out));
    }
    child->entry = entry_get(c, about->slot);
    map_put(&c->by_id, &child->by_id, about->id);
    TAILQ_INSERT_TAIL(&c->all, child, in_all);
    TAILQ_INSERT_HEAD(&child->entry->list, child, in_entry);
    return child;
}

void children_install(struct children *c, const struct ike_child *about, bool in)
{
    struct child *child = child_find(c, about->id);
    bool all = true;

    if (!child)
        child = child_new(c, about);
    struct entry *e = child->entry;
    for (unsigned i = 0; i < about->n_sas && i < 2; i++) {
        struct sa **at = in ? &child->in[i] : &child->out[i];
        if (!*at)
            *at = sa_install(c, about, i, in);
        all = all && *at;
    }
    if (!in) { /* from now on it is the one to send by */
        child->sends = all;
        TAILQ_REMOVE(&e->list, child, in_entry);
        TAILQ_INSERT_HEAD(&e->list, child, in_entry);
    }
    e->expired = false;
    entry_follow(c, e);
}

static void child_free(struct children *c, struct child *child)
{
    for (unsigned i = 0; i < 2; i++) {
        if (child->in[i])
            ipsec_sa_remove(c->engine, child->in[i]);
        if (child->out[i])
            ipsec_sa_remove(c->engine, child->out[i]);
    }
    map_remove(&c->by_id, &child->by_id);
    TAILQ_REMOVE(&c->all, child, in_all);
    TAILQ_REMOVE(&child->entry->list, child, in_entry);
    free(child);
}

void children_remove(struct children *c, uint64_t id, bool by_hand)
{
    struct child *child = child_find(c, id);

    if (!child)
        return;
    struct entry *e = child->entry;
    child_free(c, child);
    e->expired = !by_hand && TAILQ_EMPTY(&e->list);
    entry_follow(c, e);
}

void children_follow_routes(struct children *c)
{
    struct child *child;

    TAILQ_FOREACH(child, &c->all, in_all)
    {
        for (unsigned i = 0; i < 2; i++)
            if (child->out[i])
                sa_set_path_mtu(child->out[i],
                                c->hooks.path_mtu(c->hooks.ctx, &child->about.path.remote));
    }
}

/* ---- the plan ---- */

static void loans_build(struct children *c, const struct plan *plan)
{
    struct sharing sharing;

    sharing_build(plan, &sharing);
    c->loans = xrealloc(c->loans, (sharing.n + 1) * sizeof(*c->loans));
    for (size_t i = sharing.n; i-- > 0;) { /* so that the lists come out in the plan's order */
        struct entry *lender = entry_get(c, sharing.pairs[i].lender);
        struct entry *borrower = entry_get(c, sharing.pairs[i].borrower);

        c->loans[i] = (struct loan){ lender, borrower, lender->lends, borrower->borrows };
        lender->lends = borrower->borrows = (uint32_t)i + 1;
    }
    sharing_fini(&sharing);
}

static void entries_forget(struct children *c)
{
    TAILQ_INIT(&c->changed);
    for (size_t i = 0; i < c->n_slots; i++) {
        struct entry *e = c->by_slot[i];
        if (!e)
            continue;
        e->changed = false;
        e->pp = NULL;
        e->lender = NULL;
        e->lends = e->borrows = 0;
    }
}

static void entries_sweep(struct children *c)
{
    for (size_t i = 0; i < c->n_slots; i++) {
        struct entry *e = c->by_slot[i];
        if (e && !e->pp && TAILQ_EMPTY(&e->list)) {
            free(e);
            c->by_slot[i] = NULL;
        }
    }
}

void children_follow_plan(struct children *c, const struct plan *plan)
{
    entries_forget(c);
    for (size_t i = 0; i < plan->n_policies; i++) {
        const struct plan_policy *pp = &plan->policies[i];
        if (plan_uses_ike(pp))
            entry_get(c, pp->policy.slot)->pp = pp;
    }
    entries_sweep(c);
    loans_build(c, plan);
    for (size_t i = 0; i < c->n_slots; i++) {
        struct entry *e = c->by_slot[i];
        if (e && e->pp && !own_child(e))
            e->lender = lender_find(c, e);
    }
}

void children_free(struct children *c)
{
    struct child *child;

    if (!c)
        return;
    while ((child = TAILQ_FIRST(&c->all)))
        child_free(c, child);
    for (size_t i = 0; i < c->n_slots; i++)
        free(c->by_slot[i]);
    free(c->by_slot);
    free(c->loans);
    map_fini(&c->by_id);
    free(c);
}

/* ---- questions ---- */

void children_each(const struct children *c, bool esp, bool ah,
                   void (*visit)(void *ctx, uint64_t id), void *ctx)
{
    struct child *child;

    TAILQ_FOREACH(child, &c->all, in_all)
    {
        bool wanted = false;
        for (unsigned i = 0; i < child->about.n_sas && i < 2; i++)
            wanted = wanted || (child->about.sas[i].proto == SA_AH ? ah : esp);
        if (wanted)
            visit(ctx, child->about.id);
    }
}

static const struct child *sending_child(const struct entry *e)
{
    const struct child *child = own_child(e);

    return child || !e->lender ? child : own_child(e->lender);
}

void children_sas(const struct children *c, uint32_t slot, struct sa *ret[PLAN_SA_COUNT])
{
    const struct entry *e = entry_find(c, slot);

    for (int which = 0; which < PLAN_SA_COUNT; which++)
        ret[which] = NULL;
    if (!e)
        return;
    const struct child *out = sending_child(e), *in = out ? out : TAILQ_FIRST(&e->list);
    for (unsigned i = 0; in && i < in->about.n_sas && i < 2; i++) {
        bool ah = in->about.sas[i].proto == SA_AH;
        ret[ah ? PLAN_AH_IN : PLAN_ESP_IN] = in->in[i];
        if (out)
            ret[ah ? PLAN_AH_OUT : PLAN_ESP_OUT] = out->out[i];
    }
}

enum ph2_state children_ph2_state(const struct children *c, uint32_t slot)
{
    const struct entry *e = entry_find(c, slot);
    const struct child *child = e ? sending_child(e) : NULL;

    if (!child)
        return e && e->expired ? PH2_EXPIRED : PH2_NONE;
    for (unsigned i = 0; i < 2; i++)
        if (child->out[i] && sa_stats(child->out[i]).state == SA_DEAD)
            return PH2_EXPIRED;
    return PH2_ESTABLISHED;
}
