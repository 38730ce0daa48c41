/* Meaning of transforms: attributes to numbers, and the reasons to skip a transform. */
#include "isakmp_sa.h"

static const char *const skip_texts[SKIP_COUNT] = {
#define ROW(id, text) [SKIP_##id] = text,
    ISAKMP_SKIPS(ROW)
#undef ROW
};

const char *isakmp_skip_text(enum isakmp_skip s)
{
    return skip_texts[s];
}

/* What was seen of a transform's attributes; the first reason to skip it stays. */
struct decoder {
    enum isakmp_skip skip;
    uint32_t seen;      /* classes, by bit */
    uint16_t life_type; /* waiting for its duration; 0: none */
    bool seconds, kilobytes;
};

static void decoder_skip(struct decoder *d, enum isakmp_skip s)
{
    if (d->skip == SKIP_NONE)
        d->skip = s;
}

static bool seen(const struct decoder *d, unsigned class)
{
    return d->seen & 1u << class;
}

/* A class with a two-byte value out of a table (NAMES_COUNT: any). */
static void decode_basic(struct decoder *d, const struct isakmp_attr *a, enum isakmp_table names,
                         uint16_t *ret)
{
    if (a->variable) {
        decoder_skip(d, SKIP_ATTR_FORM);
        return;
    }
    if (seen(d, a->type)) {
        decoder_skip(d, SKIP_ATTR_TWICE);
        return;
    }
    d->seen |= 1u << a->type;
    *ret = be16_get(a->value.p);
    if (names != NAMES_COUNT && !isakmp_name(names, *ret))
        decoder_skip(d, SKIP_VALUE);
}

static void decode_life_type(struct decoder *d, const struct isakmp_attr *a)
{
    if (a->variable) {
        decoder_skip(d, SKIP_ATTR_FORM);
        return;
    }
    uint16_t type = be16_get(a->value.p);
    if (!isakmp_name(NAMES_IKE_LIFE, type))
        decoder_skip(d, SKIP_VALUE);
    if (d->life_type)
        decoder_skip(d, SKIP_LIFE);
    d->life_type = type;
}

/* Two-byte form, or one to four bytes (RFC 2407 4.5 asks for no more). */
static void decode_life_duration(struct decoder *d, const struct isakmp_attr *a,
                                 struct isakmp_life *ret)
{
    uint64_t value = 0;
    bool *given = d->life_type == IKE_LIFE_SECONDS ? &d->seconds : &d->kilobytes;

    if (a->value.len < 1 || a->value.len > 4) {
        decoder_skip(d, SKIP_ATTR_FORM);
        return;
    }
    for (size_t i = 0; i < a->value.len; i++)
        value = value << 8 | a->value.p[i];
    if (!d->life_type || value == 0)
        decoder_skip(d, SKIP_LIFE);
    else if (*given)
        decoder_skip(d, SKIP_ATTR_TWICE);
    else if (d->life_type == IKE_LIFE_SECONDS)
        ret->seconds = value;
    else if (d->life_type == IKE_LIFE_KILOBYTES)
        ret->kilobytes = value;
    *given = true;
    d->life_type = 0;
}

static void decoder_end(struct decoder *d, const struct rd *it)
{
    if (!rd_ok(it))
        decoder_skip(d, SKIP_ATTR_CUT);
    if (d->life_type)
        decoder_skip(d, SKIP_LIFE);
}

static bool aes_key_bits_ok(uint16_t bits)
{
    return bits == 128 || bits == 192 || bits == 256;
}

static void p1_attr(struct decoder *d, const struct isakmp_attr *a, struct isakmp_p1 *t)
{
    switch (a->type) {
    case IKE_ATTR_ENCRYPTION:
        decode_basic(d, a, NAMES_IKE_ENCRYPTION, &t->encryption);
        return;
    case IKE_ATTR_HASH:
        decode_basic(d, a, NAMES_IKE_HASH, &t->hash);
        return;
    case IKE_ATTR_AUTH:
        decode_basic(d, a, NAMES_IKE_AUTH, &t->auth);
        return;
    case IKE_ATTR_GROUP:
        decode_basic(d, a, NAMES_IKE_GROUP, &t->group);
        return;
    case IKE_ATTR_KEY_LENGTH:
        decode_basic(d, a, NAMES_COUNT, &t->key_bits);
        return;
    case IKE_ATTR_LIFE_TYPE:
        decode_life_type(d, a);
        return;
    case IKE_ATTR_LIFE_DURATION:
        decode_life_duration(d, a, &t->life);
        return;
    default: /* groups of the peer's own making and PRFs, too */
        decoder_skip(d, SKIP_ATTR_UNKNOWN);
    }
}

/* Ciphers of one key length take no attribute; AES must have one (RFC 2409 appendix A, RFC 3602).
 */
static void p1_key_length_check(struct decoder *d, const struct isakmp_p1 *t)
{
    bool given = seen(d, IKE_ATTR_KEY_LENGTH);

    switch (t->encryption) {
    case IKE_ENC_AES:
        if (!given || !aes_key_bits_ok(t->key_bits))
            decoder_skip(d, SKIP_KEY_LENGTH);
        return;
    case IKE_ENC_DES:
    case IKE_ENC_3DES:
    case IKE_ENC_IDEA:
        if (given)
            decoder_skip(d, SKIP_KEY_LENGTH);
        return;
    default:
        return;
    }
}

enum isakmp_skip isakmp_p1_decode(const struct isakmp_transform *t, struct isakmp_p1 *ret)
{
    struct rd it = rd_of(t->attrs);
    struct decoder d = { 0 };
    struct isakmp_attr a;

    *ret = (struct isakmp_p1){ .number = t->number };
    if (t->id != ISAKMP_KEY_IKE)
        decoder_skip(&d, SKIP_TRANSFORM);
    while (isakmp_attr_next(&it, &a))
        p1_attr(&d, &a, ret);
    decoder_end(&d, &it);
    if (!seen(&d, IKE_ATTR_ENCRYPTION) || !seen(&d, IKE_ATTR_HASH) || !seen(&d, IKE_ATTR_AUTH) ||
        !seen(&d, IKE_ATTR_GROUP))
        decoder_skip(&d, SKIP_MISSING);
    p1_key_length_check(&d, ret);
    return d.skip;
}

static void p2_attr(struct decoder *d, const struct isakmp_attr *a, struct isakmp_p2 *t)
{
    switch (a->type) {
    case IPSEC_ATTR_LIFE_TYPE:
        decode_life_type(d, a);
        return;
    case IPSEC_ATTR_LIFE_DURATION:
        decode_life_duration(d, a, &t->life);
        return;
    case IPSEC_ATTR_GROUP:
        decode_basic(d, a, NAMES_IKE_GROUP, &t->group);
        return;
    case IPSEC_ATTR_ENCAP:
        decode_basic(d, a, NAMES_IPSEC_ENCAP, &t->encap);
        return;
    case IPSEC_ATTR_AUTH:
        decode_basic(d, a, NAMES_IPSEC_AUTH, &t->auth);
        return;
    case IPSEC_ATTR_KEY_LENGTH:
        decode_basic(d, a, NAMES_COUNT, &t->key_bits);
        return;
    default: /* key rounds, compression, extended sequence numbers: not supported */
        decoder_skip(d, SKIP_ATTR_UNKNOWN);
    }
}

/* The authentication algorithm an AH transform must come with (RFC 2407 4.4.3); 0: unknown. */
static uint16_t ah_auth(uint8_t transform)
{
    switch (transform) {
    case IPSEC_AH_MD5:
        return IPSEC_AUTH_HMAC_MD5;
    case IPSEC_AH_SHA:
        return IPSEC_AUTH_HMAC_SHA1;
    case IPSEC_AH_DES:
        return IPSEC_AUTH_DES_MAC;
    default: /* numbers agree from SHA2-256 on */
        return isakmp_name(NAMES_IPSEC_AH, transform) ? transform : 0;
    }
}

static void p2_ah_check(struct decoder *d, const struct isakmp_p2 *t)
{
    if (!seen(d, IPSEC_ATTR_AUTH))
        decoder_skip(d, SKIP_MISSING);
    else if (t->auth != ah_auth(t->id))
        decoder_skip(d, SKIP_CONTRADICTION);
    if (seen(d, IPSEC_ATTR_KEY_LENGTH))
        decoder_skip(d, SKIP_KEY_LENGTH);
}

static void p2_esp_check(struct decoder *d, const struct isakmp_p2 *t)
{
    bool given = seen(d, IPSEC_ATTR_KEY_LENGTH);

    switch (t->id) {
    case IPSEC_ESP_AES:
        if (!given || !aes_key_bits_ok(t->key_bits))
            decoder_skip(d, SKIP_KEY_LENGTH);
        return;
    case IPSEC_ESP_NULL:
        if (!seen(d, IPSEC_ATTR_AUTH)) /* RFC 2410: not both nothing */
            decoder_skip(d, SKIP_CONTRADICTION);
        break;
    case IPSEC_ESP_DES_IV64:
    case IPSEC_ESP_DES:
    case IPSEC_ESP_3DES:
    case IPSEC_ESP_IDEA:
    case IPSEC_ESP_DES_IV32:
        break;
    default:
        return;
    }
    if (given)
        decoder_skip(d, SKIP_KEY_LENGTH);
}

enum isakmp_skip isakmp_p2_decode(const struct isakmp_transform *t, uint8_t protocol,
                                  struct isakmp_p2 *ret)
{
    struct rd it = rd_of(t->attrs);
    struct decoder d = { 0 };
    struct isakmp_attr a;

    *ret = (struct isakmp_p2){ .number = t->number, .protocol = protocol, .id = t->id };
    if (!isakmp_name(isakmp_transform_names(protocol), t->id))
        decoder_skip(&d, SKIP_TRANSFORM);
    while (isakmp_attr_next(&it, &a))
        p2_attr(&d, &a, ret);
    decoder_end(&d, &it);
    if (protocol == ISAKMP_PROTO_AH)
        p2_ah_check(&d, ret);
    if (protocol == ISAKMP_PROTO_ESP)
        p2_esp_check(&d, ret);
    return d.skip;
}

enum isakmp_skip isakmp_life_decode(struct slice attrs, bool phase1, struct isakmp_life *ret)
{
    const uint16_t type = phase1 ? IKE_ATTR_LIFE_TYPE : (uint16_t)IPSEC_ATTR_LIFE_TYPE;
    const uint16_t duration = phase1 ? IKE_ATTR_LIFE_DURATION : (uint16_t)IPSEC_ATTR_LIFE_DURATION;
    struct rd it = rd_of(attrs);
    struct decoder d = { 0 };
    struct isakmp_life life = { 0 };
    struct isakmp_attr a;

    while (isakmp_attr_next(&it, &a)) {
        if (a.type == type)
            decode_life_type(&d, &a);
        else if (a.type == duration)
            decode_life_duration(&d, &a, &life);
    }
    decoder_end(&d, &it);
    if (!d.seconds && !d.kilobytes)
        decoder_skip(&d, SKIP_MISSING);
    if (d.skip == SKIP_NONE)
        *ret = life;
    return d.skip;
}
