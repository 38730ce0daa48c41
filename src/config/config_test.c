/* Changing the configuration: each command happens whole or not at all, in memory and at the
 * gateway; ids and order. */
#include "config_kit.h"

#define POLICY    "ip ipsec policy"
#define MANUAL_SA "ip ipsec manual-sa"
#define PROPOSAL  "ip ipsec proposal"
#define IDENTITY  "system identity"
#define SETTINGS  "ip ipsec settings"

struct fixture {
    struct kit_gateway g;
    struct config *c;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct config_hooks hooks = kit_hooks(&f->g);

    f->c = config_open_memory(&hooks);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    config_close(f->c);
    free(f->g.seen);
    free(f);
    return 0;
}

static void the_gateway_hears_of_every_change_once(void **state)
{
    struct fixture *f = *state;
    uint32_t id;

    assert_int_equal(f->g.calls[OP_LOAD], 1);
    assert_int_equal(id = kit_add(f->c, POLICY, "priority=1"), 1);
    assert_int_equal(f->g.calls[OP_ADD], 1);
    assert_int_equal(f->g.last_id, id);
    assert_true(kit_set(f->c, POLICY, id, "priority=2"));
    assert_true(kit_set(f->c, POLICY, id, "priority=2")); /* said twice is applied twice */
    assert_int_equal(f->g.calls[OP_SET], 2);
    assert_true(kit_enable(f->c, POLICY, id, false));
    assert_int_equal(f->g.calls[OP_DISABLE], 1);
    assert_true(kit_enable(f->c, POLICY, id, true));
    assert_int_equal(f->g.calls[OP_ENABLE], 1);
    kit_add(f->c, POLICY, "");
    assert_true(kit_move(f->c, POLICY, id, 0));
    assert_int_equal(f->g.calls[OP_MOVE], 1);
    assert_true(kit_remove(f->c, POLICY, id));
    assert_int_equal(f->g.calls[OP_REMOVE], 1);
}

static void comments_do_not_reach_the_gateway(void **state)
{
    struct fixture *f = *state;
    uint32_t id = kit_add(f->c, POLICY, "comment=first");

    assert_true(kit_comment(f->c, POLICY, id, "to the office"));
    assert_string_equal(config_find_id(f->c, menu_find(POLICY), id)->comment, "to the office");
    assert_true(kit_set(f->c, POLICY, id, "comment=second"));
    assert_string_equal(config_find_id(f->c, menu_find(POLICY), id)->comment, "second");
    assert_true(kit_set(f->c, POLICY, id, "comment="));
    assert_string_equal(config_find_id(f->c, menu_find(POLICY), id)->comment, "");
    assert_int_equal(f->g.calls[OP_SET] + f->g.calls[OP_COMMENT], 0);
}

/* A command that the gateway refuses leaves the export as it was. */
static void what_the_gateway_refuses_did_not_happen(void **state)
{
    struct fixture *f = *state;
    static const enum config_op ops[] = {
        OP_ADD, OP_SET, OP_REMOVE, OP_ENABLE, OP_DISABLE, OP_MOVE
    };

    kit_add(f->c, MANUAL_SA, "name=keys ah-key=ab");
    kit_add(f->c, POLICY, "priority=1 comment=one manual-sa=keys");
    kit_add(f->c, POLICY, "priority=2 disabled=yes");
    char *before = kit_export(f->c);
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        f->g.refuse = ops[i];
        bool done[] = { [OP_ADD] = ops[i] == OP_ADD && kit_add(f->c, POLICY, "priority=3"),
                        [OP_SET] = ops[i] == OP_SET &&
                                   kit_set(f->c, MANUAL_SA, 1, "name=other lifetime=1d comment=x"),
                        [OP_REMOVE] = ops[i] == OP_REMOVE && kit_remove(f->c, POLICY, 1),
                        [OP_ENABLE] = ops[i] == OP_ENABLE && kit_enable(f->c, POLICY, 2, true),
                        [OP_DISABLE] = ops[i] == OP_DISABLE && kit_enable(f->c, POLICY, 1, false),
                        [OP_MOVE] = ops[i] == OP_MOVE && kit_move(f->c, POLICY, 1, 0) };
        assert_false(done[ops[i]]);
        assert_string_equal(kit_error, "failure: the gateway says no");
        char *after = kit_export(f->c);
        assert_string_equal(before, after);
        free(after);
    }
    f->g.refuse = OP_LOAD;
    assert_int_equal(kit_add(f->c, POLICY, ""), 3);
    free(before);
}

static const struct refused_case {
    const char *label, *menu;
    uint32_t id; /* 0: add */
    const char *line, *error;
} refused[] = {
    { "value at the end of a good list", POLICY, 1, "priority=9 comment=x disabled=yes level=maybe",
      "input does not match any value of level" },
    { "unknown property at the end", POLICY, 1, "priority=9 colour=blue",
      "unknown parameter colour" },
    { "check at the end", POLICY, 1, "priority=9 src-address=:5 protocol=gre",
      "failure: ports can be specified if protocol is tcp, udp or all" },
    { "absent item", POLICY, 9, "priority=9", "no such item" },
    { "name in use", MANUAL_SA, 0, "name=keys", "failure: already have such entry" },
    { "rename to a name in use", MANUAL_SA, 1, "lifetime=1d name=more",
      "failure: already have such entry" },
    { "unset of a name", MANUAL_SA, 1, "!name", "invalid value for argument name" },
    { "disabled is yes or no", MANUAL_SA, 1, "disabled=perhaps",
      "input does not match any value of disabled" },
    { "place-before in a list without order", MANUAL_SA, 0, "name=x place-before=keys",
      "unknown parameter place-before" },
    { "place-before an absent item", POLICY, 0, "place-before=*99", "no such item" },
    { "place-before when setting", POLICY, 1, "place-before=*2", "unknown parameter place-before" },
    { "copy-from an absent item", POLICY, 0, "copy-from=*99", "no such item" },
    { "copy-from without a new name", MANUAL_SA, 0, "copy-from=keys",
      "missing value(s) of argument(s) name" },
    { "add to a single record", SETTINGS, 0, "strict-incoming-check=yes", "no such command" },
    { "add to a live menu", "ip ipsec installed-sa", 0, "spi=5", "no such command" },
    { "set in a live menu", "ip ipsec installed-sa", 1, "spi=5", "no such command" },
    { "set in a live single menu", "ip ipsec statistics", 0, "in-short=5", "no such command" },
    { "bad identity", IDENTITY, UINT32_MAX, "name=", "invalid value for argument name" },
};

static void refused_commands_change_nothing(void **state)
{
    struct fixture *f = *state;

    kit_add(f->c, MANUAL_SA, "name=keys ah-key=ab");
    kit_add(f->c, MANUAL_SA, "name=more");
    kit_add(f->c, POLICY, "priority=1 manual-sa=keys");
    kit_add(f->c, POLICY, "priority=2");
    char *before = kit_export(f->c);
    int calls = f->g.calls[OP_SET] + f->g.calls[OP_ADD];
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const struct refused_case *k = &refused[i];
        bool single = menu_find(k->menu)->flags & M_SINGLE;
        bool done = k->id ? kit_set(f->c, k->menu, single ? 0 : k->id, k->line)
                          : kit_add(f->c, k->menu, k->line) != 0;
        if (done || strcmp(kit_error, k->error) != 0)
            fail_msg("%s: \"%s\"", k->label, kit_error);
        char *after = kit_export(f->c);
        if (strcmp(before, after) != 0)
            fail_msg("%s: something was changed", k->label);
        free(after);
    }
    assert_int_equal(f->g.calls[OP_SET] + f->g.calls[OP_ADD], calls);
    free(before);
}

static void items_stand_where_they_were_put(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 4; i++)
        kit_add(f->c, POLICY, "");
    assert_string_equal(kit_order(f->c, POLICY), "1 2 3 4");
    kit_add(f->c, POLICY, "place-before=*2");
    assert_string_equal(kit_order(f->c, POLICY), "1 5 2 3 4");
    assert_true(kit_move(f->c, POLICY, 4, 1));
    assert_string_equal(kit_order(f->c, POLICY), "4 1 5 2 3");
    assert_true(kit_move(f->c, POLICY, 1, 3));
    assert_string_equal(kit_order(f->c, POLICY), "4 5 2 1 3");
    assert_true(kit_move(f->c, POLICY, 4, 0));
    assert_string_equal(kit_order(f->c, POLICY), "5 2 1 3 4");
    assert_true(kit_move(f->c, POLICY, 2, 2)); /* before itself */
    assert_string_equal(kit_order(f->c, POLICY), "5 2 1 3 4");
    assert_false(kit_move(f->c, POLICY, 2, 77));
    assert_string_equal(kit_error, "no such item");
    assert_false(kit_move(f->c, MANUAL_SA, 1, 0));
    assert_string_equal(kit_error, "no such command");
}

static void ids_are_not_used_again(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(kit_add(f->c, POLICY, ""), 1);
    assert_true(kit_remove(f->c, POLICY, 1));
    assert_int_equal(kit_add(f->c, POLICY, ""), 2);
    assert_false(kit_set(f->c, POLICY, 1, "priority=1"));
    assert_int_equal(kit_add(f->c, MANUAL_SA, "name=a"), 1); /* each menu counts for itself */
}

static void items_are_named_by_id_or_name(void **state)
{
    struct fixture *f = *state;
    const struct menu *m = menu_find(MANUAL_SA);
    static const char *const bad[] = { "*",   "*0", "*2",  "*1x",   "* 1", "*+1",       "*0x1",
                                       "*-1", "1",  "key", "keysx", "",    "*100000001" };

    kit_add(f->c, MANUAL_SA, "name=keys");
    assert_int_equal(config_resolve(f->c, m, "*1")->id, 1);
    assert_int_equal(config_resolve(f->c, m, "*01")->id, 1);
    assert_int_equal(config_resolve(f->c, m, "keys")->id, 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_null(config_resolve(f->c, m, bad[i]));
}

static void references_follow_a_new_name(void **state)
{
    struct fixture *f = *state;

    kit_add(f->c, MANUAL_SA, "name=keys");
    kit_add(f->c, POLICY, "manual-sa=keys");
    kit_add(f->c, POLICY, "manual-sa=none");
    assert_true(kit_set(f->c, MANUAL_SA, 1, "name=better"));
    assert_string_equal(kit_value(f->c, POLICY, 1, "manual-sa"), "better");
    assert_string_equal(kit_value(f->c, POLICY, 2, "manual-sa"), "none");
    assert_int_equal(f->g.calls[OP_SET], 1); /* one change, told once, when all of it stands */
    assert_non_null(strstr(f->g.seen, "manual-sa=better"));
}

static void a_template_in_use_can_go(void **state)
{
    struct fixture *f = *state;

    kit_add(f->c, MANUAL_SA, "name=keys");
    kit_add(f->c, POLICY, "manual-sa=keys");
    assert_true(kit_remove(f->c, MANUAL_SA, 1));
    assert_string_equal(kit_value(f->c, POLICY, 1, "manual-sa"), "keys");
    assert_true(kit_set(f->c, POLICY, 1, "priority=5"));
    assert_false(kit_set(f->c, POLICY, 1, "manual-sa=keys"));
}

static void a_builtin_item_is_always_there(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(config_count(f->c, menu_find(PROPOSAL)), 1);
    assert_string_equal(kit_value(f->c, PROPOSAL, 1, "name"), "default");
    assert_false(kit_remove(f->c, PROPOSAL, 1));
    assert_string_equal(kit_error, "failure: can not remove default proposal");
    assert_false(kit_set(f->c, PROPOSAL, 1, "lifetime=1h name=other"));
    assert_string_equal(kit_error, "failure: can not rename default proposal");
    assert_string_equal(kit_value(f->c, PROPOSAL, 1, "lifetime"), "30m");
    assert_int_equal(f->g.calls[OP_SET] + f->g.calls[OP_REMOVE], 0);

    assert_true(kit_set(f->c, PROPOSAL, 1, "lifetime=1h name=default"));
    assert_string_equal(kit_value(f->c, PROPOSAL, 1, "lifetime"), "1h");
    assert_true(kit_enable(f->c, PROPOSAL, 1, false));
    assert_true(config_item_at(f->c, menu_find(PROPOSAL), 0)->disabled);

    uint32_t id = kit_add(f->c, PROPOSAL, "name=own copy-from=default");
    assert_int_equal(id, 2);
    assert_string_equal(kit_value(f->c, PROPOSAL, id, "lifetime"), "1h");
    assert_false(kit_set(f->c, PROPOSAL, id, "name=default"));
    assert_string_equal(kit_error, "failure: already have such entry");
    assert_true(kit_remove(f->c, PROPOSAL, id));
}

static void policies_follow_a_new_name_of_their_proposal(void **state)
{
    struct fixture *f = *state;
    uint32_t id = kit_add(f->c, PROPOSAL, "name=a");
    uint32_t policy = kit_add(f->c, POLICY, "proposal=a"), other = kit_add(f->c, POLICY, "");

    assert_true(kit_set(f->c, PROPOSAL, id, "name=b"));
    assert_string_equal(kit_value(f->c, POLICY, policy, "proposal"), "b");
    assert_string_equal(kit_value(f->c, POLICY, other, "proposal"), "default");
    assert_true(kit_remove(f->c, PROPOSAL, id)); /* the policy says so and is inactive */
    assert_string_equal(kit_value(f->c, POLICY, policy, "proposal"), "b");
}

static void copies_take_everything_but_what_is_said(void **state)
{
    struct fixture *f = *state;

    kit_add(f->c, POLICY, "priority=7 tunnel=yes comment=orig disabled=yes");
    uint32_t id = kit_add(f->c, POLICY, "copy-from=*1 tunnel=no");
    assert_string_equal(kit_value(f->c, POLICY, id, "priority"), "7");
    assert_string_equal(kit_value(f->c, POLICY, id, "tunnel"), "no");
    assert_string_equal(config_find_id(f->c, menu_find(POLICY), id)->comment, "orig");
    assert_true(config_find_id(f->c, menu_find(POLICY), id)->disabled);
    assert_true(kit_set(f->c, POLICY, 1, "priority=8"));
    assert_string_equal(kit_value(f->c, POLICY, id, "priority"), "7");
}

static void unset_brings_the_default_back(void **state)
{
    struct fixture *f = *state;

    kit_add(f->c, POLICY, "priority=7 level=unique ipsec-protocols=ah");
    assert_true(kit_set(f->c, POLICY, 1, "!priority !level !ipsec-protocols"));
    assert_string_equal(kit_value(f->c, POLICY, 1, "priority"), "0");
    assert_string_equal(kit_value(f->c, POLICY, 1, "level"), "require");
    assert_string_equal(kit_value(f->c, POLICY, 1, "ipsec-protocols"), "esp");
}

static void single_records_are_set_in_place(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(kit_value(f->c, IDENTITY, 0, "name"), "host");
    assert_true(kit_set(f->c, IDENTITY, 0, "name=Router1"));
    assert_string_equal(kit_value(f->c, IDENTITY, 0, "name"), "Router1");
    assert_string_equal(kit_value(f->c, SETTINGS, 0, "strict-incoming-check"), "no");
    assert_true(kit_set(f->c, SETTINGS, 0, "strict-incoming-check=yes"));
    assert_false(kit_remove(f->c, SETTINGS, 0));
    assert_string_equal(kit_error, "no such command");
}

static void several_changes_are_one(void **state)
{
    struct fixture *f = *state;
    struct config_error e = { .text = TEXT_INIT };

    kit_add(f->c, MANUAL_SA, "name=a");
    kit_add(f->c, MANUAL_SA, "name=b");
    kit_add(f->c, POLICY, "manual-sa=a");
    kit_add(f->c, POLICY, "manual-sa=b");
    char *before = kit_export(f->c);
    config_begin(f->c);
    assert_true(kit_remove(f->c, POLICY, 1));
    assert_true(kit_set(f->c, MANUAL_SA, 2, "name=c lifetime=1d"));
    assert_true(kit_move(f->c, POLICY, 2, 0));
    assert_true(kit_add(f->c, POLICY, "place-before=*2"));
    assert_true(kit_enable(f->c, POLICY, 3, false));
    assert_true(kit_remove(f->c, MANUAL_SA, 2));
    assert_true(kit_remove(f->c, POLICY, 3));
    assert_false(config_end(f->c, false, &e));
    char *after = kit_export(f->c);
    assert_string_equal(before, after);
    assert_string_equal(f->g.seen, before); /* the gateway was told of nothing */
    free(before);
    free(after);

    int applies = f->g.applies;
    config_begin(f->c);
    assert_true(kit_remove(f->c, POLICY, 1));
    assert_true(kit_set(f->c, MANUAL_SA, 2, "name=c"));
    assert_true(config_end(f->c, true, &e));
    assert_int_equal(f->g.applies, applies + 1);
    assert_int_equal(f->g.calls[OP_REMOVE], 1);
    assert_string_equal(kit_order(f->c, POLICY), "2");
    assert_string_equal(kit_value(f->c, POLICY, 2, "manual-sa"), "c");
    text_fini(&e.text);
}

/* The gateway refuses one of several: none of them happened. */
static void several_changes_are_refused_together(void **state)
{
    struct fixture *f = *state;
    struct config_error e = { .text = TEXT_INIT };

    kit_add(f->c, POLICY, "");
    kit_add(f->c, POLICY, "");
    char *before = kit_export(f->c);
    f->g.refuse = OP_REMOVE;
    config_begin(f->c);
    assert_true(kit_set(f->c, POLICY, 1, "priority=5"));
    assert_true(kit_remove(f->c, POLICY, 2));
    assert_true(kit_add(f->c, POLICY, "priority=7"));
    assert_false(config_end(f->c, true, &e));
    assert_string_equal(text_get(&e.text), "failure: the gateway says no");
    char *after = kit_export(f->c);
    assert_string_equal(before, after);
    assert_int_equal(f->g.calls[OP_ADD], 2); /* nothing to take back */
    free(before);
    free(after);
    text_fini(&e.text);
}

/* Every id is found while it is there, whatever came and went. */
static void items_are_found_by_id(void **state)
{
    enum { N = 300 };
    struct fixture *f = *state;
    const struct menu *m = menu_find(POLICY);

    for (uint32_t id = 1; id <= N; id++)
        assert_int_equal(kit_add(f->c, POLICY, ""), id);
    for (uint32_t id = 1; id <= N; id += 3)
        assert_true(kit_remove(f->c, POLICY, id));
    for (uint32_t id = 1; id <= N; id++) {
        const struct item *item = config_find_id(f->c, m, id);
        assert_int_equal(item ? item->id : 0, id % 3 == 1 ? 0 : id);
    }
    assert_null(config_find_id(f->c, m, N + 1));
    assert_null(config_find_id(f->c, menu_find(MANUAL_SA), 1));
}

static void dynamic_items_come_last_and_stay_as_they_are(void **state)
{
    struct fixture *f = *state;
    const struct menu *m = menu_find(POLICY);

    kit_add(f->c, POLICY, "priority=5");
    struct item *d = config_add_dynamic(f->c, m, config_item_at(f->c, m, 0)->data);
    uint32_t id = d->id;
    kit_add(f->c, POLICY, "");
    kit_add(f->c, POLICY, "place-before=*80000000");
    assert_int_equal(id, 0x80000000);
    assert_string_equal(kit_order(f->c, POLICY), "1 2 3 2147483648");
    assert_string_equal(kit_value(f->c, POLICY, id, "priority"), "5");
    assert_false(kit_set(f->c, POLICY, id, "priority=6"));
    assert_string_equal(kit_error, "failure: can not change dynamic policy");
    assert_false(kit_remove(f->c, POLICY, id));
    assert_string_equal(kit_error, "failure: can not remove dynamic policy");
    assert_false(kit_enable(f->c, POLICY, id, false));
    assert_false(kit_comment(f->c, POLICY, id, "x"));
    assert_false(kit_move(f->c, POLICY, id, 1));
    assert_true(kit_move(f->c, POLICY, 1, id)); /* to the end of the typed ones */
    assert_string_equal(kit_order(f->c, POLICY), "2 3 1 2147483648");
    char *text = kit_export(f->c);
    assert_null(strstr(strstr(strstr(strstr(text, "add ") + 1, "add ") + 1, "add ") + 1, "add "));
    free(text);
    config_remove_dynamic(f->c, m, 1); /* not dynamic: stays */
    config_remove_dynamic(f->c, m, id);
    assert_string_equal(kit_order(f->c, POLICY), "2 3 1");
}

static void many_inserts_at_one_place_keep_the_order(void **state)
{
    struct fixture *f = *state;
    const struct menu *m = menu_find(POLICY);

    kit_add(f->c, POLICY, "");
    kit_add(f->c, POLICY, "");
    for (int i = 0; i < 200; i++)
        assert_true(kit_add(f->c, POLICY, "place-before=*2"));
    assert_int_equal(config_item_at(f->c, m, 0)->id, 1);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(config_item_at(f->c, m, 1 + i)->id, 3 + i);
    assert_int_equal(config_item_at(f->c, m, 201)->id, 2);
}

static bool on_command(void *ctx, const struct menu *m, const char *command, const void *args,
                       struct text *error)
{
    const struct cfg_flush *flush = args;

    assert_string_equal(m->path, "ip ipsec installed-sa");
    assert_string_equal(command, "flush");
    *(uint32_t *)ctx = flush->sa_type;
    if (flush->sa_type == CFG_FLUSH_AH)
        text_puts(error, "failure: nothing to flush");
    return flush->sa_type != CFG_FLUSH_AH;
}

static void a_menus_own_command_gets_its_arguments(void **state)
{
    static const struct command_case {
        const char *line;
        uint32_t want;
        const char *error;
    } cases[] = {
        { "", CFG_FLUSH_ALL, "" },
        { "sa-type=all", CFG_FLUSH_ALL, "" },
        { "sa-type=esp", CFG_FLUSH_ESP, "" },
        { "sa-type=esp,ah", CFG_FLUSH_ESP | CFG_FLUSH_AH, "" },
        { "!sa-type", CFG_FLUSH_ALL, "" },
        { "sa-type=ah", CFG_FLUSH_AH, "failure: nothing to flush" },
        { "sa-type=ipcomp", 0, "input does not match any value of sa-type" },
        { "spi=5", 0, "unknown parameter spi" },
    };
    uint32_t seen;
    struct config_hooks hooks = { .ctx = &seen, .command = on_command };
    struct config *c = config_open_memory(&hooks);
    const struct menu *m = menu_find("ip ipsec installed-sa");

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_args a = kit_args(cases[i].line);
        struct config_error e = { .text = TEXT_INIT };
        seen = 0;
        kit_end(&e, config_command(c, m, "flush", a.v, a.n, &e));
        assert_string_equal(kit_error, cases[i].error);
        assert_int_equal(seen, cases[i].want);
        free(a.copy);
    }
    struct config_error e = { .text = TEXT_INIT };
    assert_false(kit_end(&e, config_command(c, m, "melt", NULL, 0, &e)));
    assert_string_equal(kit_error, "no such command");
    config_close(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_gateway_hears_of_every_change_once),
        T(comments_do_not_reach_the_gateway),
        T(what_the_gateway_refuses_did_not_happen),
        T(refused_commands_change_nothing),
        T(items_stand_where_they_were_put),
        T(ids_are_not_used_again),
        T(items_are_named_by_id_or_name),
        T(references_follow_a_new_name),
        T(a_template_in_use_can_go),
        T(a_builtin_item_is_always_there),
        T(policies_follow_a_new_name_of_their_proposal),
        T(copies_take_everything_but_what_is_said),
        T(unset_brings_the_default_back),
        T(single_records_are_set_in_place),
        T(several_changes_are_one),
        T(several_changes_are_refused_together),
        T(items_are_found_by_id),
        T(dynamic_items_come_last_and_stay_as_they_are),
        T(many_inserts_at_one_place_keep_the_order),
        cmocka_unit_test(a_menus_own_command_gets_its_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
