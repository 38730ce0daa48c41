/* What is on its way in a world: IKE messages, protected packets, finished computations; by time,
 * and what a bad network does to it. */
#pragma once

#include "ike.h"

struct world;

struct impairments {
    unsigned loss, duplicate, corrupt, reflect; /* percent */
    unsigned delay_ms, jitter_ms;               /* jitter reorders */
};

struct sim_message {      /* IKE, on its way or recorded */
    struct ike_path path; /* as the receiver sees it */
    unsigned to;
    size_t len;
    uint8_t *bytes;
};

struct network { /* a heap by time, then by order */
    struct event *events;
    size_t n_events, cap_events;
    uint64_t order;
    unsigned n_packets; /* of the events */
};

/* How often each message of a side was sent: retransmissions are the same bytes. */
struct repeats {
    struct repeat *at;
    size_t cap, n;
    unsigned most;    /* times one message was sent */
    uint64_t most_ms; /* between the first and the last time of one */
};

void network_fini(struct world *w);
/* A message of SIDE's engine, or one of its protected packets, sets out. */
void network_ike(struct world *w, unsigned from, const struct ike_action *a);
void network_packet(struct world *w, unsigned from, const uint8_t *p, size_t len);
void network_job(struct world *w, unsigned side, struct ike_job *job);
/* Jobs of a side must be back before its engine goes. */
void network_finish_jobs(struct world *w, unsigned side);
/* Puts M on the wire as it is, to arrive after DELAY_MS. */
void world_send(struct world *w, const struct sim_message *m, unsigned delay_ms);

uint64_t network_next_ms(const struct world *w); /* UINT64_MAX: nothing is on its way */
void network_deliver_due(struct world *w);
void repeats_fini(struct repeats *r);
