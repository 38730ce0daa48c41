/* Items and their lists in memory. */
#include "config_priv.h"
#include "menu_models.h"

#include <stdlib.h>
#include <string.h>

/* The one default that is not in a table: a gateway's name is its host's. */
static void default_name(const struct config *c, const struct menu *m, void *data)
{
    struct cfg_identity *identity = data;

    if (m != &menu_identity)
        return;
    free(identity->name);
    identity->name = xstrdup(c->hooks.default_identity ? c->hooks.default_identity : "gateway");
}

void *item_data_new(const struct config *c, const struct menu *m)
{
    struct text ignored = TEXT_INIT;
    void *data = xcalloc(1, m->item_size);

    for (const struct prop *p = m->props; p->name; p++)
        prop_reset(p, data);
    default_name(c, m, data);
    if (m->check)
        m->check(data, &ignored); /* derived fields of the defaults */
    text_fini(&ignored);
    return data;
}

void *item_data_copy(const struct menu *m, const void *data)
{
    void *copy = xmalloc(m->item_size);

    memcpy(copy, data, m->item_size); /* derived fields too */
    for (const struct prop *p = m->props; p->name; p++)
        prop_copy(p, copy, data);
    return copy;
}

void item_data_free(const struct menu *m, void *data)
{
    if (!data)
        return;
    for (const struct prop *p = m->props; p->name; p++)
        prop_free(p, data);
    free(data);
}

struct item *item_new(uint32_t id, void *data)
{
    struct node *node = xcalloc(1, sizeof(*node));

    node->item =
        (struct item){ .id = id, .comment = xstrdup(""), .data = data, .slot = UINT32_MAX };
    return &node->item;
}

int64_t *item_pos(struct item *item)
{
    return &((struct node *)item)->pos;
}

void item_free(const struct menu *m, struct item *item)
{
    item_data_free(m, item->data);
    free(item->comment);
    free(item);
}

/* ---- items by id ---- */

static struct node **bucket_of(const struct list *l, uint32_t id)
{
    return &l->by_id[id & (l->n_buckets - 1)];
}

static void index_put(struct list *l, struct node *node)
{
    struct node **at = bucket_of(l, node->item.id);

    node->next = *at;
    *at = node;
}

static void index_grow(struct list *l)
{
    free(l->by_id);
    l->n_buckets = l->n_buckets ? 2 * l->n_buckets : 16;
    l->by_id = xcalloc(l->n_buckets, sizeof(*l->by_id));
    for (size_t i = 0; i < l->n; i++)
        index_put(l, (struct node *)l->items[i]);
}

static void index_take(struct list *l, struct node *node)
{
    struct node **at = bucket_of(l, node->item.id);

    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
}

struct item *list_find_id(const struct list *l, uint32_t id)
{
    struct node *node = l->n_buckets ? *bucket_of(l, id) : NULL;

    while (node && node->item.id != id)
        node = node->next;
    return node ? &node->item : NULL;
}

/* ---- lists ---- */

void list_insert(struct list *l, size_t index, struct item *item)
{
    if (l->n == l->n_buckets)
        index_grow(l);
    index_put(l, (struct node *)item);
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 8;
        l->items = xrealloc(l->items, l->cap * sizeof(struct item *));
    }
    memmove(l->items + index + 1, l->items + index, (l->n - index) * sizeof(struct item *));
    l->items[index] = item;
    l->n++;
    l->n_typed += !item->dynamic;
}

void list_take(struct list *l, size_t index)
{
    index_take(l, (struct node *)l->items[index]);
    l->n_typed -= !l->items[index]->dynamic;
    l->n--;
    memmove(l->items + index, l->items + index + 1, (l->n - index) * sizeof(struct item *));
}

size_t list_index(const struct list *l, const struct item *item)
{
    size_t i = 0;

    while (l->items[i] != item)
        i++;
    return i;
}

struct list *list_of(const struct config *c, const struct menu *m)
{
    for (size_t i = 0; i < c->n_lists; i++) {
        if (c->lists[i].menu == m)
            return &c->lists[i];
    }
    return NULL;
}

const struct prop *menu_name_prop(const struct menu *m)
{
    if (!(m->flags & M_NAMED))
        return NULL;
    for (const struct prop *p = m->props; p->name; p++) {
        if (p->type == PT_NAME)
            return p;
    }
    return NULL;
}

bool item_is_builtin(const struct menu *m, const struct item *item)
{
    const struct prop *p = menu_name_prop(m);

    for (size_t i = 0; p && m->builtin && m->builtin[i]; i++) {
        char *const *name = (const void *)((const uint8_t *)item->data + p->offset);
        if (strcmp(*name, m->builtin[i]) == 0)
            return true;
    }
    return false;
}

/* They have the first ids, and stay in front of what is added. */
static void list_add_builtins(const struct config *c, struct list *l)
{
    const struct menu *m = l->menu;

    for (size_t i = 0; m->builtin && m->builtin[i]; i++) {
        struct item *item = item_new(l->next_id++, item_data_new(c, m));
        prop_parse(menu_name_prop(m), m->builtin[i], item->data);
        list_insert(l, i, item);
    }
}

struct config *config_new(const struct config_hooks *hooks)
{
    struct config *c = xcalloc(1, sizeof(*c));

    c->hooks = *hooks;
    while (menus[c->n_lists])
        c->n_lists++;
    c->lists = xcalloc(c->n_lists, sizeof(*c->lists));
    for (size_t i = 0; i < c->n_lists; i++) {
        struct list *l = &c->lists[i];
        *l = (struct list){ .menu = menus[i], .next_id = 1, .next_dynamic_id = DYNAMIC_ID_FIRST };
        if ((menus[i]->flags & M_SINGLE) && menus[i]->item_size)
            list_insert(l, 0, item_new(0, item_data_new(c, menus[i])));
        list_add_builtins(c, l);
    }
    return c;
}

void config_close(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_lists; i++) {
        for (size_t n = 0; n < c->lists[i].n; n++)
            item_free(c->lists[i].menu, c->lists[i].items[n]);
        free(c->lists[i].items);
        free(c->lists[i].by_id);
    }
    free(c->lists);
    free(c->log);
    store_close(c->store);
    free(c);
}

size_t config_count(const struct config *c, const struct menu *m)
{
    const struct list *l = list_of(c, m);

    return l ? l->n : 0;
}

struct item *config_item_at(const struct config *c, const struct menu *m, size_t index)
{
    const struct list *l = list_of(c, m);

    return l && index < l->n ? l->items[index] : NULL;
}

struct item *config_find_id(const struct config *c, const struct menu *m, uint32_t id)
{
    const struct list *l = list_of(c, m);

    return l ? list_find_id(l, id) : NULL;
}

struct item *config_find_name(const struct config *c, const struct menu *m, const char *name)
{
    const struct list *l = list_of(c, m);
    const struct prop *p = menu_name_prop(m);

    for (size_t i = 0; l && p && i < l->n; i++) {
        char *const *have = (const void *)((const uint8_t *)l->items[i]->data + p->offset);
        if (strcmp(*have, name) == 0)
            return l->items[i];
    }
    return NULL;
}

/* "1A" of "*1A": what we print, so no sign, no 0x, no blanks. */
static bool id_from_text(const char *s, uint32_t *ret)
{
    size_t len = strlen(s);

    if (len == 0 || len > 8 || strspn(s, "0123456789abcdefABCDEF") != len)
        return false;
    *ret = (uint32_t)strtoul(s, NULL, 16);
    return true;
}

struct item *config_resolve(const struct config *c, const struct menu *m, const char *ref)
{
    uint32_t id;

    if (ref[0] != '*')
        return config_find_name(c, m, ref);
    return id_from_text(ref + 1, &id) ? config_find_id(c, m, id) : NULL;
}
