#include "vault.h"

#include "secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_LEN = 80 };

static const char fresh[] = "fresh.new"; /* written, then renamed */

struct vault {
    int fd;
    char *path;
};

static bool refuse(struct text *error, const struct vault *v, const char *name, const char *what)
{
    text_printf(error, "%s/%s: %s", v->path, name, what);
    return false;
}

/* Ours alone, and of the kind wanted. */
static const char *fault_of(int fd, mode_t kind)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if ((st.st_mode & S_IFMT) != kind)
        return kind == S_IFDIR ? "is no folder" : "is no regular file";
    if (st.st_uid != geteuid())
        return "belongs to another user";
    if (st.st_mode & 077)
        return "group or others can read it; it holds keys (chmod go=)";
    return NULL;
}

static bool name_ok(const char *name)
{
    size_t hex = strspn(name, "0123456789abcdef");
    size_t len = strlen(name);

    return hex > 0 && name[hex] == '.' && len <= NAME_MAX_LEN &&
           strspn(name + hex + 1, "abcdefghijklmnopqrstuvwxyz") == len - hex - 1 && len > hex + 1;
}

struct vault *vault_open(const char *state_dir, struct text *error)
{
    struct vault *v = xcalloc(1, sizeof *v);
    struct text path = TEXT_INIT;
    const char *fault = NULL;

    text_printf(&path, "%s/certificates", state_dir);
    v->path = text_take(&path);
    v->fd = -1;
    if (mkdir(v->path, 0700) == 0 || errno == EEXIST)
        v->fd = open(v->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    fault = v->fd < 0 ? strerror(errno) : fault_of(v->fd, S_IFDIR);
    if (!fault)
        return v;
    text_printf(error, "%s: %s", v->path, fault);
    vault_close(v);
    return NULL;
}

void vault_close(struct vault *v)
{
    if (!v)
        return;
    if (v->fd >= 0)
        close(v->fd);
    free(v->path);
    free(v);
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.p, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.p += n;
        bytes.len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

bool vault_put(struct vault *v, const char *name, struct slice bytes, struct text *error)
{
    int fd;

    if (!name_ok(name))
        return refuse(error, v, name, "is no name for a file here");
    unlinkat(v->fd, fresh, 0); /* of a start that was cut short */
    fd = openat(v->fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse(error, v, name, strerror(errno));
    bool ok = write_all(fd, bytes);
    ok = close(fd) == 0 && ok;
    ok = ok && renameat(v->fd, fresh, v->fd, name) == 0 && fsync(v->fd) == 0;
    if (ok)
        return true;
    int why = errno;
    unlinkat(v->fd, fresh, 0);
    return refuse(error, v, name, strerror(why));
}

/* LEN bytes of FD; false when there are fewer. */
static bool read_all(int fd, uint8_t *buf, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, buf, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        buf += n;
        len -= (size_t)n;
    }
    return true;
}

static bool get_from(int fd, size_t max, struct slice *ret, const char **ret_fault)
{
    struct stat st;

    *ret_fault = fault_of(fd, S_IFREG);
    if (!*ret_fault && (fstat(fd, &st) != 0 || st.st_size < 1 || (size_t)st.st_size > max))
        *ret_fault = "is empty or too large";
    if (*ret_fault)
        return false;
    size_t len = (size_t)st.st_size;
    uint8_t *buf = xmalloc(len);
    if (read_all(fd, buf, len)) {
        *ret = (struct slice){ buf, len };
        return true;
    }
    secret_wipe(buf, len);
    free(buf);
    *ret_fault = "cannot be read";
    return false;
}

bool vault_get(const struct vault *v, const char *name, size_t max, struct slice *ret,
               struct text *error)
{
    const char *fault;
    int fd;

    if (!name_ok(name))
        return refuse(error, v, name, "is no name for a file here");
    fd = openat(v->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return refuse(error, v, name, strerror(errno));
    bool ok = get_from(fd, max, ret, &fault) || refuse(error, v, name, fault);
    close(fd);
    return ok;
}

bool vault_remove(struct vault *v, const char *name, struct text *error)
{
    if (!name_ok(name))
        return refuse(error, v, name, "is no name for a file here");
    if (unlinkat(v->fd, name, 0) == 0)
        return fsync(v->fd) == 0 || refuse(error, v, name, strerror(errno));
    return errno == ENOENT || refuse(error, v, name, strerror(errno));
}

void vault_sweep(struct vault *v, bool (*keep)(void *ctx, const char *name), void *ctx)
{
    int fd = openat(v->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, fresh) == 0 ||
            (name_ok(entry->d_name) && !keep(ctx, entry->d_name)))
            unlinkat(v->fd, entry->d_name, 0);
    closedir(dir);
}
