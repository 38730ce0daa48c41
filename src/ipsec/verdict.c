#include "verdict.h"

#include "hash.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { SETS = 512, WAYS = 4 };

struct entry {
    struct verdict_key key;
    struct verdict verdict;
    uint64_t until_ms; /* 0: free */
};

struct verdicts {
    struct hash_key hash_key;
    struct entry sets[SETS][WAYS];
};

struct verdicts *verdicts_new(uint64_t seed)
{
    struct verdicts *v = xcalloc(1, sizeof(*v));

    v->hash_key = (struct hash_key){ seed, ~seed };
    return v;
}

void verdicts_free(struct verdicts *v)
{
    free(v);
}

static bool key_equal(const struct verdict_key *a, const struct verdict_key *b)
{
    return a->frag_id == b->frag_id && a->proto == b->proto && a->reqid == b->reqid &&
           ip_addr_equal(&a->src, &b->src) && ip_addr_equal(&a->dst, &b->dst);
}

static unsigned set_of(const struct verdicts *v, const struct verdict_key *key)
{
    uint8_t bytes[16 + 16 + 4 + 1];

    memcpy(bytes, key->src.b, 16);
    memcpy(bytes + 16, key->dst.b, 16);
    memcpy(bytes + 32, &key->frag_id, 4);
    bytes[36] = key->proto;
    return (unsigned)(hash_bytes(&v->hash_key, bytes, sizeof(bytes)) % SETS);
}

void verdict_put(struct verdicts *v, const struct verdict_key *key, struct verdict verdict,
                 uint64_t now_ms)
{
    struct entry *set = v->sets[set_of(v, key)], *into = set;

    for (int way = 0; way < WAYS; way++) {
        if (set[way].until_ms && key_equal(&set[way].key, key)) {
            into = &set[way];
            break;
        }
        if (set[way].until_ms < into->until_ms)
            into = &set[way];
    }
    *into = (struct entry){ .key = *key, .verdict = verdict, .until_ms = now_ms + VERDICT_MS };
}

bool verdict_find(const struct verdicts *v, const struct verdict_key *key, uint64_t now_ms,
                  struct verdict *ret)
{
    const struct entry *set = v->sets[set_of(v, key)];

    for (int way = 0; way < WAYS; way++)
        if (set[way].until_ms > now_ms && key_equal(&set[way].key, key)) {
            *ret = set[way].verdict;
            return true;
        }
    return false;
}
