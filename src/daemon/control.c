#include "control.h"

#include "api.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS_MAX = 64, BACKLOG = 16, READ_BYTES = 16384 };

struct control {
    uv_pipe_t listener;
    uv_loop_t *loop;
    struct config *config;
    struct client *clients;
    unsigned n_clients;
};

struct client {
    uv_pipe_t pipe;
    struct control *control;
    struct api_session *session;
    struct client *next;
    char buf[READ_BYTES];
};

struct reply {
    uv_write_t write;
    char *bytes;
    bool then_close;
};

/* ---- the socket file ---- */

static bool socket_is_dead(const char *path, const struct sockaddr_un *addr)
{
    struct stat st;
    int fd;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool dead =
        connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0 && errno == ECONNREFUSED;
    close(fd);
    return dead;
}

int control_bind(const char *path, uid_t uid, gid_t gid, char *err, size_t err_size)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof(addr.sun_path)) {
        snprintf(err, err_size, "socket path %s is longer than %zu bytes", path,
                 sizeof(addr.sun_path) - 1);
        return -1;
    }
    memcpy(addr.sun_path, path, strlen(path));
    if (socket_is_dead(path, &addr))
        unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
        snprintf(err, err_size, "cannot make socket %s: %s%s", addr.sun_path, strerror(errno),
                 errno == EADDRINUSE ? " (another daemon serves there, or a file is in the way)"
                                     : "");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (chmod(path, 0660) != 0 || chown(path, uid, gid) != 0) {
        snprintf(err, err_size, "cannot set the owner of socket %s: %s", addr.sun_path,
                 strerror(errno));
        close(fd);
        unlink(path);
        return -1;
    }
    return fd;
}

/* ---- connections ---- */

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    struct client **at = &client->control->clients;

    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    client->control->n_clients--;
    api_session_free(client->session);
    free(client);
}

static void client_close(struct client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->pipe))
        uv_close((uv_handle_t *)&client->pipe, on_client_closed);
}

static void on_written(uv_write_t *write, int status)
{
    struct reply *reply = (struct reply *)write;
    struct client *client = write->handle->data;

    if (status < 0 || reply->then_close)
        client_close(client);
    free(reply->bytes);
    free(reply);
}

static void client_send(struct client *client, struct text *out, bool then_close)
{
    struct reply *reply = xcalloc(1, sizeof(*reply));
    uv_buf_t buf = uv_buf_init(NULL, (unsigned)out->len);

    buf.base = reply->bytes = text_take(out);
    reply->then_close = then_close;
    if (uv_write(&reply->write, (uv_stream_t *)&client->pipe, &buf, 1, on_written) != 0) {
        free(reply->bytes);
        free(reply);
        client_close(client);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *client = handle->data;

    (void)suggested;
    *buf = uv_buf_init(client->buf, sizeof(client->buf));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *client = stream->data;
    struct text out = TEXT_INIT;

    if (n < 0) {
        client_close(client);
        return;
    }
    if (n == 0)
        return;
    bool go_on = api_session_feed(client->session, (const uint8_t *)buf->base, (size_t)n, &out);
    if (!go_on)
        uv_read_stop(stream);
    if (out.len)
        client_send(client, &out, !go_on);
    else if (!go_on)
        client_close(client);
    text_fini(&out);
}

static struct client *client_new(struct control *c)
{
    struct client *client = xcalloc(1, sizeof(*client));

    client->control = c;
    client->session = api_session_new(c->config);
    uv_pipe_init(c->loop, &client->pipe, 0);
    client->pipe.data = client;
    client->next = c->clients;
    c->clients = client;
    c->n_clients++;
    return client;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct control *c = listener->data;

    if (status < 0)
        return;
    struct client *client = client_new(c);
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 || c->n_clients > CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) != 0)
        client_close(client);
}

bool control_serve(struct control *c, int fd)
{
    struct client *client = client_new(c);

    if (uv_pipe_open(&client->pipe, fd) != 0) {
        close(fd);
        client_close(client);
        return false;
    }
    return uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) == 0;
}

struct control *control_start(uv_loop_t *loop, int fd, struct config *config)
{
    struct control *c = xcalloc(1, sizeof(*c));

    c->loop = loop;
    c->config = config;
    uv_pipe_init(loop, &c->listener, 0);
    c->listener.data = c;
    if (uv_pipe_open(&c->listener, fd) != 0 ||
        uv_listen((uv_stream_t *)&c->listener, BACKLOG, on_connection) != 0) {
        close(fd);
        free(c);
        return NULL;
    }
    return c;
}

void control_stop(struct control *c)
{
    for (struct client *client = c->clients; client; client = client->next)
        client_close(client);
    if (!uv_is_closing((uv_handle_t *)&c->listener))
        uv_close((uv_handle_t *)&c->listener, NULL);
}

void control_free(struct control *c)
{
    free(c);
}
