/* Packets that wait for an SA: the last one of each policy, so that what starts a negotiation is
 * not lost by it. Belongs to one worker; the packets are the table's until they are taken out.
 * Bounded in number and in time: a packet that comes late enough is worth nothing any more. */
#pragma once

#include "drop.h"
#include "pkt.h"
#include "spd.h"

enum {
    HOLD_MAX = 64,  /* policies with a packet waiting */
    HOLD_MS = 10000 /* a packet waits that long */
};

struct held {
    struct pkt *pkt;
    struct spd_key key; /* what it asks an SA for */
    uint32_t slot;
    uint32_t n;             /* datagrams it stands for */
    enum ipsec_drop reason; /* counted if it never leaves */
    uint64_t until_ms;
    uint64_t generation; /* of the SPD it was looked up in */
};

struct hold {
    unsigned n;
    struct held at[HOLD_MAX]; /* the first n, unordered */
};

/* Takes HELD in place of an older packet of the same policy or, when all places are taken, of the
 * one that waited longest. True: *ret_gone came out instead and is the caller's to drop. */
bool hold_put(struct hold *h, const struct held *held, struct held *ret_gone);
/* Takes number I out; the last one gets its place. */
struct held hold_take(struct hold *h, unsigned i);
