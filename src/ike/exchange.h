/* One exchange: everything under one message ID. It owns the IV chain, the last message in and out,
 * retransmission and the identification of duplicates, so that phase 1, quick mode and
 * informational exchanges have these once. RFC 2408 5.1, RFC 2409 appendix B. */
#pragma once

#include "ike_priv.h"

enum exchange_await {
    AWAIT_NOTHING, /* the peer repeats its message if our answer is lost */
    AWAIT_ANSWER   /* sent again until something comes, then given up */
};

/* The IV starts the chain of MESSAGE_ID; 0: phase 1, whose IV is set when its keys are. */
struct exchange *exchange_new(struct phase1 *p1, uint8_t type, bool initiator, uint32_t message_id);
/* Ends it and remembers the message ID as used. */
void exchange_end(struct exchange *ex);
/* Ends it as if it had never been: nothing in it was authentic. */
void exchange_forget(struct exchange *ex);
/* Done: kept for a while to repeat its last message to a peer that missed it. */
void exchange_linger(struct exchange *ex);
struct exchange *exchange_find(const struct phase1 *p1, uint32_t message_id);
bool exchange_id_is_used(const struct phase1 *p1, uint32_t message_id);
uint32_t exchange_id_draw(struct phase1 *p1);
void exchange_ids_fini(struct phase1 *p1);

/* Writes the header of the exchange's next message into the engine's buffer. */
void exchange_begin(struct exchange *ex, struct isakmp_msg *m, bool encrypted);
/* Pads, encrypts, stores and sends what was written since. */
void exchange_send(struct exchange *ex, struct isakmp_msg *m, bool encrypted,
                   enum exchange_await await);
/* The stored answer, to a repeated message: so many times, and where the SA's peer is. */
void exchange_send_again(struct exchange *ex);
/* The peer's last message needs no answer, or will get one later: nothing is repeated until then.
 */
void exchange_settle(struct exchange *ex);

/* A job for the pool; DONE runs when it is back, unless the exchange ended. DH may be NULL. */
struct ike_job *exchange_job_new(const struct dh *dh);
void exchange_job_free(struct ike_job *job);
void exchange_job_start(struct exchange *ex, struct ike_job *job,
                        void (*done)(struct exchange *ex, struct ike_job *job));
