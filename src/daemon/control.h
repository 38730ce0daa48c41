/* The API's Unix socket on the control loop: connections in, api_session per connection. */
#pragma once

#include "config.h"

#include <uv.h>

struct control;

/* Makes the socket file (refuses to replace anything but a dead socket) and hands it to UID:GID,
 * mode 0660. The descriptor listens once control_start runs. -1 with the reason in ERR. */
int control_bind(const char *path, uid_t uid, gid_t gid, char *err, size_t err_size);

/* Serves on FD (taken). */
struct control *control_start(uv_loop_t *loop, int fd, struct config *c);
/* Serves one more connection, already open (taken). */
bool control_serve(struct control *c, int fd);
void control_stop(struct control *c); /* closes; the loop must run once more before control_free */
void control_free(struct control *c);
