/* Vendor ID payloads (RFC 2408 3.16): the ones with a meaning for us or for a log. */
#pragma once

#include "slice.h"

/* Oldest NAT traversal first: among those both sides announce the last one is used. */
enum isakmp_vendor {
    VENDOR_UNKNOWN,
    VENDOR_NATT_00,
    VENDOR_NATT_01,
    VENDOR_NATT_02,
    VENDOR_NATT_02N, /* draft 02, hashed with a newline: what most sent */
    VENDOR_NATT_03,
    VENDOR_NATT_04,
    VENDOR_NATT_05,
    VENDOR_NATT_06,
    VENDOR_NATT_07,
    VENDOR_NATT_08,
    VENDOR_NATT_RFC,
    VENDOR_NATT_ANY, /* the drafts' name without a number */
    VENDOR_NATT_STENBERG_01,
    VENDOR_NATT_STENBERG_02,
    VENDOR_DPD,
    VENDOR_XAUTH,
    VENDOR_FRAGMENTATION,
    VENDOR_UNITY,
    VENDOR_RACOON,
    VENDOR_STRONGSWAN,
    VENDOR_MICROSOFT,
    VENDOR_MS_INITIAL_CONTACT,
    VENDOR_HEARTBEAT,
    VENDOR_OPENSWAN,
    VENDOR_COUNT
};

/* Of a payload's body: known bytes first, more may follow (versions, capabilities). */
enum isakmp_vendor isakmp_vendor_find(struct slice body);
/* The known bytes, to announce it; empty for VENDOR_UNKNOWN. */
struct slice isakmp_vendor_id(enum isakmp_vendor v);
/* For people; "unknown" too. */
const char *isakmp_vendor_text(enum isakmp_vendor v);
