/* For tests: commands written as on the console ("src-address=10.0.0.1 tunnel=yes", no blanks in
 * values), and a gateway that notes what it was told. */
#pragma once

#include "config.h"
#include "log.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kit_args {
    char *copy;
    struct config_arg v[64];
    size_t n;
};

static inline struct kit_args kit_args(const char *line)
{
    struct kit_args a = { .copy = xstrdup(line) };
    char *save = NULL;

    for (char *w = strtok_r(a.copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        char *value = strchr(w, '=');
        if (value)
            *value++ = '\0';
        a.v[a.n++] = (struct config_arg){ w, value ? value : "" };
    }
    return a;
}

/* The sentence of the last error; "" when the last command succeeded. */
static char kit_error[1024];

static inline bool kit_end(struct config_error *e, bool ok)
{
    snprintf(kit_error, sizeof(kit_error), "%s", ok ? "" : text_get(&e->text));
    text_fini(&e->text);
    return ok;
}

/* The new item's id, 0 when refused. */
static inline uint32_t kit_add(struct config *c, const char *menu, const char *line)
{
    struct kit_args a = kit_args(line);
    struct config_error e = { .text = TEXT_INIT };
    uint32_t id = 0;

    kit_end(&e, config_add(c, menu_find(menu), a.v, a.n, &id, &e));
    free(a.copy);
    return id;
}

static inline bool kit_set(struct config *c, const char *menu, uint32_t id, const char *line)
{
    struct kit_args a = kit_args(line);
    struct config_error e = { .text = TEXT_INIT };
    bool ok = kit_end(&e, config_set(c, menu_find(menu), id, a.v, a.n, &e));

    free(a.copy);
    return ok;
}

static inline bool kit_remove(struct config *c, const char *menu, uint32_t id)
{
    struct config_error e = { .text = TEXT_INIT };

    return kit_end(&e, config_remove(c, menu_find(menu), id, &e));
}

static inline bool kit_enable(struct config *c, const char *menu, uint32_t id, bool enable)
{
    struct config_error e = { .text = TEXT_INIT };

    return kit_end(&e, config_enable(c, menu_find(menu), id, enable, &e));
}

static inline bool kit_comment(struct config *c, const char *menu, uint32_t id, const char *text)
{
    struct config_error e = { .text = TEXT_INIT };

    return kit_end(&e, config_comment(c, menu_find(menu), id, text, &e));
}

static inline bool kit_move(struct config *c, const char *menu, uint32_t id, uint32_t before)
{
    struct config_error e = { .text = TEXT_INIT };

    return kit_end(&e, config_move(c, menu_find(menu), id, before, &e));
}

/* Everything as text; the caller frees. */
static inline char *kit_export(struct config *c)
{
    struct text t = TEXT_INIT;

    config_export(c, NULL, NULL, &t);
    return text_take(&t);
}

/* One property as print shows it; "(not set)". Static buffer. */
static inline const char *kit_value(struct config *c, const char *menu, uint32_t id,
                                    const char *name)
{
    static char buf[512];
    const struct menu *m = menu_find(menu);
    const struct item *item = config_find_id(c, m, id);
    struct text t = TEXT_INIT;

    assert_non_null(item);
    assert_non_null(menu_prop(m, name));
    bool set = prop_format(menu_prop(m, name), item->data, &t);
    snprintf(buf, sizeof(buf), "%s", set ? text_get(&t) : "(not set)");
    text_fini(&t);
    return buf;
}

/* The ids of a menu in list order, "1 3 2". Static buffer. */
static inline const char *kit_order(struct config *c, const char *menu)
{
    static char buf[256];
    const struct menu *m = menu_find(menu);
    size_t at = 0;

    buf[0] = '\0';
    for (size_t i = 0; i < config_count(c, m) && at < sizeof(buf); i++)
        at += (size_t)snprintf(buf + at, sizeof(buf) - at, i ? " %u" : "%u",
                               config_item_at(c, m, i)->id);
    return buf;
}

/* A gateway: counts what it is told, and refuses on request. */
struct kit_gateway {
    int applies, calls[OP_COMMENT + 1];
    enum config_op refuse; /* OP_LOAD: nothing */
    uint32_t last_id;
    char *seen; /* export at the last call */
};

static inline bool kit_apply(void *ctx, struct config *c, const struct config_change *changes,
                             size_t n, struct text *reason)
{
    struct kit_gateway *g = ctx;

    g->applies++;
    for (size_t i = 0; i < n; i++) {
        g->calls[changes[i].op]++;
        g->last_id = changes[i].item ? changes[i].item->id : 0;
        if (changes[i].op != OP_LOAD && changes[i].op == g->refuse) {
            text_puts(reason, "the gateway says no");
            return false;
        }
    }
    free(g->seen);
    g->seen = kit_export(c);
    return true;
}

static inline struct config_hooks kit_hooks(struct kit_gateway *g)
{
    return (struct config_hooks){ .ctx = g, .apply = kit_apply, .default_identity = "host" };
}
