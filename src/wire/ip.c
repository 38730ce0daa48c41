#include "ip.h"

uint32_t csum_add(uint32_t sum, const uint8_t *p, size_t len)
{
    uint64_t s = sum;

    for (; len >= 8; p += 8, len -= 8)
        s += (uint64_t)be32_get(p) + be32_get(p + 4);
    for (; len >= 2; p += 2, len -= 2)
        s += be16_get(p);
    if (len)
        s += (uint64_t)p[0] << 8;
    while (s >> 32)
        s = (s & 0xffffffffu) + (s >> 32);
    /* 32-bit words and 16-bit words have the same sum modulo 0xffff */
    return (uint32_t)s;
}

uint16_t csum_fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

void ip4_csum_set(uint8_t *hdr)
{
    be16_put(hdr + IP4_SUM, 0);
    be16_put(hdr + IP4_SUM, csum_fold(csum_add(0, hdr, ip4_hdr_len(hdr))));
}

bool ip4_csum_ok(const uint8_t *hdr)
{
    return csum_fold(csum_add(0, hdr, ip4_hdr_len(hdr))) == 0;
}

uint32_t csum_pseudo(const uint8_t *p, uint8_t proto, uint32_t len)
{
    uint32_t sum = ip_version(p) == 4 ? csum_add(0, p + IP4_SRC, 8) : csum_add(0, p + IP6_SRC, 32);
    uint8_t tail[8] = { 0 };

    be32_put(tail, len);
    tail[7] = proto;
    return csum_add(sum, tail, sizeof(tail));
}
