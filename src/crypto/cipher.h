/* CBC encryption of whole IKE messages (RFC 2409 appendix B) with des, 3des and aes, and which
 * cipher keys must not be used. Packets of ESP go through bulk.h. */
#pragma once

#include "alg.h"
#include "slice.h"

enum { CIPHER_KEY_MAX = 32, CIPHER_BLOCK_MAX = 16 };

#define CIPHER_ERRORS(X)                                                                           \
    X(OK, "no error")                                                                              \
    X(UNSUPPORTED, "the cipher is not one of IKE")                                                 \
    X(BAD_KEY_LENGTH, "the key does not fit the cipher")                                           \
    X(BAD_LENGTH, "the encrypted part is empty or no multiple of the cipher's block")

enum cipher_error {
#define X(id, text) CIPHER_ERR_##id,
    CIPHER_ERRORS(X)
#undef X
        CIPHER_ERR_COUNT
};

const char *cipher_error_text(enum cipher_error error);

/* En- or decrypts LEN bytes in place. IV has the cipher's block_len bytes; ret_next_iv (NULL: not
 * wanted) gets the last block of ciphertext, the IV of the exchange's next message. It may be IV,
 * but whoever opens keeps the old IV until the message's HASH is found right. Nothing is touched on
 * failure. Ends the process when memory does. */
enum cipher_error cbc_seal(enum cipher_alg alg, struct slice key, const uint8_t *iv, uint8_t *buf,
                           size_t len, uint8_t *ret_next_iv) __attribute__((warn_unused_result));
enum cipher_error cbc_open(enum cipher_alg alg, struct slice key, const uint8_t *iv, uint8_t *buf,
                           size_t len, uint8_t *ret_next_iv) __attribute__((warn_unused_result));

/* KEY (key_len bytes of the cipher) must be refused: for des the weak and semi-weak keys whatever
 * their parity bits (RFC 2405 2.1, RFC 2409 appendix A), for 3des two neighbouring keys that are
 * one and leave plain DES (RFC 2451 2.3). False for every other cipher. */
bool cipher_key_is_weak(enum cipher_alg alg, const uint8_t *key);
