#include "plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What the kernel said about addresses: many policies have the same ends, and a question costs more
 * than all the rest of a policy. */
struct answers {
    struct keymap by_addr; /* -> index of v */
    struct answer {
        bool yes;
        struct ip_addr addr;
    } * v;
    size_t cap;
};

/* Everything needed while one plan is made. */
struct planner {
    struct config *config;
    const struct menu *manual_menu, *proposal_menu;
    const struct plan_env *env;
    struct keymap *reqids;
    struct keymap sa_index;   /* (proto, src, dst, spi) -> index of the plan's SA */
    struct keymap duplicates; /* selector and priority -> index of the policy */
    struct answers locals, sources;
    struct plan *plan;
    size_t cap_sas;
};

static bool inactive(struct plan_policy *pp, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool inactive(struct plan_policy *pp, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(pp->reason, sizeof(pp->reason), fmt, ap);
    va_end(ap);
    pp->active = false;
    return false;
}

static struct policy policy_from_cfg(const struct item *item)
{
    static const uint8_t actions[] = {
        [CFG_NONE] = SPD_NONE, [CFG_DISCARD] = SPD_DISCARD, [CFG_ENCRYPT] = SPD_ENCRYPT
    };
    static const uint8_t levels[] = {
        [CFG_USE] = LEVEL_USE, [CFG_REQUIRE] = LEVEL_REQUIRE, [CFG_UNIQUE] = LEVEL_UNIQUE
    };
    static const uint8_t dfs[] = {
        [CFG_DF_CLEAR] = DF_CLEAR, [CFG_DF_INHERIT] = DF_INHERIT, [CFG_DF_SET] = DF_SET
    };
    const struct cfg_policy *c = item->data;
    struct policy p = { .slot = item->slot,
                        .priority = (int32_t)c->priority,
                        .action = actions[c->action],
                        .level = levels[c->level],
                        .df = dfs[c->dont_fragment],
                        .tunnel = c->tunnel,
                        .local = c->sa_src,
                        .remote = c->sa_dst };

    p.sel = (struct selector){ .src = c->src.prefix,
                               .dst = c->dst.prefix,
                               .sport = c->src.port,
                               .dport = c->dst.port,
                               .proto = c->protocol };
    if (c->ipsec_protocols & CFG_PROTO_ESP)
        p.protocols |= PROTO_BIT_ESP;
    if (c->ipsec_protocols & CFG_PROTO_AH)
        p.protocols |= PROTO_BIT_AH;
    return p;
}

static bool check_selectors(struct plan_policy *pp)
{
    const struct cfg_policy *c = pp->item->data;

    if (!c->src_given || !c->dst_given)
        return inactive(pp, "%s-address is not set", c->src_given ? "dst" : "src");
    if (c->src.prefix.addr.family != c->dst.prefix.addr.family)
        return inactive(pp, "src-address and dst-address are of different IP versions");
    return true;
}

/* Transport mode carries only what runs between the SA addresses. A wider selector is fine: what it
 * matches beyond them falls through to the next policy, so the SPD gets the narrow one. */
static bool fit_transport(struct plan_policy *pp)
{
    struct policy *p = &pp->policy;
    uint8_t whole = (uint8_t)(8 * ip_addr_len(p->local.family));

    if (p->tunnel)
        return true;
    if (!ip_prefix_contains(&p->sel.src, &p->local))
        return inactive(pp, "tunnel=no and src-address does not include sa-src-address");
    if (!ip_prefix_contains(&p->sel.dst, &p->remote))
        return inactive(pp, "tunnel=no and dst-address does not include sa-dst-address");
    p->sel.src = (struct ip_prefix){ p->local, whole };
    p->sel.dst = (struct ip_prefix){ p->remote, whole };
    return true;
}

static struct answer *answer_of(struct answers *a, const struct ip_addr *addr, bool *ret_new)
{
    size_t n = a->by_addr.n;
    uint32_t i = keymap_put(&a->by_addr, addr, sizeof(*addr), (uint32_t)n, ret_new);

    if (*ret_new && n == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 16;
        a->v = xrealloc(a->v, a->cap * sizeof(*a->v));
    }
    return &a->v[i];
}

static void answers_fini(struct answers *a)
{
    keymap_fini(&a->by_addr);
    free(a->v);
}

static bool is_local(struct planner *pl, const struct ip_addr *addr)
{
    bool is_new;
    struct answer *a = answer_of(&pl->locals, addr, &is_new);

    if (is_new)
        a->yes = pl->env->is_local(pl->env->ctx, addr);
    return a->yes;
}

static bool source_for(struct planner *pl, const struct ip_addr *dst, struct ip_addr *ret)
{
    bool is_new;
    struct answer *a = answer_of(&pl->sources, dst, &is_new);

    if (is_new)
        a->yes = pl->env->source_for(pl->env->ctx, dst, &a->addr);
    if (a->yes)
        *ret = a->addr;
    return a->yes;
}

static bool resolve_end_points(struct planner *pl, struct plan_policy *pp)
{
    struct policy *p = &pp->policy;
    char text[IP_TEXT_MAX];

    if (ip_addr_is_unset(&p->remote))
        return inactive(pp, "sa-dst-address is not set");
    if (ip_addr_is_unset(&p->local)) {
        if (!source_for(pl, &p->remote, &p->local))
            return inactive(pp, "no route to sa-dst-address %s, so no source address for the SA",
                            ip_addr_to_text(&p->remote, text));
        return true;
    }
    if (p->local.family != p->remote.family)
        return inactive(pp, "sa-src-address and sa-dst-address are of different IP versions");
    if (!is_local(pl, &p->local))
        return inactive(pp, "sa-src-address %s is not an address of this host",
                        ip_addr_to_text(&p->local, text));
    return true;
}

static bool check_duplicate(struct planner *pl, struct plan_policy *pp)
{
    struct {
        struct ip_prefix src, dst;
        uint16_t sport, dport;
        uint8_t proto;
    } key;
    bool is_new;

    memset(&key, 0, sizeof(key)); /* padding is part of the key */
    key.src.addr = pp->policy.sel.src.addr;
    key.src.len = pp->policy.sel.src.len;
    key.dst.addr = pp->policy.sel.dst.addr;
    key.dst.len = pp->policy.sel.dst.len;
    key.sport = pp->policy.sel.sport;
    key.dport = pp->policy.sel.dport;
    key.proto = pp->policy.sel.proto;
    uint32_t self = (uint32_t)(pp - pl->plan->policies);
    uint32_t first = keymap_put(&pl->duplicates, &key, sizeof(key), self, &is_new);
    if (is_new)
        return true;
    /* A later one of higher priority is looked up first: then it is the earlier that never matches,
     * but both stay, as two policies of different priority are no mistake. */
    if (pl->plan->policies[first].policy.priority != pp->policy.priority)
        return true;
    return inactive(pp, "duplicate of policy %u", first);
}

static uint32_t reqid_of(struct planner *pl, const struct plan_policy *pp)
{
    const struct cfg_policy *c = pp->item->data;
    const struct policy *p = &pp->policy;
    struct {
        struct ip_addr local, remote;
        uint8_t protocols, tunnel;
        uint32_t unique_id;
        char manual[64];
    } key;
    bool is_new;

    memset(&key, 0, sizeof(key));
    key.local = p->local;
    key.remote = p->remote;
    key.protocols = p->protocols;
    key.tunnel = p->tunnel;
    key.unique_id = p->level == LEVEL_UNIQUE ? pp->item->id : 0;
    snprintf(key.manual, sizeof(key.manual), "%s", c->manual_sa);
    return keymap_put(pl->reqids, &key, sizeof(key), (uint32_t)pl->reqids->n + 1, &is_new);
}

static enum auth_alg auth_of(uint8_t index)
{
    static const enum auth_alg map[] = { AUTH_NONE, AUTH_MD5, AUTH_SHA1 };

    return map[index];
}

static enum cipher_alg cipher_of(uint8_t index)
{
    static const enum cipher_alg map[] = { CIPHER_NULL,    CIPHER_DES,     CIPHER_3DES,
                                           CIPHER_AES_128, CIPHER_AES_192, CIPHER_AES_256 };

    return map[index];
}

static void secret_set(struct secret *s, const struct cfg_hex *hex)
{
    memcpy(s->b, hex->b, hex->len);
    s->len = hex->len;
}

/* The SA that PROTO and direction DIR (CFG_IN, CFG_OUT) of a template give for a policy. */
static void sa_config_fill(const struct plan_policy *pp, const struct cfg_manual_sa *m,
                           enum sa_proto proto, int dir, struct sa_config *ret)
{
    const struct policy *p = &pp->policy;
    bool in = dir == CFG_IN;

    memset(ret, 0, sizeof(*ret)); /* compared as bytes later */
    ret->proto = proto;
    ret->inbound = in;
    ret->tunnel = p->tunnel;
    ret->src = in ? p->remote : p->local;
    ret->dst = in ? p->local : p->remote;
    ret->reqid = p->reqid;
    ret->slot = p->slot;
    ret->life.hard_s = (uint32_t)m->lifetime_s;
    ret->life.soft_s = (uint32_t)(m->lifetime_s * 8 / 10);
    if (proto == SA_AH) {
        ret->spi = m->ah_spi[dir];
        ret->auth = auth_of(m->ah_algorithm[dir]);
        secret_set(&ret->auth_key, &m->ah_key[dir]);
        return;
    }
    ret->spi = m->esp_spi[dir];
    ret->cipher = cipher_of(m->esp_enc_algorithm[dir]);
    ret->auth = auth_of(m->esp_auth_algorithm[dir]);
    secret_set(&ret->enc_key, &m->esp_enc_key[dir]);
    secret_set(&ret->auth_key, &m->esp_auth_key[dir]);
}

static struct plan_sa *sa_append(struct planner *pl)
{
    struct plan *plan = pl->plan;

    if (plan->n_sas == pl->cap_sas) {
        size_t cap = pl->cap_sas ? pl->cap_sas * 2 : 16;
        struct plan_sa *bigger = xcalloc(cap, sizeof(*bigger));
        if (plan->n_sas)
            memcpy(bigger, plan->sas, plan->n_sas * sizeof(*bigger));
        secret_wipe(plan->sas, plan->n_sas * sizeof(*bigger));
        free(plan->sas);
        plan->sas = bigger;
        pl->cap_sas = cap;
    }
    return &plan->sas[plan->n_sas++];
}

/* Finds or adds the SA of a policy. Two policies share one when everything about it is equal. */
static bool sa_want(struct planner *pl, struct plan_policy *pp, const struct cfg_manual_sa *m,
                    enum sa_proto proto, int dir)
{
    struct plan_sa *sa = sa_append(pl);
    struct {
        struct ip_addr src, dst;
        uint32_t spi;
        uint8_t proto;
    } key;
    bool is_new;

    sa_config_fill(pp, m, proto, dir, &sa->config);
    snprintf(sa->manual_sa, sizeof(sa->manual_sa), "%s", m->name);
    memset(&key, 0, sizeof(key));
    key.src = sa->config.src;
    key.dst = sa->config.dst;
    key.spi = sa->config.spi;
    key.proto = (uint8_t)proto;
    uint32_t index = (uint32_t)pl->plan->n_sas - 1;
    uint32_t found = keymap_put(&pl->sa_index, &key, sizeof(key), index, &is_new);
    if (!is_new) {
        struct sa_config mine = sa->config, theirs = pl->plan->sas[found].config;
        mine.slot = theirs.slot = 0;
        bool same = memcmp(&mine, &theirs, sizeof(mine)) == 0;
        secret_wipe(&mine, sizeof(mine));
        secret_wipe(&theirs, sizeof(theirs));
        secret_wipe(sa, sizeof(*sa));
        pl->plan->n_sas--;
        if (!same)
            return inactive(pp,
                            "manual-sa %s: %s SPI 0x%X between these addresses is already used "
                            "by another policy with other settings",
                            m->name, proto == SA_AH ? "AH" : "ESP",
                            proto == SA_AH ? m->ah_spi[dir] : m->esp_spi[dir]);
    }
    pp->sa[(proto == SA_AH ? PLAN_AH_IN : PLAN_ESP_IN) + (dir == CFG_OUT)] = found;
    return true;
}

static bool check_template(struct plan_policy *pp, const struct cfg_manual_sa *m)
{
    for (int dir = CFG_IN; dir <= CFG_OUT; dir++) {
        if ((pp->policy.protocols & PROTO_BIT_AH) && auth_of(m->ah_algorithm[dir]) == AUTH_NONE)
            return inactive(pp, "manual-sa %s has no ah-algorithm", m->name);
        if ((pp->policy.protocols & PROTO_BIT_AH) && m->ah_key[dir].len == 0)
            return inactive(pp, "manual-sa %s has no ah-key", m->name);
        if ((pp->policy.protocols & PROTO_BIT_ESP) &&
            cipher_of(m->esp_enc_algorithm[dir]) == CIPHER_NULL &&
            auth_of(m->esp_auth_algorithm[dir]) == AUTH_NONE)
            return inactive(pp,
                            "manual-sa %s has neither esp-enc-algorithm nor "
                            "esp-auth-algorithm",
                            m->name);
    }
    return true;
}

static bool plan_manual(struct planner *pl, struct plan_policy *pp, const char *name)
{
    struct item *item = config_find_name(pl->config, pl->manual_menu, name);

    if (!item)
        return inactive(pp, "manual-sa %s does not exist", name);
    if (item->disabled)
        return inactive(pp, "manual-sa %s is disabled", name);
    const struct cfg_manual_sa *m = item->data;
    if (!check_template(pp, m))
        return false;
    for (int dir = CFG_IN; dir <= CFG_OUT; dir++) {
        if ((pp->policy.protocols & PROTO_BIT_ESP) && !sa_want(pl, pp, m, SA_ESP, dir))
            return false;
        if ((pp->policy.protocols & PROTO_BIT_AH) && !sa_want(pl, pp, m, SA_AH, dir))
            return false;
    }
    return true;
}

static bool check_proposal(struct planner *pl, struct plan_policy *pp, const char *name)
{
    const struct item *item = config_find_name(pl->config, pl->proposal_menu, name);

    if (!item)
        return inactive(pp, "proposal %s does not exist", name);
    return !item->disabled || inactive(pp, "proposal %s is disabled", name);
}

static bool plan_encrypt(struct planner *pl, struct plan_policy *pp)
{
    const struct cfg_policy *c = pp->item->data;
    struct policy *p = &pp->policy;
    bool ends_given = !ip_addr_is_unset(&p->local) && !ip_addr_is_unset(&p->remote);

    if (ends_given && !fit_transport(pp))
        return false;
    /* Without its ends a transport policy cannot be narrowed, and a wide one would block others. */
    pp->enforced = p->level != LEVEL_USE && (p->tunnel || ends_given);
    if (p->protocols == 0)
        return inactive(pp, "ipsec-protocols is empty");
    if (!resolve_end_points(pl, pp) || !fit_transport(pp))
        return false;
    p->reqid = reqid_of(pl, pp);
    return strcmp(c->manual_sa, "none") == 0 ? check_proposal(pl, pp, c->proposal)
                                             : plan_manual(pl, pp, c->manual_sa);
}

/* Only an active policy claims its SAs, so that a broken one leaves nothing behind. */
static void claim_sas(struct planner *pl, struct plan_policy *pp)
{
    for (int k = 0; k < PLAN_SA_COUNT; k++) {
        if (pp->sa[k] == PLAN_NO_SA)
            continue;
        struct plan_sa *sa = &pl->plan->sas[pp->sa[k]];
        if (sa->wanted)
            continue;
        sa->wanted = true;
        sa->config.slot = pp->policy.slot;
        sa->policy_id = pp->item->id;
    }
}

static void plan_policy(struct planner *pl, struct plan_policy *pp)
{
    for (int k = 0; k < PLAN_SA_COUNT; k++)
        pp->sa[k] = PLAN_NO_SA;
    pp->policy = policy_from_cfg(pp->item);
    if (pp->item->disabled)
        return;
    pp->active = check_selectors(pp) &&
                 (pp->policy.action != SPD_ENCRYPT || plan_encrypt(pl, pp)) &&
                 check_duplicate(pl, pp);
    if (pp->active) {
        pp->enforced = true;
        pp->policy.negotiated = plan_uses_ike(pp);
        claim_sas(pl, pp);
    }
}

static void index_slots(struct plan *plan)
{
    for (size_t i = 0; i < plan->n_policies; i++) {
        uint32_t slot = plan->policies[i].policy.slot;
        if (slot != UINT32_MAX && slot >= plan->n_slots)
            plan->n_slots = (size_t)slot + 1;
    }
    plan->by_slot = xcalloc(plan->n_slots + 1, sizeof(*plan->by_slot));
    for (size_t i = 0; i < plan->n_policies; i++)
        if (plan->policies[i].policy.slot != UINT32_MAX)
            plan->by_slot[plan->policies[i].policy.slot] = (uint32_t)i + 1;
}

void plan_build(struct config *c, const struct plan_env *env, struct keymap *reqids,
                struct plan *ret)
{
    const struct menu *menu = menu_find("ip ipsec policy");
    struct planner pl = { .config = c,
                          .manual_menu = menu_find("ip ipsec manual-sa"),
                          .proposal_menu = menu_find("ip ipsec proposal"),
                          .env = env,
                          .reqids = reqids,
                          .plan = ret };

    *ret = (struct plan){ .n_policies = config_count(c, menu) };
    ret->policies = xcalloc(ret->n_policies, sizeof(*ret->policies));
    for (size_t i = 0; i < ret->n_policies; i++) {
        ret->policies[i].item = config_item_at(c, menu, i);
        plan_policy(&pl, &ret->policies[i]);
    }
    index_slots(ret);
    keymap_fini(&pl.sa_index);
    keymap_fini(&pl.duplicates);
    answers_fini(&pl.locals);
    answers_fini(&pl.sources);
}

const struct plan_policy *plan_of_slot(const struct plan *p, uint32_t slot)
{
    return slot < p->n_slots && p->by_slot[slot] ? &p->policies[p->by_slot[slot] - 1] : NULL;
}

bool plan_uses_ike(const struct plan_policy *pp)
{
    const struct cfg_policy *c = pp->item->data;

    return pp->active && pp->policy.action == SPD_ENCRYPT && strcmp(c->manual_sa, "none") == 0;
}

void plan_fini(struct plan *p)
{
    if (p->n_sas)
        secret_wipe(p->sas, p->n_sas * sizeof(*p->sas));
    free(p->sas);
    free(p->policies);
    free(p->by_slot);
    *p = (struct plan){ 0 };
}
