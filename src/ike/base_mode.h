/* Base mode, RFC 2408 4.4 as racoon fills it with IKE's payloads. */
#pragma once

#include "driver.h"

extern const struct step_table base_mode;
void base_mode_start(struct phase1 *p1);
