/* Telling whoever started us: standard output, the parent of a daemon, systemd. */
#pragma once

#include <stdbool.h>

/* Forks; the parent waits for notify_ready (exit 0, having printed "ready") or our end (exit 1).
 * Returns in the child, with a descriptor for notify_ready, or -1. */
int notify_background(void);
/* Prints "ready", tells systemd, lets go of a waiting parent (FD from above, or -1). */
void notify_ready(int fd);
