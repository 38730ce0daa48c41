/* tc: clsact and our programs on it. Priority 1, so that no other filter lets a packet pass before
 * policy is asked; a fixed handle, so that a new daemon replaces the program of one that died in
 * one step. */
#include "log.h"
#include "steer_priv.h"

#include <dirent.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TC_HANDLE = 0x5a11, TC_PRIORITY = 1, NETLINK_BYTES = 32768 };
static const char CLSACT_MARK[] = "clsact"; /* the qdisc of interface n is ours */

static struct bpf_tc_hook hook_of(unsigned ifindex, enum bpf_tc_attach_point point)
{
    struct bpf_tc_hook hook;

    memset(&hook, 0, sizeof(hook)); /* libbpf looks at the padding */
    hook.sz = sizeof(hook);
    hook.ifindex = (int)ifindex;
    hook.attach_point = point;
    return hook;
}

static int attach(unsigned ifindex, enum bpf_tc_attach_point point, int prog_fd)
{
    struct bpf_tc_hook hook = hook_of(ifindex, point);
    LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE,
                .handle = TC_HANDLE, .priority = TC_PRIORITY);
    return bpf_tc_attach(&hook, &opts);
}

bool tc_attach_egress(unsigned ifindex, int prog_fd, const char *pin_dir, char *err,
                      size_t err_size)
{
    struct bpf_tc_hook both = hook_of(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
    int r = bpf_tc_hook_create(&both);
    if (r == 0)
        pins_mark(pin_dir, CLSACT_MARK, ifindex);
    if (r == 0 || r == -EEXIST)
        r = attach(ifindex, BPF_TC_EGRESS, prog_fd);
    if (r)
        snprintf(err, err_size, "cannot attach to interface %u: %s", ifindex, strerror(-r));
    return r == 0;
}

bool tc_attach_inject(unsigned ifindex, int prog_fd, char *err, size_t err_size)
{
    struct bpf_tc_hook both = hook_of(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
    int r = bpf_tc_hook_create(&both);
    if (r == 0 || r == -EEXIST)
        r = attach(ifindex, BPF_TC_INGRESS, prog_fd);
    if (r)
        snprintf(err, err_size, "cannot attach to the injection device: %s", strerror(-r));
    return r == 0;
}

static int filter_seen(const struct nlmsghdr *nlh, void *data)
{
    if (nlh->nlmsg_type == RTM_NEWTFILTER)
        *(bool *)data = true;
    return MNL_CB_OK;
}

/* Whether a filter hangs below PARENT; true also when that cannot be told. */
static bool filters_left(unsigned ifindex, uint32_t parent)
{
    char buf[NETLINK_BYTES];
    struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!nl)
        return true;
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = RTM_GETTFILTER;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    nlh->nlmsg_seq = (uint32_t)time(NULL);
    struct tcmsg *tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
    tc->tcm_ifindex = (int)ifindex;
    tc->tcm_parent = parent;

    bool left = false, done = false;
    if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
        left = done = true;
    while (!done) {
        ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
        int r = n < 0
                    ? MNL_CB_ERROR
                    : mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(nl), filter_seen, &left);
        done = r <= MNL_CB_STOP;
        if (r == MNL_CB_ERROR)
            left = true;
    }
    mnl_socket_close(nl);
    return left;
}

void tc_detach_egress(unsigned ifindex, const char *pin_dir)
{
    struct bpf_tc_hook hook = hook_of(ifindex, BPF_TC_EGRESS);
    struct bpf_tc_hook both = hook_of(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

    bpf_tc_detach(&hook, &opts);
    if (!pins_marked(pin_dir, CLSACT_MARK, ifindex))
        return;
    if (!filters_left(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)) &&
        !filters_left(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)))
        bpf_tc_hook_destroy(&both);
    pins_unmark(pin_dir, CLSACT_MARK, ifindex);
}

static bool attached_to(unsigned ifindex)
{
    struct bpf_tc_hook hook = hook_of(ifindex, BPF_TC_EGRESS);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
    return bpf_tc_query(&hook, &opts) == 0;
}

static void marks_remove(const char *pin_dir)
{
    struct dirent *e;
    unsigned n;
    DIR *d = opendir(pin_dir);

    while (d && (e = readdir(d)))
        if (sscanf(e->d_name, "clsact-%u", &n) == 1)
            pins_unmark(pin_dir, CLSACT_MARK, n);
    if (d)
        closedir(d);
}

void tc_detach_all(const char *pin_dir)
{
    struct if_nameindex *all = if_nameindex();
    for (struct if_nameindex *i = all; i && i->if_index; i++)
        if (attached_to(i->if_index) || pins_marked(pin_dir, CLSACT_MARK, i->if_index))
            tc_detach_egress(i->if_index, pin_dir);
    if (all)
        if_freenameindex(all);
    marks_remove(pin_dir); /* of interfaces that have gone */
}
