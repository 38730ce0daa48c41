/* The flow cache answers as the SPD does, whatever was asked before, and follows new snapshots. */
#include "flow_cache.h"
#include "testgate.h"
#include "text.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static struct spd *spd_make(unsigned seed)
{
    struct policy p[20];
    struct spd *spd;

    for (unsigned i = 0; i < 20; i++) {
        p[i] = (struct policy){ .slot = i, .action = SPD_ENCRYPT, .protocols = 1, .reqid = 1 };
        p[i].sel.src = (struct ip_prefix){ ip_addr_v4(10, (uint8_t)((i + seed) % 5), 0, 0), 16 };
        p[i].sel.dst =
            (struct ip_prefix){ ip_addr_v4(10, (uint8_t)(i % 7), (uint8_t)(i % 3), 0), 24 };
        p[i].sel.proto = i % 2 ? 17 : 0;
        p[i].sel.dport = i % 2 && i % 3 ? (uint16_t)(i % 4) : 0;
    }
    assert_int_equal(spd_compile(p, 20, &spd), SPD_OK);
    return spd;
}

static struct spd_key key_make(unsigned r)
{
    struct spd_key k = { .family = 4, .proto = r & 1 ? 17 : 6 };

    memcpy(k.src, (uint8_t[4]){ 10, (uint8_t)(r >> 1 & 7), 0, (uint8_t)(r >> 4) }, 4);
    memcpy(k.dst, (uint8_t[4]){ 10, (uint8_t)(r >> 12 & 7), (uint8_t)(r >> 15 & 3), 1 }, 4);
    k.dport = (uint16_t)((r >> 17 & 3) << 8);
    return k;
}

static void answers_are_those_of_the_spd(void **state)
{
    struct spd *spds[2] = { spd_make(0), spd_make(3) };
    struct flow_cache *c = flow_cache_new(1);
    unsigned r = 1, found = 0, shadows = 0;

    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        r = r * 1664525 + 1013904223;
        struct spd_key key = key_make(r >> 10);
        const struct spd *spd = spds[i / 1000 % 2];
        bool later = r >> 9 & 1, shadow = true, want_shadow = false;
        const struct policy *got = flow_cache_lookup(c, spd, &key, later, &shadow);

        assert_ptr_equal(got, spd_lookup(spd, &key, later, &want_shadow));
        assert_int_equal(shadow, want_shadow);
        found += got != NULL;
        shadows += shadow;
    }
    assert_true(found > 1000 && shadows > 100);
    flow_cache_free(c);
    spd_free(spds[0]);
    spd_free(spds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(answers_are_those_of_the_spd) };

    return cmocka_run_group_tests_name("flow_cache", tests, NULL, NULL);
}
