#include "gro.h"

#include "ip_parts.h"

#include <string.h>

enum { TCP_SEQ = 4, TCP_ACK = 8, TCP_OFF = 12, TCP_FLAGS = 13, TCP_WINDOW = 14, TCP_SUM = 16 };
enum { TCP_FLAG_PSH = 0x08, TCP_FLAG_ACK = 0x10 };

/* A TCP segment, and the superpacket it grows into. */
struct super {
    struct pkt *pkt;
    uint32_t l4, payload_at;
    uint32_t seq_next;
    uint32_t seg_len; /* payload of every segment but the last */
    unsigned n;       /* segments */
    uint16_t ports_sum;
    bool tcp;  /* flow known: later segments of it end the coalescing here */
    bool open; /* may grow */
};

static uint8_t *tcp_of(const struct super *s)
{
    return s->pkt->data + s->l4;
}

static uint32_t payload_len(const struct super *s)
{
    return s->pkt->len - s->payload_at;
}

static bool csum_ok(const struct pkt *p, uint32_t l4)
{
    uint32_t len = p->len - l4;

    return csum_fold(csum_add(csum_pseudo(p->data, PROTO_TCP, len), p->data + l4, len)) == 0;
}

/* Plain headers only: a datagram with options or extension headers is left alone. */
static bool plain_tcp(const struct pkt *p, struct super *s)
{
    struct ip_parts parts;

    if (p->len < IP6_HDR_LEN ||
        p->data[ip_version(p->data) == 4 ? IP4_PROTO : IP6_NEXT] != PROTO_TCP)
        return false;
    if (p->gso || p->needs_csum || !ip_parts_parse(p->data, p->len, &parts) ||
        parts.proto != PROTO_TCP || parts.fragment || parts.total != p->len ||
        parts.l4 + TCP_HDR_LEN > p->len)
        return false;
    s->l4 = parts.l4;
    s->payload_at = s->l4 + (p->data[s->l4 + TCP_OFF] >> 4) * 4u;
    return s->payload_at >= s->l4 + TCP_HDR_LEN && s->payload_at <= p->len;
}

static bool may_start(const struct super *s)
{
    const uint8_t *ip = s->pkt->data, *tcp = tcp_of(s);
    bool v4 = ip_version(ip) == 4;

    if (s->l4 != (v4 ? IP4_HDR_LEN : IP6_HDR_LEN) || payload_len(s) == 0)
        return false;
    return (tcp[TCP_FLAGS] & ~TCP_FLAG_PSH) == TCP_FLAG_ACK;
}

static struct super super_of(struct pkt *p)
{
    struct super s = { .pkt = p, .n = 1 };

    s.tcp = plain_tcp(p, &s);
    if (!s.tcp || !csum_ok(p, s.l4)) {
        s.tcp = false;
        return s;
    }
    const uint8_t *tcp = tcp_of(&s);
    p->csum_ok = true;
    s.ports_sum = (uint16_t)(be16_get(tcp) ^ be16_get(tcp + 2));
    s.seg_len = payload_len(&s);
    s.seq_next = be32_get(tcp + TCP_SEQ) + s.seg_len;
    s.open = may_start(&s) && !(tcp[TCP_FLAGS] & TCP_FLAG_PSH);
    return s;
}

static bool same_flow(const struct super *a, const struct super *b)
{
    const uint8_t *x = a->pkt->data, *y = b->pkt->data;

    if (a->ports_sum != b->ports_sum || ip_version(x) != ip_version(y) ||
        memcmp(tcp_of(a), tcp_of(b), 4) != 0)
        return false;
    return ip_version(x) == 4 ? memcmp(x + IP4_SRC, y + IP4_SRC, 8) == 0
                              : memcmp(x + IP6_SRC, y + IP6_SRC, 32) == 0;
}

/* Without DF identifications matter (RFC 6864): they have to count up, as cutting will have it. */
static bool same_ip(const uint8_t *x, const uint8_t *y, unsigned index)
{
    if (ip_version(x) == 4) {
        uint16_t id = (uint16_t)(be16_get(x + IP4_ID) + index);
        bool df = be16_get(x + IP4_FRAG) & IP4_DF;

        return x[IP4_TOS] == y[IP4_TOS] && x[IP4_TTL] == y[IP4_TTL] &&
               memcmp(x + IP4_FRAG, y + IP4_FRAG, 2) == 0 && (df || be16_get(y + IP4_ID) == id);
    }
    return memcmp(x, y, 4) == 0 && x[IP6_HOPS] == y[IP6_HOPS];
}

/* Whether segment S continues A: everything but sequence, PSH, length and checksums is the same. */
static bool continues(const struct super *a, const struct super *s)
{
    const uint8_t *x = tcp_of(a), *y = tcp_of(s);
    uint32_t hdr_len = a->payload_at - a->l4;

    if (!a->open || !may_start(s) || s->seg_len > a->seg_len || a->pkt->len + s->seg_len > 65535 ||
        s->payload_at - s->l4 != hdr_len)
        return false;
    return be32_get(y + TCP_SEQ) == a->seq_next && same_ip(a->pkt->data, s->pkt->data, a->n) &&
           memcmp(x + TCP_ACK, y + TCP_ACK, 4) == 0 && x[TCP_OFF] == y[TCP_OFF] &&
           memcmp(x + TCP_WINDOW, y + TCP_WINDOW, 2) == 0 &&
           memcmp(x + TCP_HDR_LEN, y + TCP_HDR_LEN, hdr_len - TCP_HDR_LEN) == 0;
}

/* Room for EXTRA more bytes, in a large buffer when need be. */
static bool grow(struct pkt_pool *pool, struct super *a, uint32_t extra)
{
    if (pkt_tailroom(a->pkt) >= extra)
        return true;
    struct pkt *large = a->pkt->large ? NULL : pkt_get(pool, PKT_LARGE_BYTES);
    if (!large)
        return false;
    memcpy(large->data, a->pkt->data, a->pkt->len);
    large->len = a->pkt->len;
    large->ifindex = a->pkt->ifindex;
    large->csum_ok = a->pkt->csum_ok;
    pkt_put(pool, a->pkt);
    a->pkt = large;
    return true;
}

static bool merge(struct pkt_pool *pool, struct super *a, const struct super *s)
{
    if (!continues(a, s) || a->pkt->ifindex != s->pkt->ifindex || !grow(pool, a, s->seg_len))
        return false;
    memcpy(a->pkt->data + a->pkt->len, s->pkt->data + s->payload_at, s->seg_len);
    a->pkt->len += s->seg_len;
    a->seq_next += s->seg_len;
    a->n++;
    uint8_t psh = tcp_of(s)[TCP_FLAGS] & TCP_FLAG_PSH;
    tcp_of(a)[TCP_FLAGS] |= psh;
    a->open = !psh && s->seg_len == a->seg_len;
    return true;
}

/* The offload facts of a finished superpacket: the kernel completes the checksum. */
static void finish(struct super *a)
{
    struct pkt *p = a->pkt;

    if (a->n == 1)
        return;
    ip_len_set(p->data, p->len);
    uint16_t pseudo = (uint16_t)~csum_fold(csum_pseudo(p->data, PROTO_TCP, p->len - a->l4));
    be16_put(tcp_of(a) + TCP_SUM, pseudo);
    p->gso = ip_version(p->data) == 4 ? PKT_GSO_TCP4 : PKT_GSO_TCP6;
    p->gso_size = (uint16_t)a->seg_len;
    p->needs_csum = true;
    p->csum_ok = false;
    p->csum_start = (uint16_t)a->l4;
    p->csum_offset = TCP_SUM;
}

/* The last packet of S's flow among the first N. */
static struct super *find_flow(struct super *list, unsigned n, const struct super *s)
{
    while (n-- > 0)
        if (list[n].tcp && same_flow(&list[n], s))
            return &list[n];
    return NULL;
}

unsigned gro_coalesce(struct pkt_pool *pool, struct pkt **pkts, unsigned n)
{
    struct super list[PKT_BATCH];
    unsigned n_out = 0;

    for (unsigned i = 0; i < n; i++) {
        struct super s = super_of(pkts[i]);
        struct super *a = s.tcp ? find_flow(list, n_out, &s) : NULL;

        if (a && merge(pool, a, &s)) {
            pkt_put(pool, s.pkt);
            continue;
        }
        list[n_out++] = s;
    }
    for (unsigned i = 0; i < n_out; i++) {
        finish(&list[i]);
        pkts[i] = list[i].pkt;
    }
    return n_out;
}
