#include "selector.h"

#include "ip.h"

enum { MAX_EXT_HEADERS = 8, MAX_DATAGRAM = 65535, PORTS_LEN = 4, FRAGMENT_HDR_LEN = 8 };

static bool proto_has_ports(uint8_t proto)
{
    return proto == PROTO_TCP || proto == PROTO_UDP;
}

bool selector_matches(const struct selector *s, const struct spd_key *key, bool has_ports)
{
    struct ip_addr src = ip_addr_from_bytes((enum ip_family)key->family, key->src);
    struct ip_addr dst = ip_addr_from_bytes((enum ip_family)key->family, key->dst);

    if (!ip_prefix_contains(&s->src, &src) || !ip_prefix_contains(&s->dst, &dst))
        return false;
    if (s->proto != SELECTOR_PROTO_ALL && s->proto != key->proto)
        return false;
    if (s->sport == 0 && s->dport == 0)
        return true;
    if (!has_ports || !proto_has_ports(key->proto))
        return false;
    return (s->sport == 0 || s->sport == be16_get((const uint8_t *)&key->sport)) &&
           (s->dport == 0 || s->dport == be16_get((const uint8_t *)&key->dport));
}

struct spd_key spd_key_reverse(const struct spd_key *key)
{
    struct spd_key r = *key;

    memcpy(r.src, key->dst, sizeof(r.src));
    memcpy(r.dst, key->src, sizeof(r.dst));
    r.sport = key->dport;
    r.dport = key->sport;
    return r;
}

static void flow_take_fragment(struct flow *f, unsigned offset_bytes, bool more, uint32_t id)
{
    f->fragment = offset_bytes != 0 || more;
    f->later_fragment = offset_bytes != 0;
    f->more_fragments = more;
    f->frag_off = (uint16_t)offset_bytes;
    f->frag_id = id;
}

/* PAYLOAD bytes of the datagram follow at l4_off. */
static bool flow_finish(struct flow *f, const uint8_t *l4, size_t payload)
{
    if (f->frag_off + payload > MAX_DATAGRAM)
        return false;
    if (proto_has_ports(f->key.proto) && !f->later_fragment && payload >= PORTS_LEN) {
        memcpy(&f->key.sport, l4, 2);
        memcpy(&f->key.dport, l4 + 2, 2);
        f->has_ports = true;
    }
    return true;
}

static bool flow_parse_v4(const uint8_t *p, size_t len, struct flow *f)
{
    if (len < IP4_HDR_LEN)
        return false;

    unsigned hdr_len = ip4_hdr_len(p), total = be16_get(p + IP4_LEN);
    unsigned frag = be16_get(p + IP4_FRAG);

    if (hdr_len < IP4_HDR_LEN || total < hdr_len || total > len)
        return false;
    f->key.family = IP_V4;
    f->key.proto = p[IP4_PROTO];
    memcpy(f->key.src, p + IP4_SRC, 4);
    memcpy(f->key.dst, p + IP4_DST, 4);
    f->l4_off = f->ip_hdr_len = (uint16_t)hdr_len;
    flow_take_fragment(f, (frag & IP4_OFFSET_MASK) * 8, frag & IP4_MF, be16_get(p + IP4_ID));
    return flow_finish(f, p + hdr_len, total - hdr_len);
}

static bool is_ext_header(uint8_t proto)
{
    return proto == PROTO_HOPOPTS || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT ||
           proto == PROTO_DSTOPTS;
}

/* One extension header at the cursor; *proto becomes what it announces. */
static bool ext_header_parse(struct rd *r, uint8_t *proto, struct flow *f)
{
    uint8_t kind = *proto, next = rd_u8(r, "next header"), units = rd_u8(r, "extension length");

    if (kind == PROTO_FRAGMENT) {
        unsigned frag = rd_u16(r, "fragment offset");

        if (f->fragment)
            return false; /* a second one */
        flow_take_fragment(f, frag & 0xfff8u, frag & 1, rd_u32(r, "fragment identification"));
    } else {
        rd_bytes(r, (size_t)units * 8 + 6, "extension header");
    }
    *proto = next;
    return rd_ok(r);
}

static bool flow_parse_v6(const uint8_t *p, size_t len, struct flow *f)
{
    if (len < IP6_HDR_LEN)
        return false;

    size_t payload = be16_get(p + IP6_LEN);
    uint8_t proto = p[IP6_NEXT];

    if (payload > len - IP6_HDR_LEN)
        return false;
    struct rd r = rd_from(p + IP6_HDR_LEN, payload);
    for (unsigned n = 0; is_ext_header(proto); n++) {
        /* What follows the fragment header of a later fragment is no header: the protocol stands
         * behind the options, in the first fragment only. */
        if (n == MAX_EXT_HEADERS || f->later_fragment || (n > 0 && proto == PROTO_HOPOPTS) ||
            !ext_header_parse(&r, &proto, f))
            return false;
    }
    f->key.family = IP_V6;
    f->key.proto = proto;
    memcpy(f->key.src, p + IP6_SRC, 16);
    memcpy(f->key.dst, p + IP6_DST, 16);
    f->l4_off = f->ip_hdr_len = (uint16_t)(r.at - p);
    return flow_finish(f, r.at, rd_left(&r));
}

bool flow_parse(const uint8_t *p, size_t len, struct flow *ret)
{
    struct flow f = { 0 };

    if (len == 0)
        return false;
    bool ok = ip_version(p) == 4   ? flow_parse_v4(p, len, &f)
              : ip_version(p) == 6 ? flow_parse_v6(p, len, &f)
                                   : false;
    if (ok)
        *ret = f;
    return ok;
}
