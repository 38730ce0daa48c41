#include "quick_mode.h"

#include "child.h"
#include "child_policy.h"
#include "exchange.h"
#include "informational.h"
#include "isakmp_notify.h"
#include "phase1.h"
#include "policy.h"
#include "quick_keys.h"
#include "report.h"
#include "text.h"

#include <stdlib.h>

/* ---- the object ---- */

static struct quick *quick_new(struct exchange *ex, struct policy *policy)
{
    struct quick *q = xcalloc(1, sizeof *q);

    q->exchange = ex;
    q->policy = policy;
    TAILQ_INSERT_HEAD(&policy->quicks, q, in_policy);
    ex->quick = q;
    if (ex->initiator) {
        policy->quick = ex;
        ex->p1->n_quick_own++;
    } else {
        ex->p1->n_quick_theirs++;
        policy->n_theirs++;
        policy->theirs_ms = ex->p1->ike->now_ms;
    }
    return q;
}

void quick_fini(struct exchange *ex)
{
    struct quick *q = ex->quick;

    if (!q)
        return;
    ex->quick = NULL;
    TAILQ_REMOVE(&q->policy->quicks, q, in_policy);
    if (ex->initiator) {
        ex->p1->n_quick_own--;
        if (q->policy->quick == ex)
            q->policy->quick = NULL;
        policy_wait(q->policy); /* until it is said to be served or to have failed */
    } else {
        ex->p1->n_quick_theirs--;
        q->policy->n_theirs--;
    }
    if (q->child) { /* never confirmed */
        q->child->quick = NULL;
        child_remove(q->child);
    }
    secret_wipe(q, sizeof *q);
    free(q);
}

void quick_fail(struct exchange *ex)
{
    struct policy *policy = ex->quick ? ex->quick->policy : NULL;
    bool initiator = ex->initiator;
    struct phase1 *p1 = ex->p1;

    exchange_end(ex);
    if (policy && initiator)
        policy_failed(policy);
    if (!p1->dead)
        host_kick(p1->host);
}

void quick_abandon(struct exchange *ex)
{
    if (ex->quick && ex->quick->child)
        child_delete(ex->quick->child);
    exchange_end(ex);
}

void quick_timed_out(struct exchange *ex)
{
    struct phase1 *p1 = ex->p1;
    bool silent = p1->heard_ms < ex->started_ms;

    if (!ex->quick) { /* an informational exchange waits for nothing */
        exchange_end(ex);
        return;
    }
    report_quick(p1, ex->quick->policy, IKE_REPORT_ERROR, REPORT_ERROR,
                 "phase2 negotiation failed due to time up waiting for the peer's %s",
                 ex->initiator ? "answer" : "confirmation");
    if (ex->initiator)
        quick_fail(ex);
    else
        quick_abandon(ex);
    if (silent && !p1->dead)
        phase1_delete(p1);
}

static bool quick_refuse(struct exchange *ex, struct policy *policy, uint16_t notify,
                         const char *what, const char *why)
{
    struct phase1 *p1 = ex->p1;

    report_quick(p1, policy, IKE_REPORT_ERROR, REPORT_ERROR, "%s: %s", what, why);
    if (notify)
        informational_refuse_quick(p1, ex->peer_proto ? ex->peer_proto : ISAKMP_PROTO_ESP,
                                   ex->peer_spi, notify);
    return false;
}

/* ---- pieces of messages ---- */

static void hash_open(const struct phase1 *p1, struct isakmp_msg *m, struct slice *ret_body)
{
    msg_open(m, PL_HASH);
    (void)msg_reserve(m, digest_info[p1->digest].len);
    *ret_body = msg_close(m);
}

static void hash_put(const struct phase1 *p1, const struct isakmp_msg *m, struct slice body,
                     const uint8_t *hash)
{
    if (msg_ok(m))
        memcpy(m->w.start + (body.p - m->w.start), hash, digest_info[p1->digest].len);
}

/* KE when there is one, and both identities: the initiator's first. */
static void tail_put(const struct exchange *ex, struct isakmp_msg *m)
{
    const struct quick *q = ex->quick;
    struct isakmp_id local = child_selector_to_id(&q->sel.local);
    struct isakmp_id remote = child_selector_to_id(&q->sel.remote);
    size_t ke_len = q->group ? dh_group_info[q->group].public_len : 0;

    msg_payload(m, PL_NONCE, nonce_slice(ex->initiator ? &q->ni : &q->nr));
    if (ke_len)
        msg_payload(m, PL_KE, (struct slice){ q->own_public, ke_len });
    if (!ex->initiator && !q->ids_given)
        return;
    isakmp_id_emit(m, ex->initiator ? &local : &remote);
    isakmp_id_emit(m, ex->initiator ? &remote : &local);
}

static bool nonce_take(struct msg_in *in, struct nonce *ret)
{
    struct slice n = driver_body(in, PL_NONCE);

    if (!isakmp_nonce_len_ok(n.len))
        return false;
    memcpy(ret->b, n.p, n.len);
    ret->len = (uint16_t)n.len;
    return true;
}

/* IDci and IDcr as selectors, ours and the peer's. */
static bool selectors_take(struct exchange *ex, struct msg_in *in, struct child_selectors *ret,
                           bool *ret_given, struct proposal_why *ret_why)
{
    struct isakmp_id ids[2];
    unsigned n = 0;

    for (unsigned i = 0; i < in->payloads.n; i++) {
        struct rd r = rd_of(in->payloads.at[i].body);

        if (in->payloads.at[i].type != PL_ID)
            continue;
        if (isakmp_id_parse(&r, &ids[n++]) != ISAKMP_OK) {
            *ret_why = (struct proposal_why){ "malformed identity", NOTIFY_INVALID_ID_INFORMATION };
            return false;
        }
    }
    *ret_given = n > 0;
    return child_selectors_from_ids(n > 0 ? &ids[0] : NULL, n > 1 ? &ids[1] : NULL, &ex->p1->path,
                                    ex->initiator, ret, ret_why);
}

/* A KE payload exactly when the transform names a group, and as long as that. */
static bool ke_take(struct quick *q, struct msg_in *in, uint16_t group)
{
    const struct isakmp_payload *ke = isakmp_payload_find(&in->payloads, PL_KE);

    if (!ke || group == 0)
        return !ke && group == 0;
    if (dh_group_from_number(group) == DH_NONE || ke->body.len != dh_group_info[group].public_len)
        return false;
    memcpy(q->peer_public, ke->body.p, ke->body.len);
    return true;
}

static bool hash_is_first(const struct msg_in *in)
{
    return in->payloads.at[0].type == PL_HASH;
}

static void life_tell(const struct exchange *ex, struct isakmp_msg *m)
{
    const struct quick *q = ex->quick;
    uint8_t data[64], spi[4];
    struct isakmp_notify n = {
        .doi = ISAKMP_DOI_IPSEC,
        .protocol = q->choice.sas[0].protocol,
        .type = NOTIFY_RESPONDER_LIFETIME,
        .spi = { spi, sizeof spi },
    };
    struct isakmp_msg attrs = { .w = wr_to(data, sizeof data) };

    if (!q->choice.responder_lifetime)
        return;
    be32_put(spi, q->spis[n.protocol == ISAKMP_PROTO_AH ? P2_AH : P2_ESP]);
    isakmp_life_emit(&attrs, false, &q->choice.life);
    n.data = (struct slice){ data, wr_len(&attrs.w) };
    isakmp_notify_emit(m, &n);
}

static void life_told(struct exchange *ex, const struct msg_in *in)
{
    struct quick *q = ex->quick;
    const struct ike_proposal *ours = &q->policy->proposal->cfg;

    for (unsigned i = 0; i < in->payloads.n; i++) {
        struct rd r = rd_of(in->payloads.at[i].body);
        struct isakmp_notify n;
        struct isakmp_life told;

        if (in->payloads.at[i].type != PL_NOTIFY || isakmp_notify_parse(&r, &n) != ISAKMP_OK ||
            n.type != NOTIFY_RESPONDER_LIFETIME ||
            isakmp_life_decode(n.data, false, &told) != SKIP_NONE)
            continue;
        life_obey(&q->choice.life, told, life_from_config(ours->lifetime_s, ours->lifebytes));
    }
}

static void job_start(struct exchange *ex, bool own, bool shared,
                      void (*done)(struct exchange *ex, struct ike_job *job))
{
    struct quick *q = ex->quick;
    struct ike_job *job = exchange_job_new(&q->dh);

    job->want_public = own;
    job->want_shared = shared;
    if (shared)
        memcpy(job->peer_public, q->peer_public, dh_group_info[q->group].public_len);
    exchange_job_start(ex, job, done);
}

static bool job_is_fine(struct exchange *ex, const struct ike_job *job)
{
    if (job->error == DH_ERR_OK)
        return true;
    quick_refuse(ex, ex->quick->policy, NOTIFY_INVALID_KEY_INFORMATION, "phase2 negotiation failed",
                 dh_error_text(job->error));
    quick_fail(ex);
    return false;
}

static const char spi_taken[] =
    "the SPI is in use: by another peer at this address, or in another negotiation";

static bool spis_may(const struct exchange *ex)
{
    const struct p2_choice *c = &ex->quick->choice;

    for (unsigned i = 0; i < c->n_sas; i++) {
        uint8_t proto = c->sas[i].protocol == ISAKMP_PROTO_AH ? 51 : 50;

        if (!child_spi_may(ex->p1, proto, c->sas[i].spi))
            return false;
    }
    return true;
}

/* ---- initiator ---- */

static void message1_send(struct exchange *ex)
{
    struct phase1 *p1 = ex->p1;
    struct quick *q = ex->quick;
    struct p2_want want = quick_want(p1, q->policy);
    uint8_t hash[DIGEST_MAX];
    struct slice hash_b;
    struct isakmp_msg m;

    exchange_begin(ex, &m, true);
    hash_open(p1, &m, &hash_b);
    p2_offer(&m, &want, q->spis);
    tail_put(ex, &m);
    keymat_hash1(&p1->keys, ex->message_id, msg_after(&m, hash_b), hash);
    hash_put(p1, &m, hash_b, hash);
    exchange_send(ex, &m, true, AWAIT_ANSWER);
    ex->state = QUICK_MSG1_SENT;
}

static void i1_done(struct exchange *ex, struct ike_job *job)
{
    if (!job_is_fine(ex, job))
        return;
    memcpy(ex->quick->own_public, job->own_public, sizeof job->own_public);
    message1_send(ex);
}

void quick_start(struct phase1 *p1, struct policy *policy)
{
    struct ike *ike = p1->ike;
    struct p2_want want = quick_want(p1, policy);
    struct proposal_why why;
    struct exchange *ex;
    struct quick *q;

    if (!quick_possible(&want, &why)) {
        report_quick(p1, policy, IKE_REPORT_ERROR, REPORT_ERROR, "cannot negotiate: %s", why.text);
        policy_failed(policy);
        return;
    }
    ex = exchange_new(p1, EXCHANGE_QUICK, true, exchange_id_draw(p1));
    q = quick_new(ex, policy);
    q->started_ms = ike->now_ms;
    q->sel = (struct child_selectors){ policy->cfg.local_sel, policy->cfg.remote_sel };
    q->group = (uint16_t)policy->proposal->cfg.pfs_group;
    quick_spis_draw(p1, policy->cfg.protocols, q->spis);
    nonce_draw(ike, &q->ni);
    report_quick(p1, policy, IKE_REPORT_INFO, REPORT_PLAIN, "initiate new phase 2 negotiation%s:",
                 policy_is_served(policy) ? " (renewal)" : "");
    if (q->group) {
        ike->env.dh_init(ike->env.ctx, &q->dh, (enum dh_group)q->group);
        job_start(ex, true, false, i1_done);
        return;
    }
    message1_send(ex);
}

static void message3_send(struct exchange *ex)
{
    struct phase1 *p1 = ex->p1;
    const struct quick *q = ex->quick;
    uint8_t hash[DIGEST_MAX];
    struct isakmp_msg m;

    exchange_begin(ex, &m, true);
    keymat_hash3(&p1->keys, ex->message_id, nonce_slice(&q->ni), nonce_slice(&q->nr), hash);
    msg_payload(&m, PL_HASH, (struct slice){ hash, digest_info[p1->digest].len });
    exchange_send(ex, &m, true, AWAIT_NOTHING);
}

static void established(struct phase1 *p1, const struct child *c)
{
    const struct ike_policy *cfg = &c->policy->cfg;
    char local[CHILD_SELECTOR_TEXT_MAX], remote[CHILD_SELECTOR_TEXT_MAX];

    child_selector_to_text(&cfg->local_sel, local);
    child_selector_to_text(&cfg->remote_sel, remote);
    for (unsigned i = 0; i < c->n_sas; i++)
        report_quick(p1, c->policy, IKE_REPORT_INFO, REPORT_SUCCESS,
                     "IPsec-SA established: %s/%s %s <-> %s spi in=0x%08x out=0x%08x",
                     c->spis[i].proto == 51 ? "AH" : "ESP", cfg->tunnel ? "Tunnel" : "Transport",
                     local, remote, c->spis[i].in, c->spis[i].out);
}

static void initiator_complete(struct exchange *ex, struct slice g_xy)
{
    struct phase1 *p1 = ex->p1;
    struct policy *policy = ex->quick->policy;
    struct child *child = quick_child_make(ex, g_xy);
    uint64_t asked_ms = ex->sent_ms;

    if (!child) {
        quick_refuse(ex, policy, 0, "phase2 negotiation failed", "it gave a weak cipher key");
        quick_fail(ex);
        return;
    }
    child_install_in(child);
    message3_send(ex);
    exchange_linger(ex);
    child_settle(child, p1->ike->now_ms - asked_ms);
    established(p1, child);
    policy_served(policy);
    host_kick(p1->host);
}

static void i2_done(struct exchange *ex, struct ike_job *job)
{
    if (job_is_fine(ex, job))
        initiator_complete(
            ex, (struct slice){ job->shared, dh_group_info[ex->quick->group].public_len });
}

static bool message2_take(struct exchange *ex, struct msg_in *in)
{
    struct quick *q = ex->quick;
    struct phase1 *p1 = ex->p1;
    struct p2_want want = quick_want(p1, q->policy);
    struct rd r = rd_of(driver_body(in, PL_SA));
    struct child_selectors sel;
    struct proposal_why why;
    struct isakmp_sa sa;
    bool given;

    if (isakmp_sa_parse(&r, &sa) != ISAKMP_OK || !nonce_take(in, &q->nr))
        return quick_refuse(ex, q->policy, NOTIFY_PAYLOAD_MALFORMED, "phase2 negotiation failed",
                            "malformed answer");
    if (!p2_check(&sa, &want, &q->choice, &why))
        return quick_refuse(ex, q->policy, why.notify, "answer is not what we proposed", why.text);
    if (!spis_may(ex))
        return quick_refuse(ex, q->policy, NOTIFY_INVALID_SPI, "phase2 negotiation failed",
                            spi_taken);
    if (q->choice.group != q->group || !ke_take(q, in, q->group))
        return quick_refuse(ex, q->policy, NOTIFY_INVALID_KEY_INFORMATION,
                            "phase2 negotiation failed", "pfs group or key exchange mismatched");
    if (!selectors_take(ex, in, &sel, &given, &why))
        return quick_refuse(ex, q->policy, why.notify, "answer has other identities", why.text);
    if (!child_selectors_agree(&q->sel, &sel, &why))
        return quick_refuse(ex, q->policy, why.notify, "phase2 negotiation failed", why.text);
    if (q->choice.life_differs)
        report_quick(p1, q->policy, IKE_REPORT_WARNING, REPORT_PLAIN,
                     "peer answers phase 2 with another lifetime: my:%lld peer:%llu",
                     (long long)q->policy->proposal->cfg.lifetime_s,
                     (unsigned long long)q->choice.given.seconds);
    life_told(ex, in);
    return true;
}

static enum step_result quick_i2(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;
    struct quick *q = ex->quick;
    uint8_t hash[DIGEST_MAX];

    keymat_hash2(&p1->keys, ex->message_id, nonce_slice(&q->ni),
                 isakmp_payloads_after(&in->payloads, 0), hash);
    if (!hash_is_first(in) || !keymat_hash_matches(p1->digest, hash, driver_body(in, PL_HASH)))
        return driver_refuse(in, IKE_DROP_HASH);
    driver_authentic(p1, in);
    if (!message2_take(ex, in)) {
        quick_fail(ex);
        return STEP_END;
    }
    if (q->group)
        job_start(ex, false, true, i2_done);
    else
        initiator_complete(ex, (struct slice){ NULL, 0 });
    return STEP_OK;
}

/* ---- responder ---- */

static void message2_send(struct exchange *ex)
{
    struct phase1 *p1 = ex->p1;
    struct quick *q = ex->quick;
    uint8_t hash[DIGEST_MAX];
    struct slice hash_b;
    struct isakmp_msg m;

    exchange_begin(ex, &m, true);
    hash_open(p1, &m, &hash_b);
    p2_answer(&m, &q->choice, q->spis);
    tail_put(ex, &m);
    life_tell(ex, &m);
    keymat_hash2(&p1->keys, ex->message_id, nonce_slice(&q->ni), msg_after(&m, hash_b), hash);
    hash_put(p1, &m, hash_b, hash);
    exchange_send(ex, &m, true, AWAIT_ANSWER);
}

/* The inbound half is there before the peer can use it. */
static void responder_answer(struct exchange *ex, struct slice g_xy)
{
    struct quick *q = ex->quick;

    q->child = quick_child_make(ex, g_xy);
    if (!q->child) {
        quick_refuse(ex, q->policy, 0, "phase2 negotiation failed", "it gave a weak cipher key");
        quick_fail(ex);
        return;
    }
    q->child->quick = ex;
    child_install_in(q->child);
    message2_send(ex);
}

static void r1_done(struct exchange *ex, struct ike_job *job)
{
    struct quick *q = ex->quick;

    if (!job_is_fine(ex, job))
        return;
    memcpy(q->own_public, job->own_public, sizeof job->own_public);
    responder_answer(ex, (struct slice){ job->shared, dh_group_info[q->group].public_len });
}

/* The peer knows its quick mode by this. */
static void first_spi_keep(struct exchange *ex, const struct isakmp_sa *sa)
{
    struct rd it = rd_of(sa->proposals);
    struct isakmp_proposal p;

    if (!isakmp_proposal_next(&it, &p) || p.spi.len != 4)
        return;
    ex->peer_proto = p.protocol;
    ex->peer_spi = be32_get(p.spi.p);
}

static struct policy *policy_take(struct exchange *ex, struct msg_in *in,
                                  struct child_selectors *ret_sel, bool *ret_given)
{
    struct phase1 *p1 = ex->p1;
    struct ike *ike = p1->ike;
    const struct ike_policy *nearest;
    struct proposal_why why;
    struct policy *policy;

    if (!selectors_take(ex, in, ret_sel, ret_given, &why)) {
        quick_refuse(ex, NULL, why.notify, "no policy found", why.text);
        return NULL;
    }
    policy = policy_match(ike, &p1->path, ret_sel);
    if (!policy) {
        (void)child_policy_find(ike->policy_cfgs, ike->n_policies, &p1->path, ret_sel, &nearest,
                                &why);
        policy = nearest ? policy_find(ike, nearest->id) : NULL; /* its owner is told */
        quick_refuse(ex, policy, NOTIFY_INVALID_ID_INFORMATION, "no policy found", why.text);
        return NULL;
    }
    if (!policy->proposal) {
        quick_refuse(ex, policy, NOTIFY_NO_PROPOSAL_CHOSEN, "no suitable proposal found",
                     "the policy's proposal does not exist or is disabled");
        return NULL;
    }
    return policy;
}

static bool message1_take(struct exchange *ex, struct msg_in *in)
{
    struct rd r = rd_of(driver_body(in, PL_SA));
    struct child_selectors sel;
    struct proposal_why why;
    struct policy *policy;
    struct p2_want want;
    struct isakmp_sa sa;
    struct quick *q;
    bool given;

    if (isakmp_sa_parse(&r, &sa) != ISAKMP_OK ||
        !isakmp_nonce_len_ok(driver_body(in, PL_NONCE).len))
        return quick_refuse(ex, NULL, NOTIFY_PAYLOAD_MALFORMED, "phase2 negotiation failed",
                            "malformed proposal or nonce");
    first_spi_keep(ex, &sa);
    policy = policy_take(ex, in, &sel, &given);
    if (!policy)
        return false;
    q = quick_new(ex, policy);
    q->sel = sel;
    q->ids_given = given;
    q->started_ms = ex->p1->ike->now_ms;
    want = quick_want(ex->p1, policy);
    if (!quick_possible(&want, &why) || !p2_choose(&sa, &want, &q->choice, &why))
        return quick_refuse(ex, policy, why.notify, "no suitable proposal found", why.text);
    if (!spis_may(ex))
        return quick_refuse(ex, policy, NOTIFY_INVALID_SPI, "phase2 negotiation failed", spi_taken);
    q->group = q->choice.group;
    if (!nonce_take(in, &q->ni) || !ke_take(q, in, q->group))
        return quick_refuse(ex, policy, NOTIFY_INVALID_KEY_INFORMATION, "phase2 negotiation failed",
                            "key exchange does not fit the proposal's pfs group");
    return true;
}

static enum step_result quick_r1(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;
    struct ike *ike = p1->ike;
    uint8_t hash[DIGEST_MAX];
    struct quick *q;

    keymat_hash1(&p1->keys, ex->message_id, isakmp_payloads_after(&in->payloads, 0), hash);
    if (!hash_is_first(in) || !keymat_hash_matches(p1->digest, hash, driver_body(in, PL_HASH)))
        return driver_refuse(in, IKE_DROP_HASH);
    driver_authentic(p1, in);
    if (!message1_take(ex, in))
        return STEP_END;
    q = ex->quick;
    quick_spis_draw(p1, q->policy->cfg.protocols, q->spis);
    nonce_draw(ike, &q->nr);
    if (q->group) {
        ike->env.dh_init(ike->env.ctx, &q->dh, (enum dh_group)q->group);
        job_start(ex, true, true, r1_done);
        return STEP_OK;
    }
    responder_answer(ex, (struct slice){ NULL, 0 });
    return STEP_OK;
}

static void responder_complete(struct child *child)
{
    struct exchange *ex = child->quick;
    struct phase1 *p1 = ex->p1;

    child->quick = NULL;
    ex->quick->child = NULL;
    child_install_out(child);
    established(p1, child);
    policy_served(child->policy);
    exchange_end(ex);
}

void quick_confirmed(struct child *child)
{
    if (child->quick)
        responder_complete(child);
}

static enum step_result quick_r3(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;
    const struct quick *q = ex->quick;
    uint8_t hash[DIGEST_MAX];

    keymat_hash3(&p1->keys, ex->message_id, nonce_slice(&q->ni), nonce_slice(&q->nr), hash);
    if (!hash_is_first(in) || !keymat_hash_matches(p1->digest, hash, driver_body(in, PL_HASH)))
        return driver_refuse(in, IKE_DROP_HASH);
    driver_authentic(p1, in);
    responder_complete(q->child);
    return STEP_END;
}

void quick_policy_gone(struct policy *policy)
{
    struct quick *q;

    while ((q = TAILQ_FIRST(&policy->quicks)))
        quick_abandon(q->exchange);
}

/* Both phase 2 identities or none; KE with PFS alone:
 *
 *     initiator                                         responder
 *     HDR*, HASH(1), SA, Ni [, KE] [, IDci, IDcr]  ->
 *                                                  <-   HDR*, HASH(2), SA, Nr [, KE] [, IDci, IDcr]
 *     HDR*, HASH(3)                                ->
 *
 * The responder receives by its SA from message 2 on and sends by it from message 3, or from the
 * first packet of the initiator, which may overtake message 3. */
#define SA_NONCE (BIT(PL_HASH) | BIT(PL_SA) | BIT(PL_NONCE))
#define MAY      (BIT(PL_KE) | BIT(PL_ID) | BIT(PL_NOTIFY) | BIT(PL_VID) | BIT(PL_NATOA))
static const struct step rows[] = {
    { .from = QUICK_NEW,
      .to = QUICK_MSG2_SENT,
      .run = quick_r1,
      .encrypted = true,
      .need = SA_NONCE,
      .may = MAY },
    { .initiator = true,
      .from = QUICK_MSG1_SENT,
      .to = QUICK_DONE,
      .run = quick_i2,
      .encrypted = true,
      .need = SA_NONCE,
      .may = MAY },
    { .from = QUICK_MSG2_SENT,
      .to = QUICK_DONE,
      .run = quick_r3,
      .encrypted = true,
      .need = BIT(PL_HASH),
      .may = BIT(PL_NOTIFY) },
};
const struct step_table quick_mode = { rows, sizeof rows / sizeof rows[0] };
