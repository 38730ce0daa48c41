/* The terminal side of the console, by libedit: keys, history, prompts. What the keys mean is the
 * console's business (console_complete, console_help); this file moves text. */
#include "edit.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HISTORY_LINES = 1000, OPTIONS_COLUMN_GAP = 2 };

struct edit {
    struct console *console;
    EditLine *line;
    History *history;
    struct text prompt;
    struct text history_path; /* empty: none is kept */
    bool cancelled;           /* Ctrl-C was the last key */
    bool tabbed;              /* the key before was TAB and left several options */
};

static struct edit *edit_of(EditLine *el)
{
    struct edit *e = NULL;

    el_get(el, EL_CLIENTDATA, &e);
    return e;
}

static char *prompt_text(EditLine *el)
{
    struct edit *e = edit_of(el);

    return e->prompt.s; /* set before every line */
}

static unsigned terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

/* The line up to the cursor; the caller frees. */
static char *typed_text(EditLine *el, size_t *ret_len)
{
    const LineInfo *info = el_line(el);

    *ret_len = (size_t)(info->cursor - info->buffer);
    return strndup(info->buffer, *ret_len);
}

/* The editor is about to draw its line anew below what was just printed; it first clears as many
 * rows upwards as its line had, which must be empty ones then. */
static unsigned char redraw_below(EditLine *el)
{
    const LineInfo *info = el_line(el);
    size_t used = edit_of(el)->prompt.len + (size_t)(info->lastchar - info->buffer);

    for (size_t rows = used / terminal_width(); rows > 0; rows--)
        putchar('\n');
    fflush(stdout);
    return CC_REDISPLAY;
}

/* --- keys ---------------------------------------------------------------------------------- */

static unsigned char self_insert(EditLine *el, int c)
{
    const char text[2] = { (char)c, '\0' };

    return el_insertstr(el, text) == 0 ? CC_REFRESH : CC_ERROR;
}

/* Names in columns, as wide as the terminal. */
static void put_columns(const char *options, unsigned width)
{
    size_t widest = 0, column = 0;

    for (const char *p = options; *p; p += strcspn(p, "\n") + 1)
        if (strcspn(p, "\n") > widest)
            widest = strcspn(p, "\n");
    size_t step = widest + OPTIONS_COLUMN_GAP;
    for (const char *p = options; *p; p += strcspn(p, "\n") + 1) {
        size_t len = strcspn(p, "\n");
        if (column && column + widest >= width) {
            putchar('\n');
            column = 0;
        }
        fwrite(p, 1, len, stdout);
        printf("%*s", (int)(step - len), "");
        column += step;
    }
    putchar('\n');
}

static unsigned char on_tab(EditLine *el, int key)
{
    struct edit *e = edit_of(el);
    struct text insert = TEXT_INIT, options = TEXT_INIT;
    size_t len;
    char *typed = typed_text(el, &len);
    unsigned char result = CC_NORM;

    (void)key;
    console_complete(e->console, typed, len, &insert, &options);
    const char *text = text_get(&insert);
    while (*text == '\b') {
        el_deletestr(el, 1);
        text++;
    }
    if (insert.len) {
        el_insertstr(el, text);
        result = CC_REFRESH;
    } else if (options.len && e->tabbed) {
        putchar('\n');
        put_columns(text_get(&options), terminal_width());
        result = redraw_below(el);
    }
    e->tabbed = options.len > 0 && insert.len == 0;
    text_fini(&insert);
    text_fini(&options);
    free(typed);
    return result;
}

/* Inside quotes or behind a backslash a question mark is text. */
static bool mark_is_text(const char *typed)
{
    bool in_quotes = false, escaped = false;

    for (; *typed; typed++) {
        if (escaped)
            escaped = false;
        else if (*typed == '\\')
            escaped = true;
        else if (*typed == '"')
            in_quotes = !in_quotes;
    }
    return in_quotes || escaped;
}

static unsigned char on_question_mark(EditLine *el, int key)
{
    struct edit *e = edit_of(el);
    struct text out = TEXT_INIT;
    size_t len;
    char *typed = typed_text(el, &len);

    if (mark_is_text(typed)) {
        free(typed);
        return self_insert(el, key);
    }
    console_help(e->console, typed, len, &out);
    free(typed);
    putchar('\n');
    fputs(text_get(&out), stdout);
    text_fini(&out);
    return redraw_below(el);
}

static unsigned char on_cancel(EditLine *el, int key)
{
    struct edit *e = edit_of(el);

    (void)key;
    e->cancelled = true;
    return CC_NEWLINE;
}

static void bind_keys(EditLine *el)
{
    static const char *const keys[][2] = {
        { "^I", "sallyport-complete" }, { "?", "sallyport-help" },
        { "^C", "sallyport-cancel" },   { "\\e[H", "ed-move-to-beg" },
        { "\\e[F", "ed-move-to-end" },  { "\\eOH", "ed-move-to-beg" },
        { "\\eOF", "ed-move-to-end" },  { "\\e[1~", "ed-move-to-beg" },
        { "\\e[4~", "ed-move-to-end" }, { "\\e[3~", "ed-delete-next-char" },
        { "^R", "em-inc-search-prev" },
    };

    el_set(el, EL_ADDFN, "sallyport-complete", "complete the word", on_tab);
    el_set(el, EL_ADDFN, "sallyport-help", "what can stand here", on_question_mark);
    el_set(el, EL_ADDFN, "sallyport-cancel", "drop the input", on_cancel);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
    /* Ctrl-C is a key while a line is edited, a signal while a command runs. */
    el_set(el, EL_SETTY, "-d", "-isig", NULL);
}

/* --- history ------------------------------------------------------------------------------- */

/* The file may hold secrets that were typed: only its owner reads it. */
static void history_open(struct edit *e)
{
    HistEvent event;
    const char *home = getenv("HOME");

    e->history = history_init();
    history(e->history, &event, H_SETSIZE, HISTORY_LINES);
    history(e->history, &event, H_SETUNIQUE, 1);
    if (!home || !*home)
        return;
    text_printf(&e->history_path, "%s/.sallyport_history", home);
    int fd = open(text_get(&e->history_path), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, 0600) != 0) {
        text_clear(&e->history_path);
    } else {
        history(e->history, &event, H_LOAD, text_get(&e->history_path));
    }
    if (fd >= 0)
        close(fd);
}

static void history_add(struct edit *e, const char *line)
{
    HistEvent event;

    if (line[strspn(line, " \t")] == '\0')
        return;
    history(e->history, &event, H_ENTER, line);
    if (e->history_path.len)
        history(e->history, &event, H_SAVE, text_get(&e->history_path));
}

/* --- print interval= ----------------------------------------------------------------------- */

/* Clears the screen, shows TEXT, waits. False when Ctrl-C came; it is blocked as a signal all the
 * time and taken here. */
static bool paint(void *ctx, const char *text, unsigned seconds)
{
    sigset_t interrupt;
    const struct timespec pause = { .tv_sec = seconds };

    (void)ctx;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    printf("\033[H\033[2J%s-- [Ctrl-C ends]", text);
    fflush(stdout);
    bool stopped = sigtimedwait(&interrupt, NULL, &pause) == SIGINT;
    if (stopped)
        putchar('\n');
    return !stopped;
}

/* --- the loop ------------------------------------------------------------------------------ */

static void set_prompt(struct edit *e, bool more)
{
    text_clear(&e->prompt);
    if (more)
        text_puts(&e->prompt, console_continuation(e->console));
    else
        console_prompt(e->console, &e->prompt);
}

/* What waited as a signal belongs to a command that is over. */
static void drop_interrupt(void)
{
    sigset_t interrupt;
    const struct timespec now = { 0 };

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    while (sigtimedwait(&interrupt, NULL, &now) == SIGINT)
        ;
}

static enum console_result run_line(struct edit *e, char *line)
{
    struct text out = TEXT_INIT, err = TEXT_INIT;

    line[strcspn(line, "\n")] = '\0';
    console_set_width(e->console, terminal_width());
    enum console_result result = console_line(e->console, line, &out, &err);
    fputs(text_get(&out), stdout);
    fputs(text_get(&err), stdout);
    fflush(stdout);
    text_fini(&out);
    text_fini(&err);
    history_add(e, line);
    drop_interrupt();
    return result;
}

static void loop(struct edit *e)
{
    enum console_result result = CONSOLE_OK;

    while (result != CONSOLE_QUIT) {
        int n = 0;
        set_prompt(e, result == CONSOLE_MORE);
        e->cancelled = false;
        e->tabbed = false;
        const char *line = el_gets(e->line, &n);
        if (!line || n <= 0)
            break;
        if (e->cancelled) {
            console_cancel(e->console);
            result = CONSOLE_OK;
            continue;
        }
        char *copy = xstrdup(line);
        result = run_line(e, copy);
        free(copy);
    }
    putchar('\n');
}

int edit_run(struct console *c)
{
    struct edit e = { .console = c };
    const struct console_screen screen = { &e, paint };
    sigset_t interrupt;

    setlocale(LC_CTYPE, "");
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, NULL);
    e.line = el_init("sallyport", stdin, stdout, stderr);
    if (!e.line) {
        fputs("sallyport: this terminal cannot be used; run commands with -e\n", stderr);
        return 1;
    }
    el_set(e.line, EL_CLIENTDATA, &e);
    el_set(e.line, EL_PROMPT, prompt_text);
    el_set(e.line, EL_EDITOR, "emacs");
    history_open(&e);
    el_set(e.line, EL_HIST, history, e.history);
    bind_keys(e.line);
    console_set_screen(c, &screen);
    console_set_width(c, terminal_width());
    loop(&e);
    el_end(e.line);
    history_end(e.history);
    text_fini(&e.prompt);
    text_fini(&e.history_path);
    return 0;
}
