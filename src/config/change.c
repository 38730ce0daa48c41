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

static bool gateway_apply(struct config *c, enum config_op op, const struct undo *u,
                          struct text *reason)
{
    const struct config_change change = { .op = op, .menu = u->list->menu, .item = u->item };

    return !c->hooks.apply || c->hooks.apply(c->hooks.ctx, c, &change, reason);
}

bool change_apply(struct config *c, struct undo *u, struct config_error *e)
{
    struct text reason = TEXT_INIT;

    u->applied = gateway_apply(c, u->op, u, &reason);
    if (!u->applied)
        fail(e, NULL, "failure: %s", text_get(&reason));
    text_fini(&reason);
    return u->applied;
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

static void undo_run(struct config *c, struct undo *u)
{
    enum config_op op = undo_memory(u);
    struct text reason = TEXT_INIT;

    if (u->applied && !gateway_apply(c, op, u, &reason))
        log_error("config", "cannot take a change back: %s", text_get(&reason));
    text_fini(&reason);
    if (u->op == OP_ADD)
        item_free(u->list->menu, u->item);
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
    while (c->n_log > mark) {
        struct undo *u = &c->log[--c->n_log];
        if (!ok)
            undo_run(c, u);
        else if (u->op == OP_REMOVE)
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
    bool ok = keep && !c->batch_failed;

    c->batch = false;
    c->batch_failed = false;
    return change_finish(c, 0, ok, e);
}
