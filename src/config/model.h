/* Item structs of the configuration, one per menu with storage. Owned strings are freed by
 * prop_free(). Zeroed bytes plus the defaults of the table make a new item. */
#pragma once

#include "prop.h"

enum cfg_action { CFG_NONE, CFG_DISCARD, CFG_ENCRYPT }; /* order of the names table */
enum cfg_level { CFG_USE, CFG_REQUIRE, CFG_UNIQUE };
enum cfg_df { CFG_DF_CLEAR, CFG_DF_INHERIT, CFG_DF_SET };
enum { CFG_PROTO_AH = 1 << 0, CFG_PROTO_ESP = 1 << 1 }; /* bits of ipsec-protocols */

struct cfg_policy {
    struct cfg_selector src, dst;
    bool src_given, dst_given; /* set by check: false is 0.0.0.0/32, "not set" */
    uint8_t protocol;
    uint8_t action, level, dont_fragment;
    uint32_t ipsec_protocols;
    bool tunnel;
    struct ip_addr sa_src, sa_dst;
    char *proposal, *manual_sa; /* "none" when unset */
    int64_t priority;
    int64_t replay_window; /* packets; extension */
};

/* Algorithm pairs index cipher_names/auth_names below; [0] incoming, [1] outgoing. */
enum { CFG_IN, CFG_OUT };

struct cfg_manual_sa {
    char *name;
    uint8_t ah_algorithm[2]; /* cfg_auth_names */
    struct cfg_hex ah_key[2];
    uint32_t ah_spi[2];
    uint8_t esp_auth_algorithm[2]; /* cfg_auth_names */
    struct cfg_hex esp_auth_key[2];
    uint8_t esp_enc_algorithm[2]; /* cfg_cipher_names */
    struct cfg_hex esp_enc_key[2];
    uint32_t esp_spi[2];
    int64_t lifetime_s;
};

extern const char *const cfg_auth_names[];   /* null md5 sha1 */
extern const char *const cfg_cipher_names[]; /* null des 3des aes-128 aes-192 aes-256 */

struct cfg_identity {
    char *name;
};

/* Arguments of `installed-sa flush`: bits over its names table. */
enum { CFG_FLUSH_AH = 1 << 0, CFG_FLUSH_ESP = 1 << 1, CFG_FLUSH_ALL = 1 << 2 };

struct cfg_flush {
    uint32_t sa_type;
};

struct cfg_settings { /* /ip ipsec settings (extension): switches of the whole gateway */
    bool strict_incoming_check;
};
