/* Conditions. Words are cut into tokens, tokens become a postfix program that runs once per row. */
#include "where.h"

#include "rows.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum {
    NESTING_MAX = 16,
    PATTERN_MAX = 256,
    STEPS_MAX = 256 /* of one program, which also bounds the stack it needs */
};

enum operator{
    OP_HAS,
    OP_EQUAL,
    OP_DIFFERS,
    OP_LESS,
    OP_MORE,
    OP_AT_MOST,
    OP_AT_LEAST,
    OP_MATCHES
};

enum step_kind { STEP_TEST, STEP_NOT, STEP_AND, STEP_OR };

struct step {
    enum step_kind kind;
    enum operator op;
    char *name, *value; /* owned; of a test */
    regex_t *pattern;   /* owned; OP_MATCHES */
};

struct where {
    const struct menu *menu;
    struct step steps[STEPS_MAX];
    size_t n;
};

/* --- tokens -------------------------------------------------------------------------------- */

enum token_kind { T_OPERAND, T_OPERATOR, T_NOT, T_AND, T_OR, T_OPEN, T_CLOSE };

struct token {
    enum token_kind kind;
    enum operator op;
    char *text; /* owned; operand */
    size_t at;
    bool plain; /* operand without quotes: may be the word `and` */
};

struct tokens {
    struct token *v;
    size_t n;
};

static void tokens_fini(struct tokens *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->v[i].text);
    free(t->v);
}

static void push_token(struct tokens *t, struct token token)
{
    t->v = xrealloc(t->v, (t->n + 1) * sizeof *t->v);
    t->v[t->n++] = token;
}

static bool plain_at(const struct lex_word *w, size_t i, const char *text)
{
    for (; *text; text++, i++)
        if (i >= w->n || w->chars[i].kind != LEX_PLAIN || w->chars[i].c != *text)
            return false;
    return true;
}

/* The operator at I, if one is there: longer spellings first. */
static size_t operator_at(const struct lex_word *w, size_t i, struct token *ret)
{
    static const struct {
        const char *text;
        enum token_kind kind;
        enum operator op;
    } table[] = {
        { "!=", T_OPERATOR, OP_DIFFERS },
        { "<=", T_OPERATOR, OP_AT_MOST },
        { ">=", T_OPERATOR, OP_AT_LEAST },
        { "&&", T_AND, OP_HAS },
        { "||", T_OR, OP_HAS },
        { "=", T_OPERATOR, OP_EQUAL },
        { "<", T_OPERATOR, OP_LESS },
        { ">", T_OPERATOR, OP_MORE },
        { "~", T_OPERATOR, OP_MATCHES },
        { "!", T_NOT, OP_HAS },
        { "(", T_OPEN, OP_HAS },
        { ")", T_CLOSE, OP_HAS },
    };

    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {
        if (!plain_at(w, i, table[k].text))
            continue;
        *ret =
            (struct token){ .kind = table[k].kind, .op = table[k].op, .at = lex_word_offset(w, i) };
        return strlen(table[k].text);
    }
    return 0;
}

/* A value runs on over operators, which may be part of it, up to what can only end it. */
static bool ends_operand(const struct lex_word *w, size_t i, bool is_value)
{
    struct token t;

    if (!operator_at(w, i, &t))
        return false;
    return !is_value || t.kind == T_CLOSE || t.kind == T_AND || t.kind == T_OR;
}

static bool follows_operator(const struct tokens *t)
{
    return t->n && t->v[t->n - 1].kind == T_OPERATOR;
}

static void push_operand(struct tokens *t, const struct lex_word *w, size_t from, size_t to)
{
    struct token token = { .kind = T_OPERAND,
                           .text = lex_word_text(w, from, to),
                           .at = lex_word_offset(w, from),
                           .plain = !w->quoted };

    if (!follows_operator(t) && token.plain && strcmp(token.text, "and") == 0)
        token.kind = T_AND;
    if (!follows_operator(t) && token.plain && strcmp(token.text, "or") == 0)
        token.kind = T_OR;
    push_token(t, token);
}

static void cut_word(struct tokens *t, const struct lex_word *w)
{
    size_t i = 0;
    bool operand = false;

    while (i < w->n) {
        struct token token;
        bool is_value = follows_operator(t);
        size_t len = is_value && !ends_operand(w, i, true) ? 0 : operator_at(w, i, &token);
        if (len) {
            push_token(t, token);
            i += len;
            continue;
        }
        size_t to = i + 1;
        while (to < w->n && !ends_operand(w, to, is_value))
            to++;
        push_operand(t, w, i, to);
        operand = true;
        i = to;
    }
    /* `comment=""`, `comment=` and a lone "": the operand is there and empty. */
    bool equality = follows_operator(t) && t->v[t->n - 1].op <= OP_DIFFERS;
    if ((operand && (equality || (w->quoted && follows_operator(t)))) || w->n == 0)
        push_operand(t, w, w->n, w->n);
}

/* --- parser -------------------------------------------------------------------------------- */

struct parser {
    struct call *call;
    struct tokens tokens;
    size_t next;
    struct where *where;
    unsigned depth;
};

static const struct token *peek(const struct parser *p)
{
    return p->next < p->tokens.n ? &p->tokens.v[p->next] : NULL;
}

static bool fail_here(struct parser *p, const char *message)
{
    const struct token *t = peek(p);
    size_t at = t ? t->at : NO_PLACE;

    if (!t && p->call->n_words) {
        const struct lex_word *last = &p->call->words[p->call->n_words - 1];
        at = lex_word_offset(last, last->n);
    }
    return run_fail(p->call->run, at, "%s", message);
}

static bool emit(struct parser *p, struct step step)
{
    if (p->where->n == STEPS_MAX) {
        free(step.name);
        free(step.value);
        return fail_here(p, "syntax error");
    }
    p->where->steps[p->where->n++] = step;
    return true;
}

/* What the property can be called here, in full. */
static char *full_name(struct parser *p, const struct token *t)
{
    struct names names = { 0 };
    const char *name = NULL;
    const struct menu *m = p->call->place.menu;
    bool any = !m->props->name; /* live rows that bring their own names */
    char *full = NULL;

    property_names(m, false, &names);
    names_add_weak(&names, ".id", NULL, NULL);
    names_add_weak(&names, "dynamic", NULL, NULL);
    enum match match = names_match(&names, t->text, &name);
    const struct token *op = peek(p);
    size_t at = op && op->kind == T_OPERATOR ? op->at : t->at;
    for (size_t i = 0; i < names.n; i++)
        if (names.v[i].text[0] == t->text[0])
            at = t->at;
    if (match == MATCH_MANY)
        run_fail(p->call->run, t->at, "ambiguous argument name %s", t->text);
    else if (match == MATCH_ONE || any)
        full = xstrdup(match == MATCH_ONE ? name : t->text);
    else
        run_fail(p->call->run, at, "expected end of command");
    names_fini(&names);
    return full;
}

/* The value in the form that rows carry: 28800s is looked for as 8h. */
static char *canonical(const struct menu *m, const struct prop *p, const char *value)
{
    struct text text = TEXT_INIT;

    if (!p || p->type == PT_LIVE || m->item_size == 0)
        return xstrdup(strcmp(value, "true") == 0    ? "yes"
                       : strcmp(value, "false") == 0 ? "no"
                                                     : value);
    void *item = xcalloc(1, m->item_size);
    if (prop_parse(p, value, item) != VALUE_OK || !prop_format(p, item, &text)) {
        text_clear(&text);
        text_puts(&text, value);
    }
    prop_free(p, item);
    free(item);
    return text_take(&text);
}

static bool compile_pattern(struct parser *p, struct step *step, size_t at)
{
    size_t braces = 0;

    for (const char *s = step->value; *s; s++)
        braces += *s == '{';
    /* The library expands repetitions: nested ones would cost memory without bound. */
    if (strlen(step->value) > PATTERN_MAX || braces > 1)
        return run_fail(p->call->run, at, "syntax error");
    step->pattern = xcalloc(1, sizeof *step->pattern);
    if (regcomp(step->pattern, step->value, REG_EXTENDED | REG_NOSUB) == 0)
        return true;
    free(step->pattern);
    step->pattern = NULL;
    return run_fail(p->call->run, at, "syntax error");
}

static bool test_value(struct parser *p, struct step *step, const struct token *t)
{
    const struct menu *m = p->call->place.menu;
    const struct prop *prop = menu_prop(m, step->name);
    struct text full = TEXT_INIT;

    if (step->op == OP_MATCHES) {
        step->value = xstrdup(t->text);
        return compile_pattern(p, step, t->at);
    }
    bool ok = !prop || value_in_full(p->call->run, prop, t->text, t->at, &full);
    if (ok)
        step->value = canonical(m, prop, prop ? text_get(&full) : t->text);
    text_fini(&full);
    return ok;
}

static bool parse_test(struct parser *p)
{
    const struct token *t = peek(p);
    struct step step = { .kind = STEP_TEST, .op = OP_HAS };

    if (!t || t->kind != T_OPERAND)
        return fail_here(p, "syntax error");
    p->next++;
    step.name = full_name(p, t);
    if (!step.name)
        return false;
    const struct prop *prop = menu_prop(p->call->place.menu, step.name);
    if (prop && strcmp(prop->name, step.name) != 0) {
        free(step.name);
        step.name = xstrdup(prop->name);
    }
    const struct token *op = peek(p);
    bool ok = true;
    if (op && op->kind == T_OPERATOR) {
        step.op = op->op;
        p->next++;
        const struct token *value = peek(p);
        ok = value && value->kind == T_OPERAND ? test_value(p, &step, value)
                                               : fail_here(p, "syntax error");
        p->next++;
    }
    if (ok)
        return emit(p, step);
    free(step.name);
    free(step.value);
    return false;
}

static bool parse_or(struct parser *p);

static bool parse_unary(struct parser *p)
{
    const struct token *t = peek(p);

    if (!t || (t->kind != T_NOT && t->kind != T_OPEN))
        return parse_test(p);
    if (++p->depth > NESTING_MAX)
        return fail_here(p, "syntax error");
    p->next++;
    bool ok;
    if (t->kind == T_NOT) {
        ok = parse_unary(p) && emit(p, (struct step){ .kind = STEP_NOT });
    } else {
        ok = parse_or(p);
        const struct token *close = peek(p);
        if (ok && (!close || close->kind != T_CLOSE))
            ok = fail_here(p, "syntax error");
        p->next++;
    }
    p->depth--;
    return ok;
}

static bool parse_and(struct parser *p)
{
    if (!parse_unary(p))
        return false;
    for (;;) {
        const struct token *t = peek(p);
        if (!t || t->kind == T_OR || t->kind == T_CLOSE)
            return true;
        if (t->kind == T_AND)
            p->next++;
        if (!parse_unary(p) || !emit(p, (struct step){ .kind = STEP_AND }))
            return false;
    }
}

static bool parse_or(struct parser *p)
{
    if (!parse_and(p))
        return false;
    for (;;) {
        const struct token *t = peek(p);
        if (!t || t->kind != T_OR)
            return true;
        p->next++;
        if (!parse_and(p) || !emit(p, (struct step){ .kind = STEP_OR }))
            return false;
    }
}

struct where *where_new(struct call *call)
{
    struct parser p = { .call = call, .where = xcalloc(1, sizeof *p.where) };

    p.where->menu = call->place.menu;
    for (size_t i = 0; i < call->n_words; i++)
        cut_word(&p.tokens, &call->words[i]);
    bool ok = p.tokens.n == 0 || parse_or(&p);
    if (ok && peek(&p))
        ok = fail_here(&p, "syntax error");
    tokens_fini(&p.tokens);
    if (ok)
        return p.where;
    where_free(p.where);
    return NULL;
}

void where_free(struct where *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++) {
        free(w->steps[i].name);
        free(w->steps[i].value);
        if (w->steps[i].pattern)
            regfree(w->steps[i].pattern);
        free(w->steps[i].pattern);
    }
    free(w);
}

/* --- evaluation ---------------------------------------------------------------------------- */

static bool as_number(const char *s, int64_t *ret)
{
    char *end;

    errno = 0;
    *ret = strtoll(s, &end, 10);
    return *s && *end == '\0' && errno == 0;
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* By number, address or time when both are one, else by bytes. */
static int compare(const char *a, const char *b)
{
    int64_t x, y;
    struct ip_addr i, k;

    if (as_number(a, &x) && as_number(b, &y))
        return order(x, y);
    if (ip_addr_from_text(a, strlen(a), &i) && ip_addr_from_text(b, strlen(b), &k))
        return i.family != k.family ? i.family - k.family : memcmp(i.b, k.b, sizeof i.b);
    if (time_from_text(a, &x) && time_from_text(b, &y))
        return order(x, y);
    return strcmp(a, b);
}

/* An SPI prints in hexadecimal without a mark; in a condition it may have one, or be decimal when
 * it has no letters (the reference prints both forms). */
static bool spi_equal(const char *row, const char *typed)
{
    bool marked = typed[0] == '0' && (typed[1] == 'x' || typed[1] == 'X');
    unsigned long long have = strtoull(row, NULL, 16);
    char *end;

    if (strtoull(typed, &end, 16) == have && *end == '\0' && *typed)
        return true;
    return !marked && strtoull(typed, &end, 10) == have && *end == '\0' && *typed;
}

static bool equal(const struct step *s, const char *value)
{
    if (strcmp(s->name, "spi") == 0)
        return spi_equal(value, s->value);
    return strcmp(value, s->value) == 0;
}

static bool test(const struct where *w, const struct step *s, const struct api_sentence *row)
{
    const char *value = row_value(w->menu, row, s->name);
    const char *text = value ? value : "";

    switch (s->op) {
    case OP_HAS:
        return value && *value && strcmp(value, "no") != 0;
    case OP_EQUAL:
        /* a flag that a row does not carry is off */
        return value ? equal(s, value) : *s->value == '\0' || strcmp(s->value, "no") == 0;
    case OP_DIFFERS:
        return value ? !equal(s, value) : *s->value != '\0' && strcmp(s->value, "no") != 0;
    case OP_LESS:
        return value && compare(text, s->value) < 0;
    case OP_MORE:
        return value && compare(text, s->value) > 0;
    case OP_AT_MOST:
        return value && compare(text, s->value) <= 0;
    case OP_AT_LEAST:
        return value && compare(text, s->value) >= 0;
    case OP_MATCHES:
        return value && regexec(s->pattern, text, 0, NULL, 0) == 0;
    }
    return false;
}

bool where_fits(const struct where *w, const struct api_sentence *row)
{
    bool stack[STEPS_MAX];
    size_t top = 0;

    for (size_t i = 0; i < w->n; i++) {
        const struct step *s = &w->steps[i];
        switch (s->kind) {
        case STEP_TEST:
            stack[top++] = test(w, s, row);
            break;
        case STEP_NOT:
            stack[top - 1] = !stack[top - 1];
            break;
        case STEP_AND:
            top--;
            stack[top - 1] = stack[top - 1] && stack[top];
            break;
        case STEP_OR:
            top--;
            stack[top - 1] = stack[top - 1] || stack[top];
            break;
        }
    }
    return top == 0 || stack[0];
}
