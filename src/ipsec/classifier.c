#include "classifier.h"

#include "addr.h"
#include "ip.h"
#include "text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A key as words: IPv4 {both addresses, rest}, IPv6 {source 2, destination 2, rest}. The rest is
 * packed so that a rank fits beside it, because at 100,000 policies a lookup costs what its cache
 * misses cost:
 *
 *   63      47 46        45    33 32    31          0
 *   +---------+----+------+------+-----+------------+
 *   |  rank   | in use | tuple    | UDP | both ports |   tuple with ports (TCP or UDP)
 *   |         |        |          |  0  |   protocol |   tuple without
 *   +---------+----+------+------+-----+------------+
 */
enum { WORDS_V4 = 2, WORDS_V6 = 5 };
enum { REST_UDP_SHIFT = 32, REST_TUPLE_SHIFT = 33, REST_USED_SHIFT = 46, REST_RANK_SHIFT = 47 };
enum { SRC, DST };
enum { SET_WORDS_MAX = SPD_MAX_TUPLES / 64, MAX_LENS = 128 };

static_assert(SPD_MAX_TUPLES <= 1 << (REST_USED_SHIFT - REST_TUPLE_SHIFT) &&
                  SPD_MAX_SLOTS <= 1 << (64 - REST_RANK_SHIFT),
              "tuple and rank fit beside ports and protocol");

/* Which tuples a packet may look at */
enum kind { KIND_PORTS, KIND_NO_PORTS, KIND_LATER, KIND_COUNT };

struct class_tuple {
    uint64_t mask[WORDS_V6];
    uint64_t tag; /* tuple index and "in use", in their places in the last word */
    uint32_t best_rank;
    bool ports, shadow;
};

/* A prefix length in use on one side, other than 0. */
struct class_len {
    uint64_t mask[2];
    uint64_t salt;
    uint8_t len;
};

struct class_side {
    struct class_len lens[MAX_LENS];
    unsigned n_lens;
    uint64_t *sets;              /* [n_lens][set_words]: tuples of that length */
    uint64_t any[SET_WORDS_MAX]; /* tuples of length 0 */
};

/* Two bits of one word per member: 8 bits of memory for each give about 5% false positives. */
struct bloom {
    uint64_t *words;
    uint64_t n_words;
};

struct class_family {
    struct class_tuple *tuples; /* ascending best rank */
    struct spd_tuple *shapes;   /* parallel, as given; for classifier_finish */
    unsigned n_tuples, set_words;
    bool prune;
    uint64_t *slots;  /* keys with their rank; last word 0: free */
    uint64_t n_homes; /* a chain starts in one of these and may run into the slots behind */
    uint64_t n_slots;
    struct bloom prefixes; /* (side, length, masked address) of all rows */
    struct bloom keys;     /* keys of all rows */
    struct class_side side[2];
    uint64_t kinds[KIND_COUNT][SET_WORDS_MAX];
};

struct classifier {
    uint64_t seed[2];
    struct class_family v4, v6;
};

/* A packet's key as words, before masking. */
struct class_key {
    uint64_t addr[WORDS_V6 - 1];
    uint64_t rest[2]; /* [1]: for tuples with ports */
};

#define INLINE static inline __attribute__((always_inline))

/* ---- hashing ---- */

INLINE uint64_t fold_mul(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Spreads H over 0 ... N - 1 by its high bits. */
INLINE uint64_t hash_scale(uint64_t h, uint64_t n)
{
    return (uint64_t)((unsigned __int128)h * n >> 64);
}

INLINE uint64_t key_hash(const uint64_t seed[2], const uint64_t *w, unsigned words)
{
    uint64_t h = fold_mul(w[0] ^ seed[0], w[words - 1] ^ seed[1]);

    if (words == WORDS_V6) {
        h = fold_mul(h ^ w[1], w[2] ^ seed[0]);
        h = fold_mul(h ^ w[3], seed[1]);
    }
    return h;
}

INLINE uint64_t side_hash(const uint64_t seed[2], const uint64_t w[2], uint64_t salt)
{
    return fold_mul(w[0] ^ seed[0], w[1] ^ seed[1] ^ salt);
}

/* The word is picked by the high bits, the bits in it by the low ones. */
INLINE uint64_t bloom_bits(uint64_t h)
{
    return (uint64_t)1 << (h & 63) | (uint64_t)1 << (h >> 6 & 63);
}

INLINE bool bloom_has(const struct bloom *b, uint64_t h)
{
    uint64_t bits = bloom_bits(h);

    return (b->words[hash_scale(h, b->n_words)] & bits) == bits;
}

static void bloom_add(struct bloom *b, uint64_t h)
{
    b->words[hash_scale(h, b->n_words)] |= bloom_bits(h);
}

/* ---- keys as words ---- */

INLINE unsigned family_words(uint8_t family)
{
    return family == IP_V4 ? WORDS_V4 : WORDS_V6;
}

INLINE void class_key_make(const struct spd_key *key, unsigned words, struct class_key *ret)
{
    uint32_t addr[2];

    if (words == WORDS_V4) {
        memcpy(&addr[0], key->src, 4);
        memcpy(&addr[1], key->dst, 4);
        ret->addr[0] = addr[0] | (uint64_t)addr[1] << 32;
    } else {
        memcpy(ret->addr, key->src, 16);
        memcpy(ret->addr + 2, key->dst, 16);
    }
    ret->rest[0] = key->proto;
    ret->rest[1] = key->sport | (uint64_t)key->dport << 16 |
                   (uint64_t)(key->proto == PROTO_UDP) << REST_UDP_SHIFT;
}

INLINE void class_key_mask(const struct class_key *key, const struct class_tuple *t, unsigned words,
                           uint64_t *ret)
{
    for (unsigned i = 0; i < words - 1; i++)
        ret[i] = key->addr[i] & t->mask[i];
    ret[words - 1] = (key->rest[t->ports] & t->mask[words - 1]) | t->tag;
}

/* The address of one side as two words. */
INLINE void side_words(const uint64_t *addr, unsigned words, unsigned side, uint64_t ret[2])
{
    if (words == WORDS_V4) {
        ret[0] = side == SRC ? (uint32_t)addr[0] : addr[0] >> 32;
        ret[1] = 0;
    } else {
        ret[0] = addr[2 * side];
        ret[1] = addr[2 * side + 1];
    }
}

static void class_tuple_make(const struct spd_tuple *t, unsigned index, struct class_tuple *ret)
{
    unsigned words = family_words(t->family);
    struct spd_key ones;
    struct class_key masks;

    memset(&ones, 0xff, sizeof(ones));
    ip_bits_mask(ones.src, t->src_len);
    ip_bits_mask(ones.dst, t->dst_len);
    if (!t->sport_exact)
        ones.sport = 0;
    if (!t->dport_exact)
        ones.dport = 0;
    if (!t->proto_exact)
        ones.proto = 0;
    class_key_make(&ones, words, &masks);
    masks.rest[1] |= (uint64_t)1 << REST_UDP_SHIFT;
    *ret = (struct class_tuple){ .tag = (uint64_t)index << REST_TUPLE_SHIFT |
                                        (uint64_t)1 << REST_USED_SHIFT,
                                 .best_rank = t->best_rank,
                                 .ports = t->sport_exact || t->dport_exact,
                                 .shadow = t->shadow };
    memcpy(ret->mask, masks.addr, (words - 1) * sizeof(uint64_t));
    ret->mask[words - 1] = masks.rest[ret->ports];
}

static uint64_t len_salt(unsigned side, unsigned len)
{
    return (uint64_t)(len | side << 8) << 48;
}

/* ---- building ---- */

static uint64_t *words_new(size_t n)
{
    size_t bytes = (n * sizeof(uint64_t) + 63) & ~(size_t)63;
    void *p = aligned_alloc(64, bytes);

    if (!p)
        abort(); /* as xmalloc */
    return memset(p, 0, bytes);
}

static void bloom_init(struct bloom *b, size_t members)
{
    b->n_words = members / 8 + 8;
    b->words = words_new(b->n_words);
}

static void family_init(struct class_family *f, size_t n_rows, unsigned words)
{
    f->n_homes = n_rows + n_rows / 2 + 8;
    f->n_slots = f->n_homes + n_rows + 1; /* whatever the hash does, a chain ends */
    f->slots = words_new(f->n_slots * words);
    bloom_init(&f->prefixes, 2 * n_rows);
    bloom_init(&f->keys, 2 * n_rows); /* twice the memory, a fourth of the false positives */
}

static void family_fini(struct class_family *f)
{
    free(f->tuples);
    free(f->shapes);
    free(f->slots);
    free(f->prefixes.words);
    free(f->keys.words);
    free(f->side[SRC].sets);
    free(f->side[DST].sets);
}

struct classifier *classifier_new(const uint64_t seed[2], size_t n_v4, size_t n_v6)
{
    struct classifier *c = xcalloc(1, sizeof(*c));

    memcpy(c->seed, seed, sizeof(c->seed));
    family_init(&c->v4, n_v4, WORDS_V4);
    family_init(&c->v6, n_v6, WORDS_V6);
    return c;
}

void classifier_free(struct classifier *c)
{
    if (!c)
        return;
    family_fini(&c->v4);
    family_fini(&c->v6);
    free(c);
}

static struct class_family *family_of(struct classifier *c, uint8_t family)
{
    return family == IP_V4 ? &c->v4 : &c->v6;
}

void classifier_add_tuple(struct classifier *c, unsigned index, const struct spd_tuple *t)
{
    struct class_family *f = family_of(c, t->family);
    unsigned n = f->n_tuples++;

    f->tuples = xrealloc(f->tuples, f->n_tuples * sizeof(*f->tuples));
    f->shapes = xrealloc(f->shapes, f->n_tuples * sizeof(*f->shapes));
    f->shapes[n] = *t;
    class_tuple_make(t, index, &f->tuples[n]);
}

static void prefix_add(const struct classifier *c, struct class_family *f, const uint64_t *w,
                       unsigned words, unsigned side, unsigned len)
{
    uint64_t addr[2];

    side_words(w, words, side, addr);
    bloom_add(&f->prefixes, side_hash(c->seed, addr, len_salt(side, len)));
}

INLINE uint64_t rest_key(uint64_t rest)
{
    return rest & (((uint64_t)1 << REST_RANK_SHIFT) - 1);
}

static bool slot_add(struct class_family *f, const uint64_t *w, unsigned words, uint64_t h,
                     uint32_t rank)
{
    uint64_t *slot = &f->slots[hash_scale(h, f->n_homes) * words];

    for (; slot[words - 1] != 0; slot += words)
        if (rest_key(slot[words - 1]) == w[words - 1] &&
            memcmp(slot, w, (words - 1) * sizeof(*w)) == 0)
            return false;
    memcpy(slot, w, words * sizeof(*w));
    slot[words - 1] |= (uint64_t)rank << REST_RANK_SHIFT;
    return true;
}

bool classifier_add_row(struct classifier *c, const struct spd_key *key, const struct spd_tuple *t,
                        uint32_t rank)
{
    struct class_family *f = family_of(c, key->family);
    unsigned words = family_words(key->family);
    struct class_tuple tuple;
    struct class_key full;
    uint64_t w[WORDS_V6];

    class_tuple_make(t, key->tuple, &tuple);
    class_key_make(key, words, &full);
    class_key_mask(&full, &tuple, words, w);
    uint64_t h = key_hash(c->seed, w, words);
    if (!slot_add(f, w, words, h, rank))
        return false;
    bloom_add(&f->keys, h);
    prefix_add(c, f, w, words, SRC, t->src_len);
    prefix_add(c, f, w, words, DST, t->dst_len);
    return true;
}

static void set_put(uint64_t *set, unsigned i)
{
    set[i / 64] |= (uint64_t)1 << (i % 64);
}

/* The row of S->lens for LEN, made when new; MASK is that of a tuple with this length. */
static unsigned side_len_index(struct class_side *s, unsigned side, unsigned len,
                               const uint64_t *mask, unsigned words)
{
    for (unsigned i = 0; i < s->n_lens; i++)
        if (s->lens[i].len == len)
            return i;
    struct class_len *l = &s->lens[s->n_lens];
    side_words(mask, words, side, l->mask);
    l->salt = len_salt(side, len);
    l->len = (uint8_t)len;
    return s->n_lens++;
}

static void side_finish(struct class_family *f, unsigned side, unsigned words)
{
    struct class_side *s = &f->side[side];

    s->sets = xcalloc((size_t)MAX_LENS * f->set_words, sizeof(*s->sets));
    for (unsigned i = 0; i < f->n_tuples; i++) {
        unsigned len = side == SRC ? f->shapes[i].src_len : f->shapes[i].dst_len;

        if (len == 0) {
            set_put(s->any, i);
            continue;
        }
        unsigned row = side_len_index(s, side, len, f->tuples[i].mask, words);
        set_put(&s->sets[(size_t)row * f->set_words], i);
    }
    s->sets = xrealloc(s->sets, (size_t)s->n_lens * f->set_words * sizeof(*s->sets));
}

static void family_finish(struct class_family *f, unsigned words)
{
    f->set_words = (f->n_tuples + 63) / 64;
    for (unsigned i = 0; i < f->n_tuples; i++) {
        const struct class_tuple *t = &f->tuples[i];

        if (!t->shadow)
            set_put(f->kinds[KIND_PORTS], i);
        if (!t->shadow && !t->ports)
            set_put(f->kinds[KIND_NO_PORTS], i);
        if (!t->ports)
            set_put(f->kinds[KIND_LATER], i);
    }
    side_finish(f, SRC, words);
    side_finish(f, DST, words);
    /* Narrowing down costs a look per length, about as much as looking at a tuple. */
    f->prune = f->n_tuples > f->side[SRC].n_lens + f->side[DST].n_lens;
}

void classifier_finish(struct classifier *c)
{
    family_finish(&c->v4, WORDS_V4);
    family_finish(&c->v6, WORDS_V6);
}

/* ---- lookup ---- */

/* Takes those out of TUPLES whose length on SIDE no row has with this address. */
INLINE void side_prune(const struct classifier *c, const struct class_family *f,
                       const struct class_key *key, unsigned words, unsigned side, uint64_t *tuples)
{
    const struct class_side *s = &f->side[side];
    uint64_t live[SET_WORDS_MAX], addr[2], masked[2];

    side_words(key->addr, words, side, addr);
    for (unsigned k = 0; k < f->set_words; k++)
        live[k] = s->any[k];
    for (unsigned i = 0; i < s->n_lens; i++) {
        const struct class_len *l = &s->lens[i];

        masked[0] = addr[0] & l->mask[0];
        masked[1] = words == WORDS_V4 ? 0 : addr[1] & l->mask[1];
        /* all ones or nothing, without a branch nobody could predict */
        uint64_t keep = -(uint64_t)bloom_has(&f->prefixes, side_hash(c->seed, masked, l->salt));
        for (unsigned k = 0; k < f->set_words; k++)
            live[k] |= s->sets[i * f->set_words + k] & keep;
    }
    for (unsigned k = 0; k < f->set_words; k++)
        tuples[k] &= live[k];
}

/* The rank of the row with key W and hash H, SPD_RANK_NONE without one. */
INLINE uint32_t slot_find(const struct class_family *f, const uint64_t *w, unsigned words,
                          uint64_t h)
{
    const uint64_t *slot = &f->slots[hash_scale(h, f->n_homes) * words];

    for (; slot[words - 1] != 0; slot += words) {
        uint64_t differ = rest_key(slot[words - 1]) ^ w[words - 1];

        for (unsigned i = 0; i < words - 1; i++)
            differ |= slot[i] ^ w[i];
        if (differ == 0)
            return (uint32_t)(slot[words - 1] >> REST_RANK_SHIFT);
    }
    return SPD_RANK_NONE;
}

enum { LOOK_AT_ONCE = 16 };

struct look {
    const struct class_tuple *tuple;
    uint64_t h;
    uint64_t w[WORDS_V6];
};

/* The next LOOK_AT_ONCE tuples of *LEFT, those kept whose key may be there. Their slots are on the
 * way to the cache while the rest is looked at. */
INLINE unsigned looks_take(const struct classifier *c, const struct class_family *f,
                           const struct class_key *key, unsigned words,
                           const struct class_tuple *tuples, uint64_t *left, struct look *ret)
{
    unsigned n = 0;

    for (unsigned i = 0; i < LOOK_AT_ONCE && *left != 0; i++, *left &= *left - 1) {
        struct look *l = &ret[n];

        l->tuple = &tuples[__builtin_ctzll(*left)];
        class_key_mask(key, l->tuple, words, l->w);
        l->h = key_hash(c->seed, l->w, words);
        if (bloom_has(&f->keys, l->h)) {
            __builtin_prefetch(&f->slots[hash_scale(l->h, f->n_homes) * words]);
            n++;
        }
    }
    return n;
}

INLINE uint32_t tuples_look(const struct classifier *c, const struct class_family *f,
                            const struct class_key *key, unsigned words, const uint64_t *tuples,
                            bool *ret_shadow)
{
    struct look looks[LOOK_AT_ONCE];
    uint32_t best = SPD_RANK_NONE;

    for (unsigned k = 0; k < f->set_words; k++) {
        const struct class_tuple *base = &f->tuples[64 * k];

        for (uint64_t left = tuples[k]; left != 0;) {
            if (base[__builtin_ctzll(left)].best_rank >= best)
                return best;
            unsigned n = looks_take(c, f, key, words, base, &left, looks);
            for (unsigned i = 0; i < n && looks[i].tuple->best_rank < best; i++) {
                uint32_t rank = slot_find(f, looks[i].w, words, looks[i].h);
                if (rank < best) {
                    best = rank;
                    *ret_shadow = looks[i].tuple->shadow;
                }
            }
        }
    }
    return best;
}

INLINE uint32_t family_find(const struct classifier *c, const struct class_family *f,
                            const struct spd_key *key, enum kind kind, unsigned words,
                            bool *ret_shadow)
{
    uint64_t tuples[SET_WORDS_MAX];
    struct class_key full;

    class_key_make(key, words, &full);
    for (unsigned k = 0; k < f->set_words; k++)
        tuples[k] = f->kinds[kind][k];
    if (f->prune) {
        side_prune(c, f, &full, words, SRC, tuples);
        side_prune(c, f, &full, words, DST, tuples);
    }
    return tuples_look(c, f, &full, words, tuples, ret_shadow);
}

uint32_t classifier_find(const struct classifier *c, const struct spd_key *key, bool later_fragment,
                         bool *ret_shadow)
{
    bool ports = key->proto == PROTO_TCP || key->proto == PROTO_UDP;
    enum kind kind = later_fragment ? KIND_LATER : ports ? KIND_PORTS : KIND_NO_PORTS;

    if (key->family == IP_V4)
        return family_find(c, &c->v4, key, kind, WORDS_V4, ret_shadow);
    if (key->family == IP_V6)
        return family_find(c, &c->v6, key, kind, WORDS_V6, ret_shadow);
    return SPD_RANK_NONE;
}
