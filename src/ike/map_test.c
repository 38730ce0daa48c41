#include "map.h"
#include "unit.h"

#include <stdbool.h>

enum { N = 500 };

struct thing {
    struct map_link link;
    unsigned key;
    bool in;
};

static unsigned in_map(struct map *m, const struct thing *things)
{
    unsigned found = 0;

    for (unsigned i = 0; i < N; i++) {
        for (struct map_link *l = map_first(m, things[i].key); l; l = map_next(l))
            found += map_owner(l, struct thing, link) == &things[i];
    }
    return found;
}

static void finds_each_among_those_of_equal_hash(void **state)
{
    static struct thing things[N];
    struct map m = { 0 };

    (void)state;
    for (unsigned i = 0; i < N; i++) {
        things[i].key = i / 3;
        map_put(&m, &things[i].link, things[i].key);
    }
    assert_int_equal(in_map(&m, things), N);
    for (unsigned i = 0; i < N; i += 2)
        map_remove(&m, &things[i].link);
    assert_int_equal(in_map(&m, things), N / 2);
    assert_null(map_first(&m, N));
    map_fini(&m);
}

/* Taken out by map_any until empty, some put back on the way: every one comes, none twice. */
static void any_empties_it(void **state)
{
    static struct thing things[N];
    struct map m = { 0 };
    struct map_link *l;
    unsigned taken = 0;

    (void)state;
    assert_null(map_any(&m));
    for (unsigned i = 0; i < N; i++) {
        map_put(&m, &things[i].link, i * 7);
        things[i].in = true;
    }
    while ((l = map_any(&m))) {
        struct thing *t = map_owner(l, struct thing, link);

        assert_true(t->in);
        map_remove(&m, l);
        if (++taken % 5 == 0 && taken < 2 * N)
            map_put(&m, l, 3); /* before where it was taken */
        else
            t->in = false;
    }
    assert_int_equal(m.n, 0);
    for (unsigned i = 0; i < N; i++)
        assert_false(things[i].in);
    map_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_among_those_of_equal_hash),
        cmocka_unit_test(any_empties_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
