/* The console program: options, then a terminal, commands of the command line, or a script. */
#include "console.h"
#include "edit.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/sallyport/api.sock"

enum { SCRIPT_MAX_BYTES = 64 << 20 };

static const char usage[] =
    "Usage: sallyport [--socket PATH]                     interactive console\n"
    "       sallyport [--socket PATH] -e 'COMMAND' ...    run commands, stop at the first error\n"
    "       sallyport [--socket PATH] FILE.rsc            run a script\n"
    "Commands on standard input run as a script when it is not a terminal.\n"
    "  --socket PATH   where sallyportd listens (default " DEFAULT_SOCKET ")\n"
    "  -e COMMAND      a command; may be given several times\n"
    "  --help, --version\n"
    "Exit status: 0 done, 1 a command failed or no daemon answers, 2 wrong usage.\n";

struct options {
    const char *socket;
    const char **commands; /* owned array; of -e, in order */
    size_t n_commands;
    const char *file;
};

/* Both streams, output first: what was printed before an error stands before it. */
static enum console_result flush_result(enum console_result result, struct text *out,
                                        struct text *err)
{
    fputs(text_get(out), stdout);
    fflush(stdout);
    fputs(text_get(err), stderr);
    text_fini(out);
    text_fini(err);
    return result;
}

static enum console_result run_script(struct console *c, const char *script)
{
    struct text out = TEXT_INIT, err = TEXT_INIT;
    enum console_result result = console_script(c, script, &out, &err);

    return flush_result(result, &out, &err);
}

/* Each command is a text of its own: positions count from its start. */
static int run_commands(struct console *c, const struct options *o)
{
    for (size_t i = 0; i < o->n_commands; i++) {
        enum console_result result = run_script(c, o->commands[i]);
        if (result == CONSOLE_ERROR)
            return 1;
        if (result == CONSOLE_QUIT)
            return 0;
    }
    return 0;
}

static bool read_all(int fd, struct text *ret)
{
    char buf[65536];
    ssize_t n;

    while ((n = read(fd, buf, sizeof buf)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || ret->len > SCRIPT_MAX_BYTES)
            return false;
        text_add(ret, buf, (size_t)n);
    }
    if (strlen(text_get(ret)) == ret->len)
        return true;
    errno = EILSEQ; /* a zero byte */
    return false;
}

static int run_file(struct console *c, const char *path)
{
    struct text script = TEXT_INIT;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    bool ok = fd >= 0 && read_all(fd, &script);
    int status = 1;

    if (ok)
        status = run_script(c, text_get(&script)) == CONSOLE_ERROR;
    else
        fprintf(stderr, "sallyport: cannot read %s: %s\n", path ? path : "standard input",
                strerror(errno));
    if (path && fd >= 0)
        close(fd);
    text_fini(&script);
    return status;
}

static struct api_client *connect_daemon(const char *socket_path)
{
    struct text error = TEXT_INIT;
    struct api_client *client = api_client_connect(socket_path, &error);

    if (!client)
        fprintf(stderr,
                "sallyport: %s\n"
                "Start sallyportd, or name its socket with --socket PATH.\n",
                text_get(&error));
    text_fini(&error);
    return client;
}

static int wrong_usage(void)
{
    fputs(usage, stderr);
    return 2;
}

/* A word without an option: one more command behind -e, else the script. */
static bool take_word(struct options *o, const char *word)
{
    if (o->n_commands) {
        o->commands[o->n_commands++] = word;
        return true;
    }
    if (o->file)
        return false;
    o->file = word;
    return true;
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *ret)
{
    static const struct option longs[] = {
        { "socket", required_argument, NULL, 's' },
        { "execute", required_argument, NULL, 'e' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "-e:", longs, NULL)) != -1) {
        switch (c) {
        case 's':
            ret->socket = optarg;
            break;
        case 'e':
            ret->commands[ret->n_commands++] = optarg;
            break;
        case 1:
            if (!take_word(ret, optarg))
                return wrong_usage();
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        case 'V':
            puts("sallyport " SALLYPORT_VERSION);
            return 0;
        default:
            return wrong_usage();
        }
    }
    for (; optind < argc; optind++) /* behind "--" */
        if (!take_word(ret, argv[optind]))
            return wrong_usage();
    return ret->file && ret->n_commands ? wrong_usage() : -1;
}

static int run(const struct options *o)
{
    struct api_client *client = connect_daemon(o->socket);
    int status;

    if (!client)
        return 1;
    struct console *c = console_new(client, "admin", 80);
    if (o->n_commands)
        status = run_commands(c, o);
    else if (o->file || !isatty(STDIN_FILENO))
        status = run_file(c, o->file);
    else
        status = edit_run(c);
    console_free(c);
    api_client_free(client);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = { .socket = DEFAULT_SOCKET };

    options.commands = xcalloc((size_t)argc, sizeof *options.commands);
    int status = parse_options(argc, argv, &options);
    if (status < 0)
        status = run(&options);
    free(options.commands);
    return status;
}
