/* What ESP and AH add around a datagram, and the headers that hold it: sizes, tunnel headers,
 * transport insertion, and the way back. RFC 4301 5.1.2, RFC 4303 3.1, RFC 4302 3.1, RFC 3948 3,
 * RFC 6040.
 *
 *   tunnel                               transport
 *   [outer IP][AH][ESP [IP|...] trailer] [IP + options][AH][ESP [payload] trailer]
 *   [outer IP][UDP][ESP [IP|...] trailer]
 */
#pragma once

#include "ah.h"
#include "engine_priv.h"
#include "esp.h"
#include "ip_parts.h"

/* The transforms of one policy, ready to be measured and applied. */
struct encap_plan {
    struct sa *esp, *ah; /* borrowed; one may be NULL */
    bool tunnel;
    uint32_t path_mtu;
};

/* Takes the path MTU from the SAs: the smaller one. */
void encap_plan_mtu(struct encap_plan *plan);
/* Bytes of the outer datagram around one of LEN bytes, HDR_LEN of which (IP header, extension
 * headers) stay outside in transport mode. */
size_t encap_len(const struct encap_plan *plan, size_t len, size_t hdr_len);
/* The longest datagram that fits the path MTU once encapsulated; 0 when none does. */
size_t encap_inner_max(const struct encap_plan *plan, size_t hdr_len);
/* Headroom and tailroom that encapsulation may use at most. */
enum { ENCAP_HEAD_MAX = 40 + 24 + 24, ENCAP_TAIL_MAX = 32 };

/* Where things came to lie, from the outer IP header. */
struct encap_layout {
    uint32_t ipsec;       /* behind the IP header: UDP, AH or ESP, what comes first */
    uint32_t esp;         /* ESP header, 0 without one */
    uint32_t payload_len; /* what the inner transform carries */
    uint8_t next;         /* its next header */
};

/* Puts the outer or moved IP header, complete but for AH and ESP themselves, before P, which has
 * room and is the datagram described by PARTS. IP_ID goes to an IPv4 header that is made here, or
 * whose own is 0. */
void encap_build(const struct encap_plan *plan, struct pkt *p, const struct ip_parts *parts,
                 bool df, uint16_t ip_id, struct encap_layout *ret);

/* Completes the checksum of the UDP header at AT of a datagram of LEN bytes. Over IPv6 it must not
 * be zero (RFC 8200 8.1), and where the datagram leaves in fragments no device fills it in. */
void udp_csum_set(uint8_t *ip, uint32_t at, uint32_t len);

/* Takes the header of HDR_LEN bytes at AT out of transport-mode datagram P; NEXT becomes the
 * protocol of what precedes it. */
void decap_transport(struct pkt *p, const struct ip_parts *parts, size_t hdr_len, uint8_t next);
/* P begins with its outer header and holds a datagram of family NEXT (4 or 41) at AT: leaves that
 * datagram alone in P, checked, trimmed and with the ECN field merged. False: the inner header is
 * malformed, or congestion was marked on a flow that cannot tell (RFC 6040 4.2). */
bool decap_tunnel(struct pkt *p, size_t at, uint8_t next);

/* Traffic class byte of either family. */
uint8_t ip_tos_get(const uint8_t *p);
void ip_tos_set(uint8_t *p, uint8_t tos); /* leaves an IPv4 checksum stale */
/* RFC 6040 figure 4: the two bits the inner header leaves with; -1 to drop. */
int ecn_merge(uint8_t inner, uint8_t outer);
