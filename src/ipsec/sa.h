/* Security associations. Cold part: what was configured or negotiated and what `installed-sa`
 * prints. Hot part (sa.c, private to src/ipsec): offsets, expanded keys, sequence, replay window,
 * per-worker counters, compiled once when the SA is added. One direction per SA.
 * RFC 2401 4.4.3, RFC 4301 4.4.2. */
#pragma once

#include "addr.h"
#include "alg.h"
#include "secret.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum sa_proto { SA_ESP = 50, SA_AH = 51 };
enum sa_state { SA_LARVAL, SA_MATURE, SA_DYING, SA_DEAD };

/* Soft and hard limits; 0 = none. */
struct sa_lifetime {
    uint32_t soft_s, hard_s;
    uint64_t soft_bytes, hard_bytes;
};

struct sa_config {
    enum sa_proto proto;
    bool inbound;
    bool tunnel;
    bool udp_encap;                   /* ESP tunnels only: inside UDP, RFC 3948 */
    uint16_t local_port, remote_port; /* with udp_encap, host order */
    uint32_t spi;                     /* host order */
    struct ip_addr src, dst;          /* outer addresses */
    enum cipher_alg cipher;
    enum auth_alg auth;
    struct secret enc_key, auth_key;
    uint32_t reqid;         /* see struct policy */
    uint32_t slot;          /* the policy it was made for: not-encrypted/-decrypted go there */
    uint64_t owner;         /* the caller's own number for it, which its events carry */
    uint32_t replay_window; /* packets, 0 = off; 32..1024 */
    bool pfs;
    struct sa_lifetime life;
    uint32_t path_mtu; /* outbound: bytes of the largest outer datagram; 0 = 1500 */
};

struct sa_stats {
    uint64_t bytes, packets;
    int64_t add_time_s, use_time_s; /* wall clock; use_time_s 0 = never used */
    enum sa_state state;
};

struct sa; /* owned by the engine; workers borrow it under RCU */

/* What it was added with. An SA keeps its keys in compiled form only, so this is a copy: the caller
 * wipes it. */
void sa_config_get(const struct sa *sa, struct sa_config *ret);
struct sa_stats sa_stats(const struct sa *sa); /* sums the workers' counters */
/* Outbound: the path MTU to the peer changed. */
void sa_set_path_mtu(struct sa *sa, uint32_t bytes);
