/* Stand-ins for parts of the engine while a recording is replayed, put in by the linker (--wrap):
 * the daemon knows nothing of them. They take what they need from the recorded message that the
 * engine is about to send.
 *
 * The padding of encrypted messages always stands in for our zeros, since the other implementation
 * drew it at random and the next IV depends on it. The rest is for recordings of an implementation
 * that writes payloads in another form than we do (attributes in another order, proposals numbered
 * from 0, identities without a port): there the recorded SA, ID and VID payloads replace ours, the
 * SA after it was found to mean the same, so that the hashes cover what they covered then. What the
 * engine derives, hashes, checks or encrypts is never replaced, except Diffie-Hellman of a
 * responder whose private exponent nobody published. */
#pragma once

#include "recorded_rub.h"

struct standin {
    const struct recorded_message *next; /* ours to be sent next is at or behind this */
    bool initiator;
    bool foreign;
    bool names_product; /* in a vendor ID behind HASH: racoon's base mode */
    bool widen;         /* pass identities of an answer that are not those asked for */
    const char *g_xy;   /* NULL: computed */
    unsigned n_sa_checked;
};

extern struct standin standin;

/* The next message of ours in the recording; NULL: none left. */
const struct recorded_message *standin_own(void);
