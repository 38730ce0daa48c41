/* What the sockets of this folder share: options, buffers, addresses as the kernel wants them. */
#pragma once

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Not in all libc headers. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* FD when OK, else -1 with FD closed and errno kept: the last line of whatever opens a socket. */
int sock_or_error(int fd, bool ok);
bool sock_set(int fd, int level, int name, int value);
/* Room for bursts in both directions, as far as the system's limits let us. */
void sock_buffers_set(int fd);
/* Gives the length. */
socklen_t sock_addr_fill(struct sockaddr_storage *ret, const struct ip_addr *a, uint16_t port);
void sock_addr_read(const struct sockaddr_storage *from, struct ip_addr *ret, uint16_t *ret_port);

/* Appends ancillary data to MSG, whose control buffer has room for it and whose control length is
 * what was appended so far. */
void sock_control_put(struct msghdr *msg, int level, int type, const void *p, size_t len);
/* The address to send from. */
void sock_source_put(struct msghdr *msg, const struct ip_addr *local);
enum { SOCK_SOURCE_SPACE = CMSG_SPACE(20) }; /* an in6_pktinfo, the larger one */
