/* `/system identity`: the name in the prompt; the host name until set. */
#include "menu_models.h"

static const struct prop props[] = {
    { "name", PT_NAME, 0, AT(cfg_identity, name), .help = "name of this gateway" },
    { 0 },
};

const struct menu menu_identity = {
    .path = "system identity",
    .flags = M_SINGLE,
    .props = props,
    .item_size = sizeof(struct cfg_identity),
    .help = "name of this gateway",
};
