/* SA payloads for tests: made by the code under test or by hand, parsed again. For *_test.c only.
 */
#pragma once

#include "isakmp_sa.h"
#include "unhex.h"

#include <string.h>

/* A message with one SA payload in it; begin, emit, end. */
struct sa_kit {
    uint8_t buf[65536];
    struct isakmp_msg m;
    struct isakmp_sa sa; /* borrows from buf */
};

static inline void kit_begin(struct sa_kit *k)
{
    const struct isakmp_header h = { .cky_i = { 1 }, .version = 0x10, .exchange = EXCHANGE_MAIN };

    msg_begin(&k->m, k->buf, sizeof k->buf, &h);
}

static inline bool kit_parse(struct slice body, struct isakmp_sa *ret)
{
    struct rd r = rd_of(body);

    return isakmp_sa_parse(&r, ret) == ISAKMP_OK;
}

static inline void kit_end(struct sa_kit *k)
{
    const size_t len = msg_end(&k->m, 1);
    struct rd r = rd_from(k->buf, len);
    struct isakmp_header h;
    struct isakmp_payloads ps;

    assert_true(len > 0);
    assert_int_equal(isakmp_header_parse(&r, &h), ISAKMP_OK);
    assert_int_equal(isakmp_payloads_parse(&r, h.next_payload, ISAKMP_TAIL_NONE, &ps), ISAKMP_OK);
    assert_int_equal(ps.n, 1);
    assert_int_equal(ps.at[0].type, PL_SA);
    assert_true(kit_parse(ps.at[0].body, &k->sa));
}

static inline void kit_from_hex(struct sa_kit *k, const char *hex)
{
    const struct bytes b = unhex(hex);

    memcpy(k->buf, b.b, b.len);
    assert_true(kit_parse((struct slice){ k->buf, b.len }, &k->sa));
}

static inline void kit_assert_hex(const struct sa_kit *k, const char *hex)
{
    assert_hex(k->sa.body.p, k->sa.body.len, hex);
}

static inline void assert_text_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}
