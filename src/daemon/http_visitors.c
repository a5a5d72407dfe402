#include "daemon/http_visitors.h"
#include <stdlib.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "base/memory.h"

struct http_visitor {
	struct http_visitor *next, **link; /* link: what points here */
	struct MHD_Connection *connection;
	int64_t since_us;
};

static void come(struct http_visitors *visitors, struct MHD_Connection *connection, void **socket_context)
{
	struct http_visitor *visitor = xcalloc(1, sizeof *visitor);

	visitor->connection = connection;
	visitor->since_us = clock_monotonic_us();
	visitor->next = visitors->first;
	visitor->link = &visitors->first;
	if (visitor->next)
		visitor->next->link = &visitor->next;
	visitors->first = visitor;
	*socket_context = visitor;
}

static void go(struct http_visitor *visitor)
{
	*visitor->link = visitor->next;
	if (visitor->next)
		visitor->next->link = visitor->link;
	free(visitor);
}

void http_visitors_on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
    enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		come(context, connection, socket_context);
	else if (*socket_context)
		go(*socket_context);
}

void http_visitors_on_completed(void *context, struct MHD_Connection *connection, void **request_state,
    enum MHD_RequestTerminationCode how)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	(void)context;
	(void)request_state;
	(void)how;
	if (info && info->socket_context)
		((struct http_visitor *)info->socket_context)->since_us = clock_monotonic_us();
}

void http_visitors_end_slow(struct http_visitors *visitors, int64_t now_us, int64_t limit_us)
{
	for (struct http_visitor *visitor = visitors->first; visitor; visitor = visitor->next) {
		const union MHD_ConnectionInfo *info;

		if (now_us - visitor->since_us <= limit_us)
			continue;
		info = MHD_get_connection_info(visitor->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		/* libmicrohttpd cannot be asked to end it, but sees that it has ended. */
		if (info)
			shutdown(info->connect_fd, SHUT_RDWR);
	}
}
