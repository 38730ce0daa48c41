#include "reassembly.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { UNITS = 65536 / 8, BITS = 64 };

struct frag_key {
    uint8_t src[16], dst[16];
    uint32_t id;
    uint8_t proto, version;
};

/* A datagram under way. Its buffer holds the payload from DATA on; the first fragment's headers are
 * kept aside until the whole length is known. */
struct datagram {
    struct frag_key key;
    struct pkt *pkt; /* NULL: discarded, remembered so that its other fragments go too */
    uint64_t born_ms;
    unsigned n_fragments; /* held */
    uint32_t have;        /* payload bytes */
    uint32_t end;         /* payload bytes in all, 0 while unknown */
    uint32_t top;         /* end of the furthest piece */
    uint32_t hdr_len;     /* 0 while the first fragment is missing */
    uint8_t hdr[PKT_HEADROOM];
    uint64_t seen[UNITS / BITS]; /* one bit for 8 bytes */
};

struct reassembly {
    struct pkt_pool *pool; /* borrowed */
    unsigned n;            /* datagrams in use: the first n, unordered */
    struct datagram datagrams[REASSEMBLY_MAX];
};

struct reassembly *reassembly_new(struct pkt_pool *pool)
{
    struct reassembly *r = xcalloc(1, sizeof(*r));

    r->pool = pool;
    return r;
}

void reassembly_free(struct reassembly *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->n; i++)
        pkt_put(r->pool, r->datagrams[i].pkt);
    free(r);
}

static struct frag_key key_of(const struct pkt *p, const struct ip_parts *parts)
{
    struct frag_key key = { .id = parts->frag_id, .version = parts->version };
    bool v4 = parts->version == 4;
    size_t len = v4 ? 4 : 16;

    memcpy(key.src, p->data + (v4 ? IP4_SRC : IP6_SRC), len);
    memcpy(key.dst, p->data + (v4 ? IP4_DST : IP6_DST), len);
    key.proto = v4 ? parts->proto : 0; /* RFC 8200: addresses and identification alone */
    return key;
}

/* Gives up the fragments held; the entry stays as a tombstone. */
static unsigned discard(struct reassembly *r, struct datagram *d)
{
    unsigned n = d->n_fragments;

    pkt_put(r->pool, d->pkt);
    d->pkt = NULL;
    d->n_fragments = 0;
    return n;
}

static unsigned forget(struct reassembly *r, struct datagram *d)
{
    unsigned n = discard(r, d);

    *d = r->datagrams[--r->n];
    return n;
}

static struct datagram *find(struct reassembly *r, const struct frag_key *key)
{
    for (unsigned i = 0; i < r->n; i++)
        if (memcmp(&r->datagrams[i].key, key, sizeof(*key)) == 0)
            return &r->datagrams[i];
    return NULL;
}

static struct datagram *oldest(struct reassembly *r)
{
    struct datagram *old = r->datagrams;

    for (unsigned i = 1; i < r->n; i++)
        if (r->datagrams[i].born_ms < old->born_ms)
            old = &r->datagrams[i];
    return old;
}

static struct datagram *start(struct reassembly *r, const struct frag_key *key, uint64_t now_ms,
                              unsigned *dropped)
{
    if (r->n == REASSEMBLY_MAX)
        *dropped += forget(r, oldest(r));
    struct pkt *pkt = pkt_get(r->pool, PKT_LARGE_BYTES);
    if (!pkt)
        return NULL;
    struct datagram *d = &r->datagrams[r->n++];
    memset(d, 0, sizeof(*d));
    d->key = *key;
    d->pkt = pkt;
    d->born_ms = now_ms;
    return d;
}

/* Marks the 8-byte units of [OFF, OFF + LEN); false when one was there before. */
static bool mark(struct datagram *d, uint32_t off, uint32_t len)
{
    for (uint32_t unit = off / 8; unit < (off + len + 7) / 8; unit++) {
        uint64_t bit = (uint64_t)1 << unit % BITS;

        if (d->seen[unit / BITS] & bit)
            return false;
        d->seen[unit / BITS] |= bit;
    }
    return true;
}

/* Where the fragmented part starts, and what precedes it without an IPv6 fragment header. */
static uint32_t payload_at(const struct ip_parts *parts)
{
    return parts->version == 4 ? parts->l4 : parts->frag + IP6_FRAG_HDR_LEN;
}

static uint32_t kept_hdr_len(const struct ip_parts *parts)
{
    return parts->version == 4 ? parts->l4 : parts->frag;
}

static bool fits(const struct datagram *d, const struct ip_parts *parts, uint32_t len)
{
    uint32_t off = parts->frag_off, end = off + len;

    if (len == 0 || (parts->more_fragments && len % 8) || end + kept_hdr_len(parts) > 65535)
        return false;
    if (d->end && (end > d->end || !parts->more_fragments))
        return false; /* behind the end, or a second end */
    if (!parts->more_fragments && end < d->top)
        return false;
    return d->n_fragments < REASSEMBLY_FRAGMENTS && kept_hdr_len(parts) <= sizeof(d->hdr);
}

static void keep_hdr(struct datagram *d, const struct pkt *p, const struct ip_parts *parts)
{
    d->hdr_len = kept_hdr_len(parts);
    memcpy(d->hdr, p->data, d->hdr_len);
    if (parts->version == 6)
        d->hdr[parts->frag_next] = p->data[parts->frag];
    else
        be16_put(d->hdr + IP4_FRAG, 0);
}

static bool add(struct datagram *d, const struct pkt *p, const struct ip_parts *parts)
{
    uint32_t at = payload_at(parts), len = parts->total - at;

    if (!fits(d, parts, len) || !mark(d, parts->frag_off, len))
        return false;
    memcpy(d->pkt->data + parts->frag_off, p->data + at, len);
    d->have += len;
    d->n_fragments++;
    if (parts->frag_off + len > d->top)
        d->top = parts->frag_off + len;
    if (!parts->more_fragments)
        d->end = parts->frag_off + len;
    if (parts->frag_off == 0)
        keep_hdr(d, p, parts);
    return true;
}

static struct pkt *finish(struct reassembly *r, struct datagram *d)
{
    struct pkt *whole = d->pkt;

    if (d->hdr_len + d->end > 65535)
        return NULL;
    whole->data -= d->hdr_len;
    whole->len = d->hdr_len + d->end;
    memcpy(whole->data, d->hdr, d->hdr_len);
    ip_len_set(whole->data, whole->len);
    d->pkt = NULL;
    d->n_fragments = 0;
    forget(r, d);
    return whole;
}

struct pkt *reassembly_take(struct reassembly *r, struct pkt *p, const struct ip_parts *parts,
                            uint64_t now_ms, unsigned *ret_dropped)
{
    struct frag_key key = key_of(p, parts);
    struct datagram *d = find(r, &key);
    struct pkt *whole = NULL;

    *ret_dropped = 0;
    if (d && now_ms - d->born_ms >= REASSEMBLY_MS) {
        *ret_dropped += forget(r, d);
        d = NULL;
    }
    if (!d)
        d = start(r, &key, now_ms, ret_dropped);
    if (!d || !d->pkt)
        *ret_dropped += 1;
    else if (!add(d, p, parts))
        *ret_dropped += discard(r, d) + 1;
    else if (d->end && d->have == d->end && d->hdr_len && !(whole = finish(r, d)))
        *ret_dropped += discard(r, d);
    pkt_put(r->pool, p);
    return whole;
}

unsigned reassembly_tick(struct reassembly *r, uint64_t now_ms)
{
    unsigned dropped = 0;

    for (unsigned i = 0; i < r->n;)
        if (now_ms - r->datagrams[i].born_ms >= REASSEMBLY_MS)
            dropped += forget(r, &r->datagrams[i]);
        else
            i++;
    return dropped;
}
