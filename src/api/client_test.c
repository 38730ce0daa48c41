/* The blocking client against a session behind a real socket, and against servers that misbehave.
 */
#include "api.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Answers each connection with CANNED bytes, or with a session when that is NULL. */
struct server {
    char dir[32], path[64];
    int listener;
    pthread_t thread;
    const char *canned;
    size_t canned_len;
};

static void serve(struct server *s, int fd)
{
    static const struct config_hooks hooks = { .default_identity = "host" };
    struct config *c = config_open_memory(&hooks);
    struct api_session *session = api_session_new(c);
    uint8_t buf[256];
    ssize_t n;
    bool more = true;

    while (more && (n = recv(fd, buf, sizeof(buf), 0)) > 0) {
        struct text out = TEXT_INIT;
        if (s->canned)
            text_add(&out, s->canned, s->canned_len);
        else
            more = api_session_feed(session, buf, (size_t)n, &out);
        /* One byte at a time, as a slow line would. */
        for (size_t i = 0; i < out.len; i++)
            send(fd, out.s + i, 1, MSG_NOSIGNAL);
        text_fini(&out);
        more = more && !s->canned;
    }
    api_session_free(session);
    config_close(c);
    close(fd);
}

static void *server_run(void *arg)
{
    struct server *s = arg;
    int fd;

    while ((fd = accept(s->listener, NULL, NULL)) >= 0)
        serve(s, fd);
    return NULL;
}

static void server_start(struct server *s, const char *canned, size_t len)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    *s = (struct server){ .dir = "/tmp/client_test.XXXXXX", .canned = canned, .canned_len = len };
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->path, sizeof(s->path), "%s/api.sock", s->dir);
    memcpy(addr.sun_path, s->path, sizeof(s->path));
    s->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(s->listener, 4), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

static void server_stop(struct server *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
    unlink(s->path);
    rmdir(s->dir);
}

static bool call(struct api_client *c, const char *line, struct api_reply *ret, struct text *error)
{
    struct api_sentence s = { 0 };
    char *copy = xstrdup(line), *save = NULL;

    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        api_sentence_add(&s, "%s", w);
    bool ok = api_client_call(c, &s, ret, error);
    api_sentence_fini(&s);
    free(copy);
    return ok;
}

static void requests_get_their_replies(void **state)
{
    struct server s;
    struct text error = TEXT_INIT;
    struct api_reply r;

    (void)state;
    server_start(&s, NULL, 0);
    struct api_client *c = api_client_connect(s.path, &error);
    assert_non_null(c);

    assert_true(call(c, "/ip/ipsec/manual-sa/add =name=keys", &r, &error));
    assert_string_equal(r.ret, "*1");
    assert_null(r.trap);
    api_reply_fini(&r);

    assert_true(call(c, "/ip/ipsec/manual-sa/add =name=more", &r, &error));
    api_reply_fini(&r);
    assert_true(call(c, "/ip/ipsec/manual-sa/print", &r, &error));
    assert_int_equal(r.n_rows, 2);
    assert_string_equal(api_sentence_get(&r.rows[0], "name"), "keys");
    assert_string_equal(api_sentence_get(&r.rows[1], "name"), "more");
    assert_null(r.ret);
    api_reply_fini(&r);

    assert_true(call(c, "/ip/ipsec/manual-sa/add =name=keys", &r, &error));
    assert_string_equal(r.trap, "failure: already have such entry");
    assert_string_equal(r.trap_arg, "name");
    assert_null(r.ret);
    api_reply_fini(&r);

    assert_false(call(c, "/quit", &r, &error));
    assert_string_equal(text_get(&error), "connection lost: session terminated on request");
    text_fini(&error);
    api_client_free(c);
    server_stop(&s);
}

static void servers_that_misbehave_are_left(void **state)
{
    static const struct canned_case {
        const char *label, *bytes;
        size_t len;
        const char *error;
    } cases[] = {
#define B(bytes) bytes, sizeof(bytes) - 1
        { "hangs up", B(""), "connection lost: closed by the other side" },
        { "hangs up in a word", B("\x05!do"), "connection lost: closed by the other side" },
        { "speaks HTTP", B("\xff\xffHTTP/1.1 400\r\n"),
          "connection lost: the other side does not speak the API" },
        { "fatal without a reason", B("\x06!fatal\x00"), "connection lost: " },
        { "rows without an end", B("\x03!re\x00\x03!re\x00"),
          "connection lost: closed by the other side" },
#undef B
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct server s;
        struct text error = TEXT_INIT;
        struct api_reply r;
        server_start(&s, cases[i].bytes, cases[i].len);
        struct api_client *c = api_client_connect(s.path, &error);
        assert_non_null(c);
        if (call(c, "/x", &r, &error) || strcmp(text_get(&error), cases[i].error) != 0)
            fail_msg("%s: %s", cases[i].label, text_get(&error));
        text_fini(&error);
        api_client_free(c);
        server_stop(&s);
    }
}

static void odd_replies_are_taken(void **state)
{
    static const char bytes[] =
        "\x00\x05!huh?\x00\x05!trap\x00\x05!trap\x0a=message=x\x00\x05!done";
    struct server s;
    struct text error = TEXT_INIT;
    struct api_reply r;

    (void)state;
    server_start(&s, bytes, sizeof(bytes)); /* with the NUL that ends the last sentence */
    struct api_client *c = api_client_connect(s.path, &error);
    assert_true(call(c, "/x", &r, &error));
    assert_string_equal(r.trap, "failure"); /* the first trap counts, text or not */
    assert_null(r.trap_arg);
    api_reply_fini(&r);
    api_client_free(c);
    server_stop(&s);
}

static void what_is_not_there_is_named(void **state)
{
    struct text error = TEXT_INIT;
    char path[300];

    (void)state;
    assert_null(api_client_connect("/nonexistent/api.sock", &error));
    assert_string_equal(text_get(&error), "cannot connect to /nonexistent/api.sock: No such file "
                                          "or directory (is sallyportd running?)");
    text_clear(&error);
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_null(api_client_connect(path, &error));
    assert_non_null(strstr(text_get(&error), "longer than a socket's can be (107)"));
    text_fini(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_get_their_replies),
        cmocka_unit_test(servers_that_misbehave_are_left),
        cmocka_unit_test(odd_replies_are_taken),
        cmocka_unit_test(what_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
