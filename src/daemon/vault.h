/* Files of certificates and keys: STATE_DIR/certificates, a folder of ours alone (0700) with files
 * of ours alone (0600). A file appears whole or not at all and is on the disk when put returns.
 * Names are lower-case hex with an ending (the fingerprint of what is inside), never anybody's
 * text. */
#pragma once

#include "slice.h"
#include "text.h"

struct vault;

/* Makes the folder when absent; NULL with the reason when it is not ours or others can enter it. */
struct vault *vault_open(const char *state_dir, struct text *error);
void vault_close(struct vault *v); /* accepts NULL */
bool vault_put(struct vault *v, const char *name, struct slice bytes, struct text *error);
/* At most MAX bytes, for the caller to wipe and free; false for files that are not ours alone. */
bool vault_get(const struct vault *v, const char *name, size_t max, struct slice *ret,
               struct text *error);
bool vault_remove(struct vault *v, const char *name, struct text *error); /* absent: true */
/* Removes what KEEP does not want, and what a power cut left half-written. */
void vault_sweep(struct vault *v, bool (*keep)(void *ctx, const char *name), void *ctx);
