/* Speed of SPD lookup without the flow cache, in user space, and memory per SA.
 * Lookup: packets drawn evenly from the policies, in random order, so that at 100,000 policies the
 * tables do not stay in the inner caches. Two address plans: "spread" draws prefixes from all of
 * the address space; "dense" packs them into 10.0.0.0/8 (2001:db8::/40), so that prefixes of other
 * lengths overlap a packet's addresses nearly always, which is the hard case for any classifier.
 * A lookup finds the policy and does not read it. CPU time; contenders take turns and the fastest
 * round counts, so that other load falls out, except what it does to the shared caches.
 * bench_spd [--quick] */
#include "bulk.h"
#include "engine_priv.h"
#include "spd.h"
#include "text.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_KEYS = 1 << 16, N_SAS = 100000, N_WORKERS = 2 };

struct plan {
    const char *name;
    bool v6, dense;
};

static const struct plan plans[] = {
    { "v4 spread", false, false },
    { "v4 dense", false, true },
    { "v6 dense", true, true },
};

static const unsigned policy_counts[] = { 10, 1000, 100000 };
static const unsigned combinations[] = { 1, 30, 300 };

enum { COUNTS = 3 };

static uint64_t dice_state = 88172645463325252u;

static uint32_t roll(uint32_t sides)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (uint32_t)(dice_state >> 32) % sides;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- policies and packets ---- */

static void random_addr(const struct plan *plan, struct ip_addr *a)
{
    *a = (struct ip_addr){ .family = plan->v6 ? IP_V6 : IP_V4 };
    for (unsigned i = 0; i < (plan->v6 ? 16 : 4); i++)
        a->b[i] = (uint8_t)roll(256);
    if (!plan->dense)
        return;
    if (plan->v6)
        memcpy(a->b, (const uint8_t[]){ 0x20, 1, 0x0d, 0xb8, 0 }, 5);
    else
        a->b[0] = 10;
}

/* N combinations of lengths; v6 lies on 48 bits of network further right. */
static void combination_lens(const struct plan *plan, unsigned n, unsigned c, uint8_t *ret_src,
                             uint8_t *ret_dst)
{
    static const uint8_t few_src[] = { 16, 18, 20, 24, 28 }, few_dst[] = { 16, 18, 20, 22, 24, 32 };
    unsigned shift = plan->v6 ? 32 : 0;

    if (n <= 30) {
        *ret_src = (uint8_t)(n == 1 ? 24 : few_src[c % 5]);
        *ret_dst = (uint8_t)(n == 1 ? 24 : few_dst[c / 5 % 6]);
    } else {
        *ret_src = (uint8_t)(14 + c % 17);
        *ret_dst = (uint8_t)(14 + c / 17 % 18);
    }
    *ret_src = (uint8_t)(*ret_src + shift);
    *ret_dst = (uint8_t)(*ret_dst + shift);
}

static struct policy *policies_make(const struct plan *plan, unsigned n, unsigned n_combinations)
{
    struct policy *p = xcalloc(n, sizeof(*p));

    for (uint32_t i = 0; i < n; i++) {
        p[i] = (struct policy){ .slot = i, .action = SPD_ENCRYPT, .level = LEVEL_REQUIRE };
        random_addr(plan, &p[i].sel.src.addr);
        random_addr(plan, &p[i].sel.dst.addr);
        combination_lens(plan, n_combinations, roll(n_combinations), &p[i].sel.src.len,
                         &p[i].sel.dst.len);
        ip_prefix_mask(&p[i].sel.src);
        ip_prefix_mask(&p[i].sel.dst);
    }
    return p;
}

static void host_in(const struct plan *plan, const struct ip_prefix *prefix, uint8_t *ret)
{
    struct ip_addr host, keep;

    random_addr(plan, &host);
    memset(&keep, 0xff, sizeof(keep));
    ip_bits_mask(keep.b, prefix->len);
    for (unsigned i = 0; i < 16; i++)
        ret[i] = (uint8_t)(prefix->addr.b[i] | (host.b[i] & ~keep.b[i]));
}

static struct spd_key *keys_make(const struct plan *plan, const struct policy *p, unsigned n)
{
    struct spd_key *keys = xcalloc(N_KEYS, sizeof(*keys));

    for (unsigned i = 0; i < N_KEYS; i++) {
        const struct policy *hit = &p[roll(n)];
        keys[i].family = plan->v6 ? 6 : 4;
        keys[i].proto = 17;
        keys[i].sport = (uint16_t)roll(65536);
        keys[i].dport = (uint16_t)roll(65536);
        host_in(plan, &hit->sel.src, keys[i].src);
        host_in(plan, &hit->sel.dst, keys[i].dst);
    }
    return keys;
}

/* ---- lookup ---- */

struct contender {
    struct spd *spd;
    struct spd_key *keys;
    double compile_s;
    double best_ns;
};

static void contender_make(const struct plan *plan, unsigned n, unsigned n_combinations,
                           struct contender *c)
{
    struct policy *p = policies_make(plan, n, n_combinations);
    double from = now_s();

    if (spd_compile(p, n, &c->spd) != SPD_OK) {
        fprintf(stderr, "%u policies do not compile\n", n);
        exit(1);
    }
    c->compile_s = now_s() - from;
    c->keys = keys_make(plan, p, n);
    c->best_ns = 1e9;
    free(p);
}

static uint64_t sink;

static void contender_round(struct contender *c, unsigned lookups)
{
    uint64_t sum = 0;
    double from = now_s();

    for (unsigned i = 0; i < lookups; i++) {
        const struct policy *p = spd_lookup(c->spd, &c->keys[i % N_KEYS], false, NULL);
        if (!p) {
            fprintf(stderr, "a packet without a policy\n");
            exit(1);
        }
        sum += (uintptr_t)p;
    }
    double ns = (now_s() - from) * 1e9 / lookups;
    if (ns < c->best_ns)
        c->best_ns = ns;
    sink += sum;
}

static void bench_combinations(const struct plan *plan, unsigned n_combinations, bool quick)
{
    struct contender c[COUNTS];

    for (unsigned i = 0; i < COUNTS; i++)
        contender_make(plan, policy_counts[i], n_combinations, &c[i]);
    for (unsigned round = 0; round < (quick ? 4 : 30); round++)
        for (unsigned i = 0; i < COUNTS; i++)
            contender_round(&c[i], quick ? 30000 : 200000);
    printf("%-10s %4u", plan->name, n_combinations);
    for (unsigned i = 0; i < COUNTS; i++)
        printf("  %7.1f %6.2f", c[i].best_ns, 1e3 / c[i].best_ns);
    printf("  %5.2f %5.2f  %6.0f\n", c[1].best_ns / c[0].best_ns, c[2].best_ns / c[0].best_ns,
           c[2].compile_s * 1e3);
    for (unsigned i = 0; i < COUNTS; i++) {
        spd_free(c[i].spd);
        free(c[i].keys);
    }
}

static void bench_lookup(bool quick)
{
    printf("SPD lookup, %s\n", "flow cache off");
    printf("%-10s %4s", "addresses", "len.");
    for (unsigned i = 0; i < COUNTS; i++)
        printf("  %7u %6s", policy_counts[i], "M/s");
    printf("  %5s %5s  %6s\n", "1k/10", "100k/", "ms to");
    printf("%-10s %4s", "", "comb");
    for (unsigned i = 0; i < COUNTS; i++)
        printf("  %7s %6s", "ns", "");
    printf("  %5s %5s  %6s\n", "", "10", "build");
    for (unsigned p = 0; p < sizeof(plans) / sizeof(*plans); p++)
        for (unsigned i = 0; i < sizeof(combinations) / sizeof(*combinations); i++)
            if (!quick || !plans[p].v6)
                bench_combinations(&plans[p], combinations[i], quick);
}

/* ---- SAs ---- */

static size_t heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static struct sa_config sa_number(uint32_t i, uint32_t window)
{
    return (struct sa_config){ .proto = SA_ESP,
                               .inbound = true,
                               .tunnel = true,
                               .spi = 0x1000 + i,
                               .src = ip_addr_v4(1, 0, 0, 1),
                               .dst = ip_addr_v4(1, 0, 0, 2),
                               .cipher = CIPHER_AES_128,
                               .auth = AUTH_SHA1,
                               .enc_key = { .len = 16 },
                               .auth_key = { .len = 20 },
                               .replay_window = window,
                               .life = { .soft_s = 1440, .hard_s = 1800 } };
}

static void sas_add(struct ipsec *e, uint32_t window)
{
    struct sa *sa;

    for (uint32_t i = 0; i < N_SAS; i++) {
        struct sa_config c = sa_number(i, window);
        if (ipsec_sa_add(e, &c, 0, 0, &sa) != SA_ADDED) {
            fprintf(stderr, "SA %u refused\n", i);
            exit(1);
        }
    }
}

static double sad_lookup_ns(struct ipsec *e, unsigned lookups)
{
    struct sa_config c = sa_number(0, 0);
    double from = now_s();

    urcu_memb_read_lock();
    for (unsigned i = 0; i < lookups; i++) {
        struct sa *sa = sad_lookup(e, SA_ESP, &c.src, &c.dst, htonl(0x1000 + roll(N_SAS)));
        sink += sa->reqid;
    }
    urcu_memb_read_unlock();
    return (now_s() - from) * 1e9 / lookups;
}

static void bench_sas(bool quick)
{
    static const uint32_t windows[] = { 0, 32, 1024 };

    printf("\n%u SAs, AES-128 + SHA-1, %u workers\n", N_SAS, N_WORKERS);
    for (unsigned i = 0; i < sizeof(windows) / sizeof(*windows); i++) {
        struct ipsec *e = ipsec_new(N_WORKERS, BULK_AUTO);
        size_t before = heap_bytes();
        double from = now_s();
        sas_add(e, windows[i]);
        double add_us = (now_s() - from) * 1e6 / N_SAS;
        printf("replay window %4u: %6.1f bytes per SA, added in %.2f us, found in %.0f ns\n",
               windows[i], (double)(heap_bytes() - before) / N_SAS, add_us,
               sad_lookup_ns(e, quick ? 200000 : 2000000));
        ipsec_free(e);
        malloc_trim(0);
    }
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;

    urcu_memb_register_thread();
    bench_lookup(quick);
    bench_sas(quick);
    urcu_memb_unregister_thread();
    return sink == 1; /* keeps the results alive */
}
