#include "isakmp.h"

static const struct {
    const char *name, *text;
} errors[ISAKMP_ERROR_COUNT] = {
#define ROW(id, name, text) [ISAKMP_##id] = { name, text },
    ISAKMP_ERRORS(ROW)
#undef ROW
};

const char *isakmp_error_name(enum isakmp_error e)
{
    return errors[e].name;
}

const char *isakmp_error_text(enum isakmp_error e)
{
    return errors[e].text;
}

uint16_t isakmp_error_notify(enum isakmp_error e)
{
    switch (e) {
    case ISAKMP_VERSION:
        return NOTIFY_INVALID_MAJOR_VERSION;
    case ISAKMP_EXCHANGE:
        return NOTIFY_UNSUPPORTED_EXCHANGE_TYPE;
    case ISAKMP_DOI:
        return NOTIFY_DOI_NOT_SUPPORTED;
    case ISAKMP_SITUATION:
        return NOTIFY_SITUATION_NOT_SUPPORTED;
    case ISAKMP_PROPOSAL:
        return NOTIFY_BAD_PROPOSAL_SYNTAX;
    case ISAKMP_SPI:
        return NOTIFY_INVALID_SPI;
    case ISAKMP_PAYLOAD_SHORT:
    case ISAKMP_PAYLOAD_OVERRUN:
    case ISAKMP_CHAIN:
    case ISAKMP_FIELD:
    case ISAKMP_VALUE:
        return NOTIFY_PAYLOAD_MALFORMED;
    case ISAKMP_OK:
    case ISAKMP_SHORT:
    case ISAKMP_LENGTH:
    case ISAKMP_COOKIE:
    case ISAKMP_TOO_MANY:
    case ISAKMP_ERROR_COUNT:
        break;
    }
    return 0;
}

bool isakmp_cookie_is_zero(const uint8_t *cookie)
{
    static const uint8_t zero[ISAKMP_COOKIE_LEN];

    return memcmp(cookie, zero, sizeof zero) == 0;
}

static bool exchange_known(uint8_t exchange)
{
    switch (exchange) {
    case EXCHANGE_BASE:
    case EXCHANGE_MAIN:
    case EXCHANGE_AGGRESSIVE:
    case EXCHANGE_INFORMATIONAL:
    case EXCHANGE_QUICK:
    case EXCHANGE_NEW_GROUP:
        return true;
    default:
        return false;
    }
}

enum isakmp_error isakmp_header_parse(struct rd *r, struct isakmp_header *ret)
{
    size_t datagram_len = rd_left(r);
    struct isakmp_header h;

    if (datagram_len < ISAKMP_HEADER_LEN)
        return isakmp_fail(r, ISAKMP_SHORT, "ISAKMP header");
    memcpy(h.cky_i, rd_bytes(r, sizeof h.cky_i, "initiator cookie").p, sizeof h.cky_i);
    memcpy(h.cky_r, rd_bytes(r, sizeof h.cky_r, "responder cookie").p, sizeof h.cky_r);
    h.next_payload = rd_u8(r, "next payload");
    h.version = rd_u8(r, "version");
    h.exchange = rd_u8(r, "exchange type");
    h.flags = rd_u8(r, "flags");
    h.message_id = rd_u32(r, "message ID");
    h.length = rd_u32(r, "message length");
    if (h.length != datagram_len)
        return isakmp_fail(r, ISAKMP_LENGTH, "message length");
    *ret = h;
    if (h.version >> 4 != 1)
        return isakmp_fail(r, ISAKMP_VERSION, "major version");
    if (!exchange_known(h.exchange))
        return isakmp_fail(r, ISAKMP_EXCHANGE, "exchange type");
    if (isakmp_cookie_is_zero(h.cky_i))
        return isakmp_fail(r, ISAKMP_COOKIE, "initiator cookie");
    if (memcmp(h.cky_i, h.cky_r, sizeof h.cky_i) == 0)
        return isakmp_fail(r, ISAKMP_COOKIE, "responder cookie");
    return ISAKMP_OK;
}

void isakmp_header_emit(struct wr *w, const struct isakmp_header *h)
{
    wr_bytes(w, h->cky_i, sizeof h->cky_i);
    wr_bytes(w, h->cky_r, sizeof h->cky_r);
    wr_u8(w, h->next_payload);
    wr_u8(w, h->version);
    wr_u8(w, h->exchange);
    wr_u8(w, h->flags);
    wr_u32(w, h->message_id);
    wr_u32(w, h->length);
}

enum isakmp_error isakmp_generic_parse(struct rd *r, struct isakmp_generic *ret)
{
    const uint8_t *start = r->at;
    size_t left = rd_left(r);
    struct isakmp_generic g;

    g.next = rd_u8(r, "next payload");
    g.reserved = rd_u8(r, "reserved byte");
    size_t len = rd_u16(r, "payload length");
    if (!rd_ok(r))
        return ISAKMP_PAYLOAD_OVERRUN;
    if (len < ISAKMP_GENERIC_LEN) /* before anything advances by it */
        return isakmp_fail(r, ISAKMP_PAYLOAD_SHORT, "payload length");
    if (len > left)
        return isakmp_fail(r, ISAKMP_PAYLOAD_OVERRUN, "payload length");
    g.raw = (struct slice){ start, len };
    g.body = rd_bytes(r, len - ISAKMP_GENERIC_LEN, "payload body");
    *ret = g;
    return ISAKMP_OK;
}

enum isakmp_error isakmp_payloads_parse(struct rd *r, uint8_t first, enum isakmp_tail tail,
                                        struct isakmp_payloads *ret)
{
    uint8_t type = first;

    ret->n = 0;
    ret->reserved_nonzero = 0;
    ret->padding = (struct slice){ r->at, 0 };
    if (type == PL_NONE)
        return isakmp_fail(r, ISAKMP_CHAIN, "first payload");
    while (type != PL_NONE) {
        struct isakmp_generic g;

        if (rd_left(r) == 0)
            return isakmp_fail(r, ISAKMP_CHAIN, "next payload");
        if (ret->n == ISAKMP_PAYLOADS_MAX)
            return isakmp_fail(r, ISAKMP_TOO_MANY, "next payload");
        enum isakmp_error e = isakmp_generic_parse(r, &g);
        if (e != ISAKMP_OK)
            return e;
        ret->at[ret->n++] = (struct isakmp_payload){
            .type = type, .reserved = g.reserved, .raw = g.raw, .body = g.body
        };
        ret->reserved_nonzero += g.reserved != 0;
        type = g.next;
    }
    if (tail == ISAKMP_TAIL_NONE && rd_left(r) > 0)
        return isakmp_fail(r, ISAKMP_CHAIN, "bytes after the last payload");
    ret->padding = (struct slice){ r->at, rd_left(r) };
    return ISAKMP_OK;
}

const struct isakmp_payload *isakmp_payload_find(const struct isakmp_payloads *ps, uint8_t type)
{
    for (unsigned i = 0; i < ps->n; i++)
        if (ps->at[i].type == type)
            return &ps->at[i];
    return NULL;
}

unsigned isakmp_payload_count(const struct isakmp_payloads *ps, uint8_t type)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ps->n; i++)
        count += ps->at[i].type == type;
    return count;
}

struct slice isakmp_payloads_after(const struct isakmp_payloads *ps, unsigned i)
{
    const struct slice first = ps->at[i].raw, last = ps->at[ps->n - 1].raw;
    const uint8_t *from = first.p + first.len;

    return (struct slice){ from, (size_t)(last.p + last.len - from) };
}
