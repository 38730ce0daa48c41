/* The log sink: one line per event, "level topic: text", to standard error by default.
 * Inner code never logs above debug; the edge (driver, console, daemon) logs once. */
#pragma once

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
bool log_level_from_text(const char *text, enum log_level *ret);
void log_write(enum log_level level, const char *topic, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(topic, ...)   log_write(LOG_ERROR, topic, __VA_ARGS__)
#define log_warning(topic, ...) log_write(LOG_WARNING, topic, __VA_ARGS__)
#define log_info(topic, ...)    log_write(LOG_INFO, topic, __VA_ARGS__)
#define log_debug(topic, ...)   log_write(LOG_DEBUG, topic, __VA_ARGS__)
