/* The commands that only look: print, find, get, export. */
#include "api_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows that pass the item list and the query, one after the other. */
struct show {
    struct request *r;
    void (*on_row)(struct show *s);
    struct row row;
    size_t count;
    struct text answer; /* find: ids; get: the value */
};

static void show_begin(void *ctx, uint32_t id)
{
    struct show *s = ctx;

    row_clear(&s->row);
    s->row.id = id;
}

static void show_prop(void *ctx, const char *name, const char *value)
{
    struct show *s = ctx;

    row_add(&s->row, name, value);
}

static bool row_listed(const struct request *r, const struct row *row)
{
    for (size_t i = 0; i < r->n_ids; i++) {
        if (r->ids[i] == row->id)
            return true;
    }
    return r->ids == NULL;
}

static void show_end(void *ctx)
{
    struct show *s = ctx;
    const struct query q = { s->r->queries, s->r->n_queries };

    if (!row_listed(s->r, &s->row) || !query_match(&q, s->r->m, &s->row))
        return;
    s->count++;
    if (s->on_row)
        s->on_row(s);
}

static bool show_run(struct show *s)
{
    const struct config_row_visitor v = { s, show_begin, show_prop, show_end };
    const struct query q = { s->r->queries, s->r->n_queries };

    if (!query_check(&q))
        return trap(s->r, NULL, "failure: query operations do not fit");
    config_rows(s->r->c, s->r->m, &v);
    row_fini(&s->row);
    return true;
}

static void print_listed(const struct request *r, const struct row *row)
{
    char *list = xstrdup(r->proplist), *save = NULL, buf[ROW_ID_TEXT_MAX];

    for (char *name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        const char *value = row_get(row, r->m, name, buf);
        if (value)
            put_word(r->out, "=%s=%s", name, value);
    }
    free(list);
}

static void print_row(struct show *s)
{
    const struct request *r = s->r;

    put_word(r->out, "!re");
    if (r->proplist) {
        print_listed(r, &s->row);
    } else {
        if (s->row.id)
            put_word(r->out, "=.id=*%X", s->row.id);
        for (size_t i = 0; i < s->row.n; i++)
            put_word(r->out, "=%s=%s", s->row.v[i].name, s->row.v[i].value);
    }
    put_end(r);
}

bool on_print(struct request *r)
{
    static const char *const names[] = { "count-only", "from",  "detail",         "stats",
                                         "brief",      "terse", "without-paging", "as-value",
                                         "value-list", NULL };
    bool count_only = arg_get(r, "count-only") != NULL;
    struct show s = { .r = r, .on_row = count_only ? NULL : print_row };
    const char *from = arg_get(r, "from") ? arg_get(r, "from") : r->items;
    char count[24];

    if (!only_args(r, names) || (from && !items_resolve(r, from)) || !show_run(&s))
        return false;
    snprintf(count, sizeof(count), "%zu", s.count);
    put_done(r, count_only ? count : NULL);
    return true;
}

static void find_row(struct show *s)
{
    if (s->row.id)
        text_printf(&s->answer, "%s*%X", s->answer.len ? "," : "", s->row.id);
}

bool on_find(struct request *r)
{
    static const char *const none[] = { NULL };
    struct show s = { .r = r, .on_row = find_row };
    bool ok = only_args(r, none) && show_run(&s);

    if (ok)
        put_done(r, text_get(&s.answer));
    text_fini(&s.answer);
    return ok;
}

static void get_row(struct show *s)
{
    char buf[ROW_ID_TEXT_MAX];
    const char *value = row_get(&s->row, s->r->m, arg_get(s->r, "value-name"), buf);

    if (value)
        text_puts(&s->answer, value);
}

/* Whether NAME can be a property there at all; live single menus have names of their own. */
static bool is_property(const struct menu *m, const char *name)
{
    return menu_prop(m, name) || menu_has_flag(m, name) || strcmp(name, ".id") == 0 ||
           ((m->flags & M_COMMENT) && strcmp(name, "comment") == 0) ||
           ((m->flags & M_DISABLE) && strcmp(name, "disabled") == 0) ||
           (m->flags & (M_LIVE | M_SINGLE)) == (M_LIVE | M_SINGLE);
}

bool on_get(struct request *r)
{
    static const char *const names[] = { "value-name", NULL };
    const char *name = arg_get(r, "value-name");
    struct show s = { .r = r, .on_row = get_row };

    if (!only_args(r, names))
        return false;
    if (!name)
        return trap(r, "value-name", "missing value(s) of argument(s) value-name");
    if (!is_property(r->m, name))
        return trap(r, "value-name", "input does not match any value of value-name");
    if (!items_needed(r))
        return false;
    if (r->n_ids != 1)
        return trap(r, "numbers", "no such item");
    bool ok = show_run(&s) && (s.count == 1 || trap(r, "numbers", "no such item"));
    if (ok)
        put_done(r, text_get(&s.answer));
    text_fini(&s.answer);
    return ok;
}

bool on_export(struct request *r)
{
    static const char *const none[] = { NULL };
    struct text all = TEXT_INIT;
    char *save = NULL;

    if (!only_args(r, none))
        return false;
    config_export(r->c, r->m, NULL, &all);
    char *lines = text_take(&all);
    for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        put_word(r->out, "!re");
        put_word(r->out, "=line=%s", line);
        put_end(r);
    }
    free(lines);
    put_done(r, NULL);
    return true;
}
