/* Raw sockets: raw(7), ipv6(7), RFC 3542. */
#include "raw.h"

#include "cursor.h"
#include "sock.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RAW_BATCH = 64, IP6_HEADER_LEN = 40, PROTO_IS_AH = 51, ICMP_BYTES_MAX = 1280 };

static int raw_socket(enum ip_family family, int proto)
{
    return socket(family == IP_V6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                  proto);
}

static bool filter_attach(int fd, const struct sock_filter *code, unsigned n)
{
    struct sock_fprog prog = { .len = (unsigned short)n, .filter = (struct sock_filter *)code };
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) == 0;
}

/* Keeps what hash(SPI) gives to this worker. IPv4 raw sockets see the IP header, IPv6 ones start
 * behind it. The upper bits of a product are the mixed ones: peers may number SPIs in steps. */
static bool filter_worker(int fd, enum ip_family family, int proto, unsigned worker,
                          unsigned n_workers)
{
    unsigned spi = proto == PROTO_IS_AH ? 4 : 0;
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LDX | BPF_IMM, 0),
        family == IP_V6 ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, 0)
                        : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_IND, spi),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1u),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n_workers),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, worker, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffffu),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    return filter_attach(fd, code, sizeof(code) / sizeof(code[0]));
}

static bool ancillary_ask(int fd, enum ip_family family)
{
    if (family != IP_V6)
        return sock_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
    return sock_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
           sock_set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) &&
           sock_set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
}

int raw_open_receiver(enum ip_family family, int proto, unsigned worker, unsigned n_workers)
{
    int fd = raw_socket(family, proto);
    bool ok = fd >= 0 && ancillary_ask(fd, family) &&
              filter_worker(fd, family, proto, worker, n_workers ? n_workers : 1);
    if (ok)
        sock_buffers_set(fd);
    return sock_or_error(fd, ok);
}

static bool filter_nothing(int fd)
{
    const struct sock_filter none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
    return filter_attach(fd, none, 1);
}

int raw_open_sender(enum ip_family family, uint32_t mark)
{
    int fd = raw_socket(family, IPPROTO_RAW); /* header included, receives nothing */
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0 &&
              (family == IP_V6 || sock_set(fd, IPPROTO_IP, IP_HDRINCL, 1));
    if (ok)
        sock_buffers_set(fd);
    return sock_or_error(fd, ok);
}

int raw_open_icmp(enum ip_family family)
{
    int fd = raw_socket(family, family == IP_V6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    return sock_or_error(fd, fd >= 0 && filter_nothing(fd));
}

/* Receiving. Every message has a small packet and behind it room for the rest of a large datagram
 * (jumbo frames, reassembled fragments): address space of the thread, touched by those alone. */
static _Thread_local uint8_t *overflow;
enum { OVERFLOW_BYTES = PKT_LARGE_BYTES - PKT_SMALL_BYTES };

struct message {
    struct pkt *small;
    struct iovec iov[2];
    struct sockaddr_storage from;
    union {
        struct cmsghdr align;
        uint8_t bytes[128];
    } control;
};

static unsigned messages_prepare(struct message *msgs, struct mmsghdr *hdrs, unsigned max,
                                 unsigned lead, struct pkt_pool *pool)
{
    if (!overflow)
        overflow = xmalloc((size_t)RAW_BATCH * OVERFLOW_BYTES);
    for (unsigned i = 0; i < max; i++) {
        struct message *m = &msgs[i];
        m->small = pkt_get(pool, PKT_SMALL_BYTES);
        if (!m->small)
            return i;
        m->iov[0] = (struct iovec){ m->small->data + lead, PKT_SMALL_BYTES - lead };
        m->iov[1] = (struct iovec){ overflow + (size_t)i * OVERFLOW_BYTES, OVERFLOW_BYTES };
        hdrs[i].msg_hdr = (struct msghdr){ .msg_name = &m->from,
                                           .msg_namelen = sizeof(m->from),
                                           .msg_iov = m->iov,
                                           .msg_iovlen = 2,
                                           .msg_control = m->control.bytes,
                                           .msg_controllen = sizeof(m->control.bytes) };
    }
    return max;
}

struct received {
    uint32_t ifindex;
    uint8_t dst[16];
    uint8_t hops, tclass;
};

static struct received control_read(struct msghdr *h)
{
    struct received r = { .hops = 64 };
    int value;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            r.ifindex = (uint32_t)info.ipi_ifindex;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            r.ifindex = info.ipi6_ifindex;
            memcpy(r.dst, &info.ipi6_addr, 16);
        } else if (c->cmsg_level == IPPROTO_IPV6 &&
                   (c->cmsg_type == IPV6_HOPLIMIT || c->cmsg_type == IPV6_TCLASS)) {
            memcpy(&value, CMSG_DATA(c), sizeof(value));
            *(c->cmsg_type == IPV6_HOPLIMIT ? &r.hops : &r.tclass) = (uint8_t)value;
        }
    }
    return r;
}

/* The IPv6 header as it arrived, without extension headers (the kernel has taken them off) and with
 * flow label zero, which AH does not cover (RFC 4302 section 3.3.3.1.2). */
static void ip6_header_write(uint8_t *p, const struct message *m, const struct received *r,
                             int proto, size_t payload_len)
{
    const struct sockaddr_in6 *from = (const void *)&m->from;

    be32_put(p, 6u << 28 | (uint32_t)r->tclass << 20);
    be16_put(p + 4, (uint16_t)payload_len);
    p[6] = (uint8_t)proto;
    p[7] = r->hops;
    memcpy(p + 8, &from->sin6_addr, 16);
    memcpy(p + 24, r->dst, 16);
}

/* The packet of one message, whole in one buffer; NULL when it does not fit. */
static struct pkt *message_take(struct message *m, const struct mmsghdr *h, unsigned lead,
                                struct pkt_pool *pool)
{
    size_t len = lead + h->msg_len;
    struct pkt *p = m->small;

    if (h->msg_hdr.msg_flags & MSG_TRUNC)
        return NULL;
    if (len > PKT_SMALL_BYTES) {
        p = pkt_get(pool, len);
        if (!p)
            return NULL;
        memcpy(p->data + lead, m->small->data + lead, PKT_SMALL_BYTES - lead);
        memcpy(p->data + PKT_SMALL_BYTES, m->iov[1].iov_base, len - PKT_SMALL_BYTES);
    } else {
        m->small = NULL;
    }
    p->len = (uint32_t)len;
    p->gso = PKT_GSO_NONE;
    p->gso_size = p->csum_start = p->csum_offset = 0;
    p->needs_csum = p->csum_ok = false;
    p->next = NULL;
    return p;
}

static int socket_proto(int fd)
{
    int proto = 0;
    socklen_t len = sizeof(proto);
    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &proto, &len);
    return proto;
}

unsigned raw_receive(int fd, enum ip_family family, struct pkt_pool *pool, struct pkt **ret,
                     unsigned max)
{
    struct message msgs[RAW_BATCH];
    struct mmsghdr hdrs[RAW_BATCH];
    unsigned lead = family == IP_V6 ? IP6_HEADER_LEN : 0, n = 0;
    int proto = family == IP_V6 ? socket_proto(fd) : 0;

    unsigned ready = messages_prepare(msgs, hdrs, max < RAW_BATCH ? max : RAW_BATCH, lead, pool);
    int got = ready ? recvmmsg(fd, hdrs, ready, MSG_DONTWAIT, NULL) : 0;
    for (int i = 0; i < got; i++) {
        struct received r = control_read(&hdrs[i].msg_hdr);
        struct pkt *p = message_take(&msgs[i], &hdrs[i], lead, pool);
        if (!p)
            continue;
        p->ifindex = r.ifindex;
        if (lead)
            ip6_header_write(p->data, &msgs[i], &r, proto, hdrs[i].msg_len);
        ret[n++] = p;
    }
    for (unsigned i = 0; i < ready; i++)
        pkt_put(pool, msgs[i].small);
    return n;
}

static void destination_set(struct sockaddr_storage *to, socklen_t *ret_len, const struct pkt *p)
{
    memset(to, 0, sizeof(*to));
    if (p->data[0] >> 4 == 6) {
        struct sockaddr_in6 *in6 = (void *)to;
        in6->sin6_family = AF_INET6;
        memcpy(&in6->sin6_addr, p->data + 24, 16);
        if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
            in6->sin6_scope_id = p->ifindex;
        *ret_len = sizeof(*in6);
    } else {
        struct sockaddr_in *in = (void *)to;
        in->sin_family = AF_INET;
        memcpy(&in->sin_addr, p->data + 16, 4);
        *ret_len = sizeof(*in);
    }
}

/* A run of one family. One refused packet does not hold up those behind it. */
static unsigned run_send(int fd, struct pkt **pkts, unsigned n)
{
    struct sockaddr_storage to[RAW_BATCH];
    struct mmsghdr hdrs[RAW_BATCH];
    struct iovec iov[RAW_BATCH];
    unsigned taken = 0;

    for (unsigned i = 0; i < n; i++) {
        socklen_t len;
        destination_set(&to[i], &len, pkts[i]);
        iov[i] = (struct iovec){ pkts[i]->data, pkts[i]->len };
        hdrs[i].msg_hdr = (struct msghdr){
            .msg_name = &to[i], .msg_namelen = len, .msg_iov = &iov[i], .msg_iovlen = 1
        };
    }
    for (unsigned at = 0; at < n;) {
        int sent = sendmmsg(fd, hdrs + at, n - at, MSG_DONTWAIT);
        taken += sent > 0 ? (unsigned)sent : 0;
        at += sent > 0 ? (unsigned)sent : 1;
    }
    return taken;
}

unsigned raw_send(int fd4, int fd6, struct pkt **pkts, unsigned n)
{
    unsigned taken = 0;

    for (unsigned at = 0; at < n;) {
        bool v6 = pkts[at]->data[0] >> 4 == 6;
        unsigned run = 1;
        while (at + run < n && run < RAW_BATCH && (pkts[at + run]->data[0] >> 4 == 6) == v6)
            run++;
        taken += run_send(v6 ? fd6 : fd4, pkts + at, run);
        at += run;
    }
    return taken;
}

static uint16_t icmp_sum(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += be16_get(p + i);
    if (len & 1)
        sum += (uint32_t)p[len - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* The kernel sums ICMPv6; for ICMP we do. */
bool raw_send_icmp(int fd, const struct ip_addr *dst, const uint8_t *msg, size_t len)
{
    uint8_t copy[ICMP_BYTES_MAX];
    struct sockaddr_in to4 = { .sin_family = AF_INET };
    struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };

    if (len < 8 || len > sizeof(copy)) {
        errno = EMSGSIZE;
        return false;
    }
    if (dst->family == IP_V6) {
        memcpy(&to6.sin6_addr, dst->b, 16);
        return sendto(fd, msg, len, MSG_DONTWAIT, (struct sockaddr *)&to6, sizeof(to6)) ==
               (ssize_t)len;
    }
    memcpy(copy, msg, len);
    be16_put(copy + 2, 0);
    be16_put(copy + 2, icmp_sum(copy, len));
    memcpy(&to4.sin_addr, dst->b, 4);
    return sendto(fd, copy, len, MSG_DONTWAIT, (struct sockaddr *)&to4, sizeof(to4)) ==
           (ssize_t)len;
}
