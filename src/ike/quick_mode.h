/* Quick mode, RFC 2409 5.5: SAs for one policy under a phase 1 SA. */
#pragma once

#include "driver.h"

extern const struct step_table quick_mode;
/* Starts one for POLICY, whose proposal and peer are there. */
void quick_start(struct phase1 *p1, struct policy *policy);
void quick_timed_out(struct exchange *ex);
/* Ends one whose answer may have reached the initiator: if it has installed the SAs, it must hear
 * that we do not have them, or its packets go nowhere for as long as they live. */
void quick_abandon(struct exchange *ex);
/* The peer answered with an error of this exchange, or the policy went. */
void quick_fail(struct exchange *ex);
/* Forgets and wipes what a quick mode needs while it runs; children it made stay. Accepts any
 * exchange. */
void quick_fini(struct exchange *ex);
/* Data came by the inbound SA: the peer has our message 2, so its message 3 is as good as here. */
void quick_confirmed(struct child *child);
void quick_policy_gone(struct policy *policy); /* ends those of it, whoever started them */
