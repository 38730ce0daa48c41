/* BPF netfilter links: the incoming check before input and forward, the guard after src-nat.
 * Neither the kernel headers nor the libbpf of Debian 12 know this link type: raw system call.
 *
 * A hook takes one BPF program per priority, so each of our hooks has some priorities to choose
 * from. A new daemon attaches at a free one, beside the link of the daemon that died, and removes
 * that one when its own knows which SAs are valid: until then the old program refuses what it
 * refused. */
#include "check.skel.h"
#include "steer_priv.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ATTACH_TYPE_NETFILTER = 45, CHECK_PRIORITY = -5, GUARD_PRIORITY = 300, NF_CHOICES = 4 };

enum nf_prog { NF_CHECK_LOCAL, NF_CHECK_FORWARD, NF_GUARD };

static const struct nf_place {
    const char *name;
    enum nf_prog prog;
    uint32_t pf, hook;
    int32_t priority; /* and those below it */
} places[] = {
    { "input4", NF_CHECK_LOCAL, NFPROTO_IPV4, NF_INET_LOCAL_IN, CHECK_PRIORITY },
    { "input6", NF_CHECK_LOCAL, NFPROTO_IPV6, NF_INET_LOCAL_IN, CHECK_PRIORITY },
    { "forward4", NF_CHECK_FORWARD, NFPROTO_IPV4, NF_INET_FORWARD, CHECK_PRIORITY },
    { "forward6", NF_CHECK_FORWARD, NFPROTO_IPV6, NF_INET_FORWARD, CHECK_PRIORITY },
    { "guard4", NF_GUARD, NFPROTO_IPV4, NF_INET_POST_ROUTING, GUARD_PRIORITY },
    { "guard6", NF_GUARD, NFPROTO_IPV6, NF_INET_POST_ROUTING, GUARD_PRIORITY },
};
enum { N_PLACES = sizeof(places) / sizeof(places[0]) };
static_assert((int)N_PLACES == (int)NF_PLACES, "room in struct nf_links");

/* BPF_LINK_CREATE's part of union bpf_attr for attach type 45 */
struct link_create_netfilter {
    uint32_t prog_fd, target_fd, attach_type, flags;
    uint32_t pf, hooknum;
    int32_t priority;
    uint32_t nf_flags;
};

static int link_create(int prog_fd, const struct nf_place *p, int choice)
{
    struct link_create_netfilter a = {
        .prog_fd = (uint32_t)prog_fd,
        .attach_type = ATTACH_TYPE_NETFILTER,
        .pf = p->pf,
        .hooknum = p->hook,
        .priority = p->priority - choice,
    };
    return (int)syscall(__NR_bpf, BPF_LINK_CREATE, &a, sizeof(a));
}

static void pin_name(const struct nf_place *p, int choice, char ret[32])
{
    snprintf(ret, 32, "%s-%d", p->name, choice);
}

static bool pin_is_there(const struct nf_place *p, int choice, const char *pin_dir)
{
    char name[32];
    pin_name(p, choice, name);
    return pins_have(pin_dir, name);
}

static void pin_remove(const struct nf_place *p, int choice, const char *pin_dir)
{
    char name[32];
    pin_name(p, choice, name);
    pins_remove(pin_dir, name);
}

/* A priority that is taken although no pin of ours holds it: another instance is there. */
static bool place_is_shared(const struct nf_place *p, int prog_fd, const char *pin_dir)
{
    for (int i = 0; i < NF_CHOICES; i++) {
        if (pin_is_there(p, i, pin_dir))
            continue;
        int fd = link_create(prog_fd, p, i);
        if (fd < 0)
            return true;
        close(fd);
    }
    return false;
}

/* Gives the priority chosen, negative on failure. */
static int place_attach(const struct nf_place *p, int prog_fd, const char *pin_dir)
{
    char name[32], path[PATH_MAX];
    int choice = 0;

    if (place_is_shared(p, prog_fd, pin_dir))
        return -1;
    while (choice < NF_CHOICES && pin_is_there(p, choice, pin_dir))
        choice++;
    if (choice == NF_CHOICES) { /* that many starts were cut short: give up one of them */
        choice = 0;
        pin_remove(p, choice, pin_dir);
    }
    pin_name(p, choice, name);
    int fd = link_create(prog_fd, p, choice);
    if (fd < 0 || !pins_path(pin_dir, name, path, sizeof(path)))
        return -1;
    bool ok = bpf_obj_pin(fd, path) == 0;
    int e = errno;
    close(fd);
    errno = e;
    return ok ? choice : -1;
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

bool nf_links_attach(const struct check_bpf *skel, const char *pin_dir, struct nf_links *ret,
                     char *err, size_t err_size)
{
    for (unsigned i = 0; i < N_PLACES; i++) {
        int choice = place_attach(&places[i], prog_fd_of(skel, places[i].prog), pin_dir);
        if (choice < 0) {
            snprintf(err, err_size, "cannot attach the %s check: %s%s", places[i].name,
                     strerror(errno),
                     errno == EBUSY ? " (another instance serves this network namespace, or left "
                                      "its pins in another folder)"
                                    : "");
            return false;
        }
        ret->choice[i] = choice;
    }
    return true;
}

void nf_links_retire_others(const struct nf_links *links, const char *pin_dir)
{
    for (unsigned i = 0; i < N_PLACES; i++)
        for (int choice = 0; choice < NF_CHOICES; choice++)
            if (choice != links->choice[i])
                pin_remove(&places[i], choice, pin_dir);
}

void nf_links_remove(const char *pin_dir)
{
    for (unsigned i = 0; i < N_PLACES; i++)
        for (int choice = 0; choice < NF_CHOICES; choice++)
            pin_remove(&places[i], choice, pin_dir);
}
