#include "daemon/http_listener.h"
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/cleanup.h"
#include "base/memory.h"

#define BACKLOG       64
#define CONTROL_UMASK 0117 /* leaves 0660 */

static void resolved_freep(struct addrinfo **addresses)
{
	if (*addresses) /* freeaddrinfo() does not promise to take NULL */
		freeaddrinfo(*addresses);
}

/* Splits "HOST:PORT" at the last colon and takes the brackets off. */
static int split_address(const char *address, char **host, char **port)
{
	const char *colon = strrchr(address, ':');
	size_t length;

	if (!colon || colon[1] == '\0')
		return -EINVAL;
	length = (size_t)(colon - address);
	if (length >= 2 && address[0] == '[' && colon[-1] == ']') {
		address++;
		length -= 2;
	} else if (memchr(address, ':', length)) {
		return -EINVAL; /* an IPv6 address without brackets */
	}
	*host = length ? xstrndup(address, length) : NULL;
	*port = xstrdup(colon + 1);
	return 0;
}

static int bind_one(const struct addrinfo *address)
{
	_cleanup_close_ int fd = -1;
	int result;

	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* or a restart would have to wait for the old connections' TIME_WAIT */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0)
		return -errno;
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	result = fd;
	fd = -1;
	return result;
}

int http_listen_tcp(const char *address, struct error *err)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	_cleanup_(resolved_freep) struct addrinfo *resolved = NULL;
	_cleanup_free_ char *host = NULL;
	_cleanup_free_ char *port = NULL;
	int result = split_address(address, &host, &port);

	if (result < 0)
		return error_set(err, result, REMEDY_PERSON,
		    "aloqd.http: '%s' is not HOST:PORT; write \"127.0.0.1:9797\" or \"[::1]:9797\"", address);
	result = getaddrinfo(host, port, &hints, &resolved);
	if (result != 0)
		return error_set(err, -EADDRNOTAVAIL, REMEDY_PERSON, "aloqd.http: cannot resolve '%s': %s",
		    address, gai_strerror(result));
	result = -EADDRNOTAVAIL;
	for (const struct addrinfo *one = resolved; one; one = one->ai_next) {
		result = bind_one(one);
		if (result >= 0)
			return result;
	}
	return error_set(err, result, REMEDY_PERSON, "aloqd.http: cannot listen on %s: %s%s", address,
	    strerror(-result),
	    result == -EADDRINUSE ? "; another process has the port, choose another one or stop it" : "");
}

/* Is there somebody who would answer? Also yes where we cannot tell: nothing is removed then. */
static bool is_answered(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
	       errno != ECONNREFUSED;
}

/* Makes room for our own socket. */
static int remove_stale(const struct sockaddr_un *address, struct error *err)
{
	const char *path = address->sun_path;
	struct stat status;

	if (lstat(path, &status) < 0)
		return 0; /* bind() will tell what is wrong, if anything is */
	if (!S_ISSOCK(status.st_mode))
		return error_set(err, -EEXIST, REMEDY_PERSON,
		    "control socket: %s exists and is not a socket; remove it or set aloqd.control to "
		    "another path",
		    path);
	if (is_answered(address))
		return error_set(err, -EADDRINUSE, REMEDY_PERSON,
		    "control socket: another aloqd answers at %s; stop it, or give this one its own "
		    "aloqd.control",
		    path);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, -errno, REMEDY_PERSON, "control socket: cannot remove the stale %s: %s",
		    path, strerror(errno));
	return 0;
}

static int bind_control(int fd, const struct sockaddr_un *address)
{
	mode_t old = umask(CONTROL_UMASK);
	int result = bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;

	umask(old);
	return result;
}

/* Makes the directory that the socket is to be in. It stays: the next start, and others, may use it. */
static int make_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *directory = slash && slash > path ? xstrndup(path, (size_t)(slash - path)) : NULL;

	if (!directory)
		return -ENOENT;
	return mkdir(directory, 0755) < 0 ? -errno : 0;
}

int control_socket_open(struct control_socket *control, const char *path, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	struct stat status;
	int result;

	*control = (struct control_socket){ .fd = -1 };
	if (strlen(path) >= sizeof address.sun_path)
		return error_set(err, -ENAMETOOLONG, REMEDY_PERSON,
		    "control socket: %s is longer than the %zu bytes that the system takes; set "
		    "aloqd.control",
		    path, sizeof address.sun_path - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	result = remove_stale(&address, err);
	if (result < 0)
		return result;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	result = fd < 0 ? -errno : bind_control(fd, &address);
	/* Outside a unit nobody makes the default's: /run is empty after each boot. */
	if (fd >= 0 && result == -ENOENT) {
		result = make_directory_of(path);
		if (result == 0)
			result = bind_control(fd, &address);
	}
	if (result < 0)
		return error_set(err, result, REMEDY_PERSON, "control socket: cannot bind %s: %s%s", path,
		    strerror(-result),
		    result == -ENOENT || result == -EACCES
			? "; in a unit RuntimeDirectory=aloqd makes the directory, elsewhere make it or set "
			  "aloqd.control"
			: "");
	if (listen(fd, BACKLOG) < 0 || lstat(path, &status) < 0) {
		result = -errno;
		unlink(path);
		return error_set(err, result, REMEDY_PERSON, "control socket: cannot listen on %s: %s", path,
		    strerror(-result));
	}
	*control = (struct control_socket){
		.path = path, .fd = fd, .device = status.st_dev, .inode = status.st_ino
	};
	fd = -1;
	return 0;
}

void control_socket_close(struct control_socket *control)
{
	struct stat status;

	if (control->path && lstat(control->path, &status) == 0 && status.st_dev == control->device &&
	    status.st_ino == control->inode)
		unlink(control->path); /* a file that stays behind is found stale by the next start */
	if (control->path && control->fd >= 0)
		close(control->fd);
	*control = (struct control_socket){ .fd = -1 };
}
