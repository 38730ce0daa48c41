#include "encap.h"

#include <string.h>

enum { TUNNEL_TTL = 64, ECN_MASK = 3, ECN_CE = 3, ECN_ECT1 = 1 };

static const struct sa *outer_sa(const struct encap_plan *plan)
{
    return plan->ah ? plan->ah : plan->esp;
}

static size_t ip_hdr_len(uint8_t family)
{
    return family == IP_V4 ? IP4_HDR_LEN : IP6_HDR_LEN;
}

static size_t ah_bytes(const struct encap_plan *plan)
{
    return plan->ah ? ah_hdr_len(plan->ah) : 0;
}

/* AH never travels in UDP (RFC 3948 1), nor ESP behind it. */
static size_t udp_bytes(const struct encap_plan *plan)
{
    return !plan->ah && plan->esp->udp_encap ? UDP_HDR_LEN : 0;
}

/* Bytes around the payload: the IP header outside, then UDP or AH. */
static size_t outside_len(const struct encap_plan *plan, size_t hdr_len)
{
    size_t ip = plan->tunnel ? ip_hdr_len(outer_sa(plan)->src.family) : hdr_len;

    return ip + udp_bytes(plan) + ah_bytes(plan);
}

void encap_plan_mtu(struct encap_plan *plan)
{
    uint32_t mtu = plan->esp ? plan->esp->path_mtu : UINT32_MAX;

    if (plan->ah && plan->ah->path_mtu < mtu)
        mtu = plan->ah->path_mtu;
    plan->path_mtu = mtu;
}

size_t encap_len(const struct encap_plan *plan, size_t len, size_t hdr_len)
{
    size_t payload_len = plan->tunnel ? len : len - hdr_len;
    size_t inside = plan->esp ? esp_len(plan->esp, payload_len) : payload_len;

    return outside_len(plan, hdr_len) + inside;
}

size_t encap_inner_max(const struct encap_plan *plan, size_t hdr_len)
{
    size_t outside = outside_len(plan, hdr_len);

    if (plan->path_mtu <= outside)
        return 0;
    size_t room = plan->path_mtu - outside;
    size_t payload_max = plan->esp ? esp_payload_max(plan->esp, room) : room;
    return payload_max && !plan->tunnel ? payload_max + hdr_len : payload_max;
}

uint8_t ip_tos_get(const uint8_t *p)
{
    return ip_version(p) == 4 ? p[IP4_TOS] : (uint8_t)(be16_get(p) >> 4);
}

void ip_tos_set(uint8_t *p, uint8_t tos)
{
    if (ip_version(p) == 4)
        p[IP4_TOS] = tos;
    else
        be16_put(p, (uint16_t)((be16_get(p) & 0xf00f) | tos << 4));
}

/* Summed while still in registers: reading back what was just written in pieces would stall. */
static void tunnel4_hdr(uint8_t *hdr, const struct sa *sa, uint8_t proto, uint32_t len, uint8_t tos,
                        bool df, uint16_t ip_id)
{
    uint32_t first = 0x45000000u | (uint32_t)tos << 16 | len;
    uint32_t second = (uint32_t)ip_id << 16 | (df ? IP4_DF : 0);
    uint32_t third = (uint32_t)TUNNEL_TTL << 24 | (uint32_t)proto << 16;
    uint32_t src = be32_get(sa->src.b), dst = be32_get(sa->dst.b);
    uint64_t sum = (uint64_t)first + second + third + src + dst;

    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffffffffu) + (sum >> 32);
    be32_put(hdr, first);
    be32_put(hdr + IP4_ID, second);
    be32_put(hdr + IP4_TTL, third | csum_fold((uint32_t)sum));
    be32_put(hdr + IP4_SRC, src);
    be32_put(hdr + IP4_DST, dst);
}

static void tunnel6_hdr(uint8_t *hdr, const struct sa *sa, uint8_t proto, uint32_t len, uint8_t tos)
{
    be32_put(hdr, 0x60000000u | (uint32_t)tos << 20);
    be16_put(hdr + IP6_LEN, (uint16_t)(len - IP6_HDR_LEN));
    hdr[IP6_NEXT] = proto;
    hdr[IP6_HOPS] = TUNNEL_TTL;
    memcpy(hdr + IP6_SRC, sa->src.b, 16);
    memcpy(hdr + IP6_DST, sa->dst.b, 16);
}

/* RFC 3948 2.1: the checksum should be zero. Where it may not be, whoever sends sees to it. */
static void udp_hdr(uint8_t *hdr, const struct sa *sa, uint32_t len)
{
    be16_put(hdr, sa->local_port);
    be16_put(hdr + 2, sa->remote_port);
    be32_put(hdr + 4, len << 16);
}

/* Gives the length of the outer header. */
static size_t tunnel_build(const struct encap_plan *plan, struct pkt *p, uint32_t total, size_t gap,
                           bool df, uint16_t ip_id, struct encap_layout *at)
{
    const struct sa *sa = outer_sa(plan);
    size_t hdr_len = ip_hdr_len(sa->src.family);
    uint8_t tos = ip_tos_get(p->data);
    uint8_t proto = udp_bytes(plan) ? (uint8_t)PROTO_UDP : sa->proto;

    at->next = ip_version(p->data) == 4 ? PROTO_IPV4 : PROTO_IPV6;
    at->payload_len = p->len;
    p->data -= hdr_len + gap;
    if (sa->src.family == IP_V4)
        tunnel4_hdr(p->data, sa, proto, total, tos, df, ip_id);
    else
        tunnel6_hdr(p->data, sa, proto, total, tos);
    if (proto == PROTO_UDP)
        udp_hdr(p->data + hdr_len, sa, total - (uint32_t)hdr_len);
    return hdr_len;
}

/* RFC 4303 3.1.1: the header moves ahead of the gap. */
static size_t transport_build(const struct encap_plan *plan, struct pkt *p, uint32_t total,
                              const struct ip_parts *parts, size_t gap, bool df, uint16_t ip_id,
                              struct encap_layout *at)
{
    size_t hdr_len = parts->insert;

    at->next = p->data[parts->insert_next];
    at->payload_len = p->len - (uint32_t)hdr_len;
    memmove(p->data - gap, p->data, hdr_len);
    p->data -= gap;
    p->data[parts->insert_next] = outer_sa(plan)->proto;
    if (parts->version == 4) {
        be16_put(p->data + IP4_FRAG, df ? IP4_DF : 0);
        if (be16_get(p->data + IP4_ID) == 0)
            be16_put(p->data + IP4_ID, ip_id);
    }
    ip_len_set(p->data, total);
    return hdr_len;
}

void encap_build(const struct encap_plan *plan, struct pkt *p, const struct ip_parts *parts,
                 bool df, uint16_t ip_id, struct encap_layout *ret)
{
    uint32_t total = (uint32_t)encap_len(plan, p->len, parts->insert);
    size_t udp_len = udp_bytes(plan);
    size_t gap = udp_len + ah_bytes(plan) + (plan->esp ? esp_hdr_len(plan->esp) : 0);
    size_t hdr_len = plan->tunnel ? tunnel_build(plan, p, total, gap, df, ip_id, ret)
                                  : transport_build(plan, p, total, parts, gap, df, ip_id, ret);

    ret->ipsec = (uint32_t)hdr_len;
    ret->esp = plan->esp ? (uint32_t)(hdr_len + udp_len + ah_bytes(plan)) : 0;
    p->len = total;
}

void udp_csum_set(uint8_t *ip, uint32_t at, uint32_t len)
{
    be16_put(ip + at + 6, 0);
    uint16_t sum = csum_fold(csum_add(csum_pseudo(ip, PROTO_UDP, len - at), ip + at, len - at));
    be16_put(ip + at + 6, sum ? sum : 0xffff);
}

void decap_transport(struct pkt *p, const struct ip_parts *parts, size_t hdr_len, uint8_t next)
{
    p->data[parts->l4_next] = next;
    memmove(p->data + hdr_len, p->data, parts->l4);
    p->data += hdr_len;
    p->len -= (uint32_t)hdr_len;
    ip_len_set(p->data, p->len);
}

int ecn_merge(uint8_t inner, uint8_t outer)
{
    inner &= ECN_MASK;
    outer &= ECN_MASK;
    if (outer == ECN_CE)
        return inner ? ECN_CE : -1;
    if (outer == ECN_ECT1 && inner && inner != ECN_CE)
        return ECN_ECT1;
    return inner;
}

static bool inner_ok(const uint8_t *inner, size_t len, uint8_t next, struct ip_parts *ret)
{
    unsigned version = next == PROTO_IPV4 ? 4 : 6;

    if (!ip_parts_parse(inner, len, ret) || ret->version != version)
        return false;
    return version == 6 || ip4_csum_ok(inner);
}

bool decap_tunnel(struct pkt *p, size_t at, uint8_t next)
{
    uint8_t *inner = p->data + at;
    uint8_t outer_tos = ip_tos_get(p->data);
    struct ip_parts parts;

    if (!inner_ok(inner, p->len - at, next, &parts))
        return false;
    uint8_t tos = ip_tos_get(inner);
    int ecn = ecn_merge(tos, outer_tos);
    if (ecn < 0)
        return false;
    p->data = inner;
    p->len = parts.total;
    if (ecn != (tos & ECN_MASK)) {
        ip_tos_set(inner, (uint8_t)((tos & ~ECN_MASK) | ecn));
        if (parts.version == 4)
            ip4_csum_set(inner);
    }
    return true;
}
