/* Private to src/config: the menus that menus.c puts together, one model_*.c each. */
#pragma once

#include "menu.h"
#include "model.h"

extern const struct menu menu_manual_sa, menu_proposal, menu_peer, menu_policy, menu_settings,
    menu_remote_peers, menu_installed_sa, menu_statistics, menu_identity, menu_firewall_nat;
