/* Which policies may send by the SAs of which others, read off the plan: both of level require and
 * of one proposal, SAs that may be shared (equal reqid: same end points, mode and protocols), and
 * one matching all that the other matches. Pure; work grows with the policies times the different
 * shapes of selectors, not with the pairs that might be. */
#pragma once

#include "plan.h"

struct sharing_pair { /* slots of policies */
    uint32_t lender, borrower;
};

struct sharing {
    struct sharing_pair *pairs; /* owned; by borrower in list order */
    size_t n;
};

void sharing_build(const struct plan *plan, struct sharing *ret);
void sharing_fini(struct sharing *s);
