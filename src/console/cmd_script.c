/* The few built-in commands of the script language: `:put`, `:error`, variables. */
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

static char *word(const struct call *call, size_t i)
{
    return lex_word_text(&call->words[i], 0, call->words[i].n);
}

static void join_words(const struct call *call, size_t from, struct text *out)
{
    for (size_t i = from; i < call->n_words; i++) {
        char *s = word(call, i);
        if (i > from)
            text_putc(out, ' ');
        text_puts(out, s);
        free(s);
    }
}

/* The user's own line ends and tabs pass; nothing else that a terminal would act on. */
static bool run_put(struct call *call)
{
    struct text joined = TEXT_INIT;

    join_words(call, 0, &joined);
    for (const char *p = text_get(&joined); *p; p++) {
        if (*p == '\n' || *p == '\t')
            text_putc(call->run->out, *p);
        else
            text_put_escaped(call->run->out, p, 1);
    }
    text_putc(call->run->out, '\n');
    text_fini(&joined);
    return true;
}

static bool run_error(struct call *call)
{
    struct text joined = TEXT_INIT;

    join_words(call, 0, &joined);
    run_fail(call->run, NO_PLACE, "%s", text_get(&joined));
    text_fini(&joined);
    return false;
}

/* `:global name value`; without a value the variable is made empty. */
static bool run_variable(struct call *call)
{
    struct text value = TEXT_INIT;

    if (call->n_words == 0)
        return run_fail(call->run, call->verb_at, "syntax error");
    char *name = word(call, 0);
    bool ok = *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == '\0';
    if (ok) {
        join_words(call, 1, &value);
        variable_set(call->run->c, name, text_get(&value));
    } else {
        run_fail(call->run, call->words[0].at, "syntax error");
    }
    free(name);
    text_fini(&value);
    return ok;
}

const struct verb verbs_script[] = {
    { "error", .flags = VERB_BUILTIN, .run = run_error, .help = "stop with a text" },
    { "global", .flags = VERB_BUILTIN, .run = run_variable, .help = "set a variable" },
    { "local", .flags = VERB_BUILTIN, .run = run_variable, .help = "set a variable" },
    { "put", .flags = VERB_BUILTIN, .run = run_put, .help = "print a value" },
    { "set", .flags = VERB_BUILTIN, .run = run_variable, .help = "set a variable" },
    { 0 },
};
