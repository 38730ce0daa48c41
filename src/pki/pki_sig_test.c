/* Signatures of IKE: known answers that Python's integers and openssl agree on, and blocks that a
 * careless verifier would take. */
#include "pki_kit.h"
#include "pki_priv.h"
#include "pki_sig.h"
#include "unhex.h"

#include <openssl/rsa.h>
#include <stdlib.h>

/* A throwaway key of 1024 bits (PKCS#1), HASH_I and what it signs to. */
static const struct {
    const char *key, *hash_i, *sig;
} known = {
    .key =
        "3082025f02010002818100ca6f1d1022a3b87fcc5e51763a60156281cd3857b2d11de29ccc52aab4972c2dd6"
        "00dfdb17e1795235967126df2b8094ad3be8cfe9417d7f011a15806152a927d7eb3c3a6ddd72957da6770f57"
        "76bdd94beaf88388d32485590836e19224df106c1c3932a36852bf8de9b150e5f3452468aa5ccaa686340f25"
        "1449bc99e4197d02030100010281810087e8d1ba638747f7855e4d92f2de4f7d336874cb6c62b98dcb77e288"
        "79768552c0bb159023185e3bb37eadb94b5c0997c836d0b7c603121e92bed070c0e69e69ce82f37b89979e62"
        "d09e4cd88d5df923d9691bf5c919925ca76091e27b6d8b1a3c770b6adeba23a3efbf317c59cc42003f5d755e"
        "ebd8d1565c9b5dcbaa8ee081024100fb3c7140f8378792a90301584d432f60c388774b0c12d261a49e54817c"
        "c28abf1d53f94012363667fc49dc1de8fad7c10b753ce5f7911e7e652c680dbe7efedf024100ce45c65425aa"
        "275dc946623818f7027395873e92f136334a47e2c16744651587714fbe8a3f0f7795150ced9d6b23d504c699"
        "8ac8606fcb607289851c18dddf23024100e061e734837bf4d583a56f7a11e7435544cd88ddb9f6c576f7b380"
        "fdf5133b1fdd6db65b06e8ec468b08dc52ca55de84475b79fc59d37e4c9cc7c057261ffe39024100c529f6a7"
        "ea14996a510080d3a4313edba27ad2b9fbec55dc5398104b98199319929aa9c3550180c93484d5ff5930b7e5"
        "c7bb6de7981e63e4bdb66b506f086cc7024100df0e9ef921887afe2a18d0b3ff94e73a34c0c5d265ea20d2a8"
        "0ba156fee62751c46de9dda387dbf21c87da481142b6f4f41e3fd9d27097818f44afc458cd3cff",
    .hash_i = "d14826a2081981c1ed305d8d4dde257790aa3f17",
    .sig =
        "7de79a5f80c98c48251b349dfe31bfe024cfc4c4a906dd94e4723420ed38340b034c0b935eb77a8aae15e8a3"
        "348eeffd3a272192ea00151e930a3820d71b0d5fec36fbb001c86c0e12e92b69959a88a49c64623267be74d6"
        "b32ca4b07c1c81e1f92d3694f06398ee60c37bcf328d77fa1c3e93ce52aa96d69c77f0bf8336d077",
};

static struct pki_key *known_key(void)
{
    static struct {
        uint8_t b[1024];
        size_t len;
    } der;
    struct pki_key *k;

    der.len = strlen(known.key) / 2;
    for (size_t i = 0; i < der.len; i++)
        der.b[i] =
            (uint8_t)(unhex_digit(known.key[2 * i]) << 4 | unhex_digit(known.key[2 * i + 1]));
    k = pki_key_new((struct slice){ der.b, der.len }, NULL);
    assert_non_null(k);
    return k;
}

static void known_signature(void **state)
{
    struct pki_key *k = known_key();
    struct bytes hash = unhex(known.hash_i), want = unhex(known.sig);
    uint8_t sig[PKI_SIGNATURE_MAX];

    (void)state;
    assert_int_equal(pki_sign(k, bytes_slice(&hash), sig), want.len);
    assert_memory_equal(sig, want.b, want.len);
    assert_true(sig_fits(k->pkey, bytes_slice(&hash), bytes_slice(&want)));
    pki_key_unref(k);
}

/* The private operation on a block as it is: what a forger with the key could send. */
static struct bytes sign_block(const struct pki_key *k, const struct bytes *block)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->pkey, NULL);
    struct bytes sig = { .len = UNHEX_MAX };

    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, sig.b, &sig.len, block->b, block->len), 1);
    EVP_PKEY_CTX_free(ctx);
    return sig;
}

enum { MODULUS_LEN = 128, HASH_LEN = 20 };

/* 00 01 ff.. 00 | TAIL, right-aligned. */
static struct bytes block_with(const uint8_t *tail, size_t len)
{
    struct bytes b = { .len = MODULUS_LEN };

    memset(b.b, 0xff, MODULUS_LEN);
    b.b[0] = 0;
    b.b[1] = 1;
    b.b[MODULUS_LEN - len - 1] = 0;
    memcpy(b.b + MODULUS_LEN - len, tail, len);
    return b;
}

static struct bytes of_hash(const struct bytes *hash)
{
    return block_with(hash->b, hash->len);
}

static struct bytes with_digest_info(const struct bytes *hash)
{
    struct bytes tail = unhex("3021300906052b0e03021a05000414");

    memcpy(tail.b + tail.len, hash->b, hash->len);
    return block_with(tail.b, tail.len + hash->len);
}

static struct bytes of_type_2(const struct bytes *hash)
{
    struct bytes b = of_hash(hash);

    b.b[1] = 2;
    return b;
}

static struct bytes with_first_byte(const struct bytes *hash)
{
    struct bytes b = of_hash(hash);

    b.b[0] = 1; /* still below the modulus */
    return b;
}

static struct bytes with_a_hole_in_the_padding(const struct bytes *hash)
{
    struct bytes b = of_hash(hash);

    b.b[40] = 0xfe;
    return b;
}

static struct bytes without_the_zero(const struct bytes *hash)
{
    struct bytes b = of_hash(hash);

    b.b[MODULUS_LEN - HASH_LEN - 1] = 0xff;
    return b;
}

/* Seven ff, the hash, and a rest to play with: how forgeries with a small exponent look. */
static struct bytes with_bytes_behind(const struct bytes *hash)
{
    struct bytes b = { .len = MODULUS_LEN };

    b.b[1] = 1;
    memset(b.b + 2, 0xff, 8);
    memcpy(b.b + 11, hash->b, HASH_LEN);
    return b;
}

static struct bytes with_one_byte_behind(const struct bytes *hash)
{
    uint8_t tail[HASH_LEN + 1] = { 0 };

    memcpy(tail, hash->b, HASH_LEN);
    return block_with(tail, sizeof tail);
}

static struct bytes with_a_shorter_hash(const struct bytes *hash)
{
    return block_with(hash->b + 1, HASH_LEN - 1);
}

static struct bytes of_another_hash(const struct bytes *hash)
{
    struct bytes b = of_hash(hash);

    b.b[MODULUS_LEN - 1] ^= 1;
    return b;
}

static const struct forgery {
    const char *label;
    struct bytes (*block)(const struct bytes *hash);
    bool fits;
} forgeries[] = {
    { "the right block", of_hash, true },
    { "DigestInfo", with_digest_info, false },
    { "type 2", of_type_2, false },
    { "first byte not zero", with_first_byte, false },
    { "a hole in the padding", with_a_hole_in_the_padding, false },
    { "no zero before the hash", without_the_zero, false },
    { "short padding, bytes behind the hash", with_bytes_behind, false },
    { "one byte behind the hash", with_one_byte_behind, false },
    { "a shorter hash", with_a_shorter_hash, false },
    { "another hash", of_another_hash, false },
};

static void only_the_whole_block_fits(void **state)
{
    struct pki_key *k = known_key();
    struct bytes hash = unhex(known.hash_i);

    (void)state;
    for (size_t i = 0; i < sizeof forgeries / sizeof forgeries[0]; i++) {
        struct bytes block = forgeries[i].block(&hash), sig = sign_block(k, &block);

        if (sig_fits(k->pkey, bytes_slice(&hash), bytes_slice(&sig)) != forgeries[i].fits)
            fail_msg("%s", forgeries[i].label);
    }
    pki_key_unref(k);
}

static void lengths_and_values_out_of_range(void **state)
{
    struct pki_key *k = known_key();
    struct bytes hash = unhex(known.hash_i), sig = unhex(known.sig), odd;

    (void)state;
    odd = sig;
    odd.len--;
    assert_false(sig_fits(k->pkey, bytes_slice(&hash), bytes_slice(&odd)));
    odd = (struct bytes){ .len = sig.len + 1 }; /* a zero in front: the same number */
    memcpy(odd.b + 1, sig.b, sig.len);
    assert_false(sig_fits(k->pkey, bytes_slice(&hash), bytes_slice(&odd)));
    odd.len = 0;
    assert_false(sig_fits(k->pkey, bytes_slice(&hash), bytes_slice(&odd)));
    for (int v = 0; v < 2; v++) {
        odd = (struct bytes){ .len = MODULUS_LEN };
        odd.b[MODULUS_LEN - 1] = (uint8_t)v;
        assert_false(sig_fits(k->pkey, bytes_slice(&hash), bytes_slice(&odd)));
    }
    memset(odd.b, 0xff, MODULUS_LEN); /* above the modulus */
    assert_false(sig_fits(k->pkey, bytes_slice(&hash), bytes_slice(&odd)));
    for (size_t len = 0; len < HASH_LEN; len++) {
        hash.len = len;
        assert_false(sig_fits(k->pkey, bytes_slice(&hash), bytes_slice(&sig)));
    }
    pki_key_unref(k);
}

static void every_turned_bit_is_found(void **state)
{
    struct pki_key *k = known_key();
    struct bytes hash = unhex(known.hash_i), sig = unhex(known.sig);

    (void)state;
    for (size_t bit = 0; bit < 8 * sig.len; bit += 5) {
        sig.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(sig_fits(k->pkey, bytes_slice(&hash), bytes_slice(&sig)));
        sig.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    pki_key_unref(k);
}

static void a_key_must_not_be_weak_to_verify(void **state)
{
    struct pki_cert *three = kit_cert("three"), *ec = kit_cert("ecleaf");
    uint8_t sig[256] = { 0 };

    (void)state;
    assert_false(pki_signature_fits(three, (struct slice){ sig, 20 }, (struct slice){ sig, 256 }));
    assert_false(pki_signature_fits(ec, (struct slice){ sig, 20 }, (struct slice){ sig, 64 }));
    pki_cert_unref(three);
    pki_cert_unref(ec);
}

/* A damaged number of the private half either spoils the key, or OpenSSL finds it by itself and
 * does without: a key that was taken signs right. */
static void damaged_keys_are_not_taken_or_sign_right(void **state)
{
    struct pki_key *k = known_key();
    struct bytes hash = unhex(known.hash_i), want = unhex(known.sig);
    struct slice der = pki_key_der(k);
    uint8_t *copy = malloc(der.len), sig[PKI_SIGNATURE_MAX];
    unsigned refused = 0;

    (void)state;
    for (size_t i = 40; i < der.len; i += 7) {
        memcpy(copy, der.p, der.len);
        copy[i] ^= 0x10;
        struct pki_key *bad = pki_key_new((struct slice){ copy, der.len }, NULL);
        refused += bad == NULL;
        if (!bad)
            continue;
        assert_int_equal(pki_sign(bad, bytes_slice(&hash), sig), want.len);
        assert_memory_equal(sig, want.b, want.len);
        pki_key_unref(bad);
    }
    assert_true(refused >= 128 / 7); /* the modulus at least */
    free(copy);
    free((void *)der.p);
    pki_key_unref(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_signature),
        cmocka_unit_test(only_the_whole_block_fits),
        cmocka_unit_test(lengths_and_values_out_of_range),
        cmocka_unit_test(every_turned_bit_is_found),
        cmocka_unit_test(a_key_must_not_be_weak_to_verify),
        cmocka_unit_test(damaged_keys_are_not_taken_or_sign_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
