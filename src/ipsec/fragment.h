/* Fragmenting the outer datagram to the path MTU: RFC 791 3.2, RFC 8200 4.5. */
#pragma once

#include "ip_parts.h"
#include "pkt.h"

struct fragmenter {
    const struct pkt *whole; /* borrowed; no fragment itself */
    uint32_t hdr_len;        /* repeated in every fragment */
    uint32_t next_at;        /* IPv6: byte that names the first fragmented header */
    uint32_t at;             /* payload bytes given so far */
    uint32_t max;            /* payload bytes per fragment, a multiple of 8 */
    uint32_t id;             /* IPv6 */
};

/* HDR_LEN bytes of WHOLE stay in every fragment; NEXT_AT is where they name what follows. False
 * when MTU leaves no room. */
bool fragment_init(struct fragmenter *f, const struct pkt *whole, uint32_t hdr_len,
                   uint32_t next_at, uint32_t mtu, uint32_t id);
/* Bytes the next fragment takes; 0: there is none. */
size_t fragment_len(const struct fragmenter *f);
/* Writes the next fragment into RET, an empty packet with that much room. */
void fragment_next(struct fragmenter *f, struct pkt *ret);
