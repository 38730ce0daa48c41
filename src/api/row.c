/* One row of a menu, collected from the configuration's visitor. */
#include "api_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void row_add(struct row *r, const char *name, const char *value)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 32;
        r->v = xrealloc(r->v, r->cap * sizeof(*r->v));
    }
    r->v[r->n++] = (struct config_arg){ xstrdup(name), xstrdup(value) };
}

void row_clear(struct row *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free((char *)r->v[i].name);
        free((char *)r->v[i].value);
    }
    r->n = 0;
}

void row_fini(struct row *r)
{
    row_clear(r);
    free(r->v);
    *r = (struct row){ 0 };
}

const char *row_get(const struct row *r, const struct menu *m, const char *name,
                    char buf[ROW_ID_TEXT_MAX])
{
    const struct prop *p = menu_prop(m, name);

    if (strcmp(name, ".id") == 0) {
        snprintf(buf, ROW_ID_TEXT_MAX, "*%X", r->id);
        return r->id ? buf : NULL;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->v[i].name, p ? p->name : name) == 0)
            return r->v[i].value;
    }
    return NULL;
}
