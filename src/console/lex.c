/* The lexer of the console language. One pass over bytes, no recursion: the depth of brackets is
 * counted and bounded, so hostile input costs no stack. */
#include "lex.h"

#include <stdlib.h>
#include <string.h>

void lex_words_fini(struct lex_words *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->v[i].chars);
    free(w->v);
    *w = (struct lex_words){ 0 };
}

void lex_word_push(struct lex_word *w, struct lex_char c)
{
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 16;
        w->chars = xrealloc(w->chars, w->cap * sizeof *w->chars);
    }
    w->chars[w->n++] = c;
}

static struct lex_word *words_open(struct lex_words *w, size_t at)
{
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 8;
        w->v = xrealloc(w->v, w->cap * sizeof *w->v);
    }
    w->v[w->n] = (struct lex_word){ .at = at };
    return &w->v[w->n++];
}

void lexer_init(struct lexer *l, const char *s, size_t at, size_t end)
{
    *l = (struct lexer){ .s = s, .at = at, .end = end };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What follows a backslash at AT: the offset behind a line continuation, or AT when it is none.
 * Blanks between the backslash and the line's end are forgiven: examples are pasted with them. */
static size_t continuation(const char *s, size_t at, size_t end, bool *ret_unfinished)
{
    size_t p = at + 1;

    *ret_unfinished = false;
    while (p < end && is_blank(s[p]))
        p++;
    if (p == end) {
        *ret_unfinished = true;
        return end;
    }
    if (s[p] != '\n')
        return at;
    p++;
    while (p < end && is_blank(s[p]))
        p++;
    return p;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F') /* capitals only: \b and \f are other escapes of the language */
        return c - 'A' + 10;
    return -1;
}

/* The character that the escape at AT stands for; 0 when it is none. */
static char escape(const char *s, size_t at, size_t end, size_t *ret_len)
{
    static const char from[] = "\"\\nrt$?_", to[] = "\"\\\n\r\t$? ";

    if (at + 1 >= end)
        return 0;
    const char *hit = strchr(from, s[at + 1]);
    if (hit && *hit) {
        *ret_len = 2;
        return to[hit - from];
    }
    if (at + 2 < end && hex_digit(s[at + 1]) >= 0 && hex_digit(s[at + 2]) >= 0) {
        *ret_len = 3;
        return (char)(hex_digit(s[at + 1]) * 16 + hex_digit(s[at + 2]));
    }
    return 0;
}

static enum lex_result fail_at(struct lexer *l, size_t at)
{
    l->bad = at;
    return LEX_ERROR;
}

/* An escape or continuation at l->at, in or out of quotes. */
static enum lex_result lex_backslash(struct lexer *l, struct lex_word *w)
{
    bool unfinished;
    size_t behind = continuation(l->s, l->at, l->end, &unfinished);

    if (unfinished) {
        l->bad = l->at;
        l->at = l->end;
        return LEX_UNFINISHED;
    }
    if (behind != l->at) {
        l->at = behind;
        return LEX_OK;
    }
    size_t len;
    char c = escape(l->s, l->at, l->end, &len);
    if (!c)
        return fail_at(l, l->at);
    lex_word_push(w, (struct lex_char){ .at = (uint32_t)l->at,
                                        .end = (uint32_t)(l->at + len),
                                        .c = c,
                                        .kind = LEX_LITERAL });
    l->at += len;
    return LEX_OK;
}

static void push_one(struct lexer *l, struct lex_word *w, enum lex_kind kind)
{
    lex_word_push(w, (struct lex_char){ .at = (uint32_t)l->at,
                                        .end = (uint32_t)(l->at + 1),
                                        .c = l->s[l->at],
                                        .kind = (uint8_t)kind });
    l->at++;
}

/* A dollar without a name behind it is itself: a pattern may end in one. */
static void lex_variable(struct lexer *l, struct lex_word *w)
{
    size_t p = l->at + 1;

    while (p < l->end && is_name_char(l->s[p]))
        p++;
    if (p == l->at + 1) {
        push_one(l, w, LEX_LITERAL);
        return;
    }
    lex_word_push(
        w, (struct lex_char){ .at = (uint32_t)l->at, .end = (uint32_t)p, .kind = LEX_VARIABLE });
    l->at = p;
}

/* Walks from the bracket at AT to behind its partner. Quotes inside hide brackets. */
static enum lex_result skip_brackets(struct lexer *l, size_t at, size_t *ret_behind)
{
    char open[LEX_OPEN_MAX + 1];
    size_t depth = 0;

    for (size_t p = at; p < l->end; p++) {
        char c = l->s[p];
        bool in_quotes = depth && open[depth - 1] == '"';

        if (c == '\\') {
            p++;
            continue;
        }
        if (c == '"' && in_quotes) {
            depth--;
            continue;
        }
        if (c == '"' || (c == '[' && !in_quotes)) {
            if (depth == LEX_OPEN_MAX)
                return fail_at(l, p);
            open[depth++] = c;
            continue;
        }
        if (c == ']' && !in_quotes && --depth == 0) {
            *ret_behind = p + 1;
            return LEX_OK;
        }
    }
    memcpy(l->open, open, depth);
    l->open[depth] = '\0';
    l->bad = at;
    return LEX_UNFINISHED;
}

static enum lex_result lex_brackets(struct lexer *l, struct lex_word *w)
{
    size_t behind;
    enum lex_result r = skip_brackets(l, l->at, &behind);

    if (r == LEX_UNFINISHED)
        l->at = l->end;
    if (r != LEX_OK)
        return r;
    lex_word_push(w, (struct lex_char){
                         .at = (uint32_t)l->at, .end = (uint32_t)behind, .kind = LEX_COMMAND });
    l->at = behind;
    return LEX_OK;
}

/* Behind the opening quote, to behind the closing one. */
static enum lex_result lex_quoted(struct lexer *l, struct lex_word *w)
{
    size_t opened = l->at++;

    w->quoted = true;
    while (l->at < l->end) {
        char c = l->s[l->at];
        enum lex_result r = LEX_OK;

        if (c == '"') {
            l->at++;
            return LEX_OK;
        }
        if (c == '\\')
            r = lex_backslash(l, w);
        else if (c == '$')
            lex_variable(l, w);
        else if (is_control(c) && c != '\t' && c != '\n' && c != '\r')
            r = fail_at(l, l->at);
        else
            push_one(l, w, LEX_LITERAL);
        if (r == LEX_UNFINISHED)
            break;
        if (r != LEX_OK)
            return r;
    }
    strcpy(l->open, "\"");
    l->bad = opened;
    return LEX_UNFINISHED;
}

/* One word, up to a blank or the command's end. */
static enum lex_result lex_word(struct lexer *l, struct lex_word *w)
{
    while (l->at < l->end) {
        char c = l->s[l->at];
        enum lex_result r = LEX_OK;

        if (is_blank(c) || c == '\n' || c == ';')
            return LEX_OK;
        if (c == '"')
            r = lex_quoted(l, w);
        else if (c == '\\')
            r = lex_backslash(l, w);
        else if (c == '$')
            lex_variable(l, w);
        else if (c == '[')
            r = lex_brackets(l, w);
        else if (c == ']' || is_control(c))
            r = fail_at(l, l->at);
        else
            push_one(l, w, LEX_PLAIN);
        if (r != LEX_OK)
            return r;
    }
    return LEX_OK;
}

/* Blanks and continuations between words. */
static enum lex_result skip_blanks(struct lexer *l)
{
    while (l->at < l->end) {
        if (is_blank(l->s[l->at])) {
            l->at++;
            continue;
        }
        if (l->s[l->at] != '\\')
            break;
        bool unfinished;
        size_t behind = continuation(l->s, l->at, l->end, &unfinished);
        if (behind == l->at)
            break;
        if (unfinished)
            l->bad = l->at;
        l->at = behind;
        if (unfinished)
            return LEX_UNFINISHED;
    }
    return LEX_OK;
}

static void skip_comment(struct lexer *l)
{
    while (l->at < l->end && l->s[l->at] != '\n')
        l->at++;
}

static enum lex_result lex_words(struct lexer *l, struct lex_words *ret)
{
    for (;;) {
        enum lex_result r = skip_blanks(l);
        if (r != LEX_OK)
            return r;
        if (l->at == l->end)
            return LEX_OK;
        char c = l->s[l->at];
        if (c == '#' && ret->n == 0) {
            skip_comment(l);
            continue;
        }
        if (c == ';' || c == '\n') {
            l->at++;
            return LEX_OK;
        }
        if (ret->n == 0)
            ret->at = l->at;
        r = lex_word(l, words_open(ret, l->at));
        if (r != LEX_OK)
            return r;
        ret->joined = l->at == l->end;
    }
}

enum lex_result lex_command(struct lexer *l, struct lex_words *ret)
{
    *ret = (struct lex_words){ .at = l->at };
    l->open[0] = '\0';
    if (l->at == l->end)
        return LEX_END;
    enum lex_result r = lex_words(l, ret);
    if (r == LEX_UNFINISHED && l->open[0])
        ret->joined = true;
    if (ret->n == 0)
        ret->at = l->at;
    return r;
}

enum lex_result lex_check(struct lexer *l)
{
    for (;;) {
        struct lex_words words;
        enum lex_result r = lex_command(l, &words);

        lex_words_fini(&words);
        if (r == LEX_END)
            return LEX_OK;
        if (r != LEX_OK)
            return r;
    }
}

size_t lex_innermost(const char *s, size_t end)
{
    size_t start[LEX_OPEN_MAX + 1] = { 0 };
    size_t depth = 0;
    bool in_quotes = false;

    for (size_t p = 0; p < end; p++) {
        char c = s[p];

        if (c == '\\')
            p++;
        else if (c == '"')
            in_quotes = !in_quotes;
        else if (in_quotes)
            continue;
        else if (c == '[' && depth < LEX_OPEN_MAX)
            start[++depth] = p + 1;
        else if (c == ']' && depth)
            depth--;
        else if (c == ';' || c == '\n')
            start[depth] = p + 1;
    }
    return start[depth];
}

void lex_place(const char *s, size_t at, unsigned *ret_line, unsigned *ret_column)
{
    unsigned line = 1;
    size_t start = 0;

    for (size_t i = 0; i < at && s[i]; i++) {
        if (s[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    *ret_line = line;
    *ret_column = (unsigned)(at - start) + 1;
}

size_t lex_word_find(const struct lex_word *w, size_t from, char c)
{
    for (size_t i = from; i < w->n; i++)
        if (w->chars[i].kind == LEX_PLAIN && w->chars[i].c == c)
            return i;
    return w->n;
}

char *lex_word_text(const struct lex_word *w, size_t from, size_t to)
{
    char *text = xmalloc(to - from + 1);

    for (size_t i = from; i < to; i++)
        text[i - from] = w->chars[i].c;
    text[to - from] = '\0';
    return text;
}

bool lex_word_is(const struct lex_word *w, const char *text)
{
    if (strlen(text) != w->n)
        return false;
    for (size_t i = 0; i < w->n; i++)
        if (w->chars[i].kind != LEX_PLAIN || w->chars[i].c != text[i])
            return false;
    return true;
}

bool lex_word_starts(const struct lex_word *w, char c)
{
    return w->n && w->chars[0].kind == LEX_PLAIN && w->chars[0].c == c;
}

size_t lex_word_offset(const struct lex_word *w, size_t index)
{
    if (index < w->n)
        return w->chars[index].at;
    return w->n ? w->chars[w->n - 1].end : w->at;
}
