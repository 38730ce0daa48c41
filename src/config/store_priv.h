/* Private to the store: the file around the tables. */
#pragma once

#include "text.h"

#include <sqlite3.h>
#include <stdbool.h>

enum {
    STORE_APPLICATION_ID = 0x53504c59, /* "SPLY" in the file's header */
    STORE_SCHEMA_VERSION = 1
};

/* A connection to STATE_DIR/config.db, made when absent, judged read-only first. NULL with a reason
 * that names the file; ret_path is the file's name for later messages (owned). */
sqlite3 *store_file_open(const char *state_dir, char **ret_path, struct text *error);
