#include "backend.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct row {
    char *menu_path, *pairs;
    struct row *next;
};

struct backend {
    struct config *config;
    struct row *rows;
    char *identity, *last_error;
    pthread_t thread;
    int fd;
    bool serving;
    unsigned applies;
};

static void emit_pairs(struct live_row *row, const char *pairs)
{
    char *copy = xstrdup(pairs), *save = NULL;

    for (char *pair = strtok_r(copy, ";", &save); pair; pair = strtok_r(NULL, ";", &save)) {
        char *equals = strchr(pair, '=');
        *equals = '\0';
        live_row_set(row, pair, equals + 1);
    }
    free(copy);
}

static void rows(void *ctx, const struct menu *m,
                 struct live_row *(*emit)(void *emit_ctx, uint32_t id), void *emit_ctx)
{
    struct backend *b = ctx;
    uint32_t id = 1;

    for (struct row *r = b->rows; r; r = r->next, id++)
        if (strcmp(r->menu_path, m->path) == 0)
            emit_pairs(emit(emit_ctx, id), r->pairs);
}

/* The state of a gateway that has seen no traffic. */
static bool live(void *ctx, const struct menu *m, const struct item *item, const struct prop *p,
                 struct text *out)
{
    const struct backend *b = ctx;

    (void)m;
    (void)item;
    if (strcmp(p->name, "last-error") == 0) {
        text_puts(out, b->last_error ? b->last_error : "");
        return b->last_error;
    }
    if (strcmp(p->name, "inactive-reason") == 0)
        return false;
    if (strcmp(p->name, "inactive") == 0)
        text_puts(out, "no");
    else
        text_puts(out, strcmp(p->name, "ph2-state") == 0 ? "no-phase2" : "0");
    return true;
}

static bool is_flushed(const struct row *r, uint32_t types)
{
    if (strcmp(r->menu_path, "ip ipsec installed-sa") != 0)
        return false;
    if (types & CFG_FLUSH_ALL)
        return true;
    return types & (strstr(r->pairs, "AH=true") ? CFG_FLUSH_AH : CFG_FLUSH_ESP);
}

static void free_row(struct row *r)
{
    free(r->menu_path);
    free(r->pairs);
    free(r);
}

static bool command(void *ctx, const struct menu *m, const char *name, const void *args,
                    struct text *error)
{
    struct backend *b = ctx;
    const struct cfg_flush *flush = args;

    (void)error;
    bool flushing = strcmp(name, "flush") == 0;
    for (struct row **at = &b->rows; *at;) {
        struct row *r = *at;
        if (flushing ? !is_flushed(r, flush->sa_type) : strcmp(r->menu_path, m->path) != 0) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        free_row(r);
    }
    return true;
}

static bool apply(void *ctx, struct config *c, const struct config_change *changes, size_t n,
                  struct text *reason)
{
    ((struct backend *)ctx)->applies++;
    (void)c;
    (void)changes;
    (void)n;
    (void)reason;
    return true;
}

struct backend *backend_new(const char *identity)
{
    struct backend *b = xcalloc(1, sizeof *b);

    b->identity = xstrdup(identity);
    const struct config_hooks hooks = { .ctx = b,
                                        .apply = apply,
                                        .live = live,
                                        .rows = rows,
                                        .command = command,
                                        .default_identity = b->identity };
    b->config = config_open_memory(&hooks);
    return b;
}

void backend_free(struct backend *b)
{
    if (!b)
        return;
    if (b->serving)
        pthread_join(b->thread, NULL);
    config_close(b->config);
    backend_clear_rows(b);
    free(b->identity);
    free(b->last_error);
    free(b);
}

unsigned backend_applies(const struct backend *b)
{
    return b->applies;
}

struct config *backend_config(struct backend *b)
{
    return b->config;
}

/* Until the client closes. */
static void *serve(void *arg)
{
    struct backend *b = arg;
    struct api_session *session = api_session_new(b->config);
    struct text out = TEXT_INIT;
    uint8_t buf[4096];
    ssize_t n;

    while ((n = recv(b->fd, buf, sizeof buf, 0)) > 0) {
        text_clear(&out);
        bool more = api_session_feed(session, buf, (size_t)n, &out);
        for (size_t done = 0; done < out.len;) {
            ssize_t sent = send(b->fd, out.s + done, out.len - done, MSG_NOSIGNAL);
            if (sent <= 0)
                break;
            done += (size_t)sent;
        }
        if (!more)
            break;
    }
    text_fini(&out);
    api_session_free(session);
    close(b->fd);
    return NULL;
}

struct api_client *backend_connect(struct backend *b)
{
    int fds[2];

    if (b->serving)
        pthread_join(b->thread, NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        abort();
    b->fd = fds[1];
    b->serving = pthread_create(&b->thread, NULL, serve, b) == 0;
    if (!b->serving)
        abort();
    return api_client_from_fd(fds[0]);
}

void backend_add_row(struct backend *b, const char *menu_path, const char *pairs)
{
    struct row *r = xcalloc(1, sizeof *r);
    struct row **at = &b->rows;

    r->menu_path = xstrdup(menu_path);
    r->pairs = xstrdup(pairs);
    while (*at)
        at = &(*at)->next;
    *at = r;
}

void backend_clear_rows(struct backend *b)
{
    while (b->rows) {
        struct row *r = b->rows;
        b->rows = r->next;
        free_row(r);
    }
}

void backend_last_error(struct backend *b, const char *text)
{
    free(b->last_error);
    b->last_error = text ? xstrdup(text) : NULL;
}
