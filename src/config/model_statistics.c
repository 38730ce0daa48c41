/* `/ip ipsec statistics`: why packets and IKE messages were dropped. Live, one record; the names of
 * the counters are the data path's and the IKE engine's and come with the row. */
#include "menu_models.h"

static const struct prop props[] = { { 0 } };

const struct menu menu_statistics = {
    .path = "ip ipsec statistics",
    .flags = M_LIVE | M_SINGLE,
    .props = props,
    .help = "counters of dropped packets and IKE messages by reason",
};
