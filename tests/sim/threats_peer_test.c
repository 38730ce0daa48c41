/* Peers that have the keys and mean no good: identities, quick modes, notifies and deletes. Rows of
 * the threat table by their number. */
#include "cursor.h"
#include "quick_keys.h"
#include "threats_kit.h"

#include <time.h>

/* ---- identities: W23 ---- */

static bool id_can_be(unsigned type, size_t len)
{
    switch (type) {
    case ID_IPV4:
        return len == 4;
    case ID_IPV4_SUBNET:
    case ID_IPV4_RANGE:
        return len == 8;
    case ID_IPV6:
        return len == 16;
    case ID_IPV6_SUBNET:
    case ID_IPV6_RANGE:
        return len == 32;
    case ID_FQDN:
    case ID_USER_FQDN:
    case ID_KEY_ID:
    case ID_GN:
        return len > 0;
    default:
        return false;
    }
}

static void phase1_identities_of_every_type_and_length(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 16; type++) {
        for (size_t len = 0; len <= 40; len++) {
            struct net *n = stopped_at(NET_B, EXCHANGE_MAIN, true);
            uint8_t body[48] = { (uint8_t)type };

            memset(body + 4, 'x', 40);
            assert_true(mitm_open(n->pending[0].bytes, n->pending[0].len, &edited));
            assert_int_equal(edited.b[16], PL_ID);
            mitm_remove(&edited, 0);
            mitm_insert(&edited, 0, PL_ID, (struct slice){ body, 4 + len });
            inject(n, &n->pending[0], sealed, edited_seal(n, &n->pending[0], true));
            if (phase1_any(n, NET_B)->main->state == P1_UP && !id_can_be(type, len))
                fail_msg("identity of type %u with %zu bytes", type, len);
            net_run(n, 100);
            net_free(n);
        }
    }
}

/* ---- quick mode: S10, S11, S12, S14, W19 ---- */

static void body_put(unsigned i, uint8_t type, const uint8_t *body, size_t len)
{
    mitm_remove(&edited, i);
    mitm_insert(&edited, i, type, (struct slice){ body, len });
}

/* IDci and IDcr are the last two of message 1: HASH, SA, Ni, IDci, IDcr. */
enum { AT_IDCI = 3, AT_IDCR = 4 };

static void networks_that_are_not_the_policys_are_refused(void **state)
{
    static const uint8_t others[][12] = {
        { 4, 0, 0, 0, 10, 1, 0, 0, 255, 255, 0, 0 },     /* wider */
        { 4, 0, 0, 0, 10, 1, 0, 0, 255, 255, 255, 128 }, /* narrower */
        { 4, 0, 0, 0, 10, 4, 0, 0, 255, 255, 255, 0 },   /* another */
        { 4, 6, 0, 0, 10, 1, 0, 0, 255, 255, 255, 0 },   /* tcp alone */
        { 4, 17, 0, 53, 10, 1, 0, 0, 255, 255, 255, 0 }, /* a port */
        { 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },          /* everything */
        { 4, 0, 0, 0, 10, 1, 0, 0, 255, 0, 255, 0 },     /* no mask */
        { 7, 0, 0, 0, 10, 1, 0, 9, 10, 1, 0, 3 },        /* a range backwards */
        { 2, 0, 0, 0, 'e', 'x', 'a', 'm', 'p', 'l', 'e', '.' },
        { 0, 0, 0, 0, 10, 1, 0, 0, 255, 255, 255, 0 },
        { 5, 0, 0, 0, 10, 1, 0, 0, 255, 255, 255, 0 },
    };
    struct net *n = stopped_at(NET_B, EXCHANGE_QUICK, true);
    const struct net_message *m = &n->pending[0];
    unsigned i;

    (void)state;
    n_tried = 0;
    for (i = 0; i < sizeof others / sizeof *others; i++) {
        for (unsigned at = AT_IDCI; at <= AT_IDCR; at++) {
            edit(m);
            body_put(at, PL_ID, others[i], sizeof others[i]);
            inject(n, m, sealed, edited_seal(n, m, true));
            if (n->e[NET_B].n_children > 0)
                fail_msg("network %u at %u taken", i, at);
        }
    }
    for (i = 0; i < 4; i++) { /* one alone, three, none, changed about */
        struct mitm_payload p;
        uint8_t idci[12];

        edit(m);
        assert_true(mitm_find(&edited, AT_IDCI, &p) && p.len == 16);
        memcpy(idci, edited.b + p.at + 4, 12);
        mitm_remove(&edited, AT_IDCI);
        if (i == 1 || i == 3)
            mitm_insert(&edited, AT_IDCR, PL_ID, (struct slice){ idci, 12 });
        if (i == 1)
            mitm_insert(&edited, AT_IDCR, PL_ID, (struct slice){ idci, 12 });
        if (i == 2)
            mitm_remove(&edited, AT_IDCI);
        inject(n, m, sealed, edited_seal(n, m, true));
        if (n->e[NET_B].n_children > 0)
            fail_msg("identities %u taken", i);
    }
    net_run(n, 100);
    assert_up(n, "identities");
    net_free(n);
}

/* S12: as many as somebody with keys likes to begin */
static void quick_modes_begun_by_a_peer_are_few(void **state)
{
    struct net *n = stopped_at(NET_B, EXCHANGE_QUICK, true);
    struct net_message m = n->pending[0];

    (void)state;
    n_tried = 0;
    for (unsigned i = 0; i < 1000; i++) {
        struct mitm_payload sa;

        edit(&m);
        assert_true(mitm_find_type(&edited, PL_SA, &sa));
        be32_put(edited.b + sa.at + 20, 0x10000 + i); /* the SPI of its proposal */
        inject(n, &m, sealed, edited_seal(n, &m, true));
        assert_true(n->e[NET_B].n_children <= IKE_QUICK_MODES_PER_SA);
    }
    assert_int_equal(n->e[NET_B].n_children, IKE_QUICK_MODES_PER_SA);
    for (unsigned i = 0; i < 300; i++) {
        net_advance(n, 1000);
        while (n->n_pending > 0)
            net_pending_drop(n, 0);
    }
    assert_int_equal(n->e[NET_B].n_children, 0);
    net_free(n);
}

/* S11: phase 2 under a phase 1 SA that is not there yet, as far as it has keys */
static void try_early_phase2(struct net *n, const struct net_message *m)
{
    static const uint8_t zero[20];
    const struct phase1 *p1 = phase1_any(n, m->to);

    if (!p1 || p1->main->state == P1_UP)
        return;
    for (unsigned quick = 0; quick < 2; quick++) {
        size_t len;

        mitm_begin(&edited, &p1->cookies, quick ? EXCHANGE_QUICK : EXCHANGE_INFORMATIONAL,
                   ANY_ID + n_tried);
        mitm_insert(&edited, 0, PL_HASH, (struct slice){ zero, 20 });
        mitm_insert(&edited, 1, quick ? PL_SA : PL_DELETE, (struct slice){ zero, 20 });
        len = edited_seal(n, m, true);
        if (len == 0) { /* no algorithms are agreed on yet */
            len = edited.len;
            memcpy(sealed, edited.b, len);
            be32_put(sealed + 24, (uint32_t)len);
        }
        assert_dropped(n, m, sealed, len, "early", quick);
    }
}

static void phase2_waits_for_phase1(void **state)
{
    (void)state;
    run(try_early_phase2, "early phase 2");
}

/* S10 */
static void message_ids_are_used_once(void **state)
{
    struct net *n = stopped_at(NET_B, EXCHANGE_QUICK, true);
    struct net_message m = n->pending[0];
    uint8_t first[512];

    (void)state;
    assert_true(m.len <= sizeof first);
    memcpy(first, m.bytes, m.len);
    edit(&m);
    be32_put(edited.b + 20, 0);
    m.bytes = first;
    assert_edited_dropped(n, &m, false, "message ID zero", 0);
    net_run(n, 100);
    for (unsigned i = 0; i < 20; i++)
        assert_dropped(n, &m, first, m.len, "message ID used", i);
    assert_up(n, "message IDs");
    net_free(n);
}

/* W19: the largest offer there can be */
static void the_largest_offer_costs_little(void **state)
{
    static uint8_t message[65000];
    struct net *n = net_new(3);
    const struct net_message *m;
    clock_t best = CLOCKS_PER_SEC;
    size_t at = 28 + 12;

    (void)state;
    acquire(n, NET_A);
    m = &n->pending[0];
    memcpy(message, m->bytes, at);
    for (unsigned i = 0; at + 44 <= sizeof message; i++, at += 44) {
        memcpy(message + at, m->bytes + 40, 44); /* proposal and transform */
        message[at] = PL_PROPOSAL;
        message[at + 4] = (uint8_t)(i / 6);
        message[at + 8 + 8 + 3 + 8 * (i & 1)] ^= 0x40; /* an attribute nobody has */
    }
    message[at - 44] = PL_NONE;
    message[28] = PL_NONE;
    be16_put(message + 30, (uint16_t)(at - 28));
    be32_put(message + 24, (uint32_t)at);
    for (unsigned i = 0; i < 5; i++) {
        clock_t began = clock(), took;

        message[0] = (uint8_t)i;
        inject(n, m, message, at);
        took = clock() - began;
        best = took < best ? took : best;
    }
    assert_int_equal(n->e[NET_B].ike->n_half_open, 0);
    assert_true(best < CLOCKS_PER_SEC / 20); /* with a sanitizer; 5 ms without */
    net_free(n);
}

/* ---- notifies and deletes: W27, W28, S18 to S21, S25, S26 ---- */

static void informational(const struct net *n, unsigned engine)
{
    static const uint8_t zero[20];

    mitm_begin(&edited, &phase1_any(n, engine)->cookies, EXCHANGE_INFORMATIONAL, ANY_ID + n_tried);
    mitm_insert(&edited, 0, PL_HASH, (struct slice){ zero, 20 });
}

static struct net *up(void)
{
    struct net *n = net_new(3);

    n_tried = 0;
    acquire(n, NET_A);
    net_run(n, 100);
    return n;
}

static struct net_message to_b(const struct net *n)
{
    return (struct net_message){ .to = NET_B, .path = phase1_any(n, NET_B)->path };
}

static void notifies_and_deletes_of_every_shape(void **state)
{
    static const uint16_t types[] = { 0,     1,     14,    18,    24,    31,    8192, 16384,
                                      24576, 24577, 24578, 36136, 36137, 40960, 65535 };
    struct net *n = up();
    struct net_message m = to_b(n);
    uint8_t body[300];

    (void)state;
    memset(body, 0xee, sizeof body);
    be32_put(body, 1);
    for (unsigned spi_len = 0; spi_len < 256; spi_len += spi_len < 20 ? 1 : 47) {
        for (size_t len = 0; len < 60; len++) {
            for (unsigned protocol = 0; protocol < 6; protocol++) {
                unsigned i = n_tried % (sizeof types / sizeof *types);

                body[4] = (uint8_t)protocol;
                body[5] = (uint8_t)spi_len;
                be16_put(body + 6, types[i]);
                informational(n, NET_B);
                mitm_insert(&edited, 1, PL_NOTIFY, (struct slice){ body, len });
                inject(n, &m, sealed, edited_seal(n, &m, true));
                be16_put(body + 6, (uint16_t)(len < 30 ? len : 65535 - 60 + len)); /* SPIs */
                informational(n, NET_B);
                mitm_insert(&edited, 1, PL_DELETE, (struct slice){ body, len });
                inject(n, &m, sealed, edited_seal(n, &m, true));
            }
        }
        net_advance(n, 10);
    }
    assert_up(n, "notifies and deletes");
    assert_ptr_equal(host_up(TAILQ_FIRST(&policy_find(n->e[NET_B].ike, 7)->children)->host),
                     phase1_any(n, NET_B));
    net_free(n);
}

/* What tells us to forget something, as strong as it gets. */
static unsigned commands(const struct net *n, uint8_t body[3][32], uint8_t type[3], size_t len[3])
{
    const struct phase1 *p1 = phase1_any(n, NET_B);
    const struct child *c = TAILQ_FIRST(&p1->host->children);
    static const uint8_t heads[3][8] = { { 0, 0, 0, 1, 3, 4, 0, 1 },
                                         { 0, 0, 0, 1, 1, 16, 0, 1 },
                                         { 0, 0, 0, 1, 1, 16, 0x60, 2 } };

    for (unsigned i = 0; i < 3; i++) {
        memcpy(body[i], heads[i], 8);
        memcpy(body[i] + 8, &p1->cookies, 16);
        type[i] = i < 2 ? PL_DELETE : PL_NOTIFY;
        len[i] = 24;
    }
    be32_put(body[0] + 8, c->spis[0].out);
    len[0] = 12;
    return 3;
}

static void commands_need_a_hash_that_is_right_and_first(void **state)
{
    struct net *n = up();
    struct net_message m = to_b(n);
    uint8_t body[3][32], type[3];
    size_t len[3];

    (void)state;
    for (unsigned i = commands(n, body, type, len); i-- > 0;) {
        struct slice b = { body[i], len[i] };

        informational(n, NET_B); /* zeros for a hash */
        mitm_insert(&edited, 1, type[i], b);
        assert_edited_dropped(n, &m, false, "hash wrong", i);
        informational(n, NET_B);
        mitm_insert(&edited, 1, type[i], b);
        mitm_rehash(n->e[NET_B].ike, &edited);
        edited.b[32 + i] ^= 1;
        assert_edited_dropped(n, &m, false, "a bit of the hash", i);
        informational(n, NET_B);
        mitm_insert(&edited, 1, type[i], b);
        mitm_remove(&edited, 0);
        assert_edited_dropped(n, &m, false, "no hash", i);
        informational(n, NET_B);
        mitm_insert(&edited, 0, type[i], b);
        assert_edited_dropped(n, &m, true, "hash behind", i);
        informational(n, NET_B); /* in the clear */
        mitm_insert(&edited, 1, type[i], b);
        mitm_rehash(n->e[NET_B].ike, &edited);
        edited.b[19] = 0;
        be32_put(edited.b + 24, (uint32_t)edited.len);
        assert_dropped(n, &m, edited.b, edited.len, "in the clear", i);
    }
    assert_up(n, "commands");
    net_free(n);
}

/* S21: whatever order, once more, and about the SA it comes by */
static void commands_may_be_combined_and_repeated(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 3 * 3 * 3; order++) {
        struct net *n = up();
        struct net_message m = to_b(n);
        uint8_t body[3][32], type[3];
        size_t len[3];

        commands(n, body, type, len);
        informational(n, NET_B);
        for (unsigned k = 0, o = order; k < 3; k++, o /= 3)
            mitm_insert(&edited, k + 1, type[o % 3], (struct slice){ body[o % 3], len[o % 3] });
        inject(n, &m, sealed, edited_seal(n, &m, true));
        for (unsigned i = 0; i < 300; i++) { /* and it comes back */
            acquire(n, NET_A);
            acquire(n, NET_B);
            net_run(n, 100);
            net_advance(n, 1000);
        }
        assert_true(usable(n, NET_A) >= 1 && usable(n, NET_B) >= 1);
        net_free(n);
    }
}

/* S18: unprotected notifies of every kind at every step */
static void try_clear_notifies(struct net *n, const struct net_message *m)
{
    const struct phase1 *p1 = phase1_any(n, m->to);
    uint8_t b[28 + 12] = { 0 };

    if (!p1)
        return;
    memcpy(b, &p1->cookies, 16);
    b[16] = PL_NOTIFY;
    b[17] = 0x10;
    b[18] = EXCHANGE_INFORMATIONAL;
    be32_put(b + 24, sizeof b);
    b[31] = 12;
    be32_put(b + 32, 1);
    b[36] = 1;
    for (unsigned type = 0; type < 65536; type += type < 40 ? 1 : 1024) {
        be32_put(b + 20, 1 + type);
        be16_put(b + 38, (uint16_t)type);
        inject(n, m, b, sizeof b);
    }
}

static void unprotected_notifies_stop_nothing(void **state)
{
    (void)state;
    run(try_clear_notifies, "clear notifies");
}

/* S20, S24 */
static void questions_are_answered_once(void **state)
{
    struct net *n = up();
    struct net_message m = to_b(n);
    uint8_t body[28] = { 0, 0, 0, 1, 1, 16, 0x8d, 0x28 };
    unsigned before = n->e[NET_B].n_sent;
    size_t len;

    (void)state;
    memcpy(body + 8, &phase1_any(n, NET_B)->cookies, 16);
    informational(n, NET_B);
    mitm_insert(&edited, 1, PL_NOTIFY, (struct slice){ body, sizeof body });
    len = edited_seal(n, &m, true);
    for (unsigned i = 0; i < 50; i++)
        inject(n, &m, sealed, len);
    assert_int_equal(n->e[NET_B].n_sent - before, 1);
    body[8] ^= 1; /* about another SA */
    informational(n, NET_B);
    mitm_insert(&edited, 1, PL_NOTIFY, (struct slice){ body, sizeof body });
    assert_edited_dropped(n, &m, true, "other cookies", 0);
    assert_int_equal(n->e[NET_B].n_sent - before, 1);
    net_free(n);
}

/* S26 */
static void an_error_ends_only_the_exchange_it_names(void **state)
{
    struct net *n = net_new(3);
    uint8_t body[12] = { 0, 0, 0, 1, 3, 4, 0, 14 };
    struct net_message m;

    (void)state;
    acquire(n, NET_A);
    ike_on_acquire(n->e[NET_A].ike, n->now_ms, 8);
    net_actions(n, NET_A);
    while (n->n_pending < 2 || !is_quick(&n->pending[n->n_pending - 2]))
        net_run(n, 1);
    assert_non_null(policy_find(n->e[NET_A].ike, 7)->quick);
    assert_non_null(policy_find(n->e[NET_A].ike, 8)->quick);
    be32_put(body + 8, policy_find(n->e[NET_A].ike, 8)->quick->quick->spis[P2_ESP]);
    m = (struct net_message){ .to = NET_A, .path = phase1_any(n, NET_A)->path };
    informational(n, NET_A);
    mitm_insert(&edited, 1, PL_NOTIFY, (struct slice){ body, sizeof body });
    inject(n, &m, sealed, edited_seal(n, &m, true));
    assert_non_null(policy_find(n->e[NET_A].ike, 7)->quick);
    assert_null(policy_find(n->e[NET_A].ike, 8)->quick);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phase1_identities_of_every_type_and_length),
        cmocka_unit_test(networks_that_are_not_the_policys_are_refused),
        cmocka_unit_test(quick_modes_begun_by_a_peer_are_few),
        cmocka_unit_test(phase2_waits_for_phase1),
        cmocka_unit_test(message_ids_are_used_once),
        cmocka_unit_test(the_largest_offer_costs_little),
        cmocka_unit_test(notifies_and_deletes_of_every_shape),
        cmocka_unit_test(commands_need_a_hash_that_is_right_and_first),
        cmocka_unit_test(commands_may_be_combined_and_repeated),
        cmocka_unit_test(unprotected_notifies_stop_nothing),
        cmocka_unit_test(questions_are_answered_once),
        cmocka_unit_test(an_error_ends_only_the_exchange_it_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
