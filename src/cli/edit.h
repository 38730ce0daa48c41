/* The console on a terminal: line editing, history, completion keys. */
#pragma once

#include "console.h"

/* Until the user leaves. Returns the exit status. */
int edit_run(struct console *c);
