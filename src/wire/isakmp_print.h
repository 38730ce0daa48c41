/* Messages as text for debug logs: a line for the header, a line for each payload. Nonces, public
 * values, hashes, signatures, certificates and notification data are given as lengths only; foreign
 * text is escaped. */
#pragma once

#include "isakmp.h"

enum { ISAKMP_PRINT_MAX = 4096 }; /* ample for what a peer sends; more is cut */

/* PS may be NULL: an encrypted message. At most CAP bytes (at least 1) with the NUL. Returns BUF.
 */
char *isakmp_print(const struct isakmp_header *h, const struct isakmp_payloads *ps, char *buf,
                   size_t cap);
