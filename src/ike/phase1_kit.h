/* What the modes of phase 1 are made of: the parts of their messages, put and taken. Main,
 * aggressive and base mode differ in which message carries which part (RFC 2409 section 5), so
 * each mode is a step table and a few lines per step. */
#pragma once

#include "driver.h"
#include "exchange.h"
#include "isakmp_writer.h"
#include "phase1.h"

/* ---- parts: what is put into M, and what IN must hold ---- */

void p1_offer_put(struct phase1 *p1, struct isakmp_msg *m); /* initiator's SA */
enum step_result p1_offer_take(struct phase1 *p1, struct msg_in *in);
void p1_choice_put(const struct phase1 *p1, struct isakmp_msg *m); /* responder's SA */
enum step_result p1_choice_take(struct phase1 *p1, struct msg_in *in);

void p1_ke_put(const struct phase1 *p1, struct isakmp_msg *m);
enum step_result p1_ke_take(struct phase1 *p1, struct msg_in *in);
void p1_nonce_put(struct phase1 *p1, struct isakmp_msg *m); /* drawn if there is none yet */
enum step_result p1_nonce_take(struct phase1 *p1, struct msg_in *in);
void p1_id_put(struct phase1 *p1, struct isakmp_msg *m);
enum step_result p1_id_take(struct phase1 *p1, struct msg_in *in);

/* Our own identity as p1_id_put has it, for a hash before there is a message. */
void p1_own_id_make(struct phase1 *p1);

/* HASH_I or HASH_R, as mode and authentication have it, into RET. */
struct slice p1_hash(const struct phase1 *p1, bool of_initiator, uint8_t ret[DIGEST_MAX]);
/* Pre-shared keys: HASH_I or HASH_R, by role; needs both nonces, the public values it covers and
 * p1_skeyid_make. */
void p1_auth_put(const struct phase1 *p1, struct isakmp_msg *m);
/* OK: the peer is who it says. */
enum step_result p1_auth_take(struct phase1 *p1, struct msg_in *in);

static inline bool p1_is_signed(const struct phase1 *p1)
{
    return p1->peer->cfg.auth == IKE_RSA_SIGNATURE;
}

/* The initiator refuses the responder, who believes that the SA is up: it is told that it is not.
 */
void p1_refuse_peer(struct phase1 *p1);

/* ---- keys ---- */

/* With a pre-shared key; signatures need g^xy for it. */
void p1_skeyid_make(struct phase1 *p1);
/* All others, once g^xy is known; false ends the negotiation. */
bool p1_keys_make(struct phase1 *p1, const struct ike_job *job);

/* ---- the helper pool ---- */

enum p1_job { P1_PUBLIC = 1, P1_SHARED = 2 };
/* WANT: our public value, the shared secret with the peer's, or both. */
void p1_job_start(struct exchange *ex, unsigned want,
                  void (*done)(struct exchange *ex, struct ike_job *job));
/* Takes our public value over; false: the negotiation came to nothing and is over. */
bool p1_job_take(struct phase1 *p1, const struct ike_job *job);
