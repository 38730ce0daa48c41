/* The way from workers to the control thread: a bounded ring with a turn number per cell (D.
 * Vyukov, "Bounded MPMC queue"), many producers, one consumer. Nobody waits: a full queue refuses.
 */
#include "engine_priv.h"
#include "text.h"

#include <stdlib.h>

struct event_cell {
    /* Position of the producer that may fill it; one more once filled; EVENT_QUEUE more when
     * emptied for the next round. */
    _Atomic uint64_t turn;
    struct ipsec_event event;
};

struct event_queue {
    _Alignas(64) _Atomic uint64_t put_at;
    _Alignas(64) _Atomic uint64_t take_at; /* written by the consumer alone */
    struct event_cell cells[EVENT_QUEUE];
};

static_assert((EVENT_QUEUE & (EVENT_QUEUE - 1)) == 0, "positions wrap by a mask");

struct event_queue *event_queue_new(void)
{
    struct event_queue *q = aligned_alloc(64, (sizeof(*q) + 63) & ~(size_t)63);

    if (!q)
        abort(); /* as xmalloc */
    memset(q, 0, sizeof(*q));
    for (uint64_t i = 0; i < EVENT_QUEUE; i++)
        atomic_init(&q->cells[i].turn, i);
    return q;
}

void event_queue_free(struct event_queue *q)
{
    free(q);
}

static struct event_cell *queue_cell(struct event_queue *q, uint64_t at)
{
    return &q->cells[at & (EVENT_QUEUE - 1)];
}

bool event_put(struct ipsec *e, const struct ipsec_event *ev)
{
    struct event_queue *q = e->events;
    uint64_t at = atomic_load_explicit(&q->put_at, memory_order_relaxed);

    for (;;) {
        struct event_cell *cell = queue_cell(q, at);
        uint64_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);

        if (turn < at)
            return false; /* still holds the event of a round ago */
        if (turn > at) {
            at = atomic_load_explicit(&q->put_at, memory_order_relaxed);
            continue;
        }
        if (atomic_compare_exchange_weak_explicit(&q->put_at, &at, at + 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            cell->event = *ev;
            atomic_store_explicit(&cell->turn, at + 1, memory_order_release);
            return true;
        }
    }
}

bool event_waiting(const struct ipsec *e)
{
    struct event_queue *q = e->events;
    uint64_t at = atomic_load_explicit(&q->take_at, memory_order_relaxed);

    return atomic_load_explicit(&queue_cell(q, at)->turn, memory_order_acquire) == at + 1;
}

bool ipsec_event_take(struct ipsec *e, struct ipsec_event *ret)
{
    struct event_queue *q = e->events;
    uint64_t at = atomic_load_explicit(&q->take_at, memory_order_relaxed);
    struct event_cell *cell = queue_cell(q, at);

    if (atomic_load_explicit(&cell->turn, memory_order_acquire) != at + 1)
        return false;
    *ret = cell->event;
    atomic_store_explicit(&cell->turn, at + EVENT_QUEUE, memory_order_release);
    atomic_store_explicit(&q->take_at, at + 1, memory_order_relaxed);
    return true;
}
