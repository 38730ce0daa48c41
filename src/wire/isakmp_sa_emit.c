/* Writing SA payloads. */
#include "isakmp_sa.h"

void isakmp_sa_open(struct isakmp_msg *m)
{
    msg_open(m, PL_SA);
    msg_u32(m, ISAKMP_DOI_IPSEC);
    msg_u32(m, ISAKMP_SITUATION_IDENTITY);
}

void isakmp_proposal_open(struct isakmp_msg *m, uint8_t number, uint8_t protocol, struct slice spi)
{
    msg_open(m, PL_PROPOSAL);
    msg_u8(m, number);
    msg_u8(m, protocol);
    if (spi.len > UINT8_MAX)
        m->w.full = true;
    msg_u8(m, (uint8_t)spi.len);
    m->level[m->depth - 1].count = msg_reserve(m, 1);
    msg_bytes(m, spi);
}

void isakmp_transform_open(struct isakmp_msg *m, uint8_t number, uint8_t id)
{
    msg_open(m, PL_TRANSFORM);
    msg_u8(m, number);
    msg_u8(m, id);
    msg_u16(m, 0);
}

void isakmp_transform_copy(struct isakmp_msg *m, const struct isakmp_transform *t)
{
    msg_payload(m, PL_TRANSFORM, t->body);
}

void isakmp_attr_emit(struct isakmp_msg *m, uint16_t type, uint16_t value)
{
    msg_u16(m, (uint16_t)(0x8000 | type));
    msg_u16(m, value);
}

void isakmp_attr_emit_variable(struct isakmp_msg *m, uint16_t type, struct slice value)
{
    if (value.len > UINT16_MAX)
        m->w.full = true;
    msg_u16(m, type & 0x7fff);
    msg_u16(m, (uint16_t)value.len);
    msg_bytes(m, value);
}

static void duration_emit(struct isakmp_msg *m, uint16_t type, uint64_t value)
{
    uint8_t four[4];

    if (value <= UINT16_MAX) {
        isakmp_attr_emit(m, type, (uint16_t)value);
        return;
    }
    be32_put(four, value > UINT32_MAX ? UINT32_MAX : (uint32_t)value);
    isakmp_attr_emit_variable(m, type, (struct slice){ four, sizeof four });
}

void isakmp_life_emit(struct isakmp_msg *m, bool phase1, const struct isakmp_life *life)
{
    const uint16_t type = phase1 ? IKE_ATTR_LIFE_TYPE : (uint16_t)IPSEC_ATTR_LIFE_TYPE;
    const uint16_t duration = phase1 ? IKE_ATTR_LIFE_DURATION : (uint16_t)IPSEC_ATTR_LIFE_DURATION;

    if (life->seconds) {
        isakmp_attr_emit(m, type, IKE_LIFE_SECONDS);
        duration_emit(m, duration, life->seconds);
    }
    if (life->kilobytes) {
        isakmp_attr_emit(m, type, IKE_LIFE_KILOBYTES);
        duration_emit(m, duration, life->kilobytes);
    }
}

static void attr_emit_given(struct isakmp_msg *m, uint16_t type, uint16_t value)
{
    if (value)
        isakmp_attr_emit(m, type, value);
}

void isakmp_p1_emit(struct isakmp_msg *m, const struct isakmp_p1 *t)
{
    isakmp_transform_open(m, t->number, ISAKMP_KEY_IKE);
    isakmp_life_emit(m, true, &t->life);
    isakmp_attr_emit(m, IKE_ATTR_ENCRYPTION, t->encryption);
    attr_emit_given(m, IKE_ATTR_KEY_LENGTH, t->key_bits);
    isakmp_attr_emit(m, IKE_ATTR_AUTH, t->auth);
    isakmp_attr_emit(m, IKE_ATTR_HASH, t->hash);
    isakmp_attr_emit(m, IKE_ATTR_GROUP, t->group);
    msg_close(m);
}

void isakmp_p2_emit(struct isakmp_msg *m, const struct isakmp_p2 *t)
{
    isakmp_transform_open(m, t->number, t->id);
    isakmp_life_emit(m, false, &t->life);
    attr_emit_given(m, IPSEC_ATTR_ENCAP, t->encap);
    attr_emit_given(m, IPSEC_ATTR_KEY_LENGTH, t->key_bits);
    attr_emit_given(m, IPSEC_ATTR_AUTH, t->auth);
    attr_emit_given(m, IPSEC_ATTR_GROUP, t->group);
    msg_close(m);
}
