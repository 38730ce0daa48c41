/* The maps of steer.bpf.c and check.bpf.c; the loader shares one set between both objects. */
#pragma once

#include "steer_abi.h"

/* libbpf's header leans on the kernel's types */
/* clang-format off */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
/* clang-format on */

/* Which SPD is in force. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, spd_u32);
    __type(value, struct steer_control);
} control SEC(".maps");

/* Tuple lists: generation % STEER_GENERATIONS * STEER_LISTS + list. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, STEER_GENERATIONS *STEER_LISTS);
    __type(key, spd_u32);
    __type(value, struct steer_tuples);
} tuples SEC(".maps");

/* Inner maps are described by sizes: clang leaves their types out of the BTF. */
struct rows_of_one {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(struct spd_key));
    __uint(value_size, sizeof(struct spd_entry));
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, STEER_GENERATIONS);
    __type(key, spd_u32);
    __array(values, struct rows_of_one);
} rows SEC(".maps");

/* SPD_OUT_USABLE | SPD_IN_VALID by slot; the daemon writes it through a mapping. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SPD_MAX_SLOTS);
    __type(key, spd_u32);
    __type(value, spd_u32);
} slot_state SEC(".maps");

struct counters_of_chunk {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, STEER_CHUNK_SLOTS);
    __uint(key_size, sizeof(spd_u32));
    __uint(value_size, sizeof(struct spd_slot_counters));
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, STEER_CHUNKS);
    __type(key, spd_u32);
    __array(values, struct counters_of_chunk);
} slot_counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, STEER_COUNTER_COUNT);
    __type(key, spd_u32);
    __type(value, spd_u64);
} counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, STEER_MAX_LINKS);
    __type(key, spd_u32); /* ifindex */
    __type(value, struct steer_link);
} links SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, struct steer_fragment_key);
    __type(value, struct steer_fragment);
} fragments SEC(".maps");

/* By packet key; tuple: 1 for later fragments. An answer of another generation is none. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, STEER_FLOWS);
    __type(key, struct spd_key);
    __type(value, struct steer_flow);
} flows SEC(".maps");

/* Set before loading. (A skeleton names types: only built-in ones here.) */
const volatile unsigned int steer_mark;
const volatile unsigned int steer_capture_ifindex;
const volatile unsigned int steer_strict_in;
const volatile unsigned int steer_no_flows; /* measure the classifier itself */
