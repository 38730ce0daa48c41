/* ID payload (RFC 2407 4.6.2): who a peer is in phase 1, what an SA carries in phase 2. */
#pragma once

#include "addr.h"
#include "isakmp_writer.h"

enum { ISAKMP_ID_DATA_MAX = 1024, ISAKMP_ID_NAME_MAX = 255 };

struct isakmp_id {
    uint8_t type;            /* enum isakmp_id_type */
    uint8_t protocol;        /* of IP; 0: any */
    uint16_t port;           /* 0: any */
    struct ip_addr addr;     /* address; first of a range */
    struct ip_addr last;     /* last of a range */
    struct ip_prefix prefix; /* of a subnet, host bits zero; of a single address */
    struct slice data;       /* as received, behind type, protocol and port */
    struct slice body;       /* ID_b: hashed as received */
};

/* BODY is that of the ID payload. Refuses unknown types, data of a wrong length, masks with holes,
 * reversed ranges, names that are empty, over ISAKMP_ID_NAME_MAX or contain control bytes, and DNs
 * whose DER does not add up. */
ISAKMP_CHECKED enum isakmp_error isakmp_id_parse(struct rd *r, struct isakmp_id *ret);
/* Protocol and port a phase 1 ID may carry: 0/0, UDP with port 0, 500 or 4500 (RFC 2407 4.6.2, RFC
 * 3947 4). */
bool isakmp_id_phase1_ports_ok(const struct isakmp_id *id);

/* IDs to send. A prefix of the whole address is an address, not a subnet. */
struct isakmp_id isakmp_id_of_prefix(const struct ip_prefix *p, uint8_t protocol, uint16_t port);
/* FQDN, USER_FQDN, DN, KEY_ID: DATA as is. */
struct isakmp_id isakmp_id_of_data(enum isakmp_id_type type, struct slice data);
/* Writes the payload from the typed fields; addresses, subnets and ranges ignore `data`. Returns
 * the body written. */
struct slice isakmp_id_emit(struct isakmp_msg *m, const struct isakmp_id *id);

/* "10.0.0.0/24", "10.0.0.1-10.0.0.9", "fqdn gw.example", "dn C=LV, CN=gw", "key-id 0a0b", with
 * " protocol N port N" when there is one; foreign bytes as \XX. At most CAP bytes with the NUL, cut
 * if need be. Returns BUF. */
char *isakmp_id_to_text(const struct isakmp_id *id, char *buf, size_t cap);
