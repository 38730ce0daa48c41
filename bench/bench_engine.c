/* Speed of the whole packet path of one worker, without I/O: ipsec_out and ipsec_in over tunnels
 * between two engines in memory, on OpenSSL and on the automatic choice in the same run, beside the
 * crypto layer alone over the same packets. A sample is 64 datagrams in calls of BATCH; making them
 * (and sealing what is opened, with a replay window) is not timed. Contenders take turns and the
 * fastest sample counts. Gbit/s is of inner datagrams; `share` is crypto alone against the engine.
 */
#include "esp.h"
#include "ip.h"
#include "testgate.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PACKETS = PKT_BATCH, SUPER_BYTES = 65000, STRIDE = 2240 };

#define LOCAL  "192.0.2.1"
#define REMOTE "198.51.100.1"

struct suite {
    const char *name;
    uint8_t protocols;
    enum cipher_alg cipher;
    enum auth_alg auth;
    bool quick;
};

static const struct suite suites[] = {
    { "aes-128 sha1", PROTO_BIT_ESP, CIPHER_AES_128, AUTH_SHA1, true },
    { "aes-192 sha1", PROTO_BIT_ESP, CIPHER_AES_192, AUTH_SHA1, false },
    { "aes-256 sha1", PROTO_BIT_ESP, CIPHER_AES_256, AUTH_SHA1, true },
    { "aes-128 md5", PROTO_BIT_ESP, CIPHER_AES_128, AUTH_MD5, false },
    { "3des sha1", PROTO_BIT_ESP, CIPHER_3DES, AUTH_SHA1, false },
    { "3des md5", PROTO_BIT_ESP, CIPHER_3DES, AUTH_MD5, true },
    { "des md5", PROTO_BIT_ESP, CIPHER_DES, AUTH_MD5, false },
    { "null sha1", PROTO_BIT_ESP, CIPHER_NULL, AUTH_SHA1, false },
    { "ah sha1", PROTO_BIT_AH, CIPHER_NONE, AUTH_SHA1, false },
    { "ah md5", PROTO_BIT_AH, CIPHER_NONE, AUTH_MD5, true },
};

/* Both ends on one back end. */
struct ends {
    struct gate *out, *in;
};

struct cell {
    const struct suite *suite;
    bool seal;
    unsigned bytes, batch;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct policy policy_make(const struct suite *s, bool reversed)
{
    struct policy p = { .slot = 1,
                        .action = SPD_ENCRYPT,
                        .level = LEVEL_REQUIRE,
                        .protocols = s->protocols,
                        .tunnel = true,
                        .local = addr_text(reversed ? REMOTE : LOCAL),
                        .remote = addr_text(reversed ? LOCAL : REMOTE),
                        .reqid = 1 };

    p.sel.src = prefix_text(reversed ? "10.2.0.0/24" : "10.1.0.0/24");
    p.sel.dst = prefix_text(reversed ? "10.1.0.0/24" : "10.2.0.0/24");
    return p;
}

static struct ends ends_new(const struct suite *s, enum bulk_backend backend)
{
    struct ends e = { gate_new(backend, 1), gate_new(backend, 2) };
    struct policy there = policy_make(s, false), back = policy_make(s, true);
    struct gate_sa sa = { .proto = s->protocols == PROTO_BIT_ESP ? SA_ESP : SA_AH,
                          .tunnel = true,
                          .cipher = s->cipher,
                          .auth = s->auth,
                          .spi = 0x1000,
                          .src = addr_text(LOCAL),
                          .dst = addr_text(REMOTE),
                          .reqid = 1,
                          .slot = 1,
                          .replay_window = 64 };

    gate_policies(e.out, &there, 1);
    gate_policies(e.in, &back, 1);
    struct sa *out = gate_sa_add(e.out, &sa, false);
    gate_sa_add(e.in, &sa, true);
    ipsec_slot_set(e.out->e, 1, sa.proto == SA_ESP ? out : NULL, sa.proto == SA_AH ? out : NULL);
    e.in->discard = true;
    return e;
}

static void ends_free(struct ends *e)
{
    gate_free(e->out);
    gate_free(e->in);
}

static struct datagram datagram_of(uint8_t proto, size_t payload)
{
    return (struct datagram){ .src = addr_text("10.1.0.5"),
                              .dst = addr_text("10.2.0.7"),
                              .proto = proto,
                              .sport = 1111,
                              .dport = 2222,
                              .df = true,
                              .payload_len = payload };
}

static void packets_make(struct gate *g, const struct blob *b, struct pkt **ret, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        ret[i] = pkt_get(ipsec_worker_pool(g->w), b->len);
        memcpy(ret[i]->data, b->p, b->len);
        ret[i]->len = (uint32_t)b->len;
        ret[i]->gso = b->gso;
        ret[i]->gso_size = b->gso_size;
        ret[i]->needs_csum = b->needs_csum;
        ret[i]->csum_start = b->csum_start;
        ret[i]->csum_offset = b->csum_offset;
    }
}

static uint64_t timed_out(struct gate *g, struct pkt **pkts, unsigned n, unsigned batch)
{
    uint64_t start = now_ns();

    for (unsigned at = 0; at < n; at += batch)
        ipsec_out(g->w, pkts + at, batch, g->now_ms);
    return now_ns() - start;
}

static uint64_t timed_in(struct gate *g, struct pkt **pkts, unsigned n, unsigned batch)
{
    uint64_t start = now_ns();

    for (unsigned at = 0; at < n; at += batch)
        ipsec_in(g->w, pkts + at, batch, g->now_ms);
    return now_ns() - start;
}

static void check_clean(const struct gate *g)
{
    if (gate_all_drops(g) == 0)
        return;
    fprintf(stderr, "packets were dropped\n");
    exit(1);
}

static uint64_t sample_seal(struct ends *e, const struct blob *b, unsigned batch)
{
    struct pkt *pkts[PACKETS];

    e->out->discard = true;
    packets_make(e->out, b, pkts, PACKETS);
    return timed_out(e->out, pkts, PACKETS, batch);
}

static uint64_t sample_open(struct ends *e, const struct blob *b, unsigned batch)
{
    struct pkt *pkts[PACKETS];

    e->out->discard = false;
    packets_make(e->out, b, pkts, PACKETS);
    ipsec_out(e->out->w, pkts, PACKETS, e->out->now_ms);
    for (unsigned i = 0; i < PACKETS; i++)
        packets_make(e->in, &e->out->wire[i], pkts + i, 1);
    gate_clear(e->out);
    return timed_in(e->in, pkts, PACKETS, batch);
}

/* ---- the crypto layer alone ---- */

struct alone {
    struct bulk *bulk;
    struct bulk_key seal, open;
    uint8_t *buf, *sealed;
    struct bulk_job jobs[PACKETS];
    uint8_t icv[PACKETS][16];
};

static void alone_up(struct alone *a, const struct cell *c)
{
    const struct cipher_info *ci = &cipher_info[c->suite->cipher];
    const struct auth_info *ai = &auth_info[c->suite->auth];
    bool esp = c->suite->protocols == PROTO_BIT_ESP;
    struct sa shape = { .block_len = ci->block_len };
    uint32_t head = esp ? ESP_HDR_LEN + ci->iv_len : 0;
    uint32_t body = (uint32_t)(esp ? esp_enc_len(&shape, c->bytes) : c->bytes + 20 + 24);
    uint8_t key[64];

    for (unsigned i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(i * 29 + 3);
    a->bulk = bulk_new(BULK_AUTO);
    a->buf = xcalloc(PACKETS, STRIDE);
    a->sealed = xcalloc(PACKETS, STRIDE);
    bulk_key_init(a->bulk, &a->seal, true, c->suite->cipher, key, ci->key_len, c->suite->auth, key,
                  ai->key_len);
    bulk_key_init(a->bulk, &a->open, false, c->suite->cipher, key, ci->key_len, c->suite->auth, key,
                  ai->key_len);
    for (unsigned i = 0; i < PACKETS; i++)
        a->jobs[i] = (struct bulk_job){ .key = &a->seal,
                                        .buf = a->buf + i * STRIDE,
                                        .cipher_off = head,
                                        .cipher_len = ci->key_len ? body : 0,
                                        .auth_len = head + body,
                                        .iv = a->buf + i * STRIDE + ESP_HDR_LEN,
                                        .icv = a->icv[i] };
    bulk_seal(a->bulk, a->jobs, PACKETS);
    memcpy(a->sealed, a->buf, (size_t)PACKETS * STRIDE);
}

static void alone_down(struct alone *a)
{
    bulk_free(a->bulk);
    free(a->buf);
    free(a->sealed);
}

static uint64_t sample_alone(struct alone *a, const struct cell *c)
{
    if (!c->seal)
        memcpy(a->buf, a->sealed, (size_t)PACKETS * STRIDE);
    for (unsigned i = 0; i < PACKETS; i++)
        a->jobs[i].key = c->seal ? &a->seal : &a->open;
    uint64_t start = now_ns();
    for (unsigned at = 0; at < PACKETS; at += c->batch)
        if (c->seal)
            bulk_seal(a->bulk, a->jobs + at, c->batch);
        else
            bulk_open(a->bulk, a->jobs + at, c->batch);
    return now_ns() - start;
}

/* ---- the table ---- */

enum contender { OPENSSL, AUTO, ALONE, CONTENDERS };

static void lower(uint64_t *best, uint64_t t)
{
    if (t < *best)
        *best = t;
}

static void cell_run(const struct cell *c, struct ends ends[2], unsigned samples)
{
    uint64_t best[CONTENDERS] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
    struct datagram d = datagram_of(PROTO_UDP, c->bytes - 28);
    struct blob b = datagram_make(&d);
    struct alone alone;

    alone_up(&alone, c);
    for (unsigned i = 0; i < samples; i++) {
        for (unsigned who = OPENSSL; who <= AUTO; who++)
            lower(&best[who], c->seal ? sample_seal(&ends[who], &b, c->batch)
                                      : sample_open(&ends[who], &b, c->batch));
        lower(&best[ALONE], sample_alone(&alone, c));
    }
    printf("%-13s %-4s %5u %3u", c->suite->name, c->seal ? "seal" : "open", c->bytes, c->batch);
    for (unsigned who = 0; who < CONTENDERS; who++)
        printf("  %6.2f %6.0f", (double)c->bytes * 8 * PACKETS / (double)best[who],
               (double)best[who] / PACKETS);
    printf("  %6.2f %6.2f\n", (double)best[OPENSSL] / (double)best[AUTO],
           (double)best[ALONE] / (double)best[AUTO]);
    alone_down(&alone);
    blob_free(&b);
}

static void suite_run(const struct suite *s, bool quick)
{
    static const unsigned sizes[] = { 64, 512, 1420 }, batches[] = { 1, 4, 8, 16, 32, 64 };
    struct ends ends[2] = { ends_new(s, BULK_OPENSSL), ends_new(s, BULK_AUTO) };
    bool slow = s->cipher == CIPHER_DES || s->cipher == CIPHER_3DES;

    for (unsigned dir = 0; dir < 2; dir++)
        for (unsigned k = 0; k < 3; k++)
            for (unsigned n = 0; n < 6; n++) {
                struct cell c = { s, dir == 0, sizes[k], batches[n] };

                if (quick && (k == 1 || (n != 0 && n != 5)))
                    continue;
                cell_run(&c, ends, slow ? (quick ? 8 : 25) : (quick ? 60 : 300));
            }
    for (unsigned i = 0; i < 2; i++) {
        check_clean(ends[i].out);
        check_clean(ends[i].in);
        ends_free(&ends[i]);
    }
    fflush(stdout);
}

/* TCP as it comes: superpackets out, coalesced superpackets in. */
static void tcp_run(const struct suite *s, unsigned samples)
{
    struct ends e = ends_new(s, BULK_AUTO);
    struct datagram d = datagram_of(PROTO_TCP, SUPER_BYTES);
    uint64_t best_out = UINT64_MAX, best_in = UINT64_MAX;
    unsigned n_wire = 0;

    for (unsigned i = 0; i < samples; i++) {
        d.seq = i * SUPER_BYTES;
        struct blob b = superpacket_make(&d, 1398);
        struct pkt *super, *pkts[PACKETS];

        e.out->discard = false;
        packets_make(e.out, &b, &super, 1);
        ipsec_out(e.out->w, &super, 1, e.out->now_ms);
        n_wire = e.out->n_wire < PACKETS ? e.out->n_wire : PACKETS;
        for (unsigned k = 0; k < n_wire; k++)
            packets_make(e.in, &e.out->wire[k], pkts + k, 1);
        gate_clear(e.out);
        lower(&best_in, timed_in(e.in, pkts, n_wire, n_wire));
        e.out->discard = true;
        packets_make(e.out, &b, &super, 1);
        lower(&best_out, timed_out(e.out, &super, 1, 1));
        blob_free(&b);
    }
    printf("%-13s TCP superpacket of %u bytes, %u segments: out %.2f Gbit/s, in %.2f Gbit/s\n",
           s->name, SUPER_BYTES, n_wire, SUPER_BYTES * 8.0 / (double)best_out,
           SUPER_BYTES * 8.0 / (double)best_in);
    ends_free(&e);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    const char *only = argc > 1 && !quick ? argv[1] : "";
    struct bulk *bulk = bulk_new(BULK_AUTO);

    printf("auto: %s\n", bulk_name(bulk));
    bulk_free(bulk);
    printf("%-13s %-4s %5s %3s  %13s  %13s  %13s  %6s %6s\n", "Gbit/s, ns", "", "bytes", "n",
           "openssl", "auto", "crypto alone", "/ossl", "share");
    for (unsigned i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        if ((quick && !suites[i].quick) || strncmp(suites[i].name, only, strlen(only)) != 0)
            continue;
        suite_run(&suites[i], quick);
        tcp_run(&suites[i], quick ? 50 : 300);
    }
    return 0;
}
