/* Private to src/ipsec: the engine's structs, shared by the control side (ipsec.c, sad.c, sa.c)
 * and the packet path (output.c, input.c, esp.c, ah.c ...). */
#pragma once

#include "engine.h"
#include "hash.h"
#include "replay.h"

#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

/* Per worker and SA. One cache line, written by that worker alone, summed by sa_stats(). */
struct sa_counters {
    _Alignas(64) uint64_t bytes; /* inner octets handled, as current-bytes counts them */
    uint64_t packets;
};

/* Why bytes: RFC 2401 counts the octets the transform was applied to; current-bytes does too. */

struct sa {
    /* hot: read for every packet */
    uint32_t spi_be;
    uint32_t reqid;
    uint32_t slot;
    uint8_t proto;          /* enum sa_proto */
    uint8_t cipher, auth;
    uint8_t iv_len, block_len, icv_len;
    bool inbound, tunnel;
    _Atomic uint8_t state;  /* enum sa_state; SA_DEAD stops both directions */
    _Atomic uint32_t path_mtu;
    _Atomic uint32_t seq;   /* outbound: last number used */
    _Atomic bool soft_sent, hard_sent; /* byte limits already reported */
    struct ip_addr src, dst;
    struct replay replay;   /* inbound: belongs to the worker that the SPI hashes to */
    struct bulk_key key;
    /* cold */
    struct sa_config *config;          /* owned; keys wiped on free */
    _Atomic int64_t use_time_s;
    int64_t add_time_s;
    uint64_t add_ms;
    struct cds_lfht_node node;         /* SAD, by (src, dst, proto, spi) */
    struct sa *prev, *next;            /* control side: in the order added */
    struct rcu_head rcu;
    struct sa_counters counters[];     /* n_workers */
};

/* What a policy item owns across SPD rebuilds, by slot. */
struct slot {
    struct sa *out[2]; /* RCU: [0] ESP, [1] AH */
};

struct slot_counters { /* per worker and slot, in pages made when first used */
    uint64_t out_dropped, out_transformed, in_transformed, not_encrypted, not_decrypted;
};

enum { SLOTS_PER_PAGE = 256, SLOT_PAGES = SPD_MAX_SLOTS / SLOTS_PER_PAGE };

struct slot_page {
    struct slot slots[SLOTS_PER_PAGE];
    struct slot_counters counters[]; /* [worker][SLOTS_PER_PAGE] */
};

enum { EVENT_QUEUE = 4096 };

struct event_queue; /* bounded multi-producer single-consumer ring, events.c */

struct ipsec {
    struct spd *spd;                      /* RCU */
    struct cds_lfht *sad;
    struct hash_key hash_key;
    struct sa *sa_first, *sa_last;
    struct slot_page *_Atomic pages[SLOT_PAGES]; /* made by the control side on first use */
    struct bulk *bulk;                    /* the control thread's, for key expansion */
    enum bulk_backend backend;
    struct event_queue *events;
    struct ipsec_worker **workers;        /* n_workers, NULL until made */
    unsigned n_workers;
};

/* Under urcu_memb_read_lock: */
struct sa *sad_lookup(const struct ipsec *e, uint8_t proto, const struct ip_addr *src,
                      const struct ip_addr *dst, uint32_t spi_be);
static inline struct slot_page *slot_page(const struct ipsec *e, uint32_t slot)
{
    return slot < SPD_MAX_SLOTS ? e->pages[slot / SLOTS_PER_PAGE] : NULL;
}
/* The calling worker's counters of a slot; never NULL (an unknown slot counts into a bin). */
struct slot_counters *slot_counters(struct ipsec *e, unsigned worker, uint32_t slot);
struct sa *slot_sa(const struct ipsec *e, uint32_t slot, enum sa_proto proto);

/* Counts N packets of BYTES in all on SA; on a byte limit marks the SA and queues one event.
 * False when the hard limit is passed: the packets must be dropped as expired. */
bool sa_account(struct ipsec *e, struct sa *sa, unsigned worker, uint64_t bytes, unsigned n,
                int64_t wall_s);
bool event_put(struct ipsec *e, const struct ipsec_event *ev); /* false: queue full */
const uint64_t *worker_drops(const struct ipsec_worker *w);    /* DROP_COUNT counters */
