/* Running source text: commands one after another, each at a place of the menu tree, with
 * [commands] and $variables inside words. Private to the console. */
#pragma once

#include "console.h"
#include "lex.h"
#include "path.h"

enum { RUN_DEPTH_MAX = 12, SOURCE_MAX = 64 << 20 };

/* Item numbers of one menu as the last print left them. */
struct numbering {
    uint32_t *ids; /* owned */
    size_t n;
    bool known;
};

struct variable {
    char *name, *value; /* owned */
};

struct console {
    struct api_client *client; /* borrowed */
    char *user;
    unsigned width;
    struct place place;
    struct text pending; /* unfinished input */
    char continuation[LEX_OPEN_MAX + 8];
    struct numbering *numberings; /* one per entry of menus[] */
    size_t n_menus;
    struct variable *variables;
    size_t n_variables;
    struct console_screen screen; /* paint NULL: output is no terminal */
    bool quit;
};

/* Why a command failed. The first problem stays. */
struct problem {
    struct text text;
    size_t at; /* source offset, NO_PLACE: none */
    bool set;
    bool final; /* the text has its position already (a script that was imported) */
};
#define NO_PLACE SIZE_MAX

/* New items of one menu that wait to be sent together: adds.h. */
struct adds {
    struct call *calls; /* owned */
    size_t n, words, bytes;
};

struct run {
    struct console *c;
    const char *source;
    struct place place; /* moves when a command is nothing but a path */
    struct text *out;
    struct text *value; /* what the last command yields, NULL at the top */
    struct problem *problem;
    unsigned depth; /* of [commands] and imports */
    struct adds adds;
};

/* Commands of source[from..to). False: the problem says why. */
bool run_text(struct run *r, size_t from, size_t to);
/* Runs a whole source of its own; the position is put behind the problem's text. */
bool run_source(struct console *c, struct place *place, const char *source, unsigned depth,
                struct text *out, struct problem *problem);
/* False, always. */
bool run_fail(struct run *r, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The word with its commands run (at PLACE) and its variables read: only characters are left. */
bool run_expand(struct run *r, const struct place *place, const struct lex_word *w,
                struct lex_word *ret);

const char *variable_get(const struct console *c, const char *name); /* NULL: none */
void variable_set(struct console *c, const char *name, const char *value);
