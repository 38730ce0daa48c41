/* From the rules of the configuration to the words of nft. */
#include "nat.h"

#include <inttypes.h>

static void put_addresses(struct text *out, const char *what, const struct cfg_addresses *a)
{
    char first[IP_TEXT_MAX], last[IP_TEXT_MAX];

    if (!a->set)
        return;
    ip_addr_to_text(&a->first, first);
    ip_addr_to_text(&a->last, last);
    text_printf(out, "ip %s %s%s", what, a->negated ? "!= " : "", first);
    if (a->len == CFG_ADDRESS_RANGE)
        text_printf(out, "-%s ", last);
    else
        text_printf(out, "/%u ", a->len);
}

static void put_ports(struct text *out, const char *what, const struct cfg_ports *ports)
{
    if (!ports->n)
        return;
    text_printf(out, "th %s %s{ ", what, ports->negated ? "!= " : "");
    for (unsigned i = 0; i < ports->n; i++)
        text_printf(out, "%s%u-%u", i ? ", " : "", ports->at[i].first, ports->at[i].last);
    text_puts(out, " } ");
}

static void put_interface(struct text *out, const char *what, const struct cfg_interface *i)
{
    if (i->name[0])
        text_printf(out, "%s %s\"%s\" ", what, i->negated ? "!= " : "", i->name);
}

static void put_target(struct text *out, const struct cfg_nat *r)
{
    char first[IP_TEXT_MAX], last[IP_TEXT_MAX];

    if (!r->to_addresses.set && !r->to_ports.n)
        return;
    text_puts(out, " to ");
    if (r->to_addresses.set) {
        text_puts(out, ip_addr_to_text(&r->to_addresses.first, first));
        if (r->to_addresses.len == CFG_ADDRESS_RANGE)
            text_printf(out, "-%s", ip_addr_to_text(&r->to_addresses.last, last));
    }
    if (r->to_ports.n)
        text_printf(out, ":%u-%u", r->to_ports.at[0].first, r->to_ports.at[0].last);
}

static void put_rule(struct text *out, const struct item *item)
{
    static const char *const verdicts[] = {
        [CFG_NAT_ACCEPT] = "accept",         [CFG_NAT_DST_NAT] = "dnat",
        [CFG_NAT_MASQUERADE] = "masquerade", [CFG_NAT_PASSTHROUGH] = "",
        [CFG_NAT_REDIRECT] = "redirect",     [CFG_NAT_SRC_NAT] = "snat",
    };
    const struct cfg_nat *r = item->data;

    text_puts(out, "    ");
    put_interface(out, "iifname", &r->in_interface);
    put_interface(out, "oifname", &r->out_interface);
    if (r->protocol)
        text_printf(out, "meta l4proto %u ", r->protocol);
    put_addresses(out, "saddr", &r->src);
    put_addresses(out, "daddr", &r->dst);
    put_ports(out, "sport", &r->src_port);
    put_ports(out, "dport", &r->dst_port);
    text_printf(out, "counter name \"r%" PRIu32 "\" %s", item->id, verdicts[r->action]);
    put_target(out, r);
    text_puts(out, "\n");
}

static void put_chain(struct text *out, struct config *c, enum cfg_nat_chain chain, uint32_t mark)
{
    const struct menu *menu = menu_find("ip firewall nat");
    bool src = chain == CFG_SRCNAT;

    text_printf(out, "  chain %s {\n    type nat hook %s priority %s; policy accept;\n",
                src ? "srcnat" : "dstnat", src ? "postrouting" : "prerouting",
                src ? "srcnat" : "dstnat");
    if (src)
        text_printf(out, "    meta mark %" PRIu32 " accept\n", mark);
    for (size_t i = 0; i < config_count(c, menu); i++) {
        const struct item *item = config_item_at(c, menu, i);
        if (!item->disabled && ((const struct cfg_nat *)item->data)->chain == chain)
            put_rule(out, item);
    }
    text_puts(out, "  }\n");
}

void nat_script(const char *table, uint32_t mark, struct config *c,
                void (*counts)(void *ctx, uint32_t id, uint64_t *packets, uint64_t *bytes),
                void *ctx, struct text *out)
{
    const struct menu *menu = menu_find("ip firewall nat");
    size_t n = config_count(c, menu);

    /* Made first, or there might be nothing to delete. */
    text_printf(out, "table ip %s { }\ndelete table ip %s\n", table, table);
    if (n == 0)
        return;
    text_printf(out, "table ip %s {\n", table);
    for (size_t i = 0; i < n; i++) {
        uint64_t packets = 0, bytes = 0;
        uint32_t id = config_item_at(c, menu, i)->id;

        counts(ctx, id, &packets, &bytes);
        text_printf(out, "  counter r%" PRIu32 " { packets %" PRIu64 " bytes %" PRIu64 " }\n", id,
                    packets, bytes);
    }
    put_chain(out, c, CFG_DSTNAT, mark);
    put_chain(out, c, CFG_SRCNAT, mark);
    text_puts(out, "}\n");
}

/* ---- rules against policies ---- */

static bool within(const struct ip_addr *a, const struct cfg_addresses *range)
{
    return memcmp(a->b, range->first.b, 4) >= 0 && memcmp(a->b, range->last.b, 4) <= 0;
}

static struct cfg_addresses whole(const struct ip_prefix *p)
{
    struct cfg_addresses a = { .first = p->addr, .last = p->addr, .len = p->len, .set = true };

    for (unsigned bit = p->len; bit < 32; bit++)
        a.last.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    return a;
}

static bool covers(const struct cfg_addresses *rule, const struct cfg_addresses *p)
{
    bool inside = within(&p->first, rule) && within(&p->last, rule);
    bool apart = memcmp(p->last.b, rule->first.b, 4) < 0 || memcmp(p->first.b, rule->last.b, 4) > 0;

    return !rule->set || (rule->negated ? apart : inside);
}

static bool meets(const struct cfg_addresses *rule, const struct cfg_addresses *p)
{
    bool inside = within(&p->first, rule) && within(&p->last, rule);
    bool apart = memcmp(p->last.b, rule->first.b, 4) < 0 || memcmp(p->first.b, rule->last.b, 4) > 0;

    return !rule->set || (rule->negated ? !inside : !apart);
}

static bool same_protocol(const struct cfg_nat *r, const struct cfg_policy *p)
{
    return r->protocol == 0 || r->protocol == p->protocol;
}

static bool may_match(const struct cfg_nat *r, const struct cfg_policy *p)
{
    struct cfg_addresses src = whole(&p->src.prefix), dst = whole(&p->dst.prefix);

    return meets(&r->src, &src) && meets(&r->dst, &dst) &&
           (p->protocol == 0 || same_protocol(r, p));
}

static bool exempts(const struct cfg_nat *r, const struct cfg_policy *p)
{
    struct cfg_addresses src = whole(&p->src.prefix), dst = whole(&p->dst.prefix);

    return r->action == CFG_NAT_ACCEPT && !r->src_port.n && !r->dst_port.n &&
           !r->out_interface.name[0] && same_protocol(r, p) && covers(&r->src, &src) &&
           covers(&r->dst, &dst);
}

static bool can_be_hidden(const struct item *item)
{
    const struct cfg_policy *p = item->data;
    bool own = p->src.prefix.len == 32 && ip_addr_equal(&p->src.prefix.addr, &p->sa_src);

    return !item->disabled && p->action == CFG_ENCRYPT && p->src.prefix.addr.family == IP_V4 &&
           p->src_given && p->dst_given && !own;
}

static bool exempted_before(struct config *c, const struct item *rule, const struct cfg_policy *p)
{
    const struct menu *menu = menu_find("ip firewall nat");

    for (size_t i = 0; i < config_count(c, menu); i++) {
        const struct item *item = config_item_at(c, menu, i);
        const struct cfg_nat *r = item->data;

        if (item == rule)
            break;
        if (!item->disabled && r->chain == CFG_SRCNAT && exempts(r, p))
            return true;
    }
    return false;
}

bool nat_hides(struct config *c, const struct item *rule, struct text *ret_why)
{
    const struct menu *menu = menu_find("ip ipsec policy");
    const struct cfg_nat *r = rule->data;
    bool translates = r->action == CFG_NAT_MASQUERADE || r->action == CFG_NAT_SRC_NAT;
    char src[IP_PREFIX_TEXT_MAX], dst[IP_PREFIX_TEXT_MAX];

    if (rule->disabled || !translates)
        return false;
    for (size_t i = 0; i < config_count(c, menu); i++) {
        const struct item *item = config_item_at(c, menu, i);
        const struct cfg_policy *p = item->data;

        if (!can_be_hidden(item) || !may_match(r, p) || exempted_before(c, rule, p))
            continue;
        text_printf(ret_why,
                    "translates packets that policy %zu should encrypt (%s to %s): "
                    "put an accept rule for them before it",
                    i, ip_prefix_to_text(&p->src.prefix, src),
                    ip_prefix_to_text(&p->dst.prefix, dst));
        return true;
    }
    return false;
}
