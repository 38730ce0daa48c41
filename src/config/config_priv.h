/* Private to src/config: the items in memory and the log of changes not yet final. */
#pragma once

#include "config.h"
#include "store.h"

/* First id of items the daemon made; typed ones count up from 1 and are kept by the store. */
#define DYNAMIC_ID_FIRST UINT32_C(0x80000000)

/* POS orders the items in the store, with gaps so that a move writes one row. */
struct node {
    struct item item; /* first: an item of ours is its node */
    int64_t pos;
    struct node *next; /* of those in the same bucket of the list's index */
};

struct list {
    const struct menu *menu;
    struct item **items; /* typed ones in order, then the daemon's */
    size_t n, n_typed, cap;
    struct node **by_id; /* buckets, a power of two; ids are given out one after the other */
    size_t n_buckets;
    uint32_t next_id, next_dynamic_id;
};

/* What an item was before a change. */
struct undo {
    enum config_op op;
    struct list *list;
    struct item *item;
    bool due;     /* the gateway has to follow it */
    bool applied; /* and does already */
    bool disabled;
    char *comment;
    void *data;   /* NULL: untouched */
    size_t index; /* OP_REMOVE, OP_MOVE */
    int64_t pos;
};

struct config {
    struct config_hooks hooks;
    struct store *store; /* NULL: memory only */
    struct list *lists;
    size_t n_lists;
    struct undo *log;
    size_t n_log, cap_log;
    bool batch, batch_failed;
    bool writing; /* the store's transaction is open */
};

/* item.c: items and lists, nothing stored, nobody told. */
void *item_data_new(const struct config *c, const struct menu *m);
void *item_data_copy(const struct menu *m, const void *data);
void item_data_free(const struct menu *m, void *data);
struct item *item_new(uint32_t id, void *data);
void item_free(const struct menu *m, struct item *item);
void list_insert(struct list *l, size_t index, struct item *item);
void list_take(struct list *l, size_t index);
size_t list_index(const struct list *l, const struct item *item);
struct item *list_find_id(const struct list *l, uint32_t id);
struct list *list_of(const struct config *c, const struct menu *m);
int64_t *item_pos(struct item *item);
/* By its name one of those that are always there. */
bool item_is_builtin(const struct menu *m, const struct item *item);
const struct prop *menu_name_prop(const struct menu *m);
struct config *config_new(const struct config_hooks *hooks);

/* change.c: the log of changes. */
size_t change_start(struct config *c);
/* Logs OP on ITEM before it happens; the caller then changes it. */
struct undo *change_log(struct config *c, enum config_op op, struct list *l, struct item *item);
/* The item as it now is goes to the store. */
bool change_store(struct config *c, struct undo *u, struct config_error *e);
/* The gateway is told, when a batch runs at its end. */
bool change_apply(struct config *c, struct undo *u, struct config_error *e);
bool change_finish(struct config *c, size_t mark, bool ok, struct config_error *e);

/* args.c: arguments onto an item. */
struct item_args {
    const struct config_arg *v;
    size_t n;
    bool adding; /* place-before and copy-from are taken, found by args_get */
};
const char *args_get(const struct item_args *a, const char *name);
bool args_to_item(const struct config *c, const struct list *l, struct item *item,
                  const struct item_args *a, struct config_error *e);
/* Arguments of a menu's own command, into ARGS with the defaults set. */
bool args_to_command(const struct menu_command *mc, void *args, const struct config_arg *v,
                     size_t n, struct config_error *e);
bool fail_value(struct config_error *e, const struct prop *p, enum value_error v);
bool fail(struct config_error *e, const char *arg, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
