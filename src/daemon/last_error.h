/* The last refusal of each policy or each peer, by the item's id: what the console prints as
 * `last-error`. A success forgets it. Owns the texts. */
#pragma once

#include "map.h"

#include <stdbool.h>
#include <stdint.h>

struct last_error {
    struct map_link by_id;
    bool of_phase1;
    char *text;
};

struct last_errors { /* zeroed: none */
    struct map by_id;
};

void last_errors_fini(struct last_errors *l);
/* TEXT NULL: all is well again. Id 0 is nobody. OF_PHASE1, of a peer: every policy that needs it
 * suffers. */
void last_error_set(struct last_errors *l, uint32_t id, const char *text, bool of_phase1);
const struct last_error *last_error_find(const struct last_errors *l, uint32_t id); /* or NULL */
