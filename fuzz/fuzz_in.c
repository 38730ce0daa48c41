/* Protected packets from anybody: ESP and AH headers, ICVs, what is inside them.
 *
 * Input: packets one after the other, each with a byte of flags and two bytes of length before it.
 * Keys would keep the fuzzer out, so the SAs encrypt with null and sign with HMAC-MD5 under a known
 * key, and packets with F_SIGN get their SPI and ICVs put right before they go in. Whatever comes
 * out has to be a datagram of the policy, whole and within its length. */
#include "ah.h"
#include "esp.h"
#include "fuzz.h"
#include "testgate.h"
#include "text.h"

#include <assert.h>
#include <sanitizer/asan_interface.h> /* empty macros without the sanitizer */
#include <stdlib.h>
#include <string.h>

enum { F_SIGN = 1, F_TRANSPORT = 2, F_V6 = 4, F_NEW_BATCH = 8, F_AH_LEN = 16 };
enum { PACKETS_MAX = 32, PACKET_MAX = 1500, SPI = 0x1000, SPI_UDP = 0x2000 };

struct fuzz {
    struct gate *g;
    struct bulk *bulk;
    struct sa *sign_esp, *sign_ah; /* by hand: only what signing takes */
};

static const char key_hex[] = "000102030405060708090a0b0c0d0e0f";

static struct ip_addr end_of(bool v6, bool dst)
{
    return addr_text(v6 ? (dst ? "fd00::2" : "fd00::1") : (dst ? "192.0.2.2" : "192.0.2.1"));
}

/* SPI, by transport mode, and of ESP in UDP: all SAs share the requirement 1. */
static void sas_add(struct gate *g)
{
    for (unsigned i = 0; i < 10; i++) {
        bool v6 = i & 1, transport = i & 2, ah = i & 4, udp = i >= 8;
        struct gate_sa sa = { .proto = ah ? SA_AH : SA_ESP,
                              .tunnel = !transport,
                              .cipher = ah ? CIPHER_NONE : CIPHER_NULL,
                              .auth = AUTH_MD5,
                              .spi = udp ? SPI_UDP : SPI + transport,
                              .udp_encap = udp,
                              .src = end_of(v6, false),
                              .dst = end_of(v6, true),
                              .reqid = 1,
                              .slot = 1,
                              .auth_key = key_hex };
        gate_sa_add(g, &sa, true);
    }
}

static void policies_set(struct gate *g)
{
    struct policy p[6];

    for (unsigned i = 0; i < 6; i++) {
        bool v6 = i & 1;
        p[i] = (struct policy){ .slot = i,
                                .action = SPD_ENCRYPT,
                                .level = LEVEL_USE,
                                .protocols = PROTO_BIT_ESP | PROTO_BIT_AH,
                                .tunnel = i < 2,
                                .reqid = 1 };
        p[i].sel.src = prefix_text(v6 ? "fd00::2/128" : "192.0.2.2/32");
        p[i].sel.dst = prefix_text(v6 ? "fd00::1/128" : "192.0.2.1/32");
        if (i < 4)
            p[i].sel.proto = i < 2 ? PROTO_UDP : PROTO_TCP;
        if (i < 2)
            p[i].sel.sport = 7; /* ports: later fragments need a verdict */
    }
    for (unsigned i = 4; i < 6; i++) {
        p[i].tunnel = true;
        p[i].sel.src = p[i].sel.dst = prefix_text(i & 1 ? "::/0" : "0.0.0.0/0");
    }
    gate_policies(g, p, 6);
}

static struct sa *sign_sa(struct bulk *bulk)
{
    struct sa *sa = aligned_alloc(64, (sizeof(*sa) + 63) / 64 * 64);
    uint8_t key[16];

    memset(sa, 0, sizeof(*sa));
    sa->block_len = 1;
    sa->icv_len = 12;
    hex_bytes(key_hex, key, sizeof(key));
    if (!bulk_key_init(bulk, &sa->key, true, CIPHER_NULL, NULL, 0, AUTH_MD5, key, sizeof(key)))
        abort();
    return sa;
}

static struct fuzz *fuzz_get(void)
{
    static struct fuzz f;

    if (!f.g) {
        f.g = gate_new(BULK_OPENSSL, 1);
        f.bulk = bulk_new(BULK_OPENSSL);
        f.sign_esp = sign_sa(f.bulk);
        sas_add(f.g);
        policies_set(f.g);
    }
    return &f;
}

static void sign_esp(struct fuzz *f, uint8_t *esp, size_t len, uint32_t spi)
{
    if (len < 8 + 2 + 12)
        return;
    be32_put(esp, spi);
    struct bulk_job job = { .key = &f->sign_esp->key,
                            .buf = esp,
                            .auth_len = (uint32_t)(len - 12),
                            .iv = esp,
                            .icv = esp + len - 12 };
    bulk_seal(f->bulk, &job, 1);
}

/* The ESP or AH header at AT, and what AH carries before AH itself. */
static void sign(struct fuzz *f, uint8_t *p, size_t len, size_t at, uint8_t proto, uint8_t flags,
                 unsigned depth)
{
    uint32_t spi = SPI + (flags & F_TRANSPORT ? 1 : 0);
    struct ah_saved saved;
    struct bulk_job job;
    uint8_t icv[AH_ICV_MAX];

    if (proto == PROTO_ESP)
        sign_esp(f, p + at, len - at, spi);
    if (proto == PROTO_UDP && depth == 0 && len - at > 8) {
        be16_put(p + at + 4, (uint16_t)(len - at));
        sign_esp(f, p + at + 8, len - at - 8, SPI_UDP);
    }
    if (proto != PROTO_AH || len - at < 24 || depth > 6)
        return;
    uint8_t len_field = p[at + 1];
    uint32_t seq = be32_get(p + at + 8);
    sign(f, p, len, at + 24, p[at], flags, depth + 1);
    be32_put((uint8_t *)&f->sign_esp->spi_be, spi);
    if (!ah_seal_begin(f->sign_esp, p, len, at, p[at], seq, icv, &saved, &job))
        return;
    bulk_seal(f->bulk, &job, 1);
    ah_seal_end(p, at, icv, &saved);
    if (flags & F_AH_LEN)
        p[at + 1] = len_field;
}

static void put_addresses(struct pkt *p, const struct ip_parts *parts, uint8_t flags)
{
    bool v6 = parts->version == 6;
    struct ip_addr src = end_of(v6, false), dst = end_of(v6, true);
    size_t n = v6 ? 16 : 4, at = v6 ? 8 : 12;

    (void)flags;
    memcpy(p->data + at, src.b, n);
    memcpy(p->data + at + n, dst.b, n);
}

static struct pkt *packet_make(struct fuzz *f, const uint8_t *bytes, size_t len, uint8_t flags)
{
    struct pkt *p = pkt_get(ipsec_worker_pool(f->g->w), len);
    struct ip_parts parts;

    memcpy(p->data, bytes, len);
    p->len = (uint32_t)len;
    if (flags & F_SIGN && ip_parts_parse(p->data, len, &parts)) {
        put_addresses(p, &parts, flags);
        sign(f, p->data, parts.total, parts.l4, parts.proto, flags, 0);
    }
    return p;
}

/* While the engine has it, the buffer ends with the packet: nothing behind it may be looked at. */
static void tail_close(struct pkt *p)
{
    uint32_t used = PKT_HEADROOM + p->len;

    ASAN_POISON_MEMORY_REGION(p->buf + used, p->room_bytes - used);
    p->room_bytes = used;
}

static void tail_open(struct pkt *p)
{
    p->room_bytes = PKT_HEADROOM + PKT_SMALL_BYTES + PKT_TAILROOM;
    ASAN_UNPOISON_MEMORY_REGION(p->buf, p->room_bytes);
}

static void check_out(const struct gate *g)
{
    for (unsigned i = 0; i < g->n_inject; i++) {
        const struct blob *b = &g->inject[i];
        struct flow flow;

        if (!flow_parse(b->p, b->len, &flow) || flow_parse(b->p, b->len - 1, &flow))
            abort(); /* malformed, or longer than it says */
    }
}

static void run_batch(struct fuzz *f, struct pkt **pkts, unsigned n)
{
    struct pkt *mine[PACKETS_MAX]; /* they are back in the pool afterwards */
    uint64_t before = gate_all_drops(f->g);

    for (unsigned i = 0; i < n; i++)
        tail_close(mine[i] = pkts[i]);
    ipsec_in(f->g->w, pkts, n, f->g->now_ms);
    for (unsigned i = 0; i < n; i++)
        tail_open(mine[i]);
    uint64_t dropped = gate_all_drops(f->g) - before;
    if (dropped + f->g->n_inject > n || (dropped == n) != (f->g->n_inject == 0))
        abort(); /* every packet comes in, is merged, or is counted */
    check_out(f->g);
    gate_clear(f->g);
    f->g->now_ms += 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz *f = fuzz_get();
    struct pkt *pkts[PACKETS_MAX];
    unsigned n = 0;

    while (len >= 3 && n < PACKETS_MAX) {
        uint8_t flags = data[0];
        size_t k = be16_get(data + 1) % (PACKET_MAX + 1);

        data += 3;
        len -= 3;
        if (k > len)
            k = len;
        if (flags & F_NEW_BATCH && n) {
            run_batch(f, pkts, n);
            n = 0;
        }
        pkts[n++] = packet_make(f, data, k, flags);
        data += k;
        len -= k;
    }
    if (n)
        run_batch(f, pkts, n);
    return 0;
}
