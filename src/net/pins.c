/* The folder on a BPF file system that keeps netfilter links alive when the process dies. */
#include "steer_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { BPFFS_MAGIC = (int)0xcafe4a11 };

static bool folder_make(const char *dir)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s", dir) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(path, 0700) && errno != EEXIST)
            return false;
        *p = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* Whether process 1 has the file system mounted too: a mount that only a private mount namespace
 * holds (`ip netns exec`, `unshare --mount`) takes its pins with it when our process dies. */
static bool mounted_for_init(dev_t dev, bool *ret_known)
{
    char line[4096], wanted[32];
    FILE *f = fopen("/proc/1/mountinfo", "re");

    *ret_known = f != NULL;
    if (!f)
        return false;
    snprintf(wanted, sizeof(wanted), " %u:%u ", major(dev), minor(dev));
    bool found = false;
    while (!found && fgets(line, sizeof(line), f))
        found = strstr(line, wanted) != NULL && strstr(line, " - bpf ") != NULL;
    fclose(f);
    return found;
}

bool pins_open(const char *dir, char *err, size_t err_size)
{
    struct statfs fs;
    struct stat st;
    char parent[PATH_MAX];
    bool known;

    /* the deepest folder that exists tells whether the rest would be made on a bpffs */
    snprintf(parent, sizeof(parent), "%s", dir);
    while (stat(parent, &st) != 0 && strrchr(parent, '/') && strrchr(parent, '/') != parent)
        *strrchr(parent, '/') = 0;
    if (statfs(parent, &fs) || (int)fs.f_type != BPFFS_MAGIC) {
        snprintf(err, err_size,
                 "%s is not on a BPF file system; mount one first: mount -t bpf bpf /sys/fs/bpf "
                 "(under `ip netns exec` it is hidden: use --netns NAME or nsenter --net)",
                 dir);
        return false;
    }
    if (!mounted_for_init(st.st_dev, &known)) {
        snprintf(err, err_size,
                 known ? "%s is on a mount of this process alone and would vanish with it: enter "
                         "network namespaces with `nsenter --net` or give the daemon --netns, not "
                         "`ip netns exec`"
                       : "cannot tell whether %s outlives this process: /proc/1/mountinfo is not "
                         "readable",
                 dir);
        return false;
    }
    if (!folder_make(dir)) {
        snprintf(err, err_size, "cannot make %s: %s", dir, strerror(errno));
        return false;
    }
    return true;
}

bool pins_path(const char *dir, const char *name, char *ret, size_t ret_size)
{
    return (size_t)snprintf(ret, ret_size, "%s/%s", dir, name) < ret_size;
}

bool pins_have(const char *dir, const char *name)
{
    char path[PATH_MAX];
    return pins_path(dir, name, path, sizeof(path)) && access(path, F_OK) == 0;
}

void pins_remove(const char *dir, const char *name)
{
    char path[PATH_MAX];
    if (pins_path(dir, name, path, sizeof(path)))
        unlink(path);
}

static void mark_path(const char *dir, const char *name, unsigned n, char ret[PATH_MAX])
{
    snprintf(ret, PATH_MAX, "%s/%s-%u", dir, name, n);
}

void pins_mark(const char *dir, const char *name, unsigned n)
{
    char path[PATH_MAX];
    mark_path(dir, name, n, path);
    mkdir(path, 0700);
}

bool pins_marked(const char *dir, const char *name, unsigned n)
{
    char path[PATH_MAX];
    mark_path(dir, name, n, path);
    return access(path, F_OK) == 0;
}

void pins_unmark(const char *dir, const char *name, unsigned n)
{
    char path[PATH_MAX];
    mark_path(dir, name, n, path);
    rmdir(path);
}

void pins_close(const char *dir)
{
    rmdir(dir);
}
