/* Golden transcripts: NAME.in is typed, prompts, input and output must read as NAME.ok, with runs
 * of white space (line ends too) taken as one blank. Lines of NAME.in that begin with `%` prepare:
 *
 *   %identity NAME       the daemon's identity (before anything else)
 *   %quietly COMMAND     runs without showing in the transcript; must succeed
 *   %row MENU | PAIRS    a row of a live menu
 *   %error [TEXT]        the last-error of every policy and peer from now on
 *   %new                 a new console, as after logging in again
 *
 * With `update` as the last argument NAME.ok is written instead. */
#include "backend.h"
#include "console.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct play {
    struct backend *backend;
    struct api_client *client;
    struct console *console;
    struct text shown;
    const char *name;
    unsigned line;
};

static void start(struct play *p)
{
    if (!p->backend)
        p->backend = backend_new("MikroTik");
    if (!p->client)
        p->client = backend_connect(p->backend);
    if (!p->console)
        p->console = console_new(p->client, "admin", 80);
}

static void stop(struct play *p)
{
    console_free(p->console);
    api_client_free(p->client);
    backend_free(p->backend);
    text_fini(&p->shown);
}

static void fail(const struct play *p, const char *what, const char *detail)
{
    fprintf(stderr, "%s:%u: %s: %s\n", p->name, p->line, what, detail);
    exit(1);
}

static void prepare(struct play *p, char *line)
{
    char *rest = strchr(line, ' ');

    if (rest)
        *rest++ = '\0';
    if (strcmp(line, "%identity") == 0) {
        if (p->backend)
            fail(p, "too late for", line);
        p->backend = backend_new(rest);
        return;
    }
    start(p);
    if (strcmp(line, "%new") == 0) {
        console_free(p->console);
        p->console = console_new(p->client, "admin", 80);
    } else if (strcmp(line, "%row") == 0) {
        char *bar = strstr(rest, " | ");
        *bar = '\0';
        backend_add_row(p->backend, rest, bar + 3);
    } else if (strcmp(line, "%error") == 0) {
        backend_last_error(p->backend, rest);
    } else if (strcmp(line, "%quietly") == 0) {
        struct text out = TEXT_INIT, err = TEXT_INIT;
        if (console_script(p->console, rest, &out, &err) == CONSOLE_ERROR)
            fail(p, rest, text_get(&err));
        text_fini(&out);
        text_fini(&err);
    } else {
        fail(p, "unknown directive", line);
    }
}

static enum console_result type_line(struct play *p, const char *line, enum console_result before)
{
    struct text err = TEXT_INIT;

    if (before == CONSOLE_MORE)
        text_puts(&p->shown, console_continuation(p->console));
    else
        console_prompt(p->console, &p->shown);
    text_printf(&p->shown, "%s\n", line);
    enum console_result result = console_line(p->console, line, &p->shown, &err);
    text_puts(&p->shown, text_get(&err));
    text_fini(&err);
    return result;
}

static void play_file(struct play *p, FILE *in)
{
    char *line = NULL;
    size_t cap = 0;
    enum console_result result = CONSOLE_OK;

    while (getline(&line, &cap, in) > 0 && result != CONSOLE_QUIT) {
        p->line++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '%') {
            prepare(p, line);
        } else {
            start(p);
            result = type_line(p, line, result);
        }
    }
    if (result != CONSOLE_QUIT)
        console_prompt(p->console, &p->shown);
    text_putc(&p->shown, '\n');
    free(line);
}

/* Runs of white space as one blank, none at either end. */
static char *collapse(const char *s)
{
    struct text out = TEXT_INIT;

    for (; *s; s++) {
        if (!isspace((unsigned char)*s))
            text_putc(&out, *s);
        else if (out.len && out.s[out.len - 1] != ' ')
            text_putc(&out, ' ');
    }
    if (out.len && out.s[out.len - 1] == ' ')
        out.s[--out.len] = '\0';
    return text_take(&out);
}

static char *read_file(const char *path)
{
    struct text text = TEXT_INIT;
    char buf[4096];
    size_t n;
    FILE *f = fopen(path, "r");

    if (!f) {
        perror(path);
        exit(1);
    }
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        text_add(&text, buf, n);
    fclose(f);
    return text_take(&text);
}

static int compare(const char *path, const char *shown)
{
    char *wanted = read_file(path), *want = collapse(wanted), *have = collapse(shown);
    size_t same = 0;

    while (want[same] && want[same] == have[same])
        same++;
    int status = want[same] || have[same];
    if (status) {
        size_t from = same > 60 ? same - 60 : 0;
        fprintf(stderr, "%s differs after %zu characters\n want ...%.200s\n have ...%.200s\n", path,
                same, want + from, have + from);
        fprintf(stderr, "--- the transcript\n%s", shown);
    }
    free(wanted);
    free(want);
    free(have);
    return status;
}

int main(int argc, char **argv)
{
    struct play p = { 0 };
    struct text ok_path = TEXT_INIT;
    int status = 0;

    if (argc < 2) {
        fputs("usage: transcript_test NAME.in [update]\n", stderr);
        return 2;
    }
    p.name = argv[1];
    FILE *in = fopen(argv[1], "r");
    if (!in) {
        perror(argv[1]);
        return 1;
    }
    play_file(&p, in);
    fclose(in);
    text_printf(&ok_path, "%.*s.ok", (int)strlen(argv[1]) - 3, argv[1]);
    if (argc > 2 && strcmp(argv[2], "update") == 0) {
        FILE *f = fopen(text_get(&ok_path), "w");
        if (f) {
            fputs(text_get(&p.shown), f);
            fclose(f);
        }
    } else {
        status = compare(text_get(&ok_path), text_get(&p.shown));
    }
    text_fini(&ok_path);
    stop(&p);
    return status;
}
