/* The `nft` program as a child process: libnftables is GPL-2-only, so it is run, not linked. */
#pragma once

#include "text.h"

/* Runs SCRIPT as one transaction in the caller's network namespace, without a shell and with
 * nothing inherited but standard streams; ends it after some seconds. OUTPUT (may be NULL) receives
 * what it prints. On failure false, and ERR the first line of what nft said. */
bool nft_run(const struct text *script, struct text *output, char *err, size_t err_size);
