#include "driver.h"

#include "exchange.h"
#include "informational.h"
#include "natt.h"
#include "phase1.h"
#include "phase1_mode.h"
#include "quick_mode.h"
#include "rekey.h"
#include "report.h"

#include <stdlib.h>

enum step_result driver_refuse(struct msg_in *in, enum ike_drop reason)
{
    in->drop = reason;
    return STEP_DROP;
}

struct slice driver_body(const struct msg_in *in, uint8_t type)
{
    const struct isakmp_payload *p = isakmp_payload_find(&in->payloads, type);

    return p ? p->body : (struct slice){ NULL, 0 };
}

void driver_authentic(struct phase1 *p1, const struct msg_in *in)
{
    p1->path = *in->path;
    p1->heard_ms = p1->ike->now_ms;
    p1->bytes += in->header.length;
}

static const struct step *row_find(const struct step_table *table, const struct exchange *ex)
{
    unsigned auth = 1u << ex->p1->peer->cfg.auth;

    for (size_t i = 0; i < table->n; i++) {
        const struct step *row = &table->rows[i];

        if (row->initiator == ex->initiator && row->from == ex->state &&
            (!row->auths || (row->auths & auth)))
            return row;
    }
    return NULL;
}

/* How often a payload may occur in one message. */
static unsigned most_of(const struct step *row, uint8_t type)
{
    switch (type) {
    case PL_VID:
    case PL_NOTIFY:
    case PL_DELETE:
    case PL_NATD:
    case PL_CERTREQ:
        return ISAKMP_PAYLOADS_MAX;
    case PL_CERT:
        return PKI_CHAIN_MAX;
    case PL_NATOA:
        return 2;
    case PL_ID: /* two in quick mode, where they may be missing */
        return row->may & BIT(PL_ID) ? 2 : 1;
    default:
        return 1;
    }
}

/* Required payloads there, no others than allowed, none too often. What we do not know is ignored
 * under protection and refused in the clear (RFC 2408 5.4: INVALID-PAYLOAD-TYPE is optional). */
static bool payloads_fit(const struct step *row, const struct isakmp_payloads *ps)
{
    uint64_t seen = 0;

    for (unsigned i = 0; i < ps->n; i++) {
        uint8_t type = ps->at[i].type;
        bool known = type < 64 && ((row->need | row->may) & BIT(type));

        if (!known && (!row->encrypted || type <= PL_VID))
            return false;
        if (!known)
            continue;
        if (isakmp_payload_count(ps, type) > most_of(row, type))
            return false;
        seen |= BIT(type);
    }
    return (seen & row->need) == row->need;
}

/* The body of an encrypted message in the clear, in the engine's buffer. */
static bool decrypt(struct exchange *ex, const uint8_t *bytes, size_t len, uint8_t *ret_next_iv,
                    struct rd *ret)
{
    const struct phase1 *p1 = ex->p1;
    struct slice key = { p1->enc_key, cipher_info[p1->cipher].key_len };
    uint8_t *body = p1->ike->in;
    size_t body_len = len - ISAKMP_HEADER_LEN;

    memcpy(body, bytes + ISAKMP_HEADER_LEN, body_len);
    if (cbc_open(p1->cipher, key, ex->iv, body, body_len, ret_next_iv) != CIPHER_ERR_OK)
        return false;
    *ret = rd_from(body, body_len);
    return true;
}

static enum step_result parse(struct exchange *ex, const struct step *row, struct msg_in *in,
                              const uint8_t *bytes, size_t len, uint8_t *next_iv)
{
    struct rd r = rd_from(bytes + ISAKMP_HEADER_LEN, len - ISAKMP_HEADER_LEN);
    bool encrypted = in->header.flags & ISAKMP_FLAG_ENCRYPTED;
    enum isakmp_tail tail = encrypted ? ISAKMP_TAIL_PADDING : ISAKMP_TAIL_NONE;

    if (encrypted ? !row->encrypted || !decrypt(ex, bytes, len, next_iv, &r)
                  : row->encrypted && !row->clear_too)
        return driver_refuse(in, IKE_DROP_ENCRYPTION);
    if (isakmp_payloads_parse(&r, in->header.next_payload, tail, &in->payloads) != ISAKMP_OK ||
        !payloads_fit(row, &in->payloads)) {
        /* A wrong key looks like this, too. */
        if (encrypted && ex->message_id == 0)
            report_stranger(ex->p1->ike, ex->p1->peer, in->path,
                            ex->p1->peer->cfg.auth == IKE_PRE_SHARED_KEY
                                ? "phase 1 message cannot be decrypted: the peer probably has "
                                  "another secret"
                                : "phase 1 message cannot be decrypted, or is none of ours");
        return driver_refuse(in, IKE_DROP_PAYLOAD);
    }
    return STEP_OK;
}

/* One message through one row. The IV moves on before the step, which may answer, and back when
 * the step refuses the message. */
static enum step_result step_run(struct exchange *ex, const struct step *row, struct msg_in *in,
                                 const uint8_t *bytes, size_t len)
{
    uint8_t next_iv[CIPHER_BLOCK_MAX] = { 0 }, old_iv[CIPHER_BLOCK_MAX];
    unsigned n_sent = ex->n_sent;
    enum step_result result;

    if (parse(ex, row, in, bytes, len, next_iv) != STEP_OK)
        return STEP_DROP;
    memcpy(old_iv, ex->iv, sizeof old_iv);
    if (in->header.flags & ISAKMP_FLAG_ENCRYPTED)
        memcpy(ex->iv, next_iv, sizeof next_iv);
    result = row->run(ex, in);
    if (result == STEP_DROP)
        memcpy(ex->iv, old_iv, sizeof old_iv);
    if (result != STEP_OK || ex->dead)
        return result;
    ex->state = row->to;
    ex->heard = true;
    ex->last_in = hash_bytes(&ex->p1->ike->hash_key, bytes, len);
    if (ex->n_sent == n_sent) {
        /* Nothing waits for an answer, and nothing answers this message again. */
        exchange_settle(ex);
    }
    return STEP_OK;
}

static bool is_duplicate(const struct exchange *ex, const uint8_t *bytes, size_t len)
{
    return ex->heard && ex->last_in == hash_bytes(&ex->p1->ike->hash_key, bytes, len);
}

static void run_existing(struct exchange *ex, const struct step_table *table, struct msg_in *in,
                         const uint8_t *bytes, size_t len)
{
    struct ike *ike = ex->p1->ike;
    const struct step *row;

    if (is_duplicate(ex, bytes, len)) {
        exchange_send_again(ex);
        return;
    }
    row = ex->job || ex->type != in->header.exchange ? NULL : row_find(table, ex);
    if (!row) {
        ike_drop(ike, IKE_DROP_STATE);
        return;
    }
    switch (step_run(ex, row, in, bytes, len)) {
    case STEP_OK:
        break;
    case STEP_DROP:
        ike_drop(ike, in->drop);
        break;
    case STEP_END:
        exchange_end(ex);
        break;
    }
}

/* ---- phase 1 ---- */

static void first_message(struct ike *ike, struct msg_in *in, const uint8_t *bytes, size_t len)
{
    struct peer *peer = peer_find(ike, &in->path->remote);
    const struct p1_mode *mode = p1_mode_of_exchange(in->header.exchange);
    struct phase1 *p1;
    const char *why;

    if (!peer) {
        ike_drop(ike, IKE_DROP_NO_PEER);
        report_no_peer(ike, in->path);
        return;
    }
    if (peer->cfg.mode != mode->mode) {
        ike_drop(ike, IKE_DROP_EXCHANGE);
        report_stranger(ike, peer, in->path, "exchange mode mismatched: my:%s peer:%s",
                        p1_mode_of(peer->cfg.mode)->title, mode->title);
        return;
    }
    if (!phase1_possible(ike, peer, &why)) {
        ike_drop(ike, IKE_DROP_NO_PEER);
        report_stranger(ike, peer, in->path, "%s", why);
        return;
    }
    p1 = phase1_new(ike, peer, in->path, false);
    memcpy(p1->cookies.i, in->header.cky_i, COOKIE_LEN);
    if (step_run(p1->main, row_find(mode->steps, p1->main), in, bytes, len) == STEP_OK) {
        report_phase1(p1, IKE_REPORT_INFO, REPORT_PLAIN, "respond new phase 1 (%s):", mode->title);
        return;
    }
    ike_drop(ike, in->drop);
    phase1_end(p1);
}

static bool same_source(const struct ike_path *a, const struct ike_path *b)
{
    return ip_addr_equal(&a->remote, &b->remote) && a->remote_port == b->remote_port &&
           ip_addr_equal(&a->local, &b->local);
}

static void phase1_message(struct phase1 *p1, struct msg_in *in, const uint8_t *bytes, size_t len)
{
    /* Behind a NAT found in message 2 of aggressive mode, HASH_I comes from port 4500. */
    bool floats = in->path->local_port == NATT_PORT && p1->nat_rfc3947 &&
                  ip_addr_equal(&p1->path.remote, &in->path->remote);
    bool clear = !(in->header.flags & ISAKMP_FLAG_ENCRYPTED);

    if (in->header.message_id != 0) {
        ike_drop(p1->ike, IKE_DROP_MESSAGE_ID);
        return;
    }
    /* What nothing protects has to come from where it began. */
    if (clear && !floats && !same_source(&p1->path, in->path)) {
        ike_drop(p1->ike, IKE_DROP_COOKIES);
        return;
    }
    /* Without our cookie a first message may be repeated. Anything else would be an answer from
     * somebody who need not have seen ours, and cost us Diffie-Hellman. */
    if (isakmp_cookie_is_zero(in->header.cky_r) && !is_duplicate(p1->main, bytes, len)) {
        ike_drop(p1->ike, IKE_DROP_COOKIES);
        return;
    }
    run_existing(p1->main, p1->mode->steps, in, bytes, len);
}

/* ---- under phase 1 ---- */

static bool quick_room(const struct phase1 *p1)
{
    return p1->n_quick_theirs < IKE_QUICK_MODES_PER_SA;
}

/* An exchange the peer starts comes to be only when its first message is found authentic. */
static void new_exchange(struct phase1 *p1, const struct step_table *table, struct msg_in *in,
                         const uint8_t *bytes, size_t len)
{
    struct ike *ike = p1->ike;
    struct exchange *ex;

    if (in->header.message_id == 0 || exchange_id_is_used(p1, in->header.message_id)) {
        ike_drop(ike, IKE_DROP_MESSAGE_ID);
        return;
    }
    if (in->header.exchange == EXCHANGE_QUICK && !quick_room(p1)) {
        ike_drop(ike, IKE_DROP_LIMIT);
        return;
    }
    ex = exchange_new(p1, in->header.exchange, false, in->header.message_id);
    switch (step_run(ex, &table->rows[0], in, bytes, len)) {
    case STEP_OK:
        break;
    case STEP_DROP:
        ike_drop(ike, in->drop);
        exchange_forget(ex);
        break;
    case STEP_END:
        if (!p1->dead)
            exchange_end(ex);
        break;
    }
}

/* The peer takes phase 1 for done, and right behind its last message begins a quick mode. We still
 * compute, or that last message is late: it is kept, and a lost message 3 of aggressive mode asked
 * for by sending message 2 again. */
static void early_keep(struct phase1 *p1, const struct msg_in *in, const uint8_t *bytes, size_t len)
{
    bool awaits_message3 =
        !p1->initiator && p1->mode->mode == IKE_AGGRESSIVE && p1->main->state == P1_MSG1_SENT;

    if (in->header.exchange != EXCHANGE_QUICK || (!p1->main->job && !awaits_message3) ||
        !ip_addr_equal(&p1->path.remote, &in->path->remote) || len > IKE_EARLY_BYTES_MAX) {
        ike_drop(p1->ike, IKE_DROP_STATE);
        return;
    }
    body_keep(&p1->early, (struct slice){ bytes, len });
    p1->early_path = *in->path;
    if (awaits_message3)
        exchange_send_again(p1->main);
}

static void phase2_message(struct phase1 *p1, const struct step_table *table, struct msg_in *in,
                           const uint8_t *bytes, size_t len)
{
    struct exchange *ex;

    if (!(in->header.flags & ISAKMP_FLAG_ENCRYPTED)) {
        ike_drop(p1->ike, IKE_DROP_ENCRYPTION);
        informational_in_clear(p1, in, bytes, len);
        return;
    }
    if (p1->main->state != P1_UP) {
        p1->unreadable |= p1->initiator && !p1->main->job && p1->main->state == P1_MSG3_SENT;
        early_keep(p1, in, bytes, len);
        return;
    }
    ex = in->header.message_id ? exchange_find(p1, in->header.message_id) : NULL;
    if (ex)
        run_existing(ex, table, in, bytes, len);
    else
        new_exchange(p1, table, in, bytes, len);
    if (!p1->dead)
        rekey_phase1_look(p1);
}

/* ---- datagrams ---- */

static enum ike_drop drop_of_error(enum isakmp_error e)
{
    switch (e) {
    case ISAKMP_SHORT:
    case ISAKMP_LENGTH:
        return IKE_DROP_SHORT;
    case ISAKMP_VERSION:
        return IKE_DROP_VERSION;
    case ISAKMP_EXCHANGE:
        return IKE_DROP_EXCHANGE;
    case ISAKMP_COOKIE:
        return IKE_DROP_COOKIES;
    default:
        return IKE_DROP_PAYLOAD;
    }
}

static void dispatch(struct phase1 *p1, struct msg_in *in, const uint8_t *bytes, size_t len)
{
    switch (in->header.exchange) {
    case EXCHANGE_BASE:
    case EXCHANGE_MAIN:
    case EXCHANGE_AGGRESSIVE:
        phase1_message(p1, in, bytes, len);
        return;
    case EXCHANGE_QUICK:
        phase2_message(p1, &quick_mode, in, bytes, len);
        return;
    case EXCHANGE_INFORMATIONAL:
        phase2_message(p1, &informational, in, bytes, len);
        return;
    default:
        ike_drop(p1->ike, IKE_DROP_EXCHANGE);
    }
}

/* Ports and addresses nobody sends from: reflectors, and ourselves. */
static bool path_is_possible(const struct ike_path *path)
{
    const struct ip_addr everybody = ip_addr_v4(255, 255, 255, 255);

    return path->remote_port != 0 && !ip_addr_equal(&path->remote, &everybody) &&
           !ip_addr_equal(&path->local, &path->remote) && !ip_addr_is_unset(&path->remote) &&
           !ip_addr_is_multicast(&path->remote);
}

static void datagram(struct ike *ike, const struct ike_path *path, const uint8_t *bytes, size_t len)
{
    struct msg_in in = { .path = path, .drop = IKE_DROP_PAYLOAD };
    struct rd r = rd_from(bytes, len);
    enum isakmp_error e = isakmp_header_parse(&r, &in.header);
    struct phase1 *p1;

    if (e != ISAKMP_OK || len > IKE_MESSAGE_BYTES_MAX) {
        ike_drop(ike, drop_of_error(e));
        return;
    }
    if (!path_is_possible(path)) {
        ike_drop(ike, IKE_DROP_COOKIES);
        return;
    }
    p1 = phase1_find(ike, &in.header, path);
    if (p1)
        dispatch(p1, &in, bytes, len);
    else if (phase1_is_first(&in.header))
        first_message(ike, &in, bytes, len);
    else
        ike_drop(ike, IKE_DROP_COOKIES);
}

void driver_serve_early(struct ike *ike)
{
    struct phase1 *p1 = ike->early;

    ike->early = NULL;
    if (!p1 || p1->dead)
        return;
    struct body early = p1->early;
    p1->early = (struct body){ NULL, 0 };
    datagram(ike, &p1->early_path, early.p, early.len);
    free(early.p);
}

void ike_on_datagram(struct ike *ike, uint64_t now_ms, const struct ike_path *path,
                     const uint8_t *bytes, size_t len)
{
    ike->now_ms = now_ms;
    datagram(ike, path, bytes, len);
    driver_serve_early(ike);
    ike_bury(ike);
}
