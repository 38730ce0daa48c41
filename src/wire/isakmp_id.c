#include "isakmp_id.h"

#include "isakmp_dn.h"

#include <string.h>

enum { UDP = 17, IKE_PORT = 500, NATT_PORT = 4500 };

static uint8_t id_family(uint8_t type)
{
    switch (type) {
    case ID_IPV4:
    case ID_IPV4_SUBNET:
    case ID_IPV4_RANGE:
        return IP_V4;
    case ID_IPV6:
    case ID_IPV6_SUBNET:
    case ID_IPV6_RANGE:
        return IP_V6;
    default:
        return IP_ANY_FAMILY;
    }
}

/* Length of a mask without holes. */
static bool mask_length(struct slice mask, uint8_t *ret)
{
    unsigned len = 0;

    while (len < mask.len * 8 && mask.p[len / 8] & 0x80 >> len % 8)
        len++;
    for (unsigned i = len; i < mask.len * 8; i++)
        if (mask.p[i / 8] & 0x80 >> i % 8)
            return false;
    *ret = (uint8_t)len;
    return true;
}

static struct ip_addr take_addr(struct rd *r, uint8_t family, const char *field)
{
    struct slice s = rd_bytes(r, ip_addr_len(family), field);

    return s.p ? ip_addr_from_bytes((enum ip_family)family, s.p) : (struct ip_addr){ 0 };
}

static enum isakmp_error id_parse_addr(struct rd *r, struct isakmp_id *id)
{
    uint8_t family = id_family(id->type);

    id->addr = take_addr(r, family, "ID address");
    id->prefix = (struct ip_prefix){ id->addr, (uint8_t)(ip_addr_len(family) * 8) };
    return ISAKMP_OK;
}

static enum isakmp_error id_parse_subnet(struct rd *r, struct isakmp_id *id)
{
    uint8_t family = id_family(id->type);

    id->addr = take_addr(r, family, "ID subnet address");
    struct slice mask = rd_bytes(r, ip_addr_len(family), "ID subnet mask");
    id->prefix.addr = id->addr;
    if (rd_ok(r) && !mask_length(mask, &id->prefix.len))
        return isakmp_fail(r, ISAKMP_VALUE, "ID subnet mask");
    ip_prefix_mask(&id->prefix);
    return ISAKMP_OK;
}

static enum isakmp_error id_parse_range(struct rd *r, struct isakmp_id *id)
{
    uint8_t family = id_family(id->type);

    id->addr = take_addr(r, family, "first address of ID range");
    id->last = take_addr(r, family, "last address of ID range");
    if (memcmp(id->addr.b, id->last.b, sizeof id->addr.b) > 0)
        return isakmp_fail(r, ISAKMP_VALUE, "ID range");
    return ISAKMP_OK;
}

static enum isakmp_error id_parse_name(struct rd *r, struct slice name)
{
    if (name.len == 0 || name.len > ISAKMP_ID_NAME_MAX)
        return isakmp_fail(r, ISAKMP_FIELD, "ID name");
    for (size_t i = 0; i < name.len; i++)
        if (name.p[i] < 0x20 || name.p[i] == 0x7f)
            return isakmp_fail(r, ISAKMP_VALUE, "ID name");
    return ISAKMP_OK;
}

static enum isakmp_error id_parse_data(struct rd *r, struct isakmp_id *id)
{
    rd_bytes(r, rd_left(r), "ID data");
    switch (id->type) {
    case ID_FQDN:
    case ID_USER_FQDN:
        return id_parse_name(r, id->data);
    case ID_DN:
        return isakmp_dn_ok(id->data) ? ISAKMP_OK
                                      : isakmp_fail(r, ISAKMP_VALUE, "ID distinguished name");
    case ID_GN:
    case ID_KEY_ID:
        return id->data.len ? ISAKMP_OK : isakmp_fail(r, ISAKMP_FIELD, "ID data");
    default:
        return isakmp_fail(r, ISAKMP_VALUE, "ID type");
    }
}

static enum isakmp_error id_parse_typed(struct rd *r, struct isakmp_id *id)
{
    switch (id->type) {
    case ID_IPV4:
    case ID_IPV6:
        return id_parse_addr(r, id);
    case ID_IPV4_SUBNET:
    case ID_IPV6_SUBNET:
        return id_parse_subnet(r, id);
    case ID_IPV4_RANGE:
    case ID_IPV6_RANGE:
        return id_parse_range(r, id);
    default:
        return id_parse_data(r, id);
    }
}

enum isakmp_error isakmp_id_parse(struct rd *r, struct isakmp_id *ret)
{
    struct isakmp_id id = { .body = { r->at, rd_left(r) } };

    id.type = rd_u8(r, "ID type");
    id.protocol = rd_u8(r, "ID protocol");
    id.port = rd_u16(r, "ID port");
    if (!rd_ok(r))
        return ISAKMP_FIELD;
    id.data = (struct slice){ r->at, rd_left(r) };
    if (id.data.len > ISAKMP_ID_DATA_MAX)
        return isakmp_fail(r, ISAKMP_FIELD, "ID data");
    enum isakmp_error e = id_parse_typed(r, &id);
    if (e != ISAKMP_OK)
        return e;
    if (!rd_ok(r))
        return ISAKMP_FIELD;
    if (rd_left(r) > 0)
        return isakmp_fail(r, ISAKMP_FIELD, "bytes after the ID");
    *ret = id;
    return ISAKMP_OK;
}

bool isakmp_id_phase1_ports_ok(const struct isakmp_id *id)
{
    if (id->protocol == 0)
        return id->port == 0;
    return id->protocol == UDP && (id->port == 0 || id->port == IKE_PORT || id->port == NATT_PORT);
}

struct isakmp_id isakmp_id_of_prefix(const struct ip_prefix *p, uint8_t protocol, uint16_t port)
{
    bool v6 = p->addr.family == IP_V6, whole = p->len == ip_addr_len(p->addr.family) * 8;
    struct isakmp_id id = { .protocol = protocol, .port = port, .prefix = *p };

    ip_prefix_mask(&id.prefix);
    id.addr = id.prefix.addr;
    if (whole)
        id.type = v6 ? ID_IPV6 : ID_IPV4;
    else
        id.type = v6 ? ID_IPV6_SUBNET : ID_IPV4_SUBNET;
    return id;
}

struct isakmp_id isakmp_id_of_data(enum isakmp_id_type type, struct slice data)
{
    return (struct isakmp_id){ .type = (uint8_t)type, .data = data };
}

static void emit_addr(struct isakmp_msg *m, const struct ip_addr *a)
{
    msg_bytes(m, (struct slice){ a->b, ip_addr_len(a->family) });
}

static void emit_mask(struct isakmp_msg *m, const struct ip_prefix *p)
{
    uint8_t mask[16];

    memset(mask, 0xff, sizeof mask);
    ip_bits_mask(mask, p->len);
    msg_bytes(m, (struct slice){ mask, ip_addr_len(p->addr.family) });
}

struct slice isakmp_id_emit(struct isakmp_msg *m, const struct isakmp_id *id)
{
    msg_open(m, PL_ID);
    msg_u8(m, id->type);
    msg_u8(m, id->protocol);
    msg_u16(m, id->port);
    switch (id->type) {
    case ID_IPV4:
    case ID_IPV6:
        emit_addr(m, &id->addr);
        break;
    case ID_IPV4_SUBNET:
    case ID_IPV6_SUBNET:
        emit_addr(m, &id->prefix.addr);
        emit_mask(m, &id->prefix);
        break;
    case ID_IPV4_RANGE:
    case ID_IPV6_RANGE:
        emit_addr(m, &id->addr);
        emit_addr(m, &id->last);
        break;
    default:
        msg_bytes(m, id->data);
        break;
    }
    return msg_close(m);
}

static void print_value(struct line *l, const struct isakmp_id *id)
{
    char text[IP_PREFIX_TEXT_MAX], name[ISAKMP_NAME_TEXT_MAX];

    switch (id->type) {
    case ID_IPV4:
    case ID_IPV6:
        line_puts(l, ip_addr_to_text(&id->addr, text));
        return;
    case ID_IPV4_SUBNET:
    case ID_IPV6_SUBNET:
        line_puts(l, ip_prefix_to_text(&id->prefix, text));
        return;
    case ID_IPV4_RANGE:
    case ID_IPV6_RANGE:
        line_printf(l, "%s-", ip_addr_to_text(&id->addr, text));
        line_puts(l, ip_addr_to_text(&id->last, text));
        return;
    default:
        break;
    }
    line_printf(l, "%s ", isakmp_name_text(NAMES_ID, id->type, name));
    if (id->type == ID_FQDN || id->type == ID_USER_FQDN)
        line_escaped(l, id->data);
    else if (id->type == ID_DN)
        isakmp_dn_print(l, id->data);
    else
        line_hex(l, id->data);
}

char *isakmp_id_to_text(const struct isakmp_id *id, char *buf, size_t cap)
{
    struct line l = line_to(buf, cap);

    print_value(&l, id);
    if (id->protocol)
        line_printf(&l, " protocol %u", id->protocol);
    if (id->port)
        line_printf(&l, " port %u", id->port);
    return buf;
}
