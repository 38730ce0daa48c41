/* The commands that change the configuration. Each is one entry or a few in the log of changes:
 * memory, store and gateway follow together or not at all. */
#include "config.h"

#include "config_priv.h"

#include <stdlib.h>
#include <string.h>

/* Between two neighbours' positions; moves halve it, so it is wide. */
static const int64_t POS_GAP = INT64_C(1) << 32;

static const char *noun(const struct menu *m)
{
    return m->noun ? m->noun : "item";
}

/* The list's item ID that a user may change. */
static struct item *changeable(struct config *c, const struct menu *m, uint32_t id,
                               const char *verb, struct config_error *e)
{
    struct item *item = config_find_id(c, m, id);

    if (!item || (m->flags & M_LIVE)) {
        fail(e, NULL, m->flags & M_LIVE ? "no such command" : "no such item");
        return NULL;
    }
    if (item->dynamic) {
        fail(e, NULL, "failure: can not %s dynamic %s", verb, noun(m));
        return NULL;
    }
    return item;
}

/* A position between the neighbours of INDEX; false when they touch. */
static bool pos_between(const struct list *l, size_t index, int64_t *ret)
{
    int64_t before = index > 0 ? *item_pos(l->items[index - 1]) : 0;
    int64_t after = index + 1 < l->n_typed ? *item_pos(l->items[index + 1]) : before + 2 * POS_GAP;

    *ret = before + (after - before) / 2;
    return after - before > 1;
}

/* Places the item at INDEX in the order of the store; rewrites every position when the gap there
 * is used up. */
static bool place(struct config *c, struct list *l, size_t index, struct config_error *e)
{
    int64_t pos;

    if (pos_between(l, index, &pos)) {
        *item_pos(l->items[index]) = pos;
        return true;
    }
    for (size_t i = 0; i < l->n_typed; i++) {
        struct undo *u = NULL;
        if (i != index)
            u = change_log(c, OP_COMMENT, l, l->items[i]); /* nothing the gateway cares about */
        *item_pos(l->items[i]) = (int64_t)(i + 1) * POS_GAP;
        if (u && !change_store(c, u, e))
            return false;
    }
    return true;
}

static bool required_check(const struct menu *m, const struct item_args *a, struct config_error *e)
{
    for (const struct prop *p = m->props; p->name; p++) {
        if ((p->flags & P_REQUIRED) && !args_get(a, p->name))
            return fail(e, p->name, "missing value(s) of argument(s) %s", p->name);
    }
    return true;
}

/* Where add's place-before= points; the end when it is absent or names a dynamic item. */
static bool place_index(const struct config *c, const struct list *l, const struct item_args *a,
                        size_t *ret, struct config_error *e)
{
    const char *ref = args_get(a, "place-before");
    const struct item *before = ref ? config_resolve(c, l->menu, ref) : NULL;

    if (ref && !before)
        return fail(e, "place-before", "no such item");
    *ret = before && !before->dynamic ? list_index(l, before) : l->n_typed;
    return true;
}

/* A new item with defaults, or with what copy-from= has. */
static struct item *item_for_add(const struct config *c, const struct list *l,
                                 const struct item_args *a, struct config_error *e)
{
    const char *ref = args_get(a, "copy-from");
    const struct item *from = ref ? config_resolve(c, l->menu, ref) : NULL;

    if (ref && !from) {
        fail(e, "copy-from", "no such item");
        return NULL;
    }
    struct item *item = item_new(l->next_id, from ? item_data_copy(l->menu, from->data)
                                                  : item_data_new(c, l->menu));
    if (from) {
        free(item->comment);
        item->comment = xstrdup(from->comment);
        item->disabled = from->disabled;
    }
    return item;
}

bool config_add(struct config *c, const struct menu *m, const struct config_arg *args, size_t n,
                uint32_t *ret_id, struct config_error *e)
{
    const struct item_args a = { args, n, true };
    struct list *l = list_of(c, m);
    size_t index = 0, mark = change_start(c);

    if (m->flags & (M_LIVE | M_SINGLE))
        return fail(e, NULL, "no such command");
    if (l->next_id == DYNAMIC_ID_FIRST)
        return fail(e, NULL, "failure: no more ids");
    struct item *item = item_for_add(c, l, &a, e);
    if (!item)
        return false;
    if (!args_to_item(c, l, item, &a, e) || !required_check(m, &a, e) ||
        !place_index(c, l, &a, &index, e)) {
        item_free(m, item);
        return false;
    }
    uint32_t id = l->next_id++;
    change_log(c, OP_ADD, l, item);
    list_insert(l, index, item);
    bool ok = place(c, l, index, e) && change_store(c, &c->log[mark], e) &&
              change_apply(c, &c->log[mark], e);
    if (!change_finish(c, mark, ok, e))
        return false;
    if (ret_id)
        *ret_id = id;
    return true;
}

/* The items that call the renamed one by its old name follow. */
static bool references_follow(struct config *c, const struct menu *target, const char *old,
                              const char *new, struct config_error *e)
{
    for (size_t i = 0; i < c->n_lists; i++) {
        struct list *l = &c->lists[i];
        for (const struct prop *p = l->menu->props; p->name; p++) {
            if (p->type != PT_REF || menu_find(p->ref_menu) != target)
                continue;
            for (size_t n = 0; n < l->n_typed; n++) {
                char *const *name = (const void *)((uint8_t *)l->items[n]->data + p->offset);
                if (strcmp(*name, old) != 0)
                    continue;
                struct undo *u = change_log(c, OP_SET, l, l->items[n]);
                prop_parse(p, new, l->items[n]->data);
                if (!change_store(c, u, e))
                    return false;
            }
        }
    }
    return true;
}

static bool rename_follow(struct config *c, struct list *l, const void *old_data,
                          const void *new_data, struct config_error *e)
{
    const struct prop *p = menu_name_prop(l->menu);

    if (!p)
        return true;
    const char *old = *(char *const *)(const void *)((const uint8_t *)old_data + p->offset);
    const char *new = *(char *const *)(const void *)((const uint8_t *)new_data + p->offset);
    if (strcmp(old, new) == 0)
        return true;
    return references_follow(c, l->menu, old, new, e);
}

static bool only_comment(const struct config_arg *args, size_t n)
{
    return n == 1 && strcmp(args[0].name, "comment") == 0;
}

bool config_set(struct config *c, const struct menu *m, uint32_t id, const struct config_arg *args,
                size_t n, struct config_error *e)
{
    const struct item_args a = { args, n, false };
    struct item *item = changeable(c, m, id, "change", e);
    struct list *l = list_of(c, m);
    size_t mark = change_start(c);

    if (!item)
        return false;
    /* Onto a copy first: nothing is touched by arguments that do not fit. */
    struct item trial = { .id = id,
                          .disabled = item->disabled,
                          .comment = xstrdup(item->comment),
                          .data = item_data_copy(m, item->data) };
    bool fits = args_to_item(c, l, &trial, &a, e);
    if (fits && item_is_builtin(m, item) && !item_is_builtin(m, &trial))
        fits = fail(e, NULL, "failure: can not rename default %s", noun(m));
    if (!fits) {
        item_data_free(m, trial.data);
        free(trial.comment);
        return false;
    }
    change_log(c, OP_SET, l, item);
    item_data_free(m, item->data);
    free(item->comment);
    item->data = trial.data;
    item->comment = trial.comment;
    item->disabled = trial.disabled;
    bool ok = change_store(c, &c->log[mark], e) &&
              rename_follow(c, l, c->log[mark].data, item->data, e) &&
              (only_comment(args, n) || change_apply(c, &c->log[mark], e));
    return change_finish(c, mark, ok, e);
}

bool config_remove(struct config *c, const struct menu *m, uint32_t id, struct config_error *e)
{
    struct list *l = list_of(c, m);
    size_t mark = change_start(c);

    if (m->flags & M_SINGLE)
        return fail(e, NULL, "no such command");
    struct item *item = changeable(c, m, id, "remove", e);
    if (!item)
        return false;
    if (item_is_builtin(m, item))
        return fail(e, NULL, "failure: can not remove default %s", noun(m));
    change_log(c, OP_REMOVE, l, item);
    list_take(l, list_index(l, item));
    bool ok = change_store(c, &c->log[mark], e) && change_apply(c, &c->log[mark], e);
    return change_finish(c, mark, ok, e);
}

bool config_enable(struct config *c, const struct menu *m, uint32_t id, bool enable,
                   struct config_error *e)
{
    struct list *l = list_of(c, m);
    size_t mark = change_start(c);

    if (!(m->flags & M_DISABLE))
        return fail(e, NULL, "no such command");
    struct item *item = changeable(c, m, id, "change", e);
    if (!item)
        return false;
    change_log(c, enable ? OP_ENABLE : OP_DISABLE, l, item);
    item->disabled = !enable;
    bool ok = change_store(c, &c->log[mark], e) && change_apply(c, &c->log[mark], e);
    return change_finish(c, mark, ok, e);
}

bool config_comment(struct config *c, const struct menu *m, uint32_t id, const char *text,
                    struct config_error *e)
{
    struct list *l = list_of(c, m);
    size_t mark = change_start(c);

    if (!(m->flags & M_COMMENT))
        return fail(e, NULL, "no such command");
    struct item *item = changeable(c, m, id, "change", e);
    if (!item)
        return false;
    if (strlen(text) > PROP_TEXT_MAX)
        return fail(e, "comment", "invalid value for argument comment");
    change_log(c, OP_COMMENT, l, item);
    free(item->comment);
    item->comment = xstrdup(text);
    return change_finish(c, mark, change_store(c, &c->log[mark], e), e);
}

bool config_move(struct config *c, const struct menu *m, uint32_t id, uint32_t before_id,
                 struct config_error *e)
{
    struct list *l = list_of(c, m);
    size_t mark = change_start(c);

    if (!(m->flags & M_ORDERED))
        return fail(e, NULL, "no such command");
    struct item *item = changeable(c, m, id, "move", e);
    struct item *before = before_id ? config_find_id(c, m, before_id) : NULL;
    if (!item)
        return false;
    if (before_id && !before)
        return fail(e, "destination", "no such item");
    if (item == before)
        return true;
    change_log(c, OP_MOVE, l, item);
    list_take(l, list_index(l, item));
    size_t index = before && !before->dynamic ? list_index(l, before) : l->n_typed;
    list_insert(l, index, item);
    bool ok = place(c, l, index, e) && change_store(c, &c->log[mark], e) &&
              change_apply(c, &c->log[mark], e);
    return change_finish(c, mark, ok, e);
}

bool config_command(struct config *c, const struct menu *m, const char *command,
                    const struct config_arg *args, size_t n, struct config_error *e)
{
    const struct menu_command *mc = menu_command_find(m, command);

    if (!mc || !c->hooks.command)
        return fail(e, NULL, "no such command");
    void *parsed = xcalloc(1, mc->args_size);
    bool ok = args_to_command(mc, parsed, args, n, e) &&
              c->hooks.command(c->hooks.ctx, m, command, parsed, &e->text);
    for (const struct prop *p = mc->args; p->name; p++)
        prop_free(p, parsed);
    free(parsed);
    return ok;
}

struct item *config_add_dynamic(struct config *c, const struct menu *m, const void *data)
{
    struct list *l = list_of(c, m);
    struct item *item = item_new(l->next_dynamic_id++, item_data_copy(m, data));

    item->dynamic = true;
    list_insert(l, l->n, item);
    return item;
}

void config_remove_dynamic(struct config *c, const struct menu *m, uint32_t id)
{
    struct list *l = list_of(c, m);
    struct item *item = config_find_id(c, m, id);

    if (!item || !item->dynamic)
        return;
    list_take(l, list_index(l, item));
    item_free(m, item);
}
