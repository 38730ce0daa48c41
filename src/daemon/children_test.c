/* Which SAs a policy sends and receives by: its own, another's that cover it, none. */
#include "children.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

/* ---- a gateway's control side without a gateway ---- */

struct fixture {
    struct config *config;
    struct keymap reqids;
    struct plan plan;
    struct ipsec *engine;
    struct children *children;
    uint64_t next_id;
};

static bool is_local(void *ctx, const struct ip_addr *a)
{
    (void)ctx;
    return a->b[0] == 1;
}

static bool source_for(void *ctx, const struct ip_addr *dst, struct ip_addr *ret)
{
    (void)ctx;
    (void)dst;
    *ret = ip_addr_v4(1, 0, 0, 1);
    return true;
}

static uint32_t path_mtu(void *ctx, const struct ip_addr *dst)
{
    (void)ctx;
    (void)dst;
    return 1400;
}

static uint64_t now_ms(void *ctx)
{
    (void)ctx;
    return 1000000;
}

static int64_t wall_s(void *ctx)
{
    (void)ctx;
    return 1700000000;
}

static void menu_add(struct config *c, const char *menu, const char *line)
{
    struct config_arg args[16];
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

/* The plan anew; slots are numbered as the policies are listed. */
static void follow(struct fixture *f)
{
    const struct plan_env env = { .is_local = is_local, .source_for = source_for };
    const struct menu *menu = menu_find("ip ipsec policy");

    for (size_t i = 0; i < config_count(f->config, menu); i++) {
        struct item *item = config_item_at(f->config, menu, i);
        if (item->slot == UINT32_MAX)
            item->slot = (uint32_t)i;
    }
    plan_fini(&f->plan);
    plan_build(f->config, &env, &f->reqids, &f->plan);
    children_follow_plan(f->children, &f->plan);
}

static struct fixture *fixture_new(void)
{
    static const struct config_hooks none = { 0 };
    static const struct children_hooks hooks = { .path_mtu = path_mtu,
                                                 .now_ms = now_ms,
                                                 .wall_s = wall_s };
    struct fixture *f = xcalloc(1, sizeof(*f));

    urcu_memb_register_thread();
    f->config = config_open_memory(&none);
    menu_add(f->config, "ip ipsec proposal", "name=strong enc-algorithms=aes-256");
    f->engine = ipsec_new(1, BULK_OPENSSL);
    f->children = children_new(f->engine, &hooks);
    return f;
}

static void fixture_free(struct fixture *f)
{
    children_free(f->children);
    plan_fini(&f->plan);
    keymap_fini(&f->reqids);
    ipsec_free(f->engine);
    config_close(f->config);
    urcu_memb_unregister_thread();
    free(f);
}

static void policy_add(struct fixture *f, const char *line)
{
    char whole[512];

    snprintf(whole, sizeof(whole), "action=encrypt %s", line);
    menu_add(f->config, "ip ipsec policy", whole);
}

static struct ike_selector selector(const struct ip_prefix *prefix, uint16_t port, uint8_t proto)
{
    return (struct ike_selector){ *prefix, port, proto };
}

/* What a quick mode for policy SLOT gives. */
static struct ike_child child_of(struct fixture *f, uint32_t slot)
{
    const struct plan_policy *pp = plan_of_slot(&f->plan, slot);
    const struct policy *p = &pp->policy;
    struct ike_child c = { .id = ++f->next_id,
                           .policy_id = pp->item->id,
                           .slot = slot,
                           .reqid = p->reqid,
                           .path = { p->local, p->remote, 500, 500 },
                           .local_sel = selector(&p->sel.src, p->sel.sport, p->sel.proto),
                           .remote_sel = selector(&p->sel.dst, p->sel.dport, p->sel.proto),
                           .tunnel = p->tunnel,
                           .replay_window = 32,
                           .hard_s = 1800,
                           .soft_s = 1440 };

    for (unsigned bit = 0; bit < 2; bit++) {
        bool ah = bit == 1;
        if (!(p->protocols & (ah ? PROTO_BIT_AH : PROTO_BIT_ESP)))
            continue;
        struct ike_child_sa *sa = &c.sas[c.n_sas++];
        *sa = (struct ike_child_sa){ .proto = ah ? SA_AH : SA_ESP,
                                     .spi_in = 0x1000 + (uint32_t)c.id,
                                     .spi_out = 0x900000 + (uint32_t)c.id,
                                     .cipher = ah ? CIPHER_NONE : CIPHER_AES_128,
                                     .auth = AUTH_SHA1,
                                     .enc_in = { .len = ah ? 0 : 16 },
                                     .enc_out = { .len = ah ? 0 : 16 },
                                     .auth_in = { .len = 20 },
                                     .auth_out = { .len = 20 } };
    }
    return c;
}

static uint64_t up(struct fixture *f, uint32_t slot)
{
    struct ike_child c = child_of(f, slot);

    children_install(f->children, &c, true);
    children_install(f->children, &c, false);
    return c.id;
}

/* 0: none. */
static uint64_t sends_by(struct fixture *f, uint32_t slot)
{
    struct sa *sas[PLAN_SA_COUNT];
    struct sa_config c;

    children_sas(f->children, slot, sas);
    struct sa *sa = sas[PLAN_ESP_OUT] ? sas[PLAN_ESP_OUT] : sas[PLAN_AH_OUT];
    if (!sa)
        return 0;
    sa_config_get(sa, &c);
    assert_false(c.inbound);
    assert_int_equal(c.path_mtu, 1400);
    return c.owner;
}

static bool receives(struct fixture *f, uint32_t slot)
{
    struct sa *sas[PLAN_SA_COUNT];

    children_sas(f->children, slot, sas);
    return sas[PLAN_ESP_IN] || sas[PLAN_AH_IN];
}

static unsigned sas_there(struct fixture *f)
{
    struct sa *sas[PLAN_SA_COUNT];
    unsigned n = 0;

    for (uint64_t id = 1; id <= f->next_id; id++)
        for (uint32_t slot = 0; slot < f->plan.n_slots; slot++) {
            children_sas(f->children, slot, sas);
            n += sas[PLAN_ESP_OUT] != NULL;
        }
    return n;
}

/* The slots that changed, as bits. */
static uint64_t changed(struct fixture *f)
{
    const struct plan_policy *pp;
    uint64_t bits = 0;

    while ((pp = children_changed_take(f->children))) {
        assert_false(bits & 1ull << pp->policy.slot); /* each once */
        bits |= 1ull << pp->policy.slot;
    }
    return bits;
}

/* ---- own SAs ---- */

#define ENDS    "tunnel=yes sa-src-address=1.0.0.1 sa-dst-address=2.0.0.2 "
#define WIDE    ENDS "src-address=10.1.0.0/16 dst-address=10.2.0.0/16 "
#define NARROW  ENDS "src-address=10.1.5.0/24 dst-address=10.2.5.0/24 "
#define NARROW2 ENDS "src-address=10.1.6.0/24 dst-address=10.2.6.0/24 "

static void latest_pair_given_for_sending_is_used(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    policy_add(f, WIDE "ipsec-protocols=ah,esp");
    follow(f);
    assert_int_equal(sends_by(f, 0), 0);
    uint64_t first = up(f, 0);
    assert_int_equal(sends_by(f, 0), first);
    struct ike_child second = child_of(f, 0), third = child_of(f, 0);
    /* the responder of both: receives at once, sends when the peer has confirmed */
    children_install(f->children, &second, true);
    children_install(f->children, &third, true);
    assert_int_equal(sends_by(f, 0), first);
    children_install(f->children, &third, false);
    assert_int_equal(sends_by(f, 0), third.id);
    children_install(f->children, &second, false);
    assert_int_equal(sends_by(f, 0), second.id);
    children_remove(f->children, second.id, false);
    assert_int_equal(sends_by(f, 0), third.id);
    children_remove(f->children, first, false);
    children_remove(f->children, third.id, false);
    assert_int_equal(sends_by(f, 0), 0);
    assert_false(receives(f, 0));
    children_remove(f->children, third.id, false); /* is gone: nothing happens */
    fixture_free(f);
}

static void console_states_of_phase_2(void **state)
{
    struct fixture *f = fixture_new();
    struct sa *sas[PLAN_SA_COUNT];

    (void)state;
    policy_add(f, WIDE);
    follow(f);
    assert_int_equal(children_ph2_state(f->children, 0), PH2_NONE);
    assert_int_equal(children_ph2_state(f->children, 99), PH2_NONE);
    uint64_t id = up(f, 0);
    assert_int_equal(children_ph2_state(f->children, 0), PH2_ESTABLISHED);
    children_sas(f->children, 0, sas);
    ipsec_tick(f->engine, 1000000 + 1800000); /* the hard limit; its removal is on its way */
    assert_int_equal(sa_stats(sas[PLAN_ESP_OUT]).state, SA_DEAD);
    assert_int_equal(children_ph2_state(f->children, 0), PH2_EXPIRED);
    children_remove(f->children, id, false);
    assert_int_equal(children_ph2_state(f->children, 0), PH2_EXPIRED);
    follow(f); /* another policy was changed */
    assert_int_equal(children_ph2_state(f->children, 0), PH2_EXPIRED);
    id = up(f, 0);
    assert_int_equal(children_ph2_state(f->children, 0), PH2_ESTABLISHED);
    children_remove(f->children, id, true); /* flushed */
    assert_int_equal(children_ph2_state(f->children, 0), PH2_NONE);
    fixture_free(f);
}

/* ---- others' SAs ---- */

static void others_sas_are_used_where_the_rule_allows(void **state)
{
    static const struct {
        const char *label, *lender, *borrower;
        bool want;
    } cases[] = {
        { "covered", WIDE, NARROW, true },
        { "wider than it", NARROW, WIDE, false },
        { "beside it", NARROW, NARROW2, false },
        { "local covered alone", WIDE, ENDS "src-address=10.1.5.0/24 dst-address=10.3.5.0/24",
          false },
        { "one protocol of all", WIDE, NARROW "protocol=udp", true },
        { "all of one protocol", WIDE "protocol=udp", NARROW, false },
        { "another protocol", WIDE "protocol=udp", NARROW "protocol=tcp", false },
        { "one port of all", WIDE "protocol=udp", NARROW "protocol=udp dst-port=53", true },
        { "all of one port", WIDE "protocol=udp dst-port=53", NARROW "protocol=udp", false },
        { "another port", WIDE "protocol=udp src-port=53", NARROW "protocol=udp src-port=54",
          false },
        { "lender unique", WIDE "level=unique", NARROW, false },
        { "borrower unique", WIDE, NARROW "level=unique", false },
        { "lender use", WIDE "level=use", NARROW, false },
        { "borrower use", WIDE, NARROW "level=use", false },
        { "another proposal", WIDE, NARROW "proposal=strong", false },
        { "same other proposal", WIDE "proposal=strong", NARROW "proposal=strong", true },
        { "another peer", WIDE,
          "tunnel=yes sa-src-address=1.0.0.1 sa-dst-address=2.0.0.3 "
          "src-address=10.1.5.0/24 dst-address=10.2.5.0/24",
          false },
        { "another of our addresses", WIDE,
          "tunnel=yes sa-src-address=1.0.0.7 sa-dst-address=2.0.0.2 src-address=10.1.5.0/24 "
          "dst-address=10.2.5.0/24",
          false },
        { "another protocol set", WIDE, NARROW "ipsec-protocols=ah", false },
        { "more protocols", WIDE "ipsec-protocols=ah,esp", NARROW, false },
        { "transport in tunnel", ENDS "src-address=1.0.0.0/24 dst-address=2.0.0.0/24",
          "sa-src-address=1.0.0.1 sa-dst-address=2.0.0.2", false },
        { "transport", "sa-src-address=1.0.0.1 sa-dst-address=2.0.0.2",
          "sa-src-address=1.0.0.1 sa-dst-address=2.0.0.2 protocol=tcp", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture *f = fixture_new();

        policy_add(f, cases[i].lender);
        policy_add(f, cases[i].borrower);
        follow(f);
        uint64_t id = up(f, 0);
        if (sends_by(f, 1) != (cases[i].want ? id : 0))
            fail_msg("%s: sends by %llu", cases[i].label, (unsigned long long)sends_by(f, 1));
        assert_int_equal(receives(f, 1), cases[i].want);
        assert_int_equal(children_ph2_state(f->children, 1),
                         cases[i].want ? PH2_ESTABLISHED : PH2_NONE);
        assert_int_equal(changed(f), cases[i].want ? 3 : 1);
        follow(f); /* the same from a new plan */
        assert_int_equal(sends_by(f, 1), cases[i].want ? id : 0);
        /* whichever of them is up, it stops for both at once */
        children_remove(f->children, id, false);
        assert_int_equal(sends_by(f, 0) + sends_by(f, 1), 0);
        assert_int_equal(changed(f), cases[i].want ? 3 : 1);
        fixture_free(f);
    }
}

static void own_sas_come_before_others(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    policy_add(f, WIDE);
    policy_add(f, NARROW);
    follow(f);
    uint64_t wide = up(f, 0);
    assert_int_equal(changed(f), 3);
    uint64_t narrow = up(f, 1);
    assert_int_equal(changed(f), 2);
    assert_int_equal(sends_by(f, 1), narrow);
    uint64_t wide2 = up(f, 0); /* a renewal, which is the narrow one's business no more */
    assert_int_equal(changed(f), 1);
    children_remove(f->children, wide, false);
    children_remove(f->children, narrow, false);
    assert_int_equal(sends_by(f, 1), wide2);
    fixture_free(f);
}

static void borrowers_move_with_their_lender(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    policy_add(f, WIDE);
    policy_add(f, NARROW);
    policy_add(f, NARROW2);
    policy_add(f, ENDS "src-address=10.1.0.0/17 dst-address=10.2.0.0/17");
    follow(f);
    uint64_t first = up(f, 0);
    assert_int_equal(changed(f), 15);
    uint64_t second = up(f, 0);
    assert_int_equal(changed(f), 15);
    for (uint32_t slot = 0; slot < 4; slot++)
        assert_int_equal(sends_by(f, slot), second);
    children_remove(f->children, first, false);
    assert_int_equal(sends_by(f, 1), second);
    changed(f);
    uint64_t middle = up(f, 3); /* nobody has to move */
    assert_int_equal(changed(f), 8);
    assert_int_equal(sends_by(f, 1), second);
    children_remove(f->children, second, false); /* now they have */
    assert_int_equal(changed(f), 7);
    for (uint32_t slot = 1; slot < 4; slot++)
        assert_int_equal(sends_by(f, slot), middle);
    assert_int_equal(sends_by(f, 0), 0);
    fixture_free(f);
}

/* The data path lets go of a removed SA in every slot, before anybody follows. */
static void removed_sa_is_in_no_slot(void **state)
{
    struct fixture *f = fixture_new();
    struct sa *sas[PLAN_SA_COUNT];

    (void)state;
    policy_add(f, WIDE);
    policy_add(f, NARROW);
    follow(f);
    uint64_t id = up(f, 0);
    for (uint32_t slot = 0; slot < 2; slot++) {
        children_sas(f->children, slot, sas);
        ipsec_slot_set(f->engine, slot, sas[PLAN_ESP_OUT], sas[PLAN_AH_OUT]);
    }
    children_remove(f->children, id, false);
    assert_int_equal(sas_there(f), 0);
    ipsec_tick(f->engine, 2000000); /* frees it: the sanitizer sees who still uses it */
    for (uint32_t slot = 0; slot < 2; slot++)
        ipsec_slot_set(f->engine, slot, NULL, NULL);
    fixture_free(f);
}

/* ---- the plan changes ---- */

static void children_outlive_policies_that_go(void **state)
{
    struct fixture *f = fixture_new();
    const struct menu *menu = menu_find("ip ipsec policy");
    struct config_error e = { 0 };

    (void)state;
    policy_add(f, WIDE);
    policy_add(f, NARROW);
    follow(f);
    uint64_t id = up(f, 0);
    assert_int_equal(sends_by(f, 1), id);
    uint32_t gone = config_item_at(f->config, menu, 0)->id;
    assert_true(config_remove(f->config, menu, gone, &e));
    follow(f);
    changed(f);
    assert_int_equal(sends_by(f, 1), 0); /* its lender is no policy any more */
    children_remove(f->children, id, true);
    assert_int_equal(changed(f), 0);
    follow(f);
    id = up(f, 1);
    assert_int_equal(sends_by(f, 1), id);
    fixture_free(f);
}

/* ---- thousands ---- */

enum { MANY = 10000 };

static void policies_fill(struct fixture *f, bool one_peer)
{
    char line[256];

    for (unsigned i = 0; i < MANY; i++) {
        unsigned a = i / 256, b = i % 256, p = one_peer ? 0 : i;
        snprintf(line, sizeof(line),
                 "tunnel=yes sa-src-address=1.0.0.1 sa-dst-address=2.0.%u.%u "
                 "src-address=10.0.0.0/16 dst-address=11.%u.%u.0/24",
                 p / 256, p % 256, a, b);
        policy_add(f, line);
    }
}

/* A change touches the policies it concerns, however many others there are. */
static void only_what_is_concerned_changes(void **state)
{
    (void)state;
    for (unsigned one_peer = 0; one_peer < 2; one_peer++) {
        struct fixture *f = fixture_new();
        const struct plan_policy *pp;

        policies_fill(f, one_peer);
        if (one_peer)
            policy_add(f, "tunnel=yes sa-src-address=1.0.0.1 sa-dst-address=2.0.0.0 "
                          "src-address=10.0.0.0/16 dst-address=11.0.0.0/16 protocol=gre");
        follow(f);
        for (uint32_t slot = 0; slot < MANY; slot++) {
            assert_int_equal(up(f, slot), slot + 1);
            pp = children_changed_take(f->children);
            assert_int_equal(pp->policy.slot, slot);
            assert_null(children_changed_take(f->children));
        }
        for (uint32_t slot = 0; slot < MANY; slot++) {
            children_remove(f->children, slot + 1, false);
            pp = children_changed_take(f->children);
            assert_int_equal(pp->policy.slot, slot);
            assert_null(children_changed_take(f->children));
        }
        fixture_free(f);
    }
}

static void count(void *ctx, uint64_t id)
{
    *(uint64_t *)ctx += id;
}

static void children_are_listed_by_protocol(void **state)
{
    struct fixture *f = fixture_new();
    uint64_t esp = 0, ah = 0, both = 0;

    (void)state;
    policy_add(f, WIDE);
    policy_add(f, NARROW "ipsec-protocols=ah");
    policy_add(f, NARROW2 "ipsec-protocols=ah,esp");
    follow(f);
    uint64_t a = up(f, 0), b = up(f, 1), c = up(f, 2);
    children_each(f->children, true, false, count, &esp);
    children_each(f->children, false, true, count, &ah);
    children_each(f->children, true, true, count, &both);
    assert_int_equal(esp, a + c);
    assert_int_equal(ah, b + c);
    assert_int_equal(both, a + b + c);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latest_pair_given_for_sending_is_used),
        cmocka_unit_test(console_states_of_phase_2),
        cmocka_unit_test(others_sas_are_used_where_the_rule_allows),
        cmocka_unit_test(own_sas_come_before_others),
        cmocka_unit_test(borrowers_move_with_their_lender),
        cmocka_unit_test(removed_sa_is_in_no_slot),
        cmocka_unit_test(children_outlive_policies_that_go),
        cmocka_unit_test(only_what_is_concerned_changes),
        cmocka_unit_test(children_are_listed_by_protocol),
    };

    return cmocka_run_group_tests_name("children", tests, NULL, NULL);
}
