/* Diffie-Hellman: known answers of three origins, refusal of bad public values, properties of drawn
 * exponents. EC2N answers, points of small order and points off the curve were computed by integer
 * arithmetic in Python from the curves' parameters in RFC 2409; the primes are those of RFC 2409
 * and 3526. */
#include "dh.h"
#include "recorded_racoon.h"
#include "unhex.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct known {
    const char *label;
    enum dh_group group;
    const char *exponent, *own, *peer, *shared; /* own NULL: not published */
};

static const struct known knowns[] = {
    { "group 2, secret with a leading zero", DH_MODP1024,
      "357449fa7673fcf4faf97d5bd90f42f7cef89af2523d7b49c500377bfe3f8db3a55da3ad0abdd0e3"
      "63fb69edea9f97539f8c9ebaba87c4056a23aa52c6ed5f866ebe68c8f7aa3c4984fe3846bf35d642"
      "52daec4d52a076220487b8b098fa04f5156e6c68bdcc1d9c156ae80f4db02ed4b33840fe2c8b5c20"
      "d1335cca08a53eac",
      NULL,
      "b8c8f889d2105ec783b99a62fd792a48628ccad1d30a9bd19cb0a8d5be155a7a22f86386e8592a68"
      "3ce01a8cbe77e48e45702ba82e6e73831e7400adb77d45e873a3228aa4b76ef02443681fd8cdda76"
      "716a90a4c8006dcbdbd6425a1e2afc8b8c9837ffd53a69d7747a12a6231abcdf9b887742e25a86b5"
      "c516bfd7cc0f29c8",
      "001c25a7bef0ca24b6b104107d1163654750755cc75d49477ff56e33acce7d068227401d565629e5"
      "1bc2a8777d47727d4a0004273311404e5cd780b96256918299948e20d191920a1926f3ebda19b5f9"
      "66cf594242341439ff86f24a0880dc4cb243f148f6f4bf77df235073d283e31e0a8b334abab1aeee"
      "bd169b78435281cb" },
    { "group 3, first side", DH_EC2N155, "0102030405060708090a0b0c0d0e0f1011121314",
      "026e913e01c6e634dd5444cd2dbb7cb447cdb18c", "07edbd33b4b8d386360bbed37091cf81fa8f50d8",
      "05c0cd47e6a8c651f240d53b6401c433afa4e17d" },
    { "group 3, second side", DH_EC2N155, "004142434445464748468b70978ab2c2b2d98833",
      "07edbd33b4b8d386360bbed37091cf81fa8f50d8", "026e913e01c6e634dd5444cd2dbb7cb447cdb18c",
      "05c0cd47e6a8c651f240d53b6401c433afa4e17d" },
    { "group 4, first side", DH_EC2N185, "0102030405060708090a0b0c0d0e0f101112131415161718",
      "008b18c79d43add7a60212a82fbd7a5c5e4f54a3ef7fc7ea",
      "009e12d6446c83a0d3f6806c51dc054d2018a3154e0f3d82",
      "00bea7b1010d2f9827474a0d93f6b8099ef2084ce527fe60" },
    { "group 4, second side", DH_EC2N185, "004142434445464748494a4fcdee3d1868884a24952b7ed7",
      "009e12d6446c83a0d3f6806c51dc054d2018a3154e0f3d82",
      "008b18c79d43add7a60212a82fbd7a5c5e4f54a3ef7fc7ea",
      "00bea7b1010d2f9827474a0d93f6b8099ef2084ce527fe60" },
};

static void known_check(const struct known *k)
{
    struct bytes exponent = unhex(k->exponent), peer = unhex(k->peer);
    size_t len = dh_group_info[k->group].public_len;
    uint8_t got[DH_PUBLIC_MAX];
    struct dh dh;

    print_message("%s\n", k->label);
    assert_int_equal(dh_init_with(&dh, k->group, bytes_slice(&exponent)), DH_ERR_OK);
    if (k->own) {
        assert_int_equal(dh_public(&dh, got), DH_ERR_OK);
        assert_hex(got, len, k->own);
    }
    assert_int_equal(dh_shared(&dh, bytes_slice(&peer), got), DH_ERR_OK);
    assert_hex(got, len, k->shared);
}

static void known_answers_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(knowns); i++)
        known_check(&knowns[i]);
}

static void both_ends_of_every_recorded_exchange_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(racoon_exchanges); i++) {
        const struct racoon_exchange *r = &racoon_exchanges[i];
        known_check(&(struct known){ r->name, r->group, r->xi, r->g_xi, r->g_xr, r->g_xy });
        known_check(&(struct known){ r->name, r->group, r->xr, r->g_xr, r->g_xi, r->g_xy });
        if (!r->g_qm_xy)
            continue;
        known_check(
            &(struct known){ "its PFS", r->group, r->qm_xi, r->g_qm_xi, r->g_qm_xr, r->g_qm_xy });
        known_check(
            &(struct known){ "its PFS", r->group, r->qm_xr, r->g_qm_xr, r->g_qm_xi, r->g_qm_xy });
    }
}

struct bad {
    const char *label;
    enum dh_group group;
    const char *peer;
    enum dh_error want;
};

static const struct bad bads[] = {
    { "modp768: 0", DH_MODP768,
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000",
      DH_ERR_OUT_OF_RANGE },
    { "modp768: 1", DH_MODP768,
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000001",
      DH_ERR_OUT_OF_RANGE },
    { "modp768: 2 is the smallest", DH_MODP768,
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000002",
      DH_ERR_OK },
    { "modp768: p - 2 is the largest", DH_MODP768,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a63a3620fffffffffffffffd",
      DH_ERR_OK },
    { "modp768: p - 1", DH_MODP768,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a63a3620fffffffffffffffe",
      DH_ERR_OUT_OF_RANGE },
    { "modp768: p", DH_MODP768,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a63a3620ffffffffffffffff",
      DH_ERR_OUT_OF_RANGE },
    { "modp768: p + 1", DH_MODP768,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a63a36210000000000000000",
      DH_ERR_OUT_OF_RANGE },
    { "modp768: all ones", DH_MODP768,
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      "ffffffffffffffffffffffffffffffff",
      DH_ERR_OUT_OF_RANGE },
    { "modp768: one byte short", DH_MODP768,
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "020202020202020202020202020202",
      DH_ERR_BAD_LENGTH },
    { "modp768: one byte more", DH_MODP768,
      "00020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "0202020202020202020202020202020202",
      DH_ERR_BAD_LENGTH },
    { "modp768: no bytes", DH_MODP768, "", DH_ERR_BAD_LENGTH },
    { "modp1024: 0", DH_MODP1024,
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000",
      DH_ERR_OUT_OF_RANGE },
    { "modp1024: 1", DH_MODP1024,
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000001",
      DH_ERR_OUT_OF_RANGE },
    { "modp1024: 2 is the smallest", DH_MODP1024,
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000002",
      DH_ERR_OK },
    { "modp1024: p - 2 is the largest", DH_MODP1024,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381"
      "fffffffffffffffd",
      DH_ERR_OK },
    { "modp1024: p - 1", DH_MODP1024,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381"
      "fffffffffffffffe",
      DH_ERR_OUT_OF_RANGE },
    { "modp1024: p", DH_MODP1024,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381"
      "ffffffffffffffff",
      DH_ERR_OUT_OF_RANGE },
    { "modp1024: p + 1", DH_MODP1024,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece65382"
      "0000000000000000",
      DH_ERR_OUT_OF_RANGE },
    { "modp1024: all ones", DH_MODP1024,
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      "ffffffffffffffff",
      DH_ERR_OUT_OF_RANGE },
    { "modp1024: one byte short", DH_MODP1024,
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202",
      DH_ERR_BAD_LENGTH },
    { "modp1024: one byte more", DH_MODP1024,
      "00020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "020202020202020202",
      DH_ERR_BAD_LENGTH },
    { "modp1024: no bytes", DH_MODP1024, "", DH_ERR_BAD_LENGTH },
    { "modp1536: 0", DH_MODP1536,
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000000",
      DH_ERR_OUT_OF_RANGE },
    { "modp1536: 1", DH_MODP1536,
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000001",
      DH_ERR_OUT_OF_RANGE },
    { "modp1536: 2 is the smallest", DH_MODP1536,
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000002",
      DH_ERR_OK },
    { "modp1536: p - 2 is the largest", DH_MODP1536,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d"
      "c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb"
      "9ed529077096966d670c354e4abc9804f1746c08ca237327fffffffffffffffd",
      DH_ERR_OK },
    { "modp1536: p - 1", DH_MODP1536,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d"
      "c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb"
      "9ed529077096966d670c354e4abc9804f1746c08ca237327fffffffffffffffe",
      DH_ERR_OUT_OF_RANGE },
    { "modp1536: p", DH_MODP1536,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d"
      "c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb"
      "9ed529077096966d670c354e4abc9804f1746c08ca237327ffffffffffffffff",
      DH_ERR_OUT_OF_RANGE },
    { "modp1536: p + 1", DH_MODP1536,
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22"
      "514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6"
      "f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d"
      "c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb"
      "9ed529077096966d670c354e4abc9804f1746c08ca2373280000000000000000",
      DH_ERR_OUT_OF_RANGE },
    { "modp1536: all ones", DH_MODP1536,
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      DH_ERR_OUT_OF_RANGE },
    { "modp1536: one byte short", DH_MODP1536,
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202",
      DH_ERR_BAD_LENGTH },
    { "modp1536: one byte more", DH_MODP1536,
      "00020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
      "020202020202020202020202020202020202020202020202020202020202020202",
      DH_ERR_BAD_LENGTH },
    { "modp1536: no bytes", DH_MODP1536, "", DH_ERR_BAD_LENGTH },
    { "ec2n155: x = 0, the point of order 2", DH_EC2N155,
      "0000000000000000000000000000000000000000", DH_ERR_OUT_OF_RANGE },
    { "ec2n155: the generator", DH_EC2N155, "000000000000000000000000000000000000007b", DH_ERR_OK },
    { "ec2n155: the generator plus 2^m", DH_EC2N155, "080000000000000000000000000000000000007b",
      DH_ERR_OUT_OF_RANGE },
    { "ec2n155: the generator plus the field polynomial", DH_EC2N155,
      "080000000000000000000000400000000000007a", DH_ERR_OUT_OF_RANGE },
    { "ec2n155: all ones", DH_EC2N155, "ffffffffffffffffffffffffffffffffffffffff",
      DH_ERR_OUT_OF_RANGE },
    { "ec2n155: not on the curve", DH_EC2N155, "065c8e715bc8fbbcbde5c0994164d8399f767c45",
      DH_ERR_NOT_ON_CURVE },
    { "ec2n155: not on the curve", DH_EC2N155, "00d0d7f48b33e968617959ce3f1f65a8de527100",
      DH_ERR_NOT_ON_CURVE },
    { "ec2n155: a point of order 3", DH_EC2N155, "07c7b6c361b7090c4c7bd181479cbaf4af774a30",
      DH_ERR_SMALL_ORDER },
    { "ec2n155: a point of order 4", DH_EC2N155, "00311000000223a000c4474000088e8000111d1d",
      DH_ERR_SMALL_ORDER },
    { "ec2n155: a point of order 6", DH_EC2N155, "0213a6d476f38fb37136eae8fe2e979dc47874c5",
      DH_ERR_SMALL_ORDER },
    { "ec2n155: a point of order 12", DH_EC2N155, "07986a0f14df1c213c29970c8b58858dfb2f82a4",
      DH_ERR_SMALL_ORDER },
    { "ec2n155: a point of order 12", DH_EC2N155, "033523931569a1c79dbb922243071fe5538cb78f",
      DH_ERR_SMALL_ORDER },
    { "ec2n155: one byte short", DH_EC2N155, "7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b",
      DH_ERR_BAD_LENGTH },
    { "ec2n155: one byte more", DH_EC2N155, "00000000000000000000000000000000000000007b",
      DH_ERR_BAD_LENGTH },
    { "ec2n155: no bytes", DH_EC2N155, "", DH_ERR_BAD_LENGTH },
    { "ec2n185: x = 0, the point of order 2", DH_EC2N185,
      "000000000000000000000000000000000000000000000000", DH_ERR_OUT_OF_RANGE },
    { "ec2n185: the generator", DH_EC2N185, "000000000000000000000000000000000000000000000018",
      DH_ERR_OK },
    { "ec2n185: the generator plus 2^m", DH_EC2N185,
      "020000000000000000000000000000000000000000000018", DH_ERR_OUT_OF_RANGE },
    { "ec2n185: the generator plus the field polynomial", DH_EC2N185,
      "020000000000000000000000000000200000000000000019", DH_ERR_OUT_OF_RANGE },
    { "ec2n185: all ones", DH_EC2N185, "ffffffffffffffffffffffffffffffffffffffffffffffff",
      DH_ERR_OUT_OF_RANGE },
    { "ec2n185: not on the curve", DH_EC2N185, "00ab1a557e5a3930cd39e15808606af8a36939efea83854a",
      DH_ERR_NOT_ON_CURVE },
    { "ec2n185: not on the curve", DH_EC2N185, "0120cad9bb4e5c11fb368220216d27a23501e088d6a34d3e",
      DH_ERR_NOT_ON_CURVE },
    { "ec2n185: a point of order 4", DH_EC2N185, "000000000000300000018000c00c000000638030001c0009",
      DH_ERR_SMALL_ORDER },
    { "ec2n185: one byte short", DH_EC2N185, "7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b",
      DH_ERR_BAD_LENGTH },
    { "ec2n185: one byte more", DH_EC2N185, "00000000000000000000000000000000000000000000000018",
      DH_ERR_BAD_LENGTH },
    { "ec2n185: no bytes", DH_EC2N185, "", DH_ERR_BAD_LENGTH },
};

static void bad_public_values_are_refused_and_give_nothing(void **state)
{
    struct rng *rng = rng_new_fixed(2409);
    static const uint8_t one = 1;

    (void)state;
    for (size_t i = 0; i < COUNT(bads); i++) {
        struct bytes peer = unhex(bads[i].peer);
        uint8_t got[DH_PUBLIC_MAX], untouched[DH_PUBLIC_MAX];
        struct dh drawn, given;
        print_message("%s\n", bads[i].label);
        memset(got, 0xee, sizeof(got));
        memset(untouched, 0xee, sizeof(untouched));
        dh_init(&drawn, bads[i].group, rng);
        assert_int_equal(dh_init_with(&given, bads[i].group, (struct slice){ &one, 1 }), 0);
        assert_int_equal(dh_shared(&given, bytes_slice(&peer), got), bads[i].want);
        if (bads[i].want)
            assert_memory_equal(got, untouched, sizeof(got));
        assert_int_equal(dh_shared(&drawn, bytes_slice(&peer), got), bads[i].want);
        assert_int_equal(ERR_peek_error(), 0);
    }
    rng_free(rng);
}

static void exponents_of_zero_or_too_long_are_refused(void **state)
{
    uint8_t exponent[DH_PUBLIC_MAX + 1] = { 0 };
    struct dh dh;

    (void)state;
    for (enum dh_group g = DH_MODP768; g < DH_GROUP_COUNT; g++) {
        size_t len = dh_group_info[g].public_len;
        memset(exponent, 0, sizeof(exponent));
        assert_int_equal(dh_init_with(&dh, g, (struct slice){ exponent, 0 }), DH_ERR_BAD_EXPONENT);
        assert_int_equal(dh_init_with(&dh, g, (struct slice){ exponent, len }),
                         DH_ERR_BAD_EXPONENT);
        exponent[len] = exponent[len - 1] = 1;
        assert_int_equal(dh_init_with(&dh, g, (struct slice){ exponent, len }), DH_ERR_OK);
        assert_int_equal(dh_init_with(&dh, g, (struct slice){ exponent, len + 1 }),
                         DH_ERR_BAD_EXPONENT);
    }
}

static void two_ends_agree_in_every_group(void **state)
{
    struct rng *rng = rng_new_fixed(42);

    (void)state;
    for (enum dh_group g = DH_MODP768; g < DH_GROUP_COUNT; g++)
        for (unsigned round = 0; round < 25; round++) {
            size_t len = dh_group_info[g].public_len;
            uint8_t pub_a[DH_PUBLIC_MAX], pub_b[DH_PUBLIC_MAX];
            uint8_t ab[DH_PUBLIC_MAX], ba[DH_PUBLIC_MAX];
            struct dh a, b;
            dh_init(&a, g, rng);
            dh_init(&b, g, rng);
            assert_int_equal(dh_public(&a, pub_a), DH_ERR_OK);
            assert_int_equal(dh_public(&b, pub_b), DH_ERR_OK);
            assert_int_equal(dh_shared(&a, (struct slice){ pub_b, len }, ab), DH_ERR_OK);
            assert_int_equal(dh_shared(&b, (struct slice){ pub_a, len }, ba), DH_ERR_OK);
            assert_memory_equal(ab, ba, len);
            assert_memory_not_equal(pub_a, pub_b, len);
        }
    rng_free(rng);
}

/* A peer that adds a point of small order to its own learns our exponent modulo the cofactor,
 * unless that is always zero. */
static void drawn_exponents_are_long_and_multiples_of_the_cofactor(void **state)
{
    static const unsigned want_bits[DH_GROUP_COUNT] = { 0, 256, 256, 155, 184, 256 };
    struct rng *rng = rng_new_fixed(7);

    (void)state;
    for (enum dh_group g = DH_MODP768; g < DH_GROUP_COUNT; g++)
        for (unsigned round = 0; round < 1000; round++) {
            unsigned rest = 0, first = 0, bits;
            struct dh dh;
            dh_init(&dh, g, rng);
            for (unsigned i = 0; i < dh_group_info[g].public_len; i++)
                rest = (rest << 8 | dh.exponent[i]) % dh_group_info[g].cofactor;
            assert_int_equal(rest, 0);
            while (dh.exponent[first] == 0)
                first++;
            bits = 8 * (dh_group_info[g].public_len - first) -
                   (unsigned)__builtin_clz(dh.exponent[first]) + 24;
            assert_true(bits == want_bits[g] || (g == DH_EC2N155 && bits == want_bits[g] - 1));
            dh_fini(&dh);
            for (unsigned i = 0; i < sizeof(dh); i++)
                assert_int_equal(((const uint8_t *)&dh)[i], 0);
        }
    dh_fini(NULL);
    rng_free(rng);
}

static int u64_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void no_exponent_is_drawn_twice(void **state)
{
    enum { DRAWS = 100000 };
    uint64_t *seen = malloc(DRAWS * sizeof(*seen));
    struct rng *rng = rng_new();

    (void)state;
    assert_non_null(seen);
    for (unsigned i = 0; i < DRAWS; i++) {
        struct dh dh;
        dh_init(&dh, DH_MODP1024, rng);
        memcpy(&seen[i], dh.exponent + 128 - 24, sizeof(seen[i]));
    }
    qsort(seen, DRAWS, sizeof(*seen), u64_compare);
    for (unsigned i = 1; i < DRAWS; i++)
        assert_true(seen[i - 1] != seen[i]);
    free(seen);
    rng_free(rng);
}

static void *known_answers_in_a_thread(void *ret_failed)
{
    for (unsigned round = 0; round < 5; round++)
        for (size_t i = 0; i < COUNT(knowns); i++) {
            const struct known *k = &knowns[i];
            struct bytes exponent = unhex(k->exponent), peer = unhex(k->peer);
            struct bytes want = unhex(k->shared);
            uint8_t got[DH_PUBLIC_MAX];
            struct dh dh;
            if (dh_init_with(&dh, k->group, bytes_slice(&exponent)) ||
                dh_shared(&dh, bytes_slice(&peer), got) || memcmp(got, want.b, want.len) != 0)
                *(bool *)ret_failed = true;
        }
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    pthread_t threads[4];
    bool failed[4] = { false };

    (void)state;
    for (unsigned i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, known_answers_in_a_thread, &failed[i]),
                         0);
    for (unsigned i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(failed[i]);
    }
}

static void groups_are_found_by_name_and_number(void **state)
{
    (void)state;
    assert_int_equal(dh_group_from_name("modp768"), 1);
    assert_int_equal(dh_group_from_name("modp1024"), 2);
    assert_int_equal(dh_group_from_name("ec2n155"), 3);
    assert_int_equal(dh_group_from_name("ec2n185"), 4);
    assert_int_equal(dh_group_from_name("modp1536"), 5);
    assert_int_equal(dh_group_from_name("none"), DH_NONE);
    assert_int_equal(dh_group_from_name("modp2048"), DH_NONE);
    assert_int_equal(dh_group_from_number(5), DH_MODP1536);
    assert_int_equal(dh_group_from_number(0), DH_NONE);
    assert_int_equal(dh_group_from_number(6), DH_NONE);
    assert_int_equal(dh_group_from_number(65535), DH_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers_come_out),
        cmocka_unit_test(both_ends_of_every_recorded_exchange_come_out),
        cmocka_unit_test(bad_public_values_are_refused_and_give_nothing),
        cmocka_unit_test(exponents_of_zero_or_too_long_are_refused),
        cmocka_unit_test(two_ends_agree_in_every_group),
        cmocka_unit_test(drawn_exponents_are_long_and_multiples_of_the_cofactor),
        cmocka_unit_test(no_exponent_is_drawn_twice),
        cmocka_unit_test(threads_do_not_disturb_each_other),
        cmocka_unit_test(groups_are_found_by_name_and_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
