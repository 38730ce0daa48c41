/* "Fragmentation needed" (RFC 792, RFC 1191) and "packet too big" (RFC 4443 3.2) for a datagram
 * that does not fit its tunnel. */
#pragma once

#include "ip_parts.h"

enum { TOOBIG_MAX = 1280 - IP6_HDR_LEN }; /* longest message, from its type byte */

/* The MTU to report when INNER_MAX bytes fit: never below what every link carries. */
uint32_t toobig_mtu(uint8_t version, size_t inner_max);
/* Writes the message for the sender of datagram P (LEN bytes at hand) into RET, TOOBIG_MAX bytes,
 * and gives its length. 0: none may be sent (RFC 1122 3.2.2, RFC 4443 2.4): an ICMP error, a later
 * fragment, multicast, no unicast sender. */
size_t toobig_build(const uint8_t *p, size_t len, const struct ip_parts *parts, uint32_t mtu,
                    struct ip_addr *ret_to, uint8_t *ret);
