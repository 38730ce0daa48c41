/* ESP or AH of a peer by an SA that is not here. Without this its packets would be lost until its
 * SA ends: nobody acknowledges a DELETE, and who died could not send one. The peer is told over
 * phase 1; where there is none a new one begins, whose INITIAL-CONTACT says the same of all SAs.
 *
 * Anybody can write a source address. So only peers of ours are told, seldom, and what that costs
 * is a datagram a second or a phase 1 in half a minute. */
#include "informational.h"
#include "phase1.h"
#include "report.h"

enum { RESTART_MS = 30000, TOLD_MAX = 4 };

/* The list begins with the newest: one of each identity is enough. */
static bool is_told_already(const struct host *h, const struct phase1 *p1)
{
    const struct phase1 *newer;

    TAILQ_FOREACH(newer, &h->phase1s, in_host)
    {
        if (newer == p1)
            break;
        if (newer->main->state == P1_UP && newer->remote_id == p1->remote_id)
            return true;
    }
    return false;
}

/* Who sent it is not known where several peers share an address: others ignore the SPI. */
static void tell(const struct host *h, const struct ike_unknown_spi *u)
{
    struct phase1 *p1;
    unsigned told = 0;

    TAILQ_FOREACH(p1, &h->phase1s, in_host)
    {
        if (p1->main->state != P1_UP || told == TOLD_MAX || is_told_already(h, p1))
            continue;
        if (told++ == 0)
            report_phase1(p1, IKE_REPORT_INFO, REPORT_PLAIN,
                          "peer sends by an IPsec-SA that is not here, telling it: spi=0x%08x",
                          u->spi);
        informational_delete_spi(p1, u->proto, u->spi);
    }
}

static void start_anew(struct host *h, const struct ike_unknown_spi *u)
{
    struct ike *ike = h->ike;
    struct peer *peer = peer_find(ike, &h->remote);
    const char *why;

    if (ike->now_ms < h->restart_ms || host_negotiating(h) || !peer || peer->cfg.passive ||
        !phase1_possible(ike, peer, &why))
        return;
    h->restart_ms = ike->now_ms + RESTART_MS;
    report_policy(
        TAILQ_FIRST(&h->policies), IKE_REPORT_INFO, REPORT_PLAIN,
        "peer sends by an IPsec-SA of another time (spi=0x%08x), contacting it anew:", u->spi);
    phase1_initiate(ike, peer, &h->local, &h->remote);
}

void ike_on_unknown_spi(struct ike *ike, uint64_t now_ms, const struct ike_unknown_spi *u)
{
    struct host *h = host_find(ike, &u->local, &u->remote);

    ike->now_ms = now_ms;
    if (!h || TAILQ_EMPTY(&h->policies) || now_ms < h->tell_ms)
        return;
    h->tell_ms = now_ms + IKE_TELL_MS;
    if (host_up(h))
        tell(h, u);
    else
        start_anew(h, u);
    ike_bury(ike);
}
