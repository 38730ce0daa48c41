/* Dialogues with a session, as sentences a client of the published protocol would send and get.
 * Written one word per blank; "_" in a word stands for a blank, "." alone ends a reply sentence. */
#include "api_priv.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct config *c;
    struct api_session *s;
};

static bool live(void *ctx, const struct menu *m, const struct item *item, const struct prop *p,
                 struct text *out)
{
    (void)ctx, (void)m;
    if (strcmp(p->name, "inactive") == 0)
        text_puts(out, item->id == 2 ? "yes" : "no");
    else if (strcmp(p->name, "inactive-reason") == 0 && item->id == 2)
        text_puts(out, "no keys");
    else if (strcmp(p->name, "encrypted") == 0)
        text_printf(out, "%u", item->id * 9);
    return out->len > 0;
}

static void rows(void *ctx, const struct menu *m,
                 struct live_row *(*emit)(void *emit_ctx, uint32_t id), void *emit_ctx)
{
    (void)ctx;
    if (m->flags & M_SINGLE) {
        struct live_row *r = emit(emit_ctx, 1);
        live_row_set(r, "in-short", "3");
        live_row_set(r, "out-too-big", "0");
        return;
    }
    for (uint32_t id = 1; id <= 2; id++) {
        struct live_row *r = emit(emit_ctx, id);
        live_row_set(r, "spi", id == 1 ? "E727605" : "100");
        live_row_set(r, "ESP", "true");
    }
}

static bool command(void *ctx, const struct menu *m, const char *name, const void *args,
                    struct text *error)
{
    const struct cfg_flush *flush = args;

    (void)ctx, (void)m, (void)name;
    if (flush->sa_type & CFG_FLUSH_ESP)
        text_puts(error, "failure: busy");
    return !(flush->sa_type & CFG_FLUSH_ESP);
}

static int set_up(void **state)
{
    static const struct config_hooks hooks = {
        .live = live, .rows = rows, .command = command, .default_identity = "host"
    };
    struct fixture *f = calloc(1, sizeof(*f));

    f->c = config_open_memory(&hooks);
    f->s = api_session_new(f->c);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    api_session_free(f->s);
    config_close(f->c);
    free(f);
    return 0;
}

static void put_request(const char *line, struct text *wire)
{
    char *copy = xstrdup(line), *save = NULL;

    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        for (char *c = w; *c; c++)
            *c = *c == '_' ? ' ' : *c;
        api_word_encode(w, strlen(w), wire);
    }
    api_word_encode("", 0, wire);
    free(copy);
}

/* Reply sentences as one line, words apart by a blank, sentences ended by " .". */
static char *reply_line(const struct text *wire)
{
    struct api_decoder *d = api_decoder_new();
    struct api_sentence s = { 0 };
    struct text out = TEXT_INIT;
    const uint8_t *p = (const uint8_t *)text_get(wire);
    size_t len = wire->len;

    while (api_decode(d, &p, &len, &s) == API_SENTENCE) {
        for (size_t i = 0; i < s.n; i++) {
            for (char *c = s.words[i]; *c; c++)
                *c = *c == ' ' ? '_' : *c;
            text_printf(&out, "%s%s", out.len ? " " : "", s.words[i]);
        }
        text_puts(&out, " .");
        api_sentence_fini(&s);
    }
    assert_int_equal(len, 0);
    api_decoder_free(d);
    return text_take(&out);
}

/* Sends LINE byte by byte. */
static char *ask(struct fixture *f, const char *line)
{
    struct text wire = TEXT_INIT, out = TEXT_INIT;

    put_request(line, &wire);
    for (size_t i = 0; i < wire.len; i++)
        assert_true(api_session_feed(f->s, (const uint8_t *)wire.s + i, 1, &out));
    char *reply = reply_line(&out);
    text_fini(&wire);
    text_fini(&out);
    return reply;
}

struct exchange {
    const char *request, *reply;
};

static void play(struct fixture *f, const struct exchange *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *reply = ask(f, x[i].request);
        if (strcmp(reply, x[i].reply) != 0)
            fail_msg("%s\nwanted %s\ngot    %s", x[i].request, x[i].reply, reply);
        free(reply);
    }
}
#define PLAY(f, ...)                                                                               \
    play(f, (const struct exchange[]){ __VA_ARGS__ },                                              \
         sizeof((const struct exchange[]){ __VA_ARGS__ }) / sizeof(struct exchange))

#define TRAP(message)              "!trap =message=" message " . !done ."
#define TRAP_AT(argument, message) "!trap =message=" message " . !done =argument=" argument " ."
#define POLICY                     "/ip/ipsec/policy"
#define SA                         "/ip/ipsec/manual-sa"

static void items_live_their_life(void **state)
{
    PLAY(*state, { SA "/add =name=keys =ah-key=abcfed", "!done =ret=*1 ." },
         { SA "/add =name=more =comment=to_the_office", "!done =ret=*2 ." },
         { SA "/print =.proplist=.id,name,comment,disabled",
           "!re =.id=*1 =name=keys =disabled=false . "
           "!re =.id=*2 =name=more =comment=to_the_office =disabled=false . !done ." },
         { SA "/set =.id=*1 =lifetime=1d =disabled=yes", "!done ." },
         { SA "/getall =.proplist=lifetime,disabled ?name=keys",
           "!re =lifetime=1d =disabled=true . !done ." },
         { SA "/enable =numbers=keys,*2", "!done ." },
         { SA "/comment =numbers=keys =comment=x=y", "!done ." },
         { SA "/get =.id=keys =value-name=comment", "!done =ret=x=y ." },
         { SA "/get =.id=keys =value-name=esp-enc-key", "!done =ret= ." },
         { SA "/unset =.id=keys =value-name=lifetime", "!done ." },
         { SA "/get =.id=keys =value-name=lifetime", "!done =ret=0s ." },
         { SA "/find", "!done =ret=*1,*2 ." }, { SA "/find ?name=more", "!done =ret=*2 ." },
         { SA "/find ?name=less", "!done =ret= ." }, { SA "/print =count-only=", "!done =ret=2 ." },
         { SA "/remove =.id=*1,*2", "!done ." }, { SA "/print", "!done ." },
         { SA "/remove =.id=", "!done ." } /* what [find] gave when nothing matched */);
}

static void a_row_has_everything(void **state)
{
    PLAY(*state,
         { POLICY "/add =sa-src-address=10.0.0.147 =sa-dst-address=10.0.0.148 =tunnel=no",
           "!done =ret=*1 ." },
         { POLICY "/print",
           "!re =.id=*1 =src-address=10.0.0.147/32:any =dst-address=10.0.0.148/32:any "
           "=protocol=all =action=encrypt =level=require =ipsec-protocols=esp =tunnel=false "
           "=sa-src-address=10.0.0.147 =sa-dst-address=10.0.0.148 =proposal=default "
           "=manual-sa=none =priority=0 =dont-fragment=clear =replay-window=32 =src-port=any "
           "=dst-port=any =inactive=false =encrypted=9 =dynamic=false =disabled=false . !done ." },
         { POLICY "/add =comment=second", "!done =ret=*2 ." },
         { POLICY "/print =.proplist=inactive,inactive-reason,comment,out-transformed",
           "!re =inactive=false =out-transformed=9 . !re =inactive=true "
           "=inactive-reason=no_keys =comment=second =out-transformed=18 . !done ." },
         { POLICY "/get =.id=*2 =value-name=in-transformed", "!done =ret= ." },
         { POLICY "/get =.id=*2 =value-name=encrypted", "!done =ret=18 ." },
         { POLICY "/get =.id=*2 =value-name=colour",
           TRAP_AT("value-name", "input_does_not_match_any_value_of_value-name") },
         { POLICY "/print =from=*2 =.proplist=.id", "!re =.id=*2 . !done ." });
}

static void several_items_are_added_together_or_not_at_all(void **state)
{
    PLAY(*state,
         { POLICY "/add =priority=1 =.next= =priority=2 =comment=x =.next= =.next= =priority=4",
           "!done =ret=*1,*2,*3,*4 ." },
         { POLICY "/get =.id=*2 =value-name=comment", "!done =ret=x ." },
         { POLICY "/get =.id=*3 =value-name=priority", "!done =ret=0 ." },
         { POLICY "/add =priority=5 =.next= =level=maybe =.next= =priority=6",
           TRAP_AT("level", "input_does_not_match_any_value_of_level") },
         { POLICY "/find", "!done =ret=*1,*2,*3,*4 ." },
         { SA "/add =name=a =.next= =name=a", TRAP_AT("name", "failure:_already_have_such_entry") },
         { SA "/find", "!done =ret= ." }, { POLICY "/add", "!done =ret=*5 ." });
}

static void order_is_kept_and_changed(void **state)
{
    PLAY(*state, { POLICY "/add", "!done =ret=*1 ." }, { POLICY "/add", "!done =ret=*2 ." },
         { POLICY "/add =place-before=*2", "!done =ret=*3 ." },
         { POLICY "/find", "!done =ret=*1,*3,*2 ." },
         { POLICY "/move =.id=*2 =destination=*1", "!done ." },
         { POLICY "/find", "!done =ret=*2,*1,*3 ." }, { POLICY "/move =numbers=*2,*1", "!done ." },
         { POLICY "/find", "!done =ret=*3,*2,*1 ." },
         { POLICY "/move =numbers=*2,*1 =destination=*3", "!done ." },
         { POLICY "/find", "!done =ret=*2,*1,*3 ." },
         { POLICY "/move =.id=*1 =destination=*9", TRAP_AT("destination", "no_such_item") },
         { SA "/move =.id=*1", TRAP_AT("numbers", "no_such_item") });
}

static void errors_are_the_references(void **state)
{
    PLAY(
        *state, { SA "/add =name=keys", "!done =ret=*1 ." },
        { SA "/add =name=keys", TRAP_AT("name", "failure:_already_have_such_entry") },
        { SA "/add", TRAP_AT("name", "missing_value(s)_of_argument(s)_name") },
        { SA "/add =name=x =colour=blue", TRAP_AT("colour", "unknown_parameter_colour") },
        { POLICY "/add =src-address=10.1.0.0/33",
          TRAP_AT("src-address", "invalid_value_for_argument_src-address") },
        { POLICY "/add =level=maybe", TRAP_AT("level", "input_does_not_match_any_value_of_level") },
        { POLICY "/add =manual-sa=nobody",
          TRAP_AT("manual-sa", "input_does_not_match_any_value_of_manual-sa") },
        { POLICY "/add =priority=2147483648",
          TRAP_AT("priority", "value_of_priority_out_of_range_(-2147483648..2147483647)") },
        { POLICY "/remove =.id=*7", TRAP_AT("numbers", "no_such_item") },
        { POLICY "/remove =.id=0", TRAP_AT("numbers", "no_such_item") },
        { POLICY "/remove", TRAP_AT("numbers", "missing_value(s)_of_argument(s)_numbers") },
        { POLICY "/remove =.id=*1 =force=yes", TRAP_AT("force", "unknown_parameter_force") },
        { POLICY "/print =colour=", TRAP_AT("colour", "unknown_parameter_colour") },
        { POLICY "/frobnicate", TRAP("no_such_command") },
        { "/ip/ipsec/nowhere/print", TRAP("no_such_command") },
        { "/ip/ipsec/print", TRAP("no_such_command") }, { "/print", TRAP("no_such_command") },
        { "/", TRAP("no_such_command") }, { "print", TRAP("no_such_command") },
        { "=name=x", TRAP("no_such_command") },
        { POLICY "/print nonsense", TRAP("failure:_a_word_is_neither_attribute_nor_query") },
        { "/ip/ipsec/installed-sa/add", TRAP("no_such_command") },
        { "/ip/ipsec/settings/add", TRAP("no_such_command") },
        { "/ip/ipsec/settings/remove", TRAP("no_such_command") },
        { "/system/identity/enable", TRAP("no_such_command") },
        { "/system/identity/comment =comment=x", TRAP("no_such_command") },
        { POLICY "/print =count-only=", "!done =ret=0 ." });
}

static void several_items_change_together_or_not(void **state)
{
    PLAY(*state, { SA "/add =name=a", "!done =ret=*1 ." }, { SA "/add =name=b", "!done =ret=*2 ." },
         { SA "/set =numbers=a,b =lifetime=5m", "!done ." },
         { SA "/print =.proplist=name,lifetime",
           "!re =name=a =lifetime=5m . !re =name=b =lifetime=5m . !done ." },
         { SA "/set =numbers=a,b =lifetime=6m =name=same",
           TRAP_AT("name", "failure:_already_have_such_entry") },
         { SA "/remove =numbers=a,b,absent", TRAP_AT("numbers", "no_such_item") },
         { SA "/remove =numbers=a,b,a", TRAP("no_such_item") },
         { SA "/print =.proplist=name,lifetime",
           "!re =name=a =lifetime=5m . !re =name=b =lifetime=5m . !done ." });
}

static void single_records_and_live_menus(void **state)
{
    PLAY(*state, { "/system/identity/print", "!re =name=host . !done ." },
         { "/system/identity/set =name=Router1", "!done ." },
         { "/system/identity/get =value-name=name", "!done =ret=Router1 ." },
         { "/ip/ipsec/settings/print", "!re =strict-incoming-check=false . !done ." },
         { "/ip/ipsec/settings/set =strict-incoming-check=true", "!done ." },
         { "/ip/ipsec/settings/get =value-name=strict-incoming-check", "!done =ret=true ." },
         { "/ip/ipsec/statistics/print", "!re =in-short=3 =out-too-big=0 . !done ." },
         { "/ip/ipsec/statistics/get =value-name=in-short", "!done =ret=3 ." },
         { "/ip/ipsec/installed-sa/print",
           "!re =.id=*1 =spi=E727605 =ESP=true . !re =.id=*2 =spi=100 =ESP=true . !done ." },
         { "/ip/ipsec/installed-sa/find ?spi=100", "!done =ret=*2 ." },
         { "/ip/ipsec/installed-sa/get =.id=*2 =value-name=spi", "!done =ret=100 ." },
         { "/ip/ipsec/installed-sa/get =.id=*3 =value-name=spi",
           TRAP_AT("numbers", "no_such_item") },
         { "/ip/ipsec/installed-sa/print =from=*2 =.proplist=spi", "!re =spi=100 . !done ." },
         { "/ip/ipsec/installed-sa/flush =sa-type=ah", "!done ." },
         { "/ip/ipsec/installed-sa/flush =sa-type=esp", TRAP("failure:_busy") },
         { "/ip/ipsec/installed-sa/flush =sa-type=x",
           TRAP_AT("sa-type", "input_does_not_match_any_value_of_sa-type") },
         { "/ip/ipsec/settings/export",
           "!re =line=/ip_ipsec_settings . !re =line=set_strict-incoming-check=yes . !done ." });
}

static void tags_come_back_on_every_sentence(void **state)
{
    PLAY(*state, { SA "/add =name=a .tag=7", "!done =ret=*1 .tag=7 ." },
         { SA "/print .tag=x-1 =.proplist=name", "!re =name=a .tag=x-1 . !done .tag=x-1 ." },
         { SA "/print .proplist=name .tag=", "!re =name=a .tag= . !done .tag= ." },
         { SA "/nothing .tag=9", "!trap =message=no_such_command .tag=9 . !done .tag=9 ." },
         { "/login =name=admin =password= .tag=1", "!done .tag=1 ." },
         { "/cancel .tag=2 =tag=1", "!done .tag=2 ." });
}

/* The example rows: id, protocol, priority, comment. */
static const struct query_case {
    const char *query, *ids;
} queries[] = {
    { "", "*1,*2,*3,*4" },
    { "?protocol=tcp", "*1,*3" },
    { "?=protocol=tcp", "*1,*3" },
    { "?protocol=6", "*1,*3" }, /* as it would be typed */
    { "?comment", "*2,*3" },
    { "?-comment", "*1,*4" },
    { "?comment=", "" },
    { "?.id=*3", "*3" },
    { "?disabled=yes", "*4" },
    { "?disabled=true", "*4" },
    { "?disabled=no", "*1,*2,*3" },
    { "?>priority=0", "*2,*3" },
    { "?<priority=0", "*4" },
    { "?>priority=9", "*3" }, /* numbers, not texts */
    { "?<comment=b", "*2" },
    { "?nonsense=1", "" },
    { "?-nonsense", "*1,*2,*3,*4" },
    { "?protocol=tcp ?comment=b", "*3" }, /* what is left is "and" */
    { "?protocol=tcp ?protocol=udp ?#|", "*1,*2,*3" },
    { "?protocol=tcp ?protocol=udp ?#|!", "*4" },
    { "?protocol=tcp ?comment ?#&", "*3" },
    { "?protocol=tcp ?#!", "*2,*4" },
    { "?protocol=tcp ?#!!", "*1,*3" },
    { "?protocol=tcp ?comment ?#!&", "*1" },
    { "?protocol=tcp ?comment ?#1", "*1,*3" }, /* only the one below the top */
    { "?protocol=tcp ?comment ?#0", "*2,*3" },
    { "?protocol=tcp ?comment ?#1.&|", "*1,*3" },
    { "?protocol=tcp ?#.&", "*1,*3" },
    { "?out-transformed=18", "*2" },
    { "?encrypted=18", "*2" },
    { "?src-address=10.0.0.1", "*1" },
};

static void queries_choose_rows(void **state)
{
    struct fixture *f = *state;

    PLAY(f, { POLICY "/add =protocol=tcp =src-address=10.0.0.1", "!done =ret=*1 ." },
         { POLICY "/add =protocol=udp =comment=a =priority=9", "!done =ret=*2 ." },
         { POLICY "/add =protocol=tcp =comment=b =priority=10", "!done =ret=*3 ." },
         { POLICY "/add =protocol=gre =priority=-1 =disabled=yes", "!done =ret=*4 ." });
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct text line = TEXT_INIT, want = TEXT_INIT;
        text_printf(&line, POLICY "/find %s", queries[i].query);
        text_printf(&want, "!done =ret=%s .", queries[i].ids);
        PLAY(f, { text_get(&line), text_get(&want) });
        text_fini(&line);
        text_fini(&want);
    }
}

static void queries_that_make_no_sense_are_refused(void **state)
{
    static const char *const bad[] = { "?#&",
                                       "?name ?#&",
                                       "?#!",
                                       "?#.",
                                       "?name ?#1",
                                       "?name ?#x",
                                       "?name ?#99999999999999999999",
                                       "?name ?#-1" };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct text line = TEXT_INIT;
        text_printf(&line, SA "/print %s", bad[i]);
        PLAY(f, { text_get(&line), TRAP("failure:_query_operations_do_not_fit") });
        text_fini(&line);
    }
    /* A stack that would grow and work that would not end. */
    struct text line = TEXT_INIT;
    text_puts(&line, SA "/print ?name ?#");
    for (int i = 0; i < 2 * API_SENTENCE_WORDS_MAX; i++)
        text_putc(&line, '.');
    PLAY(f, { text_get(&line), TRAP("failure:_query_operations_do_not_fit") });
    for (int i = 0; i < 5000; i++)
        text_putc(&line, '!');
    PLAY(f, { text_get(&line), TRAP("failure:_query_operations_do_not_fit") });
    text_fini(&line);
}

static void a_thousand_words_are_taken(void **state)
{
    struct text line = TEXT_INIT;

    text_puts(&line, SA "/print");
    for (int i = 0; i < 1000; i++)
        text_printf(&line, " ?name=n%d", i);
    PLAY(*state, { SA "/add =name=a", "!done =ret=*1 ." }, { text_get(&line), "!done ." });
    text_clear(&line);
    text_puts(&line, SA "/add");
    for (int i = 0; i < 1000; i++)
        text_puts(&line, " =lifetime=1");
    PLAY(*state,
         { text_get(&line), TRAP_AT("lifetime", "failure:_lifetime_is_given_more_than_once") });
    text_fini(&line);
}

static void long_comments_are_refused(void **state)
{
    struct text line = TEXT_INIT;

    text_puts(&line, SA "/add =name=a =comment=");
    for (int i = 0; i < PROP_TEXT_MAX + 1; i++)
        text_putc(&line, 'c');
    PLAY(*state, { text_get(&line), TRAP_AT("comment", "invalid_value_for_argument_comment") });
    text_fini(&line);
}

static void the_end_of_a_connection_says_why(void **state)
{
    struct fixture *f = *state;
    struct text wire = TEXT_INIT, out = TEXT_INIT;

    put_request("/quit", &wire);
    assert_false(api_session_feed(f->s, (const uint8_t *)wire.s, wire.len, &out));
    char *reply = reply_line(&out);
    assert_string_equal(reply, "!fatal session_terminated_on_request .");
    free(reply);
    text_clear(&out);
    text_clear(&wire);
    put_request(SA "/add =name=kept", &wire);
    text_puts(&wire, "\xff");
    assert_false(api_session_feed(f->s, (const uint8_t *)wire.s, wire.len, &out));
    reply = reply_line(&out);
    assert_string_equal(reply, "!done =ret=*1 . "
                               "!fatal not_a_sentence,_or_a_longer_one_than_this_side_takes .");
    free(reply);
    text_fini(&wire);
    text_fini(&out);
}

static void empty_sentences_are_passed_over(void **state)
{
    PLAY(*state, { "", "" }, { "/login", "!done ." });
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(items_live_their_life),
        T(a_row_has_everything),
        T(several_items_are_added_together_or_not_at_all),
        T(order_is_kept_and_changed),
        T(errors_are_the_references),
        T(several_items_change_together_or_not),
        T(single_records_and_live_menus),
        T(tags_come_back_on_every_sentence),
        T(queries_choose_rows),
        T(queries_that_make_no_sense_are_refused),
        T(a_thousand_words_are_taken),
        T(long_comments_are_refused),
        T(the_end_of_a_connection_says_why),
        T(empty_sentences_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
