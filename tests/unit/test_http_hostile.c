/* What visitors who are slow, many, huge or wrong cannot do: the promises of daemon/http_server.h, http_pages.h and
 * http_visitors.h, over TCP. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/memory.h"
#include "daemon/http_listener.h"
#include "daemon/http_pages.h"
#include "daemon/http_server.h"
#include "daemon/http_visitors.h"

#define BOUND_US         (5 * USEC_PER_SEC)
#define PER_ADDRESS      16 /* the server's limit */
#define HUGE_BYTES       ((size_t)40 << 20)
#define SLOW_PAGE_MS     100
#define HELLO            "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

struct fixture {
	sd_event *event;
	struct http_server *server;
	struct sockaddr_in address;
	unsigned asked;
};

static void page(void *context, const char *path, struct http_page *answer)
{
	struct fixture *fixture = context;

	fixture->asked++;
	if (strncmp(path, "/slow", 5) == 0)
		nanosleep(&(struct timespec){ .tv_nsec = SLOW_PAGE_MS * 1000000L }, NULL);
	answer->status = 200;
	answer->content_type = "text/plain";
	answer->length = strncmp(path, "/huge", 5) == 0 ? HUGE_BYTES : 6;
	answer->body = xcalloc(answer->length + 1, 1);
	memcpy(answer->body, "hello\n", 6);
}

static void act(void *context, const struct http_request *request, struct http_page *answer)
{
	page(context, request->path, answer);
}

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof *fixture);
	socklen_t length = sizeof fixture->address;
	struct error err = { 0 };
	int fd = http_listen_tcp("0.0.0.0:0", &err);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&fixture->address, &length), 0);
	assert_true(sd_event_new(&fixture->event) >= 0);
	fixture->server = http_server_new(fixture->event, fd, page, act, fixture, &err);
	assert_non_null(fixture->server);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	http_server_free(fixture->server);
	sd_event_unref(fixture->event);
	free(fixture);
	return 0;
}

/* Comes from 127.0.0.`from`. */
static int visit_from(const struct fixture *fixture, int from)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000U + (uint32_t)from) };
	struct sockaddr_in there = fixture->address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int small = 4096; /* so that a page that is not taken waits in the server, not in the kernel */

	there.sin_addr.s_addr = htonl(0x7f000001U);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&there, sizeof there), 0);
	return fd;
}

static void say(int fd, const void *bytes, size_t length)
{
	assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

static void turn(struct fixture *fixture)
{
	assert_true(sd_event_run(fixture->event, 10 * USEC_PER_MSEC) >= 0);
}

/* Turns the loop until the answer holds `until`, or the connection has ended; false: neither came in time. */
static bool hear(struct fixture *fixture, int fd, char *answer, size_t size, const char *until)
{
	int64_t bound_us = clock_monotonic_us() + BOUND_US;
	size_t used = 0;

	answer[0] = '\0';
	while (clock_monotonic_us() < bound_us) {
		ssize_t length;

		turn(fixture);
		length = recv(fd, answer + used, size - used - 1, MSG_DONTWAIT);
		if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
			return true;
		if (length < 0)
			continue;
		used += (size_t)length;
		answer[used] = '\0';
		if (strstr(answer, until))
			return true;
	}
	return false;
}

static void assert_is_answered(struct fixture *fixture, int from)
{
	char answer[1024];
	int fd = visit_from(fixture, from);

	say(fd, HELLO, strlen(HELLO));
	assert_true(hear(fixture, fd, answer, sizeof answer, "hello\n"));
	assert_non_null(strstr(answer, "HTTP/1.1 200 "));
	close(fd);
}

static void test_one_address_cannot_take_all_connections(void **state)
{
	struct fixture *fixture = *state;
	int silent[PER_ADDRESS + 4];
	char answer[256];

	for (int i = 0; i < PER_ADDRESS + 4; i++) {
		silent[i] = visit_from(fixture, 2);
		say(silent[i], "GET /", 5);
		turn(fixture);
	}
	/* those beyond the limit are sent away, not left waiting */
	assert_true(hear(fixture, silent[PER_ADDRESS + 3], answer, sizeof answer, "nothing"));
	assert_int_equal(strlen(answer), 0);
	assert_is_answered(fixture, 3);
	for (int i = 0; i < PER_ADDRESS + 4; i++)
		close(silent[i]);
}

static void test_what_is_no_request_ends_the_connection_and_harms_nobody(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} wrongs[] = {
#define WRONG(text)                                                                                                  \
	{                                                                                                            \
		text, sizeof(text) - 1                                                                               \
	}
		WRONG("\r\n\r\n\r\n\r\n"),
		WRONG("\0\0\0\0\r\n\r\n"),
		WRONG("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
		WRONG("GET\r\n\r\n"),
		WRONG("GET /hello\r\n\r\n"),
		WRONG("GET /hello HTTP/9.9\r\nHost: a\r\n\r\n"),
		WRONG("GET /hello HTTP/1.1\r\nno colon here\r\n\r\n"),
		WRONG("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n"),
		WRONG("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
		WRONG("GET /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
		WRONG("GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"),
		WRONG("GET /%00%ff%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n"),
		WRONG("DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
		WRONG("\xff\xff\xff\xff /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
#undef WRONG
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		int fd = visit_from(fixture, 2);

		say(fd, wrongs[i].bytes, wrongs[i].length);
		for (int k = 0; k < 3; k++)
			turn(fixture);
		close(fd);
		assert_is_answered(fixture, 3);
	}
}

static void test_a_page_is_made_once_for_all_who_ask_at_once(void **state)
{
	struct fixture *fixture = *state;
	int fds[10];
	char answer[1024];

	for (size_t i = 0; i < 10; i++) {
		fds[i] = visit_from(fixture, 2);
		say(fds[i], HELLO, strlen(HELLO));
	}
	for (size_t i = 0; i < 10; i++) {
		assert_true(hear(fixture, fds[i], answer, sizeof answer, "hello\n"));
		close(fds[i]);
	}
	/* A machine that is slow may take longer over them than a page is kept; ten times it does not. */
	assert_true(fixture->asked < 10);
	usleep(2 * HTTP_PAGE_KEPT_US);
	fixture->asked = 0;
	assert_is_answered(fixture, 2);
	assert_int_equal(fixture->asked, 1);
}

static void test_a_change_is_seen_by_the_next_who_asks(void **state)
{
	static const char request[] = "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" HELLO;
	struct fixture *fixture = *state;
	char answer[1024];
	int fd = visit_from(fixture, 2);

	say(fd, HELLO, strlen(HELLO));
	assert_true(hear(fixture, fd, answer, sizeof answer, "hello\n"));
	say(fd, request, strlen(request));
	for (int i = 0; i < 100 && fixture->asked < 3; i++)
		turn(fixture);
	assert_int_equal(fixture->asked, 3);
	close(fd);
}

static void test_pages_that_are_not_taken_hold_bounded_memory(void **state)
{
	static const char first[] = "GET /huge-1 HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char second[] = "GET /huge-2 HTTP/1.1\r\nHost: a\r\n\r\n";
	struct fixture *fixture = *state;
	char answer[8192];
	int slow = visit_from(fixture, 2);
	int other = visit_from(fixture, 3);
	bool served = false;

	say(slow, first, strlen(first));
	assert_true(hear(fixture, slow, answer, sizeof answer, "HTTP/1.1 200 "));
	say(other, second, strlen(second));
	assert_true(hear(fixture, other, answer, sizeof answer, "have not taken their pages"));
	assert_non_null(strstr(answer, "HTTP/1.1 503 "));
	assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
	assert_is_answered(fixture, 4); /* what is small has room */
	close(slow);
	close(other);
	for (int i = 0; i < 100 && !served; i++) {
		other = visit_from(fixture, 3);
		say(other, second, strlen(second));
		assert_true(hear(fixture, other, answer, sizeof answer, "HTTP/1.1 "));
		served = strstr(answer, "HTTP/1.1 200 ") != NULL;
		close(other);
	}
	assert_true(served);
}

static void test_visitors_take_a_share_of_the_time_and_no_more(void **state)
{
	enum { VISITORS = 12 };
	struct fixture *fixture = *state;
	int64_t began_us = clock_monotonic_us();
	int64_t taken_ms, allowed_ms;
	char answer[1024];
	unsigned refused = 0;
	int fds[VISITORS];

	for (int i = 0; i < VISITORS; i++) {
		char request[128];

		fds[i] = visit_from(fixture, 2);
		snprintf(request, sizeof request, "GET /slow-%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
		say(fds[i], request, strlen(request));
	}
	while (clock_monotonic_us() - began_us < 2 * USEC_PER_SEC)
		turn(fixture);
	taken_ms = (int64_t)fixture->asked * SLOW_PAGE_MS;
	allowed_ms = (clock_monotonic_us() - began_us) / USEC_PER_MSEC / 4 + 500;
	assert_true(taken_ms >= SLOW_PAGE_MS);
	assert_true(taken_ms <= allowed_ms + SLOW_PAGE_MS); /* the last one may take ahead */
	for (int i = 0; i < VISITORS; i++) {
		assert_true(hear(fixture, fds[i], answer, sizeof answer, "\r\n\r\n"));
		refused += strstr(answer, "HTTP/1.1 503 ") && strstr(answer, "Retry-After: 1\r\n");
		close(fds[i]);
	}
	assert_true(refused > 0);
	assert_int_equal(fixture->asked + refused, VISITORS);
	/* and later all is well */
	assert_is_answered(fixture, 3);
}

/* ---- a request that does not end, seen by a server that lets it take a tenth of a second ---- */

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size, void **request_state)
{
	static char body[] = "hello\n";
	static char seen_head;
	struct MHD_Response *response;
	enum MHD_Result result;

	if (*request_state != &seen_head) { /* what is answered at once is closed */
		*request_state = &seen_head;
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(6, body, MHD_RESPMEM_PERSISTENT);
	result = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return result;
}

static void test_a_request_that_trickles_in_is_ended_and_one_that_is_answered_may_be_followed(void **state)
{
	enum { LIMIT_US = 200000 };
	struct http_visitors visitors = { NULL };
	struct fixture fixture = { .asked = 0 };
	socklen_t length = sizeof fixture.address;
	struct error err = { 0 };
	int listening = http_listen_tcp("127.0.0.1:0", &err);
	struct MHD_Daemon *daemon;
	int64_t began_us = clock_monotonic_us();
	int trickling, polite;
	bool ended = false;
	char byte, answer[512];
	unsigned answers = 0;

	assert_int_equal(getsockname(listening, (struct sockaddr *)&fixture.address, &length), 0);
	daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET,
	    (MHD_socket)listening, MHD_OPTION_NOTIFY_CONNECTION, http_visitors_on_connection, &visitors,
	    MHD_OPTION_NOTIFY_COMPLETED, http_visitors_on_completed, &visitors, MHD_OPTION_END);
	assert_non_null(daemon);
	trickling = visit_from(&fixture, 2);
	polite = visit_from(&fixture, 2);
	while (clock_monotonic_us() - began_us < 4 * LIMIT_US) {
		if (!ended)
			(void)send(trickling, "G", 1, MSG_NOSIGNAL);
		say(polite, HELLO, strlen(HELLO));
		usleep(LIMIT_US / 20);
		MHD_run(daemon);
		http_visitors_end_slow(&visitors, clock_monotonic_us(), LIMIT_US);
		MHD_run(daemon);
		ended = ended || recv(trickling, &byte, 1, MSG_DONTWAIT) == 0;
		if (ended)
			assert_true(clock_monotonic_us() - began_us > LIMIT_US);
		answers += recv(polite, answer, sizeof answer, MSG_DONTWAIT) > 0;
	}
	assert_true(ended);
	assert_true(answers > 20); /* it was there four times as long, one request after another */
	close(trickling);
	close(polite);
	MHD_stop_daemon(daemon);
	assert_null(visitors.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_address_cannot_take_all_connections, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_what_is_no_request_ends_the_connection_and_harms_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_page_is_made_once_for_all_who_ask_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_change_is_seen_by_the_next_who_asks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pages_that_are_not_taken_hold_bounded_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_visitors_take_a_share_of_the_time_and_no_more, set_up, tear_down),
		cmocka_unit_test(test_a_request_that_trickles_in_is_ended_and_one_that_is_answered_may_be_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
