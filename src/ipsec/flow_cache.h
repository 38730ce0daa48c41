/* What the SPD said about recent flows, so that most packets skip the classifier. Belongs to one
 * worker; entries of an older snapshot miss. Bounded work per lookup whatever the traffic. */
#pragma once

#include "spd.h"

struct flow_cache;

struct flow_cache *flow_cache_new(uint64_t seed);
void flow_cache_free(struct flow_cache *c);
/* spd_lookup(), remembered. KEY's tuple must be 0. The policy belongs to SPD. */
const struct policy *flow_cache_lookup(struct flow_cache *c, const struct spd *spd,
                                       const struct spd_key *key, bool later_fragment,
                                       bool *ret_shadow);
