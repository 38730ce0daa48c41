#include "ip.h"

#include <string.h>

static uint64_t word_at(const uint8_t *p, size_t i)
{
    uint32_t w;

    memcpy(&w, p + 4 * i, 4);
    return w;
}

/* The 16-bit one's complement sum of up to 2^32 words in the host's order, as a number: the sum of
 * exchanged bytes is the exchanged sum (RFC 1071 section 2). */
static uint16_t words_fold(uint64_t s)
{
    uint16_t native;

    s = (s & 0xffffffffu) + (s >> 32);
    s = (s & 0xffffu) + (s >> 16 & 0xffffu) + (s >> 32);
    s = (s & 0xffffu) + (s >> 16);
    native = (uint16_t)((s & 0xffffu) + (s >> 16));
    return be16_get((const uint8_t *)&native);
}

uint32_t csum_add(uint32_t sum, const uint8_t *p, size_t len)
{
    uint64_t s = 0;
    uint8_t rest[4] = { 0 };

    for (size_t i = 0; i < len / 4; i++) /* compilers make vector additions of this */
        s += word_at(p, i);
    memcpy(rest, p + (len & ~(size_t)3), len & 3);
    s = (uint64_t)sum + words_fold(s + word_at(rest, 0));
    return (uint32_t)(s + (s >> 32));
}

/* An IPv4 header: five words and few more. */
static uint16_t ip4_hdr_sum(const uint8_t *hdr)
{
    uint64_t s =
        word_at(hdr, 0) + word_at(hdr, 1) + word_at(hdr, 2) + word_at(hdr, 3) + word_at(hdr, 4);

    for (size_t i = 5; i < ip4_hdr_len(hdr) / 4; i++)
        s += word_at(hdr, i);
    return words_fold(s);
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
    be16_put(hdr + IP4_SUM, (uint16_t)~ip4_hdr_sum(hdr));
}

bool ip4_csum_ok(const uint8_t *hdr)
{
    return ip4_hdr_sum(hdr) == 0xffff;
}

uint32_t csum_pseudo(const uint8_t *p, uint8_t proto, uint32_t len)
{
    uint32_t sum = ip_version(p) == 4 ? csum_add(0, p + IP4_SRC, 8) : csum_add(0, p + IP6_SRC, 32);
    uint8_t tail[8] = { 0 };

    be32_put(tail, len);
    tail[7] = proto;
    return csum_add(sum, tail, sizeof(tail));
}
