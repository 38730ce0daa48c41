/* The manual page names every menu, verb, property and command that the tables have. */
#include "menu.h"
#include "names.h"
#include "path.h"
#include "unit.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The page as plain text: no font changes, no escapes of hyphens, quotes or blanks. */
static char *page_text(void)
{
    struct text page = TEXT_INIT;
    const char *path = getenv("SALLYPORT_MANUAL");
    FILE *f = path ? fopen(path, "r") : NULL;
    int c;

    if (!f)
        fail_msg("SALLYPORT_MANUAL does not name the page");
    while ((c = fgetc(f)) != EOF)
        if (c != '\\' && c != '"')
            text_putc(&page, (char)c);
    fclose(f);
    return text_take(&page);
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

static bool has_word(const char *page, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = page; (p = strstr(p, word)); p++)
        if ((p == page || !is_word_char(p[-1])) && !is_word_char(p[len]))
            return true;
    return false;
}

static unsigned missing(const char *page, const char *where, const char *word)
{
    if (has_word(page, word))
        return 0;
    print_error("%s: %s is not in the page\n", where, word);
    return 1;
}

/* The part of the page about one menu. */
static char *section(const char *page, const struct menu *m)
{
    struct text head = TEXT_INIT;

    text_printf(&head, ".SS /%s\n", m->path);
    const char *start = strstr(page, text_get(&head));
    text_fini(&head);
    if (!start)
        return NULL;
    const char *end = strstr(start + 1, "\n.S");
    return strndup(start, end ? (size_t)(end - start) : strlen(start));
}

static unsigned missing_of_menu(const char *page, const struct menu *m)
{
    char *part = section(page, m);
    unsigned wrong = 0;

    if (!part) {
        print_error("no section for /%s\n", m->path);
        return 1;
    }
    for (const struct prop *p = m->props; p->name; p++) {
        wrong += missing(part, m->path, p->name);
        if (p->alias)
            wrong += missing(part, m->path, p->alias);
    }
    for (const struct menu_flag *f = m->print_flags; f && f->letter; f++)
        wrong += missing(part, m->path, f->word);
    for (const struct menu_command *c = m->commands; c && c->name; c++) {
        wrong += missing(part, m->path, c->name);
        for (const struct prop *p = c->args; p->name; p++)
            wrong += missing(part, m->path, p->name);
    }
    free(part);
    return wrong;
}

static void every_menu_and_property_is_in_the_page(void **state)
{
    char *page = page_text();
    unsigned wrong = 0;

    (void)state;
    for (const struct menu *const *m = menus; *m; m++)
        wrong += missing_of_menu(page, *m);
    free(page);
    assert_int_equal(wrong, 0);
}

static void every_verb_and_argument_is_in_the_page(void **state)
{
    const struct verb *const groups[] = { verbs_change, verbs_read, verbs_file, verbs_script };
    char *page = page_text();
    unsigned wrong = 0;

    (void)state;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        for (const struct verb *v = groups[g]; v->name; v++) {
            wrong += missing(page, "verbs", v->name);
            for (const struct verb_arg *a = v->args; a && a->name; a++)
                if (a->kind != ARG_ITEMS && a->kind != ARG_PROPERTY && strcmp(a->name, "numbers") &&
                    strcmp(a->name, "destination") && strcmp(a->name, "file-name"))
                    wrong += missing(page, v->name, a->name);
        }
    }
    free(page);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_menu_and_property_is_in_the_page),
        cmocka_unit_test(every_verb_and_argument_is_in_the_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
