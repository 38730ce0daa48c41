/* TUN and TAP devices with virtio_net_hdr: Linux Documentation/networking/tuntap, virtio 1.2
 * section 5.1.6. */
#include "tun.h"

#include "cursor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Linux 6.2; not in Debian 12's headers. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
enum { GSO_UDP_L4 = 5 }; /* VIRTIO_NET_HDR_GSO_UDP_L4, same age */

enum {
    QUEUE_PACKETS = 4000,
    DEFAULT_MTU_BYTES = 65520,
    NETLINK_BYTES = 8192,
    MAC_HDR_LEN = 14,
    VNET_HDR_LEN = sizeof(struct virtio_net_hdr)
};

static const char CAPTURE_PATTERN[] = "sp-cap%d", INJECT_PATTERN[] = "sp-inj%d";

static bool fail(char *err, size_t err_size, const char *what)
{
    snprintf(err, err_size, "%s: %s", what, strerror(errno));
    return false;
}

/* TSO_ECN is left out: such superpackets are rare and the kernel segments them for us. */
static bool offload_set(int fd, bool want_uso, bool *ret_uso)
{
    unsigned base = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    if (want_uso && ioctl(fd, TUNSETOFFLOAD, base | TUN_F_USO4 | TUN_F_USO6) == 0) {
        *ret_uso = true;
        return true;
    }
    *ret_uso = false;
    return ioctl(fd, TUNSETOFFLOAD, base) == 0;
}

static bool queue_open(const struct tun_options *o, struct tun *t, char *err, size_t err_size)
{
    struct ifreq req = { .ifr_flags = (short)((o->tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI |
                                              IFF_VNET_HDR | IFF_MULTI_QUEUE) };
    const char *pattern = o->tap ? INJECT_PATTERN : CAPTURE_PATTERN;
    const char *name = t->name[0] ? t->name : o->name ? o->name : pattern;
    int len = VNET_HDR_LEN;

    snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return fail(err, err_size,
                    "cannot open /dev/net/tun (is the tun module there, the device node in the "
                    "container?)");
    t->fds[t->n_queues++] = fd;
    if (ioctl(fd, TUNSETIFF, &req))
        return fail(err, err_size, "cannot make the TUN device (needs CAP_NET_ADMIN)");
    memcpy(t->name, req.ifr_name, sizeof(t->name));
    if (ioctl(fd, TUNSETVNETHDRSZ, &len))
        return fail(err, err_size, "TUNSETVNETHDRSZ");
    if (!offload_set(fd, !o->no_uso, &t->uso))
        return fail(err, err_size, "TUNSETOFFLOAD");
    return true;
}

/* One acknowledged rtnetlink request. */
static bool netlink_ask(struct nlmsghdr *nlh)
{
    char buf[NETLINK_BYTES];
    struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!nl)
        return false;
    bool ok = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
              mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0;
    ssize_t n = ok ? mnl_socket_recvfrom(nl, buf, sizeof(buf)) : -1;
    ok = n > 0 && mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(nl), NULL, NULL) >= 0;
    int e = errno;
    mnl_socket_close(nl);
    errno = e;
    return ok;
}

/* No router solicitations and no MLD of the kernel's own may come out of the device. */
static bool device_configure(const struct tun *t, unsigned mtu_bytes)
{
    char buf[1024];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

    nlh->nlmsg_type = RTM_NEWLINK;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
    ifi->ifi_family = AF_UNSPEC;
    ifi->ifi_index = (int)t->ifindex;
    ifi->ifi_change = ifi->ifi_flags = IFF_UP;
    mnl_attr_put_u32(nlh, IFLA_MTU, mtu_bytes);
    mnl_attr_put_u32(nlh, IFLA_TXQLEN, QUEUE_PACKETS);
    mnl_attr_put_strz(nlh, IFLA_IFALIAS, TUN_ALIAS);
    struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
    struct nlattr *inet6 = mnl_attr_nest_start(nlh, AF_INET6);
    mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    mnl_attr_nest_end(nlh, inet6);
    mnl_attr_nest_end(nlh, spec);
    if (netlink_ask(nlh))
        return true;
    if (errno != EAFNOSUPPORT && errno != EOPNOTSUPP)
        return false;
    nlh->nlmsg_len = (uint32_t)((char *)spec - buf); /* a kernel without IPv6: no such section */
    return netlink_ask(nlh);
}

/* Best effort, where /proc/sys is writable: nothing is received on these devices by themselves. */
static void sysctl_set(const char *family, const char *name, const char *key, const char *value)
{
    char path[128];
    snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name, key);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = write(fd, value, strlen(value));
    (void)n;
    close(fd);
}

bool tun_steer_queues(const struct tun *t, int prog_fd)
{
    return ioctl(t->fds[0], TUNSETSTEERINGEBPF, &prog_fd) == 0;
}

bool tun_open(const struct tun_options *o, struct tun *ret, char *err, size_t err_size)
{
    struct tun t = { 0 };
    unsigned want = o->n_queues ? o->n_queues : 1;

    if (want > sizeof(t.fds) / sizeof(t.fds[0])) {
        snprintf(err, err_size, "%u queues: at most %zu", want, sizeof(t.fds) / sizeof(t.fds[0]));
        return false;
    }
    for (unsigned i = 0; i < want; i++)
        if (!queue_open(o, &t, err, err_size))
            goto failed;
    t.ifindex = if_nametoindex(t.name);
    sysctl_set("ipv6", t.name, "disable_ipv6", "1");
    sysctl_set("ipv4", t.name, "rp_filter", "0");
    if (!device_configure(&t, o->mtu_bytes ? o->mtu_bytes : DEFAULT_MTU_BYTES)) {
        fail(err, err_size, "cannot configure the TUN device");
        goto failed;
    }
    *ret = t;
    return true;
failed:
    tun_close(&t);
    return false;
}

void tun_close(struct tun *t)
{
    for (unsigned i = 0; i < t->n_queues; i++)
        close(t->fds[i]);
    t->n_queues = 0;
}

/* Large packets are read into a small buffer and, behind it, a large one, so that ordinary packets
 * are not copied; a large one then gets its beginning copied in. */
struct reading {
    struct pkt *small, *large;
};

static ssize_t packet_read(int fd, struct reading *r, struct virtio_net_hdr *h)
{
    uint8_t beyond; /* without a large buffer: one byte more tells that the packet did not fit */
    struct iovec iov[3] = {
        { h, sizeof(*h) },
        { r->small->data, PKT_SMALL_BYTES },
        { &beyond, sizeof(beyond) },
    };
    if (r->large)
        iov[2] =
            (struct iovec){ r->large->data + PKT_SMALL_BYTES, PKT_LARGE_BYTES - PKT_SMALL_BYTES };
    return readv(fd, iov, 3);
}

static uint8_t gso_from_wire(uint8_t type)
{
    switch (type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
        return PKT_GSO_TCP4;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        return PKT_GSO_TCP6;
    case GSO_UDP_L4:
        return PKT_GSO_UDP;
    default:
        return PKT_GSO_NONE;
    }
}

static void packet_describe(struct pkt *p, size_t len, const struct virtio_net_hdr *h)
{
    p->len = (uint32_t)len;
    p->ifindex = 0;
    p->gso = gso_from_wire(h->gso_type);
    p->gso_size = p->gso == PKT_GSO_NONE ? 0 : h->gso_size;
    p->needs_csum = (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
    p->csum_start = p->needs_csum ? h->csum_start : 0;
    p->csum_offset = p->needs_csum ? h->csum_offset : 0;
    p->csum_ok = false;
    p->next = NULL;
}

/* Moves what was read into one packet; NULL when it did not fit. */
static struct pkt *packet_take(struct reading *r, size_t len, const struct virtio_net_hdr *h)
{
    struct pkt *p = r->small;
    if (len > PKT_SMALL_BYTES) {
        if (!r->large || len > PKT_LARGE_BYTES)
            return NULL;
        memcpy(r->large->data, r->small->data, PKT_SMALL_BYTES);
        p = r->large;
        r->large = NULL;
    } else {
        r->small = NULL;
    }
    packet_describe(p, len, h);
    return p;
}

/* Consumes one packet without keeping it. */
static bool packet_skip(int fd)
{
    uint8_t scratch[VNET_HDR_LEN + 64];
    return read(fd, scratch, sizeof(scratch)) > 0;
}

unsigned tun_read(int fd, struct pkt_pool *pool, struct pkt **ret, unsigned max, unsigned *ret_lost)
{
    struct reading r = { NULL, NULL };
    struct virtio_net_hdr h;
    unsigned n = 0;

    *ret_lost = 0;
    for (unsigned i = 0; i < max; i++) {
        if (!r.small)
            r.small = pkt_get(pool, PKT_SMALL_BYTES);
        if (!r.large)
            r.large = pkt_get(pool, PKT_LARGE_BYTES);
        if (!r.small) {
            if (!packet_skip(fd))
                break;
            ++*ret_lost;
            continue;
        }
        ssize_t got = packet_read(fd, &r, &h);
        if (got <= VNET_HDR_LEN)
            break;
        struct pkt *p = packet_take(&r, (size_t)got - VNET_HDR_LEN, &h);
        if (p)
            ret[n++] = p;
        else
            ++*ret_lost;
    }
    pkt_put(pool, r.small);
    pkt_put(pool, r.large);
    return n;
}

static uint8_t gso_to_wire(uint8_t gso)
{
    switch ((enum pkt_gso)gso) {
    case PKT_GSO_TCP4:
        return VIRTIO_NET_HDR_GSO_TCPV4;
    case PKT_GSO_TCP6:
        return VIRTIO_NET_HDR_GSO_TCPV6;
    case PKT_GSO_UDP:
        return GSO_UDP_L4;
    case PKT_GSO_NONE:
        break;
    }
    return VIRTIO_NET_HDR_GSO_NONE;
}

/* Where the payload of a superpacket starts: the kernel takes that much into its first buffer. */
static uint16_t headers_len(const struct pkt *p)
{
    enum { TCP_DATA_OFFSET = 12, UDP_HEADER = 8 };
    unsigned l4 = p->csum_start;
    if (p->gso == PKT_GSO_UDP)
        return (uint16_t)(l4 + UDP_HEADER);
    if (l4 + TCP_DATA_OFFSET >= p->len)
        return 0;
    return (uint16_t)(l4 + (p->data[l4 + TCP_DATA_OFFSET] >> 4) * 4u);
}

static struct virtio_net_hdr packet_vnet(const struct pkt *p)
{
    struct virtio_net_hdr h = { .gso_type = gso_to_wire(p->gso) };
    if (p->needs_csum) {
        h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        h.csum_start = (uint16_t)(p->csum_start + MAC_HDR_LEN);
        h.csum_offset = p->csum_offset;
    } else if (p->csum_ok) {
        h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
    }
    if (p->gso != PKT_GSO_NONE) {
        h.gso_size = p->gso_size;
        if (p->needs_csum)
            h.hdr_len = (uint16_t)(headers_len(p) + MAC_HDR_LEN);
    }
    return h;
}

/* virtio_net_hdr, destination (rewritten by the program), 02:00 and the interface, type. */
static void frame_prepend(struct pkt *p)
{
    struct virtio_net_hdr h = packet_vnet(p);
    uint8_t *at = p->data - MAC_HDR_LEN - VNET_HDR_LEN;

    memcpy(at, &h, sizeof(h));
    uint8_t *mac = at + VNET_HDR_LEN;
    memset(mac, 0, 8);
    mac[0] = mac[6] = 0x02;
    be32_put(mac + 8, p->ifindex);
    be16_put(mac + 12, p->data[0] >> 4 == 6 ? 0x86dd : 0x0800);
    p->data = at;
    p->len += MAC_HDR_LEN + VNET_HDR_LEN;
}

static bool frame_send(int fd, struct pkt *p)
{
    if (p->len == 0 || pkt_headroom(p) < MAC_HDR_LEN + VNET_HDR_LEN)
        return false;
    frame_prepend(p);
    bool ok = write(fd, p->data, p->len) == (ssize_t)p->len;
    p->data += MAC_HDR_LEN + VNET_HDR_LEN;
    p->len -= MAC_HDR_LEN + VNET_HDR_LEN;
    return ok;
}

unsigned tun_inject(int fd, struct pkt **pkts, unsigned n)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < n; i++)
        taken += frame_send(fd, pkts[i]);
    return taken;
}
