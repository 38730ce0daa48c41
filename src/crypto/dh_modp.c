/* MODP groups: g = 2 modulo a safe prime p, p = 7 modulo 8, so that 2 generates the subgroup of
 * order q = (p-1)/2. A peer's y is taken when 2 <= y <= p-2: the only elements outside that range
 * are those of order 1 and 2, and there are no other small subgroups. That y lies in the subgroup
 * of order q is not asked, it would cost as much as the exchange itself: of a y outside (order 2q)
 * only the parity of the exponent could be learned, and ours are even (dh_init). */
#include "dh_priv.h"

#include <openssl/bn.h>
#include <pthread.h>

/* Constants of the groups, computed once and only read afterwards: setting up Montgomery
 * multiplication costs a tenth of an exponentiation. An entry is NULL if memory ran out. */
static struct modulus {
    BIGNUM *p, *last; /* last: p - 1 */
    BN_MONT_CTX *mont;
} moduli[DH_GROUP_COUNT];

static pthread_once_t moduli_once = PTHREAD_ONCE_INIT;

static void modulus_init(struct modulus *m, BIGNUM *p, BN_CTX *ctx)
{
    m->p = p;
    m->last = p ? BN_dup(p) : NULL;
    m->mont = BN_MONT_CTX_new();
    if (!m->last || !m->mont || !ctx || BN_sub_word(m->last, 1) != 1 ||
        BN_MONT_CTX_set(m->mont, p, ctx) != 1) {
        BN_free(m->p);
        BN_free(m->last);
        BN_MONT_CTX_free(m->mont);
        *m = (struct modulus){ NULL, NULL, NULL };
    }
}

static void moduli_init(void)
{
    BN_CTX *ctx = BN_CTX_new();

    modulus_init(&moduli[DH_MODP768], BN_get_rfc2409_prime_768(NULL), ctx);
    modulus_init(&moduli[DH_MODP1024], BN_get_rfc2409_prime_1024(NULL), ctx);
    modulus_init(&moduli[DH_MODP1536], BN_get_rfc3526_prime_1536(NULL), ctx);
    BN_CTX_free(ctx);
}

/* One exponentiation. */
struct modp {
    const struct modulus *modulus;
    BN_CTX *ctx;
    BIGNUM *base, *exponent, *result;
};

/* Half-built on failure: modp_close takes it. */
static bool modp_open(struct modp *m, const struct dh *dh)
{
    pthread_once(&moduli_once, moduli_init);
    *m = (struct modp){ .modulus = &moduli[dh->group],
                        .ctx = BN_CTX_new(),
                        .base = BN_new(),
                        .exponent = BN_new(),
                        .result = BN_new() };
    if (!m->modulus->mont || !m->ctx || !m->base || !m->exponent || !m->result)
        return false;
    BN_set_flags(m->exponent, BN_FLG_CONSTTIME);
    return BN_bin2bn(dh->exponent, dh_group_info[dh->group].public_len, m->exponent) != NULL;
}

static void modp_close(struct modp *m)
{
    BN_clear_free(m->exponent);
    BN_clear_free(m->result);
    BN_free(m->base);
    BN_CTX_free(m->ctx); /* clears its numbers */
}

static enum dh_error modp_power(struct modp *m, unsigned len, uint8_t *ret)
{
    if (BN_mod_exp_mont_consttime(m->result, m->base, m->exponent, m->modulus->p, m->ctx,
                                  m->modulus->mont) != 1)
        return DH_ERR_FAILED;
    return BN_bn2binpad(m->result, ret, (int)len) == (int)len ? DH_ERR_OK : DH_ERR_FAILED;
}

enum dh_error modp_public(const struct dh *dh, uint8_t *ret)
{
    struct modp m;
    enum dh_error error = DH_ERR_FAILED;

    if (modp_open(&m, dh) && BN_set_word(m.base, 2) == 1)
        error = modp_power(&m, dh_group_info[dh->group].public_len, ret);
    modp_close(&m);
    return error;
}

enum dh_error modp_shared(const struct dh *dh, struct slice peer, uint8_t *ret)
{
    struct modp m;
    enum dh_error error = DH_ERR_FAILED;

    if (modp_open(&m, dh) && BN_bin2bn(peer.p, (int)peer.len, m.base)) {
        if (BN_is_zero(m.base) || BN_is_one(m.base) || BN_cmp(m.base, m.modulus->last) >= 0)
            error = DH_ERR_OUT_OF_RANGE;
        else
            error = modp_power(&m, dh_group_info[dh->group].public_len, ret);
    }
    modp_close(&m);
    return error;
}
