#include "map.h"
#include "timer.h"
#include "unit.h"

struct thing {
    struct timer t;
    struct map_link link;
    unsigned key, fired;
};

static struct thing things[1000];
static uint64_t last_ms;

static void fire(struct timer *t)
{
    struct thing *x = timer_owner(t, struct thing, t);

    assert_true(t->at_ms >= last_ms);
    assert_false(timer_armed(t));
    last_ms = t->at_ms;
    x->fired++;
}

static void timers_fire_once_in_order_and_can_be_moved(void **state)
{
    struct timers ts = { 0 };
    unsigned fired = 0;

    (void)state;
    assert_true(timers_next_ms(&ts) == UINT64_MAX);
    for (unsigned i = 0; i < 1000; i++)
        timer_arm(&ts, &things[i].t, (i * 7919u) % 5000 + 100, fire);
    for (unsigned i = 0; i < 1000; i += 3)
        timer_stop(&ts, &things[i].t);
    for (unsigned i = 1; i < 1000; i += 3)
        timer_arm(&ts, &things[i].t, (i * 104729u) % 6000 + 50, fire);
    timers_run(&ts, 3000, 1000);
    assert_true(timers_next_ms(&ts) > 3000);
    timers_run(&ts, UINT64_MAX, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(things[i].fired, i % 3 == 0 ? 0 : 1);
        fired += things[i].fired;
    }
    assert_int_equal(fired, 666);
    assert_true(timers_next_ms(&ts) == UINT64_MAX);
    timers_fini(&ts);
}

static void timers_due_at_once_come_in_bounded_rounds(void **state)
{
    static struct thing many[100];
    struct timers ts = { 0 };
    unsigned fired = 0;

    (void)state;
    last_ms = 0;
    for (unsigned i = 0; i < 100; i++)
        timer_arm(&ts, &many[i].t, 5, fire);
    timers_run(&ts, 5, 30);
    for (unsigned i = 0; i < 100; i++)
        fired += many[i].fired;
    assert_int_equal(fired, 30);
    assert_true(timers_next_ms(&ts) == 5);
    timers_run(&ts, 5, 100);
    assert_true(timers_next_ms(&ts) == UINT64_MAX);
    timers_fini(&ts);
}

/* The hash is the caller's; here five keys share each. */
static void map_keeps_what_collides_apart(void **state)
{
    struct map m = { 0 };
    unsigned found = 0;

    (void)state;
    assert_null(map_any(&m));
    for (unsigned i = 0; i < 1000; i++) {
        things[i].key = i;
        map_put(&m, &things[i].link, i / 5);
    }
    for (unsigned i = 0; i < 1000; i += 2)
        map_remove(&m, &things[i].link);
    for (unsigned h = 0; h < 200; h++) {
        for (struct map_link *l = map_first(&m, h); l; l = map_next(l)) {
            const struct thing *x = map_owner(l, struct thing, link);

            assert_int_equal(x->key / 5, h);
            assert_int_equal(x->key % 2, 1);
            found++;
        }
    }
    assert_int_equal(found, 500);
    assert_null(map_first(&m, 200));
    map_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_once_in_order_and_can_be_moved),
        cmocka_unit_test(timers_due_at_once_come_in_bounded_rounds),
        cmocka_unit_test(map_keeps_what_collides_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
