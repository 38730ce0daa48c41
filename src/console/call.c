/* Understanding one command. First half: path words and the verb; second half: arguments, with
 * their names and the values of enumerations abbreviated as the user likes. */
#include "call.h"

#include "rows.h"

#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = API_WORD_MAX / 2 }; /* room for the name, and for many in one sentence */

void call_fini(struct call *call)
{
    for (size_t i = 0; i < call->n_args; i++) {
        free(call->args[i].name);
        free(call->args[i].value);
    }
    free(call->args);
    for (size_t i = 0; i < call->n_words; i++)
        free(call->words[i].chars);
    free(call->words);
    text_fini(&call->value);
}

static const struct arg *find_arg(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->n_args; i++)
        if (strcmp(call->args[i].name, name) == 0)
            return &call->args[i];
    return NULL;
}

const char *call_arg(const struct call *call, const char *name)
{
    const struct arg *a = find_arg(call, name);

    return a ? a->value : NULL;
}

bool call_flag(const struct call *call, const char *name)
{
    return find_arg(call, name) != NULL;
}

size_t call_place(const struct call *call, const char *name)
{
    const struct arg *a = find_arg(call, name);

    return a ? a->value_at : NO_PLACE;
}

/* A problem the daemon found. Refusals of a whole command ("failure: ...") and items that are not
 * there have no position; the rest points at the argument the daemon names. */
static bool fail_trap(struct call *call, const struct api_reply *reply)
{
    size_t at = NO_PLACE;

    if (strcmp(reply->trap, "no such item (4)") == 0)
        return run_fail(call->run, NO_PLACE, "no such item");
    if (reply->trap_arg && strncmp(reply->trap, "failure:", 8) != 0 &&
        strncmp(reply->trap, "no such item", 12) != 0)
        at = call_place(call, reply->trap_arg);
    return run_fail(call->run, at, "%s", reply->trap);
}

bool call_api(struct call *call, const struct api_sentence *request, struct api_reply *ret)
{
    struct text error = TEXT_INIT;

    *ret = (struct api_reply){ 0 };
    bool ok = api_client_call(call->run->c->client, request, ret, &error);
    if (!ok) {
        run_fail(call->run, NO_PLACE, "%s", text_get(&error));
    } else if (ret->trap) {
        ok = fail_trap(call, ret);
        api_reply_fini(ret);
        *ret = (struct api_reply){ 0 };
    }
    text_fini(&error);
    return ok;
}

/* --- path and verb ------------------------------------------------------------------------- */

static bool path_component(struct call *call, const char *text, size_t at)
{
    struct names names = { 0 };
    const char *name = NULL;
    bool ok = true;

    if (strcmp(text, "..") == 0) {
        place_up(&call->place);
        return true;
    }
    struct names folders = { 0 };
    place_children(&call->place, &folders);
    place_children(&call->place, &names);
    verb_names(&call->place, &names);
    switch (names_match(&names, text, &name)) {
    case MATCH_NONE:
        ok = run_fail(call->run, at, "bad command name %s", text);
        break;
    case MATCH_MANY:
        ok = run_fail(call->run, at, "ambiguous command name %s", text);
        break;
    case MATCH_ONE: {
        const char *folder;
        if (names_match(&folders, name, &folder) == MATCH_ONE && strcmp(folder, name) == 0) {
            place_enter(&call->place, name);
        } else {
            call->verb = verb_find(&call->place, name, &call->command);
            call->verb_at = at;
        }
        break;
    }
    }
    names_fini(&folders);
    names_fini(&names);
    return ok;
}

/* A word of the path, possibly several joined by slashes. */
static bool path_word(struct call *call, const struct lex_word *w, bool first)
{
    size_t from = 0;

    if (first && lex_word_starts(w, '/')) {
        place_root(&call->place);
        from = 1;
        if (w->n == 1)
            return true;
    }
    for (;;) {
        size_t to = lex_word_find(w, from, '/');
        size_t at = lex_word_offset(w, from);
        char *text = lex_word_text(w, from, to);
        bool ok = call->verb ? run_fail(call->run, at, "bad command name %s", text)
                             : path_component(call, text, at);
        free(text);
        if (!ok || to == w->n)
            return ok;
        from = to + 1;
    }
}

static bool builtin_word(struct call *call, const struct lex_word *w)
{
    struct names names = { 0 };
    const char *name = NULL;
    char *text = lex_word_text(w, 1, w->n);

    verb_builtin_names(&names);
    if (names_match(&names, text, &name) == MATCH_ONE) {
        call->verb = verb_builtin_find(name);
        call->verb_at = w->at;
    } else {
        run_fail(call->run, lex_word_offset(w, 1), "bad command name %s", text);
    }
    free(text);
    names_fini(&names);
    return call->verb != NULL;
}

static bool is_path_word(struct call *call, const struct lex_word *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->chars[i].kind == LEX_COMMAND || w->chars[i].kind == LEX_VARIABLE)
            return run_fail(call->run, w->chars[i].at, "syntax error");
    return w->n ? true : run_fail(call->run, w->at, "syntax error");
}

static bool is_pair(const struct lex_word *w)
{
    size_t equals = lex_word_find(w, 0, '=');

    return equals > 0 && equals < w->n;
}

/* Words to the verb. Pairs may stand before it (`nat chain=srcnat add ...`): they are skipped here
 * and read with the other arguments. RET_PAIRS: the first of them, RET_NEXT: behind the verb. */
static bool path_and_verb(struct call *call, const struct lex_words *words, size_t n,
                          size_t *ret_pairs, size_t *ret_next)
{
    size_t i = 0;

    while (i < n && !call->verb && !is_pair(&words->v[i])) {
        const struct lex_word *w = &words->v[i];
        if (!is_path_word(call, w))
            return false;
        if (i == 0 && lex_word_starts(w, ':') ? !builtin_word(call, w)
                                              : !path_word(call, w, i == 0))
            return false;
        i++;
    }
    *ret_pairs = i;
    while (i < n && !call->verb) {
        const struct lex_word *w = &words->v[i++];
        if (is_pair(w))
            continue;
        if (!is_path_word(call, w) || !path_word(call, w, false))
            return false;
        if (!call->verb)
            return run_fail(call->run, w->at, "expected command name");
    }
    *ret_next = i;
    return true;
}

bool call_path(struct call *call, struct run *r, const struct lex_words *words, size_t n,
               size_t *ret_next)
{
    size_t pairs;

    *call = (struct call){ .run = r, .place = r->place };
    return path_and_verb(call, words, n, &pairs, ret_next);
}

/* --- arguments ----------------------------------------------------------------------------- */

static struct arg *add_arg(struct call *call, const char *name, size_t at)
{
    call->args = xrealloc(call->args, (call->n_args + 1) * sizeof *call->args);
    struct arg *a = &call->args[call->n_args++];
    *a = (struct arg){ .name = xstrdup(name), .name_at = at, .value_at = at };
    a->spec = call_arg_spec(call, name);
    a->prop = a->spec ? NULL : call_arg_prop(call, name);
    return a;
}

static bool word_in_full(struct run *r, const struct prop *p, const char *typed, size_t at,
                         struct text *out)
{
    struct names names = { 0 };
    const char *name = typed;
    bool ok = true;

    if (p->type != PT_REF) /* another item's name is never guessed */
        property_values(p, &names);
    if (names_match(&names, typed, &name) == MATCH_MANY)
        ok = run_fail(r, at, "ambiguous value of %s, more than one possible value matches input",
                      p->name);
    text_puts(out, name);
    names_fini(&names);
    return ok;
}

bool value_in_full(struct run *r, const struct prop *p, const char *typed, size_t at,
                   struct text *out)
{
    char separator = p->type == PT_SET ? ',' : p->type == PT_ENUM_PAIR ? '/' : '\0';

    for (const char *part = typed;;) {
        size_t len = separator ? strcspn(part, (char[]){ separator, '\0' }) : strlen(part);
        char *piece = strndup(part, len);
        bool ok = word_in_full(r, p, piece, at, out);
        free(piece);
        if (!ok || part[len] == '\0')
            return ok;
        text_putc(out, separator);
        part += len + 1;
    }
}

static bool set_value(struct call *call, struct arg *a, const struct lex_word *w, size_t from)
{
    a->value_at = lex_word_offset(w, from);
    if (from < w->n && w->chars[from].kind == LEX_PLAIN && strchr("({", w->chars[from].c))
        return run_fail(call->run, a->value_at, "syntax error");
    bool one_word = !a->spec || a->spec->kind == ARG_TEXT; /* a list of items can be split */
    if (one_word && w->n - from >= VALUE_MAX)
        return run_fail(call->run, a->value_at, "invalid value for argument %s", a->name);
    char *typed = lex_word_text(w, from, w->n);
    struct text full = TEXT_INIT;
    bool ok = a->prop ? value_in_full(call->run, a->prop, typed, a->value_at, &full) : true;
    a->value = a->prop ? text_take(&full) : xstrdup(typed);
    free(typed);
    text_fini(&full);
    return ok;
}

/* Where an argument name that does not exist is pointed at: at its `=`, or at its start when some
 * known name begins with the same letter. */
static bool fail_name(struct call *call, const struct names *known, const struct lex_word *w,
                      size_t from, size_t equals)
{
    for (size_t i = 0; i < known->n; i++)
        if (from < w->n && known->v[i].text[0] == w->chars[from].c)
            return run_fail(call->run, w->at, "expected end of command");
    return run_fail(call->run, lex_word_offset(w, equals), "expected end of command");
}

/* The full name for the typed one; NULL with the problem set. Borrowed from KNOWN. */
static const char *full_name(struct call *call, const struct names *known, const struct lex_word *w,
                             size_t from, size_t equals)
{
    char *typed = lex_word_text(w, from, equals);
    const char *name = NULL;

    switch (names_match(known, typed, &name)) {
    case MATCH_NONE:
        fail_name(call, known, w, from, equals);
        break;
    case MATCH_MANY:
        run_fail(call->run, w->at, "ambiguous argument name %s", typed);
        break;
    case MATCH_ONE:
        if (find_arg(call, name)) {
            run_fail(call->run, w->at, "expected end of command");
            name = NULL;
        }
        break;
    }
    free(typed);
    return name;
}

static bool named_arg(struct call *call, const struct lex_word *w, size_t equals)
{
    struct names known = { 0 };

    call_arg_names(call, &known);
    const char *name = full_name(call, &known, w, 0, equals);
    bool ok = name && set_value(call, add_arg(call, name, w->at), w, equals + 1);
    names_fini(&known);
    return ok;
}

/* `!name` in set: the property goes back to "not set". */
static bool unset_arg(struct call *call, const struct lex_word *w)
{
    struct names known = { 0 };

    property_names(call->place.menu, true, &known);
    const char *name = full_name(call, &known, w, 1, w->n);
    if (name) {
        struct text bang = TEXT_INIT;
        text_printf(&bang, "!%s", name);
        add_arg(call, text_get(&bang), w->at)->value = xstrdup("");
        text_fini(&bang);
    }
    names_fini(&known);
    return name != NULL;
}

/* A word without `=`: a flag such as `detail`, or the next unnamed argument. */
static bool bare_arg(struct call *call, const struct lex_word *w)
{
    struct names flags = { 0 };
    const char *name = NULL;
    char *typed = lex_word_text(w, 0, w->n);

    for (const struct verb_arg *a = call->verb->args; a && a->name; a++)
        if ((a->kind == ARG_FLAG || a->kind == ARG_WHERE) && call_arg_spec(call, a->name))
            names_add(&flags, a->name, NULL, NULL);
    enum match match = w->quoted ? MATCH_NONE : names_match(&flags, typed, &name);
    if (match == MATCH_ONE && !find_arg(call, name)) {
        add_arg(call, name, w->at);
        names_fini(&flags);
        free(typed);
        return true;
    }
    names_fini(&flags);
    free(typed);
    for (int i = 0; match == MATCH_NONE && i < VERB_UNNAMED_MAX; i++) {
        const char *slot = call->verb->unnamed[i];
        if (slot && call_arg_spec(call, slot) && !find_arg(call, slot))
            return set_value(call, add_arg(call, slot, w->at), w, 0);
    }
    return run_fail(call->run, w->at,
                    match == MATCH_MANY ? "ambiguous argument name" : "expected end of command");
}

static void keep_word(struct call *call, struct lex_word *w)
{
    call->words = xrealloc(call->words, (call->n_words + 1) * sizeof *call->words);
    call->words[call->n_words++] = *w;
    *w = (struct lex_word){ 0 };
}

static bool one_arg(struct call *call, struct lex_word *w)
{
    if (call->verb->flags & VERB_BUILTIN || call_flag(call, "where")) {
        keep_word(call, w);
        return true;
    }
    if (call->verb->flags & VERB_CONDITIONS && !(call->n_words == 0 && lex_word_is(w, "where"))) {
        keep_word(call, w);
        return true;
    }
    size_t equals = lex_word_find(w, 0, '=');
    if (equals == 0 && w->n)
        return run_fail(call->run, w->at, "syntax error");
    if (equals < w->n)
        return named_arg(call, w, equals);
    if (lex_word_starts(w, '!') && call->verb->flags & VERB_PROPERTIES)
        return unset_arg(call, w);
    return bare_arg(call, w);
}

static bool is_builtin_default(const struct menu *m)
{
    for (const char *const *b = m->builtin; b && *b; b++)
        if (strcmp(*b, "default") == 0)
            return true;
    return false;
}

static bool has_item_default(struct call *call, const struct menu *m)
{
    struct rows rows;
    bool found = is_builtin_default(m);

    if (found || !rows_fetch(call, m, &rows))
        return found;
    for (size_t i = 0; i < rows_count(&rows); i++) {
        const char *name = api_sentence_get(rows_at(&rows, i), "name");
        found |= name && strcmp(name, "default") == 0;
    }
    rows_fini(&rows);
    return found;
}

/* `proposal enc-algorithms=des`: no verb, in a list with an item named default. */
static bool imply_set_default(struct call *call, const struct lex_word *first)
{
    const struct menu *m = call->place.menu;

    if (!m || !(m->flags & M_NAMED) || m->flags & (M_SINGLE | M_LIVE) || !has_item_default(call, m))
        return run_fail(call->run, first->at, "expected command name");
    call->verb = verb_find(&call->place, "set", &call->command);
    call->verb_at = first->at;
    struct arg *a = add_arg(call, "numbers", first->at);
    a->value = xstrdup("default");
    return true;
}

bool call_parse(struct call *call, struct run *r, const struct lex_words *words)
{
    size_t pairs = 0, next = 0;

    *call = (struct call){ .run = r, .place = r->place };
    if (!path_and_verb(call, words, words->n, &pairs, &next))
        return false;
    size_t verb_index = next ? next - 1 : 0;
    if (!call->verb) {
        if (pairs == words->n)
            return true;
        if (!imply_set_default(call, &words->v[pairs]))
            return false;
        verb_index = words->n; /* none of the words is it */
    }
    for (size_t i = pairs; i < words->n; i++) {
        struct lex_word w = { 0 };
        if (i == verb_index)
            continue;
        bool ok = run_expand(r, &call->place, &words->v[i], &w) && one_arg(call, &w);
        free(w.chars);
        if (!ok)
            return false;
    }
    return true;
}
