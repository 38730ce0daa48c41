#include "keymap.h"
#include "unit.h"

#include <stdio.h>

static void first_value_of_a_key_stays(void **state)
{
    struct keymap m = { 0 };
    bool is_new;

    (void)state;
    assert_int_equal(keymap_put(&m, "a", 1, 7, &is_new), 7);
    assert_true(is_new);
    assert_int_equal(keymap_put(&m, "a", 1, 8, &is_new), 7);
    assert_false(is_new);
    keymap_fini(&m);
}

static void keys_differ_by_length_and_bytes(void **state)
{
    struct keymap m = { 0 };
    bool is_new;

    (void)state;
    keymap_put(&m, "a\0", 2, 1, &is_new);
    keymap_put(&m, "a", 1, 2, &is_new);
    assert_true(is_new);
    assert_int_equal(keymap_put(&m, "a\0", 2, 9, &is_new), 1);
    keymap_fini(&m);
}

static void finding_stores_nothing(void **state)
{
    struct keymap m = { 0 };
    uint32_t value = 7;
    bool is_new;

    (void)state;
    assert_false(keymap_find(&m, "a", 1, &value));
    keymap_put(&m, "a", 1, 3, &is_new);
    assert_false(keymap_find(&m, "b", 1, &value));
    assert_int_equal(value, 7);
    assert_true(keymap_find(&m, "a", 1, &value));
    assert_int_equal(value, 3);
    keymap_put(&m, "b", 1, 4, &is_new);
    assert_true(is_new);
    keymap_fini(&m);
}

static void many_keys_survive_growth(void **state)
{
    struct keymap m = { 0 };
    bool is_new;
    char key[16];

    (void)state;
    for (uint32_t i = 0; i < 10000; i++) {
        int len = snprintf(key, sizeof(key), "%u", i);
        keymap_put(&m, key, (size_t)len, i, &is_new);
        assert_true(is_new);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        int len = snprintf(key, sizeof(key), "%u", i);
        assert_int_equal(keymap_put(&m, key, (size_t)len, 0, &is_new), i);
        assert_false(is_new);
    }
    keymap_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_value_of_a_key_stays),
        cmocka_unit_test(keys_differ_by_length_and_bytes),
        cmocka_unit_test(finding_stores_nothing),
        cmocka_unit_test(many_keys_survive_growth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
