/* UDP sockets with segmentation in the kernel: udp(7), RFC 3948. */
#include "udp_esp.h"

#include "cursor.h"
#include "sock.h"
#include "text.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    IP4_HEAD = 20,
    IP6_HEAD = 40,
    UDP_HEAD = 8,
    MARKER_LEN = 4,
    HOPS = 64,
    DF = 0x4000,
    MESSAGES_MAX = 32,      /* of one recvmmsg */
    MESSAGES_COALESCED = 4, /* while superpackets come: what the cache holds */
    MESSAGE_BYTES = 65536,
    SEND_MAX = 64,     /* datagrams of one call to the kernel */
    SEGMENTS_MAX = 60, /* of a superpacket; the kernel's limit is 64 */
    SUPERPACKET_BYTES = 65000
};

/* Buffers lie at distances that are no power of two, or their first lines would share few sets of
 * the cache. */
enum { MESSAGE_STRIDE = MESSAGE_BYTES + 320 };

struct message {
    struct sockaddr_storage from;
    struct iovec iov;
    _Alignas(struct cmsghdr) char control[128];
};

struct udp_esp {
    int fd;
    enum ip_family family;
    uint16_t port;
    bool segments;    /* UDP_SEGMENT works here */
    int pmtu_mode;    /* IP_MTU_DISCOVER as set last */
    uint8_t *buffers; /* owns: MESSAGES_MAX of them */
    struct message messages[MESSAGES_MAX];
    struct mmsghdr hdrs[MESSAGES_MAX];
    /* received and not yet handed on: messages [at, n), and where in the first */
    unsigned n, at, ask;
    size_t offset;
    struct received {
        struct udp_path path;
        uint32_t ifindex;
        uint8_t tos;
        size_t segment; /* bytes of each datagram but the last */
    } now;              /* of the message at hand */
};

/* ---- opening ---- */

/* Which of the sockets that share the port gets a message, as a classic BPF program. It sees the
 * bytes behind UDP; headers it finds from where the network header is. Sharers are numbered in the
 * order they were bound, the IKE socket being 0.
 *
 * The workers share by source address and port, not by SPI: the kernel coalesces what has the same
 * of both, and a superpacket handled by one worker while the next with the same SA is handled by
 * another would reorder them beyond a replay window of 32. */
enum { PICK_LEN_MAX = 24, NET = SKF_NET_OFF };
#define MIX 0x9e3779b1u

static const struct sock_filter pick_kind[] = {
    /* too short for an SPI, keepalives above all: to a worker, which counts it */
    BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, MARKER_LEN, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, 1),
    /* the non-ESP marker: IKE */
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0),
};
static const struct sock_filter pick_source4[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET + 12),
    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, MIX),
    BPF_STMT(BPF_ST, 0),
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, NET),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, NET),
    BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 0),
    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, MIX),
};
static const struct sock_filter pick_source6[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET + 8 + 12),
    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, MIX),
    BPF_STMT(BPF_MISC | BPF_TAX, 0),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET + 8 + 4),
    BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, MIX),
};

static unsigned code_add(struct sock_filter *code, unsigned at, const struct sock_filter *more,
                         size_t size)
{
    assert(at + size / sizeof(*more) <= PICK_LEN_MAX);
    memcpy(code + at, more, size);
    return at + (unsigned)(size / sizeof(*more));
}

bool udp_esp_share(int fd, enum ip_family family, unsigned n)
{
    const struct sock_filter pick_worker[] = {
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_filter code[PICK_LEN_MAX];
    unsigned len = code_add(code, 0, pick_kind, sizeof(pick_kind));

    len = family == IP_V6 ? code_add(code, len, pick_source6, sizeof(pick_source6))
                          : code_add(code, len, pick_source4, sizeof(pick_source4));
    len = code_add(code, len, pick_worker, sizeof(pick_worker));
    struct sock_fprog prog = { .len = (unsigned short)len, .filter = code };
    /* Whether to coalesce the kernel asks any of the sharers, chosen by addresses and ports. */
    sock_set(fd, IPPROTO_UDP, UDP_GRO, 1);
    return sock_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
           setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)) == 0;
}

/* The path MTU is the engine's business: the kernel shall neither learn it nor cut. */
static bool options_set(int fd, enum ip_family family)
{
    if (family == IP_V6)
        return sock_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
               sock_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
               sock_set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) &&
               sock_set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOPS) &&
               sock_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    return sock_set(fd, IPPROTO_IP, IP_PKTINFO, 1) && sock_set(fd, IPPROTO_IP, IP_RECVTOS, 1) &&
           sock_set(fd, IPPROTO_IP, IP_TTL, HOPS) &&
           sock_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
}

static bool socket_bind(int fd, enum ip_family family, uint16_t port, uint32_t mark)
{
    const struct ip_addr any = { .family = (uint8_t)family };
    struct sockaddr_storage sa;

    return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0 &&
           sock_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) && options_set(fd, family) &&
           bind(fd, (struct sockaddr *)&sa, sock_addr_fill(&sa, &any, port)) == 0;
}

struct udp_esp *udp_esp_open(enum ip_family family, uint16_t port, uint32_t mark)
{
    int fd =
        socket(family == IP_V6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    fd = sock_or_error(fd, fd >= 0 && socket_bind(fd, family, port, mark));
    if (fd < 0)
        return NULL;
    sock_buffers_set(fd);
    struct udp_esp *u = xcalloc(1, sizeof(*u));
    *u = (struct udp_esp){ .fd = fd, .family = family, .port = port, .ask = MESSAGES_MAX };
    u->pmtu_mode = IP_PMTUDISC_PROBE;
    u->buffers = xmalloc((size_t)MESSAGES_MAX * MESSAGE_STRIDE);
    u->segments = sock_set(fd, IPPROTO_UDP, UDP_SEGMENT, 0);
    sock_set(fd, IPPROTO_UDP, UDP_GRO, 1); /* without it every datagram is a message */
    return u;
}

void udp_esp_close(struct udp_esp *u)
{
    if (!u)
        return;
    close(u->fd);
    free(u->buffers);
    free(u);
}

int udp_esp_fd(const struct udp_esp *u)
{
    return u->fd;
}

/* ---- receiving ---- */

static void messages_fetch(struct udp_esp *u)
{
    for (unsigned i = 0; i < u->ask; i++) {
        struct message *m = &u->messages[i];
        m->iov = (struct iovec){ u->buffers + (size_t)i * MESSAGE_STRIDE, MESSAGE_BYTES };
        u->hdrs[i].msg_hdr = (struct msghdr){ .msg_name = &m->from,
                                              .msg_namelen = sizeof(m->from),
                                              .msg_iov = &m->iov,
                                              .msg_iovlen = 1,
                                              .msg_control = m->control,
                                              .msg_controllen = sizeof(m->control) };
    }
    int got = recvmmsg(u->fd, u->hdrs, u->ask, MSG_DONTWAIT, NULL);
    u->n = got > 0 ? (unsigned)got : 0;
    u->at = 0;
    u->offset = 0;
}

static void control_read(struct received *r, const struct cmsghdr *c)
{
    int value = 0;

    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(c), sizeof(info));
        r->ifindex = (uint32_t)info.ipi_ifindex;
        r->path.local = ip_addr_from_bytes(IP_V4, (const uint8_t *)&info.ipi_addr);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(c), sizeof(info));
        r->ifindex = info.ipi6_ifindex;
        r->path.local = ip_addr_from_bytes(IP_V6, (const uint8_t *)&info.ipi6_addr);
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
        r->tos = *CMSG_DATA(c);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
        memcpy(&value, CMSG_DATA(c), sizeof(value));
        r->tos = (uint8_t)value;
    } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
        memcpy(&value, CMSG_DATA(c), sizeof(value));
        r->segment = value > 0 ? (size_t)value : 0;
    }
}

/* Everything but the bytes of the message at hand. */
static void message_begin(struct udp_esp *u)
{
    struct mmsghdr *h = &u->hdrs[u->at];

    u->now = (struct received){ .segment = h->msg_len };
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&h->msg_hdr); c; c = CMSG_NXTHDR(&h->msg_hdr, c))
        control_read(&u->now, c);
    sock_addr_read(&u->messages[u->at].from, &u->now.path.remote, &u->now.path.remote_port);
    u->now.path.local_port = u->port;
}

/* The header as it arrived, as far as anybody can tell and anybody asks. */
static size_t headers_write(uint8_t *p, const struct udp_esp *u, size_t len)
{
    const struct received *r = &u->now;
    size_t ip = u->family == IP_V6 ? IP6_HEAD : IP4_HEAD;
    uint32_t udp_len = (uint32_t)(UDP_HEAD + len);

    if (u->family == IP_V6) {
        be32_put(p, 6u << 28 | (uint32_t)r->tos << 20);
        be32_put(p + 4, udp_len << 16 | IPPROTO_UDP << 8 | HOPS);
        memcpy(p + 8, r->path.remote.b, 16);
        memcpy(p + 24, r->path.local.b, 16);
    } else {
        be32_put(p, 0x45000000u | (uint32_t)r->tos << 16 | (uint32_t)(ip + udp_len));
        be32_put(p + 4, 0);
        be32_put(p + 8, (uint32_t)HOPS << 24 | IPPROTO_UDP << 16);
        memcpy(p + 12, r->path.remote.b, 4);
        memcpy(p + 16, r->path.local.b, 4);
    }
    be16_put(p + ip, r->path.remote_port);
    be16_put(p + ip + 2, r->path.local_port);
    be32_put(p + ip + 4, udp_len << 16);
    return ip + UDP_HEAD;
}

static struct pkt *datagram_make(const struct udp_esp *u, const uint8_t *bytes, size_t len,
                                 struct pkt_pool *pool)
{
    struct pkt *p = pkt_get(pool, IP6_HEAD + UDP_HEAD + len);

    if (!p)
        return NULL;
    size_t head = headers_write(p->data, u, len);
    memcpy(p->data + head, bytes, len);
    p->len = (uint32_t)(head + len);
    p->ifindex = u->now.ifindex;
    return p;
}

/* The next datagram of the message at hand; the message is done with its last. */
static struct slice datagram_next(struct udp_esp *u)
{
    const uint8_t *bytes = u->buffers + (size_t)u->at * MESSAGE_STRIDE + u->offset;
    size_t left = u->hdrs[u->at].msg_len - u->offset;
    size_t len = left < u->now.segment ? left : u->now.segment;

    u->offset += len;
    if (len == left) {
        u->at++;
        u->offset = 0;
    }
    return (struct slice){ bytes, len };
}

static bool is_ike(struct slice d)
{
    return d.len >= MARKER_LEN && be32_get(d.p) == 0;
}

/* Superpackets fill the cache quickly; small datagrams make a call worth it only in numbers. */
static void ask_adapt(struct udp_esp *u)
{
    if (u->now.segment < u->hdrs[u->at].msg_len)
        u->ask = MESSAGES_COALESCED;
    else if (u->ask < MESSAGES_MAX)
        u->ask++;
}

bool udp_esp_pending(const struct udp_esp *u)
{
    return u->at < u->n;
}

unsigned udp_esp_receive(struct udp_esp *u, struct pkt_pool *pool, struct pkt **ret, unsigned max,
                         udp_esp_ike *ike, void *ctx, unsigned *ret_lost)
{
    unsigned n = 0;

    if (u->at == u->n)
        messages_fetch(u);
    while (n < max && u->at < u->n) {
        if (u->offset == 0) {
            message_begin(u);
            ask_adapt(u);
        }
        struct slice d = datagram_next(u);
        if (is_ike(d)) {
            ike(ctx, &u->now.path, d.p + MARKER_LEN, d.len - MARKER_LEN);
            continue;
        }
        struct pkt *p = datagram_make(u, d.p, d.len, pool);
        if (p)
            ret[n++] = p;
        else
            ++*ret_lost;
    }
    return n;
}

/* ---- sending ---- */

bool udp_esp_is_udp(const struct pkt *p)
{
    if (p->data[0] >> 4 == 6)
        return p->data[6] == IPPROTO_UDP;
    return p->data[9] == IPPROTO_UDP && (be16_get(p->data + 6) & ~DF) == 0;
}

static size_t ip_len(const struct pkt *p)
{
    return p->data[0] >> 4 == 6 ? IP6_HEAD : IP4_HEAD;
}

static bool same_path(const struct pkt *a, const struct pkt *b)
{
    const uint8_t *x = a->data, *y = b->data;

    if (x[0] != y[0])
        return false;
    if (x[0] >> 4 == 6)
        return memcmp(x, y, 4) == 0 && memcmp(x + 8, y + 8, 32 + 4) == 0;
    return x[1] == y[1] && be16_get(x + 6) == be16_get(y + 6) && memcmp(x + 12, y + 12, 8 + 4) == 0;
}

/* How many of PKTS make one superpacket: the same path and size, the last may be shorter. */
static unsigned segments_of(struct pkt **pkts, unsigned n)
{
    size_t each = pkts[0]->len - ip_len(pkts[0]) - UDP_HEAD, bytes = each;
    unsigned k = 1;

    while (k < n && k < SEGMENTS_MAX && pkts[k]->len <= pkts[0]->len &&
           (bytes += each) <= SUPERPACKET_BYTES && same_path(pkts[0], pkts[k]))
        if (pkts[k++]->len < pkts[0]->len)
            break;
    return k;
}

struct sending {
    struct mmsghdr hdrs[SEND_MAX];
    struct sockaddr_storage to[SEND_MAX];
    struct iovec iov[SEND_MAX];
    _Alignas(struct cmsghdr) char control[SEND_MAX][SOCK_SOURCE_SPACE + CMSG_SPACE(sizeof(int)) +
                                                    CMSG_SPACE(2)];
};

/* Message I from the packets that IOV[FROM] and following send. */
static void message_fill(struct sending *s, unsigned i, unsigned from, struct pkt **pkts,
                         unsigned n)
{
    const uint8_t *ip = pkts[0]->data, *udp = ip + ip_len(pkts[0]);
    bool v6 = ip[0] >> 4 == 6;
    struct ip_addr src = ip_addr_from_bytes(v6 ? IP_V6 : IP_V4, ip + (v6 ? 8 : 12));
    struct ip_addr dst = ip_addr_from_bytes(v6 ? IP_V6 : IP_V4, ip + (v6 ? 24 : 16));
    struct msghdr *m = &s->hdrs[i].msg_hdr;
    int tos = v6 ? (uint8_t)(be16_get(ip) >> 4) : ip[1];

    for (unsigned k = 0; k < n; k++) {
        size_t head = ip_len(pkts[k]) + UDP_HEAD;
        s->iov[from + k] = (struct iovec){ pkts[k]->data + head, pkts[k]->len - head };
    }
    *m = (struct msghdr){ .msg_name = &s->to[i],
                          .msg_namelen = sock_addr_fill(&s->to[i], &dst, be16_get(udp + 2)),
                          .msg_iov = &s->iov[from],
                          .msg_iovlen = n,
                          .msg_control = s->control[i] };
    sock_source_put(m, &src);
    sock_control_put(m, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, &tos,
                     sizeof(tos));
    if (n > 1) {
        uint16_t each = (uint16_t)s->iov[from].iov_len;
        sock_control_put(m, IPPROTO_UDP, UDP_SEGMENT, &each, sizeof(each));
    }
}

/* DF is a matter of the socket, not of the message. */
static void df_follow(struct udp_esp *u, const struct pkt *p)
{
    if (u->family == IP_V6)
        return;
    int mode = be16_get(p->data + 6) & DF ? IP_PMTUDISC_PROBE : IP_PMTUDISC_INTERFACE;
    if (mode != u->pmtu_mode && sock_set(u->fd, IPPROTO_IP, IP_MTU_DISCOVER, mode))
        u->pmtu_mode = mode;
}

static unsigned run_send(struct udp_esp *u, struct sending *s, struct pkt **pkts, unsigned n,
                         bool segments);

/* Message I at the head of what remains was refused. A device or route that cannot do segments
 * takes the datagrams one by one. Gives how many it took. */
static unsigned refused(struct udp_esp *u, struct pkt **pkts, unsigned n)
{
    struct sending again;

    if (n == 1 || (errno != EIO && errno != EINVAL && errno != EMSGSIZE))
        return 0;
    return run_send(u, &again, pkts, n, false);
}

/* At most SEND_MAX datagrams of one family, port and DF bit. One refused does not hold up those
 * behind it. */
static unsigned run_send(struct udp_esp *u, struct sending *s, struct pkt **pkts, unsigned n,
                         bool segments)
{
    unsigned first[SEND_MAX + 1], n_msgs = 0, taken = 0;

    for (unsigned at = 0, k; at < n; at += k) {
        k = segments ? segments_of(pkts + at, n - at) : 1;
        message_fill(s, n_msgs, at, pkts + at, k);
        first[n_msgs++] = at;
    }
    first[n_msgs] = n;
    for (unsigned at = 0; at < n_msgs;) {
        int sent = sendmmsg(u->fd, s->hdrs + at, n_msgs - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        unsigned next = at + (sent > 0 ? (unsigned)sent : 1);
        if (sent > 0)
            taken += first[next] - first[at];
        else
            taken += refused(u, pkts + first[at], first[next] - first[at]);
        at = next;
    }
    return taken;
}

static bool same_socket(const struct pkt *a, const struct pkt *b)
{
    bool v6 = a->data[0] >> 4 == 6;

    return v6 == (b->data[0] >> 4 == 6) && (v6 || ((a->data[6] ^ b->data[6]) & DF >> 8) == 0) &&
           memcmp(a->data + ip_len(a), b->data + ip_len(b), 2) == 0;
}

unsigned udp_esp_send(struct udp_esp *v4, struct udp_esp *v6, struct pkt **pkts, unsigned n)
{
    struct sending s;
    unsigned taken = 0;

    for (unsigned at = 0, run; at < n; at += run) {
        struct udp_esp *u = pkts[at]->data[0] >> 4 == 6 ? v6 : v4;

        run = 1;
        while (at + run < n && run < SEND_MAX && same_socket(pkts[at], pkts[at + run]))
            run++;
        if (!u || be16_get(pkts[at]->data + ip_len(pkts[at])) != u->port)
            continue;
        df_follow(u, pkts[at]);
        taken += run_send(u, &s, pkts + at, run, u->segments);
    }
    return taken;
}
