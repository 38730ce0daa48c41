/* BPF netfilter links: the incoming check before input and forward, the guard after src-nat.
 * Neither the kernel headers nor the libbpf of Debian 12 know this link type: raw system call.
 *
 * A hook takes one BPF program per priority, so each of our hooks has two priorities. A new daemon
 * attaches at the free one before it removes the link of the daemon that died. */
#include "check.skel.h"
#include "steer_priv.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ATTACH_TYPE_NETFILTER = 45, CHECK_PRIORITY = -5, GUARD_PRIORITY = 300 };

enum nf_prog { NF_CHECK_LOCAL, NF_CHECK_FORWARD, NF_GUARD };

static const struct nf_place {
    const char *name;
    enum nf_prog prog;
    uint32_t pf, hook;
    int32_t priority; /* and the one below it */
} places[] = {
    { "input4", NF_CHECK_LOCAL, NFPROTO_IPV4, NF_INET_LOCAL_IN, CHECK_PRIORITY },
    { "input6", NF_CHECK_LOCAL, NFPROTO_IPV6, NF_INET_LOCAL_IN, CHECK_PRIORITY },
    { "forward4", NF_CHECK_FORWARD, NFPROTO_IPV4, NF_INET_FORWARD, CHECK_PRIORITY },
    { "forward6", NF_CHECK_FORWARD, NFPROTO_IPV6, NF_INET_FORWARD, CHECK_PRIORITY },
    { "guard4", NF_GUARD, NFPROTO_IPV4, NF_INET_POST_ROUTING, GUARD_PRIORITY },
    { "guard6", NF_GUARD, NFPROTO_IPV6, NF_INET_POST_ROUTING, GUARD_PRIORITY },
};
enum { N_PLACES = sizeof(places) / sizeof(places[0]) };

/* BPF_LINK_CREATE's part of union bpf_attr for attach type 45 */
struct link_create_netfilter {
    uint32_t prog_fd, target_fd, attach_type, flags;
    uint32_t pf, hooknum;
    int32_t priority;
    uint32_t nf_flags;
};

static int link_create(int prog_fd, const struct nf_place *p, int which)
{
    struct link_create_netfilter a = {
        .prog_fd = (uint32_t)prog_fd,
        .attach_type = ATTACH_TYPE_NETFILTER,
        .pf = p->pf,
        .hooknum = p->hook,
        .priority = p->priority - which,
    };
    return (int)syscall(__NR_bpf, BPF_LINK_CREATE, &a, sizeof(a));
}

static void pin_name(const struct nf_place *p, int which, char ret[32])
{
    snprintf(ret, 32, "%s-%d", p->name, which);
}

/* Both priorities of a hook that holds no pin of ours must be free, else another instance is there.
 */
static bool place_is_free(const struct nf_place *p, int prog_fd, int which)
{
    int fd = link_create(prog_fd, p, which);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool place_attach(const struct nf_place *p, int prog_fd, const char *pin_dir)
{
    char pins[2][32], path[PATH_MAX];
    bool ours[2];
    for (int i = 0; i < 2; i++) {
        pin_name(p, i, pins[i]);
        ours[i] = pins_have(pin_dir, pins[i]);
    }
    /* both there: a takeover was cut short; the first one stays in force meanwhile */
    if (ours[0] && ours[1])
        pins_remove(pin_dir, pins[1]);
    int which = ours[0] ? 1 : 0;
    if (!pins_path(pin_dir, pins[which], path, sizeof(path)))
        return false;
    if (!ours[0] && !ours[1] && !place_is_free(p, prog_fd, 1))
        return false;

    int fd = link_create(prog_fd, p, which);
    if (fd < 0)
        return false;
    bool ok = bpf_obj_pin(fd, path) == 0;
    int e = errno;
    close(fd);
    if (ok)
        pins_remove(pin_dir, pins[1 - which]);
    errno = e;
    return ok;
}

static int prog_fd_of(const struct check_bpf *skel, enum nf_prog prog)
{
    switch (prog) {
    case NF_CHECK_LOCAL:
        return bpf_program__fd(skel->progs.check_local);
    case NF_CHECK_FORWARD:
        return bpf_program__fd(skel->progs.check_forward);
    case NF_GUARD:
        return bpf_program__fd(skel->progs.guard_out);
    }
    return -1;
}

bool nf_links_attach(const struct check_bpf *skel, const char *pin_dir, char *err, size_t err_size)
{
    for (unsigned i = 0; i < N_PLACES; i++) {
        if (place_attach(&places[i], prog_fd_of(skel, places[i].prog), pin_dir))
            continue;
        snprintf(err, err_size, "cannot attach the %s check: %s%s", places[i].name, strerror(errno),
                 errno == EBUSY ? " (another instance serves this network namespace, or "
                                  "left its pins in another folder)"
                                : "");
        return false;
    }
    return true;
}

void nf_links_remove(const char *pin_dir)
{
    char name[32];
    for (unsigned i = 0; i < N_PLACES; i++)
        for (int which = 0; which < 2; which++) {
            pin_name(&places[i], which, name);
            pins_remove(pin_dir, name);
        }
}
