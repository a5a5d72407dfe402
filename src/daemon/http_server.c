#include "daemon/http_server.h"
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "daemon/http_decode.h"

#define CONNECTIONS_MAX         64
#define CONNECTIONS_PER_ADDRESS 16
#define IDLE_TIMEOUT_S          10
#define CONNECTION_MEMORY_BYTES (16 * 1024)
#define TIMER_ACCURACY_US       1 /* 0 would mean 250 ms */

struct http_server {
	struct MHD_Daemon *daemon;
	http_site get;
	http_action post;
	void *context;
	sd_event_source *io;
	sd_event_source *timer;
};

static enum MHD_Result send_page(struct MHD_Connection *connection, unsigned status, const char *content_type,
    const char *allow, void *body, size_t length, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(length, body, mode);
	enum MHD_Result result;

	if (!response) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(body);
		return MHD_NO;
	}
	/* A header that does not fit leaves a page that is still right. */
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(
    struct MHD_Connection *connection, unsigned status, const char *allow, const char *sentence)
{
	return send_page(connection, status, "text/plain; charset=utf-8", allow, (void *)(uintptr_t)sentence,
	    strlen(sentence), MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer(struct MHD_Connection *connection, const struct http_page *page)
{
	if (!page->body)
		return refuse(
		    connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, "There is no memory for this page.\n");
	return send_page(connection, page->status, page->content_type, NULL, page->body, page->length,
	    MHD_RESPMEM_MUST_FREE);
}

static bool has_body(struct MHD_Connection *connection)
{
	const char *length =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length && strcmp(length, "0") != 0) ||
	       MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/* libmicrohttpd decodes what it can and leaves the rest, and does not mind an encoded NUL: we do it ourselves. */
static size_t leave_encoded(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}

/* ---- what a POST asks for ---- */

static void request_clear(struct http_request *request)
{
	for (size_t i = 0; i < request->argument_count; i++) {
		free(request->arguments[i].name);
		free(request->arguments[i].value);
	}
}

struct reading {
	struct http_request *request;
	bool wrong;
};

static enum MHD_Result take_argument(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct reading *reading = context;
	struct http_request *request = reading->request;
	struct http_argument argument;

	(void)kind;
	if (request->argument_count == HTTP_ARGUMENTS_MAX) {
		reading->wrong = true;
		return MHD_NO;
	}
	argument = (struct http_argument){ .name = xstrdup(name), .value = xstrdup(value ? value : "") };
	reading->wrong = !http_decode(argument.name) || !http_decode(argument.value);
	for (size_t i = 0; i < request->argument_count && !reading->wrong; i++)
		reading->wrong = strcmp(request->arguments[i].name, argument.name) == 0;
	request->arguments[request->argument_count++] = argument;
	return reading->wrong ? MHD_NO : MHD_YES;
}

static void find_peer(struct MHD_Connection *connection, struct http_request *request)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer;
	socklen_t size = sizeof peer;

	request->uid = request->pid = -1;
	/* on TCP the kernel answers as well, with nobody */
	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid <= 0)
		return;
	request->uid = (int64_t)peer.uid;
	request->pid = peer.pid;
}

static enum MHD_Result act(struct http_server *server, struct MHD_Connection *connection, const char *path)
{
	struct http_page page = { 0 };
	_cleanup_(request_clear) struct http_request request = { .path = path };
	struct reading reading = { .request = &request };

	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_argument, &reading);
	if (reading.wrong)
		return refuse(connection, MHD_HTTP_BAD_REQUEST, NULL,
		    "The arguments are too many, or one is there twice or wrongly encoded.\n");
	find_peer(connection, &request);
	server->post(server->context, &request, &page);
	return answer(connection, &page);
}

/* libmicrohttpd calls this once when it has the head of a request, and again when the request is complete. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size, void **request_state)
{
	static char seen_head;
	struct http_server *server = context;
	_cleanup_free_ char *path = NULL;
	struct http_page page = { 0 };
	bool is_post = server->post && strcmp(method, MHD_HTTP_METHOD_POST) == 0;

	(void)version;
	(void)upload;
	if (*request_state != &seen_head) {
		*request_state = &seen_head;
		if (!is_post && strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
		    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
			return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			    server->post ? "GET, HEAD, POST" : "GET, HEAD",
			    server->post ? "This server only answers GET, HEAD and POST.\n"
					 : "This server only answers GET and HEAD.\n");
		if (has_body(connection))
			return refuse(connection, MHD_HTTP_BAD_REQUEST, NULL,
			    "A request to this server has no body.\n");
		return MHD_YES;
	}
	if (*upload_size > 0)
		return MHD_NO; /* a body that the head did not announce */
	path = xstrdup(url); /* bounded by the connection's memory */
	if (!http_decode(path))
		return refuse(connection, MHD_HTTP_BAD_REQUEST, NULL, "The path is wrongly encoded.\n");
	if (is_post)
		return act(server, connection, path);
	server->get(server->context, path, &page);
	return answer(connection, &page);
}

/* Lets libmicrohttpd work, and wakes it again when it has a timeout to watch or work left over. */
enum { RUN_INTERVAL_MS = 1000 };

static void run(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	uint64_t now_us;
	int result;

	if (MHD_run(server->daemon) != MHD_YES)
		log_debug(&LOG_NOWHERE, "HTTP: the server could not run");
	/* Also when libmicrohttpd waits for nothing: at its limit of connections it stops listening, and takes it up
	 * again only in a later run, which no event of its own may bring about once they have timed out. */
	if (MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES || timeout_ms > RUN_INTERVAL_MS)
		timeout_ms = RUN_INTERVAL_MS;
	sd_event_now(sd_event_source_get_event(server->timer), CLOCK_MONOTONIC, &now_us);
	result = sd_event_source_set_time(server->timer, now_us + timeout_ms * 1000);
	if (result >= 0)
		result = sd_event_source_set_enabled(server->timer, SD_EVENT_ONESHOT);
	if (result < 0)
		log_error(&LOG_NOWHERE, "HTTP: cannot set a timer: %s", strerror(-result));
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *context)
{
	(void)source;
	(void)fd;
	(void)events;
	run(context);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t time_us, void *context)
{
	(void)source;
	(void)time_us;
	run(context);
	return 0;
}

static void log_visitor(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* What a visitor did wrong is no event of ours. */
static void log_visitor(void *context, const char *format, va_list arguments)
{
	char message[512];
	int length;

	(void)context;
	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	length = vsnprintf(message, sizeof message, format, arguments);
	if (length > 0 && (size_t)length < sizeof message && message[length - 1] == '\n')
		message[length - 1] = '\0';
	log_debug(&LOG_NOWHERE, "HTTP: %s", message);
}

static int attach(struct http_server *server, sd_event *event)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int result;

	if (!info)
		return -ENOTSUP;
	result = sd_event_add_io(event, &server->io, info->epoll_fd, EPOLLIN, on_io, server);
	if (result >= 0)
		result = sd_event_add_time(
		    event, &server->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, on_timer, server);
	/* visitors wait for signals, pipelines and the watchdog, not the other way round */
	if (result >= 0)
		result = sd_event_source_set_priority(server->io, SD_EVENT_PRIORITY_IDLE);
	if (result >= 0)
		result = sd_event_source_set_priority(server->timer, SD_EVENT_PRIORITY_IDLE);
	return result;
}

struct http_server *http_server_new(
    sd_event *event, int listen_fd, http_site get, http_action post, void *context, struct error *err)
{
	struct http_server *server = xcalloc(1, sizeof *server);
	int result;

	server->get = get;
	server->post = post;
	server->context = context;
	/* the logger comes first, or what the other options say goes to stderr */
	server->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
	    server, MHD_OPTION_EXTERNAL_LOGGER, log_visitor, NULL, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL,
	    MHD_OPTION_LISTEN_SOCKET,
	    (MHD_socket)listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_PER_ADDRESS,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_END);
	if (!server->daemon) {
		close(listen_fd);
		free(server);
		error_set(err, -EIO, REMEDY_PERSON, "the HTTP server (libmicrohttpd) does not start");
		return NULL;
	}
	result = attach(server, event);
	if (result < 0) {
		http_server_free(server);
		error_set(err, result, REMEDY_PERSON, "the HTTP server cannot join the event loop: %s",
		    strerror(-result));
		return NULL;
	}
	return server;
}

void http_server_free(struct http_server *server)
{
	if (!server)
		return;
	sd_event_source_disable_unref(server->io);
	sd_event_source_disable_unref(server->timer);
	MHD_stop_daemon(server->daemon);
	free(server);
}
