#include "daemon/daemon.h"
#include <config.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/log_ids.h"
#include "daemon/health.h"
#include "daemon/http_listener.h"
#include "daemon/http_server.h"
#include "daemon/reload.h"
#include "daemon/service_manager.h"
#include "daemon/site.h"
#include "daemon/supervisor.h"
#include "kafka/library.h"

#define TICK_US           (1 * USEC_PER_SEC)
#define DRAIN_TICK_US     (50 * USEC_PER_MSEC)
#define STALL_LIMIT_US    (10 * USEC_PER_SEC)
#define CLOSE_GRACE_US    (5 * USEC_PER_SEC) /* from the end of a drain to the end of its thread */
#define TIMER_ACCURACY_US 1                  /* 0 would mean 250 ms */

struct daemon {
	struct config *config; /* that of the start; reload knows the one that holds */
	const struct options *options;
	sd_event *event;
	sd_event_source *ticker;
	struct supervisor *supervisor;
	struct reload *reload;
	struct service_manager service_manager;
	struct site site;
	struct control_socket control;
	struct http_server *control_server;
	struct http_server *tcp_server; /* NULL: aloqd.http is off */
	int wake_fd;

	bool draining;
	int64_t give_up_us; /* when draining: the threads that run on are left behind */
	bool stall_logged;
	bool hangs; /* a thread cannot be ended: that is why it stops */

	uint64_t acked_records; /* at the last look */
	int64_t looked_us;
	uint64_t records_per_s;
};

/* ---- looking at the pipelines ---- */

static void measure_rate(struct daemon *daemon, int64_t now_us)
{
	uint64_t acked_records = supervisor_acked_records(daemon->supervisor);
	int64_t elapsed_us = now_us - daemon->looked_us;

	if (elapsed_us < TICK_US / 2)
		return; /* too short a time to tell a rate */
	daemon->records_per_s = (acked_records - daemon->acked_records) * USEC_PER_SEC / (uint64_t)elapsed_us;
	daemon->acked_records = acked_records;
	daemon->looked_us = now_us;
}

static void show_status(struct daemon *daemon, int64_t now_us)
{
	char line[sizeof daemon->service_manager.status];
	const struct pipeline_snapshot *snapshots;
	size_t count;

	snapshots = supervisor_snapshots(daemon->supervisor, &count);
	health_status_line(line, sizeof line, snapshots, count, daemon->records_per_s,
	    reload_status(daemon->reload)->was_refused);
	service_manager_status(&daemon->service_manager, line, now_us);
}

/* The watchdog means that every thread still turns, not that Kafka is up. */
static void feed_watchdog(struct daemon *daemon, int64_t now_us)
{
	const char *stalled = supervisor_stalled(daemon->supervisor, now_us, STALL_LIMIT_US);

	if (!stalled)
		service_manager_alive(&daemon->service_manager, now_us);
	else if (!daemon->stall_logged)
		log_error(&LOG_PIPELINE(stalled), "its thread has not turned for more than %" PRId64 " s%s",
		    STALL_LIMIT_US / USEC_PER_SEC,
		    daemon->service_manager.watchdog_us ? "; the watchdog gets no more signs of life" : "");
	daemon->stall_logged = stalled != NULL;
}

/* All pipelines stop, for as long as a drain may take. */
static void begin_drain(struct daemon *daemon, int64_t now_us)
{
	int64_t drain_us = reload_config(daemon->reload)->drain_timeout_ms * USEC_PER_MSEC;

	daemon->draining = daemon->site.stopping = true;
	daemon->give_up_us = clock_after_us(now_us, clock_after_us(drain_us, CLOSE_GRACE_US));
	supervisor_refresh(daemon->supervisor, now_us);
	supervisor_stop(daemon->supervisor, clock_after_us(now_us, drain_us));
	service_manager_stopping(&daemon->service_manager, clock_after_us(drain_us, 2 * CLOSE_GRACE_US));
	/* Sooner than it would come by itself; it comes in any case. */
	(void)sd_event_source_set_time_relative(daemon->ticker, 0);
}

/* Its thread, and with it the client, stay until the process ends: only another one relays again what this pipeline has in
 * hand. systemd makes it, as the status is a failure. */
static void end_if_one_hangs(struct daemon *daemon, int64_t now_us)
{
	const char *doing;
	const char *name = supervisor_hanging(daemon->supervisor, &doing);
	struct log_place place = LOG_PIPELINE(name);

	if (!name)
		return;
	place.message_id = LOG_ID_CALL_HANGS;
	log_error(&place,
	    "librdkafka does not return from a call (%s), and its client cannot be given up meanwhile: the other pipelines "
	    "are drained, and aloqd ends with status %d, for systemd to start it anew. What is not committed is read again",
	    doing, EX_SOFTWARE);
	daemon->hangs = true;
	begin_drain(daemon, now_us);
}

static void look(struct daemon *daemon)
{
	int64_t now_us = clock_monotonic_us();

	supervisor_refresh(daemon->supervisor, now_us);
	measure_rate(daemon, now_us);
	show_status(daemon, now_us);
	if (!daemon->draining) {
		reload_continue(daemon->reload, now_us);
		end_if_one_hangs(daemon, now_us);
		return;
	}
	if (supervisor_is_over(daemon->supervisor) || now_us >= daemon->give_up_us) {
		bool clean = supervisor_drained_cleanly(daemon->supervisor) && /* names the pipelines that were not */
			     supervisor_has_ended(daemon->supervisor);

		sd_event_exit(daemon->event, daemon->hangs ? EX_SOFTWARE : clean ? EX_OK : EX_TEMPFAIL);
	}
}

/* ---- events ---- */

static int64_t tick_interval_us(const struct daemon *daemon)
{
	int64_t interval_us = daemon->draining ? DRAIN_TICK_US : TICK_US;
	int64_t watchdog_us = daemon->service_manager.watchdog_us;

	/* a few chances within each of the watchdog's periods */
	return watchdog_us && watchdog_us / 4 < interval_us ? watchdog_us / 4 : interval_us;
}

static int on_tick(sd_event_source *source, uint64_t time_us, void *context)
{
	struct daemon *daemon = context;
	int result;

	(void)time_us;
	look(daemon);
	feed_watchdog(daemon, clock_monotonic_us());
	result = sd_event_source_set_time_relative(source, (uint64_t)tick_interval_us(daemon));
	return result < 0 ? result : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_wake(sd_event_source *source, int fd, uint32_t events, void *context)
{
	uint64_t count;

	(void)source;
	(void)events;
	if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	look(context);
	return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *signal, void *context)
{
	struct daemon *daemon = context;
	const char *name = signal->ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT";
	int64_t now_us = clock_monotonic_us();

	(void)source;
	if (daemon->draining) {
		log_notice(&LOG_NOWHERE, "%s again: not waiting for the drain", name);
		daemon->give_up_us = now_us;
		look(daemon);
		return 0;
	}
	log_notice(&LOG_NOWHERE, "%s: draining, for %" PRId64 " ms at most", name,
	    reload_config(daemon->reload)->drain_timeout_ms);
	begin_drain(daemon, now_us);
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *signal, void *context)
{
	struct daemon *daemon = context;

	(void)source;
	(void)signal;
	if (daemon->draining)
		log_notice(&LOG_NOWHERE, "SIGHUP: aloqd stops, and does not reload any more");
	else
		reload_begin(daemon->reload, "SIGHUP");
	return 0;
}

/* ---- from start to end ---- */

static int add_events(struct daemon *daemon)
{
	int result = sd_event_new(&daemon->event);

	if (result >= 0)
		result = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_stop, daemon);
	if (result >= 0)
		result = sd_event_add_signal(daemon->event, NULL, SIGINT, on_stop, daemon);
	if (result >= 0)
		result = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hangup, daemon);
	if (result >= 0)
		result = sd_event_add_io(daemon->event, NULL, daemon->wake_fd, EPOLLIN, on_wake, daemon);
	if (result >= 0)
		result = sd_event_add_time_relative(daemon->event, &daemon->ticker, CLOCK_MONOTONIC,
		    (uint64_t)tick_interval_us(daemon), TIMER_ACCURACY_US, on_tick, daemon);
	return result;
}

/* Serves on the control socket and, where configured, on TCP. Returns 0 or an exit code. */
static int open_listeners(struct daemon *daemon, struct error *err)
{
	int tcp_fd;

	if (control_socket_open(&daemon->control, daemon->config->control, err) < 0)
		return EX_UNAVAILABLE;
	daemon->control_server =
	    http_server_new(daemon->event, daemon->control.fd, site_page, site_act, &daemon->site, err);
	daemon->control.fd = -1; /* the server's now */
	if (!daemon->control_server)
		return EX_SOFTWARE;
	if (!daemon->config->http)
		return 0;
	tcp_fd = http_listen_tcp(daemon->config->http, err);
	if (tcp_fd < 0)
		return EX_UNAVAILABLE;
	daemon->tcp_server = http_server_new(daemon->event, tcp_fd, site_public_page, NULL, &daemon->site, err);
	return daemon->tcp_server ? 0 : EX_SOFTWARE;
}

static int start(struct daemon *daemon, struct error *err)
{
	int result;
	int exit_code;

	daemon->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	result = daemon->wake_fd < 0 ? -errno : add_events(daemon);
	if (result < 0) {
		error_set(err, result, REMEDY_PERSON, "cannot set up the event loop: %s", strerror(-result));
		return EX_SOFTWARE;
	}
	exit_code = open_listeners(daemon, err);
	if (exit_code != 0)
		return exit_code;
	daemon->looked_us = clock_monotonic_us();
	daemon->supervisor = supervisor_new(daemon->config, daemon->wake_fd, daemon->looked_us);
	daemon->reload =
	    reload_new(daemon->config, daemon->options, daemon->supervisor, &daemon->service_manager);
	daemon->site.supervisor = daemon->supervisor;
	daemon->site.reload = daemon->reload;
	return 0;
}

static void log_ready(const struct daemon *daemon)
{
	size_t all;
	const struct pipeline_snapshot *snapshots = supervisor_snapshots(daemon->supervisor, &all);
	size_t count = 0;

	for (size_t i = 0; i < all; i++)
		count += snapshots[i].state != PIPELINE_STOPPED;
	log_at(LOG_LEVEL_NOTICE,
	    &(struct log_place){ .partition = -1, .offset = -1, .message_id = LOG_ID_DAEMON_READY },
	    "aloqd " PACKAGE_VERSION " (librdkafka %s) is ready: %zu pipeline%s of %s, control socket %s%s%s",
	    library_version(), count, count == 1 ? "" : "s", daemon->options->config_file,
	    daemon->control.path, daemon->config->http ? ", http on " : "",
	    daemon->config->http ? daemon->config->http : "");
}

static void stop(struct daemon *daemon)
{
	/* the file goes while the socket still answers, so that a successor cannot have replaced it */
	control_socket_close(&daemon->control);
	http_server_free(daemon->control_server);
	http_server_free(daemon->tcp_server);
	reload_free(daemon->reload);
	supervisor_free(daemon->supervisor);
	sd_event_source_disable_unref(daemon->ticker);
	sd_event_unref(daemon->event);
	if (daemon->wake_fd >= 0)
		close(daemon->wake_fd);
}

int daemon_run(struct config *config, const struct options *options)
{
	struct daemon daemon = {
		.config = config, .options = options, .control = { .fd = -1 }, .wake_fd = -1
	};
	struct error err = { 0 };
	int exit_code;

	daemon.site = (struct site){
		.identity = { PACKAGE_VERSION, library_version(), config->instance },
		.started_ms = clock_realtime_ms(),
		.stall_limit_us = STALL_LIMIT_US,
	};
	service_manager_init(&daemon.service_manager);
	exit_code = start(&daemon, &err);
	if (exit_code != 0) {
		log_error(&LOG_NOWHERE, "%s", err.message);
		stop(&daemon);
		return exit_code;
	}
	log_ready(&daemon);
	service_manager_ready(&daemon.service_manager);
	exit_code = sd_event_loop(daemon.event);
	if (exit_code < 0) {
		log_error(&LOG_NOWHERE, "the event loop failed: %s", strerror(-exit_code));
		exit_code = EX_SOFTWARE;
	}
	log_notice(&LOG_NOWHERE, "ended%s", exit_code == 0 ? ": drained" : "");
	if (!supervisor_has_ended(daemon.supervisor)) {
		/* Threads that cannot be joined may hang for ever: leave them to the kernel. Nothing that is
		 * not settled has been committed. */
		control_socket_close(&daemon.control);
		_exit(exit_code);
	}
	stop(&daemon);
	return exit_code;
}
