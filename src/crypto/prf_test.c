/* HMAC-MD5 and HMAC-SHA-1 against RFC 2202. */
#include "prf.h"
#include "unhex.h"

struct known {
    const char *label;
    const char *key[DIGEST_COUNT];
    const char *data;
    const char *want[DIGEST_COUNT];
};

static const struct known knowns[] = {
    { .label = "case 1",
      .key = { [DIGEST_MD5] = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
               [DIGEST_SHA1] = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b" },
      .data = "4869205468657265",
      .want = { [DIGEST_MD5] = "9294727a3638bb1c13f48ef8158bfc9d",
                [DIGEST_SHA1] = "b617318655057264e28bc0b6fb378c8ef146be00" } },
    { .label = "case 2",
      .key = { [DIGEST_MD5] = "4a656665", [DIGEST_SHA1] = "4a656665" },
      .data = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
      .want = { [DIGEST_MD5] = "750c783e6ab0b503eaa86e310a5db738",
                [DIGEST_SHA1] = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" } },
    { .label = "case 3",
      .key = { [DIGEST_MD5] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
               [DIGEST_SHA1] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
      .data = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
              "dddddddddddddddd",
      .want = { [DIGEST_MD5] = "56be34521d144c88dbb8c733f0e8b3f6",
                [DIGEST_SHA1] = "125d7342b9ac11cd91a39af48aa17b4f63f175d3" } },
    { .label = "case 4",
      .key = { [DIGEST_MD5] = "0102030405060708090a0b0c0d0e0f10111213141516171819",
               [DIGEST_SHA1] = "0102030405060708090a0b0c0d0e0f10111213141516171819" },
      .data = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
              "cdcdcdcdcdcdcdcd",
      .want = { [DIGEST_MD5] = "697eaf0aca3a3aea3a75164746ffaa79",
                [DIGEST_SHA1] = "4c9007f4026250c6bc8414f9bf50c86c2d7235da" } },
    { .label = "case 5",
      .key = { [DIGEST_MD5] = "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
               [DIGEST_SHA1] = "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c" },
      .data = "546573742057697468205472756e636174696f6e",
      .want = { [DIGEST_MD5] = "56461ef2342edc00f9bab995690efd4c",
                [DIGEST_SHA1] = "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04" } },
    { .label = "case 6",
      .key = { [DIGEST_MD5] =
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                   "aaaaa"
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
               [DIGEST_SHA1] =
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                   "aaaaa"
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
      .data = "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d204861"
              "7368204b6579204669727374",
      .want = { [DIGEST_MD5] = "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
                [DIGEST_SHA1] = "aa4ae5e15272d00e95705637ce8a3b55ed402112" } },
    { .label = "case 7",
      .key = { [DIGEST_MD5] =
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                   "aaaaa"
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
               [DIGEST_SHA1] =
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                   "aaaaa"
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
      .data = "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b657920616e6420"
              "4c6172676572205468616e204f6e6520426c6f636b2d53697a652044617461",
      .want = { [DIGEST_MD5] = "6f630fad67cda0ee1fb1f562db3aa53e",
                [DIGEST_SHA1] = "e8e99d0f45237d786d6bbaa7965c7808bbff1a91" } },
};

static void every_case_of_rfc_2202_comes_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++)
        for (enum digest_alg alg = DIGEST_MD5; alg < DIGEST_COUNT; alg++) {
            struct bytes key = unhex(knowns[i].key[alg]), data = unhex(knowns[i].data);
            struct slice part = bytes_slice(&data);
            uint8_t got[DIGEST_MAX];
            print_message("%s, %s\n", knowns[i].label, digest_info[alg].name);
            prf_of(alg, bytes_slice(&key), &part, 1, got);
            assert_hex(got, digest_info[alg].len, knowns[i].want[alg]);
        }
}

static void data_in_parts_and_a_result_over_its_key_change_nothing(void **state)
{
    struct bytes key = unhex(knowns[1].key[DIGEST_SHA1]), data = unhex(knowns[1].data);

    (void)state;
    for (size_t cut = 0; cut <= data.len; cut++) {
        struct slice parts[] = { { data.b, cut }, { data.b + cut, data.len - cut } };
        struct bytes both = key;
        prf_of(DIGEST_SHA1, bytes_slice(&both), parts, 2, both.b);
        assert_hex(both.b, 20, knowns[1].want[DIGEST_SHA1]);
    }
}

static void a_key_of_exactly_a_block_is_not_hashed_first(void **state)
{
    static const char want[] = "e83ee1c362c86cc004df4f912a641c1bd844f36c"; /* Python's hmac */
    uint8_t key[DIGEST_BLOCK_LEN], got[DIGEST_MAX];
    struct slice part = slice_of_text("Hi There");

    (void)state;
    memset(key, 0xaa, sizeof(key));
    prf_of(DIGEST_SHA1, (struct slice){ key, sizeof(key) }, &part, 1, got);
    assert_hex(got, 20, want);
}

static void a_finished_prf_is_wiped(void **state)
{
    struct prf p;
    uint8_t got[DIGEST_MAX];

    (void)state;
    prf_start(&p, DIGEST_MD5, slice_of_text("key"));
    prf_end(&p, got);
    for (size_t i = 0; i < sizeof(p); i++)
        assert_int_equal(((const uint8_t *)&p)[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_rfc_2202_comes_out),
        cmocka_unit_test(data_in_parts_and_a_result_over_its_key_change_nothing),
        cmocka_unit_test(a_key_of_exactly_a_block_is_not_hashed_first),
        cmocka_unit_test(a_finished_prf_is_wiped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
