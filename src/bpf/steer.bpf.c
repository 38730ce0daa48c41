/* The outbound half of steering, and the way back in, as tc programs (kernel 5.17 on), and how the
 * capture device spreads packets over its queues.
 *
 * steer_egress: clsact egress of every layer-3 interface, that is after src-nat and before the
 *   queue. No match or `none` passes, `discard` drops, `encrypt` goes to the capture device; `use`
 *   without an SA passes.
 * steer_inject: clsact ingress of the injection device: marks a decrypted packet and receives it
 *   once more on the interface whose index its source MAC carries. */
#include "maps.bpf.h"

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

static __always_inline int packet_load(void *ctx, spd_u32 off, void *to, spd_u32 len);

#include "classify.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* From the network header: link headers differ and some interfaces have none. */
static __always_inline int packet_load(void *ctx, spd_u32 off, void *to, spd_u32 len)
{
    return (int)bpf_skb_load_bytes_relative(ctx, off, to, len, BPF_HDR_START_NET);
}

static __always_inline int egress_parse(struct __sk_buff *skb, struct flow *f)
{
    if (skb->protocol == bpf_htons(ETH_P_IPV6))
        return flow_parse6(skb, f);
    return flow_parse4(skb, f);
}

/* Which IP version the packet is; 0: not IP. A tag inside the packet belongs to a VLAN interface
 * that writes its own headers; the network header then still is the IP header. */
static __always_inline int egress_is_ip(struct __sk_buff *skb)
{
    return skb->protocol == bpf_htons(ETH_P_IP) || skb->protocol == bpf_htons(ETH_P_IPV6);
}

/* Our own traffic, which is never looked up: IKE of this host (source port 500), and what carries
 * the mark: ESP, AH, and IKE and ESP on port 4500. */
static __always_inline int egress_exempt(struct __sk_buff *skb, const struct flow *f)
{
    if (skb->ingress_ifindex != 0)
        return 0; /* forwarded: ordinary traffic */
    int marked = (skb->mark & steer_mark) != 0;
    if (marked && flow_is_esp_or_ah(f))
        return STEER_OUT_OWN + 1;
    if (f->key.proto != NEXT_UDP)
        return 0;
    if (f->later) {
        struct steer_fragment *v = fragment_find(f, STEER_HOOK_EGRESS);
        return v && v->verdict == STEER_EXEMPT ? STEER_OUT_OWN + 1 : 0;
    }
    if (f->key.sport == bpf_htons(PORT_IKE))
        return STEER_OUT_ISAKMP + 1;
    if (marked && f->key.sport == bpf_htons(PORT_NATT))
        return STEER_OUT_OWN + 1;
    return 0;
}

static __always_inline spd_u8 egress_judge(const struct decision *d)
{
    if (d->best.rank == SPD_RANK_NONE || d->best.action == SPD_NONE)
        return STEER_PASS;
    if (d->best.action == SPD_DISCARD)
        return STEER_DROP;
    if ((d->best.flags & SPD_LEVEL_USE) && !(d->state & SPD_OUT_USABLE))
        return STEER_PASS;
    return STEER_CAPTURE;
}

/* What becomes of a packet, and by which policy. */
struct choice {
    spd_u32 slot; /* SPD_RANK_NONE: no policy */
    spd_u16 lane;
    spd_u8 verdict;
};

static __always_inline int egress_finish(struct __sk_buff *skb, const struct choice *choice,
                                         spd_u32 segments)
{
    struct spd_slot_counters *c =
        choice->slot == SPD_RANK_NONE ? 0 : slot_counters_find(choice->slot);
    if (choice->verdict == STEER_PASS) {
        if (c)
            c->out_accepted += segments;
        count(STEER_OUT_ACCEPT, segments);
        return TC_ACT_UNSPEC;
    }
    if (choice->verdict == STEER_CAPTURE) {
        count(STEER_OUT_REDIRECT, segments);
        skb->queue_mapping = choice->lane;
        return (int)bpf_redirect(steer_capture_ifindex, 0);
    }
    if (c)
        c->out_dropped += segments;
    count(STEER_OUT_BLOCKED, segments);
    return TC_ACT_SHOT;
}

static __always_inline int egress_malformed(spd_u32 segments)
{
    count(STEER_MALFORMED, segments);
    return TC_ACT_SHOT;
}

/* By the SPD, fragments included. False: a later fragment whose first part decides
 * and is not known, or maps not filled. */
static __always_inline int egress_decide(const struct flow *f, struct choice *ret)
{
    struct decision d;
    if (classify(&f->key, f->later, &d))
        return 0;
    if (f->later && d.best.rank != SPD_RANK_NONE && (d.best.flags & SPD_SHADOW)) {
        struct steer_fragment *v = fragment_find(f, STEER_HOOK_EGRESS);
        if (!v || v->generation != d.generation)
            return 0;
        ret->verdict = v->verdict;
        ret->slot = v->slot;
        ret->lane = v->lane;
        return v->verdict != STEER_EXEMPT;
    }
    if (d.best.rank == SPD_RANK_NONE)
        d.best.slot = SPD_RANK_NONE;
    ret->verdict = egress_judge(&d);
    ret->slot = d.best.slot;
    ret->lane = d.best.lane;
    if (f->fragment && !f->later)
        fragment_remember(f, STEER_HOOK_EGRESS, ret->verdict, &d);
    return 1;
}

SEC("tc")
int steer_egress(struct __sk_buff *skb)
{
    struct flow f = { 0 };
    struct choice choice = { .slot = SPD_RANK_NONE, .verdict = STEER_PASS };
    spd_u32 segments = skb->gso_segs ? skb->gso_segs : 1;

    /* A tag beside the packet: it comes from a VLAN interface or a bridge port above and was judged
     * there, if it was routed. */
    if (skb->vlan_present || !egress_is_ip(skb))
        return TC_ACT_UNSPEC;
    if (egress_parse(skb, &f)) {
        /* headers not in the linear part: bring them there, once */
        __builtin_memset(&f, 0, sizeof(f));
        if (bpf_skb_pull_data(skb, skb->len < 512 ? skb->len : 512) || egress_parse(skb, &f))
            return egress_malformed(segments);
    }
    int exempt = egress_exempt(skb, &f);
    if (exempt) {
        if (f.fragment && !f.later)
            fragment_remember(&f, STEER_HOOK_EGRESS, STEER_EXEMPT, 0);
        count((spd_u32)exempt - 1, segments);
        return TC_ACT_UNSPEC;
    }
    if (flow_is_link_control(skb, &f))
        return egress_finish(skb, &choice, segments);
    if (!egress_decide(&f, &choice)) {
        count(STEER_OUT_FRAGMENT, segments);
        return TC_ACT_SHOT;
    }
    return egress_finish(skb, &choice, segments);
}

/* Which queue of the capture device a packet waits in: all that leaves by one SA goes through one
 * worker, or sequence numbers would overtake each other beyond the peer's replay window. */
SEC("socket")
int capture_queue(struct __sk_buff *skb)
{
    return (int)skb->queue_mapping;
}

SEC("tc")
int steer_inject(struct __sk_buff *skb)
{
    spd_u8 mac[ETH_ALEN];
    spd_u32 ifindex;

    if (bpf_skb_load_bytes(skb, ETH_ALEN, mac, sizeof(mac)) || mac[0] != STEER_INJECT_MAC0)
        return TC_ACT_SHOT;
    __builtin_memcpy(&ifindex, mac + 2, sizeof(ifindex));
    ifindex = bpf_ntohl(ifindex);
    struct steer_link *l = bpf_map_lookup_elem(&links, &ifindex);
    if (!l) {
        count(STEER_IN_NO_LINK, skb->gso_segs ? skb->gso_segs : 1);
        return TC_ACT_SHOT;
    }
    if ((l->flags & STEER_LINK_ETHERNET) && bpf_skb_store_bytes(skb, 0, l->mac, ETH_ALEN, 0))
        return TC_ACT_SHOT;
    skb->mark |= steer_mark;
    return (int)bpf_redirect(ifindex, BPF_F_INGRESS); /* drops the MACs for interfaces without */
}
