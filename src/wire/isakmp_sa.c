/* Structure of SA payloads: the tree of proposals, transforms and attributes, and walking it. */
#include "isakmp_sa.h"

/* A child of a proposals or transforms chain: it must be followed by another of TYPE exactly when
 * bytes are left. */
static enum isakmp_error child_parse(struct rd *r, uint8_t type, struct isakmp_generic *ret)
{
    enum isakmp_error e = isakmp_generic_parse(r, ret);

    if (e != ISAKMP_OK)
        return e;
    if (ret->next != PL_NONE && ret->next != type)
        return isakmp_fail(r, ISAKMP_PROPOSAL, "next payload inside SA");
    if ((ret->next == PL_NONE) != (rd_left(r) == 0))
        return isakmp_fail(r, ISAKMP_CHAIN, "next payload inside SA");
    return ISAKMP_OK;
}

static enum isakmp_error transform_parse(struct slice body, struct isakmp_transform *ret,
                                         const char **ret_bad)
{
    struct rd r = rd_of(body);
    struct isakmp_transform t = { .body = body };

    t.number = rd_u8(&r, "transform number");
    t.id = rd_u8(&r, "transform identifier");
    rd_u16(&r, "transform reserved bytes");
    t.attrs = rd_bytes(&r, rd_left(&r), "attributes");
    *ret_bad = r.bad;
    if (!rd_ok(&r))
        return ISAKMP_FIELD;
    *ret = t;
    return ISAKMP_OK;
}

static enum isakmp_error proposal_parse(struct slice body, struct isakmp_proposal *ret,
                                        const char **ret_bad)
{
    struct rd r = rd_of(body);
    struct isakmp_proposal p = { 0 };

    p.number = rd_u8(&r, "proposal number");
    p.protocol = rd_u8(&r, "protocol");
    size_t spi_len = rd_u8(&r, "SPI size");
    p.n_transforms = rd_u8(&r, "number of transforms");
    p.spi = rd_bytes(&r, spi_len, "SPI");
    p.transforms = rd_bytes(&r, rd_left(&r), "transforms");
    *ret_bad = r.bad;
    if (!rd_ok(&r))
        return ISAKMP_FIELD;
    *ret = p;
    return ISAKMP_OK;
}

static enum isakmp_error transforms_check(struct rd *r, const struct isakmp_proposal *p)
{
    struct rd it = rd_of(p->transforms);
    unsigned n = 0;

    while (rd_left(&it) > 0) {
        struct isakmp_generic g;
        struct isakmp_transform t;
        const char *bad = NULL;
        enum isakmp_error e = child_parse(&it, PL_TRANSFORM, &g);

        if (e == ISAKMP_OK)
            e = transform_parse(g.body, &t, &bad);
        if (e != ISAKMP_OK)
            return isakmp_fail(r, e, bad ? bad : it.bad);
        n++;
    }
    if (n == 0 || n != p->n_transforms)
        return isakmp_fail(r, ISAKMP_PROPOSAL, "number of transforms");
    return ISAKMP_OK;
}

static enum isakmp_error proposals_check(struct rd *r, struct slice proposals)
{
    struct rd it = rd_of(proposals);
    uint8_t number = 0;

    if (proposals.len == 0)
        return isakmp_fail(r, ISAKMP_PROPOSAL, "proposals");
    while (rd_left(&it) > 0) {
        struct isakmp_generic g;
        struct isakmp_proposal p;
        const char *bad = NULL;
        enum isakmp_error e = child_parse(&it, PL_PROPOSAL, &g);

        if (e == ISAKMP_OK)
            e = proposal_parse(g.body, &p, &bad);
        if (e != ISAKMP_OK)
            return isakmp_fail(r, e, bad ? bad : it.bad);
        if (p.number < number)
            return isakmp_fail(r, ISAKMP_PROPOSAL, "proposal number");
        number = p.number;
        e = transforms_check(r, &p);
        if (e != ISAKMP_OK)
            return e;
    }
    return ISAKMP_OK;
}

enum isakmp_error isakmp_sa_parse(struct rd *r, struct isakmp_sa *ret)
{
    struct isakmp_sa sa = { .body = { r->at, rd_left(r) } };

    sa.doi = rd_u32(r, "DOI");
    sa.situation = rd_u32(r, "situation");
    sa.proposals = rd_bytes(r, rd_left(r), "proposals");
    if (!rd_ok(r))
        return ISAKMP_FIELD;
    if (sa.doi != ISAKMP_DOI_IPSEC)
        return isakmp_fail(r, ISAKMP_DOI, "DOI");
    if (sa.situation != ISAKMP_SITUATION_IDENTITY)
        return isakmp_fail(r, ISAKMP_SITUATION, "situation");
    enum isakmp_error e = proposals_check(r, sa.proposals);
    if (e == ISAKMP_OK)
        *ret = sa;
    return e;
}

bool isakmp_proposal_next(struct rd *it, struct isakmp_proposal *ret)
{
    struct isakmp_generic g;

    return rd_ok(it) && rd_left(it) > 0 && isakmp_generic_parse(it, &g) == ISAKMP_OK &&
           proposal_parse(g.body, ret, &it->bad) == ISAKMP_OK;
}

bool isakmp_transform_next(struct rd *it, struct isakmp_transform *ret)
{
    struct isakmp_generic g;

    return rd_ok(it) && rd_left(it) > 0 && isakmp_generic_parse(it, &g) == ISAKMP_OK &&
           transform_parse(g.body, ret, &it->bad) == ISAKMP_OK;
}

bool isakmp_attr_next(struct rd *it, struct isakmp_attr *ret)
{
    if (!rd_ok(it) || rd_left(it) == 0)
        return false;
    uint16_t type = rd_u16(it, "attribute type");
    struct isakmp_attr a = { .type = type & 0x7fff, .variable = !(type & 0x8000) };
    size_t len = a.variable ? rd_u16(it, "attribute length") : 2;
    a.value = rd_bytes(it, len, "attribute value");
    if (!rd_ok(it))
        return false;
    *ret = a;
    return true;
}

enum isakmp_skip isakmp_p1_proposal_check(const struct isakmp_proposal *p)
{
    return p->protocol == ISAKMP_PROTO_ISAKMP ? SKIP_NONE : SKIP_PROTOCOL;
}

enum isakmp_skip isakmp_p2_proposal_check(const struct isakmp_proposal *p)
{
    if (p->protocol != ISAKMP_PROTO_AH && p->protocol != ISAKMP_PROTO_ESP)
        return SKIP_PROTOCOL;
    if (p->spi.len != 4 || be32_get(p->spi.p) < 256)
        return SKIP_SPI;
    return SKIP_NONE;
}

static enum isakmp_skip bundle_check(const struct isakmp_bundle *b)
{
    for (unsigned i = 0; i < b->n; i++) {
        enum isakmp_skip s = isakmp_p2_proposal_check(&b->part[i]);
        if (s != SKIP_NONE)
            return s;
    }
    if (b->n == 2 && b->part[0].protocol == b->part[1].protocol)
        return SKIP_BUNDLE;
    return SKIP_NONE;
}

bool isakmp_bundle_next(struct rd *it, struct isakmp_bundle *ret, enum isakmp_skip *ret_skip)
{
    struct isakmp_proposal p;
    struct rd ahead;
    unsigned n = 0;

    if (!isakmp_proposal_next(it, &p))
        return false;
    *ret = (struct isakmp_bundle){ .number = p.number };
    do {
        if (n < ISAKMP_BUNDLE_MAX)
            ret->part[ret->n++] = p;
        n++;
        ahead = *it;
        if (!isakmp_proposal_next(&ahead, &p) || p.number != ret->number)
            break;
        *it = ahead;
    } while (true);
    *ret_skip = n > ISAKMP_BUNDLE_MAX ? SKIP_BUNDLE : bundle_check(ret);
    return true;
}
