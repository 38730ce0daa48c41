#include "spd.h"

#include "classifier.h"
#include "ip.h"
#include "rng.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { TUPLE_INDEX_SIZE = 4 * SPD_MAX_TUPLES };

struct spd {
    uint64_t generation;
    struct policy *policies; /* in match order: the index is the rank */
    size_t n_policies;
    uint32_t *rank_of_slot; /* SPD_RANK_NONE: no such policy */
    size_t n_slots;
    struct spd_tuples tuples;
    struct spd_row *rows;
    size_t n_rows;
    struct classifier *classifier;
};

/* Finds tuples by shape while compiling. */
struct tuple_index {
    uint64_t shape[TUPLE_INDEX_SIZE]; /* shape + 1, 0: empty */
    uint16_t tuple[TUPLE_INDEX_SIZE];
};

/* ---- match order ---- */

static int order_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The policies sorted: larger priority first, then as listed. */
static struct policy *policies_sorted(const struct policy *policies, size_t n)
{
    struct policy *sorted = xcalloc(n, sizeof(*sorted));
    uint64_t *order = xcalloc(n, sizeof(*order));

    for (size_t i = 0; i < n; i++) {
        uint32_t late = ~((uint32_t)policies[i].priority ^ 0x80000000u);
        order[i] = (uint64_t)late << 32 | i;
    }
    qsort(order, n, sizeof(*order), order_compare);
    for (size_t i = 0; i < n; i++)
        sorted[i] = policies[order[i] & 0xffffffffu];
    free(order);
    return sorted;
}

static void slots_index(struct spd *spd)
{
    for (size_t i = 0; i < spd->n_policies; i++)
        if (spd->policies[i].slot >= spd->n_slots)
            spd->n_slots = spd->policies[i].slot + 1;
    spd->rank_of_slot = xmalloc(spd->n_slots * sizeof(*spd->rank_of_slot));
    memset(spd->rank_of_slot, 0xff, spd->n_slots * sizeof(*spd->rank_of_slot));
    for (size_t i = spd->n_policies; i-- > 0;)
        spd->rank_of_slot[spd->policies[i].slot] = (uint32_t)i;
}

/* ---- rows ---- */

static bool policy_has_ports(const struct policy *p)
{
    return p->sel.sport != 0 || p->sel.dport != 0;
}

/* The protocols the rows of P are for; a port means something with TCP and UDP alone. None for a
 * selector that can match nothing. */
static unsigned policy_protos(const struct policy *p, uint8_t ret[2])
{
    uint8_t proto = p->sel.proto, family = p->sel.src.addr.family;

    ret[0] = proto;
    if ((family != IP_V4 && family != IP_V6) || p->sel.dst.addr.family != family)
        return 0;
    if (!policy_has_ports(p))
        return 1;
    if (proto == SELECTOR_PROTO_ALL) {
        ret[0] = PROTO_TCP;
        ret[1] = PROTO_UDP;
        return 2;
    }
    return proto == PROTO_TCP || proto == PROTO_UDP ? 1 : 0;
}

static uint64_t tuple_shape(const struct spd_tuple *t)
{
    return t->family | (uint64_t)t->src_len << 8 | (uint64_t)t->dst_len << 16 |
           (uint64_t)t->proto_exact << 24 | (uint64_t)t->sport_exact << 25 |
           (uint64_t)t->dport_exact << 26 | (uint64_t)t->shadow << 27;
}

/* The tuple of T's shape, made when new. Policies come in match order, so whoever makes a tuple
 * has its best rank, and tuples are sorted by it. False when there are too many. */
static bool tuple_find(struct spd *spd, struct tuple_index *index, const struct spd_tuple *t,
                       uint16_t *ret)
{
    uint64_t shape = tuple_shape(t);
    size_t at = (shape * 0x9e3779b97f4a7c15u) >> 40;

    while (index->shape[at % TUPLE_INDEX_SIZE] != 0) {
        if (index->shape[at % TUPLE_INDEX_SIZE] == shape + 1) {
            *ret = index->tuple[at % TUPLE_INDEX_SIZE];
            return true;
        }
        at++;
    }
    if (spd->tuples.n == SPD_MAX_TUPLES)
        return false;
    *ret = (uint16_t)spd->tuples.n;
    spd->tuples.t[spd->tuples.n++] = *t;
    classifier_add_tuple(spd->classifier, *ret, t);
    index->shape[at % TUPLE_INDEX_SIZE] = shape + 1;
    index->tuple[at % TUPLE_INDEX_SIZE] = *ret;
    return true;
}

static uint16_t port_be(uint16_t port)
{
    uint8_t b[2];
    uint16_t be;

    be16_put(b, port);
    memcpy(&be, b, sizeof(be));
    return be;
}

static struct spd_key selector_key(const struct selector *sel, uint8_t proto)
{
    struct spd_key key = { .sport = port_be(sel->sport),
                           .dport = port_be(sel->dport),
                           .proto = proto,
                           .family = sel->src.addr.family };

    memcpy(key.src, sel->src.addr.b, sizeof(key.src));
    memcpy(key.dst, sel->dst.addr.b, sizeof(key.dst));
    return key;
}

/* SAs are shared among policies of equal reqid alone. Neighbouring numbers spread evenly. */
static uint16_t lane_of(const struct policy *p)
{
    return (uint16_t)(p->reqid * 0x9e3779b1u >> 17);
}

static bool row_add(struct spd *spd, struct tuple_index *index, uint32_t rank, uint8_t proto,
                    bool shadow)
{
    const struct policy *p = &spd->policies[rank];
    struct spd_tuple t = { .best_rank = rank,
                           .family = p->sel.src.addr.family,
                           .src_len = p->sel.src.len,
                           .dst_len = p->sel.dst.len,
                           .proto_exact = proto != SELECTOR_PROTO_ALL,
                           .sport_exact = p->sel.sport != 0 && !shadow,
                           .dport_exact = p->sel.dport != 0 && !shadow,
                           .shadow = shadow };
    struct spd_key key = selector_key(&p->sel, proto);
    struct spd_row *row = &spd->rows[spd->n_rows];
    uint16_t tuple;

    if (!tuple_find(spd, index, &t, &tuple))
        return false;
    *row = (struct spd_row){ 0 };
    spd_key_mask(&row->key, &key, &t, tuple);
    row->entry = (struct spd_entry){
        .rank = rank, .slot = p->slot, .action = p->action, .lane = lane_of(p)
    };
    if (p->level == LEVEL_USE)
        row->entry.flags |= SPD_LEVEL_USE;
    if (shadow)
        row->entry.flags |= SPD_SHADOW;
    /* An equal key is taken by a policy that comes first: this row can never match. */
    if (classifier_add_row(spd->classifier, &row->key, rank))
        spd->n_rows++;
    return true;
}

static bool policy_add(struct spd *spd, struct tuple_index *index, uint32_t rank)
{
    const struct policy *p = &spd->policies[rank];
    uint8_t protos[2];
    unsigned n = policy_protos(p, protos);

    for (unsigned i = 0; i < n; i++) {
        if (!row_add(spd, index, rank, protos[i], false))
            return false;
        if (policy_has_ports(p) && !row_add(spd, index, rank, protos[i], true))
            return false;
    }
    return true;
}

static bool policies_add(struct spd *spd)
{
    struct tuple_index *index = xcalloc(1, sizeof(*index));
    bool fits = true;

    for (uint32_t rank = 0; fits && rank < spd->n_policies; rank++)
        fits = policy_add(spd, index, rank);
    free(index);
    return fits;
}

/* ---- the snapshot ---- */

static void rows_count(const struct spd *spd, size_t *ret_v4, size_t *ret_v6)
{
    uint8_t protos[2];
    size_t n[2] = { 0, 0 };

    for (size_t i = 0; i < spd->n_policies; i++) {
        const struct policy *p = &spd->policies[i];
        n[p->sel.src.addr.family == IP_V6] +=
            policy_protos(p, protos) * (policy_has_ports(p) ? 2u : 1u);
    }
    *ret_v4 = n[0];
    *ret_v6 = n[1];
}

static void spd_seed(struct spd *spd, uint64_t ret_hash[2])
{
    struct rng *rng = rng_new();

    rng_bytes(rng, &spd->generation, sizeof(spd->generation));
    rng_bytes(rng, ret_hash, 2 * sizeof(*ret_hash));
    rng_free(rng);
}

static bool policies_fit(const struct policy *policies, size_t n)
{
    if (n > SPD_MAX_SLOTS)
        return false;
    for (size_t i = 0; i < n; i++)
        if (policies[i].slot >= SPD_MAX_SLOTS)
            return false;
    return true;
}

enum spd_compile_result spd_compile(const struct policy *policies, size_t n, struct spd **ret)
{
    uint64_t seed[2];
    size_t n_v4, n_v6;

    if (!policies_fit(policies, n))
        return SPD_TOO_MANY_POLICIES;
    struct spd *spd = xcalloc(1, sizeof(*spd));
    spd_seed(spd, seed);
    spd->policies = policies_sorted(policies, n);
    spd->n_policies = n;
    slots_index(spd);
    rows_count(spd, &n_v4, &n_v6);
    spd->classifier = classifier_new(seed, n_v4, n_v6);
    spd->rows = xcalloc(n_v4 + n_v6, sizeof(*spd->rows));
    if (!policies_add(spd)) {
        spd_free(spd);
        return SPD_TOO_MANY_TUPLES;
    }
    classifier_finish(spd->classifier);
    *ret = spd;
    return SPD_OK;
}

void spd_free(struct spd *spd)
{
    if (!spd)
        return;
    classifier_free(spd->classifier);
    free(spd->rows);
    free(spd->rank_of_slot);
    free(spd->policies);
    free(spd);
}

const struct policy *spd_lookup(const struct spd *spd, const struct spd_key *key,
                                bool later_fragment, bool *ret_shadow)
{
    bool shadow = false;
    uint32_t rank = classifier_find(spd->classifier, key, later_fragment, &shadow);

    if (ret_shadow)
        *ret_shadow = shadow;
    return rank == SPD_RANK_NONE ? NULL : &spd->policies[rank];
}

const struct policy *spd_policy_of_slot(const struct spd *spd, uint32_t slot)
{
    if (slot >= spd->n_slots || spd->rank_of_slot[slot] == SPD_RANK_NONE)
        return NULL;
    return &spd->policies[spd->rank_of_slot[slot]];
}

size_t spd_count(const struct spd *spd)
{
    return spd->n_policies;
}

uint64_t spd_generation(const struct spd *spd)
{
    return spd->generation;
}

struct spd_image spd_image(const struct spd *spd)
{
    return (struct spd_image){ .tuples = &spd->tuples, .rows = spd->rows, .n_rows = spd->n_rows };
}
