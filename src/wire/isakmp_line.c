#include "isakmp_line.h"

#include <stdarg.h>
#include <stdio.h>

struct line line_to(char *buf, size_t cap)
{
    *buf = 0;
    return (struct line){ buf, buf + cap - 1 };
}

void line_printf(struct line *l, const char *fmt, ...)
{
    size_t left = (size_t)(l->end - l->at);
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(l->at, left + 1, fmt, ap);
    va_end(ap);
    if (n > 0)
        l->at += (size_t)n < left ? (size_t)n : left;
}

void line_puts(struct line *l, const char *s)
{
    line_printf(l, "%s", s);
}

void line_escaped(struct line *l, struct slice s)
{
    for (size_t i = 0; i < s.len && l->at < l->end; i++) {
        uint8_t c = s.p[i];
        if (c < 0x20 || c >= 0x7f || c == '\\')
            line_printf(l, "\\%02X", c);
        else
            line_printf(l, "%c", c);
    }
}

void line_hex(struct line *l, struct slice s)
{
    for (size_t i = 0; i < s.len && l->at < l->end; i++)
        line_printf(l, "%02x", s.p[i]);
}
