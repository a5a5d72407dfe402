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
#include "daemon/http_pages.h"
#include "daemon/http_visitors.h"

#define CONNECTIONS_MAX         64
#define CONNECTIONS_PER_ADDRESS 16
#define IDLE_TIMEOUT_S          10
#define CONNECTION_MEMORY_BYTES (16 * 1024)
#define TIMER_ACCURACY_US       1 /* 0 would mean 250 ms */
#define REQUEST_MAX_US          (30 * USEC_PER_SEC)
/* Of the main thread's time, all visitors of a server together: a quarter, and half a second in one go. */
#define TIME_SHARE              4
#define TIME_BURST_US           (500 * USEC_PER_MSEC)

struct http_server {
	struct MHD_Daemon *daemon;
	http_site get;
	http_action post;
	void *context;
	sd_event_source *io;
	sd_event_source *timer;
	struct http_pages pages;
	struct http_visitors visitors;
	int64_t time_left_us; /* that visitors may take; negative: taken ahead */
	int64_t time_given_us; /* when it was last filled */
	int64_t run_began_us;
};

#define POLICY_OF_NOTHING "default-src 'none'; frame-ancestors 'none'"

static void add_headers(struct MHD_Response *response, const char *content_type, const char *policy)
{
	/* A header that does not fit leaves a page that is still right. */
	MHD_add_response_header(response, "Content-Security-Policy", policy ? policy : POLICY_OF_NOTHING);
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

/* What the server says itself. name and value: a header more, or NULL. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *name, const char *value,
    const char *sentence)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    strlen(sentence), (void *)(uintptr_t)sentence, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	add_headers(response, "text/plain; charset=utf-8", NULL);
	if (name)
		MHD_add_response_header(response, name, value);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* Sends what the site says. path: others who ask for it at once get the same; NULL: nobody else does. */
static enum MHD_Result answer(
    struct http_server *server, struct MHD_Connection *connection, const struct http_page *page, const char *path)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (!page->body)
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, NULL,
		    "There is no memory for this page.\n");
	response = http_pages_make(&server->pages, page);
	if (!response)
		return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, MHD_HTTP_HEADER_RETRY_AFTER, "1",
		    "Too many visitors have not taken their pages yet.\n");
	add_headers(response, page->content_type, page->policy);
	result = MHD_queue_response(connection, page->status, response);
	/* Names that there are not would push out those that are asked for. */
	if (!path || page->status == MHD_HTTP_NOT_FOUND)
		MHD_destroy_response(response);
	else
		http_pages_keep(&server->pages, path, response, page->status, clock_monotonic_us());
	return result;
}

static enum MHD_Result show(struct http_server *server, struct MHD_Connection *connection, const char *path)
{
	int64_t now_us = clock_monotonic_us();
	struct http_page page = { 0 };
	struct MHD_Response *kept = http_pages_find(&server->pages, path, now_us, &page.status);

	if (kept)
		return MHD_queue_response(connection, page.status, kept);
	if (now_us - server->run_began_us > server->time_left_us)
		return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, MHD_HTTP_HEADER_RETRY_AFTER, "1",
		    "Visitors take too much time; ask again, and less often.\n");
	server->get(server->context, path, &page);
	return answer(server, connection, &page, path);
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
		return refuse(connection, MHD_HTTP_BAD_REQUEST, NULL, NULL,
		    "The arguments are too many, or one is there twice or wrongly encoded.\n");
	find_peer(connection, &request);
	http_pages_forget(&server->pages, INT64_MAX);
	server->post(server->context, &request, &page);
	return answer(server, connection, &page, NULL);
}

/* libmicrohttpd calls this once when it has the head of a request, and again when the request is complete. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size, void **request_state)
{
	static char seen_head;
	struct http_server *server = context;
	_cleanup_free_ char *path = NULL;
	bool is_post = server->post && strcmp(method, MHD_HTTP_METHOD_POST) == 0;

	(void)version;
	(void)upload;
	if (*request_state != &seen_head) {
		*request_state = &seen_head;
		if (!is_post && strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
		    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
			return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, MHD_HTTP_HEADER_ALLOW,
			    server->post ? "GET, HEAD, POST" : "GET, HEAD",
			    server->post ? "This server only answers GET, HEAD and POST.\n"
					 : "This server only answers GET and HEAD.\n");
		if (has_body(connection))
			return refuse(connection, MHD_HTTP_BAD_REQUEST, NULL, NULL,
			    "A request to this server has no body.\n");
		return MHD_YES;
	}
	if (*upload_size > 0)
		return MHD_NO; /* a body that the head did not announce */
	path = xstrdup(url); /* bounded by the connection's memory */
	if (!http_decode(path))
		return refuse(connection, MHD_HTTP_BAD_REQUEST, NULL, NULL, "The path is wrongly encoded.\n");
	return is_post ? act(server, connection, path) : show(server, connection, path);
}

enum { RUN_INTERVAL_MS = 1000 };

/* When the visitors may go on, because they have taken more than their share of the time; 0: now. */
static int64_t pause_ms(struct http_server *server, int64_t now_us)
{
	server->time_left_us += (now_us - server->time_given_us) / TIME_SHARE;
	server->time_given_us = now_us;
	if (server->time_left_us > TIME_BURST_US)
		server->time_left_us = TIME_BURST_US;
	return server->time_left_us >= 0 ? 0 : -server->time_left_us * TIME_SHARE / USEC_PER_MSEC + 1;
}

/* Lets libmicrohttpd work. Returns when it wants to again, if nothing happens. */
static int64_t serve_ms(struct http_server *server, int64_t now_us)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (MHD_run(server->daemon) != MHD_YES)
		log_debug(&LOG_NOWHERE, "HTTP: the server could not run");
	http_visitors_end_slow(&server->visitors, now_us, REQUEST_MAX_US);
	http_pages_forget(&server->pages, now_us - HTTP_PAGE_KEPT_US);
	/* Also when libmicrohttpd waits for nothing: at its limit of connections it stops listening, and takes it up
	 * again only in a later run, which no event of its own may bring about once they have timed out. */
	if (MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES || timeout_ms > RUN_INTERVAL_MS)
		return RUN_INTERVAL_MS;
	return (int64_t)timeout_ms;
}

/* Serves, and sees to it that it is called again: by a socket that is ready, or by the timer. */
static void run(struct http_server *server)
{
	int64_t now_us = clock_monotonic_us();
	int64_t wait_ms = 0;
	int64_t pause = pause_ms(server, now_us);
	int result;

	if (pause == 0) {
		server->run_began_us = now_us;
		wait_ms = serve_ms(server, now_us);
		server->time_left_us -= clock_monotonic_us() - now_us;
		pause = pause_ms(server, now_us);
	}
	/* While they pause, no socket that is ready may wake us. */
	result = sd_event_source_set_enabled(server->io, pause == 0 ? SD_EVENT_ON : SD_EVENT_OFF);
	if (result >= 0)
		result = sd_event_source_set_time(
		    server->timer, (uint64_t)(now_us + (pause ? pause : wait_ms) * USEC_PER_MSEC));
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
	server->time_left_us = TIME_BURST_US;
	server->time_given_us = clock_monotonic_us();
	/* the logger comes first, or what the other options say goes to stderr */
	server->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
	    server, MHD_OPTION_EXTERNAL_LOGGER, log_visitor, NULL, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL,
	    MHD_OPTION_LISTEN_SOCKET,
	    (MHD_socket)listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_PER_ADDRESS,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_NOTIFY_CONNECTION,
	    http_visitors_on_connection, &server->visitors, MHD_OPTION_NOTIFY_COMPLETED, http_visitors_on_completed,
	    &server->visitors, MHD_OPTION_END);
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
	http_pages_forget(&server->pages, INT64_MAX);
	MHD_stop_daemon(server->daemon);
	free(server);
}
