/* http_server.h: answers GET and HEAD, and POST where that is allowed, on a listening socket, from within the
 * main loop. Paths and arguments are decoded exactly, or refused.
 *
 * No thread and no blocking: libmicrohttpd runs when the loop says that one of its sockets is ready. What
 * visitors may use is bounded: connections (in all and for one address), memory for a request and for pages that
 * are not taken, time without a byte, time for a whole request, and a quarter of the main thread's time. A page is
 * made once for all who ask within 100 ms. Requests with a body and other methods are refused. Thread: the main thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include "base/error.h"

struct http_server;

/* What the site says to a path. */
struct http_page {
	unsigned status;
	const char *content_type; /* static */
	const char *policy;       /* static: what a browser may load and run for it; NULL: nothing */
	char *body;               /* malloc()ed; the server frees. NULL: no memory, answered with 500 */
	size_t length;
};

typedef void (*http_site)(void *context, const char *path, struct http_page *page);

enum { HTTP_ARGUMENTS_MAX = 4 };

/* What a POST asks for. Valid during the call. */
struct http_request {
	const char *path;
	struct http_argument { /* ?name=value&name=value: each name once */
		char *name, *value;
	} arguments[HTTP_ARGUMENTS_MAX];
	size_t argument_count;
	int64_t uid, pid; /* of the process that connected, as the kernel says; -1 unknown, as always on TCP */
};

typedef void (*http_action)(void *context, const struct http_request *request, struct http_page *page);

/* Serves listen_fd (listening, non-blocking), which is the server's from here on, also on failure. get is
 * called for each GET and HEAD, post for each POST; where that is NULL, POST is refused. NULL on failure. */
struct http_server *http_server_new(
    sd_event *event, int listen_fd, http_site get, http_action post, void *context, struct error *err);

/* Closes all connections and the socket. Accepts NULL. */
void http_server_free(struct http_server *server);
