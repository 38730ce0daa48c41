/* What could stand at the cursor: completion and the list of `?`. The words before the cursor are
 * read with the parser's own functions; nothing is run. */
#include "call.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>

enum { OFFERED_ITEMS_MAX = 500 };

struct spot {
    struct console *c;
    char *source; /* owned: unfinished lines and the one being typed */
    struct lex_words words;
    struct run run;
    struct problem problem;
    struct call call;
    struct names names; /* what can stand here */
    char *typed;        /* owned: how it begins */
    bool with_slash;    /* `/` and `..` can stand here too */
};

static void spot_fini(struct spot *s)
{
    lex_words_fini(&s->words);
    call_fini(&s->call);
    text_fini(&s->problem.text);
    names_fini(&s->names);
    free(s->typed);
    free(s->source);
}

/* Names of a menu's items, asked from the daemon. */
static void item_names(struct spot *s, const char *menu_path)
{
    const struct menu *m = menu_find(menu_path);
    struct rows rows;

    if (!m || !(m->flags & M_NAMED) || !rows_fetch(&s->call, m, &rows))
        return;
    for (size_t i = 0; i < rows_count(&rows) && i < OFFERED_ITEMS_MAX; i++) {
        const char *name = api_sentence_get(rows_at(&rows, i), "name");
        if (name)
            names_add(&s->names, name, NULL, " ");
    }
    rows_fini(&rows);
}

static void value_names(struct spot *s, const struct prop *p)
{
    property_values(p, &s->names);
    if (p->type == PT_REF && p->ref_menu)
        item_names(s, p->ref_menu);
}

static void spec_names(struct spot *s, const struct verb_arg *a)
{
    if (a->kind == ARG_ITEM || a->kind == ARG_ITEMS)
        item_names(s, s->call.place.menu->path);
    if (a->kind == ARG_PROPERTY) {
        struct names all = { 0 };
        property_names(s->call.place.menu, false, &all);
        for (size_t i = 0; i < all.n; i++)
            names_add(&s->names, all.v[i].text, all.v[i].help, " ");
        names_fini(&all);
    }
}

static void set_typed(struct spot *s, const struct lex_word *w, size_t from)
{
    free(s->typed);
    s->typed = w ? lex_word_text(w, from, w->n) : xstrdup("");
}

/* Path words and verbs; behind a slash only the last piece is being typed. */
static void spot_path(struct spot *s, const struct lex_word *w, bool first)
{
    size_t from = 0;

    if (w && first && lex_word_starts(w, ':')) {
        set_typed(s, w, 1);
        verb_builtin_names(&s->names);
        return;
    }
    if (w && first && lex_word_starts(w, '/')) {
        place_root(&s->call.place);
        from = 1;
    }
    for (size_t slash; w && (slash = lex_word_find(w, from, '/')) < w->n; from = slash + 1) {
        struct lex_word piece = { .chars = w->chars + from, .n = slash - from, .at = w->at };
        struct lex_words one = { .v = &piece, .n = 1 };
        struct call inner;
        size_t next;
        struct run run = s->run;
        run.place = s->call.place;
        bool ok = call_path(&inner, &run, &one, 1, &next) && !inner.verb;
        s->call.place = inner.place;
        call_fini(&inner);
        if (!ok)
            return;
    }
    set_typed(s, w, from);
    place_children(&s->call.place, &s->names);
    verb_names(&s->call.place, &s->names);
    s->with_slash = from == 0;
}

/* Whether words at FROM and later are conditions, to judge by those before TO. */
static bool in_conditions(const struct spot *s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (lex_word_is(&s->words.v[i], "where"))
            return true;
    return s->call.verb->flags & VERB_CONDITIONS;
}

/* The argument whose value is being typed, `name=` abbreviated or not. */
static void spot_value(struct spot *s, const struct lex_word *w, size_t equals, bool conditions)
{
    struct names known = { 0 };
    const char *name = NULL;
    char *typed = lex_word_text(w, 0, equals);

    if (conditions)
        property_names(s->call.place.menu, false, &known);
    else
        call_arg_names(&s->call, &known);
    if (names_match(&known, typed, &name) == MATCH_ONE) {
        const struct verb_arg *spec = call_arg_spec(&s->call, name);
        const struct prop *p = spec ? NULL : call_arg_prop(&s->call, name);
        if (!p && !spec && s->call.place.menu)
            p = menu_prop(s->call.place.menu, name);
        size_t from = equals + 1;
        if (p && (p->type == PT_SET || p->type == PT_ENUM_PAIR))
            for (size_t i = from; i < w->n; i++)
                if (w->chars[i].c == (p->type == PT_SET ? ',' : '/'))
                    from = i + 1;
        set_typed(s, w, from);
        if (p)
            value_names(s, p);
        if (spec)
            spec_names(s, spec);
    }
    names_fini(&known);
    free(typed);
}

static bool is_given(const struct spot *s, size_t from, size_t to, const char *name)
{
    for (size_t i = from; i < to; i++) {
        const struct lex_word *w = &s->words.v[i];
        size_t equals = lex_word_find(w, 0, '=');
        char *typed = lex_word_text(w, 0, equals);
        bool same = strcmp(typed, name) == 0;
        free(typed);
        if (same)
            return true;
    }
    return false;
}

/* Names of arguments not given yet, and items where words without `=` mean them. */
static void spot_argument(struct spot *s, const struct lex_word *w, size_t from, size_t to)
{
    struct names all = { 0 };
    const struct verb *v = s->call.verb;
    size_t unnamed = 0;
    bool conditions = in_conditions(s, from, to);

    for (size_t i = from; i < to; i++)
        unnamed += lex_word_find(&s->words.v[i], 0, '=') == s->words.v[i].n;
    set_typed(s, w, 0);
    if (conditions)
        property_names(s->call.place.menu, false, &all);
    else
        call_arg_names(&s->call, &all);
    for (size_t i = 0; i < all.n; i++)
        if (!is_given(s, from, to, all.v[i].text))
            names_add(&s->names, all.v[i].text, all.v[i].help, all.v[i].suffix);
    names_fini(&all);
    if (conditions || unnamed >= VERB_UNNAMED_MAX)
        return;
    for (size_t i = 0, seen = 0; i < VERB_UNNAMED_MAX; i++) {
        const struct verb_arg *spec = v->unnamed[i] ? call_arg_spec(&s->call, v->unnamed[i]) : NULL;
        if (spec && seen++ == unnamed)
            spec_names(s, spec);
    }
}

/* A place inside quotes, a [command] or a $variable ends the offers: nothing of ours fits. */
static bool is_simple(const struct lex_word *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->chars[i].kind == LEX_COMMAND || w->chars[i].kind == LEX_VARIABLE)
            return false;
    return true;
}

/* [commands] inside [commands] run in the menu of the command around them. */
static void enter_outer(struct spot *s, size_t start)
{
    if (start == 0 || s->source[start - 1] != '[')
        return;
    size_t outer = lex_innermost(s->source, start - 1);
    struct lexer l;
    struct lex_words words;
    struct call call;
    size_t next;

    enter_outer(s, outer);
    lexer_init(&l, s->source, outer, start - 1);
    lex_command(&l, &words);
    call_path(&call, &s->run, &words, words.n, &next);
    if (call.verb)
        s->run.place = call.place;
    call_fini(&call);
    lex_words_fini(&words);
}

static void spot_init(struct spot *s, struct console *c, const char *line, size_t cursor)
{
    struct text source = TEXT_INIT;
    struct lexer l;
    size_t next;

    *s = (struct spot){ .c = c };
    if (c->pending.len) {
        text_puts(&source, c->pending.s);
        text_putc(&source, '\n');
    }
    text_add(&source, line, strnlen(line, cursor));
    size_t len = source.len;
    s->source = text_take(&source);
    s->typed = xstrdup("");
    s->run = (struct run){ .c = c, .source = s->source, .place = c->place, .problem = &s->problem };
    size_t start = lex_innermost(s->source, len);
    enter_outer(s, start);
    lexer_init(&l, s->source, start, len);
    if (lex_command(&l, &s->words) == LEX_ERROR)
        return;
    size_t done = s->words.joined && s->words.n ? s->words.n - 1 : s->words.n;
    const struct lex_word *w = done < s->words.n ? &s->words.v[done] : NULL;
    if (!call_path(&s->call, &s->run, &s->words, done, &next) || (w && !is_simple(w)))
        return;
    if (!s->call.verb) {
        spot_path(s, w, done == 0);
        return;
    }
    if (s->call.verb->flags & VERB_BUILTIN)
        return;
    size_t equals = w ? lex_word_find(w, 0, '=') : 0;
    if (w && equals < w->n)
        spot_value(s, w, equals, in_conditions(s, next, done));
    else
        spot_argument(s, w, next, done);
}

static void put_escaped_name(const char *name, struct text *out)
{
    text_put_escaped(out, name, strlen(name));
}

static void put_options(const struct names *fits, struct text *out)
{
    for (size_t i = 0; i < fits->n; i++) {
        put_escaped_name(fits->v[i].text, out);
        text_putc(out, '\n');
    }
}

void console_complete(struct console *c, const char *line, size_t cursor, struct text *ret_insert,
                      struct text *ret_options)
{
    struct spot s;
    struct names fits;

    spot_init(&s, c, line, cursor);
    names_filter(&s.names, s.typed, &fits);
    size_t typed = strlen(s.typed), common = names_common(&fits);
    if (fits.n && strncmp(fits.v[0].text, s.typed, typed) != 0) {
        /* letters in order rather than a prefix: what was typed is taken back first */
        for (size_t i = 0; fits.n == 1 && i < typed; i++)
            text_putc(ret_insert, '\b');
        common = fits.n == 1 ? common : 0;
        typed = 0;
    }
    if (common > typed)
        text_add(ret_insert, fits.v[0].text + typed, common - typed);
    if (fits.n == 1 && fits.v[0].suffix)
        text_puts(ret_insert, fits.v[0].suffix);
    if (fits.n > 1) {
        names_sort(&fits);
        put_options(&fits, ret_options);
    }
    names_fini(&fits);
    spot_fini(&s);
}

void console_help(struct console *c, const char *line, size_t cursor, struct text *out)
{
    struct spot s;
    struct names fits = { 0 };

    spot_init(&s, c, line, cursor);
    if (s.with_slash && !*s.typed && s.call.place.path[0])
        text_puts(out, ".. -- one menu up\n/ -- the root\n");
    size_t typed = strlen(s.typed);
    for (size_t i = 0; i < s.names.n; i++)
        if (strncmp(s.names.v[i].text, s.typed, typed) == 0)
            names_add(&fits, s.names.v[i].text, s.names.v[i].help, NULL);
    names_sort(&fits);
    for (size_t i = 0; i < fits.n; i++) {
        put_escaped_name(fits.v[i].text, out);
        if (fits.v[i].help)
            text_printf(out, " -- %s", fits.v[i].help);
        text_putc(out, '\n');
    }
    names_fini(&fits);
    spot_fini(&s);
}
