#include "relay/pipeline.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log_ids.h"
#include "base/memory.h"
#include "relay/pipeline_internal.h"

/* The thread turns at least this often, for the watchdog and the snapshot. */
static const int64_t heartbeat_us = USEC_PER_SEC;
static const int64_t publish_interval_us = 100 * USEC_PER_MSEC;
/* How long the engine may go on without a look at the other duties. */
static const int64_t slice_us = 20 * USEC_PER_MSEC;
/* A drain ends by its own bounds. If it does not, something is broken; the process must still be able to end. */
static const int64_t drain_abandoned_us = 3 * USEC_PER_SEC;
/* A consumer that takes longer to close may have no broker to talk to. */
static const int64_t unasked_us = USEC_PER_SEC;
/* Clients that take longer to end are a fault that the state shows. */
static const int64_t free_shown_us = 20 * USEC_PER_SEC;
/* A producer that is being replaced for longer is a fault that the state shows. */
static const int64_t sink_closed_shown_us = 2 * USEC_PER_SEC;
/* A life that ran for so long was a success: the back-off starts anew. */
static const int64_t good_life_us = 60 * USEC_PER_SEC;

static void wake(int fd)
{
	const uint64_t one = 1;

	/* Only a full counter refuses, and then it is readable anyway. */
	(void)!write(fd, &one, sizeof one);
}

/* ---- state ---- */

static enum log_level level_of(enum pipeline_state state)
{
	switch (state) {
	case PIPELINE_FAILED:
		return LOG_LEVEL_ERROR;
	case PIPELINE_BACKING_OFF:
	case PIPELINE_BLOCKED:
		return LOG_LEVEL_WARNING;
	default:
		return LOG_LEVEL_INFO;
	}
}

void pipeline_set_state(struct pipeline *pipeline, enum pipeline_state state, const char *reason)
{
	struct log_place place = LOG_SETTINGS(pipeline->settings);
	bool same_reason = reason == pipeline->reason ||
			   (reason && pipeline->reason && !strcmp(reason, pipeline->reason));

	if (pipeline->state == state && same_reason)
		return;
	if (!pipeline_state_move_allowed(pipeline->state, state)) {
		log_error(&place, "internal error: no way from state %s to %s", pipeline_state_name(pipeline->state),
		    pipeline_state_name(state));
		abort();
	}
	if (state == PIPELINE_FAILED)
		place.message_id = LOG_ID_PIPELINE_FAILED;
	if (state == PIPELINE_BACKING_OFF)
		place.message_id = LOG_ID_BACKING_OFF;
	if (pipeline->state != state) {
		log_at(level_of(state), &place, "%s%s%s", pipeline_state_name(state), reason ? ": " : "",
		    reason ? reason : "");
		pipeline->state_since_ms = clock_realtime_ms();
	}
	if (pipeline_state_is_ready(pipeline->state))
		pipeline->ready_us = clock_monotonic_us();
	pipeline->state = state;
	free(pipeline->reason);
	pipeline->reason = reason ? xstrdup(reason) : NULL;
	pipeline_publish(pipeline, clock_monotonic_us());
	wake(pipeline->owner_fd);
}

static void count_blocked(struct pipeline *pipeline, char *first, size_t size)
{
	uint32_t count = engine_part_count(pipeline->engine);

	pipeline->blocked_parts = 0;
	for (uint32_t part = 0; part < count; part++) {
		struct part_view view;
		const char *topic;
		int32_t partition;

		engine_part_view(pipeline->engine, part, &view);
		if (view.state != PART_BLOCKED)
			continue;
		if (pipeline->blocked_parts++ > 0)
			continue;
		source_part_name(pipeline->source, part, &topic, &partition);
		snprintf(first, size, "%s [%" PRId32 "] at offset %" PRId64 ": %s", topic, partition,
		    view.blocked_at, view.blocked->message);
	}
}

static void tell_overstaying(struct pipeline *pipeline)
{
	_cleanup_free_ char *reason = xasprintf(
	    "librdkafka does not return from a call (%s); look whether all brokers are well, or restart aloqd",
	    pipeline->overstays_in);

	pipeline_set_state(pipeline, PIPELINE_BACKING_OFF, reason);
}

/* The state of a pipeline whose clients live, from what is known of them. */
static void derive_state(struct pipeline *pipeline, int64_t now_us)
{
	char blocked[1024] = "";
	char *reason;

	count_blocked(pipeline, blocked, sizeof blocked);
	if (engine_sink_is_open(pipeline->engine))
		pipeline->sink_closed_us = 0;
	else if (pipeline->sink_closed_us == 0)
		pipeline->sink_closed_us = now_us;
	const struct config_pipeline *settings = pipeline->settings;
	bool source_down = pipeline->source_watch.down;
	bool sink_down = pipeline->sink_watch.down;

	if (pipeline->overstays_in && !source_down && !sink_down) {
		tell_overstaying(pipeline);
		return;
	}
	if (!pipeline->assigned && !source_down && !sink_down) {
		if (pipeline->state != PIPELINE_STARTING)
			pipeline_set_state(pipeline, PIPELINE_BACKING_OFF,
			    "lost its place in the group; joins again, and waits for an assignment");
		else
			pipeline_set_state(pipeline, PIPELINE_STARTING, "joins the group, and waits for an assignment");
		return;
	}
	if (source_down || sink_down) {
		reason = xasprintf("no broker of the %s cluster \"%s\" answers; trying again",
		    source_down ? "source" : "target",
		    source_down ? settings->from.cluster->name : settings->to.cluster->name);
		pipeline_set_state(pipeline, PIPELINE_BACKING_OFF, reason);
		free(reason);
	} else if (pipeline->sink_closed_us > 0 && now_us - pipeline->sink_closed_us > sink_closed_shown_us) {
		pipeline_set_state(pipeline, PIPELINE_BACKING_OFF,
		    pipeline->last_error.code		       ? pipeline->last_error.message
		    : settings->delivery == DELIVERY_EXACTLY_ONCE ? "waits for the target's transaction coordinator"
								  : "makes its producer anew");
	} else if (pipeline->blocked_parts > 0) {
		if (pipeline->blocked_parts == 1)
			reason = xasprintf("a partition waits for a person: %s; decide with aloqctl unblock", blocked);
		else
			reason = xasprintf(
			    "%zu partitions wait for a person; the first: %s; decide with aloqctl unblock",
			    pipeline->blocked_parts, blocked);
		pipeline_set_state(pipeline, PIPELINE_BLOCKED, reason);
		free(reason);
	} else if ((reason = pipeline_held_topics(pipeline)) != NULL) {
		pipeline_set_state(pipeline, PIPELINE_BACKING_OFF, reason);
		free(reason);
	} else if (engine_is_at_rest(pipeline->engine)) {
		pipeline_set_state(pipeline, PIPELINE_PAUSED, NULL);
	} else {
		pipeline_set_state(pipeline, PIPELINE_RUNNING,
		    atomic_load(&pipeline->paused)
			? "pauses once all that it has read is settled and committed"
			: NULL);
	}
}

/* ---- phases ---- */

static bool stop_wanted(const struct pipeline *pipeline)
{
	return atomic_load(&pipeline->stop_deadline_us) != CLOCK_NEVER;
}

static void preflight_done(void *argument, bool cancelled)
{
	struct pipeline *pipeline = argument;

	pipeline->preflight_running = false;
}

static void begin_preflight(struct pipeline *pipeline)
{
	pipeline->phase = PHASE_PREFLIGHT;
	pipeline->preflight_running = true;
	pipeline->renew = false;
	error_clear(&pipeline->failure);
	if (pipeline->state == PIPELINE_STARTING)
		pipeline_set_state(
		    pipeline, PIPELINE_STARTING, "asks the clusters for topics, partitions and limits");
	pipeline_begin_preflight(pipeline, preflight_done);
}

/* This life of the clients is over (they are gone): what next? */
static void end_life(struct pipeline *pipeline, int64_t now_us)
{
	if (stop_wanted(pipeline)) {
		pipeline->phase = PHASE_END;
		pipeline_set_state(pipeline, PIPELINE_STOPPED, NULL);
	} else if (pipeline->renew && !pipeline->failure.code && pipeline->state != PIPELINE_FAILED) {
		pipeline_set_state(pipeline, PIPELINE_STARTING, NULL);
		begin_preflight(pipeline);
	} else if (pipeline->state == PIPELINE_FAILED) {
		pipeline->phase = PHASE_FAILED; /* its clients took too long to end, and a person has been told */
	} else if (pipeline->failure.remedy == REMEDY_PERSON) {
		pipeline->phase = PHASE_FAILED;
		pipeline_set_state(pipeline, PIPELINE_FAILED, pipeline->failure.message);
	} else {
		pipeline->phase = PHASE_WAIT;
		if (pipeline->life_began_us > 0 && now_us - pipeline->life_began_us > good_life_us)
			backoff_reset(&pipeline->backoff);
		pipeline->life_began_us = 0;
		pipeline->wait_until_us =
		    clock_after_us(now_us, backoff_next_ms(&pipeline->backoff) * USEC_PER_MSEC);
		pipeline_set_state(pipeline, PIPELINE_BACKING_OFF, pipeline->failure.message);
	}
}

static void finish_preflight(struct pipeline *pipeline, int64_t now_us)
{
	/* Asked once: clients that are made while the stop comes must take its way, which closes them. */
	bool stopping = stop_wanted(pipeline);

	if (!stopping) {
		pipeline->failure = pipeline->fresh.err;
		if (!pipeline->failure.code) {
			pipeline_take_fresh(pipeline);
			pipeline_open_clients(pipeline, &pipeline->failure);
		}
		if (pipeline->failure.code) {
			pipeline->last_error = pipeline->failure;
			pipeline->last_error_at_ms = clock_realtime_ms();
		}
	}
	if (stopping || pipeline->failure.code) {
		end_life(pipeline, now_us);
		return;
	}
	/* A regular expression may match nothing yet: there is no assignment to wait for. */
	pipeline->assigned = !pipeline_reads_any(pipeline);
	pipeline->has_run = true;
	pipeline->source_watch = pipeline->sink_watch = (struct cluster_watch){ .heard_us = now_us };
	pipeline->phase = PHASE_RUN;
	pipeline->life_began_us = now_us;
	pipeline->sink_closed_us = 0;
	if (pipeline->state == PIPELINE_BACKING_OFF)
		pipeline_set_state(pipeline, PIPELINE_STARTING, NULL);
}

static void begin_drain(struct pipeline *pipeline, int64_t deadline_us)
{
	engine_drain(pipeline->engine, deadline_us);
	pipeline->drain_until_us = clock_after_us(deadline_us, drain_abandoned_us);
	if (pipeline->phase == PHASE_RUN) {
		pipeline->phase = PHASE_DRAIN;
		pipeline_set_state(pipeline, PIPELINE_DRAINING,
		    pipeline->failure.code ? pipeline->failure.message
		    : pipeline->renew	   ? "topics have grown: its clients are made anew for them"
					   : NULL);
	}
}

static void end_drain(struct pipeline *pipeline, int64_t now_us)
{
	bool clean = engine_is_drained(pipeline->engine) && engine_drain_was_clean(pipeline->engine);

	pipeline->drain_was_clean = clean;
	pipeline->left_blocked = engine_left_blocked(pipeline->engine);
	pipeline->drain_until_us = clock_after_us(now_us, drain_abandoned_us);
	pipeline->phase = PHASE_CLOSE;
	pipeline->closing_heard_us = 0;
	pipeline->probe_at_us = clock_after_us(now_us, unasked_us);
	/* What is not committed by now never will be: its worker need not go on trying. */
	if (pipeline->sink_worker)
		worker_cancel(pipeline->sink_worker);
	source_close(pipeline->source);
}

/* librdkafka closes no consumer before the offset commits that are on their way are answered, nor destroys it. So the client
 * is kept while no broker answers: one that is being destroyed can not be asked whether one does. */
static bool is_closing(struct pipeline *pipeline, int64_t now_us)
{
	const struct cluster_watch *watch = &pipeline->source_watch;
	char *reason;

	if (source_is_closed(pipeline->source))
		return false;
	if (watch->down) {
		reason = xasprintf(
		    "no broker of the source cluster \"%s\" answers; the consumer can not be closed before one does",
		    pipeline->settings->from.cluster->name);
		pipeline_set_state(pipeline, PIPELINE_DRAINING, reason);
		free(reason);
	}
	return now_us < pipeline->drain_until_us || now_us - pipeline->closing_heard_us > drain_abandoned_us;
}

static void free_sink_job(struct worker *worker, void *argument)
{
	sink_free(((struct pipeline *)argument)->sink);
}

static void free_source_job(struct worker *worker, void *argument)
{
	source_free(((struct pipeline *)argument)->source);
}

static void source_freed(void *argument, bool cancelled)
{
	struct pipeline *pipeline = argument;

	if (cancelled)
		return;
	pipeline->source = NULL;
	pipeline->freeing = false;
}

/* The sink is gone, so nothing uses the records any more: give them back before the source goes. */
static void sink_freed(void *argument, bool cancelled)
{
	struct pipeline *pipeline = argument;

	if (cancelled)
		return;
	pipeline->sink = NULL;
	pipeline_keep_counts(pipeline);
	engine_free(TAKE_PTR(pipeline->engine));
	pipeline_tell_lost(pipeline);
	pipeline_forget_partitions(pipeline);
	worker_submit(pipeline->worker, "ending the consumer", free_source_job, source_freed, pipeline);
}

static void begin_free(struct pipeline *pipeline)
{
	pipeline->past_untimestamped += sink_untimestamped_records(pipeline->sink);
	pipeline->phase = PHASE_FREE;
	pipeline->freeing = true;
	pipeline->drain_until_us = clock_after_us(clock_monotonic_us(), free_shown_us);
	worker_submit(pipeline->worker, "ending the producer", free_sink_job, sink_freed, pipeline);
}

/* Runs the engine until it has nothing to do at once, or the slice is over. Returns when to come again. */
static int64_t run_engine(struct pipeline *pipeline, int64_t now_us)
{
	int64_t end_us = now_us + slice_us;
	int64_t next_us;

	do {
		next_us = engine_step(pipeline->engine, now_us);
		if (next_us > now_us)
			break;
		now_us = clock_monotonic_us();
	} while (now_us < end_us);
	pipeline_tell_lost(pipeline);
	return next_us;
}

static void take_pause(struct pipeline *pipeline)
{
	bool paused = atomic_load(&pipeline->paused);

	engine_pause(pipeline->engine, paused);
	/* Before it reads: what is paused holds no record. */
	if (!paused && pipeline->state == PIPELINE_PAUSED)
		pipeline_set_state(pipeline, PIPELINE_RUNNING, NULL);
}

static int64_t turn_running(struct pipeline *pipeline, int64_t now_us)
{
	int64_t deadline_us = atomic_load(&pipeline->stop_deadline_us);
	int64_t next_us;

	if (deadline_us != CLOCK_NEVER)
		begin_drain(pipeline, deadline_us);
	take_pause(pipeline);
	pipeline_take_orders(pipeline);
	next_us = run_engine(pipeline, now_us);
	if ((pipeline->failure.code || pipeline->renew) && pipeline->phase == PHASE_RUN) {
		begin_drain(pipeline, clock_after_us(now_us, pipeline->settings->revoke_timeout_ms * USEC_PER_MSEC));
		return now_us;
	}
	if (pipeline->phase == PHASE_RUN) {
		int64_t look_us = pipeline_look(pipeline, now_us);

		next_us = look_us < next_us ? look_us : next_us;
	}
	pipeline_probe(pipeline, now_us);
	pipeline_ask_leaders(pipeline, now_us);
	if (pipeline->probe_at_us > now_us && (pipeline->source_watch.silent > 0 || pipeline->sink_watch.silent > 0) &&
	    pipeline->probe_at_us < next_us)
		next_us = pipeline->probe_at_us;
	return next_us;
}

static int64_t turn(struct pipeline *pipeline, int64_t now_us)
{
	int64_t next_us = CLOCK_NEVER;

	switch (pipeline->phase) {
	case PHASE_PREFLIGHT:
		if (pipeline->preflight_running)
			break;
		finish_preflight(pipeline, now_us);
		return now_us;
	case PHASE_RUN:
		return turn_running(pipeline, now_us);
	case PHASE_DRAIN:
		next_us = turn_running(pipeline, now_us);
		if (!engine_is_drained(pipeline->engine) && now_us < pipeline->drain_until_us)
			break;
		end_drain(pipeline, now_us);
		return now_us;
	case PHASE_CLOSE:
		next_us = run_engine(pipeline, now_us);
		pipeline_probe(pipeline, now_us);
		if (is_closing(pipeline, now_us) || !source_is_idle(pipeline->source) ||
		    !sink_is_idle(pipeline->sink) || pipeline->probing || pipeline->looking || pipeline->asking_leaders)
			/* Being closed is no event: look again soon. */
			return next_us < now_us + 10 * USEC_PER_MSEC ? next_us : now_us + 10 * USEC_PER_MSEC;
		begin_free(pipeline);
		break;
	case PHASE_FREE:
		if (pipeline->freeing) {
			/* Seen when a topic was deleted and made again under the client. Nothing is lost by it. */
			if (now_us > pipeline->drain_until_us)
				pipeline_set_state(pipeline, stop_wanted(pipeline) ? pipeline->state : PIPELINE_FAILED,
				    "librdkafka does not end its client; restart aloqd to go on from the committed "
				    "offsets, or wait: aloqd ends by itself after five minutes, for systemd to start it "
				    "anew");
			break;
		}
		worker_free(TAKE_PTR(pipeline->sink_worker));
		end_life(pipeline, now_us);
		return now_us;
	case PHASE_WAIT:
		if (stop_wanted(pipeline)) {
			end_life(pipeline, now_us);
			return now_us;
		}
		if (now_us < pipeline->wait_until_us)
			return pipeline->wait_until_us;
		pipeline->restarts++;
		begin_preflight(pipeline);
		break;
	case PHASE_FAILED:
		if (stop_wanted(pipeline))
			end_life(pipeline, now_us);
		break;
	case PHASE_END:
		break;
	}
	return next_us;
}

/* ---- the loop ---- */

static void arm(struct pipeline *pipeline, int64_t at_us)
{
	/* An earlier alarm does no harm; moving it at every turn would cost a system call each. */
	if (at_us >= pipeline->armed_us && pipeline->armed_us > clock_monotonic_us())
		return;
	pipeline->armed_us = at_us;
	sd_event_source_set_time(pipeline->timer, (uint64_t)at_us);
	sd_event_source_set_enabled(pipeline->timer, SD_EVENT_ONESHOT);
}

static void take_turn(struct pipeline *pipeline)
{
	int64_t now_us = clock_monotonic_us();
	int64_t next_us;

	pipeline->heartbeats++;
	worker_serve(pipeline->worker);
	if (pipeline->sink_worker)
		worker_serve(pipeline->sink_worker);
	/* What a drain still commits may wait for the worker: where a partition's position is found out, whether the log is
	 * still the same. */
	if (stop_wanted(pipeline) && pipeline->phase != PHASE_RUN && pipeline->phase != PHASE_DRAIN)
		worker_cancel(pipeline->worker);
	pipeline_watch_calls(pipeline, now_us);
	next_us = turn(pipeline, now_us);
	if (pipeline->phase == PHASE_END) {
		sd_event_exit(pipeline->loop, 0);
		return;
	}
	now_us = clock_monotonic_us();
	if (now_us >= clock_after_us(pipeline->published_us, publish_interval_us)) {
		if (pipeline->phase == PHASE_RUN)
			derive_state(pipeline, now_us);
		else if (pipeline->phase == PHASE_PREFLIGHT && pipeline->overstays_in)
			tell_overstaying(pipeline);
		pipeline_publish(pipeline, now_us);
	} else {
		pipeline->changed = true;
	}
	if (pipeline->changed && next_us > pipeline->published_us + publish_interval_us)
		next_us = pipeline->published_us + publish_interval_us;
	if (next_us > now_us + heartbeat_us)
		next_us = now_us + heartbeat_us;
	arm(pipeline, next_us);
}

static int on_wake(sd_event_source *event_source, int fd, uint32_t revents, void *context)
{
	uint64_t count;

	/* Reset first: what comes while we serve wakes us again. */
	(void)!read(fd, &count, sizeof count);
	take_turn(context);
	return 0;
}

static int on_timer(sd_event_source *event_source, uint64_t usec, void *context)
{
	struct pipeline *pipeline = context;

	pipeline->armed_us = 0;
	take_turn(pipeline);
	return 0;
}

static void *thread_main(void *argument)
{
	struct pipeline *pipeline = argument;
	sd_event_source *wake_source = NULL;
	char name[16]; /* the kernel's bound */

	/* For top -H, gdb and perf. A name that is too long loses its end. */
	(void)snprintf(name, sizeof name, "%s", pipeline->settings->name);
	(void)pthread_setname_np(pthread_self(), name);
	begin_preflight(pipeline);
	/* 1 us: the default accuracy of 250 ms would be the relay's latency. */
	if (sd_event_new(&pipeline->loop) < 0 ||
	    sd_event_add_io(pipeline->loop, &wake_source, pipeline->wake_fd, EPOLLIN, on_wake, pipeline) < 0 ||
	    sd_event_add_time(pipeline->loop, &pipeline->timer, CLOCK_MONOTONIC, (uint64_t)clock_monotonic_us(), 1,
		on_timer, pipeline) < 0) {
		log_error(&LOG_SETTINGS(pipeline->settings),
		    "no event loop could be made; raise the limit of open files (LimitNOFILE=)");
		abort();
	}
	sd_event_loop(pipeline->loop);
	sd_event_source_unref(pipeline->timer);
	sd_event_source_unref(wake_source);
	sd_event_unref(pipeline->loop);
	pipeline_publish(pipeline, clock_monotonic_us());
	atomic_store(&pipeline->ended, true);
	wake(pipeline->owner_fd);
	return NULL;
}

/* ---- for the owner ---- */

struct pipeline *pipeline_start(const struct config *config, const struct config_pipeline *settings,
    struct cluster_ids *cluster_ids, uint64_t memory_bytes, bool paused, int wake_fd, struct error *err)
{
	struct pipeline *pipeline = xcalloc(1, sizeof *pipeline);
	int r;

	pipeline->settings = settings;
	pipeline->instance = config->instance;
	pipeline->cluster_ids = cluster_ids;
	pipeline->memory_bytes = memory_bytes;
	pipeline->owner_fd = wake_fd;
	pipeline->state = PIPELINE_STARTING;
	pipeline->state_since_ms = clock_realtime_ms();
	pipeline->drain_was_clean = true;
	pipeline->stop_deadline_us = CLOCK_NEVER;
	pipeline->paused = paused;
	pipeline->drain_until_us = CLOCK_NEVER;
	pipeline->backoff = (struct backoff){ .base_ms = 500, .cap_ms = 5000,
		.seed = (uint64_t)clock_monotonic_us() ^ (uint64_t)(uintptr_t)pipeline };
	pipeline->trouble_limit = (struct log_ratelimit){ .interval_us = 10 * USEC_PER_SEC, .burst = 5 };
	pipeline->refused_limit = pipeline->lost_limit =
	    (struct log_ratelimit){ .interval_us = 10 * USEC_PER_SEC, .burst = 20 };
	pthread_mutex_init(&pipeline->snapshot_lock, NULL);
	pthread_mutex_init(&pipeline->orders_lock, NULL);
	pipeline->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pipeline->wake_fd < 0) {
		error_set(err, -errno, REMEDY_PERSON, "eventfd: %s; raise LimitNOFILE=", strerror(errno));
		goto failed;
	}
	pipeline->worker = worker_new(pipeline->wake_fd);
	if (!pipeline->worker) {
		error_set(err, -EAGAIN, REMEDY_PERSON, "no thread could be made; raise TasksMax=");
		goto failed;
	}
	pipeline->topic_memory = topic_memory_new();
	pipeline->sent_memory = sent_memory_new();
	pipeline_publish(pipeline, clock_monotonic_us());
	r = pthread_create(&pipeline->thread, NULL, thread_main, pipeline);
	if (r) {
		error_set(err, -r, REMEDY_PERSON, "no thread could be made: %s; raise TasksMax=", strerror(r));
		goto failed;
	}
	return pipeline;

failed:
	worker_free(pipeline->worker);
	topic_memory_free(pipeline->topic_memory);
	sent_memory_free(pipeline->sent_memory);
	if (pipeline->wake_fd >= 0)
		close(pipeline->wake_fd);
	pipeline_snapshot_clear(&pipeline->published);
	pthread_mutex_destroy(&pipeline->snapshot_lock);
	pthread_mutex_destroy(&pipeline->orders_lock);
	free(pipeline);
	return NULL;
}

void pipeline_stop(struct pipeline *pipeline, int64_t deadline_us)
{
	int64_t before_us = atomic_load(&pipeline->stop_deadline_us);

	if (deadline_us < before_us)
		atomic_store(&pipeline->stop_deadline_us, deadline_us);
	wake(pipeline->wake_fd);
}

void pipeline_pause(struct pipeline *pipeline, bool paused)
{
	atomic_store(&pipeline->paused, paused);
	wake(pipeline->wake_fd);
}

bool pipeline_has_ended(const struct pipeline *pipeline)
{
	return atomic_load(&pipeline->ended);
}

void pipeline_free(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	pthread_join(pipeline->thread, NULL);
	worker_free(pipeline->worker);
	topic_memory_free(pipeline->topic_memory);
	sent_memory_free(pipeline->sent_memory);
	close(pipeline->wake_fd);
	pipeline_snapshot_clear(&pipeline->published);
	pthread_mutex_destroy(&pipeline->snapshot_lock);
	pipeline_free_orders(pipeline);
	preflight_clear(&pipeline->preflight);
	preflight_clear(&pipeline->fresh);
	pipeline_forget_partitions(pipeline);
	free(pipeline->reason);
	free(pipeline);
}
