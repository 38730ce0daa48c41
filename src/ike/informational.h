/* Informational exchanges: notifications and deletes. HASH(1) is looked at before anything else.
 * RFC 2409 5.7, RFC 2407 4.6.3. */
#pragma once

#include "driver.h"

extern const struct step_table informational;

/* Authentic notifications of any exchange; what they say about NATURE of it is done here. */
void informational_notifies(struct phase1 *p1, const struct isakmp_payloads *ps);
/* One that nothing protects: counted and told, never obeyed. */
void informational_in_clear(struct phase1 *p1, const struct msg_in *in, const uint8_t *bytes,
                            size_t len);

void informational_initial_contact(struct phase1 *p1);
void informational_delete_phase1(struct phase1 *p1);
void informational_delete_child(struct phase1 *p1, const struct child *child);
/* One SPI by which the peer sends, of protocol 50 or 51. */
void informational_delete_spi(struct phase1 *p1, uint8_t proto, uint32_t spi);
/* A refused quick mode: the peer's people get to know why. */
void informational_refuse_quick(struct phase1 *p1, uint8_t proto, uint32_t spi, uint16_t type);
/* In the clear, before there are keys; few a second. */
void informational_refuse_phase1(struct phase1 *p1, const struct ike_path *path, uint16_t type);
void informational_dpd(struct phase1 *p1, bool ack, uint32_t sequence);
