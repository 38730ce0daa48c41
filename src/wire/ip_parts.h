/* Where the headers of a datagram are, for both families: what ESP and AH have to know before they
 * step in between. RFC 791 3.1, RFC 8200 section 4, RFC 4303 3.1.1. */
#pragma once

#include "ip.h"

enum { IP6_EXT_MAX = 8, IP6_FRAG_HDR_LEN = 8 };

struct ip_parts {
    uint8_t version;
    uint8_t proto; /* first header that is no IPv6 extension; AH counts as a protocol here */
    bool fragment; /* a fragment, or an IPv6 datagram with a fragment header all the same */
    bool later_fragment;
    bool more_fragments;
    uint16_t frag_off; /* bytes */
    uint32_t frag_id;
    uint32_t total; /* bytes of the whole datagram */
    /* offsets from the IP header */
    uint32_t l4, l4_next;         /* the header named proto, and the byte that names it */
    uint32_t insert, insert_next; /* where ESP or AH go in transport mode, and its naming byte */
    uint32_t frag, frag_next;     /* IPv6 fragment header, 0 without one */
};

/* False when the datagram is malformed or longer than the LEN bytes at hand; trailing bytes are
 * left out of total. The IPv4 header checksum is not looked at. */
bool ip_parts_parse(const uint8_t *p, size_t len, struct ip_parts *ret);

/* Writes the length field of either family and brings an IPv4 checksum up to date. */
void ip_len_set(uint8_t *p, size_t len);
