/* `/ip ipsec manual-sa`: templates with manual keys; a policy that names one gets its SAs from it.
 * Key lengths follow the algorithms; weak DES keys: RFC 2409 appendix A, RFC 2451 2.3. */
#include "menu_models.h"

#include <string.h>

enum { ALG_NULL = 0, LIFETIME_MAX_S = INT32_MAX };

const char *const cfg_auth_names[] = { "null", "md5", "sha1", NULL };
const char *const cfg_cipher_names[] = { "null",    "des",     "3des", "aes-128",
                                         "aes-192", "aes-256", NULL };

/* Bytes, in the order of the names above. */
static const uint8_t auth_key_bytes[] = { 0, 16, 20 };
static const uint8_t cipher_key_bytes[] = { 0, 8, 24, 16, 24, 32 };
enum { CIPHER_NAME_DES = 1, CIPHER_NAME_3DES = 2 };

static const struct prop props[] = {
    { "name", PT_NAME, P_REQUIRED, AT(cfg_manual_sa, name), .help = "unique name" },
    { "ah-algorithm", PT_ENUM_PAIR, 0, AT(cfg_manual_sa, ah_algorithm), .def = "md5",
      .names = cfg_auth_names, .help = "AH authentication, in/out" },
    { "ah-key", PT_HEX_PAIR, P_SENSITIVE, AT(cfg_manual_sa, ah_key), .def = "",
      .help = "AH keys as hex digits, in/out" },
    { "ah-spi", PT_SPI_PAIR, 0, AT(cfg_manual_sa, ah_spi), .def = "0x100",
      .help = "AH SPIs, in/out" },
    { "esp-auth-algorithm", PT_ENUM_PAIR, 0, AT(cfg_manual_sa, esp_auth_algorithm), .def = "null",
      .names = cfg_auth_names, .help = "ESP authentication, in/out" },
    { "esp-auth-key", PT_HEX_PAIR, P_SENSITIVE, AT(cfg_manual_sa, esp_auth_key), .def = "",
      .help = "ESP authentication keys as hex digits, in/out" },
    { "esp-enc-algorithm", PT_ENUM_PAIR, 0, AT(cfg_manual_sa, esp_enc_algorithm), .def = "null",
      .names = cfg_cipher_names, .help = "ESP encryption, in/out" },
    { "esp-enc-key", PT_HEX_PAIR, P_SENSITIVE, AT(cfg_manual_sa, esp_enc_key), .def = "",
      .help = "ESP encryption keys as hex digits, in/out" },
    { "esp-spi", PT_SPI_PAIR, 0, AT(cfg_manual_sa, esp_spi), .def = "0x100",
      .help = "ESP SPIs, in/out" },
    { "lifetime", PT_TIME, 0, AT(cfg_manual_sa, lifetime_s), .def = "0s", .min = 0,
      .max = LIFETIME_MAX_S, .help = "0s: for ever" },
    { 0 },
};

static const struct menu_flag flags[] = { { 'X', 0, "disabled" }, { 0 } };

/* The parity bit of each byte takes no part in DES. */
static bool des_key_equal(const uint8_t *a, const uint8_t *b)
{
    uint8_t differ = 0;

    for (int i = 0; i < 8; i++)
        differ |= (uint8_t)((a[i] ^ b[i]) & 0xfe);
    return differ == 0;
}

static bool des_key_is_weak(const uint8_t *key)
{
    /* clang-format off */
    static const uint8_t weak[][8] = {
        /* weak: encrypting twice gives the plain text again */
        { 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01 },
        { 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe },
        { 0x1f, 0x1f, 0x1f, 0x1f, 0x0e, 0x0e, 0x0e, 0x0e },
        { 0xe0, 0xe0, 0xe0, 0xe0, 0xf1, 0xf1, 0xf1, 0xf1 },
        /* semi-weak: each undoes its neighbour */
        { 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe },
        { 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01 },
        { 0x1f, 0xe0, 0x1f, 0xe0, 0x0e, 0xf1, 0x0e, 0xf1 },
        { 0xe0, 0x1f, 0xe0, 0x1f, 0xf1, 0x0e, 0xf1, 0x0e },
        { 0x01, 0xe0, 0x01, 0xe0, 0x01, 0xf1, 0x01, 0xf1 },
        { 0xe0, 0x01, 0xe0, 0x01, 0xf1, 0x01, 0xf1, 0x01 },
        { 0x1f, 0xfe, 0x1f, 0xfe, 0x0e, 0xfe, 0x0e, 0xfe },
        { 0xfe, 0x1f, 0xfe, 0x1f, 0xfe, 0x0e, 0xfe, 0x0e },
        { 0x01, 0x1f, 0x01, 0x1f, 0x01, 0x0e, 0x01, 0x0e },
        { 0x1f, 0x01, 0x1f, 0x01, 0x0e, 0x01, 0x0e, 0x01 },
        { 0xe0, 0xfe, 0xe0, 0xfe, 0xf1, 0xfe, 0xf1, 0xfe },
        { 0xfe, 0xe0, 0xfe, 0xe0, 0xfe, 0xf1, 0xfe, 0xf1 },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        if (des_key_equal(key, weak[i]))
            return true;
    }
    return false;
}

/* NAME must be exactly WANT bytes, or no longer than that when SHORT_OK. */
static bool length_check(const char *name, const char *algorithm, const struct cfg_hex *key,
                         unsigned want, bool short_ok, struct text *error)
{
    if (key->len == want || (short_ok && key->len < want))
        return true;
    text_printf(error, "failure: %s must be %s%u bytes (%u hex digits) for %s, not %u", name,
                short_ok ? "at most " : "", want, 2 * want, algorithm, key->len);
    return false;
}

static bool enc_key_check(unsigned cipher, const struct cfg_hex *key, struct text *error)
{
    if (cipher == ALG_NULL)
        return true; /* a key kept for later does no harm */
    if (!length_check("esp-enc-key", cfg_cipher_names[cipher], key, cipher_key_bytes[cipher], false,
                      error))
        return false;
    if (cipher == CIPHER_NAME_DES && des_key_is_weak(key->b)) {
        text_puts(error, "failure: esp-enc-key is one of the weak keys of des");
        return false;
    }
    if (cipher == CIPHER_NAME_3DES &&
        (des_key_equal(key->b, key->b + 8) || des_key_equal(key->b + 8, key->b + 16))) {
        text_puts(error, "failure: esp-enc-key repeats a third of itself: 3des would be des");
        return false;
    }
    return true;
}

/* The reference's own example gives AH a key of three bytes; HMAC pads it. */
static bool check(void *item, struct text *error)
{
    const struct cfg_manual_sa *m = item;

    for (int d = CFG_IN; d <= CFG_OUT; d++) {
        unsigned ah = m->ah_algorithm[d], auth = m->esp_auth_algorithm[d];
        if (ah != ALG_NULL && !length_check("ah-key", cfg_auth_names[ah], &m->ah_key[d],
                                            auth_key_bytes[ah], true, error))
            return false;
        if (auth != ALG_NULL &&
            !length_check("esp-auth-key", cfg_auth_names[auth], &m->esp_auth_key[d],
                          auth_key_bytes[auth], false, error))
            return false;
        if (!enc_key_check(m->esp_enc_algorithm[d], &m->esp_enc_key[d], error))
            return false;
    }
    return true;
}

const struct menu menu_manual_sa = {
    .path = "ip ipsec manual-sa",
    .flags = M_NAMED | M_DISABLE | M_COMMENT,
    .props = props,
    .item_size = sizeof(struct cfg_manual_sa),
    .print_flags = flags,
    .check = check,
    .help = "templates with manual keys",
    .noun = "manual-sa",
};
