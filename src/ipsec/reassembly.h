/* Putting captured outbound fragments back together, for policies that need whole datagrams
 * (transport mode, ports). RFC 791 3.2, RFC 8200 4.5; overlaps discard the datagram (RFC 5722).
 * Belongs to one worker. Memory is bounded: at most REASSEMBLY_MAX datagrams, each one large buffer
 * of the worker's pool; a new one evicts the oldest. */
#pragma once

#include "ip_parts.h"
#include "pkt.h"

enum {
    REASSEMBLY_MAX = 64,
    REASSEMBLY_MS = 30000,    /* RFC 8200: 60 s at a destination; we sit beside the sender */
    REASSEMBLY_FRAGMENTS = 64 /* pieces of one datagram: 64 KB in pieces of 1 KB and more */
};

struct reassembly;

struct reassembly *reassembly_new(struct pkt_pool *pool);
void reassembly_free(struct reassembly *r);

/* Takes fragment P, described by PARTS. The whole datagram once it is complete, else NULL.
 * *ret_dropped: how many fragments, this one or older ones, were given up. */
struct pkt *reassembly_take(struct reassembly *r, struct pkt *p, const struct ip_parts *parts,
                            uint64_t now_ms, unsigned *ret_dropped);
/* Gives up what is too old; how many fragments that were. */
unsigned reassembly_tick(struct reassembly *r, uint64_t now_ms);
