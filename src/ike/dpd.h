/* Dead peer detection, RFC 3706: questions are answered always, asked when the peer announced that
 * it answers and was not heard for the configured interval. */
#pragma once

#include "isakmp_notify.h"
#include "phase1.h"

void dpd_start(struct phase1 *p1);
void dpd_notify(struct phase1 *p1, const struct isakmp_notify *n);
