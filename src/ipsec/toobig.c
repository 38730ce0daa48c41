#include "toobig.h"

#include <string.h>

enum { ICMP_HDR_LEN = 8, ICMP4_QUOTE_MAX = 576 - IP4_HDR_LEN - ICMP_HDR_LEN };
enum { ICMP4_UNREACHABLE = 3, ICMP4_FRAG_NEEDED = 4, ICMP6_TOO_BIG = 2 };
enum { IP4_MTU_MIN = 68, IP6_MTU_MIN = 1280 };

uint32_t toobig_mtu(uint8_t version, size_t inner_max)
{
    uint32_t min = version == 4 ? IP4_MTU_MIN : IP6_MTU_MIN;

    return inner_max < min ? min : (uint32_t)inner_max;
}

/* An ICMP type that reports an error, or one we cannot read. */
static bool is_icmp_error(const uint8_t *p, size_t len, const struct ip_parts *parts)
{
    if (parts->proto != PROTO_ICMP && parts->proto != PROTO_ICMPV6)
        return false;
    if (parts->l4 >= len)
        return true;
    uint8_t type = p[parts->l4];
    if (parts->proto == PROTO_ICMPV6)
        return type < 128;
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static bool is_unicast(const struct ip_addr *a)
{
    if (ip_addr_is_unset(a) || ip_addr_is_multicast(a))
        return false;
    return a->family == IP_V6 || (a->b[0] != 127 && a->b[0] != 0 && a->b[0] < 240);
}

size_t toobig_build(const uint8_t *p, size_t len, const struct ip_parts *parts, uint32_t mtu,
                    struct ip_addr *ret_to, uint8_t *ret)
{
    bool v4 = parts->version == 4;
    enum ip_family family = v4 ? IP_V4 : IP_V6;
    struct ip_addr src = ip_addr_from_bytes(family, p + (v4 ? IP4_SRC : IP6_SRC));
    struct ip_addr dst = ip_addr_from_bytes(family, p + (v4 ? IP4_DST : IP6_DST));

    if (parts->later_fragment || is_icmp_error(p, len, parts) || !is_unicast(&src) ||
        ip_addr_is_multicast(&dst) || (v4 && be32_get(p + IP4_DST) == 0xffffffffu))
        return 0;
    size_t quote_max = v4 ? (size_t)ICMP4_QUOTE_MAX : (size_t)TOOBIG_MAX - ICMP_HDR_LEN;
    size_t quote = len < quote_max ? len : quote_max;

    memset(ret, 0, ICMP_HDR_LEN);
    ret[0] = v4 ? ICMP4_UNREACHABLE : ICMP6_TOO_BIG;
    ret[1] = v4 ? ICMP4_FRAG_NEEDED : 0;
    if (v4)
        be16_put(ret + 6, (uint16_t)(mtu > 0xffff ? 0xffff : mtu));
    else
        be32_put(ret + 4, mtu);
    memcpy(ret + ICMP_HDR_LEN, p, quote);
    if (v4)
        be16_put(ret + 2, csum_fold(csum_add(0, ret, ICMP_HDR_LEN + quote)));
    *ret_to = src;
    return ICMP_HDR_LEN + quote;
}
