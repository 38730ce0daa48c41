#include "child_policy.h"

#include "proposal_why.h"

#include <stdio.h>

/* ---- identities and selectors ---- */

/* A range that starts at a subnet's first address and ends at its last is that subnet. */
static bool prefix_from_range(const struct ip_addr *first, const struct ip_addr *last,
                              struct ip_prefix *ret)
{
    const unsigned bits = 8 * (unsigned)ip_addr_len(first->family);
    unsigned len = 0;

    while (len < bits && !((first->b[len / 8] ^ last->b[len / 8]) & 0x80 >> len % 8))
        len++;
    for (unsigned i = len; i < bits; i++) {
        const unsigned mask = 0x80 >> i % 8;

        if ((first->b[i / 8] & mask) || !(last->b[i / 8] & mask))
            return false;
    }
    *ret = (struct ip_prefix){ .addr = *first, .len = (uint8_t)len };
    return true;
}

static bool prefix_from_id(const struct isakmp_id *id, struct ip_prefix *ret)
{
    switch (id->type) {
    case ID_IPV4:
    case ID_IPV6:
    case ID_IPV4_SUBNET:
    case ID_IPV6_SUBNET:
        *ret = id->prefix;
        ip_prefix_mask(ret);
        return true;
    case ID_IPV4_RANGE:
    case ID_IPV6_RANGE:
        return prefix_from_range(&id->addr, &id->last, ret);
    default:
        return false;
    }
}

bool child_selector_from_id(const struct isakmp_id *id, struct ike_selector *ret,
                            struct proposal_why *ret_why)
{
    struct ike_selector sel = { .proto = id->protocol, .port = id->port };
    char text[128];

    if (!prefix_from_id(id, &sel.prefix)) {
        why_set(ret_why, NOTIFY_INVALID_ID_INFORMATION,
                "peer wants %s, which is neither an address nor a subnet: no policy can say that",
                isakmp_id_to_text(id, text, sizeof text));
        return false;
    }
    *ret = sel;
    return true;
}

struct isakmp_id child_selector_to_id(const struct ike_selector *sel)
{
    return isakmp_id_of_prefix(&sel->prefix, sel->proto, sel->port);
}

static bool prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
    struct ip_prefix x = *a, y = *b;

    ip_prefix_mask(&x);
    ip_prefix_mask(&y);
    return x.len == y.len && ip_addr_equal(&x.addr, &y.addr);
}

bool child_selector_equal(const struct ike_selector *a, const struct ike_selector *b)
{
    return prefix_equal(&a->prefix, &b->prefix) && a->proto == b->proto && a->port == b->port;
}

bool child_selectors_equal(const struct child_selectors *a, const struct child_selectors *b)
{
    return child_selector_equal(&a->local, &b->local) &&
           child_selector_equal(&a->remote, &b->remote);
}

static const char *protocol_text(uint8_t proto, char *buf, size_t cap)
{
    switch (proto) {
    case 0:
        return "any";
    case 1:
        return "icmp";
    case 6:
        return "tcp";
    case 17:
        return "udp";
    default:
        snprintf(buf, cap, "%u", proto);
        return buf;
    }
}

char *child_selector_to_text(const struct ike_selector *sel, char *buf)
{
    char prefix[IP_PREFIX_TEXT_MAX], number[4];
    const char *proto = protocol_text(sel->proto, number, sizeof number);

    ip_prefix_to_text(&sel->prefix, prefix);
    if (sel->port)
        snprintf(buf, CHILD_SELECTOR_TEXT_MAX, "%s[%s:%u]", prefix, proto, sel->port);
    else if (sel->proto)
        snprintf(buf, CHILD_SELECTOR_TEXT_MAX, "%s[%s]", prefix, proto);
    else
        snprintf(buf, CHILD_SELECTOR_TEXT_MAX, "%s", prefix);
    return buf;
}

static struct ike_selector selector_of_address(const struct ip_addr *a)
{
    return (struct ike_selector){ .prefix = { .addr = *a,
                                              .len = (uint8_t)(8 * ip_addr_len(a->family)) } };
}

bool child_selectors_from_ids(const struct isakmp_id *idci, const struct isakmp_id *idcr,
                              const struct ike_path *path, bool initiator,
                              struct child_selectors *ret, struct proposal_why *ret_why)
{
    struct child_selectors s = { selector_of_address(&path->local),
                                 selector_of_address(&path->remote) };

    if (!idci != !idcr) {
        why_set(ret_why, NOTIFY_INVALID_ID_INFORMATION,
                "peer sends one phase 2 identity alone: both or none");
        return false;
    }
    if (idci && (!child_selector_from_id(initiator ? idci : idcr, &s.local, ret_why) ||
                 !child_selector_from_id(initiator ? idcr : idci, &s.remote, ret_why)))
        return false;
    *ret = s;
    return true;
}

bool child_selectors_agree(const struct child_selectors *asked,
                           const struct child_selectors *answered, struct proposal_why *ret_why)
{
    char local[CHILD_SELECTOR_TEXT_MAX], remote[CHILD_SELECTOR_TEXT_MAX];
    char their_local[CHILD_SELECTOR_TEXT_MAX], their_remote[CHILD_SELECTOR_TEXT_MAX];

    if (child_selectors_equal(asked, answered))
        return true;
    why_set(ret_why, NOTIFY_INVALID_ID_INFORMATION,
            "we asked for %s <-> %s, the peer answers for %s <-> %s",
            child_selector_to_text(&asked->local, local),
            child_selector_to_text(&asked->remote, remote),
            child_selector_to_text(&answered->local, their_local),
            child_selector_to_text(&answered->remote, their_remote));
    return false;
}

/* ---- policies ---- */

static bool policy_between(const struct ike_policy *p, const struct ike_path *path)
{
    return ip_addr_equal(&p->remote, &path->remote) &&
           (ip_addr_is_unset(&p->local) || ip_addr_equal(&p->local, &path->local));
}

static bool policy_says(const struct ike_policy *p, const struct child_selectors *wanted)
{
    return child_selector_equal(&p->local_sel, &wanted->local) &&
           child_selector_equal(&p->remote_sel, &wanted->remote);
}

static bool prefixes_overlap(const struct ip_prefix *a, const struct ip_prefix *b)
{
    return ip_prefix_contains(a, &b->addr) || ip_prefix_contains(b, &a->addr);
}

static unsigned selector_nearness(const struct ike_selector *a, const struct ike_selector *b)
{
    return (prefix_equal(&a->prefix, &b->prefix) ? 4u : 0u) +
           (prefixes_overlap(&a->prefix, &b->prefix) ? 4u : 0u) + (a->proto == b->proto) +
           (a->port == b->port);
}

/* The policy a person probably meant: of the same peer first, then by what agrees. */
static const struct ike_policy *policy_nearest(const struct ike_policy *policies, size_t n,
                                               const struct ike_path *path,
                                               const struct child_selectors *wanted)
{
    const struct ike_policy *best = NULL;
    unsigned best_nearness = 0;

    for (size_t i = 0; i < n; i++) {
        const struct ike_policy *p = &policies[i];
        const unsigned nearness = (policy_between(p, path) ? 32 : 0) +
                                  selector_nearness(&p->local_sel, &wanted->local) +
                                  selector_nearness(&p->remote_sel, &wanted->remote);

        if (!best || nearness > best_nearness) {
            best = p;
            best_nearness = nearness;
        }
    }
    return best;
}

static void why_no_policy(const struct ike_policy *nearest, const struct ike_path *path,
                          const struct child_selectors *wanted, struct proposal_why *ret_why)
{
    char local[CHILD_SELECTOR_TEXT_MAX], remote[CHILD_SELECTOR_TEXT_MAX];
    char near_local[CHILD_SELECTOR_TEXT_MAX], near_remote[CHILD_SELECTOR_TEXT_MAX];
    char from[IP_TEXT_MAX], to[IP_TEXT_MAX];
    char tail[2 * IP_TEXT_MAX + 48] = "";

    child_selector_to_text(&wanted->local, local);
    child_selector_to_text(&wanted->remote, remote);
    if (!nearest) {
        why_set(ret_why, NOTIFY_INVALID_ID_INFORMATION, "peer wants %s <-> %s, no policy says that",
                local, remote);
        return;
    }
    if (!policy_between(nearest, path))
        snprintf(tail, sizeof tail, " with sa-src-address=%s sa-dst-address=%s",
                 ip_addr_to_text(&nearest->local, from), ip_addr_to_text(&nearest->remote, to));
    why_set(ret_why, NOTIFY_INVALID_ID_INFORMATION,
            "peer wants %s <-> %s, no policy says that; nearest: %s <-> %s%s", local, remote,
            child_selector_to_text(&nearest->local_sel, near_local),
            child_selector_to_text(&nearest->remote_sel, near_remote), tail);
}

bool child_policy_fits(const struct ike_policy *p, const struct ike_path *path,
                       const struct child_selectors *wanted)
{
    return policy_between(p, path) && policy_says(p, wanted);
}

const struct ike_policy *child_policy_find(const struct ike_policy *policies, size_t n,
                                           const struct ike_path *path,
                                           const struct child_selectors *wanted,
                                           const struct ike_policy **ret_nearest,
                                           struct proposal_why *ret_why)
{
    const struct ike_policy *nearest;

    for (size_t i = 0; i < n; i++)
        if (child_policy_fits(&policies[i], path, wanted))
            return &policies[i];
    nearest = policy_nearest(policies, n, path, wanted);
    why_no_policy(nearest, path, wanted, ret_why);
    *ret_nearest = nearest && policy_between(nearest, path) ? nearest : NULL;
    return NULL;
}
