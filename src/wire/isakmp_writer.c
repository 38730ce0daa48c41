#include "isakmp_writer.h"

#include <assert.h>

enum { NEXT_PAYLOAD_AT = 16, LENGTH_AT = 24 }; /* in the ISAKMP header */

void msg_begin(struct isakmp_msg *m, void *buf, size_t cap, const struct isakmp_header *h)
{
    struct isakmp_header blank = *h;

    blank.next_payload = PL_NONE;
    blank.length = 0;
    *m = (struct isakmp_msg){ .w = wr_to(buf, cap) };
    isakmp_header_emit(&m->w, &blank);
    m->level[0].next_at = m->w.start + NEXT_PAYLOAD_AT;
}

/* The parent's count of transforms; 255 is all its byte can say. */
static void transform_count(struct isakmp_msg *m, uint8_t *count)
{
    if (*count == UINT8_MAX)
        m->w.full = true;
    else
        (*count)++;
}

void msg_open(struct isakmp_msg *m, uint8_t type)
{
    assert(m->depth < MSG_DEPTH_MAX);
    struct msg_level *l = &m->level[m->depth];
    uint8_t *start = m->w.at;

    m->depth++;
    m->level[m->depth] = (struct msg_level){ 0 };
    wr_zero(&m->w, ISAKMP_GENERIC_LEN);
    l->start = msg_ok(m) ? start : NULL;
    l->count = NULL;
    if (!l->start)
        return;
    if (l->next_at)
        *l->next_at = type;
    l->next_at = start;
    if (m->depth > 1 && m->level[m->depth - 2].count)
        transform_count(m, m->level[m->depth - 2].count);
}

struct slice msg_close(struct isakmp_msg *m)
{
    assert(m->depth > 0);
    const struct msg_level *l = &m->level[--m->depth];

    if (!l->start || !msg_ok(m))
        return (struct slice){ NULL, 0 };
    size_t len = (size_t)(m->w.at - l->start);
    if (len > UINT16_MAX) {
        m->w.full = true;
        return (struct slice){ NULL, 0 };
    }
    be16_put(l->start + 2, (uint16_t)len);
    return (struct slice){ l->start + ISAKMP_GENERIC_LEN, len - ISAKMP_GENERIC_LEN };
}

size_t msg_end(struct isakmp_msg *m, size_t block)
{
    assert(m->depth == 0);
    if (!msg_ok(m))
        return 0;
    size_t over = block > 1 ? (wr_len(&m->w) - ISAKMP_HEADER_LEN) % block : 0;
    if (over)
        wr_zero(&m->w, block - over);
    if (!msg_ok(m) || wr_len(&m->w) > UINT32_MAX)
        return 0;
    be32_put(m->w.start + LENGTH_AT, (uint32_t)wr_len(&m->w));
    return wr_len(&m->w);
}

void msg_u8(struct isakmp_msg *m, uint8_t v)
{
    wr_u8(&m->w, v);
}

void msg_u16(struct isakmp_msg *m, uint16_t v)
{
    wr_u16(&m->w, v);
}

void msg_u32(struct isakmp_msg *m, uint32_t v)
{
    wr_u32(&m->w, v);
}

void msg_bytes(struct isakmp_msg *m, struct slice s)
{
    wr_bytes(&m->w, s.p, s.len);
}

uint8_t *msg_reserve(struct isakmp_msg *m, size_t len)
{
    uint8_t *at = m->w.at;

    wr_zero(&m->w, len);
    return msg_ok(m) ? at : NULL;
}

struct slice msg_after(const struct isakmp_msg *m, struct slice body)
{
    if (!msg_ok(m) || !body.p)
        return (struct slice){ NULL, 0 };
    const uint8_t *from = body.p + body.len;
    return (struct slice){ from, (size_t)(m->w.at - from) };
}

struct slice msg_payload(struct isakmp_msg *m, uint8_t type, struct slice body)
{
    msg_open(m, type);
    msg_bytes(m, body);
    return msg_close(m);
}
