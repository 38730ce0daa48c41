/* Private to the glue: gateway.c (life cycle), follow.c (configuration -> data path), manual.c
 * (manually keyed SAs), views.c (what the console reads). */
#pragma once

#include "gateway.h"
#include "keying.h"
#include "nat.h"
#include "plan.h"
#include "tun.h"
#include "worker.h"

/* A manually keyed SA as wanted by the plan. Flushed ones wait until their policy or template is
 * set or enabled again, or the daemon restarts (a flush that undid itself would show nothing). */
struct manual_sa {
    struct plan_sa want;
    struct sa *sa; /* NULL: flushed, expired or refused */
    bool flushed;
    bool expired; /* flushed by its lifetime */
};

struct manual_sas {
    struct manual_sa *v;
    size_t n;
};

struct gateway {
    struct options options;
    struct ipsec *engine;
    struct tun capture, inject;
    struct steer *steer;
    struct netmon *netmon;
    struct ike_sockets *ike_sockets;
    struct keying *keying;
    struct worker **workers;
    unsigned n_workers;
    struct config *config;
    struct config_hooks hooks;
    struct plan plan;
    struct keymap reqids;
    struct manual_sas manual;
    struct nat *nat;
    uint32_t *free_slots; /* stack of slot numbers given back */
    uint32_t n_free_slots, cap_free_slots, next_slot;
    char pin_dir[128], table[64], identity[256];
    bool loaded;         /* the configuration is in force */
    bool refresh;        /* addresses or routes changed */
    bool manual_changed; /* manually keyed SAs expired: the policies are to follow */
};

/* gateway.c: largest outer datagram towards DST, in bytes; 0 without a route. */
uint32_t gateway_path_mtu(void *ctx, const struct ip_addr *dst);

/* follow.c */
bool follow_apply(void *ctx, struct config *c, const struct config_change *changes, size_t n,
                  struct text *reason);
/* Addresses or routes changed: the same configuration may mean something else now. */
void follow_refresh(struct gateway *g);
/* Writes SA pointers and state of a policy to the engine and the programs. */
void follow_policy(struct gateway *g, const struct plan_policy *pp);
void follow_slots(struct gateway *g); /* of every policy */

/* manual.c */
/* Brings the installed SAs to what PLAN wants, after N changes of the configuration. */
void manual_follow(struct gateway *g, const struct plan *plan, const struct config_change *changes,
                   size_t n_changes);
void manual_follow_routes(struct gateway *g); /* path MTUs */
void manual_flush(struct gateway *g, bool esp, bool ah);
void manual_expire(struct gateway *g, const struct ipsec_event *ev);
enum ph2_state manual_ph2_state(const struct gateway *g, const struct plan_policy *pp);
struct sa *manual_sa_of(const struct gateway *g, const struct plan_policy *pp, int which);
void manual_fini(struct gateway *g);

/* views.c */
void views_hooks(struct gateway *g, struct config_hooks *ret);
