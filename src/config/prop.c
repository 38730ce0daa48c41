/* Properties as such: dispatch over the types, defaults, copies and the error sentences. */
#include "prop.h"

#include "prop_ops.h"
#include "secret.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct prop_ops *const types[] = {
    [PT_BOOL] = &prop_bool_ops,
    [PT_INT] = &prop_int_ops,
    [PT_TEXT] = &prop_text_ops,
    [PT_NAME] = &prop_name_ops,
    [PT_ADDR] = &prop_addr_ops,
    [PT_SELECTOR] = &prop_selector_ops,
    [PT_ENUM] = &prop_enum_ops,
    [PT_SET] = &prop_set_ops,
    [PT_PROTOCOL] = &prop_protocol_ops,
    [PT_TIME] = &prop_time_ops,
    [PT_REF] = &prop_ref_ops,
    [PT_ENUM_PAIR] = &prop_enum_pair_ops,
    [PT_HEX_PAIR] = &prop_hex_pair_ops,
    [PT_SPI_PAIR] = &prop_spi_pair_ops,
    [PT_ADDRESSES] = &prop_addresses_ops,
    [PT_PORTS] = &prop_ports_ops,
    [PT_INTERFACE] = &prop_interface_ops,
    [PT_PORT] = &prop_port_ops,
    [PT_LIVE] = &prop_live_ops,
};

/* Room for one field of any type. */
union any_field {
    max_align_t align;
    uint8_t b[2 * sizeof(struct cfg_hex)];
};
static_assert(sizeof(union any_field) >= sizeof(struct cfg_selector) &&
                  sizeof(union any_field) >= sizeof(struct cfg_ports),
              "any_field holds any type");

static void *field_of(const struct prop *p, void *item)
{
    return (uint8_t *)item + p->offset;
}

static const void *const_field_of(const struct prop *p, const void *item)
{
    return (const uint8_t *)item + p->offset;
}

enum value_error prop_parse(const struct prop *p, const char *value, void *item)
{
    return types[p->type]->parse(p, value, field_of(p, item));
}

bool prop_format(const struct prop *p, const void *item, struct text *out)
{
    return types[p->type]->format(p, const_field_of(p, item), out);
}

bool prop_format_stored(const struct prop *p, const void *item, struct text *out)
{
    struct cfg_selector sel;

    if (p->type != PT_SELECTOR)
        return prop_format(p, item, out);
    memcpy(&sel, const_field_of(p, item), sizeof(sel));
    if (sel.derived)
        sel.prefix = (struct ip_prefix){ .addr = ip_addr_v4(0, 0, 0, 0), .len = 32 };
    return types[PT_SELECTOR]->format(p, &sel, out);
}

void prop_free(const struct prop *p, void *item)
{
    const struct prop_ops *t = types[p->type];
    void *field = field_of(p, item);

    if (t->owned) {
        char **text = field;
        if (*text && (p->flags & P_SENSITIVE))
            secret_wipe(*text, strlen(*text));
        free(*text);
        *text = NULL;
    } else if (t->size) {
        secret_wipe(field, t->size);
    }
}

void prop_copy(const struct prop *p, void *to, const void *from)
{
    const struct prop_ops *t = types[p->type];

    if (t->owned) {
        char *const *text = const_field_of(p, from);
        *(char **)field_of(p, to) = xstrdup(*text ? *text : "");
    } else {
        memcpy(field_of(p, to), const_field_of(p, from), t->size);
    }
}

void prop_reset(const struct prop *p, void *item)
{
    if (p->flags & P_PART)
        return;
    prop_free(p, item);
    if (types[p->type]->owned)
        *(char **)field_of(p, item) = xstrdup("");
    if (p->def) {
        enum value_error e = prop_parse(p, p->def, item);
        assert(e == VALUE_OK); /* a default of our own table */
        (void)e;
    }
}

bool prop_is_default(const struct prop *p, const void *item)
{
    struct prop alone = *p; /* the same property of an item that is nothing but its field */
    union any_field def = { 0 };
    struct text have = TEXT_INIT, want = TEXT_INIT;

    alone.offset = 0;
    prop_reset(&alone, &def);
    bool have_set = prop_format(p, item, &have);
    bool want_set = prop_format(&alone, &def, &want);
    bool same = have_set == want_set && strcmp(text_get(&have), text_get(&want)) == 0;
    text_fini(&have);
    text_fini(&want);
    prop_free(&alone, &def);
    return same;
}

bool prop_canonical(const struct prop *p, const char *value, struct text *out)
{
    struct prop alone = *p;
    union any_field field = { 0 };

    alone.offset = 0;
    bool ok = prop_parse(&alone, value, &field) == VALUE_OK && prop_format(&alone, &field, out);
    prop_free(&alone, &field);
    return ok;
}

static void range_to_text(const struct prop *p, struct text *out)
{
    bool any = p->min == 0 && p->max == 0;

    if (p->type == PT_PORT || p->type == PT_SELECTOR) {
        text_printf(out, "1..%d", PROP_PORT_MAX);
    } else if (p->type == PT_PROTOCOL) {
        text_printf(out, "1..%d", PROP_PROTOCOL_MAX);
    } else if (p->type == PT_SPI_PAIR) {
        text_printf(out, "%#x..%#" PRIx32, PROP_SPI_MIN, UINT32_MAX);
    } else if (p->type == PT_TIME) {
        time_to_text(p->min, out);
        text_puts(out, "..");
        time_to_text(any ? INT64_MAX : p->max, out);
    } else {
        text_printf(out, "%" PRId64 "..%" PRId64, any ? INT64_MIN : p->min,
                    any ? INT64_MAX : p->max);
    }
}

void prop_error_text(const struct prop *p, enum value_error e, struct text *out)
{
    switch (e) {
    case VALUE_OK:
        break;
    case VALUE_INVALID:
        text_printf(out, "invalid value for argument %s", p->name);
        break;
    case VALUE_NO_MATCH:
        text_printf(out, "input does not match any value of %s", p->name);
        break;
    case VALUE_RANGE:
        text_printf(out, "value of %s out of range (", p->name);
        range_to_text(p, out);
        text_putc(out, ')');
        break;
    case VALUE_SYNTAX:
        text_puts(out, "syntax error");
        break;
    }
}
