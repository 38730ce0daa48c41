#include "standin.h"

#include "child_policy.h"
#include "dh.h"
#include "isakmp_id.h"
#include "natt.h"
#include "proposal.h"
#include "unhex.h"

struct standin standin;

const struct recorded_message *standin_own(void)
{
    while (standin.next && standin.next->wire && standin.next->from_initiator != standin.initiator)
        standin.next++;
    return standin.next && standin.next->wire ? standin.next : NULL;
}

/* The payloads of our next message as recorded. */
struct recorded_payloads {
    struct bytes body;
    struct isakmp_payloads ps;
};

static bool payloads_get(struct recorded_payloads *ret)
{
    const struct recorded_message *m = standin_own();
    struct bytes wire;
    struct rd r;

    if (!m)
        return false;
    wire = unhex(m->wire);
    ret->body = m->clear ? unhex(m->clear) : wire;
    r = m->clear ? rd_from(ret->body.b, ret->body.len)
                 : rd_from(ret->body.b + ISAKMP_HEADER_LEN, ret->body.len - ISAKMP_HEADER_LEN);
    assert_int_equal(isakmp_payloads_parse(&r, wire.b[16],
                                           m->clear ? ISAKMP_TAIL_PADDING : ISAKMP_TAIL_NONE,
                                           &ret->ps),
                     ISAKMP_OK);
    return true;
}

/* ---- padding ---- */

size_t __real_msg_end(struct isakmp_msg *m, size_t block);
size_t __wrap_msg_end(struct isakmp_msg *m, size_t block);

size_t __wrap_msg_end(struct isakmp_msg *m, size_t block)
{
    struct recorded_payloads r;
    size_t len;

    if (block > 1 && payloads_get(&r))
        msg_bytes(m, r.ps.padding);
    len = __real_msg_end(m, block);
    if (standin_own())
        standin.next++;
    return len;
}

/* ---- SA payloads ---- */

static struct isakmp_sa sa_of(struct slice body)
{
    struct rd r = rd_of(body);
    struct isakmp_sa sa;

    assert_int_equal(isakmp_sa_parse(&r, &sa), ISAKMP_OK);
    return sa;
}

static struct isakmp_transform only_transform(struct slice body, struct isakmp_proposal *ret)
{
    struct isakmp_sa sa = sa_of(body);
    struct rd proposals = rd_of(sa.proposals), transforms;
    struct isakmp_transform t;

    assert_true(isakmp_proposal_next(&proposals, ret));
    assert_int_equal(ret->n_transforms, 1);
    transforms = rd_of(ret->transforms);
    assert_true(isakmp_transform_next(&transforms, &t));
    return t;
}

static void same_life(struct isakmp_life a, struct isakmp_life b)
{
    assert_true(a.seconds == b.seconds && a.kilobytes == b.kilobytes);
}

/* Numbers of proposals and transforms aside. */
static void same_meaning(struct slice recorded, struct slice ours)
{
    struct isakmp_proposal p, q;
    struct isakmp_transform t = only_transform(recorded, &p), u = only_transform(ours, &q);

    assert_int_equal(p.protocol, q.protocol);
    assert_int_equal(p.spi.len, q.spi.len);
    assert_memory_equal(p.spi.p, q.spi.p, p.spi.len);
    if (p.protocol == ISAKMP_PROTO_ISAKMP) {
        struct isakmp_p1 a, b;

        assert_true(!isakmp_p1_decode(&t, &a) && !isakmp_p1_decode(&u, &b));
        assert_true(a.encryption == b.encryption && a.key_bits == b.key_bits && a.hash == b.hash &&
                    a.auth == b.auth && a.group == b.group);
        same_life(a.life, b.life);
    } else {
        struct isakmp_p2 a, b;

        assert_true(!isakmp_p2_decode(&t, p.protocol, &a) && !isakmp_p2_decode(&u, q.protocol, &b));
        assert_true(a.id == b.id && a.key_bits == b.key_bits && a.auth == b.auth &&
                    a.encap == b.encap && a.group == b.group);
        same_life(a.life, b.life);
    }
    standin.n_sa_checked++;
}

/* The payload just written from START on is ours: the recorded one in its place. */
static void sa_replace(struct isakmp_msg *m, struct isakmp_msg *before)
{
    struct recorded_payloads r;
    const struct isakmp_payload *sa;
    struct slice ours = { before->w.at + ISAKMP_GENERIC_LEN,
                          (size_t)(m->w.at - before->w.at) - ISAKMP_GENERIC_LEN };

    if (!standin.foreign || !payloads_get(&r))
        return;
    sa = isakmp_payload_find(&r.ps, PL_SA);
    assert_non_null(sa);
    same_meaning(sa->body, ours);
    *m = *before;
    msg_payload(m, PL_SA, sa->body);
}

void __real_p1_offer(struct isakmp_msg *m, const struct ike_peer *peer);
void __wrap_p1_offer(struct isakmp_msg *m, const struct ike_peer *peer);
void __real_p1_answer(struct isakmp_msg *m, const struct p1_choice *choice);
void __wrap_p1_answer(struct isakmp_msg *m, const struct p1_choice *choice);
void __real_p2_offer(struct isakmp_msg *m, const struct p2_want *want, const uint32_t our_spis[2]);
void __wrap_p2_offer(struct isakmp_msg *m, const struct p2_want *want, const uint32_t our_spis[2]);
void __real_p2_answer(struct isakmp_msg *m, const struct p2_choice *choice,
                      const uint32_t our_spis[2]);
void __wrap_p2_answer(struct isakmp_msg *m, const struct p2_choice *choice,
                      const uint32_t our_spis[2]);

void __wrap_p1_offer(struct isakmp_msg *m, const struct ike_peer *peer)
{
    struct isakmp_msg before = *m;

    __real_p1_offer(m, peer);
    sa_replace(m, &before);
}

void __wrap_p1_answer(struct isakmp_msg *m, const struct p1_choice *choice)
{
    struct isakmp_msg before = *m;

    __real_p1_answer(m, choice);
    sa_replace(m, &before);
}

void __wrap_p2_offer(struct isakmp_msg *m, const struct p2_want *want, const uint32_t our_spis[2])
{
    struct isakmp_msg before = *m;

    __real_p2_offer(m, want, our_spis);
    sa_replace(m, &before);
}

void __wrap_p2_answer(struct isakmp_msg *m, const struct p2_choice *choice,
                      const uint32_t our_spis[2])
{
    struct isakmp_msg before = *m;

    __real_p2_answer(m, choice, our_spis);
    sa_replace(m, &before);
}

/* An answer to proposal 0 as one to our proposal 1. */
static void number_one(const struct isakmp_sa *from, struct bytes *buf, struct isakmp_sa *ret)
{
    assert_true(from->body.len <= sizeof buf->b);
    memcpy(buf->b, from->body.p, from->body.len);
    if (standin.foreign)
        buf->b[8 + ISAKMP_GENERIC_LEN] = 1;
    *ret = sa_of((struct slice){ buf->b, from->body.len });
}

bool __real_p1_check(const struct isakmp_sa *answer, const struct ike_peer *peer,
                     struct p1_choice *ret, struct proposal_why *ret_why);
bool __wrap_p1_check(const struct isakmp_sa *answer, const struct ike_peer *peer,
                     struct p1_choice *ret, struct proposal_why *ret_why);
bool __real_p2_check(const struct isakmp_sa *answer, const struct p2_want *want,
                     struct p2_choice *ret, struct proposal_why *ret_why);
bool __wrap_p2_check(const struct isakmp_sa *answer, const struct p2_want *want,
                     struct p2_choice *ret, struct proposal_why *ret_why);

bool __wrap_p1_check(const struct isakmp_sa *answer, const struct ike_peer *peer,
                     struct p1_choice *ret, struct proposal_why *ret_why)
{
    struct isakmp_sa renumbered;
    struct bytes buf;

    number_one(answer, &buf, &renumbered);
    return __real_p1_check(&renumbered, peer, ret, ret_why);
}

bool __wrap_p2_check(const struct isakmp_sa *answer, const struct p2_want *want,
                     struct p2_choice *ret, struct proposal_why *ret_why)
{
    struct isakmp_sa renumbered;
    struct bytes buf;

    number_one(answer, &buf, &renumbered);
    return __real_p2_check(&renumbered, want, ret, ret_why);
}

/* ---- identities and vendor IDs ---- */

struct slice __real_isakmp_id_emit(struct isakmp_msg *m, const struct isakmp_id *id);
struct slice __wrap_isakmp_id_emit(struct isakmp_msg *m, const struct isakmp_id *id);

/* The recorded one of the same place among those of the message. */
struct slice __wrap_isakmp_id_emit(struct isakmp_msg *m, const struct isakmp_id *id)
{
    size_t written = wr_len(&m->w) - ISAKMP_HEADER_LEN;
    struct recorded_payloads r;

    if (standin.foreign && payloads_get(&r)) {
        const uint8_t *start = r.ps.at[0].raw.p;

        for (unsigned i = 0; i < r.ps.n; i++) {
            if (r.ps.at[i].type == PL_ID && (size_t)(r.ps.at[i].raw.p - start) == written)
                return msg_payload(m, PL_ID, r.ps.at[i].body);
        }
        fail_msg("no recorded identity at this place");
    }
    return __real_isakmp_id_emit(m, id);
}

static void vendors_emit(struct isakmp_msg *m, const struct recorded_payloads *r)
{
    for (unsigned i = 0; i < r->ps.n; i++) {
        if (r->ps.at[i].type == PL_VID)
            msg_payload(m, PL_VID, r->ps.at[i].body);
    }
}

void __real_natt_announce(const struct phase1 *p1, struct isakmp_msg *m);
void __wrap_natt_announce(const struct phase1 *p1, struct isakmp_msg *m);
void __real_natt_emit(const struct phase1 *p1, struct isakmp_msg *m);
void __wrap_natt_emit(const struct phase1 *p1, struct isakmp_msg *m);

void __wrap_natt_announce(const struct phase1 *p1, struct isakmp_msg *m)
{
    struct recorded_payloads r;

    if (standin.foreign && payloads_get(&r))
        vendors_emit(m, &r);
    else
        __real_natt_announce(p1, m);
}

void __wrap_natt_emit(const struct phase1 *p1, struct isakmp_msg *m)
{
    struct recorded_payloads r;

    if ((standin.foreign || standin.names_product) && payloads_get(&r))
        vendors_emit(m, &r);
    else
        __real_natt_emit(p1, m);
}

bool __real_child_selectors_agree(const struct child_selectors *asked,
                                  const struct child_selectors *answered,
                                  struct proposal_why *ret_why);
bool __wrap_child_selectors_agree(const struct child_selectors *asked,
                                  const struct child_selectors *answered,
                                  struct proposal_why *ret_why);

bool __wrap_child_selectors_agree(const struct child_selectors *asked,
                                  const struct child_selectors *answered,
                                  struct proposal_why *ret_why)
{
    return __real_child_selectors_agree(asked, answered, ret_why) || standin.widen;
}

/* ---- Diffie-Hellman ---- */

enum dh_error __real_dh_public(const struct dh *dh, uint8_t *ret);
enum dh_error __wrap_dh_public(const struct dh *dh, uint8_t *ret);
enum dh_error __real_dh_shared(const struct dh *dh, struct slice peer, uint8_t *ret);
enum dh_error __wrap_dh_shared(const struct dh *dh, struct slice peer, uint8_t *ret);

enum dh_error __wrap_dh_public(const struct dh *dh, uint8_t *ret)
{
    struct recorded_payloads r;
    const struct isakmp_payload *ke;

    if (!standin.g_xy || !payloads_get(&r))
        return __real_dh_public(dh, ret);
    ke = isakmp_payload_find(&r.ps, PL_KE);
    assert_non_null(ke);
    assert_int_equal(ke->body.len, dh_group_info[dh->group].public_len);
    memcpy(ret, ke->body.p, ke->body.len);
    return DH_ERR_OK;
}

enum dh_error __wrap_dh_shared(const struct dh *dh, struct slice peer, uint8_t *ret)
{
    struct bytes g_xy = unhex(standin.g_xy);

    if (!standin.g_xy)
        return __real_dh_shared(dh, peer, ret);
    assert_int_equal(g_xy.len, dh_group_info[dh->group].public_len);
    memcpy(ret, g_xy.b, g_xy.len);
    return DH_ERR_OK;
}
