/* The menu tree: every menu the console knows, as constant tables. */
#pragma once

#include "prop.h"

enum menu_flags {
    M_ORDERED = 1 << 0, /* move, place-before */
    M_SINGLE = 1 << 1,  /* one record: set without item, print as "name: value" lines */
    M_LIVE = 1 << 2,    /* rows come from the daemon; read-only */
    M_NAMED = 1 << 3,   /* items can be addressed by name */
    M_DISABLE = 1 << 4, /* has disabled, enable, disable */
    M_COMMENT = 1 << 5
};

enum { MENU_COLUMNS_MAX = 3 };

/* One flag letter of print. The letters of one column exclude each other, first hit wins. */
struct menu_flag {
    char letter;
    unsigned char column;
    const char *word; /* "disabled": legend, and the row's boolean property of that name */
};

/* Menu-specific command, e.g. flush sa-type=. */
struct menu_command {
    const char *name;
    const struct prop *args; /* at offsets of args_size bytes; NULL-named row ends, never NULL */
    size_t args_size;
    const char *help;
};

struct menu {
    const char *path; /* "ip ipsec policy" */
    unsigned flags;
    const struct prop *props;            /* print order; ends with a NULL-named row */
    size_t item_size;                    /* of the item struct; 0 for live menus */
    const struct menu_flag *print_flags; /* ends with letter 0; NULL: no legend */
    const struct menu_command *commands; /* ends with NULL name; NULL: none */
    const char *const *stats;   /* property names of `print stats` in order, NULL-terminated */
    const char *const *builtin; /* names of items that cannot be removed */
    /* Checks across properties of one item; false with "failure: ..." text. May adjust derived
     * fields (an unset selector takes the SA address). */
    bool (*check)(void *item, struct text *error);
    const char *help;
    const char *noun; /* what one item is called in sentences: "policy"; NULL: "item" */
};

/* Every menu, NULL-terminated; in the order of export (references exist before use). */
extern const struct menu *const menus[];
const struct menu *menu_find(const char *path); /* blanks or slashes between words */
const struct prop *menu_prop(const struct menu *m, const char *name); /* exact name or alias */
const struct menu_command *menu_command_find(const struct menu *m, const char *name);
/* Whether print has a flag of that word, e.g. "dynamic". */
bool menu_has_flag(const struct menu *m, const char *word);

/* A field's place in its item struct, for the tables. */
#define AT(type, member) offsetof(struct type, member)
