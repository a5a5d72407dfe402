/* The promises of ctl/control_client.h: what is wrong with the socket is told with what to do. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/memory.h"
#include "ctl/control_client.h"

struct fixture {
	char directory[32];
	char path[64];
	int fd;
	pid_t server;
};

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof *fixture);

	snprintf(fixture->directory, sizeof fixture->directory, "/tmp/aloqd-client-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->path, sizeof fixture->path, "%s/s", fixture->directory);
	fixture->fd = -1;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->server > 0) {
		kill(fixture->server, SIGKILL);
		waitpid(fixture->server, NULL, 0);
	}
	if (fixture->fd >= 0)
		close(fixture->fd);
	chmod(fixture->directory, 0700);
	unlink(fixture->path);
	rmdir(fixture->directory);
	free(fixture);
	return 0;
}

static void bind_socket(struct fixture *fixture, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->path);
	fixture->fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	assert_true(fixture->fd >= 0);
	assert_int_equal(bind(fixture->fd, (const struct sockaddr *)&address, sizeof address), 0);
}

/* Answers each visitor with this, whatever was asked. */
static void serve(struct fixture *fixture, const char *answer)
{
	bind_socket(fixture, SOCK_STREAM);
	assert_int_equal(listen(fixture->fd, 4), 0);
	fixture->server = fork();
	assert_true(fixture->server >= 0);
	if (fixture->server > 0)
		return;
	for (;;) {
		int visitor = accept(fixture->fd, NULL, NULL);
		char request[4096];

		if (visitor < 0)
			_exit(1);
		if (recv(visitor, request, sizeof request, 0) > 0)
			(void)send(visitor, answer, strlen(answer), MSG_NOSIGNAL);
		close(visitor);
	}
}

/* Asks, and finds these words in what is wrong. */
static void check_refused(const char *path, int expected, const char *words)
{
	struct control_answer answer = { 0 };
	struct error err = { 0 };
	int result = control_get(path, "/health", &answer, &err);

	control_answer_clear(&answer);
	assert_int_equal(result, expected);
	if (!strstr(err.message, words) || !strstr(err.message, path))
		fail_msg("no '%s' in '%s'", words, err.message);
}

static void test_a_socket_that_is_missing_says_to_start_the_daemon(void **state)
{
	struct fixture *fixture = *state;

	check_refused(fixture->path, -ECONNREFUSED, "systemctl start aloqd");
	check_refused("/etc/passwd/s", -ECONNREFUSED, "--socket PATH");
}

static void test_a_socket_that_nobody_listens_on_was_left_behind(void **state)
{
	struct fixture *fixture = *state;

	bind_socket(fixture, SOCK_STREAM);
	check_refused(fixture->path, -ECONNREFUSED, "nobody answers");
}

static void test_a_socket_of_another_kind_is_not_aloqds(void **state)
{
	struct fixture *fixture = *state;

	bind_socket(fixture, SOCK_DGRAM);
	check_refused(fixture->path, -EPROTO, "of another kind");
}

static void test_what_does_not_speak_http_is_not_aloqd(void **state)
{
	struct fixture *fixture = *state;

	serve(fixture, "220 mail.example ESMTP\r\n");
	check_refused(fixture->path, -EIO, "does not speak as an aloqd does");
}

static void test_a_daemon_that_ends_before_it_has_answered_is_not_taken_for_another_program(void **state)
{
	struct fixture *fixture = *state;

	serve(fixture, "");
	check_refused(fixture->path, -ECONNRESET, "aloqd has ended or is restarted");
}

static void test_half_an_answer_is_none(void **state)
{
	struct fixture *fixture = *state;

	serve(fixture, "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nno\n");
	check_refused(fixture->path, -ECONNRESET, "broke off before the answer");
}

static void test_an_answer_is_passed_whatever_its_status(void **state)
{
	struct fixture *fixture = *state;
	struct control_answer answer = { 0 };
	struct error err = { 0 };

	serve(fixture, "HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n");
	assert_int_equal(control_post(fixture->path, "/api/v1/pipelines/a/start", &answer, &err), 0);
	assert_int_equal(answer.status, 409);
	assert_string_equal(answer.body, "no\n");
	control_answer_clear(&answer);
}

/* root may do all: it is somebody else who has no permission. */
static void test_without_permission_the_group_is_told(void **state)
{
	struct fixture *fixture = *state;
	int status;
	pid_t child;

	if (getuid() != 0) /* only root can become the one who has none */
		skip();
	bind_socket(fixture, SOCK_STREAM);
	assert_int_equal(listen(fixture->fd, 4), 0);
	assert_int_equal(chmod(fixture->directory, 0755), 0);
	assert_int_equal(chmod(fixture->path, 0660), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct control_answer answer = { 0 };
		struct error err = { 0 };

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		if (control_get(fixture->path, "/health", &answer, &err) != -EACCES)
			_exit(3);
		_exit(strstr(err.message, "member of the socket's group") ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_a_socket_that_is_missing_says_to_start_the_daemon, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_socket_that_nobody_listens_on_was_left_behind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_socket_of_another_kind_is_not_aloqds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_does_not_speak_http_is_not_aloqd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_daemon_that_ends_before_it_has_answered_is_not_taken_for_another_program, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_half_an_answer_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_answer_is_passed_whatever_its_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_permission_the_group_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
