#include "flow_cache.h"

#include "text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 2048, WAYS = 2 };

struct entry {
    struct spd_key key;
    bool later_fragment, shadow;
    uint64_t generation; /* 0: free */
    const struct policy *policy;
};

struct flow_cache {
    uint64_t seed;
    struct entry sets[SETS][WAYS]; /* the latest first */
};

struct flow_cache *flow_cache_new(uint64_t seed)
{
    struct flow_cache *c = xcalloc(1, sizeof(*c));

    c->seed = seed | 1;
    return c;
}

void flow_cache_free(struct flow_cache *c)
{
    free(c);
}

/* Multiply and fold per word: collisions only cost a lookup, so no keyed hash is needed. */
static unsigned set_of(const struct flow_cache *c, const struct spd_key *key)
{
    static_assert(sizeof(*key) % 8 == 0, "hashed in whole words");
    uint64_t h = c->seed, word;

    for (size_t i = 0; i < sizeof(*key); i += 8) {
        memcpy(&word, (const uint8_t *)key + i, 8);
        unsigned __int128 m = (unsigned __int128)(h ^ word) * 0x9e3779b97f4a7c15u;
        h = (uint64_t)m ^ (uint64_t)(m >> 64) ^ c->seed;
    }
    return (unsigned)(h >> 32) % SETS;
}

static bool matches(const struct entry *e, const struct spd_key *key, bool later_fragment,
                    uint64_t generation)
{
    return e->generation == generation && e->later_fragment == later_fragment &&
           memcmp(&e->key, key, sizeof(*key)) == 0;
}

const struct policy *flow_cache_lookup(struct flow_cache *c, const struct spd *spd,
                                       const struct spd_key *key, bool later_fragment,
                                       bool *ret_shadow)
{
    struct entry *set = c->sets[set_of(c, key)];
    uint64_t generation = spd_generation(spd);

    for (int way = 0; way < WAYS; way++)
        if (matches(&set[way], key, later_fragment, generation)) {
            *ret_shadow = set[way].shadow;
            return set[way].policy;
        }
    set[1] = set[0];
    bool shadow = false;
    const struct policy *policy = spd_lookup(spd, key, later_fragment, &shadow);
    set[0] = (struct entry){ .key = *key,
                             .later_fragment = later_fragment,
                             .shadow = shadow,
                             .generation = generation,
                             .policy = policy };
    *ret_shadow = shadow;
    return policy;
}
