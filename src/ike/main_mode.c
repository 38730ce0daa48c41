#include "main_mode.h"

#include "exchange.h"
#include "informational.h"
#include "isakmp_id.h"
#include "must.h"
#include "natt.h"
#include "phase1.h"
#include "report.h"
#include "text.h"

static enum digest_alg digest_of_hash(enum auth_alg hash)
{
    return hash == AUTH_MD5 ? DIGEST_MD5 : DIGEST_SHA1;
}

static size_t public_len(const struct phase1 *p1)
{
    return dh_group_info[p1->setup->choice.group].public_len;
}

/* ---- what several steps share ---- */

static void choice_take(struct phase1 *p1, const struct p1_choice *choice)
{
    p1->setup->choice = *choice;
    p1->cipher = choice->cipher;
    p1->digest = digest_of_hash(choice->hash);
}

/* HASH_I and HASH_R cover the initiator's SA as it was on the wire. */
static void sai_keep(struct phase1 *p1, struct slice body)
{
    p1->setup->sai_b = xmalloc(body.len);
    p1->setup->sai_b_len = body.len;
    memcpy(p1->setup->sai_b, body.p, body.len);
}

static struct phase1_facts facts_of(const struct phase1 *p1)
{
    const struct p1_setup *s = p1->setup;

    return (struct phase1_facts){
        .g_xi = { s->ke_i, public_len(p1) },
        .g_xr = { s->ke_r, public_len(p1) },
        .cookies = p1->cookies,
        .sai_b = { s->sai_b, s->sai_b_len },
    };
}

/* KE and nonce of the peer. Our own coming back to us are a reflection. */
static enum step_result ke_nonce_take(struct phase1 *p1, struct msg_in *in)
{
    struct p1_setup *s = p1->setup;
    struct slice ke = driver_body(in, PL_KE), nonce = driver_body(in, PL_NONCE);
    struct nonce *theirs = p1->initiator ? &s->nr : &s->ni;

    if (ke.len != public_len(p1) || !isakmp_nonce_len_ok(nonce.len))
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    if (p1->initiator &&
        (memcmp(ke.p, s->ke_i, ke.len) == 0 || slice_equal(nonce, nonce_slice(&s->ni))))
        return driver_refuse(in, IKE_DROP_STATE);
    memcpy(p1->initiator ? s->ke_r : s->ke_i, ke.p, ke.len);
    memcpy(theirs->b, nonce.p, nonce.len);
    theirs->len = (uint16_t)nonce.len;
    natt_take_vendors(p1, &in->payloads); /* some send them only now */
    natt_take(p1, &in->payloads, in->path);
    return STEP_OK;
}

static void ke_nonce_send(struct phase1 *p1, enum exchange_await await)
{
    const struct p1_setup *s = p1->setup;
    struct isakmp_msg m;

    exchange_begin(p1->main, &m, false);
    msg_payload(&m, PL_KE, (struct slice){ p1->initiator ? s->ke_i : s->ke_r, public_len(p1) });
    msg_payload(&m, PL_NONCE, nonce_slice(p1->initiator ? &s->ni : &s->nr));
    natt_emit(p1, &m);
    exchange_send(p1->main, &m, false, await);
}

static bool keys_make(struct phase1 *p1, const struct ike_job *job)
{
    const struct p1_setup *s = p1->setup;
    const struct secret *psk = &p1->peer->cfg.psk;
    struct slice g_xy = { job->shared, public_len(p1) };
    struct phase1_facts f = facts_of(p1);

    skeyid_from_psk(&p1->keys, p1->digest, (struct slice){ psk->b, psk->len }, nonce_slice(&s->ni),
                    nonce_slice(&s->nr));
    skeyid_derive(&p1->keys, g_xy, &p1->cookies);
    if (!keymat_cipher_key(&p1->keys, p1->cipher, p1->enc_key))
        return false;
    keymat_phase1_iv(p1->digest, p1->cipher, f.g_xi, f.g_xr, p1->main->iv);
    return true;
}

/* A job that found the peer's value unfit, or keys that must not be used: start over. */
static bool job_is_fine(struct phase1 *p1, const struct ike_job *job)
{
    if (job->error == DH_ERR_OK)
        return true;
    report_phase1(p1, IKE_REPORT_ERROR, REPORT_ERROR, "phase1 negotiation failed: %s: %s",
                  dh_group_info[job->dh.group].name, dh_error_text(job->error));
    p1->complained = true;
    phase1_failed(p1);
    return false;
}

/* As racoon has it: our address with UDP and port 500 (RFC 2407 4.6.2). */
static struct isakmp_id own_id(const struct phase1 *p1)
{
    struct ip_prefix whole = { p1->path.local, (uint8_t)(8 * ip_addr_len(p1->path.local.family)) };

    return isakmp_id_of_prefix(&whole, 17, 500);
}

static void auth_send(struct phase1 *p1, enum exchange_await await)
{
    struct phase1_facts f = facts_of(p1);
    struct isakmp_id id = own_id(p1);
    uint8_t hash[DIGEST_MAX];
    struct isakmp_msg m;
    struct slice id_b;

    exchange_begin(p1->main, &m, true);
    id_b = isakmp_id_emit(&m, &id);
    if (p1->initiator)
        keymat_hash_i(&p1->keys, &f, id_b, hash);
    else
        keymat_hash_r(&p1->keys, &f, id_b, hash);
    msg_payload(&m, PL_HASH, (struct slice){ hash, digest_info[p1->digest].len });
    exchange_send(p1->main, &m, true, await);
}

/* Whoever fails here has another secret, or is nobody: silence, and a line for our people. */
static enum step_result auth_refuse(struct phase1 *p1, struct msg_in *in)
{
    report_stranger(p1->ike, p1->peer, in->path,
                    "authentication failed: HASH differs, the peer has another secret");
    return driver_refuse(in, IKE_DROP_HASH);
}

static enum step_result auth_check(struct phase1 *p1, struct msg_in *in)
{
    struct phase1_facts f = facts_of(p1);
    struct slice body = driver_body(in, PL_ID);
    struct rd r = rd_of(body);
    uint8_t hash[DIGEST_MAX];
    struct isakmp_id id;

    if (p1->initiator)
        keymat_hash_r(&p1->keys, &f, body, hash);
    else
        keymat_hash_i(&p1->keys, &f, body, hash);
    if (!keymat_hash_matches(p1->digest, hash, driver_body(in, PL_HASH)))
        return auth_refuse(p1, in);
    if (isakmp_id_parse(&r, &id) != ISAKMP_OK || !isakmp_id_phase1_ports_ok(&id)) {
        report_phase1(p1, IKE_REPORT_ERROR, REPORT_ERROR, "peer's phase 1 identity is malformed");
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    }
    p1->remote_id = hash_bytes(&p1->ike->hash_key, id.data.p, id.data.len) ^ id.type;
    driver_authentic(p1, in);
    return STEP_OK;
}

/* ---- initiator ---- */

void main_mode_start(struct phase1 *p1)
{
    struct isakmp_msg m;
    const uint8_t *sa;

    exchange_begin(p1->main, &m, false);
    sa = m.w.at;
    p1_offer(&m, &p1->peer->cfg);
    must(msg_ok(&m), "an SA payload larger than its buffer");
    sai_keep(p1,
             (struct slice){ sa + ISAKMP_GENERIC_LEN, (size_t)(m.w.at - sa) - ISAKMP_GENERIC_LEN });
    natt_announce(p1, &m);
    p1->main->state = P1_MSG1_SENT;
    exchange_send(p1->main, &m, false, AWAIT_ANSWER);
}

static void i2_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;

    if (!job_is_fine(p1, job))
        return;
    memcpy(p1->setup->ke_i, job->own_public, public_len(p1));
    ke_nonce_send(p1, AWAIT_ANSWER);
}

static enum step_result main_i2(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;
    struct rd r = rd_of(driver_body(in, PL_SA));
    struct ike *ike = p1->ike;
    struct proposal_why why;
    struct p1_choice choice;
    struct isakmp_sa sa;
    struct ike_job *job;

    if (isakmp_cookie_is_zero(in->header.cky_r)) /* our own message, reflected */
        return driver_refuse(in, IKE_DROP_COOKIES);
    if (isakmp_sa_parse(&r, &sa) != ISAKMP_OK)
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    if (!p1_check(&sa, &p1->peer->cfg, &choice, &why)) {
        report_stranger(ike, p1->peer, in->path, "answer is not what we proposed: %s", why.text);
        p1->complained = true;
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    }
    if (choice.life_differs)
        report_phase1(p1, IKE_REPORT_WARNING, REPORT_PLAIN,
                      "peer answers phase 1 with another lifetime: my:%lld peer:%llu",
                      (long long)p1->peer->cfg.lifetime_s,
                      (unsigned long long)choice.given.seconds);
    choice_take(p1, &choice);
    phase1_cookie_r(p1, in->header.cky_r);
    natt_take_vendors(p1, &in->payloads);
    nonce_draw(ike, &p1->setup->ni);
    ike->env.dh_init(ike->env.ctx, &p1->setup->dh, (enum dh_group)choice.group);
    job = exchange_job_new(&p1->setup->dh);
    job->want_public = true;
    exchange_job_start(ex, job, i2_done);
    return STEP_OK;
}

static void i3_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;

    if (!job_is_fine(p1, job))
        return;
    if (!keys_make(p1, job)) {
        phase1_failed(p1);
        return;
    }
    natt_float(p1);
    auth_send(p1, AWAIT_ANSWER);
}

static enum step_result main_i3(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;
    struct ike_job *job;

    if (ke_nonce_take(p1, in) != STEP_OK)
        return STEP_DROP;
    job = exchange_job_new(&p1->setup->dh);
    job->want_shared = true;
    memcpy(job->peer_public, p1->setup->ke_r, public_len(p1));
    exchange_job_start(ex, job, i3_done);
    return STEP_OK;
}

static enum step_result main_i4(struct exchange *ex, struct msg_in *in)
{
    if (auth_check(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    ex->state = P1_UP;
    exchange_settle(ex);
    phase1_established(ex->p1);
    informational_notifies(ex->p1, &in->payloads);
    return STEP_OK;
}

/* ---- responder ---- */

static enum step_result main_r1(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;
    struct rd r = rd_of(driver_body(in, PL_SA));
    struct proposal_why why;
    struct p1_choice choice;
    struct isakmp_sa sa;
    struct isakmp_msg m;

    if (isakmp_sa_parse(&r, &sa) != ISAKMP_OK)
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    if (!p1_choose(&sa, &p1->peer->cfg, &choice, &why)) {
        report_stranger(p1->ike, p1->peer, in->path, "no suitable proposal found: %s", why.text);
        informational_refuse_phase1(p1, in->path, why.notify);
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    }
    if (!phase1_room(p1->ike, &in->path->remote))
        return driver_refuse(in, IKE_DROP_LIMIT);
    choice_take(p1, &choice);
    sai_keep(p1, sa.body);
    phase1_cookie_r(p1, NULL);
    natt_take_vendors(p1, &in->payloads);
    exchange_begin(ex, &m, false);
    p1_answer(&m, &choice);
    natt_announce(p1, &m);
    exchange_send(ex, &m, false, AWAIT_NOTHING);
    return STEP_OK;
}

static void r2_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;

    if (!job_is_fine(p1, job))
        return;
    memcpy(p1->setup->ke_r, job->own_public, public_len(p1));
    if (!keys_make(p1, job)) {
        phase1_failed(p1);
        return;
    }
    ke_nonce_send(p1, AWAIT_NOTHING);
}

static enum step_result main_r2(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;
    struct ike *ike = p1->ike;
    struct ike_job *job;

    if (ke_nonce_take(p1, in) != STEP_OK)
        return STEP_DROP;
    phase1_half_open_again(p1);
    nonce_draw(ike, &p1->setup->nr);
    ike->env.dh_init(ike->env.ctx, &p1->setup->dh, (enum dh_group)p1->setup->choice.group);
    job = exchange_job_new(&p1->setup->dh);
    job->want_public = job->want_shared = true;
    memcpy(job->peer_public, p1->setup->ke_i, public_len(p1));
    exchange_job_start(ex, job, r2_done);
    return STEP_OK;
}

static enum step_result main_r3(struct exchange *ex, struct msg_in *in)
{
    if (auth_check(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    auth_send(ex->p1, AWAIT_NOTHING);
    ex->state = P1_UP;
    phase1_established(ex->p1);
    informational_notifies(ex->p1, &in->payloads);
    return STEP_OK;
}

/* Pre-shared keys, RFC 2409 5.4:
 *
 *     initiator                              responder
 *     HDR, SA                         ->
 *                                     <-     HDR, SA
 *     HDR, KE, Ni [, NAT-D, NAT-D]    ->
 *                                     <-     HDR, KE, Nr [, NAT-D, NAT-D]
 *     HDR*, IDii, HASH_I              ->
 *                                     <-     HDR*, IDir, HASH_R
 *
 * Vendor IDs anywhere. strongSwan puts INITIAL-CONTACT beside HASH_I. */
#define ANY (BIT(PL_VID) | BIT(PL_CERTREQ))
static const struct step rows[] = {
    { .from = P1_NEW, .to = P1_MSG1_SENT, .run = main_r1, .need = BIT(PL_SA), .may = ANY },
    { .initiator = true,
      .from = P1_MSG1_SENT,
      .to = P1_MSG2_SENT,
      .run = main_i2,
      .need = BIT(PL_SA),
      .may = ANY },
    { .from = P1_MSG1_SENT,
      .to = P1_MSG2_SENT,
      .run = main_r2,
      .need = BIT(PL_KE) | BIT(PL_NONCE),
      .may = ANY | BIT(PL_NATD) },
    { .initiator = true,
      .from = P1_MSG2_SENT,
      .to = P1_MSG3_SENT,
      .run = main_i3,
      .need = BIT(PL_KE) | BIT(PL_NONCE),
      .may = ANY | BIT(PL_NATD) },
    { .from = P1_MSG2_SENT,
      .to = P1_UP,
      .run = main_r3,
      .encrypted = true,
      .need = BIT(PL_ID) | BIT(PL_HASH),
      .may = ANY | BIT(PL_NOTIFY) },
    { .initiator = true,
      .from = P1_MSG3_SENT,
      .to = P1_UP,
      .run = main_i4,
      .encrypted = true,
      .need = BIT(PL_ID) | BIT(PL_HASH),
      .may = ANY | BIT(PL_NOTIFY) },
};
const struct step_table main_mode = { rows, sizeof rows / sizeof rows[0] };
