/* NAT traversal on the wire (RFC 3947, RFC 3948 2, drafts 00 to 08): what shares port 4500, NAT-D
 * and NAT-OA payloads, and the numbers each version uses for them. */
#pragma once

#include "addr.h"
#include "isakmp_vendor.h"
#include "isakmp_writer.h"

enum { NATT_MARKER_LEN = 4 }; /* the zero SPI before IKE on port 4500 */

/* What a UDP datagram on an IKE port is. */
enum natt_kind {
    NATT_BAD,       /* neither: too short, a cut marker, a keepalive with more behind it */
    NATT_IKE,       /* an ISAKMP message, as far as one can tell from outside */
    NATT_ESP,       /* starts with a non-zero SPI */
    NATT_KEEPALIVE, /* one byte ff */
};

/* FLOATED: it came to port 4500, where IKE has a marker. *ret is the ISAKMP message or ESP packet.
 */
enum natt_kind natt_classify(struct slice datagram, bool floated, struct slice *ret);

/* Numbers of one version of NAT traversal. */
struct natt_dialect {
    bool floats; /* moves to port 4500 */
    uint8_t natd, natoa;
    uint16_t udp_tunnel, udp_transport; /* enum ipsec_encap */
};

/* NULL: the vendor ID announces no version of it. */
const struct natt_dialect *natt_dialect(enum isakmp_vendor v);

/* NAT-D: the body is a hash of the negotiated function, whole. */
static inline bool isakmp_natd_matches(struct slice body, struct slice hash)
{
    return hash.len > 0 && slice_equal(body, hash);
}

/* NAT-OA (RFC 3947 5.2): BODY is that of the payload. */
ISAKMP_CHECKED enum isakmp_error isakmp_natoa_parse(struct rd *r, struct ip_addr *ret);
/* TYPE: the dialect's number. */
void isakmp_natoa_emit(struct isakmp_msg *m, uint8_t type, const struct ip_addr *a);
