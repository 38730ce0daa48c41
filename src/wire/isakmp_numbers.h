/* The numbers of ISAKMP and IKEv1 on the wire and their names: RFC 2407, RFC 2408, RFC 2409, RFC
 * 3526, RFC 3706, RFC 3947 and what other implementations may offer us. One list per table gives
 * enum and text; a number with a name is known, not necessarily supported. */
#pragma once

#include <stdint.h>

/* RFC 2408 3.1; NAT traversal RFC 3947 3.2, 5.2, drafts 00-03 (130, 131) and 04-08 (15, 16). */
#define ISAKMP_PAYLOAD_TYPES(X)                                                                    \
    X(NONE, 0, "none")                                                                             \
    X(SA, 1, "SA")                                                                                 \
    X(PROPOSAL, 2, "proposal")                                                                     \
    X(TRANSFORM, 3, "transform")                                                                   \
    X(KE, 4, "KE")                                                                                 \
    X(ID, 5, "ID")                                                                                 \
    X(CERT, 6, "CERT")                                                                             \
    X(CERTREQ, 7, "CERTREQ")                                                                       \
    X(HASH, 8, "HASH")                                                                             \
    X(SIG, 9, "SIG")                                                                               \
    X(NONCE, 10, "NONCE")                                                                          \
    X(NOTIFY, 11, "NOTIFY")                                                                        \
    X(DELETE, 12, "DELETE")                                                                        \
    X(VID, 13, "VID")                                                                              \
    X(ATTR, 14, "ATTR")                                                                            \
    X(NATD_DRAFT_04, 15, "NAT-D (draft 04)")                                                       \
    X(NATOA_DRAFT_04, 16, "NAT-OA (draft 04)")                                                     \
    X(NATD, 20, "NAT-D")                                                                           \
    X(NATOA, 21, "NAT-OA")                                                                         \
    X(NATD_DRAFT_00, 130, "NAT-D (draft)")                                                         \
    X(NATOA_DRAFT_00, 131, "NAT-OA (draft)")                                                       \
    X(FRAGMENT, 132, "fragment")

/* RFC 2408 3.1, RFC 2409 appendix A */
#define ISAKMP_EXCHANGES(X)                                                                        \
    X(NONE, 0, "none")                                                                             \
    X(BASE, 1, "base")                                                                             \
    X(MAIN, 2, "main")                                                                             \
    X(AUTH_ONLY, 3, "authentication-only")                                                         \
    X(AGGRESSIVE, 4, "aggressive")                                                                 \
    X(INFORMATIONAL, 5, "informational")                                                           \
    X(TRANSACTION, 6, "transaction")                                                               \
    X(QUICK, 32, "quick")                                                                          \
    X(NEW_GROUP, 33, "new-group")                                                                  \
    X(ACK_INFORMATIONAL, 34, "acknowledged-informational")

/* RFC 2408 3.14.1, RFC 2407 4.6.3, RFC 3706 */
#define ISAKMP_NOTIFIES(X)                                                                         \
    X(INVALID_PAYLOAD_TYPE, 1, "INVALID-PAYLOAD-TYPE")                                             \
    X(DOI_NOT_SUPPORTED, 2, "DOI-NOT-SUPPORTED")                                                   \
    X(SITUATION_NOT_SUPPORTED, 3, "SITUATION-NOT-SUPPORTED")                                       \
    X(INVALID_COOKIE, 4, "INVALID-COOKIE")                                                         \
    X(INVALID_MAJOR_VERSION, 5, "INVALID-MAJOR-VERSION")                                           \
    X(INVALID_MINOR_VERSION, 6, "INVALID-MINOR-VERSION")                                           \
    X(INVALID_EXCHANGE_TYPE, 7, "INVALID-EXCHANGE-TYPE")                                           \
    X(INVALID_FLAGS, 8, "INVALID-FLAGS")                                                           \
    X(INVALID_MESSAGE_ID, 9, "INVALID-MESSAGE-ID")                                                 \
    X(INVALID_PROTOCOL_ID, 10, "INVALID-PROTOCOL-ID")                                              \
    X(INVALID_SPI, 11, "INVALID-SPI")                                                              \
    X(INVALID_TRANSFORM_ID, 12, "INVALID-TRANSFORM-ID")                                            \
    X(ATTRIBUTES_NOT_SUPPORTED, 13, "ATTRIBUTES-NOT-SUPPORTED")                                    \
    X(NO_PROPOSAL_CHOSEN, 14, "NO-PROPOSAL-CHOSEN")                                                \
    X(BAD_PROPOSAL_SYNTAX, 15, "BAD-PROPOSAL-SYNTAX")                                              \
    X(PAYLOAD_MALFORMED, 16, "PAYLOAD-MALFORMED")                                                  \
    X(INVALID_KEY_INFORMATION, 17, "INVALID-KEY-INFORMATION")                                      \
    X(INVALID_ID_INFORMATION, 18, "INVALID-ID-INFORMATION")                                        \
    X(INVALID_CERT_ENCODING, 19, "INVALID-CERT-ENCODING")                                          \
    X(INVALID_CERTIFICATE, 20, "INVALID-CERTIFICATE")                                              \
    X(CERT_TYPE_UNSUPPORTED, 21, "CERT-TYPE-UNSUPPORTED")                                          \
    X(INVALID_CERT_AUTHORITY, 22, "INVALID-CERT-AUTHORITY")                                        \
    X(INVALID_HASH_INFORMATION, 23, "INVALID-HASH-INFORMATION")                                    \
    X(AUTHENTICATION_FAILED, 24, "AUTHENTICATION-FAILED")                                          \
    X(INVALID_SIGNATURE, 25, "INVALID-SIGNATURE")                                                  \
    X(ADDRESS_NOTIFICATION, 26, "ADDRESS-NOTIFICATION")                                            \
    X(SA_LIFETIME, 27, "NOTIFY-SA-LIFETIME")                                                       \
    X(CERTIFICATE_UNAVAILABLE, 28, "CERTIFICATE-UNAVAILABLE")                                      \
    X(UNSUPPORTED_EXCHANGE_TYPE, 29, "UNSUPPORTED-EXCHANGE-TYPE")                                  \
    X(UNEQUAL_PAYLOAD_LENGTHS, 30, "UNEQUAL-PAYLOAD-LENGTHS")                                      \
    X(CONNECTED, 16384, "CONNECTED")                                                               \
    X(RESPONDER_LIFETIME, 24576, "RESPONDER-LIFETIME")                                             \
    X(REPLAY_STATUS, 24577, "REPLAY-STATUS")                                                       \
    X(INITIAL_CONTACT, 24578, "INITIAL-CONTACT")                                                   \
    X(R_U_THERE, 36136, "R-U-THERE")                                                               \
    X(R_U_THERE_ACK, 36137, "R-U-THERE-ACK")

/* RFC 2407 4.4.1 */
#define ISAKMP_PROTOCOLS(X)                                                                        \
    X(ISAKMP, 1, "ISAKMP")                                                                         \
    X(AH, 2, "AH")                                                                                 \
    X(ESP, 3, "ESP")                                                                               \
    X(IPCOMP, 4, "IPCOMP")

/* RFC 2407 4.6.2 */
#define ISAKMP_ID_TYPES(X)                                                                         \
    X(IPV4, 1, "ipv4")                                                                             \
    X(FQDN, 2, "fqdn")                                                                             \
    X(USER_FQDN, 3, "user-fqdn")                                                                   \
    X(IPV4_SUBNET, 4, "ipv4-subnet")                                                               \
    X(IPV6, 5, "ipv6")                                                                             \
    X(IPV6_SUBNET, 6, "ipv6-subnet")                                                               \
    X(IPV4_RANGE, 7, "ipv4-range")                                                                 \
    X(IPV6_RANGE, 8, "ipv6-range")                                                                 \
    X(DN, 9, "dn")                                                                                 \
    X(GN, 10, "gn")                                                                                \
    X(KEY_ID, 11, "key-id")

/* RFC 2408 3.9 */
#define ISAKMP_CERT_ENCODINGS(X)                                                                   \
    X(PKCS7, 1, "pkcs7")                                                                           \
    X(PGP, 2, "pgp")                                                                               \
    X(DNS, 3, "dns-key")                                                                           \
    X(X509_SIGNATURE, 4, "x509-signature")                                                         \
    X(X509_KEY_EXCHANGE, 5, "x509-key-exchange")                                                   \
    X(KERBEROS, 6, "kerberos")                                                                     \
    X(CRL, 7, "crl")                                                                               \
    X(ARL, 8, "arl")                                                                               \
    X(SPKI, 9, "spki")                                                                             \
    X(X509_ATTRIBUTE, 10, "x509-attribute")

/* Attribute classes of phase 1, RFC 2409 appendix A */
#define IKE_ATTRS(X)                                                                               \
    X(ENCRYPTION, 1, "encryption")                                                                 \
    X(HASH, 2, "hash")                                                                             \
    X(AUTH, 3, "authentication-method")                                                            \
    X(GROUP, 4, "group-description")                                                               \
    X(GROUP_TYPE, 5, "group-type")                                                                 \
    X(GROUP_PRIME, 6, "group-prime")                                                               \
    X(GROUP_GENERATOR_1, 7, "group-generator-1")                                                   \
    X(GROUP_GENERATOR_2, 8, "group-generator-2")                                                   \
    X(GROUP_CURVE_A, 9, "group-curve-a")                                                           \
    X(GROUP_CURVE_B, 10, "group-curve-b")                                                          \
    X(LIFE_TYPE, 11, "life-type")                                                                  \
    X(LIFE_DURATION, 12, "life-duration")                                                          \
    X(PRF, 13, "prf")                                                                              \
    X(KEY_LENGTH, 14, "key-length")                                                                \
    X(FIELD_SIZE, 15, "field-size")                                                                \
    X(GROUP_ORDER, 16, "group-order")

#define IKE_ENCRYPTIONS(X)                                                                         \
    X(DES, 1, "des")                                                                               \
    X(IDEA, 2, "idea")                                                                             \
    X(BLOWFISH, 3, "blowfish")                                                                     \
    X(RC5, 4, "rc5")                                                                               \
    X(3DES, 5, "3des")                                                                             \
    X(CAST, 6, "cast")                                                                             \
    X(AES, 7, "aes")                                                                               \
    X(CAMELLIA, 8, "camellia")

#define IKE_HASHES(X)                                                                              \
    X(MD5, 1, "md5")                                                                               \
    X(SHA1, 2, "sha1")                                                                             \
    X(TIGER, 3, "tiger")                                                                           \
    X(SHA256, 4, "sha256")                                                                         \
    X(SHA384, 5, "sha384")                                                                         \
    X(SHA512, 6, "sha512")

#define IKE_AUTHS(X)                                                                               \
    X(PSK, 1, "pre-shared-key")                                                                    \
    X(DSS, 2, "dss-signature")                                                                     \
    X(RSA, 3, "rsa-signature")                                                                     \
    X(RSA_ENCRYPTION, 4, "rsa-encryption")                                                         \
    X(RSA_ENCRYPTION_REVISED, 5, "rsa-encryption-revised")                                         \
    X(HYBRID_RSA, 64221, "hybrid-rsa")                                                             \
    X(XAUTH_PSK, 65001, "xauth-pre-shared-key")                                                    \
    X(XAUTH_RSA, 65005, "xauth-rsa-signature")

/* RFC 2409 6, RFC 3526, RFC 5903: Diffie-Hellman groups of both phases */
#define IKE_GROUPS(X)                                                                              \
    X(MODP768, 1, "modp768")                                                                       \
    X(MODP1024, 2, "modp1024")                                                                     \
    X(EC2N155, 3, "ec2n155")                                                                       \
    X(EC2N185, 4, "ec2n185")                                                                       \
    X(MODP1536, 5, "modp1536")                                                                     \
    X(MODP2048, 14, "modp2048")                                                                    \
    X(MODP3072, 15, "modp3072")                                                                    \
    X(MODP4096, 16, "modp4096")                                                                    \
    X(MODP6144, 17, "modp6144")                                                                    \
    X(MODP8192, 18, "modp8192")                                                                    \
    X(ECP256, 19, "ecp256")                                                                        \
    X(ECP384, 20, "ecp384")                                                                        \
    X(ECP521, 21, "ecp521")

#define IKE_LIFE_TYPES(X)                                                                          \
    X(SECONDS, 1, "seconds")                                                                       \
    X(KILOBYTES, 2, "kilobytes")

/* Attribute classes of phase 2, RFC 2407 4.5 */
#define IPSEC_ATTRS(X)                                                                             \
    X(LIFE_TYPE, 1, "life-type")                                                                   \
    X(LIFE_DURATION, 2, "life-duration")                                                           \
    X(GROUP, 3, "group-description")                                                               \
    X(ENCAP, 4, "encapsulation-mode")                                                              \
    X(AUTH, 5, "authentication-algorithm")                                                         \
    X(KEY_LENGTH, 6, "key-length")                                                                 \
    X(KEY_ROUNDS, 7, "key-rounds")                                                                 \
    X(COMPRESS_DICTIONARY, 8, "compress-dictionary-size")                                          \
    X(COMPRESS_PRIVATE, 9, "compress-private-algorithm")

#define IPSEC_ENCAPS(X)                                                                            \
    X(TUNNEL, 1, "tunnel")                                                                         \
    X(TRANSPORT, 2, "transport")                                                                   \
    X(UDP_TUNNEL, 3, "udp-tunnel")                                                                 \
    X(UDP_TRANSPORT, 4, "udp-transport")                                                           \
    X(UDP_TUNNEL_DRAFT, 61443, "udp-tunnel (draft)")                                               \
    X(UDP_TRANSPORT_DRAFT, 61444, "udp-transport (draft)")

#define IPSEC_AUTHS(X)                                                                             \
    X(HMAC_MD5, 1, "md5")                                                                          \
    X(HMAC_SHA1, 2, "sha1")                                                                        \
    X(DES_MAC, 3, "des-mac")                                                                       \
    X(KPDK, 4, "kpdk")                                                                             \
    X(HMAC_SHA256, 5, "sha256")                                                                    \
    X(HMAC_SHA384, 6, "sha384")                                                                    \
    X(HMAC_SHA512, 7, "sha512")                                                                    \
    X(HMAC_RIPEMD, 8, "ripemd")                                                                    \
    X(AES_XCBC_MAC, 9, "aes-xcbc")

/* RFC 2407 4.4.3 */
#define IPSEC_AH_TRANSFORMS(X)                                                                     \
    X(MD5, 2, "md5")                                                                               \
    X(SHA, 3, "sha1")                                                                              \
    X(DES, 4, "des-mac")                                                                           \
    X(SHA256, 5, "sha256")                                                                         \
    X(SHA384, 6, "sha384")                                                                         \
    X(SHA512, 7, "sha512")                                                                         \
    X(RIPEMD, 8, "ripemd")                                                                         \
    X(AES_XCBC_MAC, 9, "aes-xcbc")

/* RFC 2407 4.4.4, RFC 2451, RFC 3602 and numbers assigned later */
#define IPSEC_ESP_TRANSFORMS(X)                                                                    \
    X(DES_IV64, 1, "des-iv64")                                                                     \
    X(DES, 2, "des")                                                                               \
    X(3DES, 3, "3des")                                                                             \
    X(RC5, 4, "rc5")                                                                               \
    X(IDEA, 5, "idea")                                                                             \
    X(CAST, 6, "cast")                                                                             \
    X(BLOWFISH, 7, "blowfish")                                                                     \
    X(3IDEA, 8, "3idea")                                                                           \
    X(DES_IV32, 9, "des-iv32")                                                                     \
    X(RC4, 10, "rc4")                                                                              \
    X(NULL, 11, "null")                                                                            \
    X(AES, 12, "aes")                                                                              \
    X(AES_CTR, 13, "aes-ctr")                                                                      \
    X(AES_CCM_8, 14, "aes-ccm-8")                                                                  \
    X(AES_CCM_12, 15, "aes-ccm-12")                                                                \
    X(AES_CCM_16, 16, "aes-ccm-16")                                                                \
    X(AES_GCM_8, 18, "aes-gcm-8")                                                                  \
    X(AES_GCM_12, 19, "aes-gcm-12")                                                                \
    X(AES_GCM_16, 20, "aes-gcm-16")                                                                \
    X(CAMELLIA, 22, "camellia")

/* RFC 2407 4.4.5 */
#define IPSEC_IPCOMP_TRANSFORMS(X)                                                                 \
    X(OUI, 1, "oui")                                                                               \
    X(DEFLATE, 2, "deflate")                                                                       \
    X(LZS, 3, "lzs")

/* The enums: PL_SA, EXCHANGE_MAIN, NOTIFY_CONNECTED, ISAKMP_PROTO_ESP, ID_FQDN, CERT_CRL, ... */
/* clang-format off */
#define E(id, number, text) PL_##id = number,
enum isakmp_payload_type { ISAKMP_PAYLOAD_TYPES(E) };
#undef E
#define E(id, number, text) EXCHANGE_##id = number,
enum isakmp_exchange { ISAKMP_EXCHANGES(E) };
#undef E
#define E(id, number, text) NOTIFY_##id = number,
enum isakmp_notify_type { ISAKMP_NOTIFIES(E) };
#undef E
#define E(id, number, text) ISAKMP_PROTO_##id = number,
enum isakmp_protocol { ISAKMP_PROTOCOLS(E) };
#undef E
#define E(id, number, text) ID_##id = number,
enum isakmp_id_type { ISAKMP_ID_TYPES(E) };
#undef E
#define E(id, number, text) CERT_##id = number,
enum isakmp_cert_encoding { ISAKMP_CERT_ENCODINGS(E) };
#undef E
#define E(id, number, text) IKE_ATTR_##id = number,
enum ike_attr { IKE_ATTRS(E) };
#undef E
#define E(id, number, text) IKE_ENC_##id = number,
enum ike_encryption { IKE_ENCRYPTIONS(E) };
#undef E
#define E(id, number, text) IKE_HASH_##id = number,
enum ike_hash { IKE_HASHES(E) };
#undef E
#define E(id, number, text) IKE_AUTH_##id = number,
enum ike_auth { IKE_AUTHS(E) };
#undef E
#define E(id, number, text) IKE_GROUP_##id = number,
enum ike_group { IKE_GROUPS(E) };
#undef E
#define E(id, number, text) IKE_LIFE_##id = number,
enum ike_life_type { IKE_LIFE_TYPES(E) };
#undef E
#define E(id, number, text) IPSEC_ATTR_##id = number,
enum ipsec_attr { IPSEC_ATTRS(E) };
#undef E
#define E(id, number, text) IPSEC_ENCAP_##id = number,
enum ipsec_encap { IPSEC_ENCAPS(E) };
#undef E
#define E(id, number, text) IPSEC_AUTH_##id = number,
enum ipsec_auth { IPSEC_AUTHS(E) };
#undef E
#define E(id, number, text) IPSEC_AH_##id = number,
enum ipsec_ah_transform { IPSEC_AH_TRANSFORMS(E) };
#undef E
#define E(id, number, text) IPSEC_ESP_##id = number,
enum ipsec_esp_transform { IPSEC_ESP_TRANSFORMS(E) };
#undef E
#define E(id, number, text) IPSEC_IPCOMP_##id = number,
enum ipsec_ipcomp_transform { IPSEC_IPCOMP_TRANSFORMS(E) };
#undef E
/* clang-format on */

enum {
    ISAKMP_KEY_IKE = 1,            /* the one transform of protocol ISAKMP, RFC 2407 4.4.2 */
    ISAKMP_DOI_IPSEC = 1,          /* RFC 2407 */
    ISAKMP_SITUATION_IDENTITY = 1, /* SIT_IDENTITY_ONLY, RFC 2407 4.2.1: the only one accepted */
    ISAKMP_FLAG_ENCRYPTED = 1,
    ISAKMP_FLAG_COMMIT = 2,
    ISAKMP_FLAG_AUTH_ONLY = 4,
};

/* The tables above, for isakmp_name(). */
enum isakmp_table {
    NAMES_PAYLOAD,
    NAMES_EXCHANGE,
    NAMES_NOTIFY,
    NAMES_PROTOCOL,
    NAMES_ID,
    NAMES_CERT,
    NAMES_IKE_ATTR,
    NAMES_IKE_ENCRYPTION,
    NAMES_IKE_HASH,
    NAMES_IKE_AUTH,
    NAMES_IKE_GROUP,
    NAMES_IKE_LIFE,
    NAMES_IPSEC_ATTR,
    NAMES_IPSEC_ENCAP,
    NAMES_IPSEC_AUTH,
    NAMES_IPSEC_AH,
    NAMES_IPSEC_ESP,
    NAMES_IPSEC_IPCOMP,
    NAMES_COUNT
};

#define ISAKMP_NAME_TEXT_MAX 32

/* The name of NUMBER, or NULL when the table has none. */
const char *isakmp_name(enum isakmp_table table, unsigned number);
/* The name or, without one, the number in decimal (then written to BUF, ISAKMP_NAME_TEXT_MAX). */
const char *isakmp_name_text(enum isakmp_table table, unsigned number, char *buf);
/* The table with the transform identifiers of a protocol; NAMES_COUNT: it has none. */
enum isakmp_table isakmp_transform_names(unsigned protocol);
