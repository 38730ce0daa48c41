/* MD5 against RFC 1321 A.5, SHA-1 against FIPS 180 and RFC 3174. */
#include "digest.h"
#include "unhex.h"

struct known {
    const char *label;
    enum digest_alg alg;
    const char *text;
    unsigned repeat;
    const char *want;
};

static const struct known knowns[] = {
    { "md5 of nothing", DIGEST_MD5, "", 1, "d41d8cd98f00b204e9800998ecf8427e" },
    { "md5 of abc", DIGEST_MD5, "abc", 1, "900150983cd24fb0d6963f7d28e17f72" },
    { "md5 of more than a block", DIGEST_MD5, "1234567890", 8, "57edf4a22be3c955ac49da2e2107b67a" },
    { "sha1 of nothing", DIGEST_SHA1, "", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
    { "sha1 of abc", DIGEST_SHA1, "abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
    { "sha1 of a million times a", DIGEST_SHA1, "a", 1000000,
      "34aa973cd4c4daa4f61eeb2bdbad27316534016f" },
    { "sha1 of ten blocks", DIGEST_SHA1,
      "0123456701234567012345670123456701234567012345670123456701234567", 10,
      "dea356a2cddd90c7a7ecedc5ebb563934f460452" },
};

static void published_digests_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++) {
        const struct known *k = &knowns[i];
        struct digest d;
        uint8_t got[DIGEST_MAX];
        print_message("%s\n", k->label);
        digest_start(&d, k->alg);
        for (unsigned n = 0; n < k->repeat; n++)
            digest_add(&d, slice_of_text(k->text));
        digest_end(&d, got);
        assert_hex(got, digest_info[k->alg].len, k->want);
    }
}

static void a_digest_of_parts_is_the_digest_of_the_whole(void **state)
{
    struct slice parts[] = { slice_of_text("a"), { NULL, 0 }, slice_of_text("bc") };
    uint8_t got[DIGEST_MAX];

    (void)state;
    digest_of(DIGEST_SHA1, parts, 3, got);
    assert_hex(got, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    digest_of(DIGEST_MD5, parts, 3, got);
    assert_hex(got, 16, "900150983cd24fb0d6963f7d28e17f72");
}

static void a_finished_digest_is_wiped(void **state)
{
    struct digest d;
    uint8_t got[DIGEST_MAX];

    (void)state;
    digest_start(&d, DIGEST_SHA1);
    digest_add(&d, slice_of_text("secret secret secret"));
    digest_end(&d, got);
    for (size_t i = 0; i < sizeof(d); i++)
        assert_int_equal(((const uint8_t *)&d)[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_digests_come_out),
        cmocka_unit_test(a_digest_of_parts_is_the_digest_of_the_whole),
        cmocka_unit_test(a_finished_digest_is_wiped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
