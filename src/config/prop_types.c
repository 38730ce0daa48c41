/* Property types without a network meaning: yes/no, numbers, text, names, enumerations, sets and
 * references. */
#include "prop_ops.h"
#include "secret.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES_MAX = 127 };

static int digit_value(char c, unsigned base)
{
    int v = c >= '0' && c <= '9'   ? c - '0'
            : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                   : 16;
    return v < (int)base ? v : -1;
}

enum value_error number_parse(const char *s, size_t len, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = len > 0 && s[0] == '-';
    size_t i = negative ? 1 : 0;
    unsigned base = 10;
    uint64_t v = 0;
    bool huge = false;

    if (!negative && len > 2 && s[0] == '0' && s[1] == 'x') {
        base = 16;
        i = 2;
    }
    if (i == len)
        return VALUE_INVALID;
    for (; i < len; i++) {
        int d = digit_value(s[i], base);
        if (d < 0)
            return VALUE_INVALID;
        if (v > (UINT64_MAX - (unsigned)d) / base)
            huge = true; /* keep reading: "99...9x" is no number at all */
        else
            v = v * base + (unsigned)d;
    }
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    if (huge || v > limit)
        return VALUE_RANGE;
    int64_t n = negative ? (int64_t)(0 - v) : (int64_t)v;
    if (n < min || n > max)
        return VALUE_RANGE;
    *ret = n;
    return VALUE_OK;
}

static bool word_is(const char *word, const char *s, size_t len)
{
    return strlen(word) == len && memcmp(word, s, len) == 0;
}

int name_index(const struct prop *p, const char *s, size_t len)
{
    const char *name = NULL;

    for (size_t i = 0; p->synonyms && p->synonyms[i]; i += 2) {
        if (word_is(p->synonyms[i], s, len))
            name = p->synonyms[i + 1];
    }
    for (int i = 0; p->names[i]; i++) {
        if (word_is(p->names[i], s, len) || (name && strcmp(p->names[i], name) == 0))
            return i;
    }
    return -1;
}

static enum value_error bool_parse(const struct prop *p, const char *s, void *field)
{
    (void)p;
    if (strcmp(s, "yes") == 0 || strcmp(s, "true") == 0)
        *(bool *)field = true;
    else if (strcmp(s, "no") == 0 || strcmp(s, "false") == 0)
        *(bool *)field = false;
    else
        return VALUE_NO_MATCH;
    return VALUE_OK;
}

static bool bool_format(const struct prop *p, const void *field, struct text *out)
{
    (void)p;
    text_puts(out, *(const bool *)field ? "yes" : "no");
    return true;
}

static enum value_error int_parse(const struct prop *p, const char *s, void *field)
{
    bool any = p->min == 0 && p->max == 0;

    return number_parse(s, strlen(s), any ? INT64_MIN : p->min, any ? INT64_MAX : p->max, field);
}

static bool int_format(const struct prop *p, const void *field, struct text *out)
{
    (void)p;
    text_printf(out, "%" PRId64, *(const int64_t *)field);
    return true;
}

static void text_field_set(const struct prop *p, void *field, const char *s)
{
    char **text = field;
    char *copy = xstrdup(s);

    if (*text && (p->flags & P_SENSITIVE))
        secret_wipe(*text, strlen(*text));
    free(*text);
    *text = copy;
}

static bool key_from_hex(const char *s, size_t digits, struct secret *ret)
{
    if (digits == 0 || digits % 2 || digits > 2 * sizeof(ret->b))
        return false;
    for (size_t i = 0; i < digits; i += 2) {
        int hi = digit_value(s[i], 16), lo = digit_value(s[i + 1], 16);
        if (hi < 0 || lo < 0)
            return false;
        ret->b[i / 2] = (uint8_t)(hi << 4 | lo);
    }
    ret->len = (uint8_t)(digits / 2);
    return true;
}

bool key_text_to_secret(const char *s, struct secret *ret)
{
    size_t len = strlen(s);

    *ret = (struct secret){ .len = 0 };
    if (strncmp(s, "0x", 2) == 0)
        return key_from_hex(s + 2, len - 2, ret);
    if (len > sizeof(ret->b))
        return false;
    memcpy(ret->b, s, len);
    ret->len = (uint8_t)len;
    return true;
}

static bool is_key_text(const char *s)
{
    struct secret key;
    bool ok = key_text_to_secret(s, &key);

    secret_wipe(&key, sizeof(key));
    return ok;
}

static enum value_error text_parse(const struct prop *p, const char *s, void *field)
{
    if (strlen(s) > PROP_TEXT_MAX || ((p->flags & P_KEY_TEXT) && !is_key_text(s)))
        return VALUE_INVALID;
    text_field_set(p, field, s);
    return VALUE_OK;
}

static bool text_format(const struct prop *p, const void *field, struct text *out)
{
    const char *s = *(char *const *)field;

    if (!s || (!*s && !p->def))
        return false;
    text_puts(out, s);
    return true;
}

/* A name must not read as a list (comma), an internal id (*1A) or "no item" (none), and must be
 * fit for a terminal. */
static enum value_error name_parse(const struct prop *p, const char *s, void *field)
{
    size_t len = strlen(s);

    if (len == 0 || len > NAME_BYTES_MAX || s[0] == '*' || strcmp(s, "none") == 0)
        return VALUE_INVALID;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f || c == ',')
            return VALUE_INVALID;
    }
    text_field_set(p, field, s);
    return VALUE_OK;
}

static enum value_error enum_parse(const struct prop *p, const char *s, void *field)
{
    int i = name_index(p, s, strlen(s));

    if (i < 0)
        return VALUE_NO_MATCH;
    *(uint8_t *)field = (uint8_t)i;
    return VALUE_OK;
}

static bool enum_format(const struct prop *p, const void *field, struct text *out)
{
    text_puts(out, p->names[*(const uint8_t *)field]);
    return true;
}

static enum value_error set_parse(const struct prop *p, const char *s, void *field)
{
    uint32_t bits = 0;

    if (!*s && !(p->flags & P_NONE_OK))
        return VALUE_NO_MATCH;
    while (*s) {
        size_t len = strcspn(s, ",");
        int i = name_index(p, s, len);
        if (i < 0 || (s[len] == ',' && !s[len + 1]))
            return VALUE_NO_MATCH;
        bits |= UINT32_C(1) << i;
        s += len + (s[len] == ',');
    }
    *(uint32_t *)field = bits;
    return VALUE_OK;
}

static bool set_format(const struct prop *p, const void *field, struct text *out)
{
    uint32_t bits = *(const uint32_t *)field;
    const char *sep = "";

    for (int i = 0; p->names[i]; i++) {
        if (bits >> i & 1) {
            text_printf(out, "%s%s", sep, p->names[i]);
            sep = ",";
        }
    }
    return true;
}

/* Whether the item exists is config.c's question. */
static enum value_error ref_parse(const struct prop *p, const char *s, void *field)
{
    if (!*s || strlen(s) > PROP_TEXT_MAX || (strcmp(s, "none") == 0 && !(p->flags & P_NONE_OK)))
        return VALUE_NO_MATCH;
    text_field_set(p, field, s);
    return VALUE_OK;
}

static enum value_error live_parse(const struct prop *p, const char *s, void *field)
{
    (void)p, (void)s, (void)field;
    return VALUE_INVALID;
}

static bool live_format(const struct prop *p, const void *field, struct text *out)
{
    (void)p, (void)field, (void)out;
    return false;
}

const struct prop_ops prop_bool_ops = { sizeof(bool), false, bool_parse, bool_format };
const struct prop_ops prop_int_ops = { sizeof(int64_t), false, int_parse, int_format };
const struct prop_ops prop_text_ops = { sizeof(char *), true, text_parse, text_format };
const struct prop_ops prop_name_ops = { sizeof(char *), true, name_parse, text_format };
const struct prop_ops prop_enum_ops = { sizeof(uint8_t), false, enum_parse, enum_format };
const struct prop_ops prop_set_ops = { sizeof(uint32_t), false, set_parse, set_format };
const struct prop_ops prop_ref_ops = { sizeof(char *), true, ref_parse, text_format };
const struct prop_ops prop_live_ops = { 0, false, live_parse, live_format };
