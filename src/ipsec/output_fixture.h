/* A gateway with one policy and its SAs, for the tests of the way out. */
#pragma once

#include "engine_priv.h"
#include "hold.h"
#include "ip.h"
#include "testgate.h"
#include "unit.h"

#include <string.h>

enum { SLOT = 7, REQID = 70, SPI = 0x1000 };

#define LOCAL  "192.0.2.1"
#define REMOTE "198.51.100.1"

static inline struct policy policy_make(bool tunnel, uint8_t protocols, enum spd_level level)
{
    struct policy p = { .slot = SLOT,
                        .action = SPD_ENCRYPT,
                        .level = (uint8_t)level,
                        .protocols = protocols,
                        .tunnel = tunnel,
                        .negotiated = true,
                        .local = addr_text(LOCAL),
                        .remote = addr_text(REMOTE),
                        .reqid = REQID };

    p.sel.src = prefix_text(tunnel ? "10.1.0.0/24" : LOCAL "/32");
    p.sel.dst = prefix_text(tunnel ? "10.2.0.0/24" : REMOTE "/32");
    return p;
}

static inline struct sa *sa_make(struct gate *g, enum sa_proto proto, bool tunnel, uint32_t mtu)
{
    struct gate_sa sa = { .proto = proto,
                          .tunnel = tunnel,
                          .cipher = proto == SA_ESP ? CIPHER_AES_128 : CIPHER_NONE,
                          .auth = AUTH_SHA1,
                          .spi = SPI,
                          .src = addr_text(LOCAL),
                          .dst = addr_text(REMOTE),
                          .reqid = REQID,
                          .slot = SLOT,
                          .path_mtu = mtu };

    return gate_sa_add(g, &sa, false);
}

static inline struct gate *gate_with(const struct policy *p, bool esp, bool ah, uint32_t mtu)
{
    struct gate *g = gate_new(BULK_AUTO, 3);

    gate_policies(g, p, 1);
    struct sa *e = esp ? sa_make(g, SA_ESP, p->tunnel, mtu) : NULL;
    struct sa *a = ah ? sa_make(g, SA_AH, p->tunnel, mtu) : NULL;
    ipsec_slot_set(g->e, SLOT, e, a);
    return g;
}

static inline struct datagram talk(bool tunnel, uint8_t proto, size_t len)
{
    return (struct datagram){ .src = addr_text(tunnel ? "10.1.0.5" : LOCAL),
                              .dst = addr_text(tunnel ? "10.2.0.7" : REMOTE),
                              .proto = proto,
                              .sport = 1111,
                              .dport = 2222,
                              .payload_len = len,
                              .ip_id = 99 };
}

/* What waits for an SA has waited long enough. */
static inline void give_up(struct gate *g)
{
    g->now_ms += HOLD_MS;
    ipsec_worker_tick(g->w, g->now_ms);
}

static inline void send(struct gate *g, const struct datagram *d)
{
    struct blob b = datagram_make(d);

    gate_out(g, &b, 1);
    blob_free(&b);
}
