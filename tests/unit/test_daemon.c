/* The promises of daemon/daemon.h: what it tells systemd, how it stops, its exit codes. The daemon runs in a
 * child with fake pipelines; the test is its service manager. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
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
#include "config_files.h"
#include "daemon/daemon.h"
#include "fake_pipeline.h"

#define BOUND_MS      10000
#define AT_ONCE_MS    2000 /* less than the daemon's grace for threads that end */
#define DRAIN_LONG_MS 3600000

#define PIPELINE(number, rest)                                                                               \
	"p" number " = { from = { cluster = \"main\"; topics = [ \"in" number "\" ]; };"                     \
	" to = { topic = \"out" number "\"; }; " rest " };"

struct fixture {
	char directory[32];
	char control[64];
	char notify[64];
	char config_path[512];
	const char *config;    /* the file that is read; NULL: the fake one is all there is */
	struct config *loaded; /* in the child */
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

/* The file that the daemon reads, at the start and at each reload; rest follows on the settings of the
 * daemon. */
static void configure(struct fixture *fixture, const char *daemon, const char *pipelines)
{
	char text[1024];

	fixture->config = fixture->config_path;
	snprintf(text, sizeof text,
	    "aloqd = { control = \"%s\"; %s };\n"
	    "clusters = { main = { brokers = \"a:1\"; }; };\n"
	    "pipelines = { %s };\n",
	    fixture->control, daemon, pipelines);
	config_files_write("main.conf", text, strlen(text));
	snprintf(fixture->config_path, sizeof fixture->config_path, "%s", config_files_path("main.conf"));
}

static struct config *load(const struct fixture *fixture)
{
	struct config_findings findings = { 0 };
	int exit_code;
	struct config *config =
	    config_load(fixture->config, false, CONFIG_TO_RUN, NULL, &findings, &exit_code);

	config_findings_clear(&findings);
	return config;
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
	if (fixture->config)
		fixture->loaded = load(fixture);
	_exit(daemon_run(fixture->loaded ? fixture->loaded : &fake_config,
	    &(struct options){ .config_file = fixture->config ? fixture->config : "test.conf" }));
}

/* Takes what the daemon says until it says `wanted`, which is then in message; false when it does not within
 * the bound. */
static bool hear_whole(
    const struct fixture *fixture, const char *wanted, int64_t bound_ms, char *message, size_t size)
{
	int64_t end_us = clock_monotonic_us() + bound_ms * USEC_PER_MSEC;
	int64_t left_us;

	while ((left_us = end_us - clock_monotonic_us()) > 0) {
		struct pollfd ready = { .fd = fixture->notify_fd, .events = POLLIN };
		ssize_t length;

		if (poll(&ready, 1, (int)(left_us / USEC_PER_MSEC) + 1) <= 0)
			continue;
		length = recv(fixture->notify_fd, message, size - 1, 0);
		assert_true(length >= 0);
		message[length] = '\0';
		if (strstr(message, wanted))
			return true;
	}
	return false;
}

static bool hear(const struct fixture *fixture, const char *wanted, int64_t bound_ms)
{
	char message[512];

	return hear_whole(fixture, wanted, bound_ms, message, sizeof message);
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

/* Asks over a connection that is open, or -1, and closes it. The answer's status, 0 when nobody answers, and
 * the answer. */
static int ask_on(int fd, const char *request, char *text, size_t size)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int status = 0;
	size_t used = 0;
	ssize_t length;

	if (fd < 0)
		return 0;
	assert_true(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
	do {
		assert_int_equal(poll(&ready, 1, BOUND_MS), 1);
		length = recv(fd, text + used, size - 1 - used, 0);
		assert_true(length >= 0);
		used += (size_t)length;
	} while (length > 0 && used < size - 1);
	text[used] = '\0';
	assert_int_equal(sscanf(text, "HTTP/1.%*c %d", &status), 1);
	close(fd);
	return status;
}

static int open_connection(const struct sockaddr *address, socklen_t size)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, address, size) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Over the control socket. */
static int ask_for(const struct fixture *fixture, const char *request, char *text, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->control);
	return ask_on(
	    open_connection((const struct sockaddr *)&address, sizeof address), request, text, size);
}

/* Over TCP, as anybody may. */
static int ask_publicly(in_port_t port, const char *request, char *text, size_t size)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};

	return ask_on(
	    open_connection((const struct sockaddr *)&address, sizeof address), request, text, size);
}

/* One that nobody listens on. */
static in_port_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	close(fd);
	return ntohs(address.sin_port);
}

/* A page's status. */
static int ask(const struct fixture *fixture, const char *path)
{
	char request[256];
	char answer[65536];

	snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", path);
	return ask_for(fixture, request, answer, sizeof answer);
}

/* Reloads over the control socket; answer is what it says. */
static int post_reload(const struct fixture *fixture, char *answer, size_t size)
{
	return ask_for(fixture, "POST /api/v1/reload HTTP/1.0\r\nContent-Length: 0\r\n\r\n", answer, size);
}

/* POST path: its status. */
static int post(const struct fixture *fixture, const char *path)
{
	char request[256];
	char answer[65536];

	snprintf(request, sizeof request, "POST %s HTTP/1.0\r\nContent-Length: 0\r\n\r\n", path);
	return ask_for(fixture, request, answer, sizeof answer);
}

static void test_pipelines_are_paused_and_resumed_by_name(void **state)
{
	struct fixture *fixture = *state;

	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	assert_int_equal(post(fixture, "/api/v1/pipelines/1/pause"), 200);
	assert_int_equal(post(fixture, "/api/v1/pipelines/1/resume"), 200);
	assert_int_equal(post(fixture, "/api/v1/pipelines/nobody/pause"), 404);
	assert_int_equal(post(fixture, "/api/v1/pipelines//pause"), 404);
	assert_int_equal(post(fixture, "/api/v1/pipelines/pause"), 404);
	assert_int_equal(post(fixture, "/api/v1/pipelines/1/rest"), 404);
	assert_int_equal(post(fixture, "/api/v1/pipelines/1/stop/now"), 404);
	assert_int_equal(post(fixture, "/api/v1/pipelines/1/stop?now=1"), 400);
	assert_int_equal(post(fixture, "/api/v1/a/b/c/d/e/f/g/h/i/j"), 404);
	assert_int_equal(post(fixture, "/"), 404);
	assert_int_equal(ask(fixture, "/api/v1/pipelines/1/pause"), 404);
}

static void test_pipelines_are_stopped_started_and_restarted_by_name(void **state)
{
	struct fixture *fixture = *state;
	char answer[65536];

	configure(fixture, "", PIPELINE("0", "") PIPELINE("1", "") PIPELINE("2", "enabled = false;"));
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	assert_int_equal(post(fixture, "/api/v1/pipelines/p1/stop"), 200);
	assert_true(hear(fixture, "STATUS=3 pipelines: 1 running, 2 stopped", BOUND_MS));
	assert_int_equal(
	    ask_for(fixture, "GET /api/v1/pipelines/p1 HTTP/1.0\r\n\r\n", answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "\"reason\":\"by command of uid "));
	assert_int_equal(ask(fixture, "/readyz"), 200);
	assert_int_equal(post(fixture, "/api/v1/pipelines/p1/pause"), 409);
	assert_int_equal(post(fixture, "/api/v1/pipelines/p2/start"), 200);
	assert_int_equal(post(fixture, "/api/v1/pipelines/p1/restart"), 200);
	assert_true(hear(fixture, "STATUS=3 pipelines: 3 running", BOUND_MS));
	assert_int_equal(post(fixture, "/api/v1/pipelines/nobody/start"), 404);
	assert_int_equal(post(fixture, "/api/v1/pipelines/nobody/partitions/in1/0/skip"), 404);
	assert_int_equal(post(fixture, "/api/v1/pipelines/p1/partitions/in1/0/skip"), 409); /* has none */
	assert_int_equal(post(fixture, "/api/v1/pipelines/p1/partitions/in1/0/forget"), 404);
	assert_int_equal(post(fixture, "/api/v1/pipelines/p1/partitions/in1/-1/skip"), 400);
	assert_int_equal(post(fixture, "/api/v1/pipelines/p1/partitions/in1/99999999999/skip"), 400);
	assert_int_equal(post(fixture, "/api/v1/pipelines/p1/partitions/in1/0/skip?offset=1x"), 400);
	assert_int_equal(post(fixture, "/api/v1/pipelines/p1/partitions/in1/0/skip?offset="), 400);
	assert_int_equal(post(fixture, "/api/v1/pipelines/p1/partitions/in1/0/skip?at=1"), 400);
	kill(fixture->child, SIGTERM);
	assert_int_equal(end(fixture, BOUND_MS), EX_OK);
}

static void test_the_log_level_is_shown_set_and_taken_back_by_a_reload(void **state)
{
	static const char look[] = "GET /api/v1/log-level HTTP/1.0\r\n\r\n";
	struct fixture *fixture = *state;
	char answer[65536];

	configure(fixture, "log_level = \"warning\";", PIPELINE("0", ""));
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	assert_int_equal(post(fixture, "/api/v1/log-level?level=debug"), 200);
	assert_int_equal(ask_for(fixture, look, answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "{\"level\":\"debug\",\"configured\":\"warning\"}"));
	assert_int_equal(post(fixture, "/api/v1/log-level?level=loud"), 400);
	assert_int_equal(post(fixture, "/api/v1/log-level"), 400);
	assert_int_equal(post(fixture, "/api/v1/log-level?level=info&x=1"), 400);
	assert_int_equal(post(fixture, "/api/v1/reload"), 200);
	assert_int_equal(ask_for(fixture, look, answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "{\"level\":\"warning\",\"configured\":\"warning\"}"));
}

static void test_the_running_configuration_is_explained(void **state)
{
	struct fixture *fixture = *state;
	char answer[262144];

	configure(fixture, "", PIPELINE("0", "") PIPELINE("1", ""));
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	assert_int_equal(
	    ask_for(fixture, "GET /api/v1/explain HTTP/1.0\r\n\r\n", answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "Pipeline p0\n"));
	assert_non_null(strstr(answer, "Pipeline p1\n"));
	assert_int_equal(
	    ask_for(fixture, "GET /api/v1/explain/p1 HTTP/1.0\r\n\r\n", answer, sizeof answer), 200);
	assert_null(strstr(answer, "Pipeline p0\n"));
	assert_non_null(strstr(answer, "Guarantee: at_least_once"));
	assert_int_equal(ask(fixture, "/api/v1/explain/nobody"), 404);
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
	assert_int_equal(ask(fixture, "/api/v1/pipelines/2"), 200); /* is not enabled */
	assert_int_equal(ask(fixture, "/api/v1/pipelines/3"), 404);
	assert_int_equal(ask(fixture, "/api/v1/pipelines/"), 404);
	assert_int_equal(ask(fixture, "/"), 200);
	assert_int_equal(ask(fixture, "/pipelines/1"), 200);
	assert_int_equal(ask(fixture, "/pipelines/1/1"), 200);
	assert_int_equal(ask(fixture, "/pipelines/1/2"), 404);
	assert_int_equal(ask(fixture, "/pipelines/1/01"), 404);
	assert_int_equal(ask(fixture, "/pipelines/1/x"), 404);
	assert_int_equal(ask(fixture, "/pipelines/3"), 404);
	assert_int_equal(ask(fixture, "/pipelines/"), 404);
	assert_int_equal(ask(fixture, "/index.html"), 404);
	assert_true(hear(fixture, "STATUS=3 pipelines: 2 running, 1 stopped; ", BOUND_MS));
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

/* Only another process goes on with it, and systemd starts one. */
static void test_a_call_that_does_not_return_ends_the_daemon_with_70_once_the_others_have_drained(void **state)
{
	struct fixture *fixture = *state;

	fake_scripts[0].stop = STOP_AT_ONCE;
	fake_scripts[1].hangs_in = "adding the offsets to a transaction";
	fake_scripts[1].stop = STOP_NEVER;
	start(fixture);
	assert_true(hear(fixture, "STOPPING=1", BOUND_MS));
	assert_int_equal(end(fixture, AT_ONCE_MS), EX_SOFTWARE);
	assert_int_equal(access(fixture->control, F_OK), -1);
}

static void test_what_drains_beside_a_call_that_does_not_return_has_its_time(void **state)
{
	struct fixture *fixture = *state;

	fake_config.drain_timeout_ms = 2000;
	fake_scripts[0].stop = STOP_AT_DEADLINE;
	fake_scripts[1].hangs_in = "adding the offsets to a transaction";
	fake_scripts[1].stop = STOP_NEVER;
	start(fixture);
	assert_true(hear(fixture, "STOPPING=1", BOUND_MS));
	assert_int_equal(end(fixture, 300), -1);
	assert_int_equal(end(fixture, BOUND_MS), EX_SOFTWARE);
}

/* A call that the relaying does not wait for, say: what is in flight is settled and committed, and what is lost is told. */
static void test_what_hangs_is_drained_as_far_as_it_can_be(void **state)
{
	struct fixture *fixture = *state;

	fake_config.drain_timeout_ms = 2000;
	fake_scripts[0].stop = STOP_AT_ONCE;
	fake_scripts[1].hangs_in = "asking for the source's topics";
	fake_scripts[1].drains = true;
	fake_scripts[1].stop = STOP_NEVER;
	start(fixture);
	assert_true(hear(fixture, "STOPPING=1", BOUND_MS));
	assert_int_equal(end(fixture, 300), -1);
	assert_int_equal(end(fixture, 2 * AT_ONCE_MS), EX_SOFTWARE);
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
	assert_true(hear(fixture, "STATUS=3 pipelines: 1 stopped, 2 failed; ", BOUND_MS));
	assert_int_equal(ask(fixture, "/livez"), 200);
	assert_int_equal(ask(fixture, "/readyz"), 503);
	kill(fixture->child, SIGTERM);
	assert_int_equal(end(fixture, BOUND_MS), EX_OK);
}

static void test_a_hangup_takes_up_what_has_changed_and_the_service_manager_hears_of_both_ends(void **state)
{
	struct fixture *fixture = *state;
	char wanted[64];
	char told[512];
	char answer[65536];
	int64_t asked_us;
	int64_t begun_us;

	configure(fixture, "", PIPELINE("0", "") PIPELINE("1", ""));
	fake_scripts[0].stop = STOP_AS_TOLD;
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	configure(fixture, "", PIPELINE("1", "members = 2;") PIPELINE("2", ""));
	asked_us = clock_monotonic_us();
	kill(fixture->child, SIGHUP);
	assert_true(hear_whole(fixture, "RELOADING=1\n", BOUND_MS, told, sizeof told));
	assert_int_equal(sscanf(told, "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &begun_us), 1);
	assert_true(begun_us >= asked_us && begun_us <= clock_monotonic_us());
	snprintf(wanted, sizeof wanted, "EXTEND_TIMEOUT_USEC=%d", (30 + 10) * 1000000);
	assert_true(hear(fixture, wanted, BOUND_MS));
	/* p0 drains for longer than the test waits */
	assert_false(hear(fixture, "READY=1", 300));
	assert_int_equal(ask(fixture, "/api/v1/pipelines/p0"), 200);
	assert_int_equal(ask(fixture, "/api/v1/pipelines/p1"), 200);
	assert_int_equal(ask(fixture, "/api/v1/pipelines/p2"), 200);
	assert_int_equal(ask_for(fixture, "GET /api/v1/reload HTTP/1.0\r\n\r\n", answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "\"result\":\"ok\""));
	assert_non_null(strstr(answer, "\"finished\":false"));
	assert_non_null(strstr(answer, "1 pipeline is new, 1 changed, 1 removed, 0 unchanged"));
}

static void test_a_reload_is_ready_again_when_what_it_removed_has_ended(void **state)
{
	struct fixture *fixture = *state;
	char answer[65536];

	configure(fixture, "", PIPELINE("0", "") PIPELINE("1", ""));
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	configure(fixture, "", PIPELINE("1", ""));
	kill(fixture->child, SIGHUP);
	assert_true(hear(fixture, "RELOADING=1", BOUND_MS));
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	assert_int_equal(ask(fixture, "/api/v1/pipelines/p0"), 404);
	assert_int_equal(ask(fixture, "/api/v1/pipelines/p1"), 200);
	assert_int_equal(ask_for(fixture, "GET /metrics HTTP/1.0\r\n\r\n", answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "aloqd_reloads_total{result=\"ok\"} 1\n"));
	kill(fixture->child, SIGTERM);
	assert_int_equal(end(fixture, BOUND_MS), EX_OK);
}

static void test_a_reload_does_not_wait_for_ever_for_a_pipeline_that_does_not_end(void **state)
{
	struct fixture *fixture = *state;
	char answer[65536];

	configure(fixture, "drain_timeout = \"100ms\";", PIPELINE("0", "") PIPELINE("1", ""));
	fake_scripts[0].stop = STOP_NEVER;
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	configure(fixture, "drain_timeout = \"100ms\";", PIPELINE("1", ""));
	kill(fixture->child, SIGHUP);
	assert_true(hear(fixture, "RELOADING=1", BOUND_MS));
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	assert_int_equal(ask_for(fixture, "GET /api/v1/reload HTTP/1.0\r\n\r\n", answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "\"finished\":true,\"late\":1"));
}

static void test_a_wrong_configuration_changes_nothing_and_all_that_is_wrong_is_told(void **state)
{
	struct fixture *fixture = *state;
	char answer[65536];

	configure(fixture, "", PIPELINE("0", ""));
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	configure(fixture, "log_levle = \"info\";", PIPELINE("1", "members = 0;"));
	kill(fixture->child, SIGHUP);
	assert_true(hear(fixture, "RELOADING=1", BOUND_MS));
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	assert_true(hear(
	    fixture, "STATUS=1 pipeline: 1 running; 0 records/s; the last reload was refused", BOUND_MS));
	assert_int_equal(ask(fixture, "/api/v1/pipelines/p0"), 200);
	assert_int_equal(ask(fixture, "/api/v1/pipelines/p1"), 404);
	assert_int_equal(post_reload(fixture, answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "\"refused\":2"));
	assert_non_null(strstr(answer, "\"result\":\"refused\",\"finished\":true"));
	assert_non_null(strstr(answer, "with 2 errors; everything runs on as it was"));
	assert_non_null(strstr(answer, "log_levle"));
	assert_non_null(strstr(answer, "pipelines.p1.members"));
	assert_int_equal(ask_for(fixture, "GET /metrics HTTP/1.0\r\n\r\n", answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "aloqd_last_reload_successful 0\n"));
	kill(fixture->child, SIGTERM);
	assert_int_equal(end(fixture, BOUND_MS), EX_OK);
}

static void test_what_stands_in_the_files_is_not_told_over_tcp(void **state)
{
	static const char *const pages[] = { "pipelines", "reload" };
	static const char *const hidden[] = { "log-level", "explain", "explain/p0" };
	struct fixture *fixture = *state;
	in_port_t port = free_port();
	char daemon[128];
	char request[64];
	char answer[65536];

	snprintf(daemon, sizeof daemon, "http = \"127.0.0.1:%d\"; log_level = \"info\";", port);
	configure(fixture, daemon, PIPELINE("0", ""));
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	snprintf(daemon, sizeof daemon, "http = \"127.0.0.1:%d\"; log_level = \"my-secret\";", port);
	configure(fixture, daemon, PIPELINE("0", ""));
	assert_int_equal(post_reload(fixture, answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "my-secret"));
	for (size_t i = 0; i < 2; i++) {
		snprintf(request, sizeof request, "GET /api/v1/%s HTTP/1.0\r\n\r\n", pages[i]);
		assert_int_equal(ask_for(fixture, request, answer, sizeof answer), 200);
		assert_non_null(strstr(answer, "my-secret"));
		assert_int_equal(ask_publicly(port, request, answer, sizeof answer), 200);
		assert_non_null(strstr(answer, "\"result\":\"refused\""));
		assert_null(strstr(answer, "my-secret"));
		assert_null(strstr(answer, "main.conf"));
	}
	assert_int_equal(ask_publicly(port, "POST /api/v1/reload HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
			     answer, sizeof answer),
	    405);
	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
		snprintf(request, sizeof request, "GET /api/v1/%s HTTP/1.0\r\n\r\n", hidden[i]);
		assert_int_equal(ask_for(fixture, request, answer, sizeof answer), 200);
		assert_int_equal(ask_publicly(port, request, answer, sizeof answer), 404);
	}
	kill(fixture->child, SIGTERM);
	assert_int_equal(end(fixture, BOUND_MS), EX_OK);
}

static void test_what_needs_a_restart_is_told_with_the_rest_and_the_rest_is_taken_up(void **state)
{
	struct fixture *fixture = *state;
	char answer[65536];

	configure(fixture, "instance = \"one\";", PIPELINE("0", ""));
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	configure(
	    fixture, "instance = \"two\"; drain_timeout = \"77s\";", PIPELINE("0", "") PIPELINE("1", ""));
	assert_int_equal(post_reload(fixture, answer, sizeof answer), 200);
	assert_non_null(strstr(answer, "aloqd.instance: a reload does not change it: it stays \\\"one\\\", "
				       "and becomes \\\"two\\\" when aloqd is "
				       "restarted"));
	assert_int_equal(ask(fixture, "/api/v1/pipelines/p1"), 200);
	kill(fixture->child, SIGTERM);
	assert_true(hear(fixture, "STOPPING=1\nEXTEND_TIMEOUT_USEC=87000000", BOUND_MS));
	assert_int_equal(end(fixture, BOUND_MS), EX_OK);
}

static void test_a_stop_in_the_middle_of_a_reload_drains_all_within_its_bound(void **state)
{
	struct fixture *fixture = *state;
	char answer[65536];

	configure(fixture, "drain_timeout = \"200ms\";", PIPELINE("0", "") PIPELINE("1", ""));
	fake_scripts[0].stop = STOP_NEVER;
	start(fixture);
	assert_true(hear(fixture, "READY=1", BOUND_MS));
	configure(fixture, "drain_timeout = \"200ms\";", PIPELINE("0", "members = 2;") PIPELINE("2", ""));
	kill(fixture->child, SIGHUP);
	assert_true(hear(fixture, "RELOADING=1", BOUND_MS));
	kill(fixture->child, SIGTERM);
	assert_true(hear(fixture, "STOPPING=1", BOUND_MS));
	assert_int_equal(post_reload(fixture, answer, sizeof answer), 503);
	kill(fixture->child, SIGHUP);
	assert_int_equal(end(fixture, BOUND_MS), EX_TEMPFAIL);
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
		    test_pipelines_are_paused_and_resumed_by_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_pipelines_are_stopped_started_and_restarted_by_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_log_level_is_shown_set_and_taken_back_by_a_reload, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_running_configuration_is_explained, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_clean_drain_ends_with_0_and_leaves_no_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_drain_that_takes_too_long_ends_with_75, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_second_signal_ends_the_drain_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_thread_that_never_ends_does_not_hold_up_the_stop_for_ever, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_call_that_does_not_return_ends_the_daemon_with_70_once_the_others_have_drained, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_what_drains_beside_a_call_that_does_not_return_has_its_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_what_hangs_is_drained_as_far_as_it_can_be, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_daemon_lives_on_when_all_pipelines_have_failed_and_ends_with_0, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_hangup_takes_up_what_has_changed_and_the_service_manager_hears_of_both_ends,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_reload_is_ready_again_when_what_it_removed_has_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_reload_does_not_wait_for_ever_for_a_pipeline_that_does_not_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_wrong_configuration_changes_nothing_and_all_that_is_wrong_is_told, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_what_stands_in_the_files_is_not_told_over_tcp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_what_needs_a_restart_is_told_with_the_rest_and_the_rest_is_taken_up, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_stop_in_the_middle_of_a_reload_drains_all_within_its_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_listener_that_cannot_be_bound_ends_with_69_before_ready, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_watchdog_hears_nothing_once_a_thread_has_stopped_turning, set_up, tear_down),
	};
	int failed;

	unsetenv("WATCHDOG_PID");
	config_files_begin();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	config_files_end();
	return failed;
}
