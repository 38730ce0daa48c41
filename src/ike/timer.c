#include "timer.h"

#include "text.h"

#include <stdlib.h>

void timers_fini(struct timers *ts)
{
    free(ts->heap);
    *ts = (struct timers){ 0 };
}

static void place(struct timers *ts, size_t i, struct timer *t)
{
    ts->heap[i] = t;
    t->place = i + 1;
}

static void sift_up(struct timers *ts, size_t i)
{
    struct timer *t = ts->heap[i];

    while (i > 0 && ts->heap[(i - 1) / 2]->at_ms > t->at_ms) {
        place(ts, i, ts->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(ts, i, t);
}

static void sift_down(struct timers *ts, size_t i)
{
    struct timer *t = ts->heap[i];

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= ts->n)
            break;
        if (child + 1 < ts->n && ts->heap[child + 1]->at_ms < ts->heap[child]->at_ms)
            child++;
        if (ts->heap[child]->at_ms >= t->at_ms)
            break;
        place(ts, i, ts->heap[child]);
        i = child;
    }
    place(ts, i, t);
}

void timer_arm(struct timers *ts, struct timer *t, uint64_t at_ms, void (*fire)(struct timer *t))
{
    timer_stop(ts, t);
    if (ts->n == ts->cap) {
        ts->cap = ts->cap ? 2 * ts->cap : 64;
        ts->heap = xrealloc(ts->heap, ts->cap * sizeof *ts->heap);
    }
    t->at_ms = at_ms;
    t->fire = fire;
    ts->heap[ts->n] = t;
    ts->n++;
    sift_up(ts, ts->n - 1);
}

void timer_stop(struct timers *ts, struct timer *t)
{
    size_t i = t->place - 1;
    struct timer *last;

    if (t->place == 0)
        return;
    t->place = 0;
    last = ts->heap[--ts->n];
    if (last == t)
        return;
    place(ts, i, last);
    sift_up(ts, i);
    sift_down(ts, last->place - 1);
}

uint64_t timers_next_ms(const struct timers *ts)
{
    return ts->n ? ts->heap[0]->at_ms : UINT64_MAX;
}

void timers_run(struct timers *ts, uint64_t now_ms, unsigned limit)
{
    while (limit-- > 0 && ts->n > 0 && ts->heap[0]->at_ms <= now_ms) {
        struct timer *t = ts->heap[0];

        timer_stop(ts, t);
        t->fire(t);
    }
}
