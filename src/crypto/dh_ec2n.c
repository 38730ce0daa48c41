/* EC2N groups 3 and 4: y^2 + xy = x^3 + b over GF(2^155) and GF(2^185), built into OpenSSL. Only x
 * coordinates travel, and x(kP) = x(k(-P)), so either y will do. A peer's x is refused when it has
 * m bits or more, is zero (the point of order 2), belongs to no point of the curve (half of all x
 * do not), or to a point the cofactor kills. */
#include "dh_priv.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

struct ec2n {
    BN_CTX *ctx;
    EC_GROUP *curve;
    EC_POINT *point, *result;
    BIGNUM *exponent, *x;
};

/* Half-built on failure: ec2n_close takes it. OpenSSL's error queue is left as it was. */
static bool ec2n_open(struct ec2n *e, const struct dh *dh)
{
    ERR_set_mark();
    *e = (struct ec2n){ .ctx = BN_CTX_new(), .exponent = BN_new(), .x = BN_new() };
    e->curve = EC_GROUP_new_by_curve_name(dh->group == DH_EC2N155 ? NID_ipsec3 : NID_ipsec4);
    if (!e->ctx || !e->exponent || !e->x || !e->curve)
        return false;
    e->point = EC_POINT_new(e->curve);
    e->result = EC_POINT_new(e->curve);
    if (!e->point || !e->result)
        return false;
    BN_set_flags(e->exponent, BN_FLG_CONSTTIME);
    return BN_bin2bn(dh->exponent, dh_group_info[dh->group].public_len, e->exponent) != NULL;
}

static void ec2n_close(struct ec2n *e)
{
    BN_clear_free(e->exponent);
    BN_clear_free(e->x);
    EC_POINT_clear_free(e->result);
    EC_POINT_free(e->point);
    EC_GROUP_free(e->curve);
    BN_CTX_free(e->ctx); /* clears its numbers */
    ERR_pop_to_mark();
}

static enum dh_error result_x(struct ec2n *e, unsigned len, uint8_t *ret)
{
    if (EC_POINT_is_at_infinity(e->curve, e->result))
        return DH_ERR_SMALL_ORDER;
    if (EC_POINT_get_affine_coordinates(e->curve, e->result, e->x, NULL, e->ctx) != 1)
        return DH_ERR_FAILED;
    return BN_bn2binpad(e->x, ret, (int)len) == (int)len ? DH_ERR_OK : DH_ERR_FAILED;
}

enum dh_error ec2n_public(const struct dh *dh, uint8_t *ret)
{
    struct ec2n e;
    enum dh_error error = DH_ERR_FAILED;

    if (ec2n_open(&e, dh) && EC_POINT_mul(e.curve, e.result, e.exponent, NULL, NULL, e.ctx) == 1)
        error = result_x(&e, dh_group_info[dh->group].public_len, ret);
    ec2n_close(&e);
    /* Only an exponent from outside can be a multiple of the order. */
    return error == DH_ERR_SMALL_ORDER ? DH_ERR_BAD_EXPONENT : error;
}

/* The peer's point into e->point. */
static enum dh_error point_load(struct ec2n *e, struct slice peer)
{
    if (!BN_bin2bn(peer.p, (int)peer.len, e->x))
        return DH_ERR_FAILED;
    if (BN_is_zero(e->x) || BN_num_bits(e->x) > EC_GROUP_get_degree(e->curve))
        return DH_ERR_OUT_OF_RANGE;
    if (EC_POINT_set_compressed_coordinates(e->curve, e->point, e->x, 0, e->ctx) != 1)
        return DH_ERR_NOT_ON_CURVE;
    return DH_ERR_OK;
}

/* Whether cofactor * point is the point at infinity, by double and add from the highest bit. */
static enum dh_error order_check(struct ec2n *e, unsigned cofactor)
{
    if (EC_POINT_copy(e->result, e->point) != 1)
        return DH_ERR_FAILED;
    for (unsigned bit = 1u << (30 - __builtin_clz(cofactor)); bit; bit >>= 1) {
        if (EC_POINT_dbl(e->curve, e->result, e->result, e->ctx) != 1)
            return DH_ERR_FAILED;
        if ((cofactor & bit) && EC_POINT_add(e->curve, e->result, e->result, e->point, e->ctx) != 1)
            return DH_ERR_FAILED;
    }
    return EC_POINT_is_at_infinity(e->curve, e->result) ? DH_ERR_SMALL_ORDER : DH_ERR_OK;
}

static enum dh_error shared_compute(struct ec2n *e, const struct dh_group_info *info,
                                    struct slice peer, uint8_t *ret)
{
    enum dh_error error = point_load(e, peer);

    if (error == DH_ERR_OK)
        error = order_check(e, info->cofactor);
    if (error)
        return error;
    /* Alone with one point this is OpenSSL's constant-time ladder. */
    if (EC_POINT_mul(e->curve, e->result, NULL, e->point, e->exponent, e->ctx) != 1)
        return DH_ERR_FAILED;
    return result_x(e, info->public_len, ret);
}

enum dh_error ec2n_shared(const struct dh *dh, struct slice peer, uint8_t *ret)
{
    struct ec2n e;
    enum dh_error error = DH_ERR_FAILED;

    if (ec2n_open(&e, dh))
        error = shared_compute(&e, &dh_group_info[dh->group], peer, ret);
    ec2n_close(&e);
    return error;
}
