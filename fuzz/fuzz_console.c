/* Lines typed at the console, with completion and help asked at every line, against a daemon in
 * memory. Looks for crashes, hangs, and bytes in the output that a terminal would act on. */
#include "backend.h"
#include "console.h"
#include "fuzz.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 4096 };

/* Linked in the place of open(2): no input may touch a file (export file=, import). */
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    (void)path;
    (void)flags;
    errno = EACCES;
    return -1;
}

static void check_output(const struct text *t)
{
    for (size_t i = 0; i < t->len; i++) {
        unsigned char c = (unsigned char)t->s[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c >= 0x7f)
            abort();
    }
}

static void type_line(struct console *c, const char *line)
{
    struct text out = TEXT_INIT, err = TEXT_INIT, insert = TEXT_INIT, options = TEXT_INIT;

    console_complete(c, line, strlen(line), &insert, &options);
    console_help(c, line, strlen(line), &out);
    check_output(&options);
    console_line(c, line, &out, &err);
    check_output(&out);
    check_output(&err);
    text_fini(&out);
    text_fini(&err);
    text_fini(&insert);
    text_fini(&options);
}

/* One daemon for all inputs, put back to the same state before each. */
static struct api_client *daemon_client(void)
{
    static struct backend *b;
    static struct api_client *client;

    if (!b) {
        b = backend_new("r1");
        client = backend_connect(b);
    }
    backend_clear_rows(b);
    backend_add_row(b, "ip ipsec installed-sa", "ESP=true;spi=E727605;src-address=10.0.0.148");
    backend_add_row(b, "ip ipsec statistics", "unknown-spi=3");
    return client;
}

static void reset(struct console *c)
{
    static const char script[] = "/ip ipsec policy remove [find]\n"
                                 "/ip ipsec manual-sa remove [find]\n"
                                 "/ip ipsec peer remove [find]\n"
                                 "/ip ipsec proposal remove [find name!=default]\n"
                                 "/ip ipsec proposal enable default\n"
                                 "/ip ipsec settings set strict-incoming-check=no\n"
                                 "/system identity set name=r1\n"
                                 "/ip ipsec manual-sa add name=lan ah-key=00\n"
                                 "/ip ipsec policy add action=none comment=first\n"
                                 "/";
    struct text out = TEXT_INIT, err = TEXT_INIT;

    if (console_script(c, script, &out, &err) != CONSOLE_OK)
        abort();
    text_fini(&out);
    text_fini(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return -1;
    struct console *c = console_new(daemon_client(), "admin", 80);
    char *text = strndup((const char *)data, size), *save = NULL;

    reset(c);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        type_line(c, line);
    free(text);
    console_free(c);
    return 0;
}
