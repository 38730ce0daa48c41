#include "items.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void ids_fini(struct ids *ids)
{
    free(ids->v);
    *ids = (struct ids){ 0 };
}

void ids_add(struct ids *ids, uint32_t id)
{
    if ((ids->n & (ids->n - 1)) == 0) /* full at every power of two */
        ids->v = xrealloc(ids->v, (ids->n ? ids->n * 2 : 1) * sizeof *ids->v);
    ids->v[ids->n++] = id;
}

void ids_text(const struct ids *ids, char separator, struct text *out)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (i)
            text_putc(out, separator);
        text_printf(out, "*%X", ids->v[i]);
    }
}

static struct numbering *numbering_of(const struct console *c, const struct menu *m)
{
    for (size_t i = 0; i < c->n_menus; i++)
        if (menus[i] == m)
            return &c->numberings[i];
    return NULL;
}

void numbering_keep(struct console *c, const struct menu *m, const struct ids *ids)
{
    struct numbering *n = numbering_of(c, m);

    if (!n)
        return;
    free(n->ids);
    *n = (struct numbering){ .n = ids->n, .known = true };
    n->ids = xmalloc(ids->n * sizeof *n->ids);
    if (ids->n)
        memcpy(n->ids, ids->v, ids->n * sizeof *n->ids);
}

bool numbering_find(const struct console *c, const struct menu *m, uint32_t id, size_t *ret)
{
    const struct numbering *n = numbering_of(c, m);

    for (size_t i = 0; n && i < n->n; i++) {
        if (n->ids[i] == id) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* What one command knows of its menu while it looks items up; rows are asked for once. */
struct lookup {
    struct call *call;
    struct rows rows;
    bool fetched;
};

static bool lookup_rows(struct lookup *l)
{
    if (!l->fetched)
        l->fetched = rows_fetch(l->call, l->call->place.menu, &l->rows);
    return l->fetched;
}

static bool no_such_item(struct lookup *l)
{
    return run_fail(l->call->run, NO_PLACE, "no such item");
}

static bool by_number(struct lookup *l, const char *word, uint32_t *ret)
{
    struct numbering *n = numbering_of(l->call->run->c, l->call->place.menu);
    size_t number = strlen(word) > 9 ? SIZE_MAX : (size_t)strtoul(word, NULL, 10);

    if (n && !n->known) {
        struct ids ids = { 0 };
        if (!lookup_rows(l))
            return false;
        for (size_t i = 0; i < rows_count(&l->rows); i++)
            ids_add(&ids, row_id(rows_at(&l->rows, i)));
        numbering_keep(l->call->run->c, l->call->place.menu, &ids);
        ids_fini(&ids);
    }
    if (!n || number >= n->n)
        return no_such_item(l);
    *ret = n->ids[number];
    return true;
}

static bool by_name(struct lookup *l, const char *word, uint32_t *ret)
{
    if (!(l->call->place.menu->flags & M_NAMED))
        return no_such_item(l);
    if (!lookup_rows(l))
        return false;
    for (size_t i = 0; i < rows_count(&l->rows); i++) {
        const char *name = api_sentence_get(rows_at(&l->rows, i), "name");
        if (name && strcmp(name, word) == 0) {
            *ret = row_id(rows_at(&l->rows, i));
            return true;
        }
    }
    return no_such_item(l);
}

static bool by_id(struct lookup *l, const char *word, uint32_t *ret)
{
    char *end;
    unsigned long long id = strtoull(word + 1, &end, 16);

    if (!isxdigit((unsigned char)word[1]) || *end || id == 0 || id > UINT32_MAX)
        return no_such_item(l);
    *ret = (uint32_t)id;
    return true;
}

static bool lookup_word(struct lookup *l, const char *word, uint32_t *ret)
{
    if (word[0] == '*')
        return by_id(l, word, ret);
    if (word[strspn(word, "0123456789")] == '\0')
        return by_number(l, word, ret);
    return by_name(l, word, ret);
}

bool items_of_arg(struct call *call, const char *name, struct ids *ret)
{
    struct lookup l = { .call = call };
    const char *part = call_arg(call, name);
    bool ok = true;

    *ret = (struct ids){ 0 };
    if (!part)
        return run_fail(call->run, NO_PLACE, "missing value(s) of argument(s) %s", name);
    while (ok && *part) {
        size_t len = strcspn(part, ",;");
        char *word = strndup(part, len);
        uint32_t id = 0;
        ok = len ? lookup_word(&l, word, &id) : no_such_item(&l);
        free(word);
        if (ok)
            ids_add(ret, id);
        part += len;
        if (ok && *part && *++part == '\0')
            ok = no_such_item(&l);
    }
    if (l.fetched)
        rows_fini(&l.rows);
    if (!ok)
        ids_fini(ret);
    return ok;
}

bool item_of_arg(struct call *call, const char *name, uint32_t *ret)
{
    struct ids ids;

    if (!items_of_arg(call, name, &ids))
        return false;
    bool one = ids.n == 1;
    if (one)
        *ret = ids.v[0];
    ids_fini(&ids);
    return one ? true : run_fail(call->run, NO_PLACE, "no such item");
}
