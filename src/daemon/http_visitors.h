/* http_visitors.h: who is connected, and since when something of theirs is under way. libmicrohttpd only ends a
 * connection on which nothing moves: who sends or takes a byte now and then would stay for ever, and keep others out.
 * Thread: the main thread. */
#pragma once
#include <microhttpd.h>
#include <stdint.h>

struct http_visitor;

struct http_visitors {
	struct http_visitor *first;
};

/* MHD_OPTION_NOTIFY_CONNECTION and MHD_OPTION_NOTIFY_COMPLETED; context is the struct http_visitors. */
void http_visitors_on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
    enum MHD_ConnectionNotificationCode what);
void http_visitors_on_completed(void *context, struct MHD_Connection *connection, void **request_state,
    enum MHD_RequestTerminationCode how);

/* Ends the connections whose request is not complete and answered limit_us after they were opened, or after the
 * request before. */
void http_visitors_end_slow(struct http_visitors *visitors, int64_t now_us, int64_t limit_us);
