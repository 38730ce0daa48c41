/* Error texts with their positions, and that a refused command leaves everything as it was. */
#include "backend.h"
#include "console.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct backend *backend;
    struct api_client *client;
};

static int set_up(void **state)
{
    static const char setup[] =
        "/ip ipsec manual-sa add name=twice ah-key=ab\n"
        "/ip ipsec policy add action=none src-address=10.9.0.0/16 dst-address=10.8.0.0/16\n"
        "add action=discard priority=3 comment=\"a b\" src-address=10.7.0.0/16 "
        "dst-address=10.8.0.0/16\n";
    struct fixture *f = xcalloc(1, sizeof *f);
    struct text out = TEXT_INIT, err = TEXT_INIT;

    f->backend = backend_new("MikroTik");
    f->client = backend_connect(f->backend);
    struct console *c = console_new(f->client, "admin", 80);
    enum console_result r = console_script(c, "/ip ipsec policy", &out, &err);
    if (r == CONSOLE_OK)
        r = console_script(c, setup, &out, &err);
    console_free(c);
    text_fini(&out);
    text_fini(&err);
    *state = f;
    return r != CONSOLE_OK;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    api_client_free(f->client);
    backend_free(f->backend);
    free(f);
    return 0;
}

static char *exported(struct fixture *f)
{
    struct text out = TEXT_INIT;

    config_export(backend_config(f->backend), NULL, NULL, &out);
    return text_take(&out);
}

/* What is wrong: standard error without its last line end; "" when all went well. */
static char *error_of(struct fixture *f, const char *source)
{
    struct console *c = console_new(f->client, "admin", 80);
    struct text out = TEXT_INIT, err = TEXT_INIT;

    console_script(c, source, &out, &err);
    console_free(c);
    text_fini(&out);
    if (err.len && err.s[err.len - 1] == '\n')
        err.s[--err.len] = '\0';
    return text_take(&err);
}

static const struct {
    const char *input, *error;
} cases[] = {
    /* words */
    { "foo", "bad command name foo (line 1 column 1)" },
    { "ip foo", "bad command name foo (line 1 column 4)" },
    { "/ip ipsec nowhere print", "bad command name nowhere (line 1 column 11)" },
    { "/ip/ipsec/nowhere/print", "bad command name nowhere (line 1 column 11)" },
    { "/ip ipsec policy frobnicate", "bad command name frobnicate (line 1 column 18)" },
    { "/ip ipsec policy/print/add", "bad command name add (line 1 column 24)" },
    { "/ip ipsec policy e", "ambiguous command name e (line 1 column 18)" },
    { "/ip ipsec statistics set x=1", "bad command name set (line 1 column 22)" },
    { "/ip ipsec installed-sa add spi=1", "bad command name add (line 1 column 24)" },
    { "/ip ipsec manual-sa move twice", "bad command name move (line 1 column 21)" },
    { "print", "bad command name print (line 1 column 1)" },
    { ":foo", "bad command name foo (line 1 column 2)" },
    { "ip ipsec policy\n\n  foo", "bad command name foo (line 3 column 3)" },
    { "ip ipsec policy; foo", "bad command name foo (line 1 column 18)" },
    { "ip ipsec policy add \\\n  foo", "expected end of command (line 2 column 3)" },
    { "ip ipsec policy src-address=10.0.0.1 \\\n foo", "bad command name foo (line 2 column 2)" },
    { "ip ipsec policy src-address=10.0.0.1", "expected command name (line 1 column 17)" },
    { "ip x=y", "expected command name (line 1 column 4)" },
    /* arguments */
    { "/ip ipsec policy add zone=blue", "expected end of command (line 1 column 26)" },
    { "/ip ipsec policy add colour=blue", "expected end of command (line 1 column 22)" },
    { "/ip ipsec policy add ph2-state=x", "expected end of command (line 1 column 22)" },
    { "/ip ipsec policy add 5", "expected end of command (line 1 column 22)" },
    { "/ip ipsec policy add sa=1.1.1.1", "ambiguous argument name sa (line 1 column 22)" },
    { "/ip ipsec policy add priority=1 prio=2", "expected end of command (line 1 column 33)" },
    { "/ip ipsec policy add =5", "syntax error (line 1 column 22)" },
    { "/ip ipsec policy add priority=(1)", "syntax error (line 1 column 31)" },
    { "/ip ipsec policy print wonderful", "expected end of command (line 1 column 24)" },
    { "/ip ipsec policy set 0 1", "expected end of command (line 1 column 24)" },
    { "/ip ipsec policy set 0 !colour", "expected end of command (line 1 column 24)" },
    { "/ip ipsec installed-sa flush now", "expected end of command (line 1 column 30)" },
    { "/ip ipsec policy set priority=1", "missing value(s) of argument(s) numbers" },
    { "/ip ipsec manual-sa add ah-key=ab", "missing value(s) of argument(s) name" },
    { "/ip ipsec policy comment 0", "missing value(s) of argument(s) comment" },
    /* values */
    { "/ip ipsec policy add src-address=10.1.0.0/33",
      "invalid value for argument src-address (line 1 column 34)" },
    { "/ip ipsec policy add src-address=10.1.0",
      "invalid value for argument src-address (line 1 column 34)" },
    { "/ip ipsec policy add level=maybe",
      "input does not match any value of level (line 1 column 28)" },
    { "/ip ipsec policy add act=encr level=u",
      "ambiguous value of level, more than one possible value matches input (line 1 column 37)" },
    { "/ip ipsec policy add \\\n    level=maybe",
      "input does not match any value of level (line 2 column 11)" },
    { "/ip ipsec policy add manual-sa=nobody",
      "input does not match any value of manual-sa (line 1 column 32)" },
    { "/ip ipsec policy add manual-sa=twi",
      "input does not match any value of manual-sa (line 1 column 32)" },
    { "/ip ipsec policy add priority=2147483648",
      "value of priority out of range (-2147483648..2147483647) (line 1 column 31)" },
    { "/ip ipsec policy add priority=18446744073709551616",
      "value of priority out of range (-2147483648..2147483647) (line 1 column 31)" },
    { "/ip ipsec policy add tunnel=maybe",
      "input does not match any value of tunnel (line 1 column 29)" },
    { "/ip ipsec policy set 0 priority=5 level=maybe",
      "input does not match any value of level (line 1 column 41)" },
    { "/ip ipsec installed-sa flush sa-type=ipcomp",
      "input does not match any value of sa-type (line 1 column 38)" },
    { "/ip ipsec policy get 0 colour",
      "input does not match any value of value-name (line 1 column 24)" },
    { "/ip ipsec policy print interval=x",
      "invalid value for argument interval (line 1 column 33)" },
    { "/ip ipsec policy print interval=1", "failure: interval needs a terminal" },
    /* items */
    { "/ip ipsec policy remove 7", "no such item" },
    { "/ip ipsec policy remove 0,7", "no such item" },
    { "/ip ipsec policy remove 0,", "no such item" },
    { "/ip ipsec policy remove lan", "no such item" },
    { "/ip ipsec policy remove *FFFF", "no such item" },
    { "/ip ipsec policy remove *zz", "no such item" },
    { "/ip ipsec policy remove 99999999999999999999", "no such item" },
    { "/ip ipsec policy add place-before=9", "no such item" },
    { "/ip ipsec policy add place-before=0,1", "no such item" },
    { "/ip ipsec manual-sa remove nobody", "no such item" },
    { "/ip ipsec manual-sa set nobody ah-key=00", "no such item" },
    { "/ip ipsec manual-sa add name=twice", "failure: already have such entry" },
    /* conditions */
    { "/ip ipsec policy find zone=1", "expected end of command (line 1 column 27)" },
    { "/ip ipsec policy find colour=1", "expected end of command (line 1 column 23)" },
    { "/ip ipsec policy find where", "" },
    { "/ip ipsec policy find action=", "" },
    { "/ip ipsec policy find action=none and", "syntax error (line 1 column 38)" },
    { "/ip ipsec policy find or", "syntax error (line 1 column 23)" },
    { "/ip ipsec policy find (action=none", "syntax error (line 1 column 35)" },
    { "/ip ipsec policy find action=none)", "syntax error (line 1 column 34)" },
    { "/ip ipsec policy find comment~\"(\"", "syntax error (line 1 column 32)" },
    { "/ip ipsec policy print where priority>", "syntax error (line 1 column 39)" },
    /* lexer, nothing of the text runs */
    { "/ip ipsec policy add comment=\"unfinished", "syntax error (line 1 column 30)" },
    { "/ip ipsec policy remove 0; foo \"", "syntax error (line 1 column 32)" },
    { "/ip ipsec policy remove [find", "syntax error (line 1 column 25)" },
    { "/ip ipsec policy remove ]", "syntax error (line 1 column 25)" },
    { ":put \"\\q\"", "syntax error (line 1 column 7)" },
    { ":put $nothing", "no such variable nothing (line 1 column 6)" },
    { "/ip ipsec policy set [find colour=1] priority=1",
      "expected end of command (line 1 column 28)" },
    { ":error \"enough\"", "enough" },
    { "import /nonexistent/x.rsc",
      "failure: cannot read /nonexistent/x.rsc: No such file or directory" },
    /* a byte that a terminal would act on is spelt out */
    { "ip ipsec \xc3\xa4", "bad command name \\C3\\A4 (line 1 column 10)" },
};

static void errors_name_the_place(void **state)
{
    struct fixture *f = *state;
    char *before = exported(f);
    unsigned wrong = 0;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *error = error_of(f, cases[i].input), *after = exported(f);
        if (strcmp(error, cases[i].error) != 0 || strcmp(before, after) != 0) {
            print_error("%s\n  want %s\n  have %s%s\n", cases[i].input, cases[i].error, error,
                        strcmp(before, after) ? "\n  and something changed" : "");
            wrong++;
        }
        free(error);
        free(after);
    }
    free(before);
    assert_int_equal(wrong, 0);
}

static void a_value_too_long_for_a_word_is_refused(void **state)
{
    struct text input = TEXT_INIT;

    text_puts(&input, "/ip ipsec policy add comment=");
    for (int i = 0; i < 100000; i++)
        text_putc(&input, 'x');
    char *error = error_of(*state, text_get(&input));
    assert_string_equal(error, "invalid value for argument comment (line 1 column 30)");
    free(error);
    text_fini(&input);
}

/* Positions count from the first line of the input that was unfinished. */
static void lines_of_unfinished_input_count(void **state)
{
    struct fixture *f = *state;
    struct console *c = console_new(f->client, "admin", 80);
    struct text out = TEXT_INIT, err = TEXT_INIT;

    assert_int_equal(console_line(c, "/ip ipsec policy add \\", &out, &err), CONSOLE_MORE);
    assert_string_equal(console_continuation(c), "\\... ");
    assert_int_equal(console_line(c, " comment=\"a", &out, &err), CONSOLE_MORE);
    assert_string_equal(console_continuation(c), "\"\\... ");
    assert_int_equal(console_line(c, "b\" level=no", &out, &err), CONSOLE_ERROR);
    assert_string_equal(text_get(&err),
                        "input does not match any value of level (line 3 column 10)\n");
    text_clear(&err);
    assert_int_equal(console_line(c, "/ip ipsec policy set [find", &out, &err), CONSOLE_MORE);
    assert_string_equal(console_continuation(c), "[\\... ");
    console_cancel(c);
    assert_int_equal(console_line(c, "x", &out, &err), CONSOLE_ERROR);
    assert_string_equal(text_get(&err), "bad command name x (line 1 column 1)\n");
    console_free(c);
    text_fini(&out);
    text_fini(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(a_value_too_long_for_a_word_is_refused),
        cmocka_unit_test(lines_of_unfinished_input_count),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
