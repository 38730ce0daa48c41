#include "dh_priv.h"
#include "must.h"
#include "secret.h"

/* Strengths: MODP after RFC 3766; EC2N half the bits of the prime order, a ceiling, because fields
 * of composite degree (155 = 5 * 31, 185 = 5 * 37) have shorter ways than through the group. */
const struct dh_group_info dh_group_info[DH_GROUP_COUNT] = {
    /* clang-format off */
    /*                name        public strength weak  ec2n  cofactor exponent */
    [DH_NONE]     = { "none",         0,   0,     false, false,  0,      0 },
    [DH_MODP768]  = { "modp768",     96,  64,     true,  false,  2,    255 },
    [DH_MODP1024] = { "modp1024",   128,  73,     true,  false,  2,    255 },
    [DH_EC2N155]  = { "ec2n155",     20,  75,     true,  true,  12,    151 },
    [DH_EC2N185]  = { "ec2n185",     24,  91,     true,  true,   4,    182 },
    [DH_MODP1536] = { "modp1536",   192,  90,     false, false,  2,    255 },
    /* clang-format on */
};

const char *dh_error_text(enum dh_error error)
{
    static const char *const texts[DH_ERR_COUNT] = {
#define X(id, text) [DH_ERR_##id] = text,
        DH_ERRORS(X)
#undef X
    };

    return texts[error];
}

enum dh_group dh_group_from_name(const char *name)
{
    for (enum dh_group g = DH_MODP768; g < DH_GROUP_COUNT; g++)
        if (strcmp(dh_group_info[g].name, name) == 0)
            return g;
    return DH_NONE;
}

enum dh_group dh_group_from_number(unsigned number)
{
    return number < DH_GROUP_COUNT ? (enum dh_group)number : DH_NONE;
}

static void big_endian_times(uint8_t *number, size_t len, unsigned factor)
{
    unsigned carry = 0;

    for (size_t i = len; i-- > 0;) {
        carry += number[i] * factor;
        number[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void dh_init(struct dh *ret, enum dh_group group, struct rng *rng)
{
    must(group > DH_NONE && group < DH_GROUP_COUNT, "Diffie-Hellman without a group");

    const struct dh_group_info *info = &dh_group_info[group];
    unsigned bits = info->exponent_bits, top = (bits - 1) % 8;
    size_t random_len = (bits + 7u) / 8u;

    *ret = (struct dh){ .group = group };
    uint8_t *random = ret->exponent + info->public_len - random_len;
    rng_bytes(rng, random, random_len);
    /* The highest bit set: not zero, and no leading zero words whose absence could be timed. */
    random[0] = (uint8_t)((random[0] & (0xff >> (7 - top))) | 1 << top);
    big_endian_times(ret->exponent, info->public_len, info->cofactor);
}

enum dh_error dh_init_with(struct dh *ret, enum dh_group group, struct slice exponent)
{
    uint8_t any = 0;

    must(group > DH_NONE && group < DH_GROUP_COUNT, "Diffie-Hellman without a group");
    for (size_t i = 0; i < exponent.len; i++)
        any |= exponent.p[i];
    if (any == 0 || exponent.len > dh_group_info[group].public_len)
        return DH_ERR_BAD_EXPONENT;
    *ret = (struct dh){ .group = group };
    memcpy(ret->exponent + dh_group_info[group].public_len - exponent.len, exponent.p,
           exponent.len);
    return DH_ERR_OK;
}

void dh_fini(struct dh *dh)
{
    if (dh)
        secret_wipe(dh, sizeof(*dh));
}

enum dh_error dh_public(const struct dh *dh, uint8_t *ret)
{
    return dh_group_info[dh->group].ec2n ? ec2n_public(dh, ret) : modp_public(dh, ret);
}

enum dh_error dh_shared(const struct dh *dh, struct slice peer, uint8_t *ret)
{
    if (peer.len != dh_group_info[dh->group].public_len)
        return DH_ERR_BAD_LENGTH;
    return dh_group_info[dh->group].ec2n ? ec2n_shared(dh, peer, ret) : modp_shared(dh, peer, ret);
}
