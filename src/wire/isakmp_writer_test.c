/* The writer: chaining, lengths, padding, and running out of room anywhere. */
#include "isakmp_kit.h"
#include "isakmp_sa.h"
#include "isakmp_writer.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static const struct isakmp_header header = { .cky_i = { 1, 2, 3, 4, 5, 6, 7, 8 },
                                             .next_payload = 99,
                                             .version = 0x10,
                                             .exchange = EXCHANGE_QUICK,
                                             .message_id = 0x0a0b0c0d,
                                             .length = 99 };

static const uint8_t nonce[] = { 0xaa, 0xbb, 0xcc };

/* HASH to be filled in, an SA of two proposals with two and one transforms, a nonce. */
static size_t write_all(struct isakmp_msg *m, void *buf, size_t cap, size_t block,
                        struct slice *ret_hash)
{
    static const uint8_t spi[] = { 1, 0, 0, 1 };

    msg_begin(m, buf, cap, &header);
    msg_open(m, PL_HASH);
    msg_reserve(m, 4);
    *ret_hash = msg_close(m);
    isakmp_sa_open(m);
    isakmp_proposal_open(m, 1, ISAKMP_PROTO_AH, (struct slice){ spi, 4 });
    for (uint8_t i = 1; i <= 2; i++) {
        isakmp_transform_open(m, i, IPSEC_AH_MD5);
        isakmp_attr_emit(m, IPSEC_ATTR_AUTH, IPSEC_AUTH_HMAC_MD5);
        msg_close(m);
    }
    msg_close(m);
    isakmp_proposal_open(m, 2, ISAKMP_PROTO_ESP, (struct slice){ spi, 4 });
    isakmp_transform_open(m, 1, IPSEC_ESP_NULL);
    msg_close(m);
    msg_close(m);
    msg_close(m);
    msg_payload(m, PL_NONCE, (struct slice){ nonce, sizeof nonce });
    return msg_end(m, block);
}

static void nested_payloads_are_chained(void **state)
{
    struct bytes want =
        bytes_of_hex("0102030405060708 0000000000000000 08 10 20 00 0a0b0c0d 0000006f"
                     "01000008 00000000"
                     "0a000044 00000001 00000001"
                     "02000024 01020402 01000001"
                     "0300000c 01020000 80050001"
                     "0000000c 02020000 80050001"
                     "00000014 02030401 01000001"
                     "00000008 010b0000"
                     "00000007 aabbcc");
    uint8_t buf[256];
    struct isakmp_msg m;
    struct slice hash;

    (void)state;
    size_t len = write_all(&m, buf, sizeof buf, 0, &hash);
    assert_int_equal(len, want.len);
    assert_memory_equal(buf, want.p, len);
    struct slice after = msg_after(&m, hash); /* what HASH(1) covers */
    assert_ptr_equal(after.p, buf + 36);
    assert_int_equal(after.len, len - 36);
    free(want.p);
}

static void padding_fills_the_last_block(void **state)
{
    static const size_t blocks[] = { 0, 1, 8, 16 };

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        for (size_t body = 0; body < 40; body++) {
            static const uint8_t ones[40] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                              1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                              1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
            size_t block = blocks[i], plain = ISAKMP_HEADER_LEN + 4 + body;
            uint8_t buf[128];
            struct isakmp_msg m;

            memset(buf, 0xee, sizeof buf);
            msg_begin(&m, buf, sizeof buf, &header);
            msg_payload(&m, PL_HASH, (struct slice){ ones, body });
            size_t len = msg_end(&m, block);
            assert_int_equal(be32_get(buf + 24), len);
            assert_true(len >= plain && len < plain + (block ? block : 1));
            assert_true(block == 0 || (len - ISAKMP_HEADER_LEN) % block == 0);
            for (size_t at = plain; at < len; at++)
                assert_int_equal(buf[at], 0);
        }
}

/* Nothing is written behind the room, and nothing is said to be written. */
static void too_little_room_sticks(void **state)
{
    struct isakmp_msg m;
    struct slice hash;
    uint8_t whole[256];
    size_t len = write_all(&m, whole, sizeof whole, 8, &hash);

    (void)state;
    assert_true(len > 0);
    for (size_t cap = 0; cap <= len; cap++) {
        uint8_t *buf = malloc(cap ? cap : 1);
        assert_int_equal(write_all(&m, buf, cap, 8, &hash), cap == len ? len : 0);
        assert_int_equal(msg_ok(&m), cap == len);
        if (cap < len) {
            assert_null(msg_reserve(&m, 1));
            assert_null(msg_close((msg_open(&m, PL_VID), &m)).p);
            assert_int_equal(msg_end(&m, 8), 0);
        }
        free(buf);
    }
}

static void payloads_are_16_bit(void **state)
{
    static uint8_t buf[70000], data[65536];

    (void)state;
    for (size_t body = 65530; body <= 65533; body++) {
        struct isakmp_msg m;
        bool fits = body + 4 <= 65535;
        msg_begin(&m, buf, sizeof buf, &header);
        struct slice s = msg_payload(&m, PL_VID, (struct slice){ data, body });
        assert_int_equal(s.len, fits ? body : 0);
        assert_int_equal(msg_end(&m, 0), fits ? 32 + body : 0);
    }
}

static void transforms_are_counted_to_255(void **state)
{
    static uint8_t buf[8192];

    (void)state;
    for (unsigned n = 254; n <= 256; n++) {
        struct isakmp_msg m;
        msg_begin(&m, buf, sizeof buf, &header);
        isakmp_sa_open(&m);
        isakmp_proposal_open(&m, 1, ISAKMP_PROTO_ISAKMP, (struct slice){ NULL, 0 });
        for (unsigned i = 0; i < n; i++) {
            isakmp_transform_open(&m, (uint8_t)i, 1);
            msg_close(&m);
        }
        msg_close(&m);
        msg_close(&m);
        assert_int_equal(msg_end(&m, 0) != 0, n <= 255);
    }
}

static void spis_too_long_for_their_byte(void **state)
{
    static uint8_t buf[1024], spi[256];
    struct isakmp_msg m;

    (void)state;
    msg_begin(&m, buf, sizeof buf, &header);
    isakmp_sa_open(&m);
    isakmp_proposal_open(&m, 1, ISAKMP_PROTO_ISAKMP, (struct slice){ spi, 256 });
    msg_close(&m);
    msg_close(&m);
    assert_int_equal(msg_end(&m, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_payloads_are_chained),
        cmocka_unit_test(padding_fills_the_last_block),
        cmocka_unit_test(too_little_room_sticks),
        cmocka_unit_test(payloads_are_16_bit),
        cmocka_unit_test(transforms_are_counted_to_255),
        cmocka_unit_test(spis_too_long_for_their_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
