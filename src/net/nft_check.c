/* The incoming check and the guard of unsteered interfaces as nftables rules, for kernels without
 * BPF netfilter links (before 6.4). Same hooks and decisions as src/bpf/check.bpf.c, with these
 * differences: rows are rules walked one by one, so at most NFT_ROWS_MAX of them; packets are
 * counted as the stack hands them over, a superpacket as one; fragments need no care, because
 * naming `ct` once makes the kernel reassemble before our hooks.
 *
 *   input, forward  -> judge4/judge6 -> one rule per row, in rank order -> p<slot>
 *   p<slot>            one rule: count and accept, or count and drop, by action and state
 *   guard           -> guard4/guard6 -> drop what may not leave in clear */
#include "addr.h"
#include "log.h"
#include "nft.h"
#include "steer_priv.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NFT_ROWS_MAX = 1024, COUNTERS_FRESH_MS = 20 };

struct slot_count {
    uint64_t accepted, dropped;
};

struct nft_check {
    const struct steer_options *o; /* borrowed */
    uint8_t *slots;                /* action + 1 of slots in the table, 0: none; by slot */
    uint8_t *valid;                /* what p<slot> was last compiled for */
    struct slot_count *base;       /* counted in tables replaced since */
    struct slot_count *live;       /* as last listed */
    uint64_t isakmp, unsteered;    /* of the present table, as last listed */
    uint64_t isakmp_base, unsteered_base;
    int64_t listed_ms;
    bool in_place, settled;
    unsigned *steered;
    size_t n_steered, cap_steered;
};

struct nft_check *nft_check_new(const struct steer_options *o)
{
    struct nft_check *c = xcalloc(1, sizeof(*c));
    c->o = o;
    c->slots = xcalloc(SPD_MAX_SLOTS, 1);
    c->valid = xcalloc(SPD_MAX_SLOTS, 1);
    c->base = xcalloc(SPD_MAX_SLOTS, sizeof(*c->base));
    c->live = xcalloc(SPD_MAX_SLOTS, sizeof(*c->live));
    return c;
}

void nft_check_free(struct nft_check *c)
{
    if (!c)
        return;
    free(c->slots);
    free(c->valid);
    free(c->base);
    free(c->live);
    free(c->steered);
    free(c);
}

static int64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Output of `list counters`: "counter NAME {" and, on the next line, "packets N bytes M". */
static void counter_take(struct nft_check *c, const char *name, uint64_t packets)
{
    unsigned slot = (unsigned)strtoul(name + 1, NULL, 10);
    if (strcmp(name, "isakmp") == 0)
        c->isakmp = packets;
    else if (strcmp(name, "unsteered") == 0)
        c->unsteered = packets;
    else if (name[0] == 'a' && slot < SPD_MAX_SLOTS)
        c->live[slot].accepted = packets;
    else if (name[0] == 'd' && slot < SPD_MAX_SLOTS)
        c->live[slot].dropped = packets;
}

static void counters_list(struct nft_check *c)
{
    struct text script = TEXT_INIT, said = TEXT_INIT;
    char err[128], name[32] = "";
    unsigned long long packets;

    if (!c->in_place || (c->listed_ms && monotonic_ms() - c->listed_ms < COUNTERS_FRESH_MS))
        return;
    text_printf(&script, "list counters table inet %s\n", c->o->table);
    if (nft_run(&script, &said, err, sizeof(err))) {
        for (const char *line = text_get(&said); *line;) {
            if (sscanf(line, " counter %31s", name) != 1 &&
                sscanf(line, " packets %llu", &packets) == 1)
                counter_take(c, name, packets);
            line += strcspn(line, "\n");
            line += *line == '\n';
        }
        c->listed_ms = monotonic_ms();
    }
    text_fini(&said);
    text_fini(&script);
}

/* What is counted so far moves into the base before the table is replaced. */
static void counters_keep(struct nft_check *c)
{
    c->listed_ms = 0;
    counters_list(c);
    for (size_t i = 0; i < SPD_MAX_SLOTS; i++) {
        if (!c->slots[i])
            continue;
        c->base[i].accepted += c->live[i].accepted;
        c->base[i].dropped += c->live[i].dropped;
        c->live[i] = (struct slot_count){ 0 };
    }
    c->isakmp_base += c->isakmp;
    c->unsteered_base += c->unsteered;
    c->isakmp = c->unsteered = 0;
}

struct ranked {
    const struct spd_row *row;
    const struct spd_tuple *tuple;
};

static int by_rank(const void *a, const void *b)
{
    uint32_t x = ((const struct ranked *)a)->row->entry.rank;
    uint32_t y = ((const struct ranked *)b)->row->entry.rank;
    return x < y ? -1 : x > y;
}

/* Rows in match order; shadows left out, see the file head. */
static struct ranked *rows_rank(const struct spd_image *image, size_t *ret_n)
{
    struct ranked *rows = xcalloc(image->n_rows ? image->n_rows : 1, sizeof(*rows));
    size_t n = 0;

    for (uint64_t i = 0; i < image->n_rows; i++) {
        const struct spd_row *row = &image->rows[i];
        if (!(row->entry.flags & SPD_SHADOW) && row->key.tuple < image->tuples->n)
            rows[n++] = (struct ranked){ row, &image->tuples->t[row->key.tuple] };
    }
    qsort(rows, n, sizeof(*rows), by_rank);
    *ret_n = n;
    return rows;
}

static void match_address(struct text *t, const char *field, uint8_t family, const uint8_t *bytes,
                          uint8_t len)
{
    char text[IP_TEXT_MAX];
    if (len == 0)
        return;
    inet_ntop(family == 6 ? AF_INET6 : AF_INET, bytes, text, sizeof(text));
    text_printf(t, "%s %s %s/%u ", family == 6 ? "ip6" : "ip", field, text, len);
}

static void match_row(struct text *t, const struct ranked *r, bool reversed)
{
    const struct spd_key *k = &r->row->key;
    const struct spd_tuple *m = r->tuple;

    match_address(t, reversed ? "daddr" : "saddr", m->family, k->src, m->src_len);
    match_address(t, reversed ? "saddr" : "daddr", m->family, k->dst, m->dst_len);
    if (m->proto_exact)
        text_printf(t, "meta l4proto %u ", k->proto);
    if (m->sport_exact)
        text_printf(t, "th %s %u ", reversed ? "dport" : "sport", ntohs(k->sport));
    if (m->dport_exact)
        text_printf(t, "th %s %u ", reversed ? "sport" : "dport", ntohs(k->dport));
}

static bool slot_drops(const struct nft_check *c, uint8_t action, unsigned state)
{
    if (action == SPD_ENCRYPT)
        return !c->settled || c->o->strict_in || (state & SPD_IN_VALID);
    return action == SPD_DISCARD;
}

static void put_slot(struct text *t, const struct nft_check *c, uint32_t slot, uint8_t action,
                     unsigned state)
{
    bool drops = slot_drops(c, action, state);
    text_printf(t, "add rule inet %s p%u counter name %s%u %s\n", c->o->table, slot,
                drops ? "d" : "a", slot, drops ? "drop" : "accept");
}

/* One chain per policy and its two counters. */
static void put_slots(struct text *t, const struct nft_check *c, const struct ranked *rows,
                      size_t n, const struct steer_maps *states, uint8_t *ret_slots)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t slot = rows[i].row->entry.slot;
        if (ret_slots[slot])
            continue;
        ret_slots[slot] = (uint8_t)(rows[i].row->entry.action + 1);
        text_printf(t, "add counter inet %s a%u\nadd counter inet %s d%u\nadd chain inet %s p%u\n",
                    c->o->table, slot, c->o->table, slot, c->o->table, slot);
        put_slot(t, c, slot, rows[i].row->entry.action, steer_maps_state(states, slot));
    }
}

static void put_rows(struct text *t, const struct nft_check *c, const struct ranked *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct spd_entry *e = &rows[i].row->entry;
        unsigned family = rows[i].tuple->family;
        text_printf(t, "add rule inet %s judge%u ", c->o->table, family);
        match_row(t, &rows[i], true);
        text_printf(t, "goto p%u\nadd rule inet %s guard%u ", e->slot, c->o->table, family);
        match_row(t, &rows[i], false);
        text_puts(t, e->action == SPD_NONE ? "accept\n" : "counter name unsteered drop\n");
    }
}

/* Neighbour discovery and group membership, as flow_is_link_control() in src/bpf/flow.bpf.h. */
static const char LINK_CONTROL[] =
    "    icmpv6 type { 133, 134, 135, 136, 137 } ip6 hoplimit 255 accept\n"
    "    icmpv6 type { 130, 131, 132, 143 } ip6 hoplimit 1 accept\n"
    "    ip protocol 2 ip ttl 1 accept\n";

static void put_frame(struct text *t, const struct nft_check *c)
{
    unsigned mark = c->o->mark;
    text_printf(t, "add table inet %s\ndelete table inet %s\n", c->o->table, c->o->table);
    text_printf(t,
                "table inet %s {\n"
                "  counter isakmp { }\n"
                "  counter unsteered { }\n"
                "  set steered {\n    type iface_index\n  }\n"
                "  chain judge4 { }\n  chain judge6 { }\n  chain guard4 { }\n  chain guard6 { }\n"
                "  chain judge {\n    meta nfproto ipv4 goto judge4\n"
                "    meta nfproto ipv6 goto judge6\n  }\n",
                c->o->table);
    text_printf(t,
                "  chain input {\n    type filter hook input priority -5; policy accept;\n"
                "    ct state untracked continue\n" /* reassembly, see the file head */
                "    meta mark & 0x%x != 0 accept\n    iif lo accept\n"
                "    meta l4proto { 50, 51 } accept\n"
                "    udp dport { 500, 4500 } counter name isakmp accept\n%s    goto judge\n  }\n",
                mark, LINK_CONTROL);
    text_printf(t,
                "  chain forward {\n    type filter hook forward priority -5; policy accept;\n"
                "    meta mark & 0x%x != 0 accept\n    goto judge\n  }\n",
                mark);
    text_printf(t,
                "  chain guard {\n    type filter hook postrouting priority 300; policy accept;\n"
                "    oif lo accept\n    oif @steered accept\n"
                "    udp sport 500 fib saddr type local accept\n"
                "    meta mark & 0x%x != 0 meta l4proto { 50, 51 } accept\n"
                "    meta mark & 0x%x != 0 udp sport 4500 accept\n%s"
                "    meta nfproto ipv4 goto guard4\n    meta nfproto ipv6 goto guard6\n  }\n}\n",
                mark, mark, LINK_CONTROL);
}

static void put_steered(struct text *t, const struct nft_check *c, unsigned ifindex, bool steered)
{
    text_printf(t, "%s element inet %s steered { %u }\n", steered ? "add" : "delete", c->o->table,
                ifindex);
}

bool nft_check_apply(struct nft_check *c, const struct spd_image *image,
                     const struct steer_maps *states, char *err, size_t err_size)
{
    struct text t = TEXT_INIT;
    size_t n;
    struct ranked *rows = rows_rank(image, &n);
    uint8_t *slots = xcalloc(SPD_MAX_SLOTS, 1);
    bool ok = n <= NFT_ROWS_MAX;

    if (!ok) {
        snprintf(err, err_size,
                 "%zu classifier rows: without BPF netfilter links (Linux 6.4) the incoming check "
                 "takes at most %d",
                 n, NFT_ROWS_MAX);
    } else {
        put_frame(&t, c);
        put_slots(&t, c, rows, n, states, slots);
        put_rows(&t, c, rows, n);
        for (size_t i = 0; i < c->n_steered; i++)
            put_steered(&t, c, c->steered[i], true);
        counters_keep(c);
        ok = nft_run(&t, NULL, err, err_size);
    }
    if (ok) {
        memcpy(c->slots, slots, SPD_MAX_SLOTS);
        for (uint32_t i = 0; i < SPD_MAX_SLOTS; i++)
            c->valid[i] = slots[i] && (steer_maps_state(states, i) & SPD_IN_VALID);
        c->in_place = true;
        c->listed_ms = 0;
    }
    free(slots);
    free(rows);
    text_fini(&t);
    return ok;
}

static void put_slot_again(struct text *t, const struct nft_check *c, uint32_t slot, unsigned state)
{
    text_printf(t, "flush chain inet %s p%u\n", c->o->table, slot);
    put_slot(t, c, slot, (uint8_t)(c->slots[slot] - 1), state);
}

void nft_check_state(struct nft_check *c, uint32_t slot, unsigned state)
{
    struct text t = TEXT_INIT;
    char err[256];
    bool valid = (state & SPD_IN_VALID) != 0;

    if (!c->settled || slot >= SPD_MAX_SLOTS || !c->slots[slot] || c->valid[slot] == valid)
        return;
    put_slot_again(&t, c, slot, state);
    if (nft_run(&t, NULL, err, sizeof(err)))
        c->valid[slot] = valid;
    else
        log_error("steer", "incoming check of a policy not changed: %s", err);
    text_fini(&t);
}

void nft_check_settle(struct nft_check *c, const struct steer_maps *states)
{
    struct text t = TEXT_INIT;
    char err[256];

    c->settled = true;
    for (uint32_t i = 0; i < SPD_MAX_SLOTS; i++) {
        if (!c->slots[i])
            continue;
        c->valid[i] = (steer_maps_state(states, i) & SPD_IN_VALID) != 0;
        if (!c->valid[i])
            put_slot_again(&t, c, i, 0);
    }
    if (t.len && !nft_run(&t, NULL, err, sizeof(err)))
        log_error("steer", "incoming check stays strict: %s", err);
    text_fini(&t);
}

static void steered_note(struct nft_check *c, unsigned ifindex, bool steered)
{
    for (size_t i = 0; i < c->n_steered; i++)
        if (c->steered[i] == ifindex) {
            c->steered[i] = c->steered[--c->n_steered];
            break;
        }
    if (!steered)
        return;
    if (c->n_steered == c->cap_steered) {
        c->cap_steered = c->cap_steered ? 2 * c->cap_steered : 16;
        c->steered = xrealloc(c->steered, c->cap_steered * sizeof(*c->steered));
    }
    c->steered[c->n_steered++] = ifindex;
}

void nft_check_link(struct nft_check *c, unsigned ifindex, bool steered)
{
    struct text t = TEXT_INIT;
    char err[256];

    steered_note(c, ifindex, steered);
    if (!c->in_place)
        return;
    put_steered(&t, c, ifindex, steered);
    if (!nft_run(&t, NULL, err, sizeof(err)))
        log_error("steer", "interface %u: %s", ifindex, err);
    text_fini(&t);
}

void nft_check_slot(struct nft_check *c, uint32_t slot, struct spd_slot_counters *add_to)
{
    if (slot >= SPD_MAX_SLOTS)
        return;
    counters_list(c);
    add_to->in_accepted += c->base[slot].accepted + c->live[slot].accepted;
    add_to->in_dropped += c->base[slot].dropped + c->live[slot].dropped;
}

/* The kernel's counter goes on; the base is set so that the sum is zero (modulo 2^64). */
void nft_check_slot_reset(struct nft_check *c, uint32_t slot)
{
    if (slot >= SPD_MAX_SLOTS)
        return;
    c->listed_ms = 0;
    counters_list(c);
    c->base[slot].accepted = 0 - c->live[slot].accepted;
    c->base[slot].dropped = 0 - c->live[slot].dropped;
}

void nft_check_counters(struct nft_check *c, uint64_t add_to[STEER_COUNTER_COUNT])
{
    counters_list(c);
    add_to[STEER_IN_ISAKMP] += c->isakmp_base + c->isakmp;
    add_to[STEER_OUT_UNSTEERED] += c->unsteered_base + c->unsteered;
    for (uint32_t i = 0; i < SPD_MAX_SLOTS; i++)
        if (c->slots[i])
            add_to[c->slots[i] - 1 == SPD_DISCARD ? STEER_IN_BLOCKED : STEER_IN_EXPECTED] +=
                c->base[i].dropped + c->live[i].dropped;
}

void nft_table_remove(const char *table)
{
    struct text t = TEXT_INIT;
    char err[128];

    text_printf(&t, "add table inet %s\ndelete table inet %s\n", table, table);
    nft_run(&t, NULL, err, sizeof(err)); /* without nft there is no table of ours either */
    text_fini(&t);
}
