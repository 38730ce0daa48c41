/* Commands that read: print in its layouts, find, get. */
#include "items.h"
#include "print.h"
#include "verbs.h"
#include "where.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The rows a print is about, in order, with the numbers they carry. */
struct selection {
    struct rows rows;
    struct print_item *items; /* owned */
    size_t n;
};

static void selection_fini(struct selection *s)
{
    rows_fini(&s->rows);
    free(s->items);
}

static bool contains(const struct ids *ids, uint32_t id)
{
    for (size_t i = 0; i < ids->n; i++)
        if (ids->v[i] == id)
            return true;
    return false;
}

/* Numbers run from 0 over what is shown, except under `from=`, where items keep theirs. */
static bool select_rows(struct call *call, const struct ids *from, struct selection *ret)
{
    const struct menu *m = call->place.menu;
    struct where *where = where_new(call);
    struct selection s = { 0 };

    if (!where || !rows_fetch(call, m, &s.rows)) {
        where_free(where);
        return false;
    }
    s.items = xcalloc(rows_count(&s.rows), sizeof *s.items);
    for (size_t i = 0; i < rows_count(&s.rows); i++) {
        const struct api_sentence *row = rows_at(&s.rows, i);
        size_t number = s.n;
        if (!where_fits(where, row) || (from && !contains(from, row_id(row))))
            continue;
        if (from)
            numbering_find(call->run->c, m, row_id(row), &number);
        s.items[s.n++] = (struct print_item){ row, number };
    }
    where_free(where);
    *ret = s;
    return true;
}

static void keep_numbers(struct call *call, const struct selection *s)
{
    struct ids ids = { 0 };

    for (size_t i = 0; i < s->n; i++)
        ids_add(&ids, row_id(s->items[i].row));
    numbering_keep(call->run->c, call->place.menu, &ids);
    ids_fini(&ids);
}

static void lay_out(struct call *call, const struct selection *s, struct text *out)
{
    struct listing l = {
        .menu = call->place.menu, .items = s->items, .n = s->n, .width = call->run->c->width
    };

    if (call_flag(call, "stats"))
        l.columns = l.menu->stats;
    if (call_flag(call, "count-only")) {
        text_printf(out, "%zu\n", s->n);
    } else if (call_flag(call, "as-value")) {
        print_as_value(&l, out);
        text_putc(out, '\n');
    } else if (l.menu->flags & M_SINGLE && s->n) {
        print_single(l.menu, s->items[0].row, out);
    } else if (call_flag(call, "terse")) {
        print_terse(&l, out);
    } else if (call_flag(call, "value-list")) {
        print_value_list(&l, out);
    } else if (call_flag(call, "brief")) {
        print_brief(&l, out);
    } else {
        print_detail(&l, out);
    }
}

static bool print_once(struct call *call, struct text *out)
{
    struct selection s;
    struct ids from = { 0 };
    bool has_from = call_arg(call, "from") != NULL;

    if (has_from && !items_of_arg(call, "from", &from))
        return false;
    bool ok = select_rows(call, has_from ? &from : NULL, &s);
    ids_fini(&from);
    if (!ok)
        return false;
    if (!has_from && !call_flag(call, "count-only") && !call_flag(call, "as-value"))
        keep_numbers(call, &s);
    lay_out(call, &s, out);
    selection_fini(&s);
    return true;
}

/* Through a file of the name plus ".txt", as the reference's product writes them. Not through a
 * link: a print may hold keys. */
static bool print_to_file(struct call *call, const char *name)
{
    struct text out = TEXT_INIT, path = TEXT_INIT;
    bool ok = print_once(call, &out);

    text_puts(&path, name);
    if (!strchr(name, '.'))
        text_puts(&path, ".txt");
    if (ok) {
        int fd = open(text_get(&path), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        ok = fd >= 0 && write(fd, text_get(&out), out.len) == (ssize_t)out.len;
        if (fd >= 0)
            ok = close(fd) == 0 && ok;
        if (!ok)
            run_fail(call->run, NO_PLACE, "failure: cannot write %s: %s", text_get(&path),
                     strerror(errno));
    }
    text_fini(&path);
    text_fini(&out);
    return ok;
}

static bool print_repeatedly(struct call *call, const char *interval)
{
    const struct console_screen *screen = &call->run->c->screen;
    size_t at = call_place(call, "interval");
    int64_t seconds;

    if (!time_from_text(interval, &seconds) || seconds < 1 || seconds > 86400)
        return run_fail(call->run, at, "invalid value for argument interval");
    if (!screen->paint)
        return run_fail(call->run, NO_PLACE, "failure: interval needs a terminal");
    for (;;) {
        struct text out = TEXT_INIT;
        bool ok = print_once(call, &out);
        bool more = ok && screen->paint(screen->ctx, text_get(&out), (unsigned)seconds);
        text_fini(&out);
        if (!more)
            return ok;
    }
}

static bool run_print(struct call *call)
{
    const char *file = call_arg(call, "file"), *interval = call_arg(call, "interval");

    if (file)
        return print_to_file(call, file);
    if (interval)
        return print_repeatedly(call, interval);
    bool is_value = call_flag(call, "as-value") || call_flag(call, "count-only");
    if (!is_value || !call->run->value)
        return print_once(call, call->run->out);
    bool ok = print_once(call, &call->value);
    if (ok && call->value.len && call->value.s[call->value.len - 1] == '\n')
        call->value.s[--call->value.len] = '\0';
    return ok;
}

static bool run_find(struct call *call)
{
    struct selection s;
    struct ids ids = { 0 };

    if (!select_rows(call, NULL, &s))
        return false;
    for (size_t i = 0; i < s.n; i++)
        ids_add(&ids, row_id(s.items[i].row));
    ids_text(&ids, ';', &call->value);
    ids_fini(&ids);
    selection_fini(&s);
    return true;
}

static const struct api_sentence *row_with_id(const struct rows *rows, uint32_t id)
{
    for (size_t i = 0; i < rows_count(rows); i++)
        if (row_id(rows_at(rows, i)) == id)
            return rows_at(rows, i);
    return NULL;
}

/* The property's value into the call's; all of them when none was named. */
static bool get_value(struct call *call, const struct api_sentence *row)
{
    const struct menu *m = call->place.menu;
    const char *typed = call_arg(call, "value-name"), *name = NULL;
    struct names names = { 0 };

    if (!typed) {
        const struct listing l = { .menu = m, .items = &(struct print_item){ row, 0 }, .n = 1 };
        print_as_value(&l, &call->value);
        return true;
    }
    property_names(m, false, &names);
    for (const struct prop *p = m->props; p->name; p++)
        if (p->alias && strcmp(p->alias, typed) == 0)
            name = p->name;
    bool ok = name || names_match(&names, typed, &name) == MATCH_ONE || !m->props->name;
    if (ok) {
        const struct prop *p = menu_prop(m, name ? name : typed);
        const char *value = row_value(m, row, p ? p->name : name ? name : typed);
        text_puts(&call->value, value ? value : "");
    } else {
        run_fail(call->run, call_place(call, "value-name"),
                 "input does not match any value of value-name");
    }
    names_fini(&names);
    return ok;
}

static bool run_get(struct call *call)
{
    const struct menu *m = call->place.menu;
    struct rows rows;
    uint32_t id = 0;

    if (!(m->flags & M_SINGLE) && !item_of_arg(call, "numbers", &id))
        return false;
    if (!rows_fetch(call, m, &rows))
        return false;
    bool single = m->flags & M_SINGLE;
    const struct api_sentence *row = single && rows_count(&rows) ? rows_at(&rows, 0)
                                     : single                    ? NULL
                                                                 : row_with_id(&rows, id);
    bool ok = row ? get_value(call, row) : run_fail(call->run, NO_PLACE, "no such item");
    rows_fini(&rows);
    return ok;
}

static const struct verb_arg print_args[] = {
    { "as-value", ARG_FLAG, 0, "as a value for scripts" },
    { "brief", ARG_FLAG, 0, "as a table" },
    { "count-only", ARG_FLAG, 0, "only the number of items" },
    { "detail", ARG_FLAG, 0, "all properties as name=value" },
    { "file", ARG_TEXT, 0, "into a file" },
    { "from", ARG_ITEMS, 0, "only these items" },
    { "interval", ARG_SECONDS, 0, "again and again, until Ctrl-C" },
    { "stats", ARG_FLAG, 0, "counters" },
    { "terse", ARG_FLAG, 0, "one line per item" },
    { "value-list", ARG_FLAG, 0, "one line per property" },
    { "where", ARG_WHERE, 0, "only items that fit conditions" },
    { "without-paging", ARG_FLAG, 0, "without stops" },
    { 0 },
};

static const struct verb_arg find_args[] = {
    { "where", ARG_WHERE, 0, "conditions follow" },
    { 0 },
};

static const struct verb_arg get_args[] = {
    { "numbers", ARG_ITEM, 0, "the item" },
    { "value-name", ARG_PROPERTY, 0, "the property" },
    { 0 },
};

const struct verb verbs_read[] = {
    { "print", .args = print_args, .run = run_print, .help = "show items" },
    { "find", .never = M_SINGLE, .flags = VERB_CONDITIONS | VERB_YIELDS, .args = find_args,
      .run = run_find, .help = "items that fit conditions, for other commands" },
    { "get", .flags = VERB_YIELDS, .args = get_args, .unnamed = { "numbers", "value-name" },
      .run = run_get, .help = "the value of a property" },
    { 0 },
};
