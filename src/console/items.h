/* Which items a command means: numbers of the last print, names, *ID, and lists of these. */
#pragma once

#include "call.h"
#include "rows.h"

struct ids {
    uint32_t *v; /* owned */
    size_t n;
};

void ids_fini(struct ids *ids);
void ids_add(struct ids *ids, uint32_t id);
/* "*1,*2": as the API takes them. */
void ids_text(const struct ids *ids, char separator, struct text *out);

/* Numbers shown by a print, from 0; kept until the next print of the menu. */
void numbering_keep(struct console *c, const struct menu *m, const struct ids *ids);
/* The number an item was shown with, false: none. */
bool numbering_find(const struct console *c, const struct menu *m, uint32_t id, size_t *ret);

/* The items that argument NAME holds; asks the daemon for names and, when no print has run, for
 * numbers. Nothing in, nothing out: `[find ...]` may be empty. False: the problem is set. */
bool items_of_arg(struct call *call, const char *name, struct ids *ret);
/* The same for exactly one item. */
bool item_of_arg(struct call *call, const char *name, uint32_t *ret);
