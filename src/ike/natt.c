#include "natt.h"

#include "isakmp_vendor.h"

void natt_announce(const struct phase1 *p1, struct isakmp_msg *m)
{
    if (p1->peer->cfg.nat_traversal)
        msg_payload(m, PL_VID, isakmp_vendor_id(VENDOR_NATT_RFC));
    msg_payload(m, PL_VID, isakmp_vendor_id(VENDOR_DPD));
}

void natt_take_vendors(struct phase1 *p1, const struct isakmp_payloads *ps)
{
    for (unsigned i = 0; i < ps->n; i++) {
        if (ps->at[i].type != PL_VID)
            continue;
        enum isakmp_vendor v = isakmp_vendor_find(ps->at[i].body);

        if (v == VENDOR_NATT_RFC)
            p1->nat_rfc3947 = p1->peer->cfg.nat_traversal;
        else if (v == VENDOR_DPD)
            p1->peer_dpd = true;
    }
}

/* hash(CKY-I | CKY-R | address | port) */
static struct slice natd_hash(const struct phase1 *p1, const struct ip_addr *a, uint16_t port,
                              uint8_t *ret)
{
    uint8_t port_be[2];
    struct slice parts[] = {
        { p1->cookies.i, COOKIE_LEN },
        { p1->cookies.r, COOKIE_LEN },
        { a->b, ip_addr_len(a->family) },
        { port_be, sizeof port_be },
    };

    be16_put(port_be, port);
    digest_of(p1->digest, parts, sizeof parts / sizeof parts[0], ret);
    return (struct slice){ ret, digest_info[p1->digest].len };
}

void natt_emit(const struct phase1 *p1, struct isakmp_msg *m)
{
    uint8_t hash[DIGEST_MAX];

    if (!p1->nat_rfc3947)
        return;
    msg_payload(m, PL_NATD, natd_hash(p1, &p1->path.remote, p1->path.remote_port, hash));
    msg_payload(m, PL_NATD, natd_hash(p1, &p1->path.local, p1->path.local_port, hash));
}

void natt_take(struct phase1 *p1, const struct isakmp_payloads *ps, const struct ike_path *path)
{
    uint8_t a[DIGEST_MAX], b[DIGEST_MAX];
    struct slice ours = natd_hash(p1, &path->local, path->local_port, a);
    struct slice theirs = natd_hash(p1, &path->remote, path->remote_port, b);
    bool ours_ok = false, theirs_ok = false;
    unsigned n = 0;

    if (!p1->nat_rfc3947)
        return;
    for (unsigned i = 0; i < ps->n && n < NATT_KEEP_PAYLOADS; i++) {
        if (ps->at[i].type != PL_NATD)
            continue;
        /* The first is our address as the peer sees it, the others are its own. */
        if (n++ == 0)
            ours_ok = slice_equal(ps->at[i].body, ours);
        else
            theirs_ok |= slice_equal(ps->at[i].body, theirs);
    }
    p1->behind_nat = n >= 2 && !(ours_ok && theirs_ok);
}

void natt_float(struct phase1 *p1)
{
    if (!p1->behind_nat)
        return;
    p1->path.local_port = NATT_PORT;
    p1->path.remote_port = NATT_PORT;
}
