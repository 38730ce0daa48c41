/* The incoming check and the guard of unsteered interfaces, as BPF netfilter programs (6.4 on).
 *
 * check_local, check_forward: before the input and forward chains, a packet that did not come out
 * of decryption (no mark) is looked up with source and destination exchanged. `discard` drops,
 *   `encrypt` drops when an inbound SA is valid, or always under the strict switch.
 * guard_out: after src-nat, a packet leaving by an interface without our egress program is dropped
 *   when policy would not let it pass in clear: an interface that has just appeared leaks nothing.
 *
 * Of kernel types only what is read is declared; libbpf finds the offsets in the running kernel. */
#include "maps.bpf.h"

static __always_inline int packet_load(void *ctx, spd_u32 off, void *to, spd_u32 len);

#include "classify.bpf.h"

#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define KERNEL_TYPE __attribute__((preserve_access_index))

struct net_device {
    unsigned int flags;
    int ifindex;
} KERNEL_TYPE;

struct nf_hook_state {
    spd_u8 hook;
    spd_u8 pf;
    struct net_device *in;
    struct net_device *out;
} KERNEL_TYPE;

struct sk_buff {
    unsigned int len;
    int skb_iif;
    unsigned int mark;
    unsigned int end;
    unsigned char *head;
} KERNEL_TYPE;

struct skb_shared_info {
    unsigned short gso_segs;
} KERNEL_TYPE;

struct bpf_nf_ctx {
    const struct nf_hook_state *state;
    struct sk_buff *skb;
};

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, spd_u64 flags, struct bpf_dynptr *ret) __ksym;

enum { VERDICT_DROP = 0, VERDICT_ACCEPT = 1 };
enum { FAMILY_IPV6 = 10, DEVICE_LOOPBACK = 8 };

static __always_inline int packet_load(void *ctx, spd_u32 off, void *to, spd_u32 len)
{
    return (int)bpf_dynptr_read(to, len, ctx, off, 0);
}

static __always_inline spd_u32 skb_segments(struct sk_buff *skb)
{
    spd_u16 n = 0;
    struct skb_shared_info *info = (void *)(skb->head + skb->end);
    BPF_CORE_READ_INTO(&n, info, gso_segs);
    return n ? n : 1;
}

static __always_inline int flow_parse(void *packet, const struct nf_hook_state *state,
                                      struct flow *f)
{
    return state->pf == FAMILY_IPV6 ? flow_parse6(packet, f) : flow_parse4(packet, f);
}

static __always_inline spd_u8 check_judge(const struct decision *d)
{
    if (d->best.rank == SPD_RANK_NONE || d->best.action == SPD_NONE)
        return STEER_PASS;
    if (d->best.action == SPD_ENCRYPT && !steer_strict_in && !(d->state & SPD_IN_VALID))
        return STEER_PASS;
    return STEER_DROP;
}

static __always_inline int check_finish(const struct spd_entry *best, spd_u8 verdict,
                                        spd_u32 segments)
{
    struct spd_slot_counters *c = best->rank == SPD_RANK_NONE ? 0 : slot_counters_find(best->slot);
    if (verdict == STEER_PASS) {
        if (c)
            c->in_accepted += segments;
        return VERDICT_ACCEPT;
    }
    if (c)
        c->in_dropped += segments;
    count(best->action == SPD_DISCARD ? STEER_IN_BLOCKED : STEER_IN_EXPECTED, segments);
    return VERDICT_DROP;
}

/* A later fragment that a port policy could match shares the fate of its first part. Fragments
 * reach these hooks whole when connection tracking is on; only IPv6 input and pure routing see
 * parts. */
static __always_inline int check_later(const struct flow *f, spd_u8 hook, const struct decision *d,
                                       spd_u32 segments)
{
    struct steer_fragment *v = fragment_find(f, hook);
    if (v && v->generation == d->generation && v->verdict == STEER_PASS)
        return VERDICT_ACCEPT;
    count(STEER_IN_FRAGMENT, segments);
    return VERDICT_DROP;
}

/* What is for this host and never checked: IPsec itself, IKE, and what keeps the link alive. */
static __always_inline int check_exempt(void *packet, const struct flow *f, spd_u32 segments)
{
    if (flow_is_esp_or_ah(f) || flow_is_link_control(packet, f))
        return 1;
    if (f->key.proto != NEXT_UDP)
        return 0;
    if (f->later) {
        struct steer_fragment *v = fragment_find(f, STEER_HOOK_LOCAL_IN);
        return v && v->verdict == STEER_EXEMPT;
    }
    if (f->key.dport != bpf_htons(PORT_IKE) && f->key.dport != bpf_htons(PORT_NATT))
        return 0;
    if (f->fragment)
        fragment_remember(f, STEER_HOOK_LOCAL_IN, STEER_EXEMPT, 0);
    count(STEER_IN_ISAKMP, segments);
    return 1;
}

static __always_inline int check(struct bpf_nf_ctx *ctx, spd_u8 hook)
{
    struct sk_buff *skb = ctx->skb;
    const struct nf_hook_state *state = ctx->state;
    struct bpf_dynptr packet;
    struct flow f = { 0 };
    struct spd_key reversed;
    struct decision d;

    if (skb->mark & steer_mark)
        return VERDICT_ACCEPT;
    if (state->in && (state->in->flags & DEVICE_LOOPBACK))
        return VERDICT_ACCEPT;
    if (bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &packet))
        return VERDICT_DROP;
    spd_u32 segments = skb_segments(skb);
    if (flow_parse(&packet, state, &f)) {
        count(STEER_MALFORMED, segments);
        return VERDICT_DROP;
    }
    if (hook == STEER_HOOK_LOCAL_IN && check_exempt(&packet, &f, segments))
        return VERDICT_ACCEPT;
    flow_reverse(&reversed, &f.key);
    if (classify(&reversed, f.later, &d))
        return VERDICT_DROP;
    if (f.later && d.best.rank != SPD_RANK_NONE && (d.best.flags & SPD_SHADOW))
        return check_later(&f, hook, &d, segments);
    spd_u8 verdict = check_judge(&d);
    if (f.fragment && !f.later)
        fragment_remember(&f, hook, verdict, &d);
    return check_finish(&d.best, verdict, segments);
}

SEC("netfilter")
int check_local(struct bpf_nf_ctx *ctx)
{
    return check(ctx, STEER_HOOK_LOCAL_IN);
}

SEC("netfilter")
int check_forward(struct bpf_nf_ctx *ctx)
{
    return check(ctx, STEER_HOOK_FORWARD);
}

static __always_inline int guard_exempt(struct sk_buff *skb, const struct flow *f)
{
    if (skb->skb_iif != 0)
        return 0;
    int marked = (skb->mark & steer_mark) != 0;
    if (f->key.proto != NEXT_UDP)
        return marked && flow_is_esp_or_ah(f);
    return f->key.sport == bpf_htons(PORT_IKE) || (marked && f->key.sport == bpf_htons(PORT_NATT));
}

SEC("netfilter")
int guard_out(struct bpf_nf_ctx *ctx)
{
    struct sk_buff *skb = ctx->skb;
    const struct nf_hook_state *state = ctx->state;
    struct bpf_dynptr packet;
    struct flow f = { 0 };
    struct decision d;

    if (!state->out || (state->out->flags & DEVICE_LOOPBACK))
        return VERDICT_ACCEPT;
    spd_u32 ifindex = (spd_u32)state->out->ifindex;
    struct steer_link *l = bpf_map_lookup_elem(&links, &ifindex);
    if (l && (l->flags & STEER_LINK_STEERED))
        return VERDICT_ACCEPT;
    if (bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &packet))
        return VERDICT_DROP;
    if (flow_parse(&packet, state, &f)) {
        count(STEER_MALFORMED, 1);
        return VERDICT_DROP;
    }
    if (guard_exempt(skb, &f) || flow_is_link_control(&packet, &f))
        return VERDICT_ACCEPT;
    if (classify(&f.key, f.later, &d) == 0 &&
        (d.best.rank == SPD_RANK_NONE || d.best.action == SPD_NONE))
        return VERDICT_ACCEPT;
    count(STEER_OUT_UNSTEERED, skb_segments(skb));
    return VERDICT_DROP;
}
