/* The algorithms of ESP, AH and IKE as constant tables: console name, wire numbers, sizes.
 * Numbers: RFC 2407 (ESP transforms, authentication algorithms), RFC 2409 appendix A. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum cipher_alg {
    CIPHER_NONE, /* AH, or ESP not applied */
    CIPHER_NULL, /* RFC 2410 */
    CIPHER_DES,
    CIPHER_3DES,
    CIPHER_AES_128,
    CIPHER_AES_192,
    CIPHER_AES_256,
    CIPHER_COUNT
};

enum auth_alg { AUTH_NONE, AUTH_MD5, AUTH_SHA1, AUTH_COUNT };

struct cipher_info {
    const char *name;      /* as configured: "aes-128" */
    const char *sa_name;   /* as installed-sa prints it: "aes" */
    uint8_t key_len;       /* bytes */
    uint8_t block_len;     /* bytes; 1 for null */
    uint8_t iv_len;        /* bytes on the wire */
    uint8_t esp_transform; /* RFC 2407 4.4.4 */
    uint8_t ike_cipher;    /* RFC 2409 appendix A; 0: not usable in IKE */
};

struct auth_info {
    const char *name;     /* "md5", "sha1", "none" */
    uint8_t key_len;      /* bytes */
    uint8_t icv_len;      /* bytes on the wire: 12 */
    uint8_t digest_len;   /* bytes of the whole HMAC */
    uint8_t attribute;    /* RFC 2407 4.5 authentication algorithm */
    uint8_t ah_transform; /* RFC 2407 4.4.3 */
};

extern const struct cipher_info cipher_info[CIPHER_COUNT];
extern const struct auth_info auth_info[AUTH_COUNT];
