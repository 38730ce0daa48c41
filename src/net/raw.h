/* Raw sockets for ESP and AH, and for the ICMP errors we send. One receiving socket per family,
 * protocol and worker, with a classic BPF filter on hash(SPI) % workers, so that one SA's packets
 * stay on one worker; every raw socket of a protocol sees every packet of it otherwise. */
#pragma once

#include "addr.h"
#include "pkt.h"

#include <stdbool.h>

/* All give a descriptor or -1 with errno. MARK is set on what is sent. */
int raw_open_receiver(enum ip_family family, int proto, unsigned worker, unsigned n_workers);
int raw_open_sender(enum ip_family family, uint32_t mark); /* whole datagrams, header included */
int raw_open_icmp(enum ip_family family);

/* Whole IP datagrams (for IPv6 the header is rebuilt from ancillary data), ifindex filled in. */
unsigned raw_receive(int fd, enum ip_family family, struct pkt_pool *pool, struct pkt **ret,
                     unsigned max);
/* Datagrams with their IP header, none above the path MTU; sendmmsg. Those the kernel refuses (no
 * route, a firewall's rule, a full queue) are passed over. Gives how many were taken. */
unsigned raw_send(int fd4, int fd6, struct pkt **pkts, unsigned n);
bool raw_send_icmp(int fd, const struct ip_addr *dst, const uint8_t *msg, size_t len);
