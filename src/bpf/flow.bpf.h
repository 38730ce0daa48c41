/* Headers of a packet, as far as policy needs them: RFC 791, 8200. The including file defines
 * packet_load(), which copies bytes counted from the IP header. */
#pragma once

#include "steer_abi.h"

/* clang-format off */
#include <linux/types.h>
#include <bpf/bpf_endian.h>
/* clang-format on */

enum { FLOW_MAX_EXTENSIONS = 8 };

enum {
    NEXT_HOPOPTS = 0,
    NEXT_ICMP = 1,
    NEXT_IGMP = 2,
    NEXT_TCP = 6,
    NEXT_UDP = 17,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_ESP = 50,
    NEXT_AH = 51,
    NEXT_ICMPV6 = 58,
    NEXT_DSTOPTS = 60
};

enum { PORT_IKE = 500, PORT_NATT = 4500 };

struct flow {
    struct spd_key key;
    spd_u32 frag_id;
    spd_u32 l4_off;
    spd_u8 fragment; /* part of a fragmented datagram */
    spd_u8 later;    /* not its first part */
    spd_u8 hops;     /* TTL or hop limit */
    spd_u8 pad;
};

struct ip4_head {
    spd_u8 vihl, tos;
    spd_u16 len, id, frag;
    spd_u8 ttl, proto;
    spd_u16 sum;
    spd_u32 src, dst;
};

struct ip6_head {
    spd_u32 flow;
    spd_u16 len;
    spd_u8 next, hops;
    spd_u32 src[4], dst[4];
};

struct ip6_fragment_head {
    spd_u8 next, reserved;
    spd_u16 offset;
    spd_u32 id;
};

static __always_inline int packet_load(void *ctx, spd_u32 off, void *to, spd_u32 len);

static __always_inline int flow_load_ports(void *ctx, struct flow *f)
{
    spd_u16 ports[2];
    if (f->later || (f->key.proto != NEXT_TCP && f->key.proto != NEXT_UDP))
        return 0;
    if (packet_load(ctx, f->l4_off, ports, sizeof(ports)))
        return -1; /* a first fragment too short for ports hides them: RFC 1858 */
    f->key.sport = ports[0];
    f->key.dport = ports[1];
    return 0;
}

static __always_inline int flow_parse4(void *ctx, struct flow *f)
{
    struct ip4_head ip;
    if (packet_load(ctx, 0, &ip, sizeof(ip)) || ip.vihl >> 4 != 4 || (ip.vihl & 15) < 5)
        return -1;
    spd_u16 frag = bpf_ntohs(ip.frag);
    *(spd_u32 *)f->key.src = ip.src;
    *(spd_u32 *)f->key.dst = ip.dst;
    f->key.family = 4;
    f->key.proto = ip.proto;
    f->hops = ip.ttl;
    f->frag_id = ip.id;
    f->fragment = (frag & 0x3fff) != 0;
    f->later = (frag & 0x1fff) != 0;
    f->l4_off = (ip.vihl & 15) * 4;
    if (f->l4_off > sizeof(ip) && packet_load(ctx, f->l4_off - 1, &ip.tos, 1))
        return -1; /* options run past the packet's end */
    return flow_load_ports(ctx, f);
}

static __always_inline int flow_is_extension(spd_u8 next)
{
    return next == NEXT_HOPOPTS || next == NEXT_ROUTING || next == NEXT_DSTOPTS ||
           next == NEXT_FRAGMENT;
}

/* One extension header at f->l4_off. Negative: malformed. */
static __always_inline int flow_skip_extension(void *ctx, struct flow *f)
{
    struct ip6_fragment_head h; /* every extension header is at least as long */
    if (packet_load(ctx, f->l4_off, &h, sizeof(h)))
        return -1;
    if (f->key.proto == NEXT_FRAGMENT) {
        spd_u16 offset = bpf_ntohs(h.offset);
        f->fragment = (offset & 0xfff9) != 0;
        f->later = (offset & 0xfff8) != 0;
        f->frag_id = h.id;
        f->l4_off += sizeof(h);
    } else {
        f->l4_off += ((spd_u32)h.reserved + 1) * 8; /* the length in these headers */
        if (packet_load(ctx, f->l4_off - 1, &h.reserved, 1))
            return -1; /* runs past the packet's end */
    }
    f->key.proto = h.next;
    return 0;
}

static __always_inline int flow_parse6(void *ctx, struct flow *f)
{
    struct ip6_head ip;
    if (packet_load(ctx, 0, &ip, sizeof(ip)) || (bpf_ntohl(ip.flow) >> 28) != 6)
        return -1;
    __builtin_memcpy(f->key.src, ip.src, 16);
    __builtin_memcpy(f->key.dst, ip.dst, 16);
    f->key.family = 6;
    f->key.proto = ip.next;
    f->hops = ip.hops;
    f->l4_off = sizeof(ip);
    for (int i = 0; i < FLOW_MAX_EXTENSIONS; i++) {
        if (f->later || !flow_is_extension(f->key.proto))
            break;
        if (flow_skip_extension(ctx, f))
            return -1;
    }
    if (!f->later && flow_is_extension(f->key.proto))
        return -1;
    return flow_load_ports(ctx, f);
}

/* Neighbour discovery and group membership: the link itself needs them, so that a policy for all
 * addresses must not take them. Their hop limit shows that no router has passed them on
 * (RFC 4861 section 7.1, RFC 3810 section 5, RFC 3376 section 4). */
static __always_inline int flow_is_link_control(void *ctx, const struct flow *f)
{
    spd_u8 type;
    if (f->key.family == 4)
        return f->key.proto == NEXT_IGMP && f->hops == 1;
    if (f->key.proto != NEXT_ICMPV6 || f->later || packet_load(ctx, f->l4_off, &type, 1))
        return 0;
    if (type >= 133 && type <= 137)
        return f->hops == 255;
    return f->hops == 1 && ((type >= 130 && type <= 132) || type == 143);
}

static __always_inline int flow_is_esp_or_ah(const struct flow *f)
{
    return f->key.proto == NEXT_ESP || f->key.proto == NEXT_AH;
}

static __always_inline void flow_reverse(struct spd_key *out, const struct spd_key *in)
{
    __builtin_memcpy(out->src, in->dst, 16);
    __builtin_memcpy(out->dst, in->src, 16);
    out->sport = in->dport;
    out->dport = in->sport;
    out->proto = in->proto;
    out->family = in->family;
    out->tuple = 0;
}
