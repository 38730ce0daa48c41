/* Property types of the network: addresses, selectors (address, mask and port in one value),
 * protocols and ports. */
#include "prop_ops.h"

#include <stdio.h>
#include <string.h>

/* The names the reference product uses, with IANA's numbers. */
static const struct protocol {
    const char *name;
    uint8_t number;
} protocols[] = {
    { "all", 0 },        { "icmp", 1 },       { "igmp", 2 },    { "ggp", 3 },
    { "ipencap", 4 },    { "st", 5 },         { "tcp", 6 },     { "egp", 8 },
    { "pup", 12 },       { "udp", 17 },       { "hmp", 20 },    { "xns-idp", 22 },
    { "rdp", 27 },       { "iso-tp4", 29 },   { "dccp", 33 },   { "xtp", 36 },
    { "ddp", 37 },       { "idpr-cmtp", 38 }, { "ipv6", 41 },   { "gre", 47 },
    { "ipsec-esp", 50 }, { "ipsec-ah", 51 },  { "icmpv6", 58 }, { "rspf", 73 },
    { "vmtp", 81 },      { "ospf", 89 },      { "ipip", 94 },   { "encap", 98 },
    { "pim", 103 },      { "vrrp", 112 },     { "l2tp", 115 },  { "sctp", 132 },
    { "udp-lite", 136 },
};

/* An IPv4 address written as IPv6 would never match the packet it means. */
static bool address_parse(const char *s, size_t len, struct ip_addr *ret)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct ip_addr a;

    if (!ip_addr_from_text(s, len, &a))
        return false;
    if (a.family == IP_V6 && memcmp(a.b, mapped, sizeof(mapped)) == 0)
        return false;
    *ret = a;
    return true;
}

static enum value_error addr_parse(const struct prop *p, const char *s, void *field)
{
    (void)p;
    return address_parse(s, strlen(s), field) ? VALUE_OK : VALUE_INVALID;
}

static bool addr_format(const struct prop *p, const void *field, struct text *out)
{
    char buf[IP_TEXT_MAX];

    (void)p;
    text_puts(out, ip_addr_to_text(field, buf));
    return true;
}

static enum value_error port_from_text(const char *s, size_t len, uint16_t *ret)
{
    int64_t v;

    if (len == 3 && memcmp(s, "any", 3) == 0) {
        *ret = 0;
        return VALUE_OK;
    }
    enum value_error e = number_parse(s, len, 1, PROP_PORT_MAX, &v);
    if (e == VALUE_OK)
        *ret = (uint16_t)v;
    return e;
}

/* "255.255.255.0"; the ones must be together. */
static bool mask_from_dotted(const char *s, size_t len, uint8_t *ret)
{
    struct ip_addr a;
    uint8_t n = 0;

    if (!ip_addr_from_text(s, len, &a) || a.family != IP_V4)
        return false;
    while (n < 32 && a.b[n / 8] >> (7 - n % 8) & 1)
        n++;
    struct ip_prefix ones = { .addr = ip_addr_v4(255, 255, 255, 255), .len = n };
    ip_prefix_mask(&ones);
    if (!ip_addr_equal(&a, &ones.addr))
        return false;
    *ret = n;
    return true;
}

static bool mask_from_text(const char *s, size_t len, uint8_t family, uint8_t *ret)
{
    int64_t v;

    if (number_parse(s, len, 0, family == IP_V6 ? 128 : 32, &v) != VALUE_OK)
        return family == IP_V4 && mask_from_dotted(s, len, ret);
    *ret = (uint8_t)v;
    return len == 1 || s[0] != '0'; /* neither 08 nor 0x8 */
}

/* Where the address ends and "[/mask][:port]" begins; false when a bracket is not closed. */
static bool selector_split(const char *s, const char **ret_addr, size_t *ret_len,
                           const char **ret_rest)
{
    const char *colon = strchr(s, ':');

    *ret_addr = s;
    if (s[0] == '[') {
        const char *end = strchr(s, ']');
        if (!end || !memchr(s, ':', (size_t)(end - s)))
            return false;
        *ret_addr = s + 1;
        *ret_len = (size_t)(end - s) - 1;
        *ret_rest = end + 1;
        return true;
    }
    if (strchr(s, '/'))
        *ret_rest = strchr(s, '/');
    else if (colon && strchr(colon + 1, ':'))
        *ret_rest = s + strlen(s); /* IPv6 alone */
    else
        *ret_rest = colon ? colon : s + strlen(s);
    *ret_len = (size_t)(*ret_rest - s);
    return true;
}

static enum value_error selector_parse(const struct prop *p, const char *s, void *field)
{
    struct cfg_selector sel = { .prefix = { .addr = ip_addr_v4(0, 0, 0, 0), .len = 32 } };
    const char *addr, *rest;
    size_t len;
    enum value_error e;

    if (!*s || !selector_split(s, &addr, &len, &rest))
        return VALUE_INVALID;
    if (len > 0 || rest == s + strlen(s) || *rest == '/') {
        if (!address_parse(addr, len, &sel.prefix.addr))
            return VALUE_INVALID;
        sel.prefix.len = (uint8_t)(8 * ip_addr_len(sel.prefix.addr.family));
    }
    if (*rest == '/') {
        size_t mask_len = strcspn(rest + 1, ":");
        if (!mask_from_text(rest + 1, mask_len, sel.prefix.addr.family, &sel.prefix.len))
            return VALUE_INVALID;
        rest += 1 + mask_len;
    }
    if (*rest) {
        e = *rest == ':' ? port_from_text(rest + 1, strlen(rest + 1), &sel.port) : VALUE_INVALID;
        if (e != VALUE_OK)
            return e;
    }
    if ((p->flags & P_IKE_PORT) && sel.port == 0) {
        if (*rest)
            return VALUE_INVALID; /* ":any" is no port to send to */
        sel.port = PROP_IKE_PORT;
    }
    ip_prefix_mask(&sel.prefix);
    memcpy(field, &sel, sizeof(sel));
    return VALUE_OK;
}

static void port_to_text(uint16_t port, struct text *out)
{
    if (port)
        text_printf(out, "%u", port);
    else
        text_puts(out, "any");
}

static bool selector_format(const struct prop *p, const void *field, struct text *out)
{
    const struct cfg_selector *sel = field;
    char buf[IP_PREFIX_TEXT_MAX];

    (void)p;
    text_puts(out, ip_prefix_to_text(&sel->prefix, buf));
    text_putc(out, ':');
    port_to_text(sel->port, out);
    return true;
}

static enum value_error protocol_parse(const struct prop *p, const char *s, void *field)
{
    int64_t v;

    (void)p;
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (strcmp(protocols[i].name, s) == 0) {
            *(uint8_t *)field = protocols[i].number;
            return VALUE_OK;
        }
    }
    enum value_error e = number_parse(s, strlen(s), 1, PROP_PROTOCOL_MAX, &v);
    if (e == VALUE_OK)
        *(uint8_t *)field = (uint8_t)v;
    return e == VALUE_INVALID ? VALUE_NO_MATCH : e;
}

static bool protocol_format(const struct prop *p, const void *field, struct text *out)
{
    uint8_t number = *(const uint8_t *)field;

    (void)p;
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (protocols[i].number == number) {
            text_puts(out, protocols[i].name);
            return true;
        }
    }
    text_printf(out, "%u", number);
    return true;
}

static enum value_error port_parse(const struct prop *p, const char *s, void *field)
{
    (void)p;
    return port_from_text(s, strlen(s), field);
}

static bool port_format(const struct prop *p, const void *field, struct text *out)
{
    (void)p;
    port_to_text(*(const uint16_t *)field, out);
    return true;
}

const struct prop_ops prop_addr_ops = { sizeof(struct ip_addr), false, addr_parse, addr_format };
const struct prop_ops prop_selector_ops = { sizeof(struct cfg_selector), false, selector_parse,
                                            selector_format };
const struct prop_ops prop_protocol_ops = { sizeof(uint8_t), false, protocol_parse,
                                            protocol_format };
const struct prop_ops prop_port_ops = { sizeof(uint16_t), false, port_parse, port_format };
