/* SA payloads: structure at every level, meaning of transforms, and writing them. */
#include "isakmp_kit.h"
#include "isakmp_sa.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define DOI_SIT "00000001 00000001"
/* A transform of phase 1: 3des, sha1, pre-shared key, modp1024; 24 bytes. */
#define T1 "00000018 01010000 80010005 80020002 80030001 80040002"
#define P1 "00000020 01010001" T1

static enum isakmp_error sa_error(const char *hex)
{
    struct bytes b = bytes_of_hex(hex);
    struct rd r = rd_of(slice_of(b));
    struct isakmp_sa sa;
    enum isakmp_error e = isakmp_sa_parse(&r, &sa);

    assert_true((e == ISAKMP_OK) == rd_ok(&r));
    free(b.p);
    return e;
}

static void structure_is_checked_at_every_level(void **state)
{
    static const struct {
        const char *label, *hex;
        enum isakmp_error e;
    } cases[] = {
        { "one of each", DOI_SIT P1, ISAKMP_OK },
        { "nothing", "", ISAKMP_FIELD },
        { "DOI alone", "00000001", ISAKMP_FIELD },
        { "situation cut", "00000001 000000", ISAKMP_FIELD },
        { "no proposal", DOI_SIT, ISAKMP_PROPOSAL },
        { "DOI 0", "00000000 00000001" P1, ISAKMP_DOI },
        { "DOI all bits", "ffffffff 00000001" P1, ISAKMP_DOI },
        { "situation 0", "00000001 00000000" P1, ISAKMP_SITUATION },
        { "situation secrecy", "00000001 00000003" P1, ISAKMP_SITUATION },
        { "situation all bits", "00000001 ffffffff" P1, ISAKMP_SITUATION },
        { "proposal header cut", DOI_SIT "000000", ISAKMP_PAYLOAD_OVERRUN },
        { "proposal length 0", DOI_SIT "00000000 01010001" T1, ISAKMP_PAYLOAD_SHORT },
        { "proposal length 3", DOI_SIT "00000003 01010001" T1, ISAKMP_PAYLOAD_SHORT },
        { "proposal length 4", DOI_SIT "00000004", ISAKMP_FIELD },
        { "proposal length 7", DOI_SIT "00000007 010100", ISAKMP_FIELD },
        { "proposal without transforms", DOI_SIT "00000008 01010000", ISAKMP_PROPOSAL },
        { "proposal one byte over", DOI_SIT "00000021 01010001" T1, ISAKMP_PAYLOAD_OVERRUN },
        { "proposal four bytes over", DOI_SIT "00000024 01010001" T1, ISAKMP_PAYLOAD_OVERRUN },
        { "proposal 65535", DOI_SIT "0000ffff 01010001" T1, ISAKMP_PAYLOAD_OVERRUN },
        { "byte behind the proposals", DOI_SIT P1 "00", ISAKMP_CHAIN },
        { "proposal promised", DOI_SIT "02000020 01010001" T1, ISAKMP_CHAIN },
        { "transform where proposals are", DOI_SIT "03000020 01010001" T1 P1, ISAKMP_PROPOSAL },
        { "two proposals", DOI_SIT "02000020 01010001" T1 P1, ISAKMP_OK },
        { "numbers rising", DOI_SIT "02000020 00010001" T1 P1, ISAKMP_OK },
        { "numbers falling", DOI_SIT "02000020 02010001" T1 P1, ISAKMP_PROPOSAL },
        { "SPI beyond the proposal", DOI_SIT "00000020 01011901" T1, ISAKMP_FIELD },
        { "SPI eats the transform", DOI_SIT "00000020 01011801" T1, ISAKMP_PROPOSAL },
        { "SPI of 255", DOI_SIT "00000020 0101ff01" T1, ISAKMP_FIELD },
        { "two transforms stated, one there", DOI_SIT "00000020 01010002" T1, ISAKMP_PROPOSAL },
        { "none stated, one there", DOI_SIT "00000020 01010000" T1, ISAKMP_PROPOSAL },
        { "transform length 0", DOI_SIT "0000000c 01010001 00000000", ISAKMP_PAYLOAD_SHORT },
        { "transform length 3", DOI_SIT "0000000c 01010001 00000003", ISAKMP_PAYLOAD_SHORT },
        { "transform length 4", DOI_SIT "0000000c 01010001 00000004", ISAKMP_FIELD },
        { "transform length 7", DOI_SIT "0000000f 01010001 00000007 010100", ISAKMP_FIELD },
        { "transform without attributes", DOI_SIT "00000010 01010001 00000008 01010000",
          ISAKMP_OK },
        { "transform one byte over", DOI_SIT "00000010 01010001 00000009 01010000",
          ISAKMP_PAYLOAD_OVERRUN },
        { "transform over, inside the SA",
          DOI_SIT "02000010 01010001 0000000c 01010000 00000010 01010001 00000008 01010000",
          ISAKMP_PAYLOAD_OVERRUN },
        { "transform 65535", DOI_SIT "00000010 01010001 0000ffff 01010000",
          ISAKMP_PAYLOAD_OVERRUN },
        { "transform promised", DOI_SIT "00000010 01010001 03000008 01010000", ISAKMP_CHAIN },
        { "proposal where transforms are",
          DOI_SIT "00000018 01010002 02000008 01010000 00000008 01010000", ISAKMP_PROPOSAL },
        { "two transforms", DOI_SIT "00000018 01010002 03000008 01010000 00000008 02010000",
          ISAKMP_OK },
        { "three bytes behind the transforms", DOI_SIT "00000013 01010001 00000008 01010000 000000",
          ISAKMP_CHAIN },
        { "reserved bytes set",
          DOI_SIT "00ff0020 01010001 00ff0018 0101ffff 80010005 80020002"
                  "80030001 80040002",
          ISAKMP_OK },
        { "attribute cut spoils the transform, not the SA",
          DOI_SIT "00000013 01010001 0000000b 01010000 800100", ISAKMP_OK },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum isakmp_error e = sa_error(cases[i].hex);
        if (e != cases[i].e)
            fail_msg("%s: %s", cases[i].label, isakmp_error_name(e));
    }
}

/* Every single bit of DOI and situation (W14). */
static void only_one_doi_and_situation(void **state)
{
    struct bytes b = bytes_of_hex(DOI_SIT P1);
    struct isakmp_sa sa;

    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        b.p[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        struct rd r = rd_of(slice_of(b));
        assert_int_equal(isakmp_sa_parse(&r, &sa), bit < 32 ? ISAKMP_DOI : ISAKMP_SITUATION);
        b.p[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    }
    free(b.p);
}

static struct bytes transform_of(const char *attrs_hex, uint8_t id, struct isakmp_transform *ret)
{
    struct bytes b = bytes_of_hex(attrs_hex);

    *ret = (struct isakmp_transform){ .number = 1, .id = id, .attrs = slice_of(b) };
    return b;
}

static void phase_1_transforms(void **state)
{
    static const struct {
        const char *label, *attrs;
        uint8_t id;
        enum isakmp_skip skip;
    } cases[] = {
        { "3des", "80010005 80020002 80030001 80040002", 1, SKIP_NONE },
        { "any order", "80040002 80030001 80020002 80010005", 1, SKIP_NONE },
        { "not KEY_IKE", "80010005 80020002 80030001 80040002", 2, SKIP_TRANSFORM },
        { "nothing", "", 1, SKIP_MISSING },
        { "no cipher", "80020002 80030001 80040002", 1, SKIP_MISSING },
        { "no hash", "80010005 80030001 80040002", 1, SKIP_MISSING },
        { "no method", "80010005 80020002 80040002", 1, SKIP_MISSING },
        { "no group", "80010005 80020002 80030001", 1, SKIP_MISSING },
        { "cipher 0", "80010000 80020002 80030001 80040002", 1, SKIP_VALUE },
        { "cipher 65535", "8001ffff 80020002 80030001 80040002", 1, SKIP_VALUE },
        { "hash 99", "80010005 80020063 80030001 80040002", 1, SKIP_VALUE },
        { "method 99", "80010005 80020002 80030063 80040002", 1, SKIP_VALUE },
        { "group 6", "80010005 80020002 80030001 80040006", 1, SKIP_VALUE },
        { "cipher twice", "80010005 80010005 80020002 80030001 80040002", 1, SKIP_ATTR_TWICE },
        { "two groups", "80010005 80020002 80030001 80040002 80040001", 1, SKIP_ATTR_TWICE },
        { "cipher in the long form", "00010002 0005 80020002 80030001 80040002", 1,
          SKIP_ATTR_FORM },
        { "PRF", "80010005 80020002 80030001 80040002 800d0001", 1, SKIP_ATTR_UNKNOWN },
        { "group of its own", "80010005 80020002 80030001 80040002 0006000101", 1,
          SKIP_ATTR_UNKNOWN },
        { "class 0", "80010005 80020002 80030001 80040002 80000001", 1, SKIP_ATTR_UNKNOWN },
        { "private class", "80010005 80020002 80030001 80040002 ffff0001", 1, SKIP_ATTR_UNKNOWN },
        { "attribute header cut", "80010005 80020002 80030001 80040002 80", 1, SKIP_ATTR_CUT },
        { "value cut", "80010005 80020002 80030001 80040002 800b00", 1, SKIP_ATTR_CUT },
        { "length cut", "80010005 80020002 80030001 80040002 000c00", 1, SKIP_ATTR_CUT },
        { "long value cut", "80010005 80020002 80030001 80040002 800b0001 000c0004 000151", 1,
          SKIP_ATTR_CUT },
        { "long value of 65535", "80010005 80020002 80030001 80040002 800b0001 000cffff 00015180",
          1, SKIP_ATTR_CUT },
        { "aes-128", "80010007 800e0080 80020002 80030001 80040002", 1, SKIP_NONE },
        { "aes-192", "80010007 800e00c0 80020002 80030001 80040002", 1, SKIP_NONE },
        { "aes-256", "800e0100 80010007 80020002 80030001 80040002", 1, SKIP_NONE },
        { "aes without key length", "80010007 80020002 80030001 80040002", 1, SKIP_KEY_LENGTH },
        { "aes-0", "80010007 800e0000 80020002 80030001 80040002", 1, SKIP_KEY_LENGTH },
        { "aes-64", "80010007 800e0040 80020002 80030001 80040002", 1, SKIP_KEY_LENGTH },
        { "aes-127", "80010007 800e007f 80020002 80030001 80040002", 1, SKIP_KEY_LENGTH },
        { "aes-129", "80010007 800e0081 80020002 80030001 80040002", 1, SKIP_KEY_LENGTH },
        { "aes-65535", "80010007 800effff 80020002 80030001 80040002", 1, SKIP_KEY_LENGTH },
        { "key length twice", "80010007 800e0080 800e0100 80020002 80030001 80040002", 1,
          SKIP_ATTR_TWICE },
        { "des with key length", "80010001 800e0040 80020002 80030001 80040002", 1,
          SKIP_KEY_LENGTH },
        { "3des with key length", "80010005 800e00c0 80020002 80030001 80040002", 1,
          SKIP_KEY_LENGTH },
        { "3des with key length 0", "80010005 800e0000 80020002 80030001 80040002", 1,
          SKIP_KEY_LENGTH },
        { "blowfish with key length", "80010003 800e0080 80020002 80030001 80040002", 1,
          SKIP_NONE },
        { "seconds", "80010005 80020002 80030001 80040002 800b0001 800c7080", 1, SKIP_NONE },
        { "seconds and kilobytes",
          "80010005 80020002 80030001 80040002 800b0001 800c7080 800b0002 000c0004 00465000", 1,
          SKIP_NONE },
        { "duration alone", "80010005 80020002 80030001 80040002 800c7080", 1, SKIP_LIFE },
        { "type alone", "80010005 80020002 80030001 80040002 800b0001", 1, SKIP_LIFE },
        { "two types", "80010005 80020002 80030001 80040002 800b0001 800b0002 800c7080", 1,
          SKIP_LIFE },
        { "two durations", "80010005 80020002 80030001 80040002 800b0001 800c7080 800c7080", 1,
          SKIP_LIFE },
        { "seconds twice",
          "80010005 80020002 80030001 80040002 800b0001 800c7080 800b0001 800c7080", 1,
          SKIP_ATTR_TWICE },
        { "life type 3", "80010005 80020002 80030001 80040002 800b0003 800c7080", 1, SKIP_VALUE },
        { "life type 0", "80010005 80020002 80030001 80040002 800b0000 800c7080", 1, SKIP_VALUE },
        { "life type in the long form", "80010005 80020002 80030001 80040002 000b00020001 800c7080",
          1, SKIP_ATTR_FORM },
        { "no time at all", "80010005 80020002 80030001 80040002 800b0001 800c0000", 1, SKIP_LIFE },
        { "duration of 0 bytes", "80010005 80020002 80030001 80040002 800b0001 000c0000", 1,
          SKIP_ATTR_FORM },
        { "duration of 5 bytes", "80010005 80020002 80030001 80040002 800b0001 000c0005 0000000001",
          1, SKIP_ATTR_FORM },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct isakmp_transform t;
        struct isakmp_p1 p1;
        struct bytes b = transform_of(cases[i].attrs, cases[i].id, &t);
        enum isakmp_skip skip = isakmp_p1_decode(&t, &p1);
        if (skip != cases[i].skip)
            fail_msg("%s: %s", cases[i].label, isakmp_skip_text(skip));
        free(b.p);
    }
}

static void phase_2_transforms(void **state)
{
    static const struct {
        const char *label, *attrs;
        uint8_t protocol, id;
        enum isakmp_skip skip;
    } cases[] = {
        { "esp 3des", "80040001 80050002", 3, 3, SKIP_NONE },
        { "esp without integrity", "80040001", 3, 3, SKIP_NONE },
        { "esp without anything", "", 3, 3, SKIP_NONE },
        { "esp null", "80040001 80050002", 3, 11, SKIP_NONE },
        { "esp null without integrity", "80040001", 3, 11, SKIP_CONTRADICTION },
        { "esp null with key length", "80050002 80060080", 3, 11, SKIP_KEY_LENGTH },
        { "esp transform 0", "80050002", 3, 0, SKIP_TRANSFORM },
        { "esp transform 255", "80050002", 3, 255, SKIP_TRANSFORM },
        { "esp des with key length", "80050001 80060040", 3, 2, SKIP_KEY_LENGTH },
        { "esp 3des with key length", "80050002 800600c0", 3, 3, SKIP_KEY_LENGTH },
        { "esp aes-128", "80050002 80060080", 3, 12, SKIP_NONE },
        { "esp aes-256", "80050002 80060100", 3, 12, SKIP_NONE },
        { "esp aes without key length", "80050002", 3, 12, SKIP_KEY_LENGTH },
        { "esp aes-127", "80050002 8006007f", 3, 12, SKIP_KEY_LENGTH },
        { "key length in the long form", "80050002 000600020080", 3, 12, SKIP_ATTR_FORM },
        { "key rounds", "80050002 80070010", 3, 3, SKIP_ATTR_UNKNOWN },
        { "extended sequence numbers", "80050002 800b0001", 3, 3, SKIP_ATTR_UNKNOWN },
        { "mode 0", "80040000 80050002", 3, 3, SKIP_VALUE },
        { "mode 61443", "8004f003 80050002", 3, 3, SKIP_NONE },
        { "mode twice", "80040001 80040002", 3, 3, SKIP_ATTR_TWICE },
        { "authentication 99", "80050063", 3, 3, SKIP_VALUE },
        { "group 14", "80050002 8003000e", 3, 3, SKIP_NONE },
        { "group 0", "80050002 80030000", 3, 3, SKIP_VALUE },
        { "ah md5", "80050001", 2, 2, SKIP_NONE },
        { "ah sha", "80050002", 2, 3, SKIP_NONE },
        { "ah sha256", "80050005", 2, 5, SKIP_NONE },
        { "ah without algorithm", "80040001", 2, 2, SKIP_MISSING },
        { "ah md5 as sha1", "80050002", 2, 2, SKIP_CONTRADICTION },
        { "ah with key length", "80050001 80060080", 2, 2, SKIP_KEY_LENGTH },
        { "ah transform 1", "80050001", 2, 1, SKIP_TRANSFORM },
        { "protocol isakmp", "80050001", 1, 1, SKIP_TRANSFORM },
        { "protocol 255", "80050001", 255, 1, SKIP_TRANSFORM },
        { "cut", "8004", 3, 3, SKIP_ATTR_CUT },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct isakmp_transform t;
        struct isakmp_p2 p2;
        struct bytes b = transform_of(cases[i].attrs, cases[i].id, &t);
        enum isakmp_skip skip = isakmp_p2_decode(&t, cases[i].protocol, &p2);
        if (skip != cases[i].skip)
            fail_msg("%s: %s", cases[i].label, isakmp_skip_text(skip));
        free(b.p);
    }
}

/* W17: every class in the long form, values of 0 to 16 bytes: only durations of one to four are
 * good. */
static void forms_of_every_class(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= 17; type++)
        for (unsigned len = 0; len <= 16; len++) {
            uint8_t attrs[64];
            struct isakmp_p1 p1;
            struct wr w = wr_to(attrs, sizeof attrs);

            if (type == IKE_ATTR_LIFE_DURATION)
                wr_u32(&w, 0x800b0001);
            for (unsigned known = 1; known <= 4; known++)
                if (known != type)
                    wr_u32(&w, 0x80000000 | known << 16 | 1);
            wr_u16(&w, (uint16_t)type);
            wr_u16(&w, (uint16_t)len);
            for (unsigned i = 0; i < len; i++)
                wr_u8(&w, 1);
            struct bytes b = bytes_of(attrs, wr_len(&w));
            struct isakmp_transform t = { .id = 1, .attrs = slice_of(b) };
            bool good = type == IKE_ATTR_LIFE_DURATION && len >= 1 && len <= 4;
            assert_int_equal(isakmp_p1_decode(&t, &p1) == SKIP_NONE, good);
            free(b.p);
        }
}

static void durations_are_wide(void **state)
{
    static const struct {
        const char *attrs;
        uint64_t seconds, kilobytes;
        enum isakmp_skip skip;
    } cases[] = {
        { "80010001 80020e10", 3600, 0, SKIP_NONE },
        { "80010001 0002000101", 1, 0, SKIP_NONE },
        { "80010001 00020003010000", 65536, 0, SKIP_NONE },
        { "80010002 00020004 00465000", 0, 4608000, SKIP_NONE },
        { "80010002 00020004 ffffffff", 0, 4294967295, SKIP_NONE },
        { "80010001 80027080 80010002 00020004 00465000", 28800, 4608000, SKIP_NONE },
        { "80010001 0002000800000000000000ff", 0, 0, SKIP_ATTR_FORM },
        { "", 0, 0, SKIP_MISSING },
        { "80050001", 0, 0, SKIP_MISSING },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct isakmp_transform t;
        struct isakmp_life life = { 0 };
        struct bytes b = transform_of(cases[i].attrs, 0, &t);
        assert_int_equal(isakmp_life_decode(t.attrs, false, &life), cases[i].skip);
        assert_int_equal(life.seconds, cases[i].seconds);
        assert_int_equal(life.kilobytes, cases[i].kilobytes);
        free(b.p);
    }
}

/* What an offer was is known also when it cannot be used. */
static void skipped_transforms_keep_their_numbers(void **state)
{
    struct isakmp_transform t;
    struct isakmp_p1 p1;
    struct bytes b = transform_of("80010007 80020004 8003fde9 8004000e", 1, &t);

    (void)state;
    assert_int_equal(isakmp_p1_decode(&t, &p1), SKIP_KEY_LENGTH);
    assert_int_equal(p1.encryption, IKE_ENC_AES);
    assert_int_equal(p1.hash, IKE_HASH_SHA256);
    assert_int_equal(p1.auth, IKE_AUTH_XAUTH_PSK);
    assert_int_equal(p1.group, IKE_GROUP_MODP2048);
    free(b.p);
}

/* A proposal without attributes: 16 bytes and the SPI. */
static void proposal_put(struct isakmp_msg *m, uint8_t number, uint8_t protocol, size_t spi_len,
                         uint32_t spi)
{
    uint8_t bytes[16] = { 0 };

    be32_put(bytes, spi);
    isakmp_proposal_open(m, number, protocol, (struct slice){ bytes, spi_len });
    isakmp_transform_open(m, 1, 3);
    msg_close(m);
    msg_close(m);
}

static void bundles(void **state)
{
    static const struct {
        const char *label;
        struct {
            uint8_t number, protocol;
            uint8_t spi_len;
            uint32_t spi;
        } p[3];
        unsigned n_bundles;
        enum isakmp_skip first;
        unsigned first_n;
    } cases[] = {
        { "esp", { { 1, 3, 4, 256 } }, 1, SKIP_NONE, 1 },
        { "esp or esp", { { 1, 3, 4, 256 }, { 2, 3, 4, 256 } }, 2, SKIP_NONE, 1 },
        { "ah and esp", { { 1, 2, 4, 256 }, { 1, 3, 4, 256 } }, 1, SKIP_NONE, 2 },
        { "esp and ah, then ah",
          { { 1, 3, 4, 256 }, { 1, 2, 4, 256 }, { 2, 2, 4, 256 } },
          2,
          SKIP_NONE,
          2 },
        { "esp and esp", { { 1, 3, 4, 256 }, { 1, 3, 4, 257 } }, 1, SKIP_BUNDLE, 2 },
        { "esp and ipcomp", { { 1, 3, 4, 256 }, { 1, 4, 2, 256 } }, 1, SKIP_PROTOCOL, 2 },
        { "three", { { 1, 2, 4, 256 }, { 1, 3, 4, 256 }, { 1, 4, 2, 256 } }, 1, SKIP_BUNDLE, 2 },
        { "SPI of 3", { { 1, 3, 3, 256 } }, 1, SKIP_SPI, 1 },
        { "SPI of 0", { { 1, 3, 0, 256 } }, 1, SKIP_SPI, 1 },
        { "SPI of 8", { { 1, 3, 8, 256 } }, 1, SKIP_SPI, 1 },
        { "reserved SPI", { { 1, 3, 4, 255 } }, 1, SKIP_SPI, 1 },
        { "protocol isakmp", { { 1, 1, 4, 256 } }, 1, SKIP_PROTOCOL, 1 },
        { "protocol 5", { { 1, 5, 4, 256 } }, 1, SKIP_PROTOCOL, 1 },
    };
    static const struct isakmp_header header = { .exchange = EXCHANGE_QUICK, .version = 0x10 };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t buf[256];
        struct isakmp_msg m;
        struct isakmp_sa sa;
        struct isakmp_bundle b;
        enum isakmp_skip skip;
        unsigned n = 0;

        msg_begin(&m, buf, sizeof buf, &header);
        isakmp_sa_open(&m);
        for (unsigned k = 0; k < 3 && cases[i].p[k].number; k++)
            proposal_put(&m, cases[i].p[k].number, cases[i].p[k].protocol, cases[i].p[k].spi_len,
                         cases[i].p[k].spi);
        struct rd r = rd_of(msg_close(&m));
        assert_int_equal(isakmp_sa_parse(&r, &sa), ISAKMP_OK);
        struct rd it = rd_of(sa.proposals);
        for (; isakmp_bundle_next(&it, &b, &skip); n++)
            if (n == 0 && (skip != cases[i].first || b.n != cases[i].first_n))
                fail_msg("%s: %s, %u parts", cases[i].label, isakmp_skip_text(skip), b.n);
        if (n != cases[i].n_bundles)
            fail_msg("%s: %u bundles", cases[i].label, n);
    }
}

static void phase_1_spis_of_any_size_are_ignored(void **state)
{
    static const uint8_t spi[16];

    (void)state;
    for (size_t len = 0; len <= 16; len += 8) {
        struct isakmp_proposal p = { .protocol = 1, .spi = { spi, len } };
        assert_int_equal(isakmp_p1_proposal_check(&p), SKIP_NONE);
    }
    assert_int_equal(isakmp_p1_proposal_check(&(struct isakmp_proposal){ .protocol = 3 }),
                     SKIP_PROTOCOL);
}

/* W19: the largest SA payload there is, every transform decoded. */
static void many_transforms_are_walked(void **state)
{
    static uint8_t buf[65536];
    static const struct isakmp_header header = { .exchange = EXCHANGE_MAIN, .version = 0x10 };
    struct isakmp_p1 t = { .number = 1, .encryption = 5, .hash = 2, .auth = 1, .group = 2 };
    struct isakmp_msg m;
    struct isakmp_sa sa;
    struct isakmp_proposal p;
    struct isakmp_transform transform;
    unsigned n = 0;

    (void)state;
    msg_begin(&m, buf, sizeof buf, &header);
    isakmp_sa_open(&m);
    for (unsigned k = 1; k <= 10; k++) {
        isakmp_proposal_open(&m, (uint8_t)k, ISAKMP_PROTO_ISAKMP, (struct slice){ NULL, 0 });
        for (unsigned i = 0; i < 255; i++)
            isakmp_p1_emit(&m, &t);
        msg_close(&m);
    }
    struct rd r = rd_of(msg_close(&m));
    assert_int_equal(isakmp_sa_parse(&r, &sa), ISAKMP_OK);
    struct rd proposals = rd_of(sa.proposals);
    while (isakmp_proposal_next(&proposals, &p)) {
        struct rd transforms = rd_of(p.transforms);
        while (isakmp_transform_next(&transforms, &transform))
            n += isakmp_p1_decode(&transform, &t) == SKIP_NONE;
    }
    assert_int_equal(n, 2550);
}

static void emitted(void (*emit)(struct isakmp_msg *m), const char *hex)
{
    static const struct isakmp_header header = { .exchange = EXCHANGE_MAIN, .version = 0x10 };
    struct bytes want = bytes_of_hex(hex);
    uint8_t buf[512];
    struct isakmp_msg m;

    msg_begin(&m, buf, sizeof buf, &header);
    isakmp_sa_open(&m);
    emit(&m);
    struct slice body = msg_close(&m);
    assert_int_equal(body.len, want.len);
    assert_memory_equal(body.p, want.p, want.len);
    free(want.p);
}

static void emit_racoon_p1(struct isakmp_msg *m)
{
    isakmp_proposal_open(m, 1, ISAKMP_PROTO_ISAKMP, (struct slice){ NULL, 0 });
    isakmp_p1_emit(m, &(struct isakmp_p1){ .number = 1,
                                           .encryption = IKE_ENC_AES,
                                           .key_bits = 128,
                                           .auth = IKE_AUTH_PSK,
                                           .hash = IKE_HASH_SHA1,
                                           .group = IKE_GROUP_MODP1536,
                                           .life.seconds = 86400 });
    msg_close(m);
}

static void emit_racoon_p2(struct isakmp_msg *m)
{
    static const uint8_t spi[] = { 0x01, 0xd5, 0xdd, 0x75 };

    isakmp_proposal_open(m, 1, ISAKMP_PROTO_ESP, (struct slice){ spi, 4 });
    isakmp_p2_emit(m, &(struct isakmp_p2){ .number = 1,
                                           .id = IPSEC_ESP_AES,
                                           .key_bits = 128,
                                           .auth = IPSEC_AUTH_HMAC_SHA1,
                                           .encap = IPSEC_ENCAP_TRANSPORT,
                                           .group = IKE_GROUP_MODP1536,
                                           .life.seconds = 1800 });
    msg_close(m);
}

/* Two bytes as long as they do, four afterwards, never more. */
static void durations_are_emitted_in_the_short_form(void **state)
{
    static const struct {
        uint64_t seconds, kilobytes;
        const char *hex;
    } cases[] = {
        { 1, 0, "80010001 80020001" },
        { 65535, 0, "80010001 8002ffff" },
        { 65536, 0, "80010001 00020004 00010000" },
        { 0xffffffff, 0, "80010001 00020004 ffffffff" },
        { 0x100000000, 0, "80010001 00020004 ffffffff" },
        { 28800, 4608000, "80010001 80027080 80010002 00020004 00465000" },
        { 0, 0, "" },
    };
    static const struct isakmp_header header = { .exchange = EXCHANGE_QUICK, .version = 0x10 };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct isakmp_life life = { cases[i].seconds, cases[i].kilobytes };
        struct bytes want = bytes_of_hex(cases[i].hex);
        uint8_t buf[128];
        struct isakmp_msg m;

        msg_begin(&m, buf, sizeof buf, &header);
        msg_open(&m, PL_NOTIFY);
        isakmp_life_emit(&m, false, &life);
        struct slice body = msg_close(&m);
        assert_true(slice_equal(body, slice_of(want)));
        free(want.p);
    }
}

/* Bodies of the recording main-psk-aes128-sha1-modp1536-pfs5. */
static void racoon_offers_are_reproduced(void **state)
{
    (void)state;
    emitted(emit_racoon_p1, "0000000100000001000000300101000100000028010100"
                            "00800b0001000c00040001518080010007800e0080800300018002000280040005");
    emitted(emit_racoon_p2, "00000001000000010000002c0103040101d5dd7500000020010c0000"
                            "800100018002070880040002800600808005000280030005");
}

/* An odd transform is copied all the same. */
static void emit_copy(struct isakmp_msg *m)
{
    struct bytes body = bytes_of_hex("07010000 80010001 000cff00 00000000");

    isakmp_proposal_open(m, 3, ISAKMP_PROTO_ISAKMP, (struct slice){ NULL, 0 });
    isakmp_transform_copy(m, &(struct isakmp_transform){ .body = slice_of(body) });
    msg_close(m);
    free(body.p);
}

static void chosen_transforms_are_copied(void **state)
{
    (void)state;
    emitted(emit_copy, DOI_SIT "0000001c 03010001 00000014 07010000 80010001 000cff00 00000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structure_is_checked_at_every_level),
        cmocka_unit_test(only_one_doi_and_situation),
        cmocka_unit_test(phase_1_transforms),
        cmocka_unit_test(phase_2_transforms),
        cmocka_unit_test(forms_of_every_class),
        cmocka_unit_test(durations_are_wide),
        cmocka_unit_test(skipped_transforms_keep_their_numbers),
        cmocka_unit_test(bundles),
        cmocka_unit_test(phase_1_spis_of_any_size_are_ignored),
        cmocka_unit_test(many_transforms_are_walked),
        cmocka_unit_test(durations_are_emitted_in_the_short_form),
        cmocka_unit_test(racoon_offers_are_reproduced),
        cmocka_unit_test(chosen_transforms_are_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
