/* Framing of certificate and certificate request payloads (RFC 2408 3.9, 3.10). */
#pragma once

#include "isakmp_writer.h"

struct isakmp_cert {
    uint8_t encoding;  /* enum isakmp_cert_encoding */
    struct slice data; /* the certificate; of a request the authority, which may be empty: any */
};

/* Known encodings; a certificate has at least one byte. */
ISAKMP_CHECKED enum isakmp_error isakmp_cert_parse(struct rd *r, struct isakmp_cert *ret);
ISAKMP_CHECKED enum isakmp_error isakmp_certreq_parse(struct rd *r, struct isakmp_cert *ret);
/* TYPE: PL_CERT or PL_CERTREQ. */
void isakmp_cert_emit(struct isakmp_msg *m, uint8_t type, const struct isakmp_cert *c);
