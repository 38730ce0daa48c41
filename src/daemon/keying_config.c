#include "keying_config.h"

#include <stdio.h>
#include <stdlib.h>

/* Console names to algorithms: the tables of model.h in their order. */
static const enum auth_alg auths[] = { AUTH_NONE, AUTH_MD5, AUTH_SHA1 };
static const enum cipher_alg ciphers[] = { CIPHER_NULL,    CIPHER_DES,     CIPHER_3DES,
                                           CIPHER_AES_128, CIPHER_AES_192, CIPHER_AES_256 };

static uint32_t bits_of_auths(uint32_t set)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < sizeof(auths) / sizeof(auths[0]); i++)
        if (set & 1u << i)
            bits |= 1u << auths[i];
    return bits ? bits : 1u << AUTH_NONE;
}

static uint32_t bits_of_ciphers(uint32_t set)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
        if (set & 1u << i)
            bits |= 1u << ciphers[i];
    return bits;
}

static struct ike_peer peer_of(const struct item *item)
{
    static const enum ike_exchange_mode modes[] = {
        [CFG_MAIN] = IKE_MAIN, [CFG_AGGRESSIVE] = IKE_AGGRESSIVE, [CFG_BASE] = IKE_BASE
    };
    static const enum ike_auth_method methods[] = {
        [CFG_PRE_SHARED_KEY] = IKE_PRE_SHARED_KEY, [CFG_RSA_SIGNATURE] = IKE_RSA_SIGNATURE
    };
    static const enum ike_proposal_check checks[] = { [CFG_CLAIM] = IKE_CHECK_CLAIM,
                                                      [CFG_EXACT] = IKE_CHECK_EXACT,
                                                      [CFG_OBEY] = IKE_CHECK_OBEY,
                                                      [CFG_STRICT] = IKE_CHECK_STRICT };
    const struct cfg_peer *c = item->data;
    struct ike_peer p = { .id = item->id,
                          .address = c->address.prefix,
                          .port = c->address.port,
                          .mode = modes[c->exchange_mode],
                          .auth = methods[c->auth_method],
                          .cipher = ciphers[c->enc_algorithm + 1],
                          .hash = auths[c->hash_algorithm + 1],
                          .group = (enum dh_group)(c->dh_group + 1),
                          .lifetime_s = c->lifetime_s,
                          .lifebytes = (uint64_t)c->lifebytes,
                          .check = checks[c->proposal_check],
                          .send_initial_contact = c->send_initial_contact,
                          .nat_traversal = c->nat_traversal,
                          .generate_policy = c->generate_policy,
                          .passive = c->passive,
                          .dpd_interval_s = c->dpd_interval_s,
                          .dpd_max_failures = (unsigned)c->dpd_maximum_failures };

    key_text_to_secret(c->secret, &p.psk);
    return p;
}

static struct ike_proposal proposal_of(const struct item *item)
{
    const struct cfg_proposal *c = item->data;
    struct ike_proposal p = { .auth_algs = bits_of_auths(c->auth_algorithms),
                              .ciphers = bits_of_ciphers(c->enc_algorithms),
                              .lifetime_s = c->lifetime_s,
                              .lifebytes = (uint64_t)c->lifebytes,
                              .pfs_group = (enum dh_group)c->pfs_group };

    snprintf(p.name, sizeof(p.name), "%s", c->name);
    return p;
}

static struct ike_policy policy_of(const struct plan_policy *pp)
{
    const struct cfg_policy *c = pp->item->data;
    const struct policy *pol = &pp->policy;
    struct ike_policy p = { .id = pp->item->id,
                            .slot = pol->slot,
                            .reqid = pol->reqid,
                            .local_sel = { pol->sel.src, pol->sel.sport, pol->sel.proto },
                            .remote_sel = { pol->sel.dst, pol->sel.dport, pol->sel.proto },
                            .local = pol->local,
                            .remote = pol->remote,
                            .tunnel = pol->tunnel,
                            .replay_window = (uint32_t)c->replay_window };

    if (pol->protocols & PROTO_BIT_ESP)
        p.protocols |= IKE_PROTO_ESP;
    if (pol->protocols & PROTO_BIT_AH)
        p.protocols |= IKE_PROTO_AH;
    snprintf(p.proposal, sizeof(p.proposal), "%s", c->proposal);
    return p;
}

static const struct item *enabled_at(const struct config *c, const struct menu *m, size_t i)
{
    const struct item *item = config_item_at(c, m, i);

    return item->disabled ? NULL : item;
}

void keying_config_build(struct config *c, const struct plan *plan, struct keying_config *ret)
{
    const struct menu *peer_menu = menu_find("ip ipsec peer");
    const struct menu *proposal_menu = menu_find("ip ipsec proposal");
    size_t n_peers = config_count(c, peer_menu), n_proposals = config_count(c, proposal_menu);
    const struct item *item;

    *ret = (struct keying_config){ .peers = xcalloc(n_peers, sizeof(*ret->peers)),
                                   .proposals = xcalloc(n_proposals, sizeof(*ret->proposals)),
                                   .policies = xcalloc(plan->n_policies, sizeof(*ret->policies)) };
    for (size_t i = 0; i < n_peers; i++)
        if ((item = enabled_at(c, peer_menu, i)))
            ret->peers[ret->ike.n_peers++] = peer_of(item);
    for (size_t i = 0; i < n_proposals; i++)
        if ((item = enabled_at(c, proposal_menu, i)))
            ret->proposals[ret->ike.n_proposals++] = proposal_of(item);
    for (size_t i = 0; i < plan->n_policies; i++)
        if (plan_uses_ike(&plan->policies[i]))
            ret->policies[ret->ike.n_policies++] = policy_of(&plan->policies[i]);
    ret->ike.peers = ret->peers;
    ret->ike.proposals = ret->proposals;
    ret->ike.policies = ret->policies;
}

void keying_config_fini(struct keying_config *kc)
{
    for (size_t i = 0; i < kc->ike.n_peers; i++)
        secret_wipe(&kc->peers[i].psk, sizeof(kc->peers[i].psk));
    free(kc->peers);
    free(kc->proposals);
    free(kc->policies);
}
