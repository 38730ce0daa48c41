/* Phase 2 offers: RFC 2407 4.4 and 4.5, RFC 2409 5.5, RFC 3947 5. */
#include "dh.h"
#include "proposal_why.h"

#include <assert.h>
#include <stdio.h>

/* Strongest first. */
static const enum cipher_alg cipher_order[] = { CIPHER_AES_256, CIPHER_AES_192, CIPHER_AES_128,
                                                CIPHER_3DES,    CIPHER_DES,     CIPHER_NULL };
static const enum auth_alg auth_order[] = { AUTH_SHA1, AUTH_MD5, AUTH_NONE };

enum {
    N_CIPHERS = sizeof cipher_order / sizeof *cipher_order,
    N_AUTHS = sizeof auth_order / sizeof *auth_order,
    P2_OFFER_MAX = N_CIPHERS * N_AUTHS
};

static bool wants_cipher(const struct p2_want *want, enum cipher_alg c)
{
    return want->proposal->ciphers & 1u << c;
}

static bool wants_auth(const struct p2_want *want, enum auth_alg a)
{
    return want->proposal->auth_algs & 1u << a;
}

static struct isakmp_life p2_life(const struct p2_want *want)
{
    return life_from_config(want->proposal->lifetime_s, want->proposal->lifebytes);
}

static uint16_t key_bits(enum cipher_alg c)
{
    return cipher_info[c].esp_transform == IPSEC_ESP_AES ? cipher_info[c].key_len * 8 : 0;
}

/* With both protocols AH goes around ESP, which is the tunnel: one outer header, not two. */
static uint16_t encap_wanted(const struct p2_want *want, uint8_t protocol)
{
    const bool inner_is_tunnel = want->protocols == (IKE_PROTO_ESP | IKE_PROTO_AH);
    const bool tunnel = want->tunnel && !(protocol == ISAKMP_PROTO_AH && inner_is_tunnel);

    switch (want->encap) {
    case P2_ENCAP_PLAIN:
        break;
    case P2_ENCAP_UDP:
        return tunnel ? IPSEC_ENCAP_UDP_TUNNEL : IPSEC_ENCAP_UDP_TRANSPORT;
    case P2_ENCAP_UDP_DRAFT:
        return tunnel ? IPSEC_ENCAP_UDP_TUNNEL_DRAFT : IPSEC_ENCAP_UDP_TRANSPORT_DRAFT;
    }
    return tunnel ? IPSEC_ENCAP_TUNNEL : IPSEC_ENCAP_TRANSPORT;
}

/* ---- what we offer ---- */

static struct isakmp_p2 p2_transform(const struct p2_want *want, uint8_t protocol,
                                     enum cipher_alg c, enum auth_alg a, unsigned number)
{
    const bool esp = protocol == ISAKMP_PROTO_ESP;

    return (struct isakmp_p2){
        .number = (uint8_t)number,
        .protocol = protocol,
        .id = esp ? cipher_info[c].esp_transform : auth_info[a].ah_transform,
        .key_bits = esp ? key_bits(c) : 0,
        .auth = auth_info[a].attribute,
        .encap = encap_wanted(want, protocol),
        .group = (uint16_t)want->proposal->pfs_group,
        .life = p2_life(want),
    };
}

struct p2_offered {
    struct isakmp_p2 t[P2_OFFER_MAX];
    enum cipher_alg cipher[P2_OFFER_MAX];
    enum auth_alg auth[P2_OFFER_MAX];
    unsigned n;
};

static void offered_add(struct p2_offered *o, const struct p2_want *want, uint8_t protocol,
                        enum cipher_alg c, enum auth_alg a)
{
    o->cipher[o->n] = c;
    o->auth[o->n] = a;
    o->t[o->n] = p2_transform(want, protocol, c, a, o->n + 1);
    o->n++;
}

/* Transforms of one protocol, numbered from 1. The same every time for the same WANT. */
static struct p2_offered p2_offered(const struct p2_want *want, uint8_t protocol)
{
    struct p2_offered o = { .n = 0 };

    if (protocol == ISAKMP_PROTO_AH) {
        for (size_t a = 0; a < N_AUTHS; a++)
            if (auth_order[a] != AUTH_NONE && wants_auth(want, auth_order[a]))
                offered_add(&o, want, protocol, CIPHER_NONE, auth_order[a]);
        return o;
    }
    for (size_t c = 0; c < N_CIPHERS; c++) {
        for (size_t a = 0; a < N_AUTHS; a++) {
            const bool nothing = cipher_order[c] == CIPHER_NULL && auth_order[a] == AUTH_NONE;

            if (!nothing && wants_cipher(want, cipher_order[c]) && wants_auth(want, auth_order[a]))
                offered_add(&o, want, protocol, cipher_order[c], auth_order[a]);
        }
    }
    return o;
}

bool p2_possible(const struct p2_want *want, struct proposal_why *ret_why)
{
    const bool esp = want->protocols & IKE_PROTO_ESP, ah = want->protocols & IKE_PROTO_AH;
    const uint16_t notify = NOTIFY_NO_PROPOSAL_CHOSEN;
    const char *name = want->proposal->name;

    if (!esp && !ah)
        why_set(ret_why, notify, "policy wants neither esp nor ah");
    else if (ah && want->encap != P2_ENCAP_PLAIN)
        why_set(ret_why, notify, "NAT on the way, which ah cannot pass: use ipsec-protocols=esp");
    else if (esp && !p2_offered(want, ISAKMP_PROTO_ESP).n)
        why_set(ret_why, notify, "proposal %s leaves esp without encryption and authentication",
                name);
    else if (ah && !p2_offered(want, ISAKMP_PROTO_AH).n)
        why_set(ret_why, notify, "proposal %s has no auth-algorithms for ah", name);
    else
        return true;
    return false;
}

static void p2_proposal_open(struct isakmp_msg *m, uint8_t number, uint8_t protocol, uint32_t spi)
{
    uint8_t spi_be[4];

    be32_put(spi_be, spi);
    isakmp_proposal_open(m, number, protocol, (struct slice){ spi_be, sizeof spi_be });
}

static uint32_t spi_for(uint8_t protocol, const uint32_t our_spis[2])
{
    return our_spis[protocol == ISAKMP_PROTO_AH ? P2_AH : P2_ESP];
}

static void p2_offer_one(struct isakmp_msg *m, const struct p2_want *want, uint8_t protocol,
                         const uint32_t our_spis[2])
{
    const struct p2_offered o = p2_offered(want, protocol);

    p2_proposal_open(m, 1, protocol, spi_for(protocol, our_spis));
    for (unsigned i = 0; i < o.n; i++)
        isakmp_p2_emit(m, &o.t[i]);
    msg_close(m);
}

void p2_offer(struct isakmp_msg *m, const struct p2_want *want, const uint32_t our_spis[2])
{
    isakmp_sa_open(m);
    if (want->protocols & IKE_PROTO_ESP)
        p2_offer_one(m, want, ISAKMP_PROTO_ESP, our_spis);
    if (want->protocols & IKE_PROTO_AH)
        p2_offer_one(m, want, ISAKMP_PROTO_AH, our_spis);
    msg_close(m);
}

/* ---- words ---- */

#define LIST_TEXT_MAX 64

static void list_add(char *buf, const char *name)
{
    const size_t len = strlen(buf);

    snprintf(buf + len, LIST_TEXT_MAX - len, "%s%s", len ? " or " : "", name);
}

static const char *ciphers_text(const struct p2_want *want, char *buf)
{
    buf[0] = '\0';
    for (size_t i = 0; i < N_CIPHERS; i++)
        if (wants_cipher(want, cipher_order[i]))
            list_add(buf, cipher_info[cipher_order[i]].name);
    return buf;
}

static const char *auth_name(enum auth_alg a)
{
    return a == AUTH_NONE ? "null" : auth_info[a].name; /* as the console has it */
}

static const char *auths_text(const struct p2_want *want, bool for_ah, char *buf)
{
    buf[0] = '\0';
    for (size_t i = 0; i < N_AUTHS; i++)
        if (wants_auth(want, auth_order[i]) && !(for_ah && auth_order[i] == AUTH_NONE))
            list_add(buf, auth_name(auth_order[i]));
    return buf;
}

static const char *cipher_text(const struct isakmp_p2 *t, char *buf)
{
    char number[ISAKMP_NAME_TEXT_MAX];
    const char *name = isakmp_name_text(isakmp_transform_names(t->protocol), t->id, number);

    snprintf(buf, LIST_TEXT_MAX, t->key_bits ? "%s-%u" : "%s", name, t->key_bits);
    return buf;
}

static const char *auth_text(const struct isakmp_p2 *t, char *buf)
{
    return t->auth ? isakmp_name_text(NAMES_IPSEC_AUTH, t->auth, buf) : "null";
}

static const char *encap_text(uint16_t encap, char *buf)
{
    return encap ? isakmp_name_text(NAMES_IPSEC_ENCAP, encap, buf) : "nothing";
}

static const char *protocols_text(uint8_t protocols)
{
    static const char *const names[] = { "neither", "esp", "ah", "esp and ah" };

    return names[protocols & 3];
}

char *p2_offer_text(const struct p2_want *want, char *buf)
{
    const bool esp = want->protocols & IKE_PROTO_ESP;
    const struct isakmp_life life = p2_life(want);
    char ciphers[LIST_TEXT_MAX], auths[LIST_TEXT_MAX];
    char group[ISAKMP_NAME_TEXT_MAX], time[LIFE_TEXT_MAX];

    snprintf(buf, PROPOSAL_OFFER_TEXT_MAX, "%s %s%s%s%s, %s, pfs-group %s, lifetime %s",
             protocols_text(want->protocols), want->tunnel ? "tunnel" : "transport",
             want->encap == P2_ENCAP_PLAIN ? "" : " in UDP", esp ? ", " : "",
             esp ? ciphers_text(want, ciphers) : "", auths_text(want, !esp, auths),
             group_text((uint16_t)want->proposal->pfs_group, group),
             life_seconds_text(life.seconds, time));
    return buf;
}

/* ---- responder ---- */

/* What a transform of the peer would mean for us. */
struct p2_fit {
    enum cipher_alg cipher;
    enum auth_alg auth;
    uint16_t group;
    struct isakmp_life given, life;
    bool tell_life;
};

static bool key_length_fits(enum ike_proposal_check check, unsigned offered, unsigned wanted)
{
    switch (check) {
    case IKE_CHECK_OBEY:
        return true;
    case IKE_CHECK_STRICT:
    case IKE_CHECK_CLAIM:
        return offered >= wanted;
    case IKE_CHECK_EXACT:
        return offered == wanted;
    }
    return false;
}

static bool cipher_fits(const struct p2_want *want, enum cipher_alg offered)
{
    if (!key_bits(offered))
        return wants_cipher(want, offered);
    for (size_t i = 0; i < N_CIPHERS; i++) {
        const enum cipher_alg ours = cipher_order[i];

        if (key_bits(ours) && wants_cipher(want, ours) &&
            key_length_fits(want->check, key_bits(offered), key_bits(ours)))
            return true;
    }
    return false;
}

static enum cipher_alg cipher_of(const struct isakmp_p2 *t)
{
    for (size_t i = 0; i < N_CIPHERS; i++)
        if (cipher_info[cipher_order[i]].esp_transform == t->id &&
            key_bits(cipher_order[i]) == t->key_bits)
            return cipher_order[i];
    return CIPHER_NONE;
}

static enum auth_alg auth_of(const struct isakmp_p2 *t)
{
    for (size_t i = 0; i < N_AUTHS; i++)
        if (auth_info[auth_order[i]].attribute == t->auth)
            return auth_order[i];
    return AUTH_COUNT;
}

/* A transform with neither cipher nor authentication does not get here: isakmp_p2_decode(). */
static void algs_check(const struct isakmp_p2 *t, const struct p2_want *want, struct reason *r,
                       struct p2_fit *ret)
{
    const bool esp = t->protocol == ISAKMP_PROTO_ESP;
    const enum cipher_alg cipher = esp ? cipher_of(t) : CIPHER_NONE;
    const enum auth_alg auth = auth_of(t);
    const bool auth_ok = auth != AUTH_COUNT && wants_auth(want, auth) && (esp || auth != AUTH_NONE);
    char theirs[LIST_TEXT_MAX], ours[LIST_TEXT_MAX];

    if (esp && (cipher == CIPHER_NONE || !cipher_fits(want, cipher)) && reason_note(r))
        reason_add(r, "encryption: peer offers %s, we want %s", cipher_text(t, theirs),
                   ciphers_text(want, ours));
    if (!auth_ok && reason_note(r))
        reason_add(r, "authentication: peer offers %s, we want %s", auth_text(t, theirs),
                   auths_text(want, !esp, ours));
    ret->cipher = cipher;
    ret->auth = auth;
}

static void encap_check(const struct isakmp_p2 *t, const struct p2_want *want, struct reason *r)
{
    char theirs[ISAKMP_NAME_TEXT_MAX], ours[ISAKMP_NAME_TEXT_MAX];
    const uint16_t wanted = encap_wanted(want, t->protocol);

    if (t->encap != wanted && reason_note(r))
        reason_add(r, "encapsulation: peer offers %s, we want %s", encap_text(t->encap, theirs),
                   encap_text(wanted, ours));
}

static void group_check(const struct isakmp_p2 *t, const struct p2_want *want, struct reason *r)
{
    const uint16_t ours = (uint16_t)want->proposal->pfs_group;
    const bool supported = !t->group || dh_group_from_number(t->group) != DH_NONE;
    char theirs_text[ISAKMP_NAME_TEXT_MAX], ours_text[ISAKMP_NAME_TEXT_MAX];
    bool ok = supported;

    switch (want->check) {
    case IKE_CHECK_OBEY:
        break;
    case IKE_CHECK_STRICT:
    case IKE_CHECK_CLAIM:
        ok = ok && (!ours || t->group == ours);
        break;
    case IKE_CHECK_EXACT:
        ok = ok && t->group == ours;
        break;
    }
    if (!ok && reason_note(r))
        reason_add(r, "pfs-group: peer offers %s, %swe want %s", group_text(t->group, theirs_text),
                   supported ? "" : "which we cannot; ", group_text(ours, ours_text));
}

static bool longer(uint64_t offered, uint64_t ours)
{
    return ours && (!offered || offered > ours);
}

/* proposal-check, phase 2: the same for time and for bytes. */
static bool life_fits(enum ike_proposal_check check, uint64_t offered, uint64_t ours)
{
    switch (check) {
    case IKE_CHECK_OBEY:
    case IKE_CHECK_CLAIM:
        return true;
    case IKE_CHECK_STRICT:
        return !longer(offered, ours);
    case IKE_CHECK_EXACT:
        return offered == ours;
    }
    return false;
}

static void life_check(const struct isakmp_p2 *t, const struct p2_want *want, struct reason *r,
                       struct p2_fit *ret)
{
    const struct isakmp_life offered = life_or_default(t->life), ours = p2_life(want);
    const uint64_t ours_s =
        want->check == IKE_CHECK_EXACT ? life_or_default(ours).seconds : ours.seconds;
    const char *most = want->check == IKE_CHECK_STRICT ? "at most " : "";
    char theirs_text[LIFE_TEXT_MAX], ours_text[LIFE_TEXT_MAX];

    if (!life_fits(want->check, offered.seconds, ours_s) && reason_note(r))
        reason_add(r, "lifetime: peer offers %s, we want %s%s (proposal-check=%s)",
                   life_seconds_text(offered.seconds, theirs_text), most,
                   life_seconds_text(ours_s, ours_text), proposal_check_name(want->check));
    if (!life_fits(want->check, offered.kilobytes, ours.kilobytes) && reason_note(r))
        reason_add(r, "lifebytes: peer offers %s, we want %s%s (proposal-check=%s)",
                   life_kilobytes_text(offered.kilobytes, theirs_text), most,
                   life_kilobytes_text(ours.kilobytes, ours_text),
                   proposal_check_name(want->check));
    ret->given = t->life;
    ret->life = want->check == IKE_CHECK_CLAIM ? life_shorter(offered, ours) : offered;
    ret->life = life_clamp(ret->life, ours);
    ret->tell_life = want->check == IKE_CHECK_CLAIM && (longer(offered.seconds, ours.seconds) ||
                                                        longer(offered.kilobytes, ours.kilobytes));
}

static bool p2_transform_fits(const struct isakmp_transform *t, uint8_t protocol,
                              const struct p2_want *want, struct reason *r, struct p2_fit *ret)
{
    struct isakmp_p2 p2;
    const enum isakmp_skip skip = isakmp_p2_decode(t, protocol, &p2);

    if (skip != SKIP_NONE || t->body.len > PROPOSAL_ECHO_MAX) {
        reason_add(r, "%s", isakmp_skip_text(skip != SKIP_NONE ? skip : SKIP_ATTR_FORM));
        return false;
    }
    algs_check(&p2, want, r, ret);
    encap_check(&p2, want, r);
    group_check(&p2, want, r);
    life_check(&p2, want, r, ret);
    ret->group = p2.group;
    return !r->differs;
}

static struct p2_sa p2_sa_of(const struct isakmp_proposal *p, const struct isakmp_transform *t,
                             enum cipher_alg cipher, enum auth_alg auth)
{
    struct p2_sa sa = { .protocol = p->protocol,
                        .cipher = cipher,
                        .auth = auth,
                        .spi = be32_get(p->spi.p),
                        .echo_len = (uint16_t)t->body.len };

    memcpy(sa.echo, t->body.p, t->body.len);
    return sa;
}

/* One more SA of a bundle: one DH exchange and one lifetime serve them all. */
static void choice_add(struct p2_choice *c, const struct p2_sa *sa, const struct p2_fit *fit)
{
    if (c->n_sas == 0) {
        c->group = fit->group;
        c->life = fit->life;
        c->given = fit->given;
    }
    c->life = life_shorter(c->life, fit->life);
    c->given = life_shorter(c->given, fit->given);
    c->responder_lifetime = c->responder_lifetime || fit->tell_life;
    c->sas[c->n_sas++] = *sa;
}

static bool p2_choose_in(const struct isakmp_proposal *p, const struct p2_want *want,
                         struct why_list *why, struct p2_choice *c)
{
    struct rd it = rd_of(p->transforms);
    struct isakmp_transform t;

    while (isakmp_transform_next(&it, &t)) {
        struct reason r = why_reason(why);
        struct p2_fit fit;

        if (p2_transform_fits(&t, p->protocol, want, &r, &fit)) {
            if (c->n_sas == 0 || c->group == fit.group) {
                const struct p2_sa sa = p2_sa_of(p, &t, fit.cipher, fit.auth);

                choice_add(c, &sa, &fit);
                return true;
            }
            reason_add(&r, "pfs-group: differs between the protocols of the proposal");
        }
        why_add(why, p->number, t.number, &r);
    }
    return false;
}

static uint8_t bundle_protocols(const struct isakmp_bundle *b)
{
    uint8_t protocols = 0;

    for (unsigned i = 0; i < b->n; i++)
        protocols |= b->part[i].protocol == ISAKMP_PROTO_AH ? IKE_PROTO_AH : IKE_PROTO_ESP;
    return protocols;
}

static bool p2_choose_bundle(const struct isakmp_bundle *b, enum isakmp_skip skip,
                             const struct p2_want *want, struct why_list *why,
                             struct p2_choice *ret)
{
    struct p2_choice c = { .proposal = b->number };
    struct reason r = why_reason(why);

    if (skip != SKIP_NONE)
        reason_add(&r, "%s", isakmp_skip_text(skip));
    else if (bundle_protocols(b) != want->protocols)
        reason_add(&r, "protocols: peer offers %s, we want %s", protocols_text(bundle_protocols(b)),
                   protocols_text(want->protocols));
    if (r.differs) {
        why_add(why, b->number, 0, &r);
        return false;
    }
    for (unsigned i = 0; i < b->n; i++)
        if (!p2_choose_in(&b->part[i], want, why, &c))
            return false;
    *ret = c;
    return true;
}

bool p2_choose(const struct isakmp_sa *offer, const struct p2_want *want, struct p2_choice *ret,
               struct proposal_why *ret_why)
{
    struct rd it = rd_of(offer->proposals);
    struct isakmp_bundle b;
    enum isakmp_skip skip;
    struct why_list why;

    if (!p2_possible(want, ret_why))
        return false;
    why_begin(&why, ret_why, offer, NOTIFY_NO_PROPOSAL_CHOSEN);
    while (isakmp_bundle_next(&it, &b, &skip))
        if (p2_choose_bundle(&b, skip, want, &why, ret))
            return true;
    why_end(&why);
    return false;
}

void p2_answer(struct isakmp_msg *m, const struct p2_choice *choice, const uint32_t our_spis[2])
{
    isakmp_sa_open(m);
    for (unsigned i = 0; i < choice->n_sas; i++) {
        const struct p2_sa *sa = &choice->sas[i];

        p2_proposal_open(m, choice->proposal, sa->protocol, spi_for(sa->protocol, our_spis));
        msg_payload(m, PL_TRANSFORM, (struct slice){ sa->echo, sa->echo_len });
        msg_close(m);
    }
    msg_close(m);
}

/* ---- initiator ---- */

static void p2_compare(const struct isakmp_p2 *t, const struct isakmp_p2 *ours, struct reason *r)
{
    char a[LIST_TEXT_MAX], b[LIST_TEXT_MAX];

    if ((t->id != ours->id || t->key_bits != ours->key_bits) && reason_note(r))
        reason_add(r, "encryption: peer answers %s, we offered %s", cipher_text(t, a),
                   cipher_text(ours, b));
    if (t->auth != ours->auth && reason_note(r))
        reason_add(r, "authentication: peer answers %s, we offered %s", auth_text(t, a),
                   auth_text(ours, b));
    if (t->encap != ours->encap && reason_note(r))
        reason_add(r, "encapsulation: peer answers %s, we offered %s", encap_text(t->encap, a),
                   encap_text(ours->encap, b));
    if (t->group != ours->group && reason_note(r))
        reason_add(r, "pfs-group: peer answers %s, we offered %s", group_text(t->group, a),
                   group_text(ours->group, b));
}

/* The offered transform that T is, lifetimes aside; O->n when it is none. Its number does not
 * count: strongSwan numbers its answer 1 whichever it chose. */
static unsigned offered_find(const struct p2_offered *o, const struct isakmp_p2 *t)
{
    unsigned i = 0;

    while (i < o->n) {
        struct reason r = { .muted = true };

        p2_compare(t, &o->t[i], &r);
        if (!r.differs)
            break;
        i++;
    }
    return i;
}

/* One protocol of an answer: one transform, which we offered, unchanged but for its lifetime. */
static bool p2_check_part(const struct isakmp_proposal *p, const struct p2_want *want,
                          struct p2_choice *c, struct reason *r)
{
    const struct p2_offered o = p2_offered(want, p->protocol);
    const struct isakmp_life ours = p2_life(want);
    struct rd it = rd_of(p->transforms);
    struct isakmp_transform t;
    struct isakmp_p2 p2;

    if (p->n_transforms != 1 || !isakmp_transform_next(&it, &t)) {
        reason_add(r, "more than one transform");
        return false;
    }
    const enum isakmp_skip skip = isakmp_p2_decode(&t, p->protocol, &p2);
    if (skip != SKIP_NONE || t.body.len > PROPOSAL_ECHO_MAX) {
        reason_add(r, "%s", isakmp_skip_text(skip != SKIP_NONE ? skip : SKIP_ATTR_FORM));
        return false;
    }
    const unsigned i = offered_find(&o, &p2);
    if (i == o.n) { /* say what is wrong by the one with its number */
        p2_compare(&p2, &o.t[t.number >= 1 && t.number <= o.n ? t.number - 1 : 0], r);
        return false;
    }
    const struct p2_fit fit = { .group = p2.group,
                                .given = p2.life,
                                .life = life_clamp(life_shorter(p2.life, life_or_default(ours)),
                                                   ours) };
    const struct p2_sa sa = p2_sa_of(p, &t, o.cipher[i], o.auth[i]);
    choice_add(c, &sa, &fit);
    c->life_differs =
        c->life_differs || p2.life.seconds != ours.seconds || p2.life.kilobytes != ours.kilobytes;
    return true;
}

bool p2_check(const struct isakmp_sa *answer, const struct p2_want *want, struct p2_choice *ret,
              struct proposal_why *ret_why)
{
    struct rd it = rd_of(answer->proposals);
    struct p2_choice c = { .proposal = 1 };
    struct reason r = { 0 };
    struct isakmp_bundle b, second;
    enum isakmp_skip skip, second_skip;

    if (!isakmp_bundle_next(&it, &b, &skip) || isakmp_bundle_next(&it, &second, &second_skip))
        reason_add(&r, "more than one proposal");
    else if (skip != SKIP_NONE)
        reason_add(&r, "%s", isakmp_skip_text(skip));
    else if (b.number != 1)
        reason_add(&r, "not our proposal");
    else if (bundle_protocols(&b) != want->protocols)
        reason_add(&r, "protocols: peer answers %s, we offered %s",
                   protocols_text(bundle_protocols(&b)), protocols_text(want->protocols));
    for (unsigned i = 0; !r.differs && i < b.n; i++)
        if (!p2_check_part(&b.part[i], want, &c, &r))
            break;
    if (r.differs) {
        why_set(ret_why, NOTIFY_BAD_PROPOSAL_SYNTAX, "answer is not what we offered: %s", r.s);
        return false;
    }
    *ret = c;
    return true;
}
