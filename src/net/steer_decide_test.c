/* The steering programs, run in the kernel on made-up packets (BPF_PROG_TEST_RUN), against a linear
 * scan over the policies written here: verdicts, and at the end of every rule set the counters.
 * STEER_SETS and STEER_SEED: how many rule sets, and where to start. */
#include "spd.h"
#include "steer_priv.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* needs those above */
#include "check.skel.h"
#include "steer.skel.h"

#include <cmocka.h>

enum {
    DEFAULT_SETS = 1000,
    PACKETS_PER_SET = 100,
    MAX_POLICIES = 40,
    POOL = 6,
    MARK = 0x40,
    CAPTURE_IFINDEX = 12345,
    MAX_FIRSTS = 16
};

struct world {
    struct steer_bpf *egress;
    struct check_bpf *check; /* NULL: this kernel has no netfilter programs */
    struct steer_maps maps;
    uint64_t dice;
    uint8_t pool[2][POOL][16];
    struct policy policies[MAX_POLICIES];
    unsigned states[MAX_POLICIES];
    struct spd_slot_counters want[MAX_POLICIES];
    size_t n;
    uint32_t next_id;
    struct first {
        struct spd_key key;
        uint32_t id;
        int verdict;
        int slot;
    } firsts[MAX_FIRSTS]; /* first fragments of this rule set */
    unsigned n_firsts;
};

static uint32_t roll(struct world *w, uint32_t sides)
{
    /* xorshift64*, Vigna 2016 */
    w->dice ^= w->dice >> 12;
    w->dice ^= w->dice << 25;
    w->dice ^= w->dice >> 27;
    return (uint32_t)((w->dice * 0x2545f4914f6cdd1du) >> 33) % sides;
}

#define PICK(w, table) (table)[roll(w, sizeof(table) / sizeof(*(table)))]

static const uint8_t protos[] = { 0, 0, 0, 1, 6, 6, 17, 17, 17, 47, 50, 51, 58 };
static const uint16_t ports[] = { 0, 0, 0, 80, 443, 500, 4500, 65535 };

/* ---- random rule sets ---- */

static struct ip_prefix random_prefix(struct world *w, bool v6)
{
    unsigned bits = v6 ? 128 : 32;
    struct ip_prefix p = {
        .addr = ip_addr_from_bytes(v6 ? IP_V6 : IP_V4, w->pool[v6][roll(w, POOL)]),
        .len = (uint8_t)(roll(w, 2) ? 8 * roll(w, bits / 8 + 1) : roll(w, bits + 1))
    };
    ip_prefix_mask(&p);
    return p;
}

static void world_make(struct world *w, uint64_t seed)
{
    w->dice = seed * 0x9e3779b97f4a7c15u + 1;
    for (unsigned f = 0; f < 2; f++)
        for (unsigned i = 0; i < POOL; i++)
            for (unsigned b = 0; b < 16; b++)
                w->pool[f][i][b] = (uint8_t)(i && roll(w, 3) ? w->pool[f][i - 1][b] : roll(w, 256));
    w->n = roll(w, MAX_POLICIES + 1);
    w->n_firsts = 0;
    memset(w->want, 0, sizeof(w->want));
    for (uint32_t i = 0; i < w->n; i++) {
        bool v6 = roll(w, 3) == 0;
        struct policy *p = &w->policies[i];
        *p = (struct policy){ .slot = i,
                              .priority = (int32_t)roll(w, 4) - 2,
                              .action = (uint8_t)roll(w, 3),
                              .level = (uint8_t)roll(w, 3) };
        p->sel.src = random_prefix(w, v6);
        p->sel.dst = random_prefix(w, v6);
        p->sel.proto = PICK(w, protos);
        if (p->sel.proto == 0 || p->sel.proto == 6 || p->sel.proto == 17) {
            p->sel.sport = PICK(w, ports);
            p->sel.dport = PICK(w, ports);
        }
        w->states[i] = roll(w, 4);
    }
}

/* ---- random packets, as bytes ---- */

struct packet {
    struct spd_key key;
    uint8_t bytes[512];
    unsigned len;
    bool later, first, malformed, forwarded, marked;
    uint32_t id;
    uint8_t hops, icmp_type;
    uint16_t segments;
};

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void packet_choose(struct world *w, struct packet *p)
{
    bool v6 = roll(w, 3) == 0;
    const struct policy *like = w->n ? &w->policies[roll(w, (uint32_t)w->n)] : NULL;
    unsigned len = v6 ? 16 : 4;

    if (like)
        v6 = like->sel.src.addr.family == IP_V6;
    len = v6 ? 16 : 4;
    memset(p, 0, sizeof(*p));
    p->key.family = v6 ? 6 : 4;
    memcpy(p->key.src, like && roll(w, 4) ? like->sel.src.addr.b : w->pool[v6][roll(w, POOL)], len);
    memcpy(p->key.dst, like && roll(w, 4) ? like->sel.dst.addr.b : w->pool[v6][roll(w, POOL)], len);
    if (roll(w, 3) == 0)
        p->key.dst[roll(w, len)] ^= (uint8_t)(1 << roll(w, 8));
    p->key.proto = like && like->sel.proto && roll(w, 4) ? like->sel.proto : PICK(w, protos);
    if (p->key.proto == 0)
        p->key.proto = 99;
    if (p->key.proto == 6 || p->key.proto == 17) {
        p->key.sport = htons(like && roll(w, 2) ? like->sel.sport : PICK(w, ports));
        p->key.dport = htons(like && roll(w, 2) ? like->sel.dport : PICK(w, ports));
    }
    p->forwarded = roll(w, 2);
    p->marked = roll(w, 3) == 0;
    p->segments = (uint16_t)(roll(w, 4) ? 1 : 1 + roll(w, 40));
    static const uint8_t hops[] = { 1, 64, 64, 255 };
    p->hops = PICK(w, hops);
    static const uint8_t types[] = { 1, 128, 130, 132, 133, 135, 137, 138, 143 };
    p->icmp_type = PICK(w, types);
    p->id = ++w->next_id & 0xffff;
    if (roll(w, 4) == 0) {
        p->first = roll(w, 2);
        p->later = !p->first;
    }
    if (p->later && w->n_firsts && roll(w, 2)) {
        const struct first *f = &w->firsts[roll(w, w->n_firsts)];
        p->key = f->key;
        p->id = f->id;
    }
    if (p->later)
        p->key.sport = p->key.dport = 0;
}

static unsigned put_l4(const struct packet *p, uint8_t *at)
{
    memset(at, 0, 32);
    if (p->later)
        return 32; /* whatever: it must not be looked at */
    memcpy(at, &p->key.sport, 2);
    memcpy(at + 2, &p->key.dport, 2);
    if (p->key.proto == 58)
        at[0] = p->icmp_type;
    return 32;
}

static void build4(struct world *w, struct packet *p)
{
    uint8_t *ip = p->bytes + 14;
    unsigned head = 20 + 4 * (roll(w, 3) ? 0 : roll(w, 11));

    memset(ip, 1, head); /* options: no operation */
    ip[0] = (uint8_t)(0x40 | head / 4);
    ip[1] = 0;
    put16(ip + 4, p->id);
    put16(ip + 6, p->first   ? 0x2000
                  : p->later ? 0x2000 * roll(w, 2) + 1 + roll(w, 0x1ffe)
                             : 0x4000);
    ip[8] = p->hops;
    ip[9] = p->key.proto;
    put16(ip + 10, 0);
    memcpy(ip + 12, p->key.src, 4);
    memcpy(ip + 16, p->key.dst, 4);
    p->len = 14 + head + put_l4(p, ip + head);
    put16(ip + 2, p->len - 14);
    put16(p->bytes + 12, 0x0800);
}

static void build6(struct world *w, struct packet *p)
{
    static const uint8_t kinds[] = { 0, 43, 60 };
    uint8_t *ip = p->bytes + 14, *next = ip + 6;
    unsigned at = 40, extensions = roll(w, 3) ? 0 : roll(w, 4);

    memset(ip, 0, 40);
    ip[0] = 0x60;
    ip[7] = p->hops;
    memcpy(ip + 8, p->key.src, 16);
    memcpy(ip + 24, p->key.dst, 16);
    for (unsigned i = 0; i < extensions; i++) {
        unsigned units = roll(w, 3);
        *next = PICK(w, kinds);
        memset(ip + at, 0, 8 * (units + 1));
        ip[at + 1] = (uint8_t)units;
        next = ip + at;
        at += 8 * (units + 1);
    }
    if (p->first || p->later || roll(w, 8) == 0) { /* the last: an atomic fragment, RFC 6946 */
        *next = 44;
        memset(ip + at, 0, 8);
        put16(ip + at + 2, p->first ? 1 : p->later ? 8 * (1 + roll(w, 100)) + roll(w, 2) : 0);
        ip[at + 4] = (uint8_t)(p->id >> 24);
        put16(ip + at + 6, p->id);
        next = ip + at;
        at += 8;
    }
    *next = p->key.proto;
    p->len = 14 + at + put_l4(p, ip + at);
    put16(ip + 4, p->len - 14 - 40);
    put16(p->bytes + 12, 0x86dd);
}

static void packet_make(struct world *w, struct packet *p)
{
    packet_choose(w, p);
    if (p->key.family == 6)
        build6(w, p);
    else
        build4(w, p);
    if (roll(w, 20))
        return;
    p->malformed = true;
    if (roll(w, 2)) {
        p->bytes[14] ^= 0x90; /* another version */
    } else if (p->key.family == 4) {
        p->bytes[14] = (uint8_t)(0x40 | roll(w, 5)); /* header shorter than a header */
    } else {
        p->bytes[14 + 6] = 60; /* options longer than the packet */
        p->bytes[14 + 40 + 1] = (uint8_t)(64 + roll(w, 190));
    }
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

static enum match selector_scan(const struct selector *s, const struct spd_key *k, bool later)
{
    if (s->src.addr.family != k->family || !bits_match(s->src.addr.b, k->src, s->src.len) ||
        !bits_match(s->dst.addr.b, k->dst, s->dst.len) || (s->proto && s->proto != k->proto))
        return MATCH_NO;
    if (!s->sport && !s->dport)
        return MATCH_YES;
    if (k->proto != 6 && k->proto != 17)
        return MATCH_NO;
    if (later)
        return MATCH_MAYBE;
    return (!s->sport || htons(s->sport) == k->sport) && (!s->dport || htons(s->dport) == k->dport)
               ? MATCH_YES
               : MATCH_NO;
}

static const struct policy *scan(const struct world *w, const struct spd_key *k, bool later,
                                 bool *ret_maybe)
{
    const struct policy *best = NULL;
    for (size_t i = 0; i < w->n; i++) {
        enum match m = selector_scan(&w->policies[i].sel, k, later);
        if (m == MATCH_NO || (best && w->policies[i].priority <= best->priority))
            continue;
        best = &w->policies[i];
        *ret_maybe = m == MATCH_MAYBE;
    }
    return best;
}

static bool model_link_control(const struct packet *p)
{
    if (p->key.family == 4)
        return p->key.proto == 2 && p->hops == 1;
    if (p->key.proto != 58 || p->later)
        return false;
    if (p->icmp_type >= 133 && p->icmp_type <= 137)
        return p->hops == 255;
    return p->hops == 1 && ((p->icmp_type >= 130 && p->icmp_type <= 132) || p->icmp_type == 143);
}

enum { EXEMPT = -100 };

static bool model_exempt(const struct packet *p)
{
    if (p->forwarded)
        return false;
    if (p->marked && (p->key.proto == 50 || p->key.proto == 51))
        return true;
    return p->key.proto == 17 && !p->later &&
           (p->key.sport == htons(500) || (p->marked && p->key.sport == htons(4500)));
}

static const struct first *first_find(const struct world *w, const struct packet *p)
{
    struct spd_key k = p->key;
    for (unsigned i = 0; i < w->n_firsts; i++) {
        k.sport = w->firsts[i].key.sport;
        k.dport = w->firsts[i].key.dport;
        if (w->firsts[i].id == p->id && memcmp(&w->firsts[i].key, &k, sizeof(k)) == 0)
            return &w->firsts[i];
    }
    return NULL;
}

static int judge(const struct world *w, const struct policy *p)
{
    if (!p || p->action == SPD_NONE)
        return TC_ACT_UNSPEC;
    if (p->action == SPD_DISCARD)
        return TC_ACT_SHOT;
    return p->level == LEVEL_USE && !(w->states[p->slot] & SPD_OUT_USABLE) ? TC_ACT_UNSPEC
                                                                           : TC_ACT_REDIRECT;
}

static void first_note(struct world *w, const struct packet *p, int verdict, int slot)
{
    if (p->first && w->n_firsts < MAX_FIRSTS)
        w->firsts[w->n_firsts++] = (struct first){ p->key, p->id, verdict, slot };
}

/* Verdict, and which policy counts it (-1: none). */
static int model_egress(struct world *w, const struct packet *p, int *ret_slot)
{
    bool maybe = false;
    const struct first *f = p->later ? first_find(w, p) : NULL;

    *ret_slot = -1;
    if (p->malformed)
        return TC_ACT_SHOT;
    if (model_exempt(p) || (f && f->verdict == EXEMPT && !p->forwarded && p->key.proto == 17)) {
        first_note(w, p, EXEMPT, -1);
        return TC_ACT_UNSPEC;
    }
    if (model_link_control(p))
        return TC_ACT_UNSPEC;
    const struct policy *best = scan(w, &p->key, p->later, &maybe);
    if (p->later && best && maybe) {
        if (!f || f->verdict == EXEMPT)
            return TC_ACT_SHOT;
        *ret_slot = f->slot;
        return f->verdict;
    }
    *ret_slot = best ? (int)best->slot : -1;
    first_note(w, p, judge(w, best), *ret_slot);
    return judge(w, best);
}

static void model_count_out(struct world *w, int slot, int verdict, unsigned segments)
{
    if (slot < 0 || verdict == TC_ACT_REDIRECT)
        return;
    if (verdict == TC_ACT_SHOT)
        w->want[slot].out_dropped += segments;
    else
        w->want[slot].out_accepted += segments;
}

/* 1 accept, 0 drop; fragments are left to the lab tests. */
static int model_check(struct world *w, const struct packet *p, bool local)
{
    bool maybe;
    struct spd_key k = p->key;

    if (p->malformed)
        return 0;
    if (local && (p->key.proto == 50 || p->key.proto == 51 || model_link_control(p)))
        return 1;
    if (local && p->key.proto == 17 && (p->key.dport == htons(500) || p->key.dport == htons(4500)))
        return 1;
    memcpy(k.src, p->key.dst, 16);
    memcpy(k.dst, p->key.src, 16);
    k.sport = p->key.dport;
    k.dport = p->key.sport;
    const struct policy *best = scan(w, &k, false, &maybe);
    if (!best)
        return 1;
    bool drop = best->action == SPD_DISCARD ||
                (best->action == SPD_ENCRYPT && (w->states[best->slot] & SPD_IN_VALID));
    if (drop)
        w->want[best->slot].in_dropped++;
    else
        w->want[best->slot].in_accepted++;
    return !drop;
}

/* ---- running the programs ---- */

static int run_egress(const struct world *w, const struct packet *p)
{
    struct __sk_buff ctx = { .ingress_ifindex = p->forwarded,
                             .mark = p->marked ? MARK | 1 : 1,
                             .gso_segs = p->segments > 1 ? p->segments : 0,
                             .gso_size = p->segments > 1 ? 100 : 0 };
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = p->bytes, .data_size_in = p->len, .ctx_in = &ctx,
                .ctx_size_in = sizeof(ctx));
    assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(w->egress->progs.steer_egress), &o), 0);
    return (int)o.retval;
}

static int run_check(const struct world *w, const struct packet *p, bool local)
{
    int fd = bpf_program__fd(local ? w->check->progs.check_local : w->check->progs.check_forward);
    uint8_t hook_state[8] = { [1] = p->key.family == 6 ? 10 : 2 }; /* hook, pf, padding */
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = p->bytes, .data_size_in = p->len,
                .ctx_in = hook_state, .ctx_size_in = sizeof(hook_state));
    assert_int_equal(bpf_prog_test_run_opts(fd, &o), 0);
    return (int)o.retval;
}

static void load_set(struct world *w)
{
    struct spd *spd;
    char err[256] = "";

    assert_int_equal(spd_compile(w->policies, w->n, &spd), SPD_OK);
    struct spd_image image = spd_image(spd);
    if (!steer_maps_apply(&w->maps, &image, err, sizeof(err)))
        fail_msg("%s", err);
    spd_free(spd);
    for (uint32_t i = 0; i < w->n; i++) {
        steer_maps_set_state(&w->maps, i, w->states[i]);
        steer_maps_slot_reset(&w->maps, i);
    }
}

static void try_packet(struct world *w, uint64_t seed, unsigned number)
{
    struct packet p;
    int slot;

    packet_make(w, &p);
    int want = model_egress(w, &p, &slot), got = run_egress(w, &p);
    if (want != got)
        fail_msg("seed %llu packet %u: egress gave %d, wanted %d", (unsigned long long)seed, number,
                 got, want);
    model_count_out(w, slot, want, p.segments);
    /* the kernel's test run refuses what is not IPv4 or IPv6 by itself */
    unsigned version = p.bytes[14] >> 4;
    if (!w->check || p.first || p.later || (p.malformed && version != p.key.family))
        return;
    for (int local = 0; local < 2; local++) {
        want = model_check(w, &p, local);
        got = run_check(w, &p, local);
        if (want != got)
            fail_msg("seed %llu packet %u: check (%s) gave %d, wanted %d", (unsigned long long)seed,
                     number, local ? "input" : "forward", got, want);
    }
}

static void compare_counters(struct world *w, uint64_t seed)
{
    for (uint32_t i = 0; i < w->n; i++) {
        struct spd_slot_counters got = steer_maps_slot(&w->maps, i);
        if (memcmp(&got, &w->want[i], sizeof(got)))
            fail_msg("seed %" PRIu64 ": counters of policy %u: out %" PRIu64 " %" PRIu64
                     " in %" PRIu64 " %" PRIu64 ", wanted out %" PRIu64 " %" PRIu64 " in %" PRIu64
                     " %" PRIu64,
                     seed, i, (uint64_t)got.out_accepted, (uint64_t)got.out_dropped,
                     (uint64_t)got.in_accepted, (uint64_t)got.in_dropped,
                     (uint64_t)w->want[i].out_accepted, (uint64_t)w->want[i].out_dropped,
                     (uint64_t)w->want[i].in_accepted, (uint64_t)w->want[i].in_dropped);
    }
}

static void programs_decide_as_a_linear_scan(void **state)
{
    struct world *w = *state;
    const char *sets = getenv("STEER_SETS"), *first = getenv("STEER_SEED");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;
    uint64_t to = from + (sets ? strtoull(sets, NULL, 10) : DEFAULT_SETS);

    for (uint64_t seed = from; seed < to; seed++) {
        world_make(w, seed);
        load_set(w);
        for (unsigned i = 0; i < PACKETS_PER_SET; i++)
            try_packet(w, seed, i);
        compare_counters(w, seed);
    }
}

/* ---- set-up ---- */

static bool check_open(struct world *w)
{
    struct bpf_program *prog;
    struct bpf_map *map;

    w->check = check_bpf__open();
    bpf_object__for_each_program(prog, w->check->obj)
    {
        bpf_program__set_type(prog, (enum bpf_prog_type)32);
        bpf_program__set_expected_attach_type(prog, (enum bpf_attach_type)45);
    }
    w->check->rodata->steer_mark = MARK;
    bpf_object__for_each_map(map, w->check->obj)
    {
        struct bpf_map *ours = bpf_object__find_map_by_name(w->egress->obj, bpf_map__name(map));
        if (ours && !bpf_map__is_internal(map))
            bpf_map__reuse_fd(map, bpf_map__fd(ours));
    }
    return check_bpf__load(w->check) == 0;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
    (void)level, (void)fmt, (void)args;
    return 0;
}

static int set_up(void **state)
{
    static struct world w;
    char err[256];

    libbpf_set_print(quiet);
    w.egress = steer_bpf__open();
    w.egress->rodata->steer_mark = MARK;
    w.egress->rodata->steer_capture_ifindex = CAPTURE_IFINDEX;
    if (steer_bpf__load(w.egress) || !steer_maps_init(&w.maps, w.egress, err, sizeof(err)))
        return -1;
    if (!check_open(&w)) {
        print_message("no netfilter programs on this kernel: egress alone is tested\n");
        w.check = NULL;
    }
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (!w)
        return 0;
    steer_maps_fini(&w->maps);
    check_bpf__destroy(w->check);
    steer_bpf__destroy(w->egress);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(programs_decide_as_a_linear_scan) };

    if (geteuid() != 0) {
        puts("skipped: loading BPF programs needs root");
        return 77; /* Meson: skipped */
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
