/* The classifier against a linear scan over random rule sets and packets. The scan is written here
 * once more, bit by bit, so that it shares no code with what it judges.
 * SPD_PROPERTY_SETS: how many rule sets; SPD_PROPERTY_SEED: where to start. */
#include "spd.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* needs those above */
#include <cmocka.h>

enum {
    DEFAULT_SETS = 4000,
    PACKETS_PER_SET = 25,
    SMALL_SET = 60,
    LARGE_SET = 700, /* one set in LARGE_EVERY: hundreds of tuples */
    LARGE_EVERY = 50,
    POOL = 6
};

struct dice {
    uint64_t state;
};

static uint32_t roll(struct dice *d, uint32_t sides)
{
    /* xorshift64*, Vigna 2016 */
    d->state ^= d->state >> 12;
    d->state ^= d->state << 25;
    d->state ^= d->state >> 27;
    return (uint32_t)((d->state * 0x2545f4914f6cdd1du) >> 33) % sides;
}

/* ---- random sets ---- */

struct world {
    struct dice dice;
    uint8_t pool[2][POOL][16]; /* addresses of either family that rules and packets draw from */
    struct policy policies[LARGE_SET];
    size_t n;
};

static const uint8_t protos[] = { 0, 0, 0, 1, 6, 6, 6, 17, 17, 47, 50, 58 };
static const uint16_t ports[] = { 0, 0, 0, 80, 443, 500, 0x5000, 65535 };
static const int32_t priorities[] = { 0, 0, 0, 1, 2, -1, -7, INT32_MAX, INT32_MIN };

#define PICK(d, table) (table)[roll(d, sizeof(table) / sizeof(*(table)))]

static void pool_fill(struct world *w)
{
    for (unsigned f = 0; f < 2; f++)
        for (unsigned i = 0; i < POOL; i++)
            for (unsigned b = 0; b < 16; b++)
                w->pool[f][i][b] =
                    (uint8_t)(i && roll(&w->dice, 3) ? w->pool[f][i - 1][b] : roll(&w->dice, 256));
}

static struct ip_prefix random_prefix(struct world *w, bool v6)
{
    struct ip_prefix p = { .addr = ip_addr_from_bytes(v6 ? IP_V6 : IP_V4,
                                                      w->pool[v6][roll(&w->dice, POOL)]) };
    unsigned bits = v6 ? 128 : 32;

    switch (roll(&w->dice, 4)) {
    case 0:
        p.len = (uint8_t)bits;
        break;
    case 1:
        p.len = (uint8_t)roll(&w->dice, bits + 1);
        break;
    default:
        p.len = (uint8_t)(8 * roll(&w->dice, bits / 8 + 1));
    }
    ip_prefix_mask(&p);
    return p;
}

static struct policy random_policy(struct world *w, uint32_t slot)
{
    bool v6 = roll(&w->dice, 3) == 0;
    struct policy p = { .slot = slot,
                        .priority = PICK(&w->dice, priorities),
                        .action = (uint8_t)roll(&w->dice, 3),
                        .level = (uint8_t)roll(&w->dice, 3) };

    p.sel.src = random_prefix(w, v6);
    p.sel.dst = random_prefix(w, v6);
    p.sel.proto = PICK(&w->dice, protos);
    if (p.sel.proto == 0 || p.sel.proto == 6 || p.sel.proto == 17) {
        p.sel.sport = PICK(&w->dice, ports);
        p.sel.dport = PICK(&w->dice, ports);
    }
    return p;
}

static void world_make(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->dice.state = seed * 0x9e3779b97f4a7c15u + 1;
    pool_fill(w);
    w->n = seed % LARGE_EVERY == 0 ? LARGE_SET : 1 + roll(&w->dice, SMALL_SET);
    for (size_t i = 0; i < w->n; i++)
        w->policies[i] = random_policy(w, (uint32_t)(i * 7 % 1009));
}

struct packet {
    struct spd_key key;
    bool has_ports, later;
};

static struct packet random_packet(struct world *w)
{
    struct dice *d = &w->dice;
    const struct policy *like = &w->policies[roll(d, (uint32_t)w->n)];
    bool v6 = like->sel.src.addr.family == IP_V6;
    unsigned len = v6 ? 16 : 4;
    struct packet pkt = { .key.family = v6 ? 6 : 4 };

    memcpy(pkt.key.src, roll(d, 4) ? like->sel.src.addr.b : w->pool[v6][roll(d, POOL)], len);
    memcpy(pkt.key.dst, roll(d, 4) ? like->sel.dst.addr.b : w->pool[v6][roll(d, POOL)], len);
    if (roll(d, 3) == 0)
        pkt.key.src[roll(d, len)] ^= (uint8_t)(1 << roll(d, 8));
    if (roll(d, 3) == 0)
        pkt.key.dst[roll(d, len)] ^= (uint8_t)(1 << roll(d, 8));
    pkt.key.proto = like->sel.proto && roll(d, 4) ? like->sel.proto : PICK(d, protos);
    pkt.later = roll(d, 4) == 0;
    if ((pkt.key.proto == 6 || pkt.key.proto == 17) && !pkt.later) {
        pkt.has_ports = true;
        pkt.key.sport = htons(roll(d, 2) ? like->sel.sport : PICK(d, ports));
        pkt.key.dport = htons(roll(d, 2) ? like->sel.dport : PICK(d, ports));
    }
    return pkt;
}

/* ---- the model ---- */

static bool bits_match(const uint8_t *net, const uint8_t *addr, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        if ((net[i / 8] ^ addr[i / 8]) & (0x80 >> (i % 8)))
            return false;
    return true;
}

enum match { MATCH_NO, MATCH_YES, MATCH_MAYBE };

static enum match model_match(const struct selector *s, const struct packet *pkt)
{
    if (s->src.addr.family != pkt->key.family ||
        !bits_match(s->src.addr.b, pkt->key.src, s->src.len) ||
        !bits_match(s->dst.addr.b, pkt->key.dst, s->dst.len) ||
        (s->proto != 0 && s->proto != pkt->key.proto))
        return MATCH_NO;
    if (s->sport == 0 && s->dport == 0)
        return MATCH_YES;
    if (pkt->key.proto != 6 && pkt->key.proto != 17)
        return MATCH_NO;
    if (pkt->later)
        return MATCH_MAYBE;
    return (s->sport == 0 || htons(s->sport) == pkt->key.sport) &&
                   (s->dport == 0 || htons(s->dport) == pkt->key.dport)
               ? MATCH_YES
               : MATCH_NO;
}

static const struct policy *model_lookup(const struct world *w, const struct packet *pkt,
                                         bool *ret_shadow)
{
    const struct policy *best = NULL;

    *ret_shadow = false;
    for (size_t i = 0; i < w->n; i++) {
        const struct policy *p = &w->policies[i];
        enum match m = model_match(&p->sel, pkt);

        if (m == MATCH_NO || (best && p->priority <= best->priority))
            continue;
        best = p;
        *ret_shadow = m == MATCH_MAYBE;
    }
    return best;
}

/* What the BPF program does with the image, over an unindexed list of rows. */
static const struct spd_row *image_lookup(const struct spd_image *image, const struct packet *pkt)
{
    const struct spd_row *best = NULL;

    for (uint16_t i = 0; i < image->tuples->n; i++) {
        const struct spd_tuple *t = &image->tuples->t[i];
        struct spd_key masked;

        if (best && best->entry.rank <= t->best_rank)
            break;
        if (t->family != pkt->key.family || (t->shadow && !pkt->later) ||
            ((t->sport_exact || t->dport_exact) && pkt->later))
            continue;
        spd_key_mask(&masked, &pkt->key, t, i);
        for (size_t r = 0; r < image->n_rows; r++) {
            const struct spd_row *row = &image->rows[r];
            if (memcmp(&row->key, &masked, sizeof(masked)) == 0 &&
                (!best || row->entry.rank < best->entry.rank))
                best = row;
        }
    }
    return best;
}

/* ---- the checks ---- */

static void check_packet(struct world *w, const struct spd *spd, const struct packet *pkt,
                         uint64_t seed, unsigned number)
{
    bool want_shadow, shadow = true;
    const struct policy *want = model_lookup(w, pkt, &want_shadow);
    const struct policy *got = spd_lookup(spd, &pkt->key, pkt->later, &shadow);

    if (!want != !got || (want && (memcmp(want, got, sizeof(*want)) || shadow != want_shadow)))
        fail_msg("seed %llu packet %u: slot %d shadow %d, wanted slot %d shadow %d",
                 (unsigned long long)seed, number, got ? (int)got->slot : -1, shadow,
                 want ? (int)want->slot : -1, want_shadow);
    for (size_t i = 0; i < w->n; i++)
        if (selector_matches(&w->policies[i].sel, &pkt->key, pkt->has_ports) !=
            (model_match(&w->policies[i].sel, pkt) == MATCH_YES))
            fail_msg("seed %llu packet %u: selector_matches on policy %zu",
                     (unsigned long long)seed, number, i);
}

static void check_image(const struct spd *spd, const struct packet *pkt, uint64_t seed,
                        unsigned number)
{
    struct spd_image image = spd_image(spd);
    bool shadow;
    const struct policy *p = spd_lookup(spd, &pkt->key, pkt->later, &shadow);
    const struct spd_row *row = image_lookup(&image, pkt);

    if (!p != !row || (p && (p->slot != row->entry.slot || p->action != row->entry.action ||
                             shadow != !!(row->entry.flags & SPD_SHADOW) ||
                             (p->level == LEVEL_USE) != !!(row->entry.flags & SPD_LEVEL_USE))))
        fail_msg("seed %llu packet %u: the image decides otherwise", (unsigned long long)seed,
                 number);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);

    return s ? strtoull(s, NULL, 10) : otherwise;
}

static void lookups_equal_a_linear_scan(void **state)
{
    uint64_t first = env_number("SPD_PROPERTY_SEED", 1);
    uint64_t sets = env_number("SPD_PROPERTY_SETS", DEFAULT_SETS);
    uint64_t hits = 0, shadows = 0;
    struct world *w = malloc(sizeof(*w));

    (void)state;
    for (uint64_t seed = first; seed < first + sets; seed++) {
        struct spd *spd;
        world_make(w, seed);
        assert_int_equal(spd_compile(w->policies, w->n, &spd), SPD_OK);
        for (unsigned i = 0; i < PACKETS_PER_SET; i++) {
            struct packet pkt = random_packet(w);
            bool shadow;
            check_packet(w, spd, &pkt, seed, i);
            if (w->n <= SMALL_SET) /* its search is too slow for the others */
                check_image(spd, &pkt, seed, i);
            hits += spd_lookup(spd, &pkt.key, pkt.later, &shadow) != NULL;
            shadows += shadow;
        }
        spd_free(spd);
    }
    free(w);
    print_message("%llu lookups, %llu hits, %llu of them shadows\n",
                  (unsigned long long)(sets * PACKETS_PER_SET), (unsigned long long)hits,
                  (unsigned long long)shadows);
    /* a test whose packets all miss would prove little */
    assert_true(hits > sets * PACKETS_PER_SET / 4);
    assert_true(shadows > sets * PACKETS_PER_SET / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookups_equal_a_linear_scan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
