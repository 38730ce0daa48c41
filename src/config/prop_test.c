/* Property types: what each reads, what it writes back, and what it says about the rest. */
#include "menu_models.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static const char *const colours[] = { "red", "green", "blue", NULL };
static const char *const synonyms[] = { "rouge", "red", "grass", "green", NULL };

/* A property of each type; the field is the whole item. */
#define P(type_, ...) (&(const struct prop){ .name = "x", .type = type_, __VA_ARGS__ })

static const struct value_case {
    const char *label;
    const struct prop *p;
    const char *in;
    const char *out; /* NULL: refused with SENTENCE */
    const char *sentence;
} cases[] = {
    /* yes/no */
    { "yes", P(PT_BOOL), "yes", "yes", NULL },
    { "no", P(PT_BOOL), "no", "no", NULL },
    { "true as scripts write", P(PT_BOOL), "true", "yes", NULL },
    { "false", P(PT_BOOL), "false", "no", NULL },
    { "no third value", P(PT_BOOL), "maybe", NULL, "input does not match any value of x" },
    { "case matters", P(PT_BOOL), "Yes", NULL, "input does not match any value of x" },
    { "nothing", P(PT_BOOL), "", NULL, "input does not match any value of x" },

/* integers */
#define INT32          P(PT_INT, .min = INT32_MIN, .max = INT32_MAX)
#define INT32_SENTENCE "value of x out of range (-2147483648..2147483647)"
    { "zero", INT32, "0", "0", NULL },
    { "minus zero", INT32, "-0", "0", NULL },
    { "negative", INT32, "-1", "-1", NULL },
    { "leading zeros stay decimal", INT32, "0010", "10", NULL },
    { "hexadecimal", INT32, "0x10", "16", NULL },
    { "largest", INT32, "2147483647", "2147483647", NULL },
    { "smallest", INT32, "-2147483648", "-2147483648", NULL },
    { "2^31", INT32, "2147483648", NULL, INT32_SENTENCE },
    { "-2^31-1", INT32, "-2147483649", NULL, INT32_SENTENCE },
    { "2^32", INT32, "4294967296", NULL, INT32_SENTENCE },
    { "2^32+1 does not wrap to 1", INT32, "4294967297", NULL, INT32_SENTENCE },
    { "2^63", INT32, "9223372036854775808", NULL, INT32_SENTENCE },
    { "-2^63", INT32, "-9223372036854775808", NULL, INT32_SENTENCE },
    { "2^64", INT32, "18446744073709551616", NULL, INT32_SENTENCE },
    { "2^64+1 does not wrap to 1", INT32, "18446744073709551617", NULL, INT32_SENTENCE },
    { "2^128", INT32, "340282366920938463463374607431768211456", NULL, INT32_SENTENCE },
    { "huge hexadecimal", INT32, "0x10000000000000000", NULL, INT32_SENTENCE },
    { "plus sign", INT32, "+5", NULL, "invalid value for argument x" },
    { "minus alone", INT32, "-", NULL, "invalid value for argument x" },
    { "0x alone", INT32, "0x", NULL, "invalid value for argument x" },
    { "negative hexadecimal", INT32, "-0x1", NULL, "invalid value for argument x" },
    { "trailing letter", INT32, "5k", NULL, "invalid value for argument x" },
    { "huge and then a letter", INT32, "99999999999999999999k", NULL,
      "invalid value for argument x" },
    { "blank in front", INT32, " 5", NULL, "invalid value for argument x" },
    { "fraction", INT32, "1.5", NULL, "invalid value for argument x" },
    { "empty", INT32, "", NULL, "invalid value for argument x" },
    { "int64 largest", P(PT_INT), "9223372036854775807", "9223372036854775807", NULL },
    { "int64 smallest", P(PT_INT), "-9223372036854775808", "-9223372036854775808", NULL },
    { "past int64", P(PT_INT), "9223372036854775808", NULL,
      "value of x out of range (-9223372036854775808..9223372036854775807)" },

    /* text and names */
    { "any text", P(PT_TEXT), "a b,\"c\"\n\\", "a b,\"c\"\n\\", NULL },
    { "empty text with a default is set", P(PT_TEXT, .def = ""), "", "", NULL },
    { "empty text without is not set", P(PT_TEXT), "", "(not set)", NULL },
#define KEY P(PT_TEXT, .flags = P_KEY_TEXT | P_SENSITIVE, .def = "")
    { "a key as text", KEY, "gwejimezyfopmekun", "gwejimezyfopmekun", NULL },
    { "no key", KEY, "", "", NULL },
    { "a key in hexadecimal is printed as typed", KEY, "0xABcd01", "0xABcd01", NULL },
    { "0x further in is text", KEY, "a0x1", "a0x1", NULL },
    { "0X is text", KEY, "0Xyz", "0Xyz", NULL },
    { "key of nothing behind 0x", KEY, "0x", NULL, "invalid value for argument x" },
    { "key of odd digits", KEY, "0xabc", NULL, "invalid value for argument x" },
    { "key with a bad digit", KEY, "0xabcg", NULL, "invalid value for argument x" },
    { "key with a blank", KEY, "0xab cd", NULL, "invalid value for argument x" },
    { "a name", P(PT_NAME), "ah-sa1", "ah-sa1", NULL },
    { "a name with blanks", P(PT_NAME), "to the office", "to the office", NULL },
    { "a name in UTF-8", P(PT_NAME), "b\xc3\xbcro", "b\xc3\xbcro", NULL },
    { "empty name", P(PT_NAME), "", NULL, "invalid value for argument x" },
    { "a name like an id", P(PT_NAME), "*1A", NULL, "invalid value for argument x" },
    { "a name like a list", P(PT_NAME), "a,b", NULL, "invalid value for argument x" },
    { "a name that means nobody", P(PT_NAME), "none", NULL, "invalid value for argument x" },
    { "a name with an escape", P(PT_NAME), "a\033[2J", NULL, "invalid value for argument x" },
    { "a name with DEL", P(PT_NAME), "a\x7f", NULL, "invalid value for argument x" },

    /* addresses */
    { "IPv4", P(PT_ADDR), "10.0.0.147", "10.0.0.147", NULL },
    { "IPv4 unset", P(PT_ADDR), "0.0.0.0", "0.0.0.0", NULL },
    { "IPv6", P(PT_ADDR), "2001:DB8:0:0::1", "2001:db8::1", NULL },
    { "octet of 256", P(PT_ADDR), "10.0.0.256", NULL, "invalid value for argument x" },
    { "three octets", P(PT_ADDR), "10.0.1", NULL, "invalid value for argument x" },
    { "octal octet", P(PT_ADDR), "10.0.0.010", NULL, "invalid value for argument x" },
    { "with a mask", P(PT_ADDR), "10.0.0.1/32", NULL, "invalid value for argument x" },
    { "v4-mapped", P(PT_ADDR), "::ffff:10.0.0.1", NULL, "invalid value for argument x" },
    { "zone id", P(PT_ADDR), "fe80::1%eth0", NULL, "invalid value for argument x" },
    { "empty address", P(PT_ADDR), "", NULL, "invalid value for argument x" },
    { "a host name", P(PT_ADDR), "localhost", NULL, "invalid value for argument x" },

    /* selectors */
    { "address alone", P(PT_SELECTOR), "10.0.0.147", "10.0.0.147/32:any", NULL },
    { "address and mask", P(PT_SELECTOR), "10.1.0.0/24", "10.1.0.0/24:any", NULL },
    { "address, mask, port", P(PT_SELECTOR), "10.0.0.1/32:1701", "10.0.0.1/32:1701", NULL },
    { "address and port", P(PT_SELECTOR), "10.0.0.1:1701", "10.0.0.1/32:1701", NULL },
    { "port any", P(PT_SELECTOR), "10.0.0.1/32:any", "10.0.0.1/32:any", NULL },
    { "only a port", P(PT_SELECTOR), ":1701", "0.0.0.0/32:1701", NULL },
    { "only any", P(PT_SELECTOR), ":any", "0.0.0.0/32:any", NULL },
    { "everything", P(PT_SELECTOR), "0.0.0.0/0", "0.0.0.0/0:any", NULL },
    { "host bits are cleared", P(PT_SELECTOR), "10.1.2.3/16:5", "10.1.0.0/16:5", NULL },
    { "host bits of the last byte", P(PT_SELECTOR), "1.2.3.255/27", "1.2.3.224/27:any", NULL },
    { "dotted mask", P(PT_SELECTOR), "10.1.2.3/255.255.255.0", "10.1.2.0/24:any", NULL },
    { "dotted mask of nothing", P(PT_SELECTOR), "1.1.1.1/0.0.0.0:9", "0.0.0.0/0:9", NULL },
    { "dotted mask of all", P(PT_SELECTOR), "1.1.1.1/255.255.255.255", "1.1.1.1/32:any", NULL },
    { "highest port", P(PT_SELECTOR), ":65535", "0.0.0.0/32:65535", NULL },
    { "IPv6 alone", P(PT_SELECTOR), "2001:db8::1", "2001:db8::1/128:any", NULL },
    { "IPv6 and mask", P(PT_SELECTOR), "2001:db8::1/32", "2001:db8::/32:any", NULL },
    { "IPv6, mask, port", P(PT_SELECTOR), "2001:db8::/32:53", "2001:db8::/32:53", NULL },
    { "IPv6 in brackets", P(PT_SELECTOR), "[2001:db8::1]", "2001:db8::1/128:any", NULL },
    { "IPv6 in brackets, port", P(PT_SELECTOR), "[2001:db8::1]:53", "2001:db8::1/128:53", NULL },
    { "IPv6 in brackets, all", P(PT_SELECTOR), "[2001:db8::1]/64:any", "2001:db8::/64:any", NULL },
    { "IPv6 everything", P(PT_SELECTOR), "::/0", "::/0:any", NULL },
    { "mask of 33", P(PT_SELECTOR), "1.2.3.4/33", NULL, "invalid value for argument x" },
    { "mask of -1", P(PT_SELECTOR), "1.2.3.4/-1", NULL, "invalid value for argument x" },
    { "mask of 2^32", P(PT_SELECTOR), "1.2.3.4/4294967296", NULL, "invalid value for argument x" },
    { "mask with a zero in front", P(PT_SELECTOR), "1.2.3.4/08", NULL,
      "invalid value for argument x" },
    { "mask in hexadecimal", P(PT_SELECTOR), "1.2.3.4/0x8", NULL, "invalid value for argument x" },
    { "mask absent behind the slash", P(PT_SELECTOR), "1.2.3.4/", NULL,
      "invalid value for argument x" },
    { "mask with a hole", P(PT_SELECTOR), "1.2.3.4/255.0.255.0", NULL,
      "invalid value for argument x" },
    { "IPv6 mask of 129", P(PT_SELECTOR), "2001:db8::/129", NULL, "invalid value for argument x" },
    { "IPv6 dotted mask", P(PT_SELECTOR), "2001:db8::/255.0.0.0", NULL,
      "invalid value for argument x" },
    { "no address before the mask", P(PT_SELECTOR), "/24", NULL, "invalid value for argument x" },
    { "bracket not closed", P(PT_SELECTOR), "[2001:db8::1", NULL, "invalid value for argument x" },
    { "brackets around IPv4", P(PT_SELECTOR), "[10.0.0.1]:5", NULL,
      "invalid value for argument x" },
    { "text behind the bracket", P(PT_SELECTOR), "[::1]x", NULL, "invalid value for argument x" },
    { "port absent behind the colon", P(PT_SELECTOR), "10.0.0.1:", NULL,
      "invalid value for argument x" },
    { "port 0", P(PT_SELECTOR), "10.0.0.1:0", NULL, "value of x out of range (1..65535)" },
    { "port 65536", P(PT_SELECTOR), "10.0.0.1:65536", NULL, "value of x out of range (1..65535)" },
    { "port 65537 does not wrap to 1", P(PT_SELECTOR), ":65537", NULL,
      "value of x out of range (1..65535)" },
    { "port of a service", P(PT_SELECTOR), "10.0.0.1:http", NULL, "invalid value for argument x" },
    { "a range", P(PT_SELECTOR), "10.0.0.1-10.0.0.2", NULL, "invalid value for argument x" },
    { "two ports", P(PT_SELECTOR), "10.0.0.1/32:5:6", NULL, "invalid value for argument x" },
    { "empty selector", P(PT_SELECTOR), "", NULL, "invalid value for argument x" },

#define IKE_ADDRESS P(PT_SELECTOR, .flags = P_IKE_PORT)
    { "IKE's port when none is given", IKE_ADDRESS, "10.0.0.147", "10.0.0.147/32:500", NULL },
    { "IKE's port behind a mask", IKE_ADDRESS, "10.0.0.0/24", "10.0.0.0/24:500", NULL },
    { "another port", IKE_ADDRESS, "10.0.0.0/24:4500", "10.0.0.0/24:4500", NULL },
    { "only another port", IKE_ADDRESS, ":4500", "0.0.0.0/32:4500", NULL },
    { "IKE's port of IPv6", IKE_ADDRESS, "2001:db8::1", "2001:db8::1/128:500", NULL },
    { "any is no port of IKE", IKE_ADDRESS, "10.0.0.1/32:any", NULL,
      "invalid value for argument x" },
    { "nor alone", IKE_ADDRESS, ":any", NULL, "invalid value for argument x" },
    { "nor is 0", IKE_ADDRESS, "10.0.0.1:0", NULL, "value of x out of range (1..65535)" },

    /* ports */
    { "addresses: a host", P(PT_ADDRESSES), "10.0.0.1", "10.0.0.1", NULL },
    { "addresses: a network, host bits cleared", P(PT_ADDRESSES), "10.0.0.1/24", "10.0.0.0/24",
      NULL },
    { "addresses: all but a range", P(PT_ADDRESSES), "!10.0.0.1-10.0.0.9", "!10.0.0.1-10.0.0.9",
      NULL },
    { "addresses: a range backwards", P(PT_ADDRESSES), "10.0.0.9-10.0.0.1", NULL,
      "invalid value for argument x" },
    { "addresses: IPv6", P(PT_ADDRESSES), "fd00::1", NULL, "invalid value for argument x" },
    { "addresses: a long mask", P(PT_ADDRESSES), "10.0.0.0/33", NULL,
      "invalid value for argument x" },
    { "ports: a list", P(PT_PORTS), "!1-100,200", "!1-100,200", NULL },
    { "ports: one too many", P(PT_PORTS), "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", NULL,
      "invalid value for argument x" },
    { "ports: a list that does not end", P(PT_PORTS), "1,", NULL, "invalid value for argument x" },
    { "ports: a range backwards", P(PT_PORTS), "9-1", NULL, "invalid value for argument x" },
    { "ports: out of range", P(PT_PORTS), "65536", NULL, "invalid value for argument x" },
    { "interface", P(PT_INTERFACE), "!eth0.5", "!eth0.5", NULL },
    { "interface: too long for the kernel", P(PT_INTERFACE), "abcdefghijklmnop", NULL,
      "invalid value for argument x" },
    { "interface: words of another language", P(PT_INTERFACE), "a\"b", NULL,
      "invalid value for argument x" },
    { "a port", P(PT_PORT), "500", "500", NULL },
    { "any port", P(PT_PORT), "any", "any", NULL },
    { "port out of range", P(PT_PORT), "70000", NULL, "value of x out of range (1..65535)" },

    /* enumerations and sets */
    { "a value", P(PT_ENUM, .names = colours), "green", "green", NULL },
    { "a synonym is not printed", P(PT_ENUM, .names = colours, .synonyms = synonyms), "grass",
      "green", NULL },
    { "first synonym", P(PT_ENUM, .names = colours, .synonyms = synonyms), "rouge", "red", NULL },
    { "unknown value", P(PT_ENUM, .names = colours), "pink", NULL,
      "input does not match any value of x" },
    { "a value's beginning", P(PT_ENUM, .names = colours), "gre", NULL,
      "input does not match any value of x" },
    { "a value and more", P(PT_ENUM, .names = colours), "greenish", NULL,
      "input does not match any value of x" },
    { "a list where one is wanted", P(PT_ENUM, .names = colours), "red,blue", NULL,
      "input does not match any value of x" },
    { "empty value", P(PT_ENUM, .names = colours), "", NULL,
      "input does not match any value of x" },
    { "set of one", P(PT_SET, .names = colours), "blue", "blue", NULL },
    { "set in the table's order", P(PT_SET, .names = colours), "blue,red", "red,blue", NULL },
    { "twice the same", P(PT_SET, .names = colours), "red,red", "red", NULL },
    { "unknown member", P(PT_SET, .names = colours), "red,pink", NULL,
      "input does not match any value of x" },
    { "comma at the end", P(PT_SET, .names = colours), "red,", NULL,
      "input does not match any value of x" },
    { "comma alone", P(PT_SET, .names = colours), ",", NULL,
      "input does not match any value of x" },
    { "empty set refused", P(PT_SET, .names = colours), "", NULL,
      "input does not match any value of x" },
    { "empty set allowed", P(PT_SET, .flags = P_NONE_OK, .names = colours), "", "", NULL },

    /* protocols */
    { "all", P(PT_PROTOCOL), "all", "all", NULL },
    { "tcp", P(PT_PROTOCOL), "tcp", "tcp", NULL },
    { "6 is tcp", P(PT_PROTOCOL), "6", "tcp", NULL },
    { "17 is udp", P(PT_PROTOCOL), "17", "udp", NULL },
    { "1 is icmp", P(PT_PROTOCOL), "1", "icmp", NULL },
    { "47 is gre", P(PT_PROTOCOL), "47", "gre", NULL },
    { "50 is ipsec-esp", P(PT_PROTOCOL), "50", "ipsec-esp", NULL },
    { "51 is ipsec-ah", P(PT_PROTOCOL), "51", "ipsec-ah", NULL },
    { "89 is ospf", P(PT_PROTOCOL), "89", "ospf", NULL },
    { "4 is ipencap", P(PT_PROTOCOL), "4", "ipencap", NULL },
    { "a number without a name", P(PT_PROTOCOL), "253", "253", NULL },
    { "255", P(PT_PROTOCOL), "255", "255", NULL },
    { "0", P(PT_PROTOCOL), "0", NULL, "value of x out of range (1..255)" },
    { "256 does not wrap to all", P(PT_PROTOCOL), "256", NULL, "value of x out of range (1..255)" },
    { "-1 protocol", P(PT_PROTOCOL), "-1", NULL, "value of x out of range (1..255)" },
    { "unknown protocol", P(PT_PROTOCOL), "smoke", NULL, "input does not match any value of x" },

    /* references */
    { "a name of another menu", P(PT_REF), "default", "default", NULL },
    { "none where allowed", P(PT_REF, .flags = P_NONE_OK), "none", "none", NULL },
    { "none where not", P(PT_REF), "none", NULL, "input does not match any value of x" },
    { "empty reference", P(PT_REF), "", NULL, "input does not match any value of x" },

    /* pairs */
    { "one algorithm for both ways", P(PT_ENUM_PAIR, .names = colours), "red", "red/red", NULL },
    { "an algorithm each way", P(PT_ENUM_PAIR, .names = colours), "red/blue", "red/blue", NULL },
    { "second half unknown", P(PT_ENUM_PAIR, .names = colours), "red/pink", NULL,
      "input does not match any value of x" },
    { "second half empty", P(PT_ENUM_PAIR, .names = colours), "red/", NULL,
      "input does not match any value of x" },
    { "three parts", P(PT_ENUM_PAIR, .names = colours), "red/red/red", NULL,
      "input does not match any value of x" },
    { "the reference's key", P(PT_HEX_PAIR), "abcfed", "abcfed/abcfed", NULL },
    { "a key each way", P(PT_HEX_PAIR), "00ff/ABCD", "00ff/abcd", NULL },
    { "0x in front", P(PT_HEX_PAIR), "0x0102/0X03", "0102/03", NULL },
    { "0x alone is no key", P(PT_HEX_PAIR), "0x", "(not set)", NULL },
    { "only the incoming key", P(PT_HEX_PAIR), "0102/", "0102/", NULL },
    { "only the outgoing key", P(PT_HEX_PAIR), "/0102", "/0102", NULL },
    { "no key", P(PT_HEX_PAIR), "", "(not set)", NULL },
    { "odd number of digits", P(PT_HEX_PAIR), "abc", NULL, "invalid value for argument x" },
    { "not a digit", P(PT_HEX_PAIR), "abcg", NULL, "invalid value for argument x" },
    { "three keys", P(PT_HEX_PAIR), "ab/cd/ef", NULL, "invalid value for argument x" },
    { "128 digits", P(PT_HEX_PAIR),
      "0000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000001/01",
      "0000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000001/01",
      NULL },
    { "130 digits", P(PT_HEX_PAIR),
      "0000000000000000000000000000000000000000000000000000000000000000"
      "000000000000000000000000000000000000000000000000000000000000000001",
      NULL, "invalid value for argument x" },
#define SPI_SENTENCE "value of x out of range (0x100..0xffffffff)"
    { "one SPI for both ways", P(PT_SPI_PAIR), "0x100", "0x100/0x100", NULL },
    { "an SPI each way", P(PT_SPI_PAIR), "0x101/0x100", "0x101/0x100", NULL },
    { "decimal SPI", P(PT_SPI_PAIR), "257", "0x101/0x101", NULL },
    { "largest SPI", P(PT_SPI_PAIR), "0xFFFFFFFF/4294967295", "0xffffffff/0xffffffff", NULL },
    { "reserved SPI", P(PT_SPI_PAIR), "0xff", NULL, SPI_SENTENCE },
    { "SPI 0", P(PT_SPI_PAIR), "0x100/0", NULL, SPI_SENTENCE },
    { "SPI of 2^32 does not wrap", P(PT_SPI_PAIR), "0x100000100", NULL, SPI_SENTENCE },
    { "negative SPI", P(PT_SPI_PAIR), "-1", NULL, SPI_SENTENCE },
    { "no SPI", P(PT_SPI_PAIR), "", NULL, "invalid value for argument x" },
    { "SPI half absent", P(PT_SPI_PAIR), "0x100/", NULL, "invalid value for argument x" },

    /* times */
    { "a day", P(PT_TIME), "1d", "1d", NULL },
    { "minutes", P(PT_TIME), "24m", "24m", NULL },
    { "seconds to hours", P(PT_TIME), "28800s", "8h", NULL },
    { "minutes to hours", P(PT_TIME), "90m", "1h30m", NULL },
    { "bare number is seconds", P(PT_TIME), "86400", "1d", NULL },
    { "zero time", P(PT_TIME), "0", "0s", NULL },
    { "zero seconds", P(PT_TIME), "0s", "0s", NULL },
    { "all units", P(PT_TIME), "1w2d3h4m5s", "1w2d3h4m5s", NULL },
    { "words for units", P(PT_TIME), "2days3hours", "2d3h", NULL },
    { "min", P(PT_TIME), "30min", "30m", NULL },
    { "a clock", P(PT_TIME), "00:30:00", "30m", NULL },
    { "a clock of two parts", P(PT_TIME), "01:30", "1h30m", NULL },
    { "days and a clock", P(PT_TIME), "1d02:00:00", "1d2h", NULL },
    { "more than a day by the clock", P(PT_TIME), "36:00:00", "1d12h", NULL },
    { "more than a unit holds", P(PT_TIME), "120s", "2m", NULL },
    { "units the wrong way round", P(PT_TIME), "5s1d", NULL, "invalid value for argument x" },
    { "a unit twice", P(PT_TIME), "1h2h", NULL, "invalid value for argument x" },
    { "number behind units", P(PT_TIME), "1d5", NULL, "invalid value for argument x" },
    { "clock behind hours", P(PT_TIME), "1h00:30:00", NULL, "invalid value for argument x" },
    { "60 minutes on a clock", P(PT_TIME), "00:60:00", NULL, "invalid value for argument x" },
    { "one digit on a clock", P(PT_TIME), "00:5:00", NULL, "invalid value for argument x" },
    { "four parts", P(PT_TIME), "00:00:00:00", NULL, "invalid value for argument x" },
    { "no such unit", P(PT_TIME), "5y", NULL, "invalid value for argument x" },
    { "unit without a number", P(PT_TIME), "d", NULL, "invalid value for argument x" },
    { "negative time", P(PT_TIME), "-5", NULL, "invalid value for argument x" },
    { "empty time", P(PT_TIME), "", NULL, "invalid value for argument x" },
    { "milliseconds are not kept", P(PT_TIME), "500ms", NULL, "invalid value for argument x" },
    { "past the range", P(PT_TIME, .min = 60, .max = 86400), "2d", NULL,
      "value of x out of range (1m..1d)" },
    { "below the range", P(PT_TIME, .min = 60, .max = 86400), "59", NULL,
      "value of x out of range (1m..1d)" },
    { "2^64 seconds", P(PT_TIME, .max = 86400), "18446744073709551616", NULL,
      "value of x out of range (0s..1d)" },
    { "weeks past 2^63 seconds do not wrap", P(PT_TIME, .max = 86400), "30500568904943w", NULL,
      "value of x out of range (0s..1d)" },
    { "huge and then no unit", P(PT_TIME, .max = 86400), "18446744073709551616q", NULL,
      "invalid value for argument x" },

    { "live properties take no value", P(PT_LIVE), "1", NULL, "invalid value for argument x" },
};

union field {
    max_align_t align;
    uint8_t b[256];
};

static void judge(const struct value_case *k)
{
    union field f = { 0 }, before;
    struct text out = TEXT_INIT;

    memcpy(&before, &f, sizeof(f));
    enum value_error e = prop_parse(k->p, k->in, &f);
    if (!k->out) {
        prop_error_text(k->p, e, &out);
        if (strcmp(text_get(&out), k->sentence) != 0)
            fail_msg("%s: says \"%s\"", k->label, text_get(&out));
        if (memcmp(&f, &before, sizeof(f)) != 0)
            fail_msg("%s: the field was touched", k->label);
    } else if (e != VALUE_OK) {
        fail_msg("%s: refused", k->label);
    } else if (strcmp(prop_format(k->p, &f, &out) ? text_get(&out) : "(not set)", k->out) != 0) {
        fail_msg("%s: prints \"%s\"", k->label, text_get(&out));
    }
    text_fini(&out);
    prop_free(k->p, &f);
}

static void values_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        judge(&cases[i]);
}

static void what_is_written_reads_as_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct value_case k = cases[i];
        if (!k.out || strcmp(k.out, "(not set)") == 0)
            continue;
        k.in = k.out;
        judge(&k);
    }
}

static void copies_are_apart_from_their_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct value_case *k = &cases[i];
        union field a = { 0 }, b = { 0 };
        struct text out = TEXT_INIT;
        if (!k->out)
            continue;
        assert_int_equal(prop_parse(k->p, k->in, &a), VALUE_OK);
        prop_copy(k->p, &b, &a);
        prop_free(k->p, &a);
        assert_string_equal(prop_format(k->p, &b, &out) ? text_get(&out) : "(not set)", k->out);
        prop_free(k->p, &b);
        text_fini(&out);
    }
}

static void a_refused_value_leaves_the_old_one(void **state)
{
    union field f = { 0 };
    struct text out = TEXT_INIT;

    (void)state;
    assert_int_equal(prop_parse(P(PT_NAME), "old", &f), VALUE_OK);
    assert_int_equal(prop_parse(P(PT_NAME), "", &f), VALUE_INVALID);
    assert_true(prop_format(P(PT_NAME), &f, &out));
    assert_string_equal(text_get(&out), "old");
    prop_free(P(PT_NAME), &f);
    text_fini(&out);
}

static void names_and_texts_have_a_limit(void **state)
{
    char name[129], *text = malloc(PROP_TEXT_MAX + 2);
    union field f = { 0 };

    (void)state;
    memset(name, 'n', sizeof(name));
    name[128] = '\0';
    assert_int_equal(prop_parse(P(PT_NAME), name, &f), VALUE_INVALID);
    assert_int_equal(prop_parse(P(PT_NAME), name + 1, &f), VALUE_OK);
    memset(text, 't', PROP_TEXT_MAX + 1);
    text[PROP_TEXT_MAX + 1] = '\0';
    assert_int_equal(prop_parse(P(PT_TEXT), text, &f), VALUE_INVALID);
    assert_int_equal(prop_parse(P(PT_TEXT), text + 1, &f), VALUE_OK);
    prop_free(P(PT_TEXT), &f);
    free(text);
}

static void a_key_is_its_bytes_or_hexadecimal(void **state)
{
    struct secret key;
    char text[2 + 2 * SECRET_MAX + 3];

    (void)state;
    assert_true(key_text_to_secret("mekun", &key));
    assert_int_equal(key.len, 5);
    assert_memory_equal(key.b, "mekun", 5);
    assert_true(key_text_to_secret("0x00fFa9", &key));
    assert_int_equal(key.len, 3);
    assert_memory_equal(key.b, "\x00\xff\xa9", 3);
    assert_true(key_text_to_secret("", &key));
    assert_int_equal(key.len, 0);

    memset(text, '1', sizeof(text));
    text[SECRET_MAX] = '\0';
    assert_true(key_text_to_secret(text, &key));
    assert_int_equal(key.len, SECRET_MAX);
    memset(text, '1', sizeof(text));
    text[SECRET_MAX + 1] = '\0';
    assert_false(key_text_to_secret(text, &key));

    memset(text, '1', sizeof(text));
    text[1] = 'x';
    text[0] = '0';
    text[2 + 2 * SECRET_MAX] = '\0';
    assert_true(key_text_to_secret(text, &key));
    assert_int_equal(key.len, SECRET_MAX);
    text[2 + 2 * SECRET_MAX] = '1';
    text[2 + 2 * SECRET_MAX + 2] = '\0';
    assert_false(key_text_to_secret(text, &key));
}

static void default_is_told_from_other_values(void **state)
{
    const struct prop *p = P(PT_TIME, .def = "30m");
    union field f = { 0 };

    (void)state;
    assert_false(prop_is_default(p, &f));
    prop_reset(p, &f);
    assert_true(prop_is_default(p, &f));
    assert_int_equal(prop_parse(p, "1800", &f), VALUE_OK);
    assert_true(prop_is_default(p, &f));
    assert_int_equal(prop_parse(p, "1801", &f), VALUE_OK);
    assert_false(prop_is_default(p, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_and_written),
        cmocka_unit_test(what_is_written_reads_as_the_same),
        cmocka_unit_test(copies_are_apart_from_their_source),
        cmocka_unit_test(a_refused_value_leaves_the_old_one),
        cmocka_unit_test(names_and_texts_have_a_limit),
        cmocka_unit_test(a_key_is_its_bytes_or_hexadecimal),
        cmocka_unit_test(default_is_told_from_other_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
