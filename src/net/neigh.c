/* Stand-ins for neighbours that do not answer.
 *
 * The egress hook lies behind neighbour resolution: a packet for a dead on-link address would never
 * reach it, although policy sends it through a tunnel. So when a neighbour inside an encrypt
 * policy's destination has failed, it gets a link address of ours that nobody owns. The entry is an
 * ordinary reachable one, never permanent: the kernel probes it again after its usual time (about
 * half a minute), the real neighbour's answer replaces it, and when there is none it fails and is
 * put back. Next hops of routes are left alone unless a policy names them: a gateway that comes
 * back must be found at once. */
#include "hash.h"
#include "log.h"
#include "steer_priv.h"
#include "text.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIXES_MAX = 1024, PLACES = 4 * PREFIXES_MAX, STAND_INS_MAX = 1024, MESSAGE_BYTES = 4096 };

static const uint8_t STAND_IN_MAC[6] = { 0x02, 0x00, 0x5a, 0x11, 0x00, 0x00 };

struct neighbour {
    unsigned ifindex;
    struct ip_addr addr;
};

struct stand_ins {
    struct mnl_socket *nl;
    uint32_t seq;
    struct ip_prefix prefixes[PREFIXES_MAX]; /* destinations of encrypt policies, each once */
    size_t n_prefixes;
    uint16_t places[PLACES];              /* 1 + place in prefixes; 0: free */
    struct neighbour made[STAND_INS_MAX]; /* a ring: what was put in, to be removed at the end */
    size_t n_made;
};

struct stand_ins *stand_ins_new(void)
{
    struct stand_ins *s = xcalloc(1, sizeof(*s));
    s->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (s->nl && mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) == 0)
        return s;
    stand_ins_free(s); /* a convenience: steering works without it */
    return NULL;
}

void stand_ins_free(struct stand_ins *s)
{
    if (!s)
        return;
    if (s->nl)
        mnl_socket_close(s->nl);
    free(s);
}

static void prefix_add(struct stand_ins *s, const struct ip_prefix *p)
{
    static const struct hash_key fixed = { 3, 4 }; /* prefixes are the administrator's own */
    size_t at = hash_bytes(&fixed, p->addr.b, sizeof(p->addr.b)) % PLACES;

    for (; s->places[at]; at = (at + 1) % PLACES) {
        const struct ip_prefix *have = &s->prefixes[s->places[at] - 1];
        if (have->len == p->len && ip_addr_equal(&have->addr, &p->addr))
            return;
    }
    s->prefixes[s->n_prefixes++] = *p;
    s->places[at] = (uint16_t)s->n_prefixes;
}

void stand_ins_follow(struct stand_ins *s, const struct spd_image *image)
{
    if (!s)
        return;
    s->n_prefixes = 0;
    memset(s->places, 0, sizeof(s->places));
    for (uint64_t i = 0; i < image->n_rows && s->n_prefixes < PREFIXES_MAX; i++) {
        const struct spd_row *row = &image->rows[i];
        const struct spd_tuple *t = &image->tuples->t[row->key.tuple];
        struct ip_prefix p = { ip_addr_from_bytes((enum ip_family)t->family, row->key.dst),
                               t->dst_len };
        /* a policy for all addresses says nothing about this one: it may be a gateway */
        if (row->entry.action == SPD_ENCRYPT && p.len > 0)
            prefix_add(s, &p);
    }
}

static bool wanted(const struct stand_ins *s, const struct ip_addr *a)
{
    for (size_t i = 0; i < s->n_prefixes; i++)
        if (ip_prefix_contains(&s->prefixes[i], a))
            return true;
    return false;
}

static struct nlmsghdr *message_start(char *buf, uint16_t type, uint16_t flags,
                                      const struct neighbour *n, uint16_t state)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = NLM_F_REQUEST | flags;
    struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));
    nd->ndm_family = n->addr.family == IP_V6 ? AF_INET6 : AF_INET;
    nd->ndm_ifindex = (int)n->ifindex;
    nd->ndm_state = state;
    mnl_attr_put(nlh, NDA_DST, ip_addr_len(n->addr.family), n->addr.b);
    return nlh;
}

static bool exchange(struct stand_ins *s, struct nlmsghdr *nlh, mnl_cb_t on_reply, void *data)
{
    char buf[MESSAGE_BYTES];
    nlh->nlmsg_seq = ++s->seq;
    if (mnl_socket_sendto(s->nl, nlh, nlh->nlmsg_len) < 0)
        return false;
    ssize_t n = mnl_socket_recvfrom(s->nl, buf, sizeof(buf));
    return n > 0 &&
           mnl_cb_run(buf, (size_t)n, s->seq, mnl_socket_get_portid(s->nl), on_reply, data) >= 0;
}

struct entry {
    uint16_t state;
    bool ours;
};

static int on_attr(const struct nlattr *attr, void *data)
{
    struct entry *e = data;
    if (mnl_attr_get_type(attr) == NDA_LLADDR &&
        mnl_attr_get_payload_len(attr) == sizeof(STAND_IN_MAC))
        e->ours = memcmp(mnl_attr_get_payload(attr), STAND_IN_MAC, sizeof(STAND_IN_MAC)) == 0;
    return MNL_CB_OK;
}

static int on_entry(const struct nlmsghdr *nlh, void *data)
{
    struct entry *e = data;
    if (nlh->nlmsg_type != RTM_NEWNEIGH)
        return MNL_CB_OK;
    const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
    e->state = nd->ndm_state;
    mnl_attr_parse(nlh, sizeof(*nd), on_attr, e);
    return MNL_CB_OK;
}

static bool entry_get(struct stand_ins *s, const struct neighbour *n, struct entry *ret)
{
    char buf[MESSAGE_BYTES];
    *ret = (struct entry){ 0 };
    return exchange(s, message_start(buf, RTM_GETNEIGH, 0, n, 0), on_entry, ret);
}

void stand_ins_failed(struct stand_ins *s, unsigned ifindex, const struct ip_addr *addr)
{
    const struct neighbour n = { ifindex, *addr };
    char buf[MESSAGE_BYTES], text[IP_TEXT_MAX];
    struct entry now;

    /* asked again: it may have answered since the report was written */
    if (!s || !wanted(s, addr) || !entry_get(s, &n, &now) || !(now.state & NUD_FAILED))
        return;
    struct nlmsghdr *nlh =
        message_start(buf, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_REPLACE, &n, NUD_REACHABLE);
    mnl_attr_put(nlh, NDA_LLADDR, sizeof(STAND_IN_MAC), STAND_IN_MAC);
    if (exchange(s, nlh, NULL, NULL))
        s->made[s->n_made++ % STAND_INS_MAX] = n;
    else
        log_debug("steer", "no stand-in for neighbour %s: %s", ip_addr_to_text(addr, text),
                  strerror(errno));
}

void stand_ins_remove(struct stand_ins *s)
{
    char buf[MESSAGE_BYTES];
    struct entry now;

    for (size_t i = 0; s && i < s->n_made && i < STAND_INS_MAX; i++)
        if (entry_get(s, &s->made[i], &now) && now.ours)
            exchange(s, message_start(buf, RTM_DELNEIGH, NLM_F_ACK, &s->made[i], 0), NULL, NULL);
    if (s)
        s->n_made = 0;
}
