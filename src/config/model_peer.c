/* `/ip ipsec peer`: how phase 1 is negotiated with whom. Order, names and defaults are the
 * reference's; its text says proposal-check=strict, its printout and its examples need obey. */
#include "menu_models.h"

enum { LIFETIME_MAX_S = INT32_MAX, DPD_FAILURES_MAX = 100 };

const char *const cfg_dh_names[] = { "none",    "modp768",  "modp1024", "ec2n155",
                                     "ec2n185", "modp1536", NULL };

static const char *const auth_methods[] = { "pre-shared-key", "rsa-signature", NULL };
static const char *const exchange_modes[] = { "main", "aggressive", "base", NULL };
static const char *const proposal_checks[] = { "claim", "exact", "obey", "strict", NULL };
static const char *const hash_synonyms[] = { "sha", "sha1", NULL };

static const struct prop props[] = {
    { "address", PT_SELECTOR, P_IKE_PORT, AT(cfg_peer, address), .def = "0.0.0.0/32:500",
      .help = "address[/mask][:port] of those it is for; the longest mask wins" },
    { "auth-method", PT_ENUM, 0, AT(cfg_peer, auth_method), .def = "pre-shared-key",
      .names = auth_methods, .help = "how both sides prove who they are" },
    { "secret", PT_TEXT, P_SENSITIVE | P_KEY_TEXT, AT(cfg_peer, secret), .def = "",
      .help = "pre-shared key: text, or 0x and hex digits" },
    { "certificate", PT_REF, 0, AT(cfg_peer, certificate), .ref_menu = "certificate",
      .help = "our certificate, with its private key" },
    { "remote-certificate", PT_REF, 0, AT(cfg_peer, remote_certificate), .ref_menu = "certificate",
      .help = "the only certificate accepted from the peer" },
    { "generate-policy", PT_BOOL, 0, AT(cfg_peer, generate_policy), .def = "no",
      .help = "make policies as the peer asks for them" },
    { "exchange-mode", PT_ENUM, 0, AT(cfg_peer, exchange_mode), .def = "main",
      .names = exchange_modes, .help = "kind of phase 1 exchange" },
    { "send-initial-contact", PT_BOOL, 0, AT(cfg_peer, send_initial_contact), .def = "yes",
      .help = "tell the peer to forget older SAs" },
    { "nat-traversal", PT_BOOL, 0, AT(cfg_peer, nat_traversal), .def = "no",
      .help = "find NAT on the way and put ESP into UDP" },
    { "proposal-check", PT_ENUM, 0, AT(cfg_peer, proposal_check), .def = "obey",
      .names = proposal_checks, .help = "what to do when the peer offers other lifetimes" },
    { "hash-algorithm", PT_ENUM, 0, AT(cfg_peer, hash_algorithm), .def = "md5",
      .names = cfg_auth_names + 1, .synonyms = hash_synonyms, .help = "hash of phase 1" },
    { "enc-algorithm", PT_ENUM, 0, AT(cfg_peer, enc_algorithm), .def = "3des",
      .names = cfg_cipher_names + 1, .help = "encryption of phase 1" },
    { "dh-group", PT_ENUM, 0, AT(cfg_peer, dh_group), .def = "modp1024", .names = cfg_dh_names + 1,
      .help = "Diffie-Hellman group" },
    { "lifetime", PT_TIME, 0, AT(cfg_peer, lifetime_s), .def = "1d", .min = 1,
      .max = LIFETIME_MAX_S, .help = "of phase 1" },
    { "lifebytes", PT_INT, 0, AT(cfg_peer, lifebytes), .def = "0", .min = 0, .max = INT64_MAX,
      .help = "bytes phase 1 may encrypt, 0: no limit" },
    { "passive", PT_BOOL, P_QUIET | P_EXTENSION, AT(cfg_peer, passive), .def = "no",
      .help = "wait for the peer to begin" },
    { "dpd-interval", PT_TIME, P_QUIET | P_EXTENSION, AT(cfg_peer, dpd_interval_s), .def = "2m",
      .min = 0, .max = LIFETIME_MAX_S, .help = "ask a silent peer whether it lives, 0s: never" },
    { "dpd-maximum-failures", PT_INT, P_QUIET | P_EXTENSION, AT(cfg_peer, dpd_maximum_failures),
      .def = "5", .min = 1, .max = DPD_FAILURES_MAX,
      .help = "questions without an answer until it is dead" },
    { "last-error", PT_LIVE, P_READONLY | P_QUOTED | P_EXTENSION, 0,
      .help = "why the last negotiation failed" },
    { 0 },
};

static const struct menu_flag flags[] = { { 'X', 0, "disabled" }, { 0 } };

static bool unavailable(const char *name, const char *value, struct text *error)
{
    text_printf(error, "failure: %s=%s is not available in this version", name, value);
    return false;
}

static bool check(void *item, struct text *error)
{
    const struct cfg_peer *p = item;

    if (p->auth_method != CFG_PRE_SHARED_KEY)
        return unavailable("auth-method", auth_methods[p->auth_method], error);
    if (p->generate_policy)
        return unavailable("generate-policy", "yes", error);
    return true;
}

const struct menu menu_peer = {
    .path = "ip ipsec peer",
    .flags = M_DISABLE | M_COMMENT,
    .props = props,
    .item_size = sizeof(struct cfg_peer),
    .print_flags = flags,
    .check = check,
    .help = "whom to negotiate keys with, and how",
    .noun = "peer",
};
