/* ISAKMP messages from anybody.
 *
 * Input: a byte of flags, then a datagram. The length field of the header is put right unless a
 * flag says otherwise, so mutations get past it. Whatever parses is printed, written again, and
 * parsed again: same payloads, same lengths, and a third writing equals the second. */
#include "fuzz.h"
#include "isakmp_id.h"
#include "isakmp_kit.h"
#include "isakmp_natt.h"
#include "isakmp_print.h"
#include "isakmp_sa.h"

#include <stdlib.h>

enum { F_DECRYPTED = 1, F_FLOATED = 2, F_LENGTH = 4 };

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void inside(struct slice whole, struct slice part)
{
    check(part.p >= whole.p && part.len <= (size_t)(whole.p + whole.len - part.p));
}

static void transforms_walk(const struct isakmp_proposal *p)
{
    struct rd it = rd_of(p->transforms);
    struct isakmp_transform t;
    unsigned n = 0;

    for (; isakmp_transform_next(&it, &t); n++) {
        struct isakmp_p1 p1;
        struct isakmp_p2 p2;
        struct isakmp_life life;

        inside(p->transforms, t.body);
        inside(t.body, t.attrs);
        if (isakmp_p1_decode(&t, &p1) == SKIP_NONE)
            check(p1.encryption && p1.hash && p1.auth && p1.group);
        if (isakmp_p2_decode(&t, p->protocol, &p2) == SKIP_NONE)
            check(isakmp_name(isakmp_transform_names(p->protocol), p2.id) != NULL);
        if (isakmp_life_decode(t.attrs, true, &life) == SKIP_NONE)
            check(life.seconds || life.kilobytes);
    }
    check(n == p->n_transforms && rd_ok(&it));
}

/* Iterators walk all of what isakmp_sa_parse() found good. */
static void sa_walk(struct slice body)
{
    struct rd r = rd_of(body);
    struct isakmp_sa sa;
    struct isakmp_proposal p;
    struct isakmp_bundle b;
    enum isakmp_skip skip;
    unsigned n = 0, in_bundles = 0;

    if (isakmp_sa_parse(&r, &sa) != ISAKMP_OK) {
        check(!rd_ok(&r));
        return;
    }
    struct rd it = rd_of(sa.proposals);
    for (; isakmp_proposal_next(&it, &p); n++) {
        inside(sa.proposals, p.spi);
        inside(sa.proposals, p.transforms);
        transforms_walk(&p);
    }
    check(rd_ok(&it) && n > 0);
    it = rd_of(sa.proposals);
    while (isakmp_bundle_next(&it, &b, &skip)) {
        check(b.n >= 1 && b.n <= ISAKMP_BUNDLE_MAX);
        check(skip != SKIP_NONE || b.part[0].spi.len == 4);
        in_bundles += b.n;
    }
    check(in_bundles <= n && rd_left(&it) == 0);
}

/* Also what no parser accepts is walked: the iterators must stop inside their bytes by themselves.
 */
static void raw_walk(struct slice body)
{
    struct rd it = rd_of(body);
    struct isakmp_proposal p;
    struct isakmp_transform t;
    struct isakmp_attr a;

    while (isakmp_proposal_next(&it, &p))
        inside(body, p.transforms);
    it = rd_of(body);
    while (isakmp_transform_next(&it, &t))
        inside(body, t.attrs);
    it = rd_of(body);
    while (isakmp_attr_next(&it, &a))
        inside(body, a.value);
}

static void payloads_check(struct slice body, const struct isakmp_payloads *ps)
{
    check(ps->n >= 1 && ps->n <= ISAKMP_PAYLOADS_MAX);
    for (unsigned i = 0; i < ps->n; i++) {
        const struct isakmp_payload *p = &ps->at[i];

        inside(body, p->raw);
        check(p->raw.len == p->body.len + ISAKMP_GENERIC_LEN);
        isakmp_vendor_find(p->body);
        raw_walk(p->body);
        sa_walk(p->body);
    }
}

/* Lengths stay; reserved bytes become zero and host bits of subnets too, once. */
static void rebuild_check(const struct isakmp_header *h, const struct isakmp_payloads *ps)
{
    static uint8_t second[1 << 17], third[1 << 17];
    struct isakmp_header h2;
    struct isakmp_payloads ps2;
    const char *bad;
    size_t len = message_rebuild(h, ps, second, sizeof second);

    check(len != 0);
    check(message_parse((struct slice){ second, len }, ISAKMP_TAIL_NONE, &h2, &ps2, &bad) ==
          ISAKMP_OK);
    check(ps2.n == ps->n && ps2.reserved_nonzero == 0);
    for (unsigned i = 0; i < ps->n; i++)
        check(ps2.at[i].type == ps->at[i].type && ps2.at[i].raw.len == ps->at[i].raw.len);
    check(message_rebuild(&h2, &ps2, third, sizeof third) == len);
    check(memcmp(second, third, len) == 0);
}

static void message_run(struct slice m, enum isakmp_tail tail)
{
    static char text[ISAKMP_PRINT_MAX];
    struct isakmp_header h;
    struct isakmp_payloads ps;
    const char *bad = NULL;

    if (message_parse(m, tail, &h, &ps, &bad) != ISAKMP_OK) {
        check(bad != NULL);
        return;
    }
    payloads_check(m, &ps);
    isakmp_print(&h, &ps, text, sizeof text);
    for (const char *at = text; *at; at++)
        check(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
    rebuild_check(&h, &ps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slice m;

    if (len < 1 || len > UINT16_MAX)
        return 0;
    struct bytes datagram = bytes_of(data + 1, len - 1); /* ends where the sanitizer watches */
    if (natt_classify(slice_of(datagram), data[0] & F_FLOATED, &m) == NATT_IKE) {
        if (!(data[0] & F_LENGTH))
            be32_put(datagram.p + (m.p - datagram.p) + 24, (uint32_t)m.len);
        message_run(m, data[0] & F_DECRYPTED ? ISAKMP_TAIL_PADDING : ISAKMP_TAIL_NONE);
    }
    free(datagram.p);
    return 0;
}
