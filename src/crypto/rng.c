/* Random bytes by fast key erasure: a block of AES-256-CTR key stream is made at once, its first
 * bytes become the next key, and what is handed out is wiped from the block. So neither past nor
 * future output follows from a copy of the state for long: every RESEED_BLOCKS blocks getrandom(2)
 * is mixed into the key. */
#include "rng.h"

#include "must.h"
#include "secret.h"
#include "text.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/random.h>

enum { SEED_LEN = 32 + 16 /* key, counter */, BLOCK_LEN = 4096, RESEED_BLOCKS = 64 };

struct rng {
    EVP_CIPHER_CTX *evp;
    EVP_CIPHER *cipher;
    bool fixed;
    unsigned blocks_left; /* until getrandom is asked again */
    size_t at;            /* first byte of block not handed out yet */
    uint8_t block[BLOCK_LEN];
};

static void kernel_random(uint8_t *ret, size_t len)
{
    while (len) {
        ssize_t got = getrandom(ret, len, 0);
        must(got > 0 || errno == EINTR, "no random bytes from the kernel");
        if (got > 0) {
            ret += got;
            len -= (size_t)got;
        }
    }
}

static void rekey(struct rng *r, const uint8_t *seed)
{
    must(EVP_EncryptInit_ex2(r->evp, r->cipher, seed, seed + 32, NULL) == 1, "AES-256-CTR");
}

/* Uses up SEED_LEN bytes at the start of the block for the next key. */
static void refill(struct rng *r)
{
    uint8_t fresh[SEED_LEN];
    int len;

    secret_wipe(r->block, sizeof(r->block));
    must(EVP_EncryptUpdate(r->evp, r->block, &len, r->block, BLOCK_LEN) == 1, "AES-256-CTR");
    if (!r->fixed && r->blocks_left-- == 0) {
        kernel_random(fresh, sizeof(fresh));
        for (size_t i = 0; i < sizeof(fresh); i++)
            r->block[i] ^= fresh[i];
        secret_wipe(fresh, sizeof(fresh));
        r->blocks_left = RESEED_BLOCKS;
    }
    rekey(r, r->block);
    secret_wipe(r->block, SEED_LEN);
    r->at = SEED_LEN;
}

static struct rng *rng_make(const uint8_t *seed, bool fixed)
{
    struct rng *r = xcalloc(1, sizeof(*r));

    r->fixed = fixed;
    r->blocks_left = RESEED_BLOCKS;
    r->at = BLOCK_LEN;
    r->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    r->evp = EVP_CIPHER_CTX_new();
    must(r->cipher && r->evp, "AES-256-CTR");
    rekey(r, seed);
    return r;
}

struct rng *rng_new(void)
{
    uint8_t seed[SEED_LEN];

    kernel_random(seed, sizeof(seed));
    struct rng *r = rng_make(seed, false);
    secret_wipe(seed, sizeof(seed));
    return r;
}

struct rng *rng_new_fixed(uint64_t seed)
{
    uint8_t bytes[SEED_LEN] = { 0 };

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(seed >> (8 * i));
    return rng_make(bytes, true);
}

void rng_free(struct rng *r)
{
    if (!r)
        return;
    EVP_CIPHER_CTX_free(r->evp); /* wipes its key */
    EVP_CIPHER_free(r->cipher);
    secret_wipe(r, sizeof(*r));
    free(r);
}

void rng_bytes(struct rng *r, void *out, size_t len)
{
    uint8_t *to = out;

    while (len) {
        if (r->at == BLOCK_LEN)
            refill(r);
        size_t n = len < BLOCK_LEN - r->at ? len : BLOCK_LEN - r->at;
        memcpy(to, r->block + r->at, n);
        secret_wipe(r->block + r->at, n);
        r->at += n;
        to += n;
        len -= n;
    }
}

uint32_t rng_u32(struct rng *r)
{
    uint32_t v;

    rng_bytes(r, &v, sizeof(v));
    return v;
}
