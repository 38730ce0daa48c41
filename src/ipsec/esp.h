/* ESP on one packet: header, trailer, lengths, and the job for the crypto layer. No IP here.
 * RFC 4303 section 2 with 32-bit sequence numbers (as RFC 2406).
 *
 *   SPI(4) | sequence(4) | IV | payload | 1 2 3 .. | pad length(1) | next header(1) | ICV
 *   `---------- authenticated -----------------------------------------------------'
 *                              `---------- encrypted -----------------------------'
 */
#pragma once

#include "drop.h"
#include "engine_priv.h"
#include "ip.h"

/* Encrypted bytes around LEN bytes of payload: padded to the block, and to 4 bytes. */
size_t esp_enc_len(const struct sa *sa, size_t len);
/* The other way: the most payload that fits into LEN bytes from the SPI to the ICV; 0: none. */
size_t esp_payload_max(const struct sa *sa, size_t len);

static inline size_t esp_hdr_len(const struct sa *sa)
{
    return ESP_HDR_LEN + sa->iv_len;
}

/* Whole ESP packet around LEN bytes of payload. */
static inline size_t esp_len(const struct sa *sa, size_t len)
{
    return esp_hdr_len(sa) + esp_enc_len(sa, len) + sa->icv_len;
}

/* LEN bytes of payload lie at ESP + esp_hdr_len(): writes everything around them but the ICV, which
 * the job does. Needs 32 bytes of room behind the payload. IV has iv_len bytes. */
void esp_build(const struct sa *sa, uint8_t *esp, size_t len, uint8_t next, uint32_t seq,
               const uint8_t *iv, struct bulk_job *ret);

/* LEN bytes from the SPI on: checks lengths and makes the job. DROP_COUNT when all is well. */
enum ipsec_drop esp_check(const struct sa *sa, uint8_t *esp, size_t len, struct bulk_job *ret);
/* After decryption: padding and next header. */
enum ipsec_drop esp_trailer(const struct sa *sa, const uint8_t *esp, size_t len,
                            size_t *ret_payload_len, uint8_t *ret_next);
