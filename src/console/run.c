/* Running source text. Problems carry offsets into the source; the outermost run turns them into
 * "(line L column C)". */
#include "run.h"

#include "adds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool run_fail(struct run *r, size_t at, const char *fmt, ...)
{
    struct problem *p = r->problem;

    if (p->set)
        return false;
    char *message = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&message, fmt, ap);
    va_end(ap);
    text_clear(&p->text);
    text_puts(&p->text, n < 0 ? "out of memory" : message);
    free(n < 0 ? NULL : message);
    p->at = at;
    p->set = true;
    return false;
}

const char *variable_get(const struct console *c, const char *name)
{
    for (size_t i = 0; i < c->n_variables; i++)
        if (strcmp(c->variables[i].name, name) == 0)
            return c->variables[i].value;
    return NULL;
}

void variable_set(struct console *c, const char *name, const char *value)
{
    for (size_t i = 0; i < c->n_variables; i++) {
        if (strcmp(c->variables[i].name, name) != 0)
            continue;
        char *copy = xstrdup(value);
        free(c->variables[i].value);
        c->variables[i].value = copy;
        return;
    }
    c->variables = xrealloc(c->variables, (c->n_variables + 1) * sizeof *c->variables);
    c->variables[c->n_variables++] = (struct variable){ xstrdup(name), xstrdup(value) };
}

static void push_text(struct lex_word *w, const struct lex_char *from, const char *text)
{
    for (; *text; text++)
        lex_word_push(w, (struct lex_char){
                             .at = from->at, .end = from->end, .c = *text, .kind = LEX_LITERAL });
}

static bool expand_command(struct run *r, const struct place *place, const struct lex_char *c,
                           struct lex_word *ret)
{
    struct text value = TEXT_INIT;
    struct run inner = { .c = r->c,
                         .source = r->source,
                         .place = *place,
                         .out = r->out,
                         .value = &value,
                         .problem = r->problem,
                         .depth = r->depth + 1 };

    bool ok = inner.depth <= RUN_DEPTH_MAX || run_fail(r, c->at, "syntax error");
    ok = ok && adds_flush(r) && run_text(&inner, c->at + 1, c->end - 1);
    if (ok)
        push_text(ret, c, text_get(&value));
    text_fini(&value);
    return ok;
}

static bool expand_variable(struct run *r, const struct lex_char *c, struct lex_word *ret)
{
    struct text name = TEXT_INIT;

    text_add(&name, r->source + c->at + 1, c->end - c->at - 1);
    const char *value = variable_get(r->c, text_get(&name));
    if (value)
        push_text(ret, c, value);
    else
        run_fail(r, c->at, "no such variable %s", text_get(&name));
    text_fini(&name);
    return value != NULL;
}

bool run_expand(struct run *r, const struct place *place, const struct lex_word *w,
                struct lex_word *ret)
{
    *ret = (struct lex_word){ .at = w->at, .quoted = w->quoted };
    for (size_t i = 0; i < w->n; i++) {
        bool ok = true;

        switch ((enum lex_kind)w->chars[i].kind) {
        case LEX_PLAIN:
        case LEX_LITERAL:
            lex_word_push(ret, w->chars[i]);
            break;
        case LEX_COMMAND:
            ok = expand_command(r, place, &w->chars[i], ret);
            break;
        case LEX_VARIABLE:
            ok = expand_variable(r, &w->chars[i], ret);
            break;
        }
        if (!ok)
            return false;
    }
    return true;
}

/* A value goes to whoever asked, or to the user when nobody did. */
static void hand_over(struct run *r, const struct call *call)
{
    if (r->value) {
        text_clear(r->value);
        text_puts(r->value, text_get(&call->value));
    } else if (call->value.len && (call->verb->flags & VERB_YIELDS)) {
        text_put_escaped(r->out, call->value.s, call->value.len);
        text_putc(r->out, '\n');
    }
}

static bool run_command(struct run *r, const struct lex_words *words)
{
    struct call call;
    bool ok = call_parse(&call, r, words);

    if (ok && call.verb && adds_can_wait(r, &call))
        return adds_put(r, &call);
    if (ok && !call.verb)
        r->place = call.place;
    else if (ok)
        ok = adds_flush(r) && call.verb->run(&call);
    if (ok && call.verb)
        hand_over(r, &call);
    call_fini(&call);
    return ok;
}

/* What waits comes before what failed behind it. */
static bool finish(struct run *r, bool ok)
{
    struct problem later = *r->problem;

    if (ok)
        return adds_flush(r);
    *r->problem = (struct problem){ 0 };
    if (adds_flush(r))
        *r->problem = later;
    else
        text_fini(&later.text);
    return false;
}

bool run_text(struct run *r, size_t from, size_t to)
{
    struct lexer l;

    lexer_init(&l, r->source, from, to);
    for (;;) {
        struct lex_words words;
        bool ok = true;
        enum lex_result result = lex_command(&l, &words);

        if (result == LEX_UNFINISHED || result == LEX_ERROR)
            ok = run_fail(r, l.bad, "syntax error");
        else if (result == LEX_OK && words.n)
            ok = run_command(r, &words);
        lex_words_fini(&words);
        if (!ok || result == LEX_END || r->c->quit)
            return finish(r, ok);
    }
}

bool run_source(struct console *c, struct place *place, const char *source, unsigned depth,
                struct text *out, struct problem *problem)
{
    struct run r = {
        .c = c, .source = source, .place = *place, .out = out, .problem = problem, .depth = depth
    };
    size_t len = strlen(source);
    struct lexer l;

    if (len > SOURCE_MAX)
        return run_fail(&r, NO_PLACE, "failure: script is too long");
    lexer_init(&l, source, 0, len);
    bool ok = lex_check(&l) == LEX_OK ? run_text(&r, 0, len) : run_fail(&r, l.bad, "syntax error");
    *place = r.place;
    if (!ok && !problem->final) {
        if (problem->at != NO_PLACE) {
            unsigned line, column;
            lex_place(source, problem->at, &line, &column);
            text_printf(&problem->text, " (line %u column %u)", line, column);
        }
        problem->final = true;
    }
    return ok;
}
