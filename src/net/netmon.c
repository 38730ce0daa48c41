/* rtnetlink: rtnetlink(7). One socket is subscribed and reports, the other asks. */
#include "netmon.h"

#include "text.h"
#include "tun.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RECEIVE_BUFFER_BYTES = 4 << 20, MESSAGE_BYTES = 32768 };

struct netmon {
    struct netmon_events events;
    struct mnl_socket *news, *ask;
    uint32_t seq;
    bool listed; /* existing links were reported */
    struct link_info *links;
    size_t n_links, cap_links;
};

/* What one link message says beyond link_info. */
struct link_attrs {
    bool has_master, is_vrf_slave, ours;
};

static int slave_kind(const struct nlattr *attr, void *data)
{
    struct link_attrs *a = data;
    if (mnl_attr_get_type(attr) == IFLA_INFO_SLAVE_KIND)
        a->is_vrf_slave = strcmp(mnl_attr_get_str(attr), "vrf") == 0;
    return MNL_CB_OK;
}

struct link_parse {
    struct link_info info;
    struct link_attrs attrs;
};

static int link_attr(const struct nlattr *attr, void *data)
{
    struct link_parse *l = data;
    switch (mnl_attr_get_type(attr)) {
    case IFLA_IFNAME:
        snprintf(l->info.name, sizeof(l->info.name), "%s", mnl_attr_get_str(attr));
        break;
    case IFLA_MTU:
        l->info.mtu_bytes = mnl_attr_get_u32(attr);
        break;
    case IFLA_ADDRESS:
        if (l->info.ethernet && mnl_attr_get_payload_len(attr) == sizeof(l->info.mac))
            memcpy(l->info.mac, mnl_attr_get_payload(attr), sizeof(l->info.mac));
        break;
    case IFLA_MASTER:
        l->attrs.has_master = true;
        break;
    case IFLA_LINKINFO:
        mnl_attr_parse_nested(attr, slave_kind, &l->attrs);
        break;
    case IFLA_IFALIAS:
        l->attrs.ours = strcmp(mnl_attr_get_str(attr), TUN_ALIAS) == 0;
        break;
    }
    return MNL_CB_OK;
}

static enum link_kind kind_of(const struct ifinfomsg *ifi, const struct link_attrs *a)
{
    if (a->ours)
        return LINK_OURS;
    if (ifi->ifi_flags & IFF_LOOPBACK)
        return LINK_LOOPBACK;
    return a->has_master && !a->is_vrf_slave ? LINK_PORT : LINK_LAYER3;
}

static struct link_info *link_find(struct netmon *m, unsigned ifindex)
{
    for (size_t i = 0; i < m->n_links; i++)
        if (m->links[i].ifindex == ifindex)
            return &m->links[i];
    return NULL;
}

static bool link_same(const struct link_info *a, const struct link_info *b)
{
    return strcmp(a->name, b->name) == 0 && a->kind == b->kind && a->up == b->up &&
           a->ethernet == b->ethernet && a->mtu_bytes == b->mtu_bytes &&
           memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

static void link_set(struct netmon *m, const struct link_info *info)
{
    struct link_info *l = link_find(m, info->ifindex);
    if (l && link_same(l, info))
        return; /* statistics, operational state and the like */
    if (!l) {
        if (m->n_links == m->cap_links) {
            m->cap_links = m->cap_links ? 2 * m->cap_links : 16;
            m->links = xrealloc(m->links, m->cap_links * sizeof(*m->links));
        }
        l = &m->links[m->n_links++];
    }
    *l = *info;
    if (m->events.link_new)
        m->events.link_new(m->events.ctx, info);
}

static void link_remove(struct netmon *m, unsigned ifindex)
{
    struct link_info *l = link_find(m, ifindex);
    if (!l)
        return;
    *l = m->links[--m->n_links];
    if (m->events.link_gone)
        m->events.link_gone(m->events.ctx, ifindex);
}

static void on_link(struct netmon *m, const struct nlmsghdr *nlh)
{
    const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
    struct link_parse l = { .info = { .ifindex = (unsigned)ifi->ifi_index } };

    if (ifi->ifi_family != AF_UNSPEC)
        return; /* a bridge reporting about one of its ports: the link itself is not gone */
    if (nlh->nlmsg_type == RTM_DELLINK) {
        link_remove(m, l.info.ifindex);
        return;
    }
    l.info.ethernet = ifi->ifi_type == ARPHRD_ETHER || ifi->ifi_type == ARPHRD_LOOPBACK;
    l.info.up = (ifi->ifi_flags & IFF_UP) != 0;
    mnl_attr_parse(nlh, sizeof(*ifi), link_attr, &l);
    l.info.kind = kind_of(ifi, &l.attrs);
    link_set(m, &l.info);
}

struct neighbour_address {
    uint8_t family;
    struct ip_addr addr;
};

static int neighbour_attr(const struct nlattr *attr, void *data)
{
    struct neighbour_address *n = data;
    if (mnl_attr_get_type(attr) == NDA_DST &&
        mnl_attr_get_payload_len(attr) == ip_addr_len(n->family))
        n->addr = ip_addr_from_bytes((enum ip_family)n->family, mnl_attr_get_payload(attr));
    return MNL_CB_OK;
}

static void on_neighbour(struct netmon *m, const struct nlmsghdr *nlh)
{
    const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
    struct neighbour_address n = { .family = nd->ndm_family == AF_INET6  ? IP_V6
                                             : nd->ndm_family == AF_INET ? IP_V4
                                                                         : IP_ANY_FAMILY };

    if (!m->events.neighbour_failed || nd->ndm_state != NUD_FAILED || n.family == IP_ANY_FAMILY)
        return;
    mnl_attr_parse(nlh, sizeof(*nd), neighbour_attr, &n);
    if (n.addr.family != IP_ANY_FAMILY)
        m->events.neighbour_failed(m->events.ctx, (unsigned)nd->ndm_ifindex, &n.addr);
}

struct changes {
    struct netmon *m;
    bool addr, route;
};

static int on_message(const struct nlmsghdr *nlh, void *data)
{
    struct changes *c = data;
    switch (nlh->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        on_link(c->m, nlh);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        c->addr = true;
        break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        c->route = true;
        break;
    case RTM_NEWNEIGH:
        on_neighbour(c->m, nlh);
        break;
    }
    return MNL_CB_OK;
}

/* Sends a request and runs ON_REPLY over the answer. False with errno. */
static bool question(struct netmon *m, struct nlmsghdr *nlh, mnl_cb_t on_reply, void *data)
{
    char buf[MESSAGE_BYTES];
    unsigned port = mnl_socket_get_portid(m->ask);
    int r = MNL_CB_OK;

    nlh->nlmsg_seq = ++m->seq;
    if (mnl_socket_sendto(m->ask, nlh, nlh->nlmsg_len) < 0)
        return false;
    while (r > MNL_CB_STOP) {
        ssize_t n = mnl_socket_recvfrom(m->ask, buf, sizeof(buf));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        const struct nlmsghdr *first = (const void *)buf;
        if ((size_t)n >= sizeof(*first) && first->nlmsg_seq != m->seq)
            continue; /* left over from a question that failed half-way */
        r = mnl_cb_run(buf, (size_t)n, m->seq, port, on_reply, data);
        if (!(nlh->nlmsg_flags & NLM_F_DUMP) && r >= 0)
            break;
    }
    return r >= 0;
}

static void links_list(struct netmon *m)
{
    char buf[256];
    struct changes c = { .m = m };
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

    nlh->nlmsg_type = RTM_GETLINK;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
    question(m, nlh, on_message, &c);
}

/* After lost notifications: what is still there is reported if it changed, the rest is gone. */
static void links_resync(struct netmon *m)
{
    char name[IF_NAMESIZE];
    size_t n = m->n_links;
    unsigned *old = xcalloc(n ? n : 1, sizeof(*old));

    for (size_t i = 0; i < n; i++)
        old[i] = m->links[i].ifindex;
    for (size_t i = 0; i < n; i++)
        if (!if_indextoname(old[i], name))
            link_remove(m, old[i]);
    free(old);
    links_list(m);
}

struct netmon *netmon_new(const struct netmon_events *events, char *err, size_t err_size)
{
    const unsigned neighbours = events->neighbour_failed ? RTMGRP_NEIGH : 0;
    const unsigned groups = neighbours | RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                            RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
    int size = RECEIVE_BUFFER_BYTES;
    struct netmon *m = xcalloc(1, sizeof(*m));

    m->events = *events;
    m->news = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    m->ask = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!m->news || !m->ask || mnl_socket_bind(m->news, groups, MNL_SOCKET_AUTOPID) ||
        mnl_socket_bind(m->ask, 0, MNL_SOCKET_AUTOPID)) {
        snprintf(err, err_size, "cannot open rtnetlink: %s", strerror(errno));
        netmon_free(m);
        return NULL;
    }
    int fd = mnl_socket_get_fd(m->news);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    return m;
}

void netmon_free(struct netmon *m)
{
    if (!m)
        return;
    if (m->news)
        mnl_socket_close(m->news);
    if (m->ask)
        mnl_socket_close(m->ask);
    free(m->links);
    free(m);
}

int netmon_fd(const struct netmon *m)
{
    return mnl_socket_get_fd(m->news);
}

void netmon_dispatch(struct netmon *m)
{
    char buf[MESSAGE_BYTES];
    struct changes c = { .m = m };

    if (!m->listed) {
        m->listed = true;
        links_list(m);
    }
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(m->news, buf, sizeof(buf));
        if (n > 0) {
            mnl_cb_run(buf, (size_t)n, 0, 0, on_message, &c);
        } else if (n < 0 && errno == ENOBUFS) {
            links_resync(m);
            c.addr = c.route = true;
        } else if (n == 0 || errno != EINTR) {
            break;
        }
    }
    if (c.addr && m->events.addr_change)
        m->events.addr_change(m->events.ctx);
    if (c.route && m->events.route_change)
        m->events.route_change(m->events.ctx);
}

const struct link_info *netmon_link(struct netmon *m, unsigned ifindex)
{
    return link_find(m, ifindex);
}

struct route_answer {
    struct route_info info;
    unsigned char type;
    uint8_t family;
    bool got;
};

static int metric_attr(const struct nlattr *attr, void *data)
{
    if (mnl_attr_get_type(attr) == RTAX_MTU)
        *(unsigned *)data = mnl_attr_get_u32(attr);
    return MNL_CB_OK;
}

static int route_attr(const struct nlattr *attr, void *data)
{
    struct route_answer *a = data;
    switch (mnl_attr_get_type(attr)) {
    case RTA_OIF:
        a->info.ifindex = mnl_attr_get_u32(attr);
        break;
    case RTA_PREFSRC:
        if (mnl_attr_get_payload_len(attr) == ip_addr_len(a->family))
            a->info.source =
                ip_addr_from_bytes((enum ip_family)a->family, mnl_attr_get_payload(attr));
        break;
    case RTA_METRICS:
        mnl_attr_parse_nested(attr, metric_attr, &a->info.mtu_bytes);
        break;
    }
    return MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *nlh, void *data)
{
    struct route_answer *a = data;
    if (nlh->nlmsg_type != RTM_NEWROUTE)
        return MNL_CB_OK;
    const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
    a->type = rt->rtm_type;
    a->got = true;
    mnl_attr_parse(nlh, sizeof(*rt), route_attr, a);
    return MNL_CB_OK;
}

static bool route_ask(struct netmon *m, const struct ip_addr *dst, struct route_answer *ret)
{
    char buf[256];
    size_t len = ip_addr_len(dst->family);

    *ret = (struct route_answer){ .family = dst->family };
    if (len == 0)
        return false;
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = RTM_GETROUTE;
    nlh->nlmsg_flags = NLM_F_REQUEST;
    struct rtmsg *rt = mnl_nlmsg_put_extra_header(nlh, sizeof(*rt));
    rt->rtm_family = dst->family == IP_V6 ? AF_INET6 : AF_INET;
    rt->rtm_dst_len = (unsigned char)(8 * len);
    mnl_attr_put(nlh, RTA_DST, len, dst->b);
    return question(m, nlh, on_route, ret) && ret->got;
}

bool netmon_is_local(struct netmon *m, const struct ip_addr *a)
{
    struct route_answer r;
    return route_ask(m, a, &r) && r.type == RTN_LOCAL;
}

bool netmon_route(struct netmon *m, const struct ip_addr *dst, struct route_info *ret)
{
    struct route_answer r;

    if (!route_ask(m, dst, &r) || (r.type != RTN_UNICAST && r.type != RTN_LOCAL))
        return false;
    const struct link_info *l = link_find(m, r.info.ifindex);
    if (r.info.mtu_bytes == 0)
        r.info.mtu_bytes = l ? l->mtu_bytes : 1500;
    *ret = r.info;
    return true;
}
