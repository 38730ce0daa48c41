/* Cutting a superpacket (TSO, USO) into the datagrams it stands for. TCP may be cut smaller than
 * its sender asked; UDP never, its segments are datagrams of their own. RFC 9293, RFC 768. */
#pragma once

#include "ip_parts.h"
#include "pkt.h"

struct segmenter {
    const struct pkt *super; /* borrowed */
    uint32_t l4, hdr_len;    /* transport header; payload */
    uint32_t at;             /* payload bytes given so far */
    uint32_t max;            /* payload bytes per segment */
    uint32_t index;
    bool udp;
};

/* PARTS describe SUPER, whose gso says what it is. False: its headers contradict that. */
bool segment_init(struct segmenter *s, const struct pkt *super, const struct ip_parts *parts);
/* TCP: no segment longer than LEN bytes from its IP header. False when that leaves no payload, or
 * UDP's segments are longer. */
bool segment_limit(struct segmenter *s, size_t len);
unsigned segment_count(const struct segmenter *s);
/* Longest segment, from its IP header. */
size_t segment_len_max(const struct segmenter *s);
/* Bytes of the next segment; 0: there is none. */
size_t segment_len(const struct segmenter *s);
/* Writes the next segment into RET, an empty packet with that much room: complete, checksums and
 * all. */
void segment_next(struct segmenter *s, struct pkt *ret);
