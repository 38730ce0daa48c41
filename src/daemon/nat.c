#include "nat.h"

#include "clock.h"
#include "log.h"
#include "nft.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRESH_MS = 1000 }; /* one run of nft serves a whole print */

struct count {
    uint32_t id;
    uint64_t packets, bytes;
};

struct nat {
    char table[64];
    uint32_t mark;
    bool known; /* whether the table is there: not at first, a dead daemon may have left it */
    bool there, there_before; /* the table is */
    bool invalid;             /* the configured rules could not be put in force */
    struct count *counts;
    size_t n_counts;
    uint64_t counted_ms; /* 0: never */
    uint32_t *warned;    /* rules whose warning was logged */
    size_t n_warned;
};

struct nat *nat_new(const char *table, uint32_t mark)
{
    struct nat *n = xcalloc(1, sizeof(*n));

    snprintf(n->table, sizeof(n->table), "%s-nat", table);
    n->mark = mark;
    return n;
}

void nat_free(struct nat *n)
{
    if (!n)
        return;
    free(n->counts);
    free(n->warned);
    free(n);
}

/* ---- counters ---- */

static struct count *count_find(struct nat *n, uint32_t id)
{
    for (size_t i = 0; i < n->n_counts; i++)
        if (n->counts[i].id == id)
            return &n->counts[i];
    return NULL;
}

static void count_keep(struct nat *n, const struct count *fresh)
{
    struct count *c = count_find(n, fresh->id);

    if (!c) {
        n->counts = xrealloc(n->counts, (n->n_counts + 1) * sizeof(*n->counts));
        c = &n->counts[n->n_counts++];
    }
    *c = *fresh;
}

/* As nft prints them: "counter r12 {", and on the next line "packets 1 bytes 60". */
static void counts_parse(struct nat *n, const char *s)
{
    struct count c = { 0 };

    n->n_counts = 0;
    while ((s = strstr(s, "counter r"))) {
        if (sscanf(s, "counter r%" SCNu32 " { packets %" SCNu64 " bytes %" SCNu64, &c.id,
                   &c.packets, &c.bytes) == 3)
            count_keep(n, &c);
        s++;
    }
}

static void counts_refresh(struct nat *n)
{
    uint64_t now_ms = clock_ms();
    struct text script = TEXT_INIT, said = TEXT_INIT;
    char err[160];

    if ((n->known && !n->there) || (n->counted_ms && now_ms - n->counted_ms < FRESH_MS))
        return;
    n->counted_ms = now_ms;
    text_printf(&script, "list counters table ip %s\n", n->table);
    if (nft_run(&script, &said, err, sizeof(err)))
        counts_parse(n, text_get(&said));
    text_fini(&script);
    text_fini(&said);
}

static void counts_give(void *ctx, uint32_t id, uint64_t *packets, uint64_t *bytes)
{
    const struct count *c = count_find(ctx, id);

    *packets = c ? c->packets : 0;
    *bytes = c ? c->bytes : 0;
}

/* ---- rules ---- */

bool nat_follow(struct nat *n, struct config *c, struct text *reason)
{
    bool wanted = config_count(c, menu_find("ip firewall nat")) > 0;
    struct text script = TEXT_INIT;
    char err[256];

    if (!wanted && n->known && !n->there)
        return true;
    n->counted_ms = 0;
    counts_refresh(n);
    nat_script(n->table, n->mark, c, counts_give, n, &script);
    bool ok = nft_run(&script, NULL, err, sizeof(err));
    text_fini(&script);
    n->invalid = !ok && !n->there;
    if (ok)
        n->there = wanted;
    else if (wanted || n->there)
        text_printf(reason, "the rules cannot be put in force: %s", err);
    n->known = true;
    return reason->len == 0;
}

void nat_stop(struct nat *n)
{
    struct text script = TEXT_INIT;
    char err[256];

    if (!n->there)
        return;
    text_printf(&script, "delete table ip %s\n", n->table);
    if (!nft_run(&script, NULL, err, sizeof(err)))
        log_warning("firewall", "table %s stays behind: %s", n->table, err);
    n->there = false;
    text_fini(&script);
}

bool nat_reset_counters(struct nat *n, struct config *c, struct text *reason)
{
    struct text script = TEXT_INIT;
    char err[256];

    free(n->counts);
    n->counts = NULL;
    n->n_counts = 0;
    nat_script(n->table, n->mark, c, counts_give, n, &script);
    bool ok = !n->there || nft_run(&script, NULL, err, sizeof(err));
    text_fini(&script);
    if (!ok)
        text_printf(reason, "failure: %s", err);
    n->counted_ms = 0;
    return ok;
}

bool nat_live(struct nat *n, struct config *c, const struct item *item, const char *prop,
              struct text *out)
{
    uint64_t packets, bytes;

    if (strcmp(prop, "warning") == 0)
        return nat_hides(c, item, out);
    if (strcmp(prop, "invalid") == 0) {
        text_puts(out, n->invalid ? "yes" : "no");
        return true;
    }
    counts_refresh(n);
    counts_give(n, item->id, &packets, &bytes);
    text_printf(out, "%" PRIu64, strcmp(prop, "bytes") == 0 ? bytes : packets);
    return true;
}

/* ---- warnings ---- */

static bool warned_before(const struct nat *n, uint32_t id)
{
    for (size_t i = 0; i < n->n_warned; i++)
        if (n->warned[i] == id)
            return true;
    return false;
}

void nat_warn(struct nat *n, struct config *c)
{
    const struct menu *menu = menu_find("ip firewall nat");
    size_t count = config_count(c, menu), n_now = 0;
    uint32_t *now = xcalloc(count + 1, sizeof(*now));

    for (size_t i = 0; i < count; i++) {
        const struct item *item = config_item_at(c, menu, i);
        struct text why = TEXT_INIT;

        if (nat_hides(c, item, &why)) {
            now[n_now++] = item->id;
            if (!warned_before(n, item->id))
                log_warning("firewall", "nat rule %zu %s", i, text_get(&why));
        }
        text_fini(&why);
    }
    free(n->warned);
    n->warned = now;
    n->n_warned = n_now;
}
