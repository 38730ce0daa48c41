/* Putting a refusal into words: clauses about one transform, transforms in a bounded list. For
 * proposal_*.c and child_policy.c. */
#pragma once

#include "proposal.h"

/* What differs in one transform. While muted only that something differs is noted: the list is full
 * and formatting would cost more than everything else. */
struct reason {
    char s[256];
    size_t len;
    bool differs, muted;
};

/* Notes that something differs; true when words for it are wanted. */
static inline bool reason_note(struct reason *r)
{
    r->differs = true;
    return !r->muted;
}

void reason_add(struct reason *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct why_list {
    struct proposal_why *out;
    size_t len;
    unsigned offered;  /* transforms; one alone goes without its number */
    unsigned examined; /* reasons so far */
    unsigned more;     /* of them not written: said before, or no room */
};

/* OFFER's transforms are what is refused, with NOTIFY. */
void why_begin(struct why_list *l, struct proposal_why *out, const struct isakmp_sa *offer,
               uint16_t notify);
/* A reason to be filled for the next transform. */
struct reason why_reason(const struct why_list *l);
/* TRNS 0: all of the proposal. */
void why_add(struct why_list *l, unsigned prop, unsigned trns, const struct reason *r);
void why_end(struct why_list *l);
/* A refusal that is one sentence. */
void why_set(struct proposal_why *out, uint16_t notify, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define LIFE_TEXT_MAX 32
/* "30m", "1h0m5s"; 0: "no limit" */
const char *life_seconds_text(uint64_t seconds, char *buf);
const char *life_kilobytes_text(uint64_t kilobytes, char *buf);
const char *proposal_check_name(enum ike_proposal_check check);
/* "modp1024", "none", or the number */
const char *group_text(uint16_t group, char *buf);
