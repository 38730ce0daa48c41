/* ID payloads: lengths, masks, ranges, names, DNs, and their text. */
#include "isakmp_id.h"
#include "isakmp_kit.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static enum isakmp_error id_parse(struct bytes b, struct isakmp_id *ret)
{
    struct rd r = rd_of(slice_of(b));
    enum isakmp_error e = isakmp_id_parse(&r, ret);

    assert_true((e == ISAKMP_OK) == rd_ok(&r));
    return e;
}

/* DER of C=LV, O=Lab, CN=gw-10.55.0.2: the identity in racoon's recorded certificates. */
#define DN                                                                                         \
    "3032310b3009060355040613024c56310c300a060355040a0c034c6162"                                   \
    "3115301306035504030c0c67772d31302e35352e302e32"

static void ids_are_read_and_printed(void **state)
{
    static const struct {
        const char *label, *hex, *text; /* text NULL: refused */
    } cases[] = {
        { "address", "01000000 0a000001", "10.0.0.1" },
        { "address, UDP 500", "011101f4 0a000001", "10.0.0.1 protocol 17 port 500" },
        { "address and a byte more", "01000000 0a00000102", NULL },
        { "subnet", "04000000 0a000100 ffffff00", "10.0.1.0/24" },
        { "subnet with host bits", "04000000 0a000105 ffffff00", "10.0.1.0/24" },
        { "everything", "04000000 00000000 00000000", "0.0.0.0/0" },
        { "subnet of one", "04000000 0a000105 ffffffff", "10.0.1.5/32" },
        { "mask with a hole", "04000000 0a000100 ff00ff00", NULL },
        { "mask upside down", "04000000 0a000100 000000ff", NULL },
        { "mask without its first bit", "04000000 0a000100 7fffffff", NULL },
        { "range", "07000000 0a000101 0a000109", "10.0.1.1-10.0.1.9" },
        { "range of one", "07000000 0a000101 0a000101", "10.0.1.1-10.0.1.1" },
        { "range reversed", "07000000 0a000109 0a000101", NULL },
        { "IPv6", "05000000 20010db8000000000000000000000001", "2001:db8::1" },
        { "IPv6 subnet",
          "06060016 20010db8000000000000000000000000 ffffffff000000000000000000000000",
          "2001:db8::/32 protocol 6 port 22" },
        { "IPv6 mask with a hole",
          "06000000 20010db8000000000000000000000000 ffffffff000000000000000000000001", NULL },
        { "IPv6 range",
          "08000000 20010db8000000000000000000000001 20010db8000000000000000000000002",
          "2001:db8::1-2001:db8::2" },
        { "fqdn", "02000000 67772e6578616d706c65", "fqdn gw.example" },
        { "user fqdn", "03000000 614062", "user-fqdn a@b" },
        { "fqdn empty", "02000000", NULL },
        { "fqdn with NUL", "02000000 610062", NULL },
        { "fqdn with newline", "02000000 610a62", NULL },
        { "fqdn with ESC", "02000000 611b62", NULL },
        { "fqdn with DEL", "02000000 617f62", NULL },
        { "fqdn with percent, quote, backslash, UTF-8", "02000000 2573225cc3a9",
          "fqdn %s\"\\5C\\C3\\A9" },
        { "key id", "0b000000 000aff", "key-id 000aff" },
        { "key id empty", "0b000000", NULL },
        { "general name", "0a000000 8203616263", "gn 8203616263" },
        { "dn", "09000000" DN, "dn C=LV, O=Lab, CN=gw-10.55.0.2" },
        { "dn of nothing", "09000000 3000", "dn " },
        { "dn empty", "09000000", NULL },
        { "dn not a sequence", "09000000 3100", NULL },
        { "dn longer than the payload", "09000000 3001", NULL },
        { "dn shorter than the payload", "09000000 300000", NULL },
        { "dn value longer than its attribute", "09000000 300b3109300706035504030c02", NULL },
        { "dn attribute longer than its set", "09000000 300c310a300a06035504030c0161", NULL },
        { "dn set empty", "09000000 30023100", NULL },
        { "dn of two in a set", "09000000 301831163009060355040613024c56300906035504030c024142",
          "dn C=LV, CN=AB" },
        { "dn with another attribute", "09000000 300a3108300606012a0c0161", "dn 2a=a" },
        { "dn value escaped", "09000000 300c310a300806035504030c011b", "dn CN=\\1B" },
        { "dn indefinite length", "09000000 30800000", NULL },
        { "dn byte behind a value", "09000000 300d310b300906035504030c016100", NULL },
        { "dn byte behind an attribute", "09000000 300d310b300806035504030c016100", NULL },
        { "dn two sets in the long form",
          "09000000 308118310a300806035504030c0161310a300806035504030c0161", NULL },
        { "dn length longer than needed", "09000000 30810c310a300806035504030c0161", NULL },
        { "dn length of four bytes", "09000000 308400000000", NULL },
        { "type 0", "00000000 0a000001", NULL },
        { "type 12", "0c000000 0a000001", NULL },
        { "type 255", "ff000000 0a000001", NULL },
        { "cut", "010000", NULL },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes b = bytes_of_hex(cases[i].hex);
        struct isakmp_id id;
        char text[256];
        bool ok = id_parse(b, &id) == ISAKMP_OK;
        if (ok != (cases[i].text != NULL))
            fail_msg("%s: %s", cases[i].label, ok ? "accepted" : "refused");
        if (ok)
            assert_string_equal(isakmp_id_to_text(&id, text, sizeof text), cases[i].text);
        free(b.p);
    }
}

/* W23: each type with data of 0 to 40 bytes. */
static void every_type_at_every_length(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++)
        for (size_t len = 0; len <= 40; len++) {
            uint8_t body[44] = { (uint8_t)type };
            struct isakmp_id id;

            memset(body + 4, 0xff, 40); /* 255.255.255.255, mask /32, range of one */
            bool ok = false;
            if (type == ID_IPV4)
                ok = len == 4;
            else if (type == ID_IPV4_SUBNET || type == ID_IPV4_RANGE)
                ok = len == 8;
            else if (type == ID_IPV6)
                ok = len == 16;
            else if (type == ID_IPV6_SUBNET || type == ID_IPV6_RANGE)
                ok = len == 32;
            else if (type == ID_FQDN || type == ID_USER_FQDN || type == ID_GN || type == ID_KEY_ID)
                ok = len >= 1;
            struct bytes b = bytes_of(body, 4 + len);
            assert_int_equal(id_parse(b, &id) == ISAKMP_OK, ok);
            free(b.p);
        }
}

static void names_are_limited(void **state)
{
    uint8_t body[4 + ISAKMP_ID_DATA_MAX + 1] = { ID_FQDN };
    struct isakmp_id id;

    (void)state;
    memset(body + 4, 'a', sizeof body - 4);
    for (size_t len = ISAKMP_ID_NAME_MAX; len <= ISAKMP_ID_NAME_MAX + 1; len++) {
        struct bytes b = bytes_of(body, 4 + len);
        assert_int_equal(id_parse(b, &id) == ISAKMP_OK, len == ISAKMP_ID_NAME_MAX);
        free(b.p);
    }
    body[0] = ID_KEY_ID;
    for (size_t len = ISAKMP_ID_DATA_MAX; len <= ISAKMP_ID_DATA_MAX + 1; len++) {
        struct bytes b = bytes_of(body, 4 + len);
        assert_int_equal(id_parse(b, &id) == ISAKMP_OK, len == ISAKMP_ID_DATA_MAX);
        free(b.p);
    }
}

/* W26: a DN cut anywhere, or with any one byte changed, is refused or read within its bounds. */
static void cut_names_are_refused(void **state)
{
    struct bytes b = bytes_of_hex("09000000" DN);
    struct isakmp_id id;
    char text[256];

    (void)state;
    for (size_t len = 0; len < b.len; len++) {
        struct bytes part = bytes_of(b.p, len);
        assert_int_not_equal(id_parse(part, &id), ISAKMP_OK);
        free(part.p);
    }
    for (size_t at = 4; at < b.len; at++)
        for (unsigned v = 0; v < 256; v++) {
            struct bytes other = bytes_of(b.p, b.len);
            other.p[at] = (uint8_t)v;
            if (id_parse(other, &id) == ISAKMP_OK)
                isakmp_id_to_text(&id, text, sizeof text);
            free(other.p);
        }
    free(b.p);
}

/* SEQUENCE, its length in the shortest form. */
static void der_head(struct wr *w, size_t len)
{
    wr_u8(w, 0x30);
    if (len >= 128)
        wr_u8(w, len >= 256 ? 0x82 : 0x81);
    if (len >= 256)
        wr_u16(w, (uint16_t)len);
    else
        wr_u8(w, (uint8_t)len);
}

/* Names of 1 to 66 attributes: lengths of one, two and three bytes, and the limit. */
static void long_names_are_limited(void **state)
{
    static const uint8_t cn_is_a[] = { 0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 0x0c, 1, 'a' };

    (void)state;
    for (unsigned n = 1; n <= 66; n++) {
        uint8_t body[1024] = { ID_DN };
        struct isakmp_id id;
        char text[1024];
        struct wr w = wr_to(body, sizeof body);

        wr_u32(&w, (uint32_t)ID_DN << 24);
        der_head(&w, n * sizeof cn_is_a);
        for (unsigned i = 0; i < n; i++)
            wr_bytes(&w, cn_is_a, sizeof cn_is_a);
        struct bytes b = bytes_of(body, wr_len(&w));
        assert_int_equal(id_parse(b, &id) == ISAKMP_OK, n <= 64);
        if (n <= 64)
            assert_int_equal(strlen(isakmp_id_to_text(&id, text, sizeof text)), 3 + n * 6 - 2);
        free(b.p);
    }
}

static void text_is_cut_at_any_room(void **state)
{
    struct bytes b = bytes_of_hex("0b000000 00112233");
    struct isakmp_id id;
    char whole[64];

    (void)state;
    assert_int_equal(id_parse(b, &id), ISAKMP_OK);
    isakmp_id_to_text(&id, whole, sizeof whole);
    for (size_t cap = 1; cap <= sizeof whole; cap++) {
        char *text = malloc(cap);
        isakmp_id_to_text(&id, text, cap);
        assert_true(strlen(text) == cap - 1 || strcmp(text, whole) == 0);
        assert_memory_equal(text, whole, strlen(text));
        free(text);
    }
    free(b.p);
}

static void phase_1_ports(void **state)
{
    static const struct {
        uint8_t protocol;
        uint16_t port;
        bool ok;
    } cases[] = {
        { 0, 0, true },    { 17, 500, true }, { 17, 0, true },    { 17, 4500, true },
        { 0, 500, false }, { 6, 500, false }, { 17, 501, false }, { 17, 65535, false },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct isakmp_id id = { .protocol = cases[i].protocol, .port = cases[i].port };
        assert_int_equal(isakmp_id_phase1_ports_ok(&id), cases[i].ok);
    }
}

static void prefixes_become_ids(void **state)
{
    static const struct {
        const char *prefix, *hex;
    } cases[] = {
        { "10.0.0.7/32", "01060050 0a000007" },
        { "10.0.0.7/27", "04060050 0a000000 ffffffe0" },
        { "0.0.0.0/0", "04060050 00000000 00000000" },
        { "2001:db8::1/128", "05060050 20010db8000000000000000000000001" },
        { "2001:db8::1/64",
          "06060050 20010db8000000000000000000000000 ffffffffffffffff0000000000000000" },
    };
    static const struct isakmp_header header = { .exchange = EXCHANGE_QUICK, .version = 0x10 };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes want = bytes_of_hex(cases[i].hex);
        struct ip_prefix prefix;
        struct isakmp_msg m;
        uint8_t buf[128];

        assert_true(ip_prefix_from_text(cases[i].prefix, strlen(cases[i].prefix), &prefix));
        struct isakmp_id id = isakmp_id_of_prefix(&prefix, 6, 80);
        msg_begin(&m, buf, sizeof buf, &header);
        struct slice body = isakmp_id_emit(&m, &id);
        assert_int_equal(body.len, want.len);
        assert_memory_equal(body.p, want.p, want.len);
        free(want.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_read_and_printed),
        cmocka_unit_test(every_type_at_every_length),
        cmocka_unit_test(names_are_limited),
        cmocka_unit_test(cut_names_are_refused),
        cmocka_unit_test(long_names_are_limited),
        cmocka_unit_test(text_is_cut_at_any_room),
        cmocka_unit_test(phase_1_ports),
        cmocka_unit_test(prefixes_become_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
