/* Every message in every state, in both roles (S1 of the threat table). A main and a quick mode run
 * up to a state of one side; then that side gets one message of the whole, from before or after its
 * time, in its right form and damaged. Runs of the same seed draw the same cookies, keys and
 * message IDs, so messages of a state still to come are known and authentic. The tables say what
 * each does; whatever they do not allow leaves states, keys and SAs as they are, and in every case
 * the negotiation comes to the end it would have come to. */
#include "cursor.h"
#include "ike_priv.h"
#include "isakmp.h"
#include "quick_keys.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>

enum { SEED = 5, RUN_MS = 1000, MESSAGE_MAX = 1024 };

/* ---- the messages ---- */

enum message {
    MAIN_1,
    MAIN_2,
    MAIN_3,
    MAIN_4,
    MAIN_5,
    MAIN_6,
    QUICK_1,
    QUICK_2,
    QUICK_3,
    CONTACT_A, /* INITIAL-CONTACT of A, of B */
    CONTACT_B,
    DELETE_A, /* of the SAs that quick mode makes */
    DELETE_B,
    CLEAR_NOTIFY, /* NO-PROPOSAL-CHOSEN, not protected */
    MESSAGES
};

static const char *const message_names[MESSAGES] = {
    "main 1",  "main 2",  "main 3",    "main 4",    "main 5",   "main 6",   "quick 1",
    "quick 2", "quick 3", "contact A", "contact B", "delete A", "delete B", "clear notify",
};

static struct recorded {
    uint8_t bytes[MESSAGE_MAX];
    size_t len;
} recorded[MESSAGES];

static struct ike_child undisturbed[2]; /* what both sides have in the end */

/* What the Nth message of a side and exchange is. */
static enum message nth(unsigned from, uint8_t exchange, unsigned n)
{
    static const enum message orders[2][3][3] = {
        { { MAIN_1, MAIN_3, MAIN_5 },
          { QUICK_1, QUICK_3, MESSAGES },
          { CONTACT_A, DELETE_A, MESSAGES } },
        { { MAIN_2, MAIN_4, MAIN_6 },
          { QUICK_2, MESSAGES, MESSAGES },
          { CONTACT_B, DELETE_B, MESSAGES } },
    };
    unsigned sort = exchange == EXCHANGE_MAIN ? 0 : exchange == EXCHANGE_QUICK ? 1 : 2;

    return n < 3 ? orders[from][sort][n] : MESSAGES;
}

/* INITIAL-CONTACT comes a little behind the message of main mode that it is sent with. */
static bool tap_slow_contact(struct world *w, struct sim_message *m)
{
    if (m->bytes[18] != EXCHANGE_INFORMATIONAL)
        return true;
    world_send(w, m, w->bad.delay_ms + 2);
    return false;
}

static bool tap_record(struct world *w, struct sim_message *m)
{
    unsigned(*seen)[256] = w->tap_ctx; /* by side and exchange */
    enum message which = nth(1 - m->to, m->bytes[18], seen[1 - m->to][m->bytes[18]]++);

    if (which != MESSAGES && m->len <= MESSAGE_MAX) {
        memcpy(recorded[which].bytes, m->bytes, m->len);
        recorded[which].len = m->len;
    }
    return tap_slow_contact(w, m);
}

static struct world *begin(bool (*tap)(struct world *w, struct sim_message *m))
{
    struct world *w = world_new(SEED);

    for (unsigned i = 0; i < 2; i++) {
        w->side[i].peer.group = w->side[i].proposal.pfs_group = DH_MODP768;
        w->side[i].peer.dpd_interval_s = 0;
    }
    w->job_ms = 4; /* so that the states in between are seen */
    w->tap = tap;
    world_configure_both(w);
    return w;
}

static void go(struct world *w)
{
    ike_on_acquire(w->side[SIM_A].ike, w->now_ms, 7);
    world_take_actions(w, SIM_A);
}

static void clear_notify_make(void)
{
    struct recorded *r = &recorded[CLEAR_NOTIFY];
    static const uint8_t notify[] = { 0, 0, 0, 12, 0, 0, 0, 1, 1, 0, 0, 14 };

    memcpy(r->bytes, recorded[MAIN_2].bytes, ISAKMP_HEADER_LEN);
    r->bytes[16] = PL_NOTIFY;
    r->bytes[18] = EXCHANGE_INFORMATIONAL;
    be32_put(r->bytes + 20, 0x01020304);
    be32_put(r->bytes + 24, ISAKMP_HEADER_LEN + sizeof notify);
    memcpy(r->bytes + ISAKMP_HEADER_LEN, notify, sizeof notify);
    r->len = ISAKMP_HEADER_LEN + sizeof notify;
}

/* A run for each DELETE: after one there are no SAs to delete. */
static int record(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        unsigned seen_so_far[2][256] = { 0 };
        struct world *w = begin(tap_record);
        struct side *s = &w->side[i];

        w->tap_ctx = seen_so_far;
        go(w);
        world_run(w, RUN_MS);
        undisturbed[i] = world_sa_out(s, 7)->child;
        ike_on_sa_event(s->ike, w->now_ms, undisturbed[i].id, IKE_SA_FLUSHED);
        world_take_actions(w, i);
        world_free(w);
    }
    clear_notify_make();
    for (unsigned m = 0; m < MESSAGES; m++)
        if (recorded[m].len == 0)
            return -1;
    return 0;
}

/* ---- the states ---- */

/* By what a side last sent, or computes to send: "main 3 sent", "quick 1 computing". */
static void state_text(const struct side *s, char *buf, size_t cap)
{
    static const char *const mains[2][P1_UP] = {
        [0] = { "?", "main 2", "main 4", "?" },
        [1] = { "?", "main 1", "main 3", "main 5" },
    };
    const struct map_link *l = map_any(&s->ike->phase1s);
    const struct phase1 *p1 = l ? map_owner(l, const struct phase1, by_cookie) : NULL;
    const struct exchange *ex;

    if (!p1) {
        snprintf(buf, cap, "nothing");
        return;
    }
    if (p1->main->state != P1_UP) {
        snprintf(buf, cap, "%s %s", mains[p1->initiator][p1->main->state],
                 p1->main->job ? "computing" : "sent");
        return;
    }
    snprintf(buf, cap, world_sa_out(s, 7) ? "done" : "up");
    TAILQ_FOREACH(ex, &p1->exchanges, in_p1)
    {
        if (ex->quick)
            snprintf(buf, cap, "quick %u %s",
                     !ex->initiator            ? 2
                     : ex->state == QUICK_DONE ? 3
                                               : 1,
                     ex->job ? "computing" : "sent");
    }
}

/* Runs to the first moment in which SIDE is in a state; false: it never is. */
static bool run_to(struct world *w, unsigned side, const char *state)
{
    char now[32];

    if (strcmp(state, "nothing") == 0)
        return true;
    go(w);
    for (unsigned ms = 0; ms < RUN_MS; ms++) {
        state_text(&w->side[side], now, sizeof now);
        if (strcmp(now, state) == 0)
            return true;
        world_run(w, 1);
    }
    return false;
}

/* ---- what may not change ---- */

struct print {
    uint64_t hash;
    unsigned used_ids, early, phase1s, sent;
};

static void mix(struct print *p, const void *bytes, size_t len)
{
    const uint8_t *b = bytes;

    for (size_t i = 0; i < len; i++)
        p->hash = (p->hash ^ b[i]) * 0x100000001b3u;
}

#define MIX(p, field) mix(p, &(field), sizeof(field))

static void print_exchange(struct print *p, const struct exchange *ex)
{
    bool job = ex->job, quick = ex->quick;

    MIX(p, ex->message_id);
    MIX(p, ex->type);
    MIX(p, ex->state);
    MIX(p, ex->iv);
    MIX(p, ex->last_in);
    MIX(p, ex->lingering);
    MIX(p, ex->n_sent);
    MIX(p, job);
    MIX(p, quick);
    mix(p, ex->last_out, ex->last_out_len);
}

static void print_phase1(struct print *p, const struct phase1 *p1)
{
    const struct exchange *ex;

    p->phase1s++;
    p->used_ids += (unsigned)p1->used_ids.n;
    p->early += p1->early.len > 0;
    MIX(p, p1->cookies);
    MIX(p, p1->path.remote);
    MIX(p, p1->path.remote_port);
    MIX(p, p1->keys);
    MIX(p, p1->enc_key);
    MIX(p, p1->last_block);
    MIX(p, p1->remote_id);
    MIX(p, p1->established_ms);
    MIX(p, p1->lifetime_s);
    MIX(p, p1->half_open);
    print_exchange(p, p1->main);
    if (p1->setup) {
        MIX(p, p1->setup->ni);
        MIX(p, p1->setup->nr);
        MIX(p, p1->setup->ke_i);
        MIX(p, p1->setup->ke_r);
        MIX(p, p1->setup->choice.cipher);
        mix(p, p1->setup->sai_b.p, p1->setup->sai_b.len);
    }
    TAILQ_FOREACH(ex, &p1->exchanges, in_p1)
    print_exchange(p, ex);
}

static void print_child(struct print *p, const struct child *c)
{
    MIX(p, c->id);
    MIX(p, c->spis);
    MIX(p, c->in_installed);
    MIX(p, c->out_installed);
    MIX(p, c->superseded);
    MIX(p, c->remote_id);
}

static struct print print_of(const struct side *s)
{
    struct print p = { .hash = 0xcbf29ce484222325u, .sent = s->n_sent };

    for (size_t i = 0; i < s->ike->phase1s.n_buckets; i++)
        for (struct map_link *l = s->ike->phase1s.buckets[i]; l; l = l->next)
            print_phase1(&p, map_owner(l, struct phase1, by_cookie));
    for (size_t i = 0; i < s->ike->children.n_buckets; i++)
        for (struct map_link *l = s->ike->children.buckets[i]; l; l = l->next)
            print_child(&p, map_owner(l, struct child, by_id));
    for (size_t i = 0; i < s->ike->n_policies; i++) {
        bool quick = s->ike->policies[i]->quick;

        MIX(&p, s->ike->policies[i]->wanted);
        MIX(&p, s->ike->policies[i]->failures);
        MIX(&p, quick);
    }
    mix(&p, s->sas, sizeof s->sas);
    return p;
}

/* ---- the tables ---- */

/* .  nothing at all
 * +  the step it is meant for
 * r  the stored answer again
 * n  a new half-open phase 1 SA, nothing else
 * k  kept until phase 1 is up
 * h  authentic, but nothing is to be done: its message ID is used up
 * f  taken for the peer's message of the same form, which comes too late then: the hashes will not
 *    agree, and the negotiation begins anew
 * d  the SAs go; a DELETE may name either half of them (strongSwan) */
struct row {
    const char *state, *acts;
};

/* clang-format off */
static const struct row of_initiator[] = {
    /*                     main   quick contact delete clear
     *                     123456 123   AB      AB     */
    { "nothing",          "n..... ...   ..      ..     ." },
    { "main 1 sent",      ".+.... ...   ..      ..     ." },
    { "main 3 computing", "...... kkk   ..      ..     ." },
    { "main 3 sent",      ".r.+.. ...   ..      ..     ." },
    { "main 5 computing", "...... kkk   ..      ..     ." },
    { "main 5 sent",      "...r.+ ...   ..      ..     ." },
    { "quick 1 computing","...... ...   .h      hh     ." },
    { "quick 1 sent",     "...... .+.   ..      hh     ." },
    { "quick 3 computing","...... ...   ..      hh     ." },
    { "done",             "...... .r.   ..      dd     ." },
};

static const struct row of_responder[] = {
    /*                     main   quick contact delete clear
     *                     123456 123   AB      AB     */
    { "nothing",          "+..... ...   ..      ..     ." },
    { "main 2 sent",      "r.+f.. ...   ..      ..     ." },
    { "main 4 computing", "...... kkk   ..      ..     ." },
    { "main 4 sent",      "..r.+. ...   ..      ..     ." },
    { "up",               "....r. +..   h.      hh     ." },
    { "quick 2 computing","....r. ...   ..      hh     ." },
    { "quick 2 sent",     "....r. r.+   ..      dd     ." },
    { "done",             "....r. ...   ..      dd     ." },
};
/* clang-format on */

static char act_of(const struct row *row, enum message m)
{
    const char *at = row->acts;

    for (unsigned i = 0;; at++) {
        if (*at != ' ' && i++ == m)
            return *at;
    }
}

/* ---- one message in one state ---- */

enum variant { GOOD, BAD_LENGTH, CUT, DAMAGED, VARIANTS };

static const char *const variant_names[VARIANTS] = { "as it is", "length field wrong", "cut",
                                                     "damaged" };

/* False: there is no such variant. */
static bool vary(struct recorded *r, enum variant v)
{
    switch (v) {
    case BAD_LENGTH:
        be32_put(r->bytes + 24, (uint32_t)r->len + 1);
        return true;
    case CUT:
        r->len -= 8;
        be32_put(r->bytes + 24, (uint32_t)r->len);
        return true;
    case DAMAGED:
        r->bytes[ISAKMP_HEADER_LEN] ^= 1;
        return r->bytes[19] & ISAKMP_FLAG_ENCRYPTED;
    case GOOD:
    case VARIANTS:
        break;
    }
    return true;
}

static void inject(struct world *w, unsigned to, const struct recorded *r)
{
    const struct ike_path path = { w->side[to].addr, w->side[1 - to].addr, 500, 500 };

    ike_on_datagram(w->side[to].ike, w->now_ms, &path, r->bytes, r->len);
    world_take_actions(w, to);
}

static bool happened(char act, const struct print *was, const struct print *is)
{
    bool same = was->hash == is->hash && was->phase1s == is->phase1s;

    switch (act) {
    case '.':
        return same && was->sent == is->sent && was->used_ids == is->used_ids &&
               was->early == is->early;
    case '+':
    case 'f':
        return !same;
    case 'r':
        return same && is->sent == was->sent + 1 && was->used_ids == is->used_ids;
    case 'n':
        return is->phase1s == was->phase1s + 1 && is->sent == was->sent + 1;
    case 'k':
        return same && was->sent == is->sent && is->early == was->early + 1;
    case 'h':
        return same && was->sent == is->sent && is->used_ids == was->used_ids + 1;
    case 'd':
        return !same && is->sent == was->sent;
    default:
        return false;
    }
}

static bool keys_same(const struct ike_child *a, const struct ike_child *b)
{
    return memcmp(&a->sas, &b->sas, sizeof a->sas) == 0;
}

/* The negotiation comes to the end it would have come to. */
static bool ends_well(struct world *w, char act)
{
    if (act == 'f')
        return world_until_traffic(w, 200000);
    world_run(w, 30000);
    for (unsigned i = 0; i < 2; i++) {
        const struct sim_sa *sa = world_sa_out(&w->side[i], 7);

        if (!sa || !world_joined(w, i, 7) || world_sas(&w->side[i]) != 1)
            return false;
        if (act != 'n' && !keys_same(&sa->child, &undisturbed[i]))
            return false;
    }
    return world_until_traffic(w, 5000);
}

static void check(unsigned side, const struct row *row, enum message m, enum variant v)
{
    struct recorded r = recorded[m];
    struct world *w = begin(tap_slow_contact);
    char act = act_of(row, m);
    char label[128];
    struct print was, is;

    snprintf(label, sizeof label, "%s in state \"%s\": %s (%s) should do %c",
             side == SIM_A ? "initiator" : "responder", row->state, message_names[m],
             variant_names[v], act);
    if (v != GOOD && !(act == 'k' && v != BAD_LENGTH))
        act = '.';
    if (!run_to(w, side, row->state))
        fail_msg("%s: no such state", label);
    if (vary(&r, v)) {
        was = print_of(&w->side[side]);
        inject(w, side, &r);
        is = print_of(&w->side[side]);
        if (!happened(act, &was, &is))
            fail_msg("%s; state %schanged, %u sent, %d message IDs", label,
                     was.hash == is.hash ? "un" : "", is.sent - was.sent,
                     (int)(is.used_ids - was.used_ids));
        if (strcmp(row->state, "nothing") == 0)
            go(w);
        if (act == 'd' ? world_sas(&w->side[side]) > 0 : !ends_well(w, act))
            fail_msg("%s: another end", label);
    }
    world_free(w);
}

static void check_table(unsigned side, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (unsigned m = 0; m < MESSAGES; m++)
            for (unsigned v = GOOD; v < VARIANTS; v++)
                check(side, &rows[i], (enum message)m, (enum variant)v);
}

static void every_message_in_every_state_of_the_initiator(void **state)
{
    (void)state;
    check_table(SIM_A, of_initiator, sizeof of_initiator / sizeof *of_initiator);
}

static void every_message_in_every_state_of_the_responder(void **state)
{
    (void)state;
    check_table(SIM_B, of_responder, sizeof of_responder / sizeof *of_responder);
}

/* The tables leave no state out. */
static void tables_name_every_state(void **state)
{
    (void)state;
    for (unsigned side = 0; side < 2; side++) {
        const struct row *rows = side == SIM_A ? of_initiator : of_responder;
        struct world *w = begin(tap_slow_contact);
        char now[32];
        size_t i = 0;

        go(w);
        for (unsigned ms = 0; ms < RUN_MS; ms++, world_run(w, 1)) {
            state_text(&w->side[side], now, sizeof now);
            if (strcmp(now, rows[i].state) != 0)
                assert_string_equal(now, rows[++i].state);
        }
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_name_every_state),
        cmocka_unit_test(every_message_in_every_state_of_the_initiator),
        cmocka_unit_test(every_message_in_every_state_of_the_responder),
    };

    return cmocka_run_group_tests(tests, record, NULL);
}
