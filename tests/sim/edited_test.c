/* Somebody in between changes a byte of an unprotected message of main mode, and does so whenever
 * it is sent (A18 and S7 of the threat table). What the hashes cover fails at the hashes, the rest
 * may pass or not; but no phase 1 SA comes of it that is not as configured, and as soon as he lets
 * go the tunnel comes up. */
#include "cursor.h"
#include "ike_priv.h"
#include "isakmp.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>

enum { MAIN_CLEAR = 4 /* messages in the clear */, LIFETIME_S = 86400 };

struct edit {
    unsigned message; /* 1 to 4 */
    size_t at;
    uint8_t xor ;
    /* by the tap: */
    bool began;
    uint8_t cky_i[COOKIE_LEN]; /* of the negotiation that is changed */
    size_t len;                /* of the message to be changed */
    bool covered;              /* by a hash: proposal of message 1, KE, nonces */
};

/* The body of a payload that a hash covers. */
static bool is_covered(const struct sim_message *m, unsigned message, size_t at)
{
    uint8_t type = m->bytes[16];

    for (size_t p = ISAKMP_HEADER_LEN; type != PL_NONE && p + ISAKMP_GENERIC_LEN <= m->len;) {
        size_t end = p + be16_get(m->bytes + p + 2);

        if (at >= p + ISAKMP_GENERIC_LEN && at < end)
            return type == PL_KE || type == PL_NONCE || (type == PL_SA && message == 1);
        type = m->bytes[p];
        p = end;
    }
    return false;
}

/* Which message of main mode it is tells its direction and first payload. */
static unsigned number_of(const struct sim_message *m)
{
    if (m->bytes[18] != EXCHANGE_MAIN || m->bytes[19] & ISAKMP_FLAG_ENCRYPTED)
        return 0;
    return (m->bytes[16] == PL_SA ? 1 : 3) + (m->to == SIM_A);
}

static bool tap_edit(struct world *w, struct sim_message *m)
{
    struct edit *e = w->tap_ctx;

    if (!e->began)
        memcpy(e->cky_i, m->bytes, COOKIE_LEN);
    e->began = true;
    if (memcmp(e->cky_i, m->bytes, COOKIE_LEN) != 0 || number_of(m) != e->message)
        return true;
    e->len = m->len;
    if (e->at >= m->len)
        return true;
    e->covered = is_covered(m, e->message, e->at);
    m->bytes[e->at] ^= e->xor ;
    return true;
}

static const struct phase1 *phase1_of(const struct side *s, const uint8_t *cky_i)
{
    for (size_t i = 0; i < s->ike->phase1s.n_buckets; i++) {
        for (struct map_link *l = s->ike->phase1s.buckets[i]; l; l = l->next) {
            const struct phase1 *p1 = map_owner(l, const struct phase1, by_cookie);

            if (memcmp(p1->cookies.i, cky_i, COOKIE_LEN) == 0 && p1->main->state == P1_UP)
                return p1;
        }
    }
    return NULL;
}

/* True: it came up all the same. */
static bool check_phase1(const struct world *w, const struct edit *e, const char *label)
{
    bool up = false;

    for (unsigned i = 0; i < 2; i++) {
        const struct phase1 *p1 = phase1_of(&w->side[i], e->cky_i);

        if (!p1)
            continue;
        up = true;
        if (e->covered)
            fail_msg("%s: side %u does not notice", label, i);
        if (p1->cipher != CIPHER_3DES || p1->digest != DIGEST_MD5 || p1->lifetime_s > LIFETIME_S)
            fail_msg("%s: side %u has another SA than configured", label, i);
    }
    return up;
}

/* False: the message has no such byte. */
static bool check_edit(struct edit e, unsigned *up)
{
    struct world *w = world_new(3);
    char label[64];

    snprintf(label, sizeof label, "message %u, byte %zu ^ 0x%02x", e.message, e.at, e.xor);
    for (unsigned i = 0; i < 2; i++)
        w->side[i].peer.group = DH_MODP768;
    w->tap = tap_edit;
    w->tap_ctx = &e;
    world_configure_both(w);
    world_packet(w, SIM_A, 0);
    world_run(w, 3000);
    if (e.at < e.len) {
        *up += check_phase1(w, &e, label);
        world_run(w, 40000);
        check_phase1(w, &e, label);
        w->tap = NULL;
        if (!world_until_traffic(w, 180000))
            fail_msg("%s: no traffic afterwards: %s | %s", label, w->side[0].last_error,
                     w->side[1].last_error);
    }
    world_free(w);
    return e.at < e.len;
}

static void every_byte_of_every_unprotected_message(void **state)
{
    static const uint8_t xors[] = { 0x01, 0x80 };

    (void)state;
    for (unsigned message = 1; message <= MAIN_CLEAR; message++) {
        unsigned up = 0;
        size_t at = 0;

        while (check_edit((struct edit){ .message = message, .at = at, .xor = xors[0] }, &up) &&
               check_edit((struct edit){ .message = message, .at = at, .xor = xors[1] }, &up))
            at++;
        print_message("message %u: %zu bytes, %u changes were without effect\n", message, at, up);
        assert_true(at > 60);
        assert_true(up < at); /* of two changes a byte */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_byte_of_every_unprotected_message) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
