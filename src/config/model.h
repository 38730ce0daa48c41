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
/* none modp768 modp1024 ec2n155 ec2n185 modp1536: at the groups' numbers (RFC 2409 6) */
extern const char *const cfg_dh_names[];

enum cfg_auth_method { CFG_PRE_SHARED_KEY, CFG_RSA_SIGNATURE }; /* order of the names tables */
enum cfg_exchange_mode { CFG_MAIN, CFG_AGGRESSIVE, CFG_BASE };
enum cfg_proposal_check { CFG_CLAIM, CFG_EXACT, CFG_OBEY, CFG_STRICT };

/* What IKE must not leave out has no "null" and no "none" to choose: those fields count from the
 * second name of their table. */
struct cfg_peer {
    struct cfg_selector address; /* 0.0.0.0/32 fits nobody; the port is never 0 */
    uint8_t auth_method, exchange_mode, proposal_check; /* enums above */
    char *secret;                                       /* see key_text_to_secret() */
    char *certificate, *remote_certificate;             /* "" when unset */
    bool generate_policy, send_initial_contact, nat_traversal, passive;
    uint8_t hash_algorithm; /* + 1: cfg_auth_names */
    uint8_t enc_algorithm;  /* + 1: cfg_cipher_names */
    uint8_t dh_group;       /* + 1: cfg_dh_names, the group's number */
    int64_t lifetime_s;
    int64_t lifebytes;      /* 0: no limit */
    int64_t dpd_interval_s; /* 0: never ask */
    int64_t dpd_maximum_failures;
};

struct cfg_proposal {
    char *name;
    uint32_t auth_algorithms; /* bits over cfg_auth_names; none: as null */
    uint32_t enc_algorithms;  /* bits over cfg_cipher_names */
    int64_t lifetime_s;
    int64_t lifebytes; /* 0: no limit */
    uint8_t pfs_group; /* cfg_dh_names, the group's number; 0: no PFS */
};

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

enum cfg_nat_chain { CFG_SRCNAT, CFG_DSTNAT }; /* order of the names tables */
enum cfg_nat_action {
    CFG_NAT_ACCEPT,
    CFG_NAT_DST_NAT,
    CFG_NAT_MASQUERADE,
    CFG_NAT_PASSTHROUGH,
    CFG_NAT_REDIRECT,
    CFG_NAT_SRC_NAT
};

struct cfg_nat { /* /ip firewall nat */
    uint8_t chain, action;
    struct cfg_addresses to_addresses, src, dst;
    struct cfg_ports to_ports, src_port, dst_port;
    uint8_t protocol; /* 0: all */
    struct cfg_interface in_interface, out_interface;
};
