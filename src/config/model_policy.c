/* `/ip ipsec policy`: what to do with which packets. Order, names and defaults are the reference's;
 * its default action "accept" is not one of its values and is read as encrypt, which its own
 * examples need. */
#include "menu_models.h"

enum { REPLAY_STEP_PACKETS = 32, REPLAY_MAX_PACKETS = 1024, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

static const char *const actions[] = { "none", "discard", "encrypt", NULL };
static const char *const action_synonyms[] = { "accept", "none", "drop", "discard", NULL };
static const char *const levels[] = { "use", "require", "unique", NULL };
static const char *const df_names[] = { "clear", "inherit", "set", NULL };
static const char *const ipsec_protocols[] = { "ah", "esp", NULL };

#define LIVE_COUNTER(n, a, h)                                                                      \
    {                                                                                              \
        .name = n, .type = PT_LIVE, .flags = P_READONLY | P_NOPRINT | P_STATS, .alias = a,         \
        .help = h                                                                                  \
    }

static const struct prop props[] = {
    { "src-address", PT_SELECTOR, P_STATS, AT(cfg_policy, src), .def = "0.0.0.0/32:any",
      .help = "source address[/mask][:port] of the packets" },
    { "dst-address", PT_SELECTOR, P_STATS, AT(cfg_policy, dst), .def = "0.0.0.0/32:any",
      .help = "destination address[/mask][:port] of the packets" },
    { "protocol", PT_PROTOCOL, P_STATS, AT(cfg_policy, protocol), .def = "all",
      .help = "IP protocol of the packets, by name or number" },
    { "action", PT_ENUM, 0, AT(cfg_policy, action), .def = "encrypt", .names = actions,
      .synonyms = action_synonyms, .help = "pass unchanged, drop, or protect" },
    { "level", PT_ENUM, 0, AT(cfg_policy, level), .def = "require", .names = levels,
      .help = "what to do while an SA is missing" },
    { "ipsec-protocols", PT_SET, 0, AT(cfg_policy, ipsec_protocols), .def = "esp",
      .names = ipsec_protocols, .help = "transforms to apply: ESP first, AH outside it" },
    { "tunnel", PT_BOOL, 0, AT(cfg_policy, tunnel), .def = "no",
      .help = "tunnel mode instead of transport mode" },
    { "sa-src-address", PT_ADDR, 0, AT(cfg_policy, sa_src), .def = "0.0.0.0",
      .help = "local address of the SAs" },
    { "sa-dst-address", PT_ADDR, 0, AT(cfg_policy, sa_dst), .def = "0.0.0.0",
      .help = "remote address of the SAs" },
    { "proposal", PT_REF, 0, AT(cfg_policy, proposal), .def = "default",
      .ref_menu = "ip ipsec proposal", .help = "algorithms to negotiate" },
    { "manual-sa", PT_REF, P_NONE_OK, AT(cfg_policy, manual_sa), .def = "none",
      .ref_menu = "ip ipsec manual-sa", .help = "template with manual keys" },
    { "priority", PT_INT, 0, AT(cfg_policy, priority), .def = "0", .min = INT32_MIN,
      .max = INT32_MAX, .help = "larger numbers are looked up first" },
    { "dont-fragment", PT_ENUM, P_QUIET, AT(cfg_policy, dont_fragment), .def = "clear",
      .names = df_names, .help = "DF bit of the outer header" },
    { "replay-window", PT_INT, P_QUIET | P_EXTENSION, AT(cfg_policy, replay_window), .def = "32",
      .min = 0, .max = REPLAY_MAX_PACKETS, .help = "packets: 0 is off, else 32 to 1024 by 32" },
    { "inactive-reason", PT_LIVE, P_READONLY | P_QUOTED | P_EXTENSION, 0,
      .help = "why the policy cannot be used as configured" },
    { "last-error", PT_LIVE, P_READONLY | P_QUOTED | P_EXTENSION, 0,
      .help = "why the last negotiation failed" },
    { "src-port", PT_PORT, P_NOPRINT | P_PART | P_EXTENSION, AT(cfg_policy, src.port),
      .help = "the port of src-address" },
    { "dst-port", PT_PORT, P_NOPRINT | P_PART | P_EXTENSION, AT(cfg_policy, dst.port),
      .help = "the port of dst-address" },
    { "inactive", PT_LIVE, P_READONLY | P_NOPRINT, 0, .help = "cannot be used as configured" },
    LIVE_COUNTER("ph2-state", NULL, "no-phase2, expired or established"),
    LIVE_COUNTER("in-accepted", NULL, "packets let in without decryption"),
    LIVE_COUNTER("in-dropped", NULL, "packets dropped on the way in"),
    LIVE_COUNTER("out-accepted", NULL, "packets let out unchanged"),
    LIVE_COUNTER("out-dropped", NULL, "packets dropped on the way out"),
    LIVE_COUNTER("encrypted", "out-transformed", "packets protected"),
    LIVE_COUNTER("not-encrypted", NULL, "packets whose protection failed"),
    LIVE_COUNTER("decrypted", "in-transformed", "packets decrypted or verified"),
    LIVE_COUNTER("not-decrypted", NULL, "packets whose decryption failed"),
    { 0 },
};

static const struct menu_flag flags[] = {
    { 'X', 0, "disabled" }, { 'D', 1, "dynamic" }, { 'I', 2, "inactive" }, { 0 }
};

static const char *const stats[] = {
    "src-address", "dst-address",   "protocol",    "ph2-state", "in-accepted",
    "in-dropped",  "out-accepted",  "out-dropped", "encrypted", "not-encrypted",
    "decrypted",   "not-decrypted", NULL
};

static bool selector_is_unset(const struct cfg_selector *sel)
{
    return ip_addr_is_unset(&sel->prefix.addr) &&
           sel->prefix.len == 8 * ip_addr_len(sel->prefix.addr.family);
}

/* A selector nobody typed is, in transport mode, the SA address itself; it follows when that
 * changes and goes when the policy becomes a tunnel. */
static bool selector_derive(struct cfg_selector *sel, bool transport, const struct ip_addr *sa)
{
    if (selector_is_unset(sel) || sel->derived) {
        bool known = transport && !ip_addr_is_unset(sa);
        sel->prefix.addr = known ? *sa : ip_addr_v4(0, 0, 0, 0);
        sel->prefix.len = (uint8_t)(8 * ip_addr_len(sel->prefix.addr.family));
        sel->derived = known;
    }
    return !selector_is_unset(sel);
}

static bool ports_fit(const struct cfg_policy *p)
{
    return (p->src.port == 0 && p->dst.port == 0) || p->protocol == 0 ||
           p->protocol == PROTOCOL_TCP || p->protocol == PROTOCOL_UDP;
}

static bool check(void *item, struct text *error)
{
    struct cfg_policy *p = item;

    if (!ip_addr_is_unset(&p->sa_src) && !ip_addr_is_unset(&p->sa_dst) &&
        p->sa_src.family != p->sa_dst.family) {
        text_puts(error, "failure: sa-src-address and sa-dst-address must be of one IP version");
        return false;
    }
    p->src_given = selector_derive(&p->src, !p->tunnel, &p->sa_src);
    p->dst_given = selector_derive(&p->dst, !p->tunnel, &p->sa_dst);
    if (p->src_given && p->dst_given && p->src.prefix.addr.family != p->dst.prefix.addr.family) {
        text_puts(error, "failure: src-address and dst-address must be of one IP version");
        return false;
    }
    if (!ports_fit(p)) {
        text_puts(error, "failure: ports can be specified if protocol is tcp, udp or all");
        return false;
    }
    if (p->replay_window % REPLAY_STEP_PACKETS != 0) {
        text_puts(error, "failure: replay-window must be 0 or a multiple of 32 up to 1024");
        return false;
    }
    return true;
}

const struct menu menu_policy = {
    .path = "ip ipsec policy",
    .flags = M_ORDERED | M_DISABLE | M_COMMENT,
    .props = props,
    .item_size = sizeof(struct cfg_policy),
    .print_flags = flags,
    .stats = stats,
    .check = check,
    .help = "which packets to protect, and how",
    .noun = "policy",
};
