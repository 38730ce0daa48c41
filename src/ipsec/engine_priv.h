/* Private to src/ipsec: the engine's structs, shared by the control side (ipsec.c, sad.c, sa.c,
 * events.c, expiry.c) and the packet path (output.c, input.c, esp.c, ah.c ...).
 *
 * Threads. One control thread writes everything here except what a comment gives to workers.
 * Workers read under urcu_memb_read_lock(). An SA that was removed is unlinked at once, waits on
 * the retired list and is freed by the control thread after a grace period. */
#pragma once

#include "engine.h"
#include "expiry.h"
#include "hash.h"
#include "rcu_tsan.h"
#include "replay.h"

#include <assert.h>
#include <stddef.h>
#include <urcu/urcu-memb.h>
/* The flavour has to come first. */
#include <urcu/rculfhash.h>

/* Per worker and SA, written by that worker alone, summed by sa_stats(). Cells of one worker lie
 * side by side, so that workers share no cache line and an SA pays for its cells only. */
struct sa_counters {
    uint64_t bytes; /* inner octets handled (RFC 2401 4.4.3), as current-bytes counts them */
    uint64_t packets;
    uint64_t checked_bytes; /* `bytes` when this worker last compared the total with the limits */
};

enum { SA_COUNTER_PAGE = 256 }; /* SAs whose counters share an allocation */

struct sa {
    /* hot: read for every packet. The lookup needs both lines, the transform little more. */
    struct cds_lfht_node node; /* SAD, by (src, dst, proto, spi) */
    uint32_t spi_be;
    uint32_t reqid;
    uint32_t slot;
    uint8_t proto; /* enum sa_proto */
    uint8_t cipher, auth;
    uint8_t iv_len, block_len, icv_len;
    bool inbound, tunnel;
    _Atomic uint8_t state; /* enum sa_state; SA_DEAD stops both directions */
    bool byte_limits;      /* life has a limit in bytes */
    uint16_t n_workers;
    _Atomic uint32_t path_mtu;
    _Atomic uint32_t seq;         /* outbound: last number used */
    struct sa_counters *counters; /* worker W's cell: counters[W * SA_COUNTER_PAGE] */
    uint16_t local_port, remote_port;
    bool udp_encap;
    atomic_flag replay_busy; /* guards `replay` of an udp_encap SA; see replay_lock() */
    /* second line */
    struct ip_addr src, dst;
    _Atomic bool soft_sent, hard_sent; /* expiry already reported, by time or by bytes */
    _Atomic uint64_t check_quantum;    /* bytes a worker may add before it looks at the total */
    struct replay replay;              /* inbound: belongs to the worker that the SPI hashes to */
    struct bulk_key key;
    /* cold: the control side's, use_time_s excepted */
    struct sa_lifetime life;
    _Atomic int64_t use_time_s;
    int64_t add_time_s;
    uint64_t add_ms;
    uint64_t owner;
    struct sa *prev, *next;       /* in the order added; `next` links the retired list afterwards */
    struct secret *long_auth_key; /* owned; an authentication key longer than auth_key */
    uint64_t replay_small[2];     /* replay.bits of windows up to 64 packets */
    uint32_t counter_cell;        /* number of the cell behind `counters` */
    uint32_t heap_pos;            /* 1 + place in the expiry heap; 0: not there */
    uint32_t slot_first;          /* 1 + first slot that sends through it; 0: none */
    uint8_t enc_key_len, auth_key_len;
    bool pfs;
    uint8_t auth_key[20]; /* the encryption key is in `key`, the other only digested */
};

static_assert(offsetof(struct sa, src) <= 64 && offsetof(struct sa, key) <= 128,
              "what every packet reads is two cache lines and the key");
static_assert(sizeof(struct sa) <= 832, "with its cells and table node an SA stays below 1 KiB");

static inline struct sa_counters *sa_counters(const struct sa *sa, unsigned worker)
{
    return &sa->counters[(size_t)worker * SA_COUNTER_PAGE];
}

/* Counters with one writer that others read while they change: add without a locked instruction. */
static inline void counter_add(uint64_t *c, uint64_t n)
{
    __atomic_store_n(c, __atomic_load_n(c, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline uint64_t counter_get(const uint64_t *c)
{
    return __atomic_load_n(c, __ATOMIC_RELAXED);
}

/* What a policy item owns across SPD rebuilds, by slot. */
struct slot {
    struct sa *out[2]; /* RCU: [0] ESP, [1] AH */
    /* control side: 1 + the neighbour slots in the list of slots that use out[i]; 0: end */
    uint32_t prev[2], next[2];
    atomic_uint fills; /* how often it was given an SA or a policy: earlier acquires are history */
};

struct slot_counters { /* per worker and slot, in pages made when first used; use counter_add() */
    uint64_t out_dropped, out_transformed, in_transformed, not_encrypted, not_decrypted;
    /* the worker's alone: when it last asked for an SA, 0 never, and the slot's fills then */
    uint64_t acquired_ms;
    unsigned acquired_fills;
};

enum { SLOTS_PER_PAGE = 256, SLOT_PAGES = SPD_MAX_SLOTS / SLOTS_PER_PAGE };

struct slot_page {
    struct slot slots[SLOTS_PER_PAGE];
    struct slot_counters base[SLOTS_PER_PAGE]; /* control side: what ipsec_slot_reset() took off */
    struct slot_counters counters[];           /* [worker][SLOTS_PER_PAGE] */
};

enum { EVENT_QUEUE = 4096 };

struct event_queue; /* bounded multi-producer single-consumer ring, events.c */

struct sa_cells {                 /* the cells of SA_COUNTER_PAGE SAs */
    struct sa_counters *counters; /* [worker][SA_COUNTER_PAGE] */
    uint16_t n_used;
    uint64_t used[SA_COUNTER_PAGE / 64];
};

struct ipsec {
    struct spd *spd; /* RCU; never NULL */
    struct cds_lfht *sad;
    struct hash_key hash_key;
    struct slot_page *_Atomic pages[SLOT_PAGES]; /* made by the control side on first use */
    struct slot_counters *bin;                   /* [worker]: for slots without a page */
    struct event_queue *events;
    struct ipsec_worker **workers; /* n_workers, NULL until made */
    unsigned n_workers;
    enum bulk_backend backend;
    _Atomic bool event_lost; /* a worker could not report an expiry: the next tick does */
    /* control side only */
    struct bulk *bulk; /* for key expansion */
    struct sa *sa_first, *sa_last;
    struct sa *retired; /* unlinked, waiting for a grace period */
    unsigned n_sas, n_retired;
    unsigned sad_buckets;
    struct expiry expiry;
    struct sa_cells *cells;
    unsigned n_cells, first_free_cells; /* pages below have no free cell */
};

/* Packets in UDP go to workers by their source, which a NAT, or whoever sends copies, may change at
 * any time. Raw ESP and AH keep to one worker by their SPI and need no lock. */
static inline void replay_lock(struct sa *sa)
{
    if (sa->udp_encap)
        while (atomic_flag_test_and_set_explicit(&sa->replay_busy, memory_order_acquire))
            ;
}

static inline void replay_unlock(struct sa *sa)
{
    if (sa->udp_encap)
        atomic_flag_clear_explicit(&sa->replay_busy, memory_order_release);
}

/* Under urcu_memb_read_lock. Finds SAs of both directions; SRC without an address finds receiving
 * SAs in UDP, whose source may change on the way (RFC 3948 2.1, RFC 4301 4.1). */
struct sa *sad_lookup(const struct ipsec *e, uint8_t proto, const struct ip_addr *src,
                      const struct ip_addr *dst, uint32_t spi_be);
static inline struct slot_page *slot_page(const struct ipsec *e, uint32_t slot)
{
    return slot < SPD_MAX_SLOTS
               ? atomic_load_explicit(&e->pages[slot / SLOTS_PER_PAGE], memory_order_acquire)
               : NULL;
}
/* The calling worker's counters of a slot; never NULL (an unknown slot counts into a bin). */
struct slot_counters *slot_counters(struct ipsec *e, unsigned worker, uint32_t slot);
struct sa *slot_sa(const struct ipsec *e, uint32_t slot, enum sa_proto proto);
unsigned slot_fills(const struct ipsec *e, uint32_t slot);

/* Counts N packets of BYTES in all on SA; on a byte limit marks the SA and queues one event (see
 * event_waiting). The batch that reaches the hard limit still passes. False when the SA is dead:
 * nothing was counted and the packets must be dropped as expired. */
bool sa_account(struct ipsec *e, struct sa *sa, unsigned worker, uint64_t bytes, unsigned n,
                int64_t wall_s);
bool event_put(struct ipsec *e, const struct ipsec_event *ev); /* false: queue full */
bool event_waiting(const struct ipsec *e);                     /* the control thread has work */
const uint64_t *worker_drops(const struct ipsec_worker *w);    /* DROP_COUNT counters */
/* After SAs or policies changed: workers with packets that wait look again. */
void workers_nudge(struct ipsec *e);

/* sad.c */
bool sad_init(struct ipsec *e);
void sad_fini(struct ipsec *e);                  /* the table must be empty */
bool sad_insert(struct ipsec *e, struct sa *sa); /* false: its key is taken */
void sad_remove(struct ipsec *e, struct sa *sa);

/* sa.c */
enum ipsec_sa_result sa_new(struct ipsec *e, const struct sa_config *c, struct sa **ret);
void sa_free(struct ipsec *e, struct sa *sa); /* wipes the keys; no reader may be left */
/* Moves SA to DYING or DEAD and reports it, once. Without room for the report it sets
 * e->event_lost, and the next tick calls again. */
void sa_expire(struct ipsec *e, struct sa *sa, bool hard);
/* When its next limit in time is reached, 0 for never. */
uint64_t sa_due_ms(const struct sa *sa);

/* slot.c */
void slot_page_make(struct ipsec *e, uint32_t slot);
void slots_forget(struct ipsec *e, struct sa *sa); /* no slot sends through SA any more */
void slots_fini(struct ipsec *e);

/* events.c */
struct event_queue *event_queue_new(void);
void event_queue_free(struct event_queue *q);
