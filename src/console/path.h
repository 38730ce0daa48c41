/* Where the console stands: a folder or a menu of the tree that the menu tables span. */
#pragma once

#include "menu.h"
#include "names.h"

enum { PLACE_MAX = 128 };

struct place {
    char path[PLACE_MAX];    /* words joined by blanks; empty at the root */
    const struct menu *menu; /* NULL: a folder */
};

void place_root(struct place *p);
void place_up(struct place *p);
/* WORD must be one of place_children(). */
void place_enter(struct place *p, const char *word);
void place_children(const struct place *p, struct names *ret_add);
/* Whether the menu is this place or somewhere below it. */
bool place_contains(const struct place *p, const char *menu_path);
/* "/ip/ipsec/policy/print": the address of a command in the API. */
void place_command(const char *menu_path, const char *command, struct text *out);
