/* `/ip firewall nat` in force: one nftables table of our own, replaced as a whole with every change
 * by the nft program (RFC 2663 for the words). Counters survive the replacement. */
#pragma once

#include "config.h"
#include "plan.h"

struct nat;

/* TABLE: name of ours. Packets with MARK are the gateway's own and never translated. */
struct nat *nat_new(const char *table, uint32_t mark);
void nat_free(struct nat *n);
/* Makes the rules of C the ones in force; false with REASON, and the former ones stay. */
bool nat_follow(struct nat *n, struct config *c, struct text *reason);
void nat_stop(struct nat *n); /* takes the table away */
bool nat_reset_counters(struct nat *n, struct config *c, struct text *reason);
/* bytes, packets, invalid and warning of a rule. */
bool nat_live(struct nat *n, struct config *c, const struct item *item, const char *prop,
              struct text *out);
/* Logs each rule that begins to hide packets from a policy. */
void nat_warn(struct nat *n, struct config *c);

/* The script that puts the rules of C in force; COUNTS gives what a rule counted so far. */
void nat_script(const char *table, uint32_t mark, struct config *c,
                void (*counts)(void *ctx, uint32_t id, uint64_t *packets, uint64_t *bytes),
                void *ctx, struct text *out);
/* Why the packets of a policy would be translated by RULE before it sees them: the most common
 * mistake. False: they are not. */
bool nat_hides(struct config *c, const struct item *rule, struct text *ret_why);
