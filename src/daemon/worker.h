/* A data worker: one thread with its own capture and inject queues, raw and UDP sockets, packet
 * pool and crypto managers. It moves batches between descriptors and the engine and knows no
 * policy. */
#pragma once

#include "engine.h"

struct worker;

struct worker_config {
    struct ipsec *engine;
    unsigned index, n_workers;
    int capture_fd, inject_fd; /* borrowed */
    int ike_fd;                /* borrowed: takes IKE messages that came with ESP, ike_sockets.h */
    uint32_t mark;
    void (*wake)(void *ctx); /* called from the worker's thread: events wait in the engine */
    void *wake_ctx;
};

/* Opens the sockets; the thread starts with worker_start. NULL with the reason in ERR. */
struct worker *worker_new(const struct worker_config *c, char *err, size_t err_size);
bool worker_start(struct worker *w);
void worker_stop(struct worker *w); /* joins the thread */
void worker_free(struct worker *w);
