/* `/ip firewall nat`: which connections to translate. The part of the reference product's menu that
 * gateways of IPsec need; rules of our own, beside whatever else the system's firewall does. */
#include "menu_models.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

static const char *const chains[] = { "srcnat", "dstnat", NULL };
static const char *const actions[] = { "accept",   "dst-nat", "masquerade", "passthrough",
                                       "redirect", "src-nat", NULL };

static const struct prop props[] = {
    { "chain", PT_ENUM, P_REQUIRED, AT(cfg_nat, chain), .names = chains,
      .help = "srcnat behind routing, dstnat before it" },
    { "action", PT_ENUM, 0, AT(cfg_nat, action), .def = "accept", .names = actions,
      .help = "what to do with a connection's first packet" },
    { "to-addresses", PT_ADDRESSES, P_TARGET, AT(cfg_nat, to_addresses),
      .help = "address or range to translate to" },
    { "to-ports", PT_PORTS, P_TARGET, AT(cfg_nat, to_ports),
      .help = "port or range to translate to" },
    { "protocol", PT_PROTOCOL, P_QUIET, AT(cfg_nat, protocol), .def = "all",
      .help = "IP protocol of the packets, by name or number" },
    { "src-address", PT_ADDRESSES, 0, AT(cfg_nat, src),
      .help = "[!]address[/mask] or range the packets come from" },
    { "dst-address", PT_ADDRESSES, 0, AT(cfg_nat, dst),
      .help = "[!]address[/mask] or range the packets go to" },
    { "in-interface", PT_INTERFACE, 0, AT(cfg_nat, in_interface),
      .help = "[!]interface the packets came in by" },
    { "out-interface", PT_INTERFACE, 0, AT(cfg_nat, out_interface),
      .help = "[!]interface the packets leave by" },
    { "src-port", PT_PORTS, 0, AT(cfg_nat, src_port), .help = "[!]list of ports and ranges" },
    { "dst-port", PT_PORTS, 0, AT(cfg_nat, dst_port), .help = "[!]list of ports and ranges" },
    { "warning", PT_LIVE, P_READONLY | P_QUOTED | P_EXTENSION, 0,
      .help = "which policy's packets the rule hides" },
    { "invalid", PT_LIVE, P_READONLY | P_NOPRINT, 0, .help = "the rule is not in force" },
    { "bytes", PT_LIVE, P_READONLY | P_NOPRINT | P_STATS, 0,
      .help = "of the first packets of its connections" },
    { "packets", PT_LIVE, P_READONLY | P_NOPRINT | P_STATS, 0,
      .help = "first packets of its connections" },
    { 0 },
};

static const struct menu_flag flags[] = {
    { 'X', 0, "disabled" }, { 'I', 0, "invalid" }, { 'D', 1, "dynamic" }, { 0 }
};

static const char *const stats[] = { "chain", "action", "bytes", "packets", NULL };

static const struct prop no_args[] = { { 0 } };

static const struct menu_command commands[] = {
    { "reset-counters-all", no_args, 0, "count from zero again" }, { 0 }
};

static bool refuse(struct text *error, const char *why)
{
    text_printf(error, "failure: %s", why);
    return false;
}

static bool check(void *item, struct text *error)
{
    const struct cfg_nat *r = item;
    bool has_ports = r->protocol == PROTOCOL_TCP || r->protocol == PROTOCOL_UDP;
    bool translates = r->action != CFG_NAT_ACCEPT && r->action != CFG_NAT_PASSTHROUGH;
    bool to_given = r->to_addresses.set || r->to_ports.n;

    if ((r->src_port.n || r->dst_port.n || r->to_ports.n) && !has_ports)
        return refuse(error, "ports can be specified if proto is tcp,udp,...");
    if (r->chain != CFG_SRCNAT && (r->action == CFG_NAT_MASQUERADE || r->action == CFG_NAT_SRC_NAT))
        return refuse(error, "masquerade and src-nat can be used in chain srcnat only");
    if (r->chain != CFG_DSTNAT && (r->action == CFG_NAT_DST_NAT || r->action == CFG_NAT_REDIRECT))
        return refuse(error, "dst-nat and redirect can be used in chain dstnat only");
    if (r->chain == CFG_DSTNAT && r->out_interface.name[0])
        return refuse(error, "out-interface is not known yet in chain dstnat");
    if (r->chain == CFG_SRCNAT && r->in_interface.name[0])
        return refuse(error, "in-interface is not known any more in chain srcnat");
    if (!translates && to_given)
        return refuse(error, "to-addresses and to-ports are for actions that translate");
    if ((r->action == CFG_NAT_MASQUERADE || r->action == CFG_NAT_REDIRECT) && r->to_addresses.set)
        return refuse(error, "masquerade and redirect take the interface's address: "
                             "to-addresses is for src-nat and dst-nat");
    if ((r->action == CFG_NAT_SRC_NAT || r->action == CFG_NAT_DST_NAT) && !to_given)
        return refuse(error, "to-addresses or to-ports is required for src-nat and dst-nat");
    return true;
}

const struct menu menu_firewall_nat = {
    .path = "ip firewall nat",
    .flags = M_ORDERED | M_DISABLE | M_COMMENT,
    .props = props,
    .item_size = sizeof(struct cfg_nat),
    .print_flags = flags,
    .commands = commands,
    .stats = stats,
    .check = check,
    .help = "address translation",
    .noun = "rule",
};
