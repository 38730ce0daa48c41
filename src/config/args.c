/* Arguments of a command onto an item: which exist, what they may say, what they refer to. */
#include "config_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fail(struct config_error *e, const char *arg, const char *fmt, ...)
{
    va_list ap;
    char buf[512];

    va_start(ap, fmt);
    vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    text_clear(&e->text);
    text_puts(&e->text, buf);
    e->arg = arg;
    return false;
}

bool fail_value(struct config_error *e, const struct prop *p, enum value_error v)
{
    text_clear(&e->text);
    prop_error_text(p, v, &e->text);
    e->arg = p->name;
    return false;
}

const char *args_get(const struct item_args *a, const char *name)
{
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->v[i].name, name) == 0)
            return a->v[i].value;
    }
    return NULL;
}

/* An argument by its canonical name, "!" left out; NULL when the menu has none such. */
static const char *canonical_name(const struct menu *m, const char *name, bool adding)
{
    const struct prop *p = menu_prop(m, name + (name[0] == '!'));

    if (p)
        return p->flags & P_READONLY ? NULL : p->name;
    if (name[0] == '!')
        return NULL;
    if ((m->flags & M_DISABLE) && strcmp(name, "disabled") == 0)
        return "disabled";
    if ((m->flags & M_COMMENT) && strcmp(name, "comment") == 0)
        return "comment";
    if (adding && strcmp(name, "copy-from") == 0)
        return "copy-from";
    if (adding && (m->flags & M_ORDERED) && strcmp(name, "place-before") == 0)
        return "place-before";
    return NULL;
}

static bool names_check(const struct menu *m, const struct item_args *a, struct config_error *e)
{
    for (size_t i = 0; i < a->n; i++) {
        const char *name = canonical_name(m, a->v[i].name, a->adding);
        if (!name)
            return fail(e, a->v[i].name, "unknown parameter %s", a->v[i].name);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(name, canonical_name(m, a->v[j].name, a->adding)) == 0)
                return fail(e, a->v[i].name, "failure: %s is given more than once", name);
        }
    }
    return true;
}

/* Without the menu it refers to only the default is a name everybody knows. */
static bool reference_check(const struct config *c, const struct prop *p, const char *value,
                            struct config_error *e)
{
    const struct menu *target = menu_find(p->ref_menu);
    bool known =
        target ? config_find_name(c, target, value) != NULL : p->def && strcmp(value, p->def) == 0;

    if (known || ((p->flags & P_NONE_OK) && strcmp(value, "none") == 0))
        return true;
    return fail_value(e, p, VALUE_NO_MATCH);
}

static bool name_check(const struct config *c, const struct list *l, const struct item *item,
                       const struct prop *p, const char *value, struct config_error *e)
{
    const struct item *other = config_find_name(c, l->menu, value);

    if (!other || other->id == item->id)
        return true;
    return fail(e, p->name, "failure: already have such entry");
}

static bool prop_arg(const struct config *c, const struct list *l, struct item *item,
                     const struct prop *p, const struct config_arg *arg, struct config_error *e)
{
    if (arg->name[0] == '!') {
        if (p->type == PT_NAME || (p->flags & (P_REQUIRED | P_PART)))
            return fail_value(e, p, VALUE_INVALID);
        prop_reset(p, item->data);
        return true;
    }
    enum value_error v = prop_parse(p, arg->value, item->data);
    if (v != VALUE_OK)
        return fail_value(e, p, v);
    if (p->type == PT_REF)
        return reference_check(c, p, arg->value, e);
    if (p == menu_name_prop(l->menu))
        return name_check(c, l, item, p, arg->value, e);
    return true;
}

static bool item_arg(struct item *item, const struct config_arg *arg, struct config_error *e)
{
    const struct prop disabled = { .name = "disabled", .type = PT_BOOL };

    const struct prop comment = { .name = "comment", .type = PT_TEXT };

    if (strcmp(arg->name, "comment") == 0) {
        if (strlen(arg->value) > PROP_TEXT_MAX)
            return fail_value(e, &comment, VALUE_INVALID);
        free(item->comment);
        item->comment = xstrdup(arg->value);
    } else if (strcmp(arg->name, "disabled") == 0) {
        enum value_error v = prop_parse(&disabled, arg->value, &item->disabled);
        if (v != VALUE_OK)
            return fail_value(e, &disabled, v);
    }
    return true;
}

bool args_to_item(const struct config *c, const struct list *l, struct item *item,
                  const struct item_args *a, struct config_error *e)
{
    if (!names_check(l->menu, a, e))
        return false;
    /* A port under its own name comes second, lest the address it belongs to resets it. */
    for (int parts = 0; parts <= 1; parts++) {
        for (size_t i = 0; i < a->n; i++) {
            const struct config_arg *arg = &a->v[i];
            const struct prop *p = menu_prop(l->menu, arg->name + (arg->name[0] == '!'));
            bool is_part = p && (p->flags & P_PART);
            if (is_part != (parts == 1))
                continue;
            if (p ? !prop_arg(c, l, item, p, arg, e) : !item_arg(item, arg, e))
                return false;
        }
    }
    text_clear(&e->text);
    return !l->menu->check || l->menu->check(item->data, &e->text);
}

bool args_to_command(const struct menu_command *mc, void *args, const struct config_arg *v,
                     size_t n, struct config_error *e)
{
    const struct menu as_menu = { .props = mc->args };
    const struct item_args a = { v, n, false };

    if (!names_check(&as_menu, &a, e))
        return false;
    for (const struct prop *p = mc->args; p->name; p++)
        prop_reset(p, args);
    for (size_t i = 0; i < n; i++) {
        if (v[i].name[0] == '!')
            continue; /* the default it is */
        const struct prop *p = menu_prop(&as_menu, v[i].name);
        enum value_error ve = prop_parse(p, v[i].value, args);
        if (ve != VALUE_OK)
            return fail_value(e, p, ve);
    }
    return true;
}
