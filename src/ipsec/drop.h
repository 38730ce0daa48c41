/* Every reason a packet is dropped for: enum, counter name of `/ip ipsec statistics`, meaning.
 * Nothing is dropped without one of these. */
#pragma once

#include <stdint.h>

#define IPSEC_DROPS(X)                                                                             \
    X(IN_SHORT, "in-short", "ESP or AH packet shorter than its headers")                           \
    X(IN_NO_STATES, "in-no-states", "no SA for source, destination, protocol and SPI")             \
    X(IN_ICV, "in-state-protocol-errors", "integrity check value wrong")                           \
    X(IN_REPLAY, "in-state-sequence-errors", "outside the replay window, seen before, or zero")    \
    X(IN_EXPIRED, "in-state-expired", "SA past its hard lifetime")                                 \
    X(IN_MODE, "in-state-mode-errors", "next header does not fit the SA's mode")                   \
    X(IN_PADDING, "in-padding-errors", "padding or ciphertext length wrong")                       \
    X(IN_INNER, "in-header-errors", "inner header malformed")                                      \
    X(IN_SELECTOR, "in-template-mismatches", "good SA, inner packet belongs to another policy")    \
    X(IN_NO_POLICY, "in-no-policies", "good SA, no policy matches the inner packet")               \
    X(IN_NESTED, "in-nested-too-deep", "ESP and AH nested deeper than supported")                  \
    X(IN_DUMMY, "in-dummy", "dummy packet, next header 59 (RFC 4303 2.6)")                         \
    X(IN_KEEPALIVE, "in-keepalives", "NAT keepalive, which says nothing (RFC 3948 2.3)")           \
    X(IN_IKE, "in-ike-overflows", "IKE message on port 4500 while too many wait")                  \
    X(OUT_MALFORMED, "out-header-errors", "outbound packet malformed")                             \
    X(OUT_SPD_CHANGED, "out-spd-changed", "captured, but the policy no longer encrypts it")        \
    X(OUT_NO_STATES, "out-no-states", "require or unique without an SA")                           \
    X(OUT_EXPIRED, "out-state-expired", "SA past its hard lifetime")                               \
    X(OUT_SEQUENCE, "out-state-sequence-errors", "sequence numbers used up")                       \
    X(OUT_MODE, "out-state-mode-errors", "transport mode between other than the SA addresses")     \
    X(OUT_TOO_BIG, "out-too-big", "does not fit and must not be fragmented; sender told")          \
    X(OUT_REASSEMBLY, "out-reassembly", "fragments incomplete, overlapping or too many")           \
    X(OUT_BUFFERS, "out-buffer-errors", "no packet buffer free")                                   \
    X(IN_BUFFERS, "in-buffer-errors", "no packet buffer free")                                     \
    X(OUT_SEND, "out-send-errors", "the kernel refused the protected packet")                      \
    X(IN_INJECT, "in-inject-errors", "the kernel refused the decrypted packet")

enum ipsec_drop {
#define X(id, name, text) DROP_##id,
    IPSEC_DROPS(X)
#undef X
        DROP_COUNT
};

extern const char *const ipsec_drop_names[DROP_COUNT];
extern const char *const ipsec_drop_texts[DROP_COUNT];
