#include "replay.h"

enum { WORD_BITS = 64 };

unsigned replay_words(uint32_t window)
{
    /* The word that `top` is in is partly ahead of it, so a window may touch one word more than
     * its size fills. */
    unsigned need = (window + 2 * WORD_BITS - 1) / WORD_BITS;

    if (window == 0)
        return 0;
    return 1u << (32 - __builtin_clz(need - 1));
}

static uint64_t *replay_word(const struct replay *r, uint32_t seq)
{
    return &r->bits[(seq / WORD_BITS) & (replay_words(r->window) - 1)];
}

static uint64_t replay_bit(uint32_t seq)
{
    return (uint64_t)1 << (seq % WORD_BITS);
}

bool replay_check(const struct replay *r, uint32_t seq)
{
    if (r->window == 0)
        return true;
    if (seq == 0)
        return false;
    if (seq > r->top)
        return true;
    if (r->top - seq >= r->window)
        return false;
    return !(*replay_word(r, seq) & replay_bit(seq));
}

/* Moves the window up to SEQ: the words it enters lose what they held a turn of the ring ago. */
static void replay_advance(struct replay *r, uint32_t seq)
{
    unsigned words = replay_words(r->window);
    uint32_t from = r->top / WORD_BITS, steps = seq / WORD_BITS - from;

    if (steps > words)
        steps = words;
    for (uint32_t i = 1; i <= steps; i++)
        r->bits[(from + i) & (words - 1)] = 0;
    r->top = seq;
}

bool replay_update(struct replay *r, uint32_t seq)
{
    if (!replay_check(r, seq))
        return false;
    if (r->window == 0)
        return true;
    if (seq > r->top)
        replay_advance(r, seq);
    *replay_word(r, seq) |= replay_bit(seq);
    return true;
}
