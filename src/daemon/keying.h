/* Automatic keying: the IKE engine on the control loop. Gives it datagrams, time, acquires and the
 * configuration; carries out its actions: datagrams, SAs in the data path, Diffie-Hellman in the
 * loop's thread pool, reports to the log and to `last-error`. */
#pragma once

#include "config.h"
#include "engine.h"
#include "ike.h"
#include "ike_sockets.h"
#include "plan.h"

#include <uv.h>

struct keying;

struct keying_hooks {
    void *ctx;
    /* PP sends or receives by other SAs than before */
    void (*policy_changed)(void *ctx, const struct plan_policy *pp);
    uint32_t (*path_mtu)(void *ctx, const struct ip_addr *dst); /* bytes; 0: unknown */
};

/* Borrows SOCKETS. */
struct keying *keying_new(struct ike_sockets *sockets, struct ipsec *engine,
                          const struct keying_hooks *hooks);
void keying_start(struct keying *k, uv_loop_t *loop);
/* DELETE for everything, then lets go of the loop. */
void keying_stop(struct keying *k);
void keying_free(struct keying *k);

/* Routes changed: the SAs' path MTUs may have. */
void keying_follow_routes(struct keying *k);
/* PLAN is borrowed until the next call. */
void keying_configure(struct keying *k, struct config *c, const struct plan *plan);
void keying_acquire(struct keying *k, const struct plan_policy *pp);
/* EV_SOFT, EV_HARD or EV_FIRST. False: the SA is not one of ours. */
bool keying_sa_event(struct keying *k, const struct ipsec_event *ev);
/* EV_UNKNOWN_SPI: a peer sends by an SA that is not here. */
void keying_unknown_spi(struct keying *k, const struct ipsec_event *ev);
void keying_flush(struct keying *k, bool esp, bool ah);
void keying_kill_connections(struct keying *k);

/* Of a policy by its slot: see children.h. */
void keying_sas(const struct keying *k, uint32_t slot, struct sa *ret[PLAN_SA_COUNT]);
enum ph2_state keying_ph2_state(const struct keying *k, uint32_t slot);
/* The last refusal, NULL: none. A policy's own, else what keeps its peer's phase 1 from coming up.
 */
const char *keying_policy_error(const struct keying *k, uint32_t policy_id);
const char *keying_peer_error(const struct keying *k, uint32_t peer_id);

void keying_drops(const struct keying *k, uint64_t ret[IKE_DROP_COUNT]);
void keying_larval_sas(const struct keying *k,
                       void (*visit)(void *ctx, const struct ike_larval_sa *sa), void *ctx);
void keying_remote_peers(const struct keying *k,
                         void (*visit)(void *ctx, const struct ike_remote_peer *p), void *ctx);
