/* Finding out about NAT in phase 1, RFC 3947 3 and 4: vendor ID, NAT-D, the move to port 4500. The
 * drafts before the RFC are not spoken. */
#pragma once

#include "isakmp_writer.h"
#include "phase1.h"

enum { IKE_PORT = 500, NATT_PORT = 4500, NATT_KEEP_PAYLOADS = 8 };

void natt_announce(const struct phase1 *p1, struct isakmp_msg *m); /* vendor IDs we send, DPD too */
void natt_take_vendors(struct phase1 *p1, const struct isakmp_payloads *ps);
/* NAT-D of message 3 or 4, once both cookies are known. */
void natt_emit(const struct phase1 *p1, struct isakmp_msg *m);
void natt_take(struct phase1 *p1, const struct isakmp_payloads *ps, const struct ike_path *path);
/* The initiator, before message 5: to port 4500 when there is a NAT. */
void natt_float(struct phase1 *p1);
