/* Packets of hosts behind the two sides: UDP datagrams that tell sender, policy and number, so that
 * whoever receives one knows every byte it must have. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct side;

enum { INNER_BYTES_MIN = 40 + 8 + 10, INNER_BYTES_MAX = 2048, INNER_POLICIES_MAX = 8 };

struct inner_log {     /* of the packets one side's hosts sent */
    uint64_t sent;     /* given to the data path: their numbers are 0 to sent - 1 */
    uint64_t arrived;  /* came out at the other side, as they were */
    uint64_t repeated; /* came out once more */
    uint64_t altered;  /* not what was sent */
    uint64_t arrived_of[INNER_POLICIES_MAX];
    uint8_t *seen; /* a bit per number */
    size_t seen_bytes;
};

/* Packet NUMBER of a policy, LEN bytes (INNER_BYTES_MIN .. INNER_BYTES_MAX). */
void inner_make(const struct side *s, size_t policy, uint64_t number, uint8_t *ret, size_t len);
/* One that came out at the other side of FROM. */
void inner_arrived(struct side *from, const uint8_t *p, size_t len);
void inner_fini(struct inner_log *log);
