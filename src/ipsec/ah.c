#include "ah.h"

#include <string.h>

/* IPv4 options whose bytes reach the end as they were sent (RFC 4302 A1): security, extended and
 * commercial security, router alert, sender directed multi-destination. */
static bool ip4_opt_immutable(uint8_t type)
{
    return type == 0x82 || type == 0x85 || type == 0x86 || type == 0x94 || type == 0x95;
}

enum { IP4_OPT_END = 0, IP4_OPT_NOP = 1, IP4_OPT_LSRR = 0x83, IP4_OPT_SSRR = 0x89 };

/* A source route that is not used up: the destination will be its last address. */
static void ip4_route_final(uint8_t *p, const uint8_t *opt, size_t len)
{
    if (len >= 7 && opt[2] + 3u <= len)
        memcpy(p + IP4_DST, opt + len - 4, 4);
}

static bool ip4_opts_mutable(uint8_t *p, size_t hdr_len)
{
    for (size_t at = IP4_HDR_LEN, len; at < hdr_len; at += len) {
        uint8_t *opt = p + at;

        if (*opt == IP4_OPT_END)
            return true;
        if (*opt == IP4_OPT_NOP) {
            len = 1;
            continue;
        }
        if (at + 2 > hdr_len || opt[1] < 2 || at + opt[1] > hdr_len)
            return false;
        len = opt[1];
        if (ip4_opt_immutable(*opt))
            continue;
        if (*opt == IP4_OPT_LSRR || *opt == IP4_OPT_SSRR)
            ip4_route_final(p, opt, len);
        memset(opt, 0, len);
    }
    return true;
}

static bool ip4_mutable(uint8_t *p, size_t hdr_len)
{
    p[IP4_TOS] = 0;
    be16_put(p + IP4_FRAG, 0);
    p[IP4_TTL] = 0;
    be16_put(p + IP4_SUM, 0);
    return ip4_opts_mutable(p, hdr_len);
}

/* Hop-by-hop and destination options: the data of those marked as changing en route (bit 0x20 of
 * the type) counts as zero, type and length as they are. */
static bool ip6_opts_mutable(uint8_t *ext, size_t ext_len)
{
    for (size_t at = 2, len; at < ext_len; at += len) {
        len = 1;
        if (ext[at] == 0)
            continue;
        if (at + 2 > ext_len || at + 2u + ext[at + 1] > ext_len)
            return false;
        len = 2u + ext[at + 1];
        if (ext[at] & 0x20)
            memset(ext + at + 2, 0, len - 2);
    }
    return true;
}

/* Routing header type 0 (and 2, the same with one address) as it arrives: no segments left, the
 * last address in the destination, the others moved up by one visit each. */
static bool ip6_route_final(uint8_t *p, uint8_t *ext, size_t ext_len)
{
    uint8_t type = ext[2], left = ext[3];
    size_t n = (ext_len - 8) / 16;

    if ((type != 0 && type != 2) || left == 0)
        return true;
    if (left > n || (ext_len - 8) % 16)
        return false;
    uint8_t *remaining = ext + 8 + (n - left) * 16;
    uint8_t final[16];

    memcpy(final, ext + 8 + (n - 1) * 16, 16);
    memmove(remaining + 16, remaining, (left - 1u) * 16);
    memcpy(remaining, p + IP6_DST, 16);
    memcpy(p + IP6_DST, final, 16);
    ext[3] = 0;
    return true;
}

static bool ip6_mutable(uint8_t *p, size_t hdr_len)
{
    uint8_t proto = p[IP6_NEXT];

    p[0] = 0x60;
    memset(p + 1, 0, 3);
    p[IP6_HOPS] = 0;
    for (size_t at = IP6_HDR_LEN, len; at < hdr_len; at += len) {
        uint8_t *ext = p + at;
        bool ok = true;

        if (at + 8 > hdr_len)
            return false;
        len = (ext[1] + 1u) * 8;
        if (at + len > hdr_len)
            return false;
        if (proto == PROTO_HOPOPTS || proto == PROTO_DSTOPTS)
            ok = ip6_opts_mutable(ext, len);
        else if (proto == PROTO_ROUTING)
            ok = ip6_route_final(p, ext, len);
        if (!ok)
            return false;
        proto = ext[0];
    }
    return true;
}

bool ah_mutable(uint8_t *p, size_t hdr_len)
{
    return ip_version(p) == 4 ? ip4_mutable(p, hdr_len) : ip6_mutable(p, hdr_len);
}

/* Saves the bytes before AH and makes the rest as the ICV sees it; puts them back when it fails. */
static bool mutate(uint8_t *p, size_t ah_at, struct ah_saved *saved)
{
    if (ah_at > AH_SAVED_MAX)
        return false;
    saved->len = (uint32_t)ah_at;
    memcpy(saved->hdr, p, ah_at);
    if (ah_mutable(p, ah_at))
        return true;
    memcpy(p, saved->hdr, ah_at);
    return false;
}

static struct bulk_job ah_job(const struct sa *sa, uint8_t *p, size_t len, uint8_t *icv)
{
    return (struct bulk_job){
        .key = &sa->key, .buf = p, .auth_len = (uint32_t)len, .iv = p, .icv = icv
    };
}

bool ah_seal_begin(const struct sa *sa, uint8_t *p, size_t len, size_t ah_at, uint8_t next,
                   uint32_t seq, uint8_t *icv, struct ah_saved *saved, struct bulk_job *ret)
{
    uint8_t *ah = p + ah_at;

    if (!mutate(p, ah_at, saved))
        return false;
    ah[0] = next;
    ah[1] = (uint8_t)(ah_hdr_len(sa) / 4 - 2);
    be16_put(ah + 2, 0);
    memcpy(ah + 4, &sa->spi_be, 4);
    be32_put(ah + 8, seq);
    memset(ah + AH_HDR_LEN, 0, sa->icv_len);
    *ret = ah_job(sa, p, len, icv);
    return true;
}

void ah_seal_end(uint8_t *p, size_t ah_at, const uint8_t *icv, const struct ah_saved *saved)
{
    memcpy(p, saved->hdr, saved->len);
    memcpy(p + ah_at + AH_HDR_LEN, icv, AH_ICV_MAX);
}

enum ipsec_drop ah_open_begin(const struct sa *sa, uint8_t *p, size_t len, size_t ah_at,
                              uint8_t *icv, struct ah_saved *saved, struct bulk_job *ret)
{
    uint8_t *ah = p + ah_at;

    if (ah_at + ah_hdr_len(sa) > len)
        return DROP_IN_SHORT;
    if ((ah[1] + 2u) * 4 != ah_hdr_len(sa))
        return DROP_IN_PADDING;
    if (!mutate(p, ah_at, saved))
        return DROP_IN_INNER;
    memcpy(icv, ah + AH_HDR_LEN, sa->icv_len);
    memset(ah + AH_HDR_LEN, 0, sa->icv_len);
    *ret = ah_job(sa, p, len, icv);
    return DROP_COUNT;
}

void ah_open_end(uint8_t *p, const struct ah_saved *saved)
{
    memcpy(p, saved->hdr, saved->len);
}
