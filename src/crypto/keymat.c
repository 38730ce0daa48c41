#include "keymat.h"

#include "must.h"
#include "secret.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct slice cookie(const uint8_t *c)
{
    return (struct slice){ c, COOKIE_LEN };
}

/* A key or digest of K's hash. */
static struct slice part(const struct skeyid *k, const uint8_t *bytes)
{
    return (struct slice){ bytes, digest_info[k->alg].len };
}

static struct slice be32_to(uint8_t bytes[4], uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(v >> (24 - 8 * i));
    return (struct slice){ bytes, 4 };
}

void skeyid_wipe(struct skeyid *k)
{
    if (k)
        secret_wipe(k, sizeof(*k));
}

/* -- SKEYID and its family */

void skeyid_from_psk(struct skeyid *ret, enum digest_alg alg, struct slice psk, struct slice ni_b,
                     struct slice nr_b)
{
    struct slice nonces[] = { ni_b, nr_b };

    *ret = (struct skeyid){ .alg = alg };
    prf_of(alg, psk, nonces, COUNT(nonces), ret->skeyid);
}

void skeyid_from_signature(struct skeyid *ret, enum digest_alg alg, struct slice ni_b,
                           struct slice nr_b, struct slice g_xy)
{
    uint8_t key[2 * IKE_NONCE_MAX];

    must(ni_b.len + nr_b.len <= sizeof(key), "nonces longer than nonces can be");
    memcpy(key, ni_b.p, ni_b.len);
    memcpy(key + ni_b.len, nr_b.p, nr_b.len);
    *ret = (struct skeyid){ .alg = alg };
    prf_of(alg, (struct slice){ key, ni_b.len + nr_b.len }, &g_xy, 1, ret->skeyid);
}

/* prf(SKEYID, PREVIOUS | g^xy | CKY-I | CKY-R | NUMBER) */
static void family_member(const struct skeyid *k, struct slice previous, struct slice g_xy,
                          const struct ike_cookies *cookies, uint8_t number, uint8_t *ret)
{
    struct slice parts[] = {
        previous, g_xy, cookie(cookies->i), cookie(cookies->r), { &number, 1 }
    };

    prf_of(k->alg, part(k, k->skeyid), parts, COUNT(parts), ret);
}

void skeyid_derive(struct skeyid *k, struct slice g_xy, const struct ike_cookies *cookies)
{
    family_member(k, (struct slice){ NULL, 0 }, g_xy, cookies, 0, k->d);
    family_member(k, part(k, k->d), g_xy, cookies, 1, k->a);
    family_member(k, part(k, k->a), g_xy, cookies, 2, k->e);
}

/* -- Key of the phase 1 cipher */

void skeyid_e_expand(const struct skeyid *k, uint8_t *ret, size_t len)
{
    static const uint8_t zero;
    uint8_t block[DIGEST_MAX];
    size_t block_len = digest_info[k->alg].len;
    struct slice previous = { &zero, 1 };

    must(len <= KEYMAT_MAX, "more key material than any cipher takes");
    for (size_t at = 0; at < len; at += block_len) {
        prf_of(k->alg, part(k, k->e), &previous, 1, block);
        previous = part(k, block);
        memcpy(ret + at, block, len - at < block_len ? len - at : block_len);
    }
    secret_wipe(block, sizeof(block));
}

bool keymat_cipher_key(const struct skeyid *k, enum cipher_alg cipher, uint8_t *ret)
{
    uint8_t key[CIPHER_KEY_MAX];
    const uint8_t *from = k->e;
    size_t key_len = cipher_info[cipher].key_len, have = digest_info[k->alg].len;
    bool weak;

    if (key_len > have) {
        skeyid_e_expand(k, key, key_len);
        from = key;
        have = key_len;
    }
    weak = cipher_key_is_weak(cipher, from);
    for (; weak && cipher == CIPHER_DES && have >= 2 * key_len; have -= key_len) {
        from += key_len;
        weak = cipher_key_is_weak(cipher, from);
    }
    if (!weak)
        memcpy(ret, from, key_len);
    secret_wipe(key, sizeof(key));
    return !weak;
}

/* -- IVs: the leftmost block of a plain hash */

static void iv_of(enum digest_alg alg, enum cipher_alg cipher, const struct slice *parts, size_t n,
                  uint8_t *ret)
{
    uint8_t digest[DIGEST_MAX];

    digest_of(alg, parts, n, digest);
    memcpy(ret, digest, cipher_info[cipher].block_len);
}

void keymat_phase1_iv(enum digest_alg alg, enum cipher_alg cipher, struct slice g_xi,
                      struct slice g_xr, uint8_t *ret)
{
    struct slice parts[] = { g_xi, g_xr };

    iv_of(alg, cipher, parts, COUNT(parts), ret);
}

void keymat_phase2_iv(enum digest_alg alg, enum cipher_alg cipher, const uint8_t *last_block,
                      uint32_t message_id, uint8_t *ret)
{
    uint8_t id[4];
    struct slice parts[] = { { last_block, cipher_info[cipher].block_len },
                             be32_to(id, message_id) };

    iv_of(alg, cipher, parts, COUNT(parts), ret);
}

/* -- Hashes that authenticate */

void keymat_hash_i(const struct skeyid *k, const struct phase1_facts *f, struct slice idii_b,
                   uint8_t *ret)
{
    struct slice parts[] = { f->g_xi,  f->g_xr, cookie(f->cookies.i), cookie(f->cookies.r),
                             f->sai_b, idii_b };

    prf_of(k->alg, part(k, k->skeyid), parts, COUNT(parts), ret);
}

void keymat_hash_r(const struct skeyid *k, const struct phase1_facts *f, struct slice idir_b,
                   uint8_t *ret)
{
    struct slice parts[] = { f->g_xr,  f->g_xi, cookie(f->cookies.r), cookie(f->cookies.i),
                             f->sai_b, idir_b };

    prf_of(k->alg, part(k, k->skeyid), parts, COUNT(parts), ret);
}

/* prf(hash(FIRST | SECOND), ...): the nonces stand in for SKEYID. */
static void base_hash(enum digest_alg alg, struct slice first, struct slice second,
                      const struct slice *parts, size_t n, uint8_t *ret)
{
    const struct slice nonces[] = { first, second };
    uint8_t key[DIGEST_MAX];

    digest_of(alg, nonces, COUNT(nonces), key);
    prf_of(alg, (struct slice){ key, digest_info[alg].len }, parts, n, ret);
}

void keymat_base_hash_i(enum digest_alg alg, const struct phase1_facts *f, struct slice ni_b,
                        struct slice nr_b, struct slice idii_b, uint8_t *ret)
{
    struct slice parts[] = { f->g_xi, cookie(f->cookies.i), cookie(f->cookies.r), f->sai_b,
                             idii_b };

    base_hash(alg, nr_b, ni_b, parts, COUNT(parts), ret); /* the responder's nonce first */
}

void keymat_base_hash_r(enum digest_alg alg, const struct phase1_facts *f, struct slice ni_b,
                        struct slice nr_b, struct slice idii_b, uint8_t *ret)
{
    struct slice parts[] = { f->g_xi,  f->g_xr, cookie(f->cookies.i), cookie(f->cookies.r),
                             f->sai_b, idii_b };

    base_hash(alg, ni_b, nr_b, parts, COUNT(parts), ret);
}

void keymat_hash1(const struct skeyid *k, uint32_t message_id, struct slice rest, uint8_t *ret)
{
    uint8_t id[4];
    struct slice parts[] = { be32_to(id, message_id), rest };

    prf_of(k->alg, part(k, k->a), parts, COUNT(parts), ret);
}

void keymat_hash2(const struct skeyid *k, uint32_t message_id, struct slice ni_b, struct slice rest,
                  uint8_t *ret)
{
    uint8_t id[4];
    struct slice parts[] = { be32_to(id, message_id), ni_b, rest };

    prf_of(k->alg, part(k, k->a), parts, COUNT(parts), ret);
}

void keymat_hash3(const struct skeyid *k, uint32_t message_id, struct slice ni_b, struct slice nr_b,
                  uint8_t *ret)
{
    static const uint8_t zero;
    uint8_t id[4];
    struct slice parts[] = { { &zero, 1 }, be32_to(id, message_id), ni_b, nr_b };

    prf_of(k->alg, part(k, k->a), parts, COUNT(parts), ret);
}

bool keymat_hash_matches(enum digest_alg alg, const uint8_t *ours, struct slice received)
{
    return received.len == digest_info[alg].len && secret_equal(ours, received.p, received.len);
}

/* -- Keys of phase 2 */

void keymat_quick(const struct skeyid *k, const struct quick_facts *f, uint8_t *ret, size_t len)
{
    uint8_t block[DIGEST_MAX];
    size_t block_len = digest_info[k->alg].len;
    /* The first is the block before, nothing for K1. */
    struct slice parts[] = {
        { NULL, 0 }, f->g_qm_xy, { &f->protocol, 1 }, f->spi, f->ni_b, f->nr_b
    };

    must(len <= KEYMAT_MAX, "more key material than any SA takes");
    for (size_t at = 0; at < len; at += block_len) {
        prf_of(k->alg, part(k, k->d), parts, COUNT(parts), block);
        parts[0] = part(k, block);
        memcpy(ret + at, block, len - at < block_len ? len - at : block_len);
    }
    secret_wipe(block, sizeof(block));
}
