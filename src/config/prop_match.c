/* Property types of firewall rules: what to match, with a leading `!` for everything else, and what
 * to translate to. */
#include "prop_ops.h"

#include <string.h>

/* Takes a leading `!`; false where none is allowed. */
static bool negation(const struct prop *p, const char **s, bool *ret)
{
    *ret = **s == '!';
    *s += *ret;
    return !*ret || !(p->flags & P_TARGET);
}

/* ---- addresses ---- */

static bool v4_parse(const char *s, size_t len, struct ip_addr *ret)
{
    return ip_addr_from_text(s, len, ret) && ret->family == IP_V4;
}

static bool prefix_parse(const char *s, struct cfg_addresses *a)
{
    struct ip_prefix prefix = { .len = 32 };
    const char *slash = strchr(s, '/');
    int64_t len = 32;

    if (slash && number_parse(slash + 1, strlen(slash + 1), 0, 32, &len) != VALUE_OK)
        return false;
    if (!v4_parse(s, slash ? (size_t)(slash - s) : strlen(s), &prefix.addr))
        return false;
    prefix.len = (uint8_t)len;
    ip_prefix_mask(&prefix);
    a->first = a->last = prefix.addr;
    a->len = prefix.len;
    for (unsigned bit = prefix.len; bit < 32; bit++)
        a->last.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    return true;
}

static bool range_parse(const char *s, const char *dash, struct cfg_addresses *a)
{
    a->len = CFG_ADDRESS_RANGE;
    return v4_parse(s, (size_t)(dash - s), &a->first) &&
           v4_parse(dash + 1, strlen(dash + 1), &a->last) && memcmp(a->first.b, a->last.b, 4) <= 0;
}

static enum value_error addresses_parse(const struct prop *p, const char *s, void *field)
{
    struct cfg_addresses a = { .set = true };
    const char *dash = strchr(s, '-');

    if (!*s) {
        memcpy(field, &(struct cfg_addresses){ .set = false }, sizeof(a));
        return VALUE_OK;
    }
    if (!negation(p, &s, &a.negated) || (p->flags & P_TARGET && strchr(s, '/')) ||
        !(dash ? range_parse(s, dash, &a) : prefix_parse(s, &a)))
        return VALUE_INVALID;
    memcpy(field, &a, sizeof(a));
    return VALUE_OK;
}

static bool addresses_format(const struct prop *p, const void *field, struct text *out)
{
    const struct cfg_addresses *a = field;
    char buf[IP_TEXT_MAX];

    (void)p;
    if (!a->set)
        return false;
    text_printf(out, "%s%s", a->negated ? "!" : "", ip_addr_to_text(&a->first, buf));
    if (a->len == CFG_ADDRESS_RANGE)
        text_printf(out, "-%s", ip_addr_to_text(&a->last, buf));
    else if (a->len < 32)
        text_printf(out, "/%u", a->len);
    return true;
}

/* ---- ports ---- */

static bool port_range_parse(const char *s, size_t len, uint16_t *ret_first, uint16_t *ret_last)
{
    const char *dash = memchr(s, '-', len);
    size_t first_len = dash ? (size_t)(dash - s) : len;
    int64_t first, last;

    if (number_parse(s, first_len, 0, PROP_PORT_MAX, &first) != VALUE_OK)
        return false;
    last = first;
    if (dash &&
        number_parse(dash + 1, len - first_len - 1, first, PROP_PORT_MAX, &last) != VALUE_OK)
        return false;
    *ret_first = (uint16_t)first;
    *ret_last = (uint16_t)last;
    return true;
}

static enum value_error ports_parse(const struct prop *p, const char *s, void *field)
{
    unsigned most = p->flags & P_TARGET ? 1 : CFG_PORTS_MAX;
    struct cfg_ports ports = { .n = 0 };
    bool more = *s != '\0';

    if (!negation(p, &s, &ports.negated))
        return VALUE_INVALID;
    while (more) {
        size_t len = strcspn(s, ",");

        if (ports.n == most ||
            !port_range_parse(s, len, &ports.at[ports.n].first, &ports.at[ports.n].last))
            return VALUE_INVALID;
        ports.n++;
        more = s[len] == ',';
        s += len + more;
    }
    memcpy(field, &ports, sizeof(ports));
    return VALUE_OK;
}

static bool ports_format(const struct prop *p, const void *field, struct text *out)
{
    const struct cfg_ports *ports = field;

    (void)p;
    for (unsigned i = 0; i < ports->n; i++) {
        text_puts(out, i ? "," : ports->negated ? "!" : "");
        text_printf(out, "%u", ports->at[i].first);
        if (ports->at[i].last != ports->at[i].first)
            text_printf(out, "-%u", ports->at[i].last);
    }
    return ports->n > 0;
}

/* ---- interfaces ---- */

/* As the kernel has it: 15 bytes, no blank, no slash; nothing that means something to nft. */
static bool interface_name_ok(const char *s)
{
    size_t len = strlen(s);

    if (len == 0 || len > CFG_INTERFACE_MAX || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
        return false;
    for (; *s; s++) {
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f || strchr("/:\"\\*", *s))
            return false;
    }
    return true;
}

static enum value_error interface_parse(const struct prop *p, const char *s, void *field)
{
    struct cfg_interface i = { .negated = false };

    if (*s && (!negation(p, &s, &i.negated) || !interface_name_ok(s)))
        return VALUE_INVALID;
    memcpy(i.name, s, strlen(s));
    memcpy(field, &i, sizeof(i));
    return VALUE_OK;
}

static bool interface_format(const struct prop *p, const void *field, struct text *out)
{
    const struct cfg_interface *i = field;

    (void)p;
    text_printf(out, "%s%s", i->negated ? "!" : "", i->name);
    return i->name[0] != '\0';
}

const struct prop_ops prop_addresses_ops = { sizeof(struct cfg_addresses), false, addresses_parse,
                                             addresses_format };
const struct prop_ops prop_ports_ops = { sizeof(struct cfg_ports), false, ports_parse,
                                         ports_format };
const struct prop_ops prop_interface_ops = { sizeof(struct cfg_interface), false, interface_parse,
                                             interface_format };
