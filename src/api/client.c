/* The console's side: one request, then its replies until !done. */
#include "api_priv.h"
#include "secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 65536 };

struct api_client {
    int fd;
    struct api_decoder *decoder;
    uint8_t buf[READ_BYTES];
    const uint8_t *at; /* bytes of BUF not decoded yet */
    size_t left;
};

struct api_client *api_client_connect(const char *socket_path, struct text *error)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    if (strlen(socket_path) >= sizeof(addr.sun_path)) {
        text_printf(error, "%s: the path is longer than a socket's can be (%zu)", socket_path,
                    sizeof(addr.sun_path) - 1);
        return NULL;
    }
    strcpy(addr.sun_path, socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
        text_printf(error, "cannot connect to %s: %s (is sallyportd running?)", socket_path,
                    strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    return api_client_from_fd(fd);
}

struct api_client *api_client_from_fd(int fd)
{
    struct api_client *c = xcalloc(1, sizeof(*c));

    c->fd = fd;
    c->decoder = api_decoder_new();
    return c;
}

void api_client_free(struct api_client *c)
{
    if (!c)
        return;
    close(c->fd);
    api_decoder_free(c->decoder);
    free(c);
}

static bool send_all(struct api_client *c, const char *p, size_t len, struct text *error)
{
    while (len > 0) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            text_printf(error, "connection lost: %s", strerror(errno));
            return false;
        }
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool receive_more(struct api_client *c, struct text *error)
{
    ssize_t n;

    do
        n = recv(c->fd, c->buf, sizeof(c->buf), 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        text_printf(error, "connection lost: %s",
                    n == 0 ? "closed by the other side" : strerror(errno));
        return false;
    }
    c->at = c->buf;
    c->left = (size_t)n;
    return true;
}

static bool receive_sentence(struct api_client *c, struct api_sentence *ret, struct text *error)
{
    for (;;) {
        enum api_decode d = api_decode(c->decoder, &c->at, &c->left, ret);
        if (d == API_SENTENCE)
            return true;
        if (d == API_BAD) {
            text_puts(error, "connection lost: the other side does not speak the API");
            return false;
        }
        if (!receive_more(c, error))
            return false;
    }
}

static char *copy_or_null(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

/* Takes S over. False when it was the last one. */
static bool reply_take(struct api_reply *r, struct api_sentence *s)
{
    bool more = true;

    if (strcmp(s->words[0], "!re") == 0) {
        if ((r->n_rows & (r->n_rows - 1)) == 0)
            r->rows = xrealloc(r->rows, (r->n_rows ? 2 * r->n_rows : 1) * sizeof(*r->rows));
        r->rows[r->n_rows++] = *s;
        *s = (struct api_sentence){ 0 };
    } else if (strcmp(s->words[0], "!trap") == 0 && !r->trap) {
        const char *message = api_sentence_get(s, "message");
        r->trap = xstrdup(message ? message : "failure");
    } else if (strcmp(s->words[0], "!done") == 0) {
        r->ret = copy_or_null(api_sentence_get(s, "ret"));
        r->trap_arg = r->trap ? copy_or_null(api_sentence_get(s, "argument")) : NULL;
        more = false;
    }
    api_sentence_fini(s);
    return more;
}

bool api_client_call(struct api_client *c, const struct api_sentence *request,
                     struct api_reply *ret, struct text *error)
{
    struct text bytes = TEXT_INIT;
    struct api_reply reply = { 0 };
    struct api_sentence s = { 0 };

    api_sentence_encode(request, &bytes);
    bool ok = send_all(c, text_get(&bytes), bytes.len, error), more = true;
    secret_wipe(bytes.s, bytes.len);
    text_fini(&bytes);
    while (ok && more) {
        ok = receive_sentence(c, &s, error);
        if (!ok || s.n == 0)
            continue;
        if (strcmp(s.words[0], "!fatal") == 0) {
            text_printf(error, "connection lost: %s", s.n > 1 ? s.words[1] : "");
            api_sentence_fini(&s);
            ok = false;
            continue;
        }
        more = reply_take(&reply, &s);
    }
    if (ok)
        *ret = reply;
    else
        api_reply_fini(&reply);
    return ok;
}

void api_reply_fini(struct api_reply *r)
{
    for (size_t i = 0; i < r->n_rows; i++)
        api_sentence_fini(&r->rows[i]);
    free(r->rows);
    free(r->ret);
    free(r->trap);
    free(r->trap_arg);
    *r = (struct api_reply){ 0 };
}
