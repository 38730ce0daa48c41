#include "pki_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slice kit_file(const char *name)
{
    struct text path = TEXT_INIT, all = TEXT_INIT;
    const char *folder = getenv("SALLYPORT_CERTIFICATES");
    char buf[4096];
    size_t n;

    text_printf(&path, "%s/%s", folder ? folder : "", name);
    FILE *f = fopen(text_get(&path), "rb");
    if (!f)
        fail_msg("%s: SALLYPORT_CERTIFICATES does not name the folder", text_get(&path));
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        text_add(&all, buf, n);
    fclose(f);
    text_fini(&path);
    size_t len = all.len;
    return (struct slice){ (const uint8_t *)text_take(&all), len };
}

struct pki_bundle kit_bundle(const char *name, const char *passphrase)
{
    struct slice file = kit_file(name);
    struct pki_bundle b;

    pki_import(file, passphrase, &b);
    free((void *)file.p);
    return b;
}

struct pki_cert *kit_cert(const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s.pem", name);
    struct pki_bundle b = kit_bundle(path, "");

    if (b.n_certs != 1)
        fail_msg("%s: %s", path, b.why.text);
    struct pki_cert *c = pki_cert_ref(b.certs[0]);
    pki_bundle_fini(&b);
    return c;
}

struct pki_key *kit_key(const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s.key", name);
    struct pki_bundle b = kit_bundle(path, "");

    if (b.n_keys != 1)
        fail_msg("%s: %s", path, b.why.text);
    struct pki_key *k = pki_key_ref(b.keys[0]);
    pki_bundle_fini(&b);
    return k;
}

static void add_all(struct pki_trust *t, const char *names, bool authority)
{
    char *copy = xstrdup(names), *save = NULL;

    for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        struct pki_cert *c = kit_cert(name);
        pki_trust_add(t, c, authority);
        pki_cert_unref(c);
    }
    free(copy);
}

struct pki_trust *kit_trust(const char *authorities, const char *others, enum pki_crl_policy p)
{
    struct pki_trust *t = pki_trust_new(p);

    add_all(t, authorities, true);
    add_all(t, others ? others : "", false);
    return t;
}
