/* `/ip ipsec installed-sa`: the security associations in use, keys included. Live. */
#include "menu_models.h"

#define SA_LIVE(n, f, h)                                                                           \
    {                                                                                              \
        .name = n, .type = PT_LIVE, .flags = P_READONLY | (f), .help = h                           \
    }

static const struct prop props[] = {
    SA_LIVE("spi", 0, "hexadecimal"),
    SA_LIVE("src-address", 0, "outer source"),
    SA_LIVE("dst-address", 0, "outer destination"),
    SA_LIVE("auth-algorithm", 0, "none, md5 or sha1"),
    SA_LIVE("enc-algorithm", 0, "none, des, 3des or aes"),
    SA_LIVE("replay", 0, "replay window in bytes: 4 is 32 packets"),
    SA_LIVE("state", 0, "larval, mature, dying or dead"),
    SA_LIVE("auth-key", P_QUOTED | P_SENSITIVE, "authentication key"),
    SA_LIVE("enc-key", P_QUOTED | P_SENSITIVE, "encryption key"),
    SA_LIVE("addtime", 0, "when it was installed"),
    SA_LIVE("add-lifetime", 0, "soft/hard limit from installation"),
    SA_LIVE("usetime", 0, "when it was first used"),
    SA_LIVE("use-lifetime", 0, "soft/hard limit from first use"),
    SA_LIVE("current-bytes", 0, "bytes handled"),
    SA_LIVE("lifebytes", 0, "soft/hard limit of bytes"),
    { 0 },
};

static const struct menu_flag flags[] = {
    { 'A', 0, "AH" }, { 'E', 0, "ESP" }, { 'P', 1, "pfs" }, { 0 }
};

static const char *const sa_types[] = { "ah", "esp", "all", NULL };

static const struct prop flush_args[] = {
    { "sa-type", PT_SET, 0, AT(cfg_flush, sa_type), .def = "all", .names = sa_types,
      .help = "which SAs to remove" },
    { 0 },
};

static const struct menu_command commands[] = {
    { "flush", flush_args, sizeof(struct cfg_flush), "remove SAs" }, { 0 }
};

const struct menu menu_installed_sa = {
    .path = "ip ipsec installed-sa",
    .flags = M_LIVE,
    .props = props,
    .print_flags = flags,
    .commands = commands,
    .help = "security associations in use",
    .noun = "SA",
};
