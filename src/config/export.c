/* The text form of the configuration: commands that make it again. Arguments in alphabetical
 * order, all of them, lines wrapped before column 80 with " \" and four blanks. */
#include "config_priv.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_COLUMNS = 79, PAIRS_MAX = 64 };

struct pair {
    const char *name;
    struct text value; /* quoted as needed */
};

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._:/,*-+@%", c));
}

/* A value as the console reads it back: quoted unless every character is harmless. */
static void put_quoted(struct text *out, const char *s)
{
    size_t plain = 0;

    while (is_plain(s[plain]))
        plain++;
    if (plain > 0 && !s[plain]) {
        text_puts(out, s);
        return;
    }
    text_putc(out, '"');
    for (; *s; s++) {
        if (*s == '\n')
            text_puts(out, "\\n");
        else if (*s == '\r')
            text_puts(out, "\\r");
        else if (*s == '\t')
            text_puts(out, "\\t");
        else if (strchr("\"\\$?", *s))
            text_printf(out, "\\%c", *s);
        else
            text_put_escaped(out, s, 1);
    }
    text_putc(out, '"');
}

static void pair_add(struct pair *pairs, size_t *n, const char *name, const char *value)
{
    if (*n == PAIRS_MAX)
        return; /* no menu has that many properties: see export_test.c */
    pairs[*n] = (struct pair){ .name = name, .value = TEXT_INIT };
    put_quoted(&pairs[(*n)++].value, value);
}

static int pair_order(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

static size_t item_pairs(const struct menu *m, const struct item *item, struct pair *pairs)
{
    struct text value = TEXT_INIT;
    size_t n = 0;

    for (const struct prop *p = m->props; p->name; p++) {
        if (p->type == PT_LIVE || (p->flags & P_PART))
            continue;
        text_clear(&value);
        if (prop_format(p, item->data, &value) || p->def)
            pair_add(pairs, &n, p->name, text_get(&value));
    }
    text_fini(&value);
    if (m->flags & M_DISABLE)
        pair_add(pairs, &n, "disabled", item->disabled ? "yes" : "no");
    if (m->flags & M_COMMENT)
        pair_add(pairs, &n, "comment", item->comment);
    qsort(pairs, n, sizeof(*pairs), pair_order);
    return n;
}

/* Built-in items exist already and are set by name. */
static void put_verb(const struct menu *m, const struct item *item, struct text *line)
{
    const struct prop *p = menu_name_prop(m);

    if (m->flags & M_SINGLE) {
        text_puts(line, "set");
        return;
    }
    if (item_is_builtin(m, item)) {
        char *const *name = (const void *)((const uint8_t *)item->data + p->offset);
        text_printf(line, "set %s", *name);
        return;
    }
    text_puts(line, "add");
}

static void export_item(const struct menu *m, const struct item *item, struct text *out)
{
    struct pair pairs[PAIRS_MAX];
    struct text verb = TEXT_INIT;
    size_t n = item_pairs(m, item, pairs);

    put_verb(m, item, &verb);
    text_puts(out, text_get(&verb));
    size_t column = verb.len;
    for (size_t i = 0; i < n; i++) {
        size_t width = 1 + strlen(pairs[i].name) + 1 + pairs[i].value.len;
        size_t tail = i + 1 < n ? 2 : 0; /* room for " \" */
        if (column + width + tail > LINE_COLUMNS && column > 4) {
            text_puts(out, " \\\n   ");
            column = 3;
        }
        text_printf(out, " %s=%s", pairs[i].name, text_get(&pairs[i].value));
        column += width;
        text_fini(&pairs[i].value);
    }
    text_putc(out, '\n');
    text_fini(&verb);
}

static void export_menu(const struct config *c, const struct menu *m, struct text *out)
{
    const struct list *l = list_of(c, m);

    if ((m->flags & M_LIVE) || l->n_typed == 0)
        return;
    text_printf(out, "/%s\n", m->path);
    for (size_t i = 0; i < l->n_typed; i++)
        export_item(m, l->items[i], out);
}

void config_export(struct config *c, const struct menu *m, const char *identity, struct text *out)
{
    if (identity) {
        text_puts(out, "# sallyport configuration\n# identity = ");
        text_put_escaped(out, identity, strlen(identity));
        text_puts(out, "\n#\n");
    }
    for (size_t i = 0; menus[i]; i++) {
        if (!m || m == menus[i])
            export_menu(c, menus[i], out);
    }
}
