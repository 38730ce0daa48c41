/* A daemon without a gateway, for tests of the console: the real configuration and API in memory,
 * with live rows that a test writes down. */
#pragma once

#include "api.h"

struct backend;

struct backend *backend_new(const char *identity);
void backend_free(struct backend *b);
struct config *backend_config(struct backend *b);
unsigned backend_applies(const struct backend *b); /* how often a gateway had to follow */

/* A client whose other end is served by a thread of the backend. One at a time; freed by the
 * caller before the backend. */
struct api_client *backend_connect(struct backend *b);

/* A row of a live menu: "spi=E727605;ESP=true;addtime=jan/28/2003 20:55:12". */
void backend_add_row(struct backend *b, const char *menu_path, const char *pairs);
void backend_clear_rows(struct backend *b);
/* The last-error of every policy and peer; NULL: none. */
void backend_last_error(struct backend *b, const char *text);
