/* Anti-replay window, RFC 4303 3.4.3 with the block bitmap of RFC 6479: check before the ICV,
 * update after it. One worker owns an SA's window, so there are no locks. Sequence numbers are 32
 * bits; 0 is never valid, except with the window off: a sender may then wrap (RFC 4303 2.2). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { REPLAY_MAX_PACKETS = 1024 };

struct replay {
    uint32_t window; /* packets; 0 = off */
    uint32_t top;    /* highest sequence number accepted */
    uint64_t *bits;  /* replay_words(window) words, owned by the SA; NULL when off */
};

/* Words of bitmap a window needs: a power of two, so that the ring index is a mask. */
unsigned replay_words(uint32_t window);
bool replay_check(const struct replay *r, uint32_t seq);
/* Only after replay_check and a good ICV. False when SEQ was seen in the meantime (a duplicate in
 * the same batch). */
bool replay_update(struct replay *r, uint32_t seq);
