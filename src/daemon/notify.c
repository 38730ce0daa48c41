#include "notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int notify_background(void)
{
    int fds[2];
    char byte;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0) {
        close(fds[0]);
        setsid();
        return fds[1];
    }
    close(fds[1]);
    if (read(fds[0], &byte, 1) != 1)
        _exit(1); /* the child has said why */
    puts("ready");
    exit(0);
}

static void notify_systemd(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd;

    if (!path || strlen(path) >= sizeof(addr.sun_path))
        return;
    memcpy(addr.sun_path, path, strlen(path));
    if (path[0] == '@')
        addr.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    static const char state[] = "READY=1";
    if (sendto(fd, state, sizeof(state) - 1, MSG_NOSIGNAL, (struct sockaddr *)&addr, len) < 0)
        perror("sallyportd: NOTIFY_SOCKET");
    close(fd);
}

void notify_ready(int fd)
{
    notify_systemd();
    if (fd < 0) {
        puts("ready");
        fflush(stdout);
        return;
    }
    if (write(fd, "r", 1) != 1)
        perror("sallyportd: telling the parent");
    close(fd);
}
