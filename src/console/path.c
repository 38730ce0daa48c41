#include "path.h"

#include <stdio.h>
#include <string.h>

void place_root(struct place *p)
{
    *p = (struct place){ 0 };
}

void place_up(struct place *p)
{
    char *blank = strrchr(p->path, ' ');

    *(blank ? blank : p->path) = '\0';
    p->menu = p->path[0] ? menu_find(p->path) : NULL;
}

void place_enter(struct place *p, const char *word)
{
    size_t len = strlen(p->path);

    snprintf(p->path + len, sizeof p->path - len, "%s%s", len ? " " : "", word);
    p->menu = menu_find(p->path);
}

/* What follows PREFIX in PATH as a whole word start, or NULL. */
static const char *below(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);

    if (len == 0)
        return path;
    if (strncmp(path, prefix, len) != 0 || path[len] != ' ')
        return NULL;
    return path + len + 1;
}

void place_children(const struct place *p, struct names *ret_add)
{
    for (const struct menu *const *m = menus; *m; m++) {
        const char *rest = below((*m)->path, p->path);
        if (!rest)
            continue;
        char word[PLACE_MAX];
        size_t len = strcspn(rest, " ");
        snprintf(word, sizeof word, "%.*s", (int)len, rest);
        names_add(ret_add, word, rest[len] ? NULL : (*m)->help, " ");
    }
}

bool place_contains(const struct place *p, const char *menu_path)
{
    return strcmp(menu_path, p->path) == 0 || below(menu_path, p->path) != NULL;
}

void place_command(const char *menu_path, const char *command, struct text *out)
{
    text_putc(out, '/');
    for (const char *p = menu_path; *p; p++)
        text_putc(out, *p == ' ' ? '/' : *p);
    text_putc(out, '/');
    text_puts(out, command);
}
