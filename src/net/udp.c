#include "udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static bool options_set(int fd, enum ip_family family, uint32_t mark)
{
    const int on = 1, off = 0;

    if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0)
        return false;
    if (family == IP_V6)
        return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0 &&
               setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) == 0;
    /* Fragments of long messages may meet links that drop what has DF. */
    return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == 0 &&
           setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &off, sizeof(off)) == 0;
}

static socklen_t sockaddr_fill(struct sockaddr_storage *sa, const struct ip_addr *a, uint16_t port)
{
    memset(sa, 0, sizeof(*sa));
    if (a->family == IP_V6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        memcpy(&in6->sin6_addr, a->b, 16);
        return sizeof(*in6);
    }
    struct sockaddr_in *in = (struct sockaddr_in *)sa;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    memcpy(&in->sin_addr, a->b, 4);
    return sizeof(*in);
}

int udp_open(enum ip_family family, uint16_t port, uint32_t mark)
{
    const struct ip_addr any = { .family = (uint8_t)family };
    struct sockaddr_storage sa;
    int fd =
        socket(family == IP_V6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (options_set(fd, family, mark) &&
        bind(fd, (struct sockaddr *)&sa, sockaddr_fill(&sa, &any, port)) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static void remote_of(const struct sockaddr_storage *sa, struct udp_path *ret)
{
    if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
        ret->remote = ip_addr_from_bytes(IP_V6, (const uint8_t *)&in6->sin6_addr);
        ret->remote_port = ntohs(in6->sin6_port);
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
        ret->remote = ip_addr_from_bytes(IP_V4, (const uint8_t *)&in->sin_addr);
        ret->remote_port = ntohs(in->sin_port);
    }
}

static bool local_of(struct msghdr *msg, struct ip_addr *ret)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            *ret = ip_addr_from_bytes(IP_V4, (const uint8_t *)&info.ipi_addr);
            return true;
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            *ret = ip_addr_from_bytes(IP_V6, (const uint8_t *)&info.ipi6_addr);
            return true;
        }
    }
    return false;
}

ssize_t udp_receive(int fd, uint16_t port, void *buf, size_t size, struct udp_path *ret)
{
    char control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct sockaddr_storage from;
    struct iovec iov = { buf, size };
    struct msghdr msg = { .msg_name = &from,
                          .msg_namelen = sizeof(from),
                          .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof(control) };
    ssize_t n;

    do {
        n = recvmsg(fd, &msg, MSG_TRUNC);
    } while (n < 0 && errno == EINTR);
    if (n < 0 || !local_of(&msg, &ret->local))
        return -1;
    remote_of(&from, ret);
    ret->local_port = port;
    return n;
}

static void source_fill(struct msghdr *msg, const struct ip_addr *local)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);

    if (local->family == IP_V6) {
        struct in6_pktinfo info = { 0 };
        memcpy(&info.ipi6_addr, local->b, 16);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        msg->msg_controllen = CMSG_SPACE(sizeof(info));
        return;
    }
    struct in_pktinfo info = { 0 };
    memcpy(&info.ipi_spec_dst, local->b, 4);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(c), &info, sizeof(info));
    msg->msg_controllen = CMSG_SPACE(sizeof(info));
}

bool udp_send(int fd, const struct udp_path *path, const void *bytes, size_t len)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
    struct sockaddr_storage to;
    struct iovec iov = { (void *)bytes, len };
    struct msghdr msg = { .msg_name = &to,
                          .msg_namelen = sockaddr_fill(&to, &path->remote, path->remote_port),
                          .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control,
                          .msg_controllen = sizeof(control) };

    source_fill(&msg, &path->local);
    return sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)len;
}
