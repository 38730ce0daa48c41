#include "informational.h"

#include "child.h"
#include "dpd.h"
#include "exchange.h"
#include "isakmp_notify.h"
#include "phase1.h"
#include "policy.h"
#include "quick_keys.h"
#include "quick_mode.h"
#include "refusal.h"
#include "rekey.h"
#include "report.h"

enum {
    NOTIFY_STATUS_FIRST = 16384, /* RFC 2408 3.14.1: lower ones are errors */
    CLEAR_NOTIFIES_PER_SECOND = 10,
    SHORT_LIFE_MS = 2000, /* an SA the peer deletes sooner than this was no use to it */
    COOKIES_LEN = 2 * COOKIE_LEN
};

/* ---- sending ---- */

static struct exchange *begin(struct phase1 *p1, struct isakmp_msg *m, struct slice *ret_hash)
{
    struct exchange *ex = exchange_new(p1, EXCHANGE_INFORMATIONAL, true, exchange_id_draw(p1));

    exchange_begin(ex, m, true);
    msg_open(m, PL_HASH);
    (void)msg_reserve(m, digest_info[p1->digest].len);
    *ret_hash = msg_close(m);
    return ex;
}

static void finish(struct exchange *ex, struct isakmp_msg *m, struct slice hash_b)
{
    struct phase1 *p1 = ex->p1;
    uint8_t hash[DIGEST_MAX];

    keymat_hash1(&p1->keys, ex->message_id, msg_after(m, hash_b), hash);
    if (msg_ok(m))
        memcpy(m->w.start + (hash_b.p - m->w.start), hash, digest_info[p1->digest].len);
    exchange_send(ex, m, true, AWAIT_NOTHING);
    exchange_end(ex);
}

static struct slice cookies_of(const struct phase1 *p1)
{
    return (struct slice){ p1->cookies.i, COOKIES_LEN };
}

static void notify_send(struct phase1 *p1, uint8_t protocol, uint16_t type, struct slice spi)
{
    struct isakmp_notify n = {
        .doi = ISAKMP_DOI_IPSEC, .protocol = protocol, .type = type, .spi = spi
    };
    struct isakmp_msg m;
    struct slice hash_b;
    struct exchange *ex = begin(p1, &m, &hash_b);

    isakmp_notify_emit(&m, &n);
    finish(ex, &m, hash_b);
}

void informational_initial_contact(struct phase1 *p1)
{
    p1->host->contacted = true;
    notify_send(p1, ISAKMP_PROTO_ISAKMP, NOTIFY_INITIAL_CONTACT, cookies_of(p1));
}

void informational_refuse_quick(struct phase1 *p1, uint8_t proto, uint32_t spi, uint16_t type)
{
    uint8_t b[4];

    be32_put(b, spi);
    notify_send(p1, proto, type, (struct slice){ b, spi ? sizeof b : 0 });
}

void informational_dpd(struct phase1 *p1, bool ack, uint32_t sequence)
{
    struct isakmp_dpd d = { ack, sequence, cookies_of(p1) };
    struct isakmp_msg m;
    struct slice hash_b;
    struct exchange *ex = begin(p1, &m, &hash_b);

    isakmp_dpd_emit(&m, &d);
    finish(ex, &m, hash_b);
}

void informational_delete_phase1(struct phase1 *p1)
{
    struct isakmp_delete d = {
        .doi = ISAKMP_DOI_IPSEC,
        .protocol = ISAKMP_PROTO_ISAKMP,
        .spi_len = COOKIES_LEN,
        .n_spis = 1,
        .spis = cookies_of(p1),
    };
    struct isakmp_msg m;
    struct slice hash_b;
    struct exchange *ex = begin(p1, &m, &hash_b);

    isakmp_delete_emit(&m, &d);
    finish(ex, &m, hash_b);
}

/* Several DELETE payloads, one SPI each: that by which the peer sends to us, for the receiver of an
 * SA names it. */
static void delete_emit(struct isakmp_msg *m, uint8_t proto, uint32_t spi)
{
    uint8_t b[4];
    struct isakmp_delete d = {
        .doi = ISAKMP_DOI_IPSEC,
        .protocol = proto == 51 ? ISAKMP_PROTO_AH : ISAKMP_PROTO_ESP,
        .spi_len = sizeof b,
        .n_spis = 1,
        .spis = { b, sizeof b },
    };

    be32_put(b, spi);
    isakmp_delete_emit(m, &d);
}

void informational_delete_child(struct phase1 *p1, const struct child *child)
{
    struct isakmp_msg m;
    struct slice hash_b;
    struct exchange *ex = begin(p1, &m, &hash_b);

    for (unsigned i = 0; i < child->n_sas; i++)
        delete_emit(&m, child->spis[i].proto, child->spis[i].in);
    finish(ex, &m, hash_b);
}

void informational_delete_spi(struct phase1 *p1, uint8_t proto, uint32_t spi)
{
    struct isakmp_msg m;
    struct slice hash_b;
    struct exchange *ex = begin(p1, &m, &hash_b);

    delete_emit(&m, proto, spi);
    finish(ex, &m, hash_b);
}

static bool clear_notify_may(struct ike *ike)
{
    uint64_t second = ike->now_ms / 1000 + 1;

    if (ike->notify_second != second) {
        ike->notify_second = second;
        ike->notifies = 0;
    }
    return ike->notifies++ < CLEAR_NOTIFIES_PER_SECOND;
}

void informational_refuse_phase1(struct phase1 *p1, const struct ike_path *path, uint16_t type)
{
    struct ike *ike = p1->ike;
    struct isakmp_notify n = {
        .doi = ISAKMP_DOI_IPSEC,
        .protocol = ISAKMP_PROTO_ISAKMP,
        .type = type ? type : NOTIFY_NO_PROPOSAL_CHOSEN,
    };
    struct isakmp_header h = {
        .version = 0x10,
        .exchange = EXCHANGE_INFORMATIONAL,
        .message_id = exchange_id_draw(p1),
    };
    struct isakmp_msg m;
    size_t len;

    if (!clear_notify_may(ike))
        return;
    memcpy(h.cky_i, p1->cookies.i, COOKIE_LEN);
    msg_begin(&m, ike->out, sizeof ike->out, &h);
    isakmp_notify_emit(&m, &n);
    len = msg_end(&m, 1);
    send_bytes(ike, path, (struct slice){ ike->out, len });
}

/* ---- notifications received ---- */

/* The peer has started anew: what we shared with it before is of no use to it. Only SAs of the same
 * identity between the same addresses, and older than the SA that says so. */
static void initial_contact(struct phase1 *p1)
{
    struct host *h = p1->host;
    struct phase1 *other, *next;
    struct child *c, *next_child;

    TAILQ_FOREACH_SAFE(other, &h->phase1s, in_host, next)
    {
        if (other != p1 && other->main->state == P1_UP && other->remote_id == p1->remote_id &&
            other->established_ms < p1->started_ms)
            phase1_end(other);
    }
    TAILQ_FOREACH_SAFE(c, &h->children, in_host, next_child)
    {
        if (c->remote_id == p1->remote_id && c->created_ms < p1->started_ms)
            child_remove(c);
    }
}

static void responder_lifetime(struct phase1 *p1, const struct isakmp_notify *n)
{
    struct isakmp_life told,
        life = { .seconds = p1->lifetime_s, .kilobytes = p1->lifebytes / 1024 };
    const struct ike_peer *ours = &p1->peer->cfg;

    if (n->protocol != ISAKMP_PROTO_ISAKMP || !p1->initiator ||
        isakmp_life_decode(n->data, true, &told) != SKIP_NONE)
        return;
    if (!life_obey(&life, told, life_from_config(ours->lifetime_s, ours->lifebytes)))
        return;
    p1->lifetime_s = (uint32_t)life.seconds;
    p1->lifebytes = life.kilobytes * 1024;
    rekey_phase1_start(p1);
}

/* The quick mode an error is about: the one whose SPI it names, or the only one that waits for the
 * peer. */
static struct exchange *quick_named(const struct phase1 *p1, const struct isakmp_notify *n)
{
    struct exchange *ex, *only = NULL;
    unsigned open = 0;

    TAILQ_FOREACH(ex, &p1->exchanges, in_p1)
    {
        if (!ex->quick || ex->job ||
            ex->state != (ex->initiator ? QUICK_MSG1_SENT : QUICK_MSG2_SENT))
            continue;
        if (n->spi.len == 4 && (be32_get(n->spi.p) == ex->quick->spis[P2_ESP] ||
                                be32_get(n->spi.p) == ex->quick->spis[P2_AH]))
            return ex;
        only = ex;
        open++;
    }
    return open == 1 ? only : NULL;
}

/* A peer that deletes what it has just agreed to is not asked at once again, and ever less. */
static void short_lived(struct phase1 *p1, struct policy *policy)
{
    if (policy->proposal)
        refusal_of_child(p1, policy);
    if (policy->quick)
        return;
    policy->failures = policy->short_lived++;
    policy_failed(policy);
}

/* A pair of POLICY, made at CREATED_MS, went because the peer wanted it. */
static void child_went(struct phase1 *p1, struct policy *policy, uint64_t created_ms)
{
    if (p1->ike->now_ms >= created_ms + SHORT_LIFE_MS)
        policy->short_lived = 0;
    else if (!policy_is_served(policy))
        short_lived(p1, policy);
}

/* INVALID-SPI (RFC 2408 3.14.1) for packets of ours: the peer has not got the SA any more that we
 * send by. Under our keys only the peer says so. The SPI stands in its own field or in the data. */
static bool invalid_spi(struct phase1 *p1, const struct isakmp_notify *n)
{
    struct slice spi = n->spi.len == 4 ? n->spi : n->data;
    struct child *c = NULL;

    if (spi.len == 4 && (n->protocol == ISAKMP_PROTO_ESP || n->protocol == ISAKMP_PROTO_AH))
        c = child_of_peer_spi(p1->host, n->protocol == ISAKMP_PROTO_AH ? 51 : 50, be32_get(spi.p));
    if (!c || !c->out_installed || c->remote_id != p1->remote_id)
        return false;
    struct policy *policy = c->policy;
    report_quick(p1, policy, IKE_REPORT_INFO, REPORT_PLAIN,
                 "peer has no IPsec-SA for what we send by spi=0x%08x, giving it up",
                 be32_get(spi.p));
    child_delete(c);
    child_went(p1, policy, c->created_ms);
    return true;
}

static void error(struct phase1 *p1, const struct isakmp_notify *n)
{
    struct exchange *ex = quick_named(p1, n);

    refusal_of_quick(p1, ex, n->type);
    if (ex)
        quick_fail(ex);
}

static void notify(struct phase1 *p1, struct slice body)
{
    struct rd r = rd_of(body);
    struct isakmp_notify n;

    if (isakmp_notify_parse(&r, &n) != ISAKMP_OK) {
        ike_drop(p1->ike, IKE_DROP_PAYLOAD);
        return;
    }
    switch (n.type) {
    case NOTIFY_INITIAL_CONTACT:
        initial_contact(p1);
        return;
    case NOTIFY_R_U_THERE:
    case NOTIFY_R_U_THERE_ACK:
        dpd_notify(p1, &n);
        return;
    case NOTIFY_RESPONDER_LIFETIME:
        responder_lifetime(p1, &n);
        return;
    case NOTIFY_INVALID_SPI:
        if (invalid_spi(p1, &n))
            return;
        error(p1, &n); /* an answer to a quick mode */
        return;
    default:
        if (n.type > 0 && n.type < NOTIFY_STATUS_FIRST)
            error(p1, &n);
    }
}

void informational_notifies(struct phase1 *p1, const struct isakmp_payloads *ps)
{
    for (unsigned i = 0; i < ps->n && !p1->dead; i++) {
        if (ps->at[i].type == PL_NOTIFY)
            notify(p1, ps->at[i].body);
    }
}

/* ---- deletes received ---- */

static struct phase1 *by_cookies(const struct phase1 *p1, struct slice cookies)
{
    struct phase1 *other;

    TAILQ_FOREACH(other, &p1->host->phase1s, in_host)
    {
        if (other->main->state == P1_UP && other->remote_id == p1->remote_id &&
            slice_equal(cookies_of(other), cookies))
            return other;
    }
    return NULL;
}

static void delete_phase1(const struct phase1 *p1, struct slice cookies)
{
    struct phase1 *other = by_cookies(p1, cookies);

    if (!other)
        return;
    report_phase1(other, IKE_REPORT_INFO, REPORT_PLAIN, "peer deleted ISAKMP-SA");
    phase1_end(other);
}

static void delete_child(struct phase1 *p1, uint8_t proto, uint32_t spi)
{
    struct child *c = child_of_peer_spi(p1->host, proto, spi);
    struct policy *policy;

    /* strongSwan, when it cannot install what it agreed to as responder, names our half. */
    if (!c)
        c = child_of_own_spi(p1->host, proto, spi);
    if (!c || c->remote_id != p1->remote_id)
        return;
    policy = c->policy;
    report_quick(p1, policy, IKE_REPORT_INFO, REPORT_PLAIN, "peer deleted IPsec-SA: spi=0x%08x",
                 spi);
    child_remove(c);
    child_went(p1, policy, c->created_ms);
}

static void delete (struct phase1 *p1, struct slice body)
{
    struct rd r = rd_of(body);
    struct isakmp_delete d;

    if (isakmp_delete_parse(&r, &d) != ISAKMP_OK || d.doi > ISAKMP_DOI_IPSEC) {
        ike_drop(p1->ike, IKE_DROP_PAYLOAD);
        return;
    }
    for (unsigned i = 0; i < d.n_spis && !p1->dead; i++) {
        struct slice spi = isakmp_delete_spi(&d, i);

        if (d.protocol == ISAKMP_PROTO_ISAKMP)
            delete_phase1(p1, spi);
        else if (d.protocol == ISAKMP_PROTO_ESP || d.protocol == ISAKMP_PROTO_AH)
            delete_child(p1, d.protocol == ISAKMP_PROTO_AH ? 51 : 50, be32_get(spi.p));
    }
}

/* ---- the step ---- */

static enum step_result take(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;
    uint8_t hash[DIGEST_MAX];

    keymat_hash1(&p1->keys, ex->message_id, isakmp_payloads_after(&in->payloads, 0), hash);
    if (in->payloads.at[0].type != PL_HASH ||
        !keymat_hash_matches(p1->digest, hash, driver_body(in, PL_HASH)))
        return driver_refuse(in, IKE_DROP_HASH);
    driver_authentic(p1, in);
    for (unsigned i = 1; i < in->payloads.n && !p1->dead; i++) {
        if (in->payloads.at[i].type == PL_NOTIFY)
            notify(p1, in->payloads.at[i].body);
        else if (in->payloads.at[i].type == PL_DELETE)
            delete (p1, in->payloads.at[i].body);
    }
    return STEP_END;
}

/*     HDR*, HASH(1), N or D   -> */
static const struct step rows[] = {
    { .run = take,
      .encrypted = true,
      .need = BIT(PL_HASH),
      .may = BIT(PL_NOTIFY) | BIT(PL_DELETE) | BIT(PL_VID) },
};
const struct step_table informational = { rows, sizeof rows / sizeof rows[0] };

void informational_in_clear(struct phase1 *p1, const struct msg_in *in, const uint8_t *bytes,
                            size_t len)
{
    struct rd r = rd_from(bytes + ISAKMP_HEADER_LEN, len - ISAKMP_HEADER_LEN);
    const struct isakmp_payload *p;
    struct isakmp_payloads ps;
    struct isakmp_notify n;

    if (in->header.exchange != EXCHANGE_INFORMATIONAL || !p1->initiator || p1->complained ||
        p1->main->state == P1_UP || !ip_addr_equal(&in->path->remote, &p1->path.remote) ||
        isakmp_payloads_parse(&r, in->header.next_payload, ISAKMP_TAIL_NONE, &ps) != ISAKMP_OK)
        return;
    p = isakmp_payload_find(&ps, PL_NOTIFY);
    if (!p)
        return;
    r = rd_of(p->body);
    if (isakmp_notify_parse(&r, &n) != ISAKMP_OK || n.type >= NOTIFY_STATUS_FIRST)
        return;
    p1->complained = true;
    refusal_of_phase1(p1, n.type);
}
