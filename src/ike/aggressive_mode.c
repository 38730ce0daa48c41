#include "aggressive_mode.h"

#include "informational.h"
#include "natt.h"
#include "phase1_kit.h"
#include "signature.h"

/* ---- initiator ---- */

static void i1_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;
    struct isakmp_msg m;

    if (!p1_job_take(p1, job))
        return;
    exchange_begin(ex, &m, false);
    p1_offer_put(p1, &m);
    p1_ke_put(p1, &m);
    p1_nonce_put(p1, &m);
    p1_id_put(p1, &m);
    natt_announce(p1, &m);
    exchange_send(ex, &m, false, AWAIT_ANSWER);
}

/* The KE payload leaves no choice of groups. */
void aggressive_mode_start(struct phase1 *p1)
{
    p1->setup->choice.group = (uint8_t)p1->peer->cfg.group;
    p1->main->state = P1_MSG1_SENT;
    p1_job_start(p1->main, P1_PUBLIC, i1_done);
}

static void i2_judged(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;
    struct isakmp_msg m;

    if (!signature_came_out(p1, job)) {
        phase1_failed(p1);
        return;
    }
    exchange_begin(ex, &m, false);
    signature_put(p1, job, &m);
    natt_emit(p1, &m);
    exchange_send(ex, &m, false, AWAIT_NOTHING);
    ex->state = P1_UP;
    phase1_established(p1);
}

static void i2_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;
    struct isakmp_msg m;

    if (!p1_job_take(p1, job) || !p1_keys_make(p1, job))
        return;
    natt_float(p1);
    if (p1_is_signed(p1)) {
        signature_start(ex, SIGNATURE_JUDGE | SIGNATURE_MAKE, i2_judged);
        return;
    }
    exchange_begin(ex, &m, false);
    p1_auth_put(p1, &m);
    natt_emit(p1, &m);
    exchange_send(ex, &m, false, AWAIT_NOTHING);
    ex->state = P1_UP;
    phase1_established(p1);
}

static enum step_result aggressive_i2(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;

    if (p1_choice_take(p1, in) != STEP_OK || p1_ke_take(p1, in) != STEP_OK ||
        p1_nonce_take(p1, in) != STEP_OK || p1_id_take(p1, in) != STEP_OK)
        return STEP_DROP;
    p1_skeyid_make(p1);
    if (p1_is_signed(p1))
        signature_keep(p1, in);
    else if (p1_auth_take(p1, in) != STEP_OK)
        return STEP_DROP;
    natt_take(p1, &in->payloads, in->path);
    p1_job_start(ex, P1_SHARED, i2_done);
    return STEP_OK;
}

/* ---- responder ---- */

/* SIGNED: the job that made our signature; NULL with a pre-shared key. */
static void message2_send(struct exchange *ex, const struct ike_job *is_signed)
{
    struct phase1 *p1 = ex->p1;
    struct isakmp_msg m;

    exchange_begin(ex, &m, false);
    p1_choice_put(p1, &m);
    p1_ke_put(p1, &m);
    p1_nonce_put(p1, &m);
    p1_id_put(p1, &m);
    if (is_signed) {
        signature_put(p1, is_signed, &m);
        signature_request_put(p1, &m);
    } else {
        p1_auth_put(p1, &m);
    }
    natt_announce(p1, &m);
    natt_emit(p1, &m);
    exchange_send(ex, &m, false, AWAIT_NOTHING);
}

static void r1_signed(struct exchange *ex, struct ike_job *job)
{
    if (signature_came_out(ex->p1, job))
        message2_send(ex, job);
    else
        phase1_failed(ex->p1);
}

static void r1_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;

    if (!p1_job_take(p1, job))
        return;
    nonce_draw(p1->ike, &p1->setup->nr);
    p1_own_id_make(p1);
    p1_skeyid_make(p1);
    if (!p1_keys_make(p1, job))
        return;
    if (p1_is_signed(p1))
        signature_start(ex, SIGNATURE_MAKE, r1_signed);
    else
        message2_send(ex, NULL);
}

/* A stranger's first message costs us an exponentiation here. */
static enum step_result aggressive_r1(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;

    if (!phase1_may_compute(p1->ike))
        return driver_refuse(in, IKE_DROP_LIMIT);
    if (p1_offer_take(p1, in) != STEP_OK || p1_ke_take(p1, in) != STEP_OK ||
        p1_nonce_take(p1, in) != STEP_OK || p1_id_take(p1, in) != STEP_OK)
        return STEP_DROP;
    p1_job_start(ex, P1_PUBLIC | P1_SHARED, r1_done);
    return STEP_OK;
}

static enum step_result aggressive_r2(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;

    if (p1_auth_take(p1, in) != STEP_OK)
        return STEP_DROP;
    natt_take(p1, &in->payloads, in->path);
    ex->state = P1_UP;
    phase1_established(p1);
    informational_notifies(p1, &in->payloads);
    return STEP_OK;
}

static void r2_judged(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;

    if (!signature_came_out(p1, job)) {
        p1_refuse_peer(p1);
        return;
    }
    ex->state = P1_UP;
    phase1_established(p1);
    informational_notifies(p1, &signature_message(job)->payloads);
}

static enum step_result aggressive_r2_signed(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;

    natt_take(p1, &in->payloads, in->path);
    phase1_half_open_again(p1);
    signature_keep(p1, in);
    signature_start(ex, SIGNATURE_JUDGE, r2_judged);
    return STEP_OK;
}

/* Pre-shared keys, RFC 2409 5.4, and signatures, 5.1:
 *
 *     initiator                                responder
 *     HDR, SA, KE, Ni, IDii             ->
 *                                       <-     HDR, SA, KE, Nr, IDir, HASH_R [, NAT-D, NAT-D]
 *     HDR, HASH_I [, NAT-D, NAT-D]      ->
 *
 *                                       <-     HDR, SA, KE, Nr, IDir, CERT.., SIG_R
 *                                                  [, CERTREQ..] [, NAT-D, NAT-D]
 *     HDR, CERT.., SIG_I
 *         [, NAT-D, NAT-D]              ->
 *
 * Vendor IDs anywhere. Message 3 comes in the clear from some (racoon) and encrypted from others
 * (strongSwan). */
#define ANY    (BIT(PL_VID) | BIT(PL_CERTREQ))
#define PSK    (1u << IKE_PRE_SHARED_KEY)
#define SIGNED (1u << IKE_RSA_SIGNATURE)
#define FIRST  (BIT(PL_SA) | BIT(PL_KE) | BIT(PL_NONCE) | BIT(PL_ID))
static const struct step rows[] = {
    { .from = P1_NEW, .to = P1_MSG1_SENT, .run = aggressive_r1, .need = FIRST, .may = ANY },
    { .initiator = true,
      .from = P1_MSG1_SENT,
      .to = P1_MSG2_SENT,
      .run = aggressive_i2,
      .auths = PSK,
      .need = FIRST | BIT(PL_HASH),
      .may = ANY | BIT(PL_NATD) },
    { .initiator = true,
      .from = P1_MSG1_SENT,
      .to = P1_MSG2_SENT,
      .run = aggressive_i2,
      .auths = SIGNED,
      .need = FIRST | BIT(PL_SIG),
      .may = ANY | BIT(PL_CERT) | BIT(PL_NATD) },
    { .from = P1_MSG1_SENT,
      .to = P1_MSG2_SENT,
      .run = aggressive_r2_signed,
      .auths = SIGNED,
      .encrypted = true,
      .clear_too = true,
      .need = BIT(PL_SIG),
      .may = ANY | BIT(PL_CERT) | BIT(PL_NATD) | BIT(PL_NOTIFY) },
    { .from = P1_MSG1_SENT,
      .to = P1_UP,
      .run = aggressive_r2,
      .auths = PSK,
      .encrypted = true,
      .clear_too = true,
      .need = BIT(PL_HASH),
      .may = ANY | BIT(PL_NATD) | BIT(PL_NOTIFY) },
};
const struct step_table aggressive_mode = { rows, sizeof rows / sizeof rows[0] };
