/* Steering: the kernel side of the SPD. BPF programs at every layer-3 interface's egress send what
 * policy encrypts to the capture device, and programs before forward and input refuse clear packets
 * that should have come encrypted. Decisions follow src/bpf/spd_abi.h alone.
 *
 * Everything is pinned under one bpffs folder per daemon: when the process dies the programs stay
 * and what must be encrypted is dropped (fail closed). steer_stop() alone removes it all.
 *
 * Kernel features are probed one by one and each has a switch that forces its fallback:
 *   BPF netfilter links (6.4)  -> nftables rules compiled from the image (the `nft` program)
 *   USO on TUN (6.2)           -> UDP superpackets segmented by the kernel
 * An interface that appears is steered when it is reported; until then an nftables rule drops what
 * matches encrypt policies on interfaces not yet steered. */
#pragma once

#include "netmon.h"
#include "steer_abi.h"

struct steer_options {
    const char *pin_dir; /* e.g. /sys/fs/bpf/sallyport/<id>; made when missing */
    const char *table;   /* name of our nftables table, unique per daemon */
    uint32_t mark;       /* one bit */
    bool no_nf_link;     /* force the nftables fallback of the incoming check */
    bool strict_in;      /* refuse clear packets also while no SA is valid */
    unsigned capture_ifindex, inject_ifindex;
};

struct steer;

/* Checks privileges and kernel features, loads programs; nothing is attached yet. On failure NULL
 * and ERR says which feature or privilege is missing and what to do. */
struct steer *steer_new(const struct steer_options *o, char *err, size_t err_size);
/* Loads IMAGE; the programs follow it when this returns. The first call also takes over from a
 * daemon that died: its incoming check stays in force beside ours until the first steer_link_new(),
 * by which time the states of all policies must have been told. False with the reason when a
 * fallback cannot express the image; nothing has changed then. */
bool steer_apply(struct steer *s, const struct spd_image *image, char *err, size_t err_size);
/* SPD_OUT_USABLE | SPD_IN_VALID of one policy; takes effect at once. */
void steer_slot_state(struct steer *s, uint32_t slot, unsigned state);
struct spd_slot_counters steer_slot_counters(struct steer *s, uint32_t slot);
void steer_slot_reset(struct steer *s, uint32_t slot);

/* From netmon: attach to layer-3 links as they come. */
void steer_link_new(struct steer *s, const struct link_info *l);
void steer_link_gone(struct steer *s, unsigned ifindex);
/* A neighbour did not answer. When an encrypt policy's destination contains it, packets for it get
 * past neighbour resolution nevertheless, and so to the egress program: see neigh.c. */
void steer_neighbour_failed(struct steer *s, unsigned ifindex, const struct ip_addr *addr);

/* Counted in the kernel programs beside the policies' own: STEER_COUNTERS in steer_abi.h. */
extern const char *const steer_counter_names[STEER_COUNTER_COUNT];
extern const char *const steer_counter_texts[STEER_COUNTER_COUNT];
void steer_counters(struct steer *s, uint64_t ret[STEER_COUNTER_COUNT]);

/* The program that spreads captured packets over the capture device's queues, for tun.h. */
int steer_capture_queue_fd(const struct steer *s);

/* One line per probed feature for the start-up log: "bpf netfilter link: yes". */
const char *steer_features(const struct steer *s);

/* steer_stop removes every program, pin, qdisc and table we made; steer_free only lets go of memory
 * and descriptors, and steering stays. */
void steer_stop(struct steer *s);
void steer_free(struct steer *s);
