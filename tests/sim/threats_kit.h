/* Attempts on a negotiation of ike_net.h: bad messages in the place of those that are on their way,
 * and what must come of them. */
#pragma once

#include "ike_net.h"
#include "ike_priv.h"
#include "isakmp.h"
#include "mitm.h"
#include "unit.h"

enum { BYTES_MAX = 20000, ANY_ID = 0x5a5a5a5a };

extern struct mitm_msg edited;    /* by edit() and whoever changes it */
extern uint8_t sealed[BYTES_MAX]; /* by edited_seal() */
extern unsigned n_tried;          /* injected so far */

typedef void (*attempt)(struct net *n, const struct net_message *m);

void acquire(struct net *n, unsigned engine); /* traffic of policy 7 */
uint64_t drops(const struct net *n, unsigned engine);
unsigned usable(const struct net *n, unsigned engine); /* pairs of SAs for sending */
const struct phase1 *phase1_any(const struct net *n, unsigned engine);
bool is_sealed(const struct net_message *m);
bool is_quick(const struct net_message *m);
bool is_main(const struct net_message *m);

/* A datagram in place of M; what answers it gets lost. */
void inject(struct net *n, const struct net_message *m, const uint8_t *b, size_t len);
void assert_dropped(struct net *n, const struct net_message *m, const uint8_t *b, size_t len,
                    const char *label, unsigned which);

/* Opens M into `edited`, under a message ID of its own where M has one: of messages of one ID the
 * later are repetitions. */
void edit(const struct net_message *m);
/* `edited` as the receiver of M would take it, into `sealed`; its hash fits if REHASH. */
size_t edited_seal(struct net *n, const struct net_message *m, bool rehash);
void assert_edited_dropped(struct net *n, const struct net_message *m, bool rehash,
                           const char *label, unsigned which);

/* A negotiates with B, and before each message arrives TRY has its turn. One pair of SAs must come
 * of it. */
void run(attempt try, const char *label);
void assert_up(struct net *n, const char *label);
/* A negotiates until a message like this is the oldest that waits. */
struct net *stopped_at(unsigned to, uint8_t exchange, bool encrypted);
