/* Whole rows as text: what the API prints, of stored items and of live menus alike. */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>

struct live_row {
    uint32_t id;
    struct config_arg *v; /* both strings owned */
    size_t n, cap;
};

/* One row at a time: the next emit hands out the one before. */
struct live_emitter {
    const struct config_row_visitor *visitor;
    bool single, open;
    struct live_row row;
};

void live_row_set(struct live_row *row, const char *prop, const char *value)
{
    if (row->n == row->cap) {
        row->cap = row->cap ? 2 * row->cap : 16;
        row->v = xrealloc(row->v, row->cap * sizeof(*row->v));
    }
    row->v[row->n++] = (struct config_arg){ xstrdup(prop), xstrdup(value) };
}

static void live_flush(struct live_emitter *em)
{
    struct live_row *row = &em->row;

    if (em->open) {
        em->visitor->begin(em->visitor->ctx, em->single ? 0 : row->id);
        for (size_t i = 0; i < row->n; i++)
            em->visitor->prop(em->visitor->ctx, row->v[i].name, row->v[i].value);
        em->visitor->end(em->visitor->ctx);
    }
    for (size_t i = 0; i < row->n; i++) {
        free((char *)row->v[i].name);
        free((char *)row->v[i].value);
    }
    row->n = 0;
    em->open = false;
}

static struct live_row *live_emit(void *ctx, uint32_t id)
{
    struct live_emitter *em = ctx;

    live_flush(em);
    em->row.id = id;
    em->open = true;
    return &em->row;
}

static void live_rows(struct config *c, const struct menu *m, const struct config_row_visitor *v)
{
    struct live_emitter em = { .visitor = v, .single = m->flags & M_SINGLE };

    if (c->hooks.rows)
        c->hooks.rows(c->hooks.ctx, m, live_emit, &em);
    live_flush(&em);
    free(em.row.v);
}

static const char *bool_text(bool b)
{
    return b ? "true" : "false";
}

static bool prop_value(struct config *c, const struct menu *m, const struct item *item,
                       const struct prop *p, struct text *out)
{
    if (p->type == PT_LIVE)
        return c->hooks.live && c->hooks.live(c->hooks.ctx, m, item, p, out);
    return prop_format(p, item->data, out);
}

static void stored_row(struct config *c, const struct menu *m, const struct item *item,
                       const struct config_row_visitor *v)
{
    struct text value = TEXT_INIT;

    v->begin(v->ctx, item->id);
    for (const struct prop *p = m->props; p->name; p++) {
        text_clear(&value);
        if (!prop_value(c, m, item, p, &value))
            continue;
        if (p->type == PT_BOOL || menu_has_flag(m, p->name))
            v->prop(v->ctx, p->name, bool_text(text_get(&value)[0] == 'y'));
        else
            v->prop(v->ctx, p->name, text_get(&value));
    }
    text_fini(&value);
    if (menu_has_flag(m, "dynamic"))
        v->prop(v->ctx, "dynamic", bool_text(item->dynamic));
    if (m->flags & M_DISABLE)
        v->prop(v->ctx, "disabled", bool_text(item->disabled));
    if ((m->flags & M_COMMENT) && item->comment[0])
        v->prop(v->ctx, "comment", item->comment);
    v->end(v->ctx);
}

void config_rows(struct config *c, const struct menu *m, const struct config_row_visitor *v)
{
    const struct list *l = list_of(c, m);

    if (m->flags & M_LIVE) {
        live_rows(c, m, v);
        return;
    }
    for (size_t i = 0; l && i < l->n; i++)
        stored_row(c, m, l->items[i], v);
}
