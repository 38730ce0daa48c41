/* CBC against RFC 3602, FIPS 81, NIST SP 800-38A and others named below; weak keys. */
#include "cipher.h"
#include "unhex.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct known {
    const char *label;
    enum cipher_alg alg;
    const char *key, *iv, *clear, *sealed;
};

static const struct known knowns[] = {
    { "RFC 3602 case 1", CIPHER_AES_128, "06a9214036b8a15b512e03d534120006",
      "3dafba429d9eb430b422da802c9fac41", "53696e676c6520626c6f636b206d7367",
      "e353779c1079aeb82708942dbe77181a" },
    { "RFC 3602 case 2", CIPHER_AES_128, "c286696d887c9aa0611bbb3e2025a45a",
      "562e17996d093d28ddb3ba695a2e6f58",
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1" },
    { "RFC 3602 case 3", CIPHER_AES_128, "6c3ea0477630ce21a2ce334aa746c2cd",
      "c782dc4c098c66cbd9cd27d825682c81",
      "5468697320697320612034382d62797465206d657373616765202865786163746c792033204145532062"
      "6c6f636b7329",
      "d0a02b3836451753d493665d33f0e8862dea54cdb293abc7506939276772f8d5021c19216bad525c8579"
      "695d83ba2684" },
    { "RFC 3602 case 4", CIPHER_AES_128, "56e47a38c5598974bc46903dba290349",
      "8ce82eefbea0da3c44699ed7db51b7d9",
      "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9"
      "cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
      "c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e35907aa632c3ffdf868b"
      "b7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55" },
    { "FIPS 81 example", CIPHER_DES, "0123456789abcdef", "1234567890abcdef",
      "4e6f77206973207468652074696d6520666f7220616c6c20",
      "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6" },
    { "SSLeay triple-key vector", CIPHER_3DES, "0123456789abcdeff1e0d3c2b5a49786fedcba9876543210",
      "fedcba9876543210", "37363534333231204e6f77206973207468652074696d6520666f722000000000",
      "3fe301c962ac01d02213763c1cbd4cdc799657c064ecf5d41c673812cfde9675" },
    { "NIST multi-block message test", CIPHER_3DES,
      "627f460e08104a1043cd265d5840eaf1313edf97df2a8a8c", "8e29f75ea77e5475", "326a494cd33fe756",
      "b22b8d66de970692" },
    { "NIST multi-block message test", CIPHER_3DES,
      "37ae5ebf46dff2dc0754b94f31cbb3855e7fd36dc870bfae", "3d1de3cc132e3b65",
      "84401f78fe6c10876d8ea23094ea5309", "7b1f7c7e3b1c948ebd04a75ffba7d2f5" },
    { "NESSIE set 8", CIPHER_DES, "0001020304050607", "0000000000000000", "41ad068548809d02",
      "0011223344556677" },
    { "NESSIE set 8", CIPHER_DES, "2bd6459f82c5b300", "0000000000000000", "b10f843097a0f932",
      "ea024714ad5c4d84" },
    { "SP 800-38A CBC-AES192", CIPHER_AES_192, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
      "000102030405060708090a0b0c0d0e0f",
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fb"
      "c1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
      "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a571b242012fb7ae07fa9"
      "baac3df102e008b0e27988598881d920a9e64f5615cd" },
    { "SP 800-38A CBC-AES256", CIPHER_AES_256,
      "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
      "000102030405060708090a0b0c0d0e0f",
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fb"
      "c1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
      "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530"
      "e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b" },
};

static void published_answers_come_out_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(knowns); i++) {
        const struct known *k = &knowns[i];
        struct bytes key = unhex(k->key), iv = unhex(k->iv), buf = unhex(k->clear);
        print_message("%s\n", k->label);
        assert_int_equal(cbc_seal(k->alg, bytes_slice(&key), iv.b, buf.b, buf.len, NULL), 0);
        assert_hex(buf.b, buf.len, k->sealed);
        assert_int_equal(cbc_open(k->alg, bytes_slice(&key), iv.b, buf.b, buf.len, NULL), 0);
        assert_hex(buf.b, buf.len, k->clear);
    }
}

/* A message in two pieces, each starting from the IV the first one left, is the message. */
static void the_next_iv_continues_the_chain(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(knowns); i++) {
        const struct known *k = &knowns[i];
        struct bytes key = unhex(k->key), iv = unhex(k->iv), buf = unhex(k->clear);
        size_t cut = cipher_info[k->alg].block_len;
        if (buf.len == cut)
            continue;
        assert_int_equal(cbc_seal(k->alg, bytes_slice(&key), iv.b, buf.b, cut, iv.b), 0);
        assert_int_equal(
            cbc_seal(k->alg, bytes_slice(&key), iv.b, buf.b + cut, buf.len - cut, iv.b), 0);
        assert_hex(buf.b, buf.len, k->sealed);
        assert_memory_equal(iv.b, buf.b + buf.len - cut, cut);
        iv = unhex(k->iv);
        assert_int_equal(cbc_open(k->alg, bytes_slice(&key), iv.b, buf.b, cut, iv.b), 0);
        assert_int_equal(
            cbc_open(k->alg, bytes_slice(&key), iv.b, buf.b + cut, buf.len - cut, iv.b), 0);
        assert_hex(buf.b, buf.len, k->clear);
    }
}

struct bad {
    const char *label;
    enum cipher_alg alg;
    size_t key_len, len;
    enum cipher_error want;
};

static const struct bad bads[] = {
    { "no cipher", CIPHER_NONE, 0, 16, CIPHER_ERR_UNSUPPORTED },
    { "null is none of IKE's", CIPHER_NULL, 0, 16, CIPHER_ERR_UNSUPPORTED },
    { "a number without a cipher", CIPHER_COUNT, 16, 16, CIPHER_ERR_UNSUPPORTED },
    { "aes-128 with a key of aes-256", CIPHER_AES_128, 32, 16, CIPHER_ERR_BAD_KEY_LENGTH },
    { "3des with a key of des", CIPHER_3DES, 8, 16, CIPHER_ERR_BAD_KEY_LENGTH },
    { "no bytes", CIPHER_AES_128, 16, 0, CIPHER_ERR_BAD_LENGTH },
    { "half a block of aes", CIPHER_AES_128, 16, 24, CIPHER_ERR_BAD_LENGTH },
    { "one byte more than a block of des", CIPHER_DES, 8, 9, CIPHER_ERR_BAD_LENGTH },
};

static void what_does_not_fit_is_refused_and_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bads); i++) {
        const struct bad *b = &bads[i];
        uint8_t key[CIPHER_KEY_MAX] = { 1, 2, 3 }, iv[CIPHER_BLOCK_MAX] = { 0 };
        uint8_t buf[32] = { 0 }, zero[32] = { 0 };
        struct slice key_slice = { key, b->key_len };
        print_message("%s\n", b->label);
        assert_int_equal(cbc_seal(b->alg, key_slice, iv, buf, b->len, iv), b->want);
        assert_int_equal(cbc_open(b->alg, key_slice, iv, buf, b->len, iv), b->want);
        assert_memory_equal(buf, zero, sizeof(buf));
        assert_memory_equal(iv, zero, sizeof(iv));
        assert_true(strlen(cipher_error_text(b->want)) > 0);
    }
}

struct weak {
    const char *label;
    enum cipher_alg alg;
    const char *key;
    bool want;
};

/* Weak and semi-weak keys: RFC 2409 appendix A. */
static const struct weak weaks[] = {
    { "weak 1", CIPHER_DES, "0101010101010101", true },
    { "weak 2", CIPHER_DES, "1f1f1f1f0e0e0e0e", true },
    { "weak 3", CIPHER_DES, "e0e0e0e0f1f1f1f1", true },
    { "weak 4", CIPHER_DES, "fefefefefefefefe", true },
    { "semi-weak 1", CIPHER_DES, "01fe01fe01fe01fe", true },
    { "semi-weak 2", CIPHER_DES, "1fe01fe00ef10ef1", true },
    { "semi-weak 3", CIPHER_DES, "01e001e001f101f1", true },
    { "semi-weak 4", CIPHER_DES, "1ffe1ffe0efe0efe", true },
    { "semi-weak 5", CIPHER_DES, "011f011f010e010e", true },
    { "semi-weak 6", CIPHER_DES, "e0fee0fef1fef1fe", true },
    { "semi-weak 7", CIPHER_DES, "fe01fe01fe01fe01", true },
    { "semi-weak 8", CIPHER_DES, "e01fe01ff10ef10e", true },
    { "semi-weak 9", CIPHER_DES, "e001e001f101f101", true },
    { "semi-weak 10", CIPHER_DES, "fe1ffe1ffe0efe0e", true },
    { "semi-weak 11", CIPHER_DES, "1f011f010e010e01", true },
    { "semi-weak 12", CIPHER_DES, "fee0fee0fef1fef1", true },
    { "weak but for parity", CIPHER_DES, "0000000000000000", true },
    { "an ordinary key", CIPHER_DES, "0123456789abcdef", false },
    { "one bit from weak", CIPHER_DES, "0101010101010102", false },
    { "3des: first two keys the same", CIPHER_3DES,
      "0123456789abcdef0123456789abcdeffedcba9876543210", true },
    { "3des: last two the same but for parity", CIPHER_3DES,
      "fedcba98765432100123456789abcdef0022456688aaccee", true },
    { "3des: first and last the same is two-key 3des", CIPHER_3DES,
      "0123456789abcdeffedcba98765432100123456789abcdef", false },
    { "aes knows no weak keys", CIPHER_AES_128, "01010101010101010101010101010101", false },
};

static void weak_keys_are_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(weaks); i++) {
        struct bytes key = unhex(weaks[i].key);
        print_message("%s\n", weaks[i].label);
        assert_int_equal(cipher_key_is_weak(weaks[i].alg, key.b), weaks[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_answers_come_out_both_ways),
        cmocka_unit_test(the_next_iv_continues_the_chain),
        cmocka_unit_test(what_does_not_fit_is_refused_and_left_alone),
        cmocka_unit_test(weak_keys_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
