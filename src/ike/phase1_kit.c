#include "phase1_kit.h"

#include "informational.h"
#include "isakmp_id.h"
#include "must.h"
#include "natt.h"
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

/* ---- SA ---- */

static void choice_keep(struct phase1 *p1, const struct p1_choice *choice)
{
    p1->setup->choice = *choice;
    p1->cipher = choice->cipher;
    p1->digest = digest_of_hash(choice->hash);
}

void p1_offer_put(struct phase1 *p1, struct isakmp_msg *m)
{
    const uint8_t *sa = m->w.at;

    p1_offer(m, &p1->peer->cfg);
    must(msg_ok(m), "an SA payload larger than its buffer");
    /* HASH_I and HASH_R cover it as it was on the wire. */
    body_keep(&p1->setup->sai_b, (struct slice){ sa + ISAKMP_GENERIC_LEN,
                                                 (size_t)(m->w.at - sa) - ISAKMP_GENERIC_LEN });
}

enum step_result p1_offer_take(struct phase1 *p1, struct msg_in *in)
{
    struct rd r = rd_of(driver_body(in, PL_SA));
    struct proposal_why why;
    struct p1_choice choice;
    struct isakmp_sa sa;

    if (isakmp_sa_parse(&r, &sa) != ISAKMP_OK)
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    if (!p1_choose(&sa, &p1->peer->cfg, &choice, &why)) {
        report_stranger(p1->ike, p1->peer, in->path, "no suitable proposal found: %s", why.text);
        informational_refuse_phase1(p1, in->path, why.notify);
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    }
    if (!phase1_room(p1))
        return driver_refuse(in, IKE_DROP_LIMIT);
    choice_keep(p1, &choice);
    body_keep(&p1->setup->sai_b, sa.body);
    phase1_cookie_r(p1, NULL);
    natt_take_vendors(p1, &in->payloads);
    return STEP_OK;
}

void p1_choice_put(const struct phase1 *p1, struct isakmp_msg *m)
{
    p1_answer(m, &p1->setup->choice);
}

enum step_result p1_choice_take(struct phase1 *p1, struct msg_in *in)
{
    struct rd r = rd_of(driver_body(in, PL_SA));
    struct proposal_why why;
    struct p1_choice choice;
    struct isakmp_sa sa;

    if (isakmp_cookie_is_zero(in->header.cky_r)) /* our own message, reflected */
        return driver_refuse(in, IKE_DROP_COOKIES);
    if (isakmp_sa_parse(&r, &sa) != ISAKMP_OK)
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    if (!p1_check(&sa, &p1->peer->cfg, &choice, &why)) {
        report_stranger(p1->ike, p1->peer, in->path, "answer is not what we proposed: %s",
                        why.text);
        p1->complained = true;
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    }
    if (choice.life_differs)
        report_phase1(p1, IKE_REPORT_WARNING, REPORT_PLAIN,
                      "peer answers phase 1 with another lifetime: my:%lld peer:%llu",
                      (long long)p1->peer->cfg.lifetime_s,
                      (unsigned long long)choice.given.seconds);
    choice_keep(p1, &choice);
    phase1_cookie_r(p1, in->header.cky_r);
    natt_take_vendors(p1, &in->payloads);
    return STEP_OK;
}

/* ---- KE and nonces. Our own coming back to us are a reflection. ---- */

void p1_ke_put(const struct phase1 *p1, struct isakmp_msg *m)
{
    const struct p1_setup *s = p1->setup;

    msg_payload(m, PL_KE, (struct slice){ p1->initiator ? s->ke_i : s->ke_r, public_len(p1) });
}

enum step_result p1_ke_take(struct phase1 *p1, struct msg_in *in)
{
    struct p1_setup *s = p1->setup;
    struct slice ke = driver_body(in, PL_KE);

    if (ke.len != public_len(p1))
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    if (p1->initiator && memcmp(ke.p, s->ke_i, ke.len) == 0)
        return driver_refuse(in, IKE_DROP_STATE);
    memcpy(p1->initiator ? s->ke_r : s->ke_i, ke.p, ke.len);
    return STEP_OK;
}

void p1_nonce_put(struct phase1 *p1, struct isakmp_msg *m)
{
    struct nonce *ours = p1->initiator ? &p1->setup->ni : &p1->setup->nr;

    if (ours->len == 0)
        nonce_draw(p1->ike, ours);
    msg_payload(m, PL_NONCE, nonce_slice(ours));
}

enum step_result p1_nonce_take(struct phase1 *p1, struct msg_in *in)
{
    struct p1_setup *s = p1->setup;
    struct slice nonce = driver_body(in, PL_NONCE);
    struct nonce *theirs = p1->initiator ? &s->nr : &s->ni;

    if (!isakmp_nonce_len_ok(nonce.len))
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    if (p1->initiator && slice_equal(nonce, nonce_slice(&s->ni)))
        return driver_refuse(in, IKE_DROP_STATE);
    memcpy(theirs->b, nonce.p, nonce.len);
    theirs->len = (uint16_t)nonce.len;
    return STEP_OK;
}

/* ---- identities ---- */

/* As racoon has it: our address with UDP and port 500 (RFC 2407 4.6.2), or the subject of our
 * certificate. */
static struct isakmp_id own_id(const struct phase1 *p1)
{
    struct ip_prefix whole = { p1->path.local, (uint8_t)(8 * ip_addr_len(p1->path.local.family)) };

    if (p1_is_signed(p1))
        return isakmp_id_of_data(ID_DN, pki_cert_subject(p1->peer->cfg.certificate));
    return isakmp_id_of_prefix(&whole, 17, 500);
}

void p1_id_put(struct phase1 *p1, struct isakmp_msg *m)
{
    struct isakmp_id id = own_id(p1);
    struct slice body = isakmp_id_emit(m, &id);

    body_keep(p1->initiator ? &p1->setup->idii_b : &p1->setup->idir_b, body);
}

void p1_own_id_make(struct phase1 *p1)
{
    struct isakmp_msg scratch;

    exchange_begin(p1->main, &scratch, false);
    p1_id_put(p1, &scratch);
}

enum step_result p1_id_take(struct phase1 *p1, struct msg_in *in)
{
    struct slice body = driver_body(in, PL_ID);
    struct rd r = rd_of(body);
    struct isakmp_id id;

    if (isakmp_id_parse(&r, &id) != ISAKMP_OK || !isakmp_id_phase1_ports_ok(&id)) {
        report_stranger(p1->ike, p1->peer, in->path, "peer's phase 1 identity is malformed");
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    }
    p1->remote_id = hash_bytes(&p1->ike->hash_key, id.data.p, id.data.len) ^ id.type;
    body_keep(p1->initiator ? &p1->setup->idir_b : &p1->setup->idii_b, body);
    return STEP_OK;
}

/* ---- authentication ---- */

static struct phase1_facts facts_of(const struct phase1 *p1, bool without_g_xr)
{
    const struct p1_setup *s = p1->setup;

    return (struct phase1_facts){
        .g_xi = { s->ke_i, public_len(p1) },
        .g_xr = { s->ke_r, without_g_xr ? 0 : public_len(p1) },
        .cookies = p1->cookies,
        .sai_b = body_slice(&s->sai_b),
    };
}

static void base_signed_hash(const struct phase1 *p1, bool of_initiator, uint8_t *ret)
{
    const struct p1_setup *s = p1->setup;
    struct phase1_facts f = facts_of(p1, of_initiator);
    struct slice ni = nonce_slice(&s->ni), nr = nonce_slice(&s->nr);

    if (of_initiator)
        keymat_base_hash_i(p1->digest, &f, ni, nr, body_slice(&s->idii_b), ret);
    else
        keymat_base_hash_r(p1->digest, &f, ni, nr, body_slice(&s->idii_b), ret);
}

struct slice p1_hash(const struct phase1 *p1, bool of_initiator, uint8_t ret[DIGEST_MAX])
{
    const struct p1_setup *s = p1->setup;
    bool base = p1->main->type == EXCHANGE_BASE;
    struct phase1_facts f = facts_of(p1, base && of_initiator); /* g^xr is not known then */

    if (base && p1_is_signed(p1))
        base_signed_hash(p1, of_initiator, ret);
    else if (of_initiator)
        keymat_hash_i(&p1->keys, &f, body_slice(&s->idii_b), ret);
    else
        keymat_hash_r(&p1->keys, &f, body_slice(&s->idir_b), ret);
    return (struct slice){ ret, digest_info[p1->digest].len };
}

void p1_auth_put(const struct phase1 *p1, struct isakmp_msg *m)
{
    uint8_t hash[DIGEST_MAX];

    msg_payload(m, PL_HASH, p1_hash(p1, p1->initiator, hash));
}

enum step_result p1_auth_take(struct phase1 *p1, struct msg_in *in)
{
    uint8_t hash[DIGEST_MAX];

    p1_hash(p1, !p1->initiator, hash);
    if (keymat_hash_matches(p1->digest, hash, driver_body(in, PL_HASH))) {
        driver_authentic(p1, in);
        return STEP_OK;
    }
    /* Another secret, or nobody at all: silence, and a line for our people. */
    report_stranger(p1->ike, p1->peer, in->path,
                    "authentication failed: HASH differs, the peer has another secret");
    return driver_refuse(in, IKE_DROP_HASH);
}

void p1_refuse_peer(struct phase1 *p1)
{
    memcpy(p1->last_block, p1->main->iv, sizeof p1->last_block);
    informational_delete_phase1(p1);
    phase1_failed(p1);
}

/* ---- keys ---- */

void p1_skeyid_make(struct phase1 *p1)
{
    const struct secret *psk = &p1->peer->cfg.psk;

    if (p1_is_signed(p1))
        return;
    skeyid_from_psk(&p1->keys, p1->digest, (struct slice){ psk->b, psk->len },
                    nonce_slice(&p1->setup->ni), nonce_slice(&p1->setup->nr));
}

bool p1_keys_make(struct phase1 *p1, const struct ike_job *job)
{
    const struct p1_setup *s = p1->setup;
    size_t len = public_len(p1);

    if (p1_is_signed(p1))
        skeyid_from_signature(&p1->keys, p1->digest, nonce_slice(&s->ni), nonce_slice(&s->nr),
                              (struct slice){ job->shared, len });
    skeyid_derive(&p1->keys, (struct slice){ job->shared, len }, &p1->cookies);
    if (!keymat_cipher_key(&p1->keys, p1->cipher, p1->enc_key)) {
        phase1_failed(p1);
        return false;
    }
    keymat_phase1_iv(p1->digest, p1->cipher, (struct slice){ s->ke_i, len },
                     (struct slice){ s->ke_r, len }, p1->main->iv);
    return true;
}

/* ---- the helper pool ---- */

void p1_job_start(struct exchange *ex, unsigned want,
                  void (*done)(struct exchange *ex, struct ike_job *job))
{
    struct phase1 *p1 = ex->p1;
    struct p1_setup *s = p1->setup;
    struct ike_env *env = &p1->ike->env;
    struct ike_job *job;

    if (want & P1_PUBLIC)
        env->dh_init(env->ctx, &s->dh, (enum dh_group)s->choice.group);
    job = exchange_job_new(&s->dh);
    job->want_public = want & P1_PUBLIC;
    job->want_shared = want & P1_SHARED;
    if (job->want_shared)
        memcpy(job->peer_public, p1->initiator ? s->ke_r : s->ke_i, public_len(p1));
    exchange_job_start(ex, job, done);
}

bool p1_job_take(struct phase1 *p1, const struct ike_job *job)
{
    struct p1_setup *s = p1->setup;

    if (job->error == DH_ERR_OK) {
        if (job->want_public)
            memcpy(p1->initiator ? s->ke_i : s->ke_r, job->own_public, public_len(p1));
        return true;
    }
    report_phase1(p1, IKE_REPORT_ERROR, REPORT_ERROR, "phase1 negotiation failed: %s: %s",
                  dh_group_info[job->dh.group].name, dh_error_text(job->error));
    p1->complained = true;
    phase1_failed(p1);
    return false;
}
