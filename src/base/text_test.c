/* The growing text, and escaping. */
#include "text.h"
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void text_grows_and_stays_terminated(void **state)
{
    struct text t = TEXT_INIT;

    (void)state;
    assert_string_equal(text_get(&t), "");
    for (unsigned i = 0; i < 5000; i++) {
        text_putc(&t, (char)('a' + i % 26));
        assert_int_equal(t.len, i + 1);
        assert_int_equal(t.s[t.len], '\0');
    }
    assert_int_equal(strlen(text_get(&t)), 5000);
    text_clear(&t);
    assert_string_equal(text_get(&t), "");
    text_puts(&t, "again");
    assert_string_equal(text_get(&t), "again");
    text_fini(&t);
    assert_string_equal(text_get(&t), "");
}

static void pieces_are_appended(void **state)
{
    struct text t = TEXT_INIT;

    (void)state;
    text_puts(&t, "a");
    text_add(&t, "bcd", 2);
    text_add(&t, NULL, 0);
    text_puts(&t, "");
    text_printf(&t, "%s-%05d", "x", 42);
    text_printf(&t, "%s", "");
    assert_string_equal(text_get(&t), "abcx-00042");
    text_fini(&t);
}

static void printf_takes_any_length(void **state)
{
    char *want = xmalloc(70001);
    struct text t = TEXT_INIT;

    (void)state;
    memset(want, 'z', 70000);
    want[70000] = '\0';
    text_printf(&t, "%s", want);
    assert_string_equal(text_get(&t), want);
    text_fini(&t);
    free(want);
}

static void bytes_from_outside_are_escaped(void **state)
{
    static const struct {
        const char *in;
        size_t len;
        const char *want;
    } cases[] = {
        { "plain ~!", 8, "plain ~!" },       { "a\nb", 3, "a\\0Ab" },
        { "\0\x1f\x7f", 3, "\\00\\1F\\7F" }, { "\x80\xff", 2, "\\80\\FF" },
        { "\x1b[2J", 4, "\\1B[2J" },         { "", 0, "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text t = TEXT_INIT;
        text_put_escaped(&t, cases[i].in, cases[i].len);
        assert_string_equal(text_get(&t), cases[i].want);
        text_fini(&t);
    }
}

static void taking_leaves_an_empty_text(void **state)
{
    struct text t = TEXT_INIT;

    (void)state;
    text_puts(&t, "mine");
    char *s = text_take(&t);
    assert_string_equal(s, "mine");
    assert_string_equal(text_get(&t), "");
    free(s);
    s = text_take(&t);
    assert_string_equal(s, "");
    free(s);
}

static void memory_of_no_bytes_is_memory(void **state)
{
    void *a = xmalloc(0), *b = xcalloc(0, 8), *c = xrealloc(NULL, 0);
    uint8_t *zero = xcalloc(3, 5);

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    for (unsigned i = 0; i < 15; i++)
        assert_int_equal(zero[i], 0);
    free(a);
    free(b);
    free(c);
    free(zero);
}

/* Threat D15: nothing goes on with half of what it needs. What the daemon's death means for packets
 * is tests/lab/test_leaks.py's. */
static void no_memory_is_the_end_of_the_process(void **state)
{
    int status = 0;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        free(xmalloc(SIZE_MAX / 2));
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_and_stays_terminated),
        cmocka_unit_test(pieces_are_appended),
        cmocka_unit_test(printf_takes_any_length),
        cmocka_unit_test(bytes_from_outside_are_escaped),
        cmocka_unit_test(taking_leaves_an_empty_text),
        cmocka_unit_test(memory_of_no_bytes_is_memory),
        cmocka_unit_test(no_memory_is_the_end_of_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
