/* Which configured weakness is told, and in which words. */
#include "unit.h"
#include "weak.h"

#include <stdlib.h>
#include <string.h>

static void weak_spots_are_named(void **state)
{
    static const struct {
        const char *menu, *item, *text; /* NULL: nothing to say */
    } rows[] = {
        { "ip ipsec peer", "address=1.0.0.2 secret=gwejimezyfopmekun hash-algorithm=sha1", NULL },
        { "ip ipsec peer", "address=1.0.0.2 secret=gwejimezyfopmekun",
          "peer 1.0.0.2/32 is weak: hash-algorithm=md5" },
        { "ip ipsec peer",
          "address=1.0.0.0/24 secret=0x0011 hash-algorithm=sha1 enc-algorithm=des dh-group=modp768",
          "peer 1.0.0.0/24 is weak: enc-algorithm=des, dh-group=modp768, a secret of 2 bytes" },
        { "ip ipsec peer", "address=1.0.0.2 secret=elevenbytes hash-algorithm=sha1",
          "peer 1.0.0.2/32 is weak: a secret of 11 bytes" },
        { "ip ipsec peer", "address=1.0.0.2 secret=twelve-bytes hash-algorithm=sha1", NULL },
        { "ip ipsec peer", "address=1.0.0.2 hash-algorithm=sha1", NULL }, /* none: an error */
        { "ip ipsec peer",
          "address=1.0.0.2 secret=twelve-bytes hash-algorithm=sha1 dh-group=ec2n155",
          "peer 1.0.0.2/32 is weak: dh-group=ec2n155" },
        { "ip ipsec peer",
          "address=1.0.0.2 secret=twelve-bytes hash-algorithm=sha1 dh-group=ec2n185",
          "peer 1.0.0.2/32 is weak: dh-group=ec2n185" },
        { "ip ipsec peer",
          "address=1.0.0.2 secret=twelve-bytes hash-algorithm=sha1 dh-group=modp1536", NULL },
        { "ip ipsec peer",
          "address=1.0.0.2 secret=twelve-bytes hash-algorithm=sha1 exchange-mode=aggressive",
          "peer 1.0.0.2/32 is weak: exchange-mode (sends a hash to guess the secret by before "
          "anybody has proved himself)" },
        { "ip ipsec proposal", "name=p", NULL },
        { "ip ipsec proposal", "name=p enc-algorithms=des,aes-128 auth-algorithms=md5,sha1",
          "proposal p is weak: enc-algorithms=des, auth-algorithms=md5" },
        { "ip ipsec proposal", "name=p auth-algorithms=null",
          "proposal p is weak: auth-algorithms=null (nothing protects against changes)" },
        { "ip ipsec proposal", "name=p enc-algorithms=null", NULL }, /* no secrecy was asked for */
        { "ip ipsec proposal", "name=p pfs-group=modp768",
          "proposal p is weak: pfs-group=modp768" },
        { "ip ipsec proposal", "name=p pfs-group=none", NULL },
        { "ip ipsec manual-sa", "name=m", NULL },
        { "ip ipsec manual-sa", "name=m ah-key=abcfed", "manual-sa m is weak: ah-algorithm=md5" },
        { "ip ipsec manual-sa",
          "name=m esp-enc-algorithm=des esp-enc-key=0011223344556677 esp-auth-algorithm=md5 "
          "esp-auth-key=00112233445566778899aabbccddeeff",
          "manual-sa m is weak: esp-enc-algorithm=des, esp-auth-algorithm=md5" },
        { "ip ipsec policy", "sa-src-address=1.0.0.1", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static const struct config_hooks none = { 0 };
        struct config *c = config_open_memory(&none);
        const struct menu *m = menu_find(rows[i].menu);
        struct config_arg args[16];
        struct config_error e = { 0 };
        struct text t = TEXT_INIT;
        char *copy = strdup(rows[i].item), *save = NULL;
        size_t n = 0;
        uint32_t id;

        for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
            char *eq = strchr(w, '=');
            *eq = '\0';
            args[n++] = (struct config_arg){ w, eq + 1 };
        }
        if (!config_add(c, m, args, n, &id, &e))
            fail_msg("%s: %s", rows[i].item, text_get(&e.text));
        bool any = weak_text(m, config_find_id(c, m, id), &t);
        if (any != (rows[i].text != NULL))
            fail_msg("%s: \"%s\"", rows[i].item, text_get(&t));
        if (any)
            assert_string_equal(text_get(&t), rows[i].text);
        text_fini(&t);
        text_fini(&e.text);
        free(copy);
        config_close(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(weak_spots_are_named) };

    return cmocka_run_group_tests_name("weak", tests, NULL, NULL);
}
