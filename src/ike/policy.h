/* What a policy wants from IKE: SAs when traffic asks, new ones before they end, and patience after
 * a refusal. */
#pragma once

#include "ike_priv.h"

/* Traffic or a renewal: starts a negotiation unless one runs or it is too early. */
void policy_want(struct policy *policy);
void policy_try(struct policy *policy);
/* Puts a policy that wants an SA behind the others of its peer that do. */
void policy_wait(struct policy *policy);
void policy_failed(struct policy *policy); /* back off; again later if something still wants it */
void policy_served(struct policy *policy); /* it has a fresh pair */
bool policy_is_served(const struct policy *policy); /* a pair for sending is there */
void policy_free(struct policy *policy);
/* A phase 1 SA came up, or has room for another quick mode: those waiting. */
void host_kick(struct host *h);
