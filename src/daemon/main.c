/* sallyportd: starts privileged, takes what needs privileges, gives them up, serves. */
#include "control.h"
#include "gateway.h"
#include "import.h"
#include "notify.h"
#include "options.h"
#include "privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>
#include <uv.h>

enum { TICK_MS = 500 };

struct daemon {
    struct options options;
    struct identity identity;
    struct gateway *gateway;
    struct control *control;
    uv_loop_t loop;
    uv_async_t wake;
    uv_poll_t netmon;
    uv_timer_t tick;
    uv_signal_t term, interrupt;
    int lock_fd, socket_fd, parent_fd;
    char *import_script; /* text of --import */
};

static bool fail(const char *text)
{
    fprintf(stderr, "sallyportd: %s\n", text);
    return false;
}

/* ---- start-up, in order ---- */

static bool enter_netns(const char *name)
{
    char path[256], err[512];
    int fd;

    if (!name)
        return true;
    snprintf(path, sizeof(path), "/run/netns/%s", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) {
        snprintf(err, sizeof(err), "cannot enter network namespace %s: %s", name, strerror(errno));
        if (fd >= 0)
            close(fd);
        return fail(err);
    }
    close(fd);
    return true;
}

static bool make_folders(struct daemon *d)
{
    char path[4096], err[512];

    if (!privileges_make_dir(d->options.state_dir, 0700, &d->identity, err, sizeof(err)))
        return fail(err);
    snprintf(path, sizeof(path), "%s", d->options.socket_path);
    const char *dir = dirname(path);
    if (access(dir, F_OK) != 0 && !privileges_make_dir(dir, 0750, &d->identity, err, sizeof(err)))
        return fail(err);
    return true;
}

/* One daemon per state folder. */
static bool lock_state(struct daemon *d)
{
    char path[4096], err[4200];

    snprintf(path, sizeof(path), "%s/lock", d->options.state_dir);
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (d->lock_fd >= 0 && flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return fchown(d->lock_fd, d->identity.uid, d->identity.gid) == 0;
    snprintf(err, sizeof(err), "cannot lock %s: %s", path,
             errno == EWOULDBLOCK ? "another daemon uses this state folder" : strerror(errno));
    return fail(err);
}

static bool read_import(struct daemon *d)
{
    struct text error = TEXT_INIT;

    if (!d->options.import_file)
        return true;
    d->import_script = import_read(d->options.import_file, &error);
    if (!d->import_script)
        fail(text_get(&error));
    text_fini(&error);
    return d->import_script != NULL;
}

static void on_wake_from_worker(void *ctx)
{
    uv_async_send(ctx);
}

static bool start_privileged(struct daemon *d)
{
    char err[1024];

    if (!privileges_check(err, sizeof(err)) ||
        !privileges_user(d->options.user, &d->identity, err, sizeof(err)))
        return fail(err);
    if (!enter_netns(d->options.netns) || !read_import(d) || !make_folders(d) || !lock_state(d))
        return false;
    d->gateway = gateway_new(&d->options, on_wake_from_worker, &d->wake, err, sizeof(err));
    if (!d->gateway)
        return fail(err);
    d->socket_fd =
        control_bind(d->options.socket_path, d->identity.uid, d->identity.gid, err, sizeof(err));
    if (d->socket_fd < 0)
        return fail(err);
    if (!gateway_hand_over(d->gateway, &d->identity, err, sizeof(err)) ||
        !privileges_drop(&d->identity, err, sizeof(err)) || !privileges_seccomp(err, sizeof(err)))
        return fail(err);
    return true;
}

/* ---- the loop ---- */

static void on_wake(uv_async_t *async)
{
    gateway_on_wake(((struct daemon *)async->data)->gateway);
}

static void on_netmon(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    gateway_on_netmon(((struct daemon *)poll->data)->gateway);
}

static void on_tick(uv_timer_t *timer)
{
    gateway_on_tick(((struct daemon *)timer->data)->gateway);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct daemon *d = signal->data;

    log_info("system", "stopping on %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
    gateway_stop(d->gateway);
    if (d->control)
        control_stop(d->control);
    uv_close((uv_handle_t *)&d->wake, NULL);
    uv_close((uv_handle_t *)&d->netmon, NULL);
    uv_close((uv_handle_t *)&d->tick, NULL);
    uv_close((uv_handle_t *)&d->term, NULL);
    uv_close((uv_handle_t *)&d->interrupt, NULL);
}

static bool start_loop(struct daemon *d)
{
    struct text error = TEXT_INIT;

    if (!gateway_start(d->gateway, &d->loop, &error)) {
        fail(text_get(&error));
        text_fini(&error);
        return false;
    }
    d->wake.data = d->netmon.data = d->tick.data = d->term.data = d->interrupt.data = d;
    uv_poll_init(&d->loop, &d->netmon, gateway_netmon_fd(d->gateway));
    uv_poll_start(&d->netmon, UV_READABLE, on_netmon);
    uv_timer_init(&d->loop, &d->tick);
    uv_timer_start(&d->tick, on_tick, TICK_MS, TICK_MS);
    uv_signal_init(&d->loop, &d->term);
    uv_signal_start(&d->term, on_signal, SIGTERM);
    uv_signal_init(&d->loop, &d->interrupt);
    uv_signal_start(&d->interrupt, on_signal, SIGINT);
    d->control = control_start(&d->loop, d->socket_fd, gateway_config(d->gateway));
    return d->control != NULL || fail("cannot serve on the API socket");
}

static bool run_import(struct daemon *d)
{
    struct text error = TEXT_INIT;
    bool ok = !d->import_script ||
              import_run(&d->loop, d->control, d->options.import_file, d->import_script, &error);

    if (!ok)
        fail(text_get(&error));
    text_fini(&error);
    free(d->import_script);
    return ok;
}

int main(int argc, char **argv)
{
    struct daemon d = { .lock_fd = -1, .socket_fd = -1, .parent_fd = -1 };

    switch (options_parse(argc, argv, &d.options)) {
    case OPTIONS_EXIT_OK:
        return 0;
    case OPTIONS_EXIT_USAGE:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    log_set_level(d.options.log_level);
    signal(SIGPIPE, SIG_IGN);
    privileges_harden();
    if (!d.options.foreground)
        d.parent_fd = notify_background();
    urcu_memb_register_thread();
    uv_loop_init(&d.loop);
    uv_async_init(&d.loop, &d.wake, on_wake);
    d.wake.data = &d;
    bool ok = start_privileged(&d) && start_loop(&d) && run_import(&d);
    if (ok) {
        notify_ready(d.parent_fd);
        uv_run(&d.loop, UV_RUN_DEFAULT);
    }
    if (d.socket_fd >= 0)
        unlink(d.options.socket_path);
    control_free(d.control);
    /* After a failed start steering of an earlier run stays: what must be encrypted is dropped. */
    gateway_free(d.gateway, ok);
    urcu_memb_unregister_thread();
    return ok ? 0 : 1;
}
