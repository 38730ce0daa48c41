/* Keys, IVs and hashes of IKEv1 as pure functions: RFC 2409 section 5 and appendix B. Nothing here
 * knows messages or states. Bodies (`_b`) are payloads without their generic header; g^xy comes as
 * dh_shared gives it, with its leading zeros. */
#pragma once

#include "cipher.h"
#include "prf.h"

enum {
    COOKIE_LEN = 8,
    KEYMAT_MAX = 132,  /* bytes one expansion gives at most; the longest SA takes 52 */
    IKE_NONCE_MIN = 8, /* bytes of a nonce body, RFC 2409 section 5 */
    IKE_NONCE_MAX = 256
};

struct ike_cookies {
    uint8_t i[COOKIE_LEN], r[COOKIE_LEN];
};

/* The phase 1 secrets and the hash they were made with: each digest_info[alg].len bytes. */
struct skeyid {
    enum digest_alg alg;
    uint8_t skeyid[DIGEST_MAX];
    uint8_t d[DIGEST_MAX]; /* for keys of phase 2 */
    uint8_t a[DIGEST_MAX]; /* for HASH(1) to HASH(3) */
    uint8_t e[DIGEST_MAX]; /* for the phase 1 cipher */
};

void skeyid_wipe(struct skeyid *k); /* accepts NULL */

/* Section 5: SKEYID alone. With a pre-shared key it needs no Diffie-Hellman. */
void skeyid_from_psk(struct skeyid *ret, enum digest_alg alg, struct slice psk, struct slice ni_b,
                     struct slice nr_b);
void skeyid_from_signature(struct skeyid *ret, enum digest_alg alg, struct slice ni_b,
                           struct slice nr_b, struct slice g_xy);
/* Section 5: SKEYID_d, _a and _e from K's SKEYID. */
void skeyid_derive(struct skeyid *k, struct slice g_xy, const struct ike_cookies *cookies);

/* Appendix B: K1 | K2 | ..., K1 = prf(SKEYID_e, 0), Kn = prf(SKEYID_e, Kn-1). */
void skeyid_e_expand(const struct skeyid *k, uint8_t *ret, size_t len);
/* Appendix B: the key of the phase 1 cipher, key_len bytes. For des the first 8 bytes of SKEYID_e
 * that are no weak key. False, with nothing written, when only weak keys come out. */
bool keymat_cipher_key(const struct skeyid *k, enum cipher_alg cipher, uint8_t *ret)
    __attribute__((warn_unused_result));

/* Appendix B: the IV of the first encrypted phase 1 message, block_len bytes. */
void keymat_phase1_iv(enum digest_alg alg, enum cipher_alg cipher, struct slice g_xi,
                      struct slice g_xr, uint8_t *ret);
/* Appendix B: the IV of the first message of another exchange. LAST_BLOCK is the last block of
 * phase 1's ciphertext, or phase 1's initial IV when it encrypted nothing. */
void keymat_phase2_iv(enum digest_alg alg, enum cipher_alg cipher, const uint8_t *last_block,
                      uint32_t message_id, uint8_t *ret);

/* What HASH_I and HASH_R cover besides an identity. */
struct phase1_facts {
    struct slice g_xi, g_xr; /* bodies of the KE payloads */
    struct ike_cookies cookies;
    struct slice sai_b; /* the initiator's SA body as it was on the wire */
};

/* Section 5. The base mode of racoon with a pre-shared key has no g^xr in HASH_I: an empty g_xr. */
void keymat_hash_i(const struct skeyid *k, const struct phase1_facts *f, struct slice idii_b,
                   uint8_t *ret);
void keymat_hash_r(const struct skeyid *k, const struct phase1_facts *f, struct slice idir_b,
                   uint8_t *ret);

/* The base mode of racoon with signatures: SKEYID is not known yet, and both hashes cover the
 * initiator's identity. HASH_I has no use for f->g_xr. */
void keymat_base_hash_i(enum digest_alg alg, const struct phase1_facts *f, struct slice ni_b,
                        struct slice nr_b, struct slice idii_b, uint8_t *ret);
void keymat_base_hash_r(enum digest_alg alg, const struct phase1_facts *f, struct slice ni_b,
                        struct slice nr_b, struct slice idii_b, uint8_t *ret);

/* Sections 5.5 and 5.7: REST is every byte behind the HASH payload, generic headers included,
 * padding excluded. HASH(1) serves quick mode, informational and new group exchanges. */
void keymat_hash1(const struct skeyid *k, uint32_t message_id, struct slice rest, uint8_t *ret);
void keymat_hash2(const struct skeyid *k, uint32_t message_id, struct slice ni_b, struct slice rest,
                  uint8_t *ret);
void keymat_hash3(const struct skeyid *k, uint32_t message_id, struct slice ni_b, struct slice nr_b,
                  uint8_t *ret);
/* OURS (any of the hashes above) against the body of a received HASH payload, length included, in
 * a time that tells nothing about the bytes. */
bool keymat_hash_matches(enum digest_alg alg, const uint8_t *ours, struct slice received);

/* What the keys of one phase 2 SA are made of. */
struct quick_facts {
    struct slice g_qm_xy; /* empty: no PFS */
    uint8_t protocol;     /* byte of the proposal: 2 AH, 3 ESP */
    struct slice spi;     /* chosen by the receiver of this SA, as on the wire */
    struct slice ni_b, nr_b;
};

/* Section 5.5: the first LEN bytes (at most KEYMAT_MAX) of KEYMAT. For ESP the cipher's key comes
 * first, then the authentication key; look at cipher_key_is_weak() before use. */
void keymat_quick(const struct skeyid *k, const struct quick_facts *f, uint8_t *ret, size_t len);
