/* A side's data path: struct ipsec with one worker, its SAs installed and removed as the IKE engine
 * says, what it reports given back to IKE. Does what src/daemon does between the two: a policy
 * sends by its newest pair. */
#pragma once

#include "engine.h"
#include "world.h"

void datapath_start(struct side *s, enum bulk_backend backend, uint64_t seed);
void datapath_stop(struct side *s);
void datapath_policies(struct side *s); /* the SPD follows S->policies */
void datapath_install(struct side *s, const struct ike_child *about, bool in);
void datapath_remove(struct side *s, uint64_t id);

/* A packet from a host behind S; a protected packet from the network. */
void datapath_out(struct side *s, const uint8_t *p, size_t len);
void datapath_in(struct side *s, const uint8_t *p, size_t len);
void datapath_tick(struct side *s);
uint64_t datapath_drops(const struct side *s, enum ipsec_drop reason);
uint64_t datapath_all_drops(const struct side *s);
