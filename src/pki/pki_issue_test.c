/* The small authority: what it issues is judged by the same eyes as everybody's, and by openssl. */
#include "pki_issue.h"
#include "pki_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { YEAR_DAYS = 365, DAY_S = 86400 };

static const struct pki_template ca_template = { .country = "LV",
                                                 .organization = "Lab",
                                                 .common_name = "Our CA",
                                                 .usage =
                                                     PKI_USAGE_KEY_CERT_SIGN | PKI_USAGE_CRL_SIGN,
                                                 .days = 10 * YEAR_DAYS };

static const struct pki_template gw_template = {
    .country = "LV",
    .organization = "R\xc4\xabga",
    .common_name = "gw-a",
    .alt_names = "IP:192.0.2.1,IP:2001:db8::1,DNS:gw-a.example,email:a@b.example",
    .usage = PKI_USAGE_DIGITAL_SIGNATURE | PKI_USAGE_KEY_ENCIPHERMENT | PKI_USAGE_TLS_CLIENT |
             PKI_USAGE_IPSEC_IKE,
    .days = YEAR_DAYS,
};

struct authority {
    struct pki_key *key, *gw_key;
    struct pki_cert *cert;
    struct pki_trust *trust;
};

static int authority_open(void **state)
{
    struct authority *a = calloc(1, sizeof *a);
    struct pki_why why;

    a->key = pki_key_generate(2048, &why);
    a->gw_key = pki_key_generate(1024, &why);
    a->cert = pki_issue(&ca_template, a->key, NULL, NULL, KIT_NOW_S, &why);
    if (!a->cert)
        fail_msg("%s", why.text);
    a->trust = pki_trust_new(PKI_CRL_IF_PRESENT);
    pki_trust_add(a->trust, a->cert, true);
    *state = a;
    return 0;
}

static int authority_close(void **state)
{
    struct authority *a = *state;

    pki_key_unref(a->key);
    pki_key_unref(a->gw_key);
    pki_cert_unref(a->cert);
    pki_trust_unref(a->trust);
    free(a);
    return 0;
}

static void an_authority_and_a_gateway(void **state)
{
    struct authority *a = *state;
    struct pki_why why = { .result = PKI_OK };
    struct pki_cert *gw = pki_issue(&gw_template, a->gw_key, a->cert, a->key, KIT_NOW_S, &why);
    struct text alt = TEXT_INIT;

    assert_non_null(gw);
    assert_true(pki_cert_may_issue(a->cert) && pki_cert_is_self_signed(a->cert));
    assert_false(pki_cert_may_issue(gw) || pki_cert_is_self_signed(gw));
    assert_string_equal(pki_cert_subject_text(gw), "C=LV,O=R\\C4\\ABga,CN=gw-a");
    assert_string_equal(pki_cert_issuer_text(gw), "C=LV,O=Lab,CN=Our CA");
    assert_true(pki_key_matches(a->gw_key, gw) && !pki_key_matches(a->key, gw));
    assert_true(pki_cert_fits_ike(gw, &why));
    if (!pki_trust_verify(a->trust, gw, NULL, 0, KIT_NOW_S, &why))
        fail_msg("%s", why.text);
    assert_true(pki_trust_verify(a->trust, gw, NULL, 0, KIT_NOW_S + YEAR_DAYS * DAY_S - 1, &why));
    assert_false(pki_trust_verify(a->trust, gw, NULL, 0, KIT_NOW_S - 1, &why));
    assert_false(pki_trust_verify(a->trust, gw, NULL, 0, KIT_NOW_S + YEAR_DAYS * DAY_S + 1, &why));
    pki_cert_alt_names(gw, &alt);
    assert_string_equal(text_get(&alt), "IP:192.0.2.1,IP:2001:db8::1,"
                                        "DNS:gw-a.example,email:a@b.example");
    text_fini(&alt);
    pki_cert_unref(gw);
}

static void serial_numbers_do_not_repeat(void **state)
{
    struct authority *a = *state;
    struct pki_cert *one = pki_issue(&gw_template, a->gw_key, a->cert, a->key, KIT_NOW_S, NULL);
    struct pki_cert *two = pki_issue(&gw_template, a->gw_key, a->cert, a->key, KIT_NOW_S, NULL);

    assert_string_not_equal(pki_cert_serial_text(one), pki_cert_serial_text(two));
    assert_int_equal(strlen(pki_cert_serial_text(one)), 32);
    assert_false(pki_cert_same(one, two));
    pki_cert_unref(one);
    pki_cert_unref(two);
}

static void who_may_not_issue(void **state)
{
    struct authority *a = *state;
    struct pki_cert *gw = pki_issue(&gw_template, a->gw_key, a->cert, a->key, KIT_NOW_S, NULL);
    int64_t late_s = KIT_NOW_S + 11LL * YEAR_DAYS * DAY_S;
    struct pki_why why;

    assert_null(pki_issue(&gw_template, a->gw_key, gw, a->gw_key, KIT_NOW_S, &why));
    assert_int_equal(why.result, PKI_NOT_CA);
    assert_null(pki_issue(&gw_template, a->gw_key, a->cert, a->gw_key, KIT_NOW_S, &why));
    assert_non_null(strstr(why.text, "has no private key here"));
    assert_null(pki_issue(&gw_template, a->gw_key, a->cert, NULL, KIT_NOW_S, &why));
    assert_null(pki_issue(&gw_template, a->gw_key, a->cert, a->key, late_s, &why));
    assert_int_equal(why.result, PKI_EXPIRED);
    pki_cert_unref(gw);
}

static const struct template_case {
    const char *label;
    struct pki_template t;
    bool ok;
} templates[] = {
    { "a name alone", { .common_name = "x", .days = 1 }, true },
    { "no name", { .days = 1 }, false },
    { "an empty name", { .common_name = "", .days = 1 }, false },
    { "a country of three letters", { .common_name = "x", .country = "LVA", .days = 1 }, false },
    { "no days", { .common_name = "x" }, false },
    { "a hundred years and a day", { .common_name = "x", .days = 36501 }, false },
    { "an alternative name of no kind",
      { .common_name = "x", .days = 1, .alt_names = "gw.example" },
      false },
    { "an address that is none",
      { .common_name = "x", .days = 1, .alt_names = "IP:1.2.3" },
      false },
    { "an empty alternative name", { .common_name = "x", .days = 1, .alt_names = "DNS:" }, false },
    { "an alternative name with a blank",
      { .common_name = "x", .days = 1, .alt_names = "DNS:a b" },
      false },
    { "a comma at the end",
      { .common_name = "x", .days = 1, .alt_names = "DNS:a.example," },
      true },
    { "two commas", { .common_name = "x", .days = 1, .alt_names = "DNS:a,,DNS:b" }, false },
};

static void templates_are_checked_before_a_key_is_made(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++) {
        struct pki_why why = { .result = PKI_OK };

        if (pki_template_ok(&templates[i].t, &why) != templates[i].ok)
            fail_msg("%s: %s", templates[i].label, why.text);
    }
}

static void requests_of_ours_and_of_others(void **state)
{
    struct authority *a = *state;
    struct slice own = pki_request(&gw_template, a->gw_key);
    struct pki_bundle b = kit_bundle("asked.csr", "");
    struct pki_template t = { .usage = PKI_USAGE_DIGITAL_SIGNATURE, .days = 30 };
    struct pki_why why = { .result = PKI_OK };
    struct text alt = TEXT_INIT;
    struct pki_cert *c = pki_issue_request(&t, own, a->cert, a->key, KIT_NOW_S, &why);

    if (!c)
        fail_msg("%s", why.text);
    assert_string_equal(pki_cert_subject_text(c), "C=LV,O=R\\C4\\ABga,CN=gw-a");
    assert_true(pki_key_matches(a->gw_key, c));
    assert_true(pki_trust_verify(a->trust, c, NULL, 0, KIT_NOW_S, &why));
    pki_cert_unref(c);

    c = pki_issue_request(&t, b.request, a->cert, a->key, KIT_NOW_S, &why);
    assert_non_null(c);
    assert_string_equal(pki_cert_subject_text(c), "C=LV,O=Lab,CN=asked");
    pki_cert_alt_names(c, &alt);
    assert_string_equal(text_get(&alt), "DNS:asked.example");
    assert_false(pki_cert_may_issue(c));
    pki_cert_unref(c);

    uint8_t *bad = malloc(b.request.len);
    memcpy(bad, b.request.p, b.request.len);
    bad[b.request.len - 1] ^= 1;
    assert_null(pki_issue_request(&t, (struct slice){ bad, b.request.len }, a->cert, a->key,
                                  KIT_NOW_S, &why));
    assert_int_equal(why.result, PKI_CERT_SIGNATURE);
    free(bad);
    text_fini(&alt);
    free((void *)own.p);
    pki_bundle_fini(&b);
}

/* openssl verify, as a witness that is not ours. */
static void openssl_agrees(void **state)
{
    struct authority *a = *state;
    struct pki_cert *gw = pki_issue(&gw_template, a->gw_key, a->cert, a->key, KIT_NOW_S, NULL);
    char dir[] = "/tmp/pki-issue-XXXXXX", command[512];
    char *ca_pem = pki_cert_pem(a->cert), *gw_pem = pki_cert_pem(gw);
    const char *names[] = { "ca.pem", "gw.pem" }, *pems[] = { ca_pem, gw_pem };

    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "%s/%s", dir, names[i]);
        FILE *f = fopen(command, "w");
        assert_non_null(f);
        fputs(pems[i], f);
        fclose(f);
    }
    snprintf(command, sizeof command,
             "openssl verify -x509_strict -attime %d -CAfile %s/ca.pem %s/gw.pem >%s/out 2>&1 && "
             "openssl x509 -in %s/gw.pem -noout -text | grep -q ipsec || { cat %s/out; false; }",
             KIT_NOW_S, dir, dir, dir, dir, dir);
    int status = system(command);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
    free(ca_pem);
    free(gw_pem);
    pki_cert_unref(gw);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        skip();
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_authority_and_a_gateway),
        cmocka_unit_test(serial_numbers_do_not_repeat),
        cmocka_unit_test(who_may_not_issue),
        cmocka_unit_test(templates_are_checked_before_a_key_is_made),
        cmocka_unit_test(requests_of_ours_and_of_others),
        cmocka_unit_test(openssl_agrees),
    };

    return cmocka_run_group_tests(tests, authority_open, authority_close);
}
