#include "ip_parts.h"

static bool ip4_parts(const uint8_t *p, size_t len, struct ip_parts *ret)
{
    if (len < IP4_HDR_LEN)
        return false;
    unsigned hdr_len = ip4_hdr_len(p);
    unsigned total = be16_get(p + IP4_LEN);
    unsigned frag = be16_get(p + IP4_FRAG);

    if (hdr_len < IP4_HDR_LEN || total < hdr_len || total > len)
        return false;
    ret->proto = p[IP4_PROTO];
    ret->total = total;
    ret->frag_off = (uint16_t)((frag & IP4_OFFSET_MASK) * 8);
    ret->frag_id = be16_get(p + IP4_ID);
    ret->more_fragments = frag & IP4_MF;
    ret->later_fragment = ret->frag_off != 0;
    ret->fragment = ret->later_fragment || ret->more_fragments;
    ret->l4 = ret->insert = hdr_len;
    ret->l4_next = ret->insert_next = IP4_PROTO;
    return true;
}

static void fragment_hdr(const uint8_t *hdr, struct ip_parts *parts)
{
    unsigned off = be16_get(hdr + 2);

    parts->frag = parts->l4;
    parts->frag_next = parts->l4_next;
    parts->fragment = true;
    parts->frag_off = (uint16_t)(off & 0xfff8);
    parts->later_fragment = parts->frag_off != 0;
    parts->more_fragments = off & 1;
    parts->frag_id = be32_get(hdr + 4);
}

/* One extension header of PROTO at parts->l4: its length, 0 when it does not fit. */
static uint32_t ext_len(const uint8_t *p, const struct ip_parts *parts)
{
    if (parts->l4 + 8 > parts->total)
        return 0;
    uint32_t len = parts->proto == PROTO_FRAGMENT ? IP6_FRAG_HDR_LEN : (p[parts->l4 + 1] + 1u) * 8;
    return parts->l4 + len > parts->total ? 0 : len;
}

static bool is_ip6_ext(uint8_t proto)
{
    return proto == PROTO_HOPOPTS || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT ||
           proto == PROTO_DSTOPTS;
}

/* Steps over the extension header at l4. ESP and AH go behind hop-by-hop and routing headers and
 * what precedes those; destination options for the final destination stay inside. */
static bool ext_step(const uint8_t *p, struct ip_parts *parts)
{
    uint32_t len = ext_len(p, parts);
    uint8_t was = parts->proto;

    if (len == 0 || (was == PROTO_HOPOPTS && parts->l4 != IP6_HDR_LEN) ||
        (was == PROTO_FRAGMENT && parts->frag))
        return false;
    if (was == PROTO_FRAGMENT)
        fragment_hdr(p + parts->l4, parts);
    parts->l4_next = parts->l4;
    parts->proto = p[parts->l4];
    parts->l4 += len;
    if (was != PROTO_DSTOPTS) {
        parts->insert = parts->l4;
        parts->insert_next = parts->l4_next;
    }
    return true;
}

static bool ip6_parts(const uint8_t *p, size_t len, struct ip_parts *ret)
{
    if (len < IP6_HDR_LEN)
        return false;
    ret->total = IP6_HDR_LEN + be16_get(p + IP6_LEN);
    if (ret->total > len)
        return false;
    ret->proto = p[IP6_NEXT];
    ret->l4 = ret->insert = IP6_HDR_LEN;
    ret->l4_next = ret->insert_next = IP6_NEXT;
    for (int i = 0; is_ip6_ext(ret->proto) && !ret->later_fragment; i++)
        if (i == IP6_EXT_MAX || !ext_step(p, ret))
            return false;
    return true;
}

bool ip_parts_parse(const uint8_t *p, size_t len, struct ip_parts *ret)
{
    struct ip_parts parts = { 0 };
    bool ok = false;

    if (len > 0) {
        parts.version = (uint8_t)ip_version(p);
        if (parts.version == 4)
            ok = ip4_parts(p, len, &parts);
        else if (parts.version == 6)
            ok = ip6_parts(p, len, &parts);
    }
    if (ok)
        *ret = parts;
    return ok;
}

void ip_len_set(uint8_t *p, size_t len)
{
    if (ip_version(p) == 4) {
        be16_put(p + IP4_LEN, (uint16_t)len);
        ip4_csum_set(p);
    } else {
        be16_put(p + IP6_LEN, (uint16_t)(len - IP6_HDR_LEN));
    }
}
