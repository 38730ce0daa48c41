/* Reading and writing wire formats (big-endian) with sticky errors: the first failure is kept,
 * later reads give zero and later writes do nothing, and one check at the end decides.
 * Parse results borrow from the bytes read. */
#pragma once

#include "slice.h"

struct rd {
    const uint8_t *at, *end;
    const char *bad; /* name of the first field that did not fit, NULL while all is well */
};

struct rd rd_from(const void *p, size_t len);
uint8_t rd_u8(struct rd *r, const char *field);
uint16_t rd_u16(struct rd *r, const char *field);
uint32_t rd_u32(struct rd *r, const char *field);
uint64_t rd_u64(struct rd *r, const char *field);
struct slice rd_bytes(struct rd *r, size_t len, const char *field);
/* A cursor over the next LEN bytes alone; a failure inside does not spread to R. */
struct rd rd_sub(struct rd *r, size_t len, const char *field);

static inline bool rd_ok(const struct rd *r)
{
    return r->bad == NULL;
}

static inline size_t rd_left(const struct rd *r)
{
    return (size_t)(r->end - r->at);
}

struct wr {
    uint8_t *start, *at, *end;
    bool full; /* a write did not fit */
};

struct wr wr_to(void *p, size_t cap);
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_bytes(struct wr *w, const void *p, size_t len);
void wr_zero(struct wr *w, size_t len);

static inline bool wr_ok(const struct wr *w)
{
    return !w->full;
}

static inline size_t wr_len(const struct wr *w)
{
    return (size_t)(w->at - w->start);
}

/* Unaligned big-endian access for the fixed headers of the data path. */
static inline uint16_t be16_get(const uint8_t *p)
{
    return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}

static inline uint32_t be32_get(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void be32_put(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}
