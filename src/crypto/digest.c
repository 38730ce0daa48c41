/* MD5 (RFC 1321) and SHA-1 (FIPS 180) by OpenSSL's low-level calls: no provider, no fetch, no
 * context on the heap, so the state can live in a flat struct and be copied. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "digest.h"

#include "must.h"
#include "secret.h"

#include <assert.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

const struct digest_info digest_info[DIGEST_COUNT] = {
    [DIGEST_NONE] = { "none", 0, 0 },
    [DIGEST_MD5] = { "md5", MD5_DIGEST_LENGTH, 1 },
    [DIGEST_SHA1] = { "sha1", SHA_DIGEST_LENGTH, 2 },
};

static_assert(sizeof(MD5_CTX) <= sizeof(((struct digest *)0)->state), "MD5 state");
static_assert(sizeof(SHA_CTX) <= sizeof(((struct digest *)0)->state), "SHA-1 state");
static_assert(MD5_DIGEST_LENGTH <= DIGEST_MAX && SHA_DIGEST_LENGTH <= DIGEST_MAX, "digest length");
static_assert(MD5_CBLOCK == DIGEST_BLOCK_LEN && SHA_CBLOCK == DIGEST_BLOCK_LEN, "block length");

static const char no_digest[] = "a digest without an algorithm";

void digest_start(struct digest *d, enum digest_alg alg)
{
    must(alg == DIGEST_MD5 || alg == DIGEST_SHA1, no_digest);
    d->alg = alg;
    if (alg == DIGEST_MD5)
        MD5_Init((MD5_CTX *)d->state);
    else
        SHA1_Init((SHA_CTX *)d->state);
}

void digest_add(struct digest *d, struct slice bytes)
{
    if (bytes.len == 0)
        return;
    if (d->alg == DIGEST_MD5)
        MD5_Update((MD5_CTX *)d->state, bytes.p, bytes.len);
    else
        SHA1_Update((SHA_CTX *)d->state, bytes.p, bytes.len);
}

void digest_end(struct digest *d, uint8_t *ret)
{
    if (d->alg == DIGEST_MD5)
        MD5_Final(ret, (MD5_CTX *)d->state);
    else
        SHA1_Final(ret, (SHA_CTX *)d->state);
    secret_wipe(d, sizeof(*d));
}

void digest_of(enum digest_alg alg, const struct slice *parts, size_t n, uint8_t *ret)
{
    struct digest d;

    digest_start(&d, alg);
    for (size_t i = 0; i < n; i++)
        digest_add(&d, parts[i]);
    digest_end(&d, ret);
}
