/* Items in the tables of the store. Values are kept as the console's text, one row per property,
 * so that a new property needs no new schema. */
#include "store.h"

#include "hash.h"
#include "store_priv.h"

#include <stdlib.h>
#include <string.h>

enum statement { ST_PUT_ITEM, ST_PUT_VALUE, ST_DROP_ITEM, ST_DROP_VALUES, ST_COUNTER, ST_COUNT };

static const char *const statements[ST_COUNT] = {
    [ST_PUT_ITEM] = "INSERT OR REPLACE INTO item VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [ST_PUT_VALUE] = "INSERT INTO value(menu, id, property, value) VALUES(?1, ?2, ?3, ?4)",
    [ST_DROP_ITEM] = "DELETE FROM item WHERE menu = ?1 AND id = ?2",
    [ST_DROP_VALUES] = "DELETE FROM value WHERE menu = ?1 AND id = ?2",
    [ST_COUNTER] = "INSERT OR REPLACE INTO counter(menu, next_id) VALUES(?1, ?2)",
};

struct store {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *st[ST_COUNT];
};

/* The values of one item, in the order they are summed and stored. */
struct value_list {
    struct config_arg *v;
    size_t n, cap;
};

static void values_add(struct value_list *l, const char *name, const char *value)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 16;
        l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
    }
    l->v[l->n++] = (struct config_arg){ xstrdup(name), xstrdup(value) };
}

static void values_clear(struct value_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free((char *)l->v[i].name);
        free((char *)l->v[i].value);
    }
    l->n = 0;
}

static int value_order(const void *a, const void *b)
{
    return strcmp(((const struct config_arg *)a)->name, ((const struct config_arg *)b)->name);
}

/* Not against an attacker, who could write the sum as well: against a disk. */
static int64_t row_sum(const struct store_row *row)
{
    static const struct hash_key key = { 0x73616c6c79706f72, 0x742073746f726521 };
    struct text all = TEXT_INIT;

    text_printf(&all, "%s%c%u%c%lld%c%d%c%s%c", row->menu, 0, row->id, 0, (long long)row->pos, 0,
                row->disabled, 0, row->comment, 0);
    for (size_t i = 0; i < row->n_values; i++)
        text_printf(&all, "%s%c%s%c", row->values[i].name, 0, row->values[i].value, 0);
    int64_t sum = (int64_t)hash_bytes(&key, all.s, all.len);
    text_fini(&all);
    return sum;
}

static bool failed(struct store *s, struct text *error)
{
    text_printf(error, "%s: %s", s->path, sqlite3_errmsg(s->db));
    return false;
}

struct store *store_open(const char *state_dir, struct text *error)
{
    char *path;
    sqlite3 *db = store_file_open(state_dir, &path, error);

    if (!db)
        return NULL;
    struct store *s = xcalloc(1, sizeof(*s));
    s->db = db;
    s->path = path;
    for (int i = 0; i < ST_COUNT; i++) {
        if (sqlite3_prepare_v3(db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &s->st[i], NULL) !=
            SQLITE_OK) {
            failed(s, error);
            store_close(s);
            return NULL;
        }
    }
    return s;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (int i = 0; i < ST_COUNT; i++)
        sqlite3_finalize(s->st[i]);
    sqlite3_close(s->db);
    free(s->path);
    free(s);
}

static const char *column(sqlite3_stmt *st, int i)
{
    const unsigned char *s = sqlite3_column_text(st, i);

    return s ? (const char *)s : "";
}

static bool load_values(struct store *s, sqlite3_stmt *st, const struct store_row *row,
                        struct value_list *l)
{
    int rc;

    sqlite3_reset(st);
    sqlite3_bind_text(st, 1, row->menu, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(st, 2, row->id);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        values_add(l, column(st, 0), column(st, 1));
    if (l->n > 0)
        qsort(l->v, l->n, sizeof(*l->v), value_order);
    (void)s;
    return rc == SQLITE_DONE;
}

static bool load_item(struct store *s, sqlite3_stmt *items, sqlite3_stmt *values, size_t *n_values,
                      void *ctx,
                      bool (*on_item)(void *ctx, const struct store_row *row, struct text *error),
                      struct text *error)
{
    struct value_list l = { 0 };
    struct store_row row = { .menu = column(items, 0),
                             .id = (uint32_t)sqlite3_column_int64(items, 1),
                             .pos = sqlite3_column_int64(items, 2),
                             .disabled = sqlite3_column_int64(items, 3) != 0,
                             .comment = column(items, 4) };
    bool ok = load_values(s, values, &row, &l);

    row.values = l.v;
    row.n_values = l.n;
    *n_values += l.n;
    if (!ok) {
        failed(s, error);
    } else if (row_sum(&row) != sqlite3_column_int64(items, 5)) {
        text_printf(error, "entry *%X of \"", row.id);
        text_put_escaped(error, row.menu, strlen(row.menu));
        text_puts(error, "\" does not fit its checksum");
        ok = false;
    } else {
        ok = on_item(ctx, &row, error);
    }
    values_clear(&l);
    free(l.v);
    return ok;
}

static bool load_items(struct store *s, void *ctx,
                       bool (*on_item)(void *ctx, const struct store_row *row, struct text *error),
                       struct text *error)
{
    sqlite3_stmt *items = NULL, *values = NULL, *count = NULL;
    size_t n_values = 0;
    int rc = SQLITE_DONE;
    bool ok =
        sqlite3_prepare_v2(s->db,
                           "SELECT menu, id, pos, disabled, comment, sum FROM item"
                           " ORDER BY menu, pos, id",
                           -1, &items, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(s->db, "SELECT property, value FROM value WHERE menu = ?1 AND id = ?2",
                           -1, &values, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(s->db, "SELECT count(*) FROM value", -1, &count, NULL) == SQLITE_OK;

    if (!ok)
        failed(s, error);
    while (ok && (rc = sqlite3_step(items)) == SQLITE_ROW)
        ok = load_item(s, items, values, &n_values, ctx, on_item, error);
    if (ok && rc != SQLITE_DONE)
        ok = failed(s, error);
    if (ok && sqlite3_step(count) != SQLITE_ROW)
        ok = failed(s, error);
    if (ok && (size_t)sqlite3_column_int64(count, 0) != n_values) {
        text_puts(error, "values without an entry");
        ok = false;
    }
    sqlite3_finalize(items);
    sqlite3_finalize(values);
    sqlite3_finalize(count);
    return ok;
}

static bool load_counters(struct store *s, void *ctx,
                          bool (*on_counter)(void *ctx, const char *menu, uint32_t next_id,
                                             struct text *error),
                          struct text *error)
{
    sqlite3_stmt *st = NULL;
    int rc = SQLITE_DONE;
    bool ok =
        sqlite3_prepare_v2(s->db, "SELECT menu, next_id FROM counter", -1, &st, NULL) == SQLITE_OK;

    if (!ok)
        failed(s, error);
    while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW)
        ok = on_counter(ctx, column(st, 0), (uint32_t)sqlite3_column_int64(st, 1), error);
    if (ok && rc != SQLITE_DONE)
        ok = failed(s, error);
    sqlite3_finalize(st);
    return ok;
}

bool store_load(struct store *s, void *ctx,
                bool (*on_item)(void *ctx, const struct store_row *row, struct text *error),
                bool (*on_counter)(void *ctx, const char *menu, uint32_t next_id,
                                   struct text *error),
                struct text *error)
{
    struct text why = TEXT_INIT;
    bool ok = load_items(s, ctx, on_item, &why) && load_counters(s, ctx, on_counter, &why);

    if (!ok)
        text_printf(error, "%s: is damaged (%s); it was left as it is", s->path, text_get(&why));
    text_fini(&why);
    return ok;
}

static bool statement_run(struct store *s, sqlite3_stmt *st, struct text *error)
{
    bool ok = sqlite3_step(st) == SQLITE_DONE;

    if (!ok)
        failed(s, error);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return ok;
}

/* The statement, with menu and id bound as its first two parameters. */
static sqlite3_stmt *statement(struct store *s, enum statement which, const char *menu, int64_t id)
{
    sqlite3_stmt *st = s->st[which];

    sqlite3_bind_text(st, 1, menu, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, id);
    return st;
}

static bool exec(struct store *s, const char *sql, struct text *error)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || failed(s, error);
}

bool store_begin(struct store *s, struct text *error)
{
    return exec(s, "BEGIN IMMEDIATE", error);
}

static void values_of_item(const struct store_item *item, struct value_list *l)
{
    struct text value = TEXT_INIT;

    for (const struct prop *p = item->menu->props; p->name; p++) {
        if (p->type == PT_LIVE || (p->flags & P_PART))
            continue;
        text_clear(&value);
        if (prop_format_stored(p, item->data, &value))
            values_add(l, p->name, text_get(&value));
    }
    if (l->n > 0)
        qsort(l->v, l->n, sizeof(*l->v), value_order);
    text_fini(&value);
}

static bool put_values(struct store *s, const struct store_row *row, struct text *error)
{
    for (size_t i = 0; i < row->n_values; i++) {
        sqlite3_stmt *st = statement(s, ST_PUT_VALUE, row->menu, row->id);
        sqlite3_bind_text(st, 3, row->values[i].name, -1, SQLITE_STATIC);
        sqlite3_bind_text(st, 4, row->values[i].value, -1, SQLITE_STATIC);
        if (!statement_run(s, st, error))
            return false;
    }
    return true;
}

bool store_put(struct store *s, const struct store_item *item, struct text *error)
{
    struct value_list l = { 0 };

    values_of_item(item, &l);
    const struct store_row row = { .menu = item->menu->path,
                                   .id = item->id,
                                   .pos = item->pos,
                                   .disabled = item->disabled,
                                   .comment = item->comment,
                                   .values = l.v,
                                   .n_values = l.n };
    sqlite3_stmt *st = statement(s, ST_PUT_ITEM, row.menu, row.id);
    sqlite3_bind_int64(st, 3, row.pos);
    sqlite3_bind_int64(st, 4, row.disabled);
    sqlite3_bind_text(st, 5, row.comment, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 6, row_sum(&row));
    bool ok = statement_run(s, st, error) &&
              statement_run(s, statement(s, ST_DROP_VALUES, row.menu, row.id), error) &&
              put_values(s, &row, error);
    values_clear(&l);
    free(l.v);
    return ok;
}

bool store_remove(struct store *s, const char *menu, uint32_t id, struct text *error)
{
    return statement_run(s, statement(s, ST_DROP_VALUES, menu, id), error) &&
           statement_run(s, statement(s, ST_DROP_ITEM, menu, id), error);
}

bool store_counter(struct store *s, const char *menu, uint32_t next_id, struct text *error)
{
    return statement_run(s, statement(s, ST_COUNTER, menu, next_id), error);
}

bool store_commit(struct store *s, struct text *error)
{
    if (exec(s, "COMMIT", error))
        return true;
    store_rollback(s);
    return false;
}

void store_rollback(struct store *s)
{
    struct text ignored = TEXT_INIT;

    if (!sqlite3_get_autocommit(s->db)) /* SQLite rolls some failures back by itself */
        exec(s, "ROLLBACK", &ignored);
    text_fini(&ignored);
}
