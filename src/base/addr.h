/* IP addresses and prefixes, neutral to the family. Bytes are in network order; IPv4 uses the
 * first four and keeps the rest zero, so whole structs compare and hash. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ip_family { IP_ANY_FAMILY = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip_addr {
    uint8_t b[16];
    uint8_t family; /* enum ip_family; IP_ANY_FAMILY: no address */
};

struct ip_prefix {
    struct ip_addr addr; /* bits past len are zero once ip_prefix_mask() has run */
    uint8_t len;
};

#define IP_TEXT_MAX        46 /* longest address text with its NUL */
#define IP_PREFIX_TEXT_MAX 50

/* Text is the dotted quad or RFC 4291 form, LEN bytes of it, nothing before or behind; no zone. */
bool ip_addr_from_text(const char *text, size_t len, struct ip_addr *ret);
/* Writes at most IP_TEXT_MAX bytes; "no address" prints as 0.0.0.0. Returns BUF. */
char *ip_addr_to_text(const struct ip_addr *a, char *buf);
/* "address[/length]"; without a length the whole address. Host bits are kept. */
bool ip_prefix_from_text(const char *text, size_t len, struct ip_prefix *ret);
char *ip_prefix_to_text(const struct ip_prefix *p, char *buf);

struct ip_addr ip_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
struct ip_addr ip_addr_from_bytes(enum ip_family family, const uint8_t *bytes);
bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);
/* No address, 0.0.0.0 or :: */
bool ip_addr_is_unset(const struct ip_addr *a);
bool ip_addr_is_multicast(const struct ip_addr *a);
/* Bytes of an address of the family: 4, 16, or 0 for none. */
size_t ip_addr_len(uint8_t family);
void ip_prefix_mask(struct ip_prefix *p);
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);
/* Zeroes the bits of B (16 bytes) past LEN. */
void ip_bits_mask(uint8_t *b, unsigned len);
