#include "alg.h"

const struct cipher_info cipher_info[CIPHER_COUNT] = {
    /* clang-format off */
    /*                   name       sa_name  key block iv  esp ike */
    [CIPHER_NONE]    = { "none",    "none",   0,  1,  0,   0,  0 },
    [CIPHER_NULL]    = { "null",    "none",   0,  1,  0,  11,  0 },
    [CIPHER_DES]     = { "des",     "des",    8,  8,  8,   2,  1 },
    [CIPHER_3DES]    = { "3des",    "3des",  24,  8,  8,   3,  5 },
    [CIPHER_AES_128] = { "aes-128", "aes",   16, 16, 16,  12,  7 },
    [CIPHER_AES_192] = { "aes-192", "aes",   24, 16, 16,  12,  7 },
    [CIPHER_AES_256] = { "aes-256", "aes",   32, 16, 16,  12,  7 },
    /* clang-format on */
};

const struct auth_info auth_info[AUTH_COUNT] = {
    /* clang-format off */
    /*             name    key icv digest attr ah */
    [AUTH_NONE] = { "none",  0,  0,  0,    0,  0 },
    [AUTH_MD5]  = { "md5",  16, 12, 16,    1,  2 },
    [AUTH_SHA1] = { "sha1", 20, 12, 20,    2,  3 },
    /* clang-format on */
};
