/* Time spans: 1w2d3h4m5s, 00:30:00, 1d02:00:00, a bare number of seconds. Whole seconds. */
#include "prop_ops.h"

#include <inttypes.h>
#include <string.h>

static const struct unit {
    const char *name;
    int64_t seconds;
} units[] = {
    { "w", 604800 },   { "week", 604800 }, { "weeks", 604800 }, { "d", 86400 },    { "day", 86400 },
    { "days", 86400 }, { "h", 3600 },      { "hour", 3600 },    { "hours", 3600 }, { "m", 60 },
    { "min", 60 },     { "minute", 60 },   { "minutes", 60 },   { "s", 1 },        { "sec", 1 },
    { "second", 1 },   { "seconds", 1 },
};

static size_t digits_len(const char *s)
{
    return strspn(s, "0123456789");
}

static bool add_span(int64_t *total, int64_t n, int64_t seconds)
{
    int64_t span;

    return !__builtin_mul_overflow(n, seconds, &span) &&
           !__builtin_add_overflow(*total, span, total);
}

/* ":MM" or ":MM:SS" behind the hours. */
static bool clock_rest(const char *s, int64_t *ret_s)
{
    int64_t total = 0, scale = 60;

    for (; *s; s += 3, scale /= 60) {
        if (s[0] != ':' || digits_len(s + 1) != 2 || s[1] > '5' || scale == 0)
            return false;
        total += ((s[1] - '0') * 10 + (s[2] - '0')) * scale;
    }
    *ret_s = total;
    return true;
}

static int64_t unit_seconds(const char *s, size_t len)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].name) == len && memcmp(units[i].name, s, len) == 0)
            return units[i].seconds;
    }
    return 0;
}

static enum value_error span_parse(const char *s, int64_t *ret_s)
{
    int64_t total = 0, last = INT64_MAX, n, rest;
    enum value_error worst = *s ? VALUE_OK : VALUE_INVALID;

    for (bool first = true; *s; first = false) {
        size_t digits = digits_len(s);
        enum value_error e = number_parse(s, digits, 0, INT64_MAX, &n);
        if (e == VALUE_INVALID)
            return VALUE_INVALID;
        if (e == VALUE_RANGE) {
            worst = VALUE_RANGE; /* keep reading: the rest may make it no time at all */
            n = 0;
        }
        s += digits;
        if (*s == ':') {
            if (last <= 3600 || !clock_rest(s, &rest))
                return VALUE_INVALID;
            if (!add_span(&total, n, 3600) || !add_span(&total, rest, 1))
                worst = VALUE_RANGE;
            break;
        }
        size_t letters = strspn(s, "abcdefghijklmnopqrstuvwxyz");
        int64_t seconds = first && !*s ? 1 : unit_seconds(s, letters);
        if (seconds == 0 || seconds >= last)
            return VALUE_INVALID;
        if (!add_span(&total, n, seconds))
            worst = VALUE_RANGE;
        last = seconds;
        s += letters;
    }
    if (worst == VALUE_OK)
        *ret_s = total;
    return worst;
}

bool time_from_text(const char *s, int64_t *ret_s)
{
    return span_parse(s, ret_s) == VALUE_OK;
}

void time_to_text(int64_t seconds, struct text *out)
{
    static const struct unit parts[] = {
        { "w", 604800 }, { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }
    };

    if (seconds == 0)
        text_puts(out, "0s");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (seconds >= parts[i].seconds)
            text_printf(out, "%" PRId64 "%s", seconds / parts[i].seconds, parts[i].name);
        seconds %= parts[i].seconds;
    }
}

static enum value_error time_parse(const struct prop *p, const char *s, void *field)
{
    int64_t v;
    enum value_error e = span_parse(s, &v);

    if (e != VALUE_OK)
        return e;
    if ((p->min != 0 || p->max != 0) && (v < p->min || v > p->max))
        return VALUE_RANGE;
    *(int64_t *)field = v;
    return VALUE_OK;
}

static bool time_format(const struct prop *p, const void *field, struct text *out)
{
    (void)p;
    time_to_text(*(const int64_t *)field, out);
    return true;
}

const struct prop_ops prop_time_ops = { sizeof(int64_t), false, time_parse, time_format };
