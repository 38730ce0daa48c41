/* The console: reads the reference's command language, speaks the API, prints as the reference.
 * No terminal I/O here: text in, text out, so that transcripts are tests. */
#pragma once

#include "api.h"

struct console;

/* Borrows CLIENT. USER and identity make the prompt; the identity is asked from the daemon. WIDTH:
 * columns of the terminal, 80 when unknown. */
struct console *console_new(struct api_client *client, const char *user, unsigned width);
void console_free(struct console *c);

enum console_result {
    CONSOLE_OK,
    CONSOLE_ERROR, /* OUT's last line is the error's text */
    CONSOLE_MORE,  /* the input is unfinished: show console_continuation() and feed more */
    CONSOLE_QUIT
};
/* One line without its newline. Output (never the prompt) is appended to OUT, errors to ERR; with
 * positions "(line L column C)" counted from the first line of the unfinished input. */
enum console_result console_line(struct console *c, const char *line, struct text *out,
                                 struct text *err);
/* A whole script: stops at the first error, whose line is the script's. */
enum console_result console_script(struct console *c, const char *script, struct text *out,
                                   struct text *err);
void console_cancel(struct console *c);                    /* Ctrl-C: drops unfinished input */
void console_prompt(struct console *c, struct text *out);  /* "[admin@r1] ip ipsec policy> " */
const char *console_continuation(const struct console *c); /* "\... " */
/* A terminal for `print interval=`. PAINT shows TEXT in place of what it showed before and waits;
 * false: the user has had enough. Without one, interval= is refused. */
struct console_screen {
    void *ctx;
    bool (*paint)(void *ctx, const char *text, unsigned seconds);
};
void console_set_screen(struct console *c, const struct console_screen *screen);
void console_set_width(struct console *c, unsigned width);

/* Completion at the end of LINE[0..CURSOR): what to insert, and the options when ambiguous, one per
 * line. Each leading '\b' of the insertion takes back one character. */
void console_complete(struct console *c, const char *line, size_t cursor, struct text *ret_insert,
                      struct text *ret_options);
/* What `?` shows at this spot: one line per possibility with its help. */
void console_help(struct console *c, const char *line, size_t cursor, struct text *out);
