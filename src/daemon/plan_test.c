/* What a configuration means for the data path: causes of an inactive policy, sharing of SAs. */
#include "plan.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARGS_MAX = 16 };

static unsigned n_asked;

/* 1.0.0.1 and 1.0.0.9 are ours; everything but 9.0.0.0/8 is routed from 1.0.0.1. */
static bool is_local(void *ctx, const struct ip_addr *a)
{
    struct ip_addr first = ip_addr_v4(1, 0, 0, 1), second = ip_addr_v4(1, 0, 0, 9);

    (void)ctx;
    n_asked++;
    return ip_addr_equal(a, &first) || ip_addr_equal(a, &second);
}

static bool source_for(void *ctx, const struct ip_addr *dst, struct ip_addr *ret)
{
    (void)ctx;
    n_asked++;
    *ret = ip_addr_v4(1, 0, 0, 1);
    return dst->b[0] != 9;
}

static const struct plan_env env = { .is_local = is_local, .source_for = source_for };

/* "name=value name=value" */
static void add(struct config *c, const char *menu, const char *line)
{
    struct config_arg args[ARGS_MAX];
    struct config_error e = { 0 };
    char *copy = strdup(line), *save = NULL;
    size_t n = 0;
    uint32_t id;

    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(w, '=');
        *eq = '\0';
        args[n++] = (struct config_arg){ w, eq + 1 };
    }
    if (!config_add(c, menu_find(menu), args, n, &id, &e))
        fail_msg("%s: %s", line, text_get(&e.text));
    text_fini(&e.text);
    free(copy);
}

static struct config *config_with_templates(void)
{
    static const struct config_hooks none = { 0 };
    struct config *c = config_open_memory(&none);

    add(c, "ip ipsec manual-sa", "name=ah1 ah-spi=0x101/0x100 ah-key=abcfed");
    add(c, "ip ipsec manual-sa", "name=nothing");
    add(c, "ip ipsec manual-sa",
        "name=esp1 esp-spi=0x200/0x201 esp-enc-algorithm=des esp-enc-key=0011223344556677 "
        "esp-auth-algorithm=md5 esp-auth-key=00112233445566778899aabbccddeeff");
    add(c, "ip ipsec manual-sa", "name=off ah-key=abcfed disabled=yes");
    return c;
}

static void every_cause_of_inactive_is_named(void **state)
{
    static const struct {
        const char *policy, *reason; /* NULL: active */
    } rows[] = {
        { "src-address=10.1.0.0/24 dst-address=10.2.0.0/24 action=none", NULL },
        { "src-address=10.1.0.0/24 dst-address=10.2.0.0/24 action=discard", NULL },
        { "dst-address=10.2.0.0/24 action=discard", "src-address is not set" },
        { "tunnel=yes sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2", "src-address is not set" },
        { "tunnel=yes src-address=10.1.0.0/24 sa-dst-address=1.0.0.2", "dst-address is not set" },
        { "src-address=10.1.0.0/24 dst-address=10.2.0.0/24 tunnel=yes",
          "sa-dst-address is not set" },
        { "src-address=10.1.0.0/24 dst-address=10.2.0.0/24 tunnel=yes sa-src-address=7.7.7.7 "
          "sa-dst-address=1.0.0.2",
          "sa-src-address 7.7.7.7 is not an address of this host" },
        { "src-address=10.1.0.0/24 dst-address=10.2.0.0/24 tunnel=yes sa-dst-address=9.0.0.2",
          "no route to sa-dst-address 9.0.0.2, so no source address for the SA" },
        { "src-address=10.1.0.0/24 dst-address=1.0.0.2/32 sa-src-address=1.0.0.1 "
          "sa-dst-address=1.0.0.2",
          "tunnel=no and src-address does not include sa-src-address" },
        { "src-address=1.0.0.0/24 dst-address=10.2.0.0/24 sa-src-address=1.0.0.1 "
          "sa-dst-address=1.0.0.2",
          "tunnel=no and dst-address does not include sa-dst-address" },
        { "src-address=1.0.0.0/24 dst-address=1.0.0.0/24 sa-src-address=1.0.0.1 "
          "sa-dst-address=1.0.0.2",
          NULL },
        { "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2", NULL },
        { "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2 ipsec-protocols=ah manual-sa=ah1", NULL },
        { "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2 ipsec-protocols=esp manual-sa=ah1",
          "manual-sa ah1 has neither esp-enc-algorithm nor esp-auth-algorithm" },
        { "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2 ipsec-protocols=ah manual-sa=nothing",
          "manual-sa nothing has no ah-key" },
        { "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2 ipsec-protocols=ah manual-sa=off",
          "manual-sa off is disabled" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config *c = config_with_templates();
        struct keymap reqids = { 0 };
        struct plan plan;
        add(c, "ip ipsec policy", rows[i].policy);
        plan_build(c, &env, &reqids, &plan);
        const struct plan_policy *pp = &plan.policies[0];
        if (pp->active != (rows[i].reason == NULL))
            print_error("%s: %s\n", rows[i].policy, pp->reason);
        assert_int_equal(pp->active, rows[i].reason == NULL);
        assert_string_equal(pp->reason, rows[i].reason ? rows[i].reason : "");
        plan_fini(&plan);
        keymap_fini(&reqids);
        config_close(c);
    }
}

static void what_cannot_be_protected_is_not_let_out_in_clear(void **state)
{
#define NETS "src-address=10.1.0.0/24 dst-address=10.2.0.0/24 tunnel=yes "
#define GONE "sa-src-address=7.7.7.7 sa-dst-address=1.0.0.2"
    static const struct {
        const char *policy;
        bool enforced;
    } rows[] = {
        { NETS GONE, true },
        { NETS GONE " level=unique", true },
        { NETS GONE " level=use", false },
        { NETS GONE " disabled=yes", false },
        { NETS "sa-src-address=1.0.0.1", true },
        { NETS "sa-dst-address=9.0.0.2", true },
        { NETS "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2 manual-sa=off", true },
        { "src-address=0.0.0.0/0 dst-address=0.0.0.0/0 " GONE, true }, /* narrowed to its ends */
        { "src-address=0.0.0.0/0 dst-address=0.0.0.0/0 sa-dst-address=9.0.0.2", false },
        { "tunnel=yes src-address=10.1.0.0/24 " GONE, false }, /* no dst-address: matches nothing */
        { "src-address=10.1.0.0/24 dst-address=10.2.0.0/24 action=none", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config *c = config_with_templates();
        struct keymap reqids = { 0 };
        struct plan plan;
        add(c, "ip ipsec policy", rows[i].policy);
        plan_build(c, &env, &reqids, &plan);
        if (plan.policies[0].enforced != rows[i].enforced)
            print_error("%s\n", rows[i].policy);
        assert_int_equal(plan.policies[0].enforced, rows[i].enforced);
        plan_fini(&plan);
        keymap_fini(&reqids);
        config_close(c);
    }
}

static struct plan plan_of_two(const char *first, const char *second)
{
    struct config *c = config_with_templates();
    struct keymap reqids = { 0 };
    struct plan plan;

    add(c, "ip ipsec policy", first);
    add(c, "ip ipsec policy", second);
    plan_build(c, &env, &reqids, &plan);
    keymap_fini(&reqids);
    config_close(c); /* the plan keeps no pointer into it but the items */
    return plan;
}

/* 300 policies of three local ends and three remote ones: six questions. */
static void each_address_is_asked_about_once(void **state)
{
    static const char *const ends[] = { "sa-src-address=1.0.0.1 sa-dst-address=2.0.0.1",
                                        "sa-src-address=1.0.0.7 sa-dst-address=2.0.0.1",
                                        "sa-src-address=1.0.0.9 sa-dst-address=2.0.0.1",
                                        "sa-dst-address=2.0.0.1",
                                        "sa-dst-address=9.0.0.1",
                                        "sa-dst-address=2.0.0.2" };
    struct config *c = config_with_templates();
    struct keymap reqids = { 0 };
    struct plan plan;
    char line[256];

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        snprintf(line, sizeof(line), "src-address=10.1.%u.%u dst-address=10.2.0.0/16 tunnel=yes %s",
                 i / 100, i % 100, ends[i % 6]);
        add(c, "ip ipsec policy", line);
    }
    n_asked = 0;
    plan_build(c, &env, &reqids, &plan);
    assert_int_equal(n_asked, 6);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(plan.policies[i].active, i % 6 != 1 && i % 6 != 4);
    plan_fini(&plan);
    keymap_fini(&reqids);
    config_close(c);
}

static size_t wanted(const struct plan *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_sas; i++)
        n += p->sas[i].wanted;
    return n;
}

#define TUNNEL                                                                                     \
    " tunnel=yes sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2 ipsec-protocols=ah manual-sa=ah1"

static void two_policies_share_one_template(void **state)
{
    struct plan p = plan_of_two("src-address=10.1.0.0/24 dst-address=10.2.0.0/24" TUNNEL,
                                "src-address=10.1.0.0/24 dst-address=10.3.0.0/24" TUNNEL);

    (void)state;
    assert_true(p.policies[0].active && p.policies[1].active);
    assert_int_equal(wanted(&p), 2);
    assert_int_equal(p.policies[0].policy.reqid, p.policies[1].policy.reqid);
    assert_int_equal(p.policies[0].sa[PLAN_AH_IN], p.policies[1].sa[PLAN_AH_IN]);
    assert_int_equal(p.sas[p.policies[0].sa[PLAN_AH_IN]].config.spi, 0x101);
    assert_int_equal(p.sas[p.policies[0].sa[PLAN_AH_OUT]].config.spi, 0x100);
    plan_fini(&p);
}

static void unique_does_not_share(void **state)
{
    struct plan p =
        plan_of_two("src-address=10.1.0.0/24 dst-address=10.2.0.0/24" TUNNEL,
                    "src-address=10.1.0.0/24 dst-address=10.3.0.0/24 level=unique" TUNNEL);

    (void)state;
    assert_true(p.policies[0].active);
    assert_false(p.policies[1].active);
    assert_non_null(strstr(p.policies[1].reason, "already used by another policy"));
    plan_fini(&p);
}

static void peers_may_use_the_same_spi(void **state)
{
    struct plan p = plan_of_two(
        "src-address=10.1.0.0/24 dst-address=10.2.0.0/24" TUNNEL,
        "src-address=10.1.0.0/24 dst-address=10.3.0.0/24 tunnel=yes sa-src-address=1.0.0.1 "
        "sa-dst-address=1.0.0.3 ipsec-protocols=ah manual-sa=ah1");

    (void)state;
    assert_true(p.policies[0].active && p.policies[1].active);
    assert_int_equal(wanted(&p), 4);
    assert_int_not_equal(p.policies[0].policy.reqid, p.policies[1].policy.reqid);
    plan_fini(&p);
}

static void duplicates_are_inactive_unless_of_other_priority(void **state)
{
#define SAME "src-address=10.1.0.0/24 dst-address=10.2.0.0/24 action=discard"
    struct plan p = plan_of_two(SAME, SAME);

    (void)state;
    assert_true(p.policies[0].active);
    assert_string_equal(p.policies[1].reason, "duplicate of policy 0");
    plan_fini(&p);
    p = plan_of_two(SAME, SAME " priority=-1");
    assert_true(p.policies[0].active && p.policies[1].active);
    plan_fini(&p);
}

static void a_wide_transport_policy_is_narrowed_to_its_ends(void **state)
{
#define WIDE "src-address=0.0.0.0/0 dst-address=0.0.0.0/0 sa-src-address=1.0.0.1 sa-dst-address="
    struct plan p = plan_of_two(WIDE "1.0.0.2", WIDE "1.0.0.3");
    struct ip_addr second = ip_addr_v4(1, 0, 0, 3);

    (void)state;
    assert_true(p.policies[0].active && p.policies[1].active); /* of two peers: no duplicates */
    assert_int_equal(p.policies[1].policy.sel.dst.len, 32);
    assert_true(ip_addr_equal(&p.policies[1].policy.sel.dst.addr, &second));
    assert_int_equal(p.policies[1].policy.sel.src.len, 32);
    plan_fini(&p);
}

static void an_inactive_policy_is_no_duplicate_and_wants_no_sas(void **state)
{
    struct plan p = plan_of_two(
        "src-address=10.1.0.0/24 dst-address=10.2.0.0/24 tunnel=yes sa-src-address=7.7.7.7 "
        "sa-dst-address=1.0.0.2 ipsec-protocols=ah manual-sa=ah1",
        "src-address=10.1.0.0/24 dst-address=10.2.0.0/24 action=none");

    (void)state;
    assert_false(p.policies[0].active);
    assert_true(p.policies[1].active);
    assert_int_equal(wanted(&p), 0);
    plan_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cause_of_inactive_is_named),
        cmocka_unit_test(what_cannot_be_protected_is_not_let_out_in_clear),
        cmocka_unit_test(two_policies_share_one_template),
        cmocka_unit_test(unique_does_not_share),
        cmocka_unit_test(peers_may_use_the_same_spi),
        cmocka_unit_test(duplicates_are_inactive_unless_of_other_priority),
        cmocka_unit_test(a_wide_transport_policy_is_narrowed_to_its_ends),
        cmocka_unit_test(an_inactive_policy_is_no_duplicate_and_wants_no_sas),
        cmocka_unit_test(each_address_is_asked_about_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
