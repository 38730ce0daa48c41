#include "nft.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NFT_TIMEOUT_MS = 20000 };

static const char *nft_program(void)
{
    static const char *const places[] = { "/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft",
                                          "/usr/local/sbin/nft" };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

/* nft opens its input anew by name: a memory file can be, a socket cannot. */
static int script_open(const struct text *script)
{
    int fd = memfd_create("nft-script", MFD_CLOEXEC);
    size_t done = 0;

    while (fd >= 0 && done < script->len) {
        ssize_t n = write(fd, script->s + done, script->len - done);
        if (n <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static int child_spawn(const char *program, int in_fd, int out_fd, pid_t *ret_pid)
{
    char *const argv[] = { (char *)"nft", (char *)"-f", (char *)"-", NULL };
    char *const envp[] = { (char *)"LC_ALL=C", NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in_fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDERR_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int r = posix_spawn(ret_pid, program, &files, &attr, argv, envp);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return r;
}

static int64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the child closes its output. False when time ran out. */
static bool output_collect(int fd, struct text *output)
{
    int64_t end_ms = monotonic_ms() + NFT_TIMEOUT_MS;
    char buf[4096];

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left_ms = end_ms - monotonic_ms();
        if (left_ms <= 0)
            return false;
        int r = poll(&p, 1, (int)left_ms);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        ssize_t n = read(fd, buf, sizeof(buf));
        if (n <= 0)
            return n == 0;
        text_add(output, buf, (size_t)n);
    }
}

static bool child_wait(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool nft_run(const struct text *script, struct text *output, char *err, size_t err_size)
{
    struct text own = TEXT_INIT, *said = output ? output : &own;
    const char *program = nft_program();
    int pipe_fds[2] = { -1, -1 };
    bool ok = false;
    pid_t pid;

    if (!program) {
        snprintf(err, err_size, "the nft program is not installed (package nftables)");
        return false;
    }
    int in_fd = script_open(script);
    int r = in_fd < 0 || pipe2(pipe_fds, O_CLOEXEC) ? errno : 0;
    if (r == 0)
        r = child_spawn(program, in_fd, pipe_fds[1], &pid);
    if (pipe_fds[1] >= 0)
        close(pipe_fds[1]);
    if (r == 0) {
        bool in_time = output_collect(pipe_fds[0], said);
        if (!in_time)
            kill(pid, SIGKILL);
        ok = child_wait(pid) && in_time;
        if (!ok)
            snprintf(err, err_size, "nft: %.*s", in_time ? (int)strcspn(text_get(said), "\n") : 100,
                     in_time ? text_get(said) : "no answer in time");
    } else {
        snprintf(err, err_size, "cannot run nft: %s", strerror(r));
    }
    if (pipe_fds[0] >= 0)
        close(pipe_fds[0]);
    if (in_fd >= 0)
        close(in_fd);
    text_fini(&own);
    return ok;
}
