#include "keymap.h"

#include "hash.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct keymap_entry {
    uint8_t *key; /* NULL: free */
    size_t len;
    uint64_t hash;
    uint32_t value;
};

void keymap_fini(struct keymap *m)
{
    for (size_t i = 0; i < m->cap; i++)
        free(m->table[i].key);
    free(m->table);
    *m = (struct keymap){ 0 };
}

static struct keymap_entry *entry_find(const struct keymap *m, const void *key, size_t len,
                                       uint64_t hash)
{
    size_t i = (size_t)hash & (m->cap - 1);

    while (m->table[i].key) {
        struct keymap_entry *e = &m->table[i];
        if (e->hash == hash && e->len == len && memcmp(e->key, key, len) == 0)
            break;
        i = (i + 1) & (m->cap - 1);
    }
    return &m->table[i];
}

static void grow(struct keymap *m)
{
    struct keymap bigger = { .cap = m->cap ? m->cap * 2 : 64, .n = m->n };

    bigger.table = xcalloc(bigger.cap, sizeof(*bigger.table));
    for (size_t i = 0; i < m->cap; i++) {
        struct keymap_entry *e = &m->table[i];
        if (e->key)
            *entry_find(&bigger, e->key, e->len, e->hash) = *e;
    }
    free(m->table);
    *m = bigger;
}

static uint64_t hash_of(const void *key, size_t len)
{
    static const struct hash_key fixed = { 1, 2 }; /* keys are the administrator's own */

    return hash_bytes(&fixed, key, len);
}

bool keymap_find(const struct keymap *m, const void *key, size_t len, uint32_t *ret)
{
    const struct keymap_entry *e = m->n ? entry_find(m, key, len, hash_of(key, len)) : NULL;

    if (!e || !e->key)
        return false;
    *ret = e->value;
    return true;
}

uint32_t keymap_put(struct keymap *m, const void *key, size_t len, uint32_t value, bool *ret_new)
{
    uint64_t hash = hash_of(key, len);

    if (m->n * 2 >= m->cap)
        grow(m);
    struct keymap_entry *e = entry_find(m, key, len, hash);
    *ret_new = e->key == NULL;
    if (*ret_new) {
        *e = (struct keymap_entry){ .key = xmalloc(len), .len = len, .hash = hash, .value = value };
        memcpy(e->key, key, len);
        m->n++;
    }
    return e->value;
}
