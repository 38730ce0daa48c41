/* What TAB inserts and lists, and what `?` shows, at every kind of spot. */
#include "backend.h"
#include "console.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct backend *backend;
    struct api_client *client;
    struct console *console;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct text out = TEXT_INIT, err = TEXT_INIT;

    f->backend = backend_new("MikroTik");
    f->client = backend_connect(f->backend);
    f->console = console_new(f->client, "admin", 80);
    enum console_result r = console_script(f->console,
                                           "/ip ipsec manual-sa add name=branch\n"
                                           "/ip ipsec manual-sa add name=branch-2\n"
                                           "/ip ipsec policy",
                                           &out, &err);
    text_fini(&out);
    text_fini(&err);
    *state = f;
    return r != CONSOLE_OK;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    console_free(f->console);
    api_client_free(f->client);
    backend_free(f->backend);
    free(f);
    return 0;
}

/* Typed in `ip ipsec policy`. */
static const struct {
    const char *label, *line, *insert, *options;
} cases[] = {
    { "verb", "pri", "nt ", "" },
    { "verb with others alike", "e", "", "enable\nexport\n" },
    { "word of a path", "/sy", "stem ", "" },
    { "word of a path behind words", "/ip ipsec pol", "icy ", "" },
    { "word of a path behind slashes", "/ip/ipsec/pol", "icy ", "" },
    { "a menu beside this one", ".. man", "ual-sa ", "" },
    { "behind a semicolon", "print; /sys", "tem ", "" },
    { "built-in", ":pu", "t ", "" },
    { "argument", "add lev", "el=", "" },
    { "common start of arguments", "add s", "",
      "sa-dst-address\nsa-src-address\nsrc-address\nsrc-port\n" },
    { "common start that is longer", "add i", "psec-protocols=", "" },
    { "arguments given are not offered", "add level=use lev", "", "" },
    { "pairs before the verb", "action=none ad", "d ", "" },
    { "enumeration", "add action=d", "iscard ", "" },
    { "enumeration, argument shortened", "add act=e", "ncrypt ", "" },
    { "all of an enumeration", "add level=", "", "require\nunique\nuse\n" },
    { "common start of values", "add level=u", "", "unique\nuse\n" },
    { "second of a list", "add ipsec-protocols=ah,e", "sp ", "" },
    { "boolean", "add tunnel=y", "es ", "" },
    { "reference", "add manual-sa=b", "ranch", "branch\nbranch-2\n" },
    { "no reference either", "add manual-sa=n", "one ", "" },
    { "second of a pair", "/ip ipsec manual-sa add ah-algorithm=md5/s", "ha1 ", "" },
    { "items by name", "/ip ipsec manual-sa remove branch-", "2 ", "" },
    { "flag word", "print co", "unt-only ", "" },
    { "conditions", "print where act", "ion=", "" },
    { "value in a condition", "print where action=n", "one ", "" },
    { "condition of find", "find act", "ion=", "" },
    { "inner command", "set [fi", "nd ", "" },
    { "inner command in another menu", "/ip ipsec manual-sa set [find na", "me=", "" },
    { "property of get", "get 0 prior", "ity ", "" },
    { "arguments of a menu's command", "/ip ipsec installed-sa flush sa", "-type=", "" },
    { "values of a menu's command", "/ip ipsec installed-sa flush sa-type=es", "p ", "" },
    { "letters in order", "add lvl", "\b\b\blevel=", "" },
    { "letters in order, several", "add pt", "",
      "dst-port\nipsec-protocols\npriority\nprotocol\nsrc-port\n" },
    { "nothing fits", "add x", "", "" },
    { "unknown path", "/foo ba", "", "" },
    { "no completion of addresses", "add src-address=1", "", "" },
    { "unreadable text", "add ]", "", "" },
    { "inside quotes", "add comment=\"pri", "", "" },
};

static void tab_inserts_what_is_sure(void **state)
{
    struct fixture *f = *state;
    unsigned wrong = 0;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text insert = TEXT_INIT, options = TEXT_INIT;
        console_complete(f->console, cases[i].line, strlen(cases[i].line), &insert, &options);
        if (strcmp(text_get(&insert), cases[i].insert) != 0 ||
            strcmp(text_get(&options), cases[i].options) != 0) {
            print_error("%s: %s\n inserts \"%s\", not \"%s\"\n offers\n%s not\n%s", cases[i].label,
                        cases[i].line, text_get(&insert), cases[i].insert, text_get(&options),
                        cases[i].options);
            wrong++;
        }
        text_fini(&insert);
        text_fini(&options);
    }
    assert_int_equal(wrong, 0);
}

static void help_explains_each_possibility(void **state)
{
    static const struct {
        const char *label, *line, *want;
    } helps[] = {
        { "values", "add action=", "discard\nencrypt\nnone\n" },
        { "arguments with their help", "add lev", "level -- what to do while an SA is missing\n" },
        { "verbs", "mo", "move -- change the order of items\n" },
        { "menus", "/ip ipsec pol", "policy -- which packets to protect, and how\n" },
        { "nothing", "add xyz", "" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof helps / sizeof helps[0]; i++) {
        struct text out = TEXT_INIT;
        console_help(f->console, helps[i].line, strlen(helps[i].line), &out);
        if (strcmp(text_get(&out), helps[i].want) != 0)
            fail_msg("%s: %s", helps[i].label, text_get(&out));
        text_fini(&out);
    }
}

/* Lines before an unfinished one belong to the command. */
static void unfinished_input_is_part_of_the_spot(void **state)
{
    struct fixture *f = *state;
    struct text out = TEXT_INIT, err = TEXT_INIT, insert = TEXT_INIT, options = TEXT_INIT;

    assert_int_equal(console_line(f->console, "/ip ipsec manual-sa add \\", &out, &err),
                     CONSOLE_MORE);
    console_complete(f->console, "ah-al", 5, &insert, &options);
    assert_string_equal(text_get(&insert), "gorithm=");
    console_cancel(f->console);
    text_fini(&out);
    text_fini(&err);
    text_fini(&insert);
    text_fini(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tab_inserts_what_is_sure),
        cmocka_unit_test(help_explains_each_possibility),
        cmocka_unit_test(unfinished_input_is_part_of_the_spot),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
