/* The menus: names, order and defaults of the reference, and the checks across properties. */
#include "config_kit.h"
#include "menu_models.h"

#define POLICY    "ip ipsec policy"
#define MANUAL_SA "ip ipsec manual-sa"
#define PEER      "ip ipsec peer"
#define PROPOSAL  "ip ipsec proposal"
#define NAT       "ip firewall nat"

static struct config *fresh(void)
{
    static struct kit_gateway ignored;
    struct config_hooks hooks = { .ctx = &ignored, .default_identity = "host" };

    return config_open_memory(&hooks);
}

/* What print shows of an item made by `add LINE`, without live properties: "a=b c=d". */
static char *printed(const char *menu, const char *line)
{
    struct config *c = fresh();
    const struct menu *m = menu_find(menu);
    struct text out = TEXT_INIT, value = TEXT_INIT;
    const struct item *item = config_find_id(c, m, kit_add(c, menu, line));

    assert_non_null(item);
    for (const struct prop *p = m->props; p->name; p++) {
        text_clear(&value);
        if ((p->flags & P_NOPRINT) || ((p->flags & P_QUIET) && prop_is_default(p, item->data)) ||
            !prop_format(p, item->data, &value))
            continue;
        text_printf(&out, "%s%s=%s", out.len ? " " : "", p->name, text_get(&value));
    }
    text_fini(&value);
    config_close(c);
    return text_take(&out);
}

static const struct print_case {
    const char *label, *menu, *line, *want;
} prints[] = {
    { "the reference's first policy", POLICY,
      "sa-src-address=10.0.0.147 sa-dst-address=10.0.0.148 action=encrypt",
      "src-address=10.0.0.147/32:any dst-address=10.0.0.148/32:any protocol=all action=encrypt "
      "level=require ipsec-protocols=esp tunnel=no sa-src-address=10.0.0.147 "
      "sa-dst-address=10.0.0.148 proposal=default manual-sa=none priority=0" },
    { "every default of a policy", POLICY, "",
      "src-address=0.0.0.0/32:any dst-address=0.0.0.0/32:any protocol=all action=encrypt "
      "level=require ipsec-protocols=esp tunnel=no sa-src-address=0.0.0.0 sa-dst-address=0.0.0.0 "
      "proposal=default manual-sa=none priority=0" },
    { "quiet properties when they say something", POLICY,
      "dont-fragment=inherit replay-window=64 ipsec-protocols=esp,ah action=drop",
      "src-address=0.0.0.0/32:any dst-address=0.0.0.0/32:any protocol=all action=discard "
      "level=require ipsec-protocols=ah,esp tunnel=no sa-src-address=0.0.0.0 "
      "sa-dst-address=0.0.0.0 proposal=default manual-sa=none priority=0 dont-fragment=inherit "
      "replay-window=64" },
    { "accept reads as none", POLICY, "action=accept src-address=10.0.0.0/8 dst-address=0.0.0.0/0",
      "src-address=10.0.0.0/8:any dst-address=0.0.0.0/0:any protocol=all action=none "
      "level=require ipsec-protocols=esp tunnel=no sa-src-address=0.0.0.0 sa-dst-address=0.0.0.0 "
      "proposal=default manual-sa=none priority=0" },
    { "the reference's manual keys", MANUAL_SA, "name=ah-sa1 ah-spi=0x101/0x100 ah-key=abcfed",
      "name=ah-sa1 ah-algorithm=md5/md5 ah-key=abcfed/abcfed ah-spi=0x101/0x100 "
      "esp-auth-algorithm=null/null esp-enc-algorithm=null/null esp-spi=0x100/0x100 lifetime=0s" },
    { "the reference's peer", PEER, "address=10.0.0.147/32 secret=gwejimezyfopmekun",
      "address=10.0.0.147/32:500 auth-method=pre-shared-key secret=gwejimezyfopmekun "
      "generate-policy=no exchange-mode=main send-initial-contact=yes nat-traversal=no "
      "proposal-check=obey hash-algorithm=md5 enc-algorithm=3des dh-group=modp1024 lifetime=1d "
      "lifebytes=0" },
    { "every default of a peer", PEER, "",
      "address=0.0.0.0/32:500 auth-method=pre-shared-key secret= generate-policy=no "
      "exchange-mode=main send-initial-contact=yes nat-traversal=no proposal-check=obey "
      "hash-algorithm=md5 enc-algorithm=3des dh-group=modp1024 lifetime=1d lifebytes=0" },
    { "a peer with nothing left at its default", PEER,
      "address=[fd00::1]:4500 secret=0xABCD generate-policy=no send-initial-contact=no "
      "nat-traversal=yes proposal-check=claim hash-algorithm=sha enc-algorithm=aes-256 "
      "dh-group=modp1536 lifetime=28800s lifebytes=4294967296 passive=yes dpd-interval=0s "
      "dpd-maximum-failures=1",
      "address=fd00::1/128:4500 auth-method=pre-shared-key secret=0xABCD generate-policy=no "
      "exchange-mode=main send-initial-contact=no nat-traversal=yes proposal-check=claim "
      "hash-algorithm=sha1 enc-algorithm=aes-256 dh-group=modp1536 lifetime=8h "
      "lifebytes=4294967296 passive=yes dpd-interval=0s dpd-maximum-failures=1" },
    { "every default of a proposal", PROPOSAL, "name=a",
      "name=a auth-algorithms=sha1 enc-algorithms=3des lifetime=30m pfs-group=modp1024" },
    { "a proposal with nothing left at its default", PROPOSAL,
      "name=a auth-algorithms=sha,null,md5 enc-algorithms=aes-256,des lifetime=3600 "
      "lifebytes=4718592000 pfs-group=ec2n155",
      "name=a auth-algorithms=null,md5,sha1 enc-algorithms=des,aes-256 lifetime=1h "
      "lifebytes=4718592000 pfs-group=ec2n155" },
};

static void printouts_have_the_references_order_and_defaults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(prints) / sizeof(prints[0]); i++) {
        char *have = printed(prints[i].menu, prints[i].line);
        if (strcmp(have, prints[i].want) != 0)
            fail_msg("%s:\n%s", prints[i].label, have);
        free(have);
    }
}

#define K8  "0123456789abcdef"
#define K16 K8 "00112233445566aa"
#define K20 K16 "deadbeef"
#define K24 K16 "fedcba9876543210"
#define K32 K16 K16

/* "" = accepted. */
static const struct check_case {
    const char *label, *menu, *line, *error;
} checks[] = {
    { "md5 key", MANUAL_SA, "name=a ah-key=" K16, "" },
    { "sha1 key", MANUAL_SA, "name=a ah-algorithm=sha1 ah-key=" K20, "" },
    { "short AH key as in the reference", MANUAL_SA, "name=a ah-key=abcfed", "" },
    { "AH key too long for md5", MANUAL_SA, "name=a ah-key=" K20,
      "failure: ah-key must be at most 16 bytes (32 hex digits) for md5, not 20" },
    { "AH key too long one way", MANUAL_SA, "name=a ah-key=" K16 "/" K20,
      "failure: ah-key must be at most 16 bytes (32 hex digits) for md5, not 20" },
    { "des", MANUAL_SA, "name=a esp-enc-algorithm=des esp-enc-key=" K8, "" },
    { "3des", MANUAL_SA, "name=a esp-enc-algorithm=3des esp-enc-key=" K24, "" },
    { "aes-128", MANUAL_SA, "name=a esp-enc-algorithm=aes-128 esp-enc-key=" K16, "" },
    { "aes-192", MANUAL_SA, "name=a esp-enc-algorithm=aes-192 esp-enc-key=" K24, "" },
    { "aes-256", MANUAL_SA, "name=a esp-enc-algorithm=aes-256 esp-enc-key=" K32, "" },
    { "a cipher each way", MANUAL_SA,
      "name=a esp-enc-algorithm=des/aes-128 esp-enc-key=" K8 "/" K16, "" },
    { "keys the wrong way round", MANUAL_SA,
      "name=a esp-enc-algorithm=des/aes-128 esp-enc-key=" K16 "/" K8,
      "failure: esp-enc-key must be 8 bytes (16 hex digits) for des, not 16" },
    { "cipher without a key", MANUAL_SA, "name=a esp-enc-algorithm=aes-128",
      "failure: esp-enc-key must be 16 bytes (32 hex digits) for aes-128, not 0" },
    { "key one byte short", MANUAL_SA, "name=a esp-enc-algorithm=des esp-enc-key=0123456789abcd",
      "failure: esp-enc-key must be 8 bytes (16 hex digits) for des, not 7" },
    { "key one byte long", MANUAL_SA, "name=a esp-enc-algorithm=des esp-enc-key=0123456789abcdef00",
      "failure: esp-enc-key must be 8 bytes (16 hex digits) for des, not 9" },
    { "ESP md5", MANUAL_SA, "name=a esp-auth-algorithm=md5 esp-auth-key=" K16, "" },
    { "ESP sha1 with md5's key", MANUAL_SA, "name=a esp-auth-algorithm=sha1 esp-auth-key=" K16,
      "failure: esp-auth-key must be 20 bytes (40 hex digits) for sha1, not 16" },
    { "weak des key", MANUAL_SA, "name=a esp-enc-algorithm=des esp-enc-key=0101010101010101",
      "failure: esp-enc-key is one of the weak keys of des" },
    { "weak but for parity", MANUAL_SA, "name=a esp-enc-algorithm=des esp-enc-key=0001000100010001",
      "failure: esp-enc-key is one of the weak keys of des" },
    { "semi-weak des key", MANUAL_SA, "name=a esp-enc-algorithm=des esp-enc-key=e0fee0fef1fef1fe",
      "failure: esp-enc-key is one of the weak keys of des" },
    { "weak on the way out", MANUAL_SA,
      "name=a esp-enc-algorithm=des esp-enc-key=" K8 "/fefefefefefefefe",
      "failure: esp-enc-key is one of the weak keys of des" },
    { "3des with keys 1 and 2 alike", MANUAL_SA,
      "name=a esp-enc-algorithm=3des esp-enc-key=" K8 K8 "fedcba9876543210",
      "failure: esp-enc-key repeats a third of itself: 3des would be des" },
    { "3des with keys 2 and 3 alike", MANUAL_SA,
      "name=a esp-enc-algorithm=3des esp-enc-key=fedcba9876543210" K8 K8,
      "failure: esp-enc-key repeats a third of itself: 3des would be des" },
    { "3des with keys 1 and 3 alike is two-key 3des", MANUAL_SA,
      "name=a esp-enc-algorithm=3des esp-enc-key=" K8 "fedcba9876543210" K8, "" },
    { "no name", MANUAL_SA, "ah-key=ab", "missing value(s) of argument(s) name" },
    { "lifetime", MANUAL_SA, "name=a lifetime=1d", "" },
    { "lifetime too long", MANUAL_SA, "name=a lifetime=10000w",
      "value of lifetime out of range (0s..3550w5d3h14m7s)" },

    { "smallest priority", POLICY, "priority=-2147483648", "" },
    { "priority too large", POLICY, "priority=2147483648",
      "value of priority out of range (-2147483648..2147483647)" },
    { "no window", POLICY, "replay-window=0", "" },
    { "largest window", POLICY, "replay-window=1024", "" },
    { "window past the largest", POLICY, "replay-window=1056",
      "value of replay-window out of range (0..1024)" },
    { "odd window", POLICY, "replay-window=33",
      "failure: replay-window must be 0 or a multiple of 32 up to 1024" },
    { "port and tcp", POLICY, "src-address=10.0.0.1:80 protocol=tcp", "" },
    { "port and all", POLICY, "src-address=10.0.0.1:80", "" },
    { "port and icmp", POLICY, "src-address=10.0.0.1:80 protocol=icmp",
      "failure: ports can be specified if protocol is tcp, udp or all" },
    { "IPv6 tunnel around IPv4", POLICY,
      "src-address=10.0.0.0/8 dst-address=11.0.0.0/8 tunnel=yes sa-src-address=fd00::1 "
      "sa-dst-address=fd00::2",
      "" },
    { "selectors of two versions", POLICY, "src-address=10.0.0.0/8 dst-address=fd00::/8",
      "failure: src-address and dst-address must be of one IP version" },
    { "SA addresses of two versions", POLICY, "sa-src-address=10.0.0.1 sa-dst-address=fd00::1",
      "failure: sa-src-address and sa-dst-address must be of one IP version" },
    { "no protocols", POLICY,
      "ipsec-protocols=", "input does not match any value of ipsec-protocols" },
    { "absent template", POLICY, "manual-sa=nobody",
      "input does not match any value of manual-sa" },
    { "absent proposal", POLICY, "proposal=nobody", "input does not match any value of proposal" },
    { "the proposal every gateway has", POLICY, "proposal=default", "" },
    { "level acquire went in v3", POLICY, "level=acquire",
      "input does not match any value of level" },
    { "counters cannot be set", POLICY, "encrypted=5", "unknown parameter encrypted" },
    { "flags cannot be set", POLICY, "inactive=no", "unknown parameter inactive" },
    { "unknown property", POLICY, "colour=blue", "unknown parameter colour" },
    { "the last error cannot be set", POLICY, "last-error=none", "unknown parameter last-error" },

    { "ports of no protocol", NAT, "chain=srcnat dst-port=80",
      "failure: ports can be specified if proto is tcp,udp,..." },
    { "masquerade before routing", NAT, "chain=dstnat action=masquerade",
      "failure: masquerade and src-nat can be used in chain srcnat only" },
    { "redirect behind routing", NAT, "chain=srcnat action=redirect",
      "failure: dst-nat and redirect can be used in chain dstnat only" },
    { "a way out before routing", NAT, "chain=dstnat out-interface=wan",
      "failure: out-interface is not known yet in chain dstnat" },
    { "a way in behind routing", NAT, "chain=srcnat in-interface=wan",
      "failure: in-interface is not known any more in chain srcnat" },
    { "translated to nothing", NAT, "chain=srcnat action=src-nat",
      "failure: to-addresses or to-ports is required for src-nat and dst-nat" },
    { "a network to translate to", NAT, "chain=srcnat action=src-nat to-addresses=10.0.0.0/24",
      "invalid value for argument to-addresses" },
    { "no chain", NAT, "action=accept", "missing value(s) of argument(s) chain" },
    { "aggressive mode", PEER, "exchange-mode=aggressive", "" },
    { "base mode", PEER, "exchange-mode=base", "" },
    { "no such mode", PEER, "exchange-mode=quick",
      "input does not match any value of exchange-mode" },
    { "certificates", PEER, "auth-method=rsa-signature",
      "failure: auth-method=rsa-signature is not available in this version" },
    { "generated policies", PEER, "address=1.0.0.2 generate-policy=yes",
      "failure: generate-policy=yes is not available in this version" },
    { "absent certificate", PEER, "certificate=mine",
      "input does not match any value of certificate" },
    { "one group, not a list", PEER, "dh-group=modp768,modp1024",
      "input does not match any value of dh-group" },
    { "phase 1 needs a group", PEER, "dh-group=none",
      "input does not match any value of dh-group" },
    { "phase 1 needs encryption", PEER, "enc-algorithm=null",
      "input does not match any value of enc-algorithm" },
    { "phase 1 needs a hash", PEER, "hash-algorithm=null",
      "input does not match any value of hash-algorithm" },
    { "secret with bad hex", PEER, "secret=0x12g4", "invalid value for argument secret" },
    { "everybody", PEER, "address=0.0.0.0/0", "" },
    { "any is no port to send to", PEER, "address=1.0.0.1:any",
      "invalid value for argument address" },
    { "lifebytes past 32 bits", PEER, "lifebytes=1099511627776", "" },
    { "negative lifebytes", PEER, "lifebytes=-1",
      "value of lifebytes out of range (0..9223372036854775807)" },
    { "no lifetime at all", PEER, "lifetime=0s",
      "value of lifetime out of range (1s..3550w5d3h14m7s)" },
    { "dead before the first question", PEER, "dpd-maximum-failures=0",
      "value of dpd-maximum-failures out of range (1..100)" },
    { "the last error of a peer cannot be set", PEER, "last-error=none",
      "unknown parameter last-error" },

    { "proposal without a name", PROPOSAL, "", "missing value(s) of argument(s) name" },
    { "the built-in proposal is there already", PROPOSAL, "name=default",
      "failure: already have such entry" },
    { "encryption alone", PROPOSAL, "name=a auth-algorithms=null", "" },
    { "encryption alone, the older way", PROPOSAL, "name=a auth-algorithms=", "" },
    { "authentication alone", PROPOSAL, "name=a enc-algorithms=null", "" },
    { "neither", PROPOSAL, "name=a enc-algorithms=null auth-algorithms=null",
      "failure: auth-algorithms and enc-algorithms must not both be null" },
    { "neither, the older way", PROPOSAL, "name=a enc-algorithms=null auth-algorithms=",
      "failure: auth-algorithms and enc-algorithms must not both be null" },
    { "no time to renew", PROPOSAL, "name=a lifetime=1s",
      "value of lifetime out of range (2s..3550w5d3h14m7s)" },
    { "null among others", PROPOSAL, "name=a enc-algorithms=null,des auth-algorithms=null", "" },
    { "no encryption named", PROPOSAL,
      "name=a enc-algorithms=", "input does not match any value of enc-algorithms" },
    { "no PFS", PROPOSAL, "name=a pfs-group=none", "" },
    { "group of later versions", PROPOSAL, "name=a pfs-group=modp2048",
      "input does not match any value of pfs-group" },
    { "Cisco's bytes", PROPOSAL, "name=a lifebytes=4718592000", "" },
    { "property given twice", POLICY, "priority=1 priority=2",
      "failure: priority is given more than once" },
};

static void values_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct config *c = fresh();
        char *before = kit_export(c);
        uint32_t id = kit_add(c, checks[i].menu, checks[i].line);
        if (strcmp(kit_error, checks[i].error) != 0 || (id == 0) != (checks[i].error[0] != '\0'))
            fail_msg("%s: \"%s\"", checks[i].label, kit_error);
        char *after = kit_export(c);
        if (id == 0 && strcmp(before, after) != 0)
            fail_msg("%s: something was changed", checks[i].label);
        free(before);
        free(after);
        config_close(c);
    }
}

/* After `add FIRST` and `set SECOND`. */
static const struct derive_case {
    const char *label, *first, *second, *src, *dst;
} derives[] = {
    { "follows the SA address", "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2",
      "sa-src-address=1.0.0.9", "1.0.0.9/32:any", "1.0.0.2/32:any" },
    { "goes when it becomes a tunnel", "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2",
      "tunnel=yes", "0.0.0.0/32:any", "0.0.0.0/32:any" },
    { "comes when it stops being one", "sa-src-address=1.0.0.1 tunnel=yes sa-dst-address=1.0.0.2",
      "tunnel=no", "1.0.0.1/32:any", "1.0.0.2/32:any" },
    { "a typed one stays", "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2 src-address=1.0.0.1",
      "sa-src-address=1.0.0.9", "1.0.0.1/32:any", "1.0.0.2/32:any" },
    { "a typed port stays", "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2 src-address=:1701",
      "sa-src-address=1.0.0.9", "1.0.0.9/32:1701", "1.0.0.2/32:any" },
    { "IPv6", "sa-src-address=fd00::1 sa-dst-address=fd00::2", "priority=1", "fd00::1/128:any",
      "fd00::2/128:any" },
    { "unset again by hand", "src-address=10.0.0.0/8 sa-src-address=1.0.0.1",
      "src-address=0.0.0.0/32", "1.0.0.1/32:any", "0.0.0.0/32:any" },
    { "unset by !", "src-address=10.0.0.0/8 sa-src-address=1.0.0.1", "!src-address",
      "1.0.0.1/32:any", "0.0.0.0/32:any" },
    { "src-port is the port of src-address", "src-address=10.0.0.1",
      "src-port=1701 dst-address=10.0.0.2 dst-port=53", "10.0.0.1/32:1701", "10.0.0.2/32:53" },
    { "src-port before its address", "", "src-port=5 src-address=10.0.0.0/8", "10.0.0.0/8:5",
      "0.0.0.0/32:any" },
    { "an address without a port has any", "src-address=10.0.0.1:80", "src-address=10.0.0.2",
      "10.0.0.2/32:any", "0.0.0.0/32:any" },
};

static void unset_selectors_follow_the_sa_in_transport_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(derives) / sizeof(derives[0]); i++) {
        const struct derive_case *k = &derives[i];
        struct config *c = fresh();
        uint32_t id = kit_add(c, POLICY, k->first);
        if (!kit_set(c, POLICY, id, k->second))
            fail_msg("%s: %s", k->label, kit_error);
        if (strcmp(kit_value(c, POLICY, id, "src-address"), k->src) != 0)
            fail_msg("%s: src %s", k->label, kit_value(c, POLICY, id, "src-address"));
        if (strcmp(kit_value(c, POLICY, id, "dst-address"), k->dst) != 0)
            fail_msg("%s: dst %s", k->label, kit_value(c, POLICY, id, "dst-address"));
        const struct cfg_policy *p = config_find_id(c, menu_find(POLICY), id)->data;
        assert_int_equal(p->src_given, strncmp(k->src, "0.0.0.0/32", 10) != 0);
        assert_int_equal(p->dst_given, strncmp(k->dst, "0.0.0.0/32", 10) != 0);
        config_close(c);
    }
}

static void menus_are_found_by_their_words(void **state)
{
    static const char *const good[] = { "ip ipsec policy", "/ip/ipsec/policy", "/ip ipsec policy",
                                        " ip  ipsec policy ", "ip/ipsec policy/" };
    static const char *const bad[] = { "",
                                       "/",
                                       "ip ipsec",
                                       "ip ipsec polic",
                                       "ip ipsec policyx",
                                       "ipipsecpolicy",
                                       "ip ipsec policy x" };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_ptr_equal(menu_find(good[i]), &menu_policy);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_null(menu_find(bad[i]));
}

static void both_spellings_of_a_counter_are_known(void **state)
{
    (void)state;
    assert_ptr_equal(menu_prop(&menu_policy, "out-transformed"),
                     menu_prop(&menu_policy, "encrypted"));
    assert_ptr_equal(menu_prop(&menu_policy, "in-transformed"),
                     menu_prop(&menu_policy, "decrypted"));
    for (size_t i = 0; menu_policy.stats[i]; i++) {
        assert_non_null(menu_prop(&menu_policy, menu_policy.stats[i]));
        assert_true(menu_prop(&menu_policy, menu_policy.stats[i])->flags & P_STATS);
    }
}

/* The numbers go to IKE as they are: RFC 2409 6. */
static void fields_count_as_their_tables_say(void **state)
{
    static const struct {
        const char *name;
        unsigned number;
    } groups[] = {
        { "modp768", 1 }, { "modp1024", 2 }, { "ec2n155", 3 }, { "ec2n185", 4 }, { "modp1536", 5 }
    };
    struct config *c = fresh();

    (void)state;
    uint32_t peer = kit_add(c, PEER, "hash-algorithm=sha1 enc-algorithm=aes-192");
    uint32_t proposal =
        kit_add(c, PROPOSAL, "name=a auth-algorithms=md5,null enc-algorithms=aes-256,des");
    const struct cfg_peer *p = config_find_id(c, menu_find(PEER), peer)->data;
    assert_string_equal(cfg_auth_names[p->hash_algorithm + 1], "sha1");
    assert_string_equal(cfg_cipher_names[p->enc_algorithm + 1], "aes-192");
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        char line[64];
        snprintf(line, sizeof(line), "dh-group=%s", groups[i].name);
        assert_true(kit_set(c, PEER, peer, line));
        snprintf(line, sizeof(line), "pfs-group=%s", groups[i].name);
        assert_true(kit_set(c, PROPOSAL, proposal, line));
        p = config_find_id(c, menu_find(PEER), peer)->data;
        assert_int_equal(p->dh_group + 1, groups[i].number);
        const struct cfg_proposal *q = config_find_id(c, menu_find(PROPOSAL), proposal)->data;
        assert_int_equal(q->pfs_group, groups[i].number);
        assert_int_equal(q->auth_algorithms, 1 << 0 | 1 << 1);
        assert_int_equal(q->enc_algorithms, 1 << 1 | 1 << 5);
    }
    config_close(c);
}

/* What the tables must keep to for their readers. */
static void tables_are_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; menus[i]; i++) {
        size_t n = 0;
        for (const struct prop *p = menus[i]->props; p->name; p++, n++) {
            assert_non_null(p->help);
            assert_ptr_equal(menu_prop(menus[i], p->name), p); /* no name twice */
            if (p->type == PT_ENUM || p->type == PT_SET || p->type == PT_ENUM_PAIR)
                assert_non_null(p->names);
            if (p->type == PT_REF)
                assert_non_null(p->ref_menu);
            assert_int_equal(p->type == PT_LIVE, (p->flags & P_READONLY) != 0);
        }
        assert_in_range(n, 0, 60); /* export's table of pairs */
        for (const struct menu_command *k = menus[i]->commands; k && k->name; k++)
            assert_non_null(k->args);
        assert_non_null(menus[i]->help);
        assert_int_equal((menus[i]->flags & M_LIVE) != 0, menus[i]->item_size == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printouts_have_the_references_order_and_defaults),
        cmocka_unit_test(values_that_do_not_go_together_are_refused),
        cmocka_unit_test(unset_selectors_follow_the_sa_in_transport_mode),
        cmocka_unit_test(menus_are_found_by_their_words),
        cmocka_unit_test(both_spellings_of_a_counter_are_known),
        cmocka_unit_test(fields_count_as_their_tables_say),
        cmocka_unit_test(tables_are_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
