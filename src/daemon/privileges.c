#include "privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

static const struct {
    unsigned cap;
    const char *name, *purpose;
} needed[] = {
    { CAP_NET_ADMIN, "CAP_NET_ADMIN", "to make devices and steer packets" },
    { CAP_NET_RAW, "CAP_NET_RAW", "to send and receive ESP and AH" },
    { CAP_BPF, "CAP_BPF", "to load the steering programs" },
    { CAP_SETUID, "CAP_SETUID", "to give up root" },
    { CAP_SETGID, "CAP_SETGID", "to give up root" },
};

bool privileges_check(char *err, size_t err_size)
{
    capng_get_caps_process();
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (capng_have_capability(CAPNG_EFFECTIVE, needed[i].cap))
            continue;
        snprintf(err, err_size,
                 "%s is missing, needed %s: start as root, or give the container "
                 "this capability",
                 needed[i].name, needed[i].purpose);
        return false;
    }
    return true;
}

bool privileges_user(const char *user, struct identity *ret, char *err, size_t err_size)
{
    const struct passwd *pw = getpwnam(user);

    if (!pw) {
        snprintf(err, err_size,
                 "user %s does not exist: make it with 'useradd --system "
                 "--no-create-home --shell /usr/sbin/nologin %s', or name another "
                 "with --user",
                 user, user);
        return false;
    }
    if (pw->pw_uid == 0) {
        snprintf(err, err_size, "--user %s is root: name an unprivileged user", user);
        return false;
    }
    *ret = (struct identity){ pw->pw_uid, pw->pw_gid };
    return true;
}

static bool make_parents(const char *dir)
{
    char path[4096];

    if (strlen(dir) >= sizeof(path))
        return false;
    strcpy(path, dir);
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    return true;
}

bool privileges_make_dir(const char *dir, mode_t mode, const struct identity *id, char *err,
                         size_t err_size)
{
    struct stat st;
    int fd = -1;

    if (make_parents(dir) && (mkdir(dir, mode) == 0 || errno == EEXIST))
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        snprintf(err, err_size, "cannot make folder %s: %s", dir, strerror(errno));
        return false;
    }
    bool ours = fstat(fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == id->uid);
    if (!ours)
        snprintf(err, err_size, "folder %s belongs to another user (uid %u)", dir, st.st_uid);
    else if (fchmod(fd, mode) != 0 || fchown(fd, id->uid, id->gid) != 0) {
        snprintf(err, err_size, "cannot set the owner of folder %s: %s", dir, strerror(errno));
        ours = false;
    }
    close(fd);
    return ours;
}

void privileges_harden(void)
{
    const struct rlimit none = { 0, 0 };

    umask(077);
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

bool privileges_drop(const struct identity *id, char *err, size_t err_size)
{
    capng_clear(CAPNG_SELECT_BOTH);
    capng_updatev(CAPNG_ADD,
                  CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE | CAPNG_BOUNDING_SET,
                  CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON, -1);
    int r = capng_change_id((int)id->uid, (int)id->gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
    if (r != 0) {
        snprintf(err, err_size, "cannot become uid %u with fewer capabilities (step %d)", id->uid,
                 r);
        return false;
    }
    /* `nft`, when a fallback runs it, needs this one and nothing else. */
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        snprintf(err, err_size, "cannot confine the process: %s", strerror(errno));
        return false;
    }
    prctl(PR_SET_DUMPABLE, 0); /* changing ids resets it */
    return true;
}

/* By purpose: memory and threads, files (store, nft's libraries), sockets and devices, BPF, child.
 */
static const int allowed[] = {
    /* clang-format off */
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mprotect), SCMP_SYS(mremap),
    SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(membarrier), SCMP_SYS(clone), SCMP_SYS(clone3),
    SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(rseq), SCMP_SYS(arch_prctl),
    SCMP_SYS(prctl), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sysinfo),
    SCMP_SYS(getpriority), SCMP_SYS(setpriority),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(getrandom), SCMP_SYS(prlimit64),
    SCMP_SYS(getrlimit), SCMP_SYS(uname), SCMP_SYS(getcpu), SCMP_SYS(mincore),

    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
    SCMP_SYS(time), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(tgkill),
    SCMP_SYS(kill), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getuid),
    SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getgroups), SCMP_SYS(capget),
    SCMP_SYS(getpgrp), SCMP_SYS(getpgid), SCMP_SYS(getsid), SCMP_SYS(setpgid), SCMP_SYS(setsid),

    SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(read),
    SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64),
    SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
    SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
    SCMP_SYS(getdents64), SCMP_SYS(fcntl), SCMP_SYS(flock), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir),
    SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
    SCMP_SYS(renameat2), SCMP_SYS(memfd_create), SCMP_SYS(sendfile), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(fchown),
    SCMP_SYS(chown), SCMP_SYS(utimensat), SCMP_SYS(umask), SCMP_SYS(pipe), SCMP_SYS(pipe2),
    SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(ioctl), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime), SCMP_SYS(signalfd4),

    SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(listen),
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg),
    SCMP_SYS(shutdown),

    SCMP_SYS(bpf), SCMP_SYS(vfork), SCMP_SYS(fork), SCMP_SYS(execve), SCMP_SYS(wait4),
    SCMP_SYS(waitid),
    /* clang-format on */
};

bool privileges_seccomp(char *err, size_t err_size)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int r = ctx ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
        r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
    if (r == 0)
        r = seccomp_load(ctx);
    if (ctx)
        seccomp_release(ctx);
    if (r != 0)
        snprintf(err, err_size,
                 "cannot load the seccomp filter: %s (the kernel needs "
                 "CONFIG_SECCOMP_FILTER)",
                 strerror(-r));
    return r == 0;
}
