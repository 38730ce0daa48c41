#include "pki.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const texts[PKI_RESULT_COUNT] = {
#define X(id, text) [PKI_##id] = text,
    PKI_RESULTS(X)
#undef X
};

const char *pki_result_text(enum pki_result r)
{
    return texts[r];
}

bool pki_refuse(struct pki_why *why, enum pki_result r, const char *fmt, ...)
{
    va_list ap;

    if (!why)
        return false;
    why->result = r;
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    return false;
}
