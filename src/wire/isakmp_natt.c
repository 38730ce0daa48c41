#include "isakmp_natt.h"

enum natt_kind natt_classify(struct slice datagram, bool floated, struct slice *ret)
{
    static const uint8_t marker[NATT_MARKER_LEN];

    *ret = datagram;
    if (!floated)
        return datagram.len >= ISAKMP_HEADER_LEN ? NATT_IKE : NATT_BAD;
    if (datagram.len == 1 && datagram.p[0] == 0xff)
        return NATT_KEEPALIVE;
    if (datagram.len < NATT_MARKER_LEN)
        return NATT_BAD;
    if (memcmp(datagram.p, marker, sizeof marker) != 0)
        return NATT_ESP;
    if (datagram.len < NATT_MARKER_LEN + ISAKMP_HEADER_LEN)
        return NATT_BAD;
    *ret = (struct slice){ datagram.p + NATT_MARKER_LEN, datagram.len - NATT_MARKER_LEN };
    return NATT_IKE;
}

const struct natt_dialect *natt_dialect(enum isakmp_vendor v)
{
    static const struct natt_dialect draft_00 = { false, PL_NATD_DRAFT_00, PL_NATOA_DRAFT_00,
                                                  IPSEC_ENCAP_UDP_TUNNEL_DRAFT,
                                                  IPSEC_ENCAP_UDP_TRANSPORT_DRAFT };
    static const struct natt_dialect draft_02 = { true, PL_NATD_DRAFT_00, PL_NATOA_DRAFT_00,
                                                  IPSEC_ENCAP_UDP_TUNNEL_DRAFT,
                                                  IPSEC_ENCAP_UDP_TRANSPORT_DRAFT };
    static const struct natt_dialect draft_04 = { true, PL_NATD_DRAFT_04, PL_NATOA_DRAFT_04,
                                                  IPSEC_ENCAP_UDP_TUNNEL,
                                                  IPSEC_ENCAP_UDP_TRANSPORT };
    static const struct natt_dialect rfc = { true, PL_NATD, PL_NATOA, IPSEC_ENCAP_UDP_TUNNEL,
                                             IPSEC_ENCAP_UDP_TRANSPORT };

    if (v < VENDOR_NATT_00 || v > VENDOR_NATT_RFC)
        return NULL;
    if (v <= VENDOR_NATT_01)
        return &draft_00;
    if (v <= VENDOR_NATT_03)
        return &draft_02;
    return v <= VENDOR_NATT_08 ? &draft_04 : &rfc;
}

enum isakmp_error isakmp_natoa_parse(struct rd *r, struct ip_addr *ret)
{
    uint8_t type = rd_u8(r, "NAT-OA type");
    uint8_t family = type == ID_IPV4 ? IP_V4 : type == ID_IPV6 ? IP_V6 : IP_ANY_FAMILY;

    rd_bytes(r, 3, "NAT-OA reserved bytes");
    struct slice addr = rd_bytes(r, ip_addr_len(family), "NAT-OA address");
    if (!rd_ok(r))
        return ISAKMP_FIELD;
    if (family == IP_ANY_FAMILY)
        return isakmp_fail(r, ISAKMP_VALUE, "NAT-OA type");
    if (rd_left(r) > 0)
        return isakmp_fail(r, ISAKMP_FIELD, "bytes after the NAT-OA address");
    *ret = ip_addr_from_bytes((enum ip_family)family, addr.p);
    return ISAKMP_OK;
}

void isakmp_natoa_emit(struct isakmp_msg *m, uint8_t type, const struct ip_addr *a)
{
    msg_open(m, type);
    msg_u8(m, a->family == IP_V6 ? ID_IPV6 : ID_IPV4);
    msg_u8(m, 0);
    msg_u16(m, 0);
    msg_bytes(m, (struct slice){ a->b, ip_addr_len(a->family) });
    msg_close(m);
}
