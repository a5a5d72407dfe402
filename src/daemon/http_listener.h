/* http_listener.h: the sockets that the HTTP servers listen on. Thread: the main thread, before others start
 * (the control socket's mode comes from the process's umask for a moment). */
#pragma once
#include <sys/stat.h>
#include "base/error.h"

/* Binds "HOST:PORT" ("127.0.0.1:9797", "[::1]:9797"; ":9797" means all addresses) and listens. Returns the
 * descriptor, or a negative errno. */
int http_listen_tcp(const char *address, struct error *err);

/* A unix socket in the file system, which lives as long as this. */
struct control_socket {
	const char *path; /* NULL: none */
	int fd;           /* -1 once somebody else has taken it */
	dev_t device;
	ino_t inode;
};

/* Binds path with mode 0660 and listens. A socket left behind by a process that is gone is removed; one that
 * answers is not (-EADDRINUSE). The directory is made where it alone is missing, and stays. path must stay valid.
 * Returns 0 or a negative errno. */
int control_socket_open(struct control_socket *control, const char *path, struct error *err);

/* Removes the socket's file, unless it is another one's by now, and closes fd unless it is -1. To be called
 * while the socket still answers: a file system may give the successor's socket the same inode. May be called
 * on one that is zeroed (path NULL) or closed. */
void control_socket_close(struct control_socket *control);
