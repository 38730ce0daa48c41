/* Authentication of phase 1 by RSA signatures, RFC 2409 5.1: what the modes share. Certificates
 * travel with the signatures, ours always and its issuers behind it; requests name our authorities.
 *
 * Signing and judging happen in the helper pool. A step starts the job and is done; the job's end
 * judges, sends and brings the SA up. Until then the SA is not up, the peer's
 * message is kept with the job, and nothing it says is believed. */
#pragma once

#include "driver.h"

struct auth_job;
struct kept_message;

/* Whether PEER can be negotiated with; otherwise why not. */
bool signature_possible(const struct ike *ike, const struct peer *peer, const char **ret_why);

typedef void (*signature_done)(struct exchange *ex, struct ike_job *job);

/* IN holds the peer's CERT and SIG: kept until there are keys to judge it by. */
void signature_keep(struct phase1 *p1, const struct msg_in *in);
void kept_message_free(struct kept_message *k); /* accepts NULL */

enum signature_work { SIGNATURE_MAKE = 1, SIGNATURE_JUDGE = 2 };
/* WHAT of: making our own, which needs our identity and the keys its hash is made with; judging the
 * one kept, over the peer's identity. With both, ours is made only for a peer that is accepted. */
void signature_start(struct exchange *ex, unsigned what, signature_done done);
/* In DONE: whether all that was asked for came out. False: told of, and phase 1 has to end; a peer
 * that is accepted is where its message came from. */
bool signature_came_out(struct phase1 *p1, const struct ike_job *job);
/* In DONE of a judgement: the peer's message, alive as long as the job. */
const struct msg_in *signature_message(const struct ike_job *job);

/* Certificates and signature. */
void signature_put(const struct phase1 *p1, const struct ike_job *job, struct isakmp_msg *m);
/* Requests for certificates: one per authority, one without a name when there are many, none when a
 * single certificate is wanted that we have. */
void signature_request_put(const struct phase1 *p1, struct isakmp_msg *m);

/* exchange.c: in the pool, and behind it. */
void auth_job_run(struct auth_job *a);
void auth_job_free(struct auth_job *a); /* accepts NULL */
