/* `/ip ipsec proposal`: what phase 2 offers and accepts. The reference uses the menu without
 * describing it; the defaults are those its printouts of SAs come from. The built-in `default` is
 * what policies name unless told otherwise. */
#include "menu_models.h"

enum {
    LIFETIME_MIN_S = 2, /* half of it is left to renew an SA in */
    LIFETIME_MAX_S = INT32_MAX,
    ALG_NULL_BIT = 1 << 0
};

static const char *const auth_synonyms[] = { "sha", "sha1", NULL };

static const struct prop props[] = {
    { "name", PT_NAME, P_REQUIRED, AT(cfg_proposal, name), .help = "unique name" },
    { "auth-algorithms", PT_SET, P_NONE_OK, AT(cfg_proposal, auth_algorithms), .def = "sha1",
      .names = cfg_auth_names, .synonyms = auth_synonyms, .help = "authentication, any of these" },
    { "enc-algorithms", PT_SET, 0, AT(cfg_proposal, enc_algorithms), .def = "3des",
      .names = cfg_cipher_names, .help = "encryption, any of these" },
    { "lifetime", PT_TIME, 0, AT(cfg_proposal, lifetime_s), .def = "30m", .min = LIFETIME_MIN_S,
      .max = LIFETIME_MAX_S, .help = "of the SAs" },
    { "lifebytes", PT_INT, P_QUIET, AT(cfg_proposal, lifebytes), .def = "0", .min = 0,
      .max = INT64_MAX, .help = "bytes an SA may carry, 0: no limit" },
    { "pfs-group", PT_ENUM, 0, AT(cfg_proposal, pfs_group), .def = "modp1024",
      .names = cfg_dh_names, .help = "Diffie-Hellman group of phase 2 itself" },
    { 0 },
};

static const struct menu_flag flags[] = { { 'X', 0, "disabled" }, { 0 } };

static const char *const builtin[] = { "default", NULL };

static bool check(void *item, struct text *error)
{
    const struct cfg_proposal *p = item;
    bool auth = p->auth_algorithms & ~(uint32_t)ALG_NULL_BIT;
    bool enc = p->enc_algorithms & ~(uint32_t)ALG_NULL_BIT;

    if (auth || enc)
        return true;
    text_puts(error, "failure: auth-algorithms and enc-algorithms must not both be null");
    return false;
}

const struct menu menu_proposal = {
    .path = "ip ipsec proposal",
    .flags = M_NAMED | M_DISABLE | M_COMMENT,
    .props = props,
    .item_size = sizeof(struct cfg_proposal),
    .print_flags = flags,
    .builtin = builtin,
    .check = check,
    .help = "algorithms and lifetimes of SAs to negotiate",
    .noun = "proposal",
};
