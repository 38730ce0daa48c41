/* Private to src/api. */
#pragma once

#include "api.h"

void api_length_encode(size_t len, struct text *out);
void api_word_encode(const char *s, size_t len, struct text *out);

/* One row of a menu, collected. Strings are owned. */
struct row {
    uint32_t id; /* 0: none */
    struct config_arg *v;
    size_t n, cap;
};

void row_add(struct row *r, const char *name, const char *value);
void row_clear(struct row *r);
void row_fini(struct row *r);
/* The value under its name or the menu's other name for it; NULL when not set. ".id" needs BUF. */
enum { ROW_ID_TEXT_MAX = 12 };
const char *row_get(const struct row *r, const struct menu *m, const char *name,
                    char buf[ROW_ID_TEXT_MAX]);

/* query.c: the query words of one request, without their "?"; borrowed. */
struct query {
    const char *const *words;
    size_t n;
};
/* False when the operations do not fit the conditions. */
bool query_check(const struct query *q);
bool query_match(const struct query *q, const struct menu *m, const struct row *r);

/* One sentence taken apart; everything borrows from its words. */
struct request {
    struct config *c;
    const struct menu *m; /* NULL: the root */
    const char *verb;
    const char *tag;         /* NULL: none */
    struct config_arg *args; /* without those below; owned */
    size_t n_args;
    const char *items;     /* =.id= or =numbers=; NULL: not given */
    struct text item_list; /* behind ITEMS: several such words add up */
    const char *proplist;  /* NULL: all */
    const char **queries;  /* owned */
    size_t n_queries;
    uint32_t *ids; /* what ITEMS stands for; owned, NULL until resolved */
    size_t n_ids;
    struct text *out;
    struct config_error error;
};

/* session.c: replies, and what verbs share. Verbs answer themselves when all went well; false
 * leaves the reason in r->error, and the caller traps. */
void put_word(struct text *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void put_end(const struct request *r); /* tag and end of the sentence */
void put_done(const struct request *r, const char *ret);
bool trap(struct request *r, const char *argument, const char *message);
const char *arg_get(const struct request *r, const char *name);
/* All of the list or none: "*1,lan,*3" into r->ids. */
bool items_resolve(struct request *r, const char *list);
/* The items of a command that has to have some. */
bool items_needed(struct request *r);
bool only_args(struct request *r, const char *const *names);

/* verbs.c */
bool on_add(struct request *r);
bool on_set(struct request *r);
bool on_unset(struct request *r);
bool on_remove(struct request *r);
bool on_enable(struct request *r); /* and disable */
bool on_comment(struct request *r);
bool on_move(struct request *r);
bool on_menu_command(struct request *r);
/* show.c */
bool on_print(struct request *r);
bool on_find(struct request *r);
bool on_get(struct request *r);
bool on_export(struct request *r);
