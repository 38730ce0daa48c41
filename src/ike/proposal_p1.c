/* Phase 1 offers: RFC 2409 5 and appendix A. */
#include "dh.h"
#include "proposal_why.h"

#include <stdio.h>

static struct isakmp_life p1_life(const struct ike_peer *peer)
{
    return life_from_config(peer->lifetime_s, peer->lifebytes);
}

static uint16_t p1_key_bits(enum cipher_alg cipher)
{
    return cipher_info[cipher].ike_cipher == IKE_ENC_AES ? cipher_info[cipher].key_len * 8 : 0;
}

static uint16_t p1_auth(enum ike_auth_method auth)
{
    return auth == IKE_RSA_SIGNATURE ? IKE_AUTH_RSA : IKE_AUTH_PSK;
}

/* The transform of a peer entry: what we offer and what we compare offers with. */
static struct isakmp_p1 p1_transform(const struct ike_peer *peer)
{
    return (struct isakmp_p1){
        .number = 1,
        .encryption = cipher_info[peer->cipher].ike_cipher,
        .key_bits = p1_key_bits(peer->cipher),
        .hash = auth_info[peer->hash].attribute, /* 1 and 2, in both phases */
        .auth = p1_auth(peer->auth),
        .group = (uint16_t)peer->group,
        .life = p1_life(peer),
    };
}

void p1_offer(struct isakmp_msg *m, const struct ike_peer *peer)
{
    const struct isakmp_p1 t = p1_transform(peer);

    isakmp_sa_open(m);
    isakmp_proposal_open(m, 1, ISAKMP_PROTO_ISAKMP, (struct slice){ 0 });
    isakmp_p1_emit(m, &t);
    msg_close(m);
    msg_close(m);
}

char *p1_offer_text(const struct ike_peer *peer, char *buf)
{
    const struct isakmp_life life = p1_life(peer);
    char group[ISAKMP_NAME_TEXT_MAX], time[LIFE_TEXT_MAX];

    snprintf(buf, PROPOSAL_OFFER_TEXT_MAX, "%s %s %s, %s, lifetime %s",
             cipher_info[peer->cipher].name, auth_info[peer->hash].name,
             group_text((uint16_t)peer->group, group),
             peer->auth == IKE_RSA_SIGNATURE ? "rsa-signature" : "pre-shared-key",
             life_seconds_text(life.seconds, time));
    return buf;
}

/* ---- comparing ---- */

static const char *encryption_text(const struct isakmp_p1 *t, char *buf)
{
    char number[ISAKMP_NAME_TEXT_MAX];
    const char *name = isakmp_name_text(NAMES_IKE_ENCRYPTION, t->encryption, number);

    snprintf(buf, 2 * ISAKMP_NAME_TEXT_MAX, t->key_bits ? "%s-%u" : "%s", name, t->key_bits);
    return buf;
}

static void p1_compare(const struct isakmp_p1 *t, const struct isakmp_p1 *want, struct reason *r)
{
    char theirs[2 * ISAKMP_NAME_TEXT_MAX], ours[2 * ISAKMP_NAME_TEXT_MAX];

    if ((t->encryption != want->encryption || t->key_bits != want->key_bits) && reason_note(r))
        reason_add(r, "encryption: peer offers %s, we want %s", encryption_text(t, theirs),
                   encryption_text(want, ours));
    if (t->hash != want->hash && reason_note(r))
        reason_add(r, "hash: peer offers %s, we want %s",
                   isakmp_name_text(NAMES_IKE_HASH, t->hash, theirs),
                   isakmp_name_text(NAMES_IKE_HASH, want->hash, ours));
    if (t->auth != want->auth && reason_note(r))
        reason_add(r, "auth-method: peer offers %s, we want %s",
                   isakmp_name_text(NAMES_IKE_AUTH, t->auth, theirs),
                   isakmp_name_text(NAMES_IKE_AUTH, want->auth, ours));
    if (t->group != want->group && reason_note(r))
        reason_add(r, "dh-group: peer offers %s, we want %s", group_text(t->group, theirs),
                   group_text(want->group, ours));
}

/* proposal-check, phase 1. A limit in bytes needs no agreement, since either side may renew when
 * its own is reached: only exact refuses over it. OFFERED has its default filled in; RET is the
 * lifetime in force. */
static void p1_life_check(struct isakmp_life offered, const struct ike_peer *peer, struct reason *r,
                          struct isakmp_life *ret)
{
    const struct isakmp_life ours = p1_life(peer);
    char theirs_text[LIFE_TEXT_MAX], ours_text[LIFE_TEXT_MAX];
    bool time_ok = true, bytes_ok = true;
    const char *most = "";

    switch (peer->check) {
    case IKE_CHECK_OBEY:
        break;
    case IKE_CHECK_STRICT:
    case IKE_CHECK_CLAIM:
        time_ok = !ours.seconds || offered.seconds <= ours.seconds;
        most = "at most ";
        break;
    case IKE_CHECK_EXACT:
        time_ok = offered.seconds == life_or_default(ours).seconds;
        bytes_ok = offered.kilobytes == ours.kilobytes;
        break;
    }
    if (!time_ok && reason_note(r))
        reason_add(r, "lifetime: peer offers %s, we want %s%s (proposal-check=%s)",
                   life_seconds_text(offered.seconds, theirs_text), most,
                   life_seconds_text(ours.seconds, ours_text), proposal_check_name(peer->check));
    if (!bytes_ok && reason_note(r))
        reason_add(r, "lifebytes: peer offers %s, we want %s (proposal-check=%s)",
                   life_kilobytes_text(offered.kilobytes, theirs_text),
                   life_kilobytes_text(ours.kilobytes, ours_text),
                   proposal_check_name(peer->check));
    *ret = life_clamp(peer->check == IKE_CHECK_OBEY ? offered : life_shorter(offered, ours), ours);
}

/* ---- responder ---- */

static struct p1_choice p1_chosen(const struct ike_peer *peer, uint8_t proposal,
                                  const struct isakmp_transform *t, struct isakmp_life given,
                                  struct isakmp_life life)
{
    struct p1_choice c = { .cipher = peer->cipher,
                           .hash = peer->hash,
                           .auth = peer->auth,
                           .group = (uint16_t)peer->group,
                           .life = life,
                           .given = given,
                           .proposal = proposal,
                           .echo_len = (uint16_t)t->body.len };

    memcpy(c.echo, t->body.p, t->body.len);
    return c;
}

static bool p1_transform_fits(const struct isakmp_transform *t, const struct ike_peer *peer,
                              struct reason *r, struct isakmp_life *ret_given,
                              struct isakmp_life *ret_life)
{
    const struct isakmp_p1 want = p1_transform(peer);
    struct isakmp_p1 p1;
    const enum isakmp_skip skip = isakmp_p1_decode(t, &p1);

    if (skip != SKIP_NONE || t->body.len > PROPOSAL_ECHO_MAX) {
        reason_add(r, "%s", isakmp_skip_text(skip != SKIP_NONE ? skip : SKIP_ATTR_FORM));
        return false;
    }
    p1_compare(&p1, &want, r);
    p1_life_check(life_or_default(p1.life), peer, r, ret_life);
    *ret_given = p1.life;
    return !r->differs;
}

static bool p1_choose_in(const struct isakmp_proposal *p, const struct ike_peer *peer,
                         struct why_list *why, struct p1_choice *ret)
{
    struct rd it = rd_of(p->transforms);
    struct isakmp_transform t;

    while (isakmp_transform_next(&it, &t)) {
        struct reason r = why_reason(why);
        struct isakmp_life given, life;

        if (p1_transform_fits(&t, peer, &r, &given, &life)) {
            *ret = p1_chosen(peer, p->number, &t, given, life);
            return true;
        }
        why_add(why, p->number, t.number, &r);
    }
    return false;
}

bool p1_choose(const struct isakmp_sa *offer, const struct ike_peer *peer, struct p1_choice *ret,
               struct proposal_why *ret_why)
{
    struct rd it = rd_of(offer->proposals);
    struct isakmp_proposal p;
    struct why_list why;

    why_begin(&why, ret_why, offer, NOTIFY_NO_PROPOSAL_CHOSEN);
    while (isakmp_proposal_next(&it, &p)) {
        const enum isakmp_skip skip = isakmp_p1_proposal_check(&p);
        struct reason r = why_reason(&why);

        if (skip == SKIP_NONE) {
            if (p1_choose_in(&p, peer, &why, ret))
                return true;
            continue;
        }
        reason_add(&r, "%s", isakmp_skip_text(skip));
        why_add(&why, p.number, 0, &r);
    }
    why_end(&why);
    return false;
}

void p1_answer(struct isakmp_msg *m, const struct p1_choice *choice)
{
    isakmp_sa_open(m);
    isakmp_proposal_open(m, choice->proposal, ISAKMP_PROTO_ISAKMP, (struct slice){ 0 });
    msg_payload(m, PL_TRANSFORM, (struct slice){ choice->echo, choice->echo_len });
    msg_close(m);
    msg_close(m);
}

/* ---- initiator ---- */

/* The one transform of an answer, or false and the reason. Its number does not count, since some
 * peers (the responder of recorded_rub.h) number their answers anew; what it says does. */
static bool p1_answer_only(const struct isakmp_sa *answer, struct isakmp_transform *ret,
                           struct proposal_why *ret_why)
{
    struct rd proposals = rd_of(answer->proposals);
    struct isakmp_proposal p, second;

    if (!isakmp_proposal_next(&proposals, &p) || isakmp_proposal_next(&proposals, &second) ||
        p.n_transforms != 1) {
        why_set(ret_why, NOTIFY_BAD_PROPOSAL_SYNTAX, "answer holds more than one choice");
        return false;
    }
    struct rd transforms = rd_of(p.transforms);
    if (isakmp_p1_proposal_check(&p) != SKIP_NONE || p.number != 1 ||
        !isakmp_transform_next(&transforms, ret)) {
        why_set(ret_why, NOTIFY_BAD_PROPOSAL_SYNTAX,
                "answer chooses a proposal that we did not offer");
        return false;
    }
    return true;
}

bool p1_check(const struct isakmp_sa *answer, const struct ike_peer *peer, struct p1_choice *ret,
              struct proposal_why *ret_why)
{
    const struct isakmp_p1 offered = p1_transform(peer);
    struct isakmp_transform t;
    struct isakmp_p1 p1;
    struct reason r = { 0 };

    if (!p1_answer_only(answer, &t, ret_why))
        return false;
    const enum isakmp_skip skip = isakmp_p1_decode(&t, &p1);
    if (skip != SKIP_NONE || t.body.len > PROPOSAL_ECHO_MAX) {
        why_set(ret_why, NOTIFY_BAD_PROPOSAL_SYNTAX, "answer unusable: %s",
                isakmp_skip_text(skip != SKIP_NONE ? skip : SKIP_ATTR_FORM));
        return false;
    }
    p1_compare(&p1, &offered, &r);
    if (r.differs) {
        why_set(ret_why, NOTIFY_BAD_PROPOSAL_SYNTAX, "answer is not what we offered: %s", r.s);
        return false;
    }
    *ret =
        p1_chosen(peer, 1, &t, p1.life,
                  life_clamp(life_shorter(p1.life, life_or_default(offered.life)), offered.life));
    ret->life_differs =
        p1.life.seconds != offered.life.seconds || p1.life.kilobytes != offered.life.kilobytes;
    return true;
}
