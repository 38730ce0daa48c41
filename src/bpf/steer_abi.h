/* What the steering programs and src/net agree on beside the SPD itself (spd_abi.h): how the
 * classifier's tuples lie in the maps, links, and the programs' own counters. */
#pragma once

#include "spd_abi.h"

/* Counted beside the policies' own counters. */
#define STEER_COUNTERS(X)                                                                          \
    X(OUT_ACCEPT, "out-accept", "packets that no encrypt or discard policy matched")               \
    X(OUT_ISAKMP, "out-accept-isakmp", "our own IKE passed without a policy lookup")               \
    X(OUT_OWN, "out-accept-own", "our own ESP, AH and UDP-encapsulated ESP")                       \
    X(OUT_FRAGMENT, "out-fragment-dropped", "later fragment without the verdict of its first")     \
    X(OUT_BLOCKED, "out-policy-blocked", "dropped by a discard policy")                            \
    X(OUT_REDIRECT, "out-captured", "sent to the capture device")                                  \
    X(OUT_UNSTEERED, "out-unsteered-dropped", "policy traffic on an interface not yet steered")    \
    X(IN_ISAKMP, "in-accept-isakmp", "IKE to this host passed without a policy check")             \
    X(IN_EXPECTED, "in-drop-encrypted-expected", "clear packets that should have come encrypted")  \
    X(IN_BLOCKED, "in-policy-blocked", "clear packets dropped by a discard policy")                \
    X(IN_FRAGMENT, "in-fragment-dropped", "clear later fragment without the verdict of its first") \
    X(IN_NO_LINK, "in-link-gone", "decrypted packets whose interface has gone")                    \
    X(MALFORMED, "steer-header-errors", "headers the programs could not read; dropped")

enum steer_counter {
#define X(id, name, text) STEER_##id,
    STEER_COUNTERS(X)
#undef X
        STEER_COUNTER_COUNT
};

/* The tuples a packet walks, by family; later fragments have lists of their own: the tuples without
 * ports, shadows among them. */
enum { STEER_LIST_V4, STEER_LIST_V4_LATER, STEER_LIST_V6, STEER_LIST_V6_LATER, STEER_LISTS };

enum { STEER_KEY_WORDS = sizeof(struct spd_key) / sizeof(spd_u64) };

/* A tuple as the programs use it: masking is STEER_KEY_WORDS times "and". */
struct steer_tuple {
    spd_u64 mask[STEER_KEY_WORDS]; /* a struct spd_key of masks; tuple's is zero */
    spd_u32 best_rank;
    spd_u16 index; /* of the tuple in the image: part of the hash key */
    spd_u16 pad;
};

struct steer_tuples {
    spd_u32 n;
    spd_u32 pad;
    struct steer_tuple t[SPD_MAX_TUPLES];
};

/* Three SPDs have room in the maps; the generation modulo that tells which one is in force. Why
 * three: steer_maps.c. */
enum { STEER_GENERATIONS = 3 };
struct steer_control {
    spd_u32 generation;
    spd_u32 pad;
};

/* Policy counters are cut into chunks, made when a policy needs them: per-CPU memory for all
 * SPD_MAX_SLOTS would be 4 MB for every possible processor. */
enum { STEER_CHUNK_SLOTS = 8192, STEER_CHUNKS = SPD_MAX_SLOTS / STEER_CHUNK_SLOTS };

/* The classifier's last answers, so that a flow pays for many combinations once. */
enum { STEER_FLOWS = 32768, STEER_FLOWS_FROM_TUPLES = 4 /* fewer are walked faster */ };
struct steer_flow {
    spd_u32 generation;
    struct spd_entry best;
};

/* link flags */
enum {
    STEER_LINK_ETHERNET = 1 << 0, /* takes a link header; mac is valid */
    STEER_LINK_STEERED = 1 << 1   /* our program sits at its egress */
};
enum { STEER_MAX_LINKS = 16384 };

struct steer_link {
    spd_u8 mac[6];
    spd_u8 flags;
    spd_u8 pad;
};

/* Verdict of a first fragment, for the later ones. */
struct steer_fragment_key {
    spd_u8 src[16];
    spd_u8 dst[16];
    spd_u32 id;
    spd_u8 proto;
    spd_u8 family;
    spd_u8 hook; /* enum steer_hook: each hook judges for itself */
    spd_u8 pad;
};

enum steer_hook { STEER_HOOK_EGRESS, STEER_HOOK_LOCAL_IN, STEER_HOOK_FORWARD };
enum steer_verdict { STEER_PASS, STEER_DROP, STEER_CAPTURE, STEER_EXEMPT };

struct steer_fragment {
    spd_u64 seen_ns;
    spd_u32 generation;
    spd_u32 slot; /* SPD_RANK_NONE: no policy */
    spd_u8 verdict;
    spd_u8 pad;
    spd_u16 lane; /* of the entry that decided */
    spd_u32 pad2;
};

/* Locally administered: 02:00 and the interface's index; see tun.h. */
enum { STEER_INJECT_MAC0 = 0x02, STEER_INJECT_MAC1 = 0x00 };
