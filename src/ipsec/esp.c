#include "esp.h"

#include <string.h>

/* A power of two: blocks are 1, 8 or 16 bytes. */
static size_t align_of(const struct sa *sa)
{
    return sa->block_len > 4 ? sa->block_len : 4;
}

size_t esp_enc_len(const struct sa *sa, size_t len)
{
    size_t align = align_of(sa);

    return (len + 2 + align - 1) & ~(align - 1);
}

size_t esp_payload_max(const struct sa *sa, size_t len)
{
    size_t fixed = esp_hdr_len(sa) + sa->icv_len;

    if (len < fixed + align_of(sa))
        return 0;
    return ((len - fixed) & ~(align_of(sa) - 1)) - 2;
}

/* The job over ENC_LEN encrypted bytes, the same in both directions. */
static void esp_job(const struct sa *sa, uint8_t *esp, size_t enc_len, struct bulk_job *ret)
{
    uint32_t hdr_len = (uint32_t)esp_hdr_len(sa);
    uint32_t auth_len = hdr_len + (uint32_t)enc_len;

    ret->key = &sa->key;
    ret->buf = esp;
    ret->cipher_off = hdr_len;
    ret->cipher_len = (uint32_t)enc_len;
    ret->auth_off = 0;
    ret->auth_len = auth_len;
    ret->iv = esp + ESP_HDR_LEN;
    ret->icv = esp + auth_len;
    ret->ok = false;
}

static const uint8_t padding[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

void esp_build(const struct sa *sa, uint8_t *esp, size_t len, uint8_t next, uint32_t seq,
               const uint8_t *iv, struct bulk_job *ret)
{
    size_t enc_len = esp_enc_len(sa, len);
    size_t pad_len = enc_len - len - 2;
    uint8_t *pad = esp + esp_hdr_len(sa) + len;

    memcpy(esp, &sa->spi_be, 4);
    be32_put(esp + 4, seq);
    if (sa->iv_len == 16)
        memcpy(esp + ESP_HDR_LEN, iv, 16);
    else
        memcpy(esp + ESP_HDR_LEN, iv, sa->iv_len);
    memcpy(pad, padding, sizeof(padding)); /* too much: the rest is written over, or is room */
    pad[pad_len] = (uint8_t)pad_len;
    pad[pad_len + 1] = next;
    esp_job(sa, esp, enc_len, ret);
}

enum ipsec_drop esp_check(const struct sa *sa, uint8_t *esp, size_t len, struct bulk_job *ret)
{
    size_t fixed = esp_hdr_len(sa) + sa->icv_len;

    if (len < fixed + 2)
        return DROP_IN_SHORT;
    if ((len - fixed) & (align_of(sa) - 1))
        return DROP_IN_PADDING;
    esp_job(sa, esp, len - fixed, ret);
    return DROP_COUNT;
}

enum ipsec_drop esp_trailer(const struct sa *sa, const uint8_t *esp, size_t len,
                            size_t *ret_payload_len, uint8_t *ret_next)
{
    size_t enc_len = len - esp_hdr_len(sa) - sa->icv_len;
    const uint8_t *end = esp + esp_hdr_len(sa) + enc_len;
    size_t pad_len = end[-2];

    if (pad_len + 2 > enc_len)
        return DROP_IN_PADDING;
    const uint8_t *pad = end - 2 - pad_len;
    for (size_t i = 0; i < pad_len; i++)
        if (pad[i] != (uint8_t)(i + 1))
            return DROP_IN_PADDING;
    if (end[-1] == PROTO_NONE)
        return DROP_IN_DUMMY;
    *ret_payload_len = enc_len - 2 - pad_len;
    *ret_next = end[-1];
    return DROP_COUNT;
}
