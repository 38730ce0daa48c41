#include "mss.h"

enum { TCP_OFF = 12, TCP_FLAGS = 13, TCP_SUM = 16, TCP_SYN = 0x02 };
enum { TCP_OPT_END = 0, TCP_OPT_NOP = 1, TCP_OPT_MSS = 2, TCP_OPT_MSS_LEN = 4 };
enum { MSS_MIN = 64 }; /* never lower: a peer could be made to send crumbs */

/* Offset of the MSS value from TCP, 0 when there is none. */
static size_t mss_find(const uint8_t *tcp, size_t tcp_len)
{
    for (size_t at = TCP_HDR_LEN, len; at < tcp_len; at += len) {
        len = 1;
        if (tcp[at] == TCP_OPT_END)
            return 0;
        if (tcp[at] == TCP_OPT_NOP)
            continue;
        if (at + 2 > tcp_len || tcp[at + 1] < 2 || at + tcp[at + 1] > tcp_len)
            return 0;
        len = tcp[at + 1];
        if (tcp[at] == TCP_OPT_MSS)
            return len == TCP_OPT_MSS_LEN ? at + 2 : 0;
    }
    return 0;
}

/* RFC 1624 equation 3; a value at an odd offset counts with its bytes exchanged. */
static void csum_replace(uint8_t *sum, uint16_t was, uint16_t now, bool odd)
{
    if (odd) {
        was = __builtin_bswap16(was);
        now = __builtin_bswap16(now);
    }
    uint32_t s = (uint32_t)(uint16_t)~be16_get(sum) + (uint16_t)~was + now;
    be16_put(sum, csum_fold(s));
}

bool mss_is_syn(const struct pkt *p, const struct ip_parts *parts)
{
    return parts->proto == PROTO_TCP && !parts->fragment && parts->l4 + TCP_HDR_LEN <= p->len &&
           p->data[parts->l4 + TCP_FLAGS] & TCP_SYN;
}

bool mss_clamp(struct pkt *p, const struct ip_parts *parts, size_t inner_max)
{
    uint8_t *tcp = p->data + parts->l4;
    size_t room = p->len - parts->l4;

    if (!mss_is_syn(p, parts))
        return false;
    size_t tcp_len = (tcp[TCP_OFF] >> 4) * 4u;
    size_t hdrs = (parts->version == 4 ? IP4_HDR_LEN : IP6_HDR_LEN) + TCP_HDR_LEN;
    if (tcp_len < TCP_HDR_LEN || tcp_len > room || inner_max < hdrs + MSS_MIN)
        return false;
    size_t at = mss_find(tcp, tcp_len);
    uint16_t was = at ? be16_get(tcp + at) : 0;
    if (was <= inner_max - hdrs)
        return false;
    uint16_t now = (uint16_t)(inner_max - hdrs);
    be16_put(tcp + at, now);
    csum_replace(tcp + TCP_SUM, was, now, at & 1);
    return true;
}
