/* Lists of words that can stand at a spot, and what a typed prefix means among them: the one rule
 * of abbreviation that commands, arguments, values and completion share. */
#pragma once

#include "text.h"

#include <stdbool.h>

struct name {
    char *text;         /* owned by the list */
    const char *help;   /* borrowed, may be NULL */
    const char *suffix; /* what completion adds behind a unique name: " ", "=", "" */
    bool weak;          /* gives way to others that begin alike: abbreviations of the reference
                           stay valid when an extension adds a name */
};

struct names {
    struct name *v; /* owned; every text once */
    size_t n, cap;
};

void names_fini(struct names *l);
void names_add(struct names *l, const char *text, const char *help, const char *suffix);
void names_add_weak(struct names *l, const char *text, const char *help, const char *suffix);

enum match { MATCH_NONE, MATCH_ONE, MATCH_MANY };

/* The whole name wins over longer names that begin with it; a prefix must be unique. RET is set
 * for MATCH_ONE only and lives as long as the list. */
enum match names_match(const struct names *l, const char *typed, const char **ret);
/* Those that begin with TYPED; when there are none, those that hold its letters in order (`mtr`
 * for monitor-traffic). For completion only. */
void names_filter(const struct names *l, const char *typed, struct names *ret);
/* Length of the start that all names share. */
size_t names_common(const struct names *l);
void names_sort(struct names *l);
