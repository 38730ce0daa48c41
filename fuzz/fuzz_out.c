/* Captured packets from any host behind us: headers, fragments, offload facts of superpackets.
 *
 * Input: packets one after the other, each with ten bytes before it: flags, segment size, checksum
 * start and offset, length. Whatever leaves has to be ESP or AH between the gateways, whole, within
 * the path MTU, and open again at the other end. */
#include "engine_priv.h"
#include "fuzz.h"
#include "ip_parts.h"
#include "testgate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { F_GSO = 3, F_CSUM = 4, F_NEW_BATCH = 8, F_TICK = 16, F_ENDS = 32, F_V6 = 64 };
enum { PACKETS_MAX = 16, HEAD = 10, PATH_MTU = 1300 };

struct fuzz {
    struct gate *g, *peer;
};

static struct ip_addr end_of(bool v6, bool dst)
{
    return addr_text(v6 ? (dst ? "fd00::2" : "fd00::1") : (dst ? "192.0.2.2" : "192.0.2.1"));
}

/* Policy I: 0, 1 transport between the gateways; 2, 3 tunnel with a port; 4, 5 tunnel for all. */
static struct policy policy_make(unsigned i)
{
    bool v6 = i & 1;
    struct policy p = { .slot = i,
                        .action = SPD_ENCRYPT,
                        .level = LEVEL_REQUIRE,
                        .df = (uint8_t)(i / 2),
                        .protocols = i < 2   ? 3
                                     : i < 4 ? PROTO_BIT_AH
                                             : PROTO_BIT_ESP,
                        .tunnel = i >= 2,
                        .local = end_of(v6, false),
                        .remote = end_of(v6, true),
                        .reqid = i + 1 };

    p.sel.src = p.sel.dst = prefix_text(v6 ? "::/0" : "0.0.0.0/0");
    if (i < 2) {
        p.sel.src = prefix_text(v6 ? "fd00::1/128" : "192.0.2.1/32");
        p.sel.dst = prefix_text(v6 ? "fd00::2/128" : "192.0.2.2/32");
    }
    if (i / 2 == 1) {
        p.sel.proto = PROTO_UDP;
        p.sel.dport = 7;
    }
    return p;
}

static struct policy mirrored(struct policy p)
{
    struct selector sel = p.sel;
    struct ip_addr local = p.local;

    p.sel.src = sel.dst;
    p.sel.dst = sel.src;
    p.sel.sport = sel.dport;
    p.sel.dport = sel.sport;
    p.local = p.remote;
    p.remote = local;
    return p;
}

static void sas_add(struct fuzz *f, const struct policy *p)
{
    struct sa *out[2] = { 0 };

    for (unsigned ah = 0; ah < 2; ah++) {
        struct gate_sa sa = { .proto = ah ? SA_AH : SA_ESP,
                              .tunnel = p->tunnel,
                              .cipher = ah ? CIPHER_NONE : CIPHER_AES_128,
                              .auth = AUTH_MD5,
                              .spi = 0x1000 + p->slot * 2 + ah,
                              .src = p->local,
                              .dst = p->remote,
                              .reqid = p->reqid,
                              .slot = p->slot,
                              .path_mtu = PATH_MTU };
        if (!(p->protocols & (ah ? PROTO_BIT_AH : PROTO_BIT_ESP)))
            continue;
        out[ah] = gate_sa_add(f->g, &sa, false);
        gate_sa_add(f->peer, &sa, true);
    }
    ipsec_slot_set(f->g->e, p->slot, out[0], out[1]);
}

static struct fuzz *fuzz_get(void)
{
    static struct fuzz f;
    struct policy p[6], back[6];

    if (!f.g) {
        f.g = gate_new(BULK_OPENSSL, 1);
        f.peer = gate_new(BULK_OPENSSL, 2);
        for (unsigned i = 0; i < 6; i++) {
            p[i] = policy_make(i);
            back[i] = mirrored(p[i]);
            sas_add(&f, &p[i]);
        }
        gate_policies(f.g, p, 6);
        gate_policies(f.peer, back, 6);
    }
    return &f;
}

static void check_wire(const struct gate *g)
{
    for (unsigned i = 0; i < g->n_wire; i++) {
        const struct blob *b = &g->wire[i];
        struct ip_parts parts;

        if (!ip_parts_parse(b->p, b->len, &parts) || parts.total != b->len || b->len > PATH_MTU)
            abort();
        if (!parts.later_fragment && parts.proto != PROTO_ESP && parts.proto != PROTO_AH)
            abort(); /* clear text */
    }
}

static void run_batch(struct fuzz *f, const struct blob *blobs, unsigned n)
{
    gate_out(f->g, blobs, n);
    check_wire(f->g);
    gate_carry(f->g, f->peer);
    /* what we protected opens; only checks of what is inside may refuse it */
    if (gate_drops(f->peer, DROP_IN_ICV) || gate_drops(f->peer, DROP_IN_PADDING) ||
        gate_drops(f->peer, DROP_IN_REPLAY))
        abort();
    gate_clear(f->g);
    gate_clear(f->peer);
    f->g->now_ms += 1000;
    f->peer->now_ms += 1000;
}

static struct blob blob_make(const uint8_t *head, const uint8_t *bytes, size_t len)
{
    struct blob b = blob_copy(bytes, len);
    struct ip_parts parts;

    b.gso = head[0] & F_GSO;
    b.needs_csum = head[0] & F_CSUM;
    b.gso_size = be16_get(head + 2);
    if (b.gso_size && b.gso_size < len / 100)
        b.gso_size = (uint16_t)(len / 100); /* the gate keeps only so many segments */
    b.csum_start = be16_get(head + 4);
    b.csum_offset = be16_get(head + 6);
    if (head[0] & F_ENDS && ip_parts_parse(b.p, len, &parts)) {
        bool v6 = parts.version == 6;
        struct ip_addr src = end_of(v6, false), dst = end_of(v6, true);
        memcpy(b.p + (v6 ? 8 : 12), src.b, v6 ? 16 : 4);
        memcpy(b.p + (v6 ? 24 : 16), dst.b, v6 ? 16 : 4);
    }
    if (len >= 20 && b.p[0] >> 4 == 4 && (b.p[0] & 15u) * 4 <= len && (b.p[0] & 15u) >= 5)
        ip4_csum_set(b.p);
    return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz *f = fuzz_get();
    struct blob blobs[PACKETS_MAX];
    unsigned n = 0, total = 0;

    while (len >= HEAD && total < 4 * PACKETS_MAX) {
        const uint8_t *head = data;
        size_t k = be16_get(data + 8);

        data += HEAD;
        len -= HEAD;
        if (k > len)
            k = len;
        if (n == PACKETS_MAX || (head[0] & F_NEW_BATCH && n)) {
            run_batch(f, blobs, n);
            while (n > 0)
                blob_free(&blobs[--n]);
        }
        if (head[0] & F_TICK)
            ipsec_worker_tick(f->g->w, f->g->now_ms += 20000);
        blobs[n++] = blob_make(head, data, k);
        total++;
        data += k;
        len -= k;
    }
    if (n)
        run_batch(f, blobs, n);
    while (n > 0)
        blob_free(&blobs[--n]);
    return 0;
}
