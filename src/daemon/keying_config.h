/* The engine's configuration made from the menus and the plan; plain data. */
#pragma once

#include "ike.h"
#include "plan.h"

struct keying_config {
    struct ike_peer *peers;
    struct ike_proposal *proposals;
    struct ike_policy *policies;
    struct ike_config ike; /* borrows the three */
};

void keying_config_build(struct config *c, const struct plan *plan, struct keying_config *ret);
void keying_config_fini(struct keying_config *kc); /* wipes secrets */
