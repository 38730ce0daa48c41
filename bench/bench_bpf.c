/* What steering costs per packet: the egress program in the kernel (BPF_PROG_TEST_RUN, which
 * repeats it there), over numbers of policies and of combinations of prefix lengths, and how long
 * loading an SPD takes. `none` policies alone, so that the program ends by passing the packet:
 *   first   matches the best rank: the walk ends at the first combination
 *   last    matches the worst: every combination is tried
 *   miss    matches nothing: the same
 *   flow    the worst again, as the next packet of a flow already known
 * Needs root. --quick: less of everything. */
#include "cursor.h"
#include "spd.h"
#include "steer.skel.h"
#include "steer_priv.h"
#include "text.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_BYTES = 74, SAMPLES = 7 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One policy in each combination of prefix lengths but the last, and all others in that, between
 * single addresses; none overlaps another. */
static struct policy make_policy(uint32_t i, unsigned combinations)
{
    bool wide = i + 1 < combinations;
    uint8_t src_len = (uint8_t)(wide ? 13 + i % 20 : 32),
            dst_len = (uint8_t)(wide ? 13 + i / 20 : 32);
    uint32_t src = wide ? 0x0a000000u : 0x0b000000u + i, dst = wide ? 0xac100000u : 0xad000000u + i;
    uint8_t s[4], d[4];

    be32_put(s, src);
    be32_put(d, dst);
    struct policy p = { .slot = i, .action = SPD_NONE };
    p.sel.src = (struct ip_prefix){ ip_addr_from_bytes(IP_V4, s), src_len };
    p.sel.dst = (struct ip_prefix){ ip_addr_from_bytes(IP_V4, d), dst_len };
    return p;
}

static void make_frame(uint8_t frame[FRAME_BYTES], const uint8_t src[4], const uint8_t dst[4])
{
    memset(frame, 0, FRAME_BYTES);
    be16_put(frame + 12, 0x0800);
    uint8_t *ip = frame + 14;
    ip[0] = 0x45;
    be16_put(ip + 2, FRAME_BYTES - 14);
    ip[8] = 64;
    ip[9] = 17;
    memcpy(ip + 12, src, 4);
    memcpy(ip + 16, dst, 4);
}

/* Best of some samples, in nanoseconds per run. */
static double measure(const struct steer_bpf *skel, const uint8_t *frame, int repeat)
{
    double best = 1e18;
    for (int i = 0; i < SAMPLES; i++) {
        struct __sk_buff ctx = { .ingress_ifindex = 1 };
        LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = FRAME_BYTES,
                    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = repeat);
        if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.steer_egress), &o))
            return -1;
        if (o.duration < best)
            best = o.duration;
    }
    return best;
}

/* The programs, with and without the memory of flows. */
struct subject {
    struct steer_bpf *skel;
    struct steer_maps maps;
};

static bool row(struct subject *walk, struct subject *flow, unsigned n, unsigned combinations,
                int repeat)
{
    struct policy *policies = xcalloc(n, sizeof(*policies));
    uint8_t frame[FRAME_BYTES];
    static const uint8_t nowhere[4] = { 198, 51, 100, 7 };
    char err[256];
    struct spd *spd;

    for (uint32_t i = 0; i < n; i++)
        policies[i] = make_policy(i, combinations);
    bool ok = spd_compile(policies, n, &spd) == SPD_OK;
    if (ok) {
        struct spd_image image = spd_image(spd);
        double start = now_s();
        ok = steer_maps_apply(&walk->maps, &image, err, sizeof(err));
        double load_ms = (now_s() - start) * 1e3;
        ok = ok && steer_maps_apply(&flow->maps, &image, err, sizeof(err));
        printf("%8u %6u", n, image.tuples->n);
        make_frame(frame, policies[0].sel.src.addr.b, policies[0].sel.dst.addr.b);
        printf(" %8.0f", measure(walk->skel, frame, repeat));
        make_frame(frame, policies[n - 1].sel.src.addr.b, policies[n - 1].sel.dst.addr.b);
        printf(" %8.0f", measure(walk->skel, frame, repeat));
        make_frame(frame, nowhere, nowhere);
        printf(" %8.0f", measure(walk->skel, frame, repeat));
        printf(" %8.0f %10.1f\n", measure(flow->skel, frame, repeat), load_ms);
        spd_free(spd);
    }
    free(policies);
    return ok;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
    (void)level, (void)fmt, (void)args;
    return 0;
}

static bool subject_open(struct subject *s, bool no_flows)
{
    char err[256] = "";
    s->skel = steer_bpf__open();
    if (!s->skel)
        return false;
    s->skel->rodata->steer_no_flows = no_flows;
    if (steer_bpf__load(s->skel) == 0 && steer_maps_init(&s->maps, s->skel, err, sizeof(err)))
        return true;
    printf("cannot load the programs: %s\n", err);
    return false;
}

static void subject_close(struct subject *s)
{
    steer_maps_fini(&s->maps);
    steer_bpf__destroy(s->skel);
}

int main(int argc, char **argv)
{
    static const unsigned sizes[] = { 10, 1000, 100000 }, combinations[] = { 1, 30, 300 };
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    struct subject walk = { 0 }, flow = { 0 };

    if (geteuid() != 0) {
        puts("skipped: loading BPF programs needs root");
        return 0;
    }
    libbpf_set_print(quiet);
    bool ok = subject_open(&walk, true) && subject_open(&flow, false);
    if (ok)
        puts("policies tuples    first     last     miss     flow  (ns)  load ms");
    for (size_t i = 0; ok && i < sizeof(sizes) / sizeof(*sizes); i++)
        for (size_t c = 0; ok && c < 3; c++)
            if (combinations[c] <= sizes[i] && !(quick && sizes[i] > 1000))
                ok = row(&walk, &flow, sizes[i], combinations[c], quick ? 20000 : 200000);
    subject_close(&walk);
    subject_close(&flow);
    return ok ? 0 : 1;
}
