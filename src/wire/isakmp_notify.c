#include "isakmp_notify.h"

enum { COOKIES_LEN = 2 * ISAKMP_COOKIE_LEN, IPSEC_SPI_LEN = 4, DPD_DATA_LEN = 4 };

/* Peers put nothing, or the SPI of the proposal they refuse. In phase 1 sizes vary. */
static bool notify_spi_len_ok(uint8_t protocol, size_t len)
{
    switch (protocol) {
    case ISAKMP_PROTO_AH:
    case ISAKMP_PROTO_ESP:
        return len == 0 || len == IPSEC_SPI_LEN;
    case ISAKMP_PROTO_IPCOMP:
        return len == 0 || len == 2 || len == IPSEC_SPI_LEN;
    default:
        return len <= COOKIES_LEN;
    }
}

enum isakmp_error isakmp_notify_parse(struct rd *r, struct isakmp_notify *ret)
{
    struct isakmp_notify n = { 0 };

    n.doi = rd_u32(r, "DOI");
    n.protocol = rd_u8(r, "protocol");
    size_t spi_len = rd_u8(r, "SPI size");
    n.type = rd_u16(r, "notify type");
    n.spi = rd_bytes(r, spi_len, "SPI");
    n.data = rd_bytes(r, rd_left(r), "notification data");
    if (!rd_ok(r))
        return ISAKMP_FIELD;
    if (n.type == 0)
        return isakmp_fail(r, ISAKMP_VALUE, "notify type");
    if (!notify_spi_len_ok(n.protocol, spi_len))
        return isakmp_fail(r, ISAKMP_SPI, "SPI size");
    *ret = n;
    return ISAKMP_OK;
}

void isakmp_notify_emit(struct isakmp_msg *m, const struct isakmp_notify *n)
{
    msg_open(m, PL_NOTIFY);
    msg_u32(m, n->doi);
    msg_u8(m, n->protocol);
    if (n->spi.len > UINT8_MAX)
        m->w.full = true;
    msg_u8(m, (uint8_t)n->spi.len);
    msg_u16(m, n->type);
    msg_bytes(m, n->spi);
    msg_bytes(m, n->data);
    msg_close(m);
}

enum isakmp_error isakmp_dpd_parse(const struct isakmp_notify *n, struct isakmp_dpd *ret)
{
    if (n->type != NOTIFY_R_U_THERE && n->type != NOTIFY_R_U_THERE_ACK)
        return ISAKMP_VALUE;
    if (n->protocol != ISAKMP_PROTO_ISAKMP || n->spi.len != COOKIES_LEN)
        return ISAKMP_SPI;
    if (n->data.len != DPD_DATA_LEN)
        return ISAKMP_FIELD;
    *ret = (struct isakmp_dpd){ .ack = n->type == NOTIFY_R_U_THERE_ACK,
                                .sequence = be32_get(n->data.p),
                                .cookies = n->spi };
    return ISAKMP_OK;
}

void isakmp_dpd_emit(struct isakmp_msg *m, const struct isakmp_dpd *d)
{
    uint8_t sequence[DPD_DATA_LEN];

    be32_put(sequence, d->sequence);
    isakmp_notify_emit(
        m, &(struct isakmp_notify){ .doi = ISAKMP_DOI_IPSEC,
                                    .protocol = ISAKMP_PROTO_ISAKMP,
                                    .type = d->ack ? NOTIFY_R_U_THERE_ACK : NOTIFY_R_U_THERE,
                                    .spi = d->cookies,
                                    .data = { sequence, sizeof sequence } });
}

static bool delete_spi_len_ok(uint8_t protocol, size_t len)
{
    switch (protocol) {
    case ISAKMP_PROTO_ISAKMP:
        return len == COOKIES_LEN;
    case ISAKMP_PROTO_AH:
    case ISAKMP_PROTO_ESP:
        return len == IPSEC_SPI_LEN;
    case ISAKMP_PROTO_IPCOMP:
        return len == 2 || len == IPSEC_SPI_LEN;
    default:
        return false;
    }
}

enum isakmp_error isakmp_delete_parse(struct rd *r, struct isakmp_delete *ret)
{
    struct isakmp_delete d = { 0 };

    d.doi = rd_u32(r, "DOI");
    d.protocol = rd_u8(r, "protocol");
    d.spi_len = rd_u8(r, "SPI size");
    d.n_spis = rd_u16(r, "number of SPIs");
    d.spis = rd_bytes(r, (size_t)d.n_spis * d.spi_len, "SPIs");
    if (!rd_ok(r))
        return ISAKMP_FIELD;
    if (d.n_spis == 0)
        return isakmp_fail(r, ISAKMP_VALUE, "number of SPIs");
    if (!delete_spi_len_ok(d.protocol, d.spi_len))
        return isakmp_fail(r, ISAKMP_SPI, "SPI size");
    if (rd_left(r) > 0)
        return isakmp_fail(r, ISAKMP_FIELD, "bytes after the SPIs");
    *ret = d;
    return ISAKMP_OK;
}

struct slice isakmp_delete_spi(const struct isakmp_delete *d, unsigned i)
{
    return (struct slice){ d->spis.p + (size_t)i * d->spi_len, d->spi_len };
}

void isakmp_delete_emit(struct isakmp_msg *m, const struct isakmp_delete *d)
{
    size_t n = d->spi_len ? d->spis.len / d->spi_len : 0;

    msg_open(m, PL_DELETE);
    msg_u32(m, d->doi);
    msg_u8(m, d->protocol);
    msg_u8(m, d->spi_len);
    if (n > UINT16_MAX)
        m->w.full = true;
    msg_u16(m, (uint16_t)n);
    msg_bytes(m, d->spis);
    msg_close(m);
}
