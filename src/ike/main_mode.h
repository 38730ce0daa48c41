/* Main mode ("identity protection"), RFC 2409 5.4. */
#pragma once

#include "driver.h"

extern const struct step_table main_mode;
void main_mode_start(struct phase1 *p1);
