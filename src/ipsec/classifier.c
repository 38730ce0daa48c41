#include "classifier.h"

#include "addr.h"
#include "ip.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* A key as words: IPv4 {source and destination, rest}, IPv6 {source 2, destination 2, rest}, where
 * the rest is ports, protocol and tuple. */
enum { WORDS_V4 = 2, WORDS_V6 = 5, SLOT_WORDS_V4 = 4, SLOT_WORDS_V6 = 8 };
enum { SRC, DST };
enum { SET_WORDS_MAX = SPD_MAX_TUPLES / 64, MAX_LENS = 128 };

/* Which tuples a packet may look at */
enum kind { KIND_PORTS, KIND_NO_PORTS, KIND_LATER, KIND_COUNT };

struct class_tuple {
    uint64_t mask[WORDS_V6];
    uint64_t tag; /* tuple index, in its place in the last word */
    uint32_t best_rank;
    bool shadow;
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

struct class_family {
    struct class_tuple *tuples; /* ascending best rank */
    struct spd_tuple *shapes;   /* parallel, as given; for classifier_finish */
    unsigned n_tuples, set_words;
    bool prune;
    uint64_t *slots; /* key words, then rank + 1; rank 0: empty */
    uint64_t slot_mask;
    uint64_t *bloom;
    uint64_t bloom_mask;
    struct class_side side[2];
    uint64_t kinds[KIND_COUNT][SET_WORDS_MAX];
};

struct classifier {
    uint64_t seed[2];
    struct class_family v4, v6;
};

/* ---- hashing ---- */

static inline uint64_t fold_mul(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline __attribute__((always_inline)) uint64_t key_hash(const uint64_t seed[2],
                                                               const uint64_t *w, unsigned words)
{
    uint64_t h = fold_mul(w[0] ^ seed[0], w[words - 1] ^ seed[1]);

    if (words == WORDS_V6) {
        h = fold_mul(h ^ w[1], w[2] ^ seed[0]);
        h = fold_mul(h ^ w[3], seed[1]);
    }
    return h;
}

static inline uint64_t side_hash(const uint64_t seed[2], const uint64_t w[2], uint64_t salt)
{
    return fold_mul(w[0] ^ seed[0], w[1] ^ seed[1] ^ salt);
}

/* Two bits of one word. */
static inline uint64_t bloom_bits(uint64_t h)
{
    return (uint64_t)1 << (h >> 58) | (uint64_t)1 << (h >> 52 & 63);
}

/* ---- keys as words ---- */

static inline void key_words(const struct spd_key *key, uint64_t *w, unsigned words)
{
    uint32_t addr[2];

    if (words == WORDS_V4) {
        memcpy(&addr[0], key->src, 4);
        memcpy(&addr[1], key->dst, 4);
        w[0] = addr[0] | (uint64_t)addr[1] << 32;
    } else {
        memcpy(w, key->src, 16);
        memcpy(w + 2, key->dst, 16);
    }
    w[words - 1] = key->sport | (uint64_t)key->dport << 16 | (uint64_t)key->proto << 32;
}

static inline uint64_t tuple_tag(unsigned index)
{
    return (uint64_t)index << 40;
}

/* The address of one side as two words. */
static inline void side_words(const uint64_t *w, unsigned words, unsigned side, uint64_t ret[2])
{
    if (words == WORDS_V4) {
        ret[0] = side == SRC ? (uint32_t)w[0] : w[0] >> 32;
        ret[1] = 0;
    } else {
        ret[0] = w[2 * side];
        ret[1] = w[2 * side + 1];
    }
}

static void tuple_masks(const struct spd_tuple *t, unsigned words, uint64_t *ret)
{
    struct spd_key ones;

    memset(&ones, 0xff, sizeof(ones));
    ip_bits_mask(ones.src, t->src_len);
    ip_bits_mask(ones.dst, t->dst_len);
    if (!t->sport_exact)
        ones.sport = 0;
    if (!t->dport_exact)
        ones.dport = 0;
    if (!t->proto_exact)
        ones.proto = 0;
    key_words(&ones, ret, words);
}

static uint64_t len_salt(unsigned side, unsigned len)
{
    return (uint64_t)(len | side << 8) << 48;
}

/* ---- building ---- */

static uint64_t *words_new(size_t n)
{
    void *p = aligned_alloc(64, (n * sizeof(uint64_t) + 63) & ~(size_t)63);

    if (!p)
        abort(); /* as xmalloc */
    return memset(p, 0, n * sizeof(uint64_t));
}

static size_t power_of_two(size_t at_least)
{
    size_t n = 8;

    while (n < at_least)
        n *= 2;
    return n;
}

static void family_init(struct class_family *f, size_t n_rows, unsigned slot_words)
{
    size_t slots = power_of_two(2 * n_rows), bloom = power_of_two(n_rows / 4);

    f->slots = words_new(slots * slot_words);
    f->slot_mask = slots - 1;
    f->bloom = words_new(bloom);
    f->bloom_mask = bloom - 1;
}

static void family_fini(struct class_family *f)
{
    free(f->tuples);
    free(f->shapes);
    free(f->slots);
    free(f->bloom);
    free(f->side[SRC].sets);
    free(f->side[DST].sets);
}

struct classifier *classifier_new(const uint64_t seed[2], size_t n_v4, size_t n_v6)
{
    struct classifier *c = xcalloc(1, sizeof(*c));

    memcpy(c->seed, seed, sizeof(c->seed));
    family_init(&c->v4, n_v4, SLOT_WORDS_V4);
    family_init(&c->v6, n_v6, SLOT_WORDS_V6);
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

void classifier_add_tuple(struct classifier *c, unsigned index, const struct spd_tuple *t)
{
    struct class_family *f = t->family == IP_V4 ? &c->v4 : &c->v6;
    unsigned words = t->family == IP_V4 ? WORDS_V4 : WORDS_V6, n = f->n_tuples++;

    f->tuples = xrealloc(f->tuples, f->n_tuples * sizeof(*f->tuples));
    f->shapes = xrealloc(f->shapes, f->n_tuples * sizeof(*f->shapes));
    f->shapes[n] = *t;
    f->tuples[n] = (struct class_tuple){ .tag = tuple_tag(index),
                                         .best_rank = t->best_rank,
                                         .shadow = t->shadow };
    tuple_masks(t, words, f->tuples[n].mask);
}

static void bloom_add(const struct classifier *c, struct class_family *f, const uint64_t *w,
                      unsigned words, unsigned side, unsigned len)
{
    uint64_t addr[2];

    side_words(w, words, side, addr);
    uint64_t h = side_hash(c->seed, addr, len_salt(side, len));
    f->bloom[h & f->bloom_mask] |= bloom_bits(h);
}

static bool slot_add(const struct classifier *c, struct class_family *f, const uint64_t *w,
                     unsigned words, unsigned slot_words, uint32_t rank)
{
    for (uint64_t at = key_hash(c->seed, w, words);; at++) {
        uint64_t *slot = &f->slots[(at & f->slot_mask) * slot_words];

        if (slot[words] == 0) {
            memcpy(slot, w, words * sizeof(*w));
            slot[words] = (uint64_t)rank + 1;
            return true;
        }
        if (memcmp(slot, w, words * sizeof(*w)) == 0)
            return false;
    }
}

bool classifier_add_row(struct classifier *c, const struct spd_key *key, const struct spd_tuple *t,
                        uint32_t rank)
{
    bool v4 = key->family == IP_V4;
    struct class_family *f = v4 ? &c->v4 : &c->v6;
    unsigned words = v4 ? WORDS_V4 : WORDS_V6;
    uint64_t w[WORDS_V6];

    key_words(key, w, words);
    w[words - 1] |= tuple_tag(key->tuple);
    if (!slot_add(c, f, w, words, v4 ? SLOT_WORDS_V4 : SLOT_WORDS_V6, rank))
        return false;
    bloom_add(c, f, w, words, SRC, t->src_len);
    bloom_add(c, f, w, words, DST, t->dst_len);
    return true;
}

static void set_put(uint64_t *set, unsigned i)
{
    set[i / 64] |= (uint64_t)1 << (i % 64);
}

static unsigned side_len(const struct spd_tuple *t, unsigned side)
{
    return side == SRC ? t->src_len : t->dst_len;
}

/* The row of S->lens for LEN, made when new. */
static unsigned side_len_index(struct class_side *s, unsigned side, unsigned len, unsigned words)
{
    struct spd_tuple t = { .src_len = (uint8_t)len, .dst_len = (uint8_t)len };
    uint64_t masks[WORDS_V6];

    for (unsigned i = 0; i < s->n_lens; i++)
        if (s->lens[i].len == len)
            return i;
    tuple_masks(&t, words, masks);
    struct class_len *l = &s->lens[s->n_lens];
    side_words(masks, words, side, l->mask);
    l->salt = len_salt(side, len);
    l->len = (uint8_t)len;
    return s->n_lens++;
}

static void side_finish(struct class_family *f, unsigned side, unsigned words)
{
    struct class_side *s = &f->side[side];

    s->sets = xcalloc((size_t)MAX_LENS * f->set_words, sizeof(*s->sets));
    for (unsigned i = 0; i < f->n_tuples; i++) {
        unsigned len = side_len(&f->shapes[i], side);

        if (len == 0)
            set_put(s->any, i);
        else
            set_put(&s->sets[side_len_index(s, side, len, words) * f->set_words], i);
    }
    if (s->n_lens)
        s->sets = xrealloc(s->sets, (size_t)s->n_lens * f->set_words * sizeof(*s->sets));
}

static void family_finish(struct class_family *f, unsigned words)
{
    f->set_words = (f->n_tuples + 63) / 64;
    for (unsigned i = 0; i < f->n_tuples; i++) {
        const struct spd_tuple *t = &f->shapes[i];
        bool ports = t->sport_exact || t->dport_exact;

        if (!t->shadow)
            set_put(f->kinds[KIND_PORTS], i);
        if (!t->shadow && !ports)
            set_put(f->kinds[KIND_NO_PORTS], i);
        if (!ports)
            set_put(f->kinds[KIND_LATER], i);
    }
    side_finish(f, SRC, words);
    side_finish(f, DST, words);
    /* Narrowing costs a look per length, about as much as probing a tuple. */
    f->prune = f->n_tuples > f->side[SRC].n_lens + f->side[DST].n_lens;
}

void classifier_finish(struct classifier *c)
{
    family_finish(&c->v4, WORDS_V4);
    family_finish(&c->v6, WORDS_V6);
}

/* ---- lookup ---- */

static inline __attribute__((always_inline)) void side_prune(const struct classifier *c,
                                                             const struct class_family *f,
                                                             const uint64_t *w, unsigned words,
                                                             unsigned side, uint64_t *tuples)
{
    const struct class_side *s = &f->side[side];
    uint64_t live[SET_WORDS_MAX], addr[2], masked[2];

    side_words(w, words, side, addr);
    for (unsigned k = 0; k < f->set_words; k++)
        live[k] = s->any[k];
    for (unsigned i = 0; i < s->n_lens; i++) {
        const struct class_len *l = &s->lens[i];

        masked[0] = addr[0] & l->mask[0];
        masked[1] = words == WORDS_V4 ? 0 : addr[1] & l->mask[1];
        uint64_t h = side_hash(c->seed, masked, l->salt), bits = bloom_bits(h);
        /* all ones or nothing, without a branch nobody could predict */
        uint64_t keep = -(uint64_t)((f->bloom[h & f->bloom_mask] & bits) == bits);
        for (unsigned k = 0; k < f->set_words; k++)
            live[k] |= s->sets[i * f->set_words + k] & keep;
    }
    for (unsigned k = 0; k < f->set_words; k++)
        tuples[k] &= live[k];
}

struct probe {
    const struct class_tuple *tuple;
    const uint64_t *slot;
    uint64_t w[WORDS_V6];
    uint64_t at;
};

static inline __attribute__((always_inline)) void probe_start(const struct classifier *c,
                                                              const struct class_family *f,
                                                              const uint64_t *w, unsigned words,
                                                              unsigned slot_words, struct probe *p)
{
    for (unsigned i = 0; i < words; i++)
        p->w[i] = w[i] & p->tuple->mask[i];
    p->w[words - 1] |= p->tuple->tag;
    p->at = key_hash(c->seed, p->w, words);
    p->slot = &f->slots[(p->at & f->slot_mask) * slot_words];
    __builtin_prefetch(p->slot);
}

/* Rank + 1 of the row, 0 for none. */
static inline __attribute__((always_inline)) uint64_t
probe_end(const struct class_family *f, unsigned words, unsigned slot_words, const struct probe *p)
{
    const uint64_t *slot = p->slot;

    for (uint64_t at = p->at; slot[words] != 0;) {
        uint64_t differ = 0;

        for (unsigned i = 0; i < words; i++)
            differ |= slot[i] ^ p->w[i];
        if (differ == 0)
            return slot[words];
        slot = &f->slots[(++at & f->slot_mask) * slot_words];
    }
    return 0;
}

enum { PROBES_AT_ONCE = 8 };

/* Probes the tuples of a set, several at a time so that their cache misses overlap. */
static inline __attribute__((always_inline)) uint32_t
tuples_probe(const struct classifier *c, const struct class_family *f, const uint64_t *w,
             unsigned words, unsigned slot_words, const uint64_t *tuples, bool *ret_shadow)
{
    struct probe probes[PROBES_AT_ONCE];
    uint32_t best = SPD_RANK_NONE;

    for (unsigned k = 0; k < f->set_words; k++) {
        for (uint64_t left = tuples[k]; left != 0;) {
            unsigned n = 0;

            for (; left != 0 && n < PROBES_AT_ONCE; left &= left - 1) {
                probes[n].tuple = &f->tuples[64 * k + (unsigned)__builtin_ctzll(left)];
                probe_start(c, f, w, words, slot_words, &probes[n++]);
            }
            for (unsigned i = 0; i < n; i++) {
                if (probes[i].tuple->best_rank >= best)
                    return best;
                uint64_t rank1 = probe_end(f, words, slot_words, &probes[i]);
                if (rank1 != 0 && rank1 - 1 < best) {
                    best = (uint32_t)(rank1 - 1);
                    *ret_shadow = probes[i].tuple->shadow;
                }
            }
        }
    }
    return best;
}

static inline __attribute__((always_inline)) uint32_t
family_find(const struct classifier *c, const struct class_family *f, const struct spd_key *key,
            enum kind kind, unsigned words, unsigned slot_words, bool *ret_shadow)
{
    uint64_t w[WORDS_V6], tuples[SET_WORDS_MAX];

    key_words(key, w, words);
    for (unsigned k = 0; k < f->set_words; k++)
        tuples[k] = f->kinds[kind][k];
    if (f->prune) {
        side_prune(c, f, w, words, SRC, tuples);
        side_prune(c, f, w, words, DST, tuples);
    }
    return tuples_probe(c, f, w, words, slot_words, tuples, ret_shadow);
}

uint32_t classifier_find(const struct classifier *c, const struct spd_key *key, bool later_fragment,
                         bool *ret_shadow)
{
    bool ports = key->proto == PROTO_TCP || key->proto == PROTO_UDP;
    enum kind kind = later_fragment ? KIND_LATER : ports ? KIND_PORTS : KIND_NO_PORTS;

    if (key->family == IP_V4)
        return family_find(c, &c->v4, key, kind, WORDS_V4, SLOT_WORDS_V4, ret_shadow);
    if (key->family == IP_V6)
        return family_find(c, &c->v6, key, kind, WORDS_V6, SLOT_WORDS_V6, ret_shadow);
    return SPD_RANK_NONE;
}
