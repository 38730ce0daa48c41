/* What the files of src/ike share: the engine and the objects it owns.
 *
 *     ike ── host (a pair of addresses) ──┬── phase1 ── exchange (one per message ID) ── ike_job
 *                                         ├── policy ── child (pairs of SAs)
 *                                         └── child
 *
 * Objects are taken out of every table at once when they end (`dead`), but their memory stays until
 * the public call is over: whoever is on the stack may still look at `dead`. */
#pragma once

#include "hash.h"
#include "ike.h"
#include "keymat.h"
#include "map.h"
#include "pki_key.h"
#include "pki_trust.h"
#include "proposal.h"
#include "timer.h"

#include <sys/queue.h>

enum {
    IKE_OUT_BYTES_MAX = 16384, /* of a message we send */
    IKE_OWN_NONCE_LEN = 16,
    IKE_QUICK_MODES_OWN = 3,     /* open at once per phase 1 SA, started by us; others wait */
    IKE_FIRST_REPLIES_MAX = 3,   /* of a responder's answer to a stranger's first message */
    IKE_REPLIES_MAX = 10,        /* of any other stored answer */
    IKE_LINGER_MS = 180000,      /* a finished quick mode answers retransmissions that long */
    IKE_MESSAGE_IDS_MAX = 65536, /* used per phase 1 SA; then it takes no more exchanges */
    IKE_STRANGER_JOBS_MAX = 2 * IKE_HALF_OPEN_MAX, /* waiting for the helper pool */
    IKE_HALF_OPEN_STALE_MS = 3000, /* without a step: gives way to another of its source */
    IKE_DPD_ANSWERS_PER_S = 10,
    IKE_COMPUTE_PER_S = 200,    /* exponentiations for first messages of aggressive mode */
    IKE_EARLY_BYTES_MAX = 4096, /* of a quick mode kept until phase 1 is up */
    IKE_RETRANSMITS_SILENT = 4,
    IKE_RETRANSMITS_DISLIKED = 2,
    IKE_TIMERS_AT_ONCE = 2000,
    IKE_SAME_TIME_MS =
        12000, /* quick modes of both sides that may have crossed: two retransmissions */
    IKE_SUPERSEDED_MS = 300000, /* an old pair receives that long beside a newer one */
    IKE_SUPERSEDED_MAX = 8,     /* so many of them */
    IKE_SETTLE_MIN_MS = 50,     /* from message 3 to the use of a pair that renews another */
    IKE_SETTLE_MAX_MS = 1000,
    IKE_CARE_MS = 1000,       /* the initiator of what ended; the responder 5 times that */
    IKE_PEERS_TURN_MS = 5000, /* we wait for the peer's quick mode before we begin our own */
    IKE_BACKOFF_MS = 2000,    /* after a refused or unanswered negotiation; doubles */
    IKE_BACKOFF_MAX_MS = 60000,
    IKE_ENCOURAGE_MS = 10000,
    IKE_PHASE1_SOFT_PERCENT = 80,
    IKE_LATE_PERCENT = 90,    /* the responder's turn, when the initiator did not renew */
    IKE_JITTER_PERCENT = 5,   /* of the lifetime, added to the start of a renewal */
    IKE_TELL_MS = 1000,       /* no more often is a peer told what it sends by in vain */
    IKE_BYTES_LATE_MS = 5000, /* after a soft limit in bytes, the responder's turn */
    IKE_DPD_RETRY_MS = 10000  /* between unanswered questions, or the interval if shorter */
};

#define BIT(type) (1ull << (type))

#ifndef TAILQ_FOREACH_SAFE /* glibc has none: the current element may go meanwhile */
#define TAILQ_FOREACH_SAFE(var, head, field, next_var)                                             \
    for ((var) = TAILQ_FIRST(head); (var) && ((next_var) = TAILQ_NEXT(var, field), true);          \
         (var) = (next_var))
#endif

struct child_selectors;
struct exchange;
struct phase1;
struct policy;
struct quick;
struct p1_setup;
struct p1_mode;

struct body { /* of a payload or message, as it was on the wire; owns */
    uint8_t *p;
    size_t len;
};

/* ---- configuration in use: shared by count, compared on reconfiguration ---- */

struct peer {
    unsigned refs;
    size_t place; /* in the configuration */
    struct ike_peer cfg;
};

struct proposal {
    unsigned refs;
    struct ike_proposal cfg;
};

/* ---- a pair of addresses ---- */

TAILQ_HEAD(phase1_list, phase1);
TAILQ_HEAD(policy_list, policy);
TAILQ_HEAD(child_list, child);
TAILQ_HEAD(quick_list, quick);
TAILQ_HEAD(host_list, host);

/* How much of one kind was reported in the minute that runs. */
struct report_budget {
    uint64_t minute;
    unsigned n;
};

struct host {
    struct ike *ike;
    struct map_link link;
    struct ip_addr local, remote;
    struct phase1_list phase1s;           /* newest first */
    struct policy_list policies, waiting; /* waiting: see struct policy */
    struct child_list children;
    TAILQ_ENTRY(host) in_idle;
    struct timer care; /* pairs of SAs without phase 1: a new one, for DELETE and dead peers */
    unsigned care_failures;
    uint64_t tell_ms, restart_ms; /* not before: answers to unknown SPIs, stray.c */
    struct report_budget reports;
    bool idle;      /* nothing is left of it; freed after this call */
    bool contacted; /* INITIAL-CONTACT was sent since we started or the peer was found dead */
};

/* ---- phase 1 ---- */

enum p1_state { P1_NEW, P1_MSG1_SENT, P1_MSG2_SENT, P1_MSG3_SENT, P1_UP };

struct id_set { /* message IDs of finished exchanges; open addressing, 0 is free */
    uint32_t *at;
    size_t cap, n;
};

TAILQ_HEAD(exchange_list, exchange);

struct phase1 {
    struct ike *ike;
    struct host *host;
    struct peer *peer; /* shares */
    const struct p1_mode *mode;
    struct map_link by_cookie;
    TAILQ_ENTRY(phase1) in_host;
    TAILQ_ENTRY(phase1) in_half_open; /* while half_open and not expected */
    TAILQ_ENTRY(phase1) in_grave;
    struct ike_path path;
    struct ike_cookies cookies;
    bool initiator, entered, half_open, dead;
    bool expected;                  /* half-open, between addresses that policies name */
    struct exchange *main;          /* M-ID 0; owns */
    struct exchange_list exchanges; /* the others; owns */
    unsigned n_quick_own, n_quick_theirs;
    struct id_set used_ids;
    struct p1_setup *setup; /* until it is up */
    struct body early;      /* a quick mode that came before it was up */
    struct ike_path early_path;

    enum cipher_alg cipher;
    enum digest_alg digest;
    uint8_t enc_key[CIPHER_KEY_MAX];
    uint8_t last_block[CIPHER_BLOCK_MAX]; /* of phase 1's ciphertext: where other IVs start */
    struct skeyid keys;
    uint64_t remote_id; /* hash of the peer's ID: SAs of another identity are not touched */

    uint64_t started_ms, established_ms, heard_ms;
    uint32_t lifetime_s;
    uint64_t lifebytes, bytes; /* of messages under this SA */
    struct timer life, hard;
    bool renewing;

    bool nat_rfc3947, behind_nat; /* ... behind_nat: either side is, as NAT-D showed */
    bool peer_dpd;
    struct timer dpd;
    uint32_t dpd_sequence;
    unsigned dpd_unanswered;
    uint32_t dpd_heard_sequence; /* the peer's last question */
    bool dpd_heard_any;
    uint64_t dpd_second; /* and answers given in it */
    unsigned dpd_answers;
    bool complained; /* an error of this negotiation was reported */
    bool unreadable; /* a protected message came instead of the answer to our identity */
};

/* ---- exchanges: exchange.c ---- */

struct exchange {
    struct phase1 *p1;
    struct map_link by_message_id;
    TAILQ_ENTRY(exchange) in_p1;
    TAILQ_ENTRY(exchange) in_grave;
    uint8_t type; /* enum isakmp_exchange */
    bool initiator, lingering, dead;
    uint8_t state;
    uint8_t peer_proto; /* what a refusal names: the peer's first SPI */
    uint32_t peer_spi;
    uint32_t message_id;
    uint64_t started_ms;
    uint8_t iv[CIPHER_BLOCK_MAX]; /* for the next encrypted message, either way */
    bool heard;
    uint64_t last_in; /* keyed hash of the whole datagram */
    uint8_t *last_out;
    size_t last_out_len;
    unsigned sends, replies;
    uint64_t sent_ms;   /* the last time */
    struct timer timer; /* retransmission, or the end of lingering */
    unsigned n_sent;    /* messages, for whoever asks whether a step answered */
    struct ike_job *job;
    void (*job_done)(struct exchange *ex, struct ike_job *job);
    struct quick *quick;
};

struct ike_job {
    struct exchange *exchange; /* NULL: it ended meanwhile. For the engine's thread alone */
    bool want_public, want_shared, of_stranger;
    struct dh dh;
    uint8_t peer_public[DH_PUBLIC_MAX];
    uint8_t own_public[DH_PUBLIC_MAX], shared[DH_PUBLIC_MAX];
    enum dh_error error;
    struct auth_job *auth; /* owns; NULL: a job of Diffie-Hellman */
};

struct nonce {
    uint8_t b[IKE_NONCE_MAX];
    uint16_t len;
};

/* ---- policies and their SAs ---- */

struct policy {
    struct ike *ike;
    struct ike_policy cfg;
    struct proposal *proposal; /* shares; NULL: there is none of that name */
    struct host *host;
    struct map_link by_selectors;
    size_t place; /* in the configuration: first match wins */
    TAILQ_ENTRY(policy) in_host;
    TAILQ_ENTRY(policy) in_waiting; /* while it waits for phase 1, or for its turn under it */
    bool waiting;
    struct child_list children; /* newest first */
    struct quick_list quicks;   /* running, whoever started them */
    struct exchange *quick;     /* the one we started */
    unsigned n_theirs;          /* those the peer started */
    uint64_t theirs_ms;         /* when the last of them began */
    bool wanted;                /* traffic, or an SA to be renewed */
    bool kept;                  /* while configurations are compared */
    uint64_t not_before_ms;     /* back-off */
    unsigned failures;
    unsigned short_lived; /* pairs in a row that the peer deleted as soon as they were there */
    struct timer retry;
};

struct child {
    struct ike *ike;
    uint64_t id;
    struct map_link by_id;
    struct policy *policy;
    struct host *host;
    TAILQ_ENTRY(child) in_policy;
    TAILQ_ENTRY(child) in_host;
    TAILQ_ENTRY(child) in_grave;
    struct ike_child *sa;   /* with keys, until both halves are installed */
    struct exchange *quick; /* which waits for its confirmation */
    uint8_t n_sas;
    struct child_spi {
        struct child *child;
        struct map_link by_in, by_out;
        uint8_t proto;
        uint32_t in, out;
    } spis[2];
    bool initiator, in_installed, out_installed, dead, renew_due, superseded;
    bool soft_told;     /* its soft limit is over */
    bool bytes_run_out; /* it is renewed for its bytes: nobody knows how fast the rest goes */
    uint64_t remote_id;
    uint64_t created_ms, started_ms;
    uint64_t rank; /* start of Ni: which of two made at the same time is used */
    uint32_t hard_s;
    struct timer renew;
};

/* ---- the engine ---- */

struct action {
    TAILQ_ENTRY(action) in_queue;
    struct ike_action a;
    uint8_t bytes[];
};

TAILQ_HEAD(action_queue, action);

struct peer_group { /* peers of one prefix length: at[first .. first+n), sorted by address */
    uint8_t family, len;
    size_t first, n;
};

enum {
    REPORT_SOURCES = 64,
    COMPLAINTS_PER_MINUTE = 5, /* about one source that did not authenticate itself */
    VISITS_PER_MINUTE = 60,    /* that it began, or did not go on */
    ALL_VISITS_PER_MINUTE = 300,
    PEER_REPORTS_PER_MINUTE = 600 /* about one that did; more only when debugging */
};

struct ike {
    struct ike_env env;
    struct hash_key hash_key;
    uint64_t now_ms;
    struct timers timers;

    struct peer **peers; /* sorted for the longest prefix: peers.c */
    size_t n_peers;
    struct peer_group *groups;
    size_t n_groups;
    struct policy **policies;       /* sorted by id */
    struct ike_policy *policy_cfgs; /* the same in the order configured: first match wins */
    size_t n_policies;
    struct proposal **proposals;
    size_t n_proposals;
    struct pki_trust *trust; /* shares; never NULL once configured */

    uint64_t encouraged_ms; /* when all policies were last told to try again */
    struct map hosts, phase1s, exchanges, children;
    struct map policies_by_selectors, spis_in, spis_out;
    struct phase1_list half_open; /* of strangers, as responder, oldest first */
    unsigned n_half_open;
    uint64_t compute_second; /* exponentiations for strangers in it */
    unsigned computed;
    struct phase1 *early; /* came up in this call, and a quick mode waited for it */
    uint64_t next_child_id;

    struct action_queue actions;
    struct action *taken;
    struct phase1_list dead_phase1s;
    struct exchange_list dead_exchanges;
    struct child_list dead_children;
    struct host_list idle_hosts;
    uint64_t drops[IKE_DROP_COUNT];
    struct report_budget complaints[REPORT_SOURCES], visits[REPORT_SOURCES], all_visits;
    unsigned n_stranger_jobs;
    uint64_t notify_second;
    unsigned notifies;
    uint8_t out[IKE_OUT_BYTES_MAX], in[IKE_MESSAGE_BYTES_MAX + 1];
};

/* ike.c */
struct action *action_add(struct ike *ike, enum ike_action_type type, size_t n_bytes);
void send_bytes(struct ike *ike, const struct ike_path *path, struct slice bytes);
uint64_t ike_random_below(struct ike *ike, uint64_t bound);
void ike_drop(struct ike *ike, enum ike_drop reason);
void ike_bury(struct ike *ike); /* frees what died during this call */

/* configure.c */
struct policy *policy_find(const struct ike *ike, uint32_t id);
/* The first configured that child_policy_fits(); NULL: none. */
struct policy *policy_match(const struct ike *ike, const struct ike_path *path,
                            const struct child_selectors *wanted);
void config_fini(struct ike *ike);

/* peers.c */
struct peer *peer_find(const struct ike *ike, const struct ip_addr *remote);
struct peer *peer_ref(struct peer *p);
void peer_unref(struct peer *p);
void proposal_unref(struct proposal *p);
bool peer_same(const struct ike_peer *a, const struct ike_peer *b);
bool proposal_same(const struct ike_proposal *a, const struct ike_proposal *b);
void peers_sort(struct ike *ike);

/* host.c */
struct host *host_get(struct ike *ike, const struct ip_addr *local, const struct ip_addr *remote);
struct host *host_find(const struct ike *ike, const struct ip_addr *local,
                       const struct ip_addr *remote);
void host_release(struct ike *ike, struct host *h); /* something of it went */
void hosts_bury(struct ike *ike);
/* The newest established phase 1 SA; NULL: none. */
struct phase1 *host_up(const struct host *h);
/* Before all others that of the peer C was made with: several may be behind one address. */
struct phase1 *host_up_for(const struct host *h, const struct child *c);
struct phase1 *host_negotiating(const struct host *h);
