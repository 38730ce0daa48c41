/* What the configuration means for the data path, as plain data: every policy with its place in the
 * SPD, the reason why it is inactive, and the manually keyed SAs it needs. Pure: the network's
 * state is passed in, nothing is changed but the numbering of reqids. */
#pragma once

#include "config.h"
#include "engine.h"
#include "keymap.h"

struct plan_env { /* what the plan asks of the network */
    void *ctx;
    bool (*is_local)(void *ctx, const struct ip_addr *a);
    /* Source address the routing table would use towards DST. */
    bool (*source_for)(void *ctx, const struct ip_addr *dst, struct ip_addr *ret);
};

struct plan_sa {
    struct sa_config config;
    char manual_sa[64]; /* name of the template */
    uint32_t policy_id; /* the first active policy that sends or receives by it */
    bool wanted;        /* some active policy needs it; install only these */
};

enum { PLAN_ESP_IN, PLAN_ESP_OUT, PLAN_AH_IN, PLAN_AH_OUT, PLAN_SA_COUNT };
enum { PLAN_NO_SA = 0xffffffff };

struct plan_policy {
    struct item *item;
    bool active; /* works as configured; otherwise the console shows I */
    /* In the SPD: active, or an inactive encrypt policy of level require or unique, whose traffic
     * is dropped rather than sent in clear (an address that went away must not open a leak). */
    bool enforced;
    char reason[160]; /* why not; empty when active or disabled */
    struct policy policy;
    uint32_t sa[PLAN_SA_COUNT]; /* indexes into the plan's SAs, PLAN_NO_SA where none */
};

struct plan {
    struct plan_policy *policies; /* in list order */
    size_t n_policies;
    struct plan_sa *sas;
    size_t n_sas;
    uint32_t *by_slot; /* 1 + index of the policy, 0: none */
    size_t n_slots;
};

enum ph2_state { PH2_NONE, PH2_EXPIRED, PH2_ESTABLISHED }; /* what the console shows */

/* REQIDS numbers groups of policies that may share SAs; it outlives the plan, so that numbers stay
 * the same while the configuration changes around them. */
void plan_build(struct config *c, const struct plan_env *env, struct keymap *reqids,
                struct plan *ret);
const struct plan_policy *plan_of_slot(const struct plan *p, uint32_t slot); /* NULL: none */
/* Active, encrypting, and without manual keys. */
bool plan_uses_ike(const struct plan_policy *pp);
void plan_fini(struct plan *p); /* wipes keys */
