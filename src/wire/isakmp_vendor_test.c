/* Vendor IDs: their bytes are hashes of names, computed again here, and prefixes are no match. */
#include "isakmp_kit.h"
#include "isakmp_vendor.h"
#include "unit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

/* LEN bytes of the MD5 of NAME, then what follows them. Not hashed: DPD (RFC 3706 has the bytes).
 */
static const struct {
    enum isakmp_vendor v;
    const char *name;
    size_t len;
    const char *then;
} hashed[] = {
    { VENDOR_NATT_00, "draft-ietf-ipsec-nat-t-ike-00", 16, "" },
    { VENDOR_NATT_01, "draft-ietf-ipsec-nat-t-ike-01", 16, "" },
    { VENDOR_NATT_02, "draft-ietf-ipsec-nat-t-ike-02", 16, "" },
    { VENDOR_NATT_02N, "draft-ietf-ipsec-nat-t-ike-02\n", 16, "" },
    { VENDOR_NATT_03, "draft-ietf-ipsec-nat-t-ike-03", 16, "" },
    { VENDOR_NATT_04, "draft-ietf-ipsec-nat-t-ike-04", 16, "" },
    { VENDOR_NATT_05, "draft-ietf-ipsec-nat-t-ike-05", 16, "" },
    { VENDOR_NATT_06, "draft-ietf-ipsec-nat-t-ike-06", 16, "" },
    { VENDOR_NATT_07, "draft-ietf-ipsec-nat-t-ike-07", 16, "" },
    { VENDOR_NATT_08, "draft-ietf-ipsec-nat-t-ike-08", 16, "" },
    { VENDOR_NATT_RFC, "RFC 3947", 16, "" },
    { VENDOR_NATT_ANY, "draft-ietf-ipsec-nat-t-ike", 16, "" },
    { VENDOR_NATT_STENBERG_01, "draft-stenberg-ipsec-nat-traversal-01", 16, "" },
    { VENDOR_NATT_STENBERG_02, "draft-stenberg-ipsec-nat-traversal-02", 16, "" },
    { VENDOR_XAUTH, "draft-ietf-ipsra-isakmp-xauth-06.txt", 8, "" },
    { VENDOR_FRAGMENTATION, "FRAGMENTATION", 16, "" },
    { VENDOR_UNITY, "CISCO-UNITY", 14, "0100" },
    { VENDOR_RACOON, "KAME/racoon", 16, "" },
    { VENDOR_STRONGSWAN, "strongSwan", 16, "" },
    { VENDOR_MICROSOFT, "MS NT5 ISAKMPOAKLEY", 16, "" },
    { VENDOR_MS_INITIAL_CONTACT, "Vid-Initial-Contact", 16, "" },
};

static void ids_are_hashes_of_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof hashed / sizeof hashed[0]; i++) {
        uint8_t md5[16];
        struct bytes then = bytes_of_hex(hashed[i].then);
        struct slice id = isakmp_vendor_id(hashed[i].v);

        assert_true(EVP_Digest(hashed[i].name, strlen(hashed[i].name), md5, NULL, EVP_md5(), NULL));
        if (id.len != hashed[i].len + then.len || memcmp(id.p, md5, hashed[i].len) != 0 ||
            memcmp(id.p + hashed[i].len, then.p, then.len) != 0)
            fail_msg("%s", hashed[i].name);
        free(then.p);
    }
}

/* W31: each prefix of each known ID is unknown; with bytes behind it is the same vendor. */
static void prefixes_are_unknown_and_versions_may_follow(void **state)
{
    (void)state;
    for (int v = VENDOR_UNKNOWN + 1; v < VENDOR_COUNT; v++) {
        struct slice id = isakmp_vendor_id((enum isakmp_vendor)v);
        uint8_t room[64] = { 0 };

        memcpy(room, id.p, id.len);
        for (size_t len = 0; len <= sizeof room; len++) {
            struct bytes b = bytes_of(room, len);
            assert_int_equal(isakmp_vendor_find(slice_of(b)), len < id.len ? VENDOR_UNKNOWN : v);
            free(b.p);
        }
        assert_true(strlen(isakmp_vendor_text((enum isakmp_vendor)v)) > 0);
    }
}

static void seen_in_recordings(void **state)
{
    static const struct {
        const char *hex;
        enum isakmp_vendor v;
    } cases[] = {
        { "afcad71368a1f1c96b8696fc77570100", VENDOR_DPD },
        { "09002689dfd6b712", VENDOR_XAUTH },
        { "12f5f28c457168a9702d9fe274cc0100", VENDOR_UNITY },
        { "b426f32349b27958a827fee9f3849e8d", VENDOR_UNKNOWN },
        { "4048b7d56ebce88525e7de7f00d6c2d3c0000000", VENDOR_FRAGMENTATION },
        { "4865617274426561745f4e6f746966793d", VENDOR_HEARTBEAT },
        { "4f456b5262475852766d5045", VENDOR_OPENSWAN },
        { "", VENDOR_UNKNOWN },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes b = bytes_of_hex(cases[i].hex);
        assert_int_equal(isakmp_vendor_find(slice_of(b)), cases[i].v);
        free(b.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_hashes_of_names),
        cmocka_unit_test(prefixes_are_unknown_and_versions_may_follow),
        cmocka_unit_test(seen_in_recordings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
