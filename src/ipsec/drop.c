#include "drop.h"

const char *const ipsec_drop_names[DROP_COUNT] = {
#define X(id, name, text) [DROP_##id] = name,
    IPSEC_DROPS(X)
#undef X
};

const char *const ipsec_drop_texts[DROP_COUNT] = {
#define X(id, name, text) [DROP_##id] = text,
    IPSEC_DROPS(X)
#undef X
};
