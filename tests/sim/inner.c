#include "inner.h"

#include "cursor.h"
#include "ip.h"
#include "text.h"
#include "world.h"

#include <stdlib.h>

/* The last 10 bytes: policy, side, number. */
enum { MARK_LEN = 10, PORT = 7000 };

/* Host 5 of the network, or the only host there is. */
static void host_of(const struct ike_selector *sel, uint8_t *ret)
{
    size_t len = ip_addr_len(sel->prefix.addr.family);

    memcpy(ret, sel->prefix.addr.b, len);
    if (sel->prefix.len + 8u <= 8 * len)
        ret[len - 1] = 5;
}

static size_t header_make(const struct ike_policy *p, uint8_t *ret, size_t len)
{
    memset(ret, 0, IP6_HDR_LEN);
    if (p->local_sel.prefix.addr.family == IP_V6) {
        ret[0] = 0x60;
        be16_put(ret + IP6_LEN, (uint16_t)(len - IP6_HDR_LEN));
        ret[IP6_NEXT] = PROTO_UDP;
        ret[IP6_HOPS] = 64;
        host_of(&p->local_sel, ret + IP6_SRC);
        host_of(&p->remote_sel, ret + IP6_DST);
        return IP6_HDR_LEN;
    }
    ret[0] = 0x45;
    be16_put(ret + IP4_LEN, (uint16_t)len);
    be16_put(ret + IP4_ID, 1);
    ret[IP4_TTL] = 64;
    ret[IP4_PROTO] = PROTO_UDP;
    host_of(&p->local_sel, ret + IP4_SRC);
    host_of(&p->remote_sel, ret + IP4_DST);
    ip4_csum_set(ret);
    return IP4_HDR_LEN;
}

void inner_make(const struct side *s, size_t policy, uint64_t number, uint8_t *ret, size_t len)
{
    const struct ike_policy *p = &s->policies[policy];
    size_t at = header_make(p, ret, len);

    be16_put(ret + at, p->local_sel.port ? p->local_sel.port : PORT);
    be16_put(ret + at + 2, p->remote_sel.port ? p->remote_sel.port : PORT);
    be16_put(ret + at + 4, (uint16_t)(len - at));
    be16_put(ret + at + 6, 0); /* no checksum */
    for (size_t i = at + UDP_HDR_LEN; i < len - MARK_LEN; i++)
        ret[i] = (uint8_t)(i * 7 + number);
    ret[len - MARK_LEN] = (uint8_t)policy;
    ret[len - MARK_LEN + 1] = (uint8_t)(s - s->w->side);
    be32_put(ret + len - 8, (uint32_t)(number >> 32));
    be32_put(ret + len - 4, (uint32_t)number);
}

/* True the first time. */
static bool seen_first(struct inner_log *log, uint64_t number)
{
    size_t byte = (size_t)(number / 8), old = log->seen_bytes;
    uint8_t bit = (uint8_t)(1u << (number % 8));

    if (byte >= old) {
        log->seen_bytes = 2 * byte + 64;
        log->seen = xrealloc(log->seen, log->seen_bytes);
        memset(log->seen + old, 0, log->seen_bytes - old);
    }
    if (log->seen[byte] & bit)
        return false;
    log->seen[byte] |= bit;
    return true;
}

void inner_arrived(struct side *from, const uint8_t *p, size_t len)
{
    uint8_t want[INNER_BYTES_MAX];
    uint64_t number;
    size_t policy;

    if (len < INNER_BYTES_MIN || len > INNER_BYTES_MAX || p[len - MARK_LEN] >= INNER_POLICIES_MAX) {
        from->inner.altered++;
        return;
    }
    policy = p[len - MARK_LEN];
    number = (uint64_t)be32_get(p + len - 8) << 32 | be32_get(p + len - 4);
    inner_make(from, policy, number, want, len);
    if (number >= from->inner.sent || memcmp(p, want, len) != 0) {
        from->inner.altered++;
    } else if (seen_first(&from->inner, number)) {
        from->inner.arrived++;
        from->inner.arrived_of[policy]++;
    } else {
        from->inner.repeated++;
    }
}

void inner_fini(struct inner_log *log)
{
    free(log->seen);
    *log = (struct inner_log){ 0 };
}
