/* The commands that change something. Several items are changed together or not at all. */
#include "api_priv.h"

#include <stdio.h>
#include <string.h>

static const char *const no_args[] = { NULL };

/* CHANGE for every item of the request, as one. */
static bool each_item(struct request *r, bool (*change)(struct request *r, uint32_t id))
{
    bool ok = true;

    config_begin(r->c);
    for (size_t i = 0; ok && i < r->n_ids; i++)
        ok = change(r, r->ids[i]);
    ok = config_end(r->c, ok, &r->error);
    if (ok)
        put_done(r, NULL);
    return ok;
}

/* Arguments of one item, up to ".next" or the end. */
static size_t item_args(const struct request *r, size_t from)
{
    size_t n = 0;

    while (from + n < r->n_args && strcmp(r->args[from + n].name, ".next") != 0)
        n++;
    return n;
}

static bool add_one(struct request *r, size_t from, size_t n, struct text *ids)
{
    uint32_t id;

    if (!config_add(r->c, r->m, r->args + from, n, &id, &r->error))
        return false;
    text_printf(ids, "%s*%X", ids->len ? "," : "", id);
    return true;
}

/* Several items with "=.next=" between their arguments. */
static bool add_many(struct request *r, struct text *ids)
{
    bool ok = true;

    config_begin(r->c);
    for (size_t from = 0, n; ok && from <= r->n_args; from += n + 1) {
        n = item_args(r, from);
        ok = add_one(r, from, n, ids);
    }
    return config_end(r->c, ok, &r->error);
}

bool on_add(struct request *r)
{
    struct text ids = TEXT_INIT;
    size_t n = item_args(r, 0);
    bool ok = n == r->n_args ? add_one(r, 0, n, &ids) : add_many(r, &ids);

    if (ok)
        put_done(r, text_get(&ids));
    text_fini(&ids);
    return ok;
}

static bool set_one(struct request *r, uint32_t id)
{
    return config_set(r->c, r->m, id, r->args, r->n_args, &r->error);
}

bool on_set(struct request *r)
{
    return items_needed(r) && each_item(r, set_one);
}

static bool unset_one(struct request *r, uint32_t id)
{
    struct text name = TEXT_INIT;

    text_printf(&name, "!%s", arg_get(r, "value-name"));
    const struct config_arg arg = { text_get(&name), "" };
    bool ok = config_set(r->c, r->m, id, &arg, 1, &r->error);
    text_fini(&name);
    if (!ok && r->error.arg)
        r->error.arg = "value-name";
    return ok;
}

bool on_unset(struct request *r)
{
    static const char *const names[] = { "value-name", NULL };

    if (!arg_get(r, "value-name"))
        return trap(r, "value-name", "missing value(s) of argument(s) value-name");
    return only_args(r, names) && items_needed(r) && each_item(r, unset_one);
}

static bool remove_one(struct request *r, uint32_t id)
{
    return config_remove(r->c, r->m, id, &r->error);
}

bool on_remove(struct request *r)
{
    return only_args(r, no_args) && items_needed(r) && each_item(r, remove_one);
}

static bool enable_one(struct request *r, uint32_t id)
{
    return config_enable(r->c, r->m, id, strcmp(r->verb, "enable") == 0, &r->error);
}

bool on_enable(struct request *r)
{
    return only_args(r, no_args) && items_needed(r) && each_item(r, enable_one);
}

static bool comment_one(struct request *r, uint32_t id)
{
    return config_comment(r->c, r->m, id, arg_get(r, "comment"), &r->error);
}

bool on_comment(struct request *r)
{
    static const char *const names[] = { "comment", NULL };

    if (!arg_get(r, "comment"))
        return trap(r, "comment", "missing value(s) of argument(s) comment");
    return only_args(r, names) && items_needed(r) && each_item(r, comment_one);
}

static bool move_one(struct request *r, uint32_t id)
{
    const char *ref = arg_get(r, "destination");
    const struct item *before = ref && *ref ? config_resolve(r->c, r->m, ref) : NULL;

    if (ref && *ref && !before)
        return trap(r, "destination", "no such item");
    return config_move(r->c, r->m, id, before ? before->id : 0, &r->error);
}

bool on_move(struct request *r)
{
    static const char *const names[] = { "destination", NULL };

    return only_args(r, names) && items_needed(r) && each_item(r, move_one);
}

bool on_menu_command(struct request *r)
{
    if (!config_command(r->c, r->m, r->verb, r->args, r->n_args, &r->error))
        return false;
    put_done(r, NULL);
    return true;
}
