#include "spd.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* needs those above */
#include <cmocka.h>

enum { MAX_RULES = 4, NONE = -1 };

static struct ip_prefix prefix_of(const char *text)
{
    struct ip_prefix p;

    assert_true(ip_prefix_from_text(text, strlen(text), &p));
    ip_prefix_mask(&p);
    return p;
}

static struct policy policy_of(const char *src, const char *dst, uint8_t proto, uint16_t dport,
                               int32_t priority, uint32_t slot)
{
    return (struct policy){
        .sel = { .src = prefix_of(src), .dst = prefix_of(dst), .proto = proto, .dport = dport },
        .priority = priority,
        .action = SPD_ENCRYPT,
        .level = LEVEL_REQUIRE,
        .slot = slot
    };
}

static struct spd_key key_of(const char *src, const char *dst, uint8_t proto, uint16_t dport)
{
    struct ip_prefix s = prefix_of(src), d = prefix_of(dst);
    struct spd_key k = { .proto = proto, .dport = htons(dport), .family = s.addr.family };

    memcpy(k.src, s.addr.b, 16);
    memcpy(k.dst, d.addr.b, 16);
    return k;
}

struct rule {
    const char *src, *dst;
    uint8_t proto;
    uint16_t dport;
    int32_t priority;
};

/* Which rule decides about 10.1.0.5 -> 10.2.0.5, protocol and port as given */
static const struct {
    const char *label;
    struct rule rules[MAX_RULES];
    uint8_t proto;
    uint16_t dport;
    bool later, want_shadow;
    int want;
} cases[] = {
    { "no rule", { { 0 } }, 6, 80, false, false, NONE },
    { "the first listed of two that match",
      { { "10.1.0.0/16", "10.2.0.0/16", 0, 0, 0 }, { "10.1.0.5", "10.2.0.5", 6, 80, 0 } },
      6,
      80,
      false,
      false,
      0 },
    { "the larger priority before the list",
      { { "10.1.0.0/16", "10.2.0.0/16", 0, 0, 0 }, { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 1 } },
      6,
      80,
      false,
      false,
      1 },
    { "a negative priority comes last",
      { { "10.1.0.0/16", "10.2.0.0/16", 0, 0, -1 }, { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 0 } },
      6,
      80,
      false,
      false,
      1 },
    { "extreme priorities",
      { { "0.0.0.0/0", "0.0.0.0/0", 0, 0, INT32_MIN },
        { "0.0.0.0/0", "10.2.0.0/16", 0, 0, -5 },
        { "10.1.0.0/16", "0.0.0.0/0", 0, 0, INT32_MAX },
        { "10.1.0.5", "0.0.0.0/0", 0, 0, 5 } },
      1,
      0,
      false,
      false,
      2 },
    { "equal selectors: the first listed",
      { { "10.1.0.0/16", "10.2.0.0/16", 6, 0, 0 }, { "10.1.0.0/16", "10.2.0.0/16", 6, 0, 0 } },
      6,
      80,
      false,
      false,
      0 },
    { "equal selectors: the larger priority",
      { { "10.1.0.0/16", "10.2.0.0/16", 6, 0, 0 }, { "10.1.0.0/16", "10.2.0.0/16", 6, 0, 3 } },
      6,
      80,
      false,
      false,
      1 },
    { "protocol all with a port takes TCP",
      { { "10.1.0.0/16", "10.2.0.0/16", 0, 80, 0 } },
      6,
      80,
      false,
      false,
      0 },
    { "protocol all with a port takes UDP",
      { { "10.1.0.0/16", "10.2.0.0/16", 0, 80, 0 } },
      17,
      80,
      false,
      false,
      0 },
    { "protocol all with a port leaves ICMP",
      { { "10.1.0.0/16", "10.2.0.0/16", 0, 80, 0 } },
      1,
      0,
      false,
      false,
      NONE },
    { "another port falls through",
      { { "10.1.0.0/16", "10.2.0.0/16", 6, 81, 0 }, { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 0 } },
      6,
      80,
      false,
      false,
      1 },
    { "a port on a protocol without ports matches nothing",
      { { "10.1.0.0/16", "10.2.0.0/16", 1, 80, 0 } },
      1,
      0,
      false,
      false,
      NONE },
    { "a later fragment could belong to the port",
      { { "10.1.0.0/16", "10.2.0.0/16", 6, 80, 0 }, { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 0 } },
      6,
      0,
      true,
      true,
      0 },
    { "a later fragment of another protocol could not",
      { { "10.1.0.0/16", "10.2.0.0/16", 6, 80, 0 }, { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 0 } },
      17,
      0,
      true,
      false,
      1 },
    { "a rule before the port decides for later fragments too",
      { { "10.1.0.0/16", "10.2.0.0/16", 6, 80, 0 }, { "0.0.0.0/0", "0.0.0.0/0", 0, 0, 1 } },
      6,
      0,
      true,
      false,
      1 },
    { "protocol all with a port casts a shadow on UDP",
      { { "10.1.0.0/16", "10.2.0.0/16", 0, 80, 0 } },
      17,
      0,
      true,
      true,
      0 },
    { "but none on ICMP", { { "10.1.0.0/16", "10.2.0.0/16", 0, 80, 0 } }, 1, 0, true, false, NONE },
    { "a shadow never matches a whole packet",
      { { "10.1.0.0/16", "10.2.0.0/16", 6, 81, 0 } },
      6,
      80,
      false,
      false,
      NONE },
};

static void run_case(unsigned i)
{
    struct policy policies[MAX_RULES];
    struct spd_key key = key_of("10.1.0.5", "10.2.0.5", cases[i].proto, cases[i].dport);
    struct spd *spd;
    size_t n = 0;
    bool shadow;

    for (const struct rule *r = cases[i].rules; n < MAX_RULES && r->src; r++, n++)
        policies[n] = policy_of(r->src, r->dst, r->proto, r->dport, r->priority, (uint32_t)n);
    assert_int_equal(spd_compile(policies, n, &spd), SPD_OK);
    const struct policy *p = spd_lookup(spd, &key, cases[i].later, &shadow);
    int got = p ? (int)p->slot : NONE;
    if (got != cases[i].want || shadow != cases[i].want_shadow)
        fail_msg("%s: rule %d shadow %d", cases[i].label, got, shadow);
    spd_free(spd);
}

static void the_first_match_decides(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        run_case(i);
}

static void snapshots_keep_their_own_copy(void **state)
{
    struct policy p[2] = { policy_of("10.1.0.0/16", "10.2.0.0/16", 0, 0, 0, 70),
                           policy_of("10.1.0.0/16", "10.2.0.0/16", 0, 0, 9, 3) };
    struct spd *a, *b;

    (void)state;
    assert_int_equal(spd_compile(p, 2, &a), SPD_OK);
    assert_int_equal(spd_compile(p, 2, &b), SPD_OK);
    assert_true(spd_generation(a) != spd_generation(b));
    memset(p, 0, sizeof(p));
    assert_int_equal(spd_count(a), 2);
    assert_int_equal(spd_policy_of_slot(a, 70)->priority, 0);
    assert_int_equal(spd_policy_of_slot(a, 3)->priority, 9);
    assert_null(spd_policy_of_slot(a, 4));
    assert_null(spd_policy_of_slot(a, 71));
    assert_null(spd_policy_of_slot(a, 0xffffffff));
    spd_free(a);
    spd_free(b);
}

static void the_image_lists_rows_once(void **state)
{
    struct policy p[3] = { policy_of("10.1.0.0/16", "10.2.0.0/16", 0, 80, 0, 0),
                           policy_of("10.1.0.0/16", "10.2.0.0/16", 6, 80, 0, 1),
                           policy_of("10.1.0.0/16", "10.2.0.0/16", 6, 81, 0, 2) };
    struct spd *spd;

    (void)state;
    assert_int_equal(spd_compile(p, 3, &spd), SPD_OK);
    struct spd_image image = spd_image(spd);
    /* TCP and UDP 80 with a shadow each, TCP 81; all else is covered by what comes before */
    assert_int_equal(image.n_rows, 5);
    assert_int_equal(image.tuples->n, 2);
    for (unsigned i = 1; i < image.tuples->n; i++)
        assert_true(image.tuples->t[i - 1].best_rank <= image.tuples->t[i].best_rank);
    spd_free(spd);
}

static void what_does_not_fit_is_refused(void **state)
{
    enum { N = SPD_MAX_TUPLES + 1 };
    struct policy *p = calloc(SPD_MAX_SLOTS + 1, sizeof(*p));
    struct spd *spd = NULL;

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        p[i] = policy_of("10.1.1.1/32", "10.2.2.2/32", 0, 0, 0, i);
        p[i].sel.src.len = (uint8_t)(i % 33);
        p[i].sel.dst.len = (uint8_t)(i / 33);
        ip_prefix_mask(&p[i].sel.src);
        ip_prefix_mask(&p[i].sel.dst);
    }
    assert_int_equal(spd_compile(p, N, &spd), SPD_TOO_MANY_TUPLES);
    assert_int_equal(spd_compile(p, N - 1, &spd), SPD_OK);
    spd_free(spd);
    assert_int_equal(spd_compile(p, SPD_MAX_SLOTS + 1, &spd), SPD_TOO_MANY_POLICIES);
    p[0].slot = SPD_MAX_SLOTS;
    assert_int_equal(spd_compile(p, 1, &spd), SPD_TOO_MANY_POLICIES);
    free(p);
}

static void a_hundred_thousand_policies_compile(void **state)
{
    enum { N = 100000 };
    struct policy *p = calloc(N, sizeof(*p));
    struct timespec from, to;
    struct spd *spd;

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        p[i] = policy_of("10.0.0.0/8", "0.0.0.0/32", 0, 0, (int32_t)(i % 7), i);
        p[i].sel.dst.addr = ip_addr_v4(11, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i);
        p[i].sel.dst.len = (uint8_t)(32 - (i % 100 == 0));
        ip_prefix_mask(&p[i].sel.dst);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    assert_int_equal(spd_compile(p, N, &spd), SPD_OK);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double s = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    print_message("compiled in %.3f s of CPU\n", s);
    assert_true(s < 5); /* milliseconds; generous for sanitizers on a busy machine */
    for (uint32_t i = 1; i < N; i += 997) {
        struct spd_key key = { .family = 4, .proto = 17, .src = { 10, 9, 9, 9 } };
        memcpy(key.dst, p[i].sel.dst.addr.b, 4);
        const struct policy *hit = spd_lookup(spd, &key, false, NULL);
        assert_non_null(hit);
        assert_memory_equal(hit->sel.dst.addr.b, key.dst, 3);
    }
    spd_free(spd);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_match_decides),
        cmocka_unit_test(snapshots_keep_their_own_copy),
        cmocka_unit_test(the_image_lists_rows_once),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_hundred_thousand_policies_compile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
