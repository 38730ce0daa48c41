#include "isakmp_kit.h"

#include "isakmp_cert.h"
#include "isakmp_id.h"
#include "isakmp_natt.h"
#include "isakmp_notify.h"
#include "isakmp_sa.h"

#include <stdlib.h>

struct bytes bytes_of(const void *p, size_t len)
{
    struct bytes b = { malloc(len ? len : 1), len };

    if (!b.p)
        abort();
    if (len)
        memcpy(b.p, p, len);
    return b;
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

struct bytes bytes_of_hex(const char *hex)
{
    struct bytes b = { malloc(strlen(hex) / 2 + 1), 0 };

    if (!b.p)
        abort();
    for (const char *at = hex; *at; at++)
        if (*at != ' ') {
            b.p[b.len++] = (uint8_t)(digit(at[0]) << 4 | digit(at[1]));
            at++;
        }
    struct bytes exact = bytes_of(b.p, b.len);
    free(b.p);
    return exact;
}

enum isakmp_error message_parse(struct slice m, enum isakmp_tail tail, struct isakmp_header *ret_h,
                                struct isakmp_payloads *ret_ps, const char **ret_bad)
{
    struct rd r = rd_of(m);
    enum isakmp_error e = isakmp_header_parse(&r, ret_h);

    if (e == ISAKMP_OK)
        e = isakmp_payloads_parse(&r, ret_h->next_payload, tail, ret_ps);
    *ret_bad = r.bad;
    return e;
}

static void transform_rebuild(struct isakmp_msg *m, const struct isakmp_transform *t)
{
    struct rd it = rd_of(t->attrs);
    struct isakmp_attr a;
    size_t done = 0;

    isakmp_transform_open(m, t->number, t->id);
    while (isakmp_attr_next(&it, &a)) {
        if (a.variable)
            isakmp_attr_emit_variable(m, a.type, a.value);
        else
            isakmp_attr_emit(m, a.type, be16_get(a.value.p));
        done = (size_t)(it.at - t->attrs.p);
    }
    msg_bytes(m, (struct slice){ t->attrs.p + done, t->attrs.len - done }); /* one that was cut */
    msg_close(m);
}

static bool sa_rebuild(struct isakmp_msg *m, struct rd *r)
{
    struct isakmp_sa sa;
    struct isakmp_proposal p;
    struct isakmp_transform t;

    if (isakmp_sa_parse(r, &sa) != ISAKMP_OK)
        return false;
    isakmp_sa_open(m);
    struct rd proposals = rd_of(sa.proposals);
    while (isakmp_proposal_next(&proposals, &p)) {
        isakmp_proposal_open(m, p.number, p.protocol, p.spi);
        struct rd transforms = rd_of(p.transforms);
        while (isakmp_transform_next(&transforms, &t))
            transform_rebuild(m, &t);
        msg_close(m);
    }
    msg_close(m);
    return true;
}

static bool id_rebuild(struct isakmp_msg *m, struct rd *r)
{
    struct isakmp_id id;

    if (isakmp_id_parse(r, &id) != ISAKMP_OK)
        return false;
    isakmp_id_emit(m, &id);
    return true;
}

static bool notify_rebuild(struct isakmp_msg *m, struct rd *r)
{
    struct isakmp_notify n;
    struct isakmp_dpd d;

    if (isakmp_notify_parse(r, &n) != ISAKMP_OK)
        return false;
    if (isakmp_dpd_parse(&n, &d) == ISAKMP_OK && n.doi == ISAKMP_DOI_IPSEC)
        isakmp_dpd_emit(m, &d);
    else
        isakmp_notify_emit(m, &n);
    return true;
}

static bool delete_rebuild(struct isakmp_msg *m, struct rd *r)
{
    struct isakmp_delete d;

    if (isakmp_delete_parse(r, &d) != ISAKMP_OK)
        return false;
    isakmp_delete_emit(m, &d);
    return true;
}

static bool cert_rebuild(struct isakmp_msg *m, struct rd *r, uint8_t type)
{
    struct isakmp_cert c;
    enum isakmp_error e = type == PL_CERT ? isakmp_cert_parse(r, &c) : isakmp_certreq_parse(r, &c);

    if (e != ISAKMP_OK)
        return false;
    isakmp_cert_emit(m, type, &c);
    return true;
}

static bool natoa_rebuild(struct isakmp_msg *m, struct rd *r, uint8_t type)
{
    struct ip_addr a;

    if (isakmp_natoa_parse(r, &a) != ISAKMP_OK)
        return false;
    isakmp_natoa_emit(m, type, &a);
    return true;
}

static bool payload_rebuild(struct isakmp_msg *m, const struct isakmp_payload *p)
{
    struct rd r = rd_of(p->body);

    switch (p->type) {
    case PL_SA:
        return sa_rebuild(m, &r);
    case PL_ID:
        return id_rebuild(m, &r);
    case PL_NOTIFY:
        return notify_rebuild(m, &r);
    case PL_DELETE:
        return delete_rebuild(m, &r);
    case PL_CERT:
    case PL_CERTREQ:
        return cert_rebuild(m, &r, p->type);
    case PL_NATOA:
    case PL_NATOA_DRAFT_00:
    case PL_NATOA_DRAFT_04:
        return natoa_rebuild(m, &r, p->type);
    default:
        return false;
    }
}

size_t message_rebuild(const struct isakmp_header *h, const struct isakmp_payloads *ps, void *buf,
                       size_t cap)
{
    struct isakmp_msg m;

    msg_begin(&m, buf, cap, h);
    for (unsigned i = 0; i < ps->n; i++)
        if (!payload_rebuild(&m, &ps->at[i]))
            msg_payload(&m, ps->at[i].type, ps->at[i].body);
    return msg_end(&m, 0);
}
