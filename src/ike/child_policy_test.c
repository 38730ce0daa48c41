/* Phase 2 identities against policies. Identity bodies are bytes of RFC 2407 4.6.2: type, protocol,
 * port, data. */
#include "child_policy.h"
#include "proposal_kit.h"
#include "unit.h"

static struct isakmp_id id_of(const char *hex)
{
    static struct bytes bytes[4];
    static unsigned next;
    struct bytes *b = &bytes[next++ % 4];
    struct isakmp_id id;

    *b = unhex(hex);
    struct rd r = rd_of(bytes_slice(b));
    assert_int_equal(isakmp_id_parse(&r, &id), ISAKMP_OK);
    return id;
}

static struct ike_selector sel(const char *prefix, uint8_t proto, uint16_t port)
{
    struct ike_selector s = { .proto = proto, .port = port };

    assert_true(ip_prefix_from_text(prefix, strlen(prefix), &s.prefix));
    return s;
}

static struct ip_addr addr(const char *text)
{
    struct ip_addr a = { .family = IP_ANY_FAMILY };

    if (*text)
        assert_true(ip_addr_from_text(text, strlen(text), &a));
    return a;
}

static struct ike_path path_of(const char *local, const char *remote)
{
    return (struct ike_path){ addr(local), addr(remote), 500, 500 };
}

/* Ours is 1.0.0.1 with 10.1.0.0/24, the peer 1.0.0.2 with 10.2.0.0/24, as in the reference. */
static void identities_become_selectors(void **state)
{
    (void)state;
    static const struct {
        const char *label, *id, *text; /* text NULL: refused */
    } rows[] = {
        { "address", "010000000a000001", "10.0.0.1/32" },
        { "subnet", "040000000a010000ffffff00", "10.1.0.0/24" },
        { "subnet of one address", "040000000a000001ffffffff", "10.0.0.1/32" },
        { "everything", "040000000000000000000000", "0.0.0.0/0" },
        { "range of one address", "070000000a0000010a000001", "10.0.0.1/32" },
        { "range that is a subnet", "070000000a0100000a0100ff", "10.1.0.0/24" },
        { "range of everything", "0700000000000000ffffffff", "0.0.0.0/0" },
        { "half a range", "070000000a0100000a01007f", "10.1.0.0/25" },
        { "range short of a subnet", "070000000a0100000a0100fe", NULL },
        { "range late into a subnet", "070000000a0100010a0100ff", NULL },
        { "range over two subnets", "070000000a0101000a0102ff", NULL },
        { "protocol", "042f00000a010000ffffff00", "10.1.0.0/24[47]" },
        { "protocol and port", "011106a50a000001", "10.0.0.1/32[udp:1701]" },
        { "tcp", "010600500a000001", "10.0.0.1/32[tcp:80]" },
        { "icmp", "010100000a000001", "10.0.0.1/32[icmp]" },
        { "port alone", "010000500a000001", "10.0.0.1/32[any:80]" },
        { "name", "0200000067772e6578616d706c65", NULL },
        { "IPv6 subnet",
          "0600000020010db8000000000000000000000000"
          "ffffffff000000000000000000000000",
          "2001:db8::/32" },
        { "IPv6 range that is a subnet",
          "0800000020010db8000000000000000000000000"
          "20010db800000000000000000000ffff",
          "2001:db8::/112" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct isakmp_id id = id_of(rows[i].id);
        struct ike_selector s;
        struct proposal_why why;
        char text[CHILD_SELECTOR_TEXT_MAX];

        print_message("%s\n", rows[i].label);
        assert_int_equal(child_selector_from_id(&id, &s, &why), rows[i].text != NULL);
        if (rows[i].text) {
            assert_string_equal(child_selector_to_text(&s, text), rows[i].text);
        } else {
            assert_text_has(why.text, "no policy can say that");
            assert_int_equal(why.notify, NOTIFY_INVALID_ID_INFORMATION);
        }
    }
}

static void selectors_become_identities(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        uint8_t proto;
        uint16_t port;
        uint8_t type;
    } rows[] = {
        { "10.0.0.1/32", 0, 0, ID_IPV4 },
        { "10.1.0.0/24", 17, 1701, ID_IPV4_SUBNET },
        { "0.0.0.0/0", 0, 0, ID_IPV4_SUBNET },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ike_selector s = sel(rows[i].prefix, rows[i].proto, rows[i].port);
        const struct isakmp_id id = child_selector_to_id(&s);
        struct ike_selector back;
        struct proposal_why why;

        assert_int_equal(id.type, rows[i].type);
        assert_true(child_selector_from_id(&id, &back, &why));
        assert_true(child_selector_equal(&s, &back));
    }
}

static void identities_are_ours_and_the_peers_by_role(void **state)
{
    (void)state;
    const struct ike_path path = path_of("1.0.0.1", "1.0.0.2");
    const struct isakmp_id ci = id_of("040000000a020000ffffff00");
    const struct isakmp_id cr = id_of("040000000a010000ffffff00");
    const struct child_selectors mirrored = { sel("10.2.0.0/24", 0, 0), sel("10.1.0.0/24", 0, 0) };
    const struct child_selectors ours = { mirrored.remote, mirrored.local };
    struct child_selectors s;
    struct proposal_why why;

    assert_true(child_selectors_from_ids(&ci, &cr, &path, false, &s, &why));
    assert_true(child_selectors_equal(&s, &ours));
    assert_true(child_selectors_from_ids(&ci, &cr, &path, true, &s, &why));
    assert_true(child_selectors_equal(&s, &mirrored));
    assert_false(child_selectors_equal(&s, &ours));
}

static void without_identities_the_addresses_of_ike_count(void **state)
{
    (void)state;
    const struct ike_path path = path_of("1.0.0.1", "1.0.0.2");
    const struct isakmp_id id = id_of("0100000001000001");
    struct child_selectors s;
    struct proposal_why why;

    for (int initiator = 0; initiator <= 1; initiator++) {
        const struct child_selectors want = { sel("1.0.0.1/32", 0, 0), sel("1.0.0.2/32", 0, 0) };

        assert_true(child_selectors_from_ids(NULL, NULL, &path, initiator, &s, &why));
        assert_true(child_selectors_equal(&s, &want));
    }
    assert_false(child_selectors_from_ids(&id, NULL, &path, false, &s, &why));
    assert_false(child_selectors_from_ids(NULL, &id, &path, false, &s, &why));
    assert_text_has(why.text, "both or none");
    assert_int_equal(why.notify, NOTIFY_INVALID_ID_INFORMATION);
}

static struct ike_policy policy(uint32_t id, const char *local, const char *remote,
                                const char *local_sel, const char *remote_sel)
{
    return (struct ike_policy){ .id = id,
                                .local = addr(local),
                                .remote = addr(remote),
                                .local_sel = sel(local_sel, 0, 0),
                                .remote_sel = sel(remote_sel, 0, 0) };
}

/* S14: all that a peer may claim against what is configured. */
static void a_policy_must_say_exactly_what_the_peer_wants(void **state)
{
    (void)state;
    struct ike_policy policies[] = {
        policy(1, "1.0.0.1", "1.0.0.2", "10.1.0.0/24", "10.2.0.0/24"),
        policy(2, "", "1.0.0.2", "10.1.0.0/24", "10.3.0.0/24"),
        policy(3, "1.0.0.1", "1.0.0.3", "10.1.0.0/24", "10.4.0.0/24"),
        policy(4, "1.0.0.1", "1.0.0.2", "1.0.0.1/32", "1.0.0.2/32"),
        policy(5, "1.0.0.1", "1.0.0.2", "1.0.0.1/32", "1.0.0.2/32"),
        policy(6, "1.0.0.1", "1.0.0.2", "10.1.0.0/24", "10.2.0.0/24"),
    };
    policies[4].local_sel.proto = policies[4].remote_sel.proto = 17;
    policies[4].local_sel.port = policies[4].remote_sel.port = 1701;
    const struct ike_path path = path_of("1.0.0.1", "1.0.0.2");
    static const struct {
        const char *label, *idci, *idcr;
        uint32_t found;
    } rows[] = {
        { "subnets", "040000000a020000ffffff00", "040000000a010000ffffff00", 1 },
        { "as ranges", "070000000a0200000a0200ff", "070000000a0100000a0100ff", 1 },
        { "our end not set", "040000000a030000ffffff00", "040000000a010000ffffff00", 2 },
        { "policy of another peer", "040000000a040000ffffff00", "040000000a010000ffffff00", 0 },
        { "swapped", "040000000a010000ffffff00", "040000000a020000ffffff00", 0 },
        { "everything", "040000000000000000000000", "040000000000000000000000", 0 },
        { "theirs wider", "040000000a020000fffffe00", "040000000a010000ffffff00", 0 },
        { "theirs narrower", "040000000a020000ffffff80", "040000000a010000ffffff00", 0 },
        { "ours wider", "040000000a020000ffffff00", "040000000a000000ff000000", 0 },
        { "one address of it", "010000000a020001", "040000000a010000ffffff00", 0 },
        { "one protocol of it", "040600000a020000ffffff00", "040600000a010000ffffff00", 0 },
        { "hosts", "0100000001000002", "0100000001000001", 4 },
        { "hosts as subnets", "0400000001000002ffffffff", "0400000001000001ffffffff", 4 },
        { "l2tp", "011106a501000002", "011106a501000001", 5 },
        { "l2tp with a port of its own", "0111040001000002", "011106a501000001", 0 },
        { "udp", "0111000001000002", "0111000001000001", 0 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct isakmp_id ci = id_of(rows[i].idci), cr = id_of(rows[i].idcr);
        const struct ike_policy *nearest;
        struct child_selectors s;
        struct proposal_why why = { .text = "" };

        print_message("%s\n", rows[i].label);
        assert_true(child_selectors_from_ids(&ci, &cr, &path, false, &s, &why));
        const struct ike_policy *p = child_policy_find(policies, sizeof policies / sizeof *policies,
                                                       &path, &s, &nearest, &why);
        assert_int_equal(p ? p->id : 0, rows[i].found);
        if (!p) {
            assert_text_has(why.text, "no policy says that; nearest: ");
            assert_int_equal(why.notify, NOTIFY_INVALID_ID_INFORMATION);
        }
    }
}

/* The reference's note: /27 on one side and /28 on the other. */
static void refusals_name_the_nearest_policy(void **state)
{
    (void)state;
    const struct ike_policy policies[] = {
        policy(1, "1.0.0.1", "1.0.0.9", "1.2.3.0/28", "10.2.0.0/24"),
        policy(2, "1.0.0.1", "1.0.0.2", "1.2.3.0/28", "10.2.0.0/24"),
        policy(3, "1.0.0.1", "1.0.0.2", "192.168.0.0/24", "10.9.0.0/24"),
    };
    const struct ike_path path = path_of("1.0.0.1", "1.0.0.2");
    const struct child_selectors wanted = { sel("1.2.3.0/27", 0, 0), sel("10.2.0.0/24", 0, 0) };
    const struct ike_policy *nearest;
    struct proposal_why why;

    assert_null(child_policy_find(policies, 3, &path, &wanted, &nearest, &why));
    assert_string_equal(why.text, "peer wants 1.2.3.0/27 <-> 10.2.0.0/24, no policy says that; "
                                  "nearest: 1.2.3.0/28 <-> 10.2.0.0/24");
    assert_ptr_equal(nearest, &policies[1]);
    assert_null(child_policy_find(policies, 1, &path, &wanted, &nearest, &why));
    assert_string_equal(why.text, "peer wants 1.2.3.0/27 <-> 10.2.0.0/24, no policy says that; "
                                  "nearest: 1.2.3.0/28 <-> 10.2.0.0/24 with "
                                  "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.9");
    assert_null(nearest); /* another peer's: its owner has nothing to do with this */
    assert_null(child_policy_find(NULL, 0, &path, &wanted, &nearest, &why));
    assert_string_equal(why.text, "peer wants 1.2.3.0/27 <-> 10.2.0.0/24, no policy says that");
}

/* strongSwan narrows what it is asked for to what it has. */
static void other_networks_in_an_answer_are_named(void **state)
{
    (void)state;
    const struct child_selectors asked = { sel("1.2.3.0/27", 0, 0), sel("10.2.0.0/24", 0, 0) };
    const struct child_selectors narrowed = { sel("1.2.3.0/28", 0, 0), sel("10.2.0.0/24", 0, 0) };
    struct proposal_why why = { .text = "" };

    assert_true(child_selectors_agree(&asked, &asked, &why));
    assert_false(child_selectors_agree(&asked, &narrowed, &why));
    assert_string_equal(why.text, "we asked for 1.2.3.0/27 <-> 10.2.0.0/24, the peer answers for "
                                  "1.2.3.0/28 <-> 10.2.0.0/24");
    assert_int_equal(why.notify, NOTIFY_INVALID_ID_INFORMATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities_become_selectors),
        cmocka_unit_test(selectors_become_identities),
        cmocka_unit_test(identities_are_ours_and_the_peers_by_role),
        cmocka_unit_test(without_identities_the_addresses_of_ike_count),
        cmocka_unit_test(a_policy_must_say_exactly_what_the_peer_wants),
        cmocka_unit_test(refusals_name_the_nearest_policy),
        cmocka_unit_test(other_networks_in_an_answer_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
