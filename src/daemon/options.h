/* Command line of sallyportd; the flags are a fixed contract (docs/ARCHITECTURE.md section 7). */
#pragma once

#include "log.h"

#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *state_dir;
    const char *socket_path;
    const char *netns;       /* NULL: stay where we are */
    const char *import_file; /* NULL: none */
    const char *user;
    bool foreground;
    enum log_level log_level;
    unsigned workers; /* 0: one per processor */
    uint32_t mark;    /* one bit of the packet mark */
    /* --disable-feature: forces the fallback of a kernel or processor feature */
    bool no_nf_link, no_uso, no_ipsec_mb;
};

enum options_result { OPTIONS_RUN, OPTIONS_EXIT_OK, OPTIONS_EXIT_USAGE };

/* Prints help, version or the error itself. */
enum options_result options_parse(int argc, char **argv, struct options *ret);
