/* --import FILE.rsc: runs a script against our own API before we say that we are ready. */
#pragma once

#include "control.h"

bool import_file(uv_loop_t *loop, struct control *control, const char *path, struct text *error);
