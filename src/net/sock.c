#include "sock.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { SOCKET_BUFFER_BYTES = 16 << 20 };

int sock_or_error(int fd, bool ok)
{
    if (ok)
        return fd;
    int e = errno;
    if (fd >= 0)
        close(fd);
    errno = e;
    return -1;
}

bool sock_set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* Without CAP_NET_ADMIN the system's limits hold; smaller buffers still work. */
void sock_buffers_set(int fd)
{
    if (!sock_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES))
        sock_set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    if (!sock_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES))
        sock_set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
}

socklen_t sock_addr_fill(struct sockaddr_storage *ret, const struct ip_addr *a, uint16_t port)
{
    memset(ret, 0, sizeof(*ret));
    if (a->family == IP_V6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        memcpy(&in6->sin6_addr, a->b, 16);
        return sizeof(*in6);
    }
    struct sockaddr_in *in = (struct sockaddr_in *)ret;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    memcpy(&in->sin_addr, a->b, 4);
    return sizeof(*in);
}

void sock_addr_read(const struct sockaddr_storage *from, struct ip_addr *ret, uint16_t *ret_port)
{
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        *ret = ip_addr_from_bytes(IP_V6, (const uint8_t *)&in6->sin6_addr);
        *ret_port = ntohs(in6->sin6_port);
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        *ret = ip_addr_from_bytes(IP_V4, (const uint8_t *)&in->sin_addr);
        *ret_port = ntohs(in->sin_port);
    }
}

void sock_control_put(struct msghdr *msg, int level, int type, const void *p, size_t len)
{
    struct cmsghdr *c = (struct cmsghdr *)((char *)msg->msg_control + msg->msg_controllen);

    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), p, len);
    msg->msg_controllen += CMSG_SPACE(len);
}

static_assert(sizeof(struct in6_pktinfo) == 20, "SOCK_SOURCE_SPACE");

void sock_source_put(struct msghdr *msg, const struct ip_addr *local)
{
    if (local->family == IP_V6) {
        struct in6_pktinfo info = { 0 };
        memcpy(&info.ipi6_addr, local->b, 16);
        sock_control_put(msg, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    } else {
        struct in_pktinfo info = { 0 };
        memcpy(&info.ipi_spec_dst, local->b, 4);
        sock_control_put(msg, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    }
}
