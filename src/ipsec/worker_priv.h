/* Private to the packet path of src/ipsec: one worker's state, and what the stages hand on.
 * Everything here belongs to one thread. */
#pragma once

#include "encap.h"
#include "engine_priv.h"
#include "flow_cache.h"
#include "gro.h"
#include "hold.h"
#include "reassembly.h"
#include "verdict.h"

enum {
    POOL_SMALL_MAX = 4096,      /* datagrams up to a path MTU of 1500: 9 MB */
    POOL_LARGE_MAX = 512,       /* superpackets, whole datagrams: 34 MB */
    ACQUIRE_INTERVAL_MS = 1000, /* of one slot; an SA that came and went is asked for at once */
    STRAY_SETS = 64, /* sources remembered: the most reports of unknown SPIs in STRAY_INTERVAL_MS */
    STRAY_INTERVAL_MS = 1000,
    ICMP_PER_S = 1000, /* too-big messages of one worker */
    IN_DEPTH_MAX = 4   /* ESP and AH around one datagram */
};

/* "No drop" among the reasons. */
#define DROP_NONE DROP_COUNT

/* A datagram on its way out, between layout and the wire. */
struct out_job {
    struct pkt *pkt; /* NULL once dropped */
    struct encap_plan plan;
    struct encap_layout at;
    const struct policy *policy;
};

/* A protected datagram on its way in. */
struct in_job {
    struct pkt *pkt;      /* NULL once dropped */
    struct sa *sa;        /* of the transform being taken off */
    struct sa *opened[2]; /* last SA by protocol: [0] ESP, [1] AH */
    struct ip_parts parts;
    uint32_t seq;
    uint32_t reqid;
    bool udp;        /* it came in UDP, which parts.l4 is behind */
    uint8_t applied; /* PROTO_BIT_* */
    uint8_t depth;
    bool mixed;  /* its SAs belong to different policies */
    bool tunnel; /* came out of a tunnel header */
    bool done;   /* no ESP or AH left */
};

/* Scratch of a crypto pass over a batch. */
struct crypto_pass {
    struct bulk_job jobs[PKT_BATCH];
    uint8_t icv[PKT_BATCH][AH_ICV_MAX];
    struct ah_saved saved[PKT_BATCH];
    void *owner[PKT_BATCH]; /* the out_job or in_job behind each job */
};

struct ipsec_worker {
    struct ipsec *e;
    unsigned index;
    struct rng *rng; /* borrowed */
    struct ipsec_sink sink;
    struct bulk *bulk;
    struct pkt_pool pool;
    uint64_t now_ms;
    /* during one ipsec_out or ipsec_in: */
    const struct spd *spd;
    struct sa *last_in; /* the SA last found */

    struct flow_cache *flows;
    struct reassembly *reassembly;
    struct verdicts *verdicts;
    struct hold hold;
    _Atomic bool holding;        /* packets wait: the control thread nudges */
    uint64_t strays[STRAY_SETS]; /* until when sources of that hash are not reported again */
    uint64_t icmp_second;
    unsigned icmp_sent;

    struct crypto_pass pass;
    struct out_job out[PKT_BATCH];
    unsigned n_out;
    struct in_job in[PKT_BATCH];
    struct pkt *wire[PKT_BATCH]; /* outer datagrams collected for the sink */
    unsigned n_wire;

    _Alignas(64) uint64_t drops[DROP_COUNT];
};

/* While packet I of a batch is handled, the headers of those behind it come into the cache. */
static inline void worker_prefetch(struct pkt **pkts, unsigned n, unsigned i)
{
    if (i + 4 < n)
        __builtin_prefetch(pkts[i + 4]);
    if (i + 2 < n) {
        __builtin_prefetch(pkts[i + 2]->data);
        __builtin_prefetch(pkts[i + 2]->data - 64);
    }
}

/* worker.c */
void worker_begin(struct ipsec_worker *w, uint64_t now_ms); /* enters the RCU read side */
void worker_end(struct ipsec_worker *w);
/* Counts N packets under REASON and puts P back. */
void worker_drop(struct ipsec_worker *w, struct pkt *p, enum ipsec_drop reason, unsigned n);
void worker_acquire(struct ipsec_worker *w, uint32_t slot, const struct spd_key *key);
/* Somebody sends by an SA that is not here. */
void worker_stray(struct ipsec_worker *w, const struct ipsec_event *ev);
void worker_hold(struct ipsec_worker *w, const struct held *held); /* takes its packet */
/* sa_account() with the worker's clock. */
bool worker_account(struct ipsec_worker *w, struct sa *sa, uint64_t bytes, unsigned n);
bool worker_icmp_allowed(struct ipsec_worker *w);
uint16_t worker_ip_id(struct ipsec_worker *w); /* random, never 0 */
/* P or, when its buffer has less room before or behind the datagram than asked, a copy in a new
 * one; NULL without a buffer, P is kept then. */
struct pkt *worker_with_room(struct ipsec_worker *w, struct pkt *p, size_t head, size_t tail);
