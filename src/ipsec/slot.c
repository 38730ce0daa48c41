/* What belongs to a policy item whatever snapshot is compiled from it: the SAs it sends through and
 * its counters. Slots live in pages that are made when a policy first uses one and stay for good.
 */
#include "engine_priv.h"
#include "text.h"

#include <stdlib.h>

enum { SLOT_ESP, SLOT_AH };

static_assert(sizeof(struct slot) * SLOTS_PER_PAGE % 64 == 0 &&
                  sizeof(struct slot_counters) * SLOTS_PER_PAGE % 64 == 0,
              "workers share no cache line of a page");

void slot_page_make(struct ipsec *e, uint32_t slot)
{
    size_t bytes =
        sizeof(struct slot_page) + sizeof(struct slot_counters) * SLOTS_PER_PAGE * e->n_workers;

    if (slot >= SPD_MAX_SLOTS || slot_page(e, slot))
        return;
    struct slot_page *page = aligned_alloc(64, bytes);
    if (!page)
        abort(); /* as xmalloc */
    memset(page, 0, bytes);
    atomic_store_explicit(&e->pages[slot / SLOTS_PER_PAGE], page, memory_order_release);
}

void slots_fini(struct ipsec *e)
{
    for (unsigned i = 0; i < SLOT_PAGES; i++)
        free(e->pages[i]);
}

/* ---- which SA a policy sends through ---- */

static struct slot *slot_get(const struct ipsec *e, uint32_t slot)
{
    struct slot_page *page = slot_page(e, slot);

    return page ? &page->slots[slot % SLOTS_PER_PAGE] : NULL;
}

static unsigned slot_kind(uint8_t proto)
{
    return proto == SA_ESP ? SLOT_ESP : SLOT_AH;
}

/* Takes the slot out of the list of those that use its SA. */
static void slot_unlink(struct ipsec *e, struct slot *s, unsigned kind)
{
    struct sa *sa = s->out[kind];
    uint32_t prev = s->prev[kind], next = s->next[kind];

    if (prev)
        slot_get(e, prev - 1)->next[kind] = next;
    else
        sa->slot_first = next;
    if (next)
        slot_get(e, next - 1)->prev[kind] = prev;
    s->prev[kind] = s->next[kind] = 0;
}

static void slot_link(struct ipsec *e, uint32_t slot, unsigned kind, struct sa *sa)
{
    struct slot *s = slot_get(e, slot);

    if (s->out[kind] == sa)
        return;
    if (s->out[kind])
        slot_unlink(e, s, kind);
    if (sa) {
        s->next[kind] = sa->slot_first;
        if (sa->slot_first)
            slot_get(e, sa->slot_first - 1)->prev[kind] = slot + 1;
        sa->slot_first = slot + 1;
        atomic_fetch_add_explicit(&s->fills, 1, memory_order_relaxed);
    }
    rcu_set_pointer(&s->out[kind], sa);
}

void ipsec_slot_set(struct ipsec *e, uint32_t slot, struct sa *esp_out, struct sa *ah_out)
{
    assert(slot < SPD_MAX_SLOTS);
    slot_page_make(e, slot);
    slot_link(e, slot, SLOT_ESP, esp_out);
    slot_link(e, slot, SLOT_AH, ah_out);
    if (esp_out || ah_out)
        workers_nudge(e);
}

void slots_forget(struct ipsec *e, struct sa *sa)
{
    while (sa->slot_first)
        slot_link(e, sa->slot_first - 1, slot_kind(sa->proto), NULL);
}

struct sa *slot_sa(const struct ipsec *e, uint32_t slot, enum sa_proto proto)
{
    struct slot *s = slot_get(e, slot);
    struct sa *sa = s ? rcu_dereference(s->out[slot_kind((uint8_t)proto)]) : NULL;

    rcu_tsan_found(sa);
    return sa;
}

unsigned slot_fills(const struct ipsec *e, uint32_t slot)
{
    struct slot *s = slot_get(e, slot);

    return s ? atomic_load_explicit(&s->fills, memory_order_relaxed) : 0;
}

/* ---- counters ---- */

struct slot_counters *slot_counters(struct ipsec *e, unsigned worker, uint32_t slot)
{
    struct slot_page *page = slot_page(e, slot);

    return page ? &page->counters[worker * SLOTS_PER_PAGE + slot % SLOTS_PER_PAGE]
                : &e->bin[worker];
}

static struct slot_counters slot_sum(const struct ipsec *e, const struct slot_page *page,
                                     uint32_t slot)
{
    struct slot_counters sum = { 0 };

    for (unsigned w = 0; w < e->n_workers; w++) {
        const struct slot_counters *c = &page->counters[w * SLOTS_PER_PAGE + slot % SLOTS_PER_PAGE];
        sum.out_dropped += counter_get(&c->out_dropped);
        sum.out_transformed += counter_get(&c->out_transformed);
        sum.in_transformed += counter_get(&c->in_transformed);
        sum.not_encrypted += counter_get(&c->not_encrypted);
        sum.not_decrypted += counter_get(&c->not_decrypted);
    }
    return sum;
}

struct ipsec_slot_stats ipsec_slot_stats(const struct ipsec *e, uint32_t slot)
{
    const struct slot_page *page = slot_page(e, slot);

    if (!page)
        return (struct ipsec_slot_stats){ 0 };
    const struct slot_counters *base = &page->base[slot % SLOTS_PER_PAGE];
    struct slot_counters sum = slot_sum(e, page, slot);
    return (struct ipsec_slot_stats){
        .out_dropped = sum.out_dropped - base->out_dropped,
        .out_transformed = sum.out_transformed - base->out_transformed,
        .in_transformed = sum.in_transformed - base->in_transformed,
        .not_encrypted = sum.not_encrypted - base->not_encrypted,
        .not_decrypted = sum.not_decrypted - base->not_decrypted,
    };
}

void ipsec_slot_reset(struct ipsec *e, uint32_t slot)
{
    struct slot_page *page = slot_page(e, slot);

    if (!page)
        return;
    /* Workers own their cells and may be counting right now: remember what to take off. */
    page->base[slot % SLOTS_PER_PAGE] = slot_sum(e, page, slot);
    atomic_fetch_add_explicit(&page->slots[slot % SLOTS_PER_PAGE].fills, 1, memory_order_relaxed);
}
