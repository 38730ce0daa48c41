/* Commands about whole texts: export, import; and quit. */
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0600 and not through a link: an export holds keys. */
static bool write_file(struct call *call, const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len;

    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    return ok ? true
              : run_fail(call->run, NO_PLACE, "failure: cannot write %s: %s", path,
                         strerror(errno));
}

static void put_lines(const struct api_reply *reply, struct text *out)
{
    for (size_t i = 0; i < reply->n_rows; i++) {
        const char *line = api_sentence_get(&reply->rows[i], "line");
        text_put_escaped(out, line ? line : "", line ? strlen(line) : 0);
        text_putc(out, '\n');
    }
}

static bool export_menu(struct call *call, const struct menu *m, struct text *lines)
{
    struct api_sentence request = { 0 };
    struct api_reply reply;
    struct text path = TEXT_INIT;

    place_command(m->path, "export", &path);
    api_sentence_add(&request, "%s", text_get(&path));
    text_fini(&path);
    bool ok = call_api(call, &request, &reply);
    api_sentence_fini(&request);
    if (ok) {
        put_lines(&reply, lines);
        api_reply_fini(&reply);
    }
    return ok;
}

/* The menu, or all menus of a folder in the order in which they can be read again. */
static bool export_place(struct call *call, struct text *lines)
{
    for (const struct menu *const *m = menus; *m; m++) {
        if ((*m)->flags & M_LIVE || !place_contains(&call->place, (*m)->path))
            continue;
        if (!export_menu(call, *m, lines))
            return false;
    }
    return true;
}

static bool run_export(struct call *call)
{
    struct text lines = TEXT_INIT, path = TEXT_INIT;
    const char *file = call_arg(call, "file");
    bool ok = export_place(call, &lines);

    if (ok && file) {
        text_printf(&path, "%s%s", file, strchr(file, '.') ? "" : ".rsc");
        ok = write_file(call, text_get(&path), text_get(&lines), lines.len);
    } else if (ok) {
        text_puts(call->run->out, text_get(&lines));
    }
    text_fini(&path);
    text_fini(&lines);
    return ok;
}

static bool read_file(struct call *call, const char *path, struct text *out)
{
    char buf[65536];
    ssize_t n = -1;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        while ((n = read(fd, buf, sizeof buf)) > 0 && out->len <= SOURCE_MAX)
            text_add(out, buf, (size_t)n);
    if (n < 0)
        run_fail(call->run, NO_PLACE, "failure: cannot read %s: %s", path,
                 fd < 0 ? strerror(errno) : "not a regular file");
    if (fd >= 0)
        close(fd);
    if (n >= 0 && out->len != strlen(text_get(out)))
        return run_fail(call->run, NO_PLACE, "failure: %s is not a text file", path);
    return n >= 0;
}

/* Runs at the root with positions of its own: line and column are the file's. */
static bool run_import(struct call *call)
{
    const char *path = call_arg(call, "file-name");
    struct text source = TEXT_INIT;
    struct place root;

    if (!path)
        return run_fail(call->run, NO_PLACE, "missing value(s) of argument(s) file-name");
    if (call->run->depth >= RUN_DEPTH_MAX)
        return run_fail(call->run, NO_PLACE, "failure: scripts import each other too deeply");
    place_root(&root);
    bool ok = read_file(call, path, &source) &&
              run_source(call->run->c, &root, text_get(&source), call->run->depth + 1,
                         call->run->out, call->run->problem);
    text_fini(&source);
    return ok;
}

static bool run_quit(struct call *call)
{
    call->run->c->quit = true;
    return true;
}

static const struct verb_arg export_args[] = {
    { "file", ARG_TEXT, 0, "into a file" },
    { 0 },
};

static const struct verb_arg import_args[] = {
    { "file-name", ARG_TEXT, 0, "the script, as export writes it" },
    { 0 },
};

const struct verb verbs_file[] = {
    { "export", .never = M_LIVE, .flags = VERB_FOLDER, .args = export_args, .unnamed = { "file" },
      .run = run_export, .help = "the configuration as commands that make it again" },
    { "import", .flags = VERB_ROOT, .args = import_args, .unnamed = { "file-name" },
      .run = run_import, .help = "run a script file" },
    { "quit", .flags = VERB_ROOT, .run = run_quit, .help = "leave the console" },
    { 0 },
};
