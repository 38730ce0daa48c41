/* The whole IKE engine, in front of its cryptography and behind it.
 *
 * Input: four bytes of set-up, then steps, a byte each with their arguments behind them. Messages
 * of honest engines are delivered, lost, repeated, sent from elsewhere, damaged on the wire or, by
 * somebody who knows the keys (mitm.h), changed inside and sealed again; messages are made up under
 * existing SAs or out of nothing; time passes, jobs finish in any order, configurations change,
 * engines crash. ike_net.c checks what the engines do. */
#include "dh.h"
#include "fuzz.h"
#include "ike_net.h"
#include "ike_priv.h"
#include "isakmp_numbers.h"
#include "mitm.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 250, RUN_STEPS = 40, RAW_MAX = 1024, INPUT_MAX = 4096 };

/* Exponentiation would take most of the time and is not looked at here: both sides get the same
 * secret out of a sum, and values of equal bytes are refused. */
enum dh_error __wrap_dh_public(const struct dh *dh, uint8_t *ret);
enum dh_error __wrap_dh_shared(const struct dh *dh, struct slice peer, uint8_t *ret);

enum dh_error __wrap_dh_public(const struct dh *dh, uint8_t *ret)
{
    for (size_t i = 0; i < dh_group_info[dh->group].public_len; i++)
        ret[i] = dh->exponent[i] ^ (uint8_t)(i + 1);
    return DH_ERR_OK;
}

enum dh_error __wrap_dh_shared(const struct dh *dh, struct slice peer, uint8_t *ret)
{
    if (peer.len != dh_group_info[dh->group].public_len)
        abort();
    if (peer.p[0] == peer.p[1] && peer.p[1] == peer.p[peer.len - 1])
        return DH_ERR_OUT_OF_RANGE;
    for (size_t i = 0; i < peer.len; i++)
        ret[i] = (uint8_t)((dh->exponent[i] ^ (i + 1)) + peer.p[i]);
    return DH_ERR_OK;
}

struct input {
    const uint8_t *at, *end;
};

static uint8_t byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static unsigned below(struct input *in, unsigned bound)
{
    return bound ? byte(in) % bound : 0;
}

/* A length of at most CAP and as many bytes, as far as they go. */
static struct slice bytes(struct input *in, size_t cap)
{
    size_t len = byte(in), left;

    if (len >= 0xf0)
        len = (len & 15) << 8 | byte(in);
    len = len < cap ? len : cap;
    left = (size_t)(in->end - in->at);
    len = len < left ? len : left;
    in->at += len;
    return (struct slice){ in->at - len, len };
}

/* ---- SAs of an engine ---- */

static const struct phase1 *phase1_pick(const struct ike *ike, unsigned which)
{
    const struct phase1 *found = NULL;

    for (size_t i = 0; i < ike->phase1s.n_buckets; i++) {
        for (const struct map_link *l = ike->phase1s.buckets[i]; l; l = l->next) {
            found = map_owner(l, const struct phase1, by_cookie);
            if (which-- == 0)
                return found;
        }
    }
    return found;
}

/* ---- changes inside a message ---- */

enum change { FLIP, LENGTH, TYPE, REMOVE, TWICE, INSERT, BODY, MOVE, HEADER, CUT, FILL, CHANGES };

static void body_set(struct mitm_msg *m, unsigned i, struct slice body)
{
    struct mitm_payload p;

    if (!mitm_find(m, i, &p))
        return;
    mitm_remove(m, i);
    mitm_insert(m, i, p.type, body);
}

static void payload_copy(struct mitm_msg *m, unsigned from, unsigned to, bool move)
{
    static uint8_t copy[MITM_BYTES_MAX];
    struct mitm_payload p;

    if (!mitm_find(m, from, &p) || p.len < 4)
        return;
    memcpy(copy, m->b + p.at + 4, p.len - 4);
    if (move)
        mitm_remove(m, from);
    mitm_insert(m, to, p.type, (struct slice){ copy, p.len - 4 });
}

/* Many times over: transforms of a proposal, vendor IDs, SPIs. */
static void body_fill(struct mitm_msg *m, struct input *in, const struct mitm_payload *p)
{
    static uint8_t body[MITM_BYTES_MAX];
    size_t keep = byte(in), len = (size_t)(1 + byte(in)) * 32;
    struct slice unit = bytes(in, 64);

    if (unit.len == 0 || p->len < 4)
        return;
    keep = keep < p->len - 4 ? keep : p->len - 4;
    len = len + keep < sizeof body / 2 ? len : sizeof body / 2 - keep;
    memcpy(body, m->b + p->at + 4, keep);
    for (size_t i = 0; i < len; i++)
        body[keep + i] = unit.p[i % unit.len];
    mitm_insert(m, mitm_count(m), p->type, (struct slice){ body, keep + len });
}

static void change(struct mitm_msg *m, struct input *in)
{
    unsigned kind = below(in, CHANGES), i = below(in, mitm_count(m));
    struct mitm_payload p = { 0 };
    size_t at;

    if (!mitm_find(m, i, &p) && kind != INSERT && kind != HEADER)
        return;
    switch ((enum change)kind) {
    case FLIP:
        at = p.at + byte(in);
        if (at < m->len)
            m->b[at] ^= byte(in);
        break;
    case LENGTH:
        m->b[p.at + 2] = byte(in) & 3;
        m->b[p.at + 3] = byte(in);
        break;
    case TYPE:
        m->b[p.type_at] = byte(in);
        break;
    case REMOVE:
        mitm_remove(m, i);
        break;
    case TWICE:
        payload_copy(m, i, i, false);
        break;
    case INSERT:
        kind = byte(in);
        mitm_insert(m, i, (uint8_t)kind, bytes(in, 512));
        break;
    case BODY:
        body_set(m, i, bytes(in, 512));
        break;
    case MOVE:
        payload_copy(m, i, below(in, 8), true);
        break;
    case HEADER:
        at = byte(in) % 24;
        m->b[at] = byte(in);
        break;
    case CUT:
        m->len = p.at + byte(in) % (p.len + 1);
        break;
    case FILL:
        body_fill(m, in, &p);
        break;
    case CHANGES:
        break;
    }
}

/* ---- steps ---- */

static const struct net_message *message_pick(struct net *n, struct input *in, bool pending)
{
    unsigned have = n->n_history < NET_MESSAGES_MAX ? n->n_history : NET_MESSAGES_MAX;

    if (pending)
        return n->n_pending ? &n->pending[below(in, n->n_pending)] : NULL;
    return have ? &n->history[(n->n_history - 1 - below(in, have)) % NET_MESSAGES_MAX] : NULL;
}

/* As it is, or from another port or address, or to another engine. */
static void deliver_from(struct net *n, const struct net_message *m, const uint8_t *b, size_t len,
                         uint8_t where)
{
    struct ike_path path = m->path;
    unsigned to = m->to;

    if ((where & 7) == 1)
        path.remote_port = (uint16_t)(where << 5);
    else if ((where & 7) == 2)
        path.remote = ip_addr_v4(198, 51, 100, where);
    else if ((where & 7) == 3)
        path = (struct ike_path){ path.remote, path.local, path.remote_port, path.local_port };
    else if ((where & 7) == 4)
        to = (where >> 3) % NET_ENGINES;
    else if ((where & 7) == 5)
        path.local_port = path.remote_port = 4500;
    net_deliver(n, to, &path, b, len);
}

static void damaged(struct net *n, struct input *in, const struct net_message *m)
{
    static uint8_t b[MITM_BYTES_MAX];
    size_t len = m->len < sizeof b ? m->len : sizeof b;
    uint8_t flags = byte(in);

    memcpy(b, m->bytes, len);
    for (unsigned k = 0; k < (flags & 3u) && len > 0; k++) {
        size_t at = (size_t)byte(in) << 4;

        at = (at + byte(in)) % len;
        b[at] ^= byte(in);
    }
    if (flags & 4)
        len = len * byte(in) / 256;
    if ((flags & 8) && len >= 28)
        be32_put(b + 24, (uint32_t)len);
    deliver_from(n, m, b, len, flags & 16 ? byte(in) : 0);
}

static void changed(struct net *n, struct input *in, const struct net_message *m)
{
    static uint8_t b[2 * MITM_BYTES_MAX];
    static struct mitm_msg msg;
    uint8_t flags = byte(in);
    size_t len;

    if (!mitm_open(m->bytes, m->len, &msg))
        return;
    for (unsigned k = 0; k < 1 + (flags & 3u); k++)
        change(&msg, in);
    if (flags & 4)
        msg.b[23] ^= 0x55; /* another message ID */
    if (!(flags & 8))
        mitm_rehash(n->e[m->to].ike, &msg);
    len = mitm_seal(n->e[m->to].ike, &msg, b, sizeof b);
    if (len > 0)
        deliver_from(n, m, b, len, flags & 16 ? byte(in) : 0);
}

/* A message of the fuzzer's own under an SA of an engine. */
static void made_up(struct net *n, struct input *in)
{
    static uint8_t b[2 * MITM_BYTES_MAX], zero[20];
    static struct mitm_msg msg;
    unsigned to = below(in, NET_ENGINES), payloads;
    const struct phase1 *p1 = phase1_pick(n->e[to].ike, byte(in) & 3);
    uint8_t flags = byte(in);
    struct net_message from = { .to = to };
    uint32_t id = byte(in);
    size_t len;

    if (!p1)
        return;
    if ((flags & 1) && !TAILQ_EMPTY(&p1->exchanges))
        id = TAILQ_FIRST(&p1->exchanges)->message_id;
    mitm_begin(&msg, &p1->cookies, flags & 2 ? EXCHANGE_QUICK : EXCHANGE_INFORMATIONAL, id);
    mitm_insert(&msg, 0, PL_HASH, (struct slice){ zero, digest_info[p1->digest].len });
    payloads = 1 + (flags >> 4 & 3);
    for (unsigned i = 0; i < payloads; i++) {
        uint8_t type = byte(in);

        mitm_insert(&msg, mitm_count(&msg), type, bytes(in, RAW_MAX));
    }
    from.path = p1->path;
    if (!(flags & 4))
        mitm_rehash(n->e[to].ike, &msg);
    len = mitm_seal(n->e[to].ike, &msg, b, sizeof b);
    if (len > 0)
        deliver_from(n, &from, b, len, flags & 8 ? byte(in) : 0);
}

/* Notifies and deletes that name SAs which are there. */
static void told(struct net *n, struct input *in)
{
    static uint8_t b[2 * MITM_BYTES_MAX], zero[20];
    static struct mitm_msg msg;
    unsigned to = below(in, NET_ENGINES);
    const struct phase1 *p1 = phase1_pick(n->e[to].ike, byte(in) & 3);
    uint8_t what = byte(in), body[64] = { 0, 0, 0, 1 };
    size_t body_len = 8, len;
    struct child *c;

    if (!p1)
        return;
    c = TAILQ_FIRST(&p1->host->children);
    mitm_begin(&msg, &p1->cookies, EXCHANGE_INFORMATIONAL, 0x1000u + byte(in));
    mitm_insert(&msg, 0, PL_HASH, (struct slice){ zero, digest_info[p1->digest].len });
    if ((what & 1) && c) { /* DELETE of an SA */
        body[4] = 3;
        body[5] = 4;
        be16_put(body + 6, 1);
        be32_put(body + 8, c->spis[0].out);
        body_len = 12;
    } else if (what & 1) { /* of phase 1 */
        body[4] = 1;
        body[5] = 16;
        be16_put(body + 6, 1);
        memcpy(body + 8, &p1->cookies, sizeof p1->cookies);
        body_len = 24;
    } else { /* notify: dead peer detection, INITIAL-CONTACT, errors */
        static const uint16_t types[] = { 36136, 36137, 24576, 24578, 14, 18, 24, 1 };

        body[4] = 1;
        body[5] = 16;
        be16_put(body + 6, types[what >> 1 & 7]);
        memcpy(body + 8, &p1->cookies, sizeof p1->cookies);
        be32_put(body + 24, p1->dpd_sequence);
        body_len = 28;
    }
    mitm_insert(&msg, 1, what & 1 ? PL_DELETE : PL_NOTIFY, (struct slice){ body, body_len });
    if (what & 16) /* and once more */
        mitm_insert(&msg, 2, what & 1 ? PL_DELETE : PL_NOTIFY, (struct slice){ body, body_len });
    for (unsigned k = 0; k < (what >> 5 & 3u); k++)
        change(&msg, in);
    mitm_rehash(n->e[to].ike, &msg);
    len = mitm_seal(n->e[to].ike, &msg, b, sizeof b);
    if (len > 0)
        net_deliver(n, to, &p1->path, b, len);
}

static void raw(struct net *n, struct input *in)
{
    unsigned to = below(in, NET_ENGINES);
    uint8_t flags = byte(in), b[RAW_MAX];
    const struct phase1 *p1 = phase1_pick(n->e[to].ike, flags & 3);
    struct net_message from = { .to = to };
    struct slice s = bytes(in, sizeof b);

    memcpy(b, s.p, s.len);
    from.path =
        (struct ike_path){ n->e[to].addr, ip_addr_v4(192, 0, 2, to == NET_B ? 1 : 2), 500, 500 };
    if ((flags & 4) && s.len >= 28)
        be32_put(b + 24, (uint32_t)s.len);
    if ((flags & 8) && p1 && s.len >= 16)
        memcpy(b, &p1->cookies, 16);
    deliver_from(n, &from, b, s.len, flags & 16 ? byte(in) : 0);
}

static void configured(struct net *n, struct input *in)
{
    unsigned which = below(in, NET_ENGINES);
    struct net_engine *e = &n->e[which];
    uint8_t what = byte(in), v = byte(in);
    struct ike_peer *peer = &e->peers[0];

    switch (what % 21) {
    case 0:
        peer->nat_traversal = v & 1;
        break;
    case 1:
        e->proposals[0].pfs_group = (enum dh_group)(v % DH_GROUP_COUNT);
        break;
    case 2:
        peer->cipher = v & 1 ? CIPHER_DES : v & 2 ? CIPHER_AES_256 : CIPHER_3DES;
        break;
    case 3:
        e->proposals[0].lifetime_s = v;
        break;
    case 4:
        e->proposals[0].lifebytes = (uint64_t)v << 10;
        break;
    case 5:
        e->n_policies = v % (e->all_policies + 1);
        break;
    case 6:
        e->n_peers = v % (e->all_peers + 1);
        break;
    case 7:
        e->n_proposals = v & 1;
        break;
    case 8:
        peer->psk.b[0] = v;
        break;
    case 9:
        peer->check = (enum ike_proposal_check)(v & 3);
        break;
    case 10:
        peer->port = (uint16_t)(v & 1 ? 500 : 4500);
        break;
    case 11:
        peer->passive = v & 1;
        break;
    case 12:
        e->policies[v % NET_POLICIES_MAX].protocols = 1 + (v >> 2) % 3;
        break;
    case 13:
        e->policies[v % NET_POLICIES_MAX].tunnel = v & 4;
        break;
    case 14:
        peer->dpd_interval_s = v;
        break;
    case 15:
        peer->lifetime_s = v;
        break;
    case 16:
        peer->lifebytes = (uint64_t)v << 6;
        break;
    case 17:
        e->proposals[0].ciphers = v;
        break;
    case 18:
        e->proposals[0].auth_algs = v & 7;
        break;
    case 19:
        peer->group = (enum dh_group)(1 + v % (DH_GROUP_COUNT - 1));
        break;
    case 20:
        peer->mode = (enum ike_exchange_mode)(v % 3);
        break;
    }
    net_configure(n, which);
}

static void sa_event(struct net *n, struct input *in)
{
    unsigned which = below(in, NET_ENGINES);
    struct net_engine *e = &n->e[which];
    unsigned event = byte(in) & 3, i = below(in, e->n_children);

    if (e->n_children == 0)
        return;
    ike_on_sa_event(e->ike, n->now_ms, e->children[i].id, (enum ike_sa_event)event);
    net_actions(n, which);
}

/* Packets by an SA that is not there, or by one that is. */
static void stray(struct net *n, struct input *in)
{
    unsigned which = below(in, NET_ENGINES);
    struct net_engine *e = &n->e[which];
    const struct ike_unknown_spi u = {
        .proto = 50, .spi = 0x1000u + byte(in), .local = e->addr, .remote = e->policies[0].remote
    };

    ike_on_unknown_spi(e->ike, n->now_ms, &u);
    net_actions(n, which);
}

static void step_message(struct net *n, struct input *in, unsigned kind)
{
    const struct net_message *m = message_pick(n, in, kind < 5);
    struct net_message copy;

    if (!m)
        return;
    copy = *m; /* delivering moves what waits */
    copy.bytes = malloc(m->len);
    memcpy(copy.bytes, m->bytes, m->len);
    if (kind < 4)
        net_pending_drop(n, (unsigned)(m - n->pending));
    switch (kind) {
    case 0:
    case 4: /* and stays */
    case 5: /* again */
        net_deliver(n, copy.to, &copy.path, copy.bytes, copy.len);
        break;
    case 1: /* lost */
        break;
    case 2:
    case 6:
        damaged(n, in, &copy);
        break;
    case 3:
    case 7:
        changed(n, in, &copy);
        break;
    }
    free(copy.bytes);
}

static void step_time(struct net *n, struct input *in, unsigned kind)
{
    uint64_t next = net_next_ms(n), ms;

    if (kind == 0 && next != UINT64_MAX && next > n->now_ms)
        ms = next - n->now_ms;
    else
        ms = 1 + (uint64_t)byte(in);
    if (kind != 0)
        ms <<= byte(in) & 15;
    net_advance(n, ms);
}

static void step(struct net *n, struct input *in)
{
    unsigned kind = byte(in) & 31, which;

    if (kind < 8) {
        step_message(n, in, kind);
        return;
    }
    switch (kind) {
    case 8:
    case 9:
        net_run(n, RUN_STEPS);
        break;
    case 10:
    case 11:
        step_time(n, in, kind - 10);
        break;
    case 12:
        which = below(in, NET_ENGINES);
        ike_on_acquire(n->e[which].ike, n->now_ms, 7 + (byte(in) & 3));
        net_actions(n, which);
        break;
    case 13:
        which = below(in, NET_ENGINES);
        if (n->e[which].n_jobs > 0)
            net_job_finish(n, which, below(in, n->e[which].n_jobs));
        break;
    case 14:
        configured(n, in);
        break;
    case 15:
        sa_event(n, in);
        break;
    case 16:
        raw(n, in);
        break;
    case 17:
    case 18:
        made_up(n, in);
        break;
    case 19:
    case 20:
        told(n, in);
        break;
    case 21:
        which = below(in, NET_ENGINES);
        ike_kill_connections(n->e[which].ike, n->now_ms);
        net_actions(n, which);
        break;
    case 22:
        net_restart(n, below(in, NET_ENGINES));
        break;
    case 23:
        stray(n, in);
        break;
    default:
        step_message(n, in, kind & 7);
        break;
    }
}

static void set_up(struct net *n, struct input *in)
{
    static const enum cipher_alg ciphers[] = { CIPHER_AES_128, CIPHER_3DES, CIPHER_DES,
                                               CIPHER_AES_256 };
    uint8_t a = byte(in), b = byte(in), c = byte(in), d = byte(in);

    for (unsigned i = 0; i < NET_ENGINES; i++) {
        struct net_engine *e = &n->e[i];

        for (size_t k = 0; k < e->n_peers; k++) {
            e->peers[k].cipher = ciphers[a & 3];
            e->peers[k].hash = a & 4 ? AUTH_MD5 : AUTH_SHA1;
            e->peers[k].group = (enum dh_group)(1 + (a >> 3) % 5);
            e->peers[k].check = (enum ike_proposal_check)(b & 3);
            e->peers[k].send_initial_contact = !(b & 4);
            e->peers[k].nat_traversal = !(b & 8);
            e->peers[k].mode = (enum ike_exchange_mode)((d >> 1) % 3);
        }
        e->proposals[0].pfs_group = (enum dh_group)((b >> 4) % DH_GROUP_COUNT);
        for (size_t k = 0; k < e->n_policies; k++) {
            e->policies[k].protocols = 1 + c % 3;
            e->policies[k].tunnel = !(c & 4);
        }
        e->proposals[0].lifebytes = d & 1 ? 1 << 20 : 0;
        net_configure(n, i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input in = { data, data + len };
    struct net *n;

    if (len < 5 || len > INPUT_MAX)
        return 0;
    n = net_new(1);
    set_up(n, &in);
    for (unsigned i = 0; i < STEPS_MAX && in.at < in.end; i++)
        step(n, &in);
    net_run(n, 4 * RUN_STEPS);
    net_free(n);
    return 0;
}
