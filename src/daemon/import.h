/* --import FILE.rsc: runs a script against our own API before we say that we are ready. */
#pragma once

#include "control.h"

/* The file's text (the caller frees it), NULL with the reason in ERROR. Read it before privileges
 * go: it may be readable by root alone. */
char *import_read(const char *path, struct text *error);
bool import_run(uv_loop_t *loop, struct control *control, const char *path, const char *script,
                struct text *error);
