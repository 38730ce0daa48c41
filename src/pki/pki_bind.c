#include "pki_bind.h"

#include "pki_priv.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

static bool dn_covers(const struct pki_cert *c, struct slice der)
{
    const uint8_t *at = der.p;
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);
    bool whole = name && (size_t)(at - der.p) == der.len && X509_NAME_entry_count(name) > 0;
    bool same = whole && X509_NAME_cmp(name, X509_get_subject_name(c->x)) == 0;

    X509_NAME_free(name);
    ERR_clear_error();
    return same;
}

static struct slice string_of(const ASN1_STRING *s)
{
    return (struct slice){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
}

/* Names of hosts. Neither side can hold a NUL, which would end one of them early elsewhere. */
static bool host_same(struct slice a, struct slice b)
{
    return a.len > 0 && a.len == b.len && !memchr(a.p, 0, a.len) &&
           strncasecmp((const char *)a.p, (const char *)b.p, a.len) == 0;
}

static bool mail_same(struct slice a, struct slice b)
{
    size_t local = a.len; /* bytes up to and with the @ */

    while (local > 0 && a.p[local - 1] != '@')
        local--;
    if (local == 0 || a.len != b.len)
        return false;
    return memcmp(a.p, b.p, local) == 0 && host_same((struct slice){ a.p + local, a.len - local },
                                                     (struct slice){ b.p + local, b.len - local });
}

static bool alt_same(const GENERAL_NAME *n, const struct isakmp_id *id)
{
    switch (id->type) {
    case ID_IPV4:
    case ID_IPV6:
        return n->type == GEN_IPADD && slice_equal(string_of(n->d.iPAddress), id->data);
    case ID_FQDN:
        return n->type == GEN_DNS && host_same(string_of(n->d.dNSName), id->data);
    case ID_USER_FQDN:
        return n->type == GEN_EMAIL && mail_same(string_of(n->d.rfc822Name), id->data);
    default:
        return false;
    }
}

static bool alt_covers(const struct pki_cert *c, const struct isakmp_id *id)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(c->x, NID_subject_alt_name, NULL, NULL);
    bool found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        found = found || alt_same(sk_GENERAL_NAME_value(names, i), id);
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return found;
}

bool pki_cert_covers(const struct pki_cert *c, const struct isakmp_id *id, struct pki_why *why)
{
    char text[PKI_NAME_TEXT_MAX];

    if (id->type == ID_DN ? dn_covers(c, id->data) : alt_covers(c, id))
        return true;
    return pki_refuse(why, PKI_ID_MISMATCH, "certificate %s %s %s", c->subject,
                      pki_result_text(PKI_ID_MISMATCH), isakmp_id_to_text(id, text, sizeof text));
}
