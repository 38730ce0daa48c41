/* Bad messages at every step of a negotiation, in front of the cryptography and, from somebody who
 * knows the keys, behind it: each is dropped, and the right message still works. Rows of the threat
 * table by their number. */
#include "cursor.h"
#include "threats_kit.h"

/* ---- header: W2, W3, W4, W5, W6, W33 ---- */

static void try_lengths(struct net *n, const struct net_message *m)
{
    const uint32_t len = (uint32_t)m->len;
    const uint32_t lengths[] = { 0, 1, 27, 28, len - 1, len + 1, 65535, 0x80000000, 0xffffffff };
    uint8_t b[2048];

    memcpy(b, m->bytes, len);
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        be32_put(b + 24, lengths[i]);
        assert_dropped(n, m, b, len, "length field", i);
    }
    for (uint32_t cut = 0; cut < len; cut++) { /* with a length field that agrees */
        memcpy(b, m->bytes, len);
        if (cut >= 28)
            be32_put(b + 24, cut);
        assert_dropped(n, m, b, cut, "cut at", cut);
    }
    for (uint32_t more = 1; more < 40; more++) {
        if (is_sealed(m) && more % 16 == 0)
            continue; /* nothing tells padding from other padding */
        memset(b + len, 0, sizeof b - len);
        memcpy(b, m->bytes, len);
        be32_put(b + 24, len + more);
        assert_dropped(n, m, b, len + more, "bytes behind", more);
    }
}

static void try_header(struct net *n, const struct net_message *m)
{
    uint8_t b[2048];

    memcpy(b, m->bytes, m->len);
    for (unsigned v = 0; v < 256; v++) {
        b[17] = (uint8_t)v;
        if (v >> 4 != 1)
            assert_dropped(n, m, b, m->len, "version", v);
        b[17] = m->bytes[17];
        b[18] = (uint8_t)v;
        if (v != m->bytes[18])
            assert_dropped(n, m, b, m->len, "exchange", v);
        b[18] = m->bytes[18];
        b[19] = (uint8_t)v;
        if ((v ^ m->bytes[19]) & ISAKMP_FLAG_ENCRYPTED)
            assert_dropped(n, m, b, m->len, "flags", v);
        b[19] = m->bytes[19];
    }
    for (unsigned bit = 0; bit < 32; bit++) { /* message ID: another chain of IVs, at least */
        b[20 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_dropped(n, m, b, m->len, "message ID", bit);
        b[20 + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void try_cookies(struct net *n, const struct net_message *m)
{
    bool answers_first = is_main(m) && m->to == NET_A && !is_sealed(m) && m->bytes[16] == PL_SA;
    bool first = is_main(m) && m->to == NET_B && m->bytes[16] == PL_SA;
    uint8_t b[2048];

    memcpy(b, m->bytes, m->len);
    memset(b, 0, 8);
    assert_dropped(n, m, b, m->len, "initiator cookie", 0);
    if (!first) {
        memset(b, 0x77, 8);
        assert_dropped(n, m, b, m->len, "initiator cookie", 1);
    }
    memcpy(b, m->bytes, m->len);
    memcpy(b + 8, b, 8);
    assert_dropped(n, m, b, m->len, "equal cookies", 0);
    memset(b + 8, 0x77, 8);
    if (!answers_first) /* whose cookie nobody knows before */
        assert_dropped(n, m, b, m->len, "responder cookie", 0);
    memset(b + 8, 0, 8);
    if (!first)
        assert_dropped(n, m, b, m->len, "responder cookie", 1);
}

/* S5, D8 */
static void try_paths(struct net *n, const struct net_message *m)
{
    struct net_message from = *m;

    from.path.remote_port = 0;
    assert_dropped(n, &from, m->bytes, m->len, "port 0", 0);
    from = *m;
    from.path.remote = from.path.local;
    assert_dropped(n, &from, m->bytes, m->len, "own address", 0);
    from.path.remote = ip_addr_v4(224, 0, 0, 1);
    assert_dropped(n, &from, m->bytes, m->len, "multicast", 0);
    from.path.remote = ip_addr_v4(255, 255, 255, 255);
    assert_dropped(n, &from, m->bytes, m->len, "broadcast", 0);
    from.path.remote = ip_addr_v4(0, 0, 0, 0);
    assert_dropped(n, &from, m->bytes, m->len, "no address", 0);
    if (is_sealed(m))
        return;
    from = *m;
    from.path.remote = ip_addr_v4(198, 51, 100, 1); /* what nothing protects */
    if (m->bytes[8] | m->bytes[15])
        assert_dropped(n, &from, m->bytes, m->len, "elsewhere", 0);
}

static void headers_are_checked_at_every_step(void **state)
{
    (void)state;
    run(try_lengths, "lengths");
    run(try_header, "header");
    run(try_cookies, "cookies");
    run(try_paths, "paths");
}

/* ---- payloads: W7 to W12, W20, W22, S1 ---- */

/* Every payload, left out, twice, of another type, or with another length. */
static void try_payloads(struct net *n, const struct net_message *m)
{
    struct mitm_payload p;
    bool needed;

    edit(m);
    for (unsigned i = 0, all = mitm_count(&edited); i < all; i++) {
        edit(m);
        assert_true(mitm_find(&edited, i, &p));
        needed = p.type != PL_VID && p.type != PL_NATD && p.type != PL_NOTIFY &&
                 !(is_quick(m) && (p.type == PL_ID || p.type == PL_KE));
        mitm_remove(&edited, i);
        if (needed && edited.len > 28)
            assert_edited_dropped(n, m, true, "left out", p.type);
        edit(m);
        mitm_insert(&edited, i, p.type, (struct slice){ edited.b + p.at + 4, p.len - 4 });
        if (needed && m->bytes[18] != EXCHANGE_INFORMATIONAL)
            assert_edited_dropped(n, m, true, "twice", p.type);
        for (unsigned len = 0; len < 4; len++) {
            edit(m);
            be16_put(edited.b + p.at + 2, (uint16_t)len);
            assert_edited_dropped(n, m, false, "length", len);
        }
        edit(m);
        be16_put(edited.b + p.at + 2, (uint16_t)(p.len + 1000));
        assert_edited_dropped(n, m, false, "length beyond", p.type);
        for (unsigned type = 0; type < 256; type++) {
            edit(m);
            if (type == p.type)
                continue;
            edited.b[p.type_at] = (uint8_t)type;
            if (needed && type != 0)
                assert_edited_dropped(n, m, true, "type", type);
        }
    }
}

static void payloads_are_checked_at_every_step(void **state)
{
    (void)state;
    run(try_payloads, "payloads");
}

/* W10, W11: what we do not know, and more of what we do than anybody needs */
static void try_more(struct net *n, const struct net_message *m)
{
    static const uint8_t body[20];

    for (unsigned type = 14; type < 256; type++) {
        if (type == PL_NATD || type == PL_NATOA || is_sealed(m))
            continue;
        edit(m);
        mitm_insert(&edited, 99, (uint8_t)type, (struct slice){ body, sizeof body });
        assert_edited_dropped(n, m, true, "unknown type", type);
    }
    for (unsigned k = 0; k < 2; k++) {
        edit(m);
        while (mitm_count(&edited) < ISAKMP_PAYLOADS_MAX + 1 + k * 600)
            mitm_insert(&edited, 99, PL_VID, (struct slice){ body, sizeof body });
        assert_edited_dropped(n, m, true, "vendor IDs", k);
    }
}

static void unknown_and_countless_payloads_are_refused(void **state)
{
    (void)state;
    run(try_more, "more payloads");
}

/* W20, W22, A6: lengths of what has one */
static void try_bodies(struct net *n, const struct net_message *m)
{
    static const uint8_t filler[4096];
    struct mitm_payload p;

    edit(m);
    for (unsigned i = 0; mitm_find(&edited, i, &p); i++) {
        size_t right = p.len - 4;
        uint8_t type = p.type;

        if (type != PL_KE && type != PL_NONCE && type != PL_HASH)
            continue;
        for (size_t len = 0; len < 600; len = len < 70 ? len + 1 : len + 45) {
            bool fine = type == PL_NONCE ? len >= 8 && len <= 256 : len == right;

            edit(m);
            mitm_remove(&edited, i);
            mitm_insert(&edited, i, type, (struct slice){ filler, len });
            if (!fine)
                assert_edited_dropped(n, m, type != PL_HASH, "body of", (unsigned)len);
        }
        edit(m);
    }
}

/* In quick mode what is wrong with a nonce or KE is told; elsewhere it is dropped. */
static void try_bodies_in_phase1(struct net *n, const struct net_message *m)
{
    if (is_main(m))
        try_bodies(n, m);
}

static void bodies_of_other_lengths_are_refused(void **state)
{
    (void)state;
    run(try_bodies_in_phase1, "bodies");
}

/* W13: reserved bytes mean nothing, and are hashed as they came */
static void try_reserved(struct net *n, const struct net_message *m)
{
    struct mitm_payload p;
    size_t len;

    assert_true(mitm_open(m->bytes, m->len, &edited));
    for (unsigned i = 0; mitm_find(&edited, i, &p); i++)
        edited.b[p.at + 1] = 0xff;
    len = edited_seal(n, m, true);
    net_deliver(n, m->to, &m->path, sealed, len);
    n_tried++;
}

static void reserved_bytes_are_ignored(void **state)
{
    (void)state;
    run(try_reserved, "reserved bytes");
}

/* ---- SA payloads: W14, S7 ---- */

/* DOI, situation, and what a proposal cannot be; told in quick mode, so only there with a check
 * that nothing comes of it. */
static void try_sa(struct net *n, const struct net_message *m)
{
    struct mitm_payload p;

    edit(m);
    if (!mitm_find_type(&edited, PL_SA, &p))
        return;
    for (unsigned bit = 0; bit < 64; bit++) {
        unsigned installed = n->e[m->to].n_children;

        edit(m);
        edited.b[p.at + 4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (is_main(m)) {
            assert_edited_dropped(n, m, true, "DOI and situation", bit);
            continue;
        }
        if (m->to == NET_A)
            continue; /* ends the exchange, as it should */
        inject(n, m, sealed, edited_seal(n, m, true));
        assert_int_equal(n->e[m->to].n_children, installed);
    }
}

static void other_dois_and_situations_are_refused(void **state)
{
    (void)state;
    run(try_sa, "DOI and situation");
}

/* Each bit of the SA in the answer: what comes of it, if anything, is what we offered. */
static void no_bit_of_an_answer_changes_what_was_offered(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 8 * 52; bit++) {
        struct net *n = net_new(3);
        const struct phase1 *p1;

        acquire(n, NET_A);
        net_run(n, 1);
        assert_true(n->n_pending == 1 && n->pending[0].to == NET_A);
        n->pending[0].bytes[32 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        net_run(n, 1);
        p1 = map_owner(map_any(&n->e[NET_A].ike->phase1s), const struct phase1, by_cookie);
        assert_true(p1->main->state == P1_MSG1_SENT ||
                    (p1->cipher == CIPHER_AES_128 && p1->digest == DIGEST_SHA1));
        net_free(n);
    }
}

/* The same for quick mode, by somebody who has the keys. */
static void no_bit_of_a_quick_answer_changes_what_was_offered(void **state)
{
    unsigned up = 0;

    (void)state;
    for (unsigned bit = 0; bit < 8 * 60; bit++) {
        struct net *n = stopped_at(NET_A, EXCHANGE_QUICK, true);
        struct mitm_payload p;
        size_t len;

        assert_true(mitm_open(n->pending[0].bytes, n->pending[0].len, &edited));
        assert_true(mitm_find_type(&edited, PL_SA, &p));
        if (bit / 8 < p.len - 4)
            edited.b[p.at + 4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        len = edited_seal(n, &n->pending[0], true);
        net_deliver(n, NET_A, &n->pending[0].path, sealed, len);
        if (n->e[NET_A].n_children == 1) {
            const struct child *c = TAILQ_FIRST(&policy_find(n->e[NET_A].ike, 7)->children);

            up++;
            assert_int_equal(c->n_sas, 1);
            assert_int_equal(c->spis[0].proto, 50);
        }
        net_free(n);
    }
    assert_true(up > 0);
}

/* A18: the initiator's offer is in the hash */
static void changed_offers_fail_authentication(void **state)
{
    struct net *n = net_new(3);
    uint8_t *changed = NULL;

    (void)state;
    acquire(n, NET_A);
    for (size_t i = 0; i + 4 < n->pending[0].len; i++) {
        if (memcmp(n->pending[0].bytes + i, "\x80\x0c\x0e\x10", 4) == 0)
            changed = &n->pending[0].bytes[i + 3];
    }
    assert_non_null(changed);
    *changed ^= 1; /* the lifetime, which B obeys */
    net_run(n, 100);
    assert_true(n->n_sent > 4);
    assert_int_equal(n->e[NET_A].n_children + n->e[NET_B].n_children, 0);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_checked_at_every_step),
        cmocka_unit_test(payloads_are_checked_at_every_step),
        cmocka_unit_test(unknown_and_countless_payloads_are_refused),
        cmocka_unit_test(bodies_of_other_lengths_are_refused),
        cmocka_unit_test(reserved_bytes_are_ignored),
        cmocka_unit_test(other_dois_and_situations_are_refused),
        cmocka_unit_test(no_bit_of_an_answer_changes_what_was_offered),
        cmocka_unit_test(no_bit_of_a_quick_answer_changes_what_was_offered),
        cmocka_unit_test(changed_offers_fail_authentication),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
