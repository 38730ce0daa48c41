/* Inside of steer: one struct per part, each with its own file. */
#pragma once

#include "steer.h"

#include <bpf/libbpf.h>

struct steer_bpf;
struct check_bpf;

/* steer_maps.c: the maps both objects share. */
struct steer_maps {
    int control_fd, tuples_fd, rows_fd, slot_state_fd, slot_counters_fd, counters_fd, links_fd;
    int chunk_fds[STEER_CHUNKS]; /* -1 until a policy of the chunk is loaded */
    uint32_t generation;
    uint64_t n_rows[STEER_GENERATIONS];
    uint8_t *slot_states; /* mapping of slot_state: 8 bytes for each slot */
    unsigned n_cpus;
};

bool steer_maps_init(struct steer_maps *m, const struct steer_bpf *skel, char *err,
                     size_t err_size);
void steer_maps_fini(struct steer_maps *m);
bool steer_maps_apply(struct steer_maps *m, const struct spd_image *image, char *err,
                      size_t err_size);
void steer_maps_set_state(struct steer_maps *m, uint32_t slot, unsigned state);
unsigned steer_maps_state(const struct steer_maps *m, uint32_t slot);
struct spd_slot_counters steer_maps_slot(const struct steer_maps *m, uint32_t slot);
void steer_maps_slot_reset(struct steer_maps *m, uint32_t slot);
void steer_maps_counters(const struct steer_maps *m, uint64_t ret[STEER_COUNTER_COUNT]);
/* NULL removes the link. */
void steer_maps_link(struct steer_maps *m, unsigned ifindex, const struct steer_link *l);

/* pins.c: the bpffs folder. */
bool pins_open(const char *dir, char *err, size_t err_size);
bool pins_path(const char *dir, const char *name, char *ret, size_t ret_size);
bool pins_have(const char *dir, const char *name);
void pins_remove(const char *dir, const char *name);
/* Folders serve as marks: a bpffs holds no ordinary files. */
void pins_mark(const char *dir, const char *name, unsigned n);
bool pins_marked(const char *dir, const char *name, unsigned n);
void pins_unmark(const char *dir, const char *name, unsigned n);
/* Removes the folder once it is empty. */
void pins_close(const char *dir);

/* steer_nf.c: the netfilter links. A failed attach leaves what was there in force. */
enum { NF_PLACES = 6 };
struct nf_links {
    int choice[NF_PLACES]; /* which of a hook's priorities is ours */
};
bool nf_links_attach(const struct check_bpf *skel, const char *pin_dir, struct nf_links *ret,
                     char *err, size_t err_size);
/* The links of a daemon that died. */
void nf_links_retire_others(const struct nf_links *links, const char *pin_dir);
void nf_links_remove(const char *pin_dir);

/* steer_tc.c: the tc programs. */
bool tc_attach_egress(unsigned ifindex, int prog_fd, const char *pin_dir, char *err,
                      size_t err_size);
void tc_detach_egress(unsigned ifindex, const char *pin_dir);
bool tc_attach_inject(unsigned ifindex, int prog_fd, char *err, size_t err_size);
/* Removes our programs from every interface: what an earlier daemon left included. */
void tc_detach_all(const char *pin_dir);

/* nft_check.c: the incoming check and the guard as nftables rules. */
struct nft_check;
struct nft_check *nft_check_new(const struct steer_options *o);
void nft_check_free(struct nft_check *c);
bool nft_check_apply(struct nft_check *c, const struct spd_image *image,
                     const struct steer_maps *states, char *err, size_t err_size);
void nft_check_state(struct nft_check *c, uint32_t slot, unsigned state);
/* Until this is called every encrypt policy counts as one with a valid SA. */
void nft_check_settle(struct nft_check *c, const struct steer_maps *states);
void nft_check_link(struct nft_check *c, unsigned ifindex, bool steered);
void nft_check_slot(struct nft_check *c, uint32_t slot, struct spd_slot_counters *add_to);
void nft_check_slot_reset(struct nft_check *c, uint32_t slot);
void nft_check_counters(struct nft_check *c, uint64_t add_to[STEER_COUNTER_COUNT]);
/* Removes the table if it is there. */
void nft_table_remove(const char *table);

/* neigh.c: stand-ins for neighbours that do not answer. All accept NULL. */
struct stand_ins;
struct stand_ins *stand_ins_new(void);
void stand_ins_free(struct stand_ins *s);
void stand_ins_follow(struct stand_ins *s, const struct spd_image *image);
void stand_ins_failed(struct stand_ins *s, unsigned ifindex, const struct ip_addr *addr);
void stand_ins_remove(struct stand_ins *s);

struct steer {
    struct steer_options o; /* its strings are ours */
    struct steer_bpf *egress;
    struct check_bpf *check; /* NULL: nftables does it */
    struct nft_check *nft;   /* NULL: BPF does it */
    struct steer_maps maps;
    struct stand_ins *stand_ins;
    struct nf_links nf;
    bool attached;
    bool settled; /* policy states are known, what an earlier daemon left is gone */
    struct steered_link {
        unsigned ifindex;
        bool steered;
    } * links;
    size_t n_links, cap_links;
    char features[256];
};
