/* Steering as a whole: loads the programs, keeps both halves (outbound tc, inbound netfilter) on
 * one SPD, and follows the interfaces. Order at a start, so that policy is in force at every moment
 * of a takeover: maps filled, then the incoming check attached beside the old one and the old one
 * removed, then egress programs replaced interface by interface. */
#include "steer.h"

#include "check.skel.h"
#include "log.h"
#include "steer.skel.h"
#include "steer_priv.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const steer_counter_names[STEER_COUNTER_COUNT] = {
#define X(id, name, text) name,
    STEER_COUNTERS(X)
#undef X
};

const char *const steer_counter_texts[STEER_COUNTER_COUNT] = {
#define X(id, name, text) text,
    STEER_COUNTERS(X)
#undef X
};

enum { PROG_TYPE_NETFILTER = 32, ATTACH_TYPE_NETFILTER = 45 }; /* not in Debian 12's headers */

static int libbpf_said(enum libbpf_print_level level, const char *fmt, va_list args)
{
    char line[512];
    if (level == LIBBPF_DEBUG)
        return 0; /* hundreds of lines about each program */
    vsnprintf(line, sizeof(line), fmt, args);
    line[strcspn(line, "\n")] = 0;
    log_debug("steer", "libbpf: %s", line);
    return 0;
}

static const char *load_hint(int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
        return " (needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON)";
    case EINVAL:
    case ENOTSUP:
        return " (needs Linux 5.17 or later with its BPF JIT on: net.core.bpf_jit_enable)";
    default:
        return "";
    }
}

static struct steer_bpf *egress_load(const struct steer_options *o, char *err, size_t err_size)
{
    struct steer_bpf *skel = steer_bpf__open();
    if (skel) {
        skel->rodata->steer_mark = o->mark;
        skel->rodata->steer_capture_ifindex = o->capture_ifindex;
        if (steer_bpf__load(skel) == 0)
            return skel;
    }
    int e = errno;
    snprintf(err, err_size, "cannot load the steering programs: %s%s", strerror(e), load_hint(e));
    steer_bpf__destroy(skel);
    return NULL;
}

static bool maps_share(struct check_bpf *check, const struct steer_bpf *egress)
{
    struct bpf_map *map;
    bpf_object__for_each_map(map, check->obj)
    {
        const struct bpf_map *ours = bpf_object__find_map_by_name(egress->obj, bpf_map__name(map));
        if (ours && !bpf_map__is_internal(map) && bpf_map__reuse_fd(map, bpf_map__fd(ours)))
            return false;
    }
    return true;
}

static struct check_bpf *check_load(const struct steer_options *o, const struct steer_bpf *egress)
{
    struct bpf_program *prog;
    struct check_bpf *skel = check_bpf__open();
    if (!skel)
        return NULL;
    bpf_object__for_each_program(prog, skel->obj)
    {
        bpf_program__set_type(prog, (enum bpf_prog_type)PROG_TYPE_NETFILTER);
        bpf_program__set_expected_attach_type(prog, (enum bpf_attach_type)ATTACH_TYPE_NETFILTER);
    }
    skel->rodata->steer_mark = o->mark;
    skel->rodata->steer_strict_in = o->strict_in;
    if (maps_share(skel, egress) && check_bpf__load(skel) == 0)
        return skel;
    check_bpf__destroy(skel);
    return NULL;
}

struct steer *steer_new(const struct steer_options *o, char *err, size_t err_size)
{
    struct steer *s = xcalloc(1, sizeof(*s));

    libbpf_set_print(libbpf_said);
    s->o = *o;
    s->o.pin_dir = xstrdup(o->pin_dir);
    s->o.table = xstrdup(o->table);
    if (!pins_open(o->pin_dir, err, err_size))
        goto failed;
    s->egress = egress_load(o, err, err_size);
    if (!s->egress || !steer_maps_init(&s->maps, s->egress, err, err_size))
        goto failed;
    if (!o->no_nf_link)
        s->check = check_load(o, s->egress);
    if (!s->check)
        s->nft = nft_check_new(&s->o);
    s->stand_ins = stand_ins_new();
    snprintf(s->features, sizeof(s->features), "bpf tc programs: yes\nbpf netfilter link: %s\n",
             s->check        ? "yes"
             : o->no_nf_link ? "switched off, nftables instead"
                             : "no, nftables instead");
    return s;
failed:
    steer_free(s);
    return NULL;
}

void steer_free(struct steer *s)
{
    if (!s)
        return;
    nft_check_free(s->nft);
    stand_ins_free(s->stand_ins);
    steer_maps_fini(&s->maps);
    check_bpf__destroy(s->check);
    steer_bpf__destroy(s->egress);
    free(s->links);
    free((char *)s->o.pin_dir);
    free((char *)s->o.table);
    free(s);
}

int steer_capture_queue_fd(const struct steer *s)
{
    return bpf_program__fd(s->egress->progs.capture_queue);
}

const char *steer_features(const struct steer *s)
{
    return s->features;
}

/* The first SPD is loaded: put the incoming half in place, beside what an earlier daemon left. */
static bool attach_inbound(struct steer *s, char *err, size_t err_size)
{
    if (s->o.inject_ifindex &&
        !tc_attach_inject(s->o.inject_ifindex, bpf_program__fd(s->egress->progs.steer_inject), err,
                          err_size))
        return false;
    return !s->check || nf_links_attach(s->check, s->o.pin_dir, &s->nf, err, err_size);
}

/* Policy states are in place by now: retire what an earlier daemon left, of either kind. */
static void settle(struct steer *s)
{
    if (s->settled || !s->attached)
        return;
    s->settled = true;
    if (s->check) {
        nf_links_retire_others(&s->nf, s->o.pin_dir);
        nft_table_remove(s->o.table);
    } else {
        nft_check_settle(s->nft, &s->maps);
        nf_links_remove(s->o.pin_dir);
    }
}

bool steer_apply(struct steer *s, const struct spd_image *image, char *err, size_t err_size)
{
    /* nftables first: it alone can refuse an image for what it contains */
    if (s->nft && !nft_check_apply(s->nft, image, &s->maps, err, err_size))
        return false;
    if (!steer_maps_apply(&s->maps, image, err, err_size))
        return false;
    stand_ins_follow(s->stand_ins, image);
    if (!s->attached)
        s->attached = attach_inbound(s, err, err_size);
    return s->attached;
}

void steer_slot_state(struct steer *s, uint32_t slot, unsigned state)
{
    steer_maps_set_state(&s->maps, slot, state);
    if (s->nft)
        nft_check_state(s->nft, slot, state);
}

struct spd_slot_counters steer_slot_counters(struct steer *s, uint32_t slot)
{
    struct spd_slot_counters c = steer_maps_slot(&s->maps, slot);
    if (s->nft)
        nft_check_slot(s->nft, slot, &c);
    return c;
}

void steer_slot_reset(struct steer *s, uint32_t slot)
{
    steer_maps_slot_reset(&s->maps, slot);
    if (s->nft)
        nft_check_slot_reset(s->nft, slot);
}

void steer_counters(struct steer *s, uint64_t ret[STEER_COUNTER_COUNT])
{
    steer_maps_counters(&s->maps, ret);
    if (s->nft)
        nft_check_counters(s->nft, ret);
}

static struct steered_link *link_find(struct steer *s, unsigned ifindex)
{
    for (size_t i = 0; i < s->n_links; i++)
        if (s->links[i].ifindex == ifindex)
            return &s->links[i];
    return NULL;
}

static struct steered_link *link_add(struct steer *s, unsigned ifindex)
{
    struct steered_link *l = link_find(s, ifindex);
    if (l)
        return l;
    if (s->n_links == s->cap_links) {
        s->cap_links = s->cap_links ? 2 * s->cap_links : 16;
        s->links = xrealloc(s->links, s->cap_links * sizeof(*s->links));
    }
    s->links[s->n_links] = (struct steered_link){ .ifindex = ifindex };
    return &s->links[s->n_links++];
}

static void link_drop(struct steer *s, unsigned ifindex)
{
    struct steered_link *l = link_find(s, ifindex);
    if (l)
        *l = s->links[--s->n_links];
}

/* An interface that stopped being ours to steer, say a new bridge port, or one that is gone. */
static void link_release(struct steer *s, unsigned ifindex, bool gone)
{
    struct steered_link *l = link_find(s, ifindex);
    if (!l)
        return;
    if (l->steered && s->nft)
        nft_check_link(s->nft, ifindex, false);
    steer_maps_link(&s->maps, ifindex, NULL);
    if (l->steered && !gone)
        tc_detach_egress(ifindex, s->o.pin_dir);
    if (gone)
        pins_unmark(s->o.pin_dir, "clsact", ifindex);
    link_drop(s, ifindex);
}

static struct steer_link link_entry(const struct link_info *l, bool steered)
{
    struct steer_link e = { .flags = (uint8_t)((l->ethernet ? STEER_LINK_ETHERNET : 0) |
                                               (steered ? STEER_LINK_STEERED : 0)) };
    memcpy(e.mac, l->mac, sizeof(e.mac));
    return e;
}

static bool link_is_ours(const struct steer *s, const struct link_info *l)
{
    return l->kind == LINK_OURS || l->ifindex == s->o.capture_ifindex ||
           l->ifindex == s->o.inject_ifindex;
}

void steer_link_new(struct steer *s, const struct link_info *info)
{
    char err[256];

    settle(s);
    if (link_is_ours(s, info))
        return;
    if (info->kind == LINK_PORT) {
        /* what a dead daemon left on it must go too */
        if (!link_find(s, info->ifindex))
            tc_detach_egress(info->ifindex, s->o.pin_dir);
        link_release(s, info->ifindex, false);
        return;
    }
    struct steered_link *l = link_add(s, info->ifindex);
    bool was = l->steered;
    if (info->kind == LINK_LAYER3 && !was) {
        l->steered = tc_attach_egress(info->ifindex, bpf_program__fd(s->egress->progs.steer_egress),
                                      s->o.pin_dir, err, sizeof(err));
        if (!l->steered)
            log_error("steer", "%s (%s): %s; policy traffic is dropped there", info->name,
                      s->check ? "guarded" : "guarded by nftables", err);
    }
    struct steer_link entry = link_entry(info, l->steered);
    steer_maps_link(&s->maps, info->ifindex, &entry);
    if (l->steered && !was && s->nft)
        nft_check_link(s->nft, info->ifindex, true);
}

void steer_link_gone(struct steer *s, unsigned ifindex)
{
    link_release(s, ifindex, true);
}

void steer_neighbour_failed(struct steer *s, unsigned ifindex, const struct ip_addr *addr)
{
    const struct steered_link *l = link_find(s, ifindex);
    if (l && l->steered)
        stand_ins_failed(s->stand_ins, ifindex, addr);
}

void steer_stop(struct steer *s)
{
    stand_ins_remove(s->stand_ins);
    tc_detach_all(s->o.pin_dir);
    nf_links_remove(s->o.pin_dir);
    nft_table_remove(s->o.table);
    pins_close(s->o.pin_dir);
    s->n_links = 0;
    s->attached = s->settled = false;
}
