/* Fixed headers of the data path: IPv4, IPv6, TCP, UDP, ICMP, ESP, AH. Accessors work on bytes in
 * network order at any alignment; nothing here allocates or checks more than it says.
 * RFC 791, 8200, 9293, 768, 792, 4443, 4303, 4302. */
#pragma once

#include "addr.h"
#include "cursor.h"

enum {
    IP4_HDR_LEN = 20,
    IP6_HDR_LEN = 40,
    UDP_HDR_LEN = 8,
    TCP_HDR_LEN = 20,
    ESP_HDR_LEN = 8, /* SPI, sequence */
    AH_HDR_LEN = 12  /* without the ICV */
};

/* byte offsets of IPv4 fields */
enum {
    IP4_TOS = 1,
    IP4_LEN = 2,
    IP4_ID = 4,
    IP4_FRAG = 6,
    IP4_TTL = 8,
    IP4_PROTO = 9,
    IP4_SUM = 10,
    IP4_SRC = 12,
    IP4_DST = 16
};
enum { IP4_DF = 0x4000, IP4_MF = 0x2000, IP4_OFFSET_MASK = 0x1fff };
/* byte offsets of IPv6 fields */
enum { IP6_LEN = 4, IP6_NEXT = 6, IP6_HOPS = 7, IP6_SRC = 8, IP6_DST = 24 };

enum ip_proto {
    PROTO_HOPOPTS = 0,
    PROTO_ICMP = 1,
    PROTO_IPV4 = 4,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_IPV6 = 41,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_ESP = 50,
    PROTO_AH = 51,
    PROTO_ICMPV6 = 58,
    PROTO_NONE = 59,
    PROTO_DSTOPTS = 60
};

static inline unsigned ip_version(const uint8_t *p)
{
    return p[0] >> 4;
}

static inline unsigned ip4_hdr_len(const uint8_t *p)
{
    return (p[0] & 0x0fu) * 4u;
}

/* One's complement sum, RFC 1071: start with 0 or an earlier partial sum; fold at the end. */
uint32_t csum_add(uint32_t sum, const uint8_t *p, size_t len);
uint16_t csum_fold(uint32_t sum); /* complemented, ready to be stored */
void ip4_csum_set(uint8_t *hdr);
bool ip4_csum_ok(const uint8_t *hdr);
/* Sum of the TCP/UDP/ICMPv6 pseudo-header of datagram P (either family) for PROTO and LEN. */
uint32_t csum_pseudo(const uint8_t *p, uint8_t proto, uint32_t len);
