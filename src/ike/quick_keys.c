#include "quick_keys.h"

#include "child.h"
#include "isakmp_notify.h"
#include "must.h"
#include "proposal_why.h"
#include "text.h"

#include <stdlib.h>

enum { SPI_MIN = 0x100, SPI_TRIES = 1000 };

static bool spi_is_free(const struct phase1 *p1, uint8_t proto, uint32_t spi)
{
    const struct ike_env *env = &p1->ike->env;

    return !child_of_own_spi(p1->host, proto, spi) &&
           env->spi_free(env->ctx, proto, &p1->path.remote, &p1->path.local, spi);
}

static uint32_t spi_draw(struct phase1 *p1, uint8_t proto)
{
    for (unsigned i = 0; i < SPI_TRIES; i++) {
        uint8_t b[4];

        p1->ike->env.random(p1->ike->env.ctx, b, sizeof b);
        if (be32_get(b) >= SPI_MIN && spi_is_free(p1, proto, be32_get(b)))
            return be32_get(b);
    }
    must(false, "no free SPI");
    return 0;
}

struct p2_want quick_want(const struct phase1 *p1, const struct policy *policy)
{
    return (struct p2_want){
        .proposal = &policy->proposal->cfg,
        .protocols = policy->cfg.protocols,
        .tunnel = policy->cfg.tunnel,
        .encap = p1->behind_nat ? P2_ENCAP_UDP : P2_ENCAP_PLAIN,
        .check = p1->peer->cfg.check,
    };
}

/* Transport mode through a NAT would have to mend checksums (RFC 3948 3.1.2) and match selectors
 * with addresses that the NAT has changed. */
bool quick_possible(const struct p2_want *want, struct proposal_why *ret_why)
{
    if (!p2_possible(want, ret_why))
        return false;
    if (want->tunnel || want->encap == P2_ENCAP_PLAIN)
        return true;
    why_set(ret_why, NOTIFY_NO_PROPOSAL_CHOSEN,
            "NAT on the way, which transport mode cannot pass: use tunnel=yes");
    return false;
}

void quick_spis_draw(struct phase1 *p1, uint8_t protocols, uint32_t ret[2])
{
    ret[P2_ESP] = protocols & IKE_PROTO_ESP ? spi_draw(p1, 50) : 0;
    ret[P2_AH] = protocols & IKE_PROTO_AH ? spi_draw(p1, 51) : 0;
}

/* KEYMAT of one direction: the cipher's key, then the authentication key. */
static bool keys_make(const struct exchange *ex, struct slice g_xy, const struct p2_sa *sa,
                      uint32_t spi, struct secret *ret_enc, struct secret *ret_auth)
{
    uint8_t spi_be[4], keymat[KEYMAT_MAX];
    const struct quick *q = ex->quick;
    struct quick_facts f = {
        .g_qm_xy = g_xy,
        .protocol = sa->protocol,
        .spi = { spi_be, sizeof spi_be },
        .ni_b = nonce_slice(&q->ni),
        .nr_b = nonce_slice(&q->nr),
    };
    size_t enc_len = cipher_info[sa->cipher].key_len, auth_len = auth_info[sa->auth].key_len;
    bool weak;

    be32_put(spi_be, spi);
    keymat_quick(&ex->p1->keys, &f, keymat, enc_len + auth_len);
    memcpy(ret_enc->b, keymat, enc_len);
    ret_enc->len = (uint8_t)enc_len;
    memcpy(ret_auth->b, keymat + enc_len, auth_len);
    ret_auth->len = (uint8_t)auth_len;
    weak = enc_len > 0 && cipher_key_is_weak(sa->cipher, keymat);
    secret_wipe(keymat, sizeof keymat);
    return !weak;
}

static bool sa_make(const struct exchange *ex, struct slice g_xy, const struct p2_sa *from,
                    struct ike_child_sa *ret)
{
    bool ah = from->protocol == ISAKMP_PROTO_AH;

    ret->proto = ah ? 51 : 50;
    ret->spi_in = ex->quick->spis[ah ? P2_AH : P2_ESP];
    ret->spi_out = from->spi;
    ret->cipher = from->cipher;
    ret->auth = from->auth;
    return keys_make(ex, g_xy, from, ret->spi_in, &ret->enc_in, &ret->auth_in) &&
           keys_make(ex, g_xy, from, ret->spi_out, &ret->enc_out, &ret->auth_out);
}

static void life_set(const struct quick *q, struct ike_child *sa)
{
    const struct ike_proposal *p = &q->policy->proposal->cfg;
    struct isakmp_life ours = life_from_config(p->lifetime_s, p->lifebytes);
    struct life_limits limits = life_to_limits(life_clamp(q->choice.life, ours));

    sa->soft_s = limits.soft_s;
    sa->hard_s = limits.hard_s;
    sa->soft_bytes = limits.soft_bytes;
    sa->hard_bytes = limits.hard_bytes;
}

static uint64_t rank_of(const struct nonce *ni)
{
    return (uint64_t)be32_get(ni->b) << 32 | be32_get(ni->b + 4);
}

struct child *quick_child_make(struct exchange *ex, struct slice g_xy)
{
    const struct quick *q = ex->quick;
    struct ike_child *sa = xcalloc(1, sizeof *sa);
    struct phase1 *p1 = ex->p1;

    sa->policy_id = q->policy->cfg.id;
    sa->slot = q->policy->cfg.slot;
    sa->reqid = q->policy->cfg.reqid;
    sa->path = p1->path;
    sa->local_sel = q->sel.local;
    sa->remote_sel = q->sel.remote;
    sa->tunnel = q->policy->cfg.tunnel;
    sa->initiator = ex->initiator;
    sa->pfs = q->group != 0;
    sa->udp_encap = p1->behind_nat;
    sa->replay_window = q->policy->cfg.replay_window;
    sa->n_sas = q->choice.n_sas;
    life_set(q, sa);
    for (unsigned i = 0; i < sa->n_sas; i++) {
        if (sa_make(ex, g_xy, &q->choice.sas[i], &sa->sas[i]))
            continue;
        secret_wipe(sa, sizeof *sa);
        free(sa);
        return NULL;
    }
    return child_new(q->policy, p1, sa, q->started_ms, rank_of(&q->ni));
}
