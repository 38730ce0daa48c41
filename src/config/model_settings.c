/* `/ip ipsec settings`: switches of the whole gateway. Extension. */
#include "menu_models.h"

static const struct prop props[] = {
    { "strict-incoming-check", PT_BOOL, P_EXTENSION, AT(cfg_settings, strict_incoming_check),
      .def = "no", .help = "drop clear packets of an encrypt policy also while it has no SA" },
    { 0 },
};

const struct menu menu_settings = {
    .path = "ip ipsec settings",
    .flags = M_SINGLE,
    .props = props,
    .item_size = sizeof(struct cfg_settings),
    .help = "switches of the whole gateway",
};
