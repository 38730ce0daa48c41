/* Opening a configuration: rows of the store become items, and must all make sense. */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>

static bool row_refuse(struct text *error, const struct store_row *row, const char *what)
{
    text_printf(error, "entry *%X of \"%s\": %s", row->id, row->menu, what);
    return false;
}

static bool row_values(const struct menu *m, const struct store_row *row, void *data,
                       struct text *error)
{
    struct text why = TEXT_INIT;
    bool ok = true;

    for (size_t i = 0; ok && i < row->n_values; i++) {
        const struct prop *p = menu_prop(m, row->values[i].name);
        if (!p || p->type == PT_LIVE) {
            text_printf(&why, "unknown property %s", row->values[i].name);
            ok = false;
            break;
        }
        enum value_error e = prop_parse(p, row->values[i].value, data);
        prop_error_text(p, e, &why);
        ok = e == VALUE_OK;
    }
    ok = ok && (!m->check || m->check(data, &why));
    if (!ok)
        row_refuse(error, row, text_get(&why));
    text_fini(&why);
    return ok;
}

/* The item that is there without being stored: the one of a single menu, or a built-in one. */
static struct item *item_in_place(const struct list *l, uint32_t id)
{
    if (l->menu->flags & M_SINGLE)
        return l->items[0];
    for (size_t i = 0; l->menu->builtin && l->menu->builtin[i]; i++) {
        if (l->items[i]->id == id)
            return l->items[i];
    }
    return NULL;
}

static bool on_item(void *ctx, const struct store_row *row, struct text *error)
{
    struct config *c = ctx;
    const struct menu *m = menu_find(row->menu);
    struct list *l = m ? list_of(c, m) : NULL;

    if (!l || (m->flags & M_LIVE))
        return row_refuse(error, row, "unknown menu");
    bool single = m->flags & M_SINGLE;
    if (single ? row->id != 0 : row->id == 0 || row->id >= DYNAMIC_ID_FIRST)
        return row_refuse(error, row, "impossible id");
    void *data = item_data_new(c, m);
    if (!row_values(m, row, data, error)) {
        item_data_free(m, data);
        return false;
    }
    struct item *item = item_in_place(l, row->id);
    const struct item loaded = { .data = data };
    if (!single && item_is_builtin(m, &loaded) != (item != NULL)) {
        item_data_free(m, data);
        return row_refuse(error, row, "impossible name");
    }
    if (item) {
        item_data_free(m, item->data);
        item->data = data;
    } else {
        item = item_new(row->id, data);
        list_insert(l, l->n, item);
    }
    free(item->comment);
    item->comment = xstrdup(row->comment);
    item->disabled = row->disabled;
    *item_pos(item) = row->pos;
    if (row->id >= l->next_id)
        l->next_id = row->id + 1;
    return true;
}

/* The counter is past every id in use, or entries were lost or made up. */
static bool on_counter(void *ctx, const char *menu, uint32_t next_id, struct text *error)
{
    struct config *c = ctx;
    const struct menu *m = menu_find(menu);
    struct list *l = m ? list_of(c, m) : NULL;

    if (!l || next_id < l->next_id || next_id > DYNAMIC_ID_FIRST) {
        text_printf(error, "impossible id counter of \"%s\"", menu);
        return false;
    }
    l->next_id = next_id;
    return true;
}

static bool config_load(struct config *c, struct text *error)
{
    struct text reason = TEXT_INIT;
    const struct config_change load = { .op = OP_LOAD };
    bool ok = !c->store || store_load(c->store, c, on_item, on_counter, error);

    if (ok && c->hooks.apply && !c->hooks.apply(c->hooks.ctx, c, &load, 1, &reason)) {
        text_puts(error, text_get(&reason));
        ok = false;
    }
    text_fini(&reason);
    return ok;
}

struct config *config_open(const char *state_dir, const struct config_hooks *hooks,
                           struct text *error)
{
    struct store *s = store_open(state_dir, error);

    if (!s)
        return NULL;
    struct config *c = config_new(hooks);
    c->store = s;
    if (!config_load(c, error)) {
        config_close(c);
        return NULL;
    }
    return c;
}

struct config *config_open_memory(const struct config_hooks *hooks)
{
    struct config *c = config_new(hooks);
    struct text error = TEXT_INIT;
    bool ok = config_load(c, &error);

    text_fini(&error);
    if (!ok) {
        config_close(c);
        return NULL;
    }
    return c;
}
