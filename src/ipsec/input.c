/* Inbound: ESP and AH become the datagrams they carry. RFC 4301 5.2, RFC 3948 2 and 3.
 *
 *  1. parse        the outer header, up to the ESP or AH header, over UDP when there is
 *  2. find         the SA by (source, destination, protocol, SPI); alive; replay window. In UDP the
 *                  source does not count: a NAT may change it, and the ICV says who sent
 *  3. open         check ICVs and decrypt over the batch
 *  4. accept       replay window and lifetime, padding and next header
 *  5. take out     the datagram of a tunnel, or the header of transport mode; when ESP or AH is
 *                  left (AH outside ESP), the packet goes round again
 *  6. check        the policy the SAs belong to against the inner datagram
 *  7. inject       clamp the MSS of SYNs, coalesce TCP, hand over to the sink
 */
#include "gro.h"
#include "mss.h"
#include "worker_priv.h"

#include <arpa/inet.h>
#include <string.h>

static void in_drop(struct ipsec_worker *w, struct in_job *job, enum ipsec_drop reason)
{
    worker_drop(w, job->pkt, reason, 1);
    job->pkt = NULL;
}

/* Drops because the transform of a known SA failed: the SA's policy shows it. */
static void in_fail(struct ipsec_worker *w, struct in_job *job, enum ipsec_drop reason)
{
    counter_add(&slot_counters(w->e, w->index, job->sa->slot)->not_decrypted, 1);
    in_drop(w, job, reason);
}

/* ---- 1. parse, 2. find ---- */

static struct ip_addr addr_of(const uint8_t *p, bool dst)
{
    return ip_version(p) == 4 ? ip_addr_from_bytes(IP_V4, p + (dst ? IP4_DST : IP4_SRC))
                              : ip_addr_from_bytes(IP_V6, p + (dst ? IP6_DST : IP6_SRC));
}

enum { NAT_KEEPALIVE = 0xff };

/* Steps over the UDP header around ESP: from here on the ESP header counts as the next one. */
static enum ipsec_drop in_udp(struct in_job *job)
{
    const uint8_t *udp = job->pkt->data + job->parts.l4;
    size_t room = job->parts.total - job->parts.l4;

    if (job->applied || job->parts.fragment || room < UDP_HDR_LEN || be16_get(udp + 4) != room)
        return DROP_IN_SHORT;
    if (room == UDP_HDR_LEN + 1 && udp[UDP_HDR_LEN] == NAT_KEEPALIVE)
        return DROP_IN_KEEPALIVE;
    job->udp = true;
    job->parts.l4 += UDP_HDR_LEN;
    job->parts.proto = PROTO_ESP;
    return DROP_NONE;
}

/* SPI and sequence number of the header at hand. */
static enum ipsec_drop in_parse(struct in_job *job, uint32_t *ret_spi_be)
{
    struct pkt *p = job->pkt;

    if (!ip_parts_parse(p->data, p->len, &job->parts))
        return DROP_IN_SHORT;
    if (job->parts.proto == PROTO_UDP) {
        enum ipsec_drop reason = in_udp(job);
        if (reason != DROP_NONE)
            return reason;
    }
    size_t spi_at = job->parts.l4;
    if (job->parts.proto == PROTO_AH)
        spi_at += 4;
    else if (job->parts.proto != PROTO_ESP)
        return DROP_IN_SHORT;
    if (job->parts.fragment || spi_at + 8 > job->parts.total)
        return DROP_IN_SHORT;
    p->len = job->parts.total;
    memcpy(ret_spi_be, p->data + spi_at, 4);
    job->seq = be32_get(p->data + spi_at + 4);
    return DROP_NONE;
}

static bool is_from(const struct sa *sa, const uint8_t *src, size_t len)
{
    return sa->udp_encap || memcmp(sa->src.b, src, len) == 0;
}

static bool is_sa_of(const struct sa *sa, const struct in_job *job, uint32_t spi_be)
{
    const uint8_t *p = job->pkt->data;

    if (!sa || sa->spi_be != spi_be || sa->proto != job->parts.proto || sa->udp_encap != job->udp ||
        sa->src.family != job->parts.version)
        return false;
    return job->parts.version == 4
               ? is_from(sa, p + IP4_SRC, 4) && memcmp(sa->dst.b, p + IP4_DST, 4) == 0
               : is_from(sa, p + IP6_SRC, 16) && memcmp(sa->dst.b, p + IP6_DST, 16) == 0;
}

/* Most packets of a batch come by the SA of the one before. */
static struct sa *sa_of(struct ipsec_worker *w, const struct in_job *job, uint32_t spi_be)
{
    if (!is_sa_of(w->last_in, job, spi_be)) {
        struct ip_addr src = { 0 }, dst = addr_of(job->pkt->data, true);
        if (!job->udp)
            src = addr_of(job->pkt->data, false);
        w->last_in = sad_lookup(w->e, job->parts.proto, &src, &dst, spi_be);
    }
    return w->last_in;
}

static enum ipsec_drop in_unknown(struct ipsec_worker *w, const struct in_job *job, uint32_t spi_be)
{
    worker_stray(w, &(struct ipsec_event){ .type = EV_UNKNOWN_SPI,
                                           .proto = job->parts.proto,
                                           .spi = ntohl(spi_be),
                                           .src = addr_of(job->pkt->data, false),
                                           .dst = addr_of(job->pkt->data, true) });
    return DROP_IN_NO_STATES;
}

static enum ipsec_drop in_find(struct ipsec_worker *w, struct in_job *job, uint32_t spi_be)
{
    struct sa *sa = sa_of(w, job, spi_be);
    uint8_t state = sa ? atomic_load_explicit(&sa->state, memory_order_relaxed) : SA_LARVAL;

    if (!sa || !sa->inbound || state == SA_LARVAL)
        return in_unknown(w, job, spi_be);
    job->sa = sa;
    if (state == SA_DEAD)
        return DROP_IN_EXPIRED;
    replay_lock(sa);
    bool fresh = replay_check(&sa->replay, job->seq);
    replay_unlock(sa);
    return fresh ? DROP_NONE : DROP_IN_REPLAY;
}

static enum ipsec_drop in_begin(struct ipsec_worker *w, struct in_job *job, unsigned i)
{
    struct pkt *p = job->pkt;
    size_t at = job->parts.l4;

    if (job->sa->proto == SA_ESP)
        return esp_check(job->sa, p->data + at, p->len - at, &w->pass.jobs[i]);
    return ah_open_begin(job->sa, p->data, p->len, at, w->pass.icv[i], &w->pass.saved[i],
                         &w->pass.jobs[i]);
}

/* Makes crypto job I of it. False: the packet is gone. */
static bool in_prepare(struct ipsec_worker *w, struct in_job *job, unsigned i)
{
    uint32_t spi_be;

    job->sa = NULL;
    enum ipsec_drop reason = in_parse(job, &spi_be);
    if (reason == DROP_NONE)
        reason = in_find(w, job, spi_be);
    if (reason == DROP_NONE)
        reason = in_begin(w, job, i);
    if (reason == DROP_NONE)
        return true;
    if (job->sa)
        in_fail(w, job, reason);
    else
        in_drop(w, job, reason);
    return false;
}

/* ---- 4. accept ---- */

/* What lies behind the IP header: where the payload starts, its length and protocol. */
struct opened {
    size_t hdr_len; /* ESP with IV, or AH */
    size_t payload_len;
    uint8_t next;
};

static enum ipsec_drop opened_parse(const struct in_job *job, struct opened *ret)
{
    const uint8_t *hdr = job->pkt->data + job->parts.l4;
    size_t len = job->pkt->len - job->parts.l4;

    if (job->sa->proto == SA_ESP) {
        ret->hdr_len = esp_hdr_len(job->sa);
        return esp_trailer(job->sa, hdr, len, &ret->payload_len, &ret->next);
    }
    ret->hdr_len = ah_hdr_len(job->sa);
    ret->payload_len = len - ret->hdr_len;
    ret->next = hdr[0];
    return ret->next == PROTO_NONE ? DROP_IN_DUMMY : DROP_NONE;
}

/* The datagram's bytes without this transform, as the sender counted them. */
static uint64_t opened_bytes(const struct in_job *job, const struct opened *o)
{
    bool tunnel = job->sa->tunnel && (o->next == PROTO_IPV4 || o->next == PROTO_IPV6);

    return o->payload_len + (tunnel ? 0 : job->parts.l4);
}

static enum ipsec_drop in_accept(struct ipsec_worker *w, struct in_job *job, bool icv_ok,
                                 struct opened *ret)
{
    if (!icv_ok)
        return DROP_IN_ICV;
    replay_lock(job->sa);
    bool fresh = replay_update(&job->sa->replay, job->seq);
    replay_unlock(job->sa);
    if (!fresh)
        return DROP_IN_REPLAY;
    enum ipsec_drop reason = opened_parse(job, ret);
    if (reason != DROP_NONE)
        return reason;
    return worker_account(w, job->sa, opened_bytes(job, ret), 1) ? DROP_NONE : DROP_IN_EXPIRED;
}

static void in_remember(struct in_job *job)
{
    bool ah = job->sa->proto == SA_AH;

    job->mixed = job->mixed || (job->applied && job->reqid != job->sa->reqid);
    job->reqid = job->sa->reqid;
    job->applied |= ah ? PROTO_BIT_AH : PROTO_BIT_ESP;
    job->opened[ah] = job->sa;
}

/* ---- 5. take out ---- */

static enum ipsec_drop in_take_out(struct in_job *job, const struct opened *o)
{
    struct pkt *p = job->pkt;
    bool more = o->next == PROTO_ESP || o->next == PROTO_AH;

    if (more && job->udp)
        return DROP_IN_MODE;
    p->len = (uint32_t)(job->parts.l4 + o->hdr_len + o->payload_len); /* without the trailer */
    if (job->sa->tunnel && !more) {
        if (o->next != PROTO_IPV4 && o->next != PROTO_IPV6)
            return DROP_IN_MODE;
        job->tunnel = job->done = true;
        return decap_tunnel(p, job->parts.l4 + o->hdr_len, o->next) ? DROP_NONE : DROP_IN_INNER;
    }
    if (o->next == PROTO_HOPOPTS)
        return DROP_IN_MODE; /* RFC 8200 4.1: only directly behind the IPv6 header */
    decap_transport(p, &job->parts, o->hdr_len, o->next);
    job->done = !more;
    return more && ++job->depth >= IN_DEPTH_MAX ? DROP_IN_NESTED : DROP_NONE;
}

static void in_finish(struct ipsec_worker *w, struct in_job *job, bool icv_ok)
{
    struct opened o;
    enum ipsec_drop reason = in_accept(w, job, icv_ok, &o);

    if (reason == DROP_IN_DUMMY) {
        in_drop(w, job, reason);
        return;
    }
    if (reason != DROP_NONE) {
        in_fail(w, job, reason);
        return;
    }
    in_remember(job);
    reason = in_take_out(job, &o);
    if (reason != DROP_NONE)
        in_fail(w, job, reason);
}

/* ---- 3. open ---- */

/* One transform off every packet that has one left. False when none had. */
static bool in_round(struct ipsec_worker *w, unsigned n)
{
    unsigned n_jobs = 0;

    for (unsigned i = 0; i < n; i++)
        if (w->in[i].pkt && !w->in[i].done && in_prepare(w, &w->in[i], n_jobs))
            w->pass.owner[n_jobs++] = &w->in[i];
    if (n_jobs)
        bulk_open(w->bulk, w->pass.jobs, n_jobs);
    for (unsigned i = 0; i < n_jobs; i++) {
        struct in_job *job = w->pass.owner[i];

        if (job->sa->proto == SA_AH)
            ah_open_end(job->pkt->data, &w->pass.saved[i]);
        in_finish(w, job, w->pass.jobs[i].ok);
    }
    return n_jobs > 0;
}

/* ---- 6. check ---- */

/* Was the datagram protected as POLICY demands? RFC 4301 5.2 step 4. */
static bool policy_agrees(const struct policy *pol, const struct in_job *job)
{
    if (pol->action != SPD_ENCRYPT || job->mixed || pol->reqid == 0 || pol->reqid != job->reqid ||
        pol->tunnel != job->tunnel)
        return false;
    if (pol->level == LEVEL_USE)
        return (job->applied & ~pol->protocols) == 0;
    return job->applied == pol->protocols;
}

static struct verdict_key verdict_key_of(const struct in_job *job, const struct flow *flow)
{
    return (struct verdict_key){ .src = addr_of(job->pkt->data, false),
                                 .dst = addr_of(job->pkt->data, true),
                                 .frag_id = flow->frag_id,
                                 .proto = flow->key.family == IP_V4 ? flow->key.proto : 0,
                                 .reqid = job->reqid };
}

/* A fragment without ports, where a policy with ports could match: follows its first fragment. */
static enum ipsec_drop check_follower(struct ipsec_worker *w, const struct in_job *job,
                                      const struct flow *flow, uint32_t *ret_slot)
{
    struct verdict_key key = verdict_key_of(job, flow);
    struct verdict verdict;

    if (!verdict_find(w->verdicts, &key, w->now_ms, &verdict) || !verdict.accepted)
        return DROP_IN_SELECTOR;
    *ret_slot = verdict.slot;
    return DROP_NONE;
}

static enum ipsec_drop check_policy(struct ipsec_worker *w, const struct in_job *job,
                                    const struct flow *flow, uint32_t *ret_slot)
{
    struct spd_key key = spd_key_reverse(&flow->key);
    bool blind = flow->later_fragment || (flow->fragment && !flow->has_ports), shadow = false;

    key.tuple = 0;
    const struct policy *pol = flow_cache_lookup(w->flows, w->spd, &key, blind, &shadow);
    if (shadow)
        return check_follower(w, job, flow, ret_slot);
    enum ipsec_drop reason = !pol                      ? DROP_IN_NO_POLICY
                             : policy_agrees(pol, job) ? DROP_NONE
                                                       : DROP_IN_SELECTOR;
    if (reason == DROP_NONE)
        *ret_slot = pol->slot;
    if (flow->fragment && !blind) {
        struct verdict_key vkey = verdict_key_of(job, flow);
        struct verdict verdict = { .accepted = reason == DROP_NONE,
                                   .slot = reason == DROP_NONE ? pol->slot : 0 };
        verdict_put(w->verdicts, &vkey, verdict, w->now_ms);
    }
    return reason;
}

static bool in_check(struct ipsec_worker *w, struct in_job *job, struct flow *ret_flow,
                     uint32_t *ret_slot)
{
    enum ipsec_drop reason = DROP_IN_INNER;

    if (flow_parse(job->pkt->data, job->pkt->len, ret_flow))
        reason = check_policy(w, job, ret_flow, ret_slot);
    if (reason == DROP_NONE)
        return true;
    in_drop(w, job, reason);
    return false;
}

/* ---- 7. inject ---- */

static struct sa *out_sa(const struct ipsec_worker *w, const struct in_job *job, uint32_t slot,
                         enum sa_proto proto)
{
    struct sa *out = slot_sa(w->e, slot, proto);

    return out ? out : job->opened[proto == SA_AH];
}

/* The SYN tells our side how large its segments to the other may be: they take the way out. */
static void in_clamp(struct ipsec_worker *w, struct in_job *job, uint32_t slot)
{
    struct ip_parts parts;

    if (!ip_parts_parse(job->pkt->data, job->pkt->len, &parts) || !mss_is_syn(job->pkt, &parts))
        return;
    struct encap_plan plan = { .tunnel = job->tunnel };
    if (job->applied & PROTO_BIT_ESP)
        plan.esp = out_sa(w, job, slot, SA_ESP);
    if (job->applied & PROTO_BIT_AH)
        plan.ah = out_sa(w, job, slot, SA_AH);
    encap_plan_mtu(&plan);
    mss_clamp(job->pkt, &parts, encap_inner_max(&plan, parts.insert));
}

static void in_deliver(struct ipsec_worker *w, unsigned n)
{
    struct pkt *done[PKT_BATCH];
    unsigned n_done = 0;

    for (unsigned i = 0; i < n; i++) {
        struct in_job *job = &w->in[i];
        struct flow flow;
        uint32_t slot;

        if (!job->pkt || !in_check(w, job, &flow, &slot))
            continue;
        counter_add(&slot_counters(w->e, w->index, slot)->in_transformed, 1);
        if (flow.key.proto == PROTO_TCP)
            in_clamp(w, job, slot);
        done[n_done++] = job->pkt;
    }
    n_done = gro_coalesce(&w->pool, done, n_done);
    if (n_done)
        ipsec_worker_count(w, DROP_IN_INJECT, n_done - w->sink.inject(w->sink.ctx, done, n_done));
}

void ipsec_in(struct ipsec_worker *w, struct pkt **pkts, unsigned n, uint64_t now_ms)
{
    worker_begin(w, now_ms);
    for (unsigned i = 0; i < n; i++) {
        worker_prefetch(pkts, n, i);
        w->in[i] = (struct in_job){ .pkt = pkts[i] };
    }
    while (in_round(w, n))
        ;
    in_deliver(w, n);
    worker_end(w);
}
