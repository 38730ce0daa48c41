/* Two IKE engines in one process, joined by a network in memory: virtual clock, seeded randomness,
 * named impairments, and in place of the data path a table of SAs that carries packets, ages and
 * tells its engine. A seed gives the same run every time. */
#pragma once

#include "ike.h"

enum { SIM_SAS_MAX = 256, SIM_REPORTS_MAX = 64, SIM_POLICIES_MAX = 8, SIM_A = 0, SIM_B = 1 };

struct sim_sa { /* one child in the data path of a side */
    struct ike_child child;
    uint64_t id, installed_ms;
    bool used, in, out, in_used, soft_told;
    uint64_t out_order; /* the latest for sending is the one in use */
    uint64_t bytes;
};

struct world;

struct side {
    struct world *w;
    struct ike *ike;
    struct rng *rng;
    struct ip_addr addr;
    struct ike_peer peer;
    struct ike_proposal proposal;
    struct ike_policy policies[SIM_POLICIES_MAX];
    size_t n_policies;
    bool no_peer, no_proposal;
    struct sim_sa sas[SIM_SAS_MAX];
    uint64_t out_orders;
    struct ike_report errors[SIM_REPORTS_MAX]; /* the first ones */
    unsigned n_errors, n_successes;
    char last_error[512];
    unsigned n_sent, n_installed_in, n_installed_out, n_removed, n_jobs;
    size_t bytes_sent;
    /* packets of the data path: sent, arrived at the other side, found no SA at either */
    unsigned packets, arrived, no_sa, lost;
    uint32_t force_spi; /* nonzero: random() of four bytes gives it the next time */
};

struct sim_message {      /* on its way, or recorded */
    struct ike_path path; /* as the receiver sees it */
    unsigned to;
    size_t len;
    uint8_t *bytes;
};

struct impairments {
    unsigned loss, duplicate, corrupt, reflect; /* percent */
    unsigned delay_ms, jitter_ms;               /* jitter reorders */
};

struct world {
    uint64_t now_ms, seed;
    struct side side[2];
    struct impairments bad;
    struct event *events;
    size_t n_events, cap_events;
    uint64_t event_order;
    unsigned job_ms;
    struct ip_addr nat; /* set: A is behind a NAT, seen as this address and other ports */
    /* Sees each message before it leaves; false: it is taken off the wire. */
    bool (*tap)(struct world *w, struct sim_message *m);
    void *tap_ctx;
    unsigned messages;
};

/* Configured alike and with the default proposal: 10.1.0.0/24 behind A, 10.2.0.0/24 behind B. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);
void world_configure(struct world *w, unsigned side);
/* Runs until MS have passed, or nothing is left to happen. */
void world_run(struct world *w, uint64_t ms);
void world_send(struct world *w, const struct sim_message *m, unsigned delay_ms);
/* One data packet of a policy from SIDE; acquires when there is no SA. */
void world_packet(struct world *w, unsigned side, size_t policy);
/* Sends a packet each way and every policy until all arrive, at most LIMIT_MS. */
bool world_until_traffic(struct world *w, uint64_t limit_ms);
void world_take_actions(struct world *w, unsigned side);
const struct sim_sa *world_sa_out(const struct side *s, uint32_t policy_id);
unsigned world_sas(const struct side *s);
unsigned world_phase1s(const struct side *s); /* established ones */
/* The SA sending from SIDE is one the other side receives by, with the same keys. */
bool world_joined(const struct world *w, unsigned side, uint32_t policy_id);
void world_forget_side(struct world *w, unsigned side); /* it crashes, and starts anew */
struct ip_prefix sim_prefix(const char *text);
uint64_t world_random(struct world *w);
