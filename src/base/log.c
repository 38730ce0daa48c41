#include "log.h"

#include "text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"
};

/* Set once at start-up, before any thread; the only mutable global of the project. */
static enum log_level threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
    threshold = level;
}

bool log_level_from_text(const char *text, enum log_level *ret)
{
    for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
        if (strcmp(text, level_names[i]) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    return false;
}

void log_write(enum log_level level, const char *topic, const char *fmt, ...)
{
    char body[1024];
    struct text line = TEXT_INIT;
    va_list ap;

    if (level > threshold)
        return;
    va_start(ap, fmt);
    vsnprintf(body, sizeof(body), fmt, ap);
    va_end(ap);
    text_printf(&line, "%s %s: ", level_names[level], topic);
    text_put_escaped(&line, body, strlen(body));
    text_putc(&line, '\n');
    /* One write, so that lines of several threads stay whole. Nobody to tell if it fails. */
    if (write(STDERR_FILENO, line.s, line.len) < 0) {
    }
    text_fini(&line);
}
