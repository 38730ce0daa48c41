/* The two devices of one daemon.
 *
 * capture: a multi-queue TUN with virtio_net_hdr; the steering program redirects packets to it that
 * policy says must be encrypted, superpackets whole; workers read them here.
 * inject:  a multi-queue TAP with virtio_net_hdr; workers write decrypted datagrams here. A TUN or
 * TAP write carries no metadata, so the interface the protected packet came by travels as the
 * source MAC (02:00 and the ifindex in 32 bits); the program at the device's ingress turns that
 * into a receive on that interface with the decrypted mark. Both die with the process; traps and
 * measurements: docs/ARCHITECTURE.md. */
#pragma once

#include "pkt.h"

#include <stdbool.h>

/* The alias (IFLA_IFALIAS) of both, by which netmon knows them. */
#define TUN_ALIAS "sallyport"

struct tun_options {
    const char *name; /* NULL: the kernel picks from a pattern */
    bool tap;
    unsigned n_queues;
    bool no_uso; /* do not ask for UDP superpackets even if the kernel could */
    unsigned mtu_bytes;
};

struct tun {
    char name[16];
    unsigned ifindex;
    unsigned n_queues;
    bool uso;    /* the kernel hands UDP superpackets over */
    int fds[64]; /* one per queue, non-blocking, close-on-exec */
};

/* Creates, configures (up, no IPv6 autoconfiguration, queue length) and opens the device. On
 * failure false with the reason in ERR. */
bool tun_open(const struct tun_options *o, struct tun *ret, char *err, size_t err_size);
void tun_close(struct tun *t);

/* Lets socket-filter program PROG_FD choose the queue of every packet, modulo their number. */
bool tun_steer_queues(const struct tun *t, int prog_fd);

/* Reads up to MAX captured packets into buffers of POOL; returns how many, 0 when none is there.
 * Sets *ret_lost to reads given up for want of buffers (the packet is then consumed and lost). */
unsigned tun_read(int fd, struct pkt_pool *pool, struct pkt **ret, unsigned max,
                  unsigned *ret_lost);
/* Writes decrypted datagrams to an inject queue, using headroom meanwhile; those the kernel refuses
 * are passed over. Gives how many were taken. */
unsigned tun_inject(int fd, struct pkt **pkts, unsigned n);
