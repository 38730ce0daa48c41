/* Layouts of print: rows in, text out, in the reference's forms. */
#pragma once

#include "rows.h"

struct print_item {
    const struct api_sentence *row; /* borrowed */
    size_t number;
};

struct listing {
    const struct menu *menu;
    const struct print_item *items;
    size_t n;
    unsigned width;             /* columns of the terminal */
    const char *const *columns; /* property names in order; NULL: what plain print shows */
};

/* Flags line, then each item as name=value pairs wrapped at the width. Nothing for an empty list.
 */
void print_detail(const struct listing *l, struct text *out);
/* A table; columns that do not fit are left out. */
void print_brief(const struct listing *l, struct text *out);
/* One line per item, no header. */
void print_terse(const struct listing *l, struct text *out);
/* `name: value` lines, items side by side. */
void print_value_list(const struct listing *l, struct text *out);
/* One record: right-aligned `name: value` lines. */
void print_single(const struct menu *m, const struct api_sentence *row, struct text *out);
/* `.id=*1;action=encrypt;...`: what scripts take. */
void print_as_value(const struct listing *l, struct text *out);

/* The value as typed input would have it: in quotes when its kind wants them, or FORCE, escaped. */
void print_value(const struct menu *m, const char *name, const char *value, struct text *out);
