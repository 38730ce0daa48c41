#include "isakmp_numbers.h"

#include <stddef.h>
#include <stdio.h>

struct name {
    uint16_t number;
    const char *text;
};

#define ROW(id, number, text) { number, text },
/* clang-format off */
static const struct name payload_names[] = { ISAKMP_PAYLOAD_TYPES(ROW) };
static const struct name exchange_names[] = { ISAKMP_EXCHANGES(ROW) };
static const struct name notify_names[] = { ISAKMP_NOTIFIES(ROW) };
static const struct name protocol_names[] = { ISAKMP_PROTOCOLS(ROW) };
static const struct name id_names[] = { ISAKMP_ID_TYPES(ROW) };
static const struct name cert_names[] = { ISAKMP_CERT_ENCODINGS(ROW) };
static const struct name ike_attr_names[] = { IKE_ATTRS(ROW) };
static const struct name ike_encryption_names[] = { IKE_ENCRYPTIONS(ROW) };
static const struct name ike_hash_names[] = { IKE_HASHES(ROW) };
static const struct name ike_auth_names[] = { IKE_AUTHS(ROW) };
static const struct name ike_group_names[] = { IKE_GROUPS(ROW) };
static const struct name ike_life_names[] = { IKE_LIFE_TYPES(ROW) };
static const struct name ipsec_attr_names[] = { IPSEC_ATTRS(ROW) };
static const struct name ipsec_encap_names[] = { IPSEC_ENCAPS(ROW) };
static const struct name ipsec_auth_names[] = { IPSEC_AUTHS(ROW) };
static const struct name ipsec_ah_names[] = { IPSEC_AH_TRANSFORMS(ROW) };
static const struct name ipsec_esp_names[] = { IPSEC_ESP_TRANSFORMS(ROW) };
static const struct name ipsec_ipcomp_names[] = { IPSEC_IPCOMP_TRANSFORMS(ROW) };
/* clang-format on */

#define TABLE(names)                                                                               \
    {                                                                                              \
        names, sizeof(names) / sizeof((names)[0])                                                  \
    }

static const struct {
    const struct name *names;
    size_t n;
} tables[NAMES_COUNT] = {
    [NAMES_PAYLOAD] = TABLE(payload_names),
    [NAMES_EXCHANGE] = TABLE(exchange_names),
    [NAMES_NOTIFY] = TABLE(notify_names),
    [NAMES_PROTOCOL] = TABLE(protocol_names),
    [NAMES_ID] = TABLE(id_names),
    [NAMES_CERT] = TABLE(cert_names),
    [NAMES_IKE_ATTR] = TABLE(ike_attr_names),
    [NAMES_IKE_ENCRYPTION] = TABLE(ike_encryption_names),
    [NAMES_IKE_HASH] = TABLE(ike_hash_names),
    [NAMES_IKE_AUTH] = TABLE(ike_auth_names),
    [NAMES_IKE_GROUP] = TABLE(ike_group_names),
    [NAMES_IKE_LIFE] = TABLE(ike_life_names),
    [NAMES_IPSEC_ATTR] = TABLE(ipsec_attr_names),
    [NAMES_IPSEC_ENCAP] = TABLE(ipsec_encap_names),
    [NAMES_IPSEC_AUTH] = TABLE(ipsec_auth_names),
    [NAMES_IPSEC_AH] = TABLE(ipsec_ah_names),
    [NAMES_IPSEC_ESP] = TABLE(ipsec_esp_names),
    [NAMES_IPSEC_IPCOMP] = TABLE(ipsec_ipcomp_names),
};

const char *isakmp_name(enum isakmp_table table, unsigned number)
{
    if (table >= NAMES_COUNT)
        return NULL;
    for (size_t i = 0; i < tables[table].n; i++)
        if (tables[table].names[i].number == number)
            return tables[table].names[i].text;
    return NULL;
}

const char *isakmp_name_text(enum isakmp_table table, unsigned number, char *buf)
{
    const char *name = isakmp_name(table, number);

    if (name)
        return name;
    snprintf(buf, ISAKMP_NAME_TEXT_MAX, "%u", number);
    return buf;
}

enum isakmp_table isakmp_transform_names(unsigned protocol)
{
    switch (protocol) {
    case ISAKMP_PROTO_AH:
        return NAMES_IPSEC_AH;
    case ISAKMP_PROTO_ESP:
        return NAMES_IPSEC_ESP;
    case ISAKMP_PROTO_IPCOMP:
        return NAMES_IPSEC_IPCOMP;
    default:
        return NAMES_COUNT;
    }
}
