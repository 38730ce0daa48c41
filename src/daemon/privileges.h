/* Least privilege: root is needed to start, and then given up. What stays: CAP_NET_ADMIN and
 * CAP_NET_RAW for devices, routes and sockets, CAP_BPF and CAP_PERFMON for the programs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct identity {
    uid_t uid;
    gid_t gid;
};

/* All give false with a text that names what is missing and what to do. */
bool privileges_check(char *err, size_t err_size);
bool privileges_user(const char *user, struct identity *ret, char *err, size_t err_size);
/* Makes DIR (and its parents) for the user, mode 0700; an existing one is checked and given over.
 */
bool privileges_make_dir(const char *dir, mode_t mode, const struct identity *id, char *err,
                         size_t err_size);
/* No core dumps, not traceable, umask 077. */
void privileges_harden(void);
/* Other user, only those capabilities, no_new_privs. Before any thread starts. */
bool privileges_drop(const struct identity *id, char *err, size_t err_size);
/* System calls beyond what the daemon (and the `nft` program it runs) needs end the process. */
bool privileges_seccomp(char *err, size_t err_size);
