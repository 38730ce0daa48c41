/* Wants, offers and transforms of phase 2 for tests. For *_test.c only. */
#pragma once

#include "proposal.h"
#include "proposal_kit.h"

enum { SPI_I = 0x0172e4cc, SPI_R = 0x01d5dd75, SPI_I_AH = 0x0abcdef0, SPI_R_AH = 0x0fedcba9 };

static const uint32_t spis_i[2] = { SPI_I, SPI_I_AH }, spis_r[2] = { SPI_R, SPI_R_AH };

#define C(alg) (1u << CIPHER_##alg)
#define A(alg) (1u << AUTH_##alg)

static const struct ike_proposal proposal_default = {
    .name = "default", .auth_algs = A(SHA1), .ciphers = C(3DES), .lifetime_s = 1800
};

static inline struct p2_want want_of(const struct ike_proposal *p)
{
    return (struct p2_want){
        .proposal = p, .protocols = IKE_PROTO_ESP, .tunnel = true, .check = IKE_CHECK_OBEY
    };
}

static inline void offer(struct sa_kit *k, const struct p2_want *want)
{
    kit_begin(k);
    p2_offer(&k->m, want, spis_i);
    kit_end(k);
}

static inline void answer(struct sa_kit *k, const struct p2_choice *c)
{
    kit_begin(k);
    p2_answer(&k->m, c, spis_r);
    kit_end(k);
}

static inline struct isakmp_p2 transform_default(void)
{
    return (struct isakmp_p2){ .number = 1,
                               .protocol = ISAKMP_PROTO_ESP,
                               .id = IPSEC_ESP_3DES,
                               .auth = IPSEC_AUTH_HMAC_SHA1,
                               .encap = IPSEC_ENCAP_TUNNEL,
                               .life = { .seconds = 1800 } };
}

static inline void proposal_emit(struct sa_kit *k, uint8_t number, uint8_t protocol, uint32_t spi,
                                 const struct isakmp_p2 *ts, size_t n)
{
    uint8_t spi_be[4];

    be32_put(spi_be, spi);
    isakmp_proposal_open(&k->m, number, protocol, (struct slice){ spi_be, sizeof spi_be });
    for (size_t i = 0; i < n; i++)
        isakmp_p2_emit(&k->m, &ts[i]);
    msg_close(&k->m);
}

static inline void sa_begin(struct sa_kit *k)
{
    kit_begin(k);
    isakmp_sa_open(&k->m);
}

static inline void sa_end(struct sa_kit *k)
{
    msg_close(&k->m);
    kit_end(k);
}

static inline void one_transform(struct sa_kit *k, const struct isakmp_p2 *t)
{
    sa_begin(k);
    proposal_emit(k, 1, t->protocol, SPI_I, t, 1);
    sa_end(k);
}

static const struct ike_proposal two_by_two = { .auth_algs = A(SHA1) | A(MD5),
                                                .ciphers = C(AES_128) | C(3DES),
                                                .lifetime_s = 1800,
                                                .pfs_group = DH_MODP1024 };
