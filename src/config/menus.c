/* The menu tree. */
#include "menu_models.h"

#include <string.h>

const struct menu *const menus[] = {
    &menu_manual_sa,
    &menu_proposal,
    &menu_peer,
    &menu_policy,
    &menu_settings,
    &menu_remote_peers,
    &menu_installed_sa,
    &menu_statistics,
    &menu_firewall_nat,
    &menu_identity,
    NULL,
};

static bool is_separator(char c)
{
    return c == ' ' || c == '/';
}

/* Words compared one by one; any run of blanks and slashes lies between. */
static bool path_equal(const char *path, const char *typed)
{
    for (;;) {
        while (is_separator(*typed))
            typed++;
        while (is_separator(*path))
            path++;
        size_t len = strcspn(typed, " /");
        if (len != strcspn(path, " /") || memcmp(path, typed, len) != 0)
            return false;
        if (len == 0)
            return true;
        path += len;
        typed += len;
    }
}

const struct menu *menu_find(const char *path)
{
    for (size_t i = 0; menus[i]; i++) {
        if (path_equal(menus[i]->path, path))
            return menus[i];
    }
    return NULL;
}

const struct prop *menu_prop(const struct menu *m, const char *name)
{
    for (const struct prop *p = m->props; p->name; p++) {
        if (strcmp(p->name, name) == 0 || (p->alias && strcmp(p->alias, name) == 0))
            return p;
    }
    return NULL;
}

const struct menu_command *menu_command_find(const struct menu *m, const char *name)
{
    for (const struct menu_command *c = m->commands; c && c->name; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

bool menu_has_flag(const struct menu *m, const char *word)
{
    for (const struct menu_flag *f = m->print_flags; f && f->letter; f++) {
        if (strcmp(f->word, word) == 0)
            return true;
    }
    return false;
}
