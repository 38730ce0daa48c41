/* Aggressive mode, RFC 2409 5.4. */
#pragma once

#include "driver.h"

extern const struct step_table aggressive_mode;
void aggressive_mode_start(struct phase1 *p1);
