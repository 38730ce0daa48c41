/* What the console reads from the running gateway: live properties of policies, the SAs, the
 * statistics; and the menus' own commands. */
#include "clock.h"
#include "gateway_priv.h"
#include "ike.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct plan_policy *plan_of(const struct gateway *g, const struct item *item)
{
    const struct plan_policy *pp = plan_of_slot(&g->plan, item->slot);

    return pp && pp->item == item ? pp : NULL;
}

/* ---- policy ---- */

struct policy_view {
    const struct plan_policy *pp;
    struct spd_slot_counters kernel;
    struct ipsec_slot_stats engine;
};

static uint64_t in_accepted(const struct policy_view *v)
{
    return v->kernel.in_accepted;
}

static uint64_t in_dropped(const struct policy_view *v)
{
    return v->kernel.in_dropped;
}

static uint64_t out_accepted(const struct policy_view *v)
{
    return v->kernel.out_accepted;
}

static uint64_t out_dropped(const struct policy_view *v)
{
    return v->kernel.out_dropped + v->engine.out_dropped;
}

static uint64_t encrypted(const struct policy_view *v)
{
    return v->engine.out_transformed;
}

static uint64_t not_encrypted(const struct policy_view *v)
{
    return v->engine.not_encrypted;
}

static uint64_t decrypted(const struct policy_view *v)
{
    return v->engine.in_transformed;
}

static uint64_t not_decrypted(const struct policy_view *v)
{
    return v->engine.not_decrypted;
}

static const struct {
    const char *name;
    uint64_t (*get)(const struct policy_view *v);
} policy_counters[] = {
    { "in-accepted", in_accepted },   { "in-dropped", in_dropped },
    { "out-accepted", out_accepted }, { "out-dropped", out_dropped },
    { "encrypted", encrypted },       { "not-encrypted", not_encrypted },
    { "decrypted", decrypted },       { "not-decrypted", not_decrypted },
};

static const char *ph2_state_text(const struct gateway *g, const struct plan_policy *pp)
{
    static const char *const texts[] = {
        [PH2_NONE] = "no-phase2", [PH2_EXPIRED] = "expired", [PH2_ESTABLISHED] = "established"
    };

    return texts[plan_uses_ike(pp) ? keying_ph2_state(g->keying, pp->policy.slot)
                                   : manual_ph2_state(g, pp)];
}

static bool put_if_set(const char *s, struct text *out)
{
    if (s)
        text_puts(out, s);
    return s != NULL;
}

static bool policy_live(struct gateway *g, const struct item *item, const struct prop *p,
                        struct text *out)
{
    const struct plan_policy *pp = plan_of(g, item);

    if (!pp)
        return false;
    if (strcmp(p->name, "inactive") == 0) {
        text_puts(out, pp->reason[0] ? "yes" : "no");
        return true;
    }
    if (strcmp(p->name, "inactive-reason") == 0) {
        text_puts(out, pp->reason);
        return pp->reason[0] != '\0';
    }
    if (strcmp(p->name, "last-error") == 0)
        return put_if_set(keying_policy_error(g->keying, item->id), out);
    if (strcmp(p->name, "ph2-state") == 0) {
        text_puts(out, ph2_state_text(g, pp));
        return true;
    }
    for (size_t i = 0; i < sizeof(policy_counters) / sizeof(policy_counters[0]); i++) {
        if (strcmp(p->name, policy_counters[i].name) != 0)
            continue;
        struct policy_view v = { .pp = pp,
                                 .kernel = steer_slot_counters(g->steer, item->slot),
                                 .engine = ipsec_slot_stats(g->engine, item->slot) };
        text_printf(out, "%" PRIu64, policy_counters[i].get(&v));
        return true;
    }
    return false;
}

static bool live(void *ctx, const struct menu *m, const struct item *item, const struct prop *p,
                 struct text *out)
{
    struct gateway *g = ctx;

    if (strcmp(m->path, "ip ipsec policy") == 0)
        return policy_live(g, item, p, out);
    if (strcmp(m->path, "ip firewall nat") == 0)
        return nat_live(g->nat, g->config, item, p->name, out);
    if (strcmp(m->path, "ip ipsec peer") == 0 && strcmp(p->name, "last-error") == 0)
        return put_if_set(keying_peer_error(g->keying, item->id), out);
    return false;
}

/* ---- installed-sa ---- */

struct rows {
    struct gateway *g;
    struct live_row *(*emit)(void *ctx, uint32_t id);
    void *emit_ctx;
    uint32_t n;
};

static void row_printf(struct live_row *row, const char *prop, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void row_printf(struct live_row *row, const char *prop, const char *fmt, ...)
{
    char value[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof(value), fmt, ap);
    va_end(ap);
    live_row_set(row, prop, value);
    secret_wipe(value, sizeof(value));
}

static void row_key(struct live_row *row, const char *prop, const uint8_t *key, size_t len)
{
    char hex[2 * SECRET_MAX + 1] = "";

    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    live_row_set(row, prop, hex);
    secret_wipe(hex, sizeof(hex));
}

/* "jan/28/2003 20:55:12" */
static void row_date(struct live_row *row, const char *prop, int64_t wall_s)
{
    static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec" };
    time_t t = (time_t)wall_s;
    struct tm tm;

    localtime_r(&t, &tm);
    row_printf(row, prop, "%s/%02d/%d %02d:%02d:%02d", months[tm.tm_mon], tm.tm_mday,
               tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void row_lifetime(struct live_row *row, const char *prop, uint32_t soft_s, uint32_t hard_s)
{
    struct text t = TEXT_INIT;

    time_to_text(soft_s, &t);
    text_putc(&t, '/');
    time_to_text(hard_s, &t);
    live_row_set(row, prop, text_get(&t));
    text_fini(&t);
}

static void row_flags(struct live_row *row, const struct sa_config *c)
{
    live_row_set(row, "AH", c->proto == SA_AH ? "true" : "false");
    live_row_set(row, "ESP", c->proto == SA_ESP ? "true" : "false");
    live_row_set(row, "pfs", c->pfs ? "true" : "false");
}

static void emit_sa(void *ctx, struct sa *sa)
{
    static const char *const states[] = {
        [SA_LARVAL] = "larval", [SA_MATURE] = "mature", [SA_DYING] = "dying", [SA_DEAD] = "dead"
    };
    struct rows *r = ctx;
    struct sa_config config, *c = &config;
    struct sa_stats s = sa_stats(sa);
    struct live_row *row = r->emit(r->emit_ctx, ++r->n);
    char addr[IP_TEXT_MAX];

    sa_config_get(sa, c);
    row_flags(row, c);
    row_printf(row, "spi", "%X", c->spi);
    live_row_set(row, "src-address", ip_addr_to_text(&c->src, addr));
    live_row_set(row, "dst-address", ip_addr_to_text(&c->dst, addr));
    live_row_set(row, "auth-algorithm", auth_info[c->auth].name);
    live_row_set(row, "enc-algorithm", cipher_info[c->cipher].sa_name);
    row_printf(row, "replay", "%u", c->replay_window / 8);
    live_row_set(row, "state", states[s.state]);
    row_key(row, "auth-key", c->auth_key.b, c->auth_key.len);
    if (c->proto == SA_ESP)
        row_key(row, "enc-key", c->enc_key.b, c->enc_key.len);
    row_date(row, "addtime", s.add_time_s);
    row_lifetime(row, "add-lifetime", c->life.soft_s, c->life.hard_s);
    if (s.use_time_s)
        row_date(row, "usetime", s.use_time_s);
    row_lifetime(row, "use-lifetime", 0, 0);
    row_printf(row, "current-bytes", "%" PRIu64, s.bytes);
    row_printf(row, "lifebytes", "%" PRIu64 "/%" PRIu64, c->life.soft_bytes, c->life.hard_bytes);
    secret_wipe(&config, sizeof(config));
}

/* What PF_KEY calls larval: an SPI, and nothing else yet. */
static void emit_larval_sa(void *ctx, const struct ike_larval_sa *sa)
{
    struct rows *r = ctx;
    struct live_row *row = r->emit(r->emit_ctx, ++r->n);
    char addr[IP_TEXT_MAX];

    row_flags(row, &(struct sa_config){ .proto = sa->proto });
    row_printf(row, "spi", "%X", sa->spi);
    live_row_set(row, "src-address", ip_addr_to_text(&sa->src, addr));
    live_row_set(row, "dst-address", ip_addr_to_text(&sa->dst, addr));
    live_row_set(row, "auth-algorithm", "none");
    live_row_set(row, "enc-algorithm", "none");
    live_row_set(row, "replay", "0");
    live_row_set(row, "state", "larval");
    row_date(row, "addtime", clock_wall_s() - (int64_t)(clock_ms() - sa->since_ms) / 1000);
    row_lifetime(row, "add-lifetime", 0, 0);
    row_lifetime(row, "use-lifetime", 0, 0);
    live_row_set(row, "current-bytes", "0");
    live_row_set(row, "lifebytes", "0/0");
}

/* ---- remote-peers ---- */

static void emit_remote_peer(void *ctx, const struct ike_remote_peer *p)
{
    struct rows *r = ctx;
    struct live_row *row = r->emit(r->emit_ctx, ++r->n);
    char addr[IP_TEXT_MAX];

    live_row_set(row, "local-address", ip_addr_to_text(&p->local, addr));
    live_row_set(row, "remote-address", ip_addr_to_text(&p->remote, addr));
    live_row_set(row, "state", p->state);
    live_row_set(row, "side", p->initiator ? "initiator" : "responder");
}

/* ---- statistics ---- */

/* Packets the capture device's queue could not take: the kernel counts them as its tx drops. */
static uint64_t capture_overflow(const struct gateway *g)
{
    FILE *f = fopen("/proc/thread-self/net/dev", "re");
    char line[512];
    uint64_t dropped = 0;
    size_t name_len = strlen(g->capture.name);

    while (f && fgets(line, sizeof(line), f)) {
        const char *at = line + strspn(line, " ");
        if (strncmp(at, g->capture.name, name_len) != 0 || at[name_len] != ':')
            continue;
        /* eight receive columns, then transmit bytes, packets, errors, dropped */
        if (sscanf(at + name_len + 1, "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64,
                   &dropped) != 1)
            dropped = 0;
    }
    if (f)
        fclose(f);
    return dropped;
}

static void emit_statistics(struct gateway *g, struct rows *r)
{
    struct live_row *row = r->emit(r->emit_ctx, 1);
    uint64_t drops[DROP_COUNT], kernel[STEER_COUNTER_COUNT], ike[IKE_DROP_COUNT];

    ipsec_drops(g->engine, drops);
    steer_counters(g->steer, kernel);
    keying_drops(g->keying, ike);
    for (int i = 0; i < DROP_COUNT; i++)
        row_printf(row, ipsec_drop_names[i], "%" PRIu64, drops[i]);
    for (int i = 0; i < STEER_COUNTER_COUNT; i++)
        row_printf(row, steer_counter_names[i], "%" PRIu64, kernel[i]);
    for (int i = 0; i < IKE_DROP_COUNT; i++)
        row_printf(row, ike_drop_names[i], "%" PRIu64, ike[i]);
    row_printf(row, "out-capture-overflow", "%" PRIu64, capture_overflow(g));
}

static void rows(void *ctx, const struct menu *m,
                 struct live_row *(*emit)(void *emit_ctx, uint32_t id), void *emit_ctx)
{
    struct gateway *g = ctx;
    struct rows r = { .g = g, .emit = emit, .emit_ctx = emit_ctx };

    if (strcmp(m->path, "ip ipsec installed-sa") == 0) {
        ipsec_sa_each(g->engine, emit_sa, &r);
        keying_larval_sas(g->keying, emit_larval_sa, &r);
    } else if (strcmp(m->path, "ip ipsec remote-peers") == 0) {
        keying_remote_peers(g->keying, emit_remote_peer, &r);
    } else if (strcmp(m->path, "ip ipsec statistics") == 0) {
        emit_statistics(g, &r);
    }
}

/* ---- commands ---- */

static bool command(void *ctx, const struct menu *m, const char *name, const void *args,
                    struct text *error)
{
    struct gateway *g = ctx;

    if (strcmp(m->path, "ip ipsec installed-sa") == 0 && strcmp(name, "flush") == 0) {
        const struct cfg_flush *f = args;
        bool esp = f->sa_type & (CFG_FLUSH_ESP | CFG_FLUSH_ALL);
        bool ah = f->sa_type & (CFG_FLUSH_AH | CFG_FLUSH_ALL);
        manual_flush(g, esp, ah);
        keying_flush(g->keying, esp, ah);
        return true;
    }
    if (strcmp(m->path, "ip ipsec remote-peers") == 0 && strcmp(name, "kill-connections") == 0) {
        keying_kill_connections(g->keying);
        return true;
    }
    if (strcmp(m->path, "ip firewall nat") == 0 && strcmp(name, "reset-counters-all") == 0)
        return nat_reset_counters(g->nat, g->config, error);
    text_printf(error, "failure: %s is not known here", name);
    return false;
}

void views_hooks(struct gateway *g, struct config_hooks *ret)
{
    *ret = (struct config_hooks){ .ctx = g,
                                  .apply = follow_apply,
                                  .live = live,
                                  .rows = rows,
                                  .command = command,
                                  .default_identity = g->identity };
}
