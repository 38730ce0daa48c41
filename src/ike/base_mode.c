#include "base_mode.h"

#include "informational.h"
#include "natt.h"
#include "phase1_kit.h"
#include "signature.h"

static void ke_auth_send(struct phase1 *p1, enum exchange_await await)
{
    struct isakmp_msg m;

    exchange_begin(p1->main, &m, false);
    p1_ke_put(p1, &m);
    p1_auth_put(p1, &m);
    natt_emit(p1, &m);
    exchange_send(p1->main, &m, false, await);
}

static void ke_signature_send(struct phase1 *p1, const struct ike_job *job,
                              enum exchange_await await)
{
    struct isakmp_msg m;

    exchange_begin(p1->main, &m, false);
    p1_ke_put(p1, &m);
    signature_put(p1, job, &m);
    natt_emit(p1, &m);
    exchange_send(p1->main, &m, false, await);
}

/* A signature is judged later. */
static enum step_result ke_auth_take(struct phase1 *p1, struct msg_in *in)
{
    if (p1_ke_take(p1, in) != STEP_OK)
        return STEP_DROP;
    if (p1_is_signed(p1))
        signature_keep(p1, in);
    else if (p1_auth_take(p1, in) != STEP_OK)
        return STEP_DROP;
    natt_take_vendors(p1, &in->payloads);
    natt_take(p1, &in->payloads, in->path);
    return STEP_OK;
}

/* ---- initiator ---- */

void base_mode_start(struct phase1 *p1)
{
    struct isakmp_msg m;

    exchange_begin(p1->main, &m, false);
    p1_offer_put(p1, &m);
    p1_id_put(p1, &m);
    p1_nonce_put(p1, &m);
    natt_announce(p1, &m);
    p1->main->state = P1_MSG1_SENT;
    exchange_send(p1->main, &m, false, AWAIT_ANSWER);
}

static void i2_signed(struct exchange *ex, struct ike_job *job)
{
    if (signature_came_out(ex->p1, job))
        ke_signature_send(ex->p1, job, AWAIT_ANSWER);
    else
        phase1_failed(ex->p1);
}

static void i2_done(struct exchange *ex, struct ike_job *job)
{
    if (!p1_job_take(ex->p1, job))
        return;
    if (p1_is_signed(ex->p1))
        signature_start(ex, SIGNATURE_MAKE, i2_signed);
    else
        ke_auth_send(ex->p1, AWAIT_ANSWER);
}

static enum step_result base_i2(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;

    if (p1_choice_take(p1, in) != STEP_OK || p1_id_take(p1, in) != STEP_OK ||
        p1_nonce_take(p1, in) != STEP_OK)
        return STEP_DROP;
    p1_skeyid_make(p1);
    p1_job_start(ex, P1_PUBLIC, i2_done);
    return STEP_OK;
}

static void i3_up(struct exchange *ex)
{
    natt_float(ex->p1);
    ex->state = P1_UP;
    phase1_established(ex->p1);
}

static void i3_judged(struct exchange *ex, struct ike_job *job)
{
    if (signature_came_out(ex->p1, job))
        i3_up(ex);
    else
        p1_refuse_peer(ex->p1);
}

static void i3_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;

    if (!p1_job_take(p1, job) || !p1_keys_make(p1, job))
        return;
    if (p1_is_signed(p1))
        signature_start(ex, SIGNATURE_JUDGE, i3_judged);
    else
        i3_up(ex);
}

static enum step_result base_i3(struct exchange *ex, struct msg_in *in)
{
    if (ke_auth_take(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    p1_job_start(ex, P1_SHARED, i3_done);
    return STEP_OK;
}

/* ---- responder ---- */

static enum step_result base_r1(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;
    struct isakmp_msg m;

    if (p1_offer_take(p1, in) != STEP_OK || p1_id_take(p1, in) != STEP_OK ||
        p1_nonce_take(p1, in) != STEP_OK)
        return STEP_DROP;
    exchange_begin(ex, &m, false);
    p1_choice_put(p1, &m);
    p1_id_put(p1, &m);
    p1_nonce_put(p1, &m);
    natt_announce(p1, &m);
    exchange_send(ex, &m, false, AWAIT_NOTHING);
    return STEP_OK;
}

static void r2_signed(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;

    if (!signature_came_out(p1, job)) {
        phase1_failed(p1);
        return;
    }
    ke_signature_send(p1, job, AWAIT_NOTHING);
    ex->state = P1_UP;
    phase1_established(p1);
}

static void r2_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;

    if (!p1_job_take(p1, job) || !p1_keys_make(p1, job))
        return;
    if (p1_is_signed(p1)) {
        signature_start(ex, SIGNATURE_MAKE, r2_signed);
        return;
    }
    ke_auth_send(p1, AWAIT_NOTHING);
    ex->state = P1_UP;
    phase1_established(p1);
}

static void r2_judged(struct exchange *ex, struct ike_job *job)
{
    if (signature_came_out(ex->p1, job))
        p1_job_start(ex, P1_PUBLIC | P1_SHARED, r2_done);
    else
        phase1_failed(ex->p1);
}

/* HASH_I needs no g^xy: strangers cost us no exponentiation; a signature is judged before one. */
static enum step_result base_r2(struct exchange *ex, struct msg_in *in)
{
    p1_skeyid_make(ex->p1);
    if (ke_auth_take(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    if (p1_is_signed(ex->p1))
        signature_start(ex, SIGNATURE_JUDGE, r2_judged);
    else
        p1_job_start(ex, P1_PUBLIC | P1_SHARED, r2_done);
    return STEP_OK;
}

/* Pre-shared keys, or CERT.., SIG in place of the hash; nothing is encrypted:
 *
 *     initiator                                responder
 *     HDR, SA, IDii, Ni                 ->
 *                                       <-     HDR, SA, IDir, Nr
 *     HDR, KE, HASH_I [, NAT-D, NAT-D]  ->
 *                                       <-     HDR, KE, HASH_R [, NAT-D, NAT-D]
 *
 * HASH_I leaves g^xr out, which the initiator does not have yet. */
#define FIRST     (BIT(PL_SA) | BIT(PL_ID) | BIT(PL_NONCE))
#define SECOND    (BIT(PL_KE) | BIT(PL_HASH))
#define SIGNATURE (BIT(PL_KE) | BIT(PL_SIG))
#define PSK       (1u << IKE_PRE_SHARED_KEY)
#define SIGNED    (1u << IKE_RSA_SIGNATURE)
static const struct step rows[] = {
    { .from = P1_NEW, .to = P1_MSG1_SENT, .run = base_r1, .need = FIRST, .may = BIT(PL_VID) },
    { .initiator = true,
      .from = P1_MSG1_SENT,
      .to = P1_MSG2_SENT,
      .run = base_i2,
      .need = FIRST,
      .may = BIT(PL_VID) },
    { .from = P1_MSG1_SENT,
      .to = P1_MSG2_SENT,
      .run = base_r2,
      .auths = SIGNED,
      .need = SIGNATURE,
      .may = BIT(PL_VID) | BIT(PL_CERT) | BIT(PL_NATD) },
    { .from = P1_MSG1_SENT,
      .to = P1_MSG2_SENT,
      .run = base_r2,
      .auths = PSK,
      .need = SECOND,
      .may = BIT(PL_VID) | BIT(PL_NATD) },
    { .initiator = true,
      .from = P1_MSG2_SENT,
      .to = P1_MSG3_SENT,
      .run = base_i3,
      .auths = SIGNED,
      .need = SIGNATURE,
      .may = BIT(PL_VID) | BIT(PL_CERT) | BIT(PL_NATD) },
    { .initiator = true,
      .from = P1_MSG2_SENT,
      .to = P1_MSG3_SENT,
      .run = base_i3,
      .auths = PSK,
      .need = SECOND,
      .may = BIT(PL_VID) | BIT(PL_NATD) },
};
const struct step_table base_mode = { rows, sizeof rows / sizeof rows[0] };
