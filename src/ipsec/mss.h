/* Clamping the MSS option of TCP SYNs, so that full segments fit the tunnel. RFC 9293 3.7.1. */
#pragma once

#include "ip_parts.h"
#include "pkt.h"

/* Whether P is an unfragmented TCP segment with SYN. */
bool mss_is_syn(const struct pkt *p, const struct ip_parts *parts);
/* Lowers the MSS of a SYN so that the datagram of a full segment is at most INNER_MAX bytes; keeps
 * checksums right. Anything but a whole SYN with an MSS option stays as it is. True: changed. */
bool mss_clamp(struct pkt *p, const struct ip_parts *parts, size_t inner_max);
