/* What people are told when the peer says no. A notify names no more than its type, so the words
 * say what we asked for: that is what has to be compared with the other end's configuration. */
#pragma once

#include "ike_priv.h"

/* TYPE came in the clear while we negotiate as initiator: anybody may have sent it. */
void refusal_of_phase1(struct phase1 *p1, uint16_t type);
/* TYPE came authenticated. EX is the quick mode it is about, NULL when that cannot be told. */
void refusal_of_quick(struct phase1 *p1, const struct exchange *ex, uint16_t type);
/* The peer removed SAs it had just agreed to. */
void refusal_of_child(struct phase1 *p1, const struct policy *policy);
