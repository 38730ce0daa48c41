#include "ike_sockets.h"

#include "ike.h"
#include "isakmp_natt.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DATAGRAMS_PER_WAKE = 64 };
enum { IKE4, IKE6, NATT4, NATT6, FROM_WORKERS, SOCKETS };

static const struct {
    enum ip_family family;
    uint16_t port;
} ports[FROM_WORKERS] = { [IKE4] = { IP_V4, UDP_PORT_IKE },
                          [IKE6] = { IP_V6, UDP_PORT_IKE },
                          [NATT4] = { IP_V4, UDP_PORT_NATT },
                          [NATT6] = { IP_V6, UDP_PORT_NATT } };

struct ike_sockets {
    int fds[SOCKETS];
    int worker_fd; /* the workers' end of FROM_WORKERS */
    uv_poll_t polls[SOCKETS];
    ike_sockets_datagram *datagram;
    void *ctx;
    uint8_t buf[IKE_MESSAGE_BYTES_MAX + 1];
};

/* ---- opening ---- */

static bool ports_open(struct ike_sockets *s, uint32_t mark, unsigned n_workers, char *err,
                       size_t err_size)
{
    for (int i = 0; i < FROM_WORKERS; i++) {
        unsigned n_esp = ports[i].port == UDP_PORT_NATT ? n_workers : 0;

        s->fds[i] = udp_open(ports[i].family, ports[i].port, mark, n_esp);
        if (s->fds[i] >= 0 || (ports[i].family == IP_V6 && errno == EAFNOSUPPORT))
            continue;
        snprintf(err, err_size, "cannot open UDP port %d: %s%s", ports[i].port, strerror(errno),
                 errno == EADDRINUSE ? " (another IKE daemon runs here)" : "");
        return false;
    }
    return true;
}

/* Sequenced packets: bounded by the buffer in bytes, where datagram sockets have a limit in
 * messages that is often 10. */
static bool pair_open(struct ike_sockets *s, char *err, size_t err_size)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        snprintf(err, err_size, "cannot make a socket pair: %s", strerror(errno));
        return false;
    }
    s->fds[FROM_WORKERS] = pair[0];
    s->worker_fd = pair[1];
    return true;
}

struct ike_sockets *ike_sockets_new(uint32_t mark, unsigned n_workers, char *err, size_t err_size)
{
    struct ike_sockets *s = xcalloc(1, sizeof(*s));

    s->worker_fd = -1;
    for (int i = 0; i < SOCKETS; i++)
        s->fds[i] = -1;
    if (ports_open(s, mark, n_workers, err, err_size) && pair_open(s, err, err_size))
        return s;
    ike_sockets_free(s);
    return NULL;
}

void ike_sockets_free(struct ike_sockets *s)
{
    if (!s)
        return;
    for (int i = 0; i < SOCKETS; i++)
        if (s->fds[i] >= 0)
            close(s->fds[i]);
    if (s->worker_fd >= 0)
        close(s->worker_fd);
    free(s);
}

/* ---- receiving ---- */

/* One message of the network; false when none waits. */
static bool port_serve(struct ike_sockets *s, int i)
{
    struct udp_path path;
    size_t segment;
    ssize_t n = udp_receive(s->fds[i], ports[i].port, s->buf, sizeof(s->buf), &path, &segment);

    if (n < 0)
        return false;
    if ((size_t)n > IKE_MESSAGE_BYTES_MAX)
        return true;
    for (size_t at = 0; at < (size_t)n; at += segment) {
        size_t left = (size_t)n - at;
        struct slice message, datagram = { s->buf + at, left < segment ? left : segment };
        /* ESP that came in one superpacket behind IKE is lost, as on the network. */
        enum natt_kind kind = natt_classify(datagram, ports[i].port == UDP_PORT_NATT, &message);
        if (kind == NATT_IKE)
            s->datagram(s->ctx, &path, message.p, message.len);
        else if (kind == NATT_BAD) /* too short to be anything: the engine counts it */
            s->datagram(s->ctx, &path, datagram.p, 0);
    }
    return true;
}

static bool worker_serve(struct ike_sockets *s)
{
    struct udp_path path;
    struct iovec iov[] = { { &path, sizeof(path) }, { s->buf, sizeof(s->buf) } };
    ssize_t n = readv(s->fds[FROM_WORKERS], iov, 2);

    if (n < (ssize_t)sizeof(path))
        return false;
    s->datagram(s->ctx, &path, s->buf, (size_t)n - sizeof(path));
    return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct ike_sockets *s = poll->data;
    int which = (int)(poll - s->polls);

    (void)status;
    (void)events;
    for (int i = 0; i < DATAGRAMS_PER_WAKE; i++)
        if (!(which == FROM_WORKERS ? worker_serve(s) : port_serve(s, which)))
            return;
}

void ike_sockets_start(struct ike_sockets *s, uv_loop_t *loop, ike_sockets_datagram *datagram,
                       void *ctx)
{
    s->datagram = datagram;
    s->ctx = ctx;
    for (int i = 0; i < SOCKETS; i++) {
        if (s->fds[i] < 0)
            continue;
        uv_poll_init(loop, &s->polls[i], s->fds[i]);
        s->polls[i].data = s;
        uv_poll_start(&s->polls[i], UV_READABLE, on_readable);
    }
}

void ike_sockets_stop(struct ike_sockets *s)
{
    for (int i = 0; i < SOCKETS; i++)
        if (s->fds[i] >= 0)
            uv_close((uv_handle_t *)&s->polls[i], NULL);
}

/* ---- sending ---- */

bool ike_sockets_send(const struct ike_sockets *s, const struct udp_path *path, const void *bytes,
                      size_t len)
{
    bool v6 = path->remote.family == IP_V6, natt = path->local_port == UDP_PORT_NATT;
    int fd = s->fds[natt ? (v6 ? NATT6 : NATT4) : (v6 ? IKE6 : IKE4)];

    return udp_send(fd, path, bytes, len);
}

int ike_sockets_worker_fd(const struct ike_sockets *s)
{
    return s->worker_fd;
}

bool ike_sockets_pass(int worker_fd, const struct udp_path *path, const uint8_t *bytes, size_t len)
{
    struct iovec iov[] = { { (void *)path, sizeof(*path) }, { (void *)bytes, len } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

    return sendmsg(worker_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}
