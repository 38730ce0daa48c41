/* Pairs of SAs made by quick mode, from our side: which are installed, which is used. */
#pragma once

#include "ike_priv.h"

/* Takes SA (with its keys); larval until a half is installed. A pair for which the peer gave the
 * same SPI before ends: it has forgotten that one. */
struct child *child_new(struct policy *policy, struct phase1 *p1, struct ike_child *sa,
                        uint64_t started_ms, uint64_t rank);
struct child *child_find(const struct ike *ike, uint64_t id);
/* Of those between the addresses of HOST the pair whose SPI for receiving is the peer's or ours. */
struct child *child_of_peer_spi(const struct host *host, uint8_t proto, uint32_t spi);
struct child *child_of_own_spi(const struct host *host, uint8_t proto, uint32_t spi);
/* Whether the peer of P1 may give an SPI: not when another peer at its address has it, nor in a
 * second quick mode before the first is confirmed. */
bool child_spi_may(const struct phase1 *p1, uint8_t proto, uint32_t spi);
void child_install_in(struct child *c);
/* For sending from now on, unless one made at the same time by the other side is to be used. */
void child_install_out(struct child *c);
/* As child_install_out, but while an older pair serves, that one goes on for a moment: a responder
 * may install its receiving half only when message 3 has come (strongSwan does, and has its
 * Diffie-Hellman to do first), and drop what overtakes that. TOOK_MS, which message 1 needed to be
 * answered, is what it may need. Not when the older pair's bytes run out. */
void child_settle(struct child *c, uint64_t took_ms);
/* Both halves; whatever the peer is to hear has been said. */
void child_remove(struct child *c);
/* As child_remove, with DELETE under the newest phase 1 SA. */
void child_delete(struct child *c);
bool child_is_current(const struct child *c); /* the one used for sending */
