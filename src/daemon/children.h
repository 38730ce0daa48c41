/* The SAs that quick modes made, in the data path: which of them belong together, which policy they
 * were made for, and by which each policy sends and receives.
 *
 *     policy (by its slot) ── children: one quick mode's pairs each, the one to send by first
 *           └── lender: another policy whose SAs carry this one's packets as well
 *
 * A policy sends by the pairs last given out for sending among its own. While it has none, those of
 * another policy will do, if both are of level require and name the same proposal, their SAs may be
 * shared at all (equal reqid: same end points, mode and protocols), and what was negotiated for the
 * other covers everything this one matches. Otherwise it has to negotiate its own.
 *
 * Every change concerns the policies it touches alone; the whole is walked when the plan changes.
 */
#pragma once

#include "engine.h"
#include "ike.h"
#include "plan.h"

struct children;

struct children_hooks {
    void *ctx;
    uint32_t (*path_mtu)(void *ctx, const struct ip_addr *dst); /* bytes; 0: unknown */
    uint64_t (*now_ms)(void *ctx);                              /* of the engine's clock */
    int64_t (*wall_s)(void *ctx);
};

struct children *children_new(struct ipsec *engine, const struct children_hooks *hooks);
void children_free(struct children *c); /* and the SAs */

/* PLAN is in force from now on; borrowed until the next call. The caller looks at every policy
 * afterwards. */
void children_follow_plan(struct children *c, const struct plan *plan);
void children_follow_routes(struct children *c); /* path MTUs */
/* One half of a child; the receiving one comes first. */
void children_install(struct children *c, const struct ike_child *about, bool in);
/* BY_HAND: somebody wanted it gone, so nothing is left to show as expired. */
void children_remove(struct children *c, uint64_t id, bool by_hand);
/* Ids of those with an SA of a protocol asked for. VISIT changes nothing here. */
void children_each(const struct children *c, bool esp, bool ah,
                   void (*visit)(void *ctx, uint64_t id), void *ctx);

/* PLAN_ESP_IN ..: by which SAs policy SLOT sends and receives; NULL where it has none. */
void children_sas(const struct children *c, uint32_t slot, struct sa *ret[PLAN_SA_COUNT]);
enum ph2_state children_ph2_state(const struct children *c, uint32_t slot);
/* A policy whose SAs or state changed since it was last given; NULL: no more. */
const struct plan_policy *children_changed_take(struct children *c);
