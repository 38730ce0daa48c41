/* Traffic selectors: what a policy matches. RFC 2401 4.4.2. */
#pragma once

#include "addr.h"
#include "spd_abi.h"

#include <stdbool.h>

#define SELECTOR_PROTO_ALL 0 /* the console's `all`; IP protocol 0 cannot be selected */

struct selector {
    struct ip_prefix src, dst; /* same family; masked */
    uint16_t sport, dport;     /* host order; 0 = any */
    uint8_t proto;             /* SELECTOR_PROTO_ALL or a protocol number */
};

/* Slow, obviously right match used by tests, configuration checks and the inbound check. A port in
 * a selector with protocol `all` matches TCP and UDP only. HAS_PORTS false: a later fragment or a
 * protocol without ports; a selector with a port then does not match. */
bool selector_matches(const struct selector *s, const struct spd_key *key, bool has_ports);
/* The same key seen from the other side: source and destination exchanged. */
struct spd_key spd_key_reverse(const struct spd_key *key);

/* What a datagram offers to the classifier. */
struct flow {
    struct spd_key key;
    uint16_t l4_off;     /* where the transport header starts, from the IP header */
    uint16_t ip_hdr_len; /* IPv4 header, or IPv6 header with its extension headers up to proto */
    bool fragment;       /* part of a fragmented datagram */
    bool later_fragment; /* not its first */
    bool has_ports;
    bool more_fragments;
    uint16_t frag_off; /* bytes */
    uint32_t frag_id;
};

/* Parses the headers of an IPv4 or IPv6 datagram of which LEN bytes are at hand; bytes behind its
 * total length are ignored. At most 8 IPv6 extension headers; AH and ESP count as the protocol.
 * False when it is malformed (version, header length, total length, truncation, a fragment beyond
 * 64 KiB) or when it is a later IPv6 fragment that does not tell its protocol. Checksums are not
 * looked at. */
bool flow_parse(const uint8_t *p, size_t len, struct flow *ret);

/* TCP or UDP whose ports are not at hand: a later fragment, or a first one too short to hold them.
 * Classify it as a later fragment, or a port policy would be missed. */
static inline bool flow_ports_unknown(const struct flow *f)
{
    return !f->has_ports && (f->later_fragment || f->key.proto == 6 || f->key.proto == 17);
}
