/* The generator's stream, and that it does not repeat itself. */
#include "rng.h"
#include "text.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void a_fixed_stream_is_aes_256_ctr_behind_the_next_key(void **state)
{
    /* openssl enc -aes-256-ctr of zeros: key is the little-endian seed, counter 0, from byte 48
     */
    static const uint8_t want[64] = { 0xc9, 0x5b, 0xd0, 0xcb, 0xde, 0x2f, 0x35, 0x89, 0xd0, 0x4f,
                                      0xb9, 0x1c, 0xd5, 0x7e, 0x3a, 0x37, 0x7e, 0x11, 0xdc, 0xf9,
                                      0x39, 0x72, 0x08, 0xcf, 0x88, 0xd4, 0xde, 0xf7, 0xd8, 0x59,
                                      0x1d, 0xc9, 0x0b, 0xc6, 0x65, 0xcb, 0x27, 0xee, 0xab, 0xf9,
                                      0x90, 0xdd, 0x13, 0x91, 0x48, 0xba, 0xf7, 0xf5, 0x63, 0xab,
                                      0x27, 0x8c, 0x8b, 0x14, 0x33, 0x6a, 0xb5, 0x8e, 0xed, 0xf6,
                                      0xdc, 0x70, 0x07, 0xcd };
    struct rng *r = rng_new_fixed(0x1122334455667788);
    uint8_t got[64];

    (void)state;
    rng_bytes(r, got, sizeof(got));
    assert_memory_equal(got, want, sizeof(want));
    rng_free(r);
}

static void the_stream_does_not_depend_on_how_it_is_cut(void **state)
{
    enum { LEN = 50000 };
    struct rng *a = rng_new_fixed(7), *b = rng_new_fixed(7);
    uint8_t *x = xcalloc(1, LEN), *y = xcalloc(1, LEN);

    (void)state;
    rng_bytes(a, x, LEN);
    for (size_t at = 0, step = 1; at < LEN; at += step, step = step % 97 + 1) {
        if (step > LEN - at)
            step = LEN - at;
        rng_bytes(b, y + at, step);
    }
    assert_memory_equal(x, y, LEN);
    rng_free(a);
    rng_free(b);
    free(x);
    free(y);
}

static void seeds_and_the_kernel_give_different_streams(void **state)
{
    struct rng *r[4] = { rng_new_fixed(1), rng_new_fixed(2), rng_new(), rng_new() };
    uint8_t out[4][32];

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        rng_bytes(r[i], out[i], sizeof(out[i]));
    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = 0; j < i; j++)
            assert_memory_not_equal(out[i], out[j], sizeof(out[i]));
    for (unsigned i = 0; i < 4; i++)
        rng_free(r[i]);
}

static int by_value(const void *a, const void *b)
{
    return memcmp(a, b, 8);
}

/* Enough bytes to pass several reseeds. */
static void a_million_ivs_do_not_repeat(void **state)
{
    enum { N = 1000000 };
    struct rng *r = rng_new();
    uint64_t *iv = xcalloc(N, sizeof(*iv));

    (void)state;
    for (unsigned i = 0; i < N; i++)
        rng_bytes(r, &iv[i], sizeof(iv[i]));
    qsort(iv, N, sizeof(*iv), by_value);
    for (unsigned i = 1; i < N; i++)
        assert_true(iv[i] != iv[i - 1]);
    rng_free(r);
    free(iv);
}

/* 2^20 bits: five standard deviations are 2560. */
static void bits_are_balanced(void **state)
{
    struct rng *r = rng_new_fixed(99);
    int ones = 0;

    (void)state;
    for (unsigned i = 0; i < (1u << 20) / 32; i++)
        ones += __builtin_popcount(rng_u32(r));
    assert_in_range(ones, (1 << 19) - 2560, (1 << 19) + 2560);
    rng_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fixed_stream_is_aes_256_ctr_behind_the_next_key),
        cmocka_unit_test(the_stream_does_not_depend_on_how_it_is_cut),
        cmocka_unit_test(seeds_and_the_kernel_give_different_streams),
        cmocka_unit_test(a_million_ivs_do_not_repeat),
        cmocka_unit_test(bits_are_balanced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
