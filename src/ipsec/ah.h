/* AH on one datagram: header, mutable fields, and the job for the crypto layer.
 * RFC 4302 sections 2, 3.3.3 and appendix A, with 32-bit sequence numbers (as RFC 2402).
 *
 *   next header(1) | length in words - 2 (1) | reserved(2) | SPI(4) | sequence(4) | ICV
 *
 * The ICV covers the whole datagram as it will arrive: what routers change counts as zero, what
 * they change in a known way counts as it ends up. The datagram is altered in place for the sum and
 * put back afterwards. */
#pragma once

#include "drop.h"
#include "engine_priv.h"
#include "ip_parts.h"

enum {
    AH_ICV_MAX = 12,
    AH_SAVED_MAX = 320 /* IP header with options or extension headers before an AH at most */
};

struct ah_saved {
    uint32_t len;
    uint8_t hdr[AH_SAVED_MAX];
};

/* Header with ICV: 24 bytes, which suits IPv4 (words) and IPv6 (double words) alike. */
static inline size_t ah_hdr_len(const struct sa *sa)
{
    return (size_t)AH_HDR_LEN + sa->icv_len;
}

/* Brings the HDR_LEN bytes of IP header (with options or extension headers) at P to the form the
 * ICV is computed over. False when options or extension headers are malformed. */
bool ah_mutable(uint8_t *p, size_t hdr_len);

/* Outbound. P is the whole datagram of LEN bytes with room for AH at AH_AT; makes AH and the job,
 * whose ICV goes to ICV. Follow with ah_seal_end. False: the IP header is malformed or too long. */
bool ah_seal_begin(const struct sa *sa, uint8_t *p, size_t len, size_t ah_at, uint8_t next,
                   uint32_t seq, uint8_t *icv, struct ah_saved *saved, struct bulk_job *ret);
void ah_seal_end(uint8_t *p, size_t ah_at, const uint8_t *icv, const struct ah_saved *saved);

/* Inbound, the same with the ICV taken from the datagram. DROP_COUNT when all is well; then follow
 * with ah_open_end whatever came of the job. */
enum ipsec_drop ah_open_begin(const struct sa *sa, uint8_t *p, size_t len, size_t ah_at,
                              uint8_t *icv, struct ah_saved *saved, struct bulk_job *ret);
void ah_open_end(uint8_t *p, const struct ah_saved *saved);
