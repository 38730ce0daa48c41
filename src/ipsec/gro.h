/* Coalescing the decrypted TCP segments of one batch into superpackets, so that the kernel's stack
 * is walked once for many of them. What comes out is what TSO would have cut into the same
 * segments again. */
#pragma once

#include "pkt.h"

/* Merges in place, keeping order; checksums are verified first, wrong ones left alone. Packets
 * merged into others go back to POOL. Gives how many remain. N <= PKT_BATCH. */
unsigned gro_coalesce(struct pkt_pool *pool, struct pkt **pkts, unsigned n);
