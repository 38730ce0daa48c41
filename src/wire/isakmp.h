/* ISAKMP messages (RFC 2408 3.1, 3.2): the header, and an index of the payloads of a message.
 *
 * Parsing only, on bytes somebody else owns: results borrow from the datagram and die with it.
 * Nothing here keeps state, allocates, knows keys or decides what is legal when; structure
 * (lengths, counts, limits) is checked here, meaning by the exchange. IKEv1 hashes payloads as they
 * came, so every parsed thing keeps its raw bytes.
 *
 * A parser answers ISAKMP_OK or the reason; `bad` of the cursor it was given then names the field.
 * RET is untouched on failure unless said otherwise. */
#pragma once

#include "cursor.h"
#include "isakmp_numbers.h"

/* Reasons for refusing a message or payload: enum, name of the counter, meaning. */
#define ISAKMP_ERRORS(X)                                                                           \
    X(OK, "ok", "well-formed")                                                                     \
    X(SHORT, "short", "datagram shorter than an ISAKMP header")                                    \
    X(LENGTH, "length", "length of the header is not that of the datagram")                        \
    X(VERSION, "version", "major version is not 1")                                                \
    X(COOKIE, "cookie", "initiator cookie zero or both cookies equal")                             \
    X(EXCHANGE, "exchange", "unknown exchange type")                                               \
    X(PAYLOAD_SHORT, "payload-short", "payload shorter than its header")                           \
    X(PAYLOAD_OVERRUN, "payload-overrun", "payload longer than what it is in")                     \
    X(CHAIN, "payload-chain", "payload chain does not end where the message does")                 \
    X(TOO_MANY, "too-many-payloads", "more payloads than the limit")                               \
    X(FIELD, "field", "payload body too short for its fields, or longer than them")                \
    X(DOI, "doi", "domain of interpretation is not IPsec")                                         \
    X(SITUATION, "situation", "situation is not identity-only")                                    \
    X(PROPOSAL, "proposal", "proposals or transforms malformed")                                   \
    X(VALUE, "value", "field has a value that cannot be")                                          \
    X(SPI, "spi", "SPI of a wrong size for the protocol")

enum isakmp_error {
#define E(id, name, text) ISAKMP_##id,
    ISAKMP_ERRORS(E)
#undef E
        ISAKMP_ERROR_COUNT
};

#define ISAKMP_CHECKED __attribute__((warn_unused_result))

const char *isakmp_error_name(enum isakmp_error e);
const char *isakmp_error_text(enum isakmp_error e);
/* The notify type (RFC 2408 3.14.1) that tells a peer; 0: it is told nothing. */
uint16_t isakmp_error_notify(enum isakmp_error e);

enum {
    ISAKMP_HEADER_LEN = 28,
    ISAKMP_COOKIE_LEN = 8,
    ISAKMP_GENERIC_LEN = 4, /* the generic payload header: next payload, reserved, length */
    ISAKMP_PAYLOADS_MAX = 32,
    ISAKMP_NONCE_MIN = 8, /* bytes of a nonce's body, RFC 2409 5 */
    ISAKMP_NONCE_MAX = 256,
};

struct isakmp_header {
    uint8_t cky_i[ISAKMP_COOKIE_LEN];
    uint8_t cky_r[ISAKMP_COOKIE_LEN]; /* follows cky_i, as in SPIs of notifies */
    uint8_t next_payload;
    uint8_t version; /* major in the high four bits */
    uint8_t exchange;
    uint8_t flags; /* ISAKMP_FLAG_*; others are ignored */
    uint32_t message_id;
    uint32_t length; /* of the whole message */
};

/* R holds a whole datagram, without non-ESP marker; afterwards it is at the body. Checks sizes,
 * the major version, that the exchange type has an implementation somewhere (base, main,
 * aggressive, informational, quick, new group) and the cookies; with ISAKMP_VERSION,
 * ISAKMP_EXCHANGE and ISAKMP_COOKIE *ret is filled, for an answer. */
ISAKMP_CHECKED enum isakmp_error isakmp_header_parse(struct rd *r, struct isakmp_header *ret);
/* Writes the 28 bytes, all fields as they are. */
void isakmp_header_emit(struct wr *w, const struct isakmp_header *h);
bool isakmp_cookie_is_zero(const uint8_t *cookie);

struct isakmp_payload {
    uint8_t type;      /* enum isakmp_payload_type, or a number without a name */
    uint8_t reserved;  /* as received: ignored, but hashed */
    struct slice raw;  /* with the generic header */
    struct slice body; /* without */
};

struct isakmp_payloads {
    struct isakmp_payload at[ISAKMP_PAYLOADS_MAX];
    unsigned n;
    unsigned reserved_nonzero; /* payloads with a reserved byte other than 0 */
    struct slice padding;      /* behind the last payload of a decrypted message */
};

enum isakmp_tail {
    ISAKMP_TAIL_NONE,    /* message in the clear: the last payload ends it */
    ISAKMP_TAIL_PADDING, /* decrypted: CBC padding of any length and content may follow */
};

/* R is the body of a message, decrypted if need be; FIRST the next payload of its header. At least
 * one payload, at most ISAKMP_PAYLOADS_MAX; unknown types are indexed like known ones. On failure
 * *ret holds the payloads before the bad one: for messages about it, not for acting on. */
ISAKMP_CHECKED enum isakmp_error isakmp_payloads_parse(struct rd *r, uint8_t first,
                                                       enum isakmp_tail tail,
                                                       struct isakmp_payloads *ret);
/* The first payload of a type, or NULL. */
const struct isakmp_payload *isakmp_payload_find(const struct isakmp_payloads *ps, uint8_t type);
unsigned isakmp_payload_count(const struct isakmp_payloads *ps, uint8_t type);
/* The bytes behind payload I up to the end of the last payload: what HASH(1) and HASH(2) cover. */
struct slice isakmp_payloads_after(const struct isakmp_payloads *ps, unsigned i);

static inline bool isakmp_nonce_len_ok(size_t body_len)
{
    return body_len >= ISAKMP_NONCE_MIN && body_len <= ISAKMP_NONCE_MAX;
}

/* For parsers: refuses with E, naming the field unless the cursor has named one. */
static inline enum isakmp_error isakmp_fail(struct rd *r, enum isakmp_error e, const char *field)
{
    if (!r->bad)
        r->bad = field;
    return e;
}

static inline struct rd rd_of(struct slice s)
{
    return rd_from(s.p, s.len);
}

/* A parsed payload generic header and what it spans; for chains inside payloads too. The payload
 * must lie within R, which is moved behind it. */
struct isakmp_generic {
    uint8_t next, reserved;
    struct slice raw, body;
};

ISAKMP_CHECKED enum isakmp_error isakmp_generic_parse(struct rd *r, struct isakmp_generic *ret);
