/* What became of the first fragments of decrypted datagrams, so that their later fragments, which
 * have no ports, follow them and none goes in without. Belongs to one worker. RFC 4301 7.3. */
#pragma once

#include "addr.h"

#include <stdbool.h>

struct verdict_key {
    struct ip_addr src, dst;
    uint32_t frag_id;
    uint8_t proto;
    uint32_t reqid; /* of the SAs the fragment came by */
};

struct verdict {
    bool accepted;
    uint32_t slot; /* of the policy that accepted */
};

struct verdicts;

struct verdicts *verdicts_new(uint64_t seed);
void verdicts_free(struct verdicts *v);
/* Remembers for VERDICT_MS; the oldest of a set makes room. */
void verdict_put(struct verdicts *v, const struct verdict_key *key, struct verdict verdict,
                 uint64_t now_ms);
/* False: no first fragment was seen. */
bool verdict_find(const struct verdicts *v, const struct verdict_key *key, uint64_t now_ms,
                  struct verdict *ret);

enum { VERDICT_MS = 30000 };
