/* Private to src/config: one row of operations per property type. A parser writes its field on
 * success alone; a formatter says false for "not set". */
#pragma once

#include "prop.h"

struct prop_ops {
    size_t size;
    bool owned; /* the field is a char * of its own */
    enum value_error (*parse)(const struct prop *p, const char *s, void *field);
    bool (*format)(const struct prop *p, const void *field, struct text *out);
};

extern const struct prop_ops prop_bool_ops, prop_int_ops, prop_text_ops, prop_name_ops,
    prop_enum_ops, prop_set_ops, prop_ref_ops, prop_live_ops; /* prop_types.c */
extern const struct prop_ops prop_addr_ops, prop_selector_ops, prop_protocol_ops,
    prop_port_ops; /* prop_net.c */
extern const struct prop_ops prop_addresses_ops, prop_ports_ops,
    prop_interface_ops; /* prop_match.c */
extern const struct prop_ops prop_enum_pair_ops, prop_hex_pair_ops,
    prop_spi_pair_ops;                      /* prop_pair.c */
extern const struct prop_ops prop_time_ops; /* prop_time.c */

enum { PROP_PORT_MAX = 65535, PROP_IKE_PORT = 500, PROP_PROTOCOL_MAX = 255, PROP_SPI_MIN = 0x100 };

/* Whole of LEN bytes: -?digits or 0xhex. VALUE_INVALID when it is no number, VALUE_RANGE outside
 * MIN..MAX however long the number is. */
enum value_error number_parse(const char *s, size_t len, int64_t min, int64_t max, int64_t *ret);
/* Index of the name of LEN bytes, or of the name it is a synonym of; -1. */
int name_index(const struct prop *p, const char *s, size_t len);
