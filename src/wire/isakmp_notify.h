/* Notification and delete payloads (RFC 2408 3.14, 3.15; RFC 2407 4.6.3; RFC 3706). */
#pragma once

#include "isakmp_writer.h"

struct isakmp_notify {
    uint32_t doi;
    uint8_t protocol; /* enum isakmp_protocol; 0 from some peers */
    uint16_t type;    /* enum isakmp_notify_type or a number without a name */
    struct slice spi;
    struct slice data;
};

/* BODY is that of the NOTIFY payload. SPI of at most 16 bytes; for AH and ESP four or none. */
ISAKMP_CHECKED enum isakmp_error isakmp_notify_parse(struct rd *r, struct isakmp_notify *ret);
void isakmp_notify_emit(struct isakmp_msg *m, const struct isakmp_notify *n);

/* Dead peer detection, RFC 3706 5: the notify must carry both cookies and a sequence number. */
struct isakmp_dpd {
    bool ack;
    uint32_t sequence;
    struct slice cookies; /* CKY-I | CKY-R, 16 bytes */
};

/* ISAKMP_VALUE: not a DPD notify at all. */
ISAKMP_CHECKED enum isakmp_error isakmp_dpd_parse(const struct isakmp_notify *n,
                                                  struct isakmp_dpd *ret);
void isakmp_dpd_emit(struct isakmp_msg *m, const struct isakmp_dpd *d);

struct isakmp_delete {
    uint32_t doi;
    uint8_t protocol;
    uint8_t spi_len;
    uint16_t n_spis;
    struct slice spis; /* n_spis of spi_len bytes, nothing behind */
};

/* SPI size 16 for ISAKMP (both cookies), 4 for AH and ESP, 2 or 4 for IPCOMP; at least one SPI. */
ISAKMP_CHECKED enum isakmp_error isakmp_delete_parse(struct rd *r, struct isakmp_delete *ret);
/* SPI I of n_spis. */
struct slice isakmp_delete_spi(const struct isakmp_delete *d, unsigned i);
/* Of spis, whole SPIs of spi_len; n_spis is ignored. */
void isakmp_delete_emit(struct isakmp_msg *m, const struct isakmp_delete *d);
