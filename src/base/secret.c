#include "secret.h"

void secret_wipe(void *p, size_t len)
{
    if (len) /* nothing, perhaps at NULL, is no argument for it */
        explicit_bzero(p, len);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;
    uint64_t diff = 0, u, v;

    for (; len >= sizeof(u); x += sizeof(u), y += sizeof(u), len -= sizeof(u)) {
        memcpy(&u, x, sizeof(u));
        memcpy(&v, y, sizeof(v));
        diff |= u ^ v;
    }
    for (; len; x++, y++, len--)
        diff |= (uint64_t)(*x ^ *y);
    __asm__("" : "+r"(diff)); /* the optimiser may not look for an early way out */
    return diff == 0;
}
