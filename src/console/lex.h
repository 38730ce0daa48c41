/* The console's lexer: source text into commands, commands into words. Quotes, escapes, line
 * continuation, `;`, comments, `[command]` and `$variable`. Every character keeps its place in the
 * source, so that any error found later can be given as line and column. */
#pragma once

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lex_kind {
    LEX_PLAIN,    /* as typed: may be an operator */
    LEX_LITERAL,  /* from quotes or an escape: never an operator */
    LEX_COMMAND,  /* a whole [command]; at..end are the offsets of its brackets */
    LEX_VARIABLE, /* $name; at is the dollar's offset */
};

struct lex_char {
    uint32_t at, end; /* source offsets [at, end) */
    char c;
    uint8_t kind; /* enum lex_kind */
};

struct lex_word {
    struct lex_char *chars; /* owned */
    size_t n, cap;
    size_t at; /* offset of the first source byte, a quote included */
    bool quoted;
};

struct lex_words {
    struct lex_word *v; /* owned */
    size_t n, cap;
    size_t at;   /* where the command starts, its end when it has no word */
    bool joined; /* the last word touches the end of the text: it may still be growing */
};

void lex_words_fini(struct lex_words *w);

enum { LEX_OPEN_MAX = 16 }; /* nested brackets and quotes */

struct lexer {
    const char *s;
    size_t at, end;              /* reads s[at..end) */
    size_t bad;                  /* offset of the character at fault, or that opened what is open */
    char open[LEX_OPEN_MAX + 1]; /* LEX_UNFINISHED: what is open, e.g. `["`; empty: a backslash */
};

enum lex_result {
    LEX_END,        /* nothing left */
    LEX_OK,         /* one command, possibly without words */
    LEX_UNFINISHED, /* text ends inside quotes, brackets or after a backslash; words so far given */
    LEX_ERROR
};

void lexer_init(struct lexer *l, const char *s, size_t at, size_t end);
/* The next command. RET is valid (and to be freed) whatever the result. */
enum lex_result lex_command(struct lexer *l, struct lex_words *ret);

/* LEX_OK when the whole text can be read, else what stands in the way. */
enum lex_result lex_check(struct lexer *l);
/* Offset where the innermost command open at END starts: what completion looks at. */
size_t lex_innermost(const char *s, size_t end);
/* 1-based line and column of an offset. */
void lex_place(const char *s, size_t at, unsigned *ret_line, unsigned *ret_column);

/* Index of the first plain C at or after FROM, n when there is none. */
size_t lex_word_find(const struct lex_word *w, size_t from, char c);
/* Characters [from, to) as text; the word must hold no commands or variables. The caller frees. */
char *lex_word_text(const struct lex_word *w, size_t from, size_t to);
/* All plain, and spelt so. */
bool lex_word_is(const struct lex_word *w, const char *text);
bool lex_word_starts(const struct lex_word *w, char c);
size_t lex_word_offset(const struct lex_word *w, size_t index);
void lex_word_push(struct lex_word *w, struct lex_char c);
