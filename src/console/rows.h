/* Rows of a menu as the daemon gave them, and how their values read in the console. */
#pragma once

#include "call.h"

struct rows {
    struct api_reply reply;
};

/* The rows of a menu in its order. False: the run's problem is set. */
bool rows_fetch(struct call *call, const struct menu *m, struct rows *ret);
void rows_fini(struct rows *r);
size_t rows_count(const struct rows *r);
const struct api_sentence *rows_at(const struct rows *r, size_t i);
/* The row's *ID; 0 when it has none (single menus). */
uint32_t row_id(const struct api_sentence *row);
/* The value as the console spells it: yes and no for the API's true and false. NULL: not set. */
const char *row_value(const struct menu *m, const struct api_sentence *row, const char *name);
bool row_flag(const struct api_sentence *row, const char *name);
/* Pair I of the row ("=name=value"); false past the end. RET_NAME is LEN bytes. */
bool row_pair(const struct api_sentence *row, size_t *i, const char **ret_name, size_t *ret_len,
              const char **ret_value);
/* NAME is a property of true and false rather than text that happens to read so. */
bool property_is_boolean(const struct menu *m, const char *name);
