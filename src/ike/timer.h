/* Timers of the engine: a heap of deadlines embedded in whatever waits. Virtual time in
 * milliseconds; nothing here looks at a clock. A timer knows its place, so arming again and
 * stopping cost a logarithm and need no search. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
    uint64_t at_ms;
    size_t place; /* in the heap, from 1; 0: not armed. A zeroed timer is a stopped one */
    void (*fire)(struct timer *t);
};

struct timers {
    struct timer **heap; /* owns the array, borrows the timers */
    size_t n, cap;
};

void timers_fini(struct timers *ts);
/* Arms or moves T. */
void timer_arm(struct timers *ts, struct timer *t, uint64_t at_ms, void (*fire)(struct timer *t));
void timer_stop(struct timers *ts, struct timer *t);
uint64_t timers_next_ms(const struct timers *ts); /* UINT64_MAX: none */
/* Fires what is due, at most LIMIT timers, so that many deadlines at once do not hold up others. */
void timers_run(struct timers *ts, uint64_t now_ms, unsigned limit);

static inline bool timer_armed(const struct timer *t)
{
    return t->place != 0;
}

#define timer_owner(t, type, member) ((type *)(void *)((char *)(t)-offsetof(type, member)))
