#include "refusal.h"

#include "isakmp_notify.h"
#include "quick_keys.h"
#include "report.h"

#include <stdio.h>

void refusal_of_phase1(struct phase1 *p1, uint16_t type)
{
    char name[ISAKMP_NAME_TEXT_MAX], offer[PROPOSAL_OFFER_TEXT_MAX];
    const char *said = isakmp_name_text(NAMES_NOTIFY, type, name);

    p1_offer_text(&p1->peer->cfg, offer);
    /* strongSwan says NO-PROPOSAL-CHOSEN to those it has no connection for, too. */
    if (type == NOTIFY_NO_PROPOSAL_CHOSEN)
        report_phase1(p1, IKE_REPORT_ERROR, REPORT_ERROR,
                      "failed to get valid proposal: peer says %s (unauthenticated) to our %s: it "
                      "wants another one, or has no entry for us",
                      said, offer);
    else
        report_phase1(p1, IKE_REPORT_ERROR, REPORT_ERROR,
                      "failed to get valid proposal: peer says %s (unauthenticated); we offered %s",
                      said, offer);
}

/* ": we asked for ..." and what the peer may miss. */
static void quick_words(struct phase1 *p1, const struct exchange *ex, uint16_t type, char *buf,
                        size_t cap)
{
    const struct quick *q = ex->quick;
    const struct p2_want want = quick_want(p1, q->policy);
    char offer[PROPOSAL_OFFER_TEXT_MAX];
    char local[CHILD_SELECTOR_TEXT_MAX], remote[CHILD_SELECTOR_TEXT_MAX];

    if (type == NOTIFY_INVALID_ID_INFORMATION)
        snprintf(buf, cap, ": it has no policy for %s <-> %s, which we ask for",
                 child_selector_to_text(&q->sel.remote, remote),
                 child_selector_to_text(&q->sel.local, local));
    else if (!ex->initiator)
        snprintf(buf, cap, ": it cannot use what it had offered and we chose from %s",
                 p2_offer_text(&want, offer));
    else
        snprintf(buf, cap, ": we offered %s", p2_offer_text(&want, offer));
}

void refusal_of_quick(struct phase1 *p1, const struct exchange *ex, uint16_t type)
{
    char name[ISAKMP_NAME_TEXT_MAX], words[320] = "";

    if (ex)
        quick_words(p1, ex, type, words, sizeof words);
    report_quick(p1, ex ? ex->quick->policy : NULL, IKE_REPORT_ERROR, REPORT_ERROR,
                 "peer refuses phase 2: %s%s", isakmp_name_text(NAMES_NOTIFY, type, name), words);
}

void refusal_of_child(struct phase1 *p1, const struct policy *policy)
{
    const struct p2_want want = quick_want(p1, policy);
    char offer[PROPOSAL_OFFER_TEXT_MAX];

    report_quick(p1, policy, IKE_REPORT_ERROR, REPORT_ERROR,
                 "peer deleted the IPsec-SA right after agreeing to it: it probably cannot use %s",
                 p2_offer_text(&want, offer));
}
