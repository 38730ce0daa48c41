#include "isakmp_dn.h"

#include "cursor.h"

enum { DER_SEQUENCE = 0x30, DER_SET = 0x31, DER_OID = 0x06, ATTRIBUTES_MAX = 64 };

/* One element of TAG (0: any) and its contents. Lengths in the short form or one or two bytes, and
 * no longer than needed. */
static bool der_take(struct rd *r, uint8_t tag, struct slice *ret)
{
    uint8_t t = rd_u8(r, "DER tag");
    size_t len = rd_u8(r, "DER length");

    if (len == 0x81) {
        len = rd_u8(r, "DER length");
        if (len < 0x80)
            return false;
    } else if (len == 0x82) {
        len = rd_u16(r, "DER length");
        if (len < 0x100)
            return false;
    } else if (len >= 0x80) {
        return false;
    }
    *ret = rd_bytes(r, len, "DER contents");
    return rd_ok(r) && (tag == 0 || t == tag);
}

/* The next attribute of a name: OID and value. R walks the name, SET the current SET in it. */
static bool attribute_take(struct rd *r, struct rd *set, struct slice *ret_oid,
                           struct slice *ret_value)
{
    struct slice s;

    if (rd_left(set) == 0) {
        if (!der_take(r, DER_SET, &s) || s.len == 0)
            return false;
        *set = rd_from(s.p, s.len);
    }
    if (!der_take(set, DER_SEQUENCE, &s))
        return false;
    struct rd attribute = rd_from(s.p, s.len);
    return der_take(&attribute, DER_OID, ret_oid) && ret_oid->len > 0 &&
           der_take(&attribute, 0, ret_value) && rd_left(&attribute) == 0;
}

static bool name_open(struct slice der, struct rd *ret)
{
    struct rd r = rd_from(der.p, der.len);
    struct slice s;

    if (der.len == 0 || !der_take(&r, DER_SEQUENCE, &s) || rd_left(&r) > 0)
        return false;
    *ret = rd_from(s.p, s.len);
    return true;
}

bool isakmp_dn_ok(struct slice der)
{
    struct slice oid, value;
    struct rd r;
    unsigned n = 0;

    if (!name_open(der, &r))
        return false;
    struct rd set = { .at = r.at, .end = r.at };
    while (rd_left(&r) > 0 || rd_left(&set) > 0)
        if (++n > ATTRIBUTES_MAX || !attribute_take(&r, &set, &oid, &value))
            return false;
    return true;
}

static void oid_print(struct line *l, struct slice oid)
{
    static const struct {
        uint8_t id; /* of 2.5.4 */
        const char *name;
    } names[] = { { 3, "CN" }, { 4, "SN" }, { 5, "serialNumber" }, { 6, "C" },
                  { 7, "L" },  { 8, "ST" }, { 10, "O" },           { 11, "OU" } };

    if (oid.len == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x04)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (names[i].id == oid.p[2]) {
                line_puts(l, names[i].name);
                return;
            }
    line_hex(l, oid);
}

void isakmp_dn_print(struct line *l, struct slice der)
{
    struct slice oid, value;
    struct rd r;
    const char *between = "";

    if (!name_open(der, &r))
        return;
    struct rd set = { .at = r.at, .end = r.at };
    while ((rd_left(&r) > 0 || rd_left(&set) > 0) && attribute_take(&r, &set, &oid, &value)) {
        line_puts(l, between);
        oid_print(l, oid);
        line_puts(l, "=");
        line_escaped(l, value);
        between = ", ";
    }
}
