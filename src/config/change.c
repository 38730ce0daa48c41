/* The log of changes: each is noted before it happens, written to the store, shown to the gateway,
 * and taken back, newest first, when any of that fails. */
#include "config_priv.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

size_t change_start(struct config *c)
{
    return c->n_log;
}

struct undo *change_log(struct config *c, enum config_op op, struct list *l, struct item *item)
{
    if (c->n_log == c->cap_log) {
        c->cap_log = c->cap_log ? 2 * c->cap_log : 8;
        c->log = xrealloc(c->log, c->cap_log * sizeof(*c->log));
    }
    struct undo *u = &c->log[c->n_log++];
    *u = (struct undo){ .op = op,
                        .list = l,
                        .item = item,
                        .disabled = item->disabled,
                        .comment = xstrdup(item->comment),
                        .pos = *item_pos(item) };
    if (op == OP_SET)
        u->data = item_data_copy(l->menu, item->data);
    if (op == OP_REMOVE || op == OP_MOVE)
        u->index = list_index(l, item);
    return u;
}

static bool store_failed(struct config_error *e, struct text *reason)
{
    fail(e, NULL, "failure: %s", text_get(reason));
    text_fini(reason);
    return false;
}

bool change_store(struct config *c, struct undo *u, struct config_error *e)
{
    const struct list *l = u->list;
    const struct item *item = u->item;
    const struct store_item row = { .menu = l->menu,
                                    .id = item->id,
                                    .pos = *item_pos(u->item),
                                    .disabled = item->disabled,
                                    .comment = item->comment,
                                    .data = item->data };
    struct text reason = TEXT_INIT;
    bool ok = true;

    if (!c->store)
        return true;
    if (!c->writing)
        c->writing = ok = store_begin(c->store, &reason);
    if (u->op == OP_REMOVE)
        ok = ok && store_remove(c->store, l->menu->path, item->id, &reason);
    else
        ok = ok && store_put(c->store, &row, &reason);
    if (u->op == OP_ADD)
        ok = ok && store_counter(c->store, l->menu->path, l->next_id, &reason);
    return ok || store_failed(e, &reason);
}

static bool gateway_apply(struct config *c, const struct config_change *changes, size_t n,
                          struct text *reason)
{
    return !c->hooks.apply || n == 0 || c->hooks.apply(c->hooks.ctx, c, changes, n, reason);
}

/* All that are due, since MARK. */
static bool apply_from(struct config *c, size_t mark, struct config_error *e)
{
    struct config_change *changes = xcalloc(c->n_log - mark + 1, sizeof(*changes));
    struct text reason = TEXT_INIT;
    size_t n = 0;

    for (size_t i = mark; i < c->n_log; i++) {
        const struct undo *u = &c->log[i];
        if (u->due)
            changes[n++] = (struct config_change){ u->op, u->list->menu, u->item };
    }
    bool ok = gateway_apply(c, changes, n, &reason);
    for (size_t i = mark; i < c->n_log; i++)
        c->log[i].applied = ok && c->log[i].due;
    if (!ok)
        fail(e, NULL, "failure: %s", text_get(&reason));
    text_fini(&reason);
    free(changes);
    return ok;
}

bool change_apply(struct config *c, struct undo *u, struct config_error *e)
{
    u->due = true;
    return c->batch || apply_from(c, (size_t)(u - c->log), e);
}

static void undo_free(struct undo *u)
{
    item_data_free(u->list->menu, u->data);
    free(u->comment);
}

/* The item as it was, in memory. */
static enum config_op undo_memory(struct undo *u)
{
    struct list *l = u->list;

    switch (u->op) {
    case OP_ADD:
        list_take(l, list_index(l, u->item));
        if (l->next_id == u->item->id + 1)
            l->next_id--; /* nobody was told of it */
        return OP_REMOVE;
    case OP_REMOVE:
        list_insert(l, u->index, u->item);
        return OP_ADD;
    case OP_MOVE:
        list_take(l, list_index(l, u->item));
        list_insert(l, u->index, u->item);
        break;
    case OP_LOAD:
    case OP_SET:
    case OP_ENABLE:
    case OP_DISABLE:
    case OP_COMMENT:
        break;
    }
    if (u->data) {
        item_data_free(l->menu, u->item->data);
        u->item->data = u->data;
        u->data = NULL;
    }
    free(u->item->comment);
    u->item->comment = u->comment;
    u->comment = NULL;
    u->item->disabled = u->disabled;
    *item_pos(u->item) = u->pos;
    return u->op == OP_MOVE ? OP_MOVE : OP_SET;
}

/* Everything since MARK, newest first; the gateway follows back in one step. */
static void undo_from(struct config *c, size_t mark)
{
    struct config_change *back = xcalloc(c->n_log - mark + 1, sizeof(*back));
    struct text reason = TEXT_INIT;
    size_t n = 0;

    for (size_t i = c->n_log; i-- > mark;) {
        struct undo *u = &c->log[i];
        enum config_op op = undo_memory(u);
        if (u->applied)
            back[n++] = (struct config_change){ op, u->list->menu, u->item };
    }
    if (!gateway_apply(c, back, n, &reason))
        log_error("config", "cannot take a change back: %s", text_get(&reason));
    text_fini(&reason);
    free(back);
}

bool change_finish(struct config *c, size_t mark, bool ok, struct config_error *e)
{
    struct text reason = TEXT_INIT;

    if (c->batch && ok)
        return true; /* config_end decides */
    if (c->writing && ok && !store_commit(c->store, &reason))
        ok = store_failed(e, &reason);
    else if (c->writing && !ok && !c->batch)
        store_rollback(c->store);
    c->writing = c->writing && c->batch;
    if (!ok)
        undo_from(c, mark);
    while (c->n_log > mark) {
        struct undo *u = &c->log[--c->n_log];
        if (u->op == (ok ? OP_REMOVE : OP_ADD))
            item_free(u->list->menu, u->item);
        undo_free(u);
    }
    c->batch_failed = c->batch && !ok; /* what it wrote is still in the transaction */
    return ok;
}

void config_begin(struct config *c)
{
    c->batch = true;
    c->batch_failed = false;
}

bool config_end(struct config *c, bool keep, struct config_error *e)
{
    bool ok = keep && !c->batch_failed && apply_from(c, 0, e);

    c->batch = false;
    c->batch_failed = false;
    return change_finish(c, 0, ok, e);
}
