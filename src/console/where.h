/* Conditions of find and `print where`: name=value, != < > <= >= ~ "regex", a bare flag, `!`,
 * and, or, parentheses; `and` (or nothing) binds tighter than `or`. */
#pragma once

#include "call.h"

struct where;

/* From the words of the call; NULL with the problem set. No words: everything fits. */
struct where *where_new(struct call *call);
void where_free(struct where *w);
bool where_fits(const struct where *w, const struct api_sentence *row);
