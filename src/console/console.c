/* The console's surface: lines and scripts in, text out, the prompt. */
#include "console.h"

#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct console *console_new(struct api_client *client, const char *user, unsigned width)
{
    struct console *c = xcalloc(1, sizeof *c);

    c->client = client;
    c->user = xstrdup(user);
    c->width = width ? width : 80;
    place_root(&c->place);
    while (menus[c->n_menus])
        c->n_menus++;
    c->numberings = xcalloc(c->n_menus, sizeof *c->numberings);
    return c;
}

void console_free(struct console *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_menus; i++)
        free(c->numberings[i].ids);
    free(c->numberings);
    for (size_t i = 0; i < c->n_variables; i++) {
        free(c->variables[i].name);
        free(c->variables[i].value);
    }
    free(c->variables);
    free(c->user);
    text_fini(&c->pending);
    free(c);
}

void console_set_screen(struct console *c, const struct console_screen *screen)
{
    c->screen = *screen;
}

void console_set_width(struct console *c, unsigned width)
{
    c->width = width ? width : 80;
}

/* The sentence may quote input or the peer: line ends pass, other control bytes are spelt out. */
static void put_problem(const struct problem *p, struct text *err)
{
    for (const char *s = text_get(&p->text); *s; s++) {
        if (*s == '\n')
            text_putc(err, '\n');
        else
            text_put_escaped(err, s, 1);
    }
    text_putc(err, '\n');
}

enum console_result console_script(struct console *c, const char *script, struct text *out,
                                   struct text *err)
{
    struct problem problem = { 0 };
    bool ok = run_source(c, &c->place, script, 0, out, &problem);

    if (!ok)
        put_problem(&problem, err);
    text_fini(&problem.text);
    if (!ok)
        return CONSOLE_ERROR;
    return c->quit ? CONSOLE_QUIT : CONSOLE_OK;
}

enum console_result console_line(struct console *c, const char *line, struct text *out,
                                 struct text *err)
{
    struct lexer l;

    if (c->pending.len)
        text_putc(&c->pending, '\n');
    text_puts(&c->pending, line);
    lexer_init(&l, text_get(&c->pending), 0, c->pending.len);
    if (c->pending.len <= SOURCE_MAX && lex_check(&l) == LEX_UNFINISHED) {
        snprintf(c->continuation, sizeof c->continuation, "%s\\... ", l.open);
        return CONSOLE_MORE;
    }
    char *source = text_take(&c->pending);
    enum console_result result = console_script(c, source, out, err);
    free(source);
    return result;
}

void console_cancel(struct console *c)
{
    text_clear(&c->pending);
}

static void put_identity(struct console *c, struct text *out)
{
    struct api_sentence request = { 0 };
    struct api_reply reply = { 0 };
    struct text error = TEXT_INIT;
    const char *name = NULL;

    api_sentence_add(&request, "/system/identity/print");
    bool ok = api_client_call(c->client, &request, &reply, &error);
    if (ok && reply.n_rows)
        name = api_sentence_get(&reply.rows[0], "name");
    if (name)
        text_put_escaped(out, name, strlen(name));
    if (ok)
        api_reply_fini(&reply);
    api_sentence_fini(&request);
    text_fini(&error);
}

void console_prompt(struct console *c, struct text *out)
{
    text_printf(out, "[%s@", c->user);
    put_identity(c, out);
    text_printf(out, "] %s> ", c->place.path);
}

const char *console_continuation(const struct console *c)
{
    return c->continuation;
}
