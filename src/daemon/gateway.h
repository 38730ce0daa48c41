/* The glue of the control thread: makes the data path and the kernel side follow the configuration
 * (config -> plan -> engine and steering), keeps manually keyed SAs installed, answers the live
 * properties of the console. One thread; owns engine, steering, devices, workers and plan. */
#pragma once

#include "config.h"
#include "engine.h"
#include "netmon.h"
#include "options.h"
#include "steer.h"

#include <uv.h>

struct gateway;

/* Everything that needs privileges: devices, raw sockets, BPF. WAKE is called from any thread when
 * gateway_on_wake should run. NULL with the reason in ERR. */
struct gateway *gateway_new(const struct options *o, void (*wake)(void *ctx), void *wake_ctx,
                            char *err, size_t err_size);
/* Opens the configuration, attaches steering, starts the workers. */
bool gateway_start(struct gateway *g, uv_loop_t *loop, struct text *error);
/* DELETE for every SA that a peer made with us; lets go of the loop. Before gateway_free. */
void gateway_stop(struct gateway *g);
/* CLEAN removes steering as well; otherwise it stays and what must be encrypted is dropped. */
void gateway_free(struct gateway *g, bool clean);

struct config *gateway_config(const struct gateway *g);
int gateway_netmon_fd(const struct gateway *g);
void gateway_on_netmon(struct gateway *g);
void gateway_on_wake(struct gateway *g); /* events of the workers */
void gateway_on_tick(struct gateway *g); /* about once a second */

/* Before privileges go: what must belong to the user we become (the folder of the pins). */
struct identity;
bool gateway_hand_over(struct gateway *g, const struct identity *id, char *err, size_t err_size);
