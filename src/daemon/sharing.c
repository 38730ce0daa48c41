#include "sharing.h"

#include "text.h"

#include <stdlib.h>

/* What a selector leaves open: of two that nest, the wider has the wider shape, and the narrower
 * with all else masked off gives the wider exactly. */
struct shape {
    uint8_t family, src_len, dst_len;
    bool sport, dport, proto; /* says one */
};

struct key {
    uint32_t reqid;
    struct ip_addr src, dst;
    struct shape shape;
    uint16_t sport, dport;
    uint8_t proto;
};

struct builder {
    const struct plan *plan;
    struct keymap by_key; /* struct key -> index of the policy */
    struct shape *shapes;
    size_t n_shapes, cap_pairs;
    struct sharing *ret;
};

static bool takes_part(const struct plan_policy *pp)
{
    return plan_uses_ike(pp) && pp->policy.level == LEVEL_REQUIRE;
}

static struct shape shape_of(const struct selector *sel)
{
    return (struct shape){ .family = sel->src.addr.family,
                           .src_len = sel->src.len,
                           .dst_len = sel->dst.len,
                           .sport = sel->sport != 0,
                           .dport = sel->dport != 0,
                           .proto = sel->proto != 0 };
}

static bool shape_equal(const struct shape *a, const struct shape *b)
{
    return a->family == b->family && a->src_len == b->src_len && a->dst_len == b->dst_len &&
           a->sport == b->sport && a->dport == b->dport && a->proto == b->proto;
}

static bool shape_is_wider(const struct shape *wide, const struct shape *s)
{
    return wide->family == s->family && wide->src_len <= s->src_len &&
           wide->dst_len <= s->dst_len && wide->sport <= s->sport && wide->dport <= s->dport &&
           wide->proto <= s->proto && !shape_equal(wide, s);
}

static struct ip_addr masked(const struct ip_addr *a, uint8_t len)
{
    struct ip_prefix p = { *a, len };

    ip_prefix_mask(&p);
    return p.addr;
}

/* A policy's selector cut down to SHAPE; filled with memset, as it is compared as bytes. */
static void key_fill(const struct plan_policy *pp, const struct shape *shape, struct key *ret)
{
    const struct selector *sel = &pp->policy.sel;

    memset(ret, 0, sizeof(*ret));
    ret->reqid = pp->policy.reqid;
    ret->src = masked(&sel->src.addr, shape->src_len);
    ret->dst = masked(&sel->dst.addr, shape->dst_len);
    ret->shape = *shape;
    ret->sport = shape->sport ? sel->sport : 0;
    ret->dport = shape->dport ? sel->dport : 0;
    ret->proto = shape->proto ? sel->proto : 0;
}

static void shape_add(struct builder *b, const struct shape *shape)
{
    for (size_t i = 0; i < b->n_shapes; i++)
        if (shape_equal(&b->shapes[i], shape))
            return;
    b->shapes = xrealloc(b->shapes, (b->n_shapes + 1) * sizeof(*b->shapes));
    b->shapes[b->n_shapes++] = *shape;
}

static void policy_add(struct builder *b, size_t i)
{
    const struct plan_policy *pp = &b->plan->policies[i];
    struct shape shape = shape_of(&pp->policy.sel);
    struct key key;
    bool is_new;

    shape_add(b, &shape);
    key_fill(pp, &shape, &key);
    keymap_put(&b->by_key, &key, sizeof(key), (uint32_t)i, &is_new);
}

static void pair_add(struct builder *b, const struct plan_policy *lender,
                     const struct plan_policy *borrower)
{
    struct sharing *s = b->ret;

    if (s->n == b->cap_pairs) {
        b->cap_pairs = b->cap_pairs ? 2 * b->cap_pairs : 64;
        s->pairs = xrealloc(s->pairs, b->cap_pairs * sizeof(*s->pairs));
    }
    s->pairs[s->n++] = (struct sharing_pair){ lender->policy.slot, borrower->policy.slot };
}

static bool same_proposal(const struct plan_policy *a, const struct plan_policy *b)
{
    const struct cfg_policy *x = a->item->data, *y = b->item->data;

    return strcmp(x->proposal, y->proposal) == 0;
}

static void lenders_find(struct builder *b, const struct plan_policy *pp)
{
    struct shape own = shape_of(&pp->policy.sel);

    for (size_t i = 0; i < b->n_shapes; i++) {
        struct key key;
        uint32_t found;

        if (!shape_is_wider(&b->shapes[i], &own))
            continue;
        key_fill(pp, &b->shapes[i], &key);
        if (keymap_find(&b->by_key, &key, sizeof(key), &found) &&
            same_proposal(&b->plan->policies[found], pp))
            pair_add(b, &b->plan->policies[found], pp);
    }
}

void sharing_build(const struct plan *plan, struct sharing *ret)
{
    struct builder b = { .plan = plan, .ret = ret };

    *ret = (struct sharing){ 0 };
    for (size_t i = 0; i < plan->n_policies; i++)
        if (takes_part(&plan->policies[i]))
            policy_add(&b, i);
    for (size_t i = 0; i < plan->n_policies; i++)
        if (takes_part(&plan->policies[i]))
            lenders_find(&b, &plan->policies[i]);
    keymap_fini(&b.by_key);
    free(b.shapes);
}

void sharing_fini(struct sharing *s)
{
    free(s->pairs);
    *s = (struct sharing){ 0 };
}
