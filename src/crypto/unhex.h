/* Bytes written as hex, for *_test.c only. */
#pragma once

#include "slice.h"
#include "unit.h"

#include <string.h>

enum { UNHEX_MAX = 1100 };

struct bytes {
    uint8_t b[UNHEX_MAX];
    size_t len;
};

static inline uint8_t unhex_digit(char c)
{
    assert_true((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* NULL gives no bytes. */
static inline struct bytes unhex(const char *hex)
{
    struct bytes ret = { .len = hex ? strlen(hex) / 2 : 0 };

    assert_true(ret.len <= UNHEX_MAX && (!hex || strlen(hex) % 2 == 0));
    for (size_t i = 0; i < ret.len; i++)
        ret.b[i] = (uint8_t)(unhex_digit(hex[2 * i]) << 4 | unhex_digit(hex[2 * i + 1]));
    return ret;
}

/* Borrows from B, which must not be a temporary. */
static inline struct slice bytes_slice(const struct bytes *b)
{
    return (struct slice){ b->b, b->len };
}

static inline void assert_hex(const uint8_t *got, size_t len, const char *want)
{
    struct bytes w = unhex(want);

    assert_int_equal(len, w.len);
    assert_memory_equal(got, w.b, len);
}
