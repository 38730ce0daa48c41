#include "cursor.h"

struct rd rd_from(const void *p, size_t len)
{
    const uint8_t *b = p;
    return (struct rd){ .at = b, .end = b + len };
}

static const uint8_t *rd_take(struct rd *r, size_t len, const char *field)
{
    if (r->bad)
        return NULL;
    if (rd_left(r) < len) {
        r->bad = field;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += len;
    return p;
}

uint8_t rd_u8(struct rd *r, const char *field)
{
    const uint8_t *p = rd_take(r, 1, field);
    return p ? *p : 0;
}

uint16_t rd_u16(struct rd *r, const char *field)
{
    const uint8_t *p = rd_take(r, 2, field);
    return p ? be16_get(p) : 0;
}

uint32_t rd_u32(struct rd *r, const char *field)
{
    const uint8_t *p = rd_take(r, 4, field);
    return p ? be32_get(p) : 0;
}

uint64_t rd_u64(struct rd *r, const char *field)
{
    const uint8_t *p = rd_take(r, 8, field);
    return p ? (uint64_t)be32_get(p) << 32 | be32_get(p + 4) : 0;
}

struct slice rd_bytes(struct rd *r, size_t len, const char *field)
{
    const uint8_t *p = rd_take(r, len, field);
    return (struct slice){ p, p ? len : 0 };
}

struct rd rd_sub(struct rd *r, size_t len, const char *field)
{
    struct slice s = rd_bytes(r, len, field);
    struct rd sub = rd_from(s.p, s.len);
    sub.bad = r->bad;
    return sub;
}

struct wr wr_to(void *p, size_t cap)
{
    uint8_t *b = p;
    return (struct wr){ .start = b, .at = b, .end = b + cap };
}

static uint8_t *wr_take(struct wr *w, size_t len)
{
    if (w->full || (size_t)(w->end - w->at) < len) {
        w->full = true;
        return NULL;
    }
    uint8_t *p = w->at;
    w->at += len;
    return p;
}

void wr_u8(struct wr *w, uint8_t v)
{
    uint8_t *p = wr_take(w, 1);
    if (p)
        *p = v;
}

void wr_u16(struct wr *w, uint16_t v)
{
    uint8_t *p = wr_take(w, 2);
    if (p)
        be16_put(p, v);
}

void wr_u32(struct wr *w, uint32_t v)
{
    uint8_t *p = wr_take(w, 4);
    if (p)
        be32_put(p, v);
}

void wr_u64(struct wr *w, uint64_t v)
{
    wr_u32(w, (uint32_t)(v >> 32));
    wr_u32(w, (uint32_t)v);
}

void wr_bytes(struct wr *w, const void *p, size_t len)
{
    uint8_t *to = wr_take(w, len);
    if (to && len)
        memcpy(to, p, len);
}

void wr_zero(struct wr *w, size_t len)
{
    uint8_t *to = wr_take(w, len);
    if (to && len)
        memset(to, 0, len);
}
