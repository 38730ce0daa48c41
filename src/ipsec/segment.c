#include "segment.h"

#include <string.h>

enum { TCP_SEQ = 4, TCP_OFF = 12, TCP_FLAGS = 13, TCP_SUM = 16, UDP_LEN = 4, UDP_SUM = 6 };
enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80 };

static bool tcp_init(struct segmenter *s, const struct ip_parts *parts)
{
    const uint8_t *tcp = s->super->data + s->l4;

    if (parts->proto != PROTO_TCP || s->l4 + TCP_HDR_LEN > s->super->len)
        return false;
    uint32_t tcp_len = (tcp[TCP_OFF] >> 4) * 4u;
    s->hdr_len = s->l4 + tcp_len;
    return tcp_len >= TCP_HDR_LEN && s->hdr_len < s->super->len;
}

static bool udp_init(struct segmenter *s, const struct ip_parts *parts)
{
    s->udp = true;
    s->hdr_len = s->l4 + UDP_HDR_LEN;
    return parts->proto == PROTO_UDP && s->hdr_len < s->super->len;
}

bool segment_init(struct segmenter *s, const struct pkt *super, const struct ip_parts *parts)
{
    *s = (struct segmenter){ .super = super, .l4 = parts->l4, .max = super->gso_size };
    if (parts->fragment || super->gso_size == 0)
        return false;
    switch ((enum pkt_gso)super->gso) {
    case PKT_GSO_TCP4:
        return parts->version == 4 && tcp_init(s, parts);
    case PKT_GSO_TCP6:
        return parts->version == 6 && tcp_init(s, parts);
    case PKT_GSO_UDP:
        return udp_init(s, parts);
    case PKT_GSO_NONE:
        break;
    }
    return false;
}

bool segment_limit(struct segmenter *s, size_t len)
{
    if (s->udp)
        return segment_len_max(s) <= len;
    if (len <= s->hdr_len)
        return false;
    if (len - s->hdr_len < s->max)
        s->max = (uint32_t)(len - s->hdr_len);
    return true;
}

static uint32_t payload_len(const struct segmenter *s)
{
    return s->super->len - s->hdr_len;
}

unsigned segment_count(const struct segmenter *s)
{
    return (payload_len(s) + s->max - 1) / s->max;
}

static uint32_t piece_len(const struct segmenter *s)
{
    uint32_t left = payload_len(s) - s->at;

    return left < s->max ? left : s->max;
}

size_t segment_len_max(const struct segmenter *s)
{
    return s->hdr_len + (payload_len(s) < s->max ? payload_len(s) : s->max);
}

size_t segment_len(const struct segmenter *s)
{
    uint32_t n = piece_len(s);

    return n ? s->hdr_len + n : 0;
}

static uint16_t l4_csum(const struct pkt *p, uint32_t l4, uint8_t proto)
{
    uint32_t len = p->len - l4;

    return csum_fold(csum_add(csum_pseudo(p->data, proto, len), p->data + l4, len));
}

static void tcp_finish(const struct segmenter *s, struct pkt *p, bool last)
{
    uint8_t *tcp = p->data + s->l4;

    be32_put(tcp + TCP_SEQ, be32_get(tcp + TCP_SEQ) + s->at);
    if (!last)
        tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (s->index > 0)
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
    be16_put(tcp + TCP_SUM, 0);
    be16_put(tcp + TCP_SUM, l4_csum(p, s->l4, PROTO_TCP));
}

static void udp_finish(const struct segmenter *s, struct pkt *p)
{
    uint8_t *udp = p->data + s->l4;

    be16_put(udp + UDP_LEN, (uint16_t)(p->len - s->l4));
    if (!s->super->needs_csum && be16_get(udp + UDP_SUM) == 0)
        return; /* sent without a checksum */
    be16_put(udp + UDP_SUM, 0);
    uint16_t sum = l4_csum(p, s->l4, PROTO_UDP);
    be16_put(udp + UDP_SUM, sum ? sum : 0xffff);
}

void segment_next(struct segmenter *s, struct pkt *ret)
{
    uint32_t n = piece_len(s);
    bool last = s->at + n == payload_len(s);

    memcpy(ret->data, s->super->data, s->hdr_len);
    memcpy(ret->data + s->hdr_len, s->super->data + s->hdr_len + s->at, n);
    ret->len = s->hdr_len + n;
    ret->ifindex = s->super->ifindex;
    if (ip_version(ret->data) == 4)
        be16_put(ret->data + IP4_ID, (uint16_t)(be16_get(ret->data + IP4_ID) + s->index));
    ip_len_set(ret->data, ret->len);
    if (s->udp)
        udp_finish(s, ret);
    else
        tcp_finish(s, ret, last);
    s->at += n;
    s->index++;
}
