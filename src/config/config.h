/* The configuration: items of every menu in memory, kept in an SQLite store, changed one command
 * at a time, all or nothing. One thread. The daemon is told through hooks and can refuse. */
#pragma once

#include "menu.h"
#include "model.h"

struct config;

struct item {
    uint32_t id; /* never reused; printed as *HEX */
    bool disabled;
    bool dynamic;  /* made by the daemon: not stored, cannot be changed */
    char *comment; /* owned, never NULL */
    void *data;    /* the menu's item struct */
    uint32_t slot; /* for the daemon: data-path slot of a policy, UINT32_MAX none */
};

struct config_arg {
    const char *name, *value;
};

enum config_op { OP_LOAD, OP_ADD, OP_SET, OP_REMOVE, OP_ENABLE, OP_DISABLE, OP_MOVE, OP_COMMENT };

struct config_change {
    enum config_op op;
    const struct menu *menu;
    struct item *item; /* after the change; OP_REMOVE: the item that goes, still valid */
};

/* One row of a live menu, filled by the daemon. */
struct live_row;
void live_row_set(struct live_row *row, const char *prop, const char *value);

struct config_hooks {
    void *ctx;
    /* Make the gateway follow the configuration as it now stands in C: once for a command, or for
     * several between config_begin and config_end, with all changes in their order. False: nothing
     * has changed and the command fails with "failure: REASON". Not called for OP_COMMENT. Called
     * once more, its answer ignored, when changes already applied have to be taken back. OP_LOAD:
     * menu and item are NULL. */
    bool (*apply)(void *ctx, struct config *c, const struct config_change *changes, size_t n,
                  struct text *reason);
    /* Value of a read-only property (PT_LIVE) of a stored item, yes or no for flags; false: not
     * set. */
    bool (*live)(void *ctx, const struct menu *m, const struct item *item, const struct prop *p,
                 struct text *out);
    /* Rows of a live menu, in order: call EMIT for each with a stable id > 0. A M_SINGLE live menu
     * has one row. */
    void (*rows)(void *ctx, const struct menu *m,
                 struct live_row *(*emit)(void *emit_ctx, uint32_t id), void *emit_ctx);
    /* A menu's own command; false with "failure: ..." or another whole sentence in ERROR. */
    bool (*command)(void *ctx, const struct menu *m, const char *command, const void *args,
                    struct text *error);
    /* What a name stands for when unset, e.g. the host name of /system identity. */
    const char *default_identity;
};

/* Opens or makes STATE_DIR/config.db. A damaged store is refused with a text that names the file,
 * and the file stays as it is. Calls apply once with OP_LOAD. */
struct config *config_open(const char *state_dir, const struct config_hooks *hooks,
                           struct text *error);
struct config *config_open_memory(const struct config_hooks *hooks); /* tests */
void config_close(struct config *c);

/* Errors are the whole sentences of the reference product; ARG names the argument at fault so that
 * the console can point at it. The caller owns TEXT, which starts empty. All or nothing. */
struct config_error {
    struct text text;
    const char *arg; /* borrowed from the tables or the arguments, NULL: none in particular */
};

/* add takes place-before= (item) and copy-from= beside properties. */
bool config_add(struct config *c, const struct menu *m, const struct config_arg *args, size_t n,
                uint32_t *ret_id, struct config_error *e);
/* "!name" as an argument name unsets. M_SINGLE menus: id 0. */
bool config_set(struct config *c, const struct menu *m, uint32_t id, const struct config_arg *args,
                size_t n, struct config_error *e);
bool config_remove(struct config *c, const struct menu *m, uint32_t id, struct config_error *e);
bool config_enable(struct config *c, const struct menu *m, uint32_t id, bool enable,
                   struct config_error *e);
bool config_comment(struct config *c, const struct menu *m, uint32_t id, const char *text,
                    struct config_error *e);
/* Before item BEFORE_ID, 0 = to the end. */
bool config_move(struct config *c, const struct menu *m, uint32_t id, uint32_t before_id,
                 struct config_error *e);
bool config_command(struct config *c, const struct menu *m, const char *command,
                    const struct config_arg *args, size_t n, struct config_error *e);

/* Several changes as one: the gateway follows when the last of them is made, and config_end with
 * KEEP false takes all of them back, as it does when the gateway or the store refuses. No nesting.
 */
void config_begin(struct config *c);
bool config_end(struct config *c, bool keep, struct config_error *e);

/* Reading. Order is list order, dynamic items last. */
size_t config_count(const struct config *c, const struct menu *m);
struct item *config_item_at(const struct config *c, const struct menu *m, size_t index);
struct item *config_find_id(const struct config *c, const struct menu *m, uint32_t id);
struct item *config_find_name(const struct config *c, const struct menu *m, const char *name);
/* "*1A" or a name; list numbers are the console's. */
struct item *config_resolve(const struct config *c, const struct menu *m, const char *ref);

/* Whole rows as text, live menus and live properties included: each property that is set, also
 * disabled, dynamic and comment. Booleans, flags among them, are true and false. Id 0: no id
 * (single menus). */
struct config_row_visitor {
    void *ctx;
    void (*begin)(void *ctx, uint32_t id);
    void (*prop)(void *ctx, const char *name, const char *value);
    void (*end)(void *ctx);
};
void config_rows(struct config *c, const struct menu *m, const struct config_row_visitor *v);

/* Daemon-made items (generated policies): not stored. */
struct item *config_add_dynamic(struct config *c, const struct menu *m, const void *data);
void config_remove_dynamic(struct config *c, const struct menu *m, uint32_t id);

/* The text form: what import reads again. MENU NULL: everything. */
void config_export(struct config *c, const struct menu *m, const char *identity, struct text *out);
