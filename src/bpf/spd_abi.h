/* The compiled SPD as workers and BPF programs both read it: a tuple-space classifier.
 * Compiled by gcc/clang for the daemon and by clang for BPF, so that both decide alike.
 *
 * A *tuple* is one combination of wildcards: family, prefix lengths, protocol and ports exact or
 * any. All entries of a tuple live in one hash table under their masked key. Tuples are sorted by
 * the best (lowest) rank among their entries; a lookup walks them in that order and stops as soon
 * as no later tuple can beat what it has. Rank = position in match order (priority, then list).
 *
 * Fragments: a packet that is a later fragment has no ports. Every entry with a port also has a
 * *shadow* entry in a tuple without ports, flagged SPD_SHADOW: only later fragments look at those;
 * a shadow as best match means "a port policy could match" and the fragment needs the verdict of
 * its first fragment, else it is dropped.
 *
 * Source: Srinivasan, Suri, Varghese, "Packet Classification using Tuple Space Search", 1999. */
#pragma once

#ifdef __bpf__
typedef unsigned char spd_u8;
typedef unsigned short spd_u16;
typedef unsigned int spd_u32;
typedef unsigned long long spd_u64;
#else
#include <stdint.h>
typedef uint8_t spd_u8;
typedef uint16_t spd_u16;
typedef uint32_t spd_u32;
typedef uint64_t spd_u64;
#endif

enum {
    SPD_MAX_TUPLES = 1024,  /* combinations of prefix lengths, protocol and port wildcards */
    SPD_MAX_SLOTS = 131072, /* policies */
    SPD_RANK_NONE = 0xffffffff
};

enum spd_action { SPD_NONE = 0, SPD_DISCARD = 1, SPD_ENCRYPT = 2 };

/* entry flags */
enum {
    SPD_LEVEL_USE = 1 << 0, /* encrypt under `use`: clear when no SA */
    SPD_SHADOW = 1 << 1     /* see above */
};

/* per-slot state, written by the daemon while running */
enum {
    SPD_OUT_USABLE = 1 << 0, /* an outbound SA is usable */
    SPD_IN_VALID = 1 << 1    /* an inbound SA is valid: clear packets are refused */
};

/* What a packet looks like to the classifier. Ports are 0 unless TCP or UDP with ports at hand.
 * All in network byte order. IPv4 addresses in the first 4 bytes, rest zero. */
struct spd_key {
    spd_u8 src[16];
    spd_u8 dst[16];
    spd_u16 sport;
    spd_u16 dport;
    spd_u8 proto;
    spd_u8 family; /* 4 or 6 */
    spd_u16 tuple; /* index of the tuple; part of the hash key */
};

struct spd_tuple {
    spd_u32 best_rank;
    spd_u8 family;
    spd_u8 src_len, dst_len;
    spd_u8 proto_exact, sport_exact, dport_exact;
    spd_u8 shadow; /* only for later fragments */
    spd_u8 pad;
};

struct spd_tuples { /* value of the one-element tuple map */
    spd_u32 n;
    spd_u32 pad;
    struct spd_tuple t[SPD_MAX_TUPLES];
};

struct spd_entry {
    spd_u32 rank;
    spd_u32 slot;  /* stable number of the policy: state and counters */
    spd_u8 action; /* enum spd_action */
    spd_u8 flags;
    spd_u16 lane; /* encrypt: policies that may send by the same SA have the same worker */
};

#ifndef __bpf__
/* One line of the compiled classifier, and all of them: what the BPF maps are filled with. */
struct spd_row {
    struct spd_key key; /* masked, tuple filled in */
    struct spd_entry entry;
};

struct spd_image {
    const struct spd_tuples *tuples;
    const struct spd_row *rows;
    spd_u64 n_rows;
};
#endif

/* BPF's share of the policy counters (per CPU, by slot). Superpackets count their segments. */
struct spd_slot_counters {
    spd_u64 out_accepted;
    spd_u64 out_dropped;
    spd_u64 in_accepted;
    spd_u64 in_dropped;
};

/* Mask KEY into OUT for tuple T with index INDEX. Inline in both worlds. */
static inline void spd_mask_addr(spd_u8 *out, const spd_u8 *in, spd_u32 len)
{
#pragma GCC unroll 16
    for (spd_u32 i = 0; i < 16; i++) {
        spd_u32 have = len > 8 * i ? len - 8 * i : 0;
        spd_u32 keep = have > 8 ? 8 : have;
        out[i] = (spd_u8)(in[i] & (0xff00u >> keep));
    }
}

static inline void spd_key_mask(struct spd_key *out, const struct spd_key *key,
                                const struct spd_tuple *t, spd_u16 index)
{
    spd_mask_addr(out->src, key->src, t->src_len);
    spd_mask_addr(out->dst, key->dst, t->dst_len);
    out->sport = t->sport_exact ? key->sport : 0;
    out->dport = t->dport_exact ? key->dport : 0;
    out->proto = t->proto_exact ? key->proto : 0;
    out->family = key->family;
    out->tuple = index;
}
