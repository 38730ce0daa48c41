/* Property types with a value per direction, "in/out"; one value alone is for both. Used by
 * manual keying: algorithms, keys as hex digits, SPIs. */
#include "prop_ops.h"
#include "secret.h"

#include <inttypes.h>
#include <string.h>

struct half {
    const char *s;
    size_t len;
};

/* False when there are more than two parts. */
static bool pair_split(const char *s, struct half half[2])
{
    const char *slash = strchr(s, '/');

    half[0] = (struct half){ s, slash ? (size_t)(slash - s) : strlen(s) };
    half[1] = slash ? (struct half){ slash + 1, strlen(slash + 1) } : half[0];
    return !slash || !strchr(slash + 1, '/');
}

static enum value_error enum_pair_parse(const struct prop *p, const char *s, void *field)
{
    struct half half[2];
    int v[2];

    if (!pair_split(s, half))
        return VALUE_NO_MATCH;
    for (int i = 0; i < 2; i++) {
        v[i] = name_index(p, half[i].s, half[i].len);
        if (v[i] < 0)
            return VALUE_NO_MATCH;
    }
    ((uint8_t *)field)[0] = (uint8_t)v[0];
    ((uint8_t *)field)[1] = (uint8_t)v[1];
    return VALUE_OK;
}

static bool enum_pair_format(const struct prop *p, const void *field, struct text *out)
{
    const uint8_t *v = field;

    text_printf(out, "%s/%s", p->names[v[0]], p->names[v[1]]);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static enum value_error hex_parse(struct half h, struct cfg_hex *ret)
{
    struct cfg_hex v = { .len = 0 };

    if (h.len >= 2 && h.s[0] == '0' && (h.s[1] == 'x' || h.s[1] == 'X')) {
        h.s += 2;
        h.len -= 2;
    }
    if (h.len % 2 || h.len > 2 * sizeof(v.b))
        return VALUE_INVALID;
    for (size_t i = 0; i < h.len; i += 2) {
        int hi = hex_digit(h.s[i]), lo = hex_digit(h.s[i + 1]);
        if (hi < 0 || lo < 0)
            return VALUE_INVALID;
        v.b[v.len++] = (uint8_t)(hi << 4 | lo);
    }
    *ret = v;
    secret_wipe(&v, sizeof(v));
    return VALUE_OK;
}

static enum value_error hex_pair_parse(const struct prop *p, const char *s, void *field)
{
    struct half half[2];
    struct cfg_hex v[2];

    (void)p;
    if (!pair_split(s, half) || hex_parse(half[0], &v[0]) != VALUE_OK ||
        hex_parse(half[1], &v[1]) != VALUE_OK)
        return VALUE_INVALID;
    memcpy(field, v, sizeof(v));
    secret_wipe(v, sizeof(v));
    return VALUE_OK;
}

static bool hex_pair_format(const struct prop *p, const void *field, struct text *out)
{
    const struct cfg_hex *v = field;

    (void)p;
    if (v[0].len == 0 && v[1].len == 0)
        return false;
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            text_putc(out, '/');
        for (unsigned n = 0; n < v[i].len; n++)
            text_printf(out, "%02x", v[i].b[n]);
    }
    return true;
}

static enum value_error spi_pair_parse(const struct prop *p, const char *s, void *field)
{
    struct half half[2];
    int64_t v[2];

    (void)p;
    if (!pair_split(s, half))
        return VALUE_INVALID;
    for (int i = 0; i < 2; i++) {
        enum value_error e = number_parse(half[i].s, half[i].len, PROP_SPI_MIN, UINT32_MAX, &v[i]);
        if (e != VALUE_OK)
            return e;
    }
    ((uint32_t *)field)[0] = (uint32_t)v[0];
    ((uint32_t *)field)[1] = (uint32_t)v[1];
    return VALUE_OK;
}

static bool spi_pair_format(const struct prop *p, const void *field, struct text *out)
{
    const uint32_t *v = field;

    (void)p;
    text_printf(out, "0x%" PRIx32 "/0x%" PRIx32, v[0], v[1]);
    return true;
}

const struct prop_ops prop_enum_pair_ops = { 2, false, enum_pair_parse, enum_pair_format };
const struct prop_ops prop_hex_pair_ops = { 2 * sizeof(struct cfg_hex), false, hex_pair_parse,
                                            hex_pair_format };
const struct prop_ops prop_spi_pair_ops = { 2 * sizeof(uint32_t), false, spi_pair_parse,
                                            spi_pair_format };
