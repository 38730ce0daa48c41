/* Links, addresses and routes by rtnetlink: what is local, which source and MTU a peer has, which
 * interfaces come and go. One socket for notifications (poll fd), one for questions. */
#pragma once

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>

enum link_kind {
    LINK_LAYER3, /* carries routed traffic: steer it */
    LINK_PORT,   /* has a master (bridge, bond, VRF is not a port): leave it alone */
    LINK_LOOPBACK,
    LINK_OURS /* our capture and inject devices */
};

struct link_info {
    unsigned ifindex;
    char name[16];
    enum link_kind kind;
    bool up;
    bool ethernet; /* has a MAC; otherwise layer 3 without a link header */
    uint8_t mac[6];
    unsigned mtu_bytes;
};

struct route_info {
    struct ip_addr source;
    unsigned ifindex;
    unsigned mtu_bytes; /* of the route, else of the interface */
};

/* Any of them may be NULL. */
struct netmon_events {
    void *ctx;
    void (*link_new)(void *ctx, const struct link_info *l); /* also on every change */
    void (*link_gone)(void *ctx, unsigned ifindex);
    void (*addr_change)(void *ctx); /* local addresses differ */
    void (*route_change)(void *ctx);
    void (*neighbour_failed)(void *ctx, unsigned ifindex, const struct ip_addr *addr);
};

struct netmon;

struct netmon *netmon_new(const struct netmon_events *events, char *err, size_t err_size);
void netmon_free(struct netmon *m);
int netmon_fd(const struct netmon *m);
/* Reports all existing links first, then whatever has arrived; call when the fd is readable. */
void netmon_dispatch(struct netmon *m);
bool netmon_is_local(struct netmon *m, const struct ip_addr *a);
bool netmon_route(struct netmon *m, const struct ip_addr *dst, struct route_info *ret);
const struct link_info *netmon_link(struct netmon *m, unsigned ifindex);
