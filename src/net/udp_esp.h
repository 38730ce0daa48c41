/* ESP inside UDP (RFC 3948): one socket per worker and family on the port that the IKE socket of
 * the same port shares (udp.h). The kernel gives what begins with an SPI to the worker that the
 * source address and port name, and the non-ESP marker to the IKE socket; a received superpacket
 * goes where its first datagram belongs and may hold datagrams of several SAs, IKE messages too.
 *
 * Both directions move superpackets (UDP_GRO, UDP_SEGMENT) where the kernel has them. The engine
 * sees whole datagrams [IP][UDP][ESP]: the headers are made up on receipt and taken off to send. */
#pragma once

#include "pkt.h"
#include "udp.h"

struct udp_esp; /* belongs to one thread */

/* Before FD, the first socket of the port, is bound: others may share it, N of them for ESP. */
bool udp_esp_share(int fd, enum ip_family family, unsigned n);
/* The next of the sharers: they have to be opened in the order of the workers. NULL with errno. */
struct udp_esp *udp_esp_open(enum ip_family family, uint16_t port, uint32_t mark);
void udp_esp_close(struct udp_esp *u); /* accepts NULL */
int udp_esp_fd(const struct udp_esp *u);

/* For messages with the non-ESP marker, without it; borrowed. */
typedef void udp_esp_ike(void *ctx, const struct udp_path *path, const uint8_t *bytes, size_t len);

/* Whether datagrams are at hand that epoll does not tell of. */
bool udp_esp_pending(const struct udp_esp *u);
/* Up to MAX datagrams, anything but IKE: keepalives and runts, too. *ret_lost grows by those that
 * found no buffer. */
unsigned udp_esp_receive(struct udp_esp *u, struct pkt_pool *pool, struct pkt **ret, unsigned max,
                         udp_esp_ike *ike, void *ctx, unsigned *ret_lost);

/* Whether P is a whole UDP datagram, to be sent by udp_esp_send. */
bool udp_esp_is_udp(const struct pkt *p);
/* As raw_send. V6 may be NULL where there is no IPv6. */
unsigned udp_esp_send(struct udp_esp *v4, struct udp_esp *v6, struct pkt **pkts, unsigned n);
