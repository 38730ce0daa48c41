/* The data-path engine, without I/O: batches of packets in, packets and events out.
 *
 * struct ipsec is shared by all workers and the control thread: SPD snapshot, SAD, per-policy SA
 * pointers and counters. The control thread changes it (one writer); workers read under RCU.
 * struct ipsec_worker belongs to one thread: packet pool, crypto managers, flow cache, fragments,
 * counters. Time is passed in; output goes to the sink. A worker never emits clear text.
 * Every thread that calls anything here, the control thread included, must be registered with
 * liburcu (urcu_memb_register_thread). */
#pragma once

#include "bulk.h"
#include "drop.h"
#include "pkt.h"
#include "rng.h"
#include "sa.h"
#include "spd.h"

struct ipsec;
struct ipsec_worker;

/* ---- control side: one thread ---- */

/* NULL when BACKEND is not available. */
struct ipsec *ipsec_new(unsigned n_workers, enum bulk_backend backend);
void ipsec_free(struct ipsec *e); /* no worker may run any more */

/* Takes SPD; frees the old one after a grace period. Once it returns, every worker follows. */
void ipsec_spd_set(struct ipsec *e, struct spd *spd);
const struct spd *ipsec_spd(const struct ipsec *e);

enum ipsec_sa_result {
    SA_ADDED,
    SA_EXISTS,
    SA_BAD_KEY,
    SA_BAD_ALGORITHM,
    SA_BAD_SPI,
    SA_BAD_ADDRESS,
    SA_BAD_ENCAP /* AH or transport mode inside UDP */
};
/* ADD_TIME_S is wall-clock time. On success *ret is borrowed and valid until ipsec_sa_remove. */
enum ipsec_sa_result ipsec_sa_add(struct ipsec *e, const struct sa_config *c, int64_t add_time_s,
                                  uint64_t now_ms, struct sa **ret);
/* Unlinks it from the SAD and from every slot; freed after a grace period, at the latest by the
 * next tick. */
void ipsec_sa_remove(struct ipsec *e, struct sa *sa);
/* A receiving SA in UDP is found whatever SRC is. */
struct sa *ipsec_sa_find(struct ipsec *e, enum sa_proto proto, const struct ip_addr *src,
                         const struct ip_addr *dst, uint32_t spi);
/* Visits every SA in the order they were added. VISIT must not add or remove. */
void ipsec_sa_each(struct ipsec *e, void (*visit)(void *ctx, struct sa *sa), void *ctx);
/* Which SAs policy SLOT sends through; NULL where it has none. */
void ipsec_slot_set(struct ipsec *e, uint32_t slot, struct sa *esp_out, struct sa *ah_out);
/* Virtual-clock tick: states, soft and hard lifetimes by time. Reports through expire events of
 * the queue, each once; the control thread decides what to remove. Bounded: true when more is due
 * (or the event queue was full) and it should be called again soon. Also frees removed SAs. */
bool ipsec_tick(struct ipsec *e, uint64_t now_ms);

struct ipsec_slot_stats {
    uint64_t out_dropped, out_transformed, in_transformed, not_encrypted, not_decrypted;
};
struct ipsec_slot_stats ipsec_slot_stats(const struct ipsec *e, uint32_t slot);
void ipsec_slot_reset(struct ipsec *e, uint32_t slot); /* a slot given to a new item starts at 0 */
void ipsec_drops(const struct ipsec *e, uint64_t ret[DROP_COUNT]);

/* Events cross from workers to the control thread through a bounded queue; drain it there. */
enum ipsec_event_type {
    EV_ACQUIRE,
    EV_SOFT,
    EV_HARD,
    EV_FIRST, /* the first packet by a receiving SA: the peer uses it. Lost when the queue is full
               */
    EV_UNKNOWN_SPI /* a packet came by an SA that is not here */
};
struct ipsec_event {
    enum ipsec_event_type type;
    uint32_t slot;       /* EV_ACQUIRE */
    struct spd_key key;  /* EV_ACQUIRE: the packet that wants it */
    enum sa_proto proto; /* the others: which SA; EV_UNKNOWN_SPI: none */
    uint32_t spi;
    struct ip_addr src, dst;
    uint64_t owner;
};
bool ipsec_event_take(struct ipsec *e, struct ipsec_event *ret);

/* ---- worker side: one thread each ---- */

struct ipsec_sink {
    void *ctx;
    /* Complete outer datagrams of ESP, AH or UDP, each at most the path MTU, all to leave now. Of
     * UDP the checksum field is 0, save in IP fragments over IPv6. Takes the packets
     * (returns them with pkt_put to the worker's pool); gives how many the kernel took
     * (the engine counts the others as OUT_SEND, or IN_INJECT below). */
    unsigned (*wire)(void *ctx, struct pkt **pkts, unsigned n);
    /* Decrypted datagrams or superpackets, ifindex = where the protected packet came in. */
    unsigned (*inject)(void *ctx, struct pkt **pkts, unsigned n);
    /* An ICMP or ICMPv6 message (from its type byte, checksum done for ICMP, left 0 for ICMPv6)
     * for DST; borrowed. */
    void (*icmp)(void *ctx, const struct ip_addr *dst, const uint8_t *msg, size_t len);
    /* Something was queued for the control thread: wake it. */
    void (*wake)(void *ctx);
    /* Called by the control thread: packets that wait may leave now, have the worker's thread call
     * ipsec_release soon. */
    void (*nudge)(void *ctx);
};

struct ipsec_worker *ipsec_worker_new(struct ipsec *e, unsigned index, struct rng *rng,
                                      const struct ipsec_sink *sink);
void ipsec_worker_free(struct ipsec_worker *w);
struct pkt_pool *ipsec_worker_pool(struct ipsec_worker *w);
/* Captured packets on their way out; N <= PKT_BATCH; takes them. */
void ipsec_out(struct ipsec_worker *w, struct pkt **pkts, unsigned n, uint64_t now_ms);
/* Sends the packets that waited for an SA and have one now. */
void ipsec_release(struct ipsec_worker *w, uint64_t now_ms);
/* ESP and AH packets as received (whole IP datagrams, outer fragments reassembled), or in UDP what
 * is no IKE message; takes them. */
void ipsec_in(struct ipsec_worker *w, struct pkt **pkts, unsigned n, uint64_t now_ms);
/* Fragment tables, packets that waited too long and the like; call about once a second. */
void ipsec_worker_tick(struct ipsec_worker *w, uint64_t now_ms);
/* The sink could not pass a packet on: counted under the reason. */
void ipsec_worker_count(struct ipsec_worker *w, enum ipsec_drop reason, unsigned n);
