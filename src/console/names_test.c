#include "names.h"
#include "unit.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static void verbs_and_arguments(struct names *l)
{
    *l = (struct names){ 0 };
    names_add(l, "print", NULL, " ");
    names_add(l, "policy", NULL, " ");
    names_add(l, "set", NULL, " ");
    names_add(l, "settings", NULL, " ");
    names_add(l, "sa-src-address", NULL, "=");
    names_add(l, "sa-dst-address", NULL, "=");
    names_add(l, "src-address", NULL, "=");
    names_add_weak(l, "src-port", NULL, "=");
    names_add_weak(l, "dst-port", NULL, "=");
}

static void prefixes_mean_one_name(void **state)
{
    static const struct {
        const char *label, *typed;
        enum match match;
        const char *name;
    } cases[] = {
        { "whole name", "print", MATCH_ONE, "print" },
        { "unique prefix", "pr", MATCH_ONE, "print" },
        { "ambiguous prefix", "p", MATCH_MANY, NULL },
        { "whole name wins over a longer one", "set", MATCH_ONE, "set" },
        { "prefix of the longer one", "sett", MATCH_ONE, "settings" },
        { "the reference's sa-src", "sa-src", MATCH_ONE, "sa-src-address" },
        { "a weak name gives way", "src", MATCH_ONE, "src-address" },
        { "a weak name in full", "src-port", MATCH_ONE, "src-port" },
        { "a weak name alone", "dst", MATCH_ONE, "dst-port" },
        { "nothing typed", "", MATCH_NONE, NULL },
        { "unknown", "x", MATCH_NONE, NULL },
        { "longer than the name", "printer", MATCH_NONE, NULL },
    };
    struct names l;

    (void)state;
    verbs_and_arguments(&l);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = NULL;
        enum match match = names_match(&l, cases[i].typed, &name);
        if (match != cases[i].match || (name && strcmp(name, cases[i].name) != 0))
            fail_msg("%s: %s", cases[i].label, name ? name : "none");
    }
    names_fini(&l);
}

static void letters_in_order_serve_completion(void **state)
{
    struct names l, fits;

    (void)state;
    verbs_and_arguments(&l);
    names_filter(&l, "p", &fits);
    assert_int_equal(fits.n, 2);
    names_fini(&fits);
    names_filter(&l, "sda", &fits); /* no prefix */
    assert_int_equal(fits.n, 1);
    assert_string_equal(fits.v[0].text, "sa-dst-address");
    names_fini(&fits);
    names_filter(&l, "sa-", &fits);
    assert_int_equal(names_common(&fits), strlen("sa-"));
    names_fini(&fits);
    names_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_mean_one_name),
        cmocka_unit_test(letters_in_order_serve_completion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
