/* `/ip ipsec remote-peers`: phase 1 sessions, finished or under way. Live; SAs with manual keys
 * have none. */
#include "menu_models.h"

#define SESSION_LIVE(n, h)                                                                         \
    {                                                                                              \
        .name = n, .type = PT_LIVE, .flags = P_READONLY, .help = h                                 \
    }

static const struct prop props[] = {
    SESSION_LIVE("local-address", "our address"),
    SESSION_LIVE("remote-address", "the peer's address"),
    SESSION_LIVE("state", "established, or how far the negotiation is"),
    SESSION_LIVE("side", "initiator: we began; responder: the peer did"),
    { 0 },
};

static const struct prop no_args[] = { { 0 } };

static const struct menu_command commands[] = {
    { "kill-connections", no_args, 0, "end every session and its SAs" }, { 0 }
};

const struct menu menu_remote_peers = {
    .path = "ip ipsec remote-peers",
    .flags = M_LIVE,
    .props = props,
    .commands = commands,
    .help = "peers in contact",
    .noun = "session",
};
