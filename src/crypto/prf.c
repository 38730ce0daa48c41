#include "prf.h"

#include "secret.h"

static void pad_xor(uint8_t *pad, uint8_t with)
{
    for (size_t i = 0; i < DIGEST_BLOCK_LEN; i++)
        pad[i] ^= with;
}

void prf_start(struct prf *p, enum digest_alg alg, struct slice key)
{
    uint8_t pad[DIGEST_BLOCK_LEN] = { 0 };

    if (key.len > sizeof(pad))
        digest_of(alg, &key, 1, pad);
    else if (key.len)
        memcpy(pad, key.p, key.len);
    pad_xor(pad, 0x36);
    digest_start(&p->inner, alg);
    digest_add(&p->inner, (struct slice){ pad, sizeof(pad) });
    pad_xor(pad, 0x36 ^ 0x5c);
    digest_start(&p->outer, alg);
    digest_add(&p->outer, (struct slice){ pad, sizeof(pad) });
    secret_wipe(pad, sizeof(pad));
}

void prf_add(struct prf *p, struct slice bytes)
{
    digest_add(&p->inner, bytes);
}

void prf_end(struct prf *p, uint8_t *ret)
{
    uint8_t inner[DIGEST_MAX];
    size_t len = digest_info[p->inner.alg].len;

    digest_end(&p->inner, inner);
    digest_add(&p->outer, (struct slice){ inner, len });
    digest_end(&p->outer, ret);
    secret_wipe(inner, sizeof(inner));
}

void prf_of(enum digest_alg alg, struct slice key, const struct slice *parts, size_t n,
            uint8_t *ret)
{
    struct prf p;

    prf_start(&p, alg, key);
    for (size_t i = 0; i < n; i++)
        prf_add(&p, parts[i]);
    prf_end(&p, ret);
}
