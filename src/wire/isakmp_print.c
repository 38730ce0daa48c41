#include "isakmp_print.h"

#include "isakmp_cert.h"
#include "isakmp_dn.h"
#include "isakmp_id.h"
#include "isakmp_natt.h"
#include "isakmp_notify.h"
#include "isakmp_sa.h"

static void print_header(struct line *l, const struct isakmp_header *h)
{
    char name[ISAKMP_NAME_TEXT_MAX];

    line_printf(l, "%s ", isakmp_name_text(NAMES_EXCHANGE, h->exchange, name));
    line_hex(l, (struct slice){ h->cky_i, sizeof h->cky_i });
    line_puts(l, ":");
    line_hex(l, (struct slice){ h->cky_r, sizeof h->cky_r });
    line_printf(l, " message-id %08x, %u bytes%s%s%s", h->message_id, h->length,
                h->flags & ISAKMP_FLAG_ENCRYPTED ? ", encrypted" : "",
                h->flags & ISAKMP_FLAG_COMMIT ? ", commit" : "",
                h->flags & ISAKMP_FLAG_AUTH_ONLY ? ", auth-only" : "");
}

static void print_name(struct line *l, enum isakmp_table names, uint16_t number)
{
    char name[ISAKMP_NAME_TEXT_MAX];

    if (number)
        line_printf(l, " %s", isakmp_name_text(names, number, name));
}

static void print_life(struct line *l, const struct isakmp_life *life)
{
    if (life->seconds)
        line_printf(l, " %llus", (unsigned long long)life->seconds);
    if (life->kilobytes)
        line_printf(l, " %llukB", (unsigned long long)life->kilobytes);
}

static enum isakmp_skip print_p1(struct line *l, const struct isakmp_transform *transform)
{
    struct isakmp_p1 t;
    enum isakmp_skip skip = isakmp_p1_decode(transform, &t);

    print_name(l, NAMES_IKE_ENCRYPTION, t.encryption);
    if (t.key_bits)
        line_printf(l, "-%u", t.key_bits);
    print_name(l, NAMES_IKE_HASH, t.hash);
    print_name(l, NAMES_IKE_AUTH, t.auth);
    print_name(l, NAMES_IKE_GROUP, t.group);
    print_life(l, &t.life);
    return skip;
}

static enum isakmp_skip print_p2(struct line *l, const struct isakmp_transform *transform,
                                 uint8_t protocol)
{
    struct isakmp_p2 t;
    enum isakmp_skip skip = isakmp_p2_decode(transform, protocol, &t);

    print_name(l, isakmp_transform_names(protocol), t.id);
    if (t.key_bits)
        line_printf(l, "-%u", t.key_bits);
    if (protocol != ISAKMP_PROTO_AH)
        print_name(l, NAMES_IPSEC_AUTH, t.auth);
    print_name(l, NAMES_IPSEC_ENCAP, t.encap);
    print_name(l, NAMES_IKE_GROUP, t.group);
    print_life(l, &t.life);
    return skip;
}

static void print_proposal(struct line *l, const struct isakmp_proposal *p)
{
    char name[ISAKMP_NAME_TEXT_MAX];
    struct rd it = rd_of(p->transforms);
    struct isakmp_transform t;

    line_printf(l, " #%u %s", p->number, isakmp_name_text(NAMES_PROTOCOL, p->protocol, name));
    if (p->spi.len) {
        line_puts(l, " spi ");
        line_hex(l, p->spi);
    }
    while (isakmp_transform_next(&it, &t)) {
        line_printf(l, " [%u", t.number);
        enum isakmp_skip skip =
            p->protocol == ISAKMP_PROTO_ISAKMP ? print_p1(l, &t) : print_p2(l, &t, p->protocol);
        if (skip != SKIP_NONE)
            line_printf(l, ": %s", isakmp_skip_text(skip));
        line_puts(l, "]");
    }
}

static enum isakmp_error print_sa(struct line *l, struct rd *r)
{
    struct isakmp_sa sa;
    struct isakmp_proposal p;
    enum isakmp_error e = isakmp_sa_parse(r, &sa);

    if (e != ISAKMP_OK)
        return e;
    struct rd it = rd_of(sa.proposals);
    while (isakmp_proposal_next(&it, &p))
        print_proposal(l, &p);
    return ISAKMP_OK;
}

static enum isakmp_error print_id(struct line *l, struct rd *r)
{
    char text[ISAKMP_ID_NAME_MAX * 3 + 64];
    struct isakmp_id id;
    enum isakmp_error e = isakmp_id_parse(r, &id);

    if (e == ISAKMP_OK)
        line_printf(l, " %s", isakmp_id_to_text(&id, text, sizeof text));
    return e;
}

static enum isakmp_error print_notify(struct line *l, struct rd *r)
{
    char name[ISAKMP_NAME_TEXT_MAX];
    struct isakmp_notify n;
    enum isakmp_error e = isakmp_notify_parse(r, &n);

    if (e != ISAKMP_OK)
        return e;
    line_printf(l, " %s", isakmp_name_text(NAMES_NOTIFY, n.type, name));
    line_printf(l, " %s", isakmp_name_text(NAMES_PROTOCOL, n.protocol, name));
    if (n.spi.len) {
        line_puts(l, " spi ");
        line_hex(l, n.spi);
    }
    if (n.data.len)
        line_printf(l, ", %zu bytes of data", n.data.len);
    return ISAKMP_OK;
}

static enum isakmp_error print_delete(struct line *l, struct rd *r)
{
    enum { SHOWN_MAX = 8 };
    char name[ISAKMP_NAME_TEXT_MAX];
    struct isakmp_delete d;
    enum isakmp_error e = isakmp_delete_parse(r, &d);

    if (e != ISAKMP_OK)
        return e;
    line_printf(l, " %s", isakmp_name_text(NAMES_PROTOCOL, d.protocol, name));
    for (unsigned i = 0; i < d.n_spis && i < SHOWN_MAX; i++) {
        line_puts(l, " ");
        line_hex(l, isakmp_delete_spi(&d, i));
    }
    if (d.n_spis > SHOWN_MAX)
        line_printf(l, " and %u more", d.n_spis - SHOWN_MAX);
    return ISAKMP_OK;
}

static enum isakmp_error print_vendor(struct line *l, struct rd *r)
{
    enum { SHOWN_MAX = 24 };
    struct slice body = { r->at, rd_left(r) };
    enum isakmp_vendor v = isakmp_vendor_find(body);

    if (v != VENDOR_UNKNOWN) {
        line_printf(l, " %s", isakmp_vendor_text(v));
        return ISAKMP_OK;
    }
    line_puts(l, " unknown ");
    line_hex(l, (struct slice){ body.p, body.len < SHOWN_MAX ? body.len : SHOWN_MAX });
    if (body.len > SHOWN_MAX)
        line_printf(l, "... %zu bytes", body.len);
    return ISAKMP_OK;
}

static enum isakmp_error print_cert(struct line *l, struct rd *r)
{
    char name[ISAKMP_NAME_TEXT_MAX];
    struct isakmp_cert c;
    enum isakmp_error e = isakmp_certreq_parse(r, &c);

    if (e == ISAKMP_OK)
        line_printf(l, " %s, %zu bytes", isakmp_name_text(NAMES_CERT, c.encoding, name),
                    c.data.len);
    return e;
}

static enum isakmp_error print_natoa(struct line *l, struct rd *r)
{
    char text[IP_TEXT_MAX];
    struct ip_addr a;
    enum isakmp_error e = isakmp_natoa_parse(r, &a);

    if (e == ISAKMP_OK)
        line_printf(l, " %s", ip_addr_to_text(&a, text));
    return e;
}

static enum isakmp_error print_length(struct line *l, struct rd *r)
{
    line_printf(l, " %zu bytes", rd_left(r));
    return ISAKMP_OK;
}

typedef enum isakmp_error (*print_fn)(struct line *l, struct rd *r);

static print_fn payload_printer(uint8_t type)
{
    switch (type) {
    case PL_SA:
        return print_sa;
    case PL_ID:
        return print_id;
    case PL_CERT:
    case PL_CERTREQ:
        return print_cert;
    case PL_NOTIFY:
        return print_notify;
    case PL_DELETE:
        return print_delete;
    case PL_VID:
        return print_vendor;
    case PL_NATOA:
    case PL_NATOA_DRAFT_00:
    case PL_NATOA_DRAFT_04:
        return print_natoa;
    default:
        return print_length;
    }
}

static void print_payload(struct line *l, const struct isakmp_payload *p)
{
    char name[ISAKMP_NAME_TEXT_MAX];
    struct rd r = rd_of(p->body);

    line_printf(l, "\n  %s", isakmp_name_text(NAMES_PAYLOAD, p->type, name));
    enum isakmp_error e = payload_printer(p->type)(l, &r);
    if (e != ISAKMP_OK)
        line_printf(l, " malformed: %s (%s), %zu bytes", isakmp_error_text(e), r.bad, p->body.len);
}

char *isakmp_print(const struct isakmp_header *h, const struct isakmp_payloads *ps, char *buf,
                   size_t cap)
{
    struct line l = line_to(buf, cap);

    print_header(&l, h);
    for (unsigned i = 0; ps && i < ps->n; i++)
        print_payload(&l, &ps->at[i]);
    return buf;
}
