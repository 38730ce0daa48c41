/* What somebody configured although it protects little: allowed, since the configuration says so
 * and old peers know nothing better, and told once in the log. */
#pragma once

#include "config.h"

/* Names each weak spot of an item of `peer`, `proposal` or `manual-sa`. False: there is none. */
bool weak_text(const struct menu *m, const struct item *item, struct text *ret);
/* Warns of what CHANGE brought; at load, of the first of each menu. */
void weak_warn(const struct config *c, const struct config_change *change);
