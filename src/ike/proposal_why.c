#include "proposal_why.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    WHY_EXAMINED_MAX = 32, /* more reasons than this are only counted */
    WHY_TAIL_LEN = 24      /* kept free for "; and N more" */
};

void reason_add(struct reason *r, const char *fmt, ...)
{
    va_list args;

    if (!reason_note(r) || r->len + 2 >= sizeof r->s)
        return;
    if (r->len) {
        memcpy(r->s + r->len, "; ", 3);
        r->len += 2;
    }
    va_start(args, fmt);
    int n = vsnprintf(r->s + r->len, sizeof r->s - r->len, fmt, args);
    va_end(args);
    if (n > 0)
        r->len += (size_t)n;
    if (r->len >= sizeof r->s)
        r->len = sizeof r->s - 1;
}

void why_begin(struct why_list *l, struct proposal_why *out, const struct isakmp_sa *offer,
               uint16_t notify)
{
    struct rd it = rd_of(offer->proposals);
    struct isakmp_proposal p;

    *l = (struct why_list){ .out = out };
    out->text[0] = '\0';
    out->notify = notify;
    while (isakmp_proposal_next(&it, &p))
        l->offered += p.n_transforms;
}

struct reason why_reason(const struct why_list *l)
{
    return (struct reason){ .muted = l->examined >= WHY_EXAMINED_MAX };
}

void why_add(struct why_list *l, unsigned prop, unsigned trns, const struct reason *r)
{
    char number[48] = "";
    const size_t room = sizeof l->out->text - WHY_TAIL_LEN;

    l->examined++;
    if (r->muted || strstr(l->out->text, r->s)) {
        l->more++;
        return;
    }
    if (l->offered > 1 && trns)
        snprintf(number, sizeof number, "prop#%u:trns#%u ", prop, trns);
    else if (l->offered > 1)
        snprintf(number, sizeof number, "prop#%u ", prop);
    const size_t need = (l->len ? 2 : 0) + strlen(number) + r->len;
    if (l->len + need >= room) {
        l->more++;
        return;
    }
    int n =
        snprintf(l->out->text + l->len, room - l->len, "%s%s%s", l->len ? "; " : "", number, r->s);
    l->len += (size_t)n;
}

void why_end(struct why_list *l)
{
    if (l->more && l->len)
        snprintf(l->out->text + l->len, sizeof l->out->text - l->len, "; and %u more", l->more);
    else if (!l->len)
        snprintf(l->out->text, sizeof l->out->text, "nothing usable among %u transforms",
                 l->offered);
}

void why_set(struct proposal_why *out, uint16_t notify, const char *fmt, ...)
{
    va_list args;

    out->notify = notify;
    va_start(args, fmt);
    vsnprintf(out->text, sizeof out->text, fmt, args);
    va_end(args);
}

const char *life_seconds_text(uint64_t seconds, char *buf)
{
    static const struct {
        uint32_t s;
        char unit;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    size_t len = 0;

    if (!seconds)
        return "no limit";
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        uint64_t n = seconds / units[i].s;

        seconds %= units[i].s;
        if (n)
            len +=
                (size_t)snprintf(buf + len, LIFE_TEXT_MAX - len, "%" PRIu64 "%c", n, units[i].unit);
    }
    return buf;
}

const char *life_kilobytes_text(uint64_t kilobytes, char *buf)
{
    if (!kilobytes)
        return "no limit";
    snprintf(buf, LIFE_TEXT_MAX, "%" PRIu64 " kB", kilobytes);
    return buf;
}

const char *proposal_check_name(enum ike_proposal_check check)
{
    static const char *const names[] = { [IKE_CHECK_CLAIM] = "claim",
                                         [IKE_CHECK_EXACT] = "exact",
                                         [IKE_CHECK_OBEY] = "obey",
                                         [IKE_CHECK_STRICT] = "strict" };
    return names[check];
}

const char *group_text(uint16_t group, char *buf)
{
    return group ? isakmp_name_text(NAMES_IKE_GROUP, group, buf) : "none";
}
