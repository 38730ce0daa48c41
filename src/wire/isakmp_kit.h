/* For tests and fuzz targets of the ISAKMP parsers: copies that end where the sanitizer watches,
 * and messages written again from what was parsed. */
#pragma once

#include "isakmp.h"

/* Bytes on the heap, exactly as many as there are; the caller frees p. */
struct bytes {
    uint8_t *p;
    size_t len;
};

struct bytes bytes_of(const void *p, size_t len);
/* Hex digits, blanks between bytes allowed. */
struct bytes bytes_of_hex(const char *hex);

static inline struct slice slice_of(struct bytes b)
{
    return (struct slice){ b.p, b.len };
}

/* Parses header and payloads of a whole message as a message in the clear. */
ISAKMP_CHECKED enum isakmp_error message_parse(struct slice m, enum isakmp_tail tail,
                                               struct isakmp_header *ret_h,
                                               struct isakmp_payloads *ret_ps,
                                               const char **ret_bad);
/* Writes a message again: payloads that parse from their fields, others as they are, no padding.
 * Length or 0. */
size_t message_rebuild(const struct isakmp_header *h, const struct isakmp_payloads *ps, void *buf,
                       size_t cap);
