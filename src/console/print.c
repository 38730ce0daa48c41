/* Layouts of print. The order, the quotes and what is left out come from the property tables; a
 * live menu without a table prints what the daemon sends. */
#include "print.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH_MIN = 40, BRIEF_CELL_MAX = 32 };

static bool is_quoted(const struct menu *m, const char *name)
{
    const struct prop *p = menu_prop(m, name);

    return p && (p->type == PT_TEXT || p->type == PT_NAME || p->flags & P_QUOTED);
}

/* Text from outside: control and 8-bit bytes as \XX, so that no terminal acts on them and the lexer
 * reads them back. */
static void put_quoted(const char *value, struct text *out)
{
    text_putc(out, '"');
    for (; *value; value++) {
        if (strchr("\"\\$", *value))
            text_putc(out, '\\');
        text_put_escaped(out, value, 1);
    }
    text_putc(out, '"');
}

void print_value(const struct menu *m, const char *name, const char *value, struct text *out)
{
    if (is_quoted(m, name))
        put_quoted(value, out);
    else
        text_put_escaped(out, value, strlen(value));
}

/* --- which properties a row shows ---------------------------------------------------------- */

/* Walks the names to show for one row: explicit columns, the table, or the row's own pairs. */
struct shown {
    const struct listing *l;
    const struct api_sentence *row;
    size_t at;
    char name[128];
};

static bool plainly_shown(const struct menu *m, const struct prop *p, const char *value)
{
    if (p->flags & P_NOPRINT)
        return false;
    if (menu_has_flag(m, p->name) || strcmp(p->name, "comment") == 0)
        return false;
    return !(p->flags & P_QUIET && p->def && strcmp(p->def, value) == 0);
}

static bool shown_pair(struct shown *s, const char **ret_value)
{
    const char *name;
    size_t len;

    while (row_pair(s->row, &s->at, &name, &len, ret_value)) {
        if (len == 0 || name[0] == '.' || len >= sizeof s->name)
            continue;
        memcpy(s->name, name, len);
        s->name[len] = '\0';
        return true;
    }
    return false;
}

/* The next name and value; the value is never NULL. */
static bool shown_next(struct shown *s, const char **ret_name, const char **ret_value)
{
    const struct menu *m = s->l->menu;

    if (s->l->columns) {
        while (s->l->columns[s->at]) {
            *ret_name = s->l->columns[s->at++];
            *ret_value = row_value(m, s->row, *ret_name);
            if (*ret_value)
                return true;
        }
        return false;
    }
    if (!m->props->name) {
        *ret_name = s->name;
        return shown_pair(s, ret_value);
    }
    while (m->props[s->at].name) {
        const struct prop *p = &m->props[s->at++];
        *ret_name = p->name;
        *ret_value = row_value(m, s->row, p->name);
        if (*ret_value && plainly_shown(m, p, *ret_value))
            return true;
    }
    return false;
}

/* --- flags and numbers --------------------------------------------------------------------- */

static void put_legend(const struct menu *m, struct text *out)
{
    if (!m->print_flags)
        return;
    text_puts(out, "Flags: ");
    for (const struct menu_flag *f = m->print_flags; f->letter; f++)
        text_printf(out, "%s%c - %s", f == m->print_flags ? "" : ", ", f->letter, f->word);
    text_putc(out, '\n');
}

static size_t flag_columns(const struct menu *m)
{
    size_t columns = 0;

    for (const struct menu_flag *f = m->print_flags; f && f->letter; f++)
        if (f->column >= columns)
            columns = f->column + 1u;
    return columns < MENU_COLUMNS_MAX ? columns : MENU_COLUMNS_MAX;
}

static void put_flags(const struct menu *m, const struct api_sentence *row, struct text *out)
{
    char letters[MENU_COLUMNS_MAX + 1];
    size_t columns = flag_columns(m);

    memset(letters, ' ', sizeof letters);
    for (const struct menu_flag *f = m->print_flags; f && f->letter; f++)
        if (f->column < columns && letters[f->column] == ' ' && row_flag(row, f->word))
            letters[f->column] = f->letter;
    text_add(out, letters, columns);
}

static size_t number_width(const struct listing *l)
{
    size_t highest = 0, width = 1;

    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].number > highest)
            highest = l->items[i].number;
    for (; highest >= 10; highest /= 10)
        width++;
    return width < 2 ? 2 : width;
}

/* Number and flags; the properties begin INDENT columns in. */
static void put_head(const struct listing *l, const struct print_item *item, size_t digits,
                     struct text *out)
{
    text_printf(out, "%*zu ", (int)digits, item->number);
    put_flags(l->menu, item->row, out);
}

static void put_blanks(struct text *out, size_t n)
{
    while (n--)
        text_putc(out, ' ');
}

/* --- detail -------------------------------------------------------------------------------- */

struct wrap {
    struct text *out;
    size_t column, indent, width;
};

static void wrap_put(struct wrap *w, const struct text *pair)
{
    if (w->column > w->indent && w->column + 1 + pair->len >= w->width) {
        text_putc(w->out, '\n');
        put_blanks(w->out, w->indent);
        w->column = w->indent;
    } else if (w->column > w->indent) {
        text_putc(w->out, ' ');
        w->column++;
    }
    text_add(w->out, text_get(pair), pair->len);
    w->column += pair->len;
}

static void put_pairs(const struct listing *l, const struct api_sentence *row, size_t indent,
                      struct text *out)
{
    struct wrap w = { out, indent, indent, l->width < WIDTH_MIN ? WIDTH_MIN : l->width };
    struct shown s = { .l = l, .row = row };
    struct text pair = TEXT_INIT;
    const char *name, *value;

    while (shown_next(&s, &name, &value)) {
        text_clear(&pair);
        text_put_escaped(&pair, name, strlen(name));
        text_putc(&pair, '=');
        print_value(l->menu, name, value, &pair);
        wrap_put(&w, &pair);
    }
    text_fini(&pair);
    text_putc(out, '\n');
}

void print_detail(const struct listing *l, struct text *out)
{
    if (l->n == 0)
        return;
    size_t digits = number_width(l), columns = flag_columns(l->menu);
    /* one flag column: one blank behind it; more: the properties stand four or more in */
    size_t room = columns == 0 ? 0 : columns == 1 ? 2 : columns < 4 ? 4 : columns + 1;
    size_t indent = digits + 1 + room;

    put_legend(l->menu, out);
    for (size_t i = 0; i < l->n; i++) {
        const char *comment = api_sentence_get(l->items[i].row, "comment");
        put_head(l, &l->items[i], digits, out);
        put_blanks(out, room - columns);
        if (comment && *comment) {
            text_puts(out, ";;; ");
            text_put_escaped(out, comment, strlen(comment));
            text_putc(out, '\n');
            put_blanks(out, indent);
        }
        put_pairs(l, l->items[i].row, indent, out);
        text_putc(out, '\n');
    }
}

/* --- terse, values ------------------------------------------------------------------------- */

void print_terse(const struct listing *l, struct text *out)
{
    size_t digits = number_width(l);

    for (size_t i = 0; i < l->n; i++) {
        struct shown s = { .l = l, .row = l->items[i].row };
        const char *name, *value;
        put_head(l, &l->items[i], digits, out);
        const char *comment = api_sentence_get(l->items[i].row, "comment");
        if (comment && *comment) {
            text_puts(out, " comment=");
            text_put_escaped(out, comment, strlen(comment));
        }
        while (shown_next(&s, &name, &value)) {
            text_printf(out, " %s=", name);
            text_put_escaped(out, value, strlen(value));
        }
        text_putc(out, '\n');
    }
}

void print_as_value(const struct listing *l, struct text *out)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *name, *value;
        size_t len;

        if (i)
            text_putc(out, ';');
        for (size_t at = 0, first = 1; row_pair(l->items[i].row, &at, &name, &len, &value);) {
            if (!first)
                text_putc(out, ';');
            first = 0;
            text_add(out, name, len);
            text_putc(out, '=');
            text_puts(out, value);
        }
    }
}

/* Names to the right, so that the colons stand in one column. */
static void put_label(struct text *out, const char *name, size_t width)
{
    size_t len = strlen(name);

    put_blanks(out, width > len ? width - len : 0);
    text_put_escaped(out, name, len);
    text_putc(out, ':');
}

void print_single(const struct menu *m, const struct api_sentence *row, struct text *out)
{
    const struct listing l = { .menu = m };
    const char *name, *value;
    size_t width = 0;

    for (struct shown s = { .l = &l, .row = row }; shown_next(&s, &name, &value);)
        if (strlen(name) > width)
            width = strlen(name);
    for (struct shown s = { .l = &l, .row = row }; shown_next(&s, &name, &value);) {
        put_label(out, name, width + 2);
        text_putc(out, ' ');
        print_value(m, name, value, out);
        text_putc(out, '\n');
    }
}

void print_value_list(const struct listing *l, struct text *out)
{
    struct names names = { 0 };
    const char *name, *value;
    size_t width = 0;

    for (size_t i = 0; i < l->n; i++)
        for (struct shown s = { .l = l, .row = l->items[i].row }; shown_next(&s, &name, &value);)
            names_add(&names, name, NULL, NULL);
    for (size_t k = 0; k < names.n; k++)
        if (strlen(names.v[k].text) > width)
            width = strlen(names.v[k].text);
    for (size_t k = 0; k < names.n; k++) {
        put_label(out, names.v[k].text, width + 2);
        for (size_t i = 0; i < l->n; i++) {
            value = row_value(l->menu, l->items[i].row, names.v[k].text);
            text_putc(out, ' ');
            text_put_escaped(out, value ? value : "", value ? strlen(value) : 0);
        }
        text_putc(out, '\n');
    }
    names_fini(&names);
}

/* --- brief --------------------------------------------------------------------------------- */

static size_t cell_width(const struct listing *l, const char *name)
{
    size_t width = strlen(name);

    for (size_t i = 0; i < l->n; i++) {
        const char *value = row_value(l->menu, l->items[i].row, name);
        if (value && strlen(value) > width)
            width = strlen(value);
    }
    return width < BRIEF_CELL_MAX ? width : BRIEF_CELL_MAX;
}

static void put_cell(struct text *out, const char *value, size_t width)
{
    struct text cell = TEXT_INIT;

    text_put_escaped(&cell, value, strlen(value));
    text_putc(out, ' ');
    if (cell.len > width && width > 3) {
        text_add(out, text_get(&cell), width - 3);
        text_puts(out, "...");
    } else {
        text_puts(out, text_get(&cell));
        put_blanks(out, width > cell.len ? width - cell.len : 0);
    }
    text_fini(&cell);
}

/* The columns of a table, as many as fit. */
struct table {
    struct names names;
    size_t *widths; /* owned */
    size_t digits, flags;
};

static void table_init(struct table *t, const struct listing *l)
{
    const char *name, *value;
    size_t width = l->width < WIDTH_MIN ? WIDTH_MIN : l->width;

    *t = (struct table){ .digits = number_width(l), .flags = flag_columns(l->menu) };
    size_t used = t->digits + 1 + t->flags;
    for (size_t i = 0; i < l->n; i++)
        for (struct shown s = { .l = l, .row = l->items[i].row }; shown_next(&s, &name, &value);)
            names_add(&t->names, name, NULL, NULL);
    t->widths = xcalloc(t->names.n, sizeof *t->widths);
    for (size_t k = 0; k < t->names.n; k++) {
        t->widths[k] = cell_width(l, t->names.v[k].text);
        used += 1 + t->widths[k];
        while (k && used >= width && t->names.n > k)
            free(t->names.v[--t->names.n].text);
    }
}

static void put_table_row(const struct listing *l, const struct table *t,
                          const struct print_item *item, struct text *out)
{
    const char *comment = api_sentence_get(item->row, "comment");

    put_head(l, item, t->digits, out);
    if (comment && *comment) {
        text_puts(out, " ;;; ");
        text_put_escaped(out, comment, strlen(comment));
        text_putc(out, '\n');
        put_blanks(out, t->digits + 1 + t->flags);
    }
    for (size_t k = 0; k < t->names.n; k++) {
        const char *value = row_value(l->menu, item->row, t->names.v[k].text);
        put_cell(out, value ? value : "", t->widths[k]);
    }
    text_putc(out, '\n');
}

void print_brief(const struct listing *l, struct text *out)
{
    struct table t;

    if (l->n == 0)
        return;
    table_init(&t, l);
    put_legend(l->menu, out);
    put_blanks(out, t.digits - 1);
    text_puts(out, "# ");
    put_blanks(out, t.flags);
    for (size_t k = 0; k < t.names.n; k++)
        put_cell(out, t.names.v[k].text, t.widths[k]);
    text_putc(out, '\n');
    for (size_t i = 0; i < l->n; i++)
        put_table_row(l, &t, &l->items[i], out);
    names_fini(&t.names);
    free(t.widths);
}
