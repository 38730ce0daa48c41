/* One command, understood: menu, verb, arguments. Private to the console. */
#pragma once

#include "names.h"
#include "run.h"

enum arg_kind {
    ARG_ITEMS, /* numbers, names, *ID, lists of them */
    ARG_ITEM,  /* exactly one */
    ARG_TEXT,
    ARG_PROPERTY, /* the name of one */
    ARG_SECONDS,
    ARG_FLAG, /* a word alone */
    ARG_WHERE /* conditions follow, to the end of the command */
};

struct verb_arg {
    const char *name; /* NULL ends the list */
    enum arg_kind kind;
    unsigned needs; /* enum menu_flags: offered in such menus only */
    const char *help;
};

enum verb_flags {
    VERB_PROPERTIES = 1 << 0, /* takes the menu's writable properties */
    VERB_CONDITIONS = 1 << 1, /* all arguments are conditions */
    VERB_FOLDER = 1 << 2,     /* also where there is no menu */
    VERB_ROOT = 1 << 3,       /* at the root only */
    VERB_BUILTIN = 1 << 4,    /* `:name`, anywhere; words are handed over as they are */
    VERB_YIELDS = 1 << 5      /* its value is printed when nothing else takes it */
};

enum { VERB_UNNAMED_MAX = 2 };

struct call;

struct verb {
    const char *name;
    unsigned needs, never; /* enum menu_flags */
    unsigned flags;
    const struct verb_arg *args;
    const char *unnamed[VERB_UNNAMED_MAX]; /* arguments that words without `=` fill, in order */
    bool (*run)(struct call *call);
    const char *help;
};

struct arg {
    char *name, *value; /* owned; a flag word has no value */
    size_t name_at, value_at;
    const struct prop *prop;     /* NULL: not a property */
    const struct verb_arg *spec; /* NULL: a property */
};

struct call {
    struct run *run;
    struct place place;
    const struct verb *verb;
    const struct menu_command *command; /* the menu's own command, with verb_menu_command */
    size_t verb_at;
    struct arg *args;
    size_t n_args;
    struct lex_word *words; /* expanded: conditions, or the words of a built-in */
    size_t n_words;
    struct text value; /* what the command yields */
};

/* Reads WORDS at the run's place. A command that is only a path has no verb. */
bool call_parse(struct call *call, struct run *r, const struct lex_words *words);
void call_fini(struct call *call);
const char *call_arg(const struct call *call, const char *name); /* value, NULL when absent */
bool call_flag(const struct call *call, const char *name);
size_t call_place(const struct call *call, const char *name); /* offset of the value */

/* Sends to the daemon; a trap or a lost connection becomes the run's problem. */
bool call_api(struct call *call, const struct api_sentence *request, struct api_reply *ret);

/* What can be said at a spot, for parser, completion and help alike. */
void verb_names(const struct place *p, struct names *ret_add);
void verb_builtin_names(struct names *ret_add);
const struct verb *verb_find(const struct place *p, const char *name,
                             const struct menu_command **ret_command);
const struct verb *verb_builtin_find(const char *name);
void call_arg_names(const struct call *call, struct names *ret_add);
const struct verb_arg *call_arg_spec(const struct call *call, const char *name);
const struct prop *call_arg_prop(const struct call *call, const char *name);

/* Path words and the verb of a command being typed, as far as words [0, n) go: the parser's first
 * half, shared with completion. RET_NEXT is the first word not taken. Quiet: no problem is set. */
bool call_path(struct call *call, struct run *r, const struct lex_words *words, size_t n,
               size_t *ret_next);

/* Writable properties of MENU that a command can name: rows, aliases, comment and disabled. */
void property_names(const struct menu *m, bool writable, struct names *ret_add);
/* Words an enumeration takes (synonyms excluded); empty for other types. */
void property_values(const struct prop *p, struct names *ret_add);
/* Abbreviated words of enumerations in full; what fits none is left for the daemon to judge.
 * False: ambiguous, the run's problem is set at AT. */
bool value_in_full(struct run *r, const struct prop *p, const char *typed, size_t at,
                   struct text *out);
