/* The sockets of IKE: UDP 500 and 4500, both families, on the control loop. Port 4500 is shared
 * with the workers, which carry ESP there (udp_esp.h); what they find to be IKE in a superpacket
 * comes over a pair of local sockets, bounded by its buffer. */
#pragma once

#include "udp.h"

#include <stdint.h>
#include <uv.h>

struct ike_sockets;

/* BYTES without marker; borrowed. */
typedef void ike_sockets_datagram(void *ctx, const struct udp_path *path, const uint8_t *bytes,
                                  size_t len);

/* Opens them, before the workers open theirs (port 500 needs privileges). NULL with the reason in
 * ERR. */
struct ike_sockets *ike_sockets_new(uint32_t mark, unsigned n_workers, char *err, size_t err_size);
void ike_sockets_start(struct ike_sockets *s, uv_loop_t *loop, ike_sockets_datagram *datagram,
                       void *ctx);
void ike_sockets_stop(struct ike_sockets *s); /* lets go of the loop */
void ike_sockets_free(struct ike_sockets *s); /* accepts NULL */

/* From PATH's local address and port; false with errno. */
bool ike_sockets_send(const struct ike_sockets *s, const struct udp_path *path, const void *bytes,
                      size_t len);

/* For workers, from their threads. False: too many wait. */
int ike_sockets_worker_fd(const struct ike_sockets *s);
bool ike_sockets_pass(int worker_fd, const struct udp_path *path, const uint8_t *bytes, size_t len);
