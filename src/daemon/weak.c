#include "weak.h"

#include "alg.h"
#include "dh.h"
#include "log.h"

#include <string.h>

enum { SECRET_SHORT_BYTES = 12, WARNINGS_AT_LOAD = 10 };
enum { AUTH_NAME_NULL, AUTH_NAME_MD5, CIPHER_NAME_DES = 1 }; /* places in the names tables */

/* "hash-algorithm=md5, dh-group=modp768" */
static void put(struct text *t, const char *name, const char *value)
{
    text_printf(t, "%s%s=%s", t->len ? ", " : "", name, value);
}

static bool group_is_weak(unsigned group)
{
    return group == DH_MODP768 || group == DH_EC2N155 || group == DH_EC2N185;
}

static void peer_look(const struct cfg_peer *p, struct text *t)
{
    struct secret secret = { 0 };

    if (p->enc_algorithm + 1 == CIPHER_NAME_DES)
        put(t, "enc-algorithm", "des");
    if (p->hash_algorithm + 1 == AUTH_NAME_MD5)
        put(t, "hash-algorithm", "md5");
    if (group_is_weak(p->dh_group + 1u))
        put(t, "dh-group", cfg_dh_names[p->dh_group + 1]);
    if (p->auth_method != CFG_PRE_SHARED_KEY)
        return;
    if (p->exchange_mode != CFG_MAIN) /* RFC 2409 5.4: main mode encrypts both hashes */
        text_printf(t,
                    "%sexchange-mode (sends a hash to guess the secret by before anybody has "
                    "proved himself)",
                    t->len ? ", " : "");
    if (key_text_to_secret(p->secret, &secret) && secret.len > 0 && secret.len < SECRET_SHORT_BYTES)
        text_printf(t, "%sa secret of %u bytes", t->len ? ", " : "", secret.len);
    secret_wipe(&secret, sizeof(secret));
}

static void proposal_look(const struct cfg_proposal *p, struct text *t)
{
    bool encrypts = p->enc_algorithms & ~1u;

    if (p->enc_algorithms & 1u << CIPHER_NAME_DES)
        put(t, "enc-algorithms", "des");
    if (p->auth_algorithms & 1u << AUTH_NAME_MD5)
        put(t, "auth-algorithms", "md5");
    if (encrypts && (p->auth_algorithms == 0 || p->auth_algorithms & 1u << AUTH_NAME_NULL))
        put(t, "auth-algorithms", "null (nothing protects against changes)");
    if (group_is_weak(p->pfs_group))
        put(t, "pfs-group", cfg_dh_names[p->pfs_group]);
}

static void manual_look(const struct cfg_manual_sa *m, struct text *t)
{
    bool des = false, esp_md5 = false, ah_md5 = false;

    for (int dir = CFG_IN; dir <= CFG_OUT; dir++) {
        des = des || m->esp_enc_algorithm[dir] == CIPHER_NAME_DES;
        esp_md5 = esp_md5 || m->esp_auth_algorithm[dir] == AUTH_NAME_MD5;
        /* md5 is what AH has unless told otherwise: only with a key it is meant */
        ah_md5 = ah_md5 || (m->ah_algorithm[dir] == AUTH_NAME_MD5 && m->ah_key[dir].len > 0);
    }
    if (des)
        put(t, "esp-enc-algorithm", "des");
    if (esp_md5)
        put(t, "esp-auth-algorithm", "md5");
    if (ah_md5)
        put(t, "ah-algorithm", "md5");
}

/* "peer 10.0.0.147/32", "proposal default" */
static void name_put(const struct menu *m, const struct item *item, struct text *t)
{
    char address[IP_PREFIX_TEXT_MAX];

    if (strcmp(m->noun, "peer") == 0) {
        const struct cfg_peer *p = item->data;
        text_printf(t, "peer %s", ip_prefix_to_text(&p->address.prefix, address));
    } else if (strcmp(m->noun, "proposal") == 0) {
        text_printf(t, "proposal %s", ((const struct cfg_proposal *)item->data)->name);
    } else {
        text_printf(t, "manual-sa %s", ((const struct cfg_manual_sa *)item->data)->name);
    }
}

bool weak_text(const struct menu *m, const struct item *item, struct text *ret)
{
    struct text spots = TEXT_INIT;
    bool any;

    if (strcmp(m->path, "ip ipsec peer") == 0)
        peer_look(item->data, &spots);
    else if (strcmp(m->path, "ip ipsec proposal") == 0)
        proposal_look(item->data, &spots);
    else if (strcmp(m->path, "ip ipsec manual-sa") == 0)
        manual_look(item->data, &spots);
    any = spots.len > 0;
    if (any) {
        name_put(m, item, ret);
        text_printf(ret, " is weak: %s", text_get(&spots));
    }
    text_fini(&spots);
    return any;
}

/* ---- the log ---- */

static bool warn(const struct menu *m, const struct item *item)
{
    struct text t = TEXT_INIT;
    bool any = !item->disabled && weak_text(m, item, &t);

    if (any)
        log_warning("ipsec", "%s", text_get(&t));
    text_fini(&t);
    return any;
}

static void warn_menu(const struct config *c, const struct menu *m)
{
    size_t n = config_count(c, m), warned = 0, i = 0;

    while (i < n && warned < WARNINGS_AT_LOAD)
        warned += warn(m, config_item_at(c, m, i++));
    if (i < n)
        log_warning("ipsec", "%s: the other %zu items were not looked at for weak algorithms",
                    m->path, n - i);
}

void weak_warn(const struct config *c, const struct config_change *change)
{
    static const char *const menus_of_weakness[] = { "ip ipsec peer", "ip ipsec proposal",
                                                     "ip ipsec manual-sa" };

    switch (change->op) {
    case OP_LOAD:
        for (size_t i = 0; i < sizeof(menus_of_weakness) / sizeof(menus_of_weakness[0]); i++)
            warn_menu(c, menu_find(menus_of_weakness[i]));
        return;
    case OP_ADD:
    case OP_SET:
    case OP_ENABLE:
        warn(change->menu, change->item);
        return;
    case OP_REMOVE:
    case OP_DISABLE:
    case OP_MOVE:
    case OP_COMMENT:
        return;
    }
}
