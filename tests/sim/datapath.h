/* A side's data path: struct ipsec with one worker, and the daemon's own bookkeeping of negotiated
 * SAs (src/daemon/children.h) between it and the IKE engine. What remains of the daemon's glue, to
 * carry events and changed policies over, is a few lines here. */
#pragma once

#include "children.h"
#include "world.h"

void datapath_start(struct side *s, enum bulk_backend backend, uint64_t seed);
void datapath_stop(struct side *s);
void datapath_policies(struct side *s); /* SPD and SAs follow S->policies */
void datapath_install(struct side *s, const struct ike_child *about, bool in);
void datapath_remove(struct side *s, uint64_t id);
void datapath_follow(struct side *s); /* policies whose SAs changed */
bool datapath_spi_is_free(const struct side *s, uint8_t proto, const struct ip_addr *src,
                          const struct ip_addr *dst, uint32_t spi);

/* A packet from a host behind S; a protected packet from the network. */
void datapath_out(struct side *s, const uint8_t *p, size_t len);
void datapath_in(struct side *s, const uint8_t *p, size_t len);
uint64_t datapath_tick_ms(const struct side *s); /* the next one, in world time */
void datapath_tick(struct side *s);

unsigned datapath_sas(const struct side *s); /* each protocol and direction */
void datapath_each(const struct side *s, void (*visit)(void *ctx, struct sa *sa), void *ctx);
enum ph2_state datapath_ph2_state(const struct side *s, size_t policy);
uint64_t datapath_drops(const struct side *s, enum ipsec_drop reason);
