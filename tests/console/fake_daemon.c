/* A daemon for tests of the console program: the backend behind a Unix socket, one client after the
 * other. `fake_daemon SOCKET IDENTITY` prints "ready" when it serves. */
#include "backend.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS_MAX = 8 };

struct client {
    int fd;
    struct api_session *session;
};

static int listen_at(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof addr) != 0 ||
        listen(fd, CLIENTS_MAX) != 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

/* False: the client is gone. */
static bool serve(struct client *c)
{
    struct text out = TEXT_INIT;
    uint8_t buf[4096];
    ssize_t n = recv(c->fd, buf, sizeof buf, 0);
    bool more = n > 0 && api_session_feed(c->session, buf, (size_t)n, &out);

    for (size_t done = 0; done < out.len;) {
        ssize_t sent = send(c->fd, out.s + done, out.len - done, MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        done += (size_t)sent;
    }
    text_fini(&out);
    return more;
}

int main(int argc, char **argv)
{
    struct client clients[CLIENTS_MAX];
    struct pollfd polls[CLIENTS_MAX + 1];
    size_t n = 0;

    if (argc != 3)
        return 2;
    struct backend *b = backend_new(argv[2]);
    int listener = listen_at(argv[1]);
    backend_add_row(b, "ip ipsec statistics", "unknown-spi=3;replayed=1");
    backend_add_row(b, "ip ipsec installed-sa",
                    "ESP=true;spi=E727605;src-address=10.0.0.148;dst-address=10.0.0.147;"
                    "state=ma\033[31mture");
    puts("ready");
    fflush(stdout);
    for (;;) {
        polls[0] = (struct pollfd){ .fd = n < CLIENTS_MAX ? listener : -1, .events = POLLIN };
        for (size_t i = 0; i < n; i++)
            polls[i + 1] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
        if (poll(polls, n + 1, -1) < 0)
            return 1;
        for (size_t i = n; i-- > 0;) {
            if (!polls[i + 1].revents || serve(&clients[i]))
                continue;
            close(clients[i].fd);
            api_session_free(clients[i].session);
            clients[i] = clients[--n];
        }
        if (polls[0].revents)
            clients[n++] = (struct client){ accept4(listener, NULL, NULL, SOCK_CLOEXEC),
                                            api_session_new(backend_config(b)) };
    }
}
