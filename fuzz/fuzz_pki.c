/* Certificates, keys and containers from anybody.
 *
 * Input: a byte of flags, then a file. It is read as the console's import reads it; whatever comes
 * out is judged as a peer's certificate would be, and the facts that print shows are taken. */
#include "fuzz.h"
#include "pki_import.h"
#include "pki_issue.h"
#include "pki_trust.h"

#include <stdlib.h>
#include <string.h>

enum { F_PASSPHRASE = 1, F_TRUSTED = 2, NOW_S = 1767225600 };

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void facts_check(const struct pki_cert *c)
{
    struct text names = TEXT_INIT;

    check(strlen(pki_cert_fingerprint(c)) == PKI_FINGERPRINT_TEXT - 1);
    check(strlen(pki_cert_subject_text(c)) < PKI_NAME_TEXT_MAX);
    for (const char *p = pki_cert_subject_text(c); *p; p++)
        check(*p >= 0x20 && *p < 0x7f);
    pki_cert_alt_names(c, &names);
    for (const char *p = text_get(&names); *p; p++)
        check(*p >= 0x20 && *p < 0x7f);
    pki_cert_may_issue(c);
    pki_cert_key_kind(c);
    text_fini(&names);
}

/* Written again it is the same certificate. */
static void round_trip(const struct pki_cert *c)
{
    struct pki_cert *again = pki_cert_new(pki_cert_der(c), NULL);

    check(again && pki_cert_same(c, again));
    pki_cert_unref(again);
}

static void judge(struct pki_bundle *b, bool trusted)
{
    static const uint8_t hash[20];
    struct pki_trust *t = pki_trust_new(PKI_CRL_IF_PRESENT);
    struct slice ders[PKI_CHAIN_MAX];
    struct pki_claim claim = { .certs = ders, .hash = { hash, sizeof hash } };
    struct isakmp_id id = { .type = ID_DN };
    struct pki_why why;

    for (size_t i = 0; i < b->n_certs; i++)
        pki_trust_add(t, b->certs[i], trusted && i > 0);
    for (size_t i = 0; i < b->n_crls; i++)
        pki_trust_add_crl(t, b->crls[i]);
    for (; claim.n_certs < b->n_certs && claim.n_certs < PKI_CHAIN_MAX; claim.n_certs++)
        ders[claim.n_certs] = pki_cert_der(b->certs[claim.n_certs]);
    id.data = b->n_certs ? pki_cert_subject(b->certs[0]) : slice_of_text("nobody");
    claim.id = &id;
    claim.sig = (struct slice){ hash, sizeof hash };
    /* Nobody signs twenty zeros to twenty zeros. */
    check(!pki_authenticate(t, NULL, &claim, NOW_S, NULL, &why) && why.text[0]);
    id = (struct isakmp_id){ .type = ID_FQDN, .data = slice_of_text("gw-a.example") };
    check(!pki_authenticate(t, b->n_certs ? b->certs[0] : NULL, &claim, NOW_S, NULL, &why));
    pki_trust_unref(t);
}

static void request_check(struct slice der)
{
    const struct pki_template t = { .days = 1 };
    struct pki_why why;

    if (der.len)
        check(!pki_issue_request(&t, der, NULL, NULL, NOW_S, &why));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pki_bundle b;

    if (len < 1 || len > PKI_IMPORT_BYTES_MAX + 16)
        return 0;
    uint8_t *file = malloc(len); /* ends where the sanitizer watches */
    memcpy(file, data + 1, len - 1);
    bool ok =
        pki_import((struct slice){ file, len - 1 }, data[0] & F_PASSPHRASE ? "secret" : "", &b);
    free(file);
    check(ok || b.n_certs + b.n_keys + b.n_crls == 0);
    for (size_t i = 0; i < b.n_certs; i++) {
        facts_check(b.certs[i]);
        round_trip(b.certs[i]);
    }
    judge(&b, data[0] & F_TRUSTED);
    request_check(b.request);
    pki_bundle_fini(&b);
    return 0;
}
