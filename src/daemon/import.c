/* The console blocks on its connection, so it runs in a thread of its own against a socket pair
 * whose other end the control loop serves meanwhile. */
#include "import.h"

#include "console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IMPORT_BYTES_MAX = 64 << 20 };

struct import {
    const char *script;
    int fd;
    bool ok;
    struct text out, err;
    uv_async_t done;
    bool finished;
};

char *import_read(const char *path, struct text *error)
{
    struct text t = TEXT_INIT;
    char buf[65536];
    size_t n;
    FILE *f = fopen(path, "re");

    while (f && (n = fread(buf, 1, sizeof(buf), f)) > 0 && t.len < IMPORT_BYTES_MAX)
        text_add(&t, buf, n);
    if (!f || ferror(f) || t.len >= IMPORT_BYTES_MAX) {
        text_printf(error, "cannot read %s: %s", path,
                    f && !ferror(f) ? "too large" : strerror(errno));
        if (f)
            fclose(f);
        text_fini(&t);
        return NULL;
    }
    fclose(f);
    return text_take(&t);
}

static void import_main(void *arg)
{
    struct import *im = arg;
    struct api_client *client = api_client_from_fd(im->fd);
    struct console *console = console_new(client, "import", 80);

    im->ok = console_script(console, im->script, &im->out, &im->err) != CONSOLE_ERROR;
    console_free(console);
    api_client_free(client);
    uv_async_send(&im->done);
}

static void on_done(uv_async_t *async)
{
    ((struct import *)async->data)->finished = true;
}

bool import_run(uv_loop_t *loop, struct control *control, const char *path, const char *script,
                struct text *error)
{
    struct import im = { .script = script };
    uv_thread_t thread;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
        text_printf(error, "cannot import: %s", strerror(errno));
        return false;
    }
    im.fd = fds[0];
    uv_async_init(loop, &im.done, on_done);
    im.done.data = &im;
    control_serve(control, fds[1]);
    if (uv_thread_create(&thread, import_main, &im) == 0) {
        while (!im.finished)
            uv_run(loop, UV_RUN_ONCE);
        uv_thread_join(&thread);
    }
    uv_close((uv_handle_t *)&im.done, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    if (!im.ok)
        text_printf(error, "%s: %s", path, text_get(&im.err));
    text_fini(&im.out);
    text_fini(&im.err);
    return im.ok;
}
