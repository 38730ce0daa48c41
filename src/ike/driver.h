/* The driver of all exchanges: finds the row of the step table, checks encryption, required and
 * allowed payloads and how often they occur, decrypts, recognises duplicates, and runs the step.
 * A step does only the step. What fails changes nothing: IV, state and timers stay as they were. */
#pragma once

#include "ike_priv.h"
#include "isakmp.h"

struct msg_in {
    const struct ike_path *path;
    struct isakmp_header header;
    struct isakmp_payloads payloads;
    enum ike_drop drop; /* why, set by a step that answers STEP_DROP */
};

enum step_result {
    STEP_OK,
    STEP_DROP, /* nothing changed; the right message may still come */
    STEP_END   /* taken, and the exchange (or its SA) is to end or has ended already */
};

struct step {
    bool initiator; /* our role */
    uint8_t from, to;
    bool encrypted;
    bool clear_too;     /* ... or not encrypted */
    uint64_t need, may; /* bits of payload types */
    unsigned auths;     /* bits of enum ike_auth_method the row is for; 0: any */
    enum step_result (*run)(struct exchange *ex, struct msg_in *in);
};

struct step_table {
    const struct step *rows;
    size_t n;
};

/* The quick mode that came before the SA was up, if there is one. */
void driver_serve_early(struct ike *ike);
/* The peer proved it has the keys: answers go where this came from. */
void driver_authentic(struct phase1 *p1, const struct msg_in *in);
struct slice driver_body(const struct msg_in *in, uint8_t type); /* of a payload that is there */
enum step_result driver_refuse(struct msg_in *in, enum ike_drop reason); /* STEP_DROP */
