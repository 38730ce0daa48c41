/* SipHash-2-4 against the vectors of its authors. */
#include "hash.h"
#include "unit.h"

/* The reference vectors of SipHash-2-4: key 00..0f, input 00, 01, 02, ... of the given length. */
static void siphash_equals_its_reference(void **state)
{
    static const struct {
        size_t len;
        uint64_t want;
    } cases[] = {
        { 0, 0x726fdb47dd0e0e31 },  { 1, 0x74f839c593dc67fd },  { 2, 0x0d6c8009d9a94f5a },
        { 3, 0x85676696d7fb7e2d },  { 4, 0xcf2794e0277187b7 },  { 5, 0x18765564cd99a68d },
        { 6, 0xcbc9466e58fee3ce },  { 7, 0xab0200f58b01d137 },  { 8, 0x93f5f5799a932462 },
        { 9, 0x9e0082df0ba9e4b0 },  { 10, 0x7a5dbbc594ddb9f3 }, { 11, 0xf4b32f46226bada7 },
        { 12, 0x751e8fbc860ee5fb }, { 13, 0x14ea5627c0843d90 }, { 14, 0xf723ca908e7af2ee },
        { 15, 0xa129ca6149be45e5 }, { 31, 0x32d892fad841c342 }, { 32, 0x7127512f72f27cce },
        { 33, 0xa7f32346f95978e3 }, { 63, 0x958a324ceb064572 },
    };
    const struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
    uint8_t in[64];

    (void)state;
    for (unsigned i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(hash_bytes(&key, in, cases[i].len) == cases[i].want);
}

static void the_hash_does_not_depend_on_alignment(void **state)
{
    const struct hash_key key = { 1, 2 };
    uint8_t buf[64] = { 0 };

    (void)state;
    for (unsigned at = 1; at < 16; at++)
        assert_true(hash_bytes(&key, buf + at, 40) == hash_bytes(&key, buf, 40));
}

static void another_key_gives_another_hash(void **state)
{
    const struct hash_key a = { 1, 2 }, b = { 1, 3 }, c = { 0, 2 };

    (void)state;
    assert_true(hash_bytes(&a, "x", 1) != hash_bytes(&b, "x", 1));
    assert_true(hash_bytes(&a, "x", 1) != hash_bytes(&c, "x", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_equals_its_reference),
        cmocka_unit_test(the_hash_does_not_depend_on_alignment),
        cmocka_unit_test(another_key_gives_another_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
