/* Distinguished names as ID payloads carry them: DER of an X.501 Name (RFC 5280 4.1.2.4). Only what
 * checking and printing need; certificates are not read here. */
#pragma once

#include "isakmp_line.h"

/* A SEQUENCE of SETs of SEQUENCEs {OID, string}, every length exact, in at most 64 attributes. */
bool isakmp_dn_ok(struct slice der);
/* "C=LV, O=Lab, CN=gw" of a name isakmp_dn_ok() accepts; attributes without a name by their OID in
 * hex. */
void isakmp_dn_print(struct line *l, struct slice der);
