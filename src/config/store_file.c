/* The store's file: folder and file are ours and nobody else can read them, a new file appears
 * whole or not at all, and a file that is not in order is refused before anything could write to
 * it (a write-capable connection would play a left-over journal into it). */
#include "store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char schema[] =
    "CREATE TABLE item(menu TEXT NOT NULL, id INTEGER NOT NULL, pos INTEGER NOT NULL,"
    " disabled INTEGER NOT NULL, comment TEXT NOT NULL, sum INTEGER NOT NULL,"
    " PRIMARY KEY(menu, id)) WITHOUT ROWID;"
    "CREATE TABLE value(menu TEXT NOT NULL, id INTEGER NOT NULL, property TEXT NOT NULL,"
    " value TEXT NOT NULL, PRIMARY KEY(menu, id, property)) WITHOUT ROWID;"
    "CREATE TABLE counter(menu TEXT PRIMARY KEY NOT NULL, next_id INTEGER NOT NULL)"
    " WITHOUT ROWID;";

static const char tables_query[] =
    "SELECT group_concat(sql, ';') || ';' FROM (SELECT sql FROM sqlite_schema"
    " WHERE sql IS NOT NULL ORDER BY rowid)";

static bool refuse(struct text *error, const char *path, const char *what)
{
    text_printf(error, "%s: %s", path, what);
    return false;
}

static char *path_join(const char *dir, const char *name)
{
    struct text t = TEXT_INIT;

    text_printf(&t, "%s/%s", dir, name);
    return text_take(&t);
}

/* Ours, of the kind wanted, closed to group and others. False with ENOENT when it is absent and
 * ABSENT_OK (error stays empty then). */
static bool guard(const char *path, mode_t kind, bool absent_ok, struct text *error)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        if (errno != ENOENT || !absent_ok)
            refuse(error, path, strerror(errno));
        return false;
    }
    if (S_ISLNK(st.st_mode))
        return refuse(error, path, "is a symbolic link");
    if ((st.st_mode & S_IFMT) != kind)
        return refuse(error, path, kind == S_IFDIR ? "is no folder" : "is no regular file");
    if (st.st_uid != geteuid())
        return refuse(error, path, "belongs to another user");
    if (st.st_mode & 077)
        return refuse(error, path, "group or others can read it; it holds keys (chmod go=)");
    if (kind == S_IFREG && st.st_nlink != 1)
        return refuse(error, path, "has a second name (hard link)");
    return true;
}

/* The folder's real path, so that links above it are the administrator's business; NULL. */
static char *folder_open(const char *state_dir, struct text *error)
{
    if (mkdir(state_dir, 0700) != 0 && errno != EEXIST) {
        refuse(error, state_dir, strerror(errno));
        return NULL;
    }
    if (!guard(state_dir, S_IFDIR, false, error))
        return NULL;
    char *real = realpath(state_dir, NULL);
    if (!real)
        refuse(error, state_dir, strerror(errno));
    return real;
}

static bool sql_failed(struct text *error, const char *path, sqlite3 *db, int rc)
{
    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        return refuse(error, path, "is in use by another process");
    if ((rc & 0xff) == SQLITE_READONLY)
        return refuse(error, path, "has a rollback journal left over, which is not ours");
    if (rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT)
        text_printf(error, "%s: is damaged (%s); it was left as it is", path, sqlite3_errmsg(db));
    else
        text_printf(error, "%s: %s", path, sqlite3_errmsg(db));
    return false;
}

/* First column of the first row; NULL ends in an error or in no row (RET_RC tells). */
static char *query_text(sqlite3 *db, const char *sql, int *ret_rc)
{
    sqlite3_stmt *st = NULL;
    char *answer = NULL;

    *ret_rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (*ret_rc == SQLITE_OK)
        *ret_rc = sqlite3_step(st);
    if (*ret_rc == SQLITE_ROW) {
        const unsigned char *s = sqlite3_column_text(st, 0);
        answer = xstrdup(s ? (const char *)s : "");
    }
    sqlite3_finalize(st);
    return answer;
}

static bool query_is(sqlite3 *db, const char *path, const char *sql, const char *want,
                     const char *otherwise, struct text *error)
{
    int rc;
    char *have = query_text(db, sql, &rc);
    bool same = have && strcmp(have, want) == 0;

    if (!have)
        sql_failed(error, path, db, rc);
    else if (!same)
        text_printf(error, "%s: %s; it was left as it is", path, otherwise);
    free(have);
    return same;
}

static bool version_check(sqlite3 *db, const char *path, struct text *error)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", STORE_APPLICATION_ID);
    if (!query_is(db, path, "PRAGMA application_id", number, "is no store of ours", error))
        return false;
    snprintf(number, sizeof(number), "%d", STORE_SCHEMA_VERSION);
    return query_is(db, path, "PRAGMA user_version", number,
                    "was written by another version of the program", error) &&
           query_is(db, path, tables_query, schema, "has other tables than ours", error);
}

/* Everything that can be judged without the right to write. */
static bool file_judge(const char *path, struct text *error)
{
    sqlite3 *db = NULL;
    struct stat st;
    bool ok = false;
    int rc;

    if (stat(path, &st) == 0 && st.st_size == 0)
        return refuse(error, path, "is empty: damaged; it was left as it is");
    rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc != SQLITE_OK)
        sql_failed(error, path, db, rc);
    else
        ok = query_is(db, path, "PRAGMA quick_check(1)", "ok", "is damaged", error) &&
             version_check(db, path, error);
    sqlite3_close(db);
    return ok;
}

static bool sql_run(sqlite3 *db, const char *path, const char *sql, struct text *error)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK || sql_failed(error, path, db, rc);
}

static bool folder_sync(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool tables_make(const char *path, struct text *error)
{
    sqlite3 *db = NULL;
    char numbers[96];

    snprintf(numbers, sizeof(numbers), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
             STORE_APPLICATION_ID, STORE_SCHEMA_VERSION);
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
    bool ok = rc == SQLITE_OK || sql_failed(error, path, db, rc);
    /* WAL from the first byte: the switch later would leave a rollback journal if cut short. */
    ok = ok &&
         sql_run(db, path,
                 "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                 "BEGIN IMMEDIATE;",
                 error) &&
         sql_run(db, path, numbers, error) && sql_run(db, path, schema, error) &&
         sql_run(db, path, "COMMIT", error);
    sqlite3_close(db);
    return ok;
}

/* Made under another name and renamed, so that a power cut leaves no half store. */
static bool file_make(const char *dir, const char *path, struct text *error)
{
    char *fresh = path_join(dir, "config.db.new");
    char *wal = path_join(dir, "config.db.new-wal");
    bool ok = false;

    unlink(fresh); /* of a start that was cut short */
    unlink(wal);
    int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        refuse(error, fresh, strerror(errno));
    else if (close(fd) != 0 || !tables_make(fresh, error))
        unlink(fresh);
    else if (rename(fresh, path) != 0 || !folder_sync(dir))
        refuse(error, path, strerror(errno));
    else
        ok = true;
    free(fresh);
    free(wal);
    return ok;
}

/* A journal without its file belongs to a store that was taken away; SQLite would play it into a
 * new one. */
static bool wal_alone_check(const char *dir, const char *path, struct text *error)
{
    char *wal = path_join(dir, "config.db-wal");
    bool alone = access(wal, F_OK) == 0;

    if (alone)
        text_printf(error, "%s: is missing, but its journal %s is there", path, wal);
    free(wal);
    return !alone;
}

static bool file_ready(const char *dir, const char *path, struct text *error)
{
    if (guard(path, S_IFREG, true, error))
        return file_judge(path, error);
    if (error->len > 0)
        return false;
    return wal_alone_check(dir, path, error) && file_make(dir, path, error);
}

sqlite3 *store_file_open(const char *state_dir, char **ret_path, struct text *error)
{
    char *dir = folder_open(state_dir, error);
    sqlite3 *db = NULL;

    if (!dir)
        return NULL;
    char *path = path_join(dir, "config.db");
    bool ok = file_ready(dir, path, error);
    if (ok) {
        int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
        ok = rc == SQLITE_OK || sql_failed(error, path, db, rc);
        /* Exclusive: a second daemon on this folder is refused. */
        ok = ok && sql_run(db, path,
                           "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
                           "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
                           "BEGIN EXCLUSIVE; COMMIT;",
                           error);
    }
    free(dir);
    if (!ok) {
        sqlite3_close(db);
        free(path);
        return NULL;
    }
    *ret_path = path;
    return db;
}
