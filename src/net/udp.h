/* UDP sockets of IKE: port 500, and 4500 with the non-ESP marker (RFC 3948). One socket per family
 * and port, bound to every address; the local address of each datagram travels as ancillary data,
 * and what we send carries our mark, so that steering lets it pass. */
#pragma once

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct udp_path {
    struct ip_addr local, remote;
    uint16_t local_port, remote_port; /* host order */
};

enum { UDP_PORT_IKE = 500, UDP_PORT_NATT = 4500 };

/* A non-blocking descriptor, or -1 with errno (EADDRINUSE: another IKE daemon serves here). N_ESP
 * sockets of udp_esp.h may share the port, opened afterwards: they get what begins with an SPI. */
int udp_open(enum ip_family family, uint16_t port, uint32_t mark, unsigned n_esp);
/* One message of at most SIZE bytes; PORT is the socket's own. -1: none waits. Longer ones are cut
 * and reported with their true length, so that the caller can refuse them. Where sockets for ESP
 * share the port a message may hold several datagrams of *ret_segment bytes, the last shorter. */
ssize_t udp_receive(int fd, uint16_t port, void *buf, size_t size, struct udp_path *ret,
                    size_t *ret_segment);
/* From PATH's local address; from port 4500 with the non-ESP marker in front. False with errno when
 * the kernel refuses. */
bool udp_send(int fd, const struct udp_path *path, const void *bytes, size_t len);
