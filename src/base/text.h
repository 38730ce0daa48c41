/* A growing text: owns its bytes, always NUL-terminated, never fails short of memory's end. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
    char *s; /* NULL while nothing was written; use text_get() */
    size_t len, cap;
};

#define TEXT_INIT                                                                                  \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void text_fini(struct text *t);
void text_clear(struct text *t);
const char *text_get(const struct text *t);
char *text_take(struct text *t); /* the caller owns (free) the result; T is empty again */
void text_add(struct text *t, const char *bytes, size_t len);
void text_puts(struct text *t, const char *s);
void text_putc(struct text *t, char c);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As text_puts, with control and non-ASCII bytes as \XX: for text that came from outside. */
void text_put_escaped(struct text *t, const char *s, size_t len);

/* xmalloc family: memory of bounded size asked by our own code; ends the process when there is
 * none, which leaves steering in place (fail closed). */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
