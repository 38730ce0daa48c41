/* The BPF maps: loading an SPD, policy states, counters.
 *
 * The maps have room for several SPDs and the generation tells the programs which one to read. A
 * lookup reads the generation once, so it never mixes two SPDs, provided that a room is not
 * refilled while a program that started long ago still reads it. An update of an array of maps by
 * system call returns only when every program that ran before it has ended (an RCU grace period,
 * the one cost of a change), and each change makes one such update, of `rows`, before it flips the
 * generation. With three rooms a change refills the one left two flips ago: a grace period lies
 * between. */
#include "log.h"
#include "steer.skel.h"
#include "steer_priv.h"
#include "text.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SLOT_STATE_STRIDE = 8, /* the kernel rounds array elements up */
    ROWS_PER_BATCH = 8192,
    ROWS_WORTH_FREEING = 4096 /* the old SPD's memory is given back at once from here on */
};

bool steer_maps_init(struct steer_maps *m, const struct steer_bpf *skel, char *err, size_t err_size)
{
    int cpus = libbpf_num_possible_cpus();

    *m = (struct steer_maps){
        .control_fd = bpf_map__fd(skel->maps.control),
        .tuples_fd = bpf_map__fd(skel->maps.tuples),
        .rows_fd = bpf_map__fd(skel->maps.rows),
        .slot_state_fd = bpf_map__fd(skel->maps.slot_state),
        .slot_counters_fd = bpf_map__fd(skel->maps.slot_counters),
        .counters_fd = bpf_map__fd(skel->maps.counters),
        .links_fd = bpf_map__fd(skel->maps.links),
        .n_cpus = cpus > 0 ? (unsigned)cpus : 1,
    };
    for (unsigned i = 0; i < STEER_CHUNKS; i++)
        m->chunk_fds[i] = -1;
    void *p = mmap(NULL, (size_t)SPD_MAX_SLOTS * SLOT_STATE_STRIDE, PROT_READ | PROT_WRITE,
                   MAP_SHARED, m->slot_state_fd, 0);
    if (p == MAP_FAILED) {
        snprintf(err, err_size, "cannot map the policy states: %s", strerror(errno));
        return false;
    }
    m->slot_states = p;
    return true;
}

/* The descriptors of the fixed maps belong to the skeleton. */
void steer_maps_fini(struct steer_maps *m)
{
    if (m->slot_states)
        munmap(m->slot_states, (size_t)SPD_MAX_SLOTS * SLOT_STATE_STRIDE);
    for (unsigned i = 0; i < STEER_CHUNKS; i++)
        if (m->slot_states && m->chunk_fds[i] >= 0)
            close(m->chunk_fds[i]);
    m->slot_states = NULL;
}

static struct steer_tuple tuple_compile(const struct spd_tuple *t, uint16_t index)
{
    struct steer_tuple ret = { .best_rank = t->best_rank, .index = index };
    struct spd_key ones, mask;
    struct spd_tuple exact = *t;

    memset(&ones, 0xff, sizeof(ones));
    spd_key_mask(&mask, &ones, &exact, 0);
    mask.family = 0xff;
    memcpy(ret.mask, &mask, sizeof(mask));
    return ret;
}

static bool tuple_belongs(const struct spd_tuple *t, unsigned list)
{
    bool v6 = list == STEER_LIST_V6 || list == STEER_LIST_V6_LATER;
    bool later = list == STEER_LIST_V4_LATER || list == STEER_LIST_V6_LATER;

    if ((t->family == 6) != v6)
        return false;
    return later ? !t->sport_exact && !t->dport_exact : !t->shadow;
}

static bool tuples_load(struct steer_maps *m, unsigned room, const struct spd_tuples *tuples)
{
    struct steer_tuples *list = xcalloc(1, sizeof(*list));
    bool ok = true;

    for (uint32_t i = 0; ok && i < STEER_LISTS; i++) {
        uint32_t key = room * STEER_LISTS + i;
        list->n = 0;
        for (uint32_t t = 0; t < tuples->n; t++)
            if (tuple_belongs(&tuples->t[t], i))
                list->t[list->n++] = tuple_compile(&tuples->t[t], (uint16_t)t);
        ok = bpf_map_update_elem(m->tuples_fd, &key, list, BPF_ANY) == 0;
    }
    free(list);
    return ok;
}

/* Kernels without batches on hash maps (before 5.6) are below what we ask for anyway. */
static bool rows_fill(int fd, const struct spd_image *image)
{
    struct spd_key *keys = xcalloc(ROWS_PER_BATCH, sizeof(*keys));
    struct spd_entry *entries = xcalloc(ROWS_PER_BATCH, sizeof(*entries));
    bool ok = true;

    for (uint64_t at = 0; ok && at < image->n_rows;) {
        uint32_t n = 0;
        while (n < ROWS_PER_BATCH && at < image->n_rows) {
            keys[n] = image->rows[at].key;
            entries[n++] = image->rows[at++].entry;
        }
        ok = bpf_map_update_batch(fd, keys, entries, &n, NULL) == 0;
    }
    free(entries);
    free(keys);
    return ok;
}

static int rows_create(uint64_t n_rows)
{
    return bpf_map_create(BPF_MAP_TYPE_HASH, "spd_rows", sizeof(struct spd_key),
                          sizeof(struct spd_entry), n_rows ? (uint32_t)n_rows : 1, NULL);
}

static bool rows_load(struct steer_maps *m, uint32_t room, const struct spd_image *image)
{
    int fd = rows_create(image->n_rows);
    if (fd < 0)
        return false;
    bool ok = rows_fill(fd, image) && bpf_map_update_elem(m->rows_fd, &room, &fd, BPF_ANY) == 0;
    int e = errno;
    close(fd);
    errno = e;
    return ok;
}

/* Gives back the memory of an SPD that no program can still read. */
static void rows_clear(struct steer_maps *m, uint32_t room)
{
    int fd = rows_create(0);
    if (fd < 0)
        return;
    if (bpf_map_update_elem(m->rows_fd, &room, &fd, BPF_ANY) == 0)
        m->n_rows[room] = 0;
    close(fd);
}

static bool chunk_need(struct steer_maps *m, uint32_t slot)
{
    uint32_t chunk = slot / STEER_CHUNK_SLOTS;
    if (m->chunk_fds[chunk] >= 0)
        return true;
    int fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "spd_counters", sizeof(uint32_t),
                            sizeof(struct spd_slot_counters), STEER_CHUNK_SLOTS, NULL);
    if (fd < 0)
        return false;
    if (bpf_map_update_elem(m->slot_counters_fd, &chunk, &fd, BPF_ANY)) {
        close(fd);
        return false;
    }
    m->chunk_fds[chunk] = fd;
    return true;
}

bool steer_maps_apply(struct steer_maps *m, const struct spd_image *image, char *err,
                      size_t err_size)
{
    struct steer_control control = { .generation = m->generation + 1 };
    uint32_t room = control.generation % STEER_GENERATIONS, zero = 0;
    uint32_t next = (control.generation + 1) % STEER_GENERATIONS; /* left one flip ago */
    const char *what = "policy counters";

    for (uint64_t i = 0; i < image->n_rows; i++)
        if (image->rows[i].entry.slot >= SPD_MAX_SLOTS || !chunk_need(m, image->rows[i].entry.slot))
            goto failed;
    what = "classifier";
    if (!tuples_load(m, room, image->tuples) || !rows_load(m, room, image))
        goto failed;
    if (bpf_map_update_elem(m->control_fd, &zero, &control, BPF_ANY))
        goto failed;
    m->generation = control.generation;
    m->n_rows[room] = image->n_rows;
    if (m->n_rows[next] >= ROWS_WORTH_FREEING)
        rows_clear(m, next);
    return true;
failed:
    snprintf(err, err_size, "cannot load the %s into the kernel (%llu rows): %s", what,
             (unsigned long long)image->n_rows, strerror(errno));
    return false;
}

static uint32_t *slot_word(const struct steer_maps *m, uint32_t slot)
{
    return (uint32_t *)(void *)(m->slot_states + (size_t)slot * SLOT_STATE_STRIDE);
}

void steer_maps_set_state(struct steer_maps *m, uint32_t slot, unsigned state)
{
    if (slot < SPD_MAX_SLOTS)
        __atomic_store_n(slot_word(m, slot), state, __ATOMIC_SEQ_CST);
}

unsigned steer_maps_state(const struct steer_maps *m, uint32_t slot)
{
    return slot < SPD_MAX_SLOTS ? __atomic_load_n(slot_word(m, slot), __ATOMIC_RELAXED) : 0;
}

struct spd_slot_counters steer_maps_slot(const struct steer_maps *m, uint32_t slot)
{
    struct spd_slot_counters sum = { 0 };
    uint32_t i = slot % STEER_CHUNK_SLOTS;

    if (slot >= SPD_MAX_SLOTS || m->chunk_fds[slot / STEER_CHUNK_SLOTS] < 0)
        return sum;
    struct spd_slot_counters *cpu = xcalloc(m->n_cpus, sizeof(*cpu));
    if (bpf_map_lookup_elem(m->chunk_fds[slot / STEER_CHUNK_SLOTS], &i, cpu) == 0)
        for (unsigned c = 0; c < m->n_cpus; c++) {
            sum.out_accepted += cpu[c].out_accepted;
            sum.out_dropped += cpu[c].out_dropped;
            sum.in_accepted += cpu[c].in_accepted;
            sum.in_dropped += cpu[c].in_dropped;
        }
    free(cpu);
    return sum;
}

void steer_maps_slot_reset(struct steer_maps *m, uint32_t slot)
{
    uint32_t i = slot % STEER_CHUNK_SLOTS;
    if (slot >= SPD_MAX_SLOTS || m->chunk_fds[slot / STEER_CHUNK_SLOTS] < 0)
        return;
    struct spd_slot_counters *cpu = xcalloc(m->n_cpus, sizeof(*cpu));
    bpf_map_update_elem(m->chunk_fds[slot / STEER_CHUNK_SLOTS], &i, cpu, BPF_ANY);
    free(cpu);
}

void steer_maps_counters(const struct steer_maps *m, uint64_t ret[STEER_COUNTER_COUNT])
{
    uint64_t *cpu = xcalloc(m->n_cpus, sizeof(*cpu));
    for (uint32_t i = 0; i < STEER_COUNTER_COUNT; i++) {
        ret[i] = 0;
        if (bpf_map_lookup_elem(m->counters_fd, &i, cpu) == 0)
            for (unsigned c = 0; c < m->n_cpus; c++)
                ret[i] += cpu[c];
    }
    free(cpu);
}

void steer_maps_link(struct steer_maps *m, unsigned ifindex, const struct steer_link *l)
{
    uint32_t key = ifindex;
    if (!l)
        bpf_map_delete_elem(m->links_fd, &key);
    else if (bpf_map_update_elem(m->links_fd, &key, l, BPF_ANY))
        log_warning("steer", "cannot note interface %u: %s", ifindex, strerror(errno));
}
