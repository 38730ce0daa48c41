/* Key material: wiped when it goes, compared in constant time, never printed by our logs. */
#pragma once

#include "slice.h"

#define SECRET_MAX 128

struct secret {
    uint8_t b[SECRET_MAX];
    uint8_t len;
};

void secret_wipe(void *p, size_t len);                       /* not removed by the optimiser */
bool secret_equal(const void *a, const void *b, size_t len); /* time depends on len alone */
