/* The promises of daemon/daemon.h: what it tells systemd, how it stops, its exit codes. The daemon runs in a
 * child with fake pipelines; the test is its service manager. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "daemon/daemon.h"
#include "fake_pipeline.h"

#define BOUND_MS      10000
#define AT_ONCE_MS    2000 /* less than the daemon's grace for threads that end */
#define DRAIN_LONG_MS 3600000

struct fixture {
	char directory[32];
	char control[64];
	char notify[64];
	int notify_fd;
	pid_t child;
};

static void bind_notify(struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->notify);
	fixture->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fixture->notify_fd >= 0);
	assert_int_equal(bind(fixture->notify_fd, (const struct sockaddr *)&address, sizeof address), 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof *fixture);

	snprintf(fixture->directory, sizeof fixture->directory, "/tmp/aloqd-daemon-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->control, sizeof fixture->control, "%s/control.sock", fixture->directory);
	snprintf(fixture->notify, sizeof fixture->notify, "%s/notify.sock", fixture->directory);
	bind_notify(fixture);
	fake_reset(NULL);
	for (size_t i = 0; i < FAKE_PIPELINES; i++) {
		fake_scripts[i].turns = true;
		fake_scripts[i].stop = STOP_AT_ONCE;
	}
	fake_config.control = fixture->control;
	fake_config.http = NULL;
	fake_config.drain_timeout_ms = DRAIN_LONG_MS;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->child > 0) { /* the test has failed before it came to an end */
		kill(fixture->child, SIGKILL);
		waitpid(fixture->child, NULL, 0);
	}
	close(fixture->notify_fd);
	unlink(fixture->notify);
	unlink(fixture->control);
	rmdir(fixture->directory);
	free(fixture);
	return 0;
}

/* The daemon, as main() starts it. */
static void start(struct fixture *fixture)
{
	sigset_t set;

	fixture->child = fork();
	assert_true(fixture->child >= 0);
	if (fixture->child > 0)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setenv("NOTIFY_SOCKET", fixture->notify, 1);
	_exit(daemon_run(&fake_config, "test.conf"));
}

/* Takes what the daemon says until it says `wanted`; false when it does not within the bound. */
static bool hear(const struct fixture *fixture, const char *wanted, int64_t bound_ms)
{
	int64_t end_us = clock_monotonic_us() + bound_ms * USEC_PER_MSEC;
	int64_t left_us;

	while ((left_us = end_us - clock_monotonic_us()) > 0) {
		struct pollfd ready = { .fd = fixture->notify_fd, .events = POLLIN };
		char message[512];
		ssize_t length;

		if (poll(&ready, 1, (int)(left_us / USEC_PER_MSEC) + 1) <= 0)
			continue;
		length = recv(fixture->notify_fd, message, sizeof message - 1, 0);
		assert_true(length >= 0);
		message[length] = '\0';
		if (strstr(message, wanted))
			return true;
	}
	return false;
}

/* The exit code, or -1 when it does not end within the bound. */
static int end(struct fixture *fixture, int64_t bound_ms)
{
	int64_t end_us = clock_monotonic_us() + bound_ms * USEC_PER_MSEC;
	int status;

	while (clock_monotonic_us() < end_us) {
		if (waitpid(fixture->child, &status, WNOHANG) == fixture->child) {
			fixture->child = 0;
			assert_true(WIFEXITED(status));
			return WEXITSTATUS(status);
		}
		hear(fixture, "nothing in particular", 5); /* or the daemon would wait for us */
	}
	return -1;
}

/* Asks for a page over the control socket; the answer's status, 0 when nobody answers. */
static int ask(const struct fixture *fixture, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[256];
	int status = 0;

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->control);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };

		snprintf(text, sizeof text, "GET %s HTTP/1.0\r\n\r\n", path);
		assert_true(send(fd, text, strlen(text), MSG_NOSIGNAL) > 0);
		memset(text, 0, sizeof text);
		assert_int_equal(poll(&ready, 1, BOUND_MS), 1);
		assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
		assert_int_equal(sscanf(text, "HTTP/1.%*c %d", &status), 1);
	}
	close(fd);
	return status;
}

static void test_ready_means_that_the_control_socket_answers(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	assert_int_equal(ask(fixture, "/health"), 200);
	assert_int_equal(ask(fixture, "/livez"), 200);
	assert_int_equal(ask(fixture, "/readyz"), 200);
	assert_int_equal(ask(fixture, "/metrics"), 200);
	assert_int_equal(ask(fixture, "/api/v1/pipelines"), 200);
	assert_int_equal(ask(fixture, "/api/v1/pipelines/1"), 200);
	assert_int_equal(ask(fixture, "/api/v1/pipelines/2"), 404);
	assert_int_equal(ask(fixture, "/api/v1/pipelines/"), 404);
	assert_int_equal(ask(fixture, "/"), 404);
	assert_true(hear(fixture, "STATUS=2 pipelines: 2 running; ", BOUND_MS));
}

static void test_a_clean_drain_ends_with_0_and_leaves_no_socket(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	kill(fixture->child, SIGTERM);
	assert_true(hear(fixture, "STOPPING=1\nEXTEND_TIMEOUT_USEC=3610000000", BOUND_MS));
	assert_int_equal(end(fixture, BOUND_MS), EX_OK);
	assert_int_equal(access(fixture->control, F_OK), -1);
}

static void test_a_drain_that_takes_too_long_ends_with_75(void **state)
{
	struct fixture *fixture = *state;

	fake_config.drain_timeout_ms = 200;
	fake_scripts[1].stop = STOP_AT_DEADLINE;
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	kill(fixture->child, SIGTERM);
	assert_int_equal(end(fixture, BOUND_MS), EX_TEMPFAIL);
}

static void test_a_second_signal_ends_the_drain_at_once(void **state)
{
	struct fixture *fixture = *state;

	fake_scripts[1].stop = STOP_NEVER;
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	kill(fixture->child, SIGTERM);
	assert_true(hear(fixture, "STOPPING=1", BOUND_MS));
	kill(fixture->child, SIGINT);
	assert_int_equal(end(fixture, AT_ONCE_MS), EX_TEMPFAIL);
	assert_int_equal(access(fixture->control, F_OK), -1);
}

static void test_a_thread_that_never_ends_does_not_hold_up_the_stop_for_ever(void **state)
{
	struct fixture *fixture = *state;

	fake_config.drain_timeout_ms = 0;
	fake_scripts[0].stop = STOP_NEVER;
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	kill(fixture->child, SIGTERM);
	assert_int_equal(end(fixture, BOUND_MS), EX_TEMPFAIL);
	assert_int_equal(access(fixture->control, F_OK), -1);
}

static void test_the_daemon_lives_on_when_all_pipelines_have_failed_and_ends_with_0(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < FAKE_PIPELINES; i++) {
		fake_scripts[i].state = PIPELINE_FAILED;
		fake_scripts[i].ended = true;
		fake_scripts[i].clean = false;
	}
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	assert_true(hear(fixture, "STATUS=2 pipelines: 2 failed; ", BOUND_MS));
	assert_int_equal(ask(fixture, "/livez"), 200);
	assert_int_equal(ask(fixture, "/readyz"), 503);
	kill(fixture->child, SIGTERM);
	assert_int_equal(end(fixture, BOUND_MS), EX_OK);
}

static void test_a_hangup_changes_nothing(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	kill(fixture->child, SIGHUP);
	assert_int_equal(ask(fixture, "/health"), 200);
	kill(fixture->child, SIGTERM);
	assert_int_equal(end(fixture, BOUND_MS), EX_OK);
}

static void test_a_listener_that_cannot_be_bound_ends_with_69_before_ready(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int taken = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->control);
	assert_int_equal(bind(taken, (const struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(taken, 1), 0);
	start(fixture);
	assert_int_equal(end(fixture, BOUND_MS), EX_UNAVAILABLE);
	assert_false(hear(fixture, "READY=1", 0));
	assert_int_equal(access(fixture->control, F_OK), 0); /* it is the other one's */
	close(taken);
}

static void test_the_watchdog_hears_nothing_once_a_thread_has_stopped_turning(void **state)
{
	struct fixture *fixture = *state;

	fake_scripts[1].turns = false;
	setenv("WATCHDOG_USEC", "1000000", 1);
	start(fixture);
	unsetenv("WATCHDOG_USEC");
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	assert_true(hear(fixture, "WATCHDOG=1", BOUND_MS));
	/* ten seconds, and what one more look takes */
	while (hear(fixture, "WATCHDOG=1", 2000))
		assert_int_equal(waitpid(fixture->child, NULL, WNOHANG), 0);
	assert_int_equal(ask(fixture, "/livez"), 503);
	assert_int_equal(ask(fixture, "/health"), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_ready_means_that_the_control_socket_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_clean_drain_ends_with_0_and_leaves_no_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_drain_that_takes_too_long_ends_with_75, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_second_signal_ends_the_drain_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_thread_that_never_ends_does_not_hold_up_the_stop_for_ever, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_daemon_lives_on_when_all_pipelines_have_failed_and_ends_with_0, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_a_hangup_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_listener_that_cannot_be_bound_ends_with_69_before_ready, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_watchdog_hears_nothing_once_a_thread_has_stopped_turning, set_up, tear_down),
	};

	unsetenv("WATCHDOG_PID");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
