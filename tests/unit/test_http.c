/* The promises of daemon/http_server.h and daemon/http_listener.h, over real sockets. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "daemon/http_listener.h"
#include "daemon/http_server.h"

#define ANSWER_BOUND_US (5 * USEC_PER_SEC)
#define CONNECTIONS_MAX 64                 /* the server's */
#define IDLE_TIMEOUT_US (10 * USEC_PER_SEC) /* the server's */

struct fixture {
	char directory[32];
	char path[64];
	sd_event *event;
	struct control_socket control;
	struct http_server *server;
	unsigned asked;
};

static void page(void *context, const char *path, struct http_page *answer)
{
	struct fixture *fixture = context;

	fixture->asked++;
	if (strcmp(path, "/no-memory") == 0)
		return;
	answer->status = strcmp(path, "/hello") == 0 ? 200 : 404;
	answer->content_type = "text/plain";
	answer->policy = strcmp(path, "/allowed") == 0 ? "default-src 'self'" : NULL;
	answer->body = xstrdup("hello\n");
	answer->length = 6;
}

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof *fixture);
	struct error err = { 0 };

	snprintf(fixture->directory, sizeof fixture->directory, "/tmp/aloqd-http-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->path, sizeof fixture->path, "%s/control.sock", fixture->directory);
	assert_true(sd_event_new(&fixture->event) >= 0);
	assert_int_equal(control_socket_open(&fixture->control, fixture->path, &err), 0);
	fixture->server = http_server_new(fixture->event, fixture->control.fd, page, NULL, fixture, &err);
	assert_non_null(fixture->server);
	fixture->control.fd = -1;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	http_server_free(fixture->server);
	control_socket_close(&fixture->control);
	sd_event_unref(fixture->event);
	rmdir(fixture->directory);
	free(fixture);
	return 0;
}

static int visit(const struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* Turns the loop until `until` has come, the connection was closed, or the bound has passed; false then. */
static bool receive_within(
    struct fixture *fixture, int fd, char *answer, size_t size, const char *until, int64_t wait_us)
{
	int64_t bound_us = clock_monotonic_us() + wait_us;
	size_t used = 0;

	answer[0] = '\0';
	while (clock_monotonic_us() < bound_us) {
		ssize_t length;

		assert_true(sd_event_run(fixture->event, 10 * USEC_PER_MSEC) >= 0);
		length = recv(fd, answer + used, size - used - 1, 0);
		if (length == 0)
			return true;
		if (length < 0)
			continue;
		used += (size_t)length;
		answer[used] = '\0';
		if (until && strstr(answer, until))
			return true;
	}
	return false;
}

static bool receive(struct fixture *fixture, int fd, char *answer, size_t size, const char *until)
{
	return receive_within(fixture, fd, answer, size, until, ANSWER_BOUND_US);
}

/* Sends a request and returns the answer, until the server closes or has said `until`. */
static void ask(struct fixture *fixture, const char *request, char *answer, size_t size, const char *until)
{
	int fd = visit(fixture);

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	assert_true(receive(fixture, fd, answer, size, until));
	close(fd);
}

static void test_get_is_answered_with_the_page(void **state)
{
	char answer[2048];

	ask(*state, "GET /hello?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer, "\r\n\r\nhello\n");
	assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
	assert_non_null(strstr(answer, "Content-Type: text/plain\r\n"));
	assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
}

static void test_head_is_answered_without_the_page(void **state)
{
	char answer[2048];

	ask(*state, "HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", answer, sizeof answer,
	    NULL);
	assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
	assert_non_null(strstr(answer, "Content-Length: 6\r\n"));
	assert_null(strstr(answer, "hello\n"));
}

/* Also the server's own. */
static void test_a_browser_may_load_nothing_for_a_page_but_what_its_policy_says(void **state)
{
	static const struct {
		const char *path, *until, *policy;
	} pages[] = {
		{ "/hello", "\r\n\r\nhello\n", "\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n" },
		{ "/allowed", "\r\n\r\nhello\n", "\r\nContent-Security-Policy: default-src 'self'\r\n" },
		{ "/%", "wrongly encoded", "\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n" },
	};
	char answer[2048], request[128];

	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", pages[i].path);
		ask(*state, request, answer, sizeof answer, pages[i].until);
		assert_non_null(strstr(answer, pages[i].policy));
		assert_non_null(strstr(answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
		assert_non_null(strstr(answer, "\r\nCache-Control: no-store\r\n"));
		assert_non_null(strstr(answer, "\r\nReferrer-Policy: no-referrer\r\n"));
	}
}

static void test_other_methods_and_bodies_are_refused_without_asking_the_site(void **state)
{
	struct fixture *fixture = *state;
	char answer[2048];

	ask(fixture, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", answer,
	    sizeof answer, "only answers GET and HEAD");
	assert_memory_equal(answer, "HTTP/1.1 405 ", 13);
	assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
	ask(fixture, "BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer,
	    "only answers GET and HEAD");
	assert_memory_equal(answer, "HTTP/1.1 405 ", 13);
	ask(fixture, "GET /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", answer,
	    sizeof answer, "has no body");
	assert_memory_equal(answer, "HTTP/1.1 400 ", 13);
	assert_int_equal(fixture->asked, 0);
}

/* Says what it was asked for. */
static void act(void *context, const struct http_request *request, struct http_page *answer)
{
	_cleanup_free_ char *text = xstrdup("");

	page(context, request->path, answer);
	answer->status = 202;
	if (request->argument_count == 0)
		return;
	assert_int_equal(request->uid, (int64_t)getuid());
	assert_int_equal(request->pid, getpid());
	for (size_t i = 0; i < request->argument_count; i++) {
		char *more = xasprintf(
		    "%s<%s=%s>", text, request->arguments[i].name, request->arguments[i].value);

		free(text);
		text = more;
	}
	free(answer->body);
	answer->body = xasprintf("%s %s\n", request->path, text);
	answer->length = strlen(answer->body);
}

static void allow_post(struct fixture *fixture)
{
	struct error err = { 0 };

	http_server_free(fixture->server);
	control_socket_close(&fixture->control);
	assert_int_equal(control_socket_open(&fixture->control, fixture->path, &err), 0);
	fixture->server = http_server_new(fixture->event, fixture->control.fd, page, act, fixture, &err);
	assert_non_null(fixture->server);
	fixture->control.fd = -1;
}

static void test_paths_and_arguments_are_decoded_exactly_or_refused(void **state)
{
	static const struct {
		const char *target, *status, *until;
	} targets[] = {
		{ "/%68el%6Co?a%62=%31%2b", " 202 ", "/hello <ab=1+>\n" },
		{ "/hello?a=1&b=&c=%2500", " 202 ", "/hello <a=1><b=><c=%00>\n" },
		{ "/hello%00x", " 400 ", "wrongly encoded" },
		{ "/hello%0", " 400 ", "wrongly encoded" },
		{ "/hello%", " 400 ", "wrongly encoded" },
		{ "/hello%g0", " 400 ", "wrongly encoded" },
		{ "/hello?a=%00", " 400 ", "wrongly encoded" },
		{ "/hello?a=%2", " 400 ", "wrongly encoded" },
		{ "/hello?a=1&%61=2", " 400 ", "there twice" },
		{ "/hello?a=1&b=2&c=3&d=4&e=5", " 400 ", "too many" },
	};
	struct fixture *fixture = *state;
	char answer[2048], request[256];

	allow_post(fixture);
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
		    targets[i].target);
		ask(fixture, request, answer, sizeof answer, targets[i].until);
		assert_non_null(strstr(answer, targets[i].status));
		assert_non_null(strstr(answer, targets[i].until));
	}
	assert_int_equal(fixture->asked, 2);
	ask(fixture, "GET /hello%00x HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer, "wrongly encoded");
	assert_memory_equal(answer, "HTTP/1.1 400 ", 13);
	assert_int_equal(fixture->asked, 2);
}

static void test_post_is_answered_where_it_is_allowed_and_without_a_body(void **state)
{
	struct fixture *fixture = *state;
	char answer[2048];

	allow_post(fixture);
	ask(fixture, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", answer, sizeof answer,
	    "\r\n\r\nhello\n");
	assert_memory_equal(answer, "HTTP/1.1 202 ", 13);
	ask(fixture, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer, "\r\n\r\nhello\n");
	assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
	assert_int_equal(fixture->asked, 2);
	ask(fixture, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", answer,
	    sizeof answer, "has no body");
	assert_memory_equal(answer, "HTTP/1.1 400 ", 13);
	ask(fixture, "BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer, "GET, HEAD and POST");
	assert_memory_equal(answer, "HTTP/1.1 405 ", 13);
	assert_int_equal(fixture->asked, 2);
}

static void test_a_page_without_memory_is_an_internal_error(void **state)
{
	char answer[2048];

	ask(*state, "GET /no-memory HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer, "no memory");
	assert_memory_equal(answer, "HTTP/1.1 500 ", 13);
}

static void test_a_huge_head_ends_the_connection_and_takes_bounded_memory(void **state)
{
	struct fixture *fixture = *state;
	int64_t bound_us = clock_monotonic_us() + ANSWER_BOUND_US;
	int fd = visit(fixture);
	size_t sent = 0;
	char line[4096], answer[2048];
	bool ended = false;

	memset(line, 'a', sizeof line);
	assert_true(send(fd, "GET /hello HTTP/1.1\r\nX: ", 24, MSG_NOSIGNAL) == 24);
	while (!ended && clock_monotonic_us() < bound_us) {
		ssize_t length = send(fd, line, sizeof line, MSG_NOSIGNAL);

		if (length > 0)
			sent += (size_t)length;
		assert_true(sd_event_run(fixture->event, USEC_PER_MSEC) >= 0);
		length = recv(fd, answer, sizeof answer, 0);
		ended = length >= 0 || (errno != EAGAIN && errno != EINTR);
	}
	assert_true(ended);
	assert_true(sent < 1024 * 1024);
	assert_int_equal(fixture->asked, 0);
	close(fd);
}

static void test_visitors_who_say_nothing_do_not_keep_others_out(void **state)
{
	struct fixture *fixture = *state;
	char answer[2048];
	int silent[32];

	for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
		silent[i] = visit(fixture);
		assert_int_equal(send(silent[i], "GET /he", 7, MSG_NOSIGNAL), 7);
	}
	ask(fixture, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer, "hello\n");
	for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
		close(silent[i]);
}

static void test_a_full_house_of_silent_visitors_is_open_again_once_they_have_timed_out(void **state)
{
	static const char request[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
	struct fixture *fixture = *state;
	int64_t began_us = clock_monotonic_us();
	int silent[CONNECTIONS_MAX];
	char answer[2048];
	int fd;

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		silent[i] = visit(fixture);
		assert_true(sd_event_run(fixture->event, 10 * USEC_PER_MSEC) >= 0);
	}
	/* Nobody else comes while they are there, and no event of theirs is left when they are gone. */
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		assert_true(
		    receive_within(fixture, silent[i], answer, sizeof answer, NULL, 2 * IDLE_TIMEOUT_US));
	assert_true(clock_monotonic_us() - began_us > IDLE_TIMEOUT_US / 2);
	fd = visit(fixture);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	assert_true(receive(fixture, fd, answer, sizeof answer, "hello\n"));
	close(fd);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		close(silent[i]);
}

static void test_the_control_socket_is_for_owner_and_group(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	assert_int_equal(stat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
	http_server_free(fixture->server);
	fixture->server = NULL;
	control_socket_close(&fixture->control);
	assert_int_equal(stat(fixture->path, &status), -1);
}

static void test_a_control_socket_that_is_answered_is_not_taken(void **state)
{
	struct fixture *fixture = *state;
	struct control_socket other;
	struct error err = { 0 };
	char answer[2048];

	assert_int_equal(control_socket_open(&other, fixture->path, &err), -EADDRINUSE);
	assert_non_null(strstr(err.message, fixture->path));
	ask(fixture, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer, "hello\n");
}

static void test_a_control_socket_left_behind_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct control_socket next;
	struct error err = { 0 };

	http_server_free(fixture->server); /* closes the socket, its file stays: as after a crash */
	fixture->server = NULL;
	assert_int_equal(access(fixture->path, F_OK), 0);
	assert_int_equal(control_socket_open(&next, fixture->path, &err), 0);
	control_socket_close(&next);
	assert_int_equal(access(fixture->path, F_OK), -1);
}

static void test_a_control_socket_that_another_one_has_replaced_is_left_to_it(void **state)
{
	struct fixture *fixture = *state;
	struct control_socket next;
	struct error err = { 0 };

	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(control_socket_open(&next, fixture->path, &err), 0);
	control_socket_close(&fixture->control);
	assert_int_equal(access(fixture->path, F_OK), 0);
	control_socket_close(&next);
}

static void test_a_file_that_is_no_socket_is_not_removed(void **state)
{
	struct fixture *fixture = *state;
	struct control_socket other;
	struct error err = { 0 };
	char path[80];
	int fd;

	snprintf(path, sizeof path, "%s/file", fixture->directory);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(control_socket_open(&other, path, &err), -EEXIST);
	assert_int_equal(unlink(path), 0);
}

static void test_the_directory_of_the_control_socket_is_made(void **state)
{
	struct fixture *fixture = *state;
	struct control_socket other;
	struct error err = { 0 };
	char path[80];

	snprintf(path, sizeof path, "%s/new/control.sock", fixture->directory);
	assert_int_equal(control_socket_open(&other, path, &err), 0);
	assert_int_equal(access(path, F_OK), 0);
	control_socket_close(&other);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
}

static void test_directories_that_are_missing_are_told_with_the_remedy(void **state)
{
	struct fixture *fixture = *state;
	struct control_socket other;
	struct error err = { 0 };
	char path[80];

	snprintf(path, sizeof path, "%s/none/none/control.sock", fixture->directory);
	assert_int_equal(control_socket_open(&other, path, &err), -ENOENT);
	assert_non_null(strstr(err.message, "RuntimeDirectory="));
}

static void test_tcp_addresses_are_bound_or_refused_with_a_sentence(void **state)
{
	struct sockaddr_in bound = { 0 };
	socklen_t length = sizeof bound;
	struct error err = { 0 };
	char address[32];
	int fd = http_listen_tcp("127.0.0.1:0", &err);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &length), 0);
	snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)ntohs(bound.sin_port));
	assert_int_equal(http_listen_tcp(address, &err), -EADDRINUSE);
	assert_non_null(strstr(err.message, address));
	close(fd);
	assert_int_equal(http_listen_tcp("127.0.0.1", &err), -EINVAL);
	assert_int_equal(http_listen_tcp("::1:80", &err), -EINVAL);
	assert_int_equal(http_listen_tcp("127.0.0.1:", &err), -EINVAL);
	assert_true(http_listen_tcp("127.0.0.1:http", &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_get_is_answered_with_the_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_head_is_answered_without_the_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_browser_may_load_nothing_for_a_page_but_what_its_policy_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_other_methods_and_bodies_are_refused_without_asking_the_site, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_paths_and_arguments_are_decoded_exactly_or_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_post_is_answered_where_it_is_allowed_and_without_a_body, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_page_without_memory_is_an_internal_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_huge_head_ends_the_connection_and_takes_bounded_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_visitors_who_say_nothing_do_not_keep_others_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_full_house_of_silent_visitors_is_open_again_once_they_have_timed_out, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_control_socket_is_for_owner_and_group, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_control_socket_that_is_answered_is_not_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_control_socket_left_behind_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_control_socket_that_another_one_has_replaced_is_left_to_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_file_that_is_no_socket_is_not_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_directory_of_the_control_socket_is_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_directories_that_are_missing_are_told_with_the_remedy, set_up, tear_down),
		cmocka_unit_test(test_tcp_addresses_are_bound_or_refused_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
