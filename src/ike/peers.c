/* Peer entries and proposals in use: shared by count, compared field by field, and for peers the
 * longest prefix that contains an address. */
#include "ike_priv.h"
#include "text.h"

#include <stdlib.h>

struct peer *peer_ref(struct peer *p)
{
    p->refs++;
    return p;
}

void peer_unref(struct peer *p)
{
    if (!p || --p->refs > 0)
        return;
    pki_cert_unref(p->cfg.certificate);
    pki_key_unref(p->cfg.key);
    pki_cert_unref(p->cfg.remote_certificate);
    secret_wipe(p, sizeof *p);
    free(p);
}

void proposal_unref(struct proposal *p)
{
    if (p && --p->refs == 0)
        free(p);
}

bool peer_same(const struct ike_peer *a, const struct ike_peer *b)
{
    return a->id == b->id && ip_addr_equal(&a->address.addr, &b->address.addr) &&
           a->address.len == b->address.len && a->port == b->port && a->mode == b->mode &&
           a->auth == b->auth && a->psk.len == b->psk.len &&
           secret_equal(a->psk.b, b->psk.b, a->psk.len) &&
           pki_cert_same(a->certificate, b->certificate) && pki_key_same(a->key, b->key) &&
           pki_cert_same(a->remote_certificate, b->remote_certificate) && a->cipher == b->cipher &&
           a->hash == b->hash && a->group == b->group && a->lifetime_s == b->lifetime_s &&
           a->lifebytes == b->lifebytes && a->check == b->check &&
           a->send_initial_contact == b->send_initial_contact &&
           a->nat_traversal == b->nat_traversal && a->generate_policy == b->generate_policy &&
           a->passive == b->passive && a->dpd_interval_s == b->dpd_interval_s &&
           a->dpd_max_failures == b->dpd_max_failures;
}

bool proposal_same(const struct ike_proposal *a, const struct ike_proposal *b)
{
    return strcmp(a->name, b->name) == 0 && a->auth_algs == b->auth_algs &&
           a->ciphers == b->ciphers && a->lifetime_s == b->lifetime_s &&
           a->lifebytes == b->lifebytes && a->pfs_group == b->pfs_group;
}

static int peer_order(const void *left, const void *right)
{
    const struct peer *const *l = left, *const *r = right;
    const struct ip_prefix *a = &(*l)->cfg.address, *b = &(*r)->cfg.address;
    int c;

    if (a->len != b->len)
        return a->len > b->len ? -1 : 1;
    if (a->addr.family != b->addr.family)
        return a->addr.family < b->addr.family ? -1 : 1;
    c = memcmp(a->addr.b, b->addr.b, sizeof a->addr.b);
    /* Of equal prefixes the one configured first. */
    return c != 0 ? c : (*l)->place < (*r)->place ? -1 : 1;
}

void peers_sort(struct ike *ike)
{
    for (size_t i = 0; i < ike->n_peers; i++)
        ike->peers[i]->place = i;
    if (ike->n_peers > 1)
        qsort(ike->peers, ike->n_peers, sizeof *ike->peers, peer_order);
    ike->groups = xrealloc(ike->groups, (ike->n_peers + 1) * sizeof *ike->groups);
    ike->n_groups = 0;
    for (size_t i = 0; i < ike->n_peers; i++) {
        const struct ip_prefix *p = &ike->peers[i]->cfg.address;
        struct peer_group *last = ike->n_groups ? &ike->groups[ike->n_groups - 1] : NULL;

        if (!last || last->len != p->len || last->family != p->addr.family)
            ike->groups[ike->n_groups++] = (struct peer_group){ p->addr.family, p->len, i, 1 };
        else
            last->n++;
    }
}

static struct peer *group_find(const struct ike *ike, const struct peer_group *g,
                               const struct ip_addr *remote)
{
    struct ip_addr key = *remote;
    size_t low = g->first, high = g->first + g->n;

    ip_bits_mask(key.b, g->len);
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (memcmp(ike->peers[mid]->cfg.address.addr.b, key.b, sizeof key.b) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < g->first + g->n && memcmp(ike->peers[low]->cfg.address.addr.b, key.b, 16) == 0)
        return ike->peers[low];
    return NULL;
}

struct peer *peer_find(const struct ike *ike, const struct ip_addr *remote)
{
    for (size_t i = 0; i < ike->n_groups; i++) {
        struct peer *p = NULL;

        if (ike->groups[i].family == remote->family)
            p = group_find(ike, &ike->groups[i], remote);
        if (p)
            return p;
    }
    return NULL;
}
