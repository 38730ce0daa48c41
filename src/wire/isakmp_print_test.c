/* Messages as text: goldens, nothing secret, nothing unescaped, any room. */
#include "isakmp_kit.h"
#include "isakmp_print.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static char *print(const char *hex, char *buf, size_t cap)
{
    struct bytes b = bytes_of_hex(hex);
    struct isakmp_header h;
    struct isakmp_payloads ps;
    const char *bad = NULL;
    enum isakmp_error e;

    be32_put(b.p + 24, (uint32_t)b.len);
    e = message_parse(slice_of(b), ISAKMP_TAIL_NONE, &h, &ps, &bad);
    if (e != ISAKMP_OK)
        fail_msg("%s: %s", isakmp_error_name(e), bad);
    isakmp_print(&h, &ps, buf, cap);
    free(b.p);
    return buf;
}

#define HEADER(next, exchange)                                                                     \
    "0102030405060708a1a2a3a4a5a6a7a8" next "10" exchange "00"                                     \
    "0a0b0c0d 00000000"

static void messages_print(void **state)
{
    static const struct {
        const char *label, *hex, *text;
    } cases[] = {
        { "phase 1 offer",
          HEADER("01", "02") "0d00003c 00000001 00000001 00000030 01010001 00000028 01010000"
                             "800b0001 000c0004 00015180 80010007 800e0080 80030001 80020002"
                             "80040005"
                             "00000014 afcad71368a1f1c96b8696fc77570100",
          "main 0102030405060708:a1a2a3a4a5a6a7a8 message-id 0a0b0c0d, 108 bytes\n"
          "  SA #1 ISAKMP [1 aes-128 sha1 pre-shared-key modp1536 86400s]\n"
          "  VID dead peer detection" },
        { "phase 2 offer of two protocols and an odd transform",
          HEADER("01", "20") "00000070 00000001 00000001"
                             "02000030 01020402 00001000"
                             "03000010 01020000 80050001 80040001"
                             "00000014 02030000 80050001 80040001 80030002"
                             "00000034 01030401 00001001"
                             "00000028 010c0000 80050002 80060100 80040001 80010001 80020708"
                             "80010002 00020004 00465000",
          "quick 0102030405060708:a1a2a3a4a5a6a7a8 message-id 0a0b0c0d, 140 bytes\n"
          "  SA #1 AH spi 00001000 [1 md5 tunnel]"
          " [2 sha1 tunnel modp1024: transform and attributes contradict each other]"
          " #1 ESP spi 00001001 [1 aes-256 sha1 tunnel 1800s 4608000kB]" },
        { "notify and delete",
          HEADER("0b", "05") "0c000020 00000001 01108d28 0102030405060708a1a2a3a4a5a6a7a8 00000001"
                             "00000014 00000001 03040002 0000100a 0000100b",
          "informational 0102030405060708:a1a2a3a4a5a6a7a8 message-id 0a0b0c0d, 80 bytes\n"
          "  NOTIFY R-U-THERE ISAKMP spi 0102030405060708a1a2a3a4a5a6a7a8, 4 bytes of data\n"
          "  DELETE ESP 0000100a 0000100b" },
        { "identities, addresses, unknown things",
          HEADER("05", "20") "15000010 02000000 612573225c5c0d0a" /* CR LF in a name */
                             "0600000c 01000000 0a000001"
                             "0d000009 0430013000"
                             "c8000008 deadbeef"
                             "00000006 1b5b",
          "quick 0102030405060708:a1a2a3a4a5a6a7a8 message-id 0a0b0c0d, 79 bytes\n"
          "  ID malformed: field has a value that cannot be (ID name), 12 bytes\n"
          "  NAT-OA 10.0.0.1\n"
          "  CERT x509-signature, 4 bytes\n"
          "  VID unknown deadbeef\n"
          "  200 2 bytes" },
    };
    char buf[ISAKMP_PRINT_MAX];

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(print(cases[i].hex, buf, sizeof buf), cases[i].text);
}

static void secrets_are_lengths(void **state)
{
    char buf[ISAKMP_PRINT_MAX];

    (void)state;
    print(HEADER("04", "02") "0a00000c 5a5a5a5a5a5a5a5a"
                             "0800000c 5a5a5a5a5a5a5a5a"
                             "0900000c 5a5a5a5a5a5a5a5a"
                             "1400000c 5a5a5a5a5a5a5a5a"
                             "0000000c 5a5a5a5a5a5a5a5a",
          buf, sizeof buf);
    assert_non_null(strstr(buf, "KE 8 bytes"));
    assert_non_null(strstr(buf, "NONCE 8 bytes"));
    assert_non_null(strstr(buf, "HASH 8 bytes"));
    assert_non_null(strstr(buf, "SIG 8 bytes"));
    assert_null(strstr(buf, "5a5a"));
    assert_null(strstr(buf, "ZZ"));
}

/* W35: a name of every byte value, where names may have them. */
static void nothing_unprintable_gets_out(void **state)
{
    char buf[ISAKMP_PRINT_MAX], hex[128];

    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        snprintf(hex, sizeof hex, HEADER("05", "20") "00000009 02000000 %02x", c);
        print(hex, buf, sizeof buf);
        for (const char *at = buf; *at; at++)
            assert_true(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
        snprintf(hex, sizeof hex, HEADER("05", "20") "00000014 09000000 300a3108300606012a0c01%02x",
                 c);
        print(hex, buf, sizeof buf);
        for (const char *at = buf; *at; at++)
            assert_true(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
        assert_null(strstr(buf, "malformed"));
    }
}

static void any_room_will_do(void **state)
{
    static const char hex[] =
        HEADER("01", "02") "00000034 00000001 00000001 00000028 01010001 00000020 01010000"
                           "80010005 80020002 80030001 80040002 800b0001 800c7080";
    char whole[ISAKMP_PRINT_MAX];

    (void)state;
    print(hex, whole, sizeof whole);
    for (size_t cap = 1; cap <= strlen(whole) + 2; cap++) {
        char *buf = malloc(cap);
        print(hex, buf, cap);
        assert_int_equal(strlen(buf), cap - 1 < strlen(whole) ? cap - 1 : strlen(whole));
        assert_memory_equal(buf, whole, strlen(buf));
        free(buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_print),
        cmocka_unit_test(secrets_are_lengths),
        cmocka_unit_test(nothing_unprintable_gets_out),
        cmocka_unit_test(any_room_will_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
