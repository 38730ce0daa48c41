#include "names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void names_fini(struct names *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].text);
    free(l->v);
    *l = (struct names){ 0 };
}

static void add(struct names *l, struct name name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].text, name.text) == 0)
            return;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->v = xrealloc(l->v, l->cap * sizeof *l->v);
    }
    name.text = xstrdup(name.text);
    l->v[l->n++] = name;
}

void names_add(struct names *l, const char *text, const char *help, const char *suffix)
{
    add(l, (struct name){ (char *)(uintptr_t)text, help, suffix, false });
}

void names_add_weak(struct names *l, const char *text, const char *help, const char *suffix)
{
    add(l, (struct name){ (char *)(uintptr_t)text, help, suffix, true });
}

enum match names_match(const struct names *l, const char *typed, const char **ret)
{
    size_t len = strlen(typed);
    const char *only[2] = { NULL, NULL };
    size_t hits[2] = { 0, 0 }; /* ordinary, weak */

    for (size_t i = 0; i < l->n; i++) {
        if (strncmp(l->v[i].text, typed, len) != 0)
            continue;
        if (l->v[i].text[len] == '\0') {
            *ret = l->v[i].text;
            return MATCH_ONE;
        }
        only[l->v[i].weak] = l->v[i].text;
        hits[l->v[i].weak]++;
    }
    bool weak = hits[false] == 0;
    if (hits[weak] == 0 || len == 0)
        return MATCH_NONE;
    if (hits[weak] > 1)
        return MATCH_MANY;
    *ret = only[weak];
    return MATCH_ONE;
}

static int holds_letters(const char *name, const char *typed)
{
    for (; *typed; typed++, name++) {
        name = strchr(name, *typed);
        if (!name)
            return 0;
    }
    return 1;
}

void names_filter(const struct names *l, const char *typed, struct names *ret)
{
    size_t len = strlen(typed);

    *ret = (struct names){ 0 };
    for (size_t i = 0; i < l->n; i++)
        if (strncmp(l->v[i].text, typed, len) == 0)
            add(ret, l->v[i]);
    if (ret->n)
        return;
    for (size_t i = 0; i < l->n; i++)
        if (holds_letters(l->v[i].text, typed))
            add(ret, l->v[i]);
}

size_t names_common(const struct names *l)
{
    if (l->n == 0)
        return 0;
    size_t common = strlen(l->v[0].text);
    for (size_t i = 1; i < l->n; i++) {
        size_t k = 0;
        while (k < common && l->v[i].text[k] == l->v[0].text[k])
            k++;
        common = k;
    }
    return common;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

void names_sort(struct names *l)
{
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, by_text);
}
