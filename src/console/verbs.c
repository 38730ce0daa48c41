/* The list of verbs, and what each accepts in a given menu. The rows stand in the files of their
 * groups; this file only puts them together with the menu and property tables. */
#include "verbs.h"

#include "call.h"

#include <string.h>

static const struct verb *const groups[] = { verbs_change, verbs_read, verbs_file, verbs_script };

static bool verb_fits(const struct verb *v, const struct place *p)
{
    if (v->flags & VERB_BUILTIN)
        return false;
    if (v->flags & VERB_ROOT)
        return p->path[0] == '\0';
    if (!p->menu)
        return v->flags & VERB_FOLDER;
    return (p->menu->flags & v->needs) == v->needs && !(p->menu->flags & v->never);
}

static const struct menu_command *menu_command(const struct place *p, const char *name)
{
    for (const struct menu_command *c = p->menu ? p->menu->commands : NULL; c && c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

void verb_names(const struct place *p, struct names *ret_add)
{
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct verb *v = groups[g]; v->name; v++)
            if (verb_fits(v, p))
                names_add(ret_add, v->name, v->help, " ");
    for (const struct menu_command *c = p->menu ? p->menu->commands : NULL; c && c->name; c++)
        names_add(ret_add, c->name, c->help, " ");
}

const struct verb *verb_find(const struct place *p, const char *name,
                             const struct menu_command **ret_command)
{
    *ret_command = menu_command(p, name);
    if (*ret_command)
        return &verb_menu_command;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct verb *v = groups[g]; v->name; v++)
            if (verb_fits(v, p) && strcmp(v->name, name) == 0)
                return v;
    return NULL;
}

void verb_builtin_names(struct names *ret_add)
{
    for (const struct verb *v = verbs_script; v->name; v++)
        names_add(ret_add, v->name, v->help, " ");
}

const struct verb *verb_builtin_find(const char *name)
{
    for (const struct verb *v = verbs_script; v->name; v++)
        if (strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

void property_names(const struct menu *m, bool writable, struct names *ret_add)
{
    if (!m)
        return;
    for (const struct prop *p = m->props; p && p->name; p++) {
        if (writable && (p->flags & P_READONLY || p->type == PT_LIVE))
            continue;
        (p->flags & P_EXTENSION ? names_add_weak : names_add)(ret_add, p->name, p->help, "=");
        if (p->alias)
            names_add_weak(ret_add, p->alias, p->help, "=");
    }
    if (m->flags & M_COMMENT)
        names_add(ret_add, "comment", "short description of the item", "=");
    if (m->flags & M_DISABLE)
        names_add(ret_add, "disabled", "whether the item is left out", "=");
    if (writable)
        return;
    for (const struct menu_flag *f = m->print_flags; f && f->letter; f++)
        names_add(ret_add, f->word, "flag of print", "=");
}

void property_values(const struct prop *p, struct names *ret_add)
{
    static const char *const yes_no[] = { "yes", "no", NULL };
    bool listed = p->type == PT_ENUM || p->type == PT_SET || p->type == PT_ENUM_PAIR;
    const char *const *values = p->type == PT_BOOL ? yes_no : listed ? p->names : NULL;

    for (; values && *values; values++)
        names_add(ret_add, *values, NULL, " ");
    if (p->type == PT_REF && p->flags & P_NONE_OK)
        names_add(ret_add, "none", NULL, " ");
}

/* An item can be named only where there are several. */
static bool arg_fits(const struct call *call, const struct verb_arg *a)
{
    const struct menu *m = call->place.menu;
    unsigned flags = m ? m->flags : 0;

    if ((a->kind == ARG_ITEMS || a->kind == ARG_ITEM) && flags & M_SINGLE)
        return false;
    if (strcmp(a->name, "stats") == 0 && !(m && m->stats))
        return false;
    return (flags & a->needs) == a->needs;
}

const struct verb_arg *call_arg_spec(const struct call *call, const char *name)
{
    for (const struct verb_arg *a = call->verb->args; a && a->name; a++)
        if (strcmp(a->name, name) == 0)
            return arg_fits(call, a) ? a : NULL;
    return NULL;
}

static const struct prop disabled_prop = { .name = "disabled", .type = PT_BOOL };

const struct prop *call_arg_prop(const struct call *call, const char *name)
{
    const struct prop *rows = call->command ? call->command->args
                              : call->verb->flags & VERB_PROPERTIES && call->place.menu
                                  ? call->place.menu->props
                                  : NULL;

    for (const struct prop *p = rows; p && p->name; p++)
        if (strcmp(p->name, name) == 0 || (p->alias && strcmp(p->alias, name) == 0))
            return p;
    return strcmp(name, "disabled") == 0 ? &disabled_prop : NULL;
}

void call_arg_names(const struct call *call, struct names *ret_add)
{
    for (const struct verb_arg *a = call->verb->args; a && a->name; a++) {
        bool word = a->kind == ARG_FLAG || a->kind == ARG_WHERE;
        if (arg_fits(call, a))
            names_add(ret_add, a->name, a->help, word ? " " : "=");
    }
    for (const struct prop *p = call->command ? call->command->args : NULL; p && p->name; p++)
        names_add(ret_add, p->name, p->help, "=");
    if (call->verb->flags & VERB_PROPERTIES)
        property_names(call->place.menu, true, ret_add);
}
