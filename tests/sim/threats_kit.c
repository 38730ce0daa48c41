#include "threats_kit.h"

#include "cursor.h"

struct mitm_msg edited;
uint8_t sealed[BYTES_MAX];
unsigned n_tried;

void acquire(struct net *n, unsigned engine)
{
    ike_on_acquire(n->e[engine].ike, n->now_ms, 7);
    net_actions(n, engine);
}

uint64_t drops(const struct net *n, unsigned engine)
{
    uint64_t d[IKE_DROP_COUNT], sum = 0;

    ike_drops(n->e[engine].ike, d);
    for (unsigned i = 0; i < IKE_DROP_COUNT; i++)
        sum += d[i];
    return sum;
}

void inject(struct net *n, const struct net_message *m, const uint8_t *b, size_t len)
{
    unsigned before = n->n_pending;

    net_deliver(n, m->to, &m->path, b, len);
    while (n->n_pending > before)
        net_pending_drop(n, n->n_pending - 1);
    n_tried++;
}

void assert_dropped(struct net *n, const struct net_message *m, const uint8_t *b, size_t len,
                    const char *label, unsigned which)
{
    uint64_t before = drops(n, m->to);
    unsigned children = n->e[m->to].n_children;

    inject(n, m, b, len);
    if (drops(n, m->to) == before || n->e[m->to].n_children != children)
        fail_msg("%s %u: not dropped (exchange %u, to %u)", label, which, b[18], m->to);
}

size_t edited_seal(struct net *n, const struct net_message *m, bool rehash)
{
    if (rehash)
        mitm_rehash(n->e[m->to].ike, &edited);
    return mitm_seal(n->e[m->to].ike, &edited, sealed, sizeof sealed);
}

void assert_edited_dropped(struct net *n, const struct net_message *m, bool rehash,
                           const char *label, unsigned which)
{
    size_t len = edited_seal(n, m, rehash);

    assert_true(len > 0);
    assert_dropped(n, m, sealed, len, label, which);
}

bool is_sealed(const struct net_message *m)
{
    return m->bytes[19] & ISAKMP_FLAG_ENCRYPTED;
}

bool is_quick(const struct net_message *m)
{
    return m->bytes[18] == EXCHANGE_QUICK;
}

bool is_main(const struct net_message *m)
{
    return m->bytes[18] == EXCHANGE_MAIN;
}

void edit(const struct net_message *m)
{
    assert_true(mitm_open(m->bytes, m->len, &edited));
    if (edited.sealed && !is_main(m))
        be32_put(edited.b + 20, ANY_ID + n_tried);
}

/* A negotiates with B, and before each message arrives TRY has its turn. */
static struct net *attempted(attempt try)
{
    struct net *n = net_new(3);

    n_tried = 0;
    for (unsigned e = NET_A; e <= NET_B; e++) {
        n->e[e].proposals[0].pfs_group = DH_MODP768;
        net_configure(n, e);
    }
    acquire(n, NET_A);
    for (unsigned i = 0; i < 100; i++) {
        bool job = false;

        for (unsigned e = NET_A; e <= NET_B && !job; e++) {
            job = n->e[e].n_jobs > 0;
            if (job)
                net_job_finish(n, e, 0);
        }
        if (job)
            continue;
        if (n->n_pending == 0)
            break;
        try(n, &n->pending[0]);
        net_run(n, 1);
    }
    return n;
}

unsigned usable(const struct net *n, unsigned engine)
{
    unsigned count = 0;

    for (unsigned i = 0; i < n->e[engine].n_children; i++)
        count += n->e[engine].children[i].out;
    return count;
}

void assert_up(struct net *n, const char *label)
{
    if (usable(n, NET_A) != 1 || usable(n, NET_B) != 1 || n->e[NET_A].n_children != 1 ||
        n->e[NET_B].n_children != 1)
        fail_msg("%s: %u of %u SAs at A, %u of %u at B", label, usable(n, NET_A),
                 n->e[NET_A].n_children, usable(n, NET_B), n->e[NET_B].n_children);
    assert_true(n_tried > 0);
}

void run(attempt try, const char *label)
{
    struct net *n = attempted(try);

    assert_up(n, label);
    net_free(n);
}

const struct phase1 *phase1_any(const struct net *n, unsigned engine)
{
    struct map_link *l = map_any(&n->e[engine].ike->phase1s);

    return l ? map_owner(l, const struct phase1, by_cookie) : NULL;
}

struct net *stopped_at(unsigned to, uint8_t exchange, bool encrypted)
{
    struct net *n = net_new(3);

    acquire(n, NET_A);
    while (n->n_pending == 0 || n->pending[0].to != to || n->pending[0].bytes[18] != exchange ||
           is_sealed(&n->pending[0]) != encrypted)
        net_run(n, 1);
    return n;
}
