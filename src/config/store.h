/* Private to src/config: the SQLite file STATE_DIR/config.db. One transaction per command, on the
 * disk when commit returns (WAL, synchronous=FULL). The folder is 0700 and the file 0600, ours
 * alone. Every item carries a checksum, because a flipped bit in an address is still an address. */
#pragma once

#include "config.h"

struct store;

struct store_item {
    const struct menu *menu;
    uint32_t id;
    int64_t pos;
    bool disabled;
    const char *comment;
    const void *data;
};

/* What was read of one item; borrowed, valid during the call. */
struct store_row {
    const char *menu;
    uint32_t id;
    int64_t pos;
    bool disabled;
    const char *comment;
    const struct config_arg *values;
    size_t n_values;
};

/* Opens or makes the store. A file that is damaged, newer or not ours is refused, and keeps every
 * byte. */
struct store *store_open(const char *state_dir, struct text *error);
void store_close(struct store *s);
/* Items in order of menu and position, then the counters. ON_ITEM false: stops, ERROR is set. */
bool store_load(struct store *s, void *ctx,
                bool (*on_item)(void *ctx, const struct store_row *row, struct text *error),
                bool (*on_counter)(void *ctx, const char *menu, uint32_t next_id,
                                   struct text *error),
                struct text *error);
/* Writing; false with the reason in ERROR. */
bool store_begin(struct store *s, struct text *error);
bool store_put(struct store *s, const struct store_item *item, struct text *error);
bool store_remove(struct store *s, const char *menu, uint32_t id, struct text *error);
bool store_counter(struct store *s, const char *menu, uint32_t next_id, struct text *error);
bool store_commit(struct store *s, struct text *error);
void store_rollback(struct store *s);
