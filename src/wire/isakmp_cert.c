#include "isakmp_cert.h"

enum isakmp_error isakmp_certreq_parse(struct rd *r, struct isakmp_cert *ret)
{
    struct isakmp_cert c = { .encoding = rd_u8(r, "certificate encoding") };

    c.data = rd_bytes(r, rd_left(r), "certificate authority");
    if (!rd_ok(r))
        return ISAKMP_FIELD;
    if (!isakmp_name(NAMES_CERT, c.encoding))
        return isakmp_fail(r, ISAKMP_VALUE, "certificate encoding");
    *ret = c;
    return ISAKMP_OK;
}

enum isakmp_error isakmp_cert_parse(struct rd *r, struct isakmp_cert *ret)
{
    struct isakmp_cert c;
    enum isakmp_error e = isakmp_certreq_parse(r, &c);

    if (e != ISAKMP_OK)
        return e;
    if (c.data.len == 0)
        return isakmp_fail(r, ISAKMP_FIELD, "certificate");
    *ret = c;
    return ISAKMP_OK;
}

void isakmp_cert_emit(struct isakmp_msg *m, uint8_t type, const struct isakmp_cert *c)
{
    msg_open(m, type);
    msg_u8(m, c->encoding);
    msg_bytes(m, c->data);
    msg_close(m);
}
