/* Files in every wrapping openssl writes, and files that cost too much or are none. */
#include "pki_kit.h"
#include "secret.h"

#include <stdlib.h>
#include <string.h>

static const struct file_case {
    const char *label, *file, *passphrase;
    unsigned certs, keys, crls, locked, refused;
    enum pki_result why;
} files[] = {
    { "a certificate in PEM", "leaf.pem", "", 1, 0, 0, 0, 0, PKI_OK },
    { "a certificate in DER", "leaf.der", "", 1, 0, 0, 0, 0, PKI_OK },
    { "PKCS#8 in PEM", "leaf.key", "", 0, 1, 0, 0, 0, PKI_OK },
    { "PKCS#8 in DER", "leaf.key.der", "", 0, 1, 0, 0, 0, PKI_OK },
    { "PKCS#1 in PEM", "leaf-pkcs1.key", "", 0, 1, 0, 0, 0, PKI_OK },
    { "PEM under 3DES", "leaf-des3.key", "secret", 0, 1, 0, 0, 0, PKI_OK },
    { "PEM under DES", "leaf-des.key", "secret", 0, 1, 0, 0, 0, PKI_OK },
    { "PEM under AES", "leaf-aes.key", "secret", 0, 1, 0, 0, 0, PKI_OK },
    { "PKCS#8 under PBES2", "leaf-pbes2.key", "secret", 0, 1, 0, 0, 0, PKI_OK },
    { "PKCS#8 under scrypt", "leaf-scrypt.key", "secret", 0, 1, 0, 0, 0, PKI_OK },
    { "PKCS#8 under PBES1", "leaf-pbes1.key", "secret", 0, 1, 0, 0, 0, PKI_OK },
    { "another passphrase, PEM", "leaf-des3.key", "Secret", 0, 0, 0, 1, 0, PKI_PASSPHRASE },
    { "another passphrase, PBES2", "leaf-pbes2.key", "", 0, 0, 0, 1, 0, PKI_PASSPHRASE },
    { "another passphrase, PBES1", "leaf-pbes1.key", "no", 0, 0, 0, 1, 0, PKI_PASSPHRASE },
    { "a passphrase nobody asked for", "leaf.key", "secret", 0, 1, 0, 0, 0, PKI_OK },
    { "PKCS#12", "leaf.p12", "secret", 2, 1, 0, 0, 0, PKI_OK },
    { "PKCS#12 with RC2 and 3DES", "leaf-legacy.p12", "secret", 2, 1, 0, 0, 0, PKI_OK },
    { "PKCS#12 without passphrase", "leaf-open.p12", "", 1, 1, 0, 0, 0, PKI_OK },
    { "PKCS#12, another passphrase", "leaf.p12", "wrong", 0, 0, 0, 1, 0, PKI_PASSPHRASE },
    { "PKCS#12, passphrase missing", "leaf.p12", "", 0, 0, 0, 1, 0, PKI_PASSPHRASE },
    { "three million rounds, PKCS#8", "leaf-slow.key", "secret", 0, 0, 0, 0, 1, PKI_LIMIT },
    { "three million rounds, PKCS#12", "leaf-slow.p12", "secret", 0, 0, 0, 0, 2, PKI_LIMIT },
    { "a revocation list", "crl.pem", "", 0, 0, 1, 0, 0, PKI_OK },
    { "certificates and a key in one file", "bundle.pem", "", 2, 1, 0, 0, 0, PKI_OK },
    { "an elliptic key", "ec.key", "", 0, 0, 0, 0, 1, PKI_KEY_TYPE },
    { "a key of 512 bits", "small.key", "", 0, 0, 0, 0, 1, PKI_KEY_WEAK },
};

static void every_wrapping(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const struct file_case *f = &files[i];
        struct pki_bundle b = kit_bundle(f->file, f->passphrase);

        if (b.n_certs != f->certs || b.n_keys != f->keys || b.n_crls != f->crls ||
            b.decryption_failures != f->locked || b.refused != f->refused || b.why.result != f->why)
            fail_msg("%s: certificates %zu keys %zu lists %zu locked %u refused %u: %s", f->label,
                     b.n_certs, b.n_keys, b.n_crls, b.decryption_failures, b.refused, b.why.text);
        pki_bundle_fini(&b);
    }
}

static void the_key_is_that_of_its_certificate(void **state)
{
    struct pki_cert *leaf = kit_cert("leaf"), *deep = kit_cert("deep");
    struct pki_key *key = kit_key("leaf-pkcs1"), *key2 = kit_key("leaf2");

    (void)state;
    assert_true(pki_key_matches(key, leaf));
    assert_false(pki_key_matches(key2, leaf));
    assert_true(pki_key_matches(key2, deep));
    assert_int_equal(pki_key_bits(key), 2048);
    pki_key_unref(key);
    pki_key_unref(key2);
    pki_cert_unref(leaf);
    pki_cert_unref(deep);
}

static const struct bad_case {
    const char *label, *text;
} bad[] = {
    { "empty", "" },
    { "no certificate at all", "hello" },
    { "PEM of something else", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n" },
    { "PEM without an end", "-----BEGIN CERTIFICATE-----\nMIIB" },
    { "PEM that is no base64", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n" },
    { "DER cut after the head", "0\x82\x03\x10" },
};

static void what_is_no_certificate_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pki_bundle b;

        if (pki_import(slice_of_text(bad[i].text), "", &b) || b.why.result != PKI_MALFORMED)
            fail_msg("%s: %s", bad[i].label, b.why.text);
        pki_bundle_fini(&b);
    }
}

static void every_cut_and_every_turned_byte_is_survived(void **state)
{
    static const struct {
        const char *name;
        size_t step; /* a container hashes its passphrase each time */
    } of[] = { { "leaf.der", 5 }, { "leaf.key.der", 13 }, { "leaf-open.p12", 151 } };

    (void)state;
    for (size_t f = 0; f < sizeof of / sizeof of[0]; f++) {
        struct slice file = kit_file(of[f].name);
        uint8_t *copy = malloc(file.len);
        struct pki_bundle b;

        for (size_t i = 0; i < file.len; i += of[f].step) {
            memcpy(copy, file.p, file.len);
            assert_false(pki_import((struct slice){ copy, i }, "", &b));
            pki_bundle_fini(&b);
            copy[i] ^= (uint8_t)(1u << i % 8);
            pki_import((struct slice){ copy, file.len }, "", &b);
            pki_bundle_fini(&b);
        }
        free(copy);
        free((void *)file.p);
    }
}

static void a_file_of_many_certificates_is_cut_at_the_limit(void **state)
{
    struct slice one = kit_file("leaf.pem");
    struct text all = TEXT_INIT;
    struct pki_bundle b;

    (void)state;
    for (unsigned i = 0; i < PKI_IMPORT_OBJECTS_MAX + 3; i++)
        text_add(&all, (const char *)one.p, one.len);
    assert_true(pki_import((struct slice){ (const uint8_t *)all.s, all.len }, "", &b));
    assert_int_equal(b.n_certs, PKI_IMPORT_OBJECTS_MAX);
    pki_bundle_fini(&b);
    text_fini(&all);
    text_puts(&all, "-----BEGIN ");
    while (all.len <= PKI_IMPORT_BYTES_MAX)
        text_puts(&all, "a long file ");
    assert_false(pki_import((struct slice){ (const uint8_t *)all.s, all.len }, "", &b));
    assert_int_equal(b.why.result, PKI_LIMIT);
    text_fini(&all);
    free((void *)one.p);
}

static void what_is_exported_can_be_imported(void **state)
{
    struct pki_cert *leaf = kit_cert("leaf"), *root = kit_cert("root");
    struct pki_key *key = kit_key("leaf");
    struct slice p12 = pki_pkcs12(leaf, key, &root, 1, "gw", "a phrase");
    char *pem = pki_cert_pem(leaf);
    struct pki_bundle b;

    (void)state;
    assert_true(pki_import(p12, "a phrase", &b));
    assert_int_equal(b.n_certs, 2);
    assert_true(pki_cert_same(b.certs[0], leaf) || pki_cert_same(b.certs[1], leaf));
    assert_true(b.n_keys == 1 && pki_key_same(b.keys[0], key));
    pki_bundle_fini(&b);
    pki_import(p12, "another", &b);
    assert_int_equal(b.n_certs + b.n_keys, 0);
    pki_bundle_fini(&b);
    assert_true(pki_import(slice_of_text(pem), "", &b) && pki_cert_same(b.certs[0], leaf));
    pki_bundle_fini(&b);
    struct slice der = pki_key_der(key);
    assert_true(pki_import(der, "", &b) && pki_key_same(b.keys[0], key));
    pki_bundle_fini(&b);
    free((void *)der.p);
    free(pem);
    free((void *)p12.p);
    pki_key_unref(key);
    pki_cert_unref(leaf);
    pki_cert_unref(root);
}

static void facts_of_a_certificate(void **state)
{
    struct pki_cert *leaf = kit_cert("leaf"), *old = kit_cert("old"), *ec = kit_cert("ecroot");
    struct text alt = TEXT_INIT;
    char date[PKI_DATE_TEXT_MAX];

    (void)state;
    assert_string_equal(pki_cert_subject_text(leaf), "C=LV,O=Lab,CN=gw-a");
    assert_string_equal(pki_cert_issuer_text(leaf), "C=LV,O=Lab,CN=Root");
    assert_string_equal(pki_date_text(pki_cert_validity(leaf).not_before_s, date),
                        "jan/01/2020 00:00:00");
    assert_string_equal(pki_date_text(pki_cert_validity(leaf).not_after_s, date),
                        "jan/01/2050 00:00:00");
    pki_cert_alt_names(leaf, &alt);
    assert_string_equal(text_get(&alt), "IP:192.0.2.1,IP:2001:db8::1,"
                                        "DNS:gw-a.example,email:Ops@gw.example");
    assert_int_equal(pki_cert_key_kind(leaf), PKI_KEY_RSA);
    assert_int_equal(pki_cert_key_kind(ec), PKI_KEY_OTHER);
    assert_int_equal(pki_cert_key_bits(leaf), 2048);
    assert_true(pki_cert_may_issue(old) && pki_cert_may_issue(ec) && !pki_cert_may_issue(leaf));
    assert_string_equal(pki_cert_serial_text(old), "01");
    text_fini(&alt);
    pki_cert_unref(leaf);
    pki_cert_unref(old);
    pki_cert_unref(ec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrapping),
        cmocka_unit_test(the_key_is_that_of_its_certificate),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(every_cut_and_every_turned_byte_is_survived),
        cmocka_unit_test(a_file_of_many_certificates_is_cut_at_the_limit),
        cmocka_unit_test(what_is_exported_can_be_imported),
        cmocka_unit_test(facts_of_a_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
