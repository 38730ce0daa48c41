/* Renewal before the end. Phase 2: whoever started a pair renews it at its soft limit, the other
 * side at 90% if nothing came. Phase 1: at 80% (or 90%) while pairs of SAs live between the two. */
#pragma once

#include "ike_priv.h"

void rekey_child_soft(struct child *c);
void rekey_phase1_start(struct phase1 *p1);
/* After every message: byte lifetimes, and message IDs, of which none is used twice. */
void rekey_phase1_look(struct phase1 *p1);
/* P1 ended: when pairs of SAs are left without any, a new one soon. */
void rekey_host_care(const struct phase1 *p1);
