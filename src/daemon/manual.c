/* Manually keyed SAs: installed when an active policy names a template, never rekeyed. */
#include "clock.h"
#include "gateway_priv.h"

#include <stdlib.h>

static bool same_sa(const struct sa_config *a, const struct sa_config *b)
{
    return a->proto == b->proto && a->spi == b->spi && ip_addr_equal(&a->src, &b->src) &&
           ip_addr_equal(&a->dst, &b->dst);
}

static bool same_settings(const struct sa_config *a, const struct sa_config *b)
{
    struct sa_config x = *a, y = *b;

    x.path_mtu = y.path_mtu = 0; /* follows the routes while installed */
    bool same = memcmp(&x, &y, sizeof(x)) == 0;
    secret_wipe(&x, sizeof(x));
    secret_wipe(&y, sizeof(y));
    return same;
}

/* Setting or enabling a policy or its template brings back what was flushed. */
static bool change_revives(const struct config_change *change, const struct plan_sa *want)
{
    if (change->op != OP_SET && change->op != OP_ENABLE && change->op != OP_ADD)
        return false;
    if (strcmp(change->menu->path, "ip ipsec policy") == 0)
        return change->item->id == want->policy_id;
    if (strcmp(change->menu->path, "ip ipsec manual-sa") == 0)
        return strcmp(((const struct cfg_manual_sa *)change->item->data)->name, want->manual_sa) ==
               0;
    return false;
}

static bool revives(const struct config_change *changes, size_t n, const struct plan_sa *want)
{
    for (size_t i = 0; i < n; i++)
        if (change_revives(&changes[i], want))
            return true;
    return false;
}

static void warn_weak(const struct sa_config *c, const char *name)
{
    if (c->auth != AUTH_NONE && c->auth_key.len < auth_info[c->auth].key_len)
        log_warning("ipsec", "manual-sa %s: %u-byte %s key is short, %u bytes are usual", name,
                    c->auth_key.len, auth_info[c->auth].name, auth_info[c->auth].key_len);
    if (c->proto == SA_ESP && c->auth == AUTH_NONE)
        log_warning("ipsec",
                    "manual-sa %s: ESP without authentication protects nothing against "
                    "changes",
                    name);
}

static void install(struct gateway *g, struct manual_sa *m)
{
    static const char *const refusals[] = { [SA_ADDED] = "",
                                            [SA_EXISTS] = "SPI in use",
                                            [SA_BAD_KEY] = "key length",
                                            [SA_BAD_ALGORITHM] = "algorithms",
                                            [SA_BAD_SPI] = "SPI below 0x100",
                                            [SA_BAD_ADDRESS] = "addresses" };

    if (!m->want.config.inbound)
        m->want.config.path_mtu = gateway_path_mtu(g, &m->want.config.dst);
    enum ipsec_sa_result r =
        ipsec_sa_add(g->engine, &m->want.config, clock_wall_s(), clock_ms(), &m->sa);
    if (r != SA_ADDED) {
        m->sa = NULL;
        log_error("ipsec", "manual-sa %s: SPI 0x%X not installed: %s", m->want.manual_sa,
                  m->want.config.spi, refusals[r]);
        return;
    }
    if (m->want.config.inbound)
        warn_weak(&m->want.config, m->want.manual_sa);
}

static void uninstall(struct gateway *g, struct manual_sa *m)
{
    if (m->sa)
        ipsec_sa_remove(g->engine, m->sa);
    m->sa = NULL;
}

static size_t sa_key(const struct sa_config *c, uint8_t key[40])
{
    memset(key, 0, 40);
    memcpy(key, &c->src, sizeof(c->src));
    memcpy(key + 17, &c->dst, sizeof(c->dst));
    key[34] = (uint8_t)c->proto;
    memcpy(key + 35, &c->spi, sizeof(c->spi));
    return 40;
}

/* Where each installed SA is to be found: SA -> index. */
static void index_build(const struct manual_sas *sas, struct keymap *ret)
{
    uint8_t key[40];
    bool is_new;

    for (size_t i = 0; i < sas->n; i++)
        keymap_put(ret, key, sa_key(&sas->v[i].want.config, key), (uint32_t)i, &is_new);
}

void manual_follow(struct gateway *g, const struct plan *plan, const struct config_change *changes,
                   size_t n_changes)
{
    struct manual_sas old = g->manual,
                      now = { .v = xcalloc(plan->n_sas, sizeof(*now.v)), .n = plan->n_sas };
    struct keymap index = { 0 };
    uint8_t key[40];

    index_build(&old, &index);
    for (size_t i = 0; i < now.n; i++) {
        struct manual_sa *m = &now.v[i];
        bool is_new;
        m->want = plan->sas[i];
        uint32_t was = keymap_put(&index, key, sa_key(&m->want.config, key), UINT32_MAX, &is_new);
        if (is_new || was == UINT32_MAX || !m->want.wanted)
            continue;
        struct manual_sa *o = &old.v[was];
        if (!same_settings(&o->want.config, &m->want.config))
            continue;
        m->sa = o->sa;
        m->flushed = o->flushed && !revives(changes, n_changes, &m->want);
        m->expired = o->expired && m->flushed;
        o->sa = NULL;
    }
    /* What goes, goes first: a changed SA keeps its SPI. */
    for (size_t i = 0; i < old.n; i++)
        uninstall(g, &old.v[i]);
    for (size_t i = 0; i < now.n; i++)
        if (now.v[i].want.wanted && !now.v[i].sa && !now.v[i].flushed)
            install(g, &now.v[i]);
    g->manual = now;
    if (old.n)
        secret_wipe(old.v, old.n * sizeof(*old.v));
    free(old.v);
    keymap_fini(&index);
}

void manual_follow_routes(struct gateway *g)
{
    for (size_t i = 0; i < g->manual.n; i++) {
        struct manual_sa *m = &g->manual.v[i];
        if (m->sa && !m->want.config.inbound)
            sa_set_path_mtu(m->sa, gateway_path_mtu(g, &m->want.config.dst));
    }
}

void manual_flush(struct gateway *g, bool esp, bool ah)
{
    for (size_t i = 0; i < g->manual.n; i++) {
        struct manual_sa *m = &g->manual.v[i];
        if (m->want.wanted && (m->want.config.proto == SA_ESP ? esp : ah)) {
            uninstall(g, m);
            m->flushed = true;
            m->expired = false;
        }
    }
    follow_slots(g);
}

void manual_expire(struct gateway *g, const struct ipsec_event *ev)
{
    struct sa_config key = { .proto = ev->proto, .spi = ev->spi, .src = ev->src, .dst = ev->dst };

    for (size_t i = 0; i < g->manual.n; i++) {
        struct manual_sa *m = &g->manual.v[i];
        if (!m->sa || !same_sa(&m->want.config, &key))
            continue;
        log_info("ipsec", "manual-sa %s: SPI 0x%X reached its lifetime", m->want.manual_sa,
                 ev->spi);
        uninstall(g, m);
        m->flushed = m->expired = true;
        g->manual_changed = true;
        return;
    }
}

enum ph2_state manual_ph2_state(const struct gateway *g, const struct plan_policy *pp)
{
    enum ph2_state state = PH2_NONE;

    for (int k = 0; pp->active && k < PLAN_SA_COUNT; k++) {
        if (pp->sa[k] == PLAN_NO_SA)
            continue;
        const struct manual_sa *m = &g->manual.v[pp->sa[k]];
        if (!m->sa)
            return m->expired ? PH2_EXPIRED : PH2_NONE;
        state = PH2_ESTABLISHED;
    }
    return state;
}

struct sa *manual_sa_of(const struct gateway *g, const struct plan_policy *pp, int which)
{
    return pp->sa[which] == PLAN_NO_SA ? NULL : g->manual.v[pp->sa[which]].sa;
}

void manual_fini(struct gateway *g)
{
    for (size_t i = 0; i < g->manual.n; i++)
        uninstall(g, &g->manual.v[i]);
    if (g->manual.n)
        secret_wipe(g->manual.v, g->manual.n * sizeof(*g->manual.v));
    free(g->manual.v);
    g->manual = (struct manual_sas){ 0 };
}
