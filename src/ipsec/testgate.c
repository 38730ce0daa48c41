#include "testgate.h"

#include "ip.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-memb.h>

enum { GATE_KERNEL_FRAGMENTS = 256 };

static unsigned n_gates;

/* ---- the gate ---- */

static void keep(struct gate *g, struct blob *list, unsigned *n, const struct pkt *p)
{
    if (g->discard)
        return;
    assert(*n < GATE_KEEP_MAX);
    struct blob b = blob_copy(p->data, p->len);
    b.gso = p->gso;
    b.gso_size = p->gso_size;
    b.csum_start = p->csum_start;
    b.csum_offset = p->csum_offset;
    b.needs_csum = p->needs_csum;
    b.csum_ok = p->csum_ok;
    b.ifindex = p->ifindex;
    list[(*n)++] = b;
}

static unsigned take(struct gate *g, struct blob *list, unsigned *n_list, struct pkt **pkts,
                     unsigned n)
{
    unsigned refused = g->refuse < n ? g->refuse : n;

    g->refuse = 0;
    for (unsigned i = 0; i < n; i++) {
        if (i < n - refused)
            keep(g, list, n_list, pkts[i]);
        pkt_put(ipsec_worker_pool(g->w), pkts[i]);
    }
    return n - refused;
}

static unsigned on_wire(void *ctx, struct pkt **pkts, unsigned n)
{
    struct gate *g = ctx;

    return take(g, g->wire, &g->n_wire, pkts, n);
}

static unsigned on_inject(void *ctx, struct pkt **pkts, unsigned n)
{
    struct gate *g = ctx;

    return take(g, g->inject, &g->n_inject, pkts, n);
}

static void on_icmp(void *ctx, const struct ip_addr *dst, const uint8_t *msg, size_t len)
{
    struct gate *g = ctx;

    if (g->n_icmp == GATE_ICMP_MAX)
        return;
    struct gate_icmp *m = &g->icmp[g->n_icmp++];
    assert(len <= sizeof(m->msg));
    m->to = *dst;
    m->len = len;
    memcpy(m->msg, msg, len);
}

static void on_wake(void *ctx)
{
    ((struct gate *)ctx)->n_wakes++;
}

static void on_nudge(void *ctx)
{
    ((struct gate *)ctx)->n_nudges++;
}

struct gate *gate_new(enum bulk_backend backend, uint64_t seed)
{
    struct gate *g = xcalloc(1, sizeof(*g));
    struct ipsec_sink sink = { .ctx = g,
                               .wire = on_wire,
                               .inject = on_inject,
                               .icmp = on_icmp,
                               .wake = on_wake,
                               .nudge = on_nudge };

    if (n_gates++ == 0)
        urcu_memb_register_thread();
    g->rng = rng_new_fixed(seed);
    g->now_ms = 1000000;
    g->e = ipsec_new(1, backend);
    if (!g->e) {
        gate_free(g);
        return NULL;
    }
    g->w = ipsec_worker_new(g->e, 0, g->rng, &sink);
    return g;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    gate_clear(g);
    ipsec_worker_free(g->w);
    if (g->e)
        ipsec_free(g->e);
    rng_free(g->rng);
    free(g);
    if (--n_gates == 0)
        urcu_memb_unregister_thread();
}

static void blobs_clear(struct blob *list, unsigned *n)
{
    while (*n > 0)
        blob_free(&list[--*n]);
}

void gate_clear(struct gate *g)
{
    blobs_clear(g->wire, &g->n_wire);
    blobs_clear(g->inject, &g->n_inject);
    g->n_icmp = 0;
    g->n_wakes = g->n_nudges = 0;
}

void gate_policies(struct gate *g, const struct policy *policies, size_t n)
{
    struct spd *spd = NULL;
    enum spd_compile_result r = spd_compile(policies, n, &spd);

    if (r != SPD_OK)
        abort();
    ipsec_spd_set(g->e, spd);
}

uint64_t gate_drops(const struct gate *g, enum ipsec_drop reason)
{
    uint64_t drops[DROP_COUNT];

    ipsec_drops(g->e, drops);
    return drops[reason];
}

uint64_t gate_all_drops(const struct gate *g)
{
    uint64_t drops[DROP_COUNT], sum = 0;

    ipsec_drops(g->e, drops);
    for (unsigned i = 0; i < DROP_COUNT; i++)
        sum += drops[i];
    return sum;
}

static struct secret key_make(const char *hex, size_t len, uint32_t spi, uint8_t salt)
{
    struct secret s = { .len = (uint8_t)len };

    if (hex) {
        s.len = (uint8_t)hex_bytes(hex, s.b, sizeof(s.b));
        return s;
    }
    for (size_t i = 0; i < len; i++)
        s.b[i] = (uint8_t)(spi * 31 + salt + i * 37 + 1);
    return s;
}

struct sa *gate_sa_add(struct gate *g, const struct gate_sa *sa, bool inbound)
{
    struct sa_config c = {
        .proto = sa->proto,
        .inbound = inbound,
        .tunnel = sa->tunnel,
        .spi = sa->spi,
        .src = sa->src,
        .dst = sa->dst,
        .cipher = sa->cipher,
        .auth = sa->auth,
        .enc_key = key_make(sa->enc_key, cipher_info[sa->cipher].key_len, sa->spi, 1),
        .auth_key = key_make(sa->auth_key, auth_info[sa->auth].key_len, sa->spi, 101),
        .reqid = sa->reqid,
        .slot = sa->slot,
        .replay_window = inbound ? sa->replay_window : 0,
        .life = sa->life,
        .path_mtu = sa->path_mtu,
        .udp_encap = sa->udp_encap,
        .local_port = sa->local_port,
        .remote_port = sa->remote_port,
    };
    struct sa *ret = NULL;
    enum ipsec_sa_result r = ipsec_sa_add(g->e, &c, 1000, g->now_ms, &ret);

    if (r != SA_ADDED) {
        fprintf(stderr, "gate_sa_add: result %d\n", (int)r);
        abort();
    }
    return ret;
}

static struct pkt *pkt_from(struct gate *g, const struct blob *b)
{
    struct pkt *p = pkt_get(ipsec_worker_pool(g->w), b->len);

    if (!p)
        abort();
    if (b->len)
        memcpy(p->data, b->p, b->len);
    p->len = (uint32_t)b->len;
    p->gso = b->gso;
    p->gso_size = b->gso_size;
    p->needs_csum = b->needs_csum;
    p->csum_start = b->csum_start;
    p->csum_offset = b->csum_offset;
    p->ifindex = b->ifindex;
    return p;
}

typedef void (*gate_run)(struct ipsec_worker *w, struct pkt **pkts, unsigned n, uint64_t now_ms);

static void run(struct gate *g, gate_run fn, const struct blob *blobs, unsigned n)
{
    struct pkt *pkts[PKT_BATCH];

    for (unsigned at = 0; at < n; at += PKT_BATCH) {
        unsigned k = n - at < PKT_BATCH ? n - at : PKT_BATCH;
        for (unsigned i = 0; i < k; i++)
            pkts[i] = pkt_from(g, &blobs[at + i]);
        fn(g->w, pkts, k, g->now_ms);
    }
}

void gate_out(struct gate *g, const struct blob *blobs, unsigned n)
{
    run(g, ipsec_out, blobs, n);
}

void gate_in(struct gate *g, const struct blob *blobs, unsigned n)
{
    run(g, ipsec_in, blobs, n);
}

void gate_out_bytes(struct gate *g, const uint8_t *p, size_t len)
{
    struct blob b = { .p = (uint8_t *)p, .len = len };

    gate_out(g, &b, 1);
}

void gate_in_bytes(struct gate *g, const uint8_t *p, size_t len)
{
    struct blob b = { .p = (uint8_t *)p, .len = len };

    gate_in(g, &b, 1);
}

/* ---- a kernel's reassembly, for outer fragments in order ---- */

struct piece {
    bool is_fragment, more;
    unsigned off, hdr_len, payload_at;
    size_t next_at; /* IPv6: byte that names the fragment header */
};

static struct piece piece_of(const struct blob *b)
{
    struct piece f = { 0 };
    const uint8_t *p = b->p;

    if (p[0] >> 4 == 4) {
        unsigned v = (unsigned)(p[6] << 8 | p[7]);
        f.off = (v & 0x1fff) * 8;
        f.more = v & 0x2000;
        f.is_fragment = f.off || f.more;
        f.hdr_len = f.payload_at = (p[0] & 15u) * 4;
        return f;
    }
    unsigned at = 40, next = p[6];
    f.next_at = 6;
    while (next == 0 || next == 43 || next == 60) {
        f.next_at = at;
        next = p[at];
        at += (p[at + 1] + 1u) * 8;
    }
    if (next == 44) {
        unsigned v = (unsigned)(p[at + 2] << 8 | p[at + 3]);
        f.off = v & 0xfff8;
        f.more = v & 1;
        f.is_fragment = true;
        f.hdr_len = at;
        f.payload_at = at + 8;
    }
    return f;
}

static void ip_fix(uint8_t *p, size_t len)
{
    if (p[0] >> 4 == 4) {
        p[2] = (uint8_t)(len >> 8);
        p[3] = (uint8_t)len;
        p[10] = p[11] = 0;
        uint16_t sum = naive_csum(0, p, (p[0] & 15u) * 4);
        p[10] = (uint8_t)(sum >> 8);
        p[11] = (uint8_t)sum;
    } else {
        p[4] = (uint8_t)((len - 40) >> 8);
        p[5] = (uint8_t)(len - 40);
    }
}

/* The fragments from FIRST on, which follow each other; gives how many they were. */
static unsigned join(const struct blob *blobs, unsigned n, struct blob *ret)
{
    struct piece f = piece_of(&blobs[0]);
    struct blob whole = { .p = xmalloc(70000), .len = f.hdr_len, .ifindex = blobs[0].ifindex };
    unsigned used = 0;

    memcpy(whole.p, blobs[0].p, f.hdr_len);
    if (whole.p[0] >> 4 == 4)
        whole.p[6] = whole.p[7] = 0;
    else
        whole.p[f.next_at] = blobs[0].p[f.hdr_len];
    for (bool more = true; more; used++) {
        assert(used < n);
        f = piece_of(&blobs[used]);
        assert(f.is_fragment && f.off == whole.len - f.hdr_len);
        memcpy(whole.p + whole.len, blobs[used].p + f.payload_at, blobs[used].len - f.payload_at);
        whole.len += blobs[used].len - f.payload_at;
        more = f.more;
    }
    ip_fix(whole.p, whole.len);
    *ret = whole;
    return used;
}

void gate_carry(struct gate *from, struct gate *to)
{
    struct blob *list = xcalloc(from->n_wire + 1, sizeof(*list));
    unsigned n = 0;

    for (unsigned i = 0; i < from->n_wire;) {
        if (piece_of(&from->wire[i]).is_fragment) {
            i += join(&from->wire[i], from->n_wire - i, &list[n++]);
        } else {
            list[n++] = blob_copy(from->wire[i].p, from->wire[i].len);
            i++;
        }
    }
    blobs_clear(from->wire, &from->n_wire);
    gate_in(to, list, n);
    blobs_clear(list, &n);
    free(list);
}

/* ---- datagrams ---- */

uint16_t naive_csum(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

/* Sum of the pseudo-header, folded, not complemented. */
static uint32_t naive_pseudo(const uint8_t *p, uint8_t proto, size_t l4_len)
{
    uint8_t tail[4] = { 0, proto, (uint8_t)(l4_len >> 8), (uint8_t)l4_len };
    uint32_t sum = (uint16_t)~naive_csum(0, tail, 4);

    if (p[0] >> 4 == 4)
        return (uint16_t)~naive_csum(sum, p + 12, 8);
    return (uint16_t)~naive_csum(sum, p + 8, 32);
}

bool datagram_csums_ok(const uint8_t *p, size_t len)
{
    unsigned l4 = 40, proto = p[6];

    if (p[0] >> 4 == 4) {
        l4 = (p[0] & 15u) * 4;
        proto = p[9];
        if (naive_csum(0, p, l4) != 0)
            return false;
    }
    for (; p[0] >> 4 == 6 && (proto == 0 || proto == 43 || proto == 60);) {
        proto = p[l4];
        l4 += (p[l4 + 1] + 1u) * 8;
    }
    size_t l4_len = len - l4;
    if (proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_ICMPV6)
        return naive_csum(naive_pseudo(p, (uint8_t)proto, l4_len), p + l4, l4_len) == 0;
    return proto != PROTO_ICMP || naive_csum(0, p + l4, l4_len) == 0;
}

static size_t l4_hdr_len(const struct datagram *d)
{
    switch (d->proto) {
    case PROTO_TCP:
        return 20 + (size_t)d->n_tcp_opts;
    case PROTO_UDP:
    case PROTO_ICMP:
    case PROTO_ICMPV6:
        return 8;
    default:
        return 0;
    }
}

static size_t ip_make(const struct datagram *d, uint8_t *p, size_t l4_len)
{
    uint8_t ttl = d->ttl ? d->ttl : 64;
    bool v4 = d->src.family == IP_V4;

    if (v4) {
        p[0] = (uint8_t)(0x40 | (5 + d->n_ip_opts / 4));
        p[1] = d->tos;
        be16_put(p + 4, d->ip_id);
        be16_put(p + 6, d->df ? 0x4000 : 0);
        p[8] = ttl;
        p[9] = d->proto;
    } else {
        p[0] = (uint8_t)(0x60 | d->tos >> 4);
        p[1] = (uint8_t)(d->tos << 4);
        p[6] = d->n_ip_opts ? d->ext_proto : d->proto;
        p[7] = ttl;
    }
    size_t hdr = v4 ? 20 : 40, al = v4 ? 4 : 16, at = v4 ? 12 : 8;
    memcpy(p + at, d->src.b, al);
    memcpy(p + at + al, d->dst.b, al);
    memcpy(p + hdr, d->ip_opts, d->n_ip_opts);
    ip_fix(p, hdr + d->n_ip_opts + l4_len);
    return hdr + d->n_ip_opts;
}

/* Gives where the checksum is, 0 for none. */
static size_t l4_make(const struct datagram *d, uint8_t *p, size_t l4_len)
{
    switch (d->proto) {
    case PROTO_TCP:
        be16_put(p, d->sport);
        be16_put(p + 2, d->dport);
        be32_put(p + 4, d->seq);
        be32_put(p + 8, d->ack);
        p[12] = (uint8_t)((5 + d->n_tcp_opts / 4) << 4);
        p[13] = d->tcp_flags ? d->tcp_flags : 0x10;
        be16_put(p + 14, 8000);
        memcpy(p + 20, d->tcp_opts, d->n_tcp_opts);
        return 16;
    case PROTO_UDP:
        be16_put(p, d->sport);
        be16_put(p + 2, d->dport);
        be16_put(p + 4, (uint16_t)l4_len);
        return 6;
    case PROTO_ICMP:
        p[0] = 8;
        return 2;
    case PROTO_ICMPV6:
        p[0] = 128;
        return 2;
    default:
        return 0;
    }
}

static struct blob build(const struct datagram *d, bool partial)
{
    size_t hdr_len = l4_hdr_len(d), l4_len = hdr_len + d->payload_len;
    struct blob b = { .p = xcalloc(1, 70000) };
    size_t l4 = ip_make(d, b.p, l4_len);
    uint8_t *t = b.p + l4;
    size_t sum_at = l4_make(d, t, l4_len);

    for (size_t i = 0; i < d->payload_len; i++)
        t[hdr_len + i] = (uint8_t)(d->fill + i * 7 + i / 256);
    b.len = l4 + l4_len;
    if (sum_at) {
        uint32_t pseudo = d->proto == PROTO_ICMP ? 0 : naive_pseudo(b.p, d->proto, l4_len);
        uint16_t sum = partial ? (uint16_t)pseudo : naive_csum(pseudo, t, l4_len);
        be16_put(t + sum_at, sum == 0 && d->proto == PROTO_UDP ? 0xffff : sum);
    }
    b.needs_csum = partial;
    b.csum_start = (uint16_t)l4;
    b.csum_offset = (uint16_t)sum_at;
    return b;
}

struct blob datagram_make(const struct datagram *d)
{
    return build(d, false);
}

struct blob superpacket_make(const struct datagram *d, uint16_t gso_size)
{
    struct blob b = build(d, true);

    b.gso = d->proto == PROTO_UDP    ? PKT_GSO_UDP
            : d->src.family == IP_V4 ? PKT_GSO_TCP4
                                     : PKT_GSO_TCP6;
    b.gso_size = gso_size;
    return b;
}

void blob_free(struct blob *b)
{
    free(b->p);
    b->p = NULL;
}

struct blob blob_copy(const uint8_t *p, size_t len)
{
    struct blob b = { .p = xmalloc(len + 1), .len = len };

    memcpy(b.p, p, len);
    return b;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t hex_bytes(const char *hex, uint8_t *ret, size_t cap)
{
    size_t n = 0;

    for (; *hex; hex++) {
        int digit = nibble(*hex);

        if (digit < 0)
            continue;
        if (n / 2 >= cap)
            abort();
        ret[n / 2] = (uint8_t)(n & 1 ? ret[n / 2] << 4 | digit : digit);
        n++;
    }
    return n / 2;
}

struct ip_addr addr_text(const char *text)
{
    struct ip_addr a;

    if (!ip_addr_from_text(text, strlen(text), &a))
        abort();
    return a;
}

struct ip_prefix prefix_text(const char *text)
{
    struct ip_prefix p;

    if (!ip_prefix_from_text(text, strlen(text), &p))
        abort();
    ip_prefix_mask(&p);
    return p;
}
