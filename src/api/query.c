/* Query words: conditions push true or false, "#" words combine what was pushed; a row matches
 * when everything left is true.
 *   ?name  ?-name  ?name=x  ?=name=x  ?<name=x  ?>name=x
 *   ?#ops: `!` not, `&` and, `|` or, digits copy the value that many below the top (at the end of
 *          the word: it alone remains), `.` after a number nothing, else copies the top. */
#include "api_priv.h"

#include <stdlib.h>
#include <string.h>

enum { STACK_MAX = 2 * API_SENTENCE_WORDS_MAX, OPERATIONS_MAX = 4096 };

struct stack {
    bool v[STACK_MAX];
    size_t n;
    bool bad;
};

static void push(struct stack *s, bool v)
{
    if (s->n == STACK_MAX)
        s->bad = true;
    else
        s->v[s->n++] = v;
}

static bool pop(struct stack *s)
{
    if (s->n == 0) {
        s->bad = true;
        return false;
    }
    return s->v[--s->n];
}

static bool below_top(struct stack *s, size_t index)
{
    if (index >= s->n) {
        s->bad = true;
        return false;
    }
    return s->v[s->n - 1 - index];
}

static void operations_run(struct stack *s, const char *ops)
{
    while (*ops && !s->bad) {
        size_t digits = strspn(ops, "0123456789");
        if (digits > 0) {
            bool v = below_top(s, digits < 5 ? strtoul(ops, NULL, 10) : STACK_MAX);
            ops += digits;
            if (!*ops)
                s->n = 0;
            push(s, v);
            ops += *ops == '.';
            continue;
        }
        if (*ops == '!')
            push(s, !pop(s));
        else if (*ops == '.')
            push(s, below_top(s, 0));
        else if (*ops == '&' || *ops == '|') {
            bool a = pop(s), b = pop(s);
            push(s, *ops == '&' ? a && b : a || b);
        } else
            s->bad = true;
        ops++;
    }
}

static const char *bool_word(const char *s)
{
    return strcmp(s, "yes") == 0 ? "true" : strcmp(s, "no") == 0 ? "false" : s;
}

/* Equal as typed, or when written in full: "tcp" and "6", "10.0.0.1" and "10.0.0.1/32:any". */
static bool value_equal(const struct prop *p, const char *have, const char *want)
{
    struct text full = TEXT_INIT;
    bool same = strcmp(bool_word(have), bool_word(want)) == 0 ||
                (p && prop_canonical(p, want, &full) && strcmp(have, text_get(&full)) == 0);

    text_fini(&full);
    return same;
}

static bool number_of(const char *s, int64_t *ret)
{
    char *end;

    if (time_from_text(s, ret))
        return true;
    *ret = strtoll(s, &end, 10);
    return end != s && !*end;
}

static int value_order(const char *a, const char *b)
{
    int64_t x, y;

    if (number_of(a, &x) && number_of(b, &y))
        return (x > y) - (x < y);
    return strcmp(a, b);
}

static bool condition(const char *word, const struct menu *m, const struct row *r)
{
    char kind = word[0] && strchr("<>=-", word[0]) ? word[0] : '\0';
    const char *name = word + (kind != '\0'), *equals = strchr(name, '=');
    char *alone = equals ? strndup(name, (size_t)(equals - name)) : xstrdup(name);
    char buf[ROW_ID_TEXT_MAX];
    const char *have = row_get(r, m, alone, buf);
    const struct prop *p = menu_prop(m, alone);

    free(alone);
    if (kind == '-' && !equals)
        return !have;
    if (!have || !equals)
        return have != NULL;
    if (kind == '<' || kind == '>')
        return kind == '<' ? value_order(have, equals + 1) < 0 : value_order(have, equals + 1) > 0;
    return value_equal(p, have, equals + 1);
}

static bool query_run(const struct query *q, const struct menu *m, const struct row *r,
                      bool *ret_match)
{
    struct stack s = { .n = 0 };

    for (size_t i = 0; i < q->n; i++) {
        if (q->words[i][0] == '#')
            operations_run(&s, q->words[i] + 1);
        else
            push(&s, r && condition(q->words[i], m, r));
    }
    *ret_match = true;
    for (size_t i = 0; i < s.n; i++)
        *ret_match = *ret_match && s.v[i];
    return !s.bad;
}

bool query_check(const struct query *q)
{
    size_t operations = 0;
    bool match;

    for (size_t i = 0; i < q->n; i++)
        operations += q->words[i][0] == '#' ? strlen(q->words[i]) : 0;
    return operations <= OPERATIONS_MAX && query_run(q, NULL, NULL, &match);
}

bool query_match(const struct query *q, const struct menu *m, const struct row *r)
{
    bool match;

    return query_run(q, m, r, &match) && match;
}
