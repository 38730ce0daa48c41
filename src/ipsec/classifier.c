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
    uint64_t tag; /* its index and "in use", in their places in the last word */
    uint32_t best_rank;
    bool ports, shadow;
    uint64_t mask[]; /* as many words as a key of the family has */
};

static_assert(sizeof(struct class_tuple) == 16, "with an IPv4 mask, two share a cache line");

/* Two bits of one word per member; with 8 to 16 bits of memory for each, one to five in a hundred
 * others are taken for members. */
struct bloom {
    uint64_t *words; /* a power of two of them */
    unsigned shift;  /* from a hash to its word: the high bits are the best */
};

/* A prefix length in use on one side, other than 0. Each has its own filter, as large as it needs:
 * those of short prefixes, which overlap most packets, stay in the inner caches. */
struct class_len {
    uint64_t mask[2];
    struct bloom prefixes; /* masked addresses of all rows */
    size_t n_prefixes;
    uint8_t len;
};

struct class_side {
    struct class_len lens[MAX_LENS];
    unsigned n_lens;
    uint64_t *sets;              /* [n_lens][set_words]: tuples of that length */
    uint64_t any[SET_WORDS_MAX]; /* tuples of length 0 */
};

struct class_family {
    uint8_t *tuples;    /* struct class_tuple each, see tuple_at(); ascending best rank */
    int16_t (*lens)[2]; /* parallel: index into side[].lens, -1 for length 0 */
    unsigned n_tuples, set_words;
    bool prune;
    uint64_t *slots;  /* keys with their rank; last word 0: free */
    uint64_t n_homes; /* a chain starts in one of these and may run into the slots behind */
    uint64_t n_slots;
    struct bloom keys; /* keys of all rows */
    struct bloom seen; /* while building: (side, length, prefix) of the rows so far */
    struct class_side side[2];
    uint64_t kinds[KIND_COUNT][SET_WORDS_MAX];
};

struct classifier {
    uint64_t seed[2];
    struct class_family v4, v6;
    uint16_t local[SPD_MAX_TUPLES]; /* index of a tuple in its family */
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

INLINE uint64_t side_hash(const uint64_t seed[2], const uint64_t w[2])
{
    return fold_mul(w[0] ^ seed[0], w[1] ^ seed[1]);
}

INLINE uint64_t bloom_bits(uint64_t h)
{
    return (uint64_t)1 << (h & 63) | (uint64_t)1 << (h >> 6 & 63);
}

INLINE bool bloom_has(const struct bloom *b, uint64_t h)
{
    uint64_t bits = bloom_bits(h);

    return (b->words[h >> b->shift] & bits) == bits;
}

static void bloom_add(struct bloom *b, uint64_t h)
{
    b->words[h >> b->shift] |= bloom_bits(h);
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

INLINE size_t tuple_size(unsigned words)
{
    return sizeof(struct class_tuple) + words * sizeof(uint64_t);
}

INLINE const struct class_tuple *tuple_at(const struct class_family *f, unsigned i, unsigned words)
{
    return (const struct class_tuple *)(f->tuples + i * tuple_size(words));
}

/* RET has room for the family's mask. */
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
    unsigned bits = 1;

    while ((size_t)8 << bits < members)
        bits++;
    b->words = words_new((size_t)1 << bits);
    b->shift = 64 - bits;
}

static void family_init(struct class_family *f, size_t n_rows, unsigned words)
{
    f->n_homes = n_rows + n_rows / 2 + 8;
    f->n_slots = f->n_homes + n_rows + 1; /* whatever the hash does, a chain ends */
    f->slots = words_new(f->n_slots * words);
    bloom_init(&f->seen, 2 * n_rows);
    bloom_init(&f->keys, 2 * n_rows); /* twice the memory: a false positive costs a cache miss */
}

static void side_fini(struct class_side *s)
{
    for (unsigned i = 0; i < s->n_lens; i++)
        free(s->lens[i].prefixes.words);
    free(s->sets);
}

static void family_fini(struct class_family *f)
{
    free(f->tuples);
    free(f->lens);
    free(f->seen.words);
    free(f->slots);
    free(f->keys.words);
    side_fini(&f->side[SRC]);
    side_fini(&f->side[DST]);
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

/* The index of LEN on SIDE, made when new; MASK is that of a tuple with this length. */
static int16_t side_len_index(struct class_side *s, unsigned side, unsigned len,
                              const uint64_t *mask, unsigned words)
{
    if (len == 0)
        return -1;
    for (unsigned i = 0; i < s->n_lens; i++)
        if (s->lens[i].len == len)
            return (int16_t)i;
    struct class_len *l = &s->lens[s->n_lens];
    side_words(mask, words, side, l->mask);
    l->len = (uint8_t)len;
    return (int16_t)s->n_lens++;
}

void classifier_add_tuple(struct classifier *c, unsigned index, const struct spd_tuple *t)
{
    struct class_family *f = family_of(c, t->family);
    unsigned words = family_words(t->family), n = f->n_tuples++;

    c->local[index] = (uint16_t)n;
    f->tuples = xrealloc(f->tuples, f->n_tuples * tuple_size(words));
    f->lens = xrealloc(f->lens, f->n_tuples * sizeof(*f->lens));
    struct class_tuple *made = (struct class_tuple *)(f->tuples + n * tuple_size(words));
    class_tuple_make(t, n, made);
    f->lens[n][SRC] = side_len_index(&f->side[SRC], SRC, t->src_len, made->mask, words);
    f->lens[n][DST] = side_len_index(&f->side[DST], DST, t->dst_len, made->mask, words);
}

/* Counts the prefixes of each length, roughly: the filter may know one that is new. */
static void prefix_count(const struct classifier *c, struct class_family *f, const uint64_t *w,
                         unsigned words, unsigned tuple)
{
    for (unsigned side = SRC; side <= DST; side++) {
        int len = f->lens[tuple][side];
        uint64_t addr[2];

        if (len < 0)
            continue;
        side_words(w, words, side, addr);
        uint64_t h = side_hash(c->seed, addr) * (2 * (unsigned)len + side + 3);
        if (!bloom_has(&f->seen, h))
            f->side[side].lens[len].n_prefixes++;
        bloom_add(&f->seen, h);
    }
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

bool classifier_add_row(struct classifier *c, const struct spd_key *key, uint32_t rank)
{
    struct class_family *f = family_of(c, key->family);
    unsigned words = family_words(key->family), tuple = c->local[key->tuple];
    struct class_key full;
    uint64_t w[WORDS_V6];

    class_key_make(key, words, &full);
    class_key_mask(&full, tuple_at(f, tuple, words), words, w);
    uint64_t h = key_hash(c->seed, w, words);
    if (!slot_add(f, w, words, h, rank))
        return false;
    bloom_add(&f->keys, h);
    prefix_count(c, f, w, words, tuple);
    return true;
}

static void set_put(uint64_t *set, unsigned i)
{
    set[i / 64] |= (uint64_t)1 << (i % 64);
}

static void sets_make(struct class_family *f, unsigned side)
{
    struct class_side *s = &f->side[side];

    s->sets = xcalloc((size_t)s->n_lens * f->set_words, sizeof(*s->sets));
    for (unsigned i = 0; i < f->n_tuples; i++) {
        int len = f->lens[i][side];
        set_put(len < 0 ? s->any : &s->sets[(size_t)len * f->set_words], i);
    }
}

static void prefixes_make(const struct classifier *c, struct class_family *f, unsigned side,
                          unsigned words)
{
    struct class_side *s = &f->side[side];

    for (unsigned i = 0; i < s->n_lens; i++)
        bloom_init(&s->lens[i].prefixes, s->lens[i].n_prefixes);
    for (size_t i = 0; i < f->n_slots; i++) {
        const uint64_t *slot = &f->slots[i * words];
        uint64_t addr[2];

        if (slot[words - 1] == 0)
            continue;
        int len = f->lens[slot[words - 1] >> REST_TUPLE_SHIFT & (SPD_MAX_TUPLES - 1)][side];
        side_words(slot, words, side, addr);
        if (len >= 0)
            bloom_add(&s->lens[len].prefixes, side_hash(c->seed, addr));
    }
}

static void kinds_make(struct class_family *f, unsigned words)
{
    for (unsigned i = 0; i < f->n_tuples; i++) {
        const struct class_tuple *t = tuple_at(f, i, words);

        if (!t->shadow)
            set_put(f->kinds[KIND_PORTS], i);
        if (!t->shadow && !t->ports)
            set_put(f->kinds[KIND_NO_PORTS], i);
        if (!t->ports)
            set_put(f->kinds[KIND_LATER], i);
    }
}

static void family_finish(const struct classifier *c, struct class_family *f, unsigned words)
{
    f->set_words = (f->n_tuples + 63) / 64;
    kinds_make(f, words);
    for (unsigned side = SRC; side <= DST; side++) {
        sets_make(f, side);
        prefixes_make(c, f, side, words);
    }
    free(f->seen.words);
    f->seen.words = NULL;
    /* Narrowing down costs a look per length, about as much as looking at a tuple. */
    f->prune = f->n_tuples > f->side[SRC].n_lens + f->side[DST].n_lens;
}

void classifier_finish(struct classifier *c)
{
    family_finish(c, &c->v4, WORDS_V4);
    family_finish(c, &c->v6, WORDS_V6);
}

/* ---- lookup ---- */

/* Takes those out of TUPLES whose length on SIDE no row has with this address. */
INLINE void side_prune(const struct classifier *c, const struct class_family *f,
                       const struct class_key *key, unsigned words, unsigned side,
                       unsigned set_words, uint64_t *tuples)
{
    const struct class_side *s = &f->side[side];
    uint64_t live[SET_WORDS_MAX], addr[2], masked[2];

    side_words(key->addr, words, side, addr);
    for (unsigned k = 0; k < set_words; k++)
        live[k] = s->any[k];
    for (unsigned i = 0; i < s->n_lens; i++) {
        const struct class_len *l = &s->lens[i];

        masked[0] = addr[0] & l->mask[0];
        masked[1] = words == WORDS_V4 ? 0 : addr[1] & l->mask[1];
        /* all ones or nothing, without a branch nobody could predict */
        uint64_t keep = -(uint64_t)bloom_has(&l->prefixes, side_hash(c->seed, masked));
        for (unsigned k = 0; k < set_words; k++)
            live[k] |= s->sets[i * set_words + k] & keep;
    }
    for (unsigned k = 0; k < set_words; k++)
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

enum { FEW_TUPLES = 4 };

/* Those of TUPLES whose key may be there; without a branch per tuple, which nobody could predict.
 */
INLINE uint64_t tuples_sift(const struct classifier *c, const struct class_family *f,
                            const struct class_key *key, unsigned words, unsigned base,
                            uint64_t tuples, bool prefetch)
{
    uint64_t live = 0, w[WORDS_V6];

    for (; tuples != 0; tuples &= tuples - 1) {
        unsigned i = (unsigned)__builtin_ctzll(tuples);

        class_key_mask(key, tuple_at(f, base + i, words), words, w);
        uint64_t h = key_hash(c->seed, w, words);
        if (prefetch)
            __builtin_prefetch(&f->slots[hash_scale(h, f->n_homes) * words]);
        live |= (uint64_t)bloom_has(&f->keys, h) << i;
    }
    return live;
}

/* The best row among TUPLES if it beats BEST. */
INLINE uint32_t tuples_look(const struct classifier *c, const struct class_family *f,
                            const struct class_key *key, unsigned words, unsigned base,
                            uint64_t tuples, uint32_t best, bool *ret_shadow)
{
    uint64_t w[WORDS_V6];

    for (; tuples != 0; tuples &= tuples - 1) {
        const struct class_tuple *t = tuple_at(f, base + (unsigned)__builtin_ctzll(tuples), words);

        if (t->best_rank >= best)
            break;
        class_key_mask(key, t, words, w);
        uint32_t rank = slot_find(f, w, words, key_hash(c->seed, w, words));
        if (rank < best) {
            best = rank;
            *ret_shadow = t->shadow;
        }
    }
    return best;
}

INLINE uint32_t family_find(const struct classifier *c, const struct class_family *f,
                            const struct spd_key *key, enum kind kind, unsigned words,
                            unsigned set_words, bool *ret_shadow)
{
    uint64_t tuples[SET_WORDS_MAX];
    struct class_key full;
    uint32_t best = SPD_RANK_NONE;

    class_key_make(key, words, &full);
    for (unsigned k = 0; k < set_words; k++)
        tuples[k] = f->kinds[kind][k];
    if (f->prune) {
        side_prune(c, f, &full, words, SRC, set_words, tuples);
        side_prune(c, f, &full, words, DST, set_words, tuples);
    }
    for (unsigned k = 0; k < set_words && tuple_at(f, 64 * k, words)->best_rank < best; k++) {
        /* With few tuples left, their slots may come while the filter does. */
        uint64_t live = __builtin_popcountll(tuples[k]) <= FEW_TUPLES
                            ? tuples_sift(c, f, &full, words, 64 * k, tuples[k], true)
                            : tuples_sift(c, f, &full, words, 64 * k, tuples[k], false);
        best = tuples_look(c, f, &full, words, 64 * k, live, best, ret_shadow);
    }
    return best;
}

INLINE uint32_t family_find_any(const struct classifier *c, const struct class_family *f,
                                const struct spd_key *key, enum kind kind, unsigned words,
                                bool *ret_shadow)
{
    if (f->set_words <= 1)
        return f->set_words ? family_find(c, f, key, kind, words, 1, ret_shadow) : SPD_RANK_NONE;
    return family_find(c, f, key, kind, words, f->set_words, ret_shadow);
}

uint32_t classifier_find(const struct classifier *c, const struct spd_key *key, bool later_fragment,
                         bool *ret_shadow)
{
    bool ports = key->proto == PROTO_TCP || key->proto == PROTO_UDP;
    enum kind kind = later_fragment ? KIND_LATER : ports ? KIND_PORTS : KIND_NO_PORTS;

    if (key->family == IP_V4)
        return family_find_any(c, &c->v4, key, kind, WORDS_V4, ret_shadow);
    if (key->family == IP_V6)
        return family_find_any(c, &c->v6, key, kind, WORDS_V6, ret_shadow);
    return SPD_RANK_NONE;
}
