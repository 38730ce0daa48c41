#include "last_error.h"

#include "text.h"

#include <stdlib.h>

static void forget(struct last_errors *l, struct last_error *e)
{
    map_remove(&l->by_id, &e->by_id);
    free(e->text);
    free(e);
}

void last_errors_fini(struct last_errors *l)
{
    struct map_link *link;

    while ((link = map_any(&l->by_id)))
        forget(l, map_owner(link, struct last_error, by_id));
    map_fini(&l->by_id);
}

void last_error_set(struct last_errors *l, uint32_t id, const char *text, bool of_phase1)
{
    const struct last_error *old = last_error_find(l, id);

    if (old)
        forget(l, (struct last_error *)old);
    if (id == 0 || !text)
        return;
    struct last_error *e = xcalloc(1, sizeof(*e));
    e->text = xstrdup(text);
    e->of_phase1 = of_phase1;
    map_put(&l->by_id, &e->by_id, id);
}

const struct last_error *last_error_find(const struct last_errors *l, uint32_t id)
{
    struct map_link *link = map_first(&l->by_id, id); /* ids are ours and consecutive */

    return link ? map_owner(link, struct last_error, by_id) : NULL;
}
