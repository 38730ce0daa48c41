/* Security policy database: an ordered list of policies compiled into an immutable snapshot.
 * The daemon builds a new snapshot from its configuration and hands it to the engine, which swaps
 * it under RCU; the same image goes to the BPF programs. First match decides, no match passes.
 * RFC 2401 4.4.1; match order: priority descending, then list order, dynamic policies last. */
#pragma once

#include "selector.h"

enum spd_level { LEVEL_USE, LEVEL_REQUIRE, LEVEL_UNIQUE };
enum spd_df { DF_CLEAR, DF_INHERIT, DF_SET };
enum { PROTO_BIT_ESP = 1, PROTO_BIT_AH = 2 };

struct policy {
    struct selector sel;
    uint32_t slot; /* stable number of the configured item; < SPD_MAX_SLOTS */
    int32_t priority;
    uint8_t action;    /* enum spd_action */
    uint8_t level;     /* enum spd_level */
    uint8_t df;        /* enum spd_df */
    uint8_t protocols; /* PROTO_BIT_* */
    bool tunnel;
    bool negotiated; /* its SAs come on demand: a packet without one asks for them and waits */
    struct ip_addr local, remote; /* sa-src-address, sa-dst-address as in use */
    /* Policies with equal reqid may receive through each other's SAs: same end points, mode and
     * protocols, none of them unique. 0: none. */
    uint32_t reqid;
};

struct spd; /* immutable after spd_compile */

enum spd_compile_result { SPD_OK, SPD_TOO_MANY_TUPLES, SPD_TOO_MANY_POLICIES };

/* POLICIES in list order (inactive and disabled ones left out); copied. A policy with ports and
 * protocol `all` gives rows for TCP and UDP. Equal keys keep the better rank. */
enum spd_compile_result spd_compile(const struct policy *policies, size_t n, struct spd **ret);
void spd_free(struct spd *spd);

/* The first policy in match order, NULL when none matches. LATER_FRAGMENT: see SPD_SHADOW;
 * *ret_shadow (never set otherwise) then tells that the policy returned is one with ports that only
 * might match. RET_SHADOW may be NULL. The reference for the BPF program. */
const struct policy *spd_lookup(const struct spd *spd, const struct spd_key *key,
                                bool later_fragment, bool *ret_shadow);
const struct policy *spd_policy_of_slot(const struct spd *spd, uint32_t slot);
size_t spd_count(const struct spd *spd);
uint64_t spd_generation(const struct spd *spd); /* different for every compiled snapshot */

/* What the BPF side loads (spd_abi.h). Borrowed from SPD. */
struct spd_image spd_image(const struct spd *spd);
