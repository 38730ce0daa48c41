#include "rows.h"

#include <stdlib.h>
#include <string.h>

bool rows_fetch(struct call *call, const struct menu *m, struct rows *ret)
{
    struct api_sentence request = { 0 };
    struct text command = TEXT_INIT;

    *ret = (struct rows){ 0 };
    place_command(m->path, "print", &command);
    api_sentence_add(&request, "%s", text_get(&command));
    bool ok = call_api(call, &request, &ret->reply);
    text_fini(&command);
    api_sentence_fini(&request);
    return ok;
}

void rows_fini(struct rows *r)
{
    api_reply_fini(&r->reply);
    *r = (struct rows){ 0 };
}

size_t rows_count(const struct rows *r)
{
    return r->reply.n_rows;
}

const struct api_sentence *rows_at(const struct rows *r, size_t i)
{
    return &r->reply.rows[i];
}

uint32_t row_id(const struct api_sentence *row)
{
    const char *id = api_sentence_get(row, ".id");

    if (!id || id[0] != '*')
        return 0;
    return (uint32_t)strtoul(id + 1, NULL, 16);
}

bool property_is_boolean(const struct menu *m, const char *name)
{
    const struct prop *p = menu_prop(m, name);

    if (!p)
        return strcmp(name, "comment") != 0;
    return p->type == PT_BOOL || (p->type == PT_LIVE && !(p->flags & P_QUOTED));
}

const char *row_value(const struct menu *m, const struct api_sentence *row, const char *name)
{
    const char *value = api_sentence_get(row, name);

    if (!value)
        return NULL;
    if (strcmp(value, "true") == 0 && property_is_boolean(m, name))
        return "yes";
    if (strcmp(value, "false") == 0 && property_is_boolean(m, name))
        return "no";
    return value;
}

bool row_flag(const struct api_sentence *row, const char *name)
{
    const char *value = api_sentence_get(row, name);

    return value && (strcmp(value, "true") == 0 || strcmp(value, "yes") == 0);
}

bool row_pair(const struct api_sentence *row, size_t *i, const char **ret_name, size_t *ret_len,
              const char **ret_value)
{
    for (; *i < row->n; (*i)++) {
        const char *word = row->words[*i];
        const char *equals = word[0] == '=' ? strchr(word + 1, '=') : NULL;
        if (!equals)
            continue;
        *ret_name = word + 1;
        *ret_len = (size_t)(equals - word - 1);
        *ret_value = equals + 1;
        (*i)++;
        return true;
    }
    return false;
}
