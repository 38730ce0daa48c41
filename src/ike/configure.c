/* A new configuration against the one in use: what is the same goes on undisturbed. */
#include "child.h"
#include "child_policy.h"
#include "ike_priv.h"
#include "phase1.h"
#include "policy.h"
#include "quick_mode.h"
#include "text.h"

#include <stdlib.h>

/* ---- peers ---- */

static int peer_id_order(const void *left, const void *right)
{
    const struct peer *const *a = left, *const *b = right;

    return (*a)->cfg.id < (*b)->cfg.id ? -1 : (*a)->cfg.id > (*b)->cfg.id;
}

/* The entry in use of the same id, if nothing of it changed. ike->peers is sorted by id. */
static struct peer *peer_old(const struct ike *ike, const struct ike_peer *cfg)
{
    const struct peer key = { .cfg.id = cfg->id }, *wanted = &key;
    struct peer **old =
        ike->n_peers ? bsearch(&wanted, ike->peers, ike->n_peers, sizeof *ike->peers, peer_id_order)
                     : NULL;

    return old && peer_same(&(*old)->cfg, cfg) ? *old : NULL;
}

/* These three tell whether anything differs. */
static bool peers_set(struct ike *ike, const struct ike_config *config)
{
    struct peer **peers = xcalloc(config->n_peers + 1, sizeof *peers);
    bool differs = config->n_peers != ike->n_peers;

    if (ike->n_peers > 1)
        qsort(ike->peers, ike->n_peers, sizeof *ike->peers, peer_id_order);
    for (size_t i = 0; i < config->n_peers; i++) {
        struct ike_peer cfg = config->peers[i];
        struct peer *p;

        ip_prefix_mask(&cfg.address);
        p = peer_old(ike, &cfg);
        if (!p) {
            p = xcalloc(1, sizeof *p);
            p->cfg = cfg;
            pki_cert_ref(cfg.certificate);
            pki_key_ref(cfg.key);
            pki_cert_ref(cfg.remote_certificate);
            differs = true;
        }
        peers[i] = peer_ref(p);
        secret_wipe(&cfg.psk, sizeof cfg.psk);
    }
    for (size_t i = 0; i < ike->n_peers; i++)
        peer_unref(ike->peers[i]);
    free(ike->peers);
    ike->peers = peers;
    ike->n_peers = config->n_peers;
    peers_sort(ike);
    return differs;
}

/* SAs that are up stay: trust is asked for when a peer shows who it is. */
static void trust_set(struct ike *ike, const struct ike_config *config)
{
    struct pki_trust *old = ike->trust;

    ike->trust = config->trust ? pki_trust_ref(config->trust) : pki_trust_new(PKI_CRL_NONE);
    pki_trust_unref(old);
}

/* ---- proposals ---- */

static struct proposal *proposal_find(struct proposal *const *at, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(at[i]->cfg.name, name) == 0)
            return at[i];
    }
    return NULL;
}

static bool proposals_set(struct ike *ike, const struct ike_config *config)
{
    struct proposal **proposals = xcalloc(config->n_proposals + 1, sizeof *proposals);
    bool differs = config->n_proposals != ike->n_proposals;

    for (size_t i = 0; i < config->n_proposals; i++) {
        const struct ike_proposal *cfg = &config->proposals[i];
        struct proposal *p = proposal_find(ike->proposals, ike->n_proposals, cfg->name);

        if (!p || !proposal_same(&p->cfg, cfg)) {
            p = xcalloc(1, sizeof *p);
            p->cfg = *cfg;
            differs = true;
        }
        p->refs++;
        proposals[i] = p;
    }
    for (size_t i = 0; i < ike->n_proposals; i++)
        proposal_unref(ike->proposals[i]);
    free(ike->proposals);
    ike->proposals = proposals;
    ike->n_proposals = config->n_proposals;
    return differs;
}

/* ---- policies ---- */

static int policy_order(const void *left, const void *right)
{
    const struct policy *const *a = left, *const *b = right;

    return (*a)->cfg.id < (*b)->cfg.id ? -1 : (*a)->cfg.id > (*b)->cfg.id;
}

struct policy *policy_find(const struct ike *ike, uint32_t id)
{
    size_t low = 0, high = ike->n_policies;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (ike->policies[mid]->cfg.id == id)
            return ike->policies[mid];
        if (ike->policies[mid]->cfg.id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static uint64_t selectors_hash(const struct ike *ike, const struct ip_addr *remote,
                               const struct ike_selector *local_sel,
                               const struct ike_selector *remote_sel)
{
    const struct ike_selector *sel[2] = { local_sel, remote_sel };
    struct {
        struct ip_addr remote;
        struct ip_prefix prefix[2];
        uint16_t port[2];
        uint8_t proto[2];
    } key;

    memset(&key, 0, sizeof key); /* padding is part of the key */
    key.remote = *remote;
    for (unsigned i = 0; i < 2; i++) {
        key.prefix[i] = sel[i]->prefix;
        ip_prefix_mask(&key.prefix[i]);
        key.port[i] = sel[i]->port;
        key.proto[i] = sel[i]->proto;
    }
    return hash_bytes(&ike->hash_key, &key, sizeof key);
}

struct policy *policy_match(const struct ike *ike, const struct ike_path *path,
                            const struct child_selectors *wanted)
{
    uint64_t hash = selectors_hash(ike, &path->remote, &wanted->local, &wanted->remote);
    struct map_link *l = map_first(&ike->policies_by_selectors, hash);
    struct policy *first = NULL;

    for (; l; l = map_next(l)) {
        struct policy *p = map_owner(l, struct policy, by_selectors);

        if (child_policy_fits(&p->cfg, path, wanted) && (!first || p->place < first->place))
            first = p;
    }
    return first;
}

/* The slot only says where the data path keeps it. */
static bool policy_same(const struct ike_policy *a, const struct ike_policy *b)
{
    return child_selector_equal(&a->local_sel, &b->local_sel) &&
           child_selector_equal(&a->remote_sel, &b->remote_sel) && a->reqid == b->reqid &&
           ip_addr_equal(&a->local, &b->local) && ip_addr_equal(&a->remote, &b->remote) &&
           a->protocols == b->protocols && a->tunnel == b->tunnel &&
           a->replay_window == b->replay_window && strcmp(a->proposal, b->proposal) == 0;
}

static struct policy *policy_new(struct ike *ike, const struct ike_policy *cfg)
{
    struct policy *p = xcalloc(1, sizeof *p);

    p->ike = ike;
    p->cfg = *cfg;
    p->proposal = proposal_find(ike->proposals, ike->n_proposals, cfg->proposal);
    if (p->proposal)
        p->proposal->refs++;
    p->host = host_get(ike, &cfg->local, &cfg->remote);
    TAILQ_INSERT_TAIL(&p->host->policies, p, in_host);
    TAILQ_INIT(&p->children);
    TAILQ_INIT(&p->quicks);
    map_put(&ike->policies_by_selectors, &p->by_selectors,
            selectors_hash(ike, &cfg->remote, &cfg->local_sel, &cfg->remote_sel));
    return p;
}

static void policy_drop(struct policy *p)
{
    struct child *c;

    p->wanted = false;
    quick_policy_gone(p);
    while ((c = TAILQ_FIRST(&p->children)))
        child_delete(c);
    policy_free(p);
}

static bool policy_stays(const struct ike *ike, const struct policy *old,
                         const struct ike_policy *cfg)
{
    return policy_same(&old->cfg, cfg) &&
           old->proposal == proposal_find(ike->proposals, ike->n_proposals, cfg->proposal);
}

static bool policies_set(struct ike *ike, const struct ike_config *config)
{
    bool differs = config->n_policies != ike->n_policies;
    struct policy **policies = xcalloc(config->n_policies + 1, sizeof *policies);
    struct ike_policy *cfgs = xcalloc(config->n_policies + 1, sizeof *cfgs);

    for (size_t i = 0; i < config->n_policies; i++) {
        const struct ike_policy *cfg = &config->policies[i];
        struct policy *old = policy_find(ike, cfg->id);

        cfgs[i] = *cfg;
        if (old && policy_stays(ike, old, cfg)) {
            old->cfg = *cfg;
            old->kept = true;
            policies[i] = old;
        }
    }
    for (size_t i = 0; i < ike->n_policies; i++) {
        if (!ike->policies[i]->kept)
            policy_drop(ike->policies[i]);
    }
    for (size_t i = 0; i < config->n_policies; i++) {
        if (!policies[i]) {
            policies[i] = policy_new(ike, &config->policies[i]);
            differs = true;
        }
        policies[i]->kept = false;
        policies[i]->place = i;
    }
    free(ike->policies);
    free(ike->policy_cfgs);
    ike->policies = policies;
    ike->policy_cfgs = cfgs;
    ike->n_policies = config->n_policies;
    if (ike->n_policies > 1)
        qsort(ike->policies, ike->n_policies, sizeof *ike->policies, policy_order);
    return differs;
}

/* ---- phase 1 SAs ---- */

static void host_without_peer(struct host *h)
{
    struct child *c;

    while ((c = TAILQ_FIRST(&h->children)))
        child_delete(c);
}

/* Its SAs first, as long as phase 1 can say so. */
static void hosts_compare(struct ike *ike)
{
    for (size_t i = 0; i < ike->hosts.n_buckets; i++) {
        for (struct map_link *l = ike->hosts.buckets[i]; l; l = l->next) {
            struct host *h = map_owner(l, struct host, link);

            if (!TAILQ_EMPTY(&h->children) && !peer_find(ike, &h->remote))
                host_without_peer(h);
        }
    }
}

static void phase1_compare(struct phase1 *p1)
{
    if (peer_find(p1->ike, &p1->path.remote) != p1->peer)
        phase1_delete(p1);
}

static void phase1s_compare(struct ike *ike)
{
    struct phase1 **all = xcalloc(ike->phase1s.n + 1, sizeof *all);
    size_t n = 0;

    for (size_t i = 0; i < ike->phase1s.n_buckets; i++) {
        for (struct map_link *l = ike->phase1s.buckets[i]; l; l = l->next)
            all[n++] = map_owner(l, struct phase1, by_cookie);
    }
    for (size_t i = 0; i < n; i++) {
        if (!all[i]->dead)
            phase1_compare(all[i]);
    }
    free(all);
}

/* What failed may be what was just mended. */
static void policies_encourage(struct ike *ike)
{
    ike->encouraged_ms = ike->now_ms;
    for (size_t i = 0; i < ike->n_policies; i++) {
        struct policy *p = ike->policies[i];

        p->failures = 0;
        p->not_before_ms = 0;
        policy_try(p);
    }
}

void ike_configure(struct ike *ike, uint64_t now_ms, const struct ike_config *config)
{
    bool differs;

    ike->now_ms = now_ms;
    differs = proposals_set(ike, config);
    differs = policies_set(ike, config) || differs;
    trust_set(ike, config);
    differs = peers_set(ike, config) || differs;
    hosts_compare(ike);
    phase1s_compare(ike);
    /* The same again: addresses or routes changed, which some do many times a second. */
    if (differs || now_ms >= ike->encouraged_ms + IKE_ENCOURAGE_MS)
        policies_encourage(ike);
    ike_bury(ike);
}

void config_fini(struct ike *ike)
{
    for (size_t i = 0; i < ike->n_policies; i++)
        policy_free(ike->policies[i]);
    for (size_t i = 0; i < ike->n_proposals; i++)
        proposal_unref(ike->proposals[i]);
    for (size_t i = 0; i < ike->n_peers; i++)
        peer_unref(ike->peers[i]);
    pki_trust_unref(ike->trust);
    free(ike->policies);
    free(ike->policy_cfgs);
    free(ike->proposals);
    free(ike->peers);
    free(ike->groups);
}
