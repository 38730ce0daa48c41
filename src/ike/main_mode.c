#include "main_mode.h"

#include "informational.h"
#include "natt.h"
#include "phase1_kit.h"
#include "signature.h"

/* ---- what both roles do ---- */

static enum step_result ke_nonce_take(struct phase1 *p1, struct msg_in *in)
{
    if (p1_ke_take(p1, in) != STEP_OK || p1_nonce_take(p1, in) != STEP_OK)
        return STEP_DROP;
    natt_take_vendors(p1, &in->payloads); /* some send them only now */
    natt_take(p1, &in->payloads, in->path);
    return STEP_OK;
}

static void ke_nonce_send(struct phase1 *p1, enum exchange_await await)
{
    struct isakmp_msg m;

    exchange_begin(p1->main, &m, false);
    p1_ke_put(p1, &m);
    p1_nonce_put(p1, &m);
    /* As racoon and strongSwan do it: the responder asks here, the initiator with its identity. */
    if (!p1->initiator && p1_is_signed(p1))
        signature_request_put(p1, &m);
    natt_emit(p1, &m);
    exchange_send(p1->main, &m, false, await);
}

static void auth_send(struct phase1 *p1, enum exchange_await await)
{
    struct isakmp_msg m;

    exchange_begin(p1->main, &m, true);
    p1_id_put(p1, &m);
    p1_auth_put(p1, &m);
    exchange_send(p1->main, &m, true, await);
}

static enum step_result auth_take(struct phase1 *p1, struct msg_in *in)
{
    return p1_id_take(p1, in) == STEP_OK ? p1_auth_take(p1, in) : STEP_DROP;
}

static void signed_send(struct phase1 *p1, const struct ike_job *job, enum exchange_await await)
{
    struct isakmp_msg m;

    exchange_begin(p1->main, &m, true);
    p1_id_put(p1, &m);
    signature_put(p1, job, &m);
    if (p1->initiator)
        signature_request_put(p1, &m);
    exchange_send(p1->main, &m, true, await);
}

static void signed_up(struct exchange *ex, const struct ike_job *job)
{
    ex->state = P1_UP;
    phase1_established(ex->p1);
    informational_notifies(ex->p1, &signature_message(job)->payloads);
}

/* ---- initiator ---- */

void main_mode_start(struct phase1 *p1)
{
    struct isakmp_msg m;

    exchange_begin(p1->main, &m, false);
    p1_offer_put(p1, &m);
    natt_announce(p1, &m);
    p1->main->state = P1_MSG1_SENT;
    exchange_send(p1->main, &m, false, AWAIT_ANSWER);
}

static void i2_done(struct exchange *ex, struct ike_job *job)
{
    if (p1_job_take(ex->p1, job))
        ke_nonce_send(ex->p1, AWAIT_ANSWER);
}

static enum step_result main_i2(struct exchange *ex, struct msg_in *in)
{
    if (p1_choice_take(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    p1_job_start(ex, P1_PUBLIC, i2_done);
    return STEP_OK;
}

static void i3_signed(struct exchange *ex, struct ike_job *job)
{
    if (signature_came_out(ex->p1, job))
        signed_send(ex->p1, job, AWAIT_ANSWER);
    else
        phase1_failed(ex->p1);
}

static void i3_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;

    if (!p1_job_take(p1, job))
        return;
    p1_skeyid_make(p1);
    if (!p1_keys_make(p1, job))
        return;
    natt_float(p1);
    if (!p1_is_signed(p1)) {
        auth_send(p1, AWAIT_ANSWER);
        return;
    }
    p1_own_id_make(p1);
    signature_start(ex, SIGNATURE_MAKE, i3_signed);
}

static enum step_result main_i3(struct exchange *ex, struct msg_in *in)
{
    if (ke_nonce_take(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    p1_job_start(ex, P1_SHARED, i3_done);
    return STEP_OK;
}

static enum step_result main_i4(struct exchange *ex, struct msg_in *in)
{
    if (auth_take(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    ex->state = P1_UP;
    exchange_settle(ex);
    phase1_established(ex->p1);
    informational_notifies(ex->p1, &in->payloads);
    return STEP_OK;
}

static void i4_judged(struct exchange *ex, struct ike_job *job)
{
    if (signature_came_out(ex->p1, job))
        signed_up(ex, job);
    else
        p1_refuse_peer(ex->p1);
}

static enum step_result main_i4_signed(struct exchange *ex, struct msg_in *in)
{
    if (p1_id_take(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    signature_keep(ex->p1, in);
    signature_start(ex, SIGNATURE_JUDGE, i4_judged);
    return STEP_OK;
}

/* ---- responder ---- */

static enum step_result main_r1(struct exchange *ex, struct msg_in *in)
{
    struct phase1 *p1 = ex->p1;
    struct isakmp_msg m;

    if (p1_offer_take(p1, in) != STEP_OK)
        return STEP_DROP;
    exchange_begin(ex, &m, false);
    p1_choice_put(p1, &m);
    natt_announce(p1, &m);
    exchange_send(ex, &m, false, AWAIT_NOTHING);
    return STEP_OK;
}

static void r2_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;

    if (!p1_job_take(p1, job))
        return;
    nonce_draw(p1->ike, &p1->setup->nr);
    p1_skeyid_make(p1);
    if (p1_keys_make(p1, job))
        ke_nonce_send(p1, AWAIT_NOTHING);
}

static enum step_result main_r2(struct exchange *ex, struct msg_in *in)
{
    if (ex->p1->ike->n_stranger_jobs >= IKE_STRANGER_JOBS_MAX)
        return driver_refuse(in, IKE_DROP_LIMIT);
    if (ke_nonce_take(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    phase1_half_open_again(ex->p1);
    p1_job_start(ex, P1_PUBLIC | P1_SHARED, r2_done);
    return STEP_OK;
}

static enum step_result main_r3(struct exchange *ex, struct msg_in *in)
{
    if (auth_take(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    auth_send(ex->p1, AWAIT_NOTHING);
    ex->state = P1_UP;
    phase1_established(ex->p1);
    informational_notifies(ex->p1, &in->payloads);
    return STEP_OK;
}

static void r3_judged(struct exchange *ex, struct ike_job *job)
{
    if (!signature_came_out(ex->p1, job)) {
        phase1_failed(ex->p1);
        return;
    }
    signed_send(ex->p1, job, AWAIT_NOTHING);
    signed_up(ex, job);
}

static enum step_result main_r3_signed(struct exchange *ex, struct msg_in *in)
{
    if (p1_id_take(ex->p1, in) != STEP_OK)
        return STEP_DROP;
    phase1_half_open_again(ex->p1);
    signature_keep(ex->p1, in);
    p1_own_id_make(ex->p1);
    signature_start(ex, SIGNATURE_JUDGE | SIGNATURE_MAKE, r3_judged);
    return STEP_OK;
}

/* Pre-shared keys, RFC 2409 5.4, and in the last two messages signatures, 5.1:
 *
 *     initiator                              responder
 *     HDR, SA                         ->
 *                                     <-     HDR, SA
 *     HDR, KE, Ni [, NAT-D, NAT-D]    ->
 *                                     <-     HDR, KE, Nr [, CERTREQ..] [, NAT-D, NAT-D]
 *     HDR*, IDii, HASH_I              ->
 *                                     <-     HDR*, IDir, HASH_R
 *     HDR*, IDii, CERT.., SIG_I
 *         [, CERTREQ..]               ->
 *                                     <-     HDR*, IDir, CERT.., SIG_R
 *
 * Vendor IDs and requests for certificates anywhere. strongSwan puts INITIAL-CONTACT beside HASH_I.
 * A signature is judged after its step: the SA comes up when the job is back. */
#define ANY    (BIT(PL_VID) | BIT(PL_CERTREQ))
#define PSK    (1u << IKE_PRE_SHARED_KEY)
#define SIGNED (1u << IKE_RSA_SIGNATURE)
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
      .to = P1_MSG3_SENT,
      .run = main_r3_signed,
      .auths = SIGNED,
      .encrypted = true,
      .need = BIT(PL_ID) | BIT(PL_SIG),
      .may = ANY | BIT(PL_CERT) | BIT(PL_NOTIFY) },
    { .initiator = true,
      .from = P1_MSG3_SENT,
      .to = P1_MSG3_SENT,
      .run = main_i4_signed,
      .auths = SIGNED,
      .encrypted = true,
      .need = BIT(PL_ID) | BIT(PL_SIG),
      .may = ANY | BIT(PL_CERT) | BIT(PL_NOTIFY) },
    { .from = P1_MSG2_SENT,
      .to = P1_UP,
      .run = main_r3,
      .auths = PSK,
      .encrypted = true,
      .need = BIT(PL_ID) | BIT(PL_HASH),
      .may = ANY | BIT(PL_NOTIFY) },
    { .initiator = true,
      .from = P1_MSG3_SENT,
      .to = P1_UP,
      .run = main_i4,
      .auths = PSK,
      .encrypted = true,
      .need = BIT(PL_ID) | BIT(PL_HASH),
      .may = ANY | BIT(PL_NOTIFY) },
};
const struct step_table main_mode = { rows, sizeof rows / sizeof rows[0] };
