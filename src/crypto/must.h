/* For what crypto cannot go on without: ending the process keeps steering in place (fail closed),
 * going on would put clear text or guessable bytes on the wire. Holds in NDEBUG builds too. */
#pragma once

#include "log.h"

#include <stdlib.h>

static inline void must(bool ok, const char *what)
{
    if (__builtin_expect(ok, true))
        return;
    log_error("crypto", "giving up: %s", what);
    abort();
}
