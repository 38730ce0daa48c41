/* For tests, fuzzing and benchmarks only: a gateway's engine with one worker in memory, whose sink
 * keeps what comes out; and datagrams made and judged without the code under test. */
#pragma once

#include "engine.h"

enum { GATE_KEEP_MAX = 4096, GATE_ICMP_MAX = 64 };

/* A datagram outside the engine, with its offload facts. Owns its bytes. */
struct blob {
    uint8_t *p;
    size_t len;
    uint8_t gso;
    uint16_t gso_size, csum_start, csum_offset;
    bool needs_csum, csum_ok;
    uint32_t ifindex;
};

struct gate_icmp {
    struct ip_addr to;
    uint8_t msg[1500];
    size_t len;
};

struct gate {
    struct ipsec *e;
    struct ipsec_worker *w;
    struct rng *rng;
    uint64_t now_ms;
    struct blob wire[GATE_KEEP_MAX], inject[GATE_KEEP_MAX];
    unsigned n_wire, n_inject, n_wakes, n_nudges, n_icmp;
    struct gate_icmp icmp[GATE_ICMP_MAX];
    bool discard;    /* keep nothing: benchmarks */
    unsigned refuse; /* the sink takes so many packets fewer of the next call */
};

/* RCU registration of the calling thread comes with the first and goes with the last gate. */
struct gate *gate_new(enum bulk_backend backend, uint64_t seed);
void gate_free(struct gate *g);
void gate_clear(struct gate *g); /* forgets what came out */
void gate_policies(struct gate *g, const struct policy *policies, size_t n);
uint64_t gate_drops(const struct gate *g, enum ipsec_drop reason);
uint64_t gate_all_drops(const struct gate *g);

/* An SA with keys made from its SPI: equal calls on both gates give the two ends. */
struct gate_sa {
    enum sa_proto proto;
    bool tunnel;
    enum cipher_alg cipher;
    enum auth_alg auth;
    uint32_t spi;
    struct ip_addr src, dst;
    uint32_t reqid, slot;
    uint32_t replay_window;
    uint32_t path_mtu;
    struct sa_lifetime life;
    const char *enc_key, *auth_key; /* hex, instead of made ones */
    bool udp_encap;
    uint16_t local_port, remote_port; /* as the end sees them that has the SA */
};
struct sa *gate_sa_add(struct gate *g, const struct gate_sa *sa, bool inbound);

/* Copies BLOBS into packets of the worker and hands them over, PKT_BATCH at a time. */
void gate_out(struct gate *g, const struct blob *blobs, unsigned n);
void gate_in(struct gate *g, const struct blob *blobs, unsigned n);
/* One plain datagram. */
void gate_out_bytes(struct gate *g, const uint8_t *p, size_t len);
void gate_in_bytes(struct gate *g, const uint8_t *p, size_t len);
/* What FROM put on the wire goes into TO, outer fragments put together as a kernel would. */
void gate_carry(struct gate *from, struct gate *to);

/* ---- datagrams ---- */

/* Naive Internet checksum of LEN bytes, seeded with SUM. */
uint16_t naive_csum(uint32_t sum, const uint8_t *p, size_t len);
/* Every checksum of the datagram, IP and TCP, UDP, ICMP or ICMPv6, is right. */
bool datagram_csums_ok(const uint8_t *p, size_t len);

struct datagram {
    struct ip_addr src, dst;
    uint8_t proto; /* TCP, UDP, ICMP, ICMPv6; others: payload only */
    uint16_t sport, dport;
    size_t payload_len; /* bytes behind the transport header, a pattern from FILL */
    uint8_t fill;
    uint8_t tos, ttl; /* ttl 0: 64 */
    uint16_t ip_id;
    bool df;
    uint8_t ip_opts[40], n_ip_opts; /* multiple of 4; IPv6: extension headers, first is EXT_PROTO */
    uint8_t ext_proto;
    uint32_t seq, ack;
    uint8_t tcp_flags;                /* 0: ACK */
    uint8_t tcp_opts[40], n_tcp_opts; /* multiple of 4 */
};

/* Complete datagram, owned by the caller (free with blob_free). */
struct blob datagram_make(const struct datagram *d);
/* The same as a superpacket: checksum left to the device. */
struct blob superpacket_make(const struct datagram *d, uint16_t gso_size);
void blob_free(struct blob *b);
struct blob blob_copy(const uint8_t *p, size_t len);
size_t hex_bytes(const char *hex, uint8_t *ret, size_t cap); /* ignores white space */
struct ip_addr addr_text(const char *text);
struct ip_prefix prefix_text(const char *text);
