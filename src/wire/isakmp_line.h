/* Text into a bounded buffer, always terminated; what does not fit is cut. Foreign bytes go through
 * line_escaped() or line_hex() only. */
#pragma once

#include "slice.h"

struct line {
    char *at, *end; /* end: where the NUL fits last */
};

/* CAP is at least 1. */
struct line line_to(char *buf, size_t cap);
void line_puts(struct line *l, const char *s);
void line_printf(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Control, non-ASCII bytes and the backslash as \XX. */
void line_escaped(struct line *l, struct slice s);
void line_hex(struct line *l, struct slice s);
