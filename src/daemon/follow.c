/* Making the data path follow the configuration. Order of a change, so that nothing leaks at any
 * point: the programs take the new SPD first (they may refuse, and then nothing has changed; what
 * they capture too early a worker drops as spd-changed), then SAs with their pointers and states
 * per policy, last the workers' SPD. At start SAs and states come before the programs. */
#include "gateway_priv.h"
#include "weak.h"

#include <stdlib.h>

static uint32_t slot_take(struct gateway *g)
{
    uint32_t slot;

    if (g->n_free_slots)
        slot = g->free_slots[--g->n_free_slots];
    else if (g->next_slot < SPD_MAX_SLOTS)
        slot = g->next_slot++;
    else
        return UINT32_MAX;
    ipsec_slot_reset(g->engine, slot);
    steer_slot_reset(g->steer, slot);
    return slot;
}

static void slot_give_back(struct gateway *g, uint32_t slot)
{
    if (slot == UINT32_MAX)
        return;
    ipsec_slot_set(g->engine, slot, NULL, NULL);
    steer_slot_state(g->steer, slot, 0);
    if (g->n_free_slots == g->cap_free_slots) {
        g->cap_free_slots = g->cap_free_slots ? 2 * g->cap_free_slots : 64;
        g->free_slots = xrealloc(g->free_slots, g->cap_free_slots * sizeof(*g->free_slots));
    }
    g->free_slots[g->n_free_slots++] = slot;
}

static bool slots_assign(struct gateway *g, struct config *c)
{
    const struct menu *menu = menu_find("ip ipsec policy");
    size_t n = config_count(c, menu);

    for (size_t i = 0; i < n; i++) {
        struct item *item = config_item_at(c, menu, i);
        if (item->slot == UINT32_MAX && (item->slot = slot_take(g)) == UINT32_MAX)
            return false;
    }
    return true;
}

static bool usable(const struct sa *sa)
{
    return sa && sa_stats(sa).state != SA_DEAD;
}

/* Linux refuses clear packets also while there is no SA yet; the reference does so only with one.
 */
static bool strict_incoming_check(const struct gateway *g)
{
    const struct item *item =
        g->config ? config_item_at(g->config, menu_find("ip ipsec settings"), 0) : NULL;

    return item && ((const struct cfg_settings *)item->data)->strict_incoming_check;
}

static void policy_sas(const struct gateway *g, const struct plan_policy *pp,
                       struct sa *ret[PLAN_SA_COUNT])
{
    if (plan_uses_ike(pp)) {
        keying_sas(g->keying, pp->policy.slot, ret);
        return;
    }
    for (int k = 0; k < PLAN_SA_COUNT; k++)
        ret[k] = pp->active ? manual_sa_of(g, pp, k) : NULL;
}

void follow_policy(struct gateway *g, const struct plan_policy *pp)
{
    struct sa *sas[PLAN_SA_COUNT];
    unsigned state = 0;

    policy_sas(g, pp, sas);
    ipsec_slot_set(g->engine, pp->policy.slot, sas[PLAN_ESP_OUT], sas[PLAN_AH_OUT]);
    if (usable(sas[PLAN_ESP_OUT]) || usable(sas[PLAN_AH_OUT]))
        state |= SPD_OUT_USABLE;
    if (usable(sas[PLAN_ESP_IN]) || usable(sas[PLAN_AH_IN]) ||
        (pp->policy.level != LEVEL_USE && strict_incoming_check(g)))
        state |= SPD_IN_VALID;
    steer_slot_state(g->steer, pp->policy.slot, state);
}

void follow_slots(struct gateway *g)
{
    for (size_t i = 0; i < g->plan.n_policies; i++)
        follow_policy(g, &g->plan.policies[i]);
}

static bool spd_build(const struct plan *plan, struct spd **ret, struct text *reason)
{
    struct policy *enforced = xcalloc(plan->n_policies, sizeof(*enforced));
    size_t n = 0;

    for (size_t i = 0; i < plan->n_policies; i++)
        if (plan->policies[i].enforced)
            enforced[n++] = plan->policies[i].policy;
    enum spd_compile_result r = spd_compile(enforced, n, ret);
    free(enforced);
    switch (r) {
    case SPD_OK:
        return true;
    case SPD_TOO_MANY_TUPLES:
        text_printf(reason, "more than %d combinations of prefix lengths, protocol and ports",
                    SPD_MAX_TUPLES);
        return false;
    case SPD_TOO_MANY_POLICIES:
        text_printf(reason, "more than %d policies", SPD_MAX_SLOTS);
        return false;
    }
    return false;
}

static bool is_among(const struct item *item, const struct config_change *changes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (changes[i].op == OP_LOAD || changes[i].item == item)
            return true;
    return false;
}

/* Why a policy of a new plan went inactive, told once. Without changes to the configuration all are
 * news. */
static void log_inactive(const struct plan *plan, const struct config_change *changes, size_t n)
{
    for (size_t i = 0; i < plan->n_policies; i++) {
        const struct plan_policy *pp = &plan->policies[i];
        if (pp->reason[0] && (n == 0 || is_among(pp->item, changes, n)))
            log_warning("ipsec", "policy %zu is inactive: %s%s", i, pp->reason,
                        pp->enforced ? "; its traffic is dropped" : "");
    }
}

static bool is_local(void *ctx, const struct ip_addr *a)
{
    return netmon_is_local(((struct gateway *)ctx)->netmon, a);
}

static bool source_for(void *ctx, const struct ip_addr *dst, struct ip_addr *ret)
{
    struct route_info route;

    if (!netmon_route(((struct gateway *)ctx)->netmon, dst, &route) ||
        ip_addr_is_unset(&route.source))
        return false;
    *ret = route.source;
    return true;
}

static void adopt(struct gateway *g, struct config *c, const struct plan *plan,
                  const struct config_change *changes, size_t n)
{
    manual_follow(g, plan, changes, n);
    plan_fini(&g->plan);
    g->plan = *plan;
    keying_configure(g->keying, c, &g->plan);
    follow_slots(g);
}

static bool follow(struct gateway *g, struct config *c, const struct config_change *changes,
                   size_t n, struct text *reason)
{
    const struct plan_env env = { .ctx = g, .is_local = is_local, .source_for = source_for };
    bool first = !g->loaded;
    char err[256] = "";
    struct plan plan;
    struct spd *spd;

    plan_build(c, &env, &g->reqids, &plan);
    if (!spd_build(&plan, &spd, reason)) {
        plan_fini(&plan);
        return false;
    }
    /* Programs that take over from a dead daemon's must know at once which SAs are valid. */
    if (first)
        adopt(g, c, &plan, changes, n);
    struct spd_image image = spd_image(spd);
    if (!steer_apply(g->steer, &image, err, sizeof(err))) {
        text_puts(reason, err);
        spd_free(spd);
        if (!first)
            plan_fini(&plan);
        return false;
    }
    if (!first)
        adopt(g, c, &plan, changes, n);
    ipsec_spd_set(g->engine, spd);
    log_inactive(&g->plan, changes, n);
    return true;
}

/* Whether the configuration is loaded, or a menu under PATH changes. */
static bool concerns(const struct config_change *changes, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (changes[i].op == OP_LOAD || strncmp(changes[i].menu->path, path, strlen(path)) == 0)
            return true;
    return false;
}

/* The policies that OP concerns have no slot any more. */
static void slots_give_back(struct gateway *g, const struct config_change *changes, size_t n,
                            enum config_op op)
{
    for (size_t i = 0; i < n; i++) {
        const struct config_change *change = &changes[i];
        if (change->op != op || strcmp(change->menu->path, "ip ipsec policy") != 0)
            continue;
        slot_give_back(g, change->item->slot);
        change->item->slot = UINT32_MAX;
    }
}

static bool ipsec_apply(struct gateway *g, struct config *c, const struct config_change *changes,
                        size_t n, struct text *reason)
{
    bool ok = false;

    if (slots_assign(g, c))
        ok = follow(g, c, changes, n, reason);
    else
        text_printf(reason, "more than %d policies", SPD_MAX_SLOTS);
    slots_give_back(g, changes, n, ok ? OP_REMOVE : OP_ADD);
    g->loaded = g->loaded || ok;
    for (size_t i = 0; ok && i < n; i++)
        weak_warn(c, &changes[i]);
    return ok;
}

static bool nat_apply(struct gateway *g, struct config *c, const struct config_change *changes,
                      struct text *reason)
{
    if (nat_follow(g->nat, c, reason))
        return true;
    if (changes[0].op != OP_LOAD)
        return false;
    log_error("firewall", "%s", text_get(reason)); /* the rest of the configuration still counts */
    text_clear(reason);
    return true;
}

/* A removed item must be out of the plan: the configuration leaves it out already. */
bool follow_apply(void *ctx, struct config *c, const struct config_change *changes, size_t n,
                  struct text *reason)
{
    struct gateway *g = ctx;
    bool nat = concerns(changes, n, "ip firewall nat"), ipsec = concerns(changes, n, "ip ipsec");

    g->config = c; /* at load time before config_open has returned */
    /* Changes made as one are of one menu: nothing of the one to take back for the other. */
    if (nat && !nat_apply(g, c, changes, reason))
        return false;
    if (ipsec && !ipsec_apply(g, c, changes, n, reason))
        return false;
    if (nat || ipsec)
        nat_warn(g->nat, c);
    return true;
}

void follow_refresh(struct gateway *g)
{
    struct text reason = TEXT_INIT;

    if (!follow(g, g->config, NULL, 0, &reason))
        log_error("ipsec", "the SPD could not follow a change of addresses or routes: %s",
                  text_get(&reason));
    text_fini(&reason);
    manual_follow_routes(g);
    keying_follow_routes(g->keying);
}
