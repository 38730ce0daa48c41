/* Writing ISAKMP messages: msg_open() and msg_close() own next-payload chaining, lengths, counts of
 * transforms and padding, so no caller ever adds sizes. Payloads nest: SA, proposal, transform.
 *
 *     msg_begin(&m, buf, sizeof buf, &header);
 *     msg_open(&m, PL_NONCE);
 *     msg_bytes(&m, nonce);
 *     msg_close(&m);
 *     len = msg_end(&m, block_len);
 *
 * A message that does not fit the buffer, a payload over 65535 bytes or a 256th transform make the
 * message full: everything afterwards does nothing and msg_end() answers 0. Opening and closing out
 * of step is a bug of the caller and ends the process. */
#pragma once

#include "isakmp.h"

enum { MSG_DEPTH_MAX = 3 };

struct msg_level {
    uint8_t *start;   /* generic header of the open payload; NULL: did not fit */
    uint8_t *next_at; /* byte naming the payload that follows on this level; NULL: none before */
    uint8_t *count;   /* transforms of an open proposal */
};

struct isakmp_msg {
    struct wr w;
    unsigned depth; /* open payloads */
    struct msg_level level[MSG_DEPTH_MAX + 1];
};

/* Writes the header; next payload and length of H are ignored. BUF is the caller's and must outlive
 * the message. */
void msg_begin(struct isakmp_msg *m, void *buf, size_t cap, const struct isakmp_header *h);
/* A payload of TYPE on the level of the innermost open one. */
void msg_open(struct isakmp_msg *m, uint8_t type);
/* Closes the innermost payload. Its body, valid as long as the buffer; empty when full. */
struct slice msg_close(struct isakmp_msg *m);
/* Pads the body with zeroes to BLOCK bytes (0 or 1: none), sets the length. Length of the message
 * or 0. */
size_t msg_end(struct isakmp_msg *m, size_t block);

void msg_u8(struct isakmp_msg *m, uint8_t v);
void msg_u16(struct isakmp_msg *m, uint16_t v);
void msg_u32(struct isakmp_msg *m, uint32_t v);
void msg_bytes(struct isakmp_msg *m, struct slice s);
/* LEN zero bytes to be filled in later, a HASH over what follows it; NULL when full. */
uint8_t *msg_reserve(struct isakmp_msg *m, size_t len);
/* What was written behind a closed payload's BODY so far. */
struct slice msg_after(const struct isakmp_msg *m, struct slice body);
/* A payload that is BODY and nothing else; returns the body written. */
struct slice msg_payload(struct isakmp_msg *m, uint8_t type, struct slice body);

static inline bool msg_ok(const struct isakmp_msg *m)
{
    return wr_ok(&m->w);
}
