/* Two gateways in one process, joined by a network in memory. Each side owns an IKE engine and a
 * data path (src/ipsec, one worker) with the daemon's bookkeeping of SAs between them; clocks are
 * virtual, randomness is seeded, impairments have names. A seed gives the same run every time.
 *
 *     world.c     the sides, their configuration, time
 *     network.c   what is on its way, and what happens to it there
 *     datapath.c  a side's SAs and packets: struct ipsec under IKE's orders
 *     inner.c     the packets of hosts behind the sides, judged where they come out
 */
#pragma once

#include "bulk.h"
#include "ike.h"
#include "inner.h"
#include "network.h"

enum {
    SIM_SAS_MAX = 256,
    SIM_REPORTS_MAX = 64,
    SIM_POLICIES_MAX = INNER_POLICIES_MAX,
    SIM_A = 0,
    SIM_B = 1
};

struct datapath;
struct rng;
struct world;

struct sim_sa {             /* what one quick mode made */
    struct ike_child child; /* keys included, which the daemon does not keep */
    uint64_t id;
    bool used, out;     /* out: the sending half is there, too */
    uint64_t out_order; /* the latest for sending is the one in use */
};

struct side {
    struct world *w;
    struct ike *ike;
    struct rng *rng;
    struct ip_addr addr;
    struct ike_peer peer;
    struct ike_proposal proposal;
    struct pki_trust *trust; /* borrowed */
    struct ike_policy policies[SIM_POLICIES_MAX];
    size_t n_policies;
    bool no_peer, no_proposal;
    /* clocks: world time and so much more; a suspended side neither hears nor does anything */
    int64_t clock_ahead_ms, wall_ahead_s;
    bool suspended;

    struct datapath *data;
    struct sim_sa sas[SIM_SAS_MAX];
    uint64_t out_orders;
    bool by_hand;           /* SAs that go now go because somebody said so */
    bool deaf_to_soft;      /* soft limits do not reach the IKE engine */
    struct inner_log inner; /* packets this side's hosts sent */

    struct ike_report errors[SIM_REPORTS_MAX]; /* the first ones */
    unsigned n_errors, n_successes;
    char last_error[512];
    unsigned n_sent, n_installed_in, n_installed_out, n_removed, n_jobs;
    uint64_t n_packets;     /* protected ones sent */
    size_t bytes_sent;      /* of IKE messages */
    struct repeats repeats; /* IKE messages, and how often each was sent */

    uint32_t force_spi; /* nonzero: random() of four bytes gives it the next time */
};

struct world {
    uint64_t now_ms, seed;
    enum bulk_backend backend;
    struct side side[2];
    struct network net;
    struct impairments bad;
    unsigned job_ms;
    unsigned inner_bytes; /* of a packet of world_packet */
    struct ip_addr nat;   /* set: A is behind a NAT, seen as this address and other ports */
    /* Sees each IKE message before it leaves; false: it is taken off the wire. */
    bool (*tap)(struct world *w, struct sim_message *m);
    void *tap_ctx;
    /* Sees each event of a data path before IKE hears of it. */
    void (*watch)(struct world *w, unsigned side);
    unsigned messages;
};

/* Configured alike and with the default proposal: 10.1.0.0/24 behind A, 10.2.0.0/24 behind B. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);
/* IKE engine and SPD follow what the side's fields say. */
void world_configure(struct world *w, unsigned side);
void world_configure_both(struct world *w);
/* For the first policy of both sides, before world_configure: the sides' own addresses; networks
 * behind them; transport mode between the sides themselves. */
void world_addresses(struct world *w, const char *a, const char *b);
void world_networks(struct world *w, const char *a, const char *b);
void world_transport(struct world *w);
/* Runs until MS have passed. */
void world_run(struct world *w, uint64_t ms);
/* SIDE stands still for MS; its monotonic clock goes on meanwhile, or not. */
void world_suspend(struct world *w, unsigned side, uint64_t ms, bool clock_goes_on);
uint64_t side_now_ms(const struct side *s);
int64_t side_wall_s(const struct side *s);
unsigned side_number(const struct side *s);

/* One packet of a policy from a host behind SIDE; acquires when there is no SA. */
void world_packet(struct world *w, unsigned side, size_t policy);
/* Sends a packet each way and every policy until all arrive, at most LIMIT_MS. */
bool world_until_traffic(struct world *w, uint64_t limit_ms);
/* Packets of both sides' hosts that did not leave, or not yet, for want of an SA. */
uint64_t world_held_up(const struct world *w);
/* Packets that left and did not come out at the other side, those on their way left out. Means
 * something where the network neither loses nor doubles. */
uint64_t world_lost(const struct world *w);

void world_take_actions(struct world *w, unsigned side);
const struct sim_sa *world_sa_out(const struct side *s, uint32_t policy_id);
unsigned world_sas(const struct side *s);     /* pairs */
unsigned world_phase1s(const struct side *s); /* established ones */
/* The SA sending from SIDE is one the other side receives by, with the same keys. */
bool world_joined(const struct world *w, unsigned side, uint32_t policy_id);
/* Each pair of either side has its counterpart at the other, and the data path no other SAs. */
bool world_sas_match(const struct world *w);
void world_forget_side(struct world *w, unsigned side); /* it crashes, and starts anew */
struct ip_prefix sim_prefix(const char *text);
struct ip_addr sim_addr(const char *text);
uint64_t world_random(struct world *w);
