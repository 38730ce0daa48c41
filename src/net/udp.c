#include "udp.h"

#include "sock.h"
#include "udp_esp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* First messages of a thousand peers that all saw us come back, and then some. */
enum { RECEIVE_BUFFER_BYTES = 4 << 20 };

static bool options_set(int fd, enum ip_family family, uint32_t mark)
{
    if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0)
        return false;
    if (!sock_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES))
        sock_set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
    if (family == IP_V6)
        return sock_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
               sock_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    /* Fragments of long messages may meet links that drop what has DF. */
    return sock_set(fd, IPPROTO_IP, IP_PKTINFO, 1) &&
           sock_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
}

int udp_open(enum ip_family family, uint16_t port, uint32_t mark, unsigned n_esp)
{
    const struct ip_addr any = { .family = (uint8_t)family };
    struct sockaddr_storage sa;
    int fd =
        socket(family == IP_V6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return sock_or_error(
        fd, fd >= 0 && options_set(fd, family, mark) &&
                (!n_esp || udp_esp_share(fd, family, n_esp)) &&
                bind(fd, (struct sockaddr *)&sa, sock_addr_fill(&sa, &any, port)) == 0);
}

/* False without the address it came to. */
static bool control_read(struct msghdr *msg, struct ip_addr *ret, size_t *ret_segment)
{
    bool found = false;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            *ret = ip_addr_from_bytes(IP_V4, (const uint8_t *)&info.ipi_addr);
            found = true;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            *ret = ip_addr_from_bytes(IP_V6, (const uint8_t *)&info.ipi6_addr);
            found = true;
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(c), sizeof(segment));
            *ret_segment = segment > 0 ? (size_t)segment : 0;
        }
    }
    return found;
}

ssize_t udp_receive(int fd, uint16_t port, void *buf, size_t size, struct udp_path *ret,
                    size_t *ret_segment)
{
    _Alignas(struct cmsghdr) char control[SOCK_SOURCE_SPACE + CMSG_SPACE(sizeof(int))];
    struct sockaddr_storage from;
    struct iovec iov = { buf, size };
    struct msghdr msg = { .msg_name = &from,
                          .msg_namelen = sizeof(from),
                          .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof(control) };
    size_t segment = 0;
    ssize_t n;

    do {
        n = recvmsg(fd, &msg, MSG_TRUNC);
    } while (n < 0 && errno == EINTR);
    if (n < 0 || !control_read(&msg, &ret->local, &segment))
        return -1;
    sock_addr_read(&from, &ret->remote, &ret->remote_port);
    ret->local_port = port;
    *ret_segment = segment ? segment : (size_t)n;
    return n;
}

bool udp_send(int fd, const struct udp_path *path, const void *bytes, size_t len)
{
    static const uint8_t marker[4];
    _Alignas(struct cmsghdr) char control[SOCK_SOURCE_SPACE] = { 0 };
    struct sockaddr_storage to;
    size_t marker_len = path->local_port == UDP_PORT_NATT ? sizeof(marker) : 0;
    struct iovec iov[] = { { (void *)marker, marker_len }, { (void *)bytes, len } };
    struct msghdr msg = { .msg_name = &to,
                          .msg_namelen = sock_addr_fill(&to, &path->remote, path->remote_port),
                          .msg_iov = iov,
                          .msg_iovlen = 2,
                          .msg_control = control };

    sock_source_put(&msg, &path->local);
    return sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)(marker_len + len);
}
