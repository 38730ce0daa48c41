#include "addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

size_t ip_addr_len(uint8_t family)
{
    return family == IP_V4 ? 4 : family == IP_V6 ? 16 : 0;
}

bool ip_addr_from_text(const char *text, size_t len, struct ip_addr *ret)
{
    char buf[IP_TEXT_MAX];
    struct ip_addr a = { 0 };

    if (len == 0 || len >= sizeof(buf) || memchr(text, '\0', len))
        return false;
    memcpy(buf, text, len);
    buf[len] = '\0';
    a.family = strchr(buf, ':') ? IP_V6 : IP_V4;
    if (inet_pton(a.family == IP_V6 ? AF_INET6 : AF_INET, buf, a.b) != 1)
        return false;
    *ret = a;
    return true;
}

char *ip_addr_to_text(const struct ip_addr *a, char *buf)
{
    inet_ntop(a->family == IP_V6 ? AF_INET6 : AF_INET, a->b, buf, IP_TEXT_MAX);
    return buf;
}

static bool length_from_text(const char *text, size_t len, unsigned max, uint8_t *ret)
{
    unsigned v = 0;

    if (len == 0 || len > 3 || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (unsigned)(text[i] - '0');
    }
    if (v > max)
        return false;
    *ret = (uint8_t)v;
    return true;
}

bool ip_prefix_from_text(const char *text, size_t len, struct ip_prefix *ret)
{
    const char *slash = memchr(text, '/', len);
    size_t addr_len = slash ? (size_t)(slash - text) : len;
    struct ip_prefix p;

    if (!ip_addr_from_text(text, addr_len, &p.addr))
        return false;
    p.len = (uint8_t)(8 * ip_addr_len(p.addr.family));
    if (slash && !length_from_text(slash + 1, len - addr_len - 1, p.len, &p.len))
        return false;
    *ret = p;
    return true;
}

char *ip_prefix_to_text(const struct ip_prefix *p, char *buf)
{
    char addr[IP_TEXT_MAX];

    snprintf(buf, IP_PREFIX_TEXT_MAX, "%s/%u", ip_addr_to_text(&p->addr, addr), p->len);
    return buf;
}

struct ip_addr ip_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct ip_addr){ .b = { a, b, c, d }, .family = IP_V4 };
}

struct ip_addr ip_addr_from_bytes(enum ip_family family, const uint8_t *bytes)
{
    struct ip_addr a = { .family = (uint8_t)family };

    memcpy(a.b, bytes, ip_addr_len(a.family));
    return a;
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->family == b->family && memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool ip_addr_is_unset(const struct ip_addr *a)
{
    static const uint8_t zero[16];

    return a->family == IP_ANY_FAMILY || memcmp(a->b, zero, sizeof(zero)) == 0;
}

bool ip_addr_is_multicast(const struct ip_addr *a)
{
    return (a->family == IP_V4 && (a->b[0] & 0xf0) == 0xe0) ||
           (a->family == IP_V6 && a->b[0] == 0xff);
}

void ip_bits_mask(uint8_t *b, unsigned len)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned keep = len >= 8 * (i + 1) ? 8 : len > 8 * i ? len - 8 * i : 0;
        b[i] = (uint8_t)(b[i] & (0xff00u >> keep));
    }
}

void ip_prefix_mask(struct ip_prefix *p)
{
    ip_bits_mask(p->addr.b, p->len);
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
    struct ip_prefix both[2] = { *p, { .addr = *a, .len = p->len } };

    if (a->family != p->addr.family)
        return false;
    ip_prefix_mask(&both[0]);
    ip_prefix_mask(&both[1]);
    return memcmp(both[0].addr.b, both[1].addr.b, 16) == 0;
}
