/* New items of a script travel together: the same things happen, in the same order, up to the same
 * mistake, as if each line were typed alone. */
#include "backend.h"
#include "console.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs SCRIPT against an empty configuration; what it became, and what was wrong. */
static char *config_after(const char *script, char **ret_error, unsigned *ret_applies)
{
    struct backend *b = backend_new("MikroTik");
    struct api_client *client = backend_connect(b);
    struct console *c = console_new(client, "admin", 80);
    struct text out = TEXT_INIT, err = TEXT_INIT, config = TEXT_INIT;

    console_script(c, script, &out, &err);
    console_free(c);
    api_client_free(client);
    config_export(backend_config(b), NULL, NULL, &config);
    *ret_applies = backend_applies(b);
    backend_free(b);
    text_fini(&out);
    *ret_error = text_take(&err);
    return text_take(&config);
}

/* GOOD is what SCRIPT comes down to; it is run line by line, each on its own. */
static void assert_same(const char *script, const char *good, const char *error)
{
    struct backend *b = backend_new("MikroTik");
    struct api_client *client = backend_connect(b);
    struct console *c = console_new(client, "admin", 80);
    struct text out = TEXT_INIT, err = TEXT_INIT, wanted = TEXT_INIT;
    char *lines = xstrdup(good), *save = NULL, *said;
    unsigned applies;

    for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (console_line(c, line, &out, &err) != CONSOLE_OK)
            fail_msg("%s: %s", line, text_get(&err));
    config_export(backend_config(b), NULL, NULL, &wanted);
    char *got = config_after(script, &said, &applies);
    assert_string_equal(got, text_get(&wanted));
    assert_string_equal(said, error);
    console_free(c);
    api_client_free(client);
    backend_free(b);
    text_fini(&out);
    text_fini(&err);
    text_fini(&wanted);
    free(lines);
    free(said);
    free(got);
}

static void adds_write(struct text *script, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        text_printf(script, "add src-address=10.%u.%u.0/24 comment=\"%u th\"\n", i / 200, i % 200,
                    i);
}

static void hundreds_arrive_in_order_and_in_few_steps(void **state)
{
    struct text script = TEXT_INIT;
    char *error;
    unsigned applies;

    (void)state;
    text_puts(&script, "/ip ipsec policy\n");
    adds_write(&script, 0, 450);
    char *got = config_after(text_get(&script), &error, &applies);
    assert_string_equal(error, "");
    assert_in_range(applies, 2, 10);
    free(got);
    free(error);
    assert_same(text_get(&script), text_get(&script), "");
    text_fini(&script);
}

static void stops_where_the_daemon_refuses(void **state)
{
    struct text script = TEXT_INIT, good = TEXT_INIT;

    (void)state;
    text_puts(&good, "/ip ipsec policy\n");
    adds_write(&good, 0, 130);
    text_puts(&script, text_get(&good));
    text_puts(&script, "add src-address=10.1.0.0/33\n");
    adds_write(&script, 130, 200);
    assert_same(text_get(&script), text_get(&good),
                "invalid value for argument src-address (line 132 column 17)\n");
    text_fini(&script);
    text_fini(&good);
}

static const struct {
    const char *script, *good, *error;
} cases[] = {
    /* a mistake of our own comes behind what stands before it */
    { "/ip ipsec policy add priority=1\n/ip ipsec policy add priority=2\nfoo",
      "/ip ipsec policy add priority=1\n/ip ipsec policy add priority=2",
      "bad command name foo (line 3 column 1)\n" },
    { "/ip ipsec policy add priority=1\n/ip ipsec policy add priority=x\nfoo",
      "/ip ipsec policy add priority=1",
      "invalid value for argument priority (line 2 column 31)\n" },
    { "/ip ipsec policy add priority=1\n/ip ipsec policy add level=maybe\n:put $none",
      "/ip ipsec policy add priority=1",
      "input does not match any value of level (line 2 column 28)\n" },
    { "/ip ipsec manual-sa add name=a\n/ip ipsec manual-sa add name=a\n",
      "/ip ipsec manual-sa add name=a", "failure: already have such entry\n" },
    /* what comes behind sees them */
    { "/ip ipsec policy\nadd priority=1\nadd priority=2\nset [find] comment=x\nadd priority=3\n",
      "/ip ipsec policy add priority=1 comment=x\n/ip ipsec policy add priority=2 comment=x\n"
      "/ip ipsec policy add priority=3",
      "" },
    { "/ip ipsec policy\nadd priority=1\nadd priority=2\nadd comment=[find priority=2]\n",
      "/ip ipsec policy\nadd priority=1\nadd priority=2\nadd comment=\"*2\"", "" },
    { "/ip ipsec policy\nadd priority=1\nadd priority=2\nadd priority=3 place-before=*2\n"
      "add copy-from=*1 tunnel=yes\n",
      "/ip ipsec policy\nadd priority=1\nadd priority=2\nadd priority=3 place-before=*2\n"
      "add priority=1 tunnel=yes",
      "" },
    { "/ip ipsec manual-sa add name=a\n/ip ipsec manual-sa add name=b\n"
      "/ip ipsec policy add manual-sa=a\n/ip ipsec policy add manual-sa=b\n",
      "/ip ipsec manual-sa add name=a\n/ip ipsec manual-sa add name=b\n"
      "/ip ipsec policy add manual-sa=a\n/ip ipsec policy add manual-sa=b",
      "" },
    { ":global id [/ip ipsec policy add priority=4]\n/ip ipsec policy add comment=$id\n"
      "/ip ipsec policy add comment=\".next\"",
      "/ip ipsec policy add priority=4\n/ip ipsec policy add comment=\"*1\"\n"
      "/ip ipsec policy add comment=\".next\"",
      "" },
    { "/ip ipsec policy add priority=1; add priority=2\n/ip ipsec policy add priority=3; "
      "/quit; /ip ipsec policy add priority=4",
      "/ip ipsec policy add priority=1", "bad command name add (line 1 column 34)\n" },
    { "/ip ipsec policy add priority=1; /ip ipsec policy add priority=3; /quit; foo",
      "/ip ipsec policy add priority=1\n/ip ipsec policy add priority=3", "" },
};

static void order_and_errors_are_those_of_single_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_same(cases[i].script, cases[i].good, cases[i].error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundreds_arrive_in_order_and_in_few_steps),
        cmocka_unit_test(stops_where_the_daemon_refuses),
        cmocka_unit_test(order_and_errors_are_those_of_single_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
