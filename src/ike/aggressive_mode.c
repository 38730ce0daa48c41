#include "aggressive_mode.h"

#include "informational.h"
#include "natt.h"
#include "phase1_kit.h"

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

static void i2_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;
    struct isakmp_msg m;

    if (!p1_job_take(p1, job) || !p1_keys_make(p1, job))
        return;
    natt_float(p1);
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
    if (p1_auth_take(p1, in) != STEP_OK)
        return STEP_DROP;
    natt_take(p1, &in->payloads, in->path);
    p1_job_start(ex, P1_SHARED, i2_done);
    return STEP_OK;
}

/* ---- responder ---- */

static void r1_done(struct exchange *ex, struct ike_job *job)
{
    struct phase1 *p1 = ex->p1;
    struct isakmp_msg m;

    if (!p1_job_take(p1, job))
        return;
    exchange_begin(ex, &m, false);
    p1_choice_put(p1, &m);
    p1_ke_put(p1, &m);
    p1_nonce_put(p1, &m);
    p1_id_put(p1, &m);
    p1_skeyid_make(p1);
    if (!p1_keys_make(p1, job))
        return;
    p1_auth_put(p1, &m);
    natt_announce(p1, &m);
    natt_emit(p1, &m);
    exchange_send(ex, &m, false, AWAIT_NOTHING);
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

/* Pre-shared keys, RFC 2409 5.4:
 *
 *     initiator                                responder
 *     HDR, SA, KE, Ni, IDii             ->
 *                                       <-     HDR, SA, KE, Nr, IDir, HASH_R [, NAT-D, NAT-D]
 *     HDR, HASH_I [, NAT-D, NAT-D]      ->
 *
 * Vendor IDs anywhere. Message 3 comes in the clear from some (racoon) and encrypted from others
 * (strongSwan). */
#define ANY   (BIT(PL_VID) | BIT(PL_CERTREQ))
#define FIRST (BIT(PL_SA) | BIT(PL_KE) | BIT(PL_NONCE) | BIT(PL_ID))
static const struct step rows[] = {
    { .from = P1_NEW, .to = P1_MSG1_SENT, .run = aggressive_r1, .need = FIRST, .may = ANY },
    { .initiator = true,
      .from = P1_MSG1_SENT,
      .to = P1_MSG2_SENT,
      .run = aggressive_i2,
      .need = FIRST | BIT(PL_HASH),
      .may = ANY | BIT(PL_NATD) },
    { .from = P1_MSG1_SENT,
      .to = P1_UP,
      .run = aggressive_r2,
      .encrypted = true,
      .clear_too = true,
      .need = BIT(PL_HASH),
      .may = ANY | BIT(PL_NATD) | BIT(PL_NOTIFY) },
};
const struct step_table aggressive_mode = { rows, sizeof rows / sizeof rows[0] };
