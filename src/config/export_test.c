/* The text form: the reference's shape, quoting, and that it makes the same configuration again. */
#include "config_kit.h"

#include <ctype.h>

#define POLICY    "ip ipsec policy"
#define MANUAL_SA "ip ipsec manual-sa"
#define PEER      "ip ipsec peer"
#define PROPOSAL  "ip ipsec proposal"

static struct config *fresh(void)
{
    struct config_hooks hooks = { .default_identity = "host" };

    return config_open_memory(&hooks);
}

static void lines_are_sorted_whole_and_wrapped(void **state)
{
    struct config *c = fresh();
    struct text out = TEXT_INIT;

    (void)state;
    kit_add(c, POLICY,
            "sa-src-address=10.0.0.147 sa-dst-address=10.0.0.148 action=encrypt src-port=1701");
    config_export(c, menu_find(POLICY), "r1", &out);
    assert_string_equal(text_get(&out),
                        "# sallyport configuration\n"
                        "# identity = r1\n"
                        "#\n"
                        "/ip ipsec policy\n"
                        "add action=encrypt comment=\"\" disabled=no dont-fragment=clear \\\n"
                        "    dst-address=10.0.0.148/32:any ipsec-protocols=esp level=require \\\n"
                        "    manual-sa=none priority=0 proposal=default protocol=all "
                        "replay-window=32 \\\n"
                        "    sa-dst-address=10.0.0.148 sa-src-address=10.0.0.147 \\\n"
                        "    src-address=10.0.0.147/32:1701 tunnel=no\n");
    text_fini(&out);
    config_close(c);
}

static void no_line_is_wider_than_79(void **state)
{
    struct config *c = fresh();

    (void)state;
    for (int i = 0; i < 60; i++) {
        struct text line = TEXT_INIT;
        text_puts(&line, "comment=");
        for (int n = 0; n < i; n++)
            text_putc(&line, 'c');
        kit_add(c, POLICY, text_get(&line));
        text_fini(&line);
    }
    char *text = kit_export(c), *save = NULL;
    for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        assert_in_range(strlen(l), 1, 79);
    free(text);
    config_close(c);
}

static void menus_come_before_those_that_refer_to_them(void **state)
{
    struct config *c = fresh();

    (void)state;
    kit_add(c, MANUAL_SA, "name=keys");
    kit_add(c, POLICY, "manual-sa=keys");
    kit_add(c, PEER, "address=1.0.0.2 secret=x");
    char *text = kit_export(c);
    const char *sa = strstr(text, "/ip ipsec manual-sa\n");
    const char *proposal = strstr(text, "/ip ipsec proposal\n");
    const char *peer = strstr(text, "/ip ipsec peer\n");
    const char *policy = strstr(text, "/ip ipsec policy\n");
    assert_true(sa && proposal && peer && policy);
    assert_true(sa < proposal && proposal < peer && peer < policy);
    assert_null(strstr(text, "remote-peers"));
    assert_null(strstr(text, "last-error"));
    assert_null(strstr(text, "installed-sa"));
    assert_null(strstr(text, "statistics"));
    assert_non_null(strstr(text, "/system identity\nset name=host\n"));
    free(text);
    config_close(c);
}

/* It is there already, so that import can only change it. */
static void the_builtin_proposal_is_set_by_name(void **state)
{
    struct config *c = fresh();
    struct text out = TEXT_INIT;

    (void)state;
    assert_true(kit_set(c, PROPOSAL, 1, "enc-algorithms=des auth-algorithms="));
    assert_true(kit_add(c, PROPOSAL, "name=second"));
    config_export(c, menu_find(PROPOSAL), NULL, &out);
    assert_string_equal(
        text_get(&out),
        "/ip ipsec proposal\n"
        "set default auth-algorithms=\"\" comment=\"\" disabled=no enc-algorithms=des \\\n"
        "    lifebytes=0 lifetime=30m name=default pfs-group=modp1024\n"
        "add auth-algorithms=sha1 comment=\"\" disabled=no enc-algorithms=3des \\\n"
        "    lifebytes=0 lifetime=30m name=second pfs-group=modp1024\n");
    text_fini(&out);
    config_close(c);
}

static const struct quote_case {
    const char *comment, *want;
} quotes[] = {
    { "plain-text_1.2:3/4,5", "comment=plain-text_1.2:3/4,5 " },
    { "two words", "comment=\"two words\"" },
    { "say \"hi\"", "comment=\"say \\\"hi\\\"\"" },
    { "back\\slash", "comment=\"back\\\\slash\"" },
    { "$var [find] ; # ?", "comment=\"\\$var [find] ; # \\?\"" },
    { "a\nb\tc\rd", "comment=\"a\\nb\\tc\\rd\"" },
    { "\033[2J", "comment=\"\\1B[2J\"" },
    { "\xc3\xbc", "comment=\"\\C3\\BC\"" },
    { "a=b", "comment=\"a=b\"" },
};

static void values_are_quoted_where_they_must_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
        struct config *c = fresh();
        uint32_t id = kit_add(c, POLICY, "");
        assert_true(kit_comment(c, POLICY, id, quotes[i].comment));
        char *text = kit_export(c);
        if (!strstr(text, quotes[i].want))
            fail_msg("%s\nin\n%s", quotes[i].want, text);
        free(text);
        config_close(c);
    }
}

/* -- random commands, exported and made again -- */

static uint64_t seed;

static uint32_t roll(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % n;
}

#define PICK(...)                                                                                  \
    (((const char *const[]){                                                                       \
        __VA_ARGS__ })[roll(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))])

static void random_policy_args(struct text *line)
{
    const char *address = PICK("10.0.0.0/8", "1.2.3.4", "0.0.0.0/0", "fd00::/8", ":500", "x");

    if (roll(2))
        text_printf(line, " src-address=%s", address);
    if (roll(2))
        text_printf(line, " dst-address=%s", PICK("11.0.0.0/8:53", "0.0.0.0/32", "fd01::/16"));
    if (roll(3) == 0)
        text_printf(line, " protocol=%s", PICK("all", "tcp", "udp", "47", "icmp", "300"));
    if (roll(2))
        text_printf(line, " action=%s", PICK("none", "drop", "encrypt", "accept", "discard"));
    if (roll(3) == 0)
        text_printf(line, " priority=%d", (int)roll(20) - 10);
    if (roll(2))
        text_printf(line, " sa-src-address=%s", PICK("1.0.0.1", "fd00::1", "0.0.0.0"));
    if (roll(2))
        text_printf(line, " sa-dst-address=%s", PICK("1.0.0.2", "fd00::2"));
    if (roll(3) == 0)
        text_printf(line, " tunnel=%s", PICK("yes", "no"));
    if (roll(3) == 0)
        text_printf(line, " manual-sa=%s", PICK("none", "k0", "k1", "k2", "k3"));
    if (roll(3) == 0)
        text_printf(line, " proposal=%s", PICK("default", "p0", "p1", "p2", "none"));
    if (roll(3) == 0)
        text_printf(line, " ipsec-protocols=%s", PICK("ah", "esp", "ah,esp"));
    if (roll(4) == 0)
        text_printf(line, " replay-window=%u dont-fragment=%s", 32 * roll(40),
                    PICK("set", "inherit"));
    if (roll(4) == 0)
        text_printf(line, " comment=%s disabled=%s", PICK("a", "b\"\\", "\xc3\xbc"),
                    PICK("yes", "no"));
}

static void random_manual_sa_args(struct text *line)
{
    if (roll(2))
        text_printf(line, " name=k%u", roll(4));
    if (roll(2))
        text_printf(line, " ah-key=%s", PICK("abcfed", "ab/cd", "", "abc"));
    if (roll(2))
        text_printf(line, " ah-spi=0x%x/0x%x", 0xff + roll(4), 0x100 + roll(4));
    if (roll(3) == 0)
        text_printf(line, " esp-enc-algorithm=des esp-enc-key=%s",
                    PICK("0123456789abcdef", "0123456789abcdef/1123456789abcdef", "00"));
    if (roll(3) == 0)
        text_printf(line, " lifetime=%u", roll(100000));
}

static void random_proposal_args(struct text *line)
{
    if (roll(2))
        text_printf(line, " name=%s", PICK("p0", "p1", "p2", "default", "none"));
    if (roll(2))
        text_printf(line, " auth-algorithms=%s", PICK("", "md5", "sha1,md5", "null", "sha2"));
    if (roll(2))
        text_printf(line, " enc-algorithms=%s", PICK("null", "des,3des", "aes-256,null", ""));
    if (roll(3) == 0)
        text_printf(line, " lifetime=%u lifebytes=%u", roll(10000), roll(3));
    if (roll(3) == 0)
        text_printf(line, " pfs-group=%s", PICK("none", "modp768", "ec2n185", "modp8192"));
}

static void random_peer_args(struct text *line)
{
    if (roll(2))
        text_printf(line, " address=%s",
                    PICK("1.0.0.1", "0.0.0.0/0:501", "fd00::/8", "1.1.1.1:any"));
    if (roll(2))
        text_printf(line, " secret=%s", PICK("x", "0xabcd", "0xabc", "a\"b\\$?", "\xc3\xbc"));
    if (roll(3) == 0)
        text_printf(line, " exchange-mode=%s", PICK("main", "aggressive"));
    if (roll(3) == 0)
        text_printf(line, " enc-algorithm=%s dh-group=%s", PICK("des", "aes-192", "null"),
                    PICK("modp768", "modp1536", "none"));
    if (roll(3) == 0)
        text_printf(line, " hash-algorithm=%s proposal-check=%s", PICK("md5", "sha", "sha1"),
                    PICK("claim", "exact", "obey", "strict"));
    if (roll(3) == 0)
        text_printf(line, " passive=%s dpd-interval=%u", PICK("yes", "no"), roll(200));
    if (roll(4) == 0)
        text_printf(line, " comment=%s disabled=%s", PICK("a", "b\"\\"), PICK("yes", "no"));
}

static const struct random_menu {
    const char *path;
    void (*args)(struct text *line);
} random_menus[] = {
    { POLICY, random_policy_args },     { POLICY, random_policy_args },
    { POLICY, random_policy_args },     { MANUAL_SA, random_manual_sa_args },
    { PROPOSAL, random_proposal_args }, { PEER, random_peer_args },
};

/* Whether a policy names it; what has no name is not in use. */
static bool in_use(struct config *c, const struct menu *named, const struct item *item)
{
    const struct menu *m = menu_find(POLICY);

    for (size_t i = 0; i < config_count(c, m); i++) {
        const struct cfg_policy *p = config_item_at(c, m, i)->data;
        if (config_find_name(c, named, p->manual_sa) == item ||
            config_find_name(c, named, p->proposal) == item)
            return true;
    }
    return false;
}

static uint32_t random_id(struct config *c, const struct menu *m)
{
    size_t n = config_count(c, m);

    return n ? config_item_at(c, m, roll((uint32_t)n))->id : 99;
}

/* One command, good or not; false when it was refused. */
static bool random_command(struct config *c)
{
    const struct random_menu *r = &random_menus[roll(sizeof(random_menus) / sizeof(*random_menus))];
    const struct menu *m = menu_find(r->path);
    uint32_t id = random_id(c, m);
    struct text line = TEXT_INIT;
    bool ok = false;

    r->args(&line);
    switch (roll(8)) {
    case 0:
    case 1:
    case 2:
        if (m->flags & M_ORDERED && roll(2))
            text_printf(&line, " place-before=*%X", random_id(c, m));
        ok = kit_add(c, m->path, text_get(&line)) != 0;
        break;
    case 3:
    case 4:
        ok = kit_set(c, m->path, id, text_get(&line));
        break;
    case 5:
        ok = kit_move(c, m->path, id, roll(2) ? random_id(c, m) : 0);
        break;
    case 6:
        ok = kit_enable(c, m->path, id, roll(2));
        break;
    default: /* a policy whose references are gone cannot be made again, so that is left out */
        if (config_find_id(c, m, id) && !in_use(c, m, config_find_id(c, m, id)))
            ok = kit_remove(c, m->path, id);
    }
    text_fini(&line);
    return ok;
}

/* Undoes the quoting of one word, as the console does. */
static void unquote(char *word)
{
    char *to = word;

    for (char *s = word; *s; s++) {
        if (*s == '"')
            continue;
        if (*s != '\\') {
            *to++ = *s;
        } else if (isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2])) {
            char hex[3] = { s[1], s[2], '\0' };
            *to++ = (char)strtoul(hex, NULL, 16);
            s += 2;
        } else {
            *to++ = *++s;
        }
    }
    *to = '\0';
}

static void replay_line(struct config *c, const char *menu, char *line)
{
    struct kit_args a = kit_args(line);
    struct config_error e = { .text = TEXT_INIT };
    const struct menu *m = menu_find(menu);
    const struct item *builtin = config_find_name(c, m, a.v[1].name); /* "set default ..." */
    bool ok;

    /* The first word is the verb. */
    for (size_t i = builtin ? 2 : 1; i < a.n; i++)
        unquote((char *)a.v[i].value);
    if (strcmp(a.v[0].name, "add") == 0)
        ok = config_add(c, m, a.v + 1, a.n - 1, NULL, &e);
    else if (m->flags & M_SINGLE)
        ok = config_set(c, m, 0, a.v + 1, a.n - 1, &e);
    else
        ok = builtin && config_set(c, m, builtin->id, a.v + 2, a.n - 2, &e);
    if (!ok)
        fail_msg("%s: %s", line, text_get(&e.text));
    text_fini(&e.text);
    free(a.copy);
}

/* What import does, with the least of a parser. */
static struct config *import(const char *text)
{
    struct config *c = fresh();
    char menu[64] = "", *copy = xstrdup(text), *wrap, *save = NULL;

    while ((wrap = strstr(copy, " \\\n    ")) != NULL)
        memmove(wrap, wrap + 6, strlen(wrap + 6) + 1);
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (line[0] == '/')
            snprintf(menu, sizeof(menu), "%s", line);
        else
            replay_line(c, menu, line);
    }
    free(copy);
    return c;
}

static void an_export_makes_the_same_configuration(void **state)
{
    size_t refused = 0, done = 0;

    (void)state;
    for (uint64_t run = 1; run <= 40; run++) {
        seed = run * 0x9e3779b97f4a7c15;
        struct config *c = fresh();
        for (int i = 0; i < 80; i++) {
            char *before = kit_export(c);
            bool ok = random_command(c);
            char *after = kit_export(c);
            if (!ok && strcmp(before, after) != 0)
                fail_msg("run %d, command %d: refused (%s), but changed", (int)run, i, kit_error);
            refused += !ok;
            done += ok;
            free(before);
            free(after);
        }
        char *text = kit_export(c);
        struct config *again = import(text);
        char *second = kit_export(again);
        assert_string_equal(text, second);
        config_close(c);
        config_close(again);
        free(text);
        free(second);
    }
    assert_true(refused > 300 && done > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_sorted_whole_and_wrapped),
        cmocka_unit_test(no_line_is_wider_than_79),
        cmocka_unit_test(menus_come_before_those_that_refer_to_them),
        cmocka_unit_test(the_builtin_proposal_is_set_by_name),
        cmocka_unit_test(values_are_quoted_where_they_must_be),
        cmocka_unit_test(an_export_makes_the_same_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
