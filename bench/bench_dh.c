/* Speed of Diffie-Hellman on one core: src/crypto/dh for every group, beside the bare operation of
 * OpenSSL with everything prepared (the same exponent length, Montgomery context or curve at hand)
 * and what the symmetric rest of a phase 1 costs. Contenders take turns and the fastest sample
 * counts; times are of the process's CPU. */
#include "dh.h"
#include "keymat.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MODP_BITS = 256 };

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench_dh: %s\n", what);
    exit(1);
}

/* The yardstick of a group: either a modular exponentiation or a point multiplication. */
struct bare {
    BN_CTX *ctx;
    BIGNUM *exponent, *p, *base, *result;
    BN_MONT_CTX *mont;
    EC_GROUP *curve;
    EC_POINT *point;
};

static void bare_init(struct bare *b, enum dh_group group)
{
    *b = (struct bare){ .ctx = BN_CTX_new(), .exponent = BN_new() };
    if (dh_group_info[group].ec2n) {
        b->curve = EC_GROUP_new_by_curve_name(group == DH_EC2N155 ? NID_ipsec3 : NID_ipsec4);
        b->point = EC_POINT_new(b->curve);
        check(BN_rand_range(b->exponent, EC_GROUP_get0_order(b->curve)) == 1, "exponent");
        return;
    }
    b->base = BN_new();
    b->result = BN_new();
    b->mont = BN_MONT_CTX_new();
    b->p = group == DH_MODP768    ? BN_get_rfc2409_prime_768(NULL)
           : group == DH_MODP1024 ? BN_get_rfc2409_prime_1024(NULL)
                                  : BN_get_rfc3526_prime_1536(NULL);
    check(BN_rand(b->exponent, MODP_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1, "exponent");
    check(BN_rand_range(b->base, b->p) == 1, "base");
    check(BN_MONT_CTX_set(b->mont, b->p, b->ctx) == 1, "Montgomery context");
}

static void bare_run(struct bare *b)
{
    if (b->curve)
        check(EC_POINT_mul(b->curve, b->point, b->exponent, NULL, NULL, b->ctx) == 1, "multiply");
    else
        check(BN_mod_exp_mont_consttime(b->result, b->base, b->exponent, b->p, b->ctx, b->mont) ==
                  1,
              "exponentiate");
}

static void bare_fini(struct bare *b)
{
    BN_free(b->exponent);
    BN_free(b->p);
    BN_free(b->base);
    BN_free(b->result);
    BN_MONT_CTX_free(b->mont);
    EC_POINT_free(b->point);
    EC_GROUP_free(b->curve);
    BN_CTX_free(b->ctx);
}

enum contender { BARE, DRAW, PUBLIC, SHARED, CONTENDERS };

struct cell {
    enum dh_group group;
    struct rng *rng;
    struct bare bare;
    struct dh ours, scratch;
    uint8_t peer[DH_PUBLIC_MAX], out[DH_PUBLIC_MAX];
};

static void contender_run(struct cell *c, enum contender who)
{
    struct slice peer = { c->peer, dh_group_info[c->group].public_len };

    switch (who) {
    case BARE:
        bare_run(&c->bare);
        return;
    case DRAW:
        dh_init(&c->scratch, c->group, c->rng);
        return;
    case PUBLIC:
        check(dh_public(&c->ours, c->out) == DH_ERR_OK, "public value");
        return;
    case SHARED:
        check(dh_shared(&c->ours, peer, c->out) == DH_ERR_OK, "shared secret");
        return;
    case CONTENDERS:
        return;
    }
}

/* Fastest microseconds per operation of each contender. */
static void cell_measure(struct cell *c, unsigned rounds, double ret_us[CONTENDERS])
{
    enum { PER_SAMPLE = 20 };

    for (unsigned who = 0; who < CONTENDERS; who++)
        ret_us[who] = 1e9;
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned who = 0; who < CONTENDERS; who++) {
            double start = now_us();
            for (unsigned i = 0; i < PER_SAMPLE; i++)
                contender_run(c, (enum contender)who);
            double us = (now_us() - start) / PER_SAMPLE;
            ret_us[who] = us < ret_us[who] ? us : ret_us[who];
        }
}

static void group_run(struct rng *rng, enum dh_group group, unsigned rounds)
{
    struct cell c = { .group = group, .rng = rng };
    double us[CONTENDERS];

    bare_init(&c.bare, group);
    dh_init(&c.scratch, group, rng);
    check(dh_public(&c.scratch, c.peer) == DH_ERR_OK, "public value");
    dh_init(&c.ours, group, rng);
    cell_measure(&c, rounds, us);
    printf("%-9s %10.0f %10.0f %10.0f %11.2f %12.1f %8.2f\n", dh_group_info[group].name,
           1e6 / us[BARE], 1e6 / us[PUBLIC], 1e6 / us[SHARED], us[DRAW],
           us[DRAW] + us[PUBLIC] + us[SHARED], 2 * us[BARE] / (us[PUBLIC] + us[SHARED]));
    bare_fini(&c.bare);
}

/* SKEYID and its family, key, IV, both hashes: all of phase 1 but Diffie-Hellman. */
static void phase1_run(enum digest_alg digest, enum cipher_alg cipher, unsigned rounds)
{
    enum { PER_SAMPLE = 200 };
    static const uint8_t bytes[256] = { 1 };
    struct slice nonce = { bytes, 16 }, g = { bytes, 128 }, sa = { bytes, 52 }, id = { bytes, 8 };
    struct phase1_facts f = { .g_xi = g, .g_xr = g, .sai_b = sa };
    uint8_t key[CIPHER_KEY_MAX], out[DIGEST_MAX];
    double best = 1e9;

    for (unsigned round = 0; round < rounds; round++) {
        double start = now_us();
        for (unsigned i = 0; i < PER_SAMPLE; i++) {
            struct skeyid k;
            skeyid_from_psk(&k, digest, nonce, nonce, nonce);
            skeyid_derive(&k, g, &f.cookies);
            check(keymat_cipher_key(&k, cipher, key), "cipher key");
            keymat_phase1_iv(digest, cipher, g, g, out);
            keymat_hash_i(&k, &f, id, out);
            keymat_hash_r(&k, &f, id, out);
        }
        double us = (now_us() - start) / PER_SAMPLE;
        best = us < best ? us : best;
    }
    printf("keys and hashes of phase 1, %s %s: %.2f us\n", cipher_info[cipher].name,
           digest_info[digest].name, best);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    unsigned rounds = quick ? 20 : 100;
    struct rng *rng = rng_new();

    printf("%-9s %10s %10s %10s %11s %12s %8s\n", "group", "bare/s", "public/s", "shared/s",
           "draw us", "exchange us", "/bare");
    for (enum dh_group g = DH_MODP768; g < DH_GROUP_COUNT; g++)
        group_run(rng, g, rounds);
    phase1_run(DIGEST_MD5, CIPHER_3DES, rounds);
    phase1_run(DIGEST_SHA1, CIPHER_AES_128, rounds);
    rng_free(rng);
    return 0;
}
