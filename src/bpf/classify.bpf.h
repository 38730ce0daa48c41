/* The SPD lookup: the tuples of one list in order of their best rank, a hash lookup each, until no
 * later tuple can beat what was found. Same decision as spd_lookup() in src/ipsec. */
#pragma once

#include "flow.bpf.h"
#include "maps.bpf.h"

struct walk {
    union {
        struct spd_key key;
        spd_u64 words[STEER_KEY_WORDS];
    };
    struct steer_tuples *tuples;
    void *rows;
    struct spd_entry best;
};

/* What the SPD says of one packet. */
struct decision {
    struct spd_entry best; /* rank SPD_RANK_NONE: no policy */
    spd_u32 generation;
    spd_u32 state; /* of best.slot */
};

static long walk_tuple(spd_u32 i, struct walk *w)
{
    union {
        struct spd_key key;
        spd_u64 words[STEER_KEY_WORDS];
    } masked;

    if (i >= SPD_MAX_TUPLES)
        return 1;
    struct steer_tuple *t = &w->tuples->t[i];
    if (w->best.rank <= t->best_rank)
        return 1;
#pragma unroll
    for (int k = 0; k < STEER_KEY_WORDS; k++)
        masked.words[k] = w->words[k] & t->mask[k];
    masked.key.tuple = t->index;
    struct spd_entry *e = bpf_map_lookup_elem(w->rows, &masked);
    if (e && e->rank < w->best.rank)
        w->best = *e;
    return 0;
}

/* The best entry of the SPD in force; rank SPD_RANK_NONE when there is none. Negative when the maps
 * are not filled: the packet must not pass. */
static __always_inline int find_best(struct walk *w, int later, spd_u32 generation)
{
    spd_u32 room = generation % STEER_GENERATIONS;
    spd_u32 list =
        room * STEER_LISTS + (w->key.family == 6 ? STEER_LIST_V6 : STEER_LIST_V4) + (later ? 1 : 0);

    w->best.rank = SPD_RANK_NONE;
    w->tuples = bpf_map_lookup_elem(&tuples, &list);
    w->rows = bpf_map_lookup_elem(&rows, &room);
    if (!w->tuples || !w->rows)
        return -1;
    if (steer_no_flows || w->tuples->n < STEER_FLOWS_FROM_TUPLES) {
        bpf_loop(w->tuples->n, walk_tuple, w, 0);
        return 0;
    }
    w->key.tuple = later ? 1 : 0;
    struct steer_flow *known = bpf_map_lookup_elem(&flows, &w->key);
    if (known && known->generation == generation) {
        w->best = known->best;
        return 0;
    }
    bpf_loop(w->tuples->n, walk_tuple, w, 0);
    struct steer_flow flow = { .generation = generation, .best = w->best };
    bpf_map_update_elem(&flows, &w->key, &flow, BPF_ANY);
    return 0;
}

static __always_inline int classify(const struct spd_key *key, int later, struct decision *d)
{
    spd_u32 zero = 0;
    struct steer_control *c = bpf_map_lookup_elem(&control, &zero);
    struct walk w = { .key = *key };

    if (!c)
        return -1;
    d->generation = *(volatile spd_u32 *)&c->generation;
    if (find_best(&w, later, d->generation))
        return -1;
    d->best = w.best;
    d->state = 0;
    if (d->best.rank != SPD_RANK_NONE) {
        spd_u32 *state = bpf_map_lookup_elem(&slot_state, &d->best.slot);
        if (state)
            d->state = *(volatile spd_u32 *)state;
    }
    return 0;
}

static __always_inline void count(spd_u32 id, spd_u64 n)
{
    spd_u64 *c = bpf_map_lookup_elem(&counters, &id);
    if (c)
        *c += n;
}

static __always_inline struct spd_slot_counters *slot_counters_find(spd_u32 slot)
{
    spd_u32 chunk = slot / STEER_CHUNK_SLOTS, i = slot % STEER_CHUNK_SLOTS;
    void *inner = bpf_map_lookup_elem(&slot_counters, &chunk);
    return inner ? bpf_map_lookup_elem(inner, &i) : 0;
}

/* Fragments: the verdict of the first part is kept for a while, by datagram and hook; D is NULL
 * when no policy was asked. */
enum { FRAGMENT_AGE_MS = 2000 };

static __always_inline void fragment_key(const struct flow *f, spd_u8 hook,
                                         struct steer_fragment_key *ret)
{
    __builtin_memset(ret, 0, sizeof(*ret));
    __builtin_memcpy(ret->src, f->key.src, 16);
    __builtin_memcpy(ret->dst, f->key.dst, 16);
    ret->id = f->frag_id;
    ret->proto = f->key.proto;
    ret->family = f->key.family;
    ret->hook = hook;
}

static __always_inline void fragment_remember(const struct flow *f, spd_u8 hook, spd_u8 verdict,
                                              const struct decision *d)
{
    struct steer_fragment_key key;
    struct steer_fragment v = { .seen_ns = bpf_ktime_get_ns(),
                                .generation = d ? d->generation : 0,
                                .slot = d ? d->best.slot : SPD_RANK_NONE,
                                .lane = d ? d->best.lane : 0,
                                .verdict = verdict };
    fragment_key(f, hook, &key);
    bpf_map_update_elem(&fragments, &key, &v, BPF_ANY);
}

static __always_inline struct steer_fragment *fragment_find(const struct flow *f, spd_u8 hook)
{
    struct steer_fragment_key key;
    fragment_key(f, hook, &key);
    struct steer_fragment *v = bpf_map_lookup_elem(&fragments, &key);
    if (v && bpf_ktime_get_ns() - v->seen_ns > FRAGMENT_AGE_MS * 1000000ULL)
        return 0; /* identifications repeat */
    return v;
}
