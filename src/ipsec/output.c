/* Outbound: captured datagrams and superpackets become ESP and AH. RFC 4301 5.1.
 *
 *  1. parse         headers; complete the transport checksum the stack left to a device
 *  2. look up       the policy; fragments of what needs whole datagrams are put together first
 *  3. choose SAs    of the policy's slot, by its protocols and level; none: no clear text, ever;
 *                   the last packet of each policy waits (hold.h)
 *  4. fit           mode, MSS of SYNs, size against the path MTU; too big and DF: tell the sender
 *  5. cut           superpackets into datagrams that fit
 *  6. lay out       the outer IP header, room for AH and ESP in place; collect a batch
 *  7. number        account for bytes, take sequence numbers, per run of one SA
 *  8. seal          ESP over the batch, then AH over the batch
 *  9. send          count, fragment what exceeds the path MTU, hand over to the sink
 */
#include "fragment.h"
#include "mss.h"
#include "segment.h"
#include "toobig.h"
#include "worker_priv.h"

#include <string.h>

enum { SEQ_SOFT = 0xf0000000u }; /* ask for a new SA with 2^28 numbers left */

/* One captured packet on its way through steps 1 to 5. */
struct out_packet {
    struct pkt *pkt;
    struct ip_parts parts;
    struct flow flow;
    const struct policy *policy;
    struct encap_plan plan;
    unsigned n; /* datagrams it stands for */
    bool df;
    uint64_t until_ms; /* it waited for an SA before, and may until then; 0: it is new */
};

static void wire_flush(struct ipsec_worker *w)
{
    unsigned n = w->n_wire;

    w->n_wire = 0;
    if (n)
        ipsec_worker_count(w, DROP_OUT_SEND, n - w->sink.wire(w->sink.ctx, w->wire, n));
}

static void wire_put(struct ipsec_worker *w, struct pkt *p)
{
    w->wire[w->n_wire++] = p;
    if (w->n_wire == PKT_BATCH)
        wire_flush(w);
}

static void drop(struct ipsec_worker *w, struct out_packet *o, enum ipsec_drop reason)
{
    worker_drop(w, o->pkt, reason, o->n);
}

/* Drops for want of a transform whose SA is known: its policy shows it. */
static void drop_failed(struct ipsec_worker *w, struct pkt *p, const struct sa *sa,
                        enum ipsec_drop reason, unsigned n)
{
    counter_add(&slot_counters(w->e, w->index, sa->slot)->not_encrypted, n);
    worker_drop(w, p, reason, n);
}

/* ---- 9. send ---- */

static void send_fragments(struct ipsec_worker *w, struct out_job *job)
{
    uint8_t *ip = job->pkt->data;
    bool v4 = ip_version(ip) == 4;
    struct ip_parts parts;
    struct fragmenter f;
    size_t len;

    if (!ip_parts_parse(ip, job->pkt->len, &parts) ||
        !fragment_init(&f, job->pkt, job->at.ipsec, v4 ? IP4_PROTO : parts.l4_next,
                       job->plan.path_mtu, rng_u32(w->rng))) {
        worker_drop(w, job->pkt, DROP_OUT_TOO_BIG, 1);
        return;
    }
    if (!v4 && parts.proto == PROTO_UDP)
        udp_csum_set(ip, job->at.ipsec, job->pkt->len);
    while ((len = fragment_len(&f)) > 0) {
        struct pkt *piece = pkt_get(&w->pool, len);

        if (!piece) {
            ipsec_worker_count(w, DROP_OUT_BUFFERS, 1);
            break;
        }
        fragment_next(&f, piece);
        wire_put(w, piece);
    }
    pkt_put(&w->pool, job->pkt);
}

static void send_batch(struct ipsec_worker *w)
{
    for (unsigned i = 0; i < w->n_out; i++) {
        struct out_job *job = &w->out[i];

        if (!job->pkt)
            continue;
        counter_add(&slot_counters(w->e, w->index, job->policy->slot)->out_transformed, 1);
        if (job->pkt->len > job->plan.path_mtu)
            send_fragments(w, job);
        else
            wire_put(w, job->pkt);
    }
    w->n_out = 0;
}

/* ---- 7. number ---- */

/* Takes up to N consecutive sequence numbers, none past 2^32 - 1: how many, from *ret_first on. */
static unsigned seq_take(struct ipsec_worker *w, struct sa *sa, unsigned n, uint32_t *ret_first)
{
    uint32_t last = atomic_load_explicit(&sa->seq, memory_order_relaxed);
    unsigned got;

    do {
        got = n < UINT32_MAX - last ? n : UINT32_MAX - last;
    } while (got && !atomic_compare_exchange_weak_explicit(
                        &sa->seq, &last, last + got, memory_order_relaxed, memory_order_relaxed));
    if (last + got >= SEQ_SOFT)
        sa_expire(w->e, sa, false);
    *ret_first = last + 1;
    return got;
}

static struct sa *job_sa(const struct out_job *job, enum sa_proto proto)
{
    if (!job->pkt)
        return NULL;
    return proto == SA_ESP ? job->plan.esp : job->plan.ah;
}

/* Bytes the transform is applied to: the datagram as it was before. */
static uint32_t job_bytes(const struct out_job *job, enum sa_proto proto)
{
    if (proto == SA_ESP)
        return job->at.payload_len + (job->plan.tunnel ? 0 : job->at.ipsec);
    uint32_t around = (uint32_t)ah_hdr_len(job->plan.ah);
    if (!job->plan.esp && job->plan.tunnel)
        around += job->at.ipsec;
    return job->pkt->len - around;
}

static void job_fail(struct ipsec_worker *w, struct out_job *job, const struct sa *sa,
                     enum ipsec_drop reason)
{
    drop_failed(w, job->pkt, sa, reason, 1);
    job->pkt = NULL;
}

typedef bool (*seal_one)(struct ipsec_worker *w, struct out_job *job, unsigned i, uint32_t seq,
                         const uint8_t *iv);

static bool seal_esp(struct ipsec_worker *w, struct out_job *job, unsigned i, uint32_t seq,
                     const uint8_t *iv)
{
    uint8_t *esp = job->pkt->data + job->at.esp;

    esp_build(job->plan.esp, esp, job->at.payload_len, job->at.next, seq, iv, &w->pass.jobs[i]);
    return true;
}

static bool seal_ah(struct ipsec_worker *w, struct out_job *job, unsigned i, uint32_t seq,
                    const uint8_t *iv)
{
    uint8_t next = job->plan.esp ? (uint8_t)PROTO_ESP : job->at.next;

    (void)iv;
    return ah_seal_begin(job->plan.ah, job->pkt->data, job->pkt->len, job->at.ipsec, next, seq,
                         w->pass.icv[i], &w->pass.saved[i], &w->pass.jobs[i]);
}

/* The jobs [FROM, TO) share SA: account, number and prepare them. Gives the jobs made so far. */
static unsigned seal_run(struct ipsec_worker *w, struct sa *sa, unsigned from, unsigned to,
                         unsigned n_jobs)
{
    enum sa_proto proto = sa->proto;
    seal_one seal = proto == SA_ESP ? seal_esp : seal_ah;
    uint8_t ivs[PKT_BATCH][16];
    uint64_t bytes = 0;
    uint32_t seq = 0;

    for (unsigned i = from; i < to; i++)
        bytes += job_bytes(&w->out[i], proto);
    bool alive = worker_account(w, sa, bytes, to - from);
    unsigned got = alive ? seq_take(w, sa, to - from, &seq) : 0;
    if (sa->iv_len)
        rng_bytes(w->rng, ivs, sizeof(ivs[0]) * got);
    for (unsigned i = from; i < to; i++) {
        struct out_job *job = &w->out[i];
        unsigned k = i - from;

        if (k >= got) {
            job_fail(w, job, sa, alive ? DROP_OUT_SEQUENCE : DROP_OUT_EXPIRED);
        } else if (seal(w, job, n_jobs, seq + k, ivs[k])) {
            w->pass.owner[n_jobs++] = job;
        } else {
            job_fail(w, job, sa, DROP_OUT_MALFORMED);
        }
    }
    return n_jobs;
}

/* ---- 8. seal ---- */

/* One transform over the batch. */
static unsigned seal_pass(struct ipsec_worker *w, enum sa_proto proto)
{
    unsigned n_jobs = 0;

    for (unsigned from = 0, to; from < w->n_out; from = to) {
        struct sa *sa = job_sa(&w->out[from], proto);

        to = from + 1;
        if (!sa)
            continue;
        while (to < w->n_out && job_sa(&w->out[to], proto) == sa)
            to++;
        n_jobs = seal_run(w, sa, from, to, n_jobs);
    }
    if (n_jobs)
        bulk_seal(w->bulk, w->pass.jobs, n_jobs);
    return n_jobs;
}

static void out_flush(struct ipsec_worker *w)
{
    seal_pass(w, SA_ESP);
    unsigned n = seal_pass(w, SA_AH);

    for (unsigned i = 0; i < n; i++) {
        const struct out_job *job = w->pass.owner[i];

        ah_seal_end(job->pkt->data, job->at.ipsec, w->pass.icv[i], &w->pass.saved[i]);
    }
    send_batch(w);
}

/* ---- 6. lay out ---- */

/* Takes P, a datagram like the one O was parsed from (itself, or a segment of it). */
static void out_add(struct ipsec_worker *w, const struct out_packet *o, struct pkt *p)
{
    struct pkt *roomy = worker_with_room(w, p, ENCAP_HEAD_MAX, ENCAP_TAIL_MAX);
    struct out_job *job = &w->out[w->n_out];

    if (!roomy) {
        drop_failed(w, p, o->plan.esp ? o->plan.esp : o->plan.ah, DROP_OUT_BUFFERS, 1);
        return;
    }
    *job = (struct out_job){ .pkt = roomy, .plan = o->plan, .policy = o->policy };
    encap_build(&o->plan, roomy, &o->parts, o->df, worker_ip_id(w), &job->at);
    if (++w->n_out == PKT_BATCH)
        out_flush(w);
}

/* ---- 5. cut ---- */

static struct pkt *segment_buffer(struct ipsec_worker *w, size_t len)
{
    struct pkt *p = pkt_get(&w->pool, len);

    if (!p) { /* ours in the batch come back once sent */
        out_flush(w);
        wire_flush(w);
        p = pkt_get(&w->pool, len);
    }
    return p;
}

static void out_segments(struct ipsec_worker *w, struct out_packet *o, struct segmenter *s)
{
    size_t len;

    while ((len = segment_len(s)) > 0) {
        struct pkt *p = segment_buffer(w, len);

        if (!p) {
            drop_failed(w, NULL, o->plan.esp ? o->plan.esp : o->plan.ah, DROP_OUT_BUFFERS,
                        segment_count(s) - s->index);
            break;
        }
        segment_next(s, p);
        out_add(w, o, p);
    }
    pkt_put(&w->pool, o->pkt);
}

/* ---- 4. fit ---- */

static void too_big(struct ipsec_worker *w, struct out_packet *o, size_t inner_max)
{
    uint8_t msg[TOOBIG_MAX];
    struct ip_addr to;
    uint32_t mtu = toobig_mtu(o->parts.version, inner_max);
    size_t len = toobig_build(o->pkt->data, o->pkt->len, &o->parts, mtu, &to, msg);

    if (len && w->sink.icmp && worker_icmp_allowed(w))
        w->sink.icmp(w->sink.ctx, &to, msg, len);
    drop_failed(w, o->pkt, o->plan.esp ? o->plan.esp : o->plan.ah, DROP_OUT_TOO_BIG, o->n);
}

/* Whether the outer datagram may not be fragmented. IPv6 never lets routers do it: an inner IPv6
 * datagram counts as DF set. */
static bool outer_df(const struct out_packet *o)
{
    switch ((enum spd_df)o->policy->df) {
    case DF_CLEAR:
        return false;
    case DF_INHERIT:
        return o->parts.version == 6 || be16_get(o->pkt->data + IP4_FRAG) & IP4_DF;
    case DF_SET:
        return true;
    }
    return false;
}

/* A datagram of LEN bytes goes out whole or in outer fragments. One that no link may refuse (RFC
 * 8200 section 5, RFC 791) is fragmented even against DF, as RFC 2473 7.1 has it. */
static bool fits(const struct out_packet *o, size_t len, size_t inner_max)
{
    if (len <= inner_max)
        return true;
    if (encap_len(&o->plan, len, o->parts.insert) > 65535)
        return false;
    return !o->df || len <= toobig_mtu(o->parts.version, 0);
}

static bool transport_addresses_ok(const struct out_packet *o)
{
    const struct policy *pol = o->policy;
    size_t len = ip_addr_len(pol->local.family);

    return o->flow.key.family == pol->local.family && pol->local.family == pol->remote.family &&
           memcmp(o->flow.key.src, pol->local.b, len) == 0 &&
           memcmp(o->flow.key.dst, pol->remote.b, len) == 0;
}

static void out_superpacket(struct ipsec_worker *w, struct out_packet *o, size_t inner_max)
{
    struct segmenter s;

    if (!segment_init(&s, o->pkt, &o->parts)) {
        drop(w, o, DROP_OUT_MALFORMED);
        return;
    }
    if (!s.udp)
        segment_limit(&s, inner_max); /* when nothing fits, outer fragments have to do */
    o->n = segment_count(&s);
    if (fits(o, segment_len_max(&s), inner_max))
        out_segments(w, o, &s);
    else
        too_big(w, o, inner_max);
}

static void out_fit(struct ipsec_worker *w, struct out_packet *o)
{
    size_t inner_max = encap_inner_max(&o->plan, o->parts.insert);

    o->df = outer_df(o);
    if (!o->plan.tunnel && !transport_addresses_ok(o)) {
        drop_failed(w, o->pkt, o->plan.esp ? o->plan.esp : o->plan.ah, DROP_OUT_MODE, o->n);
    } else if (o->pkt->gso) {
        out_superpacket(w, o, inner_max);
    } else if (!fits(o, o->pkt->len, inner_max)) {
        too_big(w, o, inner_max);
    } else {
        mss_clamp(o->pkt, &o->parts, inner_max);
        out_add(w, o, o->pkt);
    }
}

/* ---- 3. choose SAs ---- */

static struct sa *usable(struct sa *sa, bool *dead)
{
    if (!sa)
        return NULL;
    uint8_t state = atomic_load_explicit(&sa->state, memory_order_relaxed);
    if (state == SA_DEAD)
        *dead = true;
    return state == SA_MATURE || state == SA_DYING ? sa : NULL;
}

static void out_without_sa(struct ipsec_worker *w, struct out_packet *o, enum ipsec_drop reason)
{
    uint32_t slot = o->policy->slot;

    if (!o->policy->negotiated) {
        counter_add(&slot_counters(w->e, w->index, slot)->out_dropped, o->n);
        drop(w, o, reason);
        return;
    }
    worker_acquire(w, slot, &o->flow.key);
    worker_hold(w, &(struct held){ .pkt = o->pkt,
                                   .key = o->flow.key,
                                   .slot = slot,
                                   .n = o->n,
                                   .reason = reason,
                                   .until_ms = o->until_ms ? o->until_ms : w->now_ms + HOLD_MS,
                                   .generation = spd_generation(w->spd) });
}

/* False: the packet is gone. */
static bool out_choose(struct ipsec_worker *w, struct out_packet *o)
{
    const struct policy *pol = o->policy;
    struct encap_plan plan = { .tunnel = pol->tunnel };
    bool dead = false, want_esp = pol->protocols & PROTO_BIT_ESP,
         want_ah = pol->protocols & PROTO_BIT_AH;

    if (want_esp)
        plan.esp = usable(slot_sa(w->e, pol->slot, SA_ESP), &dead);
    if (want_ah)
        plan.ah = usable(slot_sa(w->e, pol->slot, SA_AH), &dead);
    bool all = (!want_esp || plan.esp) && (!want_ah || plan.ah);
    bool any = plan.esp || plan.ah;
    if (any && (all || pol->level == LEVEL_USE)) {
        encap_plan_mtu(&plan);
        o->plan = plan;
        return true;
    }
    if (pol->level == LEVEL_USE) {
        drop(w, o, DROP_OUT_SPD_CHANGED); /* passes in clear in the kernel, never here */
        return false;
    }
    out_without_sa(w, o, dead ? DROP_OUT_EXPIRED : DROP_OUT_NO_STATES);
    return false;
}

/* ---- 2. look up ---- */

static const struct policy *look_up(struct ipsec_worker *w, const struct out_packet *o,
                                    bool *ret_shadow)
{
    struct spd_key key;

    if (!o->parts.fragment)
        return flow_cache_lookup(w->flows, w->spd, &o->flow.key, false, ret_shadow);
    key = o->flow.key; /* all fragments alike, whether they show ports or not */
    key.sport = 0;
    key.dport = 0;
    return flow_cache_lookup(w->flows, w->spd, &key, true, ret_shadow);
}

static bool out_parse(struct ipsec_worker *w, struct out_packet *o);

/* Gives fragment O to the reassembly. True when O is the whole datagram now. */
static bool out_reassemble(struct ipsec_worker *w, struct out_packet *o)
{
    unsigned dropped;

    o->pkt = reassembly_take(w->reassembly, o->pkt, &o->parts, w->now_ms, &dropped);
    if (dropped)
        ipsec_worker_count(w, DROP_OUT_REASSEMBLY, dropped);
    return o->pkt && out_parse(w, o);
}

static bool out_look_up(struct ipsec_worker *w, struct out_packet *o)
{
    bool shadow;

    o->policy = look_up(w, o, &shadow);
    if (o->parts.fragment &&
        (shadow || (o->policy && o->policy->action == SPD_ENCRYPT && !o->policy->tunnel))) {
        if (!out_reassemble(w, o))
            return false;
        o->policy = look_up(w, o, &shadow);
    }
    if (o->policy && o->policy->action == SPD_ENCRYPT)
        return true;
    drop(w, o, DROP_OUT_SPD_CHANGED);
    return false;
}

/* ---- 1. parse ---- */

/* The stack left the transport checksum to the device: the field holds the pseudo-header's sum. */
static bool csum_complete(struct pkt *p, const struct ip_parts *parts)
{
    uint32_t at = (uint32_t)p->csum_start + p->csum_offset;

    if (p->csum_start < parts->l4 || at + 2 > p->len)
        return false;
    uint16_t sum = csum_fold(csum_add(0, p->data + p->csum_start, p->len - p->csum_start));
    bool udp = p->csum_offset == 6;
    be16_put(p->data + at, udp && sum == 0 ? 0xffff : sum);
    p->needs_csum = false;
    return true;
}

/* False: the packet is gone. */
static bool out_parse(struct ipsec_worker *w, struct out_packet *o)
{
    struct pkt *p = o->pkt;

    o->n = 1;
    if (!flow_parse(p->data, p->len, &o->flow) || !ip_parts_parse(p->data, p->len, &o->parts)) {
        drop(w, o, DROP_OUT_MALFORMED);
        return false;
    }
    p->len = o->parts.total;
    o->flow.key.tuple = 0;
    if (p->gso) {
        struct segmenter s;
        if (segment_init(&s, p, &o->parts)) {
            o->n = segment_count(&s);
            return true;
        }
    } else if (!p->needs_csum || (!o->parts.fragment && csum_complete(p, &o->parts))) {
        return true;
    }
    drop(w, o, DROP_OUT_MALFORMED);
    return false;
}

/* Takes a packet through steps 1 to 6; those that have to wait may until UNTIL_MS. */
static void out_one(struct ipsec_worker *w, struct pkt *p, uint64_t until_ms)
{
    struct out_packet o; /* filled step by step: zeroing it first costs 5% */

    o.pkt = p;
    o.until_ms = until_ms;
    if (out_parse(w, &o) && out_look_up(w, &o) && out_choose(w, &o))
        out_fit(w, &o);
}

/* ---- packets that waited ---- */

static bool may_leave(const struct ipsec_worker *w, const struct held *held)
{
    bool dead = false;

    return held->generation != spd_generation(w->spd) ||
           usable(slot_sa(w->e, held->slot, SA_ESP), &dead) ||
           usable(slot_sa(w->e, held->slot, SA_AH), &dead);
}

/* The whole way again: policies may have changed meanwhile. */
static void held_release(struct ipsec_worker *w)
{
    struct held ready[HOLD_MAX];
    unsigned n = 0;

    for (unsigned i = 0; i < w->hold.n;) {
        if (may_leave(w, &w->hold.at[i]))
            ready[n++] = hold_take(&w->hold, i);
        else
            i++;
    }
    for (unsigned i = 0; i < n; i++)
        out_one(w, ready[i].pkt, ready[i].until_ms);
    if (w->hold.n == 0)
        w->holding = false;
}

/* The control thread nudges who is seen holding. An SA that came between the look for one and here
 * is seen by the second look. */
static void out_hold_end(struct ipsec_worker *w)
{
    if (w->hold.n == 0 || w->holding)
        return;
    w->holding = true;
    cmm_smp_mb();
    held_release(w);
}

static void out_end(struct ipsec_worker *w)
{
    out_hold_end(w);
    out_flush(w);
    wire_flush(w);
    worker_end(w);
}

void ipsec_release(struct ipsec_worker *w, uint64_t now_ms)
{
    worker_begin(w, now_ms);
    held_release(w);
    out_end(w);
}

void ipsec_out(struct ipsec_worker *w, struct pkt **pkts, unsigned n, uint64_t now_ms)
{
    worker_begin(w, now_ms);
    for (unsigned i = 0; i < n; i++) {
        worker_prefetch(pkts, n, i);
        out_one(w, pkts[i], 0);
    }
    out_end(w);
}
