#include "replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* needs those above */
#include <cmocka.h>

enum { MAX_STEPS = 12, MODEL_SEQS = 5000 };

struct step {
    uint32_t seq;
    bool accepted;
};

/* RFC 4303 3.4.3: the right edge is the highest number accepted, the left edge lies a window back;
 * what is left of it or was seen is refused. */
static const struct {
    const char *label;
    uint32_t window;
    struct step steps[MAX_STEPS]; /* ends with seq 0 and false, after the first */
    bool zero_first;
} cases[] = {
    { "in order", 32, { { 1, true }, { 2, true }, { 3, true } }, false },
    { "a duplicate is refused",
      32,
      { { 1, true }, { 1, false }, { 2, true }, { 1, false } },
      false },
    { "the left edge of 32", 32, { { 33, true }, { 2, true }, { 1, false }, { 2, false } }, false },
    { "the left edge of 64", 64, { { 65, true }, { 2, true }, { 1, false } }, false },
    { "the left edge of 100, no multiple of a word",
      100,
      { { 200, true }, { 101, true }, { 100, false }, { 101, false } },
      false },
    { "the left edge of 1024", 1024, { { 2000, true }, { 977, true }, { 976, false } }, false },
    { "filling a gap",
      32,
      { { 10, true }, { 5, true }, { 5, false }, { 9, true }, { 10, false } },
      false },
    { "a jump forgets what the ring held",
      32,
      { { 1, true }, { 129, true }, { 128, true }, { 1, false }, { 257, true }, { 256, true } },
      false },
    { "a jump by exactly the ring",
      64,
      { { 7, true }, { 135, true }, { 134, true }, { 135, false } },
      false },
    { "a jump to the end of the numbers",
      64,
      { { 5, true },
        { 0xffffffff, true },
        { 0xffffffff, false },
        { 0xfffffffe, true },
        { 0xffffffc0, true },
        { 0xffffffbf, false },
        { 5, false },
        { 1, false } },
      false },
    { "zero is never valid", 32, { { 0, false }, { 1, true }, { 2, true } }, true },
};

static void run_case(unsigned i)
{
    uint32_t window = cases[i].window;
    struct replay r = { .window = window, .bits = calloc(replay_words(window), 8) };

    for (unsigned s = 0; s < MAX_STEPS; s++) {
        const struct step *step = &cases[i].steps[s];
        if (step->seq == 0 && !step->accepted && !(s == 0 && cases[i].zero_first))
            break;
        if (replay_check(&r, step->seq) != step->accepted ||
            replay_update(&r, step->seq) != step->accepted)
            fail_msg("%s: step %u, sequence %u", cases[i].label, s, step->seq);
    }
    free(r.bits);
}

static void windows_follow_the_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        run_case(i);
}

static void off_accepts_everything(void **state)
{
    struct replay r = { 0 };

    (void)state;
    assert_int_equal(replay_words(0), 0);
    assert_true(replay_update(&r, 7));
    assert_true(replay_update(&r, 7));
    assert_true(replay_update(&r, 0)); /* a sender without anti-replay may wrap */
    assert_true(replay_update(&r, 1));
}

static void checking_moves_nothing(void **state)
{
    uint64_t bits[2] = { 0 };
    struct replay r = { .window = 32, .bits = bits };

    (void)state;
    assert_true(replay_update(&r, 100));
    struct replay before = r;
    assert_true(replay_check(&r, 4000000)); /* forged: its ICV would fail */
    assert_true(replay_check(&r, 99));
    assert_memory_equal(&r, &before, sizeof(r));
    assert_true(replay_update(&r, 99));
}

static void rings_hold_the_window_and_a_word(void **state)
{
    (void)state;
    for (uint32_t window = 1; window <= REPLAY_MAX_PACKETS; window++) {
        unsigned words = replay_words(window);
        assert_int_equal(words & (words - 1), 0);
        assert_true(words * 64 >= window + 63);
    }
}

/* ---- against a plain set of all numbers seen ---- */

static uint64_t dice_state;

static uint32_t roll(uint32_t sides)
{
    dice_state ^= dice_state >> 12;
    dice_state ^= dice_state << 25;
    dice_state ^= dice_state >> 27;
    return (uint32_t)((dice_state * 0x2545f4914f6cdd1du) >> 33) % sides;
}

static uint32_t back(uint32_t top, uint32_t by)
{
    return by < top ? top - by : by % 2;
}

static uint32_t next_seq(uint32_t top, uint32_t window)
{
    switch (roll(8)) {
    case 0:
        return back(top, roll(3 * window)); /* around and left of the left edge */
    case 1:
        return top + roll(4 * window + 200);
    case 2:
    case 3:
        return back(top, roll(window));
    case 4:
        return top;
    default:
        return top + roll(3);
    }
}

static void model_run(uint64_t seed, uint32_t window, uint32_t start)
{
    struct replay r = { .window = window, .bits = calloc(replay_words(window), 8) };
    uint32_t *seen = malloc(MODEL_SEQS * sizeof(*seen)), top = 0;
    unsigned n_seen = 0;

    dice_state = seed;
    for (unsigned i = 0; i < MODEL_SEQS; i++) {
        uint32_t seq = i == 0 ? start : next_seq(top, window);
        bool want = seq != 0 && (seq > top || top - seq < window);
        for (unsigned k = n_seen; want && k-- > 0;)
            want = seen[k] != seq;
        if (replay_check(&r, seq) != want || (roll(8) && replay_update(&r, seq) != want))
            fail_msg("seed %llu window %u: step %u, sequence %u after %u", (unsigned long long)seed,
                     window, i, seq, top);
        if (!want || replay_check(&r, seq))
            continue; /* refused, or its ICV was "wrong" and it was not updated */
        seen[n_seen++] = seq;
        top = seq > top ? seq : top;
    }
    free(seen);
    free(r.bits);
}

static void random_orders_equal_a_set(void **state)
{
    static const uint32_t windows[] = { 32, 33, 63, 64, 65, 96, 128, 500, 1023, 1024 };
    static const uint32_t starts[] = { 1, 60, 64, 100000, 0x7fffff00, 0xffff0000, 0xfffffff0 };
    uint64_t seed = 1;

    (void)state;
    for (unsigned w = 0; w < sizeof(windows) / sizeof(*windows); w++)
        for (unsigned s = 0; s < sizeof(starts) / sizeof(*starts); s++)
            model_run(seed++, windows[w], starts[s]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_follow_the_table),
        cmocka_unit_test(off_accepts_everything),
        cmocka_unit_test(checking_moves_nothing),
        cmocka_unit_test(rings_hold_the_window_and_a_word),
        cmocka_unit_test(random_orders_equal_a_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
