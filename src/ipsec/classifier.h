/* The tables behind spd_lookup: which row of the compiled SPD a packet hits first.
 *
 * All rows of a family lie in one open-addressing table under (masked key, tuple). Walking every
 * tuple would cost a probe for each, so a lookup first narrows them down: per direction, a Bloom
 * filter says for which of the prefix lengths in use any row has this address, and only tuples
 * whose source and destination length both survive are probed ("tuple pruning" of the paper named
 * in spd_abi.h). What is left is probed in order of best rank until no later tuple can win.
 *
 * The rows are configured and the hash is seeded, so chains stay short whatever packets come. */
#pragma once

#include "spd_abi.h"

#include <stdbool.h>
#include <stddef.h>

struct classifier;

/* Room for N_V4 and N_V6 rows. */
struct classifier *classifier_new(const uint64_t seed[2], size_t n_v4, size_t n_v6);
void classifier_free(struct classifier *c);
/* Tuples have to come in ascending order of best rank; INDEX counts them over both families. */
void classifier_add_tuple(struct classifier *c, unsigned index, const struct spd_tuple *t);
/* A row of the tuple (masked key with the tuple's index). False when an equal key is there. */
bool classifier_add_row(struct classifier *c, const struct spd_key *key, uint32_t rank);
/* After the last row, before the first lookup. */
void classifier_finish(struct classifier *c);
/* Rank of the best row KEY hits, SPD_RANK_NONE for none. *ret_shadow is set only when the row is in
 * a shadow tuple, and those count only for later fragments. */
uint32_t classifier_find(const struct classifier *c, const struct spd_key *key, bool later_fragment,
                         bool *ret_shadow);
