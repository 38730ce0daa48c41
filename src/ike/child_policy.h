/* Which policy a quick mode is for. Phase 2 identities (RFC 2407 4.6.2, RFC 2409 5.5) name what an
 * SA shall carry; a policy must say exactly that, else the peer would widen or narrow it. A single
 * address, a /32 subnet and a range of one are the same, as is a range that is a subnet.
 * Pure functions; results borrow from the policies. */
#pragma once

#include "isakmp_id.h"
#include "proposal.h"

struct child_selectors {
    struct ike_selector local, remote;
};

/* The selector an identity stands for. False when it is none (a name, a range that is no subnet);
 * the reason then. */
bool child_selector_from_id(const struct isakmp_id *id, struct ike_selector *ret,
                            struct proposal_why *ret_why);
struct isakmp_id child_selector_to_id(const struct ike_selector *sel);
bool child_selector_equal(const struct ike_selector *a, const struct ike_selector *b);
/* "10.2.0.0/24", "10.2.0.0/24[udp:1701]", "10.2.0.0/24[47]"; returns BUF. */
#define CHILD_SELECTOR_TEXT_MAX (IP_PREFIX_TEXT_MAX + 16)
char *child_selector_to_text(const struct ike_selector *sel, char *buf);

/* IDci and IDcr, or neither (both NULL): then the addresses of PATH, any protocol. One alone is
 * refused. INITIATOR tells which of them is ours. */
bool child_selectors_from_ids(const struct isakmp_id *idci, const struct isakmp_id *idcr,
                              const struct ike_path *path, bool initiator,
                              struct child_selectors *ret, struct proposal_why *ret_why);
bool child_selectors_equal(const struct child_selectors *a, const struct child_selectors *b);

/* Whether the peer ANSWERED for what we ASKED for. Some (strongSwan) narrow what they are asked for
 * to what they have, instead of refusing. */
bool child_selectors_agree(const struct child_selectors *asked,
                           const struct child_selectors *answered, struct proposal_why *ret_why);

/* Whether P is between the addresses of PATH (an unset local end point is any) and says WANTED. */
bool child_policy_fits(const struct ike_policy *p, const struct ike_path *path,
                       const struct child_selectors *wanted);
/* The first policy between the addresses of PATH (an unset local end point is any) that says
 * WANTED. NULL with the reason:
 *     peer wants 10.1.0.0/24 <-> 10.2.0.0/24, no policy says that; nearest: ...
 * our side left, the peer's right. *RET_NEAREST then is the one a person probably meant, when there
 * is one between these addresses. */
const struct ike_policy *child_policy_find(const struct ike_policy *policies, size_t n,
                                           const struct ike_path *path,
                                           const struct child_selectors *wanted,
                                           const struct ike_policy **ret_nearest,
                                           struct proposal_why *ret_why);
