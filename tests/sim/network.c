#include "network.h"

#include "cursor.h"
#include "datapath.h"
#include "ip.h"
#include "text.h"
#include "world.h"

#include <stdlib.h>

enum { NAT_PORTS = 20000 }; /* what the NAT adds to A's */

enum event_kind { EVENT_NOTHING, EVENT_MESSAGE, EVENT_PACKET, EVENT_JOB };

struct event {
    uint64_t at_ms, order;
    enum event_kind kind;
    struct sim_message m; /* EVENT_PACKET: receiver and bytes */
    struct ike_job *job;
};

/* ---- the heap ---- */

static bool before(const struct event *a, const struct event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void event_push(struct network *net, struct event e)
{
    size_t i = net->n_events++;

    if (net->n_events > net->cap_events) {
        net->cap_events = 2 * net->n_events + 16;
        net->events = xrealloc(net->events, net->cap_events * sizeof *net->events);
    }
    net->n_packets += e.kind == EVENT_PACKET;
    e.order = net->order++;
    while (i > 0 && before(&e, &net->events[(i - 1) / 2])) {
        net->events[i] = net->events[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    net->events[i] = e;
}

static struct event event_pop(struct network *net)
{
    struct event first = net->events[0], last = net->events[--net->n_events];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= net->n_events)
            break;
        if (child + 1 < net->n_events && before(&net->events[child + 1], &net->events[child]))
            child++;
        if (!before(&net->events[child], &last))
            break;
        net->events[i] = net->events[child];
        i = child;
    }
    net->events[i] = last;
    net->n_packets -= first.kind == EVENT_PACKET;
    return first;
}

/* ---- how often a message is sent ---- */

struct repeat {
    uint64_t hash, first_ms;
    unsigned n; /* 0: free */
};

static struct repeat *repeat_slot(struct repeats *r, uint64_t hash)
{
    size_t i = hash & (r->cap - 1);

    while (r->at[i].n && r->at[i].hash != hash)
        i = (i + 1) & (r->cap - 1);
    return &r->at[i];
}

static void repeats_grow(struct repeats *r)
{
    struct repeats bigger = { .cap = r->cap ? 2 * r->cap : 64 };

    bigger.at = xcalloc(bigger.cap, sizeof *bigger.at);
    for (size_t i = 0; i < r->cap; i++) {
        if (r->at[i].n)
            *repeat_slot(&bigger, r->at[i].hash) = r->at[i];
    }
    free(r->at);
    r->at = bigger.at;
    r->cap = bigger.cap;
}

static void repeats_count(struct repeats *r, struct slice bytes, uint64_t now_ms)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    struct repeat *slot;

    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ bytes.p[i]) * 0x100000001b3u;
    if (2 * (r->n + 1) > r->cap)
        repeats_grow(r);
    slot = repeat_slot(r, hash);
    if (slot->n++ == 0) {
        r->n++;
        *slot = (struct repeat){ hash, now_ms, 1 };
    }
    r->most = slot->n > r->most ? slot->n : r->most;
    if (now_ms - slot->first_ms > r->most_ms)
        r->most_ms = now_ms - slot->first_ms;
}

void repeats_fini(struct repeats *r)
{
    free(r->at);
    *r = (struct repeats){ 0 };
}

/* ---- on the way ---- */

static bool chance(struct world *w, unsigned percent)
{
    return percent > 0 && world_random(w) % 100 < percent;
}

static unsigned delay(struct world *w)
{
    unsigned jitter = w->bad.jitter_ms ? (unsigned)(world_random(w) % w->bad.jitter_ms) : 0;

    return w->bad.delay_ms + jitter;
}

static void put(struct world *w, enum event_kind kind, const struct sim_message *m,
                unsigned delay_ms)
{
    struct event e = { .at_ms = w->now_ms + delay_ms, .kind = kind, .m = *m };

    e.m.bytes = xmalloc(m->len);
    memcpy(e.m.bytes, m->bytes, m->len);
    event_push(&w->net, e);
}

void world_send(struct world *w, const struct sim_message *m, unsigned delay_ms)
{
    put(w, EVENT_MESSAGE, m, delay_ms);
}

/* Back to the sender, from the address it was sent to. */
static void reflect(struct world *w, enum event_kind kind, const struct sim_message *m)
{
    struct sim_message back = *m;

    back.to = 1 - m->to;
    back.path =
        (struct ike_path){ m->path.remote, m->path.local, m->path.remote_port, m->path.local_port };
    put(w, kind, &back, delay(w));
}

/* One bit, behind the IP header of a packet: what is wrong there the kernel drops by its checksum,
 * or it may change on the way. */
static void corrupt(struct world *w, enum event_kind kind, struct sim_message *m)
{
    size_t from = kind == EVENT_MESSAGE ? 0 : ip_version(m->bytes) == 4 ? IP4_HDR_LEN : IP6_HDR_LEN;

    m->bytes[from + world_random(w) % (m->len - from)] ^= (uint8_t)(1u << (world_random(w) % 8));
}

static void carry(struct world *w, enum event_kind kind, struct sim_message *m)
{
    if (chance(w, w->bad.duplicate))
        put(w, kind, m, delay(w));
    if (chance(w, w->bad.reflect))
        reflect(w, kind, m);
    if (chance(w, w->bad.corrupt)) {
        corrupt(w, kind, m);
        put(w, kind, m, delay(w));
    } else if (!chance(w, w->bad.loss)) {
        put(w, kind, m, delay(w));
    }
}

static struct ike_path path_at_receiver(const struct world *w, unsigned from,
                                        const struct ike_path *p)
{
    struct ike_path at = { p->remote, p->local, p->remote_port, p->local_port };

    if (w->nat.family && from == SIM_A) {
        at.remote = w->nat;
        at.remote_port = (uint16_t)(p->local_port + NAT_PORTS);
    } else if (w->nat.family) {
        at.local = w->side[SIM_A].addr;
        at.local_port = (uint16_t)(p->remote_port - NAT_PORTS);
    }
    return at;
}

void network_ike(struct world *w, unsigned from, const struct ike_action *a)
{
    struct side *s = &w->side[from];
    struct sim_message m = {
        .path = path_at_receiver(w, from, &a->path),
        .to = 1 - from,
        .len = a->bytes.len,
        .bytes = xmalloc(a->bytes.len),
    };

    memcpy(m.bytes, a->bytes.p, a->bytes.len);
    s->n_sent++;
    s->bytes_sent += a->bytes.len;
    w->messages++;
    repeats_count(&s->repeats, a->bytes, w->now_ms);
    if (!w->tap || w->tap(w, &m))
        carry(w, EVENT_MESSAGE, &m);
    free(m.bytes);
}

/* ESP in UDP over IPv4 through the NAT, as path_at_receiver() has it for IKE. */
static void translate(const struct world *w, unsigned from, uint8_t *p)
{
    uint8_t *udp = p + IP4_HDR_LEN;

    if (!w->nat.family || ip_version(p) != 4 || p[IP4_PROTO] != PROTO_UDP)
        return;
    if (from == SIM_A) {
        memcpy(p + IP4_SRC, w->nat.b, 4);
        be16_put(udp, (uint16_t)(be16_get(udp) + NAT_PORTS));
    } else {
        memcpy(p + IP4_DST, w->side[SIM_A].addr.b, 4);
        be16_put(udp + 2, (uint16_t)(be16_get(udp + 2) - NAT_PORTS));
    }
    ip4_csum_set(p);
}

void network_packet(struct world *w, unsigned from, const uint8_t *p, size_t len)
{
    struct sim_message m = { .to = 1 - from, .len = len, .bytes = xmalloc(len) };

    memcpy(m.bytes, p, len);
    translate(w, from, m.bytes);
    w->side[from].n_packets++;
    carry(w, EVENT_PACKET, &m);
    free(m.bytes);
}

/* ---- arrival ---- */

uint64_t network_next_ms(const struct world *w)
{
    return w->net.n_events ? w->net.events[0].at_ms : UINT64_MAX;
}

static void deliver(struct world *w, struct event *e)
{
    struct side *s = &w->side[e->m.to];
    uint64_t now_ms = side_now_ms(s);

    switch (e->kind) {
    case EVENT_NOTHING:
        break;
    case EVENT_MESSAGE:
        if (!s->suspended)
            ike_on_datagram(s->ike, now_ms, &e->m.path, e->m.bytes, e->m.len);
        break;
    case EVENT_PACKET:
        if (!s->suspended)
            datapath_in(s, e->m.bytes, e->m.len);
        break;
    case EVENT_JOB:
        ike_job_run(e->job);
        ike_on_job_done(s->ike, now_ms, e->job);
        break;
    }
    world_take_actions(w, e->m.to);
    free(e->m.bytes);
}

void network_deliver_due(struct world *w)
{
    while (network_next_ms(w) <= w->now_ms) {
        struct event e = event_pop(&w->net);

        deliver(w, &e);
    }
}

/* ---- jobs ---- */

void network_job(struct world *w, unsigned side, struct ike_job *job)
{
    event_push(&w->net,
               (struct event){
                   .at_ms = w->now_ms + w->job_ms, .kind = EVENT_JOB, .m.to = side, .job = job });
}

void network_finish_jobs(struct world *w, unsigned side)
{
    for (size_t i = 0; i < w->net.n_events;) {
        struct event *e = &w->net.events[i];
        struct ike_job *job = e->job;

        if (e->kind != EVENT_JOB || e->m.to != side) {
            i++;
            continue;
        }
        e->kind = EVENT_NOTHING;
        ike_job_run(job);
        ike_on_job_done(w->side[side].ike, side_now_ms(&w->side[side]), job);
        world_take_actions(w, side);
        i = 0;
    }
}

void network_fini(struct world *w)
{
    for (size_t i = 0; i < w->net.n_events; i++)
        free(w->net.events[i].m.bytes);
    free(w->net.events);
    w->net = (struct network){ 0 };
}
