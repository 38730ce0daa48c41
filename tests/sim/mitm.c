#include "mitm.h"

#include "exchange.h"
#include "isakmp.h"
#include "phase1.h"
#include "quick_keys.h"

enum { SEEN_MAX = 64, TAIL_LEN = 8, HEADER_LEN = ISAKMP_HEADER_LEN };

/* ---- plain text, by the end of its cipher text ---- */

struct seen {
    uint8_t tail[TAIL_LEN];
    uint8_t plain[MITM_BYTES_MAX];
    size_t len;
};

static struct seen seen[SEEN_MAX];
static unsigned seen_next;

enum cipher_error __real_cbc_seal(enum cipher_alg alg, struct slice key, const uint8_t *iv,
                                  uint8_t *buf, size_t len, uint8_t *ret_next_iv);
enum cipher_error __wrap_cbc_seal(enum cipher_alg alg, struct slice key, const uint8_t *iv,
                                  uint8_t *buf, size_t len, uint8_t *ret_next_iv);

enum cipher_error __wrap_cbc_seal(enum cipher_alg alg, struct slice key, const uint8_t *iv,
                                  uint8_t *buf, size_t len, uint8_t *ret_next_iv)
{
    struct seen *s = &seen[seen_next++ % SEEN_MAX];
    enum cipher_error e;

    s->len = len <= sizeof s->plain ? len : 0;
    memcpy(s->plain, buf, s->len);
    e = __real_cbc_seal(alg, key, iv, buf, len, ret_next_iv);
    if (len >= TAIL_LEN)
        memcpy(s->tail, buf + len - TAIL_LEN, TAIL_LEN);
    return e;
}

static const struct seen *seen_find(const uint8_t *sealed, size_t len)
{
    for (unsigned i = 0; i < SEEN_MAX && len >= TAIL_LEN; i++) {
        if (seen[i].len == len && memcmp(seen[i].tail, sealed + len - TAIL_LEN, TAIL_LEN) == 0)
            return &seen[i];
    }
    return NULL;
}

/* ---- payloads ---- */

static size_t payloads_end(const struct mitm_msg *m)
{
    struct mitm_payload p;
    size_t end = HEADER_LEN;

    for (unsigned i = 0; mitm_find(m, i, &p); i++)
        end = p.at + p.len;
    return end;
}

bool mitm_open(const uint8_t *bytes, size_t len, struct mitm_msg *ret)
{
    const struct seen *s;

    if (len < HEADER_LEN || len > sizeof ret->b)
        return false;
    memcpy(ret->b, bytes, len);
    ret->len = len;
    ret->sealed = bytes[19] & ISAKMP_FLAG_ENCRYPTED;
    if (!ret->sealed)
        return true;
    s = seen_find(bytes + HEADER_LEN, len - HEADER_LEN);
    if (!s)
        return false;
    memcpy(ret->b + HEADER_LEN, s->plain, s->len);
    ret->len = payloads_end(ret);
    return true;
}

void mitm_begin(struct mitm_msg *m, const struct ike_cookies *cookies, uint8_t exchange,
                uint32_t id)
{
    memset(m->b, 0, HEADER_LEN);
    memcpy(m->b, cookies, sizeof *cookies);
    m->b[17] = 0x10;
    m->b[18] = exchange;
    m->b[19] = ISAKMP_FLAG_ENCRYPTED;
    be32_put(m->b + 20, id);
    m->len = HEADER_LEN;
    m->sealed = true;
}

bool mitm_find(const struct mitm_msg *m, unsigned i, struct mitm_payload *ret)
{
    struct mitm_payload p = { .type = m->b[16], .type_at = 16, .at = HEADER_LEN };

    for (;; i--) {
        size_t left = m->len - p.at;

        if (p.type == PL_NONE || left < ISAKMP_GENERIC_LEN)
            return false;
        p.len = be16_get(m->b + p.at + 2);
        if (p.len < ISAKMP_GENERIC_LEN || p.len > left)
            p.len = left;
        if (i == 0)
            break;
        p = (struct mitm_payload){ m->b[p.at], p.at, p.at + p.len, 0 };
    }
    *ret = p;
    return true;
}

unsigned mitm_count(const struct mitm_msg *m)
{
    struct mitm_payload p;
    unsigned n = 0;

    while (mitm_find(m, n, &p))
        n++;
    return n;
}

bool mitm_find_type(const struct mitm_msg *m, uint8_t type, struct mitm_payload *ret)
{
    for (unsigned i = 0; mitm_find(m, i, ret); i++) {
        if (ret->type == type)
            return true;
    }
    return false;
}

void mitm_remove(struct mitm_msg *m, unsigned i)
{
    struct mitm_payload p;

    if (!mitm_find(m, i, &p))
        return;
    m->b[p.type_at] = m->b[p.at];
    memmove(m->b + p.at, m->b + p.at + p.len, m->len - p.at - p.len);
    m->len -= p.len;
}

void mitm_insert(struct mitm_msg *m, unsigned i, uint8_t type, struct slice body)
{
    size_t len = ISAKMP_GENERIC_LEN + body.len, at = m->len, type_at = 16;
    uint8_t next = PL_NONE;
    struct mitm_payload p;

    if (m->len + len > sizeof m->b || len > UINT16_MAX)
        return;
    if (mitm_find(m, i, &p)) {
        at = p.at;
        type_at = p.type_at;
        next = p.type;
    } else if (mitm_count(m) > 0 && mitm_find(m, mitm_count(m) - 1, &p)) {
        at = p.at + p.len;
        type_at = p.at;
    }
    memmove(m->b + at + len, m->b + at, m->len - at);
    m->b[type_at] = type;
    m->b[at] = next;
    m->b[at + 1] = 0;
    be16_put(m->b + at + 2, (uint16_t)len);
    memcpy(m->b + at + ISAKMP_GENERIC_LEN, body.p, body.len);
    m->len += len;
}

/* ---- with the receiver's keys ---- */

static struct phase1 *phase1_of(struct ike *to, const struct mitm_msg *m)
{
    for (size_t i = 0; i < to->phase1s.n_buckets; i++) {
        for (struct map_link *l = to->phase1s.buckets[i]; l; l = l->next) {
            struct phase1 *p1 = map_owner(l, struct phase1, by_cookie);

            if (memcmp(&p1->cookies, m->b, 2 * COOKIE_LEN) == 0)
                return p1;
        }
    }
    return NULL;
}

static struct exchange *exchange_of(const struct phase1 *p1, const struct mitm_msg *m)
{
    return exchange_find(p1, be32_get(m->b + 20));
}

static struct slice behind(const struct mitm_msg *m, const struct mitm_payload *p)
{
    return (struct slice){ m->b + p->at + p->len, m->len - p->at - p->len };
}

static void phase1_hash(const struct phase1 *p1, const struct mitm_msg *m, uint8_t *ret)
{
    const struct p1_setup *s = p1->setup;
    size_t ke_len = dh_group_info[s->choice.group].public_len;
    struct phase1_facts f = {
        { s->ke_i, ke_len }, { s->ke_r, ke_len }, p1->cookies, body_slice(&s->sai_b)
    };
    struct slice id = { NULL, 0 };
    struct mitm_payload p;

    if (mitm_find_type(m, PL_ID, &p))
        id = (struct slice){ m->b + p.at + ISAKMP_GENERIC_LEN, p.len - ISAKMP_GENERIC_LEN };
    if (p1->initiator)
        keymat_hash_r(&p1->keys, &f, id, ret);
    else
        keymat_hash_i(&p1->keys, &f, id, ret);
}

static void phase2_hash(const struct phase1 *p1, const struct mitm_msg *m,
                        const struct mitm_payload *hash, uint8_t *ret)
{
    const struct exchange *ex = exchange_of(p1, m);
    uint32_t id = be32_get(m->b + 20);
    const struct quick *q = ex ? ex->quick : NULL;

    if (!q)
        keymat_hash1(&p1->keys, id, behind(m, hash), ret);
    else if (ex->initiator)
        keymat_hash2(&p1->keys, id, nonce_slice(&q->ni), behind(m, hash), ret);
    else
        keymat_hash3(&p1->keys, id, nonce_slice(&q->ni), nonce_slice(&q->nr), ret);
}

void mitm_rehash(struct ike *to, struct mitm_msg *m)
{
    const struct phase1 *p1 = phase1_of(to, m);
    size_t len = p1 ? digest_info[p1->digest].len : 0;
    uint8_t hash[DIGEST_MAX];
    struct mitm_payload p;
    bool in_phase1 = be32_get(m->b + 20) == 0;

    if (!p1 || !p1->keys.alg || !m->sealed || !mitm_find_type(m, PL_HASH, &p) ||
        p.len != ISAKMP_GENERIC_LEN + len || (in_phase1 && !p1->setup))
        return;
    if (in_phase1)
        phase1_hash(p1, m, hash);
    else
        phase2_hash(p1, m, &p, hash);
    memcpy(m->b + p.at + ISAKMP_GENERIC_LEN, hash, len);
}

static void iv_of(const struct phase1 *p1, const struct mitm_msg *m, uint8_t *ret)
{
    const struct exchange *ex = exchange_of(p1, m);

    if (ex)
        memcpy(ret, ex->iv, CIPHER_BLOCK_MAX);
    else
        keymat_phase2_iv(p1->digest, p1->cipher, p1->last_block, be32_get(m->b + 20), ret);
}

size_t mitm_seal(struct ike *to, const struct mitm_msg *m, uint8_t *ret, size_t cap)
{
    const struct phase1 *p1 = m->sealed ? phase1_of(to, m) : NULL;
    size_t block = p1 ? cipher_info[p1->cipher].block_len : 1;
    size_t len = HEADER_LEN + (m->len - HEADER_LEN + block - 1) / block * block;
    uint8_t iv[CIPHER_BLOCK_MAX];

    if ((m->sealed && (!p1 || !p1->digest)) || len > cap)
        return 0;
    memset(ret, 0, len);
    memcpy(ret, m->b, m->len);
    be32_put(ret + 24, (uint32_t)len);
    if (!p1)
        return len;
    iv_of(p1, m, iv);
    if (__real_cbc_seal(p1->cipher, (struct slice){ p1->enc_key, cipher_info[p1->cipher].key_len },
                        iv, ret + HEADER_LEN, len - HEADER_LEN, NULL) != CIPHER_ERR_OK)
        return 0;
    return len;
}
