/* One certificate per fault, each with what is said of it. */
#include "pki_kit.h"
#include "pki_sig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t hash_bytes[20] = "twenty bytes of hash";
static const struct slice hash = { hash_bytes, sizeof hash_bytes };

static struct pki_cert *with_key(const char *name, struct pki_key **ret_key)
{
    /* leaf.key or leaf2.key, whichever it is */
    struct pki_cert *c = kit_cert(name);

    *ret_key = kit_key("leaf");
    if (!pki_key_matches(*ret_key, c)) {
        pki_key_unref(*ret_key);
        *ret_key = kit_key("leaf2");
    }
    return c;
}

/* ---- chains ---- */

static const struct chain_case {
    const char *label, *cert, *extra; /* EXTRA comes from the peer */
    const char *authorities, *others;
    const char *crl;
    enum pki_crl_policy policy;
    enum pki_result want;
    const char *says; /* part of the sentence */
} chains[] = {
    { "issued by an authority", "leaf", NULL, "root", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_OK, "" },
    { "intermediate sent along", "deep", "inter", "root", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_OK,
      "" },
    { "intermediate known here", "deep", NULL, "root", "inter", NULL, PKI_CRL_IF_PRESENT, PKI_OK,
      "" },
    { "the intermediate is the authority", "deep", NULL, "inter", NULL, NULL, PKI_CRL_IF_PRESENT,
      PKI_OK, "" },
    { "intermediate missing", "deep", NULL, "root", NULL, NULL, PKI_CRL_IF_PRESENT,
      PKI_UNKNOWN_ISSUER, "C=LV,O=Lab,CN=gw-b has an issuer that is not known" },
    { "an elliptic authority", "byec", NULL, "ecroot", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_OK, "" },
    { "a version 1 root", "leaf", NULL, "old,root", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_OK, "" },
    { "signed with SHA-1", "sha1", NULL, "root", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_OK, "" },
    { "another authority", "leaf", NULL, "other", NULL, NULL, PKI_CRL_IF_PRESENT,
      PKI_UNKNOWN_ISSUER, "C=LV,O=Lab,CN=Root" },
    { "no authority at all", "leaf", "root", "", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_UNKNOWN_ISSUER,
      "C=LV,O=Lab,CN=Root" },
    { "known, but no authority", "leaf", NULL, "other", "root", NULL, PKI_CRL_IF_PRESENT,
      PKI_UNKNOWN_ISSUER, "CN=Root" },
    { "self-signed by a stranger", "self", NULL, "root", NULL, NULL, PKI_CRL_IF_PRESENT,
      PKI_UNKNOWN_ISSUER, "CN=self" },
    { "self-signed and trusted itself", "self", NULL, "self", NULL, NULL, PKI_CRL_IF_PRESENT,
      PKI_OK, "" },
    { "expired", "expired", NULL, "root", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_EXPIRED,
      "CN=expired has expired: valid until jan/02/2020 00:00:00" },
    { "not yet valid", "future", NULL, "root", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_NOT_YET_VALID,
      "CN=future is not yet valid: valid from jan/01/2045" },
    { "signature damaged", "broken", NULL, "root", NULL, NULL, PKI_CRL_IF_PRESENT,
      PKI_CERT_SIGNATURE, "CN=gw-a" },
    { "signed with MD5", "md5", NULL, "root", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_WEAK_DIGEST,
      "CN=md5" },
    { "issued by one that may not", "byleaf", "leaf", "root", NULL, NULL, PKI_CRL_IF_PRESENT,
      PKI_NOT_CA, "CN=gw-a may not issue" },
    { "issued without basicConstraints", "bynobasic", "nobasic", "root", NULL, NULL,
      PKI_CRL_IF_PRESENT, PKI_NOT_CA, "CN=NoBasic" },
    { "path too long", "long", "sub,inter", "root", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_PATH_LENGTH,
      "CN=Intermediate" },
    { "name inside the constraint", "inside", "named", "root", NULL, NULL, PKI_CRL_IF_PRESENT,
      PKI_OK, "" },
    { "name outside the constraint", "outside", "named", "root", NULL, NULL, PKI_CRL_IF_PRESENT,
      PKI_NAME_CONSTRAINT, "CN=outside" },
    { "address outside the constraint", "outsideip", "named", "root", NULL, NULL,
      PKI_CRL_IF_PRESENT, PKI_NAME_CONSTRAINT, "CN=outsideip" },
    { "unknown critical extension", "critical", NULL, "root", NULL, NULL, PKI_CRL_IF_PRESENT,
      PKI_EXTENSION, "CN=critical" },
    { "revoked", "revoked", NULL, "root", NULL, "crl", PKI_CRL_IF_PRESENT, PKI_REVOKED,
      "CN=revoked is revoked" },
    { "on a stale list", "revoked", NULL, "root", NULL, "crl-stale", PKI_CRL_IF_PRESENT,
      PKI_REVOKED, "CN=revoked" },
    { "no list, none required", "revoked", NULL, "root", NULL, NULL, PKI_CRL_IF_PRESENT, PKI_OK,
      "" },
    { "lists are not looked at", "revoked", NULL, "root", NULL, "crl", PKI_CRL_NONE, PKI_OK, "" },
    { "not on the list", "leaf", NULL, "root", NULL, "crl", PKI_CRL_REQUIRED, PKI_OK, "" },
    { "an empty list", "revoked", NULL, "root", NULL, "crl-empty", PKI_CRL_REQUIRED, PKI_OK, "" },
    { "a list required and missing", "leaf", NULL, "root", NULL, NULL, PKI_CRL_REQUIRED,
      PKI_CRL_MISSING, "CN=Root" },
    { "a stale list where a current one is required", "leaf", NULL, "root", NULL, "crl-stale",
      PKI_CRL_REQUIRED, PKI_CRL_BAD, "CN=Root" },
    { "a stale list otherwise", "leaf", NULL, "root", NULL, "crl-stale", PKI_CRL_IF_PRESENT, PKI_OK,
      "" },
    { "a forged list decides nothing well", "leaf", NULL, "root", NULL, "crl-forged",
      PKI_CRL_IF_PRESENT, PKI_CRL_BAD, "CN=Root" },
    { "a list of the root is not one of the intermediate", "deep", "inter", "root", NULL, "crl",
      PKI_CRL_REQUIRED, PKI_CRL_MISSING, "CN=Intermediate" },
};

static struct pki_trust *trust_of(const struct chain_case *c)
{
    struct pki_trust *t = kit_trust(c->authorities, c->others, c->policy);
    char path[64];

    if (c->crl) {
        snprintf(path, sizeof path, "%s.pem", c->crl);
        struct pki_bundle b = kit_bundle(path, "");
        assert_int_equal(b.n_crls, 1);
        pki_trust_add_crl(t, b.crls[0]);
        pki_bundle_fini(&b);
    }
    return t;
}

static size_t certs_of(const char *list, struct pki_cert **ret)
{
    char *copy = xstrdup(list ? list : ""), *save = NULL;
    size_t n = 0;

    for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save))
        ret[n++] = kit_cert(name);
    free(copy);
    return n;
}

static void chains_of_every_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        const struct chain_case *c = &chains[i];
        struct pki_trust *t = trust_of(c);
        struct pki_cert *cert = kit_cert(c->cert), *extra[4];
        size_t n = certs_of(c->extra, extra);
        struct pki_why why = { .result = PKI_OK };
        bool ok = pki_trust_verify(t, cert, extra, n, KIT_NOW_S, &why);

        if (ok != (c->want == PKI_OK) || why.result != c->want || !strstr(why.text, c->says))
            fail_msg("%s: %s", c->label, why.text);
        for (size_t k = 0; k < n; k++)
            pki_cert_unref(extra[k]);
        pki_cert_unref(cert);
        pki_trust_unref(t);
    }
}

static void validity_is_that_of_the_given_moment(void **state)
{
    struct pki_trust *t = kit_trust("root", NULL, PKI_CRL_NONE);
    struct pki_cert *c = kit_cert("expired");
    const int64_t from_s = 1262304000, to_s = 1577923200; /* 2010-01-01, 2020-01-02 */
    struct pki_why why;

    (void)state;
    /* The root itself began in 2020. */
    assert_false(pki_trust_verify(t, c, NULL, 0, from_s, &why));
    assert_int_equal(why.result, PKI_NOT_YET_VALID);
    assert_non_null(strstr(why.text, "CN=Root"));
    assert_true(pki_trust_verify(t, c, NULL, 0, to_s - 1, &why));
    assert_false(pki_trust_verify(t, c, NULL, 0, to_s + 1, &why));
    assert_int_equal(why.result, PKI_EXPIRED);
    pki_cert_unref(c);
    pki_trust_unref(t);
}

static void the_chain_to_send(void **state)
{
    struct pki_trust *t = kit_trust("root", "inter", PKI_CRL_NONE);
    struct pki_cert *deep = kit_cert("deep"), *leaf = kit_cert("leaf"), *inter = kit_cert("inter");
    const struct pki_cert *chain[4];

    (void)state;
    assert_int_equal(pki_trust_issuers(t, deep, chain, 4), 1);
    assert_true(pki_cert_same(chain[0], inter));
    assert_int_equal(pki_trust_issuers(t, leaf, chain, 4), 0);
    assert_int_equal(pki_trust_issuers(t, deep, chain, 0), 0);
    assert_string_equal(pki_cert_subject_text(pki_trust_authority(t, 0)), "C=LV,O=Lab,CN=Root");
    assert_null(pki_trust_authority(t, 1));
    pki_cert_unref(deep);
    pki_cert_unref(leaf);
    pki_cert_unref(inter);
    pki_trust_unref(t);
}

/* ---- identities ---- */

static const struct id_case {
    const char *label, *cert;
    unsigned type;
    const char *data; /* text; an address in text; the name of a certificate whose subject it is */
    bool covered;
} ids[] = {
    { "its own subject", "leaf", ID_DN, "leaf", true },
    { "the subject in another case and string type", "leaf", ID_DN, "case", true },
    { "another subject", "leaf", ID_DN, "deep", false },
    { "part of a subject", "leaf", ID_DN, "root", false },
    { "an IPv4 address", "leaf", ID_IPV4, "192.0.2.1", true },
    { "another IPv4 address", "leaf", ID_IPV4, "192.0.2.2", false },
    { "an IPv6 address", "leaf", ID_IPV6, "2001:db8::1", true },
    { "another IPv6 address", "leaf", ID_IPV6, "2001:db8::2", false },
    { "a name", "leaf", ID_FQDN, "gw-a.example", true },
    { "a name in another case", "leaf", ID_FQDN, "GW-A.Example", true },
    { "the beginning of a name", "leaf", ID_FQDN, "gw-a.exampl", false },
    { "the end of a name", "leaf", ID_FQDN, "example", false },
    { "a longer name", "leaf", ID_FQDN, "gw-a.example.test", false },
    { "the common name is no name of a host", "leaf", ID_FQDN, "gw-a", false },
    { "an address of mail", "leaf", ID_USER_FQDN, "Ops@gw.example", true },
    { "its host in another case", "leaf", ID_USER_FQDN, "Ops@GW.example", true },
    { "its user in another case", "leaf", ID_USER_FQDN, "ops@gw.example", false },
    { "a name given as mail", "leaf", ID_USER_FQDN, "gw-a.example", false },
    { "mail given as a name", "leaf", ID_FQDN, "Ops@gw.example", false },
    { "a name under a wildcard", "wildcard", ID_FQDN, "a.example", false },
    { "a name up to a NUL", "nul", ID_FQDN, "gw-a.example", false },
    { "a key ID", "leaf", ID_KEY_ID, "gw-a.example", false },
    { "a name the certificate does not have", "plain", ID_FQDN, "plain", false },
};

static struct isakmp_id id_make(const struct id_case *c, struct pki_cert *subject_of, uint8_t *buf)
{
    struct isakmp_id id = { .type = (uint8_t)c->type, .data = slice_of_text(c->data) };
    struct ip_addr addr;

    if (c->type == ID_DN)
        id.data = pki_cert_subject(subject_of);
    if (c->type == ID_IPV4 || c->type == ID_IPV6) {
        assert_true(ip_addr_from_text(c->data, strlen(c->data), &addr));
        memcpy(buf, addr.b, ip_addr_len(addr.family));
        id.data = (struct slice){ buf, ip_addr_len(addr.family) };
        id.prefix = (struct ip_prefix){ addr, (uint8_t)(8 * ip_addr_len(addr.family)) };
    }
    return id;
}

static void identities_are_bound_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct pki_cert *c = kit_cert(ids[i].cert);
        struct pki_cert *subject_of = ids[i].type == ID_DN ? kit_cert(ids[i].data) : NULL;
        struct pki_why why = { .result = PKI_OK };
        uint8_t buf[16];
        struct isakmp_id id = id_make(&ids[i], subject_of, buf);

        if (pki_cert_covers(c, &id, &why) != ids[i].covered ||
            why.result != (ids[i].covered ? PKI_OK : PKI_ID_MISMATCH))
            fail_msg("%s: %s", ids[i].label, why.text);
        pki_cert_unref(c);
        pki_cert_unref(subject_of);
    }
}

static void a_refused_identity_is_named(void **state)
{
    const struct id_case wanted = { "", "leaf", ID_FQDN, "other.example", false };
    struct pki_cert *c = kit_cert("leaf");
    struct isakmp_id id = id_make(&wanted, NULL, NULL);
    struct pki_why why;

    (void)state;
    assert_false(pki_cert_covers(c, &id, &why));
    assert_string_equal(why.text, "certificate C=LV,O=Lab,CN=gw-a does not cover the identity fqdn "
                                  "other.example");
    pki_cert_unref(c);
}

/* ---- fitness ---- */

static const struct fit_case {
    const char *label, *cert;
    enum pki_result want;
} fits[] = {
    { "digitalSignature", "leaf", PKI_OK },
    { "no usage said", "plain", PKI_OK },
    { "IKE among the purposes", "ike", PKI_OK },
    { "only for encryption", "usage", PKI_KEY_USAGE },
    { "only for signing code", "purpose", PKI_KEY_USAGE },
    { "512 bits", "small", PKI_KEY_WEAK },
    { "1024 bits", "edge", PKI_OK },
    { "exponent 3", "three", PKI_KEY_WEAK },
    { "an elliptic key", "ecleaf", PKI_KEY_TYPE },
};

static void keys_and_usage(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++) {
        struct pki_cert *c = kit_cert(fits[i].cert);
        struct pki_why why = { .result = PKI_OK };

        if (pki_cert_fits_ike(c, &why) != (fits[i].want == PKI_OK) || why.result != fits[i].want)
            fail_msg("%s: %s", fits[i].label, why.text);
        pki_cert_unref(c);
    }
}

/* ---- the whole ---- */

struct peer {
    const char *cert, *extra, *signed_by, *id_of; /* names; extra may be NULL */
};

static const struct whole_case {
    const char *label;
    struct peer peer;
    const char *pinned, *crl;
    enum pki_result want;
} wholes[] = {
    { "all is well", { "leaf", NULL, "leaf", "leaf" }, NULL, NULL, PKI_OK },
    { "with a chain", { "deep", "inter", "leaf2", "deep" }, NULL, NULL, PKI_OK },
    { "its own is not the first", { "inter", "deep", "leaf2", "deep" }, NULL, NULL, PKI_OK },
    { "signed by another key", { "leaf", NULL, "leaf2", "leaf" }, NULL, NULL, PKI_SIGNATURE },
    { "somebody else's certificate",
      { "deep", "inter", "leaf", "deep" },
      NULL,
      NULL,
      PKI_SIGNATURE },
    { "another identity", { "leaf", NULL, "leaf", "deep" }, NULL, NULL, PKI_ID_MISMATCH },
    { "trusted by nobody",
      { "stranger", "other", "leaf2", "stranger" },
      NULL,
      NULL,
      PKI_UNKNOWN_ISSUER },
    { "not for IKE", { "usage", NULL, "leaf", "usage" }, NULL, NULL, PKI_KEY_USAGE },
    { "expired comes before everything else",
      { "expired", NULL, "leaf2", "deep" },
      NULL,
      NULL,
      PKI_EXPIRED },
    { "no certificate", { "", NULL, "leaf", "leaf" }, NULL, NULL, PKI_NO_CERTIFICATE },
    { "the one pinned", { "leaf", NULL, "leaf", "leaf" }, "leaf", NULL, PKI_OK },
    { "pinned, no chain needed",
      { "stranger", NULL, "leaf2", "stranger" },
      "stranger",
      NULL,
      PKI_OK },
    { "pinned and not sent", { "", NULL, "leaf", "leaf" }, "leaf", NULL, PKI_OK },
    { "pinned, another valid one",
      { "deep", "inter", "leaf2", "deep" },
      "leaf",
      NULL,
      PKI_NOT_PINNED },
    { "pinned, of the same subject",
      { "stranger", NULL, "leaf2", "stranger" },
      "leaf",
      NULL,
      PKI_NOT_PINNED },
    { "pinned and expired", { "expired", NULL, "leaf", "expired" }, "expired", NULL, PKI_EXPIRED },
    { "pinned and revoked", { "revoked", NULL, "leaf", "revoked" }, "revoked", "crl", PKI_REVOKED },
    { "pinned, not for IKE",
      { "purpose", NULL, "leaf", "purpose" },
      "purpose",
      NULL,
      PKI_KEY_USAGE },
    { "pinned, wrong signature", { "leaf", NULL, "leaf2", "leaf" }, "leaf", NULL, PKI_SIGNATURE },
    { "pinned, another identity", { "leaf", NULL, "leaf", "deep" }, "leaf", NULL, PKI_ID_MISMATCH },
};

static void whole_judgement(const struct whole_case *w)
{
    const struct chain_case trust = { .authorities = "root",
                                      .crl = w->crl,
                                      .policy = PKI_CRL_IF_PRESENT };
    struct pki_trust *t = trust_of(&trust);
    struct pki_cert *sent[8], *pinned = w->pinned ? kit_cert(w->pinned) : NULL, *got = NULL;
    size_t n = certs_of(w->peer.cert, sent);
    n += certs_of(w->peer.extra, sent + n);
    struct pki_key *key = kit_key(w->peer.signed_by);
    struct pki_cert *id_of = kit_cert(w->peer.id_of);
    struct slice ders[8];
    uint8_t sig[PKI_SIGNATURE_MAX];
    const struct isakmp_id id = { .type = ID_DN, .data = pki_cert_subject(id_of) };
    struct pki_claim claim = { .certs = ders, .n_certs = n, .id = &id, .hash = hash };
    struct pki_why why;

    for (size_t i = 0; i < n; i++)
        ders[i] = pki_cert_der(sent[i]);
    claim.sig = (struct slice){ sig, pki_sign(key, hash, sig) };
    bool ok = pki_authenticate(t, pinned, &claim, KIT_NOW_S, &got, &why);
    if (ok != (w->want == PKI_OK) || why.result != w->want || ok != (got != NULL))
        fail_msg("%s: %s", w->label, why.text);
    if (ok)
        assert_true(pki_cert_same(got, id_of));
    else
        assert_true(strlen(why.text) > 0);
    for (size_t i = 0; i < n; i++)
        pki_cert_unref(sent[i]);
    pki_cert_unref(got);
    pki_cert_unref(pinned);
    pki_cert_unref(id_of);
    pki_key_unref(key);
    pki_trust_unref(t);
}

static void a_peer_is_judged_as_a_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++)
        whole_judgement(&wholes[i]);
}

static void bytes_that_are_no_certificate(void **state)
{
    static const uint8_t junk[64] = { 0x30, 0x82, 0x7f, 0xff };
    struct pki_trust *t = kit_trust("root", NULL, PKI_CRL_NONE);
    struct slice ders[2] = { { junk, sizeof junk }, { junk, 1 } };
    const struct isakmp_id id = { .type = ID_FQDN, .data = slice_of_text("gw-a.example") };
    struct pki_claim claim = { .certs = ders, .n_certs = 2, .id = &id, .hash = hash, .sig = hash };
    struct pki_why why;

    (void)state;
    assert_false(pki_authenticate(t, NULL, &claim, KIT_NOW_S, NULL, &why));
    assert_int_equal(why.result, PKI_MALFORMED);
    pki_trust_unref(t);
}

static void certificates_are_shared_by_count(void **state)
{
    struct pki_key *key;
    struct pki_cert *c = with_key("deep", &key), *again = pki_cert_ref(c);
    struct pki_trust *t = pki_trust_new(PKI_CRL_NONE), *t2 = pki_trust_ref(t);

    (void)state;
    pki_trust_add(t, c, true);
    pki_cert_unref(c);
    pki_trust_unref(t);
    assert_true(pki_cert_same(pki_trust_authority(t2, 0), again));
    assert_true(pki_key_matches(key, again));
    pki_trust_unref(t2);
    pki_cert_unref(again);
    pki_key_unref(key);
    pki_cert_unref(NULL);
    assert_true(pki_cert_same(NULL, NULL) && pki_key_same(NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_of_every_kind),
        cmocka_unit_test(validity_is_that_of_the_given_moment),
        cmocka_unit_test(the_chain_to_send),
        cmocka_unit_test(identities_are_bound_whole),
        cmocka_unit_test(a_refused_identity_is_named),
        cmocka_unit_test(keys_and_usage),
        cmocka_unit_test(a_peer_is_judged_as_a_whole),
        cmocka_unit_test(bytes_that_are_no_certificate),
        cmocka_unit_test(certificates_are_shared_by_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
