#include "phase1_mode.h"

#include "aggressive_mode.h"
#include "base_mode.h"
#include "main_mode.h"

static const struct p1_mode modes[] = {
    { IKE_MAIN, EXCHANGE_MAIN, "Identity Protection", &main_mode, main_mode_start },
    { IKE_AGGRESSIVE, EXCHANGE_AGGRESSIVE, "Aggressive", &aggressive_mode, aggressive_mode_start },
    { IKE_BASE, EXCHANGE_BASE, "Base", &base_mode, base_mode_start },
};

const struct p1_mode *p1_mode_of(enum ike_exchange_mode mode)
{
    return &modes[mode];
}

const struct p1_mode *p1_mode_of_exchange(uint8_t exchange)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (modes[i].exchange == exchange)
            return &modes[i];
    }
    return NULL;
}
