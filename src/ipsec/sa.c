/* One security association: built from its configuration, counted, expired, freed. */
#include "sa.h"

#include "engine_priv.h"
#include "text.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum {
    SPI_RESERVED = 255, /* RFC 4303 2.1: 0 is local, 1 to 255 IANA's */
    DEFAULT_PATH_MTU = 1500,
    REPLAY_MIN_PACKETS = 32
};

/* ---- counter cells ---- */

static struct sa_cells *cells_with_room(struct ipsec *e)
{
    while (e->first_free_cells < e->n_cells &&
           e->cells[e->first_free_cells].n_used == SA_COUNTER_PAGE)
        e->first_free_cells++;
    if (e->first_free_cells == e->n_cells) {
        size_t bytes = sizeof(struct sa_counters) * SA_COUNTER_PAGE * e->n_workers;
        struct sa_counters *counters = aligned_alloc(64, bytes);

        if (!counters)
            abort(); /* as xmalloc */
        e->cells = xrealloc(e->cells, (e->n_cells + 1) * sizeof(*e->cells));
        e->cells[e->n_cells++] = (struct sa_cells){ .counters = counters };
    }
    return &e->cells[e->first_free_cells];
}

static_assert(sizeof(struct sa_counters) * SA_COUNTER_PAGE % 64 == 0, "workers share no line");

static void cell_take(struct ipsec *e, struct sa *sa)
{
    struct sa_cells *cells = cells_with_room(e);
    unsigned word = 0;

    while (cells->used[word] == UINT64_MAX)
        word++;
    unsigned bit = (unsigned)__builtin_ctzll(~cells->used[word]), cell = 64 * word + bit;
    cells->used[word] |= (uint64_t)1 << bit;
    cells->n_used++;
    sa->counter_cell = (uint32_t)(cells - e->cells) * SA_COUNTER_PAGE + cell;
    sa->counters = &cells->counters[cell];
    for (unsigned w = 0; w < e->n_workers; w++)
        *sa_counters(sa, w) = (struct sa_counters){ 0 };
}

static void cell_give(struct ipsec *e, struct sa *sa)
{
    unsigned page = sa->counter_cell / SA_COUNTER_PAGE, cell = sa->counter_cell % SA_COUNTER_PAGE;

    e->cells[page].used[cell / 64] &= ~((uint64_t)1 << (cell % 64));
    e->cells[page].n_used--;
    if (page < e->first_free_cells)
        e->first_free_cells = page;
}

/* ---- from and to configuration ---- */

static enum ipsec_sa_result config_check(const struct sa_config *c)
{
    if (c->cipher >= CIPHER_COUNT || c->auth >= AUTH_COUNT)
        return SA_BAD_ALGORITHM;
    switch (c->proto) {
    case SA_ESP:
        if (c->cipher == CIPHER_NONE || (c->cipher == CIPHER_NULL && c->auth == AUTH_NONE))
            return SA_BAD_ALGORITHM;
        break;
    case SA_AH:
        if (c->cipher != CIPHER_NONE || c->auth == AUTH_NONE)
            return SA_BAD_ALGORITHM;
        break;
    default:
        return SA_BAD_ALGORITHM;
    }
    if (c->spi <= SPI_RESERVED)
        return SA_BAD_SPI;
    if (c->src.family != c->dst.family || ip_addr_is_unset(&c->src) || ip_addr_is_unset(&c->dst))
        return SA_BAD_ADDRESS;
    if (c->udp_encap && (c->proto != SA_ESP || !c->tunnel))
        return SA_BAD_ENCAP;
    return SA_ADDED;
}

/* A sender keeps the size alone, for the console. */
static void replay_init(struct sa *sa, uint32_t window)
{
    if (window == 0)
        return;
    if (window < REPLAY_MIN_PACKETS)
        window = REPLAY_MIN_PACKETS;
    if (window > REPLAY_MAX_PACKETS)
        window = REPLAY_MAX_PACKETS;
    sa->replay.window = window;
    if (!sa->inbound)
        return;
    unsigned words = replay_words(window);
    bool small = words <= sizeof(sa->replay_small) / sizeof(*sa->replay_small);
    sa->replay.bits = small ? sa->replay_small : xcalloc(words, sizeof(uint64_t));
}

static void auth_key_keep(struct sa *sa, const struct secret *key)
{
    sa->auth_key_len = key->len;
    if (key->len <= sizeof(sa->auth_key)) {
        memcpy(sa->auth_key, key->b, key->len);
        return;
    }
    sa->long_auth_key = xmalloc(sizeof(*sa->long_auth_key));
    *sa->long_auth_key = *key;
}

/* The bytes a worker may add before the total has to be looked at again. With a quarter of what is
 * left shared out evenly, all workers together stay below the limit until one of them looks, and
 * the quantum shrinks to nothing as the total comes near. */
static uint64_t sa_quantum(const struct sa *sa, uint64_t total)
{
    uint64_t soft = sa->life.soft_bytes, next = sa->life.hard_bytes;

    if (soft != 0 && sa->state == SA_MATURE && (next == 0 || soft < next))
        next = soft;
    if (next == 0)
        return UINT64_MAX;
    return next <= total ? 0 : (next - total) / (4 * sa->n_workers);
}

static void sa_fill(struct sa *sa, const struct sa_config *c)
{
    sa->spi_be = htonl(c->spi);
    sa->reqid = c->reqid;
    sa->slot = c->slot;
    sa->owner = c->owner;
    sa->proto = (uint8_t)c->proto;
    sa->cipher = (uint8_t)c->cipher;
    sa->auth = (uint8_t)c->auth;
    sa->iv_len = cipher_info[c->cipher].iv_len;
    sa->block_len = cipher_info[c->cipher].block_len;
    sa->icv_len = auth_info[c->auth].icv_len;
    sa->inbound = c->inbound;
    sa->tunnel = c->tunnel;
    sa->udp_encap = c->udp_encap;
    sa->local_port = c->local_port;
    sa->remote_port = c->remote_port;
    sa->state = SA_MATURE;
    sa->path_mtu = c->path_mtu ? c->path_mtu : DEFAULT_PATH_MTU;
    sa->src = c->src;
    sa->dst = c->dst;
    sa->pfs = c->pfs;
    sa->life = c->life;
    sa->byte_limits = c->life.soft_bytes != 0 || c->life.hard_bytes != 0;
    sa->enc_key_len = c->enc_key.len;
    auth_key_keep(sa, &c->auth_key);
    replay_init(sa, c->replay_window);
    sa->check_quantum = sa_quantum(sa, 0);
}

enum ipsec_sa_result sa_new(struct ipsec *e, const struct sa_config *c, struct sa **ret)
{
    enum ipsec_sa_result result = config_check(c);
    struct bulk_key key;

    if (result != SA_ADDED)
        return result;
    if (c->enc_key.len > sizeof(key.raw) ||
        !bulk_key_init(e->bulk, &key, !c->inbound, c->cipher, c->enc_key.b, c->enc_key.len, c->auth,
                       c->auth_key.b, c->auth_key.len)) {
        secret_wipe(&key, sizeof(key));
        return SA_BAD_KEY;
    }
    struct sa *sa = aligned_alloc(64, (sizeof(*sa) + 63) & ~(size_t)63);
    if (!sa)
        abort(); /* as xmalloc */
    memset(sa, 0, sizeof(*sa));
    sa->key = key;
    secret_wipe(&key, sizeof(key));
    sa->n_workers = (uint16_t)e->n_workers;
    sa_fill(sa, c);
    cell_take(e, sa);
    *ret = sa;
    return SA_ADDED;
}

void sa_free(struct ipsec *e, struct sa *sa)
{
    cell_give(e, sa);
    if (sa->replay.bits != sa->replay_small)
        free(sa->replay.bits);
    if (sa->long_auth_key)
        secret_wipe(sa->long_auth_key, sizeof(*sa->long_auth_key));
    free(sa->long_auth_key);
    secret_wipe(sa, sizeof(*sa));
    free(sa);
}

void sa_config_get(const struct sa *sa, struct sa_config *ret)
{
    *ret = (struct sa_config){ .proto = (enum sa_proto)sa->proto,
                               .inbound = sa->inbound,
                               .tunnel = sa->tunnel,
                               .udp_encap = sa->udp_encap,
                               .local_port = sa->local_port,
                               .remote_port = sa->remote_port,
                               .spi = ntohl(sa->spi_be),
                               .src = sa->src,
                               .dst = sa->dst,
                               .cipher = (enum cipher_alg)sa->cipher,
                               .auth = (enum auth_alg)sa->auth,
                               .enc_key = { .len = sa->enc_key_len },
                               .reqid = sa->reqid,
                               .slot = sa->slot,
                               .owner = sa->owner,
                               .replay_window = sa->replay.window,
                               .pfs = sa->pfs,
                               .life = sa->life,
                               .path_mtu = sa->path_mtu };
    memcpy(ret->enc_key.b, sa->key.raw, sa->enc_key_len);
    if (sa->long_auth_key) {
        ret->auth_key = *sa->long_auth_key;
    } else {
        ret->auth_key.len = sa->auth_key_len;
        memcpy(ret->auth_key.b, sa->auth_key, sa->auth_key_len);
    }
}

void sa_set_path_mtu(struct sa *sa, uint32_t bytes)
{
    atomic_store_explicit(&sa->path_mtu, bytes, memory_order_relaxed);
}

struct sa_stats sa_stats(const struct sa *sa)
{
    struct sa_stats s = { .add_time_s = sa->add_time_s,
                          .use_time_s = sa->use_time_s,
                          .state = (enum sa_state)sa->state };

    for (unsigned w = 0; w < sa->n_workers; w++) {
        s.bytes += counter_get(&sa_counters(sa, w)->bytes);
        s.packets += counter_get(&sa_counters(sa, w)->packets);
    }
    return s;
}

/* ---- lifetimes ---- */

static uint64_t limit_ms(const struct sa *sa, uint32_t limit_s)
{
    return sa->add_ms + (uint64_t)limit_s * 1000;
}

uint64_t sa_due_ms(const struct sa *sa)
{
    const struct sa_lifetime *life = &sa->life;

    if (sa->state == SA_DEAD)
        return 0;
    if (life->soft_s != 0 && sa->state == SA_MATURE &&
        (life->hard_s == 0 || life->soft_s < life->hard_s))
        return limit_ms(sa, life->soft_s);
    return life->hard_s != 0 ? limit_ms(sa, life->hard_s) : 0;
}

static struct ipsec_event event_of(const struct sa *sa, enum ipsec_event_type type)
{
    return (struct ipsec_event){ .type = type,
                                 .slot = sa->slot,
                                 .proto = (enum sa_proto)sa->proto,
                                 .spi = ntohl(sa->spi_be),
                                 .src = sa->src,
                                 .dst = sa->dst,
                                 .owner = sa->owner };
}

void sa_expire(struct ipsec *e, struct sa *sa, bool hard)
{
    struct ipsec_event ev = event_of(sa, hard ? EV_HARD : EV_SOFT);
    _Atomic bool *sent = hard ? &sa->hard_sent : &sa->soft_sent;
    uint8_t mature = SA_MATURE;

    if (hard)
        atomic_store(&sa->state, SA_DEAD);
    else
        atomic_compare_exchange_strong(&sa->state, &mature, SA_DYING);
    if (atomic_exchange(sent, true) || event_put(e, &ev))
        return;
    atomic_store(sent, false);
    atomic_store(&e->event_lost, true);
}

/* Compares all workers' bytes with the limits. */
static void sa_check_bytes(struct ipsec *e, struct sa *sa)
{
    const struct sa_lifetime *life = &sa->life;
    uint64_t total = 0;

    for (unsigned w = 0; w < sa->n_workers; w++)
        total += counter_get(&sa_counters(sa, w)->bytes);
    if (life->hard_bytes != 0 && total >= life->hard_bytes)
        sa_expire(e, sa, true);
    else if (life->soft_bytes != 0 && total >= life->soft_bytes && sa->state == SA_MATURE)
        sa_expire(e, sa, false);
    atomic_store_explicit(&sa->check_quantum, sa_quantum(sa, total), memory_order_relaxed);
}

static void sa_first_use(struct ipsec *e, struct sa *sa, int64_t wall_s)
{
    struct ipsec_event ev = event_of(sa, EV_FIRST);
    int64_t never = 0;

    if (atomic_compare_exchange_strong(&sa->use_time_s, &never, wall_s) && sa->inbound)
        event_put(e, &ev);
}

bool sa_account(struct ipsec *e, struct sa *sa, unsigned worker, uint64_t bytes, unsigned n,
                int64_t wall_s)
{
    struct sa_counters *c = sa_counters(sa, worker);

    if (atomic_load_explicit(&sa->state, memory_order_relaxed) == SA_DEAD)
        return false;
    counter_add(&c->bytes, bytes);
    counter_add(&c->packets, n);
    if (atomic_load_explicit(&sa->use_time_s, memory_order_relaxed) == 0)
        sa_first_use(e, sa, wall_s);
    if (sa->byte_limits && c->bytes - c->checked_bytes >=
                               atomic_load_explicit(&sa->check_quantum, memory_order_relaxed)) {
        c->checked_bytes = c->bytes;
        sa_check_bytes(e, sa);
    }
    return true;
}
