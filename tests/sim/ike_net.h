/* Three IKE engines joined by nothing but the caller's will: messages and jobs wait until it
 * delivers, changes or forgets them; time passes when it says so. For fuzz_ike.c, and for tests
 * with two peers behind one address. Ends the process when an engine asks of its data path what
 * makes no sense: an SA is installed for receiving before it is for sending, each half once, and
 * only what is there is removed.
 *
 *     A 192.0.2.1 ----+
 *                     +---- B 192.0.2.2        C is behind A's address, on other ports
 *     C 10.9.9.9 -NAT-+ */
#pragma once

#include "ike.h"
#include "rng.h"

enum {
    NET_A,
    NET_B,
    NET_C,
    NET_ENGINES,
    NET_MESSAGES_MAX = 48,
    NET_CHILDREN_MAX = 512,
    NET_JOBS_MAX = 64,
    NET_POLICIES_MAX = 3
};

struct net_message {
    unsigned to;
    struct ike_path path; /* as the receiver sees it */
    uint8_t *bytes;       /* owns */
    size_t len;
};

struct net_child {
    uint64_t id;
    bool in, out;
};

struct net_engine {
    struct net *net;
    struct ike *ike;
    struct ip_addr addr;
    struct ike_peer peers[2];
    struct ike_proposal proposals[1];
    struct ike_policy policies[NET_POLICIES_MAX];
    size_t n_peers, n_proposals, n_policies; /* of those there are */
    size_t all_peers, all_policies;
    struct net_child children[NET_CHILDREN_MAX];
    unsigned n_children;
    struct ike_job *jobs[NET_JOBS_MAX]; /* those beyond are done at once */
    unsigned n_jobs;
    unsigned n_lines, n_sent; /* reports a log shows, messages */
    size_t bytes_sent;
};

struct net {
    uint64_t now_ms;
    struct rng *rng;
    struct net_engine e[NET_ENGINES];
    struct net_message pending[NET_MESSAGES_MAX]; /* oldest first */
    unsigned n_pending;
    struct net_message history[NET_MESSAGES_MAX]; /* a ring of what was sent */
    unsigned n_history;
    uint64_t n_sent;
};

struct net *net_new(uint64_t seed);
void net_free(struct net *n);
void net_configure(struct net *n, unsigned engine);
void net_restart(struct net *n, unsigned engine); /* as after a crash */
void net_deliver(struct net *n, unsigned to, const struct ike_path *path, const uint8_t *bytes,
                 size_t len);
void net_pending_drop(struct net *n, unsigned i);
void net_job_finish(struct net *n, unsigned engine, unsigned i);
void net_advance(struct net *n, uint64_t ms); /* and all timers due by then */
uint64_t net_next_ms(const struct net *n);    /* of the next timer */
/* Delivers everything that waits, and what comes of it, at most STEPS. */
void net_run(struct net *n, unsigned steps);
void net_actions(struct net *n, unsigned engine);
