/* The modes of phase 1, one row each. */
#pragma once

#include "driver.h"

struct p1_mode {
    enum ike_exchange_mode mode;
    uint8_t exchange;  /* enum isakmp_exchange */
    const char *title; /* as logs have it */
    const struct step_table *steps;
    void (*start)(struct phase1 *p1); /* the initiator's first message */
};

const struct p1_mode *p1_mode_of(enum ike_exchange_mode mode);
const struct p1_mode *p1_mode_of_exchange(uint8_t exchange); /* NULL: no mode of phase 1 */
