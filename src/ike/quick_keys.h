/* A running quick mode, and what it turns into: SPIs, keys, a child. */
#pragma once

#include "child_policy.h"
#include "phase1.h"

enum quick_state { QUICK_NEW, QUICK_MSG1_SENT, QUICK_MSG2_SENT, QUICK_DONE };

struct quick {
    struct exchange *exchange;
    struct policy *policy;
    TAILQ_ENTRY(quick) in_policy;
    struct child *child; /* the responder's, until it is confirmed */
    struct child_selectors sel;
    struct nonce ni, nr;
    uint32_t spis[2]; /* ours, at P2_ESP and P2_AH */
    struct p2_choice choice;
    uint16_t group; /* 0: no PFS */
    struct dh dh;
    uint8_t own_public[DH_PUBLIC_MAX], peer_public[DH_PUBLIC_MAX];
    uint64_t started_ms;
    bool ids_given;
};

/* What POLICY, which has a proposal, wants on the path of P1. */
struct p2_want quick_want(const struct phase1 *p1, const struct policy *policy);
/* p2_possible, and the data path can do it. */
bool quick_possible(const struct p2_want *want, struct proposal_why *ret_why);
void quick_spis_draw(struct phase1 *p1, uint8_t protocols, uint32_t ret[2]);
/* The pair of SAs of a finished negotiation; NULL when a cipher key came out weak. */
struct child *quick_child_make(struct exchange *ex, struct slice g_xy);
