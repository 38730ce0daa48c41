/* Packet buffers, the currency between src/net and src/ipsec.
 * A packet is one IP datagram (from the first byte of its IP header) in one buffer with headroom
 * and tailroom, with the offload facts of a virtio_net_hdr beside it. Buffers come from a pool that
 * belongs to one worker; only that worker gets and puts them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PKT_BATCH = 64,        /* packets handled together at most */
    PKT_HEADROOM = 192,    /* room before the datagram: outer headers, Ethernet, virtio_net_hdr */
    PKT_TAILROOM = 128,    /* room behind it: padding, trailer, ICV */
    PKT_SMALL_BYTES = 1792 /* largest datagram of a small buffer */
    ,
    PKT_LARGE_BYTES = 65536 /* largest datagram of a large buffer */
};

/* What VIRTIO_NET_HDR_GSO_* names, in our own terms. */
enum pkt_gso { PKT_GSO_NONE, PKT_GSO_TCP4, PKT_GSO_TCP6, PKT_GSO_UDP };

struct pkt {
    uint8_t *data;        /* first byte of the IP header */
    uint32_t len;         /* bytes from data */
    uint32_t ifindex;     /* inbound: the interface it came by; 0 when unknown */
    uint32_t room_bytes;  /* size of buf */
    uint16_t gso_size;    /* payload bytes per segment of a superpacket */
    uint16_t csum_start;  /* with needs_csum: where summing starts, from data */
    uint16_t csum_offset; /* with needs_csum: where the sum goes, from csum_start */
    uint8_t gso;          /* enum pkt_gso */
    bool needs_csum;      /* the transport checksum holds only the pseudo-header's sum */
    bool csum_ok;         /* outbound to the kernel: the transport checksum was verified */
    bool large;
    struct pkt *next; /* free list, or a queue of whoever holds the packet */
    uint8_t buf[];
};

struct pkt_pool {
    struct pkt *small, *large; /* free lists */
    unsigned n_small, n_large; /* allocated so far */
    unsigned max_small, max_large;
};

void pkt_pool_init(struct pkt_pool *pool, unsigned max_small, unsigned max_large);
/* Every packet must be back. */
void pkt_pool_fini(struct pkt_pool *pool);
/* A packet able to hold BYTES with full head- and tailroom, empty, no offloads; NULL at the pool's
 * limit or above PKT_LARGE_BYTES. */
struct pkt *pkt_get(struct pkt_pool *pool, size_t bytes);
void pkt_put(struct pkt_pool *pool, struct pkt *p); /* accepts NULL */

static inline size_t pkt_headroom(const struct pkt *p)
{
    return (size_t)(p->data - p->buf);
}

static inline size_t pkt_tailroom(const struct pkt *p)
{
    return (size_t)(p->buf + p->room_bytes - p->data) - p->len;
}

/* How many datagrams this packet stands for on the wire: counters count those. PAYLOAD_OFFSET is
 * where the transport payload starts, from data. */
static inline unsigned pkt_segments(const struct pkt *p, unsigned payload_offset)
{
    if (p->gso == PKT_GSO_NONE || p->gso_size == 0 || p->len <= payload_offset)
        return 1;
    return (p->len - payload_offset + p->gso_size - 1) / p->gso_size;
}
