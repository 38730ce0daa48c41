/* The IKEv1 engine: RFC 2407, 2408, 2409, 3706, without I/O, clock or randomness of its own.
 *
 * In:  ike_on_datagram, ike_on_timer, ike_on_acquire, ike_on_unknown_spi, ike_on_sa_event,
 * ike_on_job_done, ike_configure. Out: a queue of actions (ike_action_take): datagrams to send, SAs
 * to install or remove, work for the helper pool, reports. The caller carries them out in order.
 * One thread. Time is milliseconds of a monotonic clock, passed in. Nothing in here blocks: modular
 * exponentiation and signatures leave as jobs and come back by ike_on_job_done.
 *
 * Everything a stranger can make grow has a named limit below and a counter. */
#pragma once

#include "addr.h"
#include "alg.h"
#include "dh.h"
#include "secret.h"
#include "slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    IKE_HALF_OPEN_MAX = 1000, /* phase 1 SAs not yet authenticated, as responder; not counted are
                               * those between addresses that policies name */
    IKE_HALF_OPEN_PER_SOURCE = 5,
    IKE_HALF_OPEN_MS = 30000,
    IKE_QUICK_MODES_PER_SA = 3, /* open at once, started by the peer */
    IKE_MESSAGE_BYTES_MAX = 65535,
    IKE_RETRANSMITS = 5, /* then the exchange is given up */
    IKE_RETRANSMIT_MS =
        4000, /* first interval; each next is 1.8 times longer, up to the next line */
    IKE_RETRANSMIT_MAX_MS = 15000,
    IKE_NAME_MAX = 128
};

/* ---- configuration: plain data, copied by ike_configure ---- */

enum ike_exchange_mode { IKE_MAIN, IKE_AGGRESSIVE, IKE_BASE };
enum ike_auth_method { IKE_PRE_SHARED_KEY, IKE_RSA_SIGNATURE };
enum ike_proposal_check { IKE_CHECK_CLAIM, IKE_CHECK_EXACT, IKE_CHECK_OBEY, IKE_CHECK_STRICT };

struct pki_cert; /* pki_cert.h, pki_key.h, pki_trust.h */
struct pki_key;
struct pki_trust;

struct ike_peer { /* one /ip ipsec peer */
    uint32_t id;  /* of the configured item: stable over reconfiguration */
    struct ip_prefix address;
    uint16_t port; /* remote UDP port when initiating */
    enum ike_exchange_mode mode;
    enum ike_auth_method auth;
    struct secret psk;
    /* rsa-signature; shared, not taken */
    struct pki_cert *certificate; /* ours */
    struct pki_key *key;
    struct pki_cert *remote_certificate; /* the only one accepted; NULL: any that leads to one of
                                            the authorities of ike_config */
    enum cipher_alg cipher;
    enum auth_alg hash;
    enum dh_group group;
    int64_t lifetime_s;
    uint64_t lifebytes; /* 0: no limit */
    enum ike_proposal_check check;
    bool send_initial_contact, nat_traversal, generate_policy, passive;
    int64_t dpd_interval_s; /* 0: never ask */
    unsigned dpd_max_failures;
};

struct ike_proposal { /* one /ip ipsec proposal */
    char name[IKE_NAME_MAX];
    uint32_t auth_algs; /* bits 1 << enum auth_alg */
    uint32_t ciphers;   /* bits 1 << enum cipher_alg */
    int64_t lifetime_s;
    uint64_t lifebytes;
    enum dh_group pfs_group; /* DH_NONE: no PFS */
};

struct ike_selector { /* as phase 2 identities carry it */
    struct ip_prefix prefix;
    uint16_t port; /* 0: any */
    uint8_t proto; /* 0: any */
};

enum { IKE_PROTO_ESP = 1 << 0, IKE_PROTO_AH = 1 << 1 };

struct ike_policy { /* one active encrypt policy keyed by IKE */
    uint32_t id, slot, reqid;
    struct ike_selector local_sel, remote_sel;
    struct ip_addr local, remote; /* SA end points */
    uint8_t protocols;            /* IKE_PROTO_* */
    bool tunnel;
    uint32_t replay_window;
    char proposal[IKE_NAME_MAX];
};

struct ike_config {
    const struct ike_peer *peers;
    size_t n_peers;
    const struct ike_proposal *proposals;
    size_t n_proposals;
    const struct ike_policy *policies;
    size_t n_policies;
    struct pki_trust *trust; /* shared, not taken; NULL: nobody is trusted */
};

/* ---- actions ---- */

struct ike_path {
    struct ip_addr local, remote;
    uint16_t local_port, remote_port; /* host order; 4500 carries the non-ESP marker */
};

/* A pair of SAs made by one quick mode: one protocol each, in both directions. */
struct ike_child_sa {
    uint8_t proto;            /* 50 ESP, 51 AH */
    uint32_t spi_in, spi_out; /* host order */
    enum cipher_alg cipher;
    enum auth_alg auth;
    struct secret enc_in, enc_out, auth_in, auth_out;
};

struct ike_child {
    uint64_t id; /* engine's number of this set; ike_on_sa_event names it */
    uint32_t policy_id, slot, reqid;
    struct ike_path path;
    struct ike_selector local_sel, remote_sel; /* as negotiated */
    bool tunnel, initiator, pfs, udp_encap;
    uint32_t replay_window;
    struct ike_child_sa sas[2]; /* ESP, AH or both */
    unsigned n_sas;
    uint32_t soft_s, hard_s;
    uint64_t soft_bytes, hard_bytes;
};

enum ike_action_type {
    IKE_SEND,           /* path, bytes (without non-ESP marker) */
    IKE_SA_INSTALL_IN,  /* child: receiving half; responder does this before message 2 */
    IKE_SA_INSTALL_OUT, /* child: sending half; from now on use it for sending */
    IKE_SA_REMOVE,      /* child_id: both halves */
    IKE_JOB,            /* job: run ike_job_run in the helper pool, then ike_on_job_done */
    IKE_REPORT          /* report */
};

enum ike_report_level { IKE_REPORT_ERROR, IKE_REPORT_WARNING, IKE_REPORT_INFO, IKE_REPORT_DEBUG };

struct ike_report { /* one event for people: log line and last-error */
    enum ike_report_level level;
    uint32_t peer_id, policy_id; /* 0: none */
    bool is_error;               /* becomes last-error of peer and policy; success clears it */
    bool clears_error;
    char text[512]; /* says which peer, what we wanted, what was offered */
};

struct ike_job;

struct ike_action {
    enum ike_action_type type;
    struct ike_path path;
    struct slice bytes;     /* borrowed until the next call into the engine */
    struct ike_child child; /* IKE_SA_INSTALL_*: wiped by ike_action_fini */
    uint64_t child_id;
    struct ike_job *job; /* owned by the pool until ike_on_job_done */
    struct ike_report report;
};

/* ---- the engine ---- */

struct ike_unknown_spi {
    struct ip_addr local, remote;
    uint8_t proto; /* 50 ESP, 51 AH */
    uint32_t spi;
};

struct ike_env {
    void *ctx;
    void (*random)(void *ctx, void *out, size_t len);
    int64_t (*wall_s)(void *ctx);
    /* Whether an inbound SPI of PROTO is free; the engine draws random ones from 0x100 up. */
    bool (*spi_free)(void *ctx, uint8_t proto, const struct ip_addr *src, const struct ip_addr *dst,
                     uint32_t spi);
    /* As dh_init of dh.h, with the caller's generator. */
    void (*dh_init)(void *ctx, struct dh *ret, enum dh_group group);
    uint8_t nonce_len; /* 0: the usual 16 bytes; recorded exchanges have others */
};

struct ike;

struct ike *ike_new(const struct ike_env *env);
void ike_free(struct ike *ike); /* jobs under way must have come back */
/* The whole configuration anew; only what differs is restarted (a changed peer loses its phase 1
 * SA, a changed policy or proposal the SAs made for it, and whoever has no peer entry any more all
 * SAs), with DELETE where a peer listens. What waits after a refusal is tried at once, also when
 * nothing differs, but then every 10 seconds at most. */
void ike_configure(struct ike *ike, uint64_t now_ms, const struct ike_config *config);

void ike_on_datagram(struct ike *ike, uint64_t now_ms, const struct ike_path *path,
                     const uint8_t *bytes, size_t len);
void ike_on_timer(struct ike *ike, uint64_t now_ms);
uint64_t ike_next_timeout_ms(const struct ike *ike); /* absolute; UINT64_MAX: none */
/* Traffic of a policy wants an SA. */
void ike_on_acquire(struct ike *ike, uint64_t now_ms, uint32_t policy_id);

/* The peer sends by an SA that is not here: we started anew, or it never got our DELETE. It is
 * told. */
void ike_on_unknown_spi(struct ike *ike, uint64_t now_ms, const struct ike_unknown_spi *u);

enum ike_sa_event { IKE_SA_SOFT, IKE_SA_HARD, IKE_SA_FLUSHED, IKE_SA_FIRST_PACKET };
void ike_on_sa_event(struct ike *ike, uint64_t now_ms, uint64_t child_id, enum ike_sa_event event);

/* In a pool thread: touches nothing but the job. */
void ike_job_run(struct ike_job *job);
void ike_on_job_done(struct ike *ike, uint64_t now_ms, struct ike_job *job); /* takes it */

bool ike_action_take(struct ike *ike, struct ike_action *ret);
void ike_action_fini(struct ike_action *a);

/* The peer entry by which a policy negotiates: its id, 0 when there is none. */
uint32_t ike_policy_peer(const struct ike *ike, uint32_t policy_id);

/* ---- what /ip ipsec remote-peers shows ---- */

struct ike_remote_peer {
    struct ip_addr local, remote;
    bool initiator;
    const char *state;       /* static text of the reference's list: "established" ... */
    uint64_t established_ms; /* 0: not yet */
};
void ike_remote_peers(const struct ike *ike,
                      void (*visit)(void *ctx, const struct ike_remote_peer *p), void *ctx);
/* SPIs given out for SAs that are still being negotiated. */
struct ike_larval_sa {
    uint8_t proto; /* 50 ESP, 51 AH */
    uint32_t spi;  /* host order */
    struct ip_addr src, dst;
    uint64_t since_ms;
};
void ike_larval_sas(const struct ike *ike, void (*visit)(void *ctx, const struct ike_larval_sa *sa),
                    void *ctx);
void ike_kill_connections(struct ike *ike, uint64_t now_ms);
/* A clean stop: DELETE for everything, as actions. */
void ike_stop(struct ike *ike, uint64_t now_ms);

/* Messages dropped and refusals, by reason, for statistics. */
#define IKE_DROPS(X)                                                                               \
    X(SHORT, "ike-short", "shorter than an ISAKMP header, or its length field disagrees")          \
    X(VERSION, "ike-version", "major version not 1")                                               \
    X(EXCHANGE, "ike-exchange", "exchange type unknown or not configured for the peer")            \
    X(COOKIES, "ike-cookies", "no phase 1 SA has these cookies")                                   \
    X(PAYLOAD, "ike-payload", "malformed, missing, repeated or unexpected payload")                \
    X(STATE, "ike-state", "message not expected in this state or from this role")                  \
    X(ENCRYPTION, "ike-encryption", "encryption bit wrong, or not whole blocks")                   \
    X(HASH, "ike-hash", "hash wrong: another key, or forged")                                      \
    X(SIGNATURE, "ike-signature", "signature or certificate of a peer refused")                    \
    X(MESSAGE_ID, "ike-message-id", "message ID zero, in use or used before")                      \
    X(NO_PEER, "ike-no-peer", "no peer entry matches the source address")                          \
    X(LIMIT, "ike-limit", "too many half-open or open exchanges")

enum ike_drop {
#define X(id, name, text) IKE_DROP_##id,
    IKE_DROPS(X)
#undef X
        IKE_DROP_COUNT
};
extern const char *const ike_drop_names[IKE_DROP_COUNT];
void ike_drops(const struct ike *ike, uint64_t ret[IKE_DROP_COUNT]);
