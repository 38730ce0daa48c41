/* Recorded messages: every field as tshark dissects it, written again byte for byte, and cut short
 * at every length. Argument: tests/vectors/isakmp_messages.txt. */
#include "isakmp_cert.h"
#include "isakmp_id.h"
#include "isakmp_kit.h"
#include "isakmp_notify.h"
#include "isakmp_print.h"
#include "isakmp_sa.h"
#include "text.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

struct vector {
    char name[80];
    struct text hex, expected;
};

static const char *path;

static void put_hex(struct text *t, struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        text_printf(t, "%02x", s.p[i]);
}

static void put_spi(struct text *t, struct slice spi)
{
    text_puts(t, " spi ");
    put_hex(t, spi);
    if (spi.len == 0)
        text_puts(t, "none");
}

/* Offset in the message and length. */
static void put_place(struct text *t, const char *what, struct slice whole, struct slice s)
{
    text_printf(t, "%s ", what);
    if (s.len)
        text_printf(t, "%td+%zu", s.p - whole.p, s.len);
    else
        text_puts(t, "none");
}

static void put_meaning(struct text *t, const char *name, uint64_t v, bool given)
{
    if (given)
        text_printf(t, " %s=%llu", name, (unsigned long long)v);
}

static void put_p1(struct text *t, const struct isakmp_transform *transform)
{
    struct isakmp_p1 p;

    assert_int_equal(isakmp_p1_decode(transform, &p), SKIP_NONE);
    put_meaning(t, "authentication_method", p.auth, true);
    put_meaning(t, "encryption_algorithm", p.encryption, true);
    put_meaning(t, "group_description", p.group, true);
    put_meaning(t, "hash_algorithm", p.hash, true);
    put_meaning(t, "key_length", p.key_bits, p.key_bits);
    put_meaning(t, "kilobytes", p.life.kilobytes, p.life.kilobytes);
    put_meaning(t, "seconds", p.life.seconds, p.life.seconds);
}

static void put_p2(struct text *t, const struct isakmp_transform *transform, uint8_t protocol)
{
    struct isakmp_p2 p;

    assert_int_equal(isakmp_p2_decode(transform, protocol, &p), SKIP_NONE);
    put_meaning(t, "auth_algorithm", p.auth, p.auth);
    put_meaning(t, "encap_mode", p.encap, p.encap);
    put_meaning(t, "group_description", p.group, p.group);
    put_meaning(t, "key_length", p.key_bits, p.key_bits);
    put_meaning(t, "kilobytes", p.life.kilobytes, p.life.kilobytes);
    put_meaning(t, "seconds", p.life.seconds, p.life.seconds);
}

static void put_transform(struct text *t, const struct isakmp_transform *transform,
                          uint8_t protocol)
{
    struct rd it = rd_of(transform->attrs);
    struct isakmp_attr a;

    text_printf(t, "transform %u id %u\n", transform->number, transform->id);
    while (isakmp_attr_next(&it, &a)) {
        text_printf(t, "attr %u %s ", a.type, a.variable ? "tlv" : "tv");
        put_hex(t, a.value);
        text_puts(t, "\n");
    }
    assert_true(rd_ok(&it));
    text_puts(t, "means");
    if (protocol == ISAKMP_PROTO_ISAKMP)
        put_p1(t, transform);
    else
        put_p2(t, transform, protocol);
    text_puts(t, "\n");
}

static void put_sa(struct text *t, struct rd *r)
{
    struct isakmp_sa sa;
    struct isakmp_proposal p;
    struct isakmp_transform transform;

    assert_int_equal(isakmp_sa_parse(r, &sa), ISAKMP_OK);
    text_printf(t, " doi %u situation %u\n", sa.doi, sa.situation);
    struct rd proposals = rd_of(sa.proposals);
    while (isakmp_proposal_next(&proposals, &p)) {
        text_printf(t, "proposal %u protocol %u", p.number, p.protocol);
        put_spi(t, p.spi);
        text_printf(t, " transforms %u\n", p.n_transforms);
        struct rd transforms = rd_of(p.transforms);
        while (isakmp_transform_next(&transforms, &transform))
            put_transform(t, &transform, p.protocol);
    }
}

static void put_id(struct text *t, struct rd *r, struct slice whole)
{
    struct isakmp_id id;

    assert_int_equal(isakmp_id_parse(r, &id), ISAKMP_OK);
    text_printf(t, " type %u protocol %u port %u", id.type, id.protocol, id.port);
    put_place(t, " data", whole, id.data);
}

static void put_cert(struct text *t, struct rd *r, struct slice whole)
{
    struct isakmp_cert c;

    assert_int_equal(isakmp_cert_parse(r, &c), ISAKMP_OK);
    text_printf(t, " encoding %u", c.encoding);
    put_place(t, " data", whole, c.data);
}

static void put_notify(struct text *t, struct rd *r, struct slice whole)
{
    struct isakmp_notify n;

    assert_int_equal(isakmp_notify_parse(r, &n), ISAKMP_OK);
    text_printf(t, " doi %u protocol %u type %u", n.doi, n.protocol, n.type);
    put_spi(t, n.spi);
    put_place(t, " data", whole, n.data);
}

static void put_delete(struct text *t, struct rd *r)
{
    struct isakmp_delete d;

    assert_int_equal(isakmp_delete_parse(r, &d), ISAKMP_OK);
    text_printf(t, " doi %u protocol %u spis", d.doi, d.protocol);
    for (unsigned i = 0; i < d.n_spis; i++) {
        text_puts(t, " ");
        put_hex(t, isakmp_delete_spi(&d, i));
    }
}

static void put_payload(struct text *t, const struct isakmp_payload *p, struct slice whole)
{
    struct rd r = rd_of(p->body);

    text_printf(t, "payload %u at %td+%zu", p->type, p->raw.p - whole.p, p->raw.len);
    switch (p->type) {
    case PL_SA:
        put_sa(t, &r);
        return;
    case PL_ID:
        put_id(t, &r, whole);
        break;
    case PL_CERT:
        put_cert(t, &r, whole);
        break;
    case PL_NOTIFY:
        put_notify(t, &r, whole);
        break;
    case PL_DELETE:
        put_delete(t, &r);
        break;
    default:
        put_place(t, " body", whole, p->body);
        break;
    }
    text_puts(t, "\n");
}

static void put_header(struct text *t, const struct isakmp_header *h)
{
    text_puts(t, "header ");
    put_hex(t, (struct slice){ h->cky_i, sizeof h->cky_i });
    text_puts(t, " ");
    put_hex(t, (struct slice){ h->cky_r, sizeof h->cky_r });
    text_printf(t, " next %u version %02x exchange %u flags %02x message-id %08x length %u\n",
                h->next_payload, h->version, h->exchange, h->flags, h->message_id, h->length);
}

/* Next message of the file; false at its end. */
static bool vector_read(FILE *f, struct vector *v)
{
    char line[512];
    bool found = false;

    text_clear(&v->hex);
    text_clear(&v->expected);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == 0 && found)
            break;
        if (sscanf(line, "message %79s", v->name) == 1)
            found = true;
        else if (strncmp(line, "hex ", 4) == 0)
            text_puts(&v->hex, line + 4);
        else if (strncmp(line, "> ", 2) == 0)
            text_printf(&v->expected, "%s\n", line + 2);
    }
    return found;
}

static unsigned each_vector(void (*check)(const struct vector *v, struct bytes m))
{
    struct vector v = { .hex = TEXT_INIT, .expected = TEXT_INIT };
    FILE *f = fopen(path, "r");
    unsigned n = 0;

    assert_non_null(f);
    for (; vector_read(f, &v); n++) {
        struct bytes m = bytes_of_hex(text_get(&v.hex));
        check(&v, m);
        free(m.p);
    }
    fclose(f);
    text_fini(&v.hex);
    text_fini(&v.expected);
    return n;
}

static void parse_vector(const struct vector *v, struct bytes m, struct isakmp_header *ret_h,
                         struct isakmp_payloads *ret_ps)
{
    const char *bad;
    enum isakmp_error e = message_parse(slice_of(m), ISAKMP_TAIL_PADDING, ret_h, ret_ps, &bad);

    if (e != ISAKMP_OK)
        fprintf(stderr, "%s: %s: %s\n", v->name, isakmp_error_text(e), bad);
    assert_int_equal(e, ISAKMP_OK);
}

static void check_fields(const struct vector *v, struct bytes m)
{
    struct text got = TEXT_INIT;
    struct isakmp_header h;
    struct isakmp_payloads ps;

    parse_vector(v, m, &h, &ps);
    put_header(&got, &h);
    for (unsigned i = 0; i < ps.n; i++)
        put_payload(&got, &ps.at[i], slice_of(m));
    put_place(&got, "padding", slice_of(m), ps.padding);
    text_puts(&got, "\n");
    if (strcmp(got.s, text_get(&v->expected)) != 0)
        fprintf(stderr, "message %s\n", v->name);
    assert_string_equal(got.s, text_get(&v->expected));
    text_fini(&got);
}

static void fields_are_those_of_tshark(void **state)
{
    (void)state;
    assert_int_equal(each_vector(check_fields), 75);
}

static void check_rebuild(const struct vector *v, struct bytes m)
{
    struct isakmp_header h;
    struct isakmp_payloads ps;
    uint8_t buf[2048];

    parse_vector(v, m, &h, &ps);
    size_t len = message_rebuild(&h, &ps, buf, sizeof buf);
    assert_int_equal(len, m.len - ps.padding.len);
    if (ps.padding.len)
        memcpy(buf + 24, m.p + 24, 4); /* the length counts the padding */
    assert_memory_equal(buf, m.p, len);
}

static void messages_are_written_as_they_came(void **state)
{
    (void)state;
    each_vector(check_rebuild);
}

/* The length of the header follows the cut, so the cut is found by the payloads. */
static void check_cuts(const struct vector *v, struct bytes m)
{
    struct isakmp_header h;
    struct isakmp_payloads ps;
    const char *bad;

    parse_vector(v, m, &h, &ps);
    size_t chain = m.len - ps.padding.len;
    for (size_t cut = 0; cut < m.len; cut++) {
        struct bytes part = bytes_of(m.p, cut);
        if (cut >= ISAKMP_HEADER_LEN)
            be32_put(part.p + 24, (uint32_t)cut);
        enum isakmp_error e = message_parse(slice_of(part), ISAKMP_TAIL_PADDING, &h, &ps, &bad);
        assert_true((e == ISAKMP_OK) == (cut >= chain)); /* cut padding is padding */
        assert_true(e == ISAKMP_OK || bad != NULL);
        free(part.p);
    }
}

static void cut_messages_are_refused(void **state)
{
    (void)state;
    each_vector(check_cuts);
}

static void check_print(const struct vector *v, struct bytes m)
{
    char text[ISAKMP_PRINT_MAX];
    struct isakmp_header h;
    struct isakmp_payloads ps;
    unsigned lines = 0;

    parse_vector(v, m, &h, &ps);
    isakmp_print(&h, &ps, text, sizeof text);
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    assert_int_equal(lines, ps.n);
    assert_null(strstr(text, "malformed"));
}

static void messages_print_a_line_for_each_payload(void **state)
{
    (void)state;
    each_vector(check_print);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_those_of_tshark),
        cmocka_unit_test(messages_are_written_as_they_came),
        cmocka_unit_test(cut_messages_are_refused),
        cmocka_unit_test(messages_print_a_line_for_each_payload),
    };

    path = argc > 1 ? argv[1] : "isakmp_messages.txt";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
