/* Phase 2 answers as the initiator sees them. */
#include "dh.h"
#include "proposal.h"
#include "proposal_p2_kit.h"
#include "unit.h"

static void answers_must_be_one_of_our_transforms(void **state)
{
    (void)state;
    static struct sa_kit k;
    static const struct {
        const char *label;
        struct isakmp_p2 t;
        bool good, differs;
        struct isakmp_life life;
    } rows[] = {
        /* clang-format off */
        { "as offered", { 1, 3, 12, 128, 2, 1, 2, { 1800, 0 } }, true, false, { 1800, 0 } },
        { "third", { 3, 3, 3, 0, 2, 1, 2, { 1800, 0 } }, true, false, { 1800, 0 } },
        { "third, numbered anew by strongSwan", { 1, 3, 3, 0, 2, 1, 2, { 1800, 0 } },
          true, false, { 1800, 0 } },
        { "shorter", { 1, 3, 12, 128, 2, 1, 2, { 600, 0 } }, true, true, { 600, 0 } },
        { "longer", { 1, 3, 12, 128, 2, 1, 2, { 3600, 0 } }, true, true, { 1800, 0 } },
        { "bytes of the peer's own", { 1, 3, 12, 128, 2, 1, 2, { 1800, 9000 } },
          true, true, { 1800, 9000 } },
        { "no lifetime", { 1, 3, 12, 128, 2, 1, 2, { 0, 0 } }, true, true, { 1800, 0 } },
        { "other cipher", { 1, 3, 2, 0, 2, 1, 2, { 1800, 0 } }, false, false, { 0 } },
        { "null cipher", { 1, 3, 11, 0, 2, 1, 2, { 1800, 0 } }, false, false, { 0 } },
        { "other key length", { 1, 3, 12, 256, 2, 1, 2, { 1800, 0 } }, false, false, { 0 } },
        { "no authentication", { 1, 3, 12, 128, 0, 1, 2, { 1800, 0 } }, false, false, { 0 } },
        { "other mode", { 1, 3, 12, 128, 2, 2, 2, { 1800, 0 } }, false, false, { 0 } },
        { "no mode", { 1, 3, 12, 128, 2, 0, 2, { 1800, 0 } }, false, false, { 0 } },
        { "UDP mode", { 1, 3, 12, 128, 2, 3, 2, { 1800, 0 } }, false, false, { 0 } },
        { "no PFS", { 1, 3, 12, 128, 2, 1, 0, { 1800, 0 } }, false, false, { 0 } },
        { "weaker group", { 1, 3, 12, 128, 2, 1, 1, { 1800, 0 } }, false, false, { 0 } },
        { "AH instead", { 1, 2, 3, 0, 2, 1, 2, { 1800, 0 } }, false, false, { 0 } },
        /* clang-format on */
    };
    const struct p2_want want = want_of(&two_by_two);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct p2_choice c;
        struct proposal_why why;

        print_message("%s\n", rows[i].label);
        one_transform(&k, &rows[i].t);
        assert_int_equal(p2_check(&k.sa, &want, &c, &why), rows[i].good);
        if (rows[i].good) {
            assert_int_equal(cipher_info[c.sas[0].cipher].esp_transform, rows[i].t.id);
            assert_int_equal(c.life_differs, rows[i].differs);
            assert_int_equal(c.life.seconds, rows[i].life.seconds);
            assert_int_equal(c.life.kilobytes, rows[i].life.kilobytes);
        } else {
            assert_text_has(why.text, "answer is not what we offered: ");
        }
    }
}

static void answers_of_other_shape_are_refused(void **state)
{
    (void)state;
    static struct sa_kit k;
    const struct isakmp_p2 t[2] = { { 1, 3, 12, 128, 2, 1, 2, { 1800, 0 } },
                                    { 2, 3, 12, 128, 1, 1, 2, { 1800, 0 } } };
    struct isakmp_p2 ah = { 1, 2, 3, 0, 2, 2, 2, { 1800, 0 } };
    struct p2_want want = want_of(&two_by_two);
    struct p2_choice c;
    struct proposal_why why;

    sa_begin(&k); /* two transforms */
    proposal_emit(&k, 1, ISAKMP_PROTO_ESP, SPI_R, t, 2);
    sa_end(&k);
    assert_false(p2_check(&k.sa, &want, &c, &why));
    sa_begin(&k); /* two proposals */
    proposal_emit(&k, 1, ISAKMP_PROTO_ESP, SPI_R, t, 1);
    proposal_emit(&k, 2, ISAKMP_PROTO_ESP, SPI_R, t, 1);
    sa_end(&k);
    assert_false(p2_check(&k.sa, &want, &c, &why));
    sa_begin(&k); /* another number */
    proposal_emit(&k, 2, ISAKMP_PROTO_ESP, SPI_R, t, 1);
    sa_end(&k);
    assert_false(p2_check(&k.sa, &want, &c, &why));
    sa_begin(&k); /* one protocol too many, then just right */
    proposal_emit(&k, 1, ISAKMP_PROTO_AH, SPI_R_AH, &ah, 1);
    proposal_emit(&k, 1, ISAKMP_PROTO_ESP, SPI_R, t, 1);
    sa_end(&k);
    assert_false(p2_check(&k.sa, &want, &c, &why));
    assert_text_has(why.text, "protocols: peer answers esp and ah, we offered esp");
    want.protocols = IKE_PROTO_ESP | IKE_PROTO_AH;
    assert_true(p2_check(&k.sa, &want, &c, &why));
    assert_int_equal(c.n_sas, 2);
    assert_int_equal(c.sas[0].spi, SPI_R_AH);
    sa_begin(&k); /* one protocol missing */
    proposal_emit(&k, 1, ISAKMP_PROTO_ESP, SPI_R, t, 1);
    sa_end(&k);
    assert_false(p2_check(&k.sa, &want, &c, &why));
}

static bool was_offered(const struct p2_sa *sa)
{
    return two_by_two.ciphers & 1u << sa->cipher && two_by_two.auth_algs & 1u << sa->auth;
}

/* Whatever bit is turned over on the way, nothing that was not offered comes out. */
static void turned_bits_never_change_the_algorithms(void **state)
{
    (void)state;
    static struct sa_kit k;
    const struct p2_want want = want_of(&two_by_two);
    struct p2_choice c;
    struct proposal_why why;
    unsigned accepted = 0;

    offer(&k, &want);
    assert_true(p2_choose(&k.sa, &want, &c, &why));
    answer(&k, &c);
    uint8_t *body = k.buf + (k.sa.body.p - k.buf);
    const struct slice whole = k.sa.body;
    for (size_t bit = 0; bit < 8 * whole.len; bit++) {
        struct isakmp_sa sa;

        body[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (kit_parse(whole, &sa) && p2_check(&sa, &want, &c, &why)) {
            accepted++;
            assert_int_equal(c.n_sas, 1);
            assert_true(was_offered(&c.sas[0]));
            assert_int_equal(c.group, DH_MODP1024);
            assert_true(c.life.seconds <= 1800);
            assert_true(c.sas[0].spi >= 256);
        }
        body[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_in_range(accepted, 1, 120); /* SPI, duration, numbers and reserved bytes */
}

/* Both ends of us, for everything a policy can ask. */
static void initiator_and_responder_agree(void **state)
{
    (void)state;
    static struct sa_kit k;
    const struct ike_proposal all = { .auth_algs = A(NONE) | A(MD5) | A(SHA1),
                                      .ciphers = C(NULL) | C(DES) | C(3DES) | C(AES_128) |
                                                 C(AES_192) | C(AES_256),
                                      .lifetime_s = 1800,
                                      .lifebytes = 1 << 30,
                                      .pfs_group = DH_EC2N155 };

    for (uint8_t protocols = 1; protocols <= 3; protocols++) {
        for (int check = IKE_CHECK_CLAIM; check <= IKE_CHECK_STRICT; check++) {
            struct p2_want want = want_of(&all);
            struct p2_choice r, i;
            struct proposal_why why;

            want.protocols = protocols;
            want.check = (enum ike_proposal_check)check;
            offer(&k, &want);
            assert_true(p2_choose(&k.sa, &want, &r, &why));
            answer(&k, &r);
            assert_true(p2_check(&k.sa, &want, &i, &why));
            assert_int_equal(i.n_sas, r.n_sas);
            for (unsigned s = 0; s < r.n_sas; s++) {
                const bool ah = r.sas[s].protocol == ISAKMP_PROTO_AH;

                assert_int_equal(i.sas[s].cipher, r.sas[s].cipher);
                assert_int_equal(i.sas[s].auth, r.sas[s].auth);
                assert_int_equal(r.sas[s].spi, ah ? SPI_I_AH : SPI_I);
                assert_int_equal(i.sas[s].spi, ah ? SPI_R_AH : SPI_R);
            }
            assert_int_equal(i.life.seconds, r.life.seconds);
            assert_int_equal(i.life.kilobytes, 1 << 20);
            assert_false(i.life_differs || r.responder_lifetime);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_must_be_one_of_our_transforms),
        cmocka_unit_test(answers_of_other_shape_are_refused),
        cmocka_unit_test(turned_bits_never_change_the_algorithms),
        cmocka_unit_test(initiator_and_responder_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
