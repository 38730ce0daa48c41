/* Shared by dh.c and its two kinds of groups; nobody else includes it. */
#pragma once

#include "dh.h"

enum dh_error modp_public(const struct dh *dh, uint8_t *ret);
enum dh_error modp_shared(const struct dh *dh, struct slice peer, uint8_t *ret);
enum dh_error ec2n_public(const struct dh *dh, uint8_t *ret);
enum dh_error ec2n_shared(const struct dh *dh, struct slice peer, uint8_t *ret);
