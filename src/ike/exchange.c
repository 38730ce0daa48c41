#include "exchange.h"

#include "isakmp_writer.h"
#include "must.h"
#include "phase1.h"
#include "quick_mode.h"
#include "signature.h"
#include "text.h"

#include <stdlib.h>

/* ---- message IDs of finished exchanges ---- */

static size_t id_slot(const struct id_set *s, uint32_t id)
{
    /* Authentic peers alone get an ID in here, and drew it at random. */
    size_t i = (id * 2654435761u) & (s->cap - 1);

    while (s->at[i] != 0 && s->at[i] != id)
        i = (i + 1) & (s->cap - 1);
    return i;
}

static void id_grow(struct id_set *s)
{
    struct id_set bigger = { .cap = s->cap ? 2 * s->cap : 16, .n = s->n };

    bigger.at = xcalloc(bigger.cap, sizeof *bigger.at);
    for (size_t i = 0; i < s->cap; i++) {
        if (s->at[i] != 0)
            bigger.at[id_slot(&bigger, s->at[i])] = s->at[i];
    }
    free(s->at);
    *s = bigger;
}

static void id_remember(struct id_set *s, uint32_t id)
{
    size_t i;

    if (4 * (s->n + 1) > 3 * s->cap)
        id_grow(s);
    i = id_slot(s, id);
    if (s->at[i] == id)
        return;
    s->at[i] = id;
    s->n++;
}

bool exchange_id_is_used(const struct phase1 *p1, uint32_t message_id)
{
    const struct id_set *s = &p1->used_ids;

    if (message_id == 0 || exchange_find(p1, message_id) || s->n >= IKE_MESSAGE_IDS_MAX)
        return true;
    return s->cap > 0 && s->at[id_slot(s, message_id)] == message_id;
}

uint32_t exchange_id_draw(struct phase1 *p1)
{
    uint8_t b[4];

    do
        p1->ike->env.random(p1->ike->env.ctx, b, sizeof b);
    while (be32_get(b) == 0 ||
           (exchange_id_is_used(p1, be32_get(b)) && p1->used_ids.n < IKE_MESSAGE_IDS_MAX));
    return be32_get(b);
}

void exchange_ids_fini(struct phase1 *p1)
{
    free(p1->used_ids.at);
    p1->used_ids = (struct id_set){ 0 };
}

/* ---- life of an exchange ---- */

static uint64_t id_hash(const struct phase1 *p1, uint32_t message_id)
{
    const struct {
        const struct phase1 *p1;
        uint64_t message_id;
    } key = { p1, message_id };

    return hash_bytes(&p1->ike->hash_key, &key, sizeof key);
}

struct exchange *exchange_new(struct phase1 *p1, uint8_t type, bool initiator, uint32_t message_id)
{
    struct exchange *ex = xcalloc(1, sizeof *ex);

    ex->p1 = p1;
    ex->type = type;
    ex->initiator = initiator;
    ex->message_id = message_id;
    ex->started_ms = p1->ike->now_ms;
    if (message_id == 0)
        return ex;
    keymat_phase2_iv(p1->digest, p1->cipher, p1->last_block, message_id, ex->iv);
    TAILQ_INSERT_HEAD(&p1->exchanges, ex, in_p1);
    map_put(&p1->ike->exchanges, &ex->by_message_id, id_hash(p1, message_id));
    return ex;
}

struct exchange *exchange_find(const struct phase1 *p1, uint32_t message_id)
{
    struct map_link *l;

    if (message_id == 0)
        return p1->main;
    l = map_first(&p1->ike->exchanges, id_hash(p1, message_id));
    for (; l; l = map_next(l)) {
        struct exchange *ex = map_owner(l, struct exchange, by_message_id);

        if (ex->p1 == p1 && ex->message_id == message_id)
            return ex;
    }
    return NULL;
}

void exchange_forget(struct exchange *ex)
{
    struct phase1 *p1 = ex->p1;

    if (ex->dead)
        return;
    ex->dead = true;
    timer_stop(&p1->ike->timers, &ex->timer);
    if (ex->job)
        ex->job->exchange = NULL;
    ex->job = NULL;
    quick_fini(ex);
    if (ex->message_id != 0) {
        TAILQ_REMOVE(&p1->exchanges, ex, in_p1);
        map_remove(&p1->ike->exchanges, &ex->by_message_id);
    }
    TAILQ_INSERT_TAIL(&p1->ike->dead_exchanges, ex, in_grave);
}

void exchange_end(struct exchange *ex)
{
    if (ex->dead)
        return;
    if (ex->message_id != 0)
        id_remember(&ex->p1->used_ids, ex->message_id);
    exchange_forget(ex);
}

static void on_lingered(struct timer *t)
{
    exchange_end(timer_owner(t, struct exchange, timer));
}

void exchange_linger(struct exchange *ex)
{
    struct ike *ike = ex->p1->ike;

    quick_fini(ex);
    ex->lingering = true;
    timer_arm(&ike->timers, &ex->timer, ike->now_ms + IKE_LINGER_MS, on_lingered);
}

/* ---- sending ---- */

void exchange_begin(struct exchange *ex, struct isakmp_msg *m, bool encrypted)
{
    struct phase1 *p1 = ex->p1;
    struct isakmp_header h = {
        .version = 0x10,
        .exchange = ex->type,
        .flags = encrypted ? ISAKMP_FLAG_ENCRYPTED : 0,
        .message_id = ex->message_id,
    };

    memcpy(h.cky_i, p1->cookies.i, COOKIE_LEN);
    memcpy(h.cky_r, p1->cookies.r, COOKIE_LEN);
    msg_begin(m, p1->ike->out, sizeof p1->ike->out, &h);
}

static void seal(struct exchange *ex, uint8_t *message, size_t len)
{
    const struct phase1 *p1 = ex->p1;
    struct slice key = { p1->enc_key, cipher_info[p1->cipher].key_len };
    enum cipher_error error = cbc_seal(p1->cipher, key, ex->iv, message + ISAKMP_HEADER_LEN,
                                       len - ISAKMP_HEADER_LEN, ex->iv);

    must(error == CIPHER_ERR_OK, "encrypting an IKE message");
}

/* The pause after the Nth sending: 4 s, then 1.8 times longer each, up to 15 s: a peer that comes
 * back is met soon, one that does not is given up after about a minute. */
static uint64_t pause_ms(unsigned n)
{
    uint64_t ms = IKE_RETRANSMIT_MS;

    for (unsigned i = 1; i < n; i++)
        ms = ms * 9 / 5;
    return ms < IKE_RETRANSMIT_MAX_MS ? ms : IKE_RETRANSMIT_MAX_MS;
}

/* A peer that said nothing at all under this phase 1 SA since has probably forgotten it. One that
 * answered until it saw our identity does not like that, and it takes a new phase 1 SA to find out
 * that somebody has mended it. */
static unsigned retransmits_of(const struct exchange *ex)
{
    bool disliked = ex->message_id == 0 && ex->initiator && ex->state == P1_MSG3_SENT;
    bool silent = ex->message_id != 0 && ex->p1->heard_ms < ex->started_ms;

    if (disliked)
        return IKE_RETRANSMITS_DISLIKED;
    return silent ? IKE_RETRANSMITS_SILENT : IKE_RETRANSMITS;
}

static void on_unanswered(struct timer *t)
{
    struct exchange *ex = timer_owner(t, struct exchange, timer);
    struct ike *ike = ex->p1->ike;

    if (ex->sends > retransmits_of(ex)) {
        if (ex->message_id == 0)
            phase1_timed_out(ex->p1);
        else
            quick_timed_out(ex);
        return;
    }
    if (ex->message_id == 0)
        phase1_unanswered(ex->p1, ex->sends);
    ex->sends++;
    ex->sent_ms = ike->now_ms;
    send_bytes(ike, &ex->p1->path, (struct slice){ ex->last_out, ex->last_out_len });
    timer_arm(&ike->timers, &ex->timer, ike->now_ms + pause_ms(ex->sends), on_unanswered);
}

void exchange_settle(struct exchange *ex)
{
    if (!ex->lingering)
        timer_stop(&ex->p1->ike->timers, &ex->timer);
    free(ex->last_out);
    ex->last_out = NULL;
    ex->last_out_len = 0;
}

void exchange_send(struct exchange *ex, struct isakmp_msg *m, bool encrypted,
                   enum exchange_await await)
{
    struct phase1 *p1 = ex->p1;
    struct ike *ike = p1->ike;
    size_t len = msg_end(m, encrypted ? cipher_info[p1->cipher].block_len : 1);

    must(len > 0, "an IKE message larger than its buffer");
    if (encrypted)
        seal(ex, ike->out, len);
    free(ex->last_out);
    ex->last_out = xmalloc(len);
    ex->last_out_len = len;
    memcpy(ex->last_out, ike->out, len);
    ex->n_sent++;
    ex->sends = 1;
    ex->sent_ms = ike->now_ms;
    ex->replies = 0;
    p1->bytes += len;
    send_bytes(ike, &p1->path, (struct slice){ ex->last_out, len });
    if (await == AWAIT_ANSWER)
        timer_arm(&ike->timers, &ex->timer, ike->now_ms + pause_ms(1), on_unanswered);
    else
        timer_stop(&ike->timers, &ex->timer);
}

void exchange_send_again(struct exchange *ex)
{
    bool first_reply = ex->message_id == 0 && !ex->initiator && ex->state == P1_MSG1_SENT;
    unsigned most = first_reply ? IKE_FIRST_REPLIES_MAX : IKE_REPLIES_MAX;

    if (!ex->last_out || ex->job || ex->replies >= most)
        return;
    ex->replies++;
    send_bytes(ex->p1->ike, &ex->p1->path, (struct slice){ ex->last_out, ex->last_out_len });
}

/* ---- jobs ---- */

struct ike_job *exchange_job_new(const struct dh *dh)
{
    struct ike_job *job = xcalloc(1, sizeof *job);

    if (dh)
        job->dh = *dh;
    return job;
}

void exchange_job_free(struct ike_job *job)
{
    auth_job_free(job->auth);
    secret_wipe(job, sizeof *job);
    free(job);
}

void exchange_job_start(struct exchange *ex, struct ike_job *job,
                        void (*done)(struct exchange *ex, struct ike_job *job))
{
    job->exchange = ex;
    ex->job = job;
    ex->job_done = done;
    job->of_stranger = ex->p1->half_open && !ex->p1->expected;
    ex->p1->ike->n_stranger_jobs += job->of_stranger;
    action_add(ex->p1->ike, IKE_JOB, 0)->a.job = job;
}

void ike_job_run(struct ike_job *job)
{
    struct slice peer = { job->peer_public, dh_group_info[job->dh.group].public_len };

    if (job->auth)
        auth_job_run(job->auth);
    if (job->want_public)
        job->error = dh_public(&job->dh, job->own_public);
    if (job->want_shared && job->error == DH_ERR_OK)
        job->error = dh_shared(&job->dh, peer, job->shared);
}
