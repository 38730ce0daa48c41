/* Property tables: one row per console property. Parser, completion, help, print, set, find,
 * export, storage and the manual page read the rows; a rule that is not in a row does not exist. */
#pragma once

#include "addr.h"
#include "secret.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Type: C type at the row's offset; console form. */
enum prop_type {
    PT_BOOL,      /* bool; yes no (true false accepted, and what the API prints) */
    PT_INT,       /* int64_t in min..max */
    PT_TEXT,      /* char *, owned, never NULL; quoted in print */
    PT_NAME,      /* char *, owned; unique in its menu, not empty; quoted in print */
    PT_ADDR,      /* struct ip_addr */
    PT_SELECTOR,  /* struct cfg_selector; address[/mask][:port], printed in full */
    PT_ENUM,      /* uint8_t index into names */
    PT_SET,       /* uint32_t bits over names; comma list */
    PT_PROTOCOL,  /* uint8_t, 0 = all; name or number */
    PT_TIME,      /* int64_t seconds; 1w2d3h4m5s */
    PT_REF,       /* char *, owned; name of an item of ref_menu, or `none` when P_NONE_OK */
    PT_ENUM_PAIR, /* uint8_t[2]; in/out */
    PT_HEX_PAIR,  /* struct cfg_hex[2]; in/out */
    PT_SPI_PAIR,  /* uint32_t[2]; 0x100/0x101 */
    PT_ADDRESSES, /* struct cfg_addresses; [!]a, a/mask or a-b; a or a-b with P_TARGET */
    PT_PORTS,     /* struct cfg_ports; [!]list of n or a-b; one of them with P_TARGET */
    PT_INTERFACE, /* struct cfg_interface; [!]name */
    PT_PORT,      /* uint16_t, 0 = any; the port of a selector under a name of its own */
    PT_LIVE       /* no storage: read-only text made by the daemon when asked */
};

enum prop_flags {
    P_REQUIRED = 1 << 0, /* must be given on add */
    P_READONLY = 1 << 1,
    P_SENSITIVE = 1 << 2, /* key material */
    P_QUIET = 1 << 3,     /* print only when it differs from the default */
    P_STATS = 1 << 4,     /* shown by `print stats` */
    P_NOPRINT = 1 << 5,   /* not shown by plain print (but by stats, get, find) */
    P_NONE_OK = 1 << 6,
    P_QUOTED = 1 << 7,    /* PT_LIVE printed in quotes */
    P_EXTENSION = 1 << 8, /* not in the reference */
    P_PART = 1 << 9,      /* part of another property's field: not stored, not exported */
    P_KEY_TEXT = 1 << 10, /* PT_TEXT: a key, see key_text_to_secret() */
    P_TARGET = 1 << 12,   /* PT_ADDRESSES, PT_PORTS: what to translate to, nothing to match */
    P_IKE_PORT = 1 << 11  /* PT_SELECTOR: 500 when no port is given, never any */
};

/* Text: 10.1.0.0/24:any, 10.0.0.1 (whole address, any port), 10.1.0.0/255.255.255.0, :1701 (address
 * not set), 2001:db8::/32:53, [2001:db8::1]:53. An IPv6 port needs the mask or the brackets before
 * it. Host bits are cleared. */
struct cfg_selector {
    struct ip_prefix prefix;
    uint16_t port; /* host order; 0 = any */
    bool derived;  /* the address was not typed: it follows another property */
};

struct cfg_hex {
    uint8_t b[64];
    uint8_t len;
};

/* What rules of the firewall match and translate to. `set` is false for a property not given. */
enum { CFG_ADDRESS_RANGE = 255, CFG_PORTS_MAX = 15, CFG_INTERFACE_MAX = 15 };

struct cfg_addresses { /* IPv4 */
    struct ip_addr first, last;
    uint8_t len; /* of the prefix, CFG_ADDRESS_RANGE: none */
    bool set, negated;
};

struct cfg_ports {
    struct {
        uint16_t first, last;
    } at[CFG_PORTS_MAX];
    uint8_t n; /* 0: not set */
    bool negated;
};

struct cfg_interface {
    char name[CFG_INTERFACE_MAX + 1]; /* "" not set */
    bool negated;
};

enum { PROP_TEXT_MAX = 4095 }; /* bytes of a text or a comment */

struct prop {
    const char *name;
    enum prop_type type;
    unsigned flags;              /* enum prop_flags */
    size_t offset;               /* into the menu's item struct */
    const char *def;             /* as typed; NULL: none (not set) */
    const char *const *names;    /* PT_ENUM, PT_SET, PT_ENUM_PAIR: NULL-terminated */
    const char *const *synonyms; /* input only: "accept", "none", ... pairs, NULL-terminated */
    const char *ref_menu;        /* PT_REF */
    int64_t min, max;            /* PT_INT, PT_TIME; both 0: any */
    const char *alias;           /* second spelling accepted by get, find, set */
    const char *help;            /* a short line */
};

/* Why a value was refused; the texts are those of the reference product. */
enum value_error {
    VALUE_OK,
    VALUE_INVALID,  /* invalid value for argument NAME */
    VALUE_NO_MATCH, /* input does not match any value of NAME */
    VALUE_RANGE,    /* value of NAME out of range (MIN..MAX) */
    VALUE_SYNTAX    /* syntax error */
};

/* VALUE into the field of P in ITEM (an item struct). References are not resolved here. On error
 * the field is untouched. */
enum value_error prop_parse(const struct prop *p, const char *value, void *item);
/* The field as the console prints it, without quotes. False when the property is not set. */
bool prop_format(const struct prop *p, const void *item, struct text *out);
/* The full sentence for an error ("value of priority out of range (-2147483648..2147483647)"). */
void prop_error_text(const struct prop *p, enum value_error e, struct text *out);
/* VALUE as prop_format would write it; false when it is no value of P. */
bool prop_canonical(const struct prop *p, const char *value, struct text *out);
bool prop_is_default(const struct prop *p, const void *item);
/* The field takes its default; what was there is freed. */
void prop_reset(const struct prop *p, void *item);
/* As prop_format, with a derived address written as not set: what the store keeps. */
bool prop_format_stored(const struct prop *p, const void *item, struct text *out);
void prop_free(const struct prop *p, void *item);
void prop_copy(const struct prop *p, void *to, const void *from); /* TO's field is not freed */
/* The key that a text stands for: its bytes, or behind "0x" an even number of hexadecimal digits.
 * False when it is longer than a secret, or "0x" is followed by anything else. */
bool key_text_to_secret(const char *s, struct secret *ret);
bool time_from_text(const char *s, int64_t *ret_s); /* also 00:30:00 and 1d02:00:00 */
void time_to_text(int64_t seconds, struct text *out);
