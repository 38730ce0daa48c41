#include "lex.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words as the table writes them: plain characters as they are, literal ones between '...',
 * commands as <source>, variables as {name}; words parted by a bar. */
static void put_word(struct text *out, const char *source, const struct lex_word *w)
{
    bool literal = w->n == 0;

    if (literal)
        text_putc(out, '\'');
    for (size_t i = 0; i < w->n; i++) {
        const struct lex_char *c = &w->chars[i];
        if ((c->kind == LEX_LITERAL) != literal) {
            literal = !literal;
            text_putc(out, '\'');
        }
        if (c->kind == LEX_COMMAND)
            text_printf(out, "<%.*s>", (int)(c->end - c->at), source + c->at);
        else if (c->kind == LEX_VARIABLE)
            text_printf(out, "{%.*s}", (int)(c->end - c->at - 1), source + c->at + 1);
        else
            text_putc(out, c->c);
    }
    if (literal)
        text_putc(out, '\'');
}

/* Commands parted by " ; ", then what ended the text. */
static char *lexed(const char *source)
{
    struct text out = TEXT_INIT;
    struct lexer l;

    lexer_init(&l, source, 0, strlen(source));
    for (bool first = true;; first = false) {
        struct lex_words words;
        enum lex_result r = lex_command(&l, &words);
        if (r == LEX_END) {
            lex_words_fini(&words);
            break;
        }
        if (!first)
            text_puts(&out, " ; ");
        for (size_t i = 0; i < words.n; i++) {
            if (i)
                text_putc(&out, '|');
            put_word(&out, source, &words.v[i]);
        }
        lex_words_fini(&words);
        if (r == LEX_ERROR)
            text_printf(&out, " error at %zu", l.bad);
        if (r == LEX_UNFINISHED)
            text_printf(&out, " unfinished %s from %zu", l.open, l.bad);
        if (r != LEX_OK)
            break;
    }
    return text_take(&out);
}

static void words_are_cut(void **state)
{
    static const struct {
        const char *label, *source, *want;
    } cases[] = {
        { "words at blanks", "ip ipsec  policy\tprint", "ip|ipsec|policy|print" },
        { "pairs stay whole", "add a=b c=d", "add|a=b|c=d" },
        { "quotes make characters literal", "a=\"b c=d\"", "a='b c=d'" },
        { "empty quotes are a word", "comment 0 \"\"", "comment|0|''" },
        { "quotes inside a word", "a\"b\"c", "a'b'c" },
        { "escapes in quotes", "\"\\\"\\\\\\n\\r\\t\\$\\?\\_\"", "'\"\\\n\r\t$? '" },
        { "hexadecimal escape", "\"\\1B\\41\"",
          "'\x1b"
          "A'" },
        { "escape without quotes", "a\\_b", "a' 'b" },
        { "commands at semicolons", "a;b c ; d", "a ; b|c ; d" },
        { "commands at line ends", "a\nb\r\nc", "a ; b ; c" },
        { "semicolon in quotes", "\"a;b\"", "'a;b'" },
        { "comment at the start", "# text \" [\na", " ; a" },
        { "comment behind a semicolon", "a; # b", "a ; " },
        { "# inside a command", "a #b", "a|#b" },
        { "continuation joins words", "a=\\\n    b", "a=b" },
        { "continuation between words", "a \\\n  b", "a|b" },
        { "continuation with blanks behind it", "a \\  \n\tb", "a|b" },
        { "continuation in quotes", "\"a\\\n   b\"", "'ab'" },
        { "line end in quotes", "\"a\nb\"", "'a\nb'" },
        { "command in brackets", "set [find a=\"]\"] b=c", "set|<[find a=\"]\"]>|b=c" },
        { "nested brackets", "a=[b [c] d]e", "a=<[b [c] d]>e" },
        { "variable", "a=$b-c", "a={b}-c" },
        { "variable in quotes", "\"x$y z\"", "'x'{y}' z'" },
        { "8-bit bytes pass", "a=\xc3\xa4", "a=\xc3\xa4" },
        { "nothing", "", "" },
        { "blanks", "  \t ", "" },
        { "open quote", "a b=\"c", "a|b='c' unfinished \" from 4" },
        { "open bracket", "a [b", "a|'' unfinished [ from 2" },
        { "open bracket and quote", "a [b \"]", "a|'' unfinished [\" from 2" },
        { "backslash at the end", "a \\", "a unfinished  from 2" },
        { "backslash and blanks at the end", "a b\\  ", "a|b unfinished  from 3" },
        { "closing bracket alone", "a ]", "a|'' error at 2" },
        { "unknown escape", "\"\\q\"", "'' error at 1" },
        { "zero byte by escape", "\"\\00\"", "'' error at 1" },
        { "lower-case hex is no escape", "\"\\1b\"", "'' error at 1" },
        { "control byte", "a\x1b[m", "a error at 1" },
        { "control byte in quotes", "\"\x07\"", "'' error at 1" },
        { "dollar without a name", "a=$-", "a='$'-" },
        { "dollar before the closing quote", "\"a$\"", "'a$'" },
        { "brackets too deep", "[[[[[[[[[[[[[[[[[a", "'' error at 16" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *have = lexed(cases[i].source);
        if (strcmp(have, cases[i].want) != 0)
            fail_msg("%s: want %s, have %s", cases[i].label, cases[i].want, have);
        free(have);
    }
}

static void places_are_counted_from_one(void **state)
{
    static const struct {
        const char *source;
        size_t at;
        unsigned line, column;
    } cases[] = {
        { "abc", 0, 1, 1 },     { "abc", 2, 1, 3 },   { "abc", 3, 1, 4 },
        { "a\nbc\n", 2, 2, 1 }, { "a\nbc", 3, 2, 2 }, { "a\n\nb", 3, 3, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned line, column;
        lex_place(cases[i].source, cases[i].at, &line, &column);
        assert_int_equal(line, cases[i].line);
        assert_int_equal(column, cases[i].column);
    }
}

static void characters_keep_their_places(void **state)
{
    const char *source = "a=\\\n  \"x\\41\"";
    struct lexer l;
    struct lex_words words;

    (void)state;
    lexer_init(&l, source, 0, strlen(source));
    assert_int_equal(lex_command(&l, &words), LEX_OK);
    assert_int_equal(words.n, 1);
    assert_int_equal(words.v[0].n, 4);
    assert_int_equal(words.v[0].chars[2].at, 7);
    assert_int_equal(words.v[0].chars[3].at, 8);
    assert_int_equal(words.v[0].chars[3].end, 11);
    assert_int_equal(words.v[0].chars[3].c, 'A');
    lex_words_fini(&words);
}

static void innermost_command_is_found(void **state)
{
    static const struct {
        const char *label, *source;
        size_t start;
    } cases[] = {
        { "one command", "ip ipsec", 0 },
        { "behind a semicolon", "a; b", 2 },
        { "inside brackets", "set [find x", 5 },
        { "behind brackets", "set [find x] y", 0 },
        { "semicolon inside brackets", "set [a; b", 7 },
        { "bracket in quotes", "set \"[", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (lex_innermost(cases[i].source, strlen(cases[i].source)) != cases[i].start)
            fail_msg("%s", cases[i].label);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut),
        cmocka_unit_test(places_are_counted_from_one),
        cmocka_unit_test(characters_keep_their_places),
        cmocka_unit_test(innermost_command_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
