/* New items of a script, collected: a configuration of thousands reaches the daemon in a few large
 * steps. What a script does, in which order and where it stops stays as if each went alone. Private
 * to the console. */
#pragma once

#include "call.h"

/* Whether CALL is an `add` whose answer nobody looks at. */
bool adds_can_wait(const struct run *r, const struct call *call);
/* Takes it. False: one that waited before was refused. */
bool adds_put(struct run *r, struct call *call);
/* Everything that waits. False: the problem says why, and what is behind the failed one did not
 * happen. */
bool adds_flush(struct run *r);
